"""Lesson 08, with dice or without: the same cloud at each t, and quite another path for each point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...diffusion import Schedule, add_noise
from ...evaluation.metrics import sliced_wasserstein
from ...oracle import mixture_denoiser
from ...sampling import sample
from ...values import dice, integer, need
from ...viz.panels import curve, scatter
from ...viz.player import FramePlayer
from ...words import _


def same_cloud(
    means: Tensor,
    sd: float,
    schedule: Schedule,
    etas: Sequence[float] = (0.0, 0.5, 1.0),
    n: int = 1000,
    frames: int = 41,
    seed: int = 0,
) -> FramePlayer:
    """n points walk home from one x_T with the optimal denoiser of islands, means (K, 2) and sd, once for each eta, T steps each.

    Measured at each frame: how far apart the first and the last cloud are (sliced Wasserstein), how far apart two clouds of real
    data are, noised to the same t (the floor); and how far apart the points are that began together. ValueError for fewer than
    two etas, an sd that is not above 0, n below 2, and fewer than two frames.
    """
    need(len(etas) >= 2, f"Two clouds are compared, so etas needs at least two numbers, but got {list(etas)}.")
    need(sd > 0, f"sd is the width of an island, above 0, but got {sd!r}.")
    n = integer(n, 2, 10**5, f"n is a whole number of points, at least 2, but got {n!r}.")
    frames = integer(frames, 2, schedule.T + 1, f"frames is a whole number in 2..{schedule.T + 1}, but got {frames!r}.")
    model, xT = mixture_denoiser(means, sd, schedule), torch.randn(n, 2, generator=dice(seed))
    keep = torch.linspace(schedule.T, 0, frames).round().int().tolist()
    walks = {eta: _walk(model, xT, schedule, eta, keep, seed + 1) for eta in etas}
    first, last = walks[etas[0]], walks[etas[-1]]
    between = [sliced_wasserstein(a, b, directions=50) for a, b in zip(first, last, strict=True)]
    floor = [sliced_wasserstein(*_real(means, sd, schedule, t, n, seed), directions=50) for t in keep]
    paths = [float((a - b).norm(dim=1).mean()) for a, b in zip(first, last, strict=True)]

    def panel(eta: float, cloud: Tensor, color: int) -> dict:
        square = {"xlim": (-2.8, 2.8), "ylim": (-2.8, 2.8)}
        one = {"points": cloud[:, :1].numpy(), "colors": 1, "size": 9, "trail": [0]}
        return scatter(cloud[:, :500].numpy(), f"η = {eta:g}", colors=color, size=3, layers=[one], **square)

    lines = {_("the same points"): paths, _("the clouds"): between, _("two real clouds"): floor}
    steps = schedule.T - np.array(keep)
    look = {"xlabel": _("steps"), "cursor": steps, "ylim": (0, 1.1 * max(paths))}
    ends = f"η = {etas[0]:g} | η = {etas[-1]:g}"
    panels = [panel(eta, torch.stack(cloud), -1) for eta, cloud in walks.items()]
    panels.append(curve(steps, lines, _("how far apart, {ends}").format(ends=ends), **look))
    said = _("clouds {clouds:.3f} apart (two real ones: {floor:.3f});  points that began together: {paths:.2f}")
    said = [said.format(clouds=b, floor=f, paths=p) for b, f, p in zip(between, floor, paths, strict=True)]
    name = _("The same cloud with dice and without, and other paths")
    return FramePlayer(panels, captions=said, labels=[f"t = {t}" for t in keep], name=name, fps=6)


def _walk(model, xT: Tensor, schedule: Schedule, eta: float, keep: list[int], seed: int) -> list[Tensor]:
    """The cloud at each time of `keep`."""
    found = {schedule.T: xT}
    for step in sample(model, xT, schedule, eta=eta, generator=dice(seed)):
        found[step.s] = step.xs
    return [found[t] for t in keep]


def _real(means: Tensor, sd: float, schedule: Schedule, t: int, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Two clouds of real data at time t, with nothing in common."""
    g = dice(seed + 2)
    x0 = means[torch.randint(len(means), (2 * n,), generator=g)] + sd * torch.randn(2 * n, 2, generator=g)
    return add_noise(x0, t, torch.randn(2 * n, 2, generator=g), schedule).chunk(2)
