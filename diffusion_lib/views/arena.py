"""Lesson 07: place a bet, let three families race live, and read the recorded races with their intervals.

mine = bet()
live = live_arena("grid", seconds=15, bet=mine);  await live.wait();  print(live.table())
recorded_arena("digits");  print(quality("digits"));  print(ledger("digits"));  print(verdict("digits", "coverage"))
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

import ipywidgets as widgets
import numpy as np
import torch

from .. import arena
from ..arena import CALLS, FAMILIES
from ..figures import grid
from ..metrics import bootstrap, coverage_ceiling, wilson
from ..player import FramePlayer, curve, pixels, scatter
from ..train import Record
from .collapse import Live, Thinned, two_places
from .failing import RECORDS

# what is bet on: (question, the number, does more win?)
BETS = {
    "coverage": ("Who covers more of the data?", True),
    "precision": ("Whose samples are sharper?", True),
    "drawing_ms": ("Who draws a sample faster?", False),
    "fails": ("Who fails less often?", False),
}
OWN = {"frechet": "Fréchet", "high_quality": "within 3 sd"}  # the measure that suits the data
POINTS, PICTURES = 1000, 200  # samples judged in each live frame
GOOD = 0.85  # a coverage that counts as learned
LIVE = ("grid", "ring", "digits")  # what can be raced live
SECONDS = (5, 15, 30, 60)

# ---------------------------------------------------------------------------------------- the bet


class Bet(widgets.VBox):
    """Made by `bet`: a row of three buttons for each question. `.choice` is {key: family}, only for rows that were touched."""

    def __init__(self):
        self.choice: dict[str, str] = {}
        rows = []
        for key, (question, _) in BETS.items():
            words = widgets.HTML(f'<span style="font-size:17px;line-height:44px">{question}</span>', layout={"width": "290px"})  # fmt: skip
            buttons = [widgets.Button(description=f, layout={"width": "110px", "height": "44px"}, style={"font_size": "16px"}, tooltip=f"{question} My bet: {f}") for f in FAMILIES]  # fmt: skip
            for button in buttons:
                button.on_click(lambda b, key=key, row=buttons: self._choose(key, b, row))
            rows.append(widgets.HBox([words, *buttons]))
        super().__init__(rows)

    def _choose(self, key: str, chosen: widgets.Button, row: list[widgets.Button]) -> None:
        self.choice[key] = chosen.description
        for button in row:
            button.button_style = "primary" if button is chosen else ""
            button.icon = "check" if button is chosen else ""

    def beside(self, key: str, outcome: str) -> str:
        """One line: the question, the bet, the outcome."""
        mine = self.choice.get(key)
        return f"{BETS[key][0]:32} you: {mine or 'no bet':8} here: {outcome}"


def bet() -> Bet:
    """Four questions to answer before anything runs. The tables take it with `bet=` and show it beside the outcome."""
    return Bet()


# ---------------------------------------------------------------------------------------- live


class LiveArena(Live):
    """Made by `live_arena`. `.entries` are the three (see `arena.Entry`), `.table()` what came out."""

    pace = 3 * Live.pace

    def __init__(self, name: str, seconds: float, keep: int, seed: int, bet: Bet | None):
        self.seed, self.bet, self.seconds = seed, bet, seconds
        tall, names = {"height": "44px"}, [*LIVE] + [name] * (name not in LIVE)
        self.choice = widgets.Dropdown(options=names, value=name, description="Data", layout={"width": "200px"} | tall)  # fmt: skip
        budgets = sorted({*SECONDS, seconds})
        self.budget = widgets.Dropdown(options=[(f"{s:g} s each", s) for s in budgets], value=seconds, description="Budget", layout={"width": "220px"} | tall)  # fmt: skip
        self.again = widgets.Button(description="New race", icon="refresh", layout={"width": "150px"} | tall, tooltip="Three new networks, other dice, these data and this budget")  # fmt: skip
        self.again.on_click(lambda _: self.start())
        self._enter()
        controls = widgets.HBox([self.choice, self.budget, self.again], layout={"flex_flow": "row wrap"})
        super().__init__(seconds, keep, "GAN, VAE and DDPM by turns", self._look(), [controls])

    def _enter(self) -> None:
        """New networks, as the two menus say."""
        self.place, self.judged = arena.load(self.choice.value), None
        self.entries = arena.enter(self.place, self.seed)
        self.n = min(PICTURES if self.place.eye else POINTS, self.place.n)
        self.few = replace(self.place, unseen=self.place.unseen.subset(self.n))
        self.floor = coverage_ceiling(self.n, self.n)
        if not self.place.eye:
            self.limit = 1.3 * float(self.place.learn.x.abs().max())

    @property
    def step(self) -> int:
        return sum(e.steps for e in self.entries.values())

    @property
    def trained(self) -> float:
        """Seconds that the family with the fewest has had; one that broke off does not count."""
        return min((e.seconds for e in self.entries.values() if not e.error), default=0.0)

    def start(self) -> None:
        """New networks and other dice, on the data and with the budget of the menus."""
        with self._lock:
            if self.state == "training":
                return
            self.seed, self.seconds = self.seed + 1, self.budget.value
            self._enter()
            self.history, self._records, self.error, self.record = (
                Thinned(self.history.keep),
                None,
                None,
                None,
            )
            self.until, self.state = self.seconds, "stopped"
            self.history.add(self._look())
            self._show()
            self.player.value = self.player.n_frames - 1
            self.proceed()

    def _begin(self) -> Iterator[Record]:
        for entry in arena.race(self.entries, seconds=self.seconds, seed=self.seed):
            if entry.record:
                yield entry.record

    def _state(self, state: str, sentence: str) -> None:
        super()._state(state, sentence)
        for control in (self.choice, self.budget, self.again):
            control.disabled = state == "training"
        if state == "done":  # the learning rate has come down to 0: this budget is spent
            self.resume.disabled, self.resume.description = True, "Continue"

    def _rest(self) -> None:
        super()._rest()
        if self.state == "done":
            self.judged = {k: self._judge(e) for k, e in self.entries.items()}

    def _judge(self, e: arena.Entry) -> dict:
        return self.place.judge(e.draw(self.place.n, self.seed)) | {"drawing_ms": 1000 * e.drawing["seconds"] / e.drawing["n"]}  # fmt: skip

    def _look(self) -> dict:
        seen: dict = {"step": self.step, "seconds": self.trained}
        for name, entry in self.entries.items():
            x = entry.draw(self.n, 0)
            show = x.numpy() if self.place.eye is None else grid(x[:24], columns=6, pad=1)
            seen[name] = {"x": show, "coverage": self.few.judge(x)["coverage"], "steps": entry.steps}
        return seen

    def _panels(self, frames: list[dict]) -> list[dict]:
        pictures = []
        for k in FAMILIES:
            film = np.stack([f[k]["x"] for f in frames])
            plane = (-self.limit, self.limit) if self.place.eye is None else None
            pictures.append(scatter(self.place.unseen.x[:500], k, colors=-1, size=3, layers=[{"points": film, "colors": 1, "size": 4}], xlim=plane, ylim=plane)
                            if plane else pixels(film, k))  # fmt: skip
        seconds = np.array([f["seconds"] for f in frames])
        x, lines = two_places(seconds, {k: [f[k]["coverage"] for f in frames] for k in FAMILIES})
        lines["real ones"] = np.full(len(x), self.floor)
        return [*pictures, curve(x, lines, f"coverage, {self.n} samples", cursor=x, xlabel="seconds each", xlim=(0, self.seconds), ylim=(-0.03, 1.05))]  # fmt: skip

    def _caption(self, f: dict) -> str:
        return f"{f['seconds']:.1f} s each:  " + ";  ".join(f"{k} {f[k]['steps']:,} steps, covers {f[k]['coverage']:.2f}" for k in FAMILIES)  # fmt: skip

    def table(self) -> str:
        """What came out: the ledger of this one race. Judging takes a few seconds the first time."""
        if not any(e.steps for e in self.entries.values()):
            return "Nobody has learned yet: let the race run first."
        judged = self.judged or {k: self._judge(e) for k, e in self.entries.items()}
        floor, own = self.place.floor(2), "frechet" if self.place.eye else "high_quality"
        lines = [_head(own) + f"{'seconds':>10}{'steps':>9}{'seen':>12}{'TFLOP':>8}{'learned':>10}{'to draw':>9}{'ms':>8}{'calls':>7}"]  # fmt: skip
        for k, e in self.entries.items():
            row, size = judged[k], arena.parameters(e)
            tera = arena.expected_flops(e) * e.seen / 1e12
            lines.append(f"{k:10}{row['coverage']:>9.2f}{row.get('precision', 0):>11.2f}{_own(row.get(own), own):>13}{'yes' if row['fails'] else 'no':>8}"
                         f"{e.seconds:>10.2f}{e.steps:>9,}{e.seen:>12,}{tera:>8.2f}{size['training']:>10,}{size['drawing']:>9,}{row['drawing_ms']:>8.3f}{CALLS[k]:>7}")  # fmt: skip
        lines.append(f"{'real ones':10}{floor['coverage']:>9.2f}{floor['precision']:>11.2f}{_own(floor[own], own):>13}")  # fmt: skip
        if self.bet:
            lines += ["", "Your bet, beside this one race of one seed:"]
            for key, (_, more) in BETS.items():
                values = {k: float(row.get(key, 0.0)) for k, row in judged.items()}
                top = (max if more else min)(values.values())
                ahead = [k for k, v in values.items() if v == top]
                lines.append(self.bet.beside(key, "all alike" if len(ahead) == 3 else " and ".join(ahead)))
        return "\n".join(lines)


def live_arena(place: str = "grid", *, seconds: float = 15.0, keep: int = 20, seed: int = 0, bet: Bet | None = None) -> LiveArena:  # fmt: skip
    """GAN, VAE and DDPM learn the same data by turns, each for the same measured seconds. It begins at once.

    place, seconds: as the two menus offer, or any other place of `arena.load`. It takes three times `seconds`, and a little
    more to draw. "New race" starts again with what the menus say.
    """
    box = LiveArena(place, seconds, keep, seed, bet)
    box.proceed()
    return box


def _head(own: str) -> str:
    return f"{'':10}{'covered':>9}{'precision':>11}{OWN[own]:>13}{'failed':>8}"


def _own(value: float | None, own: str) -> str:
    return "none" if value is None else f"{value:.1%}" if own == "high_quality" else f"{value:.1f}"


# ---------------------------------------------------------------------------------------- recorded


def race_book(place: str) -> dict:
    """What `benchmarks/arena.py` wrote of a place. Raises FileNotFoundError with one sentence if it was not run."""
    path = RECORDS / f"arena_{place}.json"
    if not path.exists():
        have = ", ".join(p.stem.removeprefix("arena_") for p in sorted(RECORDS.glob("arena_*.json")))
        raise FileNotFoundError(f"No race of {place!r} is recorded: choose one of {have}, or run python benchmarks/arena.py {place}.")  # fmt: skip
    return json.loads(path.read_text("utf-8"))


def _column(book: dict, family: str, key: str) -> list[float]:
    """One number of each seed, in the order of the seeds; a run without the number has 0."""
    rows = sorted((r for r in book["runs"] if r["family"] == family), key=lambda r: r["seed"])
    return [float(r.get(key) or 0.0) for r in rows]


def recorded_arena(place: str) -> FramePlayer:
    """Seed 0 of a recorded race as a film of three panels, and coverage over time of every seed."""
    book = race_book(place)
    with np.load(RECORDS / f"arena_{place}.npz") as film:
        frames, seconds = {k: film[k] for k in FAMILIES}, film["seconds"]
        real = film["real"]
    spent = median(r["seconds"] for r in book["runs"])
    seconds = seconds * spent / seconds[-1]
    if frames["GAN"].ndim == 3:
        plane = (-1.15 * float(np.abs(real).max()), 1.15 * float(np.abs(real).max()))
        panels = [scatter(real.astype(np.float32), k, colors=-1, size=3, layers=[{"points": x.astype(np.float32), "colors": 1, "size": 4}], xlim=plane, ylim=plane) for k, x in frames.items()]  # fmt: skip
    else:
        panels = [pixels(np.stack([_tiled(f) for f in x]), k) for k, x in frames.items()]
    at = np.array([0.0] + [r["steps"] / book["runs"][0]["steps"] for r in book["runs"][0]["curve"]]) * spent
    lines, colours = {}, []
    for i, family in enumerate(FAMILIES):
        for j, row in enumerate(r for r in book["runs"] if r["family"] == family):
            rows = [0.0] + [c["coverage"] for c in row["curve"]]
            lines[family if not j else " " * (len(lines) + 1)] = np.array(rows + [math.nan] * (len(at) - len(rows)))  # fmt: skip
            colours.append(i)
    lines["real ones"] = np.full(len(at), book["floor"]["coverage"])
    colours.append(3)
    panel = curve(at, lines, f"coverage, {len(set(r['seed'] for r in book['runs']))} seeds", xlabel="seconds each", ylim=(-0.03, 1.05))  # fmt: skip
    for mark, colour in zip(panel["marks"], colours, strict=True):
        mark |= {"colors": [colour], "dash": colour, "name": mark["name"].strip()}
    here = curve(at, {"now": np.zeros(len(at))}, cursor=seconds, xlim=(0, spent), ylim=(-0.03, 1.05))[
        "marks"
    ][1]
    panel["marks"].append(here)
    panel["frames"] = len(seconds)
    captions = [f"{s:.0f} s of training each; seed 0" for s in seconds]
    return FramePlayer([*panels, panel], captions=captions, labels=[f"{s:.0f} s" for s in seconds], name=f"The recorded race on {place}", fps=3, start=len(seconds) - 1)  # fmt: skip


def _tiled(pictures: np.ndarray) -> np.ndarray:
    """24 pictures (24, C, H, W) uint8 -> one of six columns, (H', W'[, 3]) uint8."""
    return grid(torch.from_numpy(pictures).float() / 127.5 - 1, columns=6, pad=1)


def quality(place: str, bet: Bet | None = None) -> str:
    """How good the recorded runs were, to print: the median over the seeds, with the smallest and largest; failures with their 95 % interval."""
    book = race_book(place)
    own = "frechet" if "frechet" in book["floor"] else "high_quality"
    keys = ["coverage", "precision", "recall", own, "kl" if own == "high_quality" else "nearer_to_training"]
    names = {"coverage": "covered", "nearer_to_training": "nearer to train", "kl": "KL"} | OWN
    lines = [f"{'':10}" + "".join(f"{names.get(k, k):>21}" for k in keys) + f"{'failed (95 %)':>23}"]
    for family in FAMILIES:
        cells = [_span(sorted(_column(book, family, k)), k) for k in keys]
        fails = _column(book, family, "fails")
        low, high = wilson(int(sum(fails)), len(fails))
        said = f"{int(sum(fails))} of {len(fails)} ({max(0, low):.0%} to {min(1, high):.0%})"
        lines.append(f"{family:10}" + "".join(f"{c:>21}" for c in cells) + f"{said:>23}")
    lines.append(f"{'real ones':10}" + "".join(f"{_one(book['floor'][k], k):>21}" for k in keys))
    if bet:
        lines += ["", "Your bet, beside all seeds:"]
        lines += [bet.beside(key, _winner(book, key)) for key in BETS]
    return "\n".join(lines)


def _one(value: float, key: str) -> str:
    return f"{value:.1%}" if key == "high_quality" else f"{value:.3f}" if key == "kl" else f"{value:.1f}" if key == "frechet" else f"{value:.2f}"  # fmt: skip


def _span(values: list[float], key: str) -> str:
    return f"{_one(median(values), key)} ({_one(values[0], key)}–{_one(values[-1], key)})"


def _winner(book: dict, key: str) -> str:
    """Who is ahead of both others by more than chance, in a word; or that nobody is shown to be."""
    sign = 1 if BETS[key][1] else -1
    columns = {f: [sign * v for v in _column(book, f, key)] for f in FAMILIES}
    for family, mine in columns.items():
        gaps = [[a - b for a, b in zip(mine, theirs, strict=True)] for f, theirs in columns.items() if f != family]  # fmt: skip
        if all(bootstrap(g)[0] > 0 for g in gaps):
            return family
    return "no difference shown between the first two"


def ledger(place: str) -> str:
    """What the recorded runs cost, to print. TFLOP: of a whole training, counted by PyTorch and (in brackets) by thought."""
    book = race_book(place)
    lines = [f"{'':6}{'seconds':>9}{'steps':>9}{'samples seen':>14}{'TFLOP counted':>15}{'(thought)':>11}{'learned':>10}{'to draw':>10}{'calls':>7}{'ms a sample':>13}"]  # fmt: skip
    for family in FAMILIES:
        seconds, seen = median(_column(book, family, "seconds")), median(_column(book, family, "seen"))
        flops, size = book["flops"][family], book["parameters"][family]
        tera = [seen * flops[k] / 1e12 for k in ("training_per_sample", "expected")]
        lines.append(f"{family:6}{seconds:>9.1f}{book['steps'][family]:>9,}{seen:>14,.0f}{tera[0]:>15.2f}{f'({tera[1]:.2f})':>11}"
                     f"{size['training']:>10,}{size['drawing']:>10,}{book['calls'][family]:>7}{median(_column(book, family, 'drawing_ms')):>13.3f}")  # fmt: skip
    return "\n".join(lines)


def verdict(place: str, key: str = "coverage") -> str:
    """Each pair of families: the mean difference over the seeds and its 95 % bootstrap interval; in words only what the interval allows."""
    book = race_book(place)
    if key not in book["floor"] and key != "drawing_ms":
        raise ValueError(f"There is no {key!r} in the race of {place}: choose one of {', '.join(book['floor'])}, drawing_ms.")  # fmt: skip
    names, lines = list(FAMILIES), []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            gaps = [x - y for x, y in zip(_column(book, a, key), _column(book, b, key), strict=True)]
            low, high = bootstrap(gaps)
            said = f"{a if low > 0 else b} has more" if low > 0 or high < 0 else "no difference shown"
            lines.append(f"{key}: {a} − {b} = {sum(gaps) / len(gaps):+.3f}  ({low:+.3f} to {high:+.3f})  {said}")  # fmt: skip
    return "\n".join(lines)


# ---------------------------------------------------------------------------------------- many samples


def seconds_to(book: dict, family: str, level: float = GOOD) -> float | None:
    """Median over the seeds of the seconds until the recorded coverage was `level` first; None if half of the seeds or more never were."""
    found = []
    for row in (r for r in book["runs"] if r["family"] == family):
        at = [c["seconds"] for c in row["curve"] if c["coverage"] >= level]
        found.append(at[0] if at else math.inf)
    middle = median(found)
    return None if math.isinf(middle) else middle


def many_samples(place: str, level: float = GOOD) -> FramePlayer:
    """Training until `level` is covered, and then drawing n samples: seconds in all against n, both on a scale of powers of ten."""
    book = race_book(place)
    n = 10 ** np.linspace(0, 7, 36)
    lines, totals, words = {}, {}, []
    for family in FAMILIES:
        start = seconds_to(book, family, level)
        if start is None:
            words.append(f"{family} did not cover {level:g} in most seeds")
            continue
        totals[family] = start + n * median(_column(book, family, "drawing_ms")) / 1000
        lines[family] = np.log10(totals[family])
    if not lines:
        raise ValueError(f"Nobody covered {level:g} of {place} in most seeds: choose a lower level.")
    panel = curve(np.log10(n), lines, f"seconds to cover {level:g} and draw n samples", cursor=np.log10(n), xlabel="n samples",
                  ylim=(0, max(float(v.max()) for v in lines.values()) + 0.3))  # fmt: skip
    top = math.ceil(max(float(v.max()) for v in lines.values()))
    panel |= {"xticks": [[0, "1"], [2, "100"], [4, "10,000"], [6, "1 million"]], "yticks": [[k, f"{10**k:,} s"] for k in range(top + 1)]}  # fmt: skip
    captions = [f"n = {_round(v)}: " + "; ".join([f"{k} {t[i]:,.0f} s" for k, t in totals.items()] + words) for i, v in enumerate(n)]  # fmt: skip
    return FramePlayer([panel], captions=captions, labels=[f"n = {_round(v)}" for v in n], name="Training once, drawing often", fps=6)  # fmt: skip


def _round(n: float) -> str:
    return f"{float(f'{n:.1g}'):,.0f}"
