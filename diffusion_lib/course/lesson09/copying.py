"""Lesson 09, is it a copy? The nearest training picture beside each sample, and a dial: how many lie nearer to what was seen."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...evaluation.metrics import copied, nearest
from ...viz.figures import grid
from ...viz.panels import pixels
from ...viz.player import FramePlayer
from ...viz.tables import Table, table
from .blurring import bars
from .measures import dial, makers, outright, seen_and_unseen

SHORT = {"exact denoiser": "exact", "DDPM of 20": "of 20", "real digits": "real"}  # under the bars


def is_it_a_copy(found: dict[str, tuple[Tensor, Tensor, Tensor]] | None = None, show: int = 8) -> FramePlayer:
    """A film whose frames are makers: samples, the nearest seen and unseen picture below each, and the dial. found: see `makers`."""
    found = found or makers()
    panels, dials = [], {name: dial(*sets) for name, sets in found.items()}
    for samples, seen, fresh in found.values():
        x = samples[:show]
        rows = [x, *(known[nearest(x, known)[1]] for known in (seen, fresh))]
        panels.append(grid(torch.cat(rows), columns=show, pad=2))
    panel = _dials(list(dials.values()), [SHORT.get(name, name) for name in found])
    says = [_sentence(d) for d in dials.values()]
    labels = [f"{i}. {name}" for i, name in enumerate(found, 1)]
    top = pixels(np.stack(panels), "samples;  nearest seen;  nearest unseen")
    return FramePlayer([top, panel], captions=says, labels=labels, name="Is it a copy?", fps=1)


def _dials(dials: list[dict], names: list[str]) -> dict:
    """A bar for each maker and its 95 % interval, and the line of those who remember nothing."""
    shares, ends = [d["share"] for d in dials], [(d["low"], d["high"]) for d in dials]
    return bars(names, shares, "share nearer to what was seen", {"independent": 0.5}, intervals=ends)


def _sentence(d: dict) -> str:
    return (
        f"nearer to one of {d['pictures']} seen than of {d['pictures']} unseen pictures: {d['share']:.1%} of {d['n']:,} "
        f"({d['low']:.1%} to {d['high']:.1%}); outright copies: {d['outright']:.1%}; "
        f"distance a pixel: {d['to_seen']:.2f} to seen, {d['to_unseen']:.2f} to unseen"
    )


DISGUISES = {
    "as it is": lambda x: x,
    "one pixel to the right": lambda x: x.roll(1, 3),
    "half the contrast": lambda x: 0.5 * x - 0.5,
    "negative": lambda x: -x,
    "mirrored": lambda x: x.flip(3),
}


def disguises() -> Table:
    """Every picture below is a copy of a training picture; what the dial and the third rule say of it."""
    learn, unseen = (part.x for part in seen_and_unseen())
    seen = learn[: len(unseen)]
    rows = []
    for name, change in DISGUISES.items():
        x = change(seen)
        rows.append([name, f"{copied(x, seen, unseen)['share']:.1%}", f"{outright(x, seen):.1%}"])
    return table([f"copies of {len(seen)} training pictures", "nearer to seen", "outright copies"], rows)
