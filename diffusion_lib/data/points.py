"""Points in the plane: mixtures whose density is known, and shapes whose density is not."""

from __future__ import annotations

import math

import numpy as np
import torch

from ..dataset import Data
from ..values import integer, plain, seeded
from . import painters

# ---------------------------------------------------------------------------------------- points in the plane


def _count(n: int) -> int:
    return integer(n, 2, math.inf, f"A cloud needs a whole number of at least 2 points, but n = {n!r}.")


@plain()
def _points(x: np.ndarray, y, names, name) -> Data:
    """Centre and scale by ONE number, the root of the mean variance, so that shapes keep their proportions."""
    x = x - x.mean(0)
    scale = math.sqrt(x.var(0).mean())
    x = torch.tensor(x / scale, dtype=torch.float32)
    return Data(x, torch.as_tensor(y).long(), tuple(names), name, "computed by diffusion_lib")


@plain()
def _mixture(centres: np.ndarray, sd: float, n: int, seed: int, name: str) -> Data:
    """Round Gaussians of one width, scaled by the mixture's exact standard deviation."""
    g = np.random.default_rng(seeded(seed))
    scale = math.sqrt((centres**2).mean() + sd**2)
    n = _count(n)
    y = g.integers(len(centres), size=n)
    x = torch.tensor((centres[y] + sd * g.standard_normal((n, 2))) / scale, dtype=torch.float32)
    modes = torch.tensor(centres / scale, dtype=torch.float32)
    names = tuple(str(i) for i in range(len(centres)))
    source = "computed by diffusion_lib"
    return Data(x, torch.from_numpy(y), names, name, source, modes=modes, sd=sd / scale)


def ring(n: int = 10_000, seed: int = 0) -> Data:
    """8 Gaussians of sd 0.02 on a circle of radius 2, then scaled to unit variance."""
    angle = np.arange(8) * math.pi / 4
    return _mixture(2 * np.stack([np.cos(angle), np.sin(angle)], 1), 0.02, n, seed, "ring")


def grid(n: int = 10_000, seed: int = 0) -> Data:
    """25 Gaussians of sd 0.05 at {-4, -2, 0, 2, 4}^2, then scaled to unit variance."""
    c = np.array([-4.0, -2, 0, 2, 4])
    return _mixture(np.stack(np.meshgrid(c, c), -1).reshape(-1, 2), 0.05, n, seed, "grid")


def moons(n: int = 10_000, seed: int = 0) -> Data:
    """Two half-moons that embrace each other."""
    from sklearn.datasets import make_moons

    return _points(*make_moons(_count(n), noise=0.05, random_state=seeded(seed)), ("upper", "lower"), "moons")


def swiss_roll(n: int = 10_000, seed: int = 0) -> Data:
    """A spiral; y is the turn it lies on."""
    from sklearn.datasets import make_swiss_roll

    x, angle = make_swiss_roll(_count(n), noise=0.3, random_state=seeded(seed))
    y = (angle // (2 * math.pi)).astype(int)
    return _points(x[:, [0, 2]], y, tuple(f"turn {i}" for i in range(y.max() + 1)), "swiss_roll")


def cat(n: int = 10_000, seed: int = 0) -> Data:
    """Points spread evenly over the silhouette of our sitting cat."""
    g, x, n = np.random.default_rng(seeded(seed)), np.empty((0, 2), np.float32), _count(n)
    while len(x) < n:
        tries = 2 * g.random((n, 2), np.float32) - 1
        x = np.concatenate([x, tries[painters.silhouette(*tries.T)]])
    return _points(x[:n], np.zeros(n, int), ("cat",), "cat")
