"""Lesson 03, the score: at every place of the plane an arrow that points to where there is more of the cloud."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ...diffusion import Schedule, add_noise, convert
from ...oracle import mixture_denoiser
from ...values import dice, need
from ...viz.panels import scatter
from ...viz.player import FramePlayer
from ...words import _
from ..common import comet, shortened, time_at

LIMIT = 2.5  # half the side of the plane


def score(model: Callable, xt: Tensor, t: int, schedule: Schedule) -> Tensor:
    """grad log q(x_t) at xt (B, ...), as the denoiser says it: -eps_hat / sqrt(1 - alpha_bar_t)."""
    return convert(model(xt, torch.full((len(xt),), t)), "eps", "score", xt, t, schedule)


def apart(a: Tensor, b: Tensor) -> float:
    """Mean angle between arrows a and b (B, 2), in degrees."""
    return float(torch.rad2deg(torch.cosine_similarity(a, b).clamp(-1, 1).acos()).mean())


def arrows(
    means: Tensor,
    sd: float,
    schedule: Schedule,
    network: Callable | None = None,
    frames: int = 25,
    side: int = 15,
    n: int = 400,
    seed: int = 0,
) -> FramePlayer:
    """The score of the cloud at time t as comets on a lattice, for each of `frames` times, evenly in decibels from noise to data.

    The data: a mixture of islands, means (K, 2) and sd, whose score is known. network: a denoiser of eps that learned them, shown
    beside it; the caption has the mean angle between both, at the points of the cloud. A comet's head is its thick end; long
    ones are shortened.
    """
    own = getattr(network, "schedule", schedule)
    same = own.T == schedule.T and torch.allclose(own.alpha_bar, schedule.alpha_bar, atol=1e-6)
    need(same, "The network learned another schedule: give its own, network.schedule, so that both mean the same t.")
    g, exact = dice(seed), mixture_denoiser(means, sd, schedule)
    x0 = means[torch.randint(len(means), (n,), generator=g)] + sd * torch.randn(n, 2, generator=g)
    eps, times = torch.randn(n, 2, generator=g), _times(schedule, frames)
    clouds = [add_noise(x0, t, eps, schedule) for t in times]
    line = torch.linspace(-0.93 * LIMIT, 0.93 * LIMIT, side)
    places = torch.cartesian_prod(line, line)
    who = {_("the score, exact"): exact} | ({_("the score, learned"): network} if network else {})
    panels = [_panel(title, model, places, clouds, times, schedule, i) for i, (title, model) in enumerate(who.items())]
    said = [_("It points to where x_{t} is more probable.")] * len(times)
    if network:
        moments = list(zip(clouds, times, strict=True))
        gaps = [apart(score(exact, x, t, schedule), score(network, x, t, schedule)) for x, t in moments]
        angle = _("mean angle between learned and exact arrows, at the points: {gap:.1f}°")
        said = [angle.format(gap=gap) for gap in gaps]
    name = _("The score of a noisy cloud as arrows, from noise to data")
    return FramePlayer(panels, captions=said, labels=[f"t = {t}" for t in times], name=name, start=frames // 3, fps=4)


def _times(schedule: Schedule, frames: int) -> list[int]:
    """From T down to little noise, evenly in decibels; each time once."""
    db = schedule.snr_db[1:]
    wanted = torch.linspace(float(db[-1]), min(26.0, float(db[0])), frames, dtype=torch.float64)
    return sorted({time_at(w, schedule) for w in wanted.tolist()}, reverse=True)


def _panel(title: str, model: Callable, places: Tensor, clouds: list, times: list[int], schedule, color: int) -> dict:
    """The cloud in grey; comets fly from the places along (1 - alpha_bar) score, which ends at the guess, faded (Tweedie)."""
    flights = []
    for t in times:
        noise = float(1 - schedule.alpha_bar[t])
        flights.append(noise * score(model, places, t, schedule).numpy())
    step = float(places[1, 1] - places[0, 1])
    tails = comet(places.numpy(), shortened(np.stack(flights), 0.9 * step), color, thin=1.5, thick=4.5, tail=5)
    cloud = {"points": torch.stack(clouds).numpy(), "colors": -1, "size": 3}
    square = {"xlim": (-LIMIT, LIMIT), "ylim": (-LIMIT, LIMIT)}
    return scatter(title=title, layers=tails, **cloud, **square)
