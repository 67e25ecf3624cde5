"""Two networks against each other: a generator G turns noise into fakes, a discriminator D scores real against fake.

One step of the training has four parts (Goodfellow et al. 2014, 1406.2661, algorithm 1); `gan_step` is nothing else:

    fake = G(z)            1  draw fakes
    d_step(real, fake)     2  teach D to tell them from real ones
    fake = G(z')           3  draw fresh fakes
    g_step(fake)           4  fool D: G follows the gradient that comes back through D

D answers with a score, any number, above 0 for "real"; sigmoid(score) is the probability that D gives to "real".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from .dataset import Data
from .diffusion import randn_like
from .machine import seeded_weights, settle
from .nets import WAVES, Discriminator, Generator
from .train import Learner, Parts
from .values import choice, classes_for, dice, need, plain, portions


class Loss(NamedTuple):
    """What each player wants to be small, from the scores of real ones and fakes, (B,) each -> a number."""

    d: Callable[[Tensor, Tensor], Tensor]
    g: Callable[[Tensor, Tensor], Tensor]


def d_logistic(real: Tensor, fake: Tensor) -> Tensor:
    """-E log D(x) - E log(1 - D(G(z))), D = sigmoid(score): the cross entropy of "real" and "fake" (Goodfellow 2014, eq. 1)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def g_minimax(real: Tensor, fake: Tensor) -> Tensor:
    """E log(1 - D(G(z))): what D loses, G wins. Its slope in the score is D(G(z)), tiny once D is sure (Goodfellow 2014, eq. 1)."""
    return -F.softplus(fake).mean()


def g_non_saturating(real: Tensor, fake: Tensor) -> Tensor:
    """-E log D(G(z)): up the score as well, and steepest in it where D is sure of a fake. In the 2014 paper too, section 3."""
    return F.softplus(-fake).mean()


def d_hinge(real: Tensor, fake: Tensor) -> Tensor:
    """E max(0, 1 - score(x)) + E max(0, 1 + score(G(z))): whoever is right by 1 is left alone (Lim, Ye 2017, 1705.02894)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def d_wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """E score(G(z)) - E score(x): a distance, if the score's slope is held near 1, see `Regular.gp` (Arjovsky 2017, 1701.07875)."""
    return fake.mean() - real.mean()


def g_score(real: Tensor, fake: Tensor) -> Tensor:
    """-E score(G(z)): uphill on the score itself."""
    return -fake.mean()


def d_relativistic(real: Tensor, fake: Tensor) -> Tensor:
    """-E log sigmoid(score(x) - score(G(z))): each real one should beat its fake (Jolicoeur-Martineau 2018, 1807.00734)."""
    _pair(real, fake)
    return F.softplus(fake - real).mean()


def g_relativistic(real: Tensor, fake: Tensor) -> Tensor:
    """-E log sigmoid(score(G(z)) - score(x)): each fake should beat its real one. R3GAN's loss (Huang et al. 2024, 2501.05441)."""
    _pair(real, fake)
    return F.softplus(real - fake).mean()


def _pair(real: Tensor, fake: Tensor) -> None:
    got = f"{tuple(fake.shape)} and {tuple(real.shape)}"
    need(real.shape == fake.shape, f"Each fake is compared with one real one, but their scores have shapes {got}.")


LOSSES = {
    "minimax": Loss(d_logistic, g_minimax),
    "non-saturating": Loss(d_logistic, g_non_saturating),
    "hinge": Loss(d_hinge, g_score),
    "wasserstein": Loss(d_wasserstein, g_score),
    "relativistic": Loss(d_relativistic, g_relativistic),
}


# ---------------------------------------------------------------------------------------- holding D's slope


