"""Lesson 05: a GAN by hand. Buttons draw fakes, teach D, fool D and repeat; the picture follows each of them.

    duel = step_gan(data.load("moons"))      # .pair has G and D, .film every moment that is kept

The picture is a FramePlayer whose film grows by a frame with each action, so rewinding is its slider; with each frame a
snapshot of everything is kept, and "Branch from here" goes on from it. What runs longer runs on a thread of its own.
"""

from __future__ import annotations

import html
import json
import math
import threading
import time

import ipywidgets as widgets
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...dataset import Data
from ...diffusion import generator
from ...evaluation.records import RECORDS
from ...gan import Loss, optimal_score
from ...nets import Discriminator, Generator
from ...viz.figures import grid
from ...viz.panels import curve, pixels, scatter
from ...viz.player import FramePlayer
from ..common import PlayerBox, counted, same_place
from ..controls import group
from ..live import only
from .pair import Pair, kernel_log_density, real_log_density

WINS, PATIENCE = 0.95, 200  # "until it wins": this share right, over four lessons, or so many lessons
PAUSE = 1.3  # seconds between two parts in slow motion
ORANGE, WHITE, BLUE = (np.array(c, float) for c in ((250, 196, 140), (255, 255, 255), (150, 203, 236)))
EMPTY = np.array((226, 229, 232), float)
REAL, FAKE, INK = 0, 1, 6  # of the player's palette: blue, orange, dark


def tint(probability: np.ndarray, known: np.ndarray | float = 1.0) -> np.ndarray:
    """D's answer as a colour, (...) -> (..., 3) uint8: orange 0 (fake), white 1/2, blue 1 (real); grey where known = 0."""
    p = np.asarray(probability, float)[..., None]
    color = WHITE + np.where(p > 0.5, (2 * p - 1) * (BLUE - WHITE), (1 - 2 * p) * (ORANGE - WHITE))
    known = np.asarray(known, float)[..., None]
    return (known * color + (1 - known) * EMPTY).round().astype(np.uint8)


def border(score: np.ndarray, axis: np.ndarray, most: int = 150) -> np.ndarray:
    """Places where a score on the grid axis x axis (rows are y) changes its sign, i.e. D says 1/2: (most, 2), filled up with nan."""
    places = []
    for s, turned in ((score, False), (score.T, True)):
        row, col = np.nonzero((s[:, :-1] > 0) != (s[:, 1:] > 0))
        a, b = s[row, col], s[row, col + 1]
        at = axis[col] + (axis[1] - axis[0]) * a / (a - b)
        places.append(np.stack([axis[row], at] if turned else [at, axis[row]], 1))
    found = np.concatenate(places)
    found = found[np.linspace(0, len(found) - 1, min(most, len(found))).astype(int)]
    return np.concatenate([found, np.full((most - len(found), 2), np.nan)])


class Film:
    """The last `recent` items, and at most `old` older ones, evenly thinned; the first is never lost."""

    def __init__(self, old: int = 14, recent: int = 8):
        self.most, self.recent = old, recent
        self._old, self._new, self._stride, self._passed = [], [], 1, 0

    def add(self, item) -> None:
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
        return self._old + self._new

    def branch(self, last: int) -> Film:
        """A film of its own that ends with item number `last`; this one stays as it is."""
        film, kept = Film(self.most, self.recent), self.items()[: last + 1]
        film._old, film._new, film._stride = kept[: -self.recent], kept[-self.recent :], self._stride
        return film


# ---------------------------------------------------------------------------------------- what there is to see


