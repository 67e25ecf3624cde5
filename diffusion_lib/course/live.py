"""What every training that one watches has: Stop and Continue, a film that grows, the time that is left.

    training = watch(...)      # in one cell: a box that trains at once, beside the notebook
    await training.wait()      # in a later one: Run All waits here, and Stop still works

The work is done on a thread of its own (`worker`). It draws between two steps, at most a seventh of the time, and `fit` does
not count that time. A film is a FramePlayer from the first moment on, so one can look back while the training goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import ipywidgets as widgets
import numpy as np
from torch import nn

from ..evaluation import arena
from ..trace import Thinned
from ..train import Record
from ..values import need
from ..viz.player import FramePlayer
from ..words import _
from .common import counted, say
from .controls import button, group
from .worker import WorkBox

DRAWING = 0.14  # at most this share of the time goes into looking


def words(seconds: float) -> str:
    """A time as one says it: "about 40 seconds"."""
    if seconds < 8:
        return _("a few seconds")
    if seconds < 100:
        return _("about {n} seconds").format(n=5 * math.ceil(seconds / 5))
    return _("about {n} minutes").format(n=round(seconds / 60 + 0.1))


def budget(steps: int | None, seconds: float | None, usual: int) -> dict[str, float]:
    """How long a training is, for `fit`: {"steps": n} or {"seconds": s}; `usual` steps if nothing is said."""
    if steps is not None and seconds is not None:
        both = f"steps = {steps}, seconds = {seconds}"
        raise ValueError(f"Say how long to train, in steps or in seconds, not both: got {both}.")
    how = {"seconds": seconds} if seconds is not None else {"steps": usual if steps is None else steps}
    ((unit, amount),) = how.items()
    need(0 < amount < math.inf, f"A training has more than 0 {unit}, and an end: got {unit} = {amount}.")
    return how


class Live(WorkBox):
    """A training to watch. Its budget is in steps, the same on every machine, or in seconds; after it, it rests, and Continue
    gives as much more, unless `once` says that it is over.

    A subclass has `_begin() -> iterator of Records`, `_look() -> dict` with at least "step" and "seconds", and what a `WorkBox`
    needs; when all that these need is there, its `__init__` ends with `_open`.
    state: "training", "stopped", "done", "failed". `halt()` and `proceed()` are what the buttons do. error: what went wrong,
    if anything did. `.model` can be used at any time.
    """

    model: nn.Module | None = None
    once = False  # the learning rate has come down to 0: this budget is spent
    cure = ""  # what to do after a loss that is no number

    def __init__(self, budget: dict[str, float]):
        super().__init__("training")
        ((self.unit, self.amount),) = budget.items()
        self.until, self.record = self.amount, None
        self.before = (0, 0.0)  # steps and seconds of earlier records
        self.frame_ms, self.drawing, self.state = [], 0.0, "stopped"
        self._records: Iterator[Record] | None = None
        self.stop = button(_("Stop"), _("Keep what is learned, and rest"), "stop")
        self.resume = button(_("Continue"), _("Go on where it stopped"), "play", 190)
        self.bar = widgets.FloatProgress(0, min=0, max=1, layout={"width": "160px", "height": "44px"})
        self.left = widgets.HTML(layout={"width": "auto", "min_width": "250px", "height": "44px"})
        self.says = widgets.HTML(layout={"height": "52px"})
        self.stop.on_click(lambda button: self.halt())
        self.resume.on_click(lambda button: self.proceed())

    def _open(self, name: str, keep: int, above: tuple = (), beside: tuple = ()) -> None:
        """Show the box and the first frame of a film of at most `keep`; more controls stand above, or beside Stop."""
        self.history, first = Thinned(keep), self._look()
        self.history.add(first)
        self._shown = [first, first]
        # it starts at the end: it follows
        self.player = FramePlayer(**self._film(self._shown), name=name, fps=6, start=1)
        buttons = group([self.stop, self.resume, self.bar, self.left, *beside], name=_("The training"))
        self.children = [*above, buttons, self.player, self.says]
        self._show()

    @property
    def turns(self) -> int:
        """How many take turns, each with a budget of its own."""
        return 1

    @property
    def step(self) -> int:
        """Steps that were taken, in all rounds."""
        return self.before[0] + (self.record.step if self.record else 0)

    @property
    def trained(self) -> float:
        """Seconds, drawing not counted."""
        return self.before[1] + (self.record.seconds if self.record else 0.0)

    @property
    def done(self) -> float:
        """How far it is, in the unit of its budget."""
        return self.step if self.unit == "steps" else self.trained

    def _at(self, frames: list[dict]) -> np.ndarray:
        """How far each frame was, in the unit of the budget: (F,)."""
        return np.array([f["step" if self.unit == "steps" else "seconds"] for f in frames], float)

    @property
    def _xlabel(self) -> str:
        return _("steps") if self.unit == "steps" else _("seconds of training")

    # ---- buttons: called on whatever thread the browser's message arrives

    def proceed(self) -> None:
        """Go on where it stopped; after the end, for as long again."""
        with self._lock:
            if self.state in ("training", "failed"):
                return
            if self.state == "done":
                self._more()
            if self._records is None:
                self._records = self._begin()
            self.worker.start(self._work, begun=self._begun, ended=self._rest)

    def _begun(self) -> None:
        self._state("training", _("Training. Stop whenever you like: nothing is lost."))

    def _more(self) -> None:
        self.until = self.done + self.amount

    def _anew(self, frames: list[dict]) -> None:
        """Train from the start, or from the last of these frames, which the film keeps."""
        self.history, self._records, self.record = Thinned(self.history.keep), None, None
        self.drawing, self.state, self.until = 0.0, "stopped", self.done + self.amount
        for frame in frames or [self._look()]:
            self.history.add(frame)
        self._show()
        self.player.value = self.player.n_frames - 1
        self.proceed()

    def _state(self, state: str, sentence: str) -> None:
        self.state = state
        self.stop.disabled = state != "training"
        over = self.once and state == "done"
        self.resume.disabled = state in ("training", "failed") or over
        again = counted(self.amount, "step") if self.unit == "steps" else f"{self.amount:g} s"
        more = _("{steps} more").format(steps=again)
        self.resume.description = more if state == "done" and not over else _("Continue")
        self.bar.bar_style = {"training": "info", "done": "success", "failed": "danger"}.get(state, "")
        if state != "training":
            self.left.value = ""
        if state == "done":
            self.bar.value = 1.0
        say(self.says, sentence, bad=state == "failed")

    # ---- the thread

    def _work(self) -> None:
        wake = 0.0  # look again when this many seconds are trained
        for record in self._records:  # a generator that we keep: after a break, Continue goes on with it
            self._note(record)
            if self.worker.stopping.is_set() or self.done >= self.until:
                break
            if self.trained >= wake:
                cost = self._draw()
                wake = self.trained + max(0.25, cost * (1 / DRAWING - 1) / self.turns)
        self._draw()

    def _note(self, record: Record) -> None:
        self.record = record

    def _rest(self) -> None:
        """The thread's last words: how it ended. `wait` raises again what it broke off with."""
        if isinstance(self.error, FloatingPointError):
            self._state("failed", f"{self.error} {_(self.cure)}".strip())
        elif self.error:
            what = f"{type(self.error).__name__}: {self.error}"
            self._state("failed", _("The training broke off: {what}").format(what=what))
        elif self.worker.stopping.is_set():
            said = _("Stopped, and nothing is lost: {took}. Continue goes on from here.")
            self._state("stopped", said.format(took=self._took()))
        else:
            drawn = _("and {n:.0f} more to draw this film").format(n=self.drawing)
            said = _("Done: {took}, {drawn}. Move the slider to look back.")
            self._state("done", said.format(took=self._took(), drawn=drawn))

    def _took(self) -> str:
        steps, seconds = counted(self.step, "step"), counted(round(self.trained), "second")
        return _("{steps} in {seconds}").format(steps=steps, seconds=seconds)

    def _draw(self) -> float:
        """Add what there is to see now to the film; how many seconds that took."""
        tick = time.perf_counter()
        with self._lock:
            self.history.add(self._look())
            self._show()
        cost = time.perf_counter() - tick
        self.drawing += cost
        self.frame_ms = [*self.frame_ms[-199:], 1000 * cost]
        return cost

    # ---- the film

    def _label(self, frame: dict) -> str:
        return _("step {n:,}").format(n=frame["step"])

    def _show(self) -> None:
        with self._lock:
            self._play(self.history.items(), False, lambda f: f["step"])
            left = max(0.0, self.until - self.done)
            self.bar.value = share = min(1.0, 1 - left / self.amount)
            text = ""
            if left and self.record:
                text = _("{share:.0%}, {time} left").format(share=share, time=words(left * self._pace()))
            self.left.value = f'<span style="font-size:15px;line-height:40px;padding-left:8px">{text}</span>'

    def _pace(self) -> float:
        """Seconds on the wall, where the clock also runs while we draw and others have their turn, for a step or a trained second."""
        one = self.record.seconds / self.record.step if self.unit == "steps" else 1.0
        return one * (self.turns + self.drawing / max(self.trained, 1e-9))

    # ---- waiting

    async def wait(self) -> nn.Module | None:
        """For the next cell, ``await training.wait()``: until the training has ended or was stopped; returns the model.

        The buttons work meanwhile, on a thread of their own (see `heard_at_once`); where a server has none for them, ipykernel
        7.4 handles them beside a cell that awaits.
        """
        await self.worker.wait()
        return self._result()

    def join(self) -> nn.Module | None:
        """`wait` for a program without cells; Ctrl+C stops the training."""
        self.worker.join()
        return self._result()

    def _result(self) -> nn.Module | None:
        if self.error and not isinstance(self.error, FloatingPointError):
            raise self.error
        return self.model


class ByTurns(Live):
    """Several families on the same data, a step each whenever it is the turn of the one that has had the least time.

    `entries`: {name: arena.Entry}, which a subclass fills before it ends with `_open`.
    """

    once = True
    entries: dict[str, arena.Entry]

    @property
    def turns(self) -> int:
        """As many as there are entries."""
        return len(self.entries)

    @property
    def step(self) -> int:
        """Steps of all together."""
        return sum(e.steps for e in self.entries.values())

    @property
    def trained(self) -> float:
        """Seconds that the family with the fewest has had; one that broke off does not count."""
        return min((e.seconds for e in self.entries.values() if not e.error), default=0.0)

    @property
    def seconds(self) -> float:
        """The budget of each: here equal seconds are the point, so there are no steps to choose."""
        return self.amount

    def _begin(self) -> Iterator[Record]:
        for entry in arena.race(self.entries, seconds=self.seconds, seed=self.seed):
            if entry.record:
                yield entry.record

    def _took(self) -> str:
        broke = "".join(_("; {name} broke off").format(name=k) for k, e in self.entries.items() if e.error)
        return _("{n:.1f} seconds each").format(n=self.trained) + broke
