"""Pictures that we draw ourselves: captioned cats and flowers at any size, so that every property of the data is known.

A picture is a stack of painted shapes. A shape is a signed distance (negative inside) in a local frame, y pointing up; what a
pixel shows of it is clip(1/2 - distance / pixel width), which is antialiasing. All sprites of a batch are painted at once.

Longer than 250 lines because a picture book needs its shapes: the first part paints, the last part is the pictures.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from ..dataset import Data
from ..values import integer, need, plain, seeded
from . import captions, factors
from .captions import checked
from .factors import FACTORS, LIGHT, TOLD, held_out, told
from .paint import Canvas
from .painters import cat_colours, flower_colours, paint_cat, paint_flower, paint_sky


def _render(specs: list[dict], jitter: np.ndarray, size: int) -> np.ndarray:
    pixels = np.empty((len(specs), 3, size, size), np.float32)
    time = np.array([s["time"] for s in specs])
    dx, dy, zoom, tilt, flip, sky = jitter.T
    c = Canvas(pixels)
    paint_sky(c.at(-dx, -dy, flip=sky), time)
    c.light = np.stack([np.array(LIGHT[t], np.float32) for t in time])
    c = c.at(dx, dy, zoom, tilt, flip)
    s = specs[0]
    if s["species"] == "cat":
        paint_cat(c, s["pattern"], s["eyes"], s["pose"], cat_colours(specs))
    else:
        paint_flower(c, s["shape"], s["count"], flower_colours(specs))
    return (pixels.transpose(0, 2, 3, 1) * 255 + 0.5).astype(np.uint8)


def _groups(specs: list[dict]) -> dict[tuple, list[int]]:
    """Indices of the sprites that are made of the same shapes, and so can be painted together: only colours differ."""
    groups: dict[tuple, list[int]] = {}
    for i, s in enumerate(specs):
        shapes = ("pattern", "eyes", "pose") if s["species"] == "cat" else ("shape", "count")
        groups.setdefault((s["species"], *(s[f] for f in shapes)), []).append(i)
    return groups


def _draw(specs: list[dict], jitter: np.ndarray, size: int) -> np.ndarray:
    """Paint group by group, in pieces small enough for the processor's cache: (n, size, size, 3) uint8."""
    size = integer(size, 8, 256, f"A sprite can be 8 to 256 pixels wide, but size = {size!r}.")
    pixels = np.empty((len(specs), size, size, 3), np.uint8)
    piece = max(1, 2**18 // size**2)
    for members in _groups(specs).values():
        for k in range(0, len(members), piece):
            these = members[k : k + piece]
            pixels[these] = _render([specs[i] for i in these], jitter[these], size)
    return pixels


def draw(spec: dict | str, size: int = 64) -> np.ndarray:
    """The sprite that spec, or words, describe (see FACTORS), (size, size, 3) uint8, size 8..256; the same for every call."""
    spec = checked(spec)
    return _draw([spec], np.array([[0, 0, 1, 0, 1, 1]], np.float32), size)[0]


def random_sprites(
    n: int, size: int = 32, seed: int = 0, species: str | None = None, unseen: bool | None = None
) -> tuple[np.ndarray, list[dict]]:
    """n sprites (n, size, size, 3) uint8 and their specs: species and every factor uniform and independent, pose a little shaken.

    The first k sprites of a seed are the same whatever n is. unseen: True draws only combinations that are `held_out`,
    False only the others, None all.
    """
    n = _counted(n)
    said = f"There is no species {species!r}: choose one of {', '.join(FACTORS)}, or None for all."
    need(species is None or species in FACTORS, said)
    kinds = list(FACTORS) if species is None else [species]
    dice, specs, rows = np.random.default_rng(seeded(seed)), [], []
    while len(specs) < n:
        row = dice.random(12)
        kind = kinds[int(row[0] * len(kinds))]
        factors = FACTORS[kind].items()
        spec = {"species": kind, **{f: v[int(r * len(v))] for (f, v), r in zip(factors, row[1:6], strict=True)}}
        if unseen is None or held_out(spec) == unseen:
            specs.append(spec), rows.append(row)
    return _draw(specs, _shaken(np.stack(rows)[:, 6:]), size), specs


def variations(spec: dict | str, n: int, size: int = 32, seed: int = 0) -> np.ndarray:
    """n drawings of the one sprite that spec, or words, describe, each shaken a little anew: (n, size, size, 3) uint8."""
    n = _counted(n)
    return _draw([checked(spec)] * n, _shaken(np.random.default_rng(seeded(seed)).random((n, 6))), size)


def _counted(n) -> int:
    return integer(n, 1, math.inf, f"The number of sprites must be a whole number of at least 1, but n = {n!r}.")


def _shaken(u: np.ndarray) -> np.ndarray:
    """How sprites lie, (n, 6), of numbers u from 0 to 1: right, up, zoom, tilt, and the sides that they and their sky show."""
    a, b, c, d, *signs = (2 * u - 1).T
    return np.stack([0.07 * a, 0.05 * b, 1 + 0.07 * c, 0.1 * d, *map(np.sign, signs)], 1).astype(np.float32)


# ---------------------------------------------------------------------------------------- pictures that we draw


@plain()
def sprites(
    n: int = 2000,
    size: int = 32,
    seed: int = 0,
    species: str | None = None,
    words: bool = False,
    unseen: bool | None = False,
) -> Data:
    """n cats and flowers (n, 3, size, size) with captions; y: 0 cat, 1 flower. species: only "cat" or only "flower".

    words: y says all that the caption does, (n, F) in the columns of `factors.TOLD`, and which sprites there are is up to
    `unseen`, see `random_sprites`: by default no combination that is held out.
    """
    pixels, specs = random_sprites(n, size, seed, species, unseen=unseen if words else None)
    names = tuple(factors.FACTORS)
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    y = torch.tensor([told(s) if words else names.index(s["species"]) for s in specs])
    names = tuple(TOLD.values()) if words else names
    return Data(
        x.contiguous(), y, names, "sprites", "drawn by diffusion_lib, MIT", tuple(captions.caption(s) for s in specs)
    )
