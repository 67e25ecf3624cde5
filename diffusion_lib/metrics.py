"""How good, and how much of it copied?"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def nearest(samples: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Root-mean-square distance per number (B,) and index (B,) of the item of x (N, ...) closest to each of samples (B, ...)."""
    if samples.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"samples have shape {tuple(samples.shape[1:])}, but the data have {tuple(x.shape[1:])}: compare like with like."
        )
    if not len(x):
        raise ValueError("There are no data to compare with: x is empty.")
    # float64 and no matrix products: an exact copy must read as distance 0
    mode = "donot_use_mm_for_euclid_dist"
    d, i = torch.cdist(samples.flatten(1).double(), x.flatten(1).double(), compute_mode=mode).min(1)
    return d / math.sqrt(x[0].numel()), i
