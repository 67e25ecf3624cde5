"""The mathematics of noise: schedule, forward process, reverse process, samplers.

Time runs t = 1..T and t = 0 is the data, so ``alpha_bar[0] == 1`` and the last step needs no special case.
Tables are float64 whatever the pictures are: in float32, 1 - alpha_bar[1] is already wrong in the fourth digit.

Letters in shapes: B pictures, any further axes "..." (C, H, W for pictures, 2 for points).
Papers: DDPM = Ho, Jain, Abbeel 2020 (arXiv 2006.11239); DDIM = Song, Meng, Ermon 2021 (2010.02502);
iDDPM = Nichol, Dhariwal 2021 (2102.09672); v = Salimans, Ho 2022 (2202.00512).

Longer than 400 lines because forward and reverse are one piece of mathematics, to be read from top to bottom.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from .values import Bundle, check_batch, check_clip, check_shape, integer, plain, within

# signal that the curved schedules keep at T: enough that x0_hat = (...) / sqrt(alpha_bar) stays finite
FLOOR = 1e-4


def _to_floor(f: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Stretch a falling f so that it starts at 1 and ends at FLOOR."""

    def alpha_bar(u: Tensor) -> Tensor:
        first, last = f(torch.zeros_like(u)), f(torch.ones_like(u))
        return FLOOR + (1 - FLOOR) * (f(u) - last) / (first - last)

    return alpha_bar


# Each schedule is alpha_bar as a function of u = t/T in [0, 1], so it means the same for every T. Add yours here.
SCHEDULES: dict[str, Callable[[Tensor], Tensor]] = {
    # DDPM's betas 1e-4..0.02 over 1000 steps, in the limit of many steps (equal to its table within 0.0009)
    "linear": lambda u: torch.exp(-(0.1 * u + 9.95 * u**2)),
    # iDDPM eq. 17
    "cosine": _to_floor(lambda u: torch.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2),
    # Jabri, Fleet, Chen 2022 (2212.11972), start -3, end 3, tau 1
    "sigmoid": _to_floor(lambda u: torch.sigmoid(3 - 6 * u)),
}


EVEN = ("t", "snr")  # the two rulers of time: the steps themselves, or decibels of noise


