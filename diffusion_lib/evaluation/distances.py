"""How far drawn pictures are from real ones, on a classifier's features."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..dataset import Data
from .classifier import features
from .metrics import frechet


def distances(eye, real: Data, n: int) -> tuple[Callable[[Tensor], float], float]:
    """A function of pictures x (N, C, H, W): their Frechet distance to `real`, on the eye's features; and what n real ones score.

    n / classes real pictures of each class are held back, the others are the reference. Only distances of equally many pictures may be compared.
    """
    # samples show each class equally often, and so must the real ones
    order = torch.argsort(real.y, stable=True)
    ranks = torch.cat([torch.arange(int((real.y == c).sum())) for c in real.y.unique()])
    held = torch.zeros(len(real), dtype=torch.bool)
    held[order[ranks < n // len(real.names)]] = True
    known = features(eye, real.x[~held])

    def far(x: Tensor) -> float:
        return frechet(features(eye, x.clamp(-1, 1)), known)

    return far, far(real.x[held])
