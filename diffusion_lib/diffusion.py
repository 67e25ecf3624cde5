"""The mathematics of noise: schedule, forward process, and what a network may predict of it. The way back is in `sampling`.

Time runs t = 1..T and t = 0 is the data, so ``alpha_bar[0] == 1`` and the last step needs no special case.
Tables are float64 whatever the pictures are: in float32, 1 - alpha_bar[1] is already wrong in the fourth digit.

Letters in shapes: B pictures, any further axes "..." (C, H, W for pictures, 2 for points).
Papers: DDPM = Ho, Jain, Abbeel 2020 (arXiv 2006.11239); DDIM = Song, Meng, Ermon 2021 (2010.02502);
iDDPM = Nichol, Dhariwal 2021 (2102.09672); v = Salimans, Ho 2022 (2202.00512).
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .values import Bundle, check_batches, check_shape, check_tensor, choice, integer, need, plain, row, whole_times

# signal that the curved schedules keep at T: enough that x0_hat = (...) / sqrt(alpha_bar) stays finite
FLOOR = 1e-4


def _to_floor(f: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Stretch a falling f so that it starts at 1 and ends at FLOOR."""

    def alpha_bar(u: Tensor) -> Tensor:
        first, last = f(torch.zeros_like(u)), f(torch.ones_like(u))
        return FLOOR + (1 - FLOOR) * (f(u) - last) / (first - last)

    return alpha_bar


def _on_straight(w: Tensor) -> Tensor:
    """The share of variance that is picture at the place w of the straight path (1 - w) x0 + w eps."""
    return (1 - w) ** 2 / ((1 - w) ** 2 + w**2)


# Each schedule is alpha_bar as a function of u = t/T in [0, 1], so it means the same for every T. Add yours here.
SCHEDULES: dict[str, Callable[[Tensor], Tensor]] = {
    # DDPM's betas 1e-4..0.02 over 1000 steps, in the limit of many steps (equal to its table within 0.0009)
    "linear": lambda u: torch.exp(-(0.1 * u + 9.95 * u**2)),
    # iDDPM eq. 17
    "cosine": _to_floor(lambda u: torch.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2),
    # Jabri, Fleet, Chen 2022 (2212.11972), start -3, end 3, tau 1
    "sigmoid": _to_floor(lambda u: torch.sigmoid(3 - 6 * u)),
    # flow matching's straight path (1 - w) x0 + w eps, scaled to variance 1, up to w = 0.99 where FLOOR is left
    "flow": lambda u: _on_straight(u / (1 + FLOOR**0.5)),
}

EVEN = ("t", "snr", "karras")  # the rulers of time: the steps themselves, decibels of noise, or sigma^(1/7)


@dataclass(frozen=True, eq=False, repr=False)
class Schedule(Bundle):
    """How much signal is left at each time.

    alpha_bar: (T+1,) float64, strictly falling from alpha_bar[0] = 1 (data) towards 0 (noise).
    Raises ValueError for a table that is not that; warns if x_T would still show the picture.
    """

    alpha_bar: Tensor
    name: str = "custom"

    def __post_init__(self):
        a = row(self.alpha_bar, "alpha_bar")
        got = max(len(a) - 1, 0) if a.ndim == 1 else a.shape
        need(a.ndim == 1 and got > 1, f"A schedule needs T of at least 2 steps, but got T = {got}.")
        said = "alpha_bar must start at exactly 1, fall at every step and stay above 0: check the table or betas."
        need(a[0] == 1 and (a[1:] < a[:-1]).all() and (a > 0).all(), said)
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
        choice(name, SCHEDULES, "There is no schedule called")
        T = integer(T, 2, math.inf, f"T must be a whole number of at least 2 steps, but got {T!r}.")
        with plain():
            a = SCHEDULES[name](torch.arange(T + 1, dtype=torch.float64) / T)
            a[0] = 1.0
        return cls(a, name)

    @classmethod
    def from_beta(cls, beta: Sequence[float] | Tensor, name: str = "custom") -> Schedule:
        """alpha_bar_t = prod_{i<=t} (1 - beta_i); beta: (T,), each in (0, 1). DDPM section 2."""
        beta = row(beta, "beta")
        said = "beta must be one number a step, each strictly between 0 and 1: the share of variance that the step replaces."
        need(beta.ndim == 1 and ((beta > 0) & (beta < 1)).all(), said)
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
        check_batches(x0=x0)
        return float((a * x0.double().pow(2).mean().cpu() - a - torch.log1p(-a)) / 2)

    def at(self, t: int | Tensor, like: Tensor, lowest: int = 1) -> Tensor:
        """alpha_bar[t] in float64, shaped to multiply `like` (B, ...); t an int or (B,) integers in lowest..T."""
        if isinstance(t, Tensor) and t.dtype == torch.int64 and t.shape == (len(like),) and t.stride(0) == 0:
            t = t[0].item()  # one time, shown to all: a walk asks so, and often
        if type(t) is not int or not lowest <= t <= self.T:
            t = whole_times(t, len(like), lowest, self.T)  # on the CPU, as the table is: MPS has no float64
        a = self.alpha_bar[t]
        return a.reshape(-1, *[1] * (like.ndim - 1)) if a.ndim else a

    def times(self, n: int | None = None, even: str = "t") -> list[int]:
        """T = t_0 > t_1 > ... > t_n = 0: the n steps that a sampler takes (all T if n is None).

        even: "t" spaces them evenly in t, as DDPM and DDIM do; "snr" evenly in decibels, which leaves more of few steps
        for the last small noises, where narrow structure is decided; "karras" evenly in sigma^(1/7), sigma^2 being
        (1 - alpha_bar) / alpha_bar (Karras et al. 2022, 2206.00364, eq. 5).
        """
        says = f"The number of sampling steps must be a whole number in 1..{self.T} (= T), but got {n!r}."
        n = integer(self.T if n is None else n, 1, self.T, says)
        if choice(even, EVEN, "Steps cannot be even in") == "t":
            return [round(self.T * (n - i) / n) for i in range(n + 1)]
        # whole times are few near t = 1, so each step leaves room for those after it
        ruler, times = {"snr": self.snr_db, "karras": (1 / self.alpha_bar - 1) ** (1 / 14)}[even], [self.T]
        for i in range(1, n):
            wanted = ruler[-1] + (ruler[1] - ruler[-1]) * i / max(n - 1, 1)
            t = 1 + int((ruler[1:] - wanted).abs().argmin())
            times.append(max(min(t, times[-1] - 1), n - i))
        return [*times, 0]


