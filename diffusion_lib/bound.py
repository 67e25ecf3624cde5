"""The variational bound: what a diffusion model, or a VAE, pays in bits for a picture."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .diffusion import Schedule, add_noise, posterior, randn_like
from .sampling import guess_x0, own_schedule
from .values import dice, need, plain


def log_variance(t: int | Tensor, v: float | Tensor, like: Tensor, schedule: Schedule) -> Tensor:
    """log sigma^2 = v log beta_t + (1 - v) log beta_tilde_t, in nats, to broadcast with `like` (iDDPM eq. 15).

    beta_tilde_1 = 0 has no logarithm; as in iDDPM's code, beta_tilde_2 stands in for it.
    """
    at, as_ = schedule.at(t, like), schedule.at(t - 1, like, lowest=0)
    beta = 1 - at / as_
    a = schedule.alpha_bar
    floor = (1 - a[1]) / (1 - a[2]) * (1 - a[2] / a[1])  # beta_tilde_2
    tilde = torch.where(as_ == 1, floor, (1 - as_) / (1 - at) * beta)
    return v * beta.log().to(like) + (1 - v) * tilde.log().to(like)


def vlb_term(
    x0: Tensor, xt: Tensor, x0_hat: Tensor, t: Tensor, v: float | Tensor, schedule: Schedule, levels: int | None
) -> Tensor:
    """One term of the variational bound for each sample, (B,), in bits per dimension (DDPM eq. 5):

        t > 1:  KL( q(x_{t-1} | x_t, x_0) || p_theta(x_{t-1} | x_t) ),  two bell curves
        t = 1:  -log p_theta(x_0 | x_1)

    where p_theta has the posterior's mean at x0_hat, and the variance of `log_variance`. t: (B,).
    levels: a pixel has this many values, evenly from -1 to 1, and x_0 is the bin around one of them (DDPM eq. 13);
    None: x_0 is a point, and its term the density's.
    """
    (truth, _), (mean, _) = posterior(xt, x0, t, t - 1, schedule), posterior(xt, x0_hat, t, t - 1, schedule)
    log_q, log_p = log_variance(t, 0.0, xt, schedule), log_variance(t, v, xt, schedule)
    kl = 0.5 * (log_p - log_q - 1 + (log_q - log_p).exp() + (truth - mean).pow(2) * (-log_p).exp())
    if levels is None:
        last = 0.5 * ((x0 - mean).pow(2) * (-log_p).exp() + log_p + math.log(2 * math.pi))
    else:
        last = -log_bin(x0, mean, (0.5 * log_p).exp(), levels)
    first = (t == 1).to(xt.device).reshape(-1, *[1] * (xt.ndim - 1))
    return torch.where(first, last, kl).flatten(1).mean(1) / math.log(2)


def log_bin(x: Tensor, mean: Tensor, sd: Tensor, levels: int) -> Tensor:
    """log of a bell curve's mass in the bin of x, of width 2 / (levels - 1); the outer bins are open (DDPM eq. 13)."""
    bell = torch.distributions.Normal(0.0, 1.0, validate_args=False)
    half = 1 / (levels - 1)
    above, below = bell.cdf((x + half - mean) / sd), bell.cdf((x - half - mean) / sd)
    above = torch.where(x > 1 - half, 1.0, above)
    below = torch.where(x < -1 + half, 0.0, below)
    return (above - below).clamp_min(1e-12).log()


@plain()
@torch.no_grad()
def bound_terms(
    model: Callable,
    x0: Tensor,
    schedule: Schedule | None = None,
    levels: int | None = None,
    *,
    v: float | None = None,
    y: Tensor | None = None,
    n: int = 16,
    seed: int = 0,
) -> Tensor:
    """The variational bound term by term, (T + 1,), in bits per dimension: entry t is `vlb_term` at t, entry 0 is L_T.

    Their sum is an upper bound of -log2 p(x0) per dimension. Each term is the mean over n items of x0 (N, ...), drawn anew.
    model: a denoiser, told the classes y (N,); v: its variance (0 beta_tilde, 1 beta), None: the one it has learned.
    schedule: None takes the model's own. levels: see `vlb_term`. Raises ValueError for v = None where none was learned.
    """
    schedule = own_schedule(model, schedule)
    g, size = dice(seed), 512
    times = torch.arange(1, schedule.T + 1).repeat_interleave(n)
    items = torch.randint(len(x0), (len(times),), generator=g)
    terms = []
    for t, i in zip(times.split(size), items.split(size), strict=True):
        here = x0[i.to(x0.device)]
        xt = add_noise(here, t, randn_like(here, g), schedule)
        x0_hat, learned = guess_x0(model, xt, t, None if y is None else y[i.to(y.device)], schedule)
        x0_hat = x0_hat.clamp(-1, 1) if levels else x0_hat
        said = "This model has not learned its variance: say v = 0 for beta_tilde or v = 1 for beta."
        need(v is not None or learned is not None, said)
        terms.append(vlb_term(here, xt, x0_hat, t, learned if v is None else v, schedule, levels).cpu())
    prior = schedule.terminal_kl(x0) / math.log(2)
    return torch.cat([torch.tensor([prior]), torch.cat(terms).reshape(-1, n).mean(1)])


@torch.no_grad()
def bits_per_dimension(
    model: Callable,
    seen: Tensor,
    x: Tensor,
    schedule: Schedule | None = None,
    levels: int = 256,
    *,
    y_seen: Tensor | None = None,
    y: Tensor | None = None,
    n: int = 16,
    seed: int = 0,
) -> float:
    """The bound on -log2 p(x) per number of x (N, ...), for a chain that spares itself the faintest noise:

        L_T + sum over t > r of L_t - E log2 p(x_0 | x_r),   p(x_0 | x_r) = N(x0_hat, s^2) in bins of grey (DDPM eq. 13)

    With r = 1 it is the sum of `bound_terms`, which pays for telling apart what lies far closer together than two grey levels.
    r and s are those that suit `seen` (M, ...), never x. Variances: beta_tilde. y_seen (M,), y (N,): classes, if told.
    schedule: None takes the model's own. levels: see `vlb_term`.
    """
    schedule = own_schedule(model, schedule)

    def rest(x, y):
        """Entry r: L_T and all terms above r, (T + 1,)."""
        terms = bound_terms(model, x, schedule, levels, v=0.0, y=y, n=n, seed=seed)
        return terms.sum() - terms.cumsum(0) + terms[0]

    def jump(x, y, r, s=None):
        """-log2 p(x_0 | x_r) per number, and s: if it is not given, as large as the errors."""
        g = dice(seed)
        x0_hat = guess_x0(model, add_noise(x, r, randn_like(x, g), schedule), r, y, schedule)[0].clamp(-1, 1)
        s = (x - x0_hat).pow(2).mean().sqrt() if s is None else s
        return float(-log_bin(x, x0_hat, s, levels).mean()) / math.log(2), s

    above = rest(seen, y_seen)
    ends = sorted({max(1, schedule.T // k) for k in (1000, 500, 200, 100, 50, 25, 12, 6, 3)})
    r = min(ends, key=lambda r: above[r] + jump(seen, y_seen, r)[0])
    _, s = jump(seen, y_seen, r)
    return float(rest(x, y)[r]) + jump(x, y, r, s)[0]
