"""A thousand kinds of sticker: ten things in ten colours on ten papers, each kind exactly as often as any other.

Three numbers name a kind, so of whatever a machine draws it can be said which kinds it found, how evenly, and how often what
it drew is a sticker at all. What differs within a kind: where the thing lies, and how bright the thing and the paper are.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..dataset import Data
from ..values import dice, integer, need, plain
from .paint import Canvas, Shape, ellipse, grow, lens, polygon, rgb, twin, union

SIZE = 16
INK, LIGHT, DARK = "241C38", "FFF8E8", "A9B6CC"  # lines; the two tones of a paper
COLOURS = {"white": "FFFFFF", "yellow": "FFD92E", "pink": "FA92B4", "orange": "EE7A0C", "green": "189A54"}
COLOURS |= {"cyan": "5FCBF8", "blue": "2430EA", "purple": "9B3899", "red": "E01030", "brown": "553019"}


def _star(points: int, far: float, near: float, y: float = 0.0) -> Shape:
    corners = [(math.pi * k / points, near if k % 2 else far) for k in range(2 * points)]
    return polygon([(r * math.sin(a), y + r * math.cos(a)) for a, r in corners], 0.04)


def _block(wide: float, low: float, high: float, soft: float = 0.0) -> Shape:
    """A rectangle, as far to the left as to the right."""
    return polygon([(-wide, low), (wide, low), (wide, high), (-wide, high)], soft)


def _moon() -> Shape:
    """A disc without the part of it that lies in another disc."""
    whole, bite = ellipse(-0.02, 0, 0.62), ellipse(0.34, 0.14, 0.5)
    return Shape(lambda x, y: np.maximum(whole.sdf(x, y), -bite.sdf(x, y)), whole.box, 0.2)


def _cap() -> Shape:
    """The upper half of an ellipse."""
    whole = ellipse(0, -0.08, 0.62, 0.62)
    return Shape(lambda x, y: np.maximum(whole.sdf(x, y), -0.08 - y), whole.box, 0.3)


# what is filled with the colour, and then with ink
THINGS: dict[str, tuple[Shape, tuple[Shape, ...]]] = {
    "cat": (
        union(ellipse(0, -0.12, 0.6, 0.5), twin(polygon([(0.56, 0.0), (0.5, 0.56), (0.14, 0.28)], 0.05))),
        (twin(ellipse(0.24, -0.04, 0.09, 0.12)), ellipse(0, -0.32, 0.09, 0.06)),
    ),
    "fish": (
        union(lens(-0.62, 0, 0.36, 0, 0.78), polygon([(0.16, 0), (0.6, 0.38), (0.6, -0.38)], 0.04)),
        (ellipse(-0.3, 0.08, 0.09),),
    ),
    "heart": (union(twin(ellipse(0.27, 0.2, 0.3)), polygon([(-0.53, 0.06), (0.53, 0.06), (0, -0.58)], 0.02)), ()),
    "star": (_star(5, 0.68, 0.3, -0.04), ()),
    "moon": (_moon(), ()),
    "house": (
        union(_block(0.42, -0.56, 0.05), polygon([(-0.62, 0.04), (0.62, 0.04), (0, 0.6)], 0.02)),
        (_block(0.12, -0.56, -0.18),),
    ),
    "tree": (union(polygon([(-0.58, -0.3), (0.58, -0.3), (0, 0.66)], 0.04), _block(0.14, -0.62, -0.3)), ()),
    "mushroom": (
        union(_cap(), _block(0.15, -0.58, 0, 0.04)),
        (_block(0.2, -0.12, -0.04), ellipse(-0.24, 0.2, 0.09), ellipse(0.2, 0.24, 0.09)),
    ),
    "boat": (
        union(
            polygon([(-0.62, -0.22), (0.62, -0.22), (0.34, -0.56), (-0.34, -0.56)], 0.03),
            polygon([(0.02, 0.62), (0.02, -0.1), (0.54, -0.1)], 0.02),
        ),
        (),
    ),
    "crown": (
        polygon(
            [(-0.52, -0.46), (0.52, -0.46), (0.62, 0.42), (0.3, 0.06), (0, 0.52), (-0.3, 0.06), (-0.62, 0.42)], 0.03
        ),
        (ellipse(0, -0.2, 0.1, 0.1), ellipse(-0.32, -0.22, 0.08), ellipse(0.32, -0.22, 0.08)),
    ),
}


def _papers() -> dict[str, np.ndarray]:
    """Where each paper is dark, (16, 16) of 0 and 1."""
    r, c = np.mgrid[:SIZE, :SIZE]
    far = np.maximum(abs(r - 7.5), abs(c - 7.5))
    return {
        "plain": 0 * r,
        "stripes": r // 2 % 2,
        "bars": c // 2 % 2,
        "rising": (r + c) % 6 < 3,
        "falling": (r - c) % 6 < 3,
        "checks": (r // 4 + c // 4) % 2,
        "dots": (r % 4 % 3 > 0) & (c % 4 % 3 > 0),
        "grid": (r % 5 == 0) | (c % 5 == 0),
        "frame": far > 5,
        "ground": r > 7,
    }


PAPERS = {name: np.asarray(dark, np.float32) for name, dark in _papers().items()}

FACTORS: dict[str, tuple[str, ...]] = {"thing": tuple(THINGS), "colour": tuple(COLOURS), "paper": tuple(PAPERS)}
KINDS = math.prod(map(len, FACTORS.values()))
REACH = 0.08  # how far a thing may lie from the middle: two thirds of a pixel
DULL = {"thing": 0.15, "paper": 0.1}  # how much darker it may be than its colour


def kind(values: Tensor) -> Tensor:
    """The number 0..999 of each of values (N, 3): its three digits are thing, colour and paper."""
    return (100 * values[:, 0] + 10 * values[:, 1] + values[:, 2]).long()


def values_of(kinds: Tensor) -> Tensor:
    """The three values (N, 3) of each of kinds (N,), as `kind` numbers them."""
    return torch.stack([kinds // 100, kinds // 10 % 10, kinds % 10], 1)


def kept_back(values: Tensor) -> Tensor:
    """Which of values (N, 3) belong to the tenth of all kinds that a network may be kept from: those whose digits sum up to a multiple of 10.

    So each value is kept back in exactly a tenth of its kinds, and each two values are still seen together.
    """
    return values.sum(1) % 10 == 0


def shares(thing: int, x: Tensor, y: Tensor) -> Tensor:
    """(N, 3, 16, 16): how much of each pixel is paper, colour and ink, if thing number `thing` lies at x, y (N,); they sum to 1."""
    shape, details = list(THINGS.values())[thing]
    paper, colour, ink = np.eye(3, dtype=np.float32)
    pixels = np.empty((len(x), 3, SIZE, SIZE), np.float32)
    pixels[:] = paper[:, None, None]
    c = Canvas(pixels).at(x.numpy(), y.numpy())
    c.fill(grow(shape, 0.13), ink)
    c.fill(shape, colour)
    for detail in details:
        c.fill(detail, ink)
    return torch.from_numpy(pixels)


def inks(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the three shares are painted with, 0 to 1: papers (N, 3, 16, 16), colours (N, 3, 1, 1) and the ink (3, 1, 1)."""
    dark = torch.from_numpy(np.stack(list(PAPERS.values())))[values[:, 2], None]
    tone = lambda code: torch.from_numpy(rgb(code))[:, None, None]
    body = torch.stack([tone(code) for code in COLOURS.values()])[values[:, 1]]
    return tone(LIGHT) + dark * (tone(DARK) - tone(LIGHT)), body, tone(INK)


