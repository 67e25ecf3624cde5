"""Lesson 04: a network learns while one watches, stops it, lets it go on, and scrubs through what it was.

    training = watch(*ddpm.build(data), data, seconds=60)   # in one cell: it begins at once, beside the notebook
    await training.wait()                                   # in a later one: Run All waits here, and Stop still works

The work is done on a thread of its own. It draws between two steps, at most a seventh of the time, and `fit` does not
count that time. A film is a FramePlayer from the first moment on, so one can look back while the training goes on.
"""

from __future__ import annotations

import asyncio
import atexit
import math
import threading
import time
from dataclasses import dataclass, field

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from ..data import Data
from ..ddpm import Denoiser, draw
from ..diffusion import add_noise, convert
from ..figures import grid
from ..player import FramePlayer, curve, pixels, scatter
from ..train import Parts, fit
from .common import PlayerBox, generator, say

LEVELS = {"little noise (+10 dB)": 10.0, "half noise (0 dB)": 0.0, "much noise (−10 dB)": -10.0}
DRAWING = 0.14  # at most this share of the time goes into looking
TICKS = [[math.log10(v), f"{v:g}"] for v in (0.01, 0.03, 0.1, 0.3, 1, 3)]


@dataclass
class Thinned:
    """At most `keep` items of an endless row, evenly thinned; the newest is always among them. As `Trace`, for anything."""

    keep: int = 30
    seen: int = 0
    stride: int = 1
    _even: list = field(default_factory=list)
    _newest: object = None

    def add(self, item) -> None:
        if len(self._even) == self.keep:
            self._even, self.stride = self._even[::2], 2 * self.stride
        if self.seen % self.stride == 0:
            self._even.append(item)
        self._newest, self.seen = item, self.seen + 1

    def items(self) -> list:
        return self._even if not self._even or self._newest is self._even[-1] else [*self._even, self._newest]


class LossCurve:
    """The loss of any number of steps in at most 400 numbers: means of neighbours, which merge in pairs when they are full."""

    def __init__(self, most: int = 400):
        self.most, self.size, self.points, self._open = most, 1, [], []

    def add(self, seconds: float, loss: float) -> None:
        self._open.append((seconds, loss))
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
        """Seconds and losses, each the mean of about a fortieth of them all, from behind only: (N,) each, N >= 2."""
        points = (
            self.points if len(self.points) > 1 else [(0.0, 1.0), (1e-6, 1.0)]
        )  # a network that answers 0
        x, y = np.array(points).T
        total, width = np.concatenate([[0.0], np.cumsum(y)]), 1 + len(y) // 40
        here = np.arange(1, len(y) + 1)
        before = np.maximum(here - width, 0)
        return x, (total[here] - total[before]) / (here - before)


def words(seconds: float) -> str:
    """A time as one says it: "about 40 seconds"."""
    if seconds < 8:
        return "a few seconds"
    if seconds < 100:
        return f"about {5 * math.ceil(seconds / 5)} seconds"
    return f"about {round(seconds / 60 + 0.1)} minutes"


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

    def __init__(self, data: Data, times: dict[str, int], seed: int, n: int, y: Tensor | None, steps: int):
        g = generator(seed)
        self.n, self.seed, self.times, self.y, self.steps = n, seed, times, y, steps
        which = torch.randint(len(data), (4,), generator=g)
        self.x0 = data.x[which].cpu()
        self.label = data.y[which].cpu() if data.y is not None else None
        self.eps = torch.randn(self.x0.shape, generator=g)

    def look(self, model: Denoiser) -> dict[str, np.ndarray]:
        device, schedule = next(model.parameters()).device, model.schedule
        x = torch.cat(list(draw(model, self.n, self.steps, seed=self.seed, y=self.y)))
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


