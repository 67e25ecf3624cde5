"""What a diffusion network is asked and how its answers are used: the losses, the learned variance, the variational bound.

Papers: DDPM = Ho, Jain, Abbeel 2020 (2006.11239); iDDPM = Nichol, Dhariwal 2021 (2102.09672);
v = Salimans, Ho 2022 (2202.00512).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from .data import Data
from .diffusion import (
    EVEN,
    PREDICTIONS,
    Schedule,
    add_noise,
    check_shape,
    convert,
    posterior,
    randn_like,
    sample,
)
from .nets import MLP, UNet, check_classes, classes_for
from .train import Learner, Parts, check_build, faster_precision, seed_all
from .values import dice, integer, plain

# ---------------------------------------------------------------------------------------- the question


EMPHASIS = (*EVEN, "bell")


def draw_times(n: int, schedule: Schedule, even: str, generator: torch.Generator | None) -> Tensor:
    """n random times in 1..T, (n,). even says which times are drawn how often:

    "t"     all alike, as DDPM does;
    "snr"   each decibel of noise alike: more of the small noises, where narrow structure is learned;
    "bell"  ln sigma is drawn from N(-0.5, 1.2^2), where sigma^2 = 1 / alpha_bar - 1: mostly the middle, where it is
            decided what the picture becomes (Karras et al. 2022, 2206.00364, table 1, for data of variance 1).
    """
    if even not in EMPHASIS:
        raise ValueError(f"Times cannot be drawn evenly in {even!r}: choose one of {', '.join(EMPHASIS)}.")
    if even == "t":
        return torch.randint(1, schedule.T + 1, (n,), generator=generator)
    log_sigma = -0.5 * torch.logit(schedule.alpha_bar[1:])
    share = torch.cat([log_sigma[1:2] - log_sigma[:1], log_sigma.diff()])  # t = 1 has no neighbour but t = 2
    if even == "bell":
        share = share * torch.exp(-0.5 * ((log_sigma + 0.5) / 1.2) ** 2)
    return 1 + torch.multinomial(share, n, replacement=True, generator=generator)


def ddpm_loss(model: Callable, x0: Tensor, t: Tensor, eps: Tensor, schedule: Schedule, predicts: str = "eps", y=None) -> Tensor:  # fmt: skip
    """How far the network's answer is from the truth: the mean square of model(x_t, t, y) - target. A number.

    x0, eps: (B, ...); t: (B,). predicts names the target: "eps" (DDPM eq. 14, L_simple, where t is drawn evenly), "x0", or
    "v" = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x0, which is eps at one end of time and -x0 at the other.
    """
    xt = add_noise(x0, t, eps, schedule)
    target = convert(eps, "eps", predicts, xt, t, schedule)
    answer = model(xt, t.to(xt.device), y).float()
    check_shape(answer, target, "The network")
    return (answer - target).pow(2).mean()


def hybrid_loss(model: Callable, x0: Tensor, t: Tensor, eps: Tensor, schedule: Schedule, predicts: str = "eps", y=None, levels: int | None = None) -> Tensor:  # fmt: skip
    """L_simple + 0.001 L_vlb (iDDPM eq. 16, weighted anew by how t is drawn) for a model that also answers with a variance: (B, 2C, ...).

    The bound teaches the variance only: the mean's answer is held fixed in it, and learns from L_simple alone.
    levels: how many values a pixel can have, see `vlb_term`.
    """
    xt = add_noise(x0, t, eps, schedule)
    answer, raw = model(xt, t.to(xt.device), y).float().chunk(2, 1)
    check_shape(answer, x0, "The first half of the network's channels")
    simple = (answer - convert(eps, "eps", predicts, xt, t, schedule)).pow(2).mean()
    x0_hat = convert(answer.detach(), predicts, "x0", xt, t, schedule)
    bound = vlb_term(x0, xt, x0_hat, t, share_of_beta(raw), schedule, levels).mean()
    return simple + 0.001 * schedule.T * bound


def share_of_beta(raw: Tensor) -> Tensor:
    """What the network says of its variance -> v, the share of log beta in it: -1 is all beta_tilde, 1 all beta (iDDPM eq. 15)."""
    return (raw + 1) / 2


class Denoiser(nn.Module):
    """A network and how to ask it: model(xt, t, y=None) -> eps_hat, just like the perfect denoisers of `oracle`.

    If the network has learned its variance, the answer is the pair (eps_hat, v) that `sample` understands.
    card: where the weights come from, if they were loaded.
    """

    def __init__(self, net: nn.Module, schedule: Schedule, predicts: str = "v", card: dict | None = None):
        super().__init__()
        if predicts not in PREDICTIONS:
            raise ValueError(
                f"A network cannot predict {predicts!r}: choose one of {', '.join(PREDICTIONS)}."
            )
        self.net, self.schedule, self.predicts, self.card = net, schedule, predicts, card or {}

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.net.config["shape"])

    @property
    def learns_variance(self) -> bool:
        return self.net.config["out"] == 2

    @torch.no_grad()
    def forward(self, xt: Tensor, t: int | Tensor, y: Tensor | None = None):
        if xt.shape[1:] != self.shape:
            raise ValueError(
                f"This network knows samples of shape {self.shape}, but got {tuple(xt.shape[1:])}."
            )
        if y is not None:
            check_classes(y, len(xt), self.net.config["classes"])
        times = torch.as_tensor(t, device=xt.device).expand(len(xt))
        kind = next((p.dtype for p in self.net.parameters()), xt.dtype)
        answer = self.net(xt.to(kind), times, y).float()
        if not self.learns_variance:
            return convert(answer, self.predicts, "eps", xt, t, self.schedule)
        answer, raw = answer.chunk(2, 1)
        return convert(answer, self.predicts, "eps", xt, t, self.schedule), share_of_beta(raw)


@plain()
def build(
    data: Data,
    *,
    schedule: Schedule | None = None,
    predicts: str = "v",
    learn_variance: bool = False,
    net: nn.Module | None = None,
    channels: int | None = None,
    batch: int | None = None,
    lr: float | None = None,
    even: str | None = None,
    drop: float = 0.1,
    precision: str | None = None,
    seed: int = 0,
    device="cpu",
) -> tuple[Denoiser, Parts]:
    """A network that suits the data, and its training: ``model, parts = build(data)``, then ``fit(*parts, seconds=60)``.

    The model is the moving average, so it can be used at every moment of the training. If pictures have classes, the
    network is told them, but for a share `drop` of the pictures, so that it can draw without being told as well.
    net, channels (of the U-Net; of the MLP its width), batch, lr and even (see `draw_times`): None takes what was found best for such data;
    precision: see `Learner`; None: float32 for points, else what `faster_precision` finds.
    """
    check_build(data, device, channels=channels, batch=batch)
    shape, points, small = tuple(data.x.shape[1:]), data.x.ndim == 2, data.x.shape[-1] <= 8
    schedule = schedule or Schedule.of("cosine", 1000)
    batch, lr = batch or (512 if points else 128 if small else 64), lr or (3e-3 if points else 2e-3)
    even = even or ("snr" if points else "bell")
    classes = 0 if points or data.y is None else len(data.names)
    about = {"model": "ddpm"} | locals()
    seed_all(seed)
    if net is None:
        common = {"classes": classes, "out": 1 + learn_variance}
        net = (
            MLP(shape, schedule.T, width=channels or 128, **common)
            if points
            else UNet(shape, schedule.T, channels=channels or 32, patch=1 if small else 2, **common)
        )
    net, data = net.to(device), data.to(device)
    loss_of = partial(hybrid_loss, levels=None if points else data.levels) if learn_variance else ddpm_loss

    def step(items, generator) -> dict[str, float]:
        x0, y = items
        t, eps = draw_times(len(x0), schedule, even, generator), randn_like(x0, generator)
        if classes:
            forget = torch.rand(len(x0), generator=generator) < drop
            y = y.masked_fill(forget.to(y.device), -1)
        with learner.autocast():
            loss = loss_of(learner.model, x0, t, eps, schedule, predicts, y if classes else None)
        return {"loss": learner.descend(loss)}

    precision = precision or ("float32" if points else faster_precision(net, data.x[:batch]))
    learner = Learner(net, lr, precision=precision)
    return Denoiser(learner.ema, schedule, predicts), Parts(step, data.batches(batch, seed), [learner], about)


def draw(model: Denoiser, n: int, steps: int = 20, *, y: Tensor | None = None, eta: float = 0.0, seed: int = 0, batch: int = 250) -> Iterator[Tensor]:  # fmt: skip
    """n samples, a batch (B, ...) at a time: ``torch.cat(list(draw(model, 100)))``.

    With eta = 0, second-order steps, even in decibels: 20 of them are enough. With eta > 0, DDPM's steps, even in t.
    y: (n,) class numbers; if the network has classes and y is None, each class in turn. Pictures are kept in [-1, 1].
    """
    y = classes_for(y, n, model.net.config["classes"])
    batch = integer(batch, 1, math.inf, f"A batch has at least 1 sample, but got batch = {batch!r}.")
    g, device = dice(seed), next(model.parameters()).device
    times = model.schedule.times(steps, "t" if eta else "snr")
    clip = 1.0 if len(model.shape) == 3 else None
    for start, xT in zip(
        range(0, n, batch),
        randn_like(torch.empty(n, *model.shape, dtype=torch.float32, device="cpu"), g).split(batch),
        strict=True,
    ):
        told = None if y is None else y[start : start + batch].to(device)
        walk = sample(
            model,
            xT.to(device),
            model.schedule,
            times,
            generator=g,
            eta=eta,
            order=1 if eta else 2,
            clip=clip,
            y=told,
        )
        *_, last = walk
        yield last.xs.cpu()


# ---------------------------------------------------------------------------------------- the variational bound


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


def vlb_term(x0: Tensor, xt: Tensor, x0_hat: Tensor, t: Tensor, v: float | Tensor, schedule: Schedule, levels: int | None) -> Tensor:  # fmt: skip
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
def bound_terms(model: Callable, x0: Tensor, schedule: Schedule, levels: int | None, *, v: float | None = None, y: Tensor | None = None, n: int = 16, seed: int = 0) -> Tensor:  # fmt: skip
    """The variational bound term by term, (T + 1,), in bits per dimension: entry t is `vlb_term` at t, entry 0 is L_T.

    Their sum is an upper bound of -log2 p(x0) per dimension. Each term is the mean over n items of x0 (N, ...), drawn anew.
    model: a denoiser; v: its variance (0 beta_tilde, 1 beta), None: the one it has learned.
    """
    g, size = dice(seed), 512
    times = torch.arange(1, schedule.T + 1).repeat_interleave(n)
    items = torch.randint(len(x0), (len(times),), generator=g)
    terms = []
    for t, i in zip(times.split(size), items.split(size), strict=True):
        here = x0[i.to(x0.device)]
        xt = add_noise(here, t, randn_like(here, g), schedule)
        x0_hat, learned = _guess(model, xt, t, None if y is None else y[i.to(y.device)], schedule, 1.0 if levels else None)  # fmt: skip
        if v is None and learned is None:
            raise ValueError(
                "This model has not learned its variance: say v = 0 for beta_tilde or v = 1 for beta."
            )
        terms.append(vlb_term(here, xt, x0_hat, t, learned if v is None else v, schedule, levels).cpu())
    prior = schedule.terminal_kl(x0) / math.log(2)
    return torch.cat([torch.tensor([prior]), torch.cat(terms).reshape(-1, n).mean(1)])


@torch.no_grad()
def bits_per_dimension(model: Callable, seen: Tensor, x: Tensor, schedule: Schedule, levels: int, *, y_seen: Tensor | None = None, y: Tensor | None = None, n: int = 16, seed: int = 0) -> float:  # fmt: skip
    """The bound on -log2 p(x) per number of x (N, ...), for a chain that spares itself the faintest noise:

        L_T + sum over t > r of L_t - E log2 p(x_0 | x_r),   p(x_0 | x_r) = N(x0_hat, s^2) in bins of grey (DDPM eq. 13)

    With r = 1 it is the sum of `bound_terms`, which pays for telling apart what lies far closer together than two grey levels.
    r and s are those that suit `seen` (M, ...), never x. Variances: beta_tilde. y_seen (M,), y (N,): classes, if told.
    """

    def rest(x, y):
        """Entry r: L_T and all terms above r, (T + 1,)."""
        terms = bound_terms(model, x, schedule, levels, v=0.0, y=y, n=n, seed=seed)
        return terms.sum() - terms.cumsum(0) + terms[0]

    def jump(x, y, r, s=None):
        """-log2 p(x_0 | x_r) per number, and s: if it is not given, as large as the errors."""
        g = dice(seed)
        x0_hat, _ = _guess(model, add_noise(x, r, randn_like(x, g), schedule), r, y, schedule, 1.0)
        s = (x - x0_hat).pow(2).mean().sqrt() if s is None else s
        return float(-log_bin(x, x0_hat, s, levels).mean()) / math.log(2), s

    above, ends = rest(seen, y_seen), sorted({max(1, schedule.T // k) for k in (1000, 500, 200, 100, 50, 25, 12, 6, 3)})  # fmt: skip
    r = min(ends, key=lambda r: above[r] + jump(seen, y_seen, r)[0])
    _, s = jump(seen, y_seen, r)
    return float(rest(x, y)[r]) + jump(x, y, r, s)[0]


def _guess(model: Callable, xt: Tensor, t: int | Tensor, y: Tensor | None, schedule: Schedule, clip: float | None):  # fmt: skip
    """x0_hat, and the variance if the model has learned it."""
    answer = model(xt, t, y)
    eps_hat, learned = answer if isinstance(answer, tuple) else (answer, None)
    x0_hat = convert(eps_hat, "eps", "x0", xt, t, schedule)
    return x0_hat if clip is None else x0_hat.clamp(-clip, clip), learned
