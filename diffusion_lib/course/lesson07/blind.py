"""Lesson 07: what each metric sees and what it is blind to, on samples that were spoiled in a known way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ... import data
from ...dataset import Data
from ...evaluation.metrics import copied, frechet, mode_report, neighbourhoods, sliced_wasserstein
from ...values import dice
from ...viz.panels import curve, scatter
from ...viz.player import FramePlayer
from ...words import N_, _

# metric: as it is written under its bar, and in words
METRICS = {
    "precision": (N_("prec."), N_("precision")),
    "recall": (N_("recall"), N_("recall")),
    "density": (N_("dens."), N_("density")),
    "coverage": (N_("cover."), N_("coverage")),
    "frechet": ("FD", N_("Fréchet distance")),
    "sliced": ("SW", N_("sliced Wasserstein")),
    "high_quality": ("3 sd", N_("share within 3 sd")),
    "kl": ("KL", N_("KL of the islands")),
    "sd_ratio": (N_("width"), N_("width of the islands")),
    "copied": (N_("copied"), N_("nearer to training")),
}
MOST = 10.0  # standard deviations that are drawn


def _keep(d: Data, fewer: int, g: torch.Generator) -> Tensor:
    """As many points, from all modes but the last `fewer`."""
    left = d.x[d.y < len(d.modes) - fewer]
    return left[torch.randint(len(left), (len(d),), generator=g)]


def _spread(d: Data, by: float) -> Tensor:
    centre = d.modes[d.y]
    return centre + by * (d.x - centre)


def _junk(d: Data, g: torch.Generator, share: float = 0.1) -> Tensor:
    x, n = d.x.clone(), round(share * len(d))
    x[:n] = (2 * torch.rand(n, 2, generator=g) - 1) * d.modes.abs().max()
    return x


# what was done: (samples d, training points seen, dice) -> samples
SPOILED: dict[str, Callable[[Data, Tensor, torch.Generator], Tensor]] = {
    N_("nothing: fresh real points"): lambda d, seen, g: d.x,
    N_("1 of 25 islands is missing"): lambda d, seen, g: _keep(d, 1, g),
    N_("13 of 25 islands are missing"): lambda d, seen, g: _keep(d, 13, g),
    N_("islands shrunk to 0.3 of their width"): lambda d, seen, g: _spread(d, 0.3),
    N_("islands twice as wide"): lambda d, seen, g: _spread(d, 2.0),
    N_("10 % junk between the islands"): lambda d, seen, g: _junk(d, g),
    N_("copies of training points"): lambda d, seen, g: seen[torch.randperm(len(seen), generator=g)],
}


def measure(x: Tensor, real: Tensor, seen: Tensor, fresh: Tensor, d: Data) -> dict[str, float]:
    """Every metric of samples x (N, 2) against real ones (N, 2); seen, fresh: the training set, and as many never shown."""
    found = neighbourhoods(x, real) | mode_report(x, d.modes, d.sd)
    found |= {"frechet": frechet(x, real), "sliced": sliced_wasserstein(x, real)}
    return {k: (found | {"copied": copied(x, seen, fresh)["share"]})[k] for k in METRICS}


def blind_spots(n: int = 1000, repeats: int = 8) -> FramePlayer:
    """25 Gaussians, untouched and spoiled in six ways, a frame each: the points, and how many standard deviations each metric moves.

    A metric that stays within two standard deviations of what fresh real points score (the mean and spread of `repeats`
    draws of n) cannot tell the samples from real ones. Bars end at 10.
    """

    def draw(seed):
        return data.grid(n, seed=seed)

    d, seen = draw(0), draw(1).x
    seeds = range(10, 10 + repeats)
    sets = [(draw(s).x, draw(s + 100).x, draw(s + 200).x, draw(s + 300).x) for s in seeds]
    rows = np.array([list(measure(*four, d).values()) for four in sets])
    mean, sd = rows.mean(0), rows.std(0, ddof=1)
    clouds, moved, captions = [], [], []
    for i, (words, spoil) in enumerate(SPOILED.items()):
        x = spoil(draw(50 + i), seen, dice(i))
        values = np.array(list(measure(x, draw(70).x, seen, draw(71).x, d).values()))
        z = (values - mean) / sd
        clouds.append(x.numpy())
        moved.append(z.clip(-MOST, MOST))
        sees = [_(name) for (short, name), far in zip(METRICS.values(), z, strict=True) if abs(far) > 4]
        said = _("{words}. Clearly seen by: {metrics}.")
        captions.append(said.format(words=_(words), metrics=", ".join(sees) or _("none")))
    at = np.arange(len(METRICS), dtype=float)
    limits = {name: np.full((1, len(at)), level) for name, level in (("+2 sd", 2.0), ("−2 sd", -2.0))}
    title, kinds = _("how far each metric moves, in sd of real against real"), ["bars", "line", "line"]
    names = [(i, _(short)) for i, (short, name) in enumerate(METRICS.values())]
    bars = curve(at, {_("change"): np.array(moved), **limits}, title, kind=kinds, ylim=(-MOST, MOST), xticks=names)
    panels, labels = [scatter(np.array(clouds), _("the samples")), bars], [str(i) for i in range(len(clouds))]
    return FramePlayer(panels, captions=captions, labels=labels, name=_("What each metric is blind to"), fps=1)
