"""A network that squeezes a picture into a few numbers, and one that draws it again: the variational autoencoder.

    q(z | x) = N(mu(x), exp(logvar(x)))      the encoder: which z may have made x?
    p(x | z) = N(decoder(z), s^2)            the decoder, a generator like a GAN's; s is one number
    z ~ N(0, I)                              to draw something new, decode noise

Both learn to make the evidence lower bound (ELBO) large, which stands below log p(x) (Kingma, Welling 2014, 1312.6114, eq. 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from .bound import log_bin
from .dataset import Data
from .diffusion import randn_like
from .machine import seeded_weights, settle
from .nets import Generator, Net, eye, mlp
from .train import Learner, Parts
from .values import check_input, check_numbers, check_told, classes_for, dice, need, plain, portions


class VAE(Net):
    """Encoder and decoder. x (B, *shape) -> mu, logvar (B, latent); z (B, latent) -> the mean of p(x | z), (B, *shape).

    latent: how many numbers z has; 2 makes a map that can be looked at. sd: the decoder's s in the units of x; None: s is
    learned. channels, patch: as in `nets.Generator`.
    """

    def __init__(
        self, shape, latent: int = 16, classes: int = 0, channels: int = 16, sd: float | None = None, patch: int = 1
    ):
        super().__init__(locals())
        self.eye, features = eye(shape, channels, patch)
        width = channels if len(shape) == 1 else 4 * channels
        self.label = nn.Embedding(classes, features) if classes else None
        self.body = mlp(features, width, 2 if len(shape) == 1 else 1, 2 * latent)
        self.decoder = Generator(shape, latent, classes, channels, patch)
        # one number must be as quick as a whole network: a tenth of log s learns ten times as fast as a weight
        self.tenth_of_log_s = nn.Parameter(torch.tensor(math.log(sd or 1.0) / 10), requires_grad=sd is None)

    @property
    def log_s(self) -> Tensor:
        """log of the decoder's standard deviation."""
        return 10 * self.tenth_of_log_s

    def encode(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """mu and logvar of q(z | x), (B, latent) each; y (B,): the classes, if the network has any."""
        check_input(x, self.shape, "This encoder knows samples")
        check_numbers(self, x)
        check_told(y, len(x), self.classes, "This encoder")
        h = self.eye(x)
        return self.body(h if self.label is None else h + self.label(y)).chunk(2, 1)

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The mean of p(x | z): what z looks like."""
        return self.decoder(z, y)


def kl_to_prior(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL( N(mu, exp(logvar)) || N(0, I) ) = sum (mu^2 + exp(logvar) - 1 - logvar) / 2, (B,), in nats (2014, appendix B)."""
    return 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)


def reconstruction(model: VAE, x: Tensor, z: Tensor, y: Tensor | None = None, levels: int | None = None) -> Tensor:
    """The reconstruction term -log p(x | z), (B,), in nats. levels: a pixel has this many values, see `bound.vlb_term`; None: the density's."""
    mean, s = model.decode(z, y), model.log_s.exp()
    if levels:
        return -log_bin(x, mean, s, levels).flatten(1).sum(1)
    each = 0.5 * ((x - mean) / s).pow(2) + model.log_s + 0.5 * math.log(2 * math.pi)
    return each.flatten(1).sum(1)


def vae_loss(
    model: VAE, x: Tensor, noise: Tensor, y: Tensor | None = None, beta: float = 1.0, levels: int | None = None
) -> Tensor:
    """The negative ELBO, -log p(x | z) + beta KL(q(z | x) || p(z)) at z = mu + exp(logvar / 2) noise, (B,), in nats.

    With beta = 1 it stands above -log p(x) on average. noise: (B, latent) from N(0, I); written so, the gradient finds its
    way through the dice (the reparametrisation trick, 2014, section 2.4). beta != 1 is Higgins et al. 2017.
    """
    mu, logvar = model.encode(x, y)
    z = mu + (0.5 * logvar).exp() * noise
    return reconstruction(model, x, z, y, levels) + beta * kl_to_prior(mu, logvar)


MODEL, NETS, CALLS = VAE, (VAE,), 1  # see `families`


