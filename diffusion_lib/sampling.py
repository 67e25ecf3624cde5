"""Sampling, the way back from noise to data: one step, one walk of many, and the samplers that differ in how they walk.

Letters, shapes and papers as in `diffusion`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from .diffusion import Schedule, both_ends, check_schedule, convert, log_normal, randn_like
from .solvers import Moment, adams_bashforth, heun, second_order
from .values import Bundle, check_batch, check_batches, check_clip, check_eta, check_shape, choice, integer, need


@dataclass(frozen=True, eq=False, repr=False)
class Step(Bundle):
    """All that happened in one reverse step from time t down to s. Tensors are (B, ...).

    sigma is a number, or (B, ...) where a network has learned it.
    """

    t: int
    s: int
    xt: Tensor
    eps_hat: Tensor
    x0_hat: Tensor
    mean: Tensor
    sigma: float | Tensor
    noise: Tensor
    xs: Tensor


def reverse_step(
    xt: Tensor,
    eps_hat: Tensor,
    t: int,
    s: int,
    schedule: Schedule,
    noise: Tensor,
    eta: float = 1.0,
    v: float | Tensor = 0.0,
) -> Step:
    """One step from x_t to x_s, any s < t, with the noise predicted as eps_hat. All of DDPM and DDIM in three lines:

        x0_hat = (x_t - sqrt(1 - alpha_bar_t) eps_hat) / sqrt(alpha_bar_t)
        mean   = sqrt(alpha_bar_s) x0_hat + sqrt(1 - alpha_bar_s - eta^2 beta_tilde) eps_hat
        x_s    = mean + sigma noise,      sigma = eta sqrt(beta^v beta_tilde^(1-v))

    where beta = 1 - alpha_bar_t/alpha_bar_s, beta_tilde = (1 - alpha_bar_s)/(1 - alpha_bar_t) beta.

        eta=1, v=0   DDPM with variance beta_tilde (DDPM eq. 7; diffusers' "fixed_small")
        eta=1, v=1   DDPM with variance beta ("fixed_large")
        eta=0        DDIM, deterministic (DDIM eq. 12); 0 < eta < 1 lies between
        v a tensor   learned variance (iDDPM eq. 15)

    xt, eps_hat, noise: (B, ...). Raises ValueError for s >= t. It takes eps_hat, for that is what DDPM's network says and what
    these lines begin with; `sample` has x0_hat and eps_hat beforehand, so that no number is turned there and back.
    """
    check_batches(xt=xt, eps_hat=eps_hat, noise=noise)
    check_eta(eta)
    return _land(xt, convert(eps_hat, "eps", "x0", xt, t, schedule), eps_hat, t, s, schedule, noise, eta, v)


def _land(xt, x0_hat, eps_hat, t: int, s: int, schedule: Schedule, noise, eta: float, v) -> Step:
    """`reverse_step`, once x0_hat and the eps_hat that fits are known."""
    at, as_ = map(float, both_ends(t, s, xt, schedule))
    beta = 1 - at / as_
    beta_tilde = (1 - as_) / (1 - at) * beta
    # 1 - alpha_bar_s - eta^2 beta_tilde, factored so that rounding cannot push it below zero
    direction = math.sqrt((1 - as_) * (1 - eta**2 * beta / (1 - at)))
    mean = math.sqrt(as_) * x0_hat + direction * eps_hat
    # data (s = 0) are shown without noise, z = 0 in DDPM's algorithm 2; beta_tilde is 0 there by itself, beta is not
    variance = beta**v * beta_tilde ** (1 - v) if s > 0 else 0.0 * abs(v)
    sigma = eta * variance**0.5
    xs = (mean + sigma * noise).to(xt)
    return Step(t, s, xt, eps_hat, x0_hat, mean, sigma if getattr(sigma, "ndim", 0) else float(sigma), noise, xs)


def own_schedule(model: Callable, schedule: Schedule | None) -> Schedule:
    """The schedule, or the model's own if it is None. ValueError if there is none, for most functions know none."""
    schedule = getattr(model, "schedule", None) if schedule is None else schedule
    check_schedule(schedule)
    return schedule


@torch.no_grad()
def guess_x0(
    model: Callable, xt: Tensor, t: int | Tensor, y=None, schedule: Schedule | None = None, predicts: str = "eps"
) -> tuple[Tensor, Tensor | None]:
    """What a denoiser guesses: x0_hat (B, ...), and its learned share v of log beta (B, ...), see `bound.log_variance`, or None.

    model: model(xt (B, ...), t (B,), y (B,) or None) -> a prediction of xt's shape, of the kind that `predicts` names. One whose
    `learns_variance` is true is asked for both at once: model.eps_and_v(xt, t, y) -> (eps_hat, v).
    t: 1..T, one or (B,). schedule: None takes the model's own. Raises ValueError for an answer of another shape, or no numbers.
    """
    schedule = own_schedule(model, schedule)
    ask = model.eps_and_v if getattr(model, "learns_variance", False) else lambda *told: (model(*told), None)
    answer, v = ask(xt, torch.as_tensor(t, device=xt.device).expand(len(xt)), y)
    x0_hat = convert(_checked(answer, xt, t), predicts, "x0", xt, t, schedule)
    return x0_hat, v if v is None else _checked(v, xt, t, "A denoiser that has learned its variance")


def _checked(answer: Tensor, xt: Tensor, t: int | Tensor, who: str = "The denoiser") -> Tensor:
    check_shape(answer, xt, who)
    # a sum is quick, and finite where all numbers are (unless they are huge)
    if not math.isfinite(answer.sum()) and not bool(answer.isfinite().all()):
        raise ValueError(f"{who} returned NaN or infinity at t = {t}: its weights or its input are broken.")
    return answer


@dataclass(frozen=True)
class Sampler:
    """A way to walk: settings of `reverse_step`, and what it makes of its guesses.

    eta: the fresh noise, from 0 (none) to 1 (DDPM's). even: how `ddpm.draw` spaces its steps, see Schedule.times.
    refine: refine(now, s, past, ask, schedule) -> the eps_hat (B, ...) with which the step to s is made, where past holds up to
    three Moments before `now`, and ask(xt, t) -> x0_hat asks the network again; None: that of the guess. With eta = 0 only.
    asks: how often a step asks the network; the last one, which lands on data, asks once.
    """

    eta: float
    even: str = "t"
    refine: Callable[..., Tensor] | None = None
    asks: int = 1

    def calls(self, steps: int) -> int:
        """How often a walk of so many steps asks the network."""
        return self.asks * (steps - 1) + 1

    def steps(self, calls: int) -> int:
        """How many steps so many calls are enough for."""
        return (calls - 1) // self.asks + 1


# Add yours here: `sample`, `ddpm.draw`, the shell and the shared tests then have it.
SAMPLERS: dict[str, Sampler] = {
    # Ho et al. 2020, algorithm 2
    "ddpm": Sampler(eta=1.0),
    # Song et al. 2021, eq. 12
    "ddim": Sampler(eta=0.0),
    # Lu et al. 2022 (2211.01095), algorithm 2
    "dpmpp_2m": Sampler(eta=0.0, even="snr", refine=second_order),
    # Zhang, Chen 2023 (2204.13902), as diffusers' IPNDMScheduler
    "ipndm": Sampler(eta=0.0, refine=adams_bashforth),
    # Karras et al. 2022 (2206.00364), algorithm 1
    "heun": Sampler(eta=0.0, refine=heun, asks=2),
}


def named_sampler(name: str, eta: float | None = None) -> Sampler:
    """The entry of SAMPLERS, with this eta if one is given. Raises ValueError for a name or an eta that it does not take."""
    found = SAMPLERS[choice(name, SAMPLERS, "There is no sampler")]
    if eta is None:
        return found
    check_eta(eta)
    said = f"The sampler {name} walks without fresh noise: leave eta out, or choose ddpm, but got eta = {eta}."
    need(not found.refine or eta == 0, said)
    return replace(found, eta=eta)


def sample(
    model: Callable[..., Tensor],
    xt: Tensor,
    schedule: Schedule | None = None,
    steps: int | Sequence[int] | None = None,
    *,
    sampler: str = "ddpm",
    generator: torch.Generator | None = None,
    eta: float | None = None,
    v: float | None = None,
    clip: float | None = None,
    y: Tensor | None = None,
    predicts: str = "eps",
) -> Iterator[Step]:
    """Walk from x_T (B, ...) to x_0, yielding a Step after each step.

    model, y, predicts: a denoiser, and what it is told, see `guess_x0`. schedule: None takes the model's own.
    steps: how many (evenly spaced; None takes all T), or the times themselves, falling, e.g. [40, 20, 0] or
    schedule.times(20, even="snr"): the walk may start anywhere, so an old Step's x_s can be branched with fresh noise.
    sampler: a key of SAMPLERS: "ddpm", "ddim", or "dpmpp_2m" and "ipndm", which are as good as many more steps where these are
    few, or "heun", which asks twice a step.
    eta: None is the sampler's own. v: the variance, see `reverse_step`; None is the learned one, or beta_tilde.
    clip: keep each x0_hat inside [-clip, clip] (1.0 for pictures), and go on with the eps_hat that fits.
    One noise is drawn at every step, needed or not, so two runs from generators of one seed share all their noise.
    Leaving the loop early keeps every Step already yielded.
    """
    check_batch(xt, "x_T")
    check_clip(clip)
    schedule = own_schedule(model, schedule)
    method, times, past = named_sampler(sampler, eta), _walk_times(steps, schedule), []

    def ask(xt: Tensor, t: int) -> tuple[Tensor, Tensor | None]:
        x0_hat, learned = guess_x0(model, xt, t, y, schedule, predicts)
        return x0_hat if clip is None else x0_hat.clamp(-clip, clip), learned

    for t, s in pairwise(times):
        with torch.no_grad():  # not around the yield: the caller's own code must be free to train
            x0_hat, learned = ask(xt, t)
            if method.refine is None:
                eps_hat = convert(x0_hat, "x0", "eps", xt, t, schedule)
            else:
                now = Moment(t, xt, x0_hat)
                eps_hat = method.refine(now, s, past, lambda xt, t: ask(xt, t)[0], schedule)
                past = [*past[-2:], now]
                x0_hat = convert(eps_hat, "eps", "x0", xt, t, schedule)
            noise = randn_like(xt, generator)
            share = v if v is not None else 0.0 if learned is None else learned
            step = _land(xt, x0_hat, eps_hat, t, s, schedule, noise, method.eta, share)
        yield step
        xt = step.xs


def _walk_times(steps, schedule: Schedule) -> list[int]:
    if steps is None or not hasattr(steps, "__len__") or not getattr(steps, "ndim", 1):
        return schedule.times(steps)
    says = f"A walk goes through whole times in 0..{schedule.T}, but got {{!r}}."
    times = [integer(t, 0, schedule.T, says.format(t)) for t in steps]
    need(len(times) >= 2, f"A walk needs at least two times, where it starts and where it lands, but got {times}.")
    return times


def log_p_step(step: Step) -> Tensor:
    """log p_theta(x_s | x_t) in nats, (B,): how likely this step's draw was, given its mean and sigma.

    A step with sigma = 0 (the last one with beta_tilde; every DDIM step) is a function, not a draw. It has no density,
    so it adds 0: what the sum then measures is the draws that were made.
    """
    if not torch.as_tensor(step.sigma, device=step.xs.device).any():
        return torch.zeros(len(step.xs), dtype=torch.float64, device=step.xs.device)
    return log_normal(step.xs, step.mean, step.sigma**2)