def check_schedule(schedule) -> None:
    """ValueError for what is no Schedule."""
    got = type(schedule).__name__
    need(isinstance(schedule, Schedule), f'schedule must be a Schedule, as Schedule.of("cosine") is, but got {got}.')


def randn_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """N(0, I) of x's shape, drawn where the generator lives: one CPU seed gives the same noise on every device."""
    said = f"generator must be None or torch's, such as torch.Generator().manual_seed(0), but got {generator!r}."
    need(generator is None or isinstance(generator, torch.Generator), said)
    device = generator.device if generator is not None else "cpu"
    return torch.randn(x.shape, dtype=x.dtype, device=device, generator=generator).to(x.device)


# ---------------------------------------------------------------------------------------- forward: data to noise


def forward_step(xs: Tensor, t: int | Tensor, eps: Tensor, schedule: Schedule) -> Tensor:
    """One step of the forward chain, a draw from q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I).

    xs: x_{t-1} (B, ...); t: 1..T; eps: N(0, I) of the same shape. Returns x_t. DDPM eq. 2.
    """
    check_batches(xs=xs, eps=eps)
    alpha = _alpha(t, xs, schedule)
    return alpha.sqrt().to(xs) * xs + (1 - alpha).sqrt().to(xs) * eps


def _alpha(t: int | Tensor, like: Tensor, schedule: Schedule) -> Tensor:
    check_schedule(schedule)
    return schedule.at(t, like) / schedule.at(t - 1, like, lowest=0)


def add_noise(x0: Tensor, t: int | Tensor, eps: Tensor, schedule: Schedule) -> Tensor:
    """Jump straight to time t, a draw from q(x_t | x_0): x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps.

    x0, eps: (B, ...); t: 0..T (0 gives x0 back). DDPM eq. 4.
    """
    check_batches(x0=x0, eps=eps)
    check_schedule(schedule)
    a = schedule.at(t, x0, lowest=0)
    return a.sqrt().to(x0) * x0 + (1 - a).sqrt().to(x0) * eps


def forward_path(x0: Tensor, schedule: Schedule, generator: torch.Generator | None) -> Tensor:
    """The whole chain x_0, x_1, ..., x_T, one forward_step after another: (T+1, B, ...)."""
    check_schedule(schedule)
    check_batches(x0=x0)
    path = [x0]
    for t in range(1, schedule.T + 1):
        path.append(forward_step(path[-1], t, randn_like(x0, generator), schedule))
    return torch.stack(path)


def log_normal(x: Tensor, mean: Tensor, var: Tensor | float) -> Tensor:
    """log N(x; mean, var I) in nats, summed over all axes but the first: (B,), float64. var: a number, (B,) or like x."""
    check_tensor(x, "x")
    check_shape(mean, x, "The mean of a bell curve")
    d2 = (x.double() - mean.double()).pow(2)
    var = torch.as_tensor(var, dtype=torch.float64, device=d2.device)
    var = var.reshape(-1, *[1] * (x.ndim - 1)) if var.ndim == 1 else var
    return -0.5 * (d2 / var + torch.log(2 * math.pi * var)).flatten(1).sum(1)


