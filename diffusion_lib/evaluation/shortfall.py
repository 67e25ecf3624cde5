"""How far is a network from the best there is? On data that we draw ourselves that can be asked: another thousand is always at hand."""

from __future__ import annotations

import math
from collections import deque

import torch
from torch import Tensor

from ..diffusion import Schedule, add_noise
from ..guidance import guided
from ..oracle import ideal_denoiser
from ..sampling import guess_x0, sample
from ..values import dice, need, within

PART = 100  # so many are asked at once: each is compared with all others


def time_of(sigma: float, schedule: Schedule) -> int:
    """The t from 1 to T whose noise beside a picture of strength 1, sqrt(1 / alpha_bar - 1), is nearest to sigma (as a ratio)."""
    need(within(sigma, 1e-9, 1e9), f"A noise sigma is a number above 0, but got {sigma!r:.40}.")
    return 1 + int((schedule.snr_db[1:] + 20 * math.log10(sigma)).abs().argmin())


def beside_ideal(model, x0: Tensor, others: Tensor, sigma: float, y: Tensor | None = None, seed: int = 0) -> tuple:
    """The mean squared error of x0_hat at the noise sigma: of a network, and of the optimal denoiser of `others` (K, ...). Two numbers.

    x0 (B, ...): what both have to guess, of the same law as `others` and not among them; for a network that is told y (B, F) all
    of it is the law of what y says. The best error of all is at most the second one: `others` are finitely many.
    """
    t = time_of(sigma, model.schedule)
    xt = add_noise(x0, t, torch.randn(x0.shape, generator=dice(seed)), model.schedule)
    ideal = ideal_denoiser(others, model.schedule)
    told = [None] * len(x0) if y is None else y.split(PART)
    guesses = (
        torch.cat([guess_x0(model, part, t, said)[0] for part, said in zip(xt.split(PART), told, strict=False)]),
        torch.cat([ideal.x0_hat(part, t) for part in xt.split(PART)]),
    )
    return tuple(float((guess - x0).square().mean()) for guess in guesses)


def walked_back(
    model, x0: Tensor, sigma: float, y: Tensor | None = None, w: float = 1.0, calls: int = 20, seed: int = 0
) -> Tensor:
    """Real pictures x0 (B, ...) noised to sigma and walked back by the network, of x0's shape: what does it lose below that noise?

    The times are those of a walk from T with so many calls of dpmpp_2m that lie below sigma. y, w: what it is told, and how strongly.
    """
    start, g = time_of(sigma, model.schedule), dice(seed)
    xt = add_noise(x0, start, torch.randn(x0.shape, generator=g), model.schedule)
    times = [start, *(t for t in model.schedule.times(calls, "snr") if t < start)]
    asked = model if w == 1 else guided(model, y, w)
    walk = sample(asked, xt, model.schedule, times, sampler="dpmpp_2m", generator=g, clip=1.0, y=y)
    return deque(walk, maxlen=1).pop().xs
