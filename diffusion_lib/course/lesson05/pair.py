"""A generator and a discriminator taught by hand, one part of a step at a time; lesson 05's buttons press these methods.

    pair = Pair(data.load("ring"))
    pair.draw(); pair.teach(); pair.draw(); pair.fool()     # the same as one pair.repeat(), and as one `gan.gan_step`

Each method returns one sentence that says what happened and whose weights moved. No widgets here.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from ...dataset import Data
from ...gan import LOSSES, Loss, Regular, build, d_step, g_step, log_mixture, suited
from ...nets import Discriminator, Generator
from ...train import Learner
from ...words import _, ngettext

# what changes beside networks and losses
TABLE = ("z", "real", "fakes", "scores", "real_scores", "taught", "fooled", "_stride")
FULL, MOST = 60, 400  # lessons at the beginning that all stay in the loss curve; rows in all


class Pair:
    """G and D, their optimizers, the fakes that lie on the table, and the dice: all that a step needs and changes.

    loss: one of `gan.LOSSES`, or a Loss of your own. nets: (G, D) to begin with; None begins from nothing.
    batch, lr, r1, r2: None takes what suits points or pictures. waves: see `nets.Waves`; few keep D's surface smooth to read.

    g, d: the two Learners. z, fakes, real: what was drawn last. taught, fooled: how many lessons each has had. losses: (lesson,
    D's, G's): the first FULL lessons, then every so-manieth, evenly to the end, and the newest.
    """

    def __init__(
        self,
        data: Data,
        *,
        loss: str | Loss = "non-saturating",
        nets: tuple[Generator, Discriminator] | None = None,
        batch: int | None = None,
        lr: float | None = None,
        r1: float | None = None,
        r2: float | None = None,
        waves: int = 2,
        seed: int = 0,
    ):
        points = data.x.ndim == 2
        weight = 0.0 if points else 1.0  # pictures need D's slope held, see lesson 06
        self.regular = Regular(weight if r1 is None else r1, weight if r2 is None else r2, every=suited(data)["every"])
        self.x, self.batch = data.x, batch or (128 if points else 24)
        named, lr = loss if isinstance(loss, str) else "non-saturating", lr or (1e-3 if points else 5e-4)
        _g, parts = build(data, loss=named, batch=self.batch, lr=lr, waves=waves, seed=seed)
        self.loss = loss if isinstance(loss, Loss) else LOSSES[loss]
        self.g, self.d = parts.learners
        if nets is not None:
            self.g, self.d = (_begin(net, learner) for net, learner in zip(nets, parts.learners, strict=True))
        for learner in (self.g, self.d):
            learner.set_rate(1.0)
            for net in (learner.model, learner.ema):  # the colours of a pixel side by side: a step takes a seventh less
                net.to(memory_format=torch.channels_last)
        self.dice = torch.Generator().manual_seed(seed)
        self.taught = self.fooled = 0
        self.losses: list[tuple[float, float, float]] = []
        self._stride = 1  # of the lessons after the first FULL, one in so many is kept
        self.real = self.x[: self.batch]
        self.draw()

    # ---- the four parts

    def draw(self) -> str:
        """New z, and G's fakes from them."""
        self.z = self.g.model.noise(self.batch, self.dice)
        self._look()
        said = _("{batch} new fakes from {batch} new z. No weights moved. D calls {caught:.0%} of them fake.")
        return said.format(batch=self.batch, caught=self.caught)

    def teach(self) -> str:
        """Teach D once, with the fakes on the table and new real ones."""
        before = _weights(self.d)
        self._teach(self.fakes)
        self._look()
        return _(
            "D learned once, from {batch} real and {batch} fake. D's weights moved ({far}), G's did not. D now calls {caught:.0%} of the fakes fake and {trusted:.0%} of the real ones real."
        ).format(batch=self.batch, far=_moved(before, self.d), caught=self.caught, trusted=self.trusted)

    def fool(self) -> str:
        """Fool D once: G follows the arrows of the fakes on the table. They are drawn again from the same z."""
        before, caught = _weights(self.g), self.caught
        self._fool()
        self._look(fooled=True)
        return _(
            "G learned once: its weights moved ({far}), so that the fakes from the same z follow their arrows. D's did not. D now calls {caught:.0%} of them fake; before it was {before:.0%}."
        ).format(far=_moved(before, self.g), caught=self.caught, before=caught)

    def repeat(self, times: int = 1) -> str:
        """Whole steps: draw, teach D, draw again, fool D."""
        g, d = _weights(self.g), _weights(self.d)
        for _k in range(times):
            with torch.no_grad():
                fakes = self.g.model(self.g.model.noise(self.batch, self.dice))
            self._teach(fakes)
            self.z = self.g.model.noise(self.batch, self.dice)
            self._fool()
        self._look(fooled=times > 0)
        what = ngettext("One whole step", "{n} whole steps", times).format(n=times)
        return _(
            "{what}: draw fakes, teach D, draw fresh fakes, fool D. D's weights moved ({d}), and G's ({g}). D calls {caught:.0%} of the fakes fake and {trusted:.0%} of the real ones real."
        ).format(what=what, d=_moved(d, self.d), g=_moved(g, self.g), caught=self.caught, trusted=self.trusted)

    def _teach(self, fakes: Tensor) -> None:
        self.real = self.x[torch.randint(len(self.x), (self.batch,), generator=self.dice)]
        said = d_step(self.d, self.real, fakes, self.loss, self.regular, self.dice)
        self.taught += 1
        self._note(said["loss_d"], None)

    def _fool(self) -> None:
        with torch.no_grad():
            self.real_scores = self.d.model(self.real)
        said = g_step(self.g, self.d, self.real, self.g.model(self.z), self.loss, scores=self.real_scores)
        self.fooled += 1
        self._note(None, said["loss_g"])

    def _note(self, d: float | None, g: float | None) -> None:
        """Both losses so far, in at most MOST rows; a loss stays what it was until its player learns again."""
        last = self.losses[-1] if self.losses else (0, math.nan, math.nan)
        row = (self.taught + self.fooled, last[1] if d is None else d, last[2] if g is None else g)
        # the row that was the newest until now goes, if it is none that stays
        rows = self.losses[:-1] if self.losses and not self._stays(last) else self.losses
        if len(rows) >= MOST - 1:
            self._stride *= 2
            rows = [r for r in rows if self._stays(r)]
        self.losses = [*rows, row]

    def _stays(self, row: tuple) -> bool:
        return row[0] <= FULL or (row[0] - FULL) % self._stride == 0

    @torch.no_grad()
    def _look(self, fooled: bool = False) -> None:
        """What D says now of the fakes on the table, and of the real ones it saw last; it has just said the latter when G learned."""
        self.fakes = self.g.model(self.z)
        self.scores = self.d.model(self.fakes)
        if not fooled:
            self.real_scores = self.d.model(self.real)

    @property
    def caught(self) -> float:
        """The share of fakes that D calls fake."""
        return float((self.scores < 0).float().mean())

    @property
    def trusted(self) -> float:
        """The share of real ones that D calls real."""
        return float((self.real_scores > 0).float().mean())

    # ---- looking deeper

    def arrows(self, n: int) -> Tensor:
        """Where G's loss pulls each of the first n fakes: minus its gradient for that fake alone, (n, ...)."""
        fakes = self.fakes[:n].clone().requires_grad_(True)
        loss = self.loss.g(self.real_scores[:n], self.d.model(fakes))
        (slope,) = torch.autograd.grad(loss, fakes)
        return -len(fakes) * slope  # the loss is a mean over fakes

    # ---- rewinding

    def _now(self) -> dict:
        learners, table = [self.g.state_dict(), self.d.state_dict()], [getattr(self, name) for name in TABLE]
        return {"learners": learners, "dice": self.dice.get_state(), "table": table}

    def state(self) -> dict:
        """Everything: weights, optimizers, dice, the fakes on the table. `restore` goes on from it to the bit."""
        return _copied(self._now()) | {"losses": self.losses}  # a list that is replaced, never changed

    def restore(self, state: dict) -> None:
        """Back to what `state()` gave, as often as one likes."""
        moving = _copied({key: state[key] for key in ("learners", "dice", "table")})
        for learner, its in zip((self.g, self.d), moving["learners"], strict=True):
            learner.load_state_dict(its)
        self.dice.set_state(moving["dice"])
        vars(self).update(zip(TABLE, moving["table"], strict=True), losses=state["losses"])

    def twin(self) -> Pair:
        """Another pair at the same place: what it does from here on, this one would do, to the bit."""
        twin = copy.copy(self)
        twin.g, twin.d = copy.deepcopy((self.g, self.d))
        twin.dice = torch.Generator().set_state(self.dice.get_state())
        return twin

    def like(self, twin: Pair, state: dict) -> bool:
        """Does it stand at `state`, where `twin` was made, and go by the same rules?"""
        rules = all(getattr(self, name) is getattr(twin, name) for name in ("x", "batch", "loss", "regular"))
        here = rules and self.losses is state["losses"]
        return here and all(_same(now, state[key]) for key, now in self._now().items())


