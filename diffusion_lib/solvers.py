"""How more is made of a guess than DDIM makes of it: steps that remember earlier guesses, or ask twice.

Each is a `refine` of `sampling.Sampler`: (now, s, past, ask, schedule) -> the eps_hat (B, ...) with which the step to s is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .diffusion import Schedule, add_noise, convert


class Moment(NamedTuple):
    """Where a walk stood: at x_t (B, ...), with the guess x0_hat, clipped if it was to be."""

    t: int
    xt: Tensor
    x0_hat: Tensor


def second_order(now: Moment, s: int, past: Sequence[Moment], ask: Callable, schedule: Schedule) -> Tensor:
    """DPM-Solver++(2M), Lu et al. 2022 (2211.01095), algorithm 2: the guess made at t is drawn out, along a line from the one
    made before, at r > t, to the middle of the step t -> s. With lambda = log(sqrt(alpha_bar) / sqrt(1 - alpha_bar)) it becomes

        x0_hat + (x0_hat - before) / 2 (lambda_s - lambda_t) / (lambda_t - lambda_r),

    and eps_hat is what fits it.
    """
    x0_hat = now.x0_hat
    if past and s > 0:
        r, t, s = (0.5 * torch.logit(schedule.alpha_bar[i]) for i in (past[-1].t, now.t, s))
        x0_hat = x0_hat + (x0_hat - past[-1].x0_hat) * float((s - t) / (t - r) / 2)
    return convert(x0_hat, "x0", "eps", now.xt, now.t, schedule)


# what eps_hat of now, of the step before, ... weigh: Adams-Bashforth of order 1, 2, 3, 4
ADAMS = ((1,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))


def adams_bashforth(now: Moment, s: int, past: Sequence[Moment], ask: Callable, schedule: Schedule) -> Tensor:
    """iPNDM: a weighted sum of this eps_hat and of up to three before it."""
    moments = [now, *reversed(past)]
    known = [convert(m.x0_hat, "x0", "eps", m.xt, m.t, schedule) for m in moments]
    return sum(w * eps for w, eps in zip(ADAMS[len(past)], known, strict=True))


def heun(now: Moment, s: int, past: Sequence[Moment], ask: Callable, schedule: Schedule) -> Tensor:
    """The mean of eps_hat here and of eps_hat where a DDIM step lands; a step to s = 0, where nobody can be asked, is DDIM's."""
    eps_hat = convert(now.x0_hat, "x0", "eps", now.xt, now.t, schedule)
    if s == 0:
        return eps_hat
    xs = add_noise(now.x0_hat, s, eps_hat, schedule)
    return (eps_hat + convert(ask(xs, s), "x0", "eps", xs, s, schedule)) / 2