def log_q_step(xt: Tensor, xs: Tensor, t: int | Tensor, schedule: Schedule) -> Tensor:
    """log q(x_t | x_{t-1}) in nats, (B,); xs is x_{t-1}. DDPM eq. 2."""
    check_batches(xt=xt, xs=xs)
    alpha = _alpha(t, xt, schedule)
    return log_normal(xt, alpha.sqrt().to(xs.device) * xs, 1 - alpha)


def log_q_jump(xt: Tensor, x0: Tensor, t: int | Tensor, schedule: Schedule) -> Tensor:
    """log q(x_t | x_0) in nats, (B,). DDPM eq. 4."""
    check_batches(xt=xt, x0=x0)
    check_schedule(schedule)
    a = schedule.at(t, xt)
    return log_normal(xt, a.sqrt().to(x0.device) * x0, 1 - a)


def log_q_chain(path: Tensor, schedule: Schedule) -> Tensor:
    """The T terms log q(x_t | x_{t-1}) of a path (T+1, B, ...): (T, B). A product of densities is a sum of logs,

    log q(x_{1:T} | x_0) = sum_t log q(x_t | x_{t-1}), so ``.sum(0)`` is the chain's and ``.cumsum(0)`` shows it grow.
    """
    check_schedule(schedule)
    check_batches(path=path)
    said = f"The path has {len(path)} pictures, but a schedule of T = {schedule.T} needs T + 1 = {schedule.T + 1}: x_0 to x_T."
    need(len(path) == schedule.T + 1, said)
    return torch.stack([log_q_step(path[t], path[t - 1], t, schedule) for t in range(1, schedule.T + 1)])


def both_ends(t: int | Tensor, s: int | Tensor, like: Tensor, schedule: Schedule) -> tuple[Tensor, Tensor]:
    """alpha_bar_t and alpha_bar_s of a step back from t to an earlier s, to multiply `like` (B, ...)."""
    check_schedule(schedule)
    at, as_ = schedule.at(t, like), schedule.at(s, like, lowest=0)
    if not bool((as_ > at).all()):
        raise ValueError(f"A step back goes to an earlier time: s must be smaller than t, but got s = {s} and t = {t}.")
    return at, as_


def posterior(xt: Tensor, x0: Tensor, t: int, s: int, schedule: Schedule) -> tuple[Tensor, Tensor]:
    """Mean (B, ...) and variance of q(x_s | x_t, x_0), s < t: where the path was, if both its ends are known. DDPM eq. 6-7."""
    check_batches(xt=xt, x0=x0)
    at, as_ = both_ends(t, s, xt, schedule)
    step = at / as_  # what alpha_t is when s = t - 1
    mean = (as_.sqrt() * (1 - step) / (1 - at)).to(xt) * x0 + (step.sqrt() * (1 - as_) / (1 - at)).to(xt) * xt
    return mean, (1 - as_) / (1 - at) * (1 - step)


# ---------------------------------------------------------------------------------------- what a network may predict

PREDICTIONS = ("eps", "x0", "v", "flow", "score")


def convert(value: Tensor, source: str, target: str, xt: Tensor, t: int | Tensor, schedule: Schedule) -> Tensor:
    """The same knowledge in other words: given x_t, each of eps, x0, v, flow and score fixes the others.

    x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps;  v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x0;
    flow = eps - x0 (Liu et al. 2023, 2209.03003);  score = grad log q(x_t) = -eps / sqrt(1 - alpha_bar).
    value, xt: (B, ...); t: 1..T.
    """
    for kind in (source, target):
        choice(kind, PREDICTIONS, "A network cannot predict")
    check_schedule(schedule)
    check_tensor(xt, "xt")  # numbers that are none stay the caller's, for a training tells of them
    check_shape(value, xt)
    a = schedule.at(t, xt)
    root = (lambda v: v.sqrt().to(xt)) if a.ndim else math.sqrt  # of one number plain arithmetic, the same bits
    signal, noise = root(a), root(1 - a)
    if source == "x0":
        x0, eps = lambda: value, lambda: (xt - signal * value) / noise
    elif source == "v":
        x0, eps = lambda: signal * xt - noise * value, lambda: noise * xt + signal * value
    elif source == "flow":
        x0, eps = lambda: (xt - noise * value) / (signal + noise), lambda: (xt + signal * value) / (signal + noise)
    else:
        eps = lambda: value if source == "eps" else -noise * value
        x0 = lambda: (xt - noise * eps()) / signal
    known = {"eps": eps, "x0": x0, "v": lambda: signal * eps() - noise * x0()}  # none is computed that nobody wants
    known |= {"flow": lambda: eps() - x0(), "score": lambda: -eps() / noise}
    return known[target]()
