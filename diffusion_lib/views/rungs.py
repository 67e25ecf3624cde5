"""Lesson 06: the resolution ladder. One task at 8, 16, 32 and 64 pixels, two families, the same seconds, steps or FLOPs."""

from __future__ import annotations

import json
import math
from functools import cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from .. import arena, data
from ..figures import grid
from ..metrics import sliced_wasserstein
from ..player import FramePlayer, curve, pixels
from .common import generator
from .failing import RECORDS
from .live import ByTurns, two_places
from .tables import Table, table

FLOORS = [[math.log10(v), str(v)] for v in (1, 2, 5, 10, 20, 50)]
SIZES, FAMILIES, N = (8, 16, 32, 64), ("GAN", "DDPM"), 100
AGAIN = (16, 32)  # where equal steps and equal FLOPs were tried as well
LIVE = 48  # samples to judge while one waits
FAILS = {
    "far": 0.5,
    "alike": 0.1,
}  # more than this share of the way to nothing learned; less of the real diversity


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
    if a.shape != b.shape or a.shape[-1] & (a.shape[-1] - 1) or a.shape[-1] < 8:
        raise ValueError(f"Two equally large sets of pictures of 8, 16, 32, ... pixels are needed, but got {tuple(a.shape)} and {tuple(b.shape)}.")  # fmt: skip
    out = []
    for one, two in zip(laplacian(a), laplacian(b), strict=True):
        g = generator(seed)
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
        noise = torch.randn(self.x.shape, generator=generator(0)).clamp(-1, 1)
        self.noise, self.mean_picture = self.distance(noise), self.distance(self.x.mean(0, keepdim=True).expand_as(self.x))  # fmt: skip
        self.nothing = min(self.noise, self.mean_picture)

    def levels(self, x: Tensor) -> list[float]:
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
        return {"distance": round(mean, 3), "far": round(far, 3), "levels": [round(v, 3) for v in levels],
                "diversity": round(spread, 3), "fails": far > FAILS["far"] or spread < FAILS["alike"]}  # fmt: skip


# ---------------------------------------------------------------------------------------- what was recorded


EQUAL = ("seconds", "steps", "flops")


@cache
def recorded_ladder() -> dict:
    """What `benchmarks/ladder.py` wrote: "runs", "anchors", "rungs" (steps, FLOPs, parameters, options), what was done, what fails."""
    return json.loads((RECORDS / "ladder.json").read_text("utf-8"))


def climbed(size: int, family: str, equal: str = "seconds") -> list[dict]:
    """The recorded runs of a rung in the order of their seeds, both families having had equal seconds, steps or flops.

    A family with as many steps by another budget was not trained twice: its run of equal seconds is the run.
    """
    book = recorded_ladder()
    plan = book["rungs"][str(size)]["budgets"]
    same = plan[equal][family] == plan["seconds"][family]
    want = (size, family, "seconds" if same else equal)
    return sorted((r for r in book["runs"] if (r["size"], r["family"], r["equal"]) == want), key=lambda r: r["seed"])  # fmt: skip


