"""Lesson 08, the straight path: pairs of data and noise lie on straight lines, and the walk between them bends."""

from __future__ import annotations

import torch
from torch import Tensor

from ...diffusion import Schedule, add_noise
from ...oracle import mixture_denoiser
from ...sampling import sample
from ...values import dice, integer, need
from ...viz.panels import scatter
from ...viz.player import FramePlayer
from ...words import _


def place(schedule: Schedule, t: int) -> float:
    """u of the straight path (1 - u) x0 + u eps at which there is as much noise for the picture as at t: 0 is data."""
    a = float(schedule.alpha_bar[t])
    return (1 - a) ** 0.5 / (a**0.5 + (1 - a) ** 0.5)


def unscaled(xt: Tensor, t: int, schedule: Schedule) -> Tensor:
    """x_t (B, ...) as it is on the straight path: (1 - u) x0 + u eps = x_t / (sqrt(alpha_bar) + sqrt(1 - alpha_bar))."""
    a = float(schedule.alpha_bar[t])
    return xt / (a**0.5 + (1 - a) ** 0.5)


def bend(path: Tensor) -> float:
    """How much longer paths (F, B, D) are than the straight way between their ends: 1 is straight. All lengths over all ways."""
    return float(path.diff(dim=0).norm(dim=2).sum() / (path[-1] - path[0]).norm(dim=1).sum())


def straight_path(means: Tensor, sd: float, n: int = 300, trails: int = 12, T: int = 60, seed: int = 0) -> FramePlayer:
    """Left: n pairs of data and noise on their way (1 - u) x0 + u eps. Middle: the walk of n noises with the optimal denoiser of
    islands, means (K, 2) and sd, without dice on the schedule `flow`. Right: the same walk, where every cloud has variance 1 (x_t).

    The caption says how much longer than straight the ways of each are. ValueError unless 1 <= trails < n.
    """
    said = f"trails of the n points leave a trail, at least 1 and fewer than n: got trails = {trails!r}, n = {n!r}."
    need(1 <= integer(trails, 1, 10**5, said) < integer(n, 2, 10**5, said), said)
    g, schedule = dice(seed), Schedule.of("flow", T)
    x0 = means[torch.randint(len(means), (n,), generator=g)] + sd * torch.randn(n, 2, generator=g)
    eps, xT = torch.randn(n, 2, generator=g), torch.randn(n, 2, generator=g)
    walk = [xT, *(step.xs for step in sample(mixture_denoiser(means, sd, schedule), xT, schedule, sampler="ddim"))]
    times = range(T, -1, -1)
    pairs = torch.stack([unscaled(add_noise(x0, t, eps, schedule), t, schedule) for t in times])
    bent = torch.stack([unscaled(x, t, schedule) for x, t in zip(walk, times, strict=True)])
    ways = {
        _("pairs: (1 − u) x_{0} + u ε"): pairs,
        _("the walk there"): bent,
        _("the same walk, as x_{t}"): torch.stack(walk),
    }
    square = {"xlim": (-2.8, 2.8), "ylim": (-2.8, 2.8)}
    panels = []
    for color, (title, path) in enumerate(ways.items()):
        some = {"points": path[:, :trails].numpy(), "colors": color, "size": 7, "trail": list(range(trails))}
        panels.append(scatter(path[:, trails:].numpy(), title, colors=-1, size=3, layers=[some], **square))
    one, two, three = (bend(path) for path in ways.values())
    said = _("ways, in lengths of the straight one: pairs {pairs:.2f}, walk {walk:.2f}, walk as x_{{t}} {xt:.2f}")
    said = said.format(pairs=one, walk=two, xt=three)
    labels = [f"u = {place(schedule, t):.2f}" for t in times]
    name = _("The straight path of flow matching, and the walk that bends")
    return FramePlayer(panels, captions=[said] * len(labels), labels=labels, name=name, fps=10)
