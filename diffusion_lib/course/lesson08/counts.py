"""Lesson 08, few steps or many: one noise through every sampler, what it becomes, how many calls that took, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ... import data
from ...ddpm import Denoiser
from ...evaluation.metrics import rms_distances
from ...evaluation.records import RECORDS, read
from ...sampling import SAMPLERS, sample
from ...values import choice, dice, integer, need
from ...viz.figures import grid
from ...viz.panels import curve, pixels, scatter
from ...viz.player import FramePlayer
from ...words import N_, _, ngettext
from ..common import PlayerBox
from ..controls import choices, group, menu


def _calls(n: int) -> str:
    return ngettext("{n:,} network call", "{n:,} network calls", n).format(n=n)


PICTURES = (N_("digits"), N_("sprites"))  # beside the points
LOOK = {"digits": (5, (1, 300)), "sprites": (2, (10, 10_000))}  # columns of pictures, and the limits of their distance


class StepsSlider(PlayerBox):
    """A menu of samplers, and one of pictures, above the film of one of them. Made by `steps_slider`."""

    def __init__(self, book: dict, frames: dict[str, np.ndarray], start: str):
        self._book, self._frames = book, frames
        self.which = menu(_("Sampler"), list(book["digits"]["samplers"]), value=start, wide=240, high=0)
        self.pictures = menu(_("Pictures"), choices(PICTURES), wide=240, high=0)
        first = book["counts"].index(10)
        self.player = FramePlayer(**self._film(), start=first, fps=1, panel_width=230)
        for one in (self.which, self.pictures):
            one.observe(lambda change: self.player.update(**self._film()), "value")
        super().__init__([group([self.which, self.pictures], name=_("How it walks")), self.player])

    def _film(self) -> dict:
        """Panels, captions, labels and the name of the film that is chosen."""
        sampler, place = self.which.value, self.pictures.value
        points, found = (self._book[p]["samplers"][sampler] for p in ("points", place))
        square = {"xlim": (-2.4, 2.4), "ylim": (-2.4, 2.4)}
        shown = self._frames[f"{place} {sampler}"]  # (F, n, H, W[, 3])
        shown = shown[:, :, None] if shown.ndim == 4 else shown.transpose(0, 1, 4, 2, 3)
        cloud = {"points": self._frames[f"points {sampler}"].astype(np.float32), "colors": 0, "size": 3}
        panels = [
            scatter(data.ring(2).modes, _("points"), colors=-1, size=14, layers=[cloud], **square),
            pixels(np.stack([grid(x, columns=LOOK[place][0]) for x in shown]), _(place)),
            self._curve("points", "high_quality", sampler, _("share on an island"), log="x", ylim=(0, 1)),
            self._curve(place, "frechet", sampler, _("distance of the pictures"), log="xy", ylim=LOOK[place][1]),
        ]
        said = [self._said(place, *rows) for rows in zip(points, found, strict=True)]
        name = _("One noise, few steps or many, with {sampler}").format(sampler=sampler)
        return {"panels": panels, "captions": said, "labels": [_calls(r["calls"]) for r in found], "name": name}

    def _said(self, place: str, point: dict, picture: dict) -> str:
        """What the rows of one count say; with no point on an island there is no width."""
        about = {"ms": picture["ms"], "n": picture["samples"], "what": _(place)}
        width = "–" if point["sd_ratio"] is None else f"{point['sd_ratio']:.2f}"
        about |= {"share": point["high_quality"], "width": width}
        about |= {"far": picture["frechet"], "real": self._book[place]["real"]["frechet"]}
        return _(
            "{ms:,.0f} ms for {n} {what};  on an island {share:.1%} (width {width});  distance {far:.1f} (as many real ones: {real:.1f})"
        ).format(**about)

    def _curve(self, place: str, key: str, sampler: str, title: str, **look) -> dict:
        """The number of every sampler over its calls, in powers of ten; the cursor is on the chosen one's."""
        x = np.array(self._book["counts"], float)
        lines = {}
        for name, rows in self._book[place]["samplers"].items():
            lines[name] = np.interp(
                x, [r["calls"] for r in rows], [r[key] for r in rows]
            )  # heun's are one less where they are even
        cursor = np.array([r["calls"] for r in self._book[place]["samplers"][sampler]], float)
        return curve(x, lines, title, xlabel=_("network calls"), cursor=cursor, dots=False, **look)


def steps_slider(sampler: str = "ddpm") -> StepsSlider:
    """From 1 to 1,000 network calls: points, digits and sprites from one noise, milliseconds and distance, as recorded by
    `benchmarks/few_steps.py`, for the sampler that is chosen. Points: `ring`; on an island: within 3 sd; width: 1 is that of
    real islands. Digits and sprites: Frechet distance to unseen ones. Raises ValueError for a sampler that was not recorded.
    """
    book = read("few_steps")["film"]
    choice(sampler, book["digits"]["samplers"], "Recorded is no sampler")
    with np.load(RECORDS / "few_steps.npz") as found:
        frames = dict(found)
    return StepsSlider(book, frames, sampler)


# ---------------------------------------------------------------------------------------- one noise, here and now


def arrival(model: Denoiser, xT: Tensor, y: Tensor | None = None, steps: int = 100) -> Tensor:
    """Where the walk without dice leads from x_T (B, ...), nearly: by heun in many steps."""
    return list(sample(model, xT, None, min(steps, model.schedule.T), sampler="heun", clip=1.0, y=y))[-1].xs


def one_noise(
    model: Denoiser, calls: Sequence[int] = (1, 2, 3, 5, 10, 20, 50), n: int = 10, seed: int = 0
) -> FramePlayer:
    """The same n noises walked by every sampler with so many network calls each, computed here; last, where they lead in 100 steps
    of heun. Notes: how far the pictures are from those, root mean square of a pixel. Raises ValueError for a network that is told
    words, and for calls and n that are no whole numbers of at least 1."""
    need(
        not isinstance(model.classes, list),
        "This view is for networks that know classes or nothing, not for one of words.",
    )
    n = integer(n, 1, 100, f"n is a whole number of noises, 1 to 100, but got {n!r}.")
    most = model.schedule.T
    said = f"calls is a list of whole numbers in 1..{most}, such as (1, 10, 50), but got {calls!r:.60}."
    need(isinstance(calls, Sequence) and not isinstance(calls, str) and len(calls), said)
    calls = [integer(c, 1, most, said) for c in calls]
    xT = torch.randn(n, *model.shape, generator=dice(seed))
    y = torch.arange(n) % model.classes if model.classes else None
    aim, panels = arrival(model, xT, y), []
    for name, method in SAMPLERS.items():
        films, notes = [], []
        for count in calls:
            times = model.schedule.times(method.steps(count), method.even)
            walk = list(sample(model, xT, None, times, sampler=name, generator=dice(seed + 1), clip=1.0, y=y))
            films.append(grid(walk[-1].xs, columns=5))
            gap = float(rms_distances(walk[-1].xs, aim).diagonal().mean())
            notes.append(_("off by {gap:.2f}").format(gap=gap))
        panels.append(pixels(np.stack(films), name, notes=notes))
    panels.append(pixels(grid(aim, columns=5)[None], _("where it leads")))
    labels, name = [_calls(c) for c in calls], _("One noise through every sampler")
    return FramePlayer(panels, labels=labels, name=name, start=len(calls) // 2, fps=1, panel_width=170)