def _copied(tree):
    """As copy.deepcopy, for tensors in dicts, lists and tuples, and five times as fast."""
    if isinstance(tree, Tensor):
        return tree.clone()
    if isinstance(tree, dict):
        return {key: _copied(value) for key, value in tree.items()}
    return type(tree)(map(_copied, tree)) if isinstance(tree, list | tuple) else tree


def _same(a, b) -> bool:
    """Are two states equal to the bit?"""
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(value, b[key]) for key, value in a.items())
    return len(a) == len(b) and all(map(_same, a, b)) if isinstance(a, list | tuple) else a == b


def _begin(net, like: Learner) -> Learner:
    """A fresh optimizer, as `like` has one, for a copy of a network that was trained before."""
    betas = like.optimizer.param_groups[0]["betas"]
    return Learner(copy.deepcopy(net).requires_grad_(True), like.lr, clip=like.clip, betas=betas)


def _weights(learner: Learner) -> list[Tensor]:
    return [p.detach().clone() for p in learner.model.parameters()]


def _moved(before: list[Tensor], learner: Learner) -> str:
    """How far the weights went, as a share of their length."""
    way = torch._foreach_sub([p.detach() for p in learner.model.parameters()], before)
    share = float(get_total_norm(way) / get_total_norm(before))
    return _("by {share:.2%}").format(share=share)