@dataclass(frozen=True, eq=False, repr=False)
class Schedule(Bundle):
    """How much signal is left at each time.

    alpha_bar: (T+1,) float64, strictly falling from alpha_bar[0] = 1 (data) towards 0 (noise).
    Raises ValueError for a table that is not that; warns if x_T would still show the picture.
    """

    alpha_bar: Tensor
    name: str = "custom"

    def __post_init__(self):
        a = _table(self.alpha_bar, "alpha_bar")
        if a.ndim != 1 or len(a) < 3:
            said = (
                f"A schedule needs T of at least 2 steps, but got T = {max(len(a) - 1, 0) if a.ndim == 1 else a.shape}."
            )
            raise ValueError(said)
        if a[0] != 1 or not bool((a[1:] < a[:-1]).all()) or not bool((a > 0).all()):
            said = (
                "alpha_bar must start at exactly 1, fall at every step and stay above 0: check the table or the betas."
            )
            raise ValueError(said)
        if a[-1] > 0.01:
            warnings.warn(
                f"This schedule does not end in noise: alpha_bar_T = {a[-1]:.2f}, so x_T keeps "
                f"{math.sqrt(a[-1]):.0%} of the picture's contrast, and sampling, which starts from pure noise, "
                "starts in the wrong place. Use more steps or a schedule made for this T.",
                # the line to show is the reader's, whether it called Schedule itself or one of its two makers below
                stacklevel=4 if sys._getframe(2).f_globals is globals() else 3,
            )
        object.__setattr__(self, "alpha_bar", a)

    @classmethod
    def of(cls, name: str = "cosine", T: int = 1000) -> Schedule:
        """The schedule called `name` (a key of SCHEDULES) in T >= 2 steps."""
        if name not in SCHEDULES:
            raise ValueError(f"There is no schedule called {name!r}: choose one of {', '.join(SCHEDULES)}.")
        T = integer(T, 2, math.inf, f"T must be a whole number of at least 2 steps, but got {T!r}.")
        with plain():
            a = SCHEDULES[name](torch.arange(T + 1, dtype=torch.float64) / T)
            a[0] = 1.0
        return cls(a, name)

    @classmethod
    def from_beta(cls, beta: Sequence[float] | Tensor, name: str = "custom") -> Schedule:
        """alpha_bar_t = prod_{i<=t} (1 - beta_i); beta: (T,), each in (0, 1). DDPM section 2."""
        beta = _table(beta, "beta")
        if beta.ndim != 1 or not bool(((beta > 0) & (beta < 1)).all()):
            said = "beta must be one number a step, each strictly between 0 and 1: the share of variance that the step replaces."
            raise ValueError(said)
        return cls(torch.cat([beta.new_ones(1), (1 - beta).cumprod(0)]), name)

    @property
    def T(self) -> int:
        """The number of steps."""
        return len(self.alpha_bar) - 1

    @property
    def alpha(self) -> Tensor:
        """alpha_t = alpha_bar_t / alpha_bar_{t-1}, (T+1,), alpha[0] = 1."""
        return torch.cat([self.alpha_bar[:1], self.alpha_bar[1:] / self.alpha_bar[:-1]])

    @property
    def beta(self) -> Tensor:
        """beta_t = 1 - alpha_t, (T+1,), beta[0] = 0: noise variance added by step t."""
        return 1 - self.alpha

    @property
    def snr_db(self) -> Tensor:
        """Signal-to-noise ratio 10 log10(alpha_bar / (1 - alpha_bar)) in decibels, (T+1,); +inf at t = 0."""
        return 10 * torch.log10(self.alpha_bar / (1 - self.alpha_bar))

    def terminal_kl(self, x0: Tensor) -> float:
        """KL(q(x_T | x0) || N(0, I)) in nats per dimension, averaged over x0 (B, ...): is x_T really noise?

        = (alpha_bar x0^2 - alpha_bar - log(1 - alpha_bar)) / 2
        """
        a = self.alpha_bar[-1]
        check_batch(x0, "x0")
        return float((a * x0.double().pow(2).mean().cpu() - a - torch.log1p(-a)) / 2)

    def at(self, t: int | Tensor, like: Tensor, lowest: int = 1) -> Tensor:
        """alpha_bar[t] in float64, shaped to multiply `like` (B, ...); t an int or (B,) integers in lowest..T."""
        if isinstance(t, Tensor) and (t.is_floating_point() or t.is_complex() or t.dtype == torch.bool):
            said = f"t must be a whole number, but got {str(t.dtype).removeprefix('torch.')}: times are 1, 2, ..., T."
            raise ValueError(said)
        if not isinstance(t, Tensor):
            says = f"t must be a whole number, but got {t!r}: times are 1, 2, ..., T."
            t = integer(t, -math.inf, math.inf, says)
        t = torch.as_tensor(t, device="cpu").long()  # the table lives on the CPU: MPS has no float64
        if t.ndim and (t.ndim != 1 or len(t) not in (1, len(like))):
            said = f"t has shape {tuple(t.shape)}, but there are {len(like)} pictures: give one t, or one for each."
            raise ValueError(said)
        if bool((t < lowest).any()) or bool((t > self.T).any()):
            bad = int(t[(t < lowest) | (t > self.T)][0]) if t.ndim else int(t)
            hint = " (t = 0 is the clean data, where no step has been taken yet)" if bad == 0 else ""
            raise ValueError(f"t must lie in {lowest}..{self.T}, but got {bad}{hint}.")
        a = self.alpha_bar[t]
        return a.reshape(-1, *[1] * (like.ndim - 1)) if t.ndim else a

    def times(self, n: int | None = None, even: str = "t") -> list[int]:
        """T = t_0 > t_1 > ... > t_n = 0: the n steps that a sampler takes (all T if n is None).

        even: "t" spaces them evenly in t, as DDPM and DDIM do; "snr" evenly in decibels, which leaves more of few steps
        for the last small noises, where narrow structure is decided.
        """
        says = f"The number of sampling steps must be a whole number in 1..{self.T} (= T), but got {n!r}."
        n = integer(self.T if n is None else n, 1, self.T, says)
        if even not in EVEN:
            raise ValueError(f"Steps cannot be even in {even!r}: choose one of {', '.join(EVEN)}.")
        if even == "t":
            return [round(self.T * (n - i) / n) for i in range(n + 1)]
        # whole times are few near t = 1, so each step leaves room for those after it
        db, times = self.snr_db, [self.T]
        for i in range(1, n):
            wanted = db[-1] + (db[1] - db[-1]) * i / max(n - 1, 1)
            t = 1 + int((db[1:] - wanted).abs().argmin())
            times.append(max(min(t, times[-1] - 1), n - i))
        return [*times, 0]


