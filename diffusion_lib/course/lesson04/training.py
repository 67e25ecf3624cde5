"""Lesson 04: a network learns while one watches, stops it, lets it go on, and scrubs through what it was; see `live`.

training = watch(*ddpm.build(data), data, steps=1000)   # in one cell: it begins at once, beside the notebook
await training.wait()                                   # in a later one: Run All waits here, and Stop still works
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from torch import Tensor

from ... import ddpm
from ...dataset import Data
from ...ddpm import Denoiser
from ...train import Parts, Record, fit
from ...viz.panels import curve
from ...words import N_, _
from ..cloud import DRAWING, Easel, beside
from ..common import say, time_at
from ..controls import choices, menu
from ..live import Live, budget
from .looks import Pictures, Points

LEVELS = {N_("little noise (+10 dB)"): 10.0, N_("half noise (0 dB)"): 0.0, N_("much noise (−10 dB)"): -10.0}
TICKS = (0.01, 0.03, 0.1, 0.3, 1, 3)


class LossCurve:
    """The loss of any number of steps in at most 400 numbers: means of neighbours, which merge in pairs when they are full."""

    def __init__(self, most: int = 400):
        self.most, self.size, self.points, self._open = most, 1, [], []

    def add(self, at: float, loss: float) -> None:
        """One more step's loss, which was taken at this step or second."""
        self._open.append((at, loss))
        if len(self._open) < self.size:
            return
        self.points.append(tuple(np.mean(self._open, 0)))
        self._open = []
        if len(self.points) == self.most:
            self.points = [tuple(np.mean(pair, 0)) for pair in zip(self.points[::2], self.points[1::2], strict=True)]
            self.size *= 2

    def smooth(self) -> tuple[np.ndarray, np.ndarray]:
        """Where (steps or seconds), and losses, each the mean of about a fortieth of them all, from behind only: (N,) each, N >= 2."""
        points = self.points if len(self.points) > 1 else [(0.0, 1.0)] * 2  # a network that answers 0
        x, y = np.array(points).T
        total, width = np.concatenate([[0.0], np.cumsum(y)]), 1 + len(y) // 40
        here = np.arange(1, len(y) + 1)
        before = np.maximum(here - width, 0)
        return x, (total[here] - total[before]) / (here - before)


# ---------------------------------------------------------------------------------------- the box


class Training(Live):
    """A training to watch; made by `watch`. After the end, Continue trains for as much again, with a learning rate that
    rises and falls anew. history, losses: what has been seen.
    """

    def __init__(self, model, parts, data, budget, *, y, n, calls, keep, seed, name):
        super().__init__(budget)
        self._seed, self._looks, points = seed, {"n": n, "y": y, "calls": calls}, data.x.ndim == 2
        self._enter(model, parts, data)
        self.level = menu(_("Guess at"), choices(LEVELS), list(LEVELS)[0 if points else 1], 280, high=0)
        own = points and data.name != DRAWING  # pictures have a pad of another kind, see `own`
        self.what = menu(_("Data"), choices([data.name, DRAWING]) if own else [data.name], wide=220, high=0)
        self._open(name, keep, beside=(self.level, self.what) if own else (self.level,))
        self.level.observe(lambda change: self._show(), "value")
        self._given, self.easel = data, Easel(self.what, self.learn)
        if own:
            beside(self.easel, self)
            self.what.observe(lambda change: self.easel.chosen or self.learn(), "value")

    def _enter(self, model: Denoiser, parts: Parts, data: Data) -> None:
        """A new training."""
        self.model, self.parts, self.data, self.round, self.losses = model, parts, data, 0, LossCurve()
        times = {name: time_at(level, model.schedule) for name, level in LEVELS.items()}
        self.eye = (Points if data.x.ndim == 2 else Pictures)(data, times, self._seed, **self._looks)

    def learn(self) -> None:
        """Begin anew, with a new network, on the data that the menu says: what is on the pad now, or what was given."""
        try:
            data = self.easel.pad.data(seed=self._seed) if self.easel.chosen else self._given
        except ValueError as error:
            return say(self.says, str(error), bad=True)
        self.halt()
        self.worker.join(20)
        with self._lock:
            self._enter(*ddpm.build(data, seed=self._seed), data)
            self.before = (0, 0.0)
            self._anew([])

    def _begin(self) -> Iterator[Record]:
        return fit(*self.parts, **{self.unit: self.amount}, seed=self._seed + self.round)

    def _more(self) -> None:
        self.before, self.record, self._records = (self.step, self.trained), None, None
        self.round += 1
        super()._more()

    def _note(self, record: Record) -> None:
        super()._note(record)
        self.losses.add(self.done, record.values["loss"])

    def _look(self) -> dict:
        loss = self.losses.smooth()[1][-1] if self.step else math.nan
        try:
            seen = self.eye.look(self.model)
        except ValueError as error:  # finite weights can still be so large that what they compute is not
            raise FloatingPointError(
                f"The samples are no numbers any more at step {self.step}. Training stops: try a smaller learning rate."
            ) from error
        return {"step": self.step, "seconds": self.trained, "loss": float(loss), **seen}

    def _pictures(self, frames: list[dict]) -> list[dict]:
        return self.eye.panels(frames, self.level.value)

    def _curves(self, frames: list[dict]) -> list[dict]:
        look = {"xlabel": self._xlabel, "xlim": (0, self.until), "ylim": (0.008, 4), "yticks": TICKS, "log": "y"}
        title = _("loss, on a logarithmic scale")
        return [curve(*self.losses.smooth(), title, cursor=self._at(frames), **look)]

    def _caption(self, f: dict) -> str:
        loss = _("loss {loss:.3f}").format(loss=f["loss"]) if math.isfinite(f["loss"]) else _("not trained yet")
        said = _("step {step:,}, after {seconds:.1f} s:  {loss}")
        return said.format(step=f["step"], seconds=f["seconds"], loss=loss)


def watch(
    model: Denoiser,
    parts: Parts,
    data: Data,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    y: Tensor | None = None,
    n: int | None = None,
    calls: int = 20,
    keep: int = 30,
    seed: int = 0,
    name: str = "",
) -> Training:
    """Train beside the notebook, and show it live: samples, guesses, loss, time left, Stop and Continue.

    steps: how long, the same training on every machine (1,000 if nothing is said); or seconds: as far as this machine comes.
    model, parts: as `ddpm.build(data)` gives them. n samples grow from noise that stays the same, with so many calls of the
    network; y: their classes (n,), None takes each in turn. keep: frames of the film; with more, it is thinned evenly.
    """
    n = n or (600 if data.x.ndim == 2 else 30)
    name = name or _("A network learns {data}").format(data=_(data.name))
    how = budget(steps, seconds, usual=1000)
    box = Training(model, parts, data, how, y=y, n=n, calls=calls, keep=keep, seed=seed, name=name)
    box.proceed()
    return box