class _Points:
    """D's surface with reals, fakes and arrows; beside it, the best D there is against these fakes."""

    side, n_arrows, blur, n_density, loss_shape = 36, 40, 0.12, 1000, 0.95

    def __init__(self, data: Data):
        self.limit = 1.2 * float(data.x.abs().max())
        step = self.limit / self.side  # a value stands in the middle of its pixel
        self.axis = torch.linspace(-self.limit + step, self.limit - step, self.side)
        x, y = torch.meshgrid(self.axis, self.axis, indexing="xy")
        self.places = torch.stack([x, y], -1).flatten(0, 1)
        self.log_p = real_log_density(data, self.axis, self.blur)
        self.backdrop = data.x[torch.randperm(len(data), generator=generator(0))[:400]]

    def surface(self, d: Discriminator) -> np.ndarray:
        """D's score on the grid, (side, side), rows are y, upwards."""
        with torch.no_grad():
            return d(self.places).reshape(self.side, self.side).numpy()

    def best(self, g: Generator) -> tuple[np.ndarray, np.ndarray]:
        """The score log p - log q of the optimal D against 1,000 fakes, and how much there is to judge, 0..1: (side, side)."""
        with torch.no_grad():
            q = kernel_log_density(g(g.noise(self.n_density, generator(0))), self.axis, self.blur)
        score, there = optimal_score(self.log_p, q), torch.logaddexp(self.log_p, q) - self.log_p.max()
        known = ((there + 9) / 4).clamp(0, 1)  # grey below e^-9 of the densest place
        return score.reshape(self.side, -1).numpy(), known.reshape(self.side, -1).numpy()

    def look(self, pair: Pair) -> dict[str, np.ndarray]:
        score, (best, known) = self.surface(pair.d.model), self.best(pair.g.model)
        axis, arrows = self.axis.numpy(), pair.arrows(self.n_arrows).numpy()
        length = np.linalg.norm(arrows, axis=1, keepdims=True)
        arrows = (
            0.16 * self.limit * np.tanh(length) / np.maximum(length, 1e-9) * arrows
        )  # long ones grow no further
        return {
            "fakes": pair.fakes.numpy().astype(np.float16),
            "arrows": arrows.astype(np.float16),
            "field": tint(_sigmoid(score))[::-1],
            "border": border(score, axis).astype(np.float16),
            "best": tint(_sigmoid(best), known)[::-1],
            "best_border": border(np.where(known > 0.5, best, np.nan), axis).astype(np.float16),
            "note": f"comet: G's pull there (median {np.median(length):.2g})",
        }

    def panels(self, frames: list[dict]) -> list[dict]:
        seen = {
            k: np.stack([f[k] for f in frames]) for k in frames[0] if isinstance(frames[0][k], np.ndarray)
        }
        plane = {"xlim": (-self.limit, self.limit), "ylim": (-self.limit, self.limit)}
        fakes, arrows = seen["fakes"].astype(np.float32), seen["arrows"].astype(np.float32)
        start = fakes[:, : arrows.shape[1]]
        comet = [
            {"points": start + share * arrows, "colors": INK, "size": 1 + 2.5 * share}
            for share in (0.25, 0.5, 0.75, 1.0)
        ]  # its thick end flies ahead
        cloud = {"points": fakes, "colors": FAKE, "size": 6, "name": "fake"}
        line = {"colors": INK, "size": 2, "name": "D says ½"}
        real = {"colors": REAL, "size": 4, "name": "real"}
        return [
            scatter(self.backdrop, "D now (blue: “real”)", **real, **plane, field=seen["field"], notes=[f["note"] for f in frames],
                    layers=[{"points": seen["border"].astype(np.float32), **line}, cloud, *comet]),
            scatter(seen["best_border"].astype(np.float32), "Best D: p / (p + q)", **line, **plane, field=seen["best"],
                    layers=[{"points": fakes, "colors": FAKE, "size": 3}], notes=f"p, q: data and 1,000 fakes, both blurred by {self.blur}; grey: neither"),
        ]  # fmt: skip