def _table(numbers, what: str) -> Tensor:
    """Numbers in a row, of any library, as float64."""
    try:
        return torch.as_tensor(numbers, dtype=torch.float64, device="cpu")
    except (TypeError, ValueError, RuntimeError):
        said = f"{what} must be numbers in a row, one for each step, but got {f'{numbers!r:.60}'.splitlines()[0]}."
        raise ValueError(said) from None


def check_schedule(schedule) -> None:
    """ValueError for what is no Schedule."""
    if not isinstance(schedule, Schedule):
        said = f'schedule must be a Schedule, as Schedule.of("cosine", T=1000) makes one, but got {type(schedule).__name__}.'
        raise ValueError(said)


def randn_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """N(0, I) of x's shape, drawn where the generator lives: one CPU seed gives the same noise on every device."""
    if generator is not None and not isinstance(generator, torch.Generator):
        said = (
            f"generator must be None or a torch.Generator, but got {generator!r}: use torch.Generator().manual_seed(0)."
        )
        raise ValueError(said)
    device = generator.device if generator is not None else "cpu"
    return torch.randn(x.shape, dtype=x.dtype, device=device, generator=generator).to(x.device)


# ---------------------------------------------------------------------------------------- forward: data to noise


def forward_step(xs: Tensor, t: int | Tensor, eps: Tensor, schedule: Schedule) -> Tensor:
    """One step of the forward chain, a draw from q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I).

    xs: x_{t-1} (B, ...); t: 1..T; eps: N(0, I) of the same shape. Returns x_t. DDPM eq. 2.
    """
    check_batch(xs, "x_{t-1}")
    check_batch(eps, "eps", xs)
    alpha = _alpha(t, xs, schedule)
    return alpha.sqrt().to(xs) * xs + (1 - alpha).sqrt().to(xs) * eps


def _alpha(t: int | Tensor, like: Tensor, schedule: Schedule) -> Tensor:
    check_schedule(schedule)
    return schedule.at(t, like) / schedule.at(t - 1, like, lowest=0)


def add_noise(x0: Tensor, t: int | Tensor, eps: Tensor, schedule: Schedule) -> Tensor:
    """Jump straight to time t, a draw from q(x_t | x_0): x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps.

    x0, eps: (B, ...); t: 0..T (0 gives x0 back). DDPM eq. 4.
    """
    check_batch(x0, "x0")
    check_batch(eps, "eps", x0)
    check_schedule(schedule)
    a = schedule.at(t, x0, lowest=0)
    return a.sqrt().to(x0) * x0 + (1 - a).sqrt().to(x0) * eps


def forward_path(x0: Tensor, schedule: Schedule, generator: torch.Generator | None) -> Tensor:
    """The whole chain x_0, x_1, ..., x_T, one forward_step after another: (T+1, B, ...)."""
    check_schedule(schedule)
    check_batch(x0, "x0")
    path = [x0]
    for t in range(1, schedule.T + 1):
        path.append(forward_step(path[-1], t, randn_like(x0, generator), schedule))
    return torch.stack(path)


def log_normal(x: Tensor, mean: Tensor, var: Tensor | float) -> Tensor:
    """log N(x; mean, var I) in nats, summed over all axes but the first: (B,), float64. var: a number, (B,) or like x."""
    if not isinstance(x, Tensor) or not isinstance(mean, Tensor):
        check_batch(mean if isinstance(x, Tensor) else x, "mean" if isinstance(x, Tensor) else "x")
    check_shape(mean, x, "The mean of a bell curve")
    d2 = (x.double() - mean.double()).pow(2)
    var = torch.as_tensor(var, dtype=torch.float64, device=d2.device)
    var = var.reshape(-1, *[1] * (x.ndim - 1)) if var.ndim == 1 else var
    return -0.5 * (d2 / var + torch.log(2 * math.pi * var)).flatten(1).sum(1)