class Training(PlayerBox):
    """A training to watch; made by `watch`. `.model` can be used at any time.

    state: "training", "stopped", "done", "failed". `halt()` and `proceed()` are what the buttons do. records, history,
    losses: what has been seen. error: what went wrong, if anything did.
    """

    def __init__(self, model, parts, data, *, seconds, y, n, steps, keep, seed, name):
        self.model, self.parts, self.seconds, self.budget = model, parts, seconds, seconds
        self.data, self.title, self.round, self.spent, self.done = data, name, 0, 0.0, 0
        db = model.schedule.snr_db[1:]
        times = {name: 1 + int((db - level).abs().argmin()) for name, level in LEVELS.items()}
        kind = _Points if data.x.ndim == 2 else _Pictures
        self.eye = kind(data, times, seed, n, y=y, steps=steps)
        self.history, self.losses, self.record, self.error = Thinned(keep), LossCurve(), None, None
        self.frame_ms, self.drawing, self.state = [], 0.0, "stopped"
        self._lock, self._stopping, self._thread = threading.RLock(), threading.Event(), None
        self._records = fit(*parts, seconds=seconds, seed=seed)
        self._seed = seed
        big = {"height": "44px", "width": "150px"}
        self.stop = widgets.Button(
            description="Stop", icon="stop", layout=big, tooltip="Keep what is learned, and rest"
        )
        self.resume = widgets.Button(
            description="Continue", icon="play", layout=big, tooltip="Go on where it stopped"
        )
        self.level = widgets.Dropdown(options=list(LEVELS), value=list(LEVELS)[0 if data.x.ndim == 2 else 1], description="Guess at", layout={"width": "280px"})  # fmt: skip
        self.bar = widgets.FloatProgress(0, min=0, max=1, layout={"width": "220px", "height": "44px"})
        self.left = widgets.HTML(layout={"width": "300px", "height": "44px"})
        self.says = widgets.HTML(layout={"height": "52px"})
        self.stop.on_click(lambda _: self.halt())
        self.resume.on_click(lambda _: self.proceed())
        self.level.observe(lambda _: self._show(), "value")
        first = self._look()
        self.history.add(first)
        self.player = FramePlayer(self._panels([first, first]), captions="", labels=["step 0", "step 0"], name=name, start=1, fps=6)  # fmt: skip
        buttons = widgets.HBox(
            [self.stop, self.resume, self.bar, self.left, self.level], layout={"flex_flow": "row wrap"}
        )
        super().__init__([buttons, self.player, self.says])
        self._show()

    # ---- buttons: called on whatever thread the browser's message arrives

    def halt(self) -> None:
        """Stop after the step that is being taken. The model keeps all it has learned."""
        self._stopping.set()

    def proceed(self) -> None:
        """Go on where it stopped; after the end, train for as long again, with a learning rate that rises and falls anew."""
        with self._lock:
            if self.state == "training" or self.state == "failed":
                return
            if self.state == "done":
                self.round, self.spent, self.done = self.round + 1, self.record.seconds + self.spent, self.record.step + self.done  # fmt: skip
                self.budget += self.seconds
                self._records = fit(*self.parts, seconds=self.seconds, seed=self._seed + self.round)
            _only(self)
            self._stopping.clear()
            self._state("training", "Training. Stop whenever you like: nothing is lost.")
            self._thread = threading.Thread(target=self._work, name="training", daemon=True)
            self._thread.start()

    def _state(self, state: str, sentence: str) -> None:
        self.state = state
        self.stop.disabled = state != "training"
        self.resume.disabled = state in ("training", "failed")
        self.resume.description = f"{self.seconds:g} s more" if state == "done" else "Continue"
        self.bar.bar_style = {"training": "info", "done": "success", "failed": "danger"}.get(state, "")
        say(self.says, sentence, bad=state == "failed")

    # ---- the thread

    def _work(self) -> None:
        wake = 0.0  # look again when this many seconds are trained
        try:
            for record in self._records:  # a generator that we keep: after a break, Continue goes on with it
                self.record = record
                now = record.seconds + self.spent
                self.losses.add(now, record.values["loss"])
                if self._stopping.is_set():
                    break
                if now >= wake:
                    cost = self._draw()
                    wake = now + max(0.25, cost * (1 / DRAWING - 1))
            self._draw()
            took = f"{self.step:,} steps in {self.trained:.0f} seconds, and {self.drawing:.0f} more to draw this film."
            if self.record.progress < 1:
                self._state("stopped", f"Stopped, and nothing is lost: {took} Continue goes on from here.")
            else:
                self._state("done", f"Done: {took} Move the slider to see how it came to this.")
        except FloatingPointError as error:
            self.error = error
            self._state("failed", str(error))
        except BaseException as error:  # nobody sees the traceback of a thread; `wait` raises it again
            self.error = error
            self._state("failed", f"The training broke off: {type(error).__name__}: {error}")

    def _draw(self) -> float:
        """Add what the network draws now to the film; how many seconds that took."""
        tick = time.perf_counter()
        with self._lock:
            self.history.add(self._look())
            self._show()
        cost = time.perf_counter() - tick
        self.drawing += cost
        self.frame_ms.append(1000 * cost)
        del self.frame_ms[:-200]
        return cost

    def _look(self) -> dict:
        loss = self.losses.smooth()[1][-1] if self.record else math.nan
        try:
            seen = self.eye.look(self.model)
        except ValueError as error:  # finite weights can still be so large that what they compute is not
            raise FloatingPointError(
                f"The samples are no numbers any more at step {self.step}. Training stops: try a smaller learning rate."
            ) from error
        return {"step": self.step, "seconds": self.trained, "loss": float(loss), **seen}

    @property
    def step(self) -> int:
        return self.done + (self.record.step if self.record else 0)

    @property
    def trained(self) -> float:
        """Seconds, drawing not counted."""
        return self.spent + (self.record.seconds if self.record else 0.0)

    # ---- the film

    def _panels(self, frames: list[dict]) -> list[dict]:
        x, y = self.losses.smooth()
        panel = curve(
            x, {"": np.log10(y)}, "loss, on a logarithmic scale", xlabel="seconds of training",
            xlim=(0, self.budget), ylim=(-2.1, 0.6), cursor=np.array([f["seconds"] for f in frames]),
        )  # fmt: skip
        return [*self.eye.panels(frames, self.level.value), panel | {"yticks": TICKS}]

    def _show(self) -> None:
        with self._lock:
            frames = self.history.items()
            frames = frames if len(frames) > 1 else frames * 2
            following = self.player.value >= self.player.n_frames - 1
            with self.player.hold_sync():  # the film and its frame travel together
                self.player.update(
                    self._panels(frames),
                    captions=[
                        f"step {f['step']:,}, after {f['seconds']:.1f} s"
                        + (f":  loss {f['loss']:.3f}" if math.isfinite(f["loss"]) else ":  not trained yet")
                        for f in frames
                    ],
                    labels=[f"step {f['step']:,}" for f in frames],
                )
                if following:
                    self.player.value = len(frames) - 1
            share = self.record.progress if self.record else 0.0
            self.bar.value = share
            slow = 1 + self.drawing / max(self.trained, 1e-9)  # the clock on the wall also runs while we draw
            left = "" if self.record is None or share == 1 else f", {words(slow * self.record.left)} left"
            self.left.value = (
                f'<span style="font-size:15px;line-height:40px;padding-left:8px">{share:.0%}{left}</span>'
            )

    def _repr_mimebundle_(self, **kwargs):
        with self._lock:  # a still of a film that changes while it is drawn would mix two of its states
            return super()._repr_mimebundle_(**kwargs)

    # ---- waiting

    async def wait(self) -> Denoiser:
        """For the next cell, ``await training.wait()``: until the training has ended or was stopped; returns the model.

        The buttons work meanwhile: where comms have no thread of their own, ipykernel 7.4 handles them beside a cell that
        awaits. The kernel's own stop button (■) stops the training too, and the next cells run on.
        """
        try:
            while self._thread.is_alive():
                await asyncio.sleep(0.05)
        except (asyncio.CancelledError, KeyboardInterrupt):
            self.halt()
            self._thread.join()
        return self._result()

    def join(self) -> Denoiser:
        """`wait` for a program without cells; Ctrl+C stops the training."""
        try:
            while self._thread.is_alive():
                self._thread.join(0.05)
        except KeyboardInterrupt:
            self.halt()
            self._thread.join()
        return self._result()

    def _result(self) -> Denoiser:
        if self.error and not isinstance(self.error, FloatingPointError):
            raise self.error
        return self.model