class _Pictures:
    """Fakes, each over a bar with D's probability that it is real; those that fooled D most; and real ones, judged too."""

    columns, shown, row, loss_shape = 6, 18, 6, 0.7

    def __init__(self, data: Data):
        self.real = data.x[torch.randperm(len(data), generator=generator(0))[: self.row]]

    def look(self, pair: Pair) -> dict[str, np.ndarray]:
        with torch.no_grad():
            real = pair.d.model(self.real)
        fakes, scores = pair.fakes, pair.scores
        best = scores.argsort(descending=True)[: self.row]
        pull = pair.arrows(self.shown).flatten(1).norm(dim=1).median()
        return {
            "fakes": self._sheet(fakes[: self.shown], scores[: self.shown]),
            "best": np.concatenate([self._sheet(fakes[best], scores[best]), self._sheet(self.real, real)]),
            "note": f"blue: “real”, orange: “fake” (pull {float(pull):.2g})",
            "best_note": f"the best fake: {float(scores.max().sigmoid()):.0%} real",
        }

    def _sheet(self, x: Tensor, scores: Tensor) -> np.ndarray:
        """Pictures in rows; under each, a bar: its blue part is D's probability that it is real."""
        side, p = x.shape[-1], scores.sigmoid().numpy()
        tall = grid(x, columns=1, pad=0)
        tall = np.repeat(tall[..., None], 3, 2) if tall.ndim == 2 else tall
        cells = tall.reshape(len(x), side, side, 3)
        bar = np.where(
            np.arange(side)[None, :, None] < (p * side).round()[:, None, None], (0, 114, 178), (213, 94, 0)
        )
        gap = np.full((len(x), 1, side, 3), 255)
        cells = np.concatenate([cells, gap, np.repeat(bar[:, None], 2, 1), gap, gap], 1)
        cells = np.pad(cells, ((0, 0), (0, 0), (1, 1), (0, 0)), constant_values=255)
        cells = np.pad(cells, ((0, -len(x) % self.columns), *[(0, 0)] * 3), constant_values=255)
        rows = cells.reshape(-1, self.columns, *cells.shape[1:]).transpose(0, 2, 1, 3, 4)
        return rows.reshape(-1, self.columns * cells.shape[2], 3).astype(np.uint8)

    def panels(self, frames: list[dict]) -> list[dict]:
        return [
            pixels(np.stack([f["fakes"] for f in frames]), "Fakes, and what D thinks of each", notes=[f["note"] for f in frames]),
            pixels(np.stack([f["best"] for f in frames]), "Fooled D most; under them: real ones", notes=[f["best_note"] for f in frames]),
        ]  # fmt: skip


def even(loss: Loss) -> dict[str, float]:
    """What D and G pay when D cannot tell real from fake, both at the score 0: {name of the line: value}."""
    zero = torch.zeros(1)
    values = [float(pay(zero, zero)) for pay in (loss.d, loss.g)]
    known = {"log 4": math.log(4), "log 2": math.log(2), "−log 2": -math.log(2)}
    names = [next((k for k, v in known.items() if abs(v - value) < 1e-4), f"{value:g}".replace("-", "−")) for value in values]  # fmt: skip
    return dict(zip(names, values, strict=True))


def _lessons(frame: dict) -> int:
    return frame["taught"] + frame["fooled"]


def _sigmoid(score: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(np.asarray(score, float) / 2))


# ---------------------------------------------------------------------------------------- the box