# ---------------------------------------------------------------------------------------- the optimal D


def kernel_log_density(points: Tensor, axis: Tensor, h: float) -> Tensor:
    """log density of points (N, 2), each blurred to a Gaussian of width h, on the grid axis x axis: (len(axis)^2,), rows are y.

    The Gaussian is a product of one in x and one in y, so the sum over points is one matrix product. Nothing is below 1e-30.
    """
    # (A, N) each. A number too small for 32 bits to hold in full takes a processor ten times as long: so nothing is below e^-80,
    # and a power of two, which changes no digit, keeps the products of two of them large as well.
    near = [2.0**54 * torch.exp((-0.5 * ((axis[:, None] - v) / h).pow(2)).clamp_min(-80)) for v in points.T]
    q = near[1] @ near[0].T / 2.0**108 / (len(points) * 2 * math.pi * h**2)
    return q.clamp_min(1e-30).log().flatten()


def real_log_density(data: Data, axis: Tensor, h: float) -> Tensor:
    """log density of the data on the same grid, blurred by the same h: exactly if it is a known mixture, else from its points."""
    if data.modes is None:
        return kernel_log_density(data.x[:4000], axis, h)
    x, y = torch.meshgrid(axis, axis, indexing="xy")
    return log_mixture(torch.stack([x, y], -1).flatten(0, 1), data.modes, math.hypot(data.sd, h))
