"""A pad on which one draws a cloud of points, as data to learn.

pad = Cloud(heart());  pad.data()      # Data with x (n, 2), variance 1
easel = Easel(menu, learn)             # the same beside a view, seen while its menu of data says "your drawing"
"""

from __future__ import annotations

import math
from collections.abc import Callable

import anywidget
import ipywidgets as widgets
import numpy as np
import torch
import traitlets
from torch import Tensor

from .. import data
from ..dataset import Data
from ..values import dice, need
from ..viz.theme import heard_at_once, script
from ..words import N_, _, spoken
from .controls import button, group

MOST, FEWEST = 4000, 20  # points that a pad takes, and that can be learned from
DRAWING = N_("your drawing")  # what the data are called, and the choice of them in a menu
BLUR = 0.02  # each point drawn stands for a small cloud of this width; the pad is 2 wide
WORDS = {  # what cloud.js says
    "pad": N_(
        "A pad to draw points on, {n} so far. Arrows move the pen, Space sprays, Enter sets it down or lifts it, Backspace takes the last stroke back, Delete clears."
    ),
    "points": N_("points: {n}"),
    "undo": N_("Undo"),
    "clear": N_("Clear"),
    "keys": N_("Keys: arrows move the pen, Space sprays, Enter sets it down or lifts it."),
}


class Cloud(anywidget.AnyWidget):
    """A square from -1 to 1 each way. `.strokes`: what is drawn, [[x, y, x, y, ...], ...], a list for each stroke."""

    _esm = script(__file__, "cloud.js")
    strokes = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    words = traitlets.Dict().tag(sync=True)

    def __init__(self, points: Tensor | None = None):
        super().__init__(words=spoken(WORDS))
        heard_at_once(self)
        self.show(torch.zeros(0, 2) if points is None else points)

    def show(self, points: Tensor) -> None:
        """Points (N, 2) in [-1, 1] in place of what was drawn, as one stroke."""
        flat = [round(v, 3) for v in points[:MOST].flatten().tolist()]
        self.strokes = [flat] if flat else []

    @property
    def points(self) -> Tensor:
        """What is drawn: (N, 2)."""
        pairs = [np.array(s[: len(s) // 2 * 2]).reshape(-1, 2) for s in self.strokes]
        all_of_them = np.concatenate([np.zeros((0, 2)), *pairs])[:MOST]
        return torch.tensor(all_of_them[np.isfinite(all_of_them).all(1)].clip(-1, 1), dtype=torch.float32)

    def data(self, n: int = 4000, seed: int = 0) -> Data:
        """n points to learn from, drawn by chance from those on the pad, a little blurred, centred and scaled to variance 1.

        Raises ValueError, in a sentence for the learner, where there is too little to learn from.
        """
        drawn, g = self.points, dice(seed)
        said = _("Draw a little more: at least {few} points are needed, and there are {n}.")
        need(len(drawn) >= FEWEST, said.format(n=len(drawn), few=FEWEST))
        x = drawn[torch.randint(len(drawn), (n,), generator=g)] + BLUR * torch.randn(n, 2, generator=g)
        x = x - x.mean(0)
        return Data(x / x.var(0).mean().sqrt(), name=DRAWING)


class Easel(widgets.VBox):
    """A pad and a button to learn what is on it, `.pad` and `.learn`; they are seen while the menu `choice` says `DRAWING`."""

    def __init__(self, choice: widgets.Dropdown, learn: Callable[[], None]):
        self.pad, self.choice = Cloud(heart()), choice
        self.learn = button(_("Learn this"), _("New networks learn what is on the pad now"), "graduation-cap", 190)
        super().__init__([self.pad, group([self.learn], name=_("What to learn"))])
        self.add_class("cl-side")
        self.learn.on_click(lambda button: learn())
        choice.observe(lambda change: self._look(), "value")
        self._look()

    @property
    def chosen(self) -> bool:
        """Is the drawing what the menu says?"""
        return self.choice.value == DRAWING

    def _look(self) -> None:
        self.layout.display = "flex" if self.chosen else "none"


def beside(left: widgets.Widget, box: widgets.VBox) -> None:
    """Put this to the left of all that a view has shown until now, or above it on a narrow page; Tab comes to it last."""
    right = widgets.VBox(box.children, layout={"flex": "1 1 400px", "min_width": "0"}).add_class("dl-box")
    left.layout.order = "-1"
    box.children = [widgets.HBox([right, left], layout={"flex_flow": "row wrap", "grid_gap": "8px 20px"})]


# ---------------------------------------------------------------------------------------- to begin with


def heart(n: int = 500, seed: int = 0) -> Tensor:
    """A line in the shape of a heart, (n, 2), a little blurred."""
    u, g = torch.linspace(0, 2 * math.pi, n), dice(seed)
    y = 13 * u.cos() - 5 * (2 * u).cos() - 2 * (3 * u).cos() - (4 * u).cos()
    return torch.stack([16 * u.sin() ** 3, y + 2], 1) / 20 + 0.03 * torch.randn(n, 2, generator=g)


def spiral(n: int = 600, seed: int = 0) -> Tensor:
    """A line that turns a little more than once on its way out, (n, 2)."""
    u, g = torch.linspace(0.15, 1, n).sqrt(), dice(seed)
    line = 0.85 * u[:, None] * torch.stack([(4 * math.pi * u).cos(), (4 * math.pi * u).sin()], 1)
    return line + 0.02 * torch.randn(n, 2, generator=g)


EXAMPLES: dict[str, Callable[[], Tensor]] = {
    N_("a heart"): heart,
    N_("a spiral"): spiral,
    N_("two moons"): lambda: data.moons(600).x / 2.2,
    N_("eight islands"): lambda: data.ring(500).x / 1.7,
    N_("a cat"): lambda: data.cat(1000).x / 2.4,
    N_("nothing"): lambda: torch.zeros(0, 2),
}