def log_q_step(xt: Tensor, xs: Tensor, t: int | Tensor, schedule: Schedule) -> Tensor:
    """log q(x_t | x_{t-1}) in nats, (B,); xs is x_{t-1}. DDPM eq. 2."""
    check_batch(xt, "x_t")
    check_batch(xs, "x_{t-1}", xt)
    alpha = _alpha(t, xt, schedule)
    return log_normal(xt, alpha.sqrt().to(xs.device) * xs, 1 - alpha)


def log_q_jump(xt: Tensor, x0: Tensor, t: int | Tensor, schedule: Schedule) -> Tensor:
    """log q(x_t | x_0) in nats, (B,). DDPM eq. 4."""
    check_batch(xt, "x_t")
    check_batch(x0, "x0", xt)
    check_schedule(schedule)
    a = schedule.at(t, xt)
    return log_normal(xt, a.sqrt().to(x0.device) * x0, 1 - a)


def log_q_chain(path: Tensor, schedule: Schedule) -> Tensor:
    """The T terms log q(x_t | x_{t-1}) of a path (T+1, B, ...): (T, B). A product of densities is a sum of logs,

    log q(x_{1:T} | x_0) = sum_t log q(x_t | x_{t-1}), so ``.sum(0)`` is the chain's and ``.cumsum(0)`` shows it grow.
    """
    check_schedule(schedule)
    check_batch(path, "The path")
    if len(path) != schedule.T + 1:
        said = f"The path has {len(path)} pictures, but a schedule of T = {schedule.T} needs T + 1 = {schedule.T + 1}: x_0 to x_T."
        raise ValueError(said)
    return torch.stack([log_q_step(path[t], path[t - 1], t, schedule) for t in range(1, schedule.T + 1)])


def posterior(xt: Tensor, x0: Tensor, t: int, s: int, schedule: Schedule) -> tuple[Tensor, Tensor]:
    """Mean (B, ...) and variance of q(x_s | x_t, x_0), s < t: where the path was, if both its ends are known. DDPM eq. 6-7."""
    check_schedule(schedule)
    check_batch(xt, "x_t")
    check_batch(x0, "x0", xt)
    at, as_ = schedule.at(t, xt), schedule.at(s, xt, lowest=0)
    if not bool((as_ > at).all()):
        raise ValueError(f"s must be a time before t, but got s = {s} and t = {t}.")
    step = at / as_  # what alpha_t is when s = t - 1
    mean = (as_.sqrt() * (1 - step) / (1 - at)).to(xt) * x0 + (step.sqrt() * (1 - as_) / (1 - at)).to(xt) * xt
    return mean, (1 - as_) / (1 - at) * (1 - step)


# ---------------------------------------------------------------------------------------- what a network may predict

PREDICTIONS = ("eps", "x0", "v", "score")


def convert(value: Tensor, source: str, target: str, xt: Tensor, t: int | Tensor, schedule: Schedule) -> Tensor:
    """The same knowledge in other words: given x_t, each of eps, x0, v and score fixes the others.

    x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps;  v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x0;
    score = grad log q(x_t) = -eps / sqrt(1 - alpha_bar).  value, xt: (B, ...); t: 1..T.
    """
    for kind in (source, target):
        if kind not in PREDICTIONS:
            raise ValueError(f"A network cannot predict {kind!r}: choose one of {', '.join(PREDICTIONS)}.")
    check_schedule(schedule)
    if not isinstance(xt, Tensor) or not xt.is_floating_point():
        # says what it is; numbers that are none stay the caller's, for a training tells of them
        check_batch(xt, "x_t")
    check_shape(value, xt)
    a = schedule.at(t, xt)
    signal, noise = a.sqrt().to(xt), (1 - a).sqrt().to(xt)
    if source == "x0":
        x0, eps = value, (xt - signal * value) / noise
    elif source == "v":
        x0, eps = signal * xt - noise * value, noise * xt + signal * value
    else:
        eps = value if source == "eps" else -noise * value
        x0 = (xt - noise * eps) / signal
    return {"eps": eps, "x0": x0, "v": signal * eps - noise * x0, "score": -eps / noise}[target]


