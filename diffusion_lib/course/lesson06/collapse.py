"""Lesson 06: provoke a collapse, measure it, rewind to the moment it began, apply a cure, and watch again.

lab = collapse_lab("ring")     # begins at once, beside the notebook
await lab.wait()               # in a later cell
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from ... import data as _data
from ... import gan
from ...evaluation.metrics import COUNTED, mode_report, near_modes
from ...train import Record, fit
from ...values import dice, need
from ...viz.panels import curve, scatter
from ...words import N_, _
from ..cloud import DRAWING, Easel, beside
from ..common import say
from ..controls import button, choices, group, menu
from ..live import Live, budget
from .recipes import edged

SPEEDS = {N_("D ten times slower than G"): 0.1, N_("D as fast as G"): 1.0, N_("D four times faster"): 4.0}
FOREVER = 10**9  # steps over which `fit` lets the learning rate fall: so many that a lab sees it stand still


# ---------------------------------------------------------------------------------------- weights that move house


def layers(net: nn.Module) -> list[nn.Linear]:
    """Its linear layers, in the order in which they were made."""
    return [m for m in net.modules() if isinstance(m, nn.Linear)]


def snapshot(net: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """The weights that each layer computes with (spectral norm worked in) and its biases."""
    return [(m.weight.detach().clone(), m.bias.detach().clone()) for m in layers(net)]


@torch.no_grad()
def move_in(net: nn.Module, saved: list[tuple[Tensor, Tensor]]) -> bool:
    """Put a snapshot into a network of the same layers. False, and nothing changes, if the layers differ.

    One more or one less input (minibatch std) is allowed: the new one starts as it was drawn. A net with spectral norm
    takes the directions and divides each layer by its largest stretch, so its scores shrink.
    """
    mine = layers(net)
    fits = len(mine) == len(saved) and all(
        m.weight.shape[0] == w.shape[0] and abs(m.weight.shape[1] - w.shape[1]) <= 1
        for m, (w, b) in zip(mine, saved, strict=True)
    )
    if not fits:
        return False
    for m, (w, b) in zip(mine, saved, strict=True):
        inside = m.parametrizations.weight.original if hasattr(m, "parametrizations") else m.weight
        n = min(inside.shape[1], w.shape[1])
        inside[:, :n] = w[:, :n]
        m.bias.copy_(b)
    return True


def parts(x: Tensor, k: int = 8) -> tuple[Tensor, float]:
    """The middles (k, 2) of k parts of a cloud (N, 2), fewer if N is less, each point belonging to the nearest one (k-means), and a part's width."""
    from sklearn.cluster import KMeans

    found = KMeans(min(k, len(x)), n_init=4, random_state=0).fit(x.numpy())
    return torch.from_numpy(found.cluster_centers_), math.sqrt(found.inertia_ / x.numel())


# ---------------------------------------------------------------------------------------- the lab


