"""Frames in, player out: pictures, point clouds and curves side by side under one slider, drawn by the browser.

    FramePlayer([mix(x0, eps, schedule.alpha_bar, "x_{t}"), curve(t, {"signal": a}, cursor=t)])

The kernel sends everything once; after that ``player.js`` needs no kernel, so a step costs one animation frame. A film that
grows sends its new frame only. ``panels`` says what can be shown, ``film`` what belongs to it.
"""

from __future__ import annotations

from pathlib import Path
from threading import RLock

import anywidget
import traitlets

from ..values import integer
from ..words import spoken
from . import still as stills
from .film import WORDS, Film
from .panels import Line, curve, mix, pixels, scatter
from .theme import heard_at_once, script

__all__ = ["Film", "FramePlayer", "Line", "curve", "mix", "pixels", "save_html", "scatter"]


class FramePlayer(stills.Stilled, anywidget.AnyWidget):
    """Panels side by side under one slider; all follow the frame ``value``, 0..n_frames - 1.

    panels, and captions, labels, name, fps, loop, panel_width: see `Film`. start: the first frame to show.
    ``value`` can be read, set (it is clamped) and observed: ``player.observe(f, "value")``.
    """

    _esm = script(__file__, "panels.js", "player.js", "grow.js")
    film = traitlets.Instance(Film).tag(sync=True, to_json=lambda film, _: film.packed())
    grown = traitlets.Dict().tag(sync=True)  # the newest frame of a film, see `Film.append`, or which was foreseen
    ahead = traitlets.Dict().tag(sync=True)  # the frame that a button is going to append, see `foresee`
    value = traitlets.Int(0).tag(sync=True)
    words = traitlets.Dict().tag(sync=True)

    def __init__(self, panels, *, start=0, **film):
        film = Film(panels, **film)
        last = film.frames - 1
        start = integer(start, 0, last, f"start is the first frame to show, 0 to {last}, got {start}.")
        self._updating = RLock()  # widget callbacks come on a second thread since JupyterLab 4.4
        self._appending, self._foreseen = False, {}  # {words of a button: its frame}
        super().__init__(film=film, value=start, words=spoken(WORDS))
        heard_at_once(self)
        stills.fresh(self, self.still, self.alt)
        self.on_msg(self._told)

    @property
    def n_frames(self) -> int:
        """How many frames the film has."""
        return self.film.frames

    @traitlets.validate("value")
    def _clamp(self, proposal):
        # Clamped, not refused: a browser may still ask for frame 80 just after update() brought a film of 50.
        return min(max(proposal["value"], 0), self.film.frames - 1)

    def update(self, panels=None, *, captions=None, labels=None, name=None):
        """Show another film in place; what is None stays. The frame stays too, if the new film has it."""
        with self._updating:
            # One trait, so that the browser never sees new pictures with old captions.
            self.film = self.film.changed(panels=panels, captions=captions, labels=labels, name=name)
            self.value = self.value  # clamped to the new film

    def append(self, panels, *, captions=None, labels=None, keep=None):
        """One frame more, and only that is sent: see `Film.append`. The frame on show stays, if it is kept (set `value`)."""
        with self._updating:
            film, part = self.film.append(panels, captions=captions, labels=labels, keep=keep)
            known = [press for press, foreseen in self._foreseen.items() if foreseen == part]
            self._appending, self.film, self._foreseen = True, film, {}
            self._appending, self.grown = False, {"after": part["after"], "press": known[0]} if known else part
            self.value = self.value

    def foresee(self, press: str, panels, **more):
        """What a button with the words `press`, beside this player, is going to `append`: its frame is shown as soon as it is
        pressed, until the kernel's own word comes. It is forgotten when the film changes. Buttons with other words may have theirs."""
        with self._updating:
            part = self.film.append(panels, **more)[1]
            self.ahead = {"press": press, **part}  # first the browser is told: what is in _foreseen it has
            self._foreseen[press] = part

    def _should_send_property(self, key, value):
        """Of a film that grows by a frame the browser has the rest."""
        return not (key == "film" and self._appending) and super()._should_send_property(key, value)

    def _told(self, _, content, __):
        if content.get("kind") == "whole":  # a browser that has missed a frame
            self.send_state("film")

    def alt(self, index: int | None = None) -> str:
        """What frame ``index`` shows, in words."""
        return self.film.alt(self.value if index is None else index)

    def still(self, index: int | None = None) -> bytes:
        """PNG of frame ``index`` (None: the current one), twice the size of the screen."""
        with self._updating:  # a film that grows while it is drawn would mix two of its states
            film, i = self.film, self.value if index is None else index
        return film.still(i)

    def save_html(self, path, *, title="", description="", about=None) -> Path:
        """Write the film as one HTML file that plays without network, kernel or Python; returns its path."""
        return save_html(path, self, title=title, description=description, about=about)


def save_html(path, player: FramePlayer, *, title="", description="", about=None) -> Path:
    """Write a player as one self-contained HTML file, see `Film.save_html`."""
    return player.film.save_html(
        path, player.value, words=player.words, title=title, description=description, about=about
    )