# ---------------------------------------------------------------------------------------- reverse: noise to data


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
    clip: float | None = None,
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

    xt, eps_hat, noise: (B, ...). clip: keep x0_hat inside [-clip, clip] (1.0 for pictures) and use the eps_hat that fits.
    Raises ValueError for s >= t.
    """
    check_batch(xt, "x_t")
    check_batch(eps_hat, "eps_hat", xt)
    check_batch(noise, "noise", xt)
    _check_eta(eta)
    check_clip(clip)
    x0_hat = convert(eps_hat, "eps", "x0", xt, t, schedule)
    if clip is not None:
        x0_hat = x0_hat.clamp(-clip, clip)
        eps_hat = convert(x0_hat, "x0", "eps", xt, t, schedule)
    return _land(xt, x0_hat, eps_hat, t, s, schedule, noise, eta, v)


def _land(xt, x0_hat, eps_hat, t: int, s: int, schedule: Schedule, noise, eta: float, v) -> Step:
    """`reverse_step`, once x0_hat and the eps_hat that fits are known."""
    at, as_ = schedule.at(t, xt), schedule.at(s, xt, lowest=0)
    if not bool((as_ > at).all()):
        said = f"A reverse step goes back in time: s must be smaller than t, but got s = {s} and t = {t}."
        raise ValueError(said)
    beta = 1 - at / as_
    beta_tilde = (1 - as_) / (1 - at) * beta
    # 1 - alpha_bar_s - eta^2 beta_tilde, factored so that rounding cannot push it below zero
    direction = ((1 - as_) * (1 - eta**2 * beta / (1 - at))).sqrt()
    mean = as_.sqrt().to(xt) * x0_hat + direction.to(xt) * eps_hat
    if isinstance(v, Tensor):
        beta, beta_tilde = beta.to(v), beta_tilde.to(v)
    # data (s = 0) are shown without noise, z = 0 in DDPM's algorithm 2; beta_tilde is 0 there by itself, beta is not
    sigma = eta * (beta**v * beta_tilde ** (1 - v)).sqrt()
    # not a product: 0 x infinity, where a learned v exceeds 1, would be NaN
    sigma = torch.where((as_ < 1).to(sigma.device), sigma, 0.0)
    xs = mean + sigma.to(xt) * noise
    return Step(t, s, xt, eps_hat, x0_hat, mean, float(sigma) if sigma.ndim == 0 else sigma, noise, xs)


# ---------------------------------------------------------------------------------------- a denoiser, asked


def own_schedule(model: Callable, schedule: Schedule | None) -> Schedule:
    """The schedule, or the model's own if it is None. ValueError if there is none, for most functions know none."""
    schedule = getattr(model, "schedule", None) if schedule is None else schedule
    check_schedule(schedule)
    return schedule


@torch.no_grad()
def guess_x0(
    model: Callable[..., Tensor],
    xt: Tensor,
    t: int | Tensor,
    y: Tensor | None = None,
    schedule: Schedule | None = None,
    predicts: str = "eps",
) -> tuple[Tensor, Tensor | None]:
    """What a denoiser guesses: x0_hat (B, ...), and its learned share v of log beta (B, ...), see `bound.log_variance`, or None.

    model: model(xt (B, ...), t (B,), y (B,) or None) -> a prediction of xt's shape, of the kind that `predicts` names. One whose
    `learns_variance` is true is asked for both at once: model.eps_and_v(xt, t, y) -> (eps_hat, v).
    t: 1..T, one or (B,). schedule: None takes the model's own. Raises ValueError for an answer of another shape, or no numbers.
    """
    schedule = own_schedule(model, schedule)
    ask = model.eps_and_v if getattr(model, "learns_variance", False) else lambda *told: (model(*told), None)
    times = t.to(xt.device).expand(len(xt)) if isinstance(t, Tensor) else torch.full((len(xt),), t, device=xt.device)
    answer, v = ask(xt, times, y)
    x0_hat = convert(_checked(answer, xt, t), predicts, "x0", xt, t, schedule)
    return x0_hat, v if v is None else _checked(v, xt, t, "A denoiser that has learned its variance")


def _checked(answer: Tensor, xt: Tensor, t: int | Tensor, who: str = "The denoiser") -> Tensor:
    check_shape(answer, xt, who)
    if not bool(answer.isfinite().all()):
        raise ValueError(f"{who} returned NaN or infinity at t = {t}: its weights or its input are broken.")
    return answer


# ---------------------------------------------------------------------------------------- samplers


class Moment(NamedTuple):
    """Where a walk stood: at x_t (B, ...), with the guess x0_hat, clipped if it was to be."""

    t: int
    xt: Tensor
    x0_hat: Tensor


