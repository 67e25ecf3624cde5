"""Lesson 00: what one draws is learned at once, by a GAN and by a diffusion model, by turns."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np

from ...dataset import Data
from ...evaluation import arena
from ...families import FAMILIES
from ...viz.panels import scatter
from ...words import N_, _
from ..cloud import EXAMPLES, Cloud, beside
from ..common import say
from ..controls import button, choices, group, menu
from ..live import ByTurns

RACERS = {"GAN": N_("GAN"), "DDPM": N_("diffusion")}  # family -> what the tour calls it
SHOWN = 600  # samples in each frame


class DrawnRace(ByTurns):
    """Made by `draw_and_learn`. `.pad` is what is drawn on, `.entries` who learns; `.start()` is what the button does."""

    def __init__(self, seconds: float, keep: int, seed: int):
        super().__init__({"seconds": seconds})
        self.seed = seed
        names = list(EXAMPLES)
        self.pad = Cloud(EXAMPLES[names[0]]())
        self.example = menu(_("Begin with"), choices(names), names[0], 200, high=0)
        self.learn = button(_("Learn this"), _("Two new networks learn what is on the pad now"), "graduation-cap", 190)
        self.learn.button_style = "primary"
        self._enter(self.pad.data())
        self._open(_("Your drawing, learned twice"), keep)
        begin = group([self.learn, self.example], name=_("What to learn"))
        beside(widgets.VBox([self.pad, begin]).add_class("cl-side"), self)
        self.stop.disabled = self.resume.disabled = True
        say(self.says, _("Draw over it, or clear it and draw your own. Then press “Learn this”."))
        self.example.observe(self._begin_with, "value")
        self.learn.on_click(lambda button: self.start())

    def _enter(self, drawn: Data) -> None:
        """New networks for these points."""
        self.entries = arena.enter(arena.Place(drawn, drawn), self.seed, families=tuple(RACERS))
        self.drawn, self.limit = drawn.x[:SHOWN], 1.3 * float(drawn.x.abs().max())

    def _begin_with(self, change) -> None:
        self.pad.show(EXAMPLES[change["new"]]())

    def start(self) -> None:
        """Two new networks, other dice, and what is on the pad now."""
        with self._lock:
            if self.state == "training":
                return
            try:
                drawn = self.pad.data(seed=self.seed + 1)
            except ValueError as error:
                return say(self.says, str(error), bad=True)
            self.seed += 1
            self._enter(drawn)
            self._anew([])

    def _state(self, state: str, sentence: str) -> None:
        super()._state(state, sentence)
        self.learn.disabled = state == "training"

    def _look(self) -> dict:
        seen: dict = {"step": self.step, "seconds": self.trained}
        for name, entry in self.entries.items():
            seen[name] = {"x": entry.draw(SHOWN, 0).numpy(), "steps": entry.steps, "broke": bool(entry.error)}
        return seen

    def _pictures(self, frames: list[dict]) -> list[dict]:
        plane, found = (-self.limit, self.limit), []
        for name, title in RACERS.items():
            film = np.stack([f[name]["x"] for f in frames])
            cloud = {"points": film, "colors": list(FAMILIES).index(name) % 7, "size": 4}
            cloud |= {"name": _("drawn by the network")}
            yours = {"colors": -1, "size": 3, "name": _("yours"), "xlim": plane, "ylim": plane}
            found.append(scatter(self.drawn, _(title), layers=[cloud], **yours))
        return found

    def _curves(self, frames: list[dict]) -> list[dict]:
        return []

    def _label(self, f: dict) -> str:
        return f"{f['seconds']:.1f} s"

    def _caption(self, f: dict) -> str:
        broke, steps = _("{name}: broke off"), _("{name}: {steps:,} steps")
        each = ((broke if f[k]["broke"] else steps).format(name=_(v), steps=f[k]["steps"]) for k, v in RACERS.items())
        return ";  ".join(each)


def draw_and_learn(*, seconds: float = 10.0, keep: int = 30, seed: int = 0) -> DrawnRace:
    """A pad to draw a cloud of points on, and a GAN and a diffusion model that learn it by turns, each for so many seconds.

    Nothing is learned before the button is pressed.
    """
    return DrawnRace(seconds, keep, seed)
