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


def mode_report(samples: Tensor, modes: Tensor, sd: float) -> dict[str, float]:
    """How a mixture of K equal Gaussians (modes (K, 2), sd) is covered by samples (N, 2). Keys:

    high_quality: share within 3 sd of a mode (the truth has 1 - exp(-4.5) = 98.89 % in two dimensions);
    modes: how many hold at least a tenth of their fair share of high-quality samples;
    kl: KL(share of each mode || even shares) in nats, over the high-quality samples (for N true samples about (K - 1) / 2N, not 0);
    sd_ratio: root mean square distance to the mode within 3 sd, over its true value without the cut (the truth has .976).
    """
    rms, which = nearest(samples, modes)
    distance = rms * math.sqrt(2)  # nearest() is per number, a mode's radius is in the plane
    good = distance < 3 * sd
    counts = torch.bincount(which[good], minlength=len(modes)).double()
    share = counts / counts.sum().clamp_min(1)
    return {
        "high_quality": float(good.double().mean()),
        "modes": int((share >= 0.1 / len(modes)).sum()),
        "kl": float(torch.special.xlogy(share, share * len(modes)).sum()),
        "sd_ratio": float(rms[good].pow(2).mean().sqrt() / sd),
    }


def frechet(a: Tensor, b: Tensor) -> float:
    """Squared Frechet distance between the Gaussians of two sets of features (N, D) and (M, D):

        |mu_a - mu_b|^2 + tr(C_a + C_b - 2 (C_a^(1/2) C_b C_a^(1/2))^(1/2))

    Not 0 for two samples of the same thing: print what real against real gives at the same N. Heusel et al. 2017 (1706.08500) eq. 6.
    """
    a, b = a.double(), b.double()
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    values, vectors = torch.linalg.eigh(ca)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ cb @ root).clamp_min(0).sqrt().sum()
    return float((a.mean(0) - b.mean(0)).pow(2).sum() + ca.trace() + cb.trace() - 2 * cross)
