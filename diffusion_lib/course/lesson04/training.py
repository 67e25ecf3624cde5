"""Lesson 04: a network learns while one watches, stops it, lets it go on, and scrubs through what it was.

    training = watch(*ddpm.build(data), data, steps=1000)   # in one cell: it begins at once, beside the notebook
    await training.wait()                                   # in a later one: Run All waits here, and Stop still works

The work is done on a thread of its own. It draws between two steps, at most a seventh of the time, and `fit` does not
count that time. A film is a FramePlayer from the first moment on, so one can look back while the training goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from ...dataset import Data
from ...ddpm import Denoiser, draw
from ...diffusion import add_noise, convert, generator
from ...train import Parts, Record, fit
from ...viz.figures import grid
from ...viz.panels import curve, pixels, scatter
from ..live import Live, budget

LEVELS = {"little noise (+10 dB)": 10.0, "half noise (0 dB)": 0.0, "much noise (−10 dB)": -10.0}
TICKS = [[math.log10(v), f"{v:g}"] for v in (0.01, 0.03, 0.1, 0.3, 1, 3)]


class LossCurve:
    """The loss of any number of steps in at most 400 numbers: means of neighbours, which merge in pairs when they are full."""

    def __init__(self, most: int = 400):
        self.most, self.size, self.points, self._open = most, 1, [], []

    def add(self, at: float, loss: float) -> None:
        self._open.append((at, loss))
        if len(self._open) < self.size:
            return
        self.points.append(tuple(np.mean(self._open, 0)))
        self._open = []
        if len(self.points) == self.most:
            self.points = [
                tuple(np.mean(pair, 0)) for pair in zip(self.points[::2], self.points[1::2], strict=True)
            ]
            self.size *= 2

    def smooth(self) -> tuple[np.ndarray, np.ndarray]:
        """Where (steps or seconds), and losses, each the mean of about a fortieth of them all, from behind only: (N,) each, N >= 2."""
        points = (
            self.points if len(self.points) > 1 else [(0.0, 1.0), (1e-6, 1.0)]
        )  # a network that answers 0
        x, y = np.array(points).T
        total, width = np.concatenate([[0.0], np.cumsum(y)]), 1 + len(y) // 40
        here = np.arange(1, len(y) + 1)
        before = np.maximum(here - width, 0)
        return x, (total[here] - total[before]) / (here - before)


# ---------------------------------------------------------------------------------------- what there is to see


class _Points:
    """Samples grown from fixed noise, and the arrows from every place x_t towards the guess x0_hat, at three noise levels."""

    def __init__(self, data: Data, times: dict[str, int], seed: int, n: int, **_):
        g = generator(seed)
        self.n, self.seed, self.times = n, seed, times
        self.backdrop = data.x[torch.randperm(len(data), generator=g)[:800]].cpu()
        self.limit = 1.25 * float(self.backdrop.abs().max())
        axis = torch.linspace(-0.95 * self.limit, 0.95 * self.limit, 15)
        self.places = torch.cartesian_prod(axis, axis)  # (225, 2)

    def look(self, model: Denoiser) -> dict[str, np.ndarray]:
        with torch.no_grad():
            device = next(model.parameters()).device
            xt, seen = (
                self.places.to(device),
                {"samples": torch.cat(list(draw(model, self.n, seed=self.seed)))},
            )
            for level, t in self.times.items():
                x0_hat = convert(model(xt, t), "eps", "x0", xt, t, model.schedule)
                seen[level] = (x0_hat - xt).cpu()
        return {name: v.half().numpy() for name, v in seen.items()}

    def panels(self, frames: list[dict], level: str) -> list[dict]:
        plane = {"xlim": (-self.limit, self.limit), "ylim": (-self.limit, self.limit)}
        samples = np.stack([f["samples"] for f in frames]).astype(np.float32)
        arrows = np.stack([f[level] for f in frames]).astype(np.float32)  # (F, 225, 2)
        length = np.linalg.norm(arrows, axis=-1, keepdims=True)
        arrows *= (
            0.13 * self.limit * np.tanh(length) / np.maximum(length, 1e-6)
        )  # a neighbour is not run over
        comet = [  # a tail of dots that grow: the thick end flies ahead
            {"points": self.places.numpy() + share * arrows, "colors": 1, "size": 1.5 + 3.5 * share}
            for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        ]
        cloud = {"points": samples, "colors": 0, "size": 4}
        return [
            scatter(
                self.backdrop, "samples, over the data (grey)", colors=-1, size=3, layers=[cloud], **plane
            ),
            scatter(
                self.backdrop, "where it sees x̂_{0} from x_{t}", colors=-1, size=3, layers=comet, **plane
            ),
        ]


class _Pictures:
    """Samples grown from fixed noise, and one guess for a few noisy pictures, at three noise levels."""

    def __init__(self, data: Data, times: dict[str, int], seed: int, n: int, y: Tensor | None, calls: int):
        g = generator(seed)
        self.n, self.seed, self.times, self.y, self.calls = n, seed, times, y, calls
        which = torch.randint(len(data), (4,), generator=g)
        self.x0 = data.x[which].cpu()
        self.label = data.y[which].cpu() if data.y is not None else None
        self.eps = torch.randn(self.x0.shape, generator=g)

    def look(self, model: Denoiser) -> dict[str, np.ndarray]:
        device, schedule = next(model.parameters()).device, model.schedule
        x = torch.cat(list(draw(model, self.n, self.calls, seed=self.seed, y=self.y)))
        seen = {"samples": grid(x, columns=round(math.sqrt(1.2 * self.n)))}
        label = self.label.to(device) if model.net.config["classes"] and self.label is not None else None
        for level, t in self.times.items():
            xt = add_noise(self.x0, t, self.eps, schedule)
            answer = model(xt.to(device), t, label)
            eps_hat = answer[0] if isinstance(answer, tuple) else answer
            x0_hat = convert(eps_hat.cpu(), "eps", "x0", xt, t, schedule)
            seen[level] = grid(torch.cat([self.x0, xt, x0_hat]), columns=len(xt), pad=1)
        return seen

    def panels(self, frames: list[dict], level: str) -> list[dict]:
        return [
            pixels(np.stack([f["samples"] for f in frames]), "samples, from the same noise"),
            pixels(np.stack([f[level] for f in frames]), "x_{0}, x_{t}, and its guess x̂_{0}"),
        ]


# ---------------------------------------------------------------------------------------- the box


class Training(Live):
    """A training to watch; made by `watch`. After the end, Continue trains for as much again, with a learning rate that
    rises and falls anew. history, losses: what has been seen.
    """

    def __init__(self, model, parts, data, budget, *, y, n, calls, keep, seed, name):
        self.model, self.parts, self.data, self.round, self._seed = model, parts, data, 0, seed
        db = model.schedule.snr_db[1:]
        times = {name: 1 + int((db - level).abs().argmin()) for name, level in LEVELS.items()}
        kind = _Points if data.x.ndim == 2 else _Pictures
        self.eye, self.losses = kind(data, times, seed, n, y=y, calls=calls), LossCurve()
        self.level = widgets.Dropdown(options=list(LEVELS), value=list(LEVELS)[0 if data.x.ndim == 2 else 1], description="Guess at", layout={"width": "280px"})  # fmt: skip
        self.level.observe(lambda _: self._show(), "value")
        super().__init__(budget, keep, name, beside=(self.level,))

    def _begin(self) -> Iterator[Record]:
        return fit(*self.parts, **{self.unit: self.amount}, seed=self._seed + self.round)

    def _more(self) -> None:
        self.before, self.record, self._records, self.round = (self.step, self.trained), None, None, self.round + 1  # fmt: skip
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

    def _panels(self, frames: list[dict]) -> list[dict]:
        x, y = self.losses.smooth()
        panel = curve(
            x, {"": np.log10(y)}, "loss, on a logarithmic scale", xlabel=self._xlabel,
            xlim=(0, self.until), ylim=(-2.1, 0.6), cursor=self._at(frames),
        )  # fmt: skip
        return [*self.eye.panels(frames, self.level.value), panel | {"yticks": TICKS}]

    def _caption(self, f: dict) -> str:
        loss = f"loss {f['loss']:.3f}" if math.isfinite(f["loss"]) else "not trained yet"
        return f"step {f['step']:,}, after {f['seconds']:.1f} s:  {loss}"


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
    name = name or f"A network learns {data.name}"
    how = budget(steps, seconds, usual=1000)
    box = Training(model, parts, data, how, y=y, n=n, calls=calls, keep=keep, seed=seed, name=name)
    box.proceed()
    return box
