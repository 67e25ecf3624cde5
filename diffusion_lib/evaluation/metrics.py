"""How good, how many kinds, and how much of it copied? Each number is blind to something, and its docstring says to what.

Real against real is never perfect: print what n real ones score beside what n samples score, and never compare across n.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..values import need


def rms_distances(samples: Tensor, x: Tensor) -> Tensor:
    """Root-mean-square distance per number of each of samples (B, ...) from each of x (N, ...): (B, N), float64."""
    said = f"samples have shape {tuple(samples.shape[1:])}, but the data have {tuple(x.shape[1:])}: compare like with like."
    need(samples.shape[1:] == x.shape[1:], said)
    need(len(x), "There are no data to compare with: x is empty.")
    # float64 and no matrix products: an exact copy must read as distance 0
    mode = "donot_use_mm_for_euclid_dist"
    apart = torch.cdist(samples.flatten(1).double(), x.flatten(1).double(), compute_mode=mode)
    return apart / math.sqrt(x[0].numel())


def nearest(samples: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Distance (B,), see `rms_distances`, and index (B,) of the item of x (N, ...) closest to each of samples (B, ...)."""
    least = rms_distances(samples, x).min(1)
    return least.values, least.indices


def mode_report(samples: Tensor, modes: Tensor, sd: float) -> dict[str, float]:
    """How a mixture of K equal Gaussians (modes (K, 2), sd) is covered by samples (N, 2). Keys:

    high_quality: share within 3 sd of a mode (the truth has 1 - exp(-4.5) = 98.89 % in two dimensions);
    modes: how many hold at least a tenth of their fair share of high-quality samples;
    kl: KL(share of each mode || even shares) in nats, over the high-quality samples (for N true samples about (K - 1) / 2N, not 0);
    sd_ratio: root mean square distance to the mode within 3 sd, over its true value without the cut (the truth has .974).

    If no sample is within 3 sd, kl and sd_ratio are NaN: nothing was shared out. Where few are, modes and kl speak of these few.
    """
    rms, which = nearest(samples, modes)
    distance = rms * math.sqrt(2)  # nearest() is per number, a mode's radius is in the plane
    good = distance < 3 * sd
    counts = torch.bincount(which[good], minlength=len(modes)).double()
    share = counts / counts.sum().clamp_min(1)
    return {
        "high_quality": float(good.double().mean()),
        "modes": int((share >= 0.1 / len(modes)).sum()),
        "kl": uneven(counts),
        "sd_ratio": float(rms[good].pow(2).mean().sqrt() / sd),
    }


def uneven(counts: Tensor) -> float:
    """KL(shares || even shares) = sum over K of p ln(K p), in nats, of how often each of K kinds came (K,); NaN if none did.

    0 if all came alike. N draws of even shares are not 0: about (K - 1) / 2N on average, where N is large beside K.
    """
    counts = counts.double()
    if not bool(counts.any()):
        return math.nan
    share = counts / counts.sum()
    return float(torch.special.xlogy(share, share * len(counts)).sum())


COUNTED = 0.1  # the share of samples within 3 sd from which on modes and their KL are counted: few strays say nothing


def near_modes(x: Tensor, modes: Tensor) -> int:
    """How many modes hold a tenth of their fair share of the points x (N, 2), counted within a quarter of the gap between modes.

    Wider than `mode_report`'s 3 sd, so it tells a collapse from a cloud that is only not sharp yet.
    """
    gap = torch.cdist(modes, modes).fill_diagonal_(math.inf).min()
    distance, i = torch.cdist(x, modes).min(1)
    counts = torch.bincount(i[distance < gap / 4], minlength=len(modes))
    return int((counts >= 0.1 * len(x) / len(modes)).sum())


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


def kernel_distance(a: Tensor, b: Tensor) -> float:
    """Squared maximum mean discrepancy of two sets of features (N, D) and (M, D) under k(u, v) = (u . v / D + 1)^3, unbiased:

        mean of k(a_i, a_j) over i != j  +  mean of k(b_i, b_j) over i != j  -  2 mean of k(a_i, b_j)

    0 on average for two samples of the same thing, whatever N, so it may come out below 0. Blind to what a polynomial of
    degree 3 does not see. Binkowski et al. 2018 (1801.01401) section 3.1, who call it KID on Inception's features.
    """

    def k(u: Tensor, v: Tensor) -> Tensor:
        return (u @ v.T / u.shape[1] + 1).pow(3)

    def within(x: Tensor) -> Tensor:
        each = k(x, x)
        return (each.sum() - each.trace()) / (len(x) * (len(x) - 1))

    a, b = a.double(), b.double()
    return float(within(a) + within(b) - 2 * k(a, b).mean())


