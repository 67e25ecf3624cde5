"""Lesson 06: the resolution ladder. One task at 8, 16, 32 and 64 pixels, two families, the same seconds, steps or FLOPs."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from ... import data
from ...evaluation import arena, records
from ...evaluation.pyramid import AGAIN, EQUAL, FAMILIES, SIZES, Ruler, real_pictures
from ...values import need
from ...viz.figures import grid
from ...viz.panels import Line, curve, pixels
from ...viz.player import FramePlayer
from ...viz.tables import Table, table
from ...words import N_, _, ngettext
from ..live import ByTurns

FLOORS = {"ylim": (0.5, 63), "yticks": (1, 2, 5, 10, 20, 50)}  # of the axis with the distance
LIVE = 48  # samples to judge while one waits


# ---------------------------------------------------------------------------------------- what was recorded


def climbed(size: int, family: str, equal: str = "seconds") -> list[dict]:
    """The recorded runs of a rung in the order of their seeds, both families having had equal seconds, steps or flops.

    A family with as many steps by another budget was not trained twice: its run of equal seconds is the run.
    """
    book = records.read("ladder")
    plan = book["rungs"][str(size)]["budgets"]
    same = plan[equal][family] == plan["seconds"][family]
    want = (size, family, "seconds" if same else equal)
    runs = [r for r in book["runs"] if (r["size"], r["family"], r["equal"]) == want]
    return sorted(runs, key=lambda r: r["seed"])


def _sheet(size: int, family: str, seeds: list[int]) -> np.ndarray:
    """The recorded pictures of one size and family: two rows of three for each seed, at 64 pixels a picture."""
    bands = []
    for seed in seeds:
        path = records.RECORDS / f"ladder_{size}_{family}_{seed}.{'png' if size < 32 else 'jpg'}"
        line = np.full((size, 6 * size, 3), 225, np.uint8)  # grey: this run is not recorded yet
        if path.exists():
            with Image.open(path) as image:
                line = np.asarray(image.convert("RGB"))
        bands += [line[:, : 3 * size], line[:, 3 * size :]]
    return np.concatenate(bands).repeat(64 // size, 0).repeat(64 // size, 1)


def ladder() -> FramePlayer:
    """The recorded ladder as a film whose frames are its rungs: real sprites, GAN, DDPM, and how far each run is from real."""
    book = records.read("ladder")
    runs, sizes = book["runs"], SIZES
    seeds = sorted({r["seed"] for r in runs})
    n = 6 * len(seeds)
    real = [F.interpolate(real_pictures(s, 1000, n)[0][:n], scale_factor=64 // s) for s in sizes]
    panels = [pixels(np.stack([grid(x, columns=3, pad=0) for x in real]), _("real"))]
    for family in FAMILIES:
        sheets = np.stack([_sheet(s, family, seeds) for s in sizes])
        panels.append(pixels(sheets, f"{family}, {_seeds(len(seeds))}"))
    lines = [
        Line([_distance(s, family, seed) for s in sizes], family * (seed == seeds[0]), colour=i)
        for i, family in enumerate(FAMILIES)
        for seed in seeds
    ]
    title = _("distance to real, in floors")
    panel = curve(sizes, lines, title, cursor=sizes, xlabel=_("pixels"), log="xy", xticks=sizes, **FLOORS)
    captions = [f"{s} × {s}: " + "; ".join(f"{f} {_range(climbed(s, f))}" for f in FAMILIES) for s in sizes]
    labels = [f"{s} × {s}" for s in sizes]
    return FramePlayer([*panels, panel], captions=captions, labels=labels, name=_("The resolution ladder"), fps=1)


def _distance(size: int, family: str, seed: int) -> float:
    found = [r["distance"] for r in climbed(size, family) if r["seed"] == seed]
    return found[0] if found and found[0] else math.nan


def _seeds(n: int) -> str:
    return ngettext("{n} seed", "{n} seeds", n).format(n=n)


def _range(runs: list[dict]) -> str:
    if not runs:
        return _("not run yet")
    numbers = sorted(r["distance"] for r in runs if r["distance"] is not None)
    same = numbers and f"{numbers[0]:.1f}" == f"{numbers[-1]:.1f}"
    one, two = _("{low:.1f} floors"), _("{low:.1f} to {high:.1f} floors")
    span = (one if same else two).format(low=numbers[0], high=numbers[-1]) if numbers else _("no number")
    return _("{span}, {fails} of {runs} failed").format(span=span, fails=sum(r["fails"] for r in runs), runs=len(runs))


def ladder_table(equal: str = "seconds") -> Table:
    """The recorded ladder in numbers, every seed: distance, diversity, failures, and what the budget bought.

    equal: both families had equal "seconds", at every size; or equal "steps" or "flops", at 16 and 32 pixels.
    """
    need(equal in EQUAL, f"On the ladder both families had equal {', '.join(EQUAL)}: got {equal!r}.")
    book, rows, seen = records.read("ladder"), [], []
    for size in SIZES if equal == "seconds" else AGAIN:
        rung = book["rungs"][str(size)]
        seen.append(size)
        for family in FAMILIES:
            runs = climbed(size, family, equal)
            far = _(" and ").join(_("none") if r["distance"] is None else f"{r['distance']:.1f}" for r in runs)
            wide = [r["diversity"] for r in runs]
            spread = _("{low:.2f} to {high:.2f}").format(low=min(wide), high=max(wide))
            failed = _("{n} of {all}").format(n=sum(r["fails"] for r in runs), all=len(runs))
            steps = rung["budgets"][equal][family]
            work = steps * rung["gflops"][family] / 1000
            cells = [far, spread, failed, f"{steps:,}", f"{work:.1f}", f"{sum(rung['parameters'][family]):,}"]
            rows.append([f"{size}", family, *cells])
    head = [N_("size"), N_("family"), _("distance, in floors"), N_("diversity"), N_("failed")]
    head += [N_("steps"), "TFLOP", N_("parameters")]
    worst = {s: book["anchors"][str(s)] for s in seen}
    mark = _("{noise:.0f} and {mean:.0f} at {size}")
    marks = "; ".join(mark.format(noise=a["noise"], mean=a["mean picture"], size=s) for s, a in worst.items())
    return table(head, rows, [_("Noise, and the mean picture, in floors: {marks} pixels.").format(marks=marks)])


# ---------------------------------------------------------------------------------------- the smallest rung, live


class Climb(ByTurns):
    """Made by `climb`: one size, both families, a step each whenever it is the turn of the one that has had less time."""

    def __init__(self, size: int, seconds: float, keep: int, seed: int):
        need(size in SIZES, f"The ladder has the rungs {', '.join(map(str, SIZES))}: got size = {size!r}.")
        super().__init__({"seconds": seconds})
        self.seed, self.size, self.ruler = seed, size, Ruler(size, LIVE)
        place = arena.Place(data.sprites(2000, size), data.Data(self.ruler.x))
        self.entries = arena.enter(place, seed, families=FAMILIES)
        self._open(_("Sprites of {size} × {size}, live").format(size=size), keep)

    def _look(self) -> dict:
        seen: dict = {"step": self.step, "seconds": self.trained}
        for name, entry in self.entries.items():
            x = entry.draw(LIVE, self.seed)
            if not bool(x.isfinite().all()):
                raise FloatingPointError(f"The {name}'s pictures are no numbers any more.")
            shown = {"x": grid(x[:24], columns=6, pad=0), "steps": entry.steps}
            seen[name] = self.ruler.judge(x, torch.arange(LIVE) % 2) | shown
        return seen

    def _pictures(self, frames: list[dict]) -> list[dict]:
        return [pixels(np.stack([f[name]["x"] for f in frames]), name) for name in FAMILIES]

    def _curves(self, frames: list[dict]) -> list[dict]:
        x = [f["seconds"] for f in frames]
        far = {name: [f[name]["distance"] for f in frames] for name in FAMILIES}
        look = {"xlabel": _("seconds each"), "xlim": (0, self.seconds), "log": "y", **FLOORS}
        return [curve(x, far, _("distance to real, in floors"), cursor=x, **look)]

    def _caption(self, f: dict) -> str:
        said = _("{name} {steps:,} steps, {distance:.1f} floors")
        each = [said.format(name=k, steps=f[k]["steps"], distance=f[k]["distance"]) for k in FAMILIES]
        return _("{n:.1f} s each:  {each}").format(n=f["seconds"], each="; ".join(each))


def climb(size: int = 8, *, seconds: float = 20.0, keep: int = 20, seed: int = 0) -> Climb:
    """Train both families on sprites of this size, the same measured seconds each, side by side. It begins at once.

    Each has `seconds`, so it takes twice as long, and a little more to draw and to judge (48 samples a frame).
    """
    box = Climb(size, seconds, keep, seed)
    box.proceed()
    return box
