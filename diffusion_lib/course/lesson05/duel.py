"""Lesson 05: a GAN by hand. Buttons draw fakes, teach D, fool D and repeat; the picture follows each of them.

    duel = step_gan(data.load("moons"))      # .pair has G and D, .film every moment that is kept

The picture is a FramePlayer whose film grows by a frame with each action, so rewinding is its slider; with each frame a
snapshot of everything is kept, and "Branch from here" goes on from it. What runs longer runs on a thread of its own.

Longer than 400 lines because all buttons work on one pair, one film and one lock.
"""

from __future__ import annotations

import copy
import html
import math
import time

import ipywidgets as widgets
import numpy as np
import torch

from ...dataset import Data
from ...gan import Loss
from ...machine import beside_the_browser
from ...nets import Discriminator, Generator
from ...train import Learner
from ...viz.panels import curve
from ...viz.player import FramePlayer
from ...words import N_, _
from ..ahead import Ahead
from ..cloud import DRAWING, Easel, beside
from ..common import counted
from ..controls import button, choices, group, menu
from ..worker import WorkBox
from .looks import Pictures, Points
from .pair import Pair

WINS, PATIENCE = 0.95, 200  # "until it wins": this share right, over four lessons, or so many lessons
STEPS = ("draw", "teach", "fool", "repeat")  # the buttons that are done at once
PAUSE = 1.3  # seconds between two parts in slow motion


class Film:
    """The last `recent` items, and at most `old` older ones, evenly thinned; the first is never lost."""

    def __init__(self, old: int = 14, recent: int = 8):
        self.most, self.recent = old, recent
        self._old, self._new, self._stride, self._passed = [], [], 1, 0

    def add(self, item) -> None:
        """The newest item."""
        self._new.append(item)
        if len(self._new) <= self.recent:
            return
        item = self._new.pop(0)
        if self._passed % self._stride == 0:
            self._old.append(item)
        self._passed += 1
        if len(self._old) > self.most:
            self._old, self._stride = self._old[::2], 2 * self._stride

    def items(self) -> list:
        """What is kept, in its order."""
        return self._old + self._new

    def longer(self, item) -> Film:
        """A film that has this item as well; this one stays as it is."""
        film = copy.copy(self)
        film._old, film._new = list(self._old), list(self._new)
        film.add(item)
        return film

    def branch(self, last: int) -> Film:
        """A film of its own that ends with item number `last`; this one stays as it is."""
        film, kept = Film(self.most, self.recent), self.items()[: last + 1]
        film._old, film._new, film._stride = kept[: -self.recent], kept[-self.recent :], self._stride
        return film


def even(loss: Loss) -> dict[str, float]:
    """What D and G pay when D cannot tell real from fake, both at the score 0: {name of the line: value}."""
    zero = torch.zeros(1)
    values = [float(pay(zero, zero)) for pay in (loss.d, loss.g)]
    known = {"log 4": math.log(4), "log 2": math.log(2), "−log 2": -math.log(2)}

    def called(value: float) -> str:
        close = (name for name, v in known.items() if abs(v - value) < 1e-4)
        return next(close, f"{value:g}".replace("-", "−"))

    return {called(value): value for value in values}


def _lessons(frame: dict) -> int:
    return frame["taught"] + frame["fooled"]