def second_order(now: Moment, s: int, past: Sequence[Moment], ask: Callable, schedule: Schedule) -> Tensor:
    """DPM-Solver++(2M): eps_hat of the guess that `extrapolate` makes of this one and the one before."""
    x0_hat = now.x0_hat
    if past and s > 0:
        x0_hat = extrapolate(x0_hat, now.t, s, past[-1].x0_hat, past[-1].t, schedule)
    return convert(x0_hat, "x0", "eps", now.xt, now.t, schedule)


@dataclass(frozen=True)
class Sampler:
    """A way to walk: settings of `reverse_step`, and what it makes of its guesses.

    eta: the fresh noise, from 0 (none) to 1 (DDPM's). even: how `ddpm.draw` spaces its steps, see Schedule.times.
    refine: refine(now, s, past, ask, schedule) -> the eps_hat (B, ...) with which the step to s is made, where past holds up to
    three Moments before `now`, and ask(xt, t) -> x0_hat asks the network again; None: that of the guess. With eta = 0 only.
    """

    eta: float
    even: str = "t"
    refine: Callable[..., Tensor] | None = None


# Add yours here: `sample`, `ddpm.draw`, the shell and the shared tests then have it.
SAMPLERS: dict[str, Sampler] = {
    # Ho et al. 2020, algorithm 2
    "ddpm": Sampler(eta=1.0),
    # Song et al. 2021, eq. 12
    "ddim": Sampler(eta=0.0),
    # Lu et al. 2022 (2211.01095), algorithm 2
    "dpmpp_2m": Sampler(eta=0.0, even="snr", refine=second_order),
}


def named_sampler(name: str, eta: float | None = None) -> Sampler:
    """The entry of SAMPLERS, with this eta if one is given. Raises ValueError for a name or an eta that it does not take."""
    if not isinstance(name, str) or name not in SAMPLERS:
        raise ValueError(f"There is no sampler {name!r}: choose one of {', '.join(SAMPLERS)}.")
    found = SAMPLERS[name]
    if eta is None:
        return found
    _check_eta(eta)
    if found.refine and eta != 0:
        said = f"The sampler {name} walks without fresh noise: leave eta out, or choose ddpm, but got eta = {eta}."
        raise ValueError(said)
    return replace(found, eta=eta)


def _check_eta(eta: float) -> None:
    if not within(eta, 0, 1):
        raise ValueError(f"eta must lie in 0..1 (0 is DDIM, 1 is DDPM), but got {eta}.")


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
    sampler: a key of SAMPLERS: "ddpm", "ddim", or "dpmpp_2m", which is as good as many more steps where these are few.
    eta: None is the sampler's own. v: the variance, see `reverse_step`; None is the learned one, or beta_tilde.
    clip: keep each x0_hat inside [-clip, clip].
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
    if len(times) < 2:
        said = f"A walk needs at least two times, where it starts and where it lands, but got {times}."
        raise ValueError(said)
    return times


def extrapolate(x0_hat: Tensor, t: int, s: int, before: Tensor, r: int, schedule: Schedule) -> Tensor:
    """The guess x0_hat made at t, drawn out along a line from the guess made at r > t to the middle of the step t -> s.

    With lambda = log(sqrt(alpha_bar) / sqrt(1 - alpha_bar)):  x0_hat + (x0_hat - before) / 2 (lambda_s - lambda_t) / (lambda_t - lambda_r).
    A DDIM step with this guess is one step of DPM-Solver++(2M), Lu et al. 2022 (2211.01095), algorithm 2.
    """
    r, t, s = (0.5 * torch.logit(schedule.alpha_bar[i]) for i in (r, t, s))
    return x0_hat + (x0_hat - before) * float((s - t) / (t - r) / 2)


def log_p_step(step: Step) -> Tensor:
    """log p_theta(x_s | x_t) in nats, (B,): how likely this step's draw was, given its mean and sigma.

    A step with sigma = 0 (the last one with beta_tilde; every DDIM step) is a function, not a draw. It has no density,
    so it adds 0: what the sum then measures is the draws that were made.
    """
    if not torch.as_tensor(step.sigma, device=step.xs.device).any():
        return torch.zeros(len(step.xs), dtype=torch.float64, device=step.xs.device)
    return log_normal(step.xs, step.mean, step.sigma**2)
