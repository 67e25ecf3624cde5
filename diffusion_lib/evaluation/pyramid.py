"""The ruler of the resolution ladder: distances in each level of a Laplacian pyramid."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .. import data
from ..values import dice, need
from .metrics import sliced_wasserstein

SIZES, FAMILIES = (8, 16, 32, 64), ("GAN", "DDPM")  # the rungs, and who climbs
EQUAL = ("seconds", "steps", "flops")  # the budgets
AGAIN = (16, 32)  # where equal steps and equal FLOPs were tried as well
N = 100
# more than this share of the way to nothing learned; less of the real diversity
FAILS = {"far": 0.5, "alike": 0.1}


# ---------------------------------------------------------------------------------------- the ruler


def laplacian(x: Tensor) -> list[Tensor]:
    """x (N, 3, S, S) as a Laplacian pyramid, finest first: what each halving loses, S, S/2, ..., and the 8 x 8 picture left."""
    levels = []
    while x.shape[-1] > 8:
        small = F.avg_pool2d(x, 2)
        levels.append(x - F.interpolate(small, scale_factor=2.0, mode="bilinear"))
        x = small
    return [*levels, x]


def pyramid_distances(a: Tensor, b: Tensor, patches: int = 64, seed: int = 0) -> list[float]:
    """Sliced Wasserstein distance of 7 x 7 patches of a and b (N, 3, S, S), at each level of `laplacian`, finest first.

    ProGAN's measure (Karras et al. 2018, 1710.10196, section 5) down to 8 pixels; patches are scaled by b's mean and
    standard deviation, so give the real ones as b. Blind to how patches hang together. Not 0 for real against real.
    """
    said = f"Two equally large sets of pictures of 8, 16, 32, ... pixels are needed, but got {tuple(a.shape)} and {tuple(b.shape)}."
    need(a.shape == b.shape and a.shape[-1] & (a.shape[-1] - 1) == 0 and a.shape[-1] >= 8, said)
    out = []
    for one, two in zip(laplacian(a), laplacian(b), strict=True):
        g = dice(seed)
        both = [_patches(x, patches, g) for x in (one, two)]
        mean, sd = both[1].mean((0, 2), keepdim=True), both[1].std((0, 2), keepdim=True)
        out.append(sliced_wasserstein(*((p - mean) / sd for p in both), directions=64))
    return out


def _patches(x: Tensor, n: int, g: torch.Generator) -> Tensor:
    """n random 7 x 7 patches of each picture: (N n, 3, 49)."""
    all_of_them = x.unfold(2, 7, 1).unfold(3, 7, 1)  # (N, 3, S-6, S-6, 7, 7)
    i = torch.arange(len(x)).repeat_interleave(n)
    row, column = torch.randint(x.shape[-1] - 6, (2, len(i)), generator=g)
    return all_of_them[i, :, row, column].flatten(2)


def diversity(x: Tensor, y: Tensor) -> float:
    """Standard deviation of a pixel over the pictures of one class, the mean over pixels and classes."""
    return float(torch.stack([x[y == k].std(0).mean() for k in y.unique()]).mean())


def real_pictures(size: int, seed: int, n: int = N) -> tuple[Tensor, Tensor]:
    """n sprites that no training sees, half cats, half flowers, in turn as `draw` asks for them, and their classes."""
    parts = [data.sprites(n // 2, size, seed, species=s) for s in ("cat", "flower")]
    return torch.stack([p.x for p in parts], 1).flatten(0, 1), torch.arange(n) % 2


class Ruler:
    """How far n samples of this size are from real ones, between two marks: 1 is real, `nothing` is nothing learned.

    A distance is the mean over the pyramid's levels of distance / floor. floor: the mean distance of four sets of n real
    pictures from a fifth. nothing: the smaller distance of noise and of n times the mean picture.
    """

    def __init__(self, size: int, n: int = N):
        self.x, self.y = real_pictures(size, 1000, n)
        others = [pyramid_distances(real_pictures(size, seed, n)[0], self.x) for seed in range(1001, 1005)]
        self.floor = [sum(level) / len(level) for level in zip(*others, strict=True)]
        noise = torch.randn(self.x.shape, generator=dice(0)).clamp(-1, 1)
        mean = self.x.mean(0, keepdim=True).expand_as(self.x)
        self.noise, self.mean_picture = self.distance(noise), self.distance(mean)
        self.nothing = min(self.noise, self.mean_picture)

    def levels(self, x: Tensor) -> list[float]:
        """The distance on each level of the pyramid, in floors: 1 is what real ones have."""
        return [d / f for d, f in zip(pyramid_distances(x, self.x), self.floor, strict=True)]

    def distance(self, x: Tensor) -> float:
        """In floors."""
        found = self.levels(x)
        return sum(found) / len(found)

    def judge(self, x: Tensor, y: Tensor) -> dict:
        """distance in floors; far: its share of the way from real (0) to nothing learned (1); diversity over the real one; fails."""
        if not bool(x.isfinite().all()):
            return {"distance": None, "far": None, "levels": [], "diversity": 0.0, "fails": True}
        levels, spread = self.levels(x), diversity(x, y) / diversity(self.x, self.y)
        mean = sum(levels) / len(levels)
        far = (mean - 1) / (self.nothing - 1)
        numbers = {"distance": round(mean, 3), "far": round(far, 3), "levels": [round(v, 3) for v in levels]}
        fails = far > FAILS["far"] or spread < FAILS["alike"]
        return numbers | {"diversity": round(spread, 3), "fails": fails}
