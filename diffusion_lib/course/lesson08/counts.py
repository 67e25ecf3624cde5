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
from ...values import dice
from ...viz.figures import grid
from ...viz.panels import curve, pixels, scatter
from ...viz.player import FramePlayer
from ...words import _, ngettext
from ..common import PlayerBox
from ..controls import group, menu


def _calls(n: int) -> str:
    return ngettext("{n:,} network call", "{n:,} network calls", n).format(n=n)


class StepsSlider(PlayerBox):
    """A menu of samplers above the film of one of them. Made by `steps_slider`."""

    def __init__(self, book: dict, frames: dict[str, np.ndarray], start: str):
        self._book, self._frames = book, frames
        self.which = menu(_("Sampler"), list(book["digits"]["samplers"]), value=start, wide=240, high=0)
        first = book["counts"].index(10)
        self.player = FramePlayer(**self._film(start), start=first, fps=1, panel_width=230)
        self.which.observe(lambda change: self.player.update(**self._film(change["new"])), "value")
        super().__init__([group([self.which], name=_("How it walks")), self.player])

    def _film(self, sampler: str) -> dict:
        """Panels, captions, labels and the name of a sampler's film."""
        points, digits = (self._book[place]["samplers"][sampler] for place in ("points", "digits"))
        square = {"xlim": (-2.4, 2.4), "ylim": (-2.4, 2.4)}
        pictures = self._frames[f"digits {sampler}"][:, :, None]
        cloud = {"points": self._frames[f"points {sampler}"].astype(np.float32), "colors": 0, "size": 3}
        panels = [
            scatter(data.ring(2).modes, _("points"), colors=-1, size=14, layers=[cloud], **square),
            pixels(np.stack([grid(x, columns=5) for x in pictures]), _("digits")),
            self._curve("points", "high_quality", sampler, _("share on an island")),
            self._curve("digits", "frechet", sampler, _("distance of the digits")),
        ]
        said = _(
            "{ms:,.0f} ms for {n} digits;  on an island {share:.1%};  distance {far:.1f} ({n} real ones: {real:.1f})"
        )
        real = {"n": self._book["digits"]["samples"], "real": self._book["digits"]["real"]["frechet"]}
        said = [
            said.format(ms=d["ms"], share=p["high_quality"], far=d["frechet"], **real)
            for p, d in zip(points, digits, strict=True)
        ]
        name = _("One noise, few steps or many, with {sampler}").format(sampler=sampler)
        return {"panels": panels, "captions": said, "labels": [_calls(d["calls"]) for d in digits], "name": name}

    def _curve(self, place: str, key: str, sampler: str, title: str) -> dict:
        """The number of every sampler over its calls, in powers of ten; the cursor is on the chosen one's."""
        x = np.array(self._book["counts"], float)
        lines = {}
        for name, rows in self._book[place]["samplers"].items():
            at = [r["calls"] for r in rows]
            lines[name] = np.interp(x, at, [r[key] for r in rows])  # heun takes one call less where they are even
        cursor = np.array([r["calls"] for r in self._book[place]["samplers"][sampler]], float)
        limits = {"ylim": (0, 1)} if key == "high_quality" else {"ylim": (1, 300)}
        log = "x" if key == "high_quality" else "xy"
        return curve(x, lines, title, xlabel=_("network calls"), log=log, cursor=cursor, dots=False, **limits)


def steps_slider(sampler: str = "ddpm") -> StepsSlider:
    """From 1 to 1,000 network calls: points and digits from one noise, milliseconds and distance, as recorded by
    `benchmarks/few_steps.py`, for the sampler that is chosen. Points: `ring`; on an island: within 3 sd. Digits: Frechet
    distance to unseen ones.
    """
    with np.load(RECORDS / "few_steps.npz") as found:
        frames = dict(found)
    return StepsSlider(read("few_steps")["film"], frames, sampler)


# ---------------------------------------------------------------------------------------- one noise, here and now


def arrival(model: Denoiser, xT: Tensor, y: Tensor | None = None, steps: int = 100) -> Tensor:
    """Where the walk without dice leads from x_T (B, ...), nearly: by heun in many steps."""
    return list(sample(model, xT, None, min(steps, model.schedule.T), sampler="heun", clip=1.0, y=y))[-1].xs


def one_noise(
    model: Denoiser, calls: Sequence[int] = (1, 2, 3, 5, 10, 20, 50), n: int = 10, seed: int = 0
) -> FramePlayer:
    """The same n noises walked by every sampler with so many network calls each, computed here; last, where they lead in 100 steps
    of heun. Notes: how far the pictures are from those, root mean square of a pixel."""
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