_running: list[Training] = []


def _only(training: Training | None) -> None:
    """One training at a time: two would both crawl. Run a cell again, and what it had begun before stops."""
    for other in list(_running):
        if other is not training:
            other.halt()
            if other._thread is not threading.current_thread():
                other._thread.join()
            _running.remove(other)
    if training is not None and training not in _running:
        _running.append(training)


atexit.register(_only, None)  # or Python would end in the middle of a step


def watch(
    model: Denoiser,
    parts: Parts,
    data: Data,
    *,
    seconds: float = 20.0,
    y: Tensor | None = None,
    n: int | None = None,
    steps: int = 20,
    keep: int = 30,
    seed: int = 0,
    name: str = "",
) -> Training:
    """Train for some seconds, beside the notebook, and show it live: samples, guesses, loss, time left, Stop and Continue.

    model, parts: as `ddpm.build(data)` gives them. n samples grow from noise that stays the same, in `steps` steps; y: their
    classes (n,), None takes each in turn. keep: frames of the film; with more, it is thinned evenly.
    """
    n = n or (600 if data.x.ndim == 2 else 30)
    name = name or f"A network learns {data.name}"
    box = Training(
        model, parts, data, seconds=seconds, y=y, n=n, steps=steps, keep=keep, seed=seed, name=name
    )
    box.proceed()
    return box
