"""Small things that many tests need: networks that never learned, pictures that are held back, waiting."""

import time

import torch

from diffusion_lib import ddpm
from diffusion_lib.diffusion import Schedule
from diffusion_lib.nets import MLP


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def digit_denoiser(predicts="v", out=1, classes=10, T=100, seed=0):
    """A network for digits that never learned, whose answers are not all 0."""
    torch.manual_seed(seed)
    net = MLP((1, 8, 8), T, classes=classes, width=16, depth=1, out=out)
    torch.nn.init.normal_(net.last.weight, std=0.05)
    return ddpm.Denoiser(net.requires_grad_(False), Schedule.of("cosine", T), predicts)


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