def neighbourhoods(samples: Tensor, real: Tensor, k: int = 5) -> dict[str, float]:
    """Do samples (M, ...) lie where real ones (N, ...) lie, and everywhere there? By balls that reach to the k-th neighbour.

    precision: share of samples inside the ball of some real one; blind to what is missing (Kynkaanniemi 2019, 1904.06991).
    recall: share of real ones inside the ball of some sample; a few samples far out have huge balls, so junk raises it.
    density: how many balls of real ones a sample lies in, over k; about 1 for the truth, above 1 for the middle of the crowd.
    coverage: share of real ones whose ball holds a sample; blind to how many (Naeem et al. 2020, 2002.09797).
    Raises ValueError if either side has k items or fewer.
    """
    samples, real = samples.flatten(1).double(), real.flatten(1).double()
    said = f"{k} neighbours need more than {k} items a side, but got {len(samples)} and {len(real)}."
    need(min(len(samples), len(real)) > k, said)
    of_real, of_samples = _reach(real, k), _reach(samples, k)  # (N,), (M,)
    apart = torch.cdist(real, samples)  # (N, M)
    inside = apart < of_real[:, None]  # sample j lies in the ball of real i
    return {
        "precision": float(inside.any(0).double().mean()),
        "recall": float((apart < of_samples).any(1).double().mean()),
        "density": float(inside.double().sum(0).mean() / k),
        "coverage": float(inside.any(1).double().mean()),
    }


def _reach(x: Tensor, k: int) -> Tensor:
    """(N,), how far it is from each of x (N, D) to its k-th nearest other one."""
    return torch.cdist(x, x).topk(k + 1, largest=False).values[:, -1]  # the nearest is itself; kthvalue takes longer


def coverage_ceiling(real: int, samples: int, k: int = 5) -> float:
    """The coverage that samples of the truth itself have on average: 1 - prod_{i=1..k} (N - i) / (N + M - i).

    A ball stays empty if the k nearest of all the others are real ones.
    """
    return 1 - math.prod((real - i) / (real + samples - i) for i in range(1, k + 1))


def sliced_wasserstein(a: Tensor, b: Tensor, directions: int = 100, seed: int = 0) -> float:
    """How far the mass of a must move to become b, seen along random directions: the mean over them of the Wasserstein-1
    distance on a line, which is the mean gap between sorted numbers (Rabin et al. 2011; Bonneel et al. 2015).

    a, b: (N, ...), equally many; in the units of the data. Blind to fine structure: modes shrunk to a point hardly move mass.
    """
    said = f"Sorted numbers are compared one by one: both sets must have one shape, but got {tuple(a.shape)} and {tuple(b.shape)}."
    need(a.shape == b.shape, said)
    a, b = a.flatten(1).double(), b.flatten(1).double()
    where = torch.randn(a.shape[1], directions, generator=torch.Generator().manual_seed(seed), dtype=a.dtype)
    where = where / where.norm(dim=0)
    return float(((a @ where).sort(0).values - (b @ where).sort(0).values).abs().mean())


def copied(samples: Tensor, seen: Tensor, fresh: Tensor) -> dict[str, float]:
    """The share of samples whose nearest training picture is nearer than their nearest unseen one, and its 95 % interval.

    seen, fresh (N, ...): equally many, so that samples read 0.5 that do not depend on which were seen, and copies of them 1.
    Blind to copies that are shifted or recoloured. Keys: share, low, high; the interval holds the luck of the samples,
    not that of which pictures happened to be seen.
    """
    said = f"As many seen as unseen pictures are needed, or the larger set wins: got {len(seen)} and {len(fresh)}."
    need(len(seen) == len(fresh), said)
    return share_nearer(nearest(samples, seen)[0], nearest(samples, fresh)[0])


def share_nearer(seen: Tensor, fresh: Tensor) -> dict[str, float]:
    """The same from the distances (B,) of samples from what is nearest among the seen and among the unseen."""
    nearer = seen < fresh
    low, high = wilson(int(nearer.sum()), len(nearer))
    return {"share": float(nearer.double().mean()), "low": low, "high": high}


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share of which `hits` of n were seen (Wilson 1927). It never leaves 0..1, and 0 of n is not "never"."""
    p, w = hits / n, z**2 / n
    middle, half = (p + w / 2) / (1 + w), z / (1 + w) * math.sqrt(p * (1 - p) / n + w / n / 4)
    return middle - half, middle + half


def student(values) -> tuple[float, float]:
    """95 % interval of the mean of some runs' values (n,): mean +- t s / sqrt(n), t from n - 1 degrees of freedom (Student 1908).

    True for values that scatter like a bell, however few they are. A bootstrap of 5 would hold the truth in 83 of 100 cases only.
    """
    from scipy.special import stdtrit

    values = torch.as_tensor(values, dtype=torch.float64)
    said = f"An interval needs the values of 2 runs or more, but got shape {tuple(values.shape)}."
    need(values.ndim == 1 and len(values) >= 2, said)
    half = stdtrit(len(values) - 1, 0.975) * float(values.std()) / math.sqrt(len(values))
    return float(values.mean()) - half, float(values.mean()) + half
