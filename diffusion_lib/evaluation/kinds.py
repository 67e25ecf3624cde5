"""Of a thousand kinds of sticker: which were drawn, how evenly, and is what was drawn a sticker at all?"""

from __future__ import annotations

import torch
from torch import Tensor

from ..data import stickers
from ..values import need
from .metrics import uneven

PLACES = 33  # along each axis, where a thing may lie: a 25th of a pixel apart


def found(kinds: Tensor, count: int = stickers.KINDS) -> dict[str, float]:
    """How samples (N,), each the number of its kind, spread over all kinds. Keys:

    modes: kinds that came at least once; strict: at least a tenth as often as their fair share; kl: see `metrics.uneven`;
    excess: kl above what N fair draws have on average, in the long run (count - 1) / 2N.
    Blind to what the samples look like: junk is counted as the kind that it is read as.
    """
    need(len(kinds), "There are no samples to count: kinds is empty.")
    n = torch.bincount(kinds, minlength=count)
    kl, fair = uneven(n), len(kinds) / count
    modes = {"modes": int((n > 0).sum()), "strict": int((n >= 0.1 * fair).sum())}
    return modes | {"kl": kl, "excess": kl - (count - 1) / (2 * len(kinds))}


def nearest_sticker(x: Tensor, values: Tensor, places: int = PLACES) -> Tensor:
    """How far each of x (N, 3, 16, 16) in [-1, 1] is from the nearest sticker that has these values (N, 3): (N,), root mean square.

    A sticker is paper * light + colour * bright + ink, see `stickers.paint`: where the thing lies is tried out on a grid of
    places x places, and the two brightnesses have a closed form there (least squares in a box). 0 is a real one, up to the grid.
    """
    said = f"There are {len(x)} pictures, but {len(values)} rows of values: one for each is needed."
    need(len(x) == len(values), said)
    line = torch.linspace(-stickers.REACH, stickers.REACH, places)
    at_x, at_y = torch.cartesian_prod(line, line).T
    least = torch.empty(len(x))
    for thing in values[:, 0].unique().tolist():
        part = stickers.shares(thing, at_x, at_y)  # (P, 3, 16, 16)
        mine = torch.where(values[:, 0] == thing)[0]
        for kind in stickers.kind(values[mine]).unique():
            row = stickers.values_of(kind[None])
            papers, body, ink = stickers.inks(row)
            paper, colour, dark = (2 * (part[:, i, None] * c).flatten(1) for i, c in enumerate((papers, body, ink)))
            these = mine[stickers.kind(values[mine]) == kind]
            left = (x[these] + 1).flatten(1)  # both as bytes are: 0 is black
            least[these] = _apart(left, paper, colour, dark)
    return least


def _apart(x: Tensor, paper: Tensor, colour: Tensor, ink: Tensor) -> Tensor:
    """min over P and over light, bright of |x - ink - light paper - bright colour|, root mean square; x (N, D), the others (P, D): (N,)."""
    aa, bb, ab = (paper * paper).sum(1), (colour * colour).sum(1), (paper * colour).sum(1)  # (P,)
    ax = x @ paper.T - (paper * ink).sum(1)  # (N, P)
    bx = x @ colour.T - (colour * ink).sum(1)
    xx = (x * x).sum(1, keepdim=True) - 2 * x @ ink.T + (ink * ink).sum(1)
    dim_paper, dim_thing = stickers.DULL["paper"], stickers.DULL["thing"]
    light = torch.ones_like(ax)
    for _ in range(4):  # by turns: they hardly share a pixel, so this has come to rest after two
        bright = ((bx - ab * light) / bb).clamp(1 - dim_thing, 1)
        light = ((ax - ab * bright) / aa).clamp(1 - dim_paper, 1)
    square = xx + aa * light**2 + bb * bright**2 + 2 * ab * light * bright - 2 * (ax * light + bx * bright)
    return (square.min(1).values.clamp_min(0) / x.shape[1]).sqrt()