def paint(values: Tensor, shaken: Tensor) -> Tensor:
    """Stickers (N, 3, 16, 16) from 0 to 1 of these values (N, 3). shaken: (N, 4), 0 to 1: where it lies, and how dull thing and paper are."""
    x, y = REACH * (2 * shaken[:, :2].T - 1)
    part = torch.empty(len(values), 3, SIZE, SIZE)
    for thing in values[:, 0].unique().tolist():
        (at,) = torch.where(values[:, 0] == thing)
        for i in at.split(1024):  # what fits into the processor's cache
            part[i] = shares(thing, x[i], y[i])
    papers, bodies, ink = inks(values)
    bright, light = (1 - shaken[:, 2:] * torch.tensor([*DULL.values()])).T[:, :, None, None, None]
    paper, colour, line = part.split(1, 1)
    return paper * papers * light + colour * bodies * bright + line * ink


def caption(values) -> str:
    """In words: (1, 8, 1) is "red fish on stripes"."""
    thing, colour, paper = (names[v] for names, v in zip(FACTORS.values(), values, strict=True))
    return f"{colour} {thing}, {paper}"


@plain()
def thousand(n: int = 2000, seed: int = 0, words: bool = False, unseen: bool | None = None) -> Data:
    """n stickers (n, 3, 16, 16): every 1,000 in a row are one of each kind, in an order that only the seed decides.

    words: y (n, 3) says thing, colour and paper; without them a network is told nothing. unseen: None draws all kinds, True only those
    that are `kept_back`, False only the others.
    """
    n = integer(n, 1, math.inf, f"The number of stickers must be a whole number of at least 1, but n = {n!r}.")
    need(unseen in (None, True, False), f"unseen is True, False or None for all kinds, but got {unseen!r}.")
    g, every = dice(seed), values_of(torch.arange(KINDS))
    if unseen is not None:
        every = every[kept_back(every) == unseen]
    one = lambda: (every[torch.randperm(len(every), generator=g)], torch.rand(len(every), 4, generator=g))
    rounds = [one() for _ in range(-(-n // len(every)))]  # each has every kind once
    values, shaken = (torch.cat(part)[:n] for part in zip(*rounds, strict=True))
    x = (paint(values, shaken) * 255).round() / 127.5 - 1  # what bytes can hold
    y, names = (values, tuple(FACTORS.values())) if words else (None, ())
    return Data(x, y, names, "thousand", "drawn by diffusion_lib, MIT", tuple(map(caption, values.tolist())))