class Duel(PlayerBox):
    """G against D by hand; made by `step_gan`. `.pair` is what the buttons work on; `.g`, `.d`, `.losses` lead into it.

    `press(name)` does what the button of that name does: "draw", "teach", "fool", "repeat", "wins", "slow", "run".
    """

    def __init__(self, data: Data, starts: dict, name: str, options: dict):
        self.data, self.options = data, options
        self.eye = _Points(data) if data.x.ndim == 2 else _Pictures(data)
        self._starts, self._lock, self._stopping = starts, threading.RLock(), threading.Event()
        self._thread, self._running, self.error, self.frame_ms = None, False, None, []
        self._other: tuple[Pair, Film, str] | None = None  # what was left by a branch or a new start
        self._make_controls()
        self._begin()
        frames = self._shown = self.film.items() * 2
        self.player = FramePlayer(self._panels(frames), labels=["0", "0"], captions="", name=name, fps=4)
        super().__init__([self._actions, self._journeys, self.says, self.player])
        for key, button in self.buttons.items():
            button.on_click(lambda _, key=key: self.press(key))
        self.stop.on_click(lambda _: self.halt())
        self.branch.on_click(lambda _: self.branch_here())
        self.back.on_click(lambda _: self.other_branch())
        self.start.observe(lambda _: self.restart(), "value")
        self.player.observe(lambda _: self._tell(), "value")
        self._show()

    def _make_controls(self) -> None:
        def button(text, tip, wide=150, icon=""):
            size = {"height": "46px", "width": f"{wide}px"}
            return widgets.Button(description=text, tooltip=tip, icon=icon, layout=size, style={"font_size": "16px"})  # fmt: skip

        self.buttons = {
            "draw": button("1  Draw fakes", "New noise z, new fakes G(z); nobody learns"),
            "teach": button("2  Teach D", "One step of D: real ones up, these fakes down"),
            "fool": button("3  Fool D", "One step of G: along the arrows"),
            "repeat": button("4  Repeat", "A whole step: draw, teach D, draw, fool D"),
            "wins": button(
                "Teach D until it wins", "Until it is right 95 times of 100, or for 200 lessons", 210
            ),
            "slow": button("Slow motion", "The parts of a step, one by one", 150, "hourglass-half"),
            "run": button("Run", "Whole steps, one after the other", 110, "forward"),
        }
        self.stop = button("Stop", "Rest; nothing is lost", 110, "stop")
        self.branch = button("Branch from here", "Go on from the moment that the slider shows", 190, "code-branch")  # fmt: skip
        self.back = button("Other branch", "To what there was before you branched or started anew; press again to return", 160, "undo")  # fmt: skip
        wide = {"width": "220px", "height": "46px"}
        self.pace = widgets.Dropdown(options=[1, 5, 25], description="Steps a frame", layout=wide, style={"description_width": "110px"})  # fmt: skip
        self.start = widgets.Dropdown(options=list(self._starts), description="Start from", layout=wide | {"width": "290px"})  # fmt: skip
        first = [*list(self.buttons.values())[:5], *([self.start] if len(self._starts) > 1 else [])]
        self._actions = group(first, name="The parts of a step")
        journeys = [self.buttons["slow"], self.buttons["run"], self.pace, self.stop, self.branch, self.back]
        self._journeys = group(journeys, name="Many steps, and the way back")
        self.says = widgets.HTML(layout={"height": "56px"})

    def _begin(self) -> None:
        self._began, self._moving = self.start.value, False
        self.pair, self.film = Pair(self.data, nets=self._starts[self._began], **self.options), Film()
        self._add("Nobody has learned yet in this duel. Press a button.")

    g = property(lambda self: self.pair.g, doc="The Learner that trains G.")
    d = property(lambda self: self.pair.d, doc="The Learner that trains D.")
    losses = property(lambda self: self.pair.losses, doc="(lesson, D's loss, G's loss), at most 400 of them.")
    history = property(lambda self: self.film.items(), doc="What is kept of each moment: a dict with its sentence and state.")  # fmt: skip
    busy = property(lambda self: self._running, doc="Does something run that Stop would stop?")

    # ---- buttons: called on whatever thread the browser's message arrives

    def press(self, name: str) -> None:
        """What the button does. While something runs, only Stop is heard."""
        with self._lock:
            if self.busy:
                return
            if name in ("wins", "slow", "run"):
                only(self)  # whatever trains elsewhere stops
                self._stopping.clear()
                self._running = True
                work = {"wins": self._until_it_wins, "slow": self._in_slow_motion, "run": self._keep_on}[name]
                self._thread = threading.Thread(target=self._work, args=(work,), name="duel", daemon=True)
                self._thread.start()
                return self._buttons()
            self._do(getattr(self.pair, name))

    def halt(self) -> None:
        """Stop after the step that is being taken; nothing is lost."""
        self._stopping.set()

    def join(self, seconds: float | None = None) -> None:
        """Wait until what runs has ended by itself or was stopped."""
        if self._thread is not None:
            self._thread.join(seconds)

    def branch_here(self) -> None:
        """Go back to the moment that the slider shows, with all weights, optimisers and dice; `other_branch` has what came after."""
        with self._lock:
            if self.busy:
                return
            self._other, self.film = self._here(), self.film.branch(self.player.value)
            self.pair.restore(self.film.items()[-1]["state"])
            self._show(jump=True)
            self._say("Back at this moment: both networks, their optimisers and the dice are what they were then. What came after waits under “Other branch”.")  # fmt: skip

    def other_branch(self) -> None:
        """Change places with what a branch or a new start has left; the same again leads back."""
        with self._lock:
            if self.busy or self._other is None:
                return
            self._other, (self.pair, self.film, self._began) = self._here(), self._other
            # the menu says what it began from, and nothing begins
            self._moving, self.start.value = True, self._began
            self._moving = False
            self.pair.restore(self.film.items()[-1]["state"])
            self._show(jump=True)
            self._say("The other branch, where you left it. What you were at just now waits under “Other branch”.")  # fmt: skip

    def restart(self) -> None:
        """Begin anew, from where the dropdown says."""
        if self._moving:
            return
        self.halt()
        if self._thread is not threading.current_thread():
            self.join(20)
        with self._lock:
            self._other = self._here()
            self._begin()
            self._show(jump=True)

    def _here(self) -> tuple[Pair, Film, str]:
        return self.pair, self.film, self._began

    def _buttons(self) -> None:
        running = self._running
        for button in self.buttons.values():
            button.disabled = running
        self.start.disabled, self.stop.disabled = running, not running
        self.branch.disabled = running or self.player.value >= len(self.film.items()) - 1
        self.back.disabled = running or self._other is None

    # ---- what a press does

    def _do(self, act, *arguments) -> None:
        tick = time.perf_counter()
        try:
            self._add(act(*arguments))
        except FloatingPointError as error:
            self._stopping.set()
            return self._say(f"{error}. The weights stay as they were: branch from an earlier moment.", bad=True)  # fmt: skip
        self._show(jump=not self.busy)  # while it runs, whoever looks back is left alone
        self.frame_ms.append(1000 * (time.perf_counter() - tick))
        del self.frame_ms[:-200]

    def _add(self, sentence: str) -> None:
        moment = {"taught": self.pair.taught, "fooled": self.pair.fooled, "sentence": sentence, "state": self.pair.state()}  # fmt: skip
        self.film.add(moment | self.eye.look(self.pair))

    def _work(self, work) -> None:
        try:
            work()
        except BaseException as error:  # nobody sees the traceback of a thread
            self.error = error
            self._say(f"It broke off: {type(error).__name__}: {error}", bad=True)
        finally:
            self._running = False
            self._buttons()

    def _keep_on(self) -> None:
        while not self._stopping.is_set():
            start = time.monotonic()
            with self._lock:
                self._do(self.pair.repeat, self.pace.value)
            spent = time.monotonic() - start
            self._stopping.wait(max(0.1 - spent, 0.3 * spent))  # the browser has to paint as well

    def _in_slow_motion(self) -> None:
        parts = [("1", self.pair.draw), ("2", self.pair.teach), ("1 again", self.pair.draw), ("3", self.pair.fool)]  # fmt: skip
        while not self._stopping.is_set():
            for number, act in parts:
                with self._lock:
                    self._do(lambda number=number, act=act: f"{number}: {act()}")
                if self._stopping.wait(PAUSE):
                    return

    def _until_it_wins(self) -> None:
        def lessons() -> str:
            pair = self.pair
            for _ in range(4):
                pair.draw()
                pair.teach()
                self.lessons += 1
                right.append((pair.caught + pair.trusted) / 2)
            return (
                f"D has had {counted(self.lessons, 'lesson')} in a row, each with fresh fakes; G's weights stood still. D is right about "
                f"{pair.caught:.0%} of the fakes and {pair.trusted:.0%} of the real ones. G's loss would now be {self._g_loss():.2f}."
            )

        self.lessons, right = 0, []
        while self.lessons < PATIENCE and not self._stopping.is_set():
            with self._lock:
                self._do(lessons)
            if np.mean(right[-4:]) > WINS:
                return
            self._stopping.wait(0.03)

    def _g_loss(self) -> float:
        return float(self.pair.loss.g(self.pair.real_scores, self.pair.scores))

    # ---- the film

    def _panels(self, frames: list[dict]) -> list[dict]:
        rows = np.array(self.pair.losses or [(0, math.nan, math.nan)]).reshape(-1, 3)
        rows = np.concatenate([[(0, math.nan, math.nan)], rows])
        end = max(20, rows[-1, 0])
        balance = even(self.pair.loss)
        rows[-1, 0] = max(rows[-1, 0], 1e-6)
        losses = {"D's loss": rows[:, 1], "G's loss": rows[:, 2]} | {k: np.full(len(rows), v) for k, v in balance.items()}  # fmt: skip
        cursor = np.array([_lessons(f) for f in frames], float)
        # all of them: nothing leaves the plot
        values = [0.0, *balance.values(), *rows[:, 1:][np.isfinite(rows[:, 1:])]]
        panel = curve(rows[:, 0], losses, "Both losses", xlabel="lessons, of both", xlim=(0, end),
                      ylim=(1.1 * min(values), max(3.0, 1.1 * max(values))), cursor=cursor)  # fmt: skip
        return [*self.eye.panels(frames), panel | {"shape": self.eye.loss_shape}]

    def _show(self, jump: bool = False) -> None:
        with self._lock:
            frames = self.film.items()
            frames = frames if len(frames) > 1 else frames * 2
            jump = jump or self.player.value >= self.player.n_frames - 1  # at the end: it follows
            looking, self._shown = self._shown[self.player.value], frames
            with self.player.hold_sync():  # the film and its frame travel together
                self.player.update(
                    self._panels(frames),
                    captions=[
                        f"D has had {counted(f['taught'], 'lesson')}, G {f['fooled']:,}." for f in frames
                    ],
                    labels=[counted(_lessons(f), "lesson") for f in frames],
                )
                self.player.value = len(frames) - 1 if jump else same_place(frames, looking, _lessons)
            self._tell()

    def _tell(self) -> None:
        """The sentence of the moment that the slider shows."""
        frames = self.film.items()
        self._say(frames[min(self.player.value, len(frames) - 1)]["sentence"])
        self._buttons()

    def _say(self, text: str, bad: bool = False) -> None:
        mark = "✗ " if bad else ""
        self.says.value = f'<div role="status" style="font-size:17px;line-height:26px">{mark}{html.escape(text)}</div>'  # fmt: skip

    def _repr_mimebundle_(self, **kwargs):
        with self._lock:  # a still of a film that changes while it is drawn would mix two of its states
            return super()._repr_mimebundle_(**kwargs)