class Duel(WorkBox):
    """G against D by hand; made by `step_gan`. `.pair` is what the buttons work on; `.g`, `.d`, `.losses` lead into it.

    `press(name)` does what the button of that name does: "draw", "teach", "fool", "repeat", "wins", "slow", "run".
    """

    def __init__(self, data: Data, starts: dict, name: str, options: dict):
        super().__init__("duel")
        self._given, self.options, self._starts = data, options, starts
        self._enter(data)
        self.frame_ms: list[float] = []
        self._other: dict | None = None  # what was left by a branch or a new start
        self._ahead = Ahead()
        actions, journeys = self._controls()
        self._begin()
        self._shown = self.film.items() * 2
        self.player = FramePlayer(**self._film(self._shown), name=name, fps=4)
        self.children = [actions, journeys, self.says, self.player]
        self.easel = Easel(self.what, self.learn)
        if len(self.what.options) > 1:  # points, and no drawing yet
            beside(self.easel, self)
            self.what.observe(lambda change: self.easel.chosen or self.learn(), "value")
        for key, pressed in self.buttons.items():
            pressed.on_click(lambda pressed, key=key: self._pressed(key))
        self.stop.on_click(lambda button: self.halt())
        self.branch.on_click(lambda button: self.branch_here())
        self.back.on_click(lambda button: self.other_branch())
        self.start.observe(lambda change: self.restart(), "value")
        self.player.observe(lambda change: self._sending or self._tell(), "value")
        self._show()

    def _controls(self) -> list[widgets.HBox]:
        """Two rows: the parts of a step, and what goes on for longer or back."""

        def large(text, tip, wide=150, icon=""):
            made = button(text, tip, icon, wide, high=46)
            made.style.font_size = "16px"
            return made

        long = _("Until it is right 95 times of 100, or for 200 lessons")
        self.buttons = {
            "draw": large(_("1  Draw fakes"), _("New noise z, new fakes G(z); nobody learns")),
            "teach": large(_("2  Teach D"), _("One step of D: real ones up, these fakes down")),
            "fool": large(_("3  Fool D"), _("One step of G: along the arrows")),
            "repeat": large(_("4  Repeat"), _("A whole step: draw, teach D, draw, fool D")),
            "wins": large(_("Teach D until it wins"), long, 210),
            "slow": large(_("Slow motion"), _("The parts of a step, one by one"), 150, "hourglass-half"),
            "run": large(_("Run"), _("Whole steps, one after the other"), 110, "forward"),
        }
        self.stop = large(_("Stop"), _("Rest; nothing is lost"), 110, "stop")
        tip = _("Go on from the moment that the slider shows")
        self.branch = large(_("Branch from here"), tip, 190, "code-branch")
        tip = _("To what there was before you branched or started anew; press again to return")
        self.back = large(_("Other branch"), tip, 160, "undo")
        self.pace = menu(_("Steps a frame"), [1, 5, 25], wide=220, high=46)
        self.start = menu(_("Start from"), choices(self._starts), wide=290, high=46)
        own = self.data.x.ndim == 2 and self.data.name != DRAWING
        self._name = self.data.name or N_("as given")
        self.what = menu(_("Data"), choices([self._name, DRAWING] if own else [self._name]), wide=220, high=46)
        self.says = widgets.HTML(layout={"height": "56px"})
        *first, slow, run = self.buttons.values()
        first += [self.start] if len(self._starts) > 1 else []
        journeys = [slow, run, self.pace, self.stop, self.branch, self.back]
        first += [self.what] if own else []
        return [group(first, name=_("The parts of a step")), group(journeys, name=_("Many steps, and the way back"))]

    def _enter(self, data: Data) -> None:
        """What is to be learned, and how it is looked at."""
        self.data, self.eye = data, Points(data) if data.x.ndim == 2 else Pictures(data)

    def _begin(self) -> None:
        self._began, self._moving = self.start.value, False
        self.pair, self.film = Pair(self.data, nets=self._starts[self._began], **self.options), Film()
        first = self._moment(self.pair, _("Nobody has learned yet in this duel. Press a button."))
        self.film.add(first | {"state": self.pair.state()})

    @property
    def g(self) -> Learner:
        """What trains G."""
        return self.pair.g

    @property
    def d(self) -> Learner:
        """What trains D."""
        return self.pair.d

    @property
    def losses(self) -> list[tuple[float, float, float]]:
        """(lesson, D's loss, G's loss), at most 400 of them."""
        return self.pair.losses

    @property
    def history(self) -> list[dict]:
        """What is kept of each moment: its sentence, its state, and what the panels show."""
        return self.film.items()

    @property
    def busy(self) -> bool:
        """Does something run that Stop would stop?"""
        return self.worker.busy

    # ---- buttons: called on whatever thread the browser's message arrives

    def press(self, name: str) -> None:
        """What the button does. While something runs, only Stop is heard."""
        ready = self._ahead.take(name)  # before the lock, which its work needs, too
        with self._lock:
            if self.busy:
                return
            long = {"wins": self._until_it_wins, "slow": self._in_slow_motion, "run": self._keep_on}
            if name in long:
                return self.worker.start(long[name], begun=self._buttons, ended=self._ended)
            self._do(getattr(self.pair, name), ready=ready)

    def _pressed(self, name: str) -> None:
        """The browser's press. While one looks at what it did, the same is done once more beforehand, and what may follow it."""
        self.press(name)
        if name in STEPS and not self.busy:
            n = STEPS.index(name)
            self._ahead.begin({key: lambda key=key: self._beforehand(key) for key in STEPS[n:] + STEPS[:n]})

    def _beforehand(self, name: str) -> tuple[dict, Pair, dict]:
        """The button's next moment, which the browser gets at once: the one that it comes after, a twin that was there, and it."""
        with self._lock:
            start, twin = self.film.items()[-1], self.pair.twin()
        with beside_the_browser():
            moment = self._moment(twin, getattr(twin, name)()) | {"state": twin.state()}
        with self._lock:
            if not self.busy and start is self.film.items()[-1]:
                more = self._more_by_one(self.film.longer(moment).items())
                if more:
                    self.player.foresee(self.buttons[name].description, **more)
        return start, twin, moment

    def _arrive(self, start: dict, twin: Pair, moment: dict) -> dict | None:
        """Go where the twin has been; nothing happens, and it is None, if the pair is not where the twin began."""
        if not self.pair.like(twin, start["state"]):
            return None
        self.pair.restore(moment["state"])
        return moment

    def join(self, seconds: float = math.inf) -> None:
        """Wait until what runs has ended by itself or was stopped, or so many seconds."""
        self.worker.join(seconds)

    def branch_here(self) -> None:
        """Go back to the moment that the slider shows, with all weights, optimizers and dice; `other_branch` has what came after."""
        with self._lock:
            if self.busy:
                return
            self._other, self.film = self._here(), self.film.branch(self.player.value)
            self.pair.restore(self.film.items()[-1]["state"])
            self._show(jump=True)
            said = _(
                "Back at this moment: both networks, their optimizers and the dice are what they were then. What came after waits under “Other branch”."
            )
            self._say(said)

    def other_branch(self) -> None:
        """Change places with what a branch or a new start has left; the same again leads back."""
        self._ahead.take(None)  # the other branch may have other data
        with self._lock:
            if self.busy or self._other is None:
                return
            then, self._other = self._other, self._here()
            vars(self).update(then)
            # the menus say what it began from, and nothing begins
            self._moving, self.start.value = True, self._began
            self.what.value = self._name if self.data is self._given else DRAWING
            self._moving = False
            self.pair.restore(self.film.items()[-1]["state"])
            self._show(jump=True)
            self._say(_("The other branch, where you left it. What you were at just now waits under “Other branch”."))

    def restart(self, data: Data | None = None) -> None:
        """Begin anew, from where the dropdown says, on the same data or on these."""
        if self._moving:
            return
        self.halt()
        self.join(20)
        self._ahead.take(None)  # it was made for the old data
        with self._lock:
            self._other = self._here()
            if data is not None:
                self._enter(data)
            self._begin()
            self._show(jump=True)

    def learn(self) -> None:
        """Begin anew on the data that the menu says: what is on the pad now, or what was given."""
        try:
            self.restart(self.easel.pad.data() if self.easel.chosen else self._given)
        except ValueError as error:
            self._say(str(error), bad=True)

    def _here(self) -> dict:
        return {key: getattr(self, key) for key in ("pair", "film", "_began", "data", "eye")}

    def _buttons(self) -> None:
        running = self.busy
        for pressed in self.buttons.values():
            pressed.disabled = running
        self.start.disabled, self.stop.disabled = running, not running
        self.branch.disabled = running or self.player.value >= len(self.film.items()) - 1
        self.back.disabled = running or self._other is None

    # ---- what a press does

    def _do(self, act, *arguments, ready=None) -> None:
        tick = time.perf_counter()
        moment = self._arrive(*ready) if ready else None
        try:
            if not moment:
                with beside_the_browser():
                    moment = self._moment(self.pair, act(*arguments))
        except FloatingPointError as error:
            self.halt()
            what = _("{error}. The weights stay as they were: branch from an earlier moment.").format(error=error)
            return self._say(what, bad=True)
        self.film.add(moment)
        self._show(jump=not self.busy)  # while it runs, whoever looks back is left alone
        if "state" not in moment:  # what is seen is sent first
            moment["state"] = self.pair.state()
        self.frame_ms.append(1000 * (time.perf_counter() - tick))
        del self.frame_ms[:-200]

    def _moment(self, pair: Pair, sentence: str) -> dict:
        """What is kept of a moment, but its state: that comes when it is on show."""
        told = {"taught": pair.taught, "fooled": pair.fooled, "losses": pair.losses, "sentence": sentence}
        return told | self.eye.look(pair)

    def _ended(self) -> None:
        if self.error:
            self._say(_("It broke off: {error}").format(error=f"{type(self.error).__name__}: {self.error}"), bad=True)
        self._buttons()

    def _keep_on(self) -> None:
        while not self.worker.stopping.is_set():
            start = time.monotonic()
            with self._lock:
                self._do(self.pair.repeat, self.pace.value)
            spent = time.monotonic() - start
            self.worker.stopping.wait(max(0.1 - spent, 0.3 * spent))  # the browser has to paint as well

    def _in_slow_motion(self) -> None:
        pair = self.pair
        parts = [("1", pair.draw), ("2", pair.teach), ("1 again", pair.draw), ("3", pair.fool)]
        while not self.worker.stopping.is_set():
            for number, act in parts:
                with self._lock:
                    self._do(lambda number=number, act=act: f"{number}: {act()}")
                if self.worker.stopping.wait(PAUSE):
                    return

    def _until_it_wins(self) -> None:
        def lessons() -> str:
            pair = self.pair
            for _k in range(4):
                pair.draw()
                pair.teach()
                self.lessons += 1
                right.append((pair.caught + pair.trusted) / 2)
            said = _(
                "D has had {lessons} in a row, each with fresh fakes; G's weights stood still. D is right about {caught:.0%} of the fakes and {trusted:.0%} of the real ones. G's loss would now be {loss:.2f}."
            )
            had, loss = counted(self.lessons, "lesson"), self._g_loss()
            return said.format(lessons=had, caught=pair.caught, trusted=pair.trusted, loss=loss)

        self.lessons, right = 0, []
        while self.lessons < PATIENCE and not self.worker.stopping.is_set():
            with self._lock:
                self._do(lessons)
            if np.mean(right[-4:]) > WINS:
                return
            self.worker.stopping.wait(0.03)

    def _g_loss(self) -> float:
        return float(self.pair.loss.g(self.pair.real_scores, self.pair.scores))

    # ---- the film

    def _pictures(self, frames: list[dict]) -> list[dict]:
        return self.eye.panels(frames)

    def _curves(self, frames: list[dict]) -> list[dict]:
        rows = np.array(frames[-1]["losses"] or [(0, math.nan, math.nan)]).reshape(-1, 3)
        rows = np.concatenate([[(0, math.nan, math.nan)], rows])
        end = max(20, rows[-1, 0])
        balance = even(self.pair.loss)
        losses = {_("D's loss"): rows[:, 1], _("G's loss"): rows[:, 2]}
        losses |= {k: np.full(len(rows), v) for k, v in balance.items()}
        cursor = np.array([_lessons(f) for f in frames], float)
        # all of them: nothing leaves the plot
        values = [0.0, *balance.values(), *rows[:, 1:][np.isfinite(rows[:, 1:])]]
        look = {"xlabel": _("lessons, of both"), "xlim": (0, end), "shape": self.eye.loss_shape}
        look["ylim"] = (1.1 * min(values), max(3.0, 1.1 * max(values)))
        return [curve(rows[:, 0], losses, _("Both losses"), cursor=cursor, **look)]

    def _caption(self, f: dict) -> str:
        return _("D has had {lessons}, G {n:,}.").format(lessons=counted(f["taught"], "lesson"), n=f["fooled"])

    def _label(self, f: dict) -> str:
        return counted(_lessons(f), "lesson")

    def _show(self, jump: bool = False) -> None:
        with self._lock:
            self._play(self.film.items(), jump, _lessons)
            self._tell()

    def _tell(self) -> None:
        """The sentence of the moment that the slider shows."""
        frames = self.film.items()
        self._say(frames[min(self.player.value, len(frames) - 1)]["sentence"])
        self._buttons()

    def _say(self, text: str, bad: bool = False) -> None:
        style, mark = "font-size:17px;line-height:26px", "✗ " if bad else ""
        self.says.value = f'<div role="status" style="{style}">{mark}{html.escape(text)}</div>'


def step_gan(
    data: Data, *, starts: dict[str, tuple[Generator, Discriminator] | None] | None = None, name: str = "", **options
) -> Duel:
    """Buttons for the parts of a GAN's step, on points (N, 2) or pictures; every moment can be gone back to.

    starts: {what the dropdown says: (G, D) to begin with, or None for untrained ones}. options: of `Pair`: loss, batch, lr,
    r1, r2, waves, seed.
    """
    name = name or _("G against D on {data}").format(data=_(data.name))
    return Duel(data, starts or {N_("nothing"): None}, name, options)