def suited(data: Data) -> dict:
    """What `build` takes for these data where it is told None. (sd = None is an answer: s is learned.)"""
    if data.x.ndim == 2:
        return {"lr": 2e-3, "latent": 2, "channels": 128, "batch": 256}
    return {"lr": 1e-3, "latent": 16, "channels": 16 if data.x.shape[-1] <= 32 else 8, "batch": 64}


@plain()
def build(
    data: Data,
    *,
    latent: int | None = None,
    sd: float | None = None,
    channels: int | None = None,
    patch: int = 1,
    warmup: int = 500,
    lr: float | None = None,
    batch: int | None = None,
    seed: int = 0,
    device="cpu",
) -> tuple[VAE, Parts]:
    """A VAE that suits the data, and its training: ``model, parts = build(data)``, as in `ddpm` and `gan`.

    The model is the moving average. Where the default is None, `suited` decides, but for sd.

    latent              how many numbers z has
    sd                  the decoder's s, above 0, in the units of x; None to learn it
    channels, patch     of encoder and decoder, see `nets.Generator`
    warmup              over so many steps beta rises from 0 to 1, or the encoder gives up before the decoder can listen
                        (Bowman et al. 2016, 1511.06349, section 3.1)
    lr, batch           the highest learning rate; samples a step
    seed, device        as in `ddpm.build`, and so is what it raises
    """
    told = dict(locals())
    need(sd is None or sd > 0, f"The decoder's sd is a number above 0, or None to learn it: got sd = {sd}.")
    use = settle(told, suited)
    with seeded_weights(seed):
        model = VAE(use.shape, use.latent, use.classes, use.channels, sd, patch).to(device)
    learner, numbers = Learner(model, use.lr), math.prod(use.shape)

    def step(items, generator) -> dict[str, float]:
        x, y = items
        noise = randn_like(x.new_empty(len(x), model.config["latent"]), generator)
        beta = min(1.0, (learner.steps + 1) / max(1, warmup))
        bits = vae_loss(model, x, noise, y if use.classes else None, beta).mean() / (numbers * math.log(2))
        return {"loss": learner.descend(bits)}  # per number: one learning rate suits few and many pixels

    batches = data.to(device).batches(use.batch, seed)
    return learner.ema, Parts(step, batches, [learner], {"model": "vae"} | told)


@torch.no_grad()
def bits_per_dimension(
    model: VAE, x: Tensor, levels: int | None, *, y: Tensor | None = None, n: int = 16, seed: int = 0
) -> float:
    """The bound on -log2 p(x) per number, the mean over x (N, ...) and n draws of z. levels: see `reconstruction`."""
    g = dice(seed)
    like = x.new_empty(len(x), model.config["latent"])
    total = sum(float(vae_loss(model, x, randn_like(like, g), y, levels=levels).mean()) for _ in range(n))
    return total / n / math.prod(model.shape) / math.log(2)


@torch.no_grad()
def draw(
    model: VAE, n: int, *, y: Tensor | None = None, grain: bool | None = None, seed: int = 0, batch: int = 250
) -> Iterator[Tensor]:
    """n samples, a batch (B, ...) at a time, as `gan.draw`: one network call each. Pictures are kept in [-1, 1].

    grain: draw from p(x | z), with its noise of size s; else what you get is its mean, smoother than real pictures.
    None: points with it (they are nothing without their spread), pictures without, as VAE pictures are usually shown.
    """
    y, g = classes_for(y, n, model.classes), dice(seed)
    noise, points = model.decoder.noise(n, g), len(model.shape) == 1
    for z, told in portions(batch, noise.device, noise, y):
        x = model.decode(z, told)
        if points if grain is None else grain:
            x = x + model.log_s.exp() * randn_like(x, g)
        yield (x if points else x.clamp(-1, 1)).cpu()


def network(model: VAE) -> Generator:
    """Drawing needs no encoder."""
    return model.decoder


def training_flops(parts: Parts, x: Tensor, y: Tensor | None, F: Callable[..., float]) -> float:
    """3 F: there, and back for the weights and for the activations."""
    model = parts.learners[0].model
    z = x.new_zeros(len(x), model.config["latent"])
    return 3 * (F(model.eye, x) + F(model.body, model.eye(x)) + F(model.decoder, z, y))
