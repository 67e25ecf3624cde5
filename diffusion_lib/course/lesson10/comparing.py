"""Lesson 10: one thing changes, the dice stay. Another word, another weight; and guidance on points, where the truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ...data.prompts import understand
from ...ddpm import Denoiser
from ...diffusion import Schedule, convert
from ...guidance import check_weight, guided
from ...oracle import MixtureDenoiser, mixture_denoiser
from ...sampling import sample
from ...values import dice, need, whole_times
from ...viz.panels import pixels, scatter
from ...viz.player import FramePlayer
from ...words import N_, _
from ..common import comet, shortened
from .drawing import CALLS, against, frame, how_many, line, painter, pictures

WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)


def same_dice(
    prompts: Sequence[str | tuple[str, str]],
    n: int = 6,
    w: float = 2.0,
    seed: int = 0,
    steps: int = CALLS,
    model: Denoiser | None = None,
) -> FramePlayer:
    """A film whose frames are prompts, each a text or (text, what shall not be there), n pictures of the same dice in each."""
    model, shown, says, labels, n = painter(model), [], [], [], how_many(n)
    for text, negative in _pairs(prompts):
        p = understand(text, negative)
        shown.append(frame(pictures(p, range(seed, seed + n), steps=steps, w=w, model=model), 3))
        says.append(" ".join(p.says()))
        says[-1] = " ".join([says[-1], *against(p, w)])
        labels.append(line(text, negative))
    panel = pixels(np.concatenate(shown), _("the same dice, w = {w:g}").format(w=w))
    return FramePlayer(panel, captions=says, labels=labels, name=_("One word changes, the dice stay"), fps=1)


def _pairs(prompts) -> list[tuple[str, str]]:
    """(text, what shall not be there) of each prompt; ValueError where there is none, or something else."""
    asked = list(prompts) if isinstance(prompts, list | tuple) else []
    pairs = [(prompt, "") if isinstance(prompt, str) else prompt for prompt in asked]
    fine = all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs)
    said = f"{prompts!r:.60}".splitlines()[0]
    need(pairs and fine, f"The prompts are a list of texts, or of pairs such as ('cat', 'night'), but got {said}.")
    return pairs


def by_weight(
    text: str,
    weights: Sequence[float] = WEIGHTS,
    n: int = 8,
    seed: int = 0,
    steps: int = CALLS,
    negative: str = "",
    model: Denoiser | None = None,
) -> FramePlayer:
    """A film whose frames are weights w, with n pictures of the same dice in each: below, how far they are from one another, and from the frame before."""
    check_weights(weights)
    model, p = painter(model), understand(text, negative)
    n = how_many(n, 2)  # they are compared
    drawn = [pictures(p, range(seed, seed + n), steps=steps, w=w, model=model) for w in weights]
    panel = pixels(np.concatenate([frame(x, 4) for x in drawn]), line(text, negative))
    far = _("difference between two of the pictures, root mean square a pixel: {far:.2f}")
    moved = _("each from itself at w = {w:g}: {far:.2f}")
    says = [far.format(far=apart(x)) for x in drawn]
    for i, (before, x) in enumerate(pairwise(drawn)):
        says[i + 1] += "; " + moved.format(w=weights[i], far=(x - before).double().square().mean().sqrt())
    says = [". ".join([said, *against(p, w)]) for said, w in zip(says, weights, strict=True)]
    labels, name = [f"w = {w:g}" for w in weights], _("The guidance weight")
    return FramePlayer(panel, captions=says, labels=labels, name=name, fps=1, start=min(2, len(drawn) - 1))


def check_weights(weights) -> None:
    """ValueError for what is no row of guidance weights."""
    said = f"weights are numbers in a row, such as (0, 1, 3), but got {f'{weights!r:.60}'.splitlines()[0]}."
    need(isinstance(weights, list | tuple) and len(weights) > 0, said)
    for w in weights:
        check_weight(w)


def apart(x: Tensor) -> float:
    """How far pictures (n, ...) are from one another, root mean square a pixel, over all pairs."""
    flat = x.flatten(1).double()
    return float((torch.pdist(flat).square().mean() / flat.shape[1]).sqrt())


# ---------------------------------------------------------------------------------------- points

CLASSES = (N_("class 0"), N_("class 1"))
ISLANDS = ((-1.2, 0.6, 0), (-0.5, -0.9, 0), (0.1, 0.9, 1), (1.2, 0.5, 1), (0.7, -0.8, 1))  # x, y, class


def two_classes(schedule: Schedule | None = None, sd: float = 0.3) -> MixtureDenoiser:
    """The optimal denoiser of two classes of points that overlap: it can be told 0 or 1, or nothing (-1)."""
    x, y, label = torch.tensor(ISLANDS, dtype=torch.float64).T
    return mixture_denoiser(torch.stack([x, y], 1), sd, schedule or Schedule.of("cosine", 100), labels=label.long())


def two_scores(t: int = 55, weights: Sequence[float] = WEIGHTS, n: int = 300, seed: int = 0) -> FramePlayer:
    """Guidance is a sum of two scores: both arrows at time t, the guided one for each w, and where walks along it end."""
    model, n = two_classes(), how_many(n, 2, 100_000)
    check_weights(weights)
    whole_times(t, 1, 1, model.schedule.T)
    axis = torch.linspace(-2, 2, 9, dtype=torch.float64)
    x = torch.cartesian_prod(axis, axis)
    y = torch.ones(len(x), dtype=torch.long)

    def arrows(w: float) -> np.ndarray:
        eps = guided(model, y, w)(x, t)
        return shortened(convert(eps, "eps", "score", x, t, model.schedule).numpy(), 0.4)

    untold, told = (comet(x.numpy(), arrows(w), color, 1.5, 5) for w, color in ((0, 1), (1, 0)))
    untold[-1]["name"], told[-1]["name"] = _("told nothing (w = 0)"), _("told class 1 (w = 1)")
    sums = comet(x.numpy(), np.stack([arrows(w) for w in weights]), 2, 1.5, 5)
    plane = {"xlim": (-2.3, 2.3), "ylim": (-2.3, 2.3)}
    xT, told_y = torch.randn(n, 2, generator=dice(seed), dtype=torch.float64), torch.ones(n, dtype=torch.long)
    ends = [_end(guided(model, told_y, w), xT) for w in weights]
    true = truth(seed)
    clouds = [{"points": true[k], "colors": c, "size": 3, "name": _(CLASSES[k])} for k, c in ((1, 0), (0, 1))]
    found = {"points": np.stack([e.numpy() for e in ends]), "colors": 2, "size": 4, "name": _("where walks end")}
    still = {"points": x.numpy(), "colors": -1, "size": 2}
    panels = [
        scatter(title=_("two scores at t = {t}").format(t=t), layers=[*untold, *told], **still, **plane),
        scatter(title=_("the guided arrow"), layers=sums, **still, **plane),
        scatter(title=_("told class 1"), layers=[clouds[1], found], **clouds[0], **plane),
    ]
    inside = _("{share:.0%} of {n} walks end nearest to an island of class 1; spread of their ends: {sd:.2f}")
    says = [inside.format(share=ours(e), n=n, sd=float(e.std(0).mean())) for e in ends]
    labels, name = [f"w = {w:g}" for w in weights], _("Guidance is a sum of two scores")
    return FramePlayer(panels, captions=says, labels=labels, name=name, fps=1, start=min(2, len(ends) - 1))


def _end(model, xT: Tensor, steps: int = 50) -> Tensor:
    *_past, last = sample(model, xT, model.schedule, steps, sampler="ddim")
    return last.xs


def truth(seed: int = 0, n: int = 300, sd: float = 0.3) -> list[np.ndarray]:
    """n points of each class, as they really lie."""
    g, found = dice(seed), []
    for k in range(len(CLASSES)):
        islands = torch.tensor([[a, b] for a, b, label in ISLANDS if label == k])
        found.append((islands[torch.arange(n) % len(islands)] + sd * torch.randn(n, 2, generator=g)).numpy())
    return found


def ours(x: Tensor, label: int = 1) -> float:
    """The share of points (n, 2) that lie nearest to an island of this class."""
    islands = torch.tensor([[a, b] for a, b, _label in ISLANDS], dtype=x.dtype)
    labels = torch.tensor([k for _a, _b, k in ISLANDS])
    return float((labels[torch.cdist(x, islands).argmin(1)] == label).double().mean())
