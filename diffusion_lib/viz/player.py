"""Frames in, player out: pictures, point clouds and curves side by side under one slider, drawn by the browser.

    FramePlayer([mix(x0, eps, schedule.alpha_bar, "x_{t}"), curve(t, {"signal": a}, cursor=t)])

The kernel sends everything once; after that ``player.js`` needs no kernel, so a step costs one animation frame,
and ``save_html`` writes the same JavaScript as one file that works offline. ``panels`` says what can be shown.
"""

from __future__ import annotations

import base64
import html
import json
from hashlib import sha256
from pathlib import Path
from threading import RLock

import anywidget
import traitlets

from ..files import expanded, write
from ..values import integer
from ..words import N_, _, code, spoken
from . import still as stills
from .panels import Line, agree, bytes_in, curve, mix, packed, pixels, scatter, texts
from .theme import heard_at_once, script

__all__ = ["FramePlayer", "Line", "curve", "mix", "pixels", "save_html", "scatter"]

SOURCE = script(__file__, "player.js")
WORDS = {
    name: name for name in (N_("Previous"), N_("Play"), N_("Pause"), N_("Next"), N_("Frame"), N_("Speed"))
}
LIMIT_MB = 64  # more than this is slow to send and to keep in a browser tab on a classroom laptop


class FramePlayer(anywidget.AnyWidget):
    """Panels side by side under one slider; all follow the frame ``value``, 0..n_frames - 1.

    panels: made by pixels, mix, scatter, curve; all with the same number of frames, or one that stands still.
    captions: a sentence, or one per frame. labels: short readouts, one per frame ("t = 37"). name: what the film
    shows, for screen readers. fps: frames per second of Play. panel_width: height of the panels (= width of a
    square one) in screen pixels; None fits them to the page.
    ``value`` can be read, set (it is clamped) and observed: ``player.observe(f, "value")``.
    """

    _esm = SOURCE
    film = traitlets.Dict().tag(sync=True, to_json=lambda film, _: packed(film))
    value = traitlets.Int(0).tag(sync=True)
    words = traitlets.Dict().tag(sync=True)

    def __init__(
        self, panels, *, captions=None, labels=None, name="", start=0, fps=10, loop=False, panel_width=None
    ):
        if not 0 < fps <= 60:
            raise ValueError(f"fps is in frames per second, more than 0 and at most 60, got {fps}.")
        if panel_width is not None and not 20 <= panel_width <= 2000:
            raise ValueError(
                f"panel_width is in screen pixels, 20 to 2000, or None to fit, got {panel_width}."
            )
        look = {"fps": float(fps), "loop": bool(loop), "panel_width": panel_width}
        film = _film(panels, captions, labels, name) | look
        last = film["frames"] - 1
        start = integer(start, 0, last, f"start is the first frame to show, 0 to {last}, got {start}.")
        self._updating = RLock()  # widget callbacks come on a second thread since JupyterLab 4.4
        super().__init__(film=film, value=start, words=spoken(WORDS))
        heard_at_once(self)
        stills.fresh(self, self.still, self.alt)

    @property
    def n_frames(self) -> int:
        return self.film["frames"]

    @traitlets.validate("value")
    def _clamp(self, proposal):
        # Clamped, not refused: a browser may still ask for frame 80 just after update() brought a film of 50.
        return min(max(proposal["value"], 0), self.film.get("frames", 1) - 1)

    def update(self, panels=None, *, captions=None, labels=None, name=None):
        """Show another film in place; what is None stays. The frame stays too, if the new film has it."""
        new = {"panels": panels, "captions": captions, "labels": labels, "name": name}
        with self._updating:
            old = self.film
            # One trait, so that the browser never sees new pictures with old captions.
            self.film = old | _film(**{key: old[key] if v is None else v for key, v in new.items()})
            self.value = self.value  # clamped to the new film

    def alt(self, index: int | None = None) -> str:
        """What frame ``index`` shows, in words."""
        i, film = self.value if index is None else index, self.film
        words = [film["name"], stills.label(film, i), stills.pick(film["captions"], i)]
        return ". ".join(w for w in words if w)

    def still(self, index: int | None = None) -> bytes:
        """PNG of frame ``index`` (None: the current one), twice the size of the screen."""
        with self._updating:  # a film that grows while it is drawn would mix two of its states
            film, i = self.film, self.value if index is None else index
        last = film["frames"] - 1
        i = integer(i, 0, last, f"still needs a frame from 0 to {last}, got {i}.")
        return stills.still(film, i)

    def save_html(self, path, *, title="", description="") -> Path:
        """Write the film as one HTML file that plays without network, kernel or Python; returns its path."""
        return save_html(path, self, title=title, description=description)

    def _repr_mimebundle_(self, **kwargs):
        return stills.beside(super()._repr_mimebundle_(**kwargs), self.still, self.alt())


def save_html(path, player: FramePlayer, *, title="", description="") -> Path:
    """Write a player as one self-contained HTML file: the same player.js, the frames, nothing from the network.

    The file appears whole or not at all. Size: the frames in base64 (4/3) and less than 36 KB.
    """
    state = {"film": player.film, "value": player.value, "words": player.words}
    # In JSON "<" only occurs inside strings, so no text of a learner can end the script element.
    film = json.dumps(state, default=lambda a: {"base64": base64.b64encode(a).decode()})
    film = film.replace("<", "\\u003c")
    source = SOURCE + "\nstandalone();\n"
    allowed = base64.b64encode(sha256(source.encode()).digest()).decode()
    heading = f"<h1>{html.escape(title)}</h1>" if title else ""
    text = "".join(f"<p>{html.escape(p)}</p>" for p in description.split("\n\n") if p)
    page = PAGE.format(title=html.escape(title or player.film["name"]), allowed=allowed, film=film, script=source,
                       heading=heading, text=text, lang=code(), without=_("This film needs JavaScript."))  # fmt: skip
    path = expanded(path)
    write(path, page)
    return path


PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-{allowed}';
 style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 17px/1.55 system-ui, sans-serif; }}
body {{ max-width: 1080px; margin: 0 auto; padding: 24px 16px 48px; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14171a; color: #e8eaed; }} }}
h1, p {{ overflow-wrap: anywhere; max-width: 46em; margin: 0 0 1.2em; }}
h1 {{ font-size: 1.7rem; line-height: 1.25; margin-bottom: .4em; }}
</style></head>
<body>{heading}{text}<main class="film-player"><noscript>{without}</noscript>
<script type="application/json">{film}</script></main>
<script type="module">{script}</script>
</body></html>
"""


def _film(panels, captions, labels, name) -> dict:
    panels = [panels] if isinstance(panels, dict) else list(panels)
    if not panels or not all(isinstance(p, dict) and "kind" in p for p in panels):
        raise ValueError("a player needs at least one panel made by pixels(), mix(), scatter() or curve().")
    film = {"panels": panels, "captions": texts(captions, "captions"), "labels": texts(labels, "labels")}
    counts = [*(p["frames"] for p in panels), len(film["captions"]), len(film["labels"])]
    film["frames"] = agree("the player", counts)
    megabytes = sum(map(bytes_in, panels)) / 2**20
    if megabytes > LIMIT_MB:
        raise ValueError(
            f"these panels hold {megabytes:.0f} MB and the limit is {LIMIT_MB} MB: use fewer frames or smaller pictures."
        )
    return film | {"name": name or ", ".join(p["title"] for p in panels if p["title"]) or "film"}