class CollapseLab(Live):
    """Made by `collapse_lab`. `.recipe` and `.speed` are the two choices; `start()` and `rewind()` what the other buttons do.

    Each frame keeps the weights of G and D. The optimizers start anew after a rewind. `.parts` is the present training,
    `.model` its G (not the moving average, which would hide the hopping).
    """

    cure = N_("Rewind, or start again.")

    def __init__(self, data: _data.Data, budget: dict[str, float], keep: int, seed: int):
        need(data.x.ndim == 2, "The lab breaks a GAN on points: 'ring', 'grid', or a Data with x of shape (N, 2).")
        super().__init__(budget)
        self.seed, self._given = seed, data
        self._enter(data)
        self.old: tuple[np.ndarray, np.ndarray] | None = None  # what the same training did without the cure
        self.recipe = menu(_("Recipe"), choices(gan.RECIPES), wide=300)
        self.speed = menu(_("D's speed"), choices(SPEEDS), wide=340)  # the film has a "Speed" of its own
        own = data.name != DRAWING
        self.what = menu(_("Data"), choices([data.name, DRAWING] if own else [data.name]), wide=200)
        tip = _("New networks, with this recipe and this speed")
        self.again = button(_("Start from step 0"), tip, "refresh", 190)
        tip = _("Rewind to the frame that the film shows, and go on with this recipe and this speed")
        self.go_on = button(_("Go on from this frame"), tip, "medkit", 230)
        self.again.on_click(lambda button: self.start())
        self.go_on.on_click(lambda button: self.rewind())
        self._prepare()
        self.z = self.model.noise(2000, dice(seed))
        controls = [*([self.what] * own), self.recipe, self.speed, self.again, self.go_on]
        controls = group(controls, name=_("What to train"))
        self.easel = Easel(self.what, self.start)
        self._open(_("A GAN learns: {data}").format(data=_(data.name)), keep, above=(controls,))
        if own:
            beside(self.easel, self)
        self.speed.observe(lambda change: self._hint(), "value")
        self.recipe.observe(lambda change: self._hint(), "value")

    def _enter(self, data: _data.Data) -> None:
        """What is to be learned. The modes of data that have none are the middles of their parts."""
        self.data, self.backdrop = data, data.x[:800]
        self.modes, self.sd = parts(data.x) if data.modes is None else (data.modes, data.sd)
        self.limit = 1.3 * float((data.x if data.modes is None else data.modes).abs().max())

    def _prepare(self) -> None:
        """New networks and their training, as the two menus say."""
        told = {"ratio": SPEEDS[self.speed.value]} | gan.RECIPES[self.recipe.value]
        text = _("{recipe}, D's rate {ratio:g} × G's")
        self.made = text.format(recipe=_(self.recipe.value), ratio=told["ratio"])
        self.parts = gan.build(self.data, seed=self.seed, **told)[1]
        self.model = self.parts.learners[0].model

    def _begin(self) -> Iterator[Record]:
        return fit(*self.parts, steps=FOREVER, seed=self.seed, warmup=0.0)

    def _hint(self) -> None:
        if self.state != "training":
            fixed = gan.RECIPES[self.recipe.value].get("ratio")
            more = _(" (this recipe's D learns {n:g} times faster, whatever the menu says)") if fixed else ""
            words = _("Choose: start from step 0, or rewind with the slider and go on from there{more}.")
            say(self.says, words.format(more=more.format(n=fixed)))

    def _state(self, state: str, sentence: str) -> None:
        super()._state(state, sentence)
        for control in (self.what, self.recipe, self.speed, self.again, self.go_on, self.easel.learn):
            control.disabled = state == "training"

    def start(self) -> None:
        """New networks, from step 0, on the data that the menu says: what is on the pad now, or what was given."""
        with self._lock:
            if self.state == "training":
                return
            try:
                self._enter(self.easel.pad.data(seed=self.seed) if self.easel.chosen else self._given)
            except ValueError as error:
                return say(self.says, str(error), bad=True)
            self._prepare()
            self.old, self.before = None, (0, 0.0)
            self._anew([])

    def rewind(self, frame: int | None = None) -> None:
        """Go on from a frame (None: the one on show) with the chosen recipe; what came after it stays as a dashed line."""
        with self._lock:
            frames = self.history.items()
            k = self.player.value if frame is None else frame
            if self.state == "training" or not 0 <= k < len(frames):
                return
            here, later = frames[k], frames[k:]
            near = np.array([f["near"] for f in later], float)
            self.old = (self._at(later), near) if len(later) > 1 else None
            self._prepare()
            g, d = (learner.model for learner in self.parts.learners)
            move_in(g, here["g"])
            kept = move_in(d, here["d"])
            self.before = (here["step"], here["seconds"])
            self._anew(frames[: k + 1])
            if not kept and self.state == "training":
                say(self.says, _("Training. This recipe's D has other layers, so a new D begins."))

    @torch.no_grad()
    def _look(self) -> dict:
        g, d = (learner.model for learner in self.parts.learners)
        x = g(self.z)
        if not bool(x.isfinite().all()):
            raise FloatingPointError(f"The samples are no numbers any more at step {self.step}.")
        seen = mode_report(x, self.modes, self.sd) | {"near": near_modes(x, self.modes)}
        if seen["high_quality"] < COUNTED:
            seen |= {"modes": math.nan, "kl": math.nan}
        scores = (d(self.data.x[:500]), d(x[:500]))
        real, fake = (float(s.sigmoid().mean()) for s in scores)
        outside = float((x.abs().amax(1) > self.limit).double().mean())
        seen |= {"step": self.step, "seconds": self.trained, "recipe": self.made}
        seen |= {"x": edged(x[:600].numpy(), self.limit), "outside": outside}
        return seen | {"real": real, "fake": fake, "g": snapshot(g), "d": snapshot(d)}

    def _pictures(self, frames: list[dict]) -> list[dict]:
        plane = (-self.limit, self.limit)
        fakes = {"points": np.stack([f["x"] for f in frames]), "colors": 1, "size": 4}
        look = {"colors": -1, "size": 3, "xlim": plane, "ylim": plane}
        return [scatter(self.backdrop, _("fakes, over the data (grey)"), layers=[fakes], **look)]

    def _curves(self, frames: list[dict]) -> list[dict]:
        at, k = self._at(frames), len(self.modes)
        x, lines = (at, {_("near"): [f["near"] for f in frames], _("within 3 sd"): [f["modes"] for f in frames]})
        if self.old is not None:
            x = np.union1d(at, self.old[0])
            lines = {name: np.interp(x, at, y, right=np.nan) for name, y in lines.items()}
            lines[_("before")] = np.interp(x, *self.old, left=np.nan)
        wide = (0, max(self.until, float(x[-1]), 1e-3))
        here = {"cursor": at, "xlim": wide, "xlabel": self._xlabel}
        modes = curve(x, lines, _("modes covered, of {k}").format(k=k), ylim=(-0.04 * k, 1.1 * k), **here)
        said = {_(n): [f[n] for f in frames] for n in (N_("real"), N_("fake"))}
        return [modes, curve(at, said, _('what D says: probability of "real"'), ylim=(-0.04, 1.1), **here)]

    def _caption(self, f: dict) -> str:
        said = _("{recipe}:  near {near} of {modes} modes; within 3 sd {share:.1%}, ")
        said = said.format(recipe=f["recipe"], near=f["near"], modes=len(self.modes), share=f["high_quality"])
        if self.data.modes is None:
            said += _("a mode: the middle of an eighth of the data")
        elif math.isnan(f["modes"]):
            said += _("too few to count modes")
        else:
            counted = _("on {modes} modes, KL {kl:.2f}, width {width:.2f}")
            said += counted.format(modes=f["modes"], kl=f["kl"], width=f["sd_ratio"])
        if f["outside"] >= 0.005:
            said += _("; outside, drawn on the edge: {share:.0%}").format(share=f["outside"])
        return said


def collapse_lab(
    data: str | _data.Data = "ring",
    *,
    recipe: str = "minimax (2014)",
    speed: str = "D ten times slower than G",
    steps: int | None = None,
    seconds: float | None = None,
    keep: int = 40,
    seed: int = 0,
) -> CollapseLab:
    """A GAN on points that breaks before one's eyes. It begins at once and trains beside the notebook.

    steps: how long, the same on every machine (1,500 if nothing is said), or seconds. data: "ring", "grid" or a Data of points,
    such as `Cloud.data()`; another drawing can be chosen in the box. recipe: a key of gan.RECIPES; speed: a key of SPEEDS.
    keep: frames of the film, each with the weights of both networks; with more, it is thinned evenly.
    """
    data = _data.load(data) if isinstance(data, str) else data
    box = CollapseLab(data, budget(steps, seconds, usual=1500), keep, seed)
    box.recipe.value, box.speed.value = recipe, speed
    box.start()
    return box
