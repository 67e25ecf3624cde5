"""Small things that many tests need: networks that never learned, pictures that are held back, waiting."""

import time

import torch

from diffusion_lib import ddpm
from diffusion_lib.diffusion import Schedule
from diffusion_lib.nets import MLP


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def denoiser(shape=(2,), classes=0, T=40, out=1, *, width=8, spread=0.3, predicts="v", seed=0):
    """A network that never learned, whose answers are not all 0."""
    torch.manual_seed(seed)
    net = MLP(shape, T, classes=classes, width=width, depth=1, out=out)
    torch.nn.init.normal_(net.last.weight, std=spread)
    return ddpm.Denoiser(net.requires_grad_(False), Schedule.of("cosine", T), predicts)


def digit_denoiser(predicts="v", out=1, classes=10, T=100, seed=0):
    """The same for digits."""
    return denoiser((1, 8, 8), classes, T, out, width=16, spread=0.05, predicts=predicts, seed=seed)


def held_back(real, n):
    """The first n / 10 pictures of each class, and the others."""
    held = torch.cat([(real.y == c).nonzero()[: n // 10, 0] for c in range(10)])
    rest = torch.ones(len(real), dtype=torch.bool)
    rest[held] = False
    return real.x[held], real.x[rest]


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