def _sheet(size: int, family: str, seeds: list[int]) -> np.ndarray:
    """The recorded pictures of one size and family: two rows of three for each seed, at 64 pixels a picture."""
    bands = []
    for seed in seeds:
        path = RECORDS / f"ladder_{size}_{family}_{seed}.{'png' if size < 32 else 'jpg'}"
        line = np.full((size, 6 * size, 3), 225, np.uint8)  # grey: this run is not recorded yet
        if path.exists():
            with Image.open(path) as image:
                line = np.asarray(image.convert("RGB"))
        bands += [line[:, : 3 * size], line[:, 3 * size :]]
    return np.concatenate(bands).repeat(64 // size, 0).repeat(64 // size, 1)


def ladder() -> FramePlayer:
    """The recorded ladder as a film whose frames are its rungs: real sprites, GAN, DDPM, and how far each run is from real."""
    book = recorded_ladder()
    runs, sizes = book["runs"], SIZES
    seeds = sorted({r["seed"] for r in runs})
    real = [grid(F.interpolate(real_pictures(s, 1000, 6 * len(seeds))[0][: 6 * len(seeds)], scale_factor=64 // s), columns=3, pad=0) for s in sizes]  # fmt: skip
    panels = [pixels(np.stack(real), "real")]
    panels += [
        pixels(
            np.stack([_sheet(s, f, seeds) for s in sizes]), f"{f}, {len(seeds)} seed{'s' * (len(seeds) > 1)}"
        )
        for f in FAMILIES
    ]
    at, lines = np.log2(sizes), {}
    for family in FAMILIES:
        for seed in seeds:
            far = [_distance(s, family, seed) for s in sizes]
            lines[family if seed == seeds[0] else " " * (1 + len(lines))] = np.log10(far)
    panel = curve(at, lines, "distance to real, in floors", cursor=at, xlabel="pixels", ylim=(-0.3, 1.8))
    for i, mark in enumerate(m for m in panel["marks"] if m["kind"] == "line" and m["n"] == len(at)):
        mark |= {"colors": [i // len(seeds)], "dash": i // len(seeds), "name": mark["name"].strip()}
    dots = [m for m in panel["marks"] if m["kind"] == "points"]
    for mark in dots:
        mark["colors"] = [i // len(seeds) for i in range(len(lines))]
    panel |= {"xticks": [[math.log2(s), str(s)] for s in sizes], "yticks": FLOORS}  # fmt: skip
    captions = [f"{s} × {s}: " + "; ".join(f"{f} {_range(climbed(s, f))}" for f in FAMILIES) for s in sizes]
    return FramePlayer([*panels, panel], captions=captions, labels=[f"{s} × {s}" for s in sizes], name="The resolution ladder", fps=1)  # fmt: skip


def _distance(size: int, family: str, seed: int) -> float:
    found = [r["distance"] for r in climbed(size, family) if r["seed"] == seed]
    return found[0] if found and found[0] else math.nan


def _range(runs: list[dict]) -> str:
    if not runs:
        return "not run yet"
    numbers = sorted(r["distance"] for r in runs if r["distance"] is not None)
    same = numbers and f"{numbers[0]:.1f}" == f"{numbers[-1]:.1f}"
    span = f"{numbers[0]:.1f}{'' if same else f' to {numbers[-1]:.1f}'} floors" if numbers else "no number"
    return f"{span}, {sum(r['fails'] for r in runs)} of {len(runs)} failed"


def ladder_table(equal: str = "seconds") -> Table:
    """The recorded ladder in numbers, every seed: distance, diversity, failures, and what the budget bought.

    equal: both families had equal "seconds", at every size; or equal "steps" or "flops", at 16 and 32 pixels.
    """
    if equal not in EQUAL:
        raise ValueError(f"On the ladder both families had equal {', '.join(EQUAL)}: got {equal!r}.")
    book, rows, seen = recorded_ladder(), [], []
    for size in SIZES if equal == "seconds" else AGAIN:
        rung = book["rungs"][str(size)]
        seen.append(size)
        for family in FAMILIES:
            runs = climbed(size, family, equal)
            far = " and ".join("none" if r["distance"] is None else f"{r['distance']:.1f}" for r in runs)
            spread = f"{min(r['diversity'] for r in runs):.2f} to {max(r['diversity'] for r in runs):.2f}"
            failed = f"{sum(r['fails'] for r in runs)} of {len(runs)}"
            steps = rung["budgets"][equal][family]
            work = steps * rung["gflops"][family] / 1000
            rows.append([f"{size}", family, far, spread, failed, f"{steps:,}", f"{work:.1f}", f"{sum(rung['parameters'][family]):,}"])  # fmt: skip
    head = ["size", "family", "distance, in floors", "diversity", "failed", "steps", "TFLOP", "parameters"]
    marks = [f"{book['anchors'][str(s)]['noise']:.0f} and {book['anchors'][str(s)]['mean picture']:.0f} at {s}" for s in seen]  # fmt: skip
    return table(head, rows, [f"Noise, and the mean picture, in floors: {'; '.join(marks)} pixels."])


# ---------------------------------------------------------------------------------------- the smallest rung, live


class Climb(ByTurns):
    """Made by `climb`: one size, both families, a step each whenever it is the turn of the one that has had less time."""

    def __init__(self, size: int, seconds: float, keep: int, seed: int):
        if size not in SIZES:
            raise ValueError(f"The ladder has the rungs {', '.join(map(str, SIZES))}: got size = {size!r}.")
        self.seed, self.size, self.ruler = seed, size, Ruler(size, LIVE)
        place = arena.Place(data.sprites(2000, size), data.Data(self.ruler.x))
        self.entries = arena.enter(place, seed, families=FAMILIES)
        super().__init__({"seconds": seconds}, keep, f"Sprites of {size} × {size}, live")

    def _look(self) -> dict:
        seen: dict = {"step": self.step, "seconds": self.trained}
        for name, entry in self.entries.items():
            x = entry.draw(LIVE, self.seed)
            if not bool(x.isfinite().all()):
                raise FloatingPointError(f"The {name}'s pictures are no numbers any more.")
            seen[name] = self.ruler.judge(x, torch.arange(LIVE) % 2) | {"x": grid(x[:24], columns=6, pad=0), "steps": entry.steps}  # fmt: skip
        return seen

    def _panels(self, frames: list[dict]) -> list[dict]:
        seconds = np.array([f["seconds"] for f in frames])
        far = {name: [math.log10(f[name]["distance"]) for f in frames] for name in FAMILIES}
        x, lines = two_places(seconds, far)
        panel = curve(x, lines, "distance to real, in floors", cursor=x, xlabel="seconds each", xlim=(0, self.seconds), ylim=(-0.3, 1.8))  # fmt: skip
        pictures = [pixels(np.stack([f[name]["x"] for f in frames]), name) for name in FAMILIES]
        return [*pictures, panel | {"yticks": FLOORS}]

    def _caption(self, f: dict) -> str:
        return f"{f['seconds']:.1f} s each:  " + "; ".join(
            f"{name} {f[name]['steps']:,} steps, {f[name]['distance']:.1f} floors" for name in FAMILIES
        )


def climb(size: int = 8, *, seconds: float = 20.0, keep: int = 20, seed: int = 0) -> Climb:
    """Train both families on sprites of this size, the same measured seconds each, side by side. It begins at once.

    Each has `seconds`, so it takes twice as long, and a little more to draw and to judge (48 samples a frame).
    """
    box = Climb(size, seconds, keep, seed)
    box.proceed()
    return box
