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
from ...words import N_, _
from .blurring import bars
from .measures import dial, makers, outright, seen_and_unseen

# under the bars
SHORT = {"optimal denoiser": N_("optimal"), "DDPM of 20": N_("of 20"), "real digits": N_("real")}


def is_it_a_copy(found: dict[str, tuple[Tensor, Tensor, Tensor]] | None = None, show: int = 8) -> FramePlayer:
    """A film whose frames are makers: samples, the nearest seen and unseen picture below each, and the dial. found: see `makers`."""
    found = found or makers()
    panels, dials = [], {name: dial(*sets) for name, sets in found.items()}
    for samples, seen, fresh in found.values():
        x = samples[:show]
        rows = [x, *(known[nearest(x, known)[1]] for known in (seen, fresh))]
        panels.append(grid(torch.cat(rows), columns=show, pad=2))
    panel = _dials(list(dials.values()), [_(SHORT.get(name, name)) for name in found])
    says = [_sentence(d) for d in dials.values()]
    labels = [f"{i}. {_(name)}" for i, name in enumerate(found, 1)]
    top = pixels(np.stack(panels), _("samples;  nearest seen;  nearest unseen"))
    return FramePlayer([top, panel], captions=says, labels=labels, name=_("Is it a copy?"), fps=1)


def _dials(dials: list[dict], names: list[str]) -> dict:
    """A bar for each maker and its 95 % interval, and the line of those who remember nothing."""
    shares, ends = [d["share"] for d in dials], [(d["low"], d["high"]) for d in dials]
    return bars(names, shares, _("share nearer to what was seen"), {_("independent"): 0.5}, intervals=ends)


def _sentence(d: dict) -> str:
    return _(
        "nearer to one of {pictures} seen than of {pictures} unseen pictures: {share:.1%} of {n:,} ({low:.1%} to {high:.1%}); outright copies: {outright:.1%}; distance a pixel: {to_seen:.2f} to seen, {to_unseen:.2f} to unseen"
    ).format(**d)


DISGUISES = {
    N_("as it is"): lambda x: x,
    N_("one pixel to the right"): lambda x: x.roll(1, 3),
    N_("half the contrast"): lambda x: 0.5 * x - 0.5,
    N_("negative"): lambda x: -x,
    N_("mirrored"): lambda x: x.flip(3),
}


def disguises() -> Table:
    """Every picture below is a copy of a training picture; what the dial and the third rule say of it."""
    learn, unseen = (part.x for part in seen_and_unseen())
    seen = learn[: len(unseen)]
    rows = []
    for name, change in DISGUISES.items():
        x = change(seen)
        rows.append([name, f"{copied(x, seen, unseen)['share']:.1%}", f"{outright(x, seen):.1%}"])
    head = [_("copies of {n} training pictures").format(n=len(seen)), _("nearer to seen"), _("outright copies")]
    return table(head, rows)
