"""What every view needs: a player with controls around it, and a line of text that speaks without moving the page."""

from __future__ import annotations

import html
import itertools
import os
import re
import threading

import ipywidgets as widgets
import numpy as np

from ..diffusion import Schedule
from ..families import FAMILIES
from ..viz import tables
from ..viz.player import FramePlayer
from ..words import N_, ngettext

for i, name in enumerate(FAMILIES):
    tables.known(name, i)
tables.known("diffusion", list(FAMILIES).index("DDPM"))  # a walk of the same network


# what data, recipes and records call themselves, in English; the views look it up where they show it
N_("grid"), N_("ring"), N_("moons"), N_("digits"), N_("mnist"), N_("sprites"), N_("cats"), N_("flowers"), N_("picture")
N_("minimax (2014)"), N_("+ spectral norm"), N_("+ two learning rates"), N_("+ minibatch std"), N_("RpGAN alone")
N_("minimax"), N_("non-saturating"), N_("accuracy"), N_("bits"), N_("coverage"), N_("your pictures")


def counted(n: float, thing: str) -> str:
    """ "1 lesson", "2,207 lessons"; thing: step, second or lesson."""
    k = 1 if n == 1 else max(2, round(n))
    forms = {
        "step": ngettext("{n:,} step", "{n:,} steps", k),
        "second": ngettext("{n:,} second", "{n:,} seconds", k),
        "lesson": ngettext("{n:,} lesson", "{n:,} lessons", k),
    }
    return forms[thing].format(n=n)


def same_place(frames: list, looking, at) -> int:
    """Where in `frames` the frame `looking` is, or, if it was thinned out, the one nearest to it by `at(frame)`."""
    same = [i for i, f in enumerate(frames) if f is looking]
    return same[-1] if same else min(range(len(frames)), key=lambda i: abs(at(frames[i]) - at(looking)))


def shortened(arrows: np.ndarray, longest: float) -> np.ndarray:
    """Arrows (..., 2) whose lengths are longest * tanh(length): short ones keep their order, long ones grow no further."""
    length = np.linalg.norm(arrows, axis=-1, keepdims=True)
    return longest * np.tanh(length) / np.maximum(length, 1e-9) * arrows


def comet(start: np.ndarray, arrows: np.ndarray, color: int, thin: float, thick: float, tail: int = 4) -> list[dict]:
    """Arrows (..., N, 2) from start as layers of `scatter`: a tail of dots that grow, for the thick end flies ahead.

    Dots of size thin would stand at the start, which only tail = 5 shows; of size thick at the end.
    """
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)[-tail:]
    return [
        {"points": start + share * arrows, "colors": color, "size": thin + (thick - thin) * share} for share in shares
    ]


def time_at(db: float, schedule: Schedule) -> int:
    """The t from 1 to T whose signal-to-noise ratio is nearest to so many decibels."""
    return 1 + int((schedule.snr_db[1:] - db).abs().argmin())


def watched() -> bool:
    """Does a notebook's page show what comes after its cell has ended? A script, and nbconvert, show what there is at its end."""
    return bool(os.environ.get("JPY_SESSION_NAME"))


class Newest:
    """For work that can be asked for faster than it is done: only what was asked last counts.

    ask(work): work(stale) is done at once where a cell asks, and beside the browser's messages where the browser does. It looks
    at stale() between its steps, and leaves off when something newer was asked. beside: do not wait for it in a cell either.
    """

    def __init__(self):
        self._asked, self._at_work = itertools.count(1), threading.Lock()
        self._newest = 0

    def ask(self, work, beside: bool = False) -> None:
        """Do work(stale), unless something newer is asked before it begins."""
        self._newest = mine = next(self._asked)
        if threading.current_thread() is threading.main_thread() and not beside:
            self._do(mine, work)
        else:
            threading.Thread(target=self._do, args=(mine, work), daemon=True).start()

    def _do(self, mine: int, work) -> None:
        with self._at_work:
            if mine == self._newest:
                work(lambda: mine != self._newest)


class PlayerBox(widgets.VBox):
    """A FramePlayer with controls above or below it; `.player` is the player, whose still and words stand for the whole."""

    player: FramePlayer | None = None

    def __init__(self, children=(), **more):
        super().__init__(children, **more)
        self.add_class("dl-box")

    def save_html(self, path, *, title: str = "", description: str = ""):
        """Write the film as one HTML file that plays without network, kernel or Python; returns its path."""
        return self.player.save_html(path, title=title, description=description)

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        words, _ = self.player._repr_mimebundle_(**kwargs)
        self.player.places.add(self.model_id)
        return data | {kind: words[kind] for kind in ("image/png", "text/plain") if kind in words}, metadata


def message(text: str) -> widgets.HTML:
    """A line that shows a sentence; `say` shows another."""
    message = widgets.HTML(layout={"height": "36px"})  # a fixed height: nothing jumps when it speaks
    say(message, text)
    return message


def say(message: widgets.HTML, text: str, bad: bool = False) -> None:
    """Show a sentence; "_{...}" in it is a subscript, as in a player's texts."""
    mark, text = "✗ " if bad else "", re.sub(r"_\{([^{}]*)\}", r"<sub>\1</sub>", html.escape(text))
    message.value = f'<span role="status" style="font-size:15px;line-height:36px">{mark}{text}</span>'