def step_gan(
    data: Data,
    *,
    starts: dict[str, tuple[Generator, Discriminator] | None] | None = None,
    name: str = "",
    **options,
) -> Duel:
    """Buttons for the parts of a GAN's step, on points (N, 2) or pictures; every moment can be gone back to.

    starts: {what the dropdown says: (G, D) to begin with, or None for untrained ones}. options: of `Pair`: loss, batch, lr,
    r1, r2, waves, seed.
    """
    return Duel(data, starts or {"nothing": None}, name or f"G against D on {data.name}", options)


FILM = RECORDS / "cat_film.png"  # written by benchmarks/cat_film.py


def cat_film() -> FramePlayer:
    """The training of the shipped cat generator, `store.load("cat_g")`: 20 cats from the same z, from the first step to the last."""
    with Image.open(FILM) as picture:
        steps, rows = json.loads(picture.info["steps"]), np.asarray(picture.convert("RGB"))
    side = rows.shape[0] // len(steps)
    cats = rows.reshape(len(steps), side, -1, side, 3).transpose(0, 2, 1, 3, 4)  # (F, 20, side, side, 3)
    sheet = np.pad(cats, ((0, 0), (0, 0), (1, 1), (1, 1), (0, 0)), constant_values=255)
    sheet = sheet.reshape(len(steps), 2, 10, side + 2, side + 2, 3).transpose(0, 1, 3, 2, 4, 5)
    sheet = sheet.reshape(len(steps), 2 * (side + 2), 10 * (side + 2), 3)
    labels = [f"step {n:,}" for n in steps]
    return FramePlayer(
        [pixels(sheet, "G's cats, always from the same 20 z")],
        labels=labels,
        name="A generator learns to draw cats",
        fps=6,
    )