def slope2(score: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """|gradient of the score at x|^2 for each item of x (B, ...): (B,). Exact; it can be differentiated once more."""
    x = x.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(score(x).sum(), x, create_graph=True)
    return slope.flatten(1).pow(2).sum(1)


def slope2_estimate(score: Callable[[Tensor], Tensor], x: Tensor, v: Tensor, h: float = 0.003) -> Tensor:
    """( (score(x + h v) - score(x - h v)) / 2h )^2, (B,), for random directions v (B, ...) from N(0, I).

    Its mean over v is `slope2`, up to h^2: (v . g)^2 has the mean |g|^2. It needs no gradient of a gradient.
    """
    up, down = score(torch.cat([x + h * v, x - h * v])).chunk(2)
    return ((up - down) / (2 * h)).pow(2)


@dataclass(frozen=True)
class Regular:
    """What is added to D's loss so that its slope stays bounded: numbers that say how strongly.

    r1: r1 / 2 E |grad score|^2 at real ones (Mescheder et al. 2018, 1801.04406, eq. 9);  r2: the same at fakes (eq. 10);
    gp: gp E (|grad score| - 1)^2 between real and fake (WGAN-GP, Gulrajani et al. 2017, 1704.00028, eq. 3), always exact.
    exact: by the gradient of a gradient; else by `slope2_estimate`, which is faster.
    every: look only at one step in so many, by chance, and count it as often: the same on average, and cheaper. (StyleGAN2
    looks at fixed intervals, Karras et al. 2020, 1912.04958, section 3.1; R3GAN exactly, in every step.)
    """

    r1: float = 0.0
    r2: float = 0.0
    gp: float = 0.0
    exact: bool = False
    every: int = 1

    def __post_init__(self):
        said = f"r1, r2 and gp are at least 0, and every at least 1: got {self}."
        need(min(self.r1, self.r2, self.gp) >= 0 and self.every >= 1, said)

    def faded(self, least: float, share: float) -> Regular:
        """With r1 and r2 at least + (1 - least) share^2 of what they are, where share is that of the learning rate."""
        keep = least + (1 - least) * share**2
        return replace(self, r1=keep * self.r1, r2=keep * self.r2)

    def __call__(
        self, model: Discriminator, real: Tensor, fake: Tensor, y: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        def score(x: Tensor) -> Tensor:
            return model(x, None if y is None else y.repeat(len(x) // len(y)))

        total = real.new_zeros(())
        if self.every > 1 and float(torch.rand((), generator=generator)) * self.every >= 1:
            return total
        where = [(weight, x) for weight, x in ((self.r1, real), (self.r2, fake)) if weight]
        if where:
            x = torch.cat([x for _, x in where])
            squares = slope2(score, x) if self.exact else slope2_estimate(score, x, randn_like(x, generator))
            for (weight, _), part in zip(where, squares.chunk(len(where)), strict=True):
                total = total + weight / 2 * part.mean()
        if self.gp:
            share = torch.rand(len(real), *[1] * (real.ndim - 1), generator=generator).to(real)
            length = (slope2(score, fake + share * (real - fake)) + 1e-12).sqrt()
            total = total + self.gp * (length - 1).pow(2).mean()
        return self.every * total


# ---------------------------------------------------------------------------------------- the four parts of a step


def d_step(
    d: Learner, real: Tensor, fake: Tensor, loss: Loss, regular: Regular, generator: torch.Generator, y=None
) -> dict[str, float]:
    """Teach D once: real (B, ...) of classes y (B,), if any, against fakes. G feels nothing. Returns D's loss and both mean scores."""
    fake = fake.detach()  # or D's lesson would run on into G's weights
    scores, fakes = d.model(real, y), d.model(fake, y)
    value = d.descend(loss.d(scores, fakes) + regular(d.model, real, fake, y, generator))
    return {"loss_d": value, "real": float(scores.detach().mean()), "fake": float(fakes.detach().mean())}


def g_step(
    g: Learner, d: Learner, real: Tensor, fake: Tensor, loss: Loss, y=None, scores: Tensor | None = None
) -> dict[str, float]:
    """Fool D once: fakes (B, ...) that still hang on G's weights. D judges and does not change. Returns G's loss.

    scores: what D says of the real ones now, (B,), where it is known.
    """
    d.model.requires_grad_(False)  # D's own gradient is not needed, and a third of the work
    try:
        with torch.no_grad():
            scores = d.model(real, y) if scores is None else scores
        return {"loss_g": g.descend(loss.g(scores, d.model(fake, y)))}
    finally:
        d.model.requires_grad_(True)


def gan_step(
    g: Learner, d: Learner, real: Tensor, loss: Loss, regular: Regular, generator: torch.Generator, y=None
) -> dict[str, float]:
    """One whole step: draw fakes, teach D, draw fresh fakes, fool D. real (B, ...), y (B,) their classes or None."""
    with torch.no_grad():
        fake = g.model(g.model.noise(len(real), generator), y)  # 1 draw fakes
    said = d_step(d, real, fake, loss, regular, generator, y)  # 2 teach D
    fresh = g.model(g.model.noise(len(real), generator), y)  # 3 draw fresh fakes
    return said | g_step(g, d, real, fresh, loss, y)  # 4 fool D


def log_mixture(x: Tensor, means: Tensor, sd: float) -> Tensor:
    """log of the density at x (B, n) of equal Gaussians around means (K, n), each with standard deviation sd: (B,), in nats."""
    distance = torch.cdist(x.double(), means.double(), compute_mode="donot_use_mm_for_euclid_dist")
    n = x.shape[1]
    log_each = -0.5 * (distance / sd).pow(2) - n * math.log(sd * math.sqrt(2 * math.pi))
    return log_each.logsumexp(1) - math.log(len(means))


def optimal_score(log_p: Tensor, log_q: Tensor) -> Tensor:
    """The score, (B,), of the best D at places where real ones and fakes have the log densities log_p and log_q, (B,): then
    sigmoid(score) = p / (p + q) (Goodfellow 2014, proposition 1)."""
    return log_p - log_q


# ---------------------------------------------------------------------------------------- a whole GAN


R_POINTS, R_PICTURES = 0.1, 1.0  # R1 and R2 unless one says otherwise

RECIPES: dict[str, dict] = {
    "minimax (2014)": {"loss": "minimax"},
    "non-saturating": {"loss": "non-saturating"},
    "+ spectral norm": {"loss": "non-saturating", "spectral": True},
    "+ two learning rates": {"loss": "non-saturating", "spectral": True, "ratio": 4.0},
    "+ minibatch std": {"loss": "non-saturating", "minibatch_std": True},
    "+ R1 + R2": {"loss": "non-saturating", "r1": R_POINTS, "r2": R_POINTS},
    "WGAN-GP": {"loss": "wasserstein", "gp": 10.0, "d_steps": 5},
    "RpGAN alone": {"r1": 0.0, "r2": 0.0},
    "RpGAN + R1 + R2": {},
}  # what history tried, as options of `build` for points; each + is added to "non-saturating", and the last is `build`'s default


MODEL, NETS, CALLS = Generator, (Generator, Discriminator), 1  # see `families`


def suited(data: Data, loss: str = "relativistic", gp: float = 0.0) -> dict:
    """What `build` takes for these data where it is told None."""
    points = data.x.ndim == 2
    r = 0.0 if loss != "relativistic" else R_POINTS if points else R_PICTURES
    common = {"r1": r, "r2": r, "every": 1 if points or gp else 4}
    if points:
        return common | {"fade": 0.01, "lr": 2e-3, "latent": 2, "channels": 128, "batch": 256}
    channels = 16 if data.x.shape[-1] <= 32 else 8
    return common | {"fade": 1.0, "lr": 1e-3, "latent": 32, "channels": channels, "batch": 64}


@plain()
def build(
    data: Data,
    *,
    loss: str = "relativistic",
    r1: float | None = None,
    r2: float | None = None,
    gp: float = 0.0,
    exact: bool = False,
    every: int | None = None,
    fade: float | None = None,
    spectral: bool = False,
    minibatch_std: bool = False,
    d_steps: int = 1,
    lr: float | None = None,
    ratio: float = 1.0,
    latent: int | None = None,
    channels: int | None = None,
    patch: int = 1,
    waves: int = WAVES,
    batch: int | None = None,
    seed: int = 0,
    device="cpu",
) -> tuple[Generator, Parts]:
    """A generator and a discriminator that suit the data, and their training: ``model, parts = build(data)``, as in `ddpm`.

    The model is G's moving average; parts.learners are G and D. Where the default is None, `suited` decides.

    loss            a key of LOSSES
    r1, r2, gp      how strongly D's slope is held, see `Regular`; r1 = r2 = 0 for losses that are not relativistic
    exact, every    how that is measured, and in how many of the steps, see `Regular`
    fade            r1 and r2 fall with the learning rate to this share of themselves, so that D sees the whole first and
                    then ever narrower things, as R3GAN's fall
    spectral, minibatch_std     of D, see `nets.Discriminator`
    d_steps         how often D is taught for each time it is fooled, each time from `batch` other samples
    lr, ratio       G's highest learning rate, and D's over G's
    latent          how many numbers z has
    channels, patch, waves      of both networks, see `nets.Generator`; the D of points has half as many channels
    batch           samples a lesson
    seed, device    as in `ddpm.build`, and so is what it raises
    """
    told = dict(locals())
    choice(loss, LOSSES, "There is no GAN loss")
    need(d_steps >= 1, f"D is taught at least 1 time for each time it is fooled: got d_steps = {d_steps}.")
    use = settle(told, partial(suited, loss=loss, gp=gp))
    regular = Regular(use.r1, use.r2, gp, exact, use.every)
    common = {"classes": use.classes, "patch": patch, "waves": waves}
    width = use.channels // 2 if use.points else use.channels
    with seeded_weights(seed):
        net = Generator(use.shape, use.latent, channels=use.channels, **common).to(device)
        judge = Discriminator(use.shape, channels=width, spectral=spectral, minibatch_std=minibatch_std, **common)
    g = Learner(net, use.lr, clip=math.inf, betas=(0.0, 0.99))
    d = Learner(judge.to(device), ratio * use.lr, clip=math.inf, betas=(0.0, 0.99))

    def step(items, generator) -> dict[str, float]:
        x, y = items
        now = regular.faded(use.fade, g.share)
        classes = y.chunk(d_steps) if use.classes else [None] * d_steps
        *early, (x, y) = zip(x.chunk(d_steps), classes, strict=True)
        for real, named in early:
            with torch.no_grad():
                fake = g.model(g.model.noise(len(real), generator), named)
            d_step(d, real, fake, LOSSES[loss], now, generator, named)
        return gan_step(g, d, x, LOSSES[loss], now, generator, y)

    batches = data.to(device).batches(use.batch * d_steps, seed)
    return g.ema, Parts(step, batches, [g, d], {"model": "gan"} | told | {"batch": use.batch * d_steps})


@torch.no_grad()
def draw(model: Generator, n: int, *, y: Tensor | None = None, seed: int = 0, batch: int = 250) -> Iterator[Tensor]:
    """n samples, a batch (B, ...) at a time, as `ddpm.draw`, and y as there: one network call each. Pictures are kept in [-1, 1]."""
    y, noise = classes_for(y, n, model.classes), model.noise(n, dice(seed))
    for z, told in portions(batch, noise.device, noise, y):
        x = model(z, told)
        yield (x.clamp(-1, 1) if len(model.shape) == 3 else x).cpu()


def training_flops(parts: Parts, x: Tensor, y: Tensor | None, F: Callable[..., float]) -> float:
    """4 F_G (fakes for D; fresh ones, and back) + 6 F_D (real ones and fakes) + 3 F_D (scores of the real ones, the fresh
    fakes, and back to the fakes) + 12 F_D / every, where D's slope is estimated at two sets from two places each."""
    g, d = (learner.model for learner in parts.learners)
    return 4 * F(g, g.noise(len(x), None), y) + (9 + 12 / parts.about["every"]) * F(d, x, y)


def kinds_of_step(data: Data, options: dict) -> list[tuple[float, dict]]:
    """A GAN that looks at D's slope by chance makes steps with a look and steps without."""
    every = options.get("every") or suited(data, gp=options.get("gp", 0.0))["every"]
    look = options | {"every": 1}
    return [(1 / every, look), (1 - 1 / every, look | {"r1": 0.0, "r2": 0.0})]
