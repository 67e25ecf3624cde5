"""Lesson 07: place a bet, let three families race live, and read the recorded races with their intervals.

mine = bet()
live = live_arena("grid", seconds=15, bet=mine);  await live.wait();  print(live.table())
recorded_arena("digits");  print(quality("digits"));  print(ledger("digits"));  print(verdict("digits", "coverage"))
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from statistics import median

import ipywidgets as widgets
import numpy as np
import torch

from .. import arena
from ..arena import CALLS, FAMILIES
from ..figures import grid
from ..metrics import coverage_ceiling, student, wilson
from ..player import FramePlayer, curve, pixels, scatter
from .common import say
from .failing import RECORDS
from .live import ByTurns, two_places

# what is bet on: (question, the number, does more win?)
BETS = {
    "coverage": ("Who covers more of the data?", True),
    "precision": ("Whose samples are more precise?", True),
    "drawing_ms": ("Who draws a sample faster?", False),
    "fails": ("Who fails less often?", False),
}
NAMES = {"coverage": "covered", "nearer_to_training": "nearer to train", "kl": "KL", "frechet": "Fréchet", "floors": "Fréchet, in floors",
         "high_quality": "within 3 sd", "modes": "islands", "sd_ratio": "width"}  # fmt: skip
FORMS = {"high_quality": ".1%", "accuracy": ".1%", "kl": ".3f", "frechet": ".1f", "floors": ".1f", "modes": ".0f", "drawing_ms": ".4f"}  # fmt: skip
# what broke off has 0 of these, and infinity of any other number
SHARES = ("coverage", "precision", "recall", "density", "high_quality", "accuracy", "modes")
POINTS, PICTURES = 1000, 200  # samples judged in each live frame
GOOD = 0.85  # a coverage that counts as learned
LIVE = ("grid", "ring", "digits")  # what can be raced live
SECONDS = (5, 15, 30, 45)  # three times the last, and drawing: three minutes

# ---------------------------------------------------------------------------------------- the bet


class Bet(widgets.VBox):
    """Made by `bet`: a row of three buttons for each question. `.choice` is {key: family}, only for rows that were touched."""

    def __init__(self):
        self.choice: dict[str, str] = {}
        rows = []
        for key, (question, _) in BETS.items():
            words = widgets.HTML(f'<span style="font-size:17px;line-height:44px">{question}</span>', layout={"width": "320px"})  # fmt: skip
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
        """One line: the question, the bet, the outcome; ticked or crossed if one family is the outcome."""
        mine = self.choice.get(key)
        mark = "" if mine is None or outcome not in FAMILIES else "  ✓" if mine == outcome else "  ✗"
        return f"{BETS[key][0]:32} you: {mine or 'no bet':8} here: {outcome}{mark}"


def bet() -> Bet:
    """Four questions to answer before anything runs. The tables take it with `bet=` and show it beside the outcome."""
    return Bet()


# ---------------------------------------------------------------------------------------- live


class LiveArena(ByTurns):
    """Made by `live_arena`. `.entries` are the three (see `arena.Entry`), `.table()` what came out."""

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
        super().__init__(seconds, keep, "GAN, VAE and DDPM by turns", above=(controls,))

    def _enter(self) -> None:
        """New networks, as the two menus say."""
        self.place, self.judged = arena.load(self.choice.value), None
        self.entries = arena.enter(self.place, self.seed)
        self.n = min(PICTURES if self.place.eye else POINTS, self.place.n)
        self.few = replace(self.place, unseen=self.place.unseen.subset(self.n))
        self.floor = coverage_ceiling(self.n, self.n)
        if not self.place.eye:
            self.limit = 1.3 * float(self.place.learn.x.abs().max())

    def start(self) -> None:
        """New networks and other dice, on the data and with the budget of the menus."""
        with self._lock:
            if self.state == "training":
                return
            self.seed, self.seconds = self.seed + 1, self.budget.value
            self._enter()
            self._anew([])

    def _state(self, state: str, sentence: str) -> None:
        super()._state(state, sentence)
        for control in (self.choice, self.budget, self.again):
            control.disabled = state == "training"

    def _rest(self) -> None:
        if not self._stopping.is_set():
            # before "New race" can be pressed, which changes the entries and the place
            say(self.says, "All have had their seconds. Judging takes a few more.")
            self.judged = {k: self._judge(e) for k, e in self.entries.items()}
        super()._rest()

    def _judge(self, e: arena.Entry) -> dict:
        """As the recorded runs are: what broke off has failed, whatever its last good weights draw."""
        if e.error:
            return {"coverage": 0.0, "fails": True}
        return self.place.judge(e.draw(self.place.n, self.seed)) | {"drawing_ms": 1000 * e.drawing["seconds"] / e.drawing["n"]}  # fmt: skip

    def _look(self) -> dict:
        seen: dict = {"step": self.step, "seconds": self.trained}
        for name, entry in self.entries.items():
            x = entry.draw(self.n, 0)
            show = x.numpy() if self.place.eye is None else grid(x[:24].nan_to_num(0), columns=4, pad=1)
            seen[name] = {"x": show, "coverage": self.few.judge(x)["coverage"], "steps": entry.steps, "broke": bool(entry.error)}  # fmt: skip
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

    def _label(self, f: dict) -> str:
        return f"{f['seconds']:.1f} s"

    def _caption(self, f: dict) -> str:
        said = {k: "broke off" if f[k]["broke"] else f"covers {f[k]['coverage']:.2f}" for k in FAMILIES}
        return f"{f['seconds']:.1f} s each:  " + ";  ".join(f"{k} {f[k]['steps']:,} steps, {said[k]}" for k in FAMILIES)  # fmt: skip

    def table(self) -> str:
        """What came out: the ledger of this one race. Judging takes a few seconds the first time."""
        if not any(e.steps for e in self.entries.values()):
            return "Nobody has learned yet: let the race run first."
        judged = self.judged or {k: self._judge(e) for k, e in self.entries.items()}
        early = "" if self.judged else f", stopped after {self.trained:.1f} s each"
        lines = [f"ONE race of one seed ({self.seed}){early}: a story, not a result.", ""]
        lines += [*self._scores(judged), "", *self._costs(judged)]
        if self.bet:
            lines += ["", "Your bet, beside this one race of one seed:"]
            for key, (_, more) in BETS.items():
                values = {k: _number(row, key) for k, row in judged.items()}
                top = (max if more else min)(values.values())
                ahead = [k for k, v in values.items() if v == top]
                lines.append(self.bet.beside(key, "all alike" if len(ahead) == 3 else " and ".join(ahead)))
        return "\n".join(lines)

    def _scores(self, judged: dict[str, dict]) -> list[str]:
        floor, spread = self.place.floor(2), self.place.spread(4)
        rows = judged | {"real ones": floor, "  ± (sd)": spread}
        if self.place.eye:
            rows = {k: row | {"floors": _number(row, "frechet") / floor["frechet"]} for k, row in rows.items()}  # fmt: skip
        own = ("recall", "floors", "accuracy") if self.place.eye else ("high_quality", "modes", "kl", "sd_ratio")  # fmt: skip
        keys = [k for k in ("coverage", "precision", *own) if k in rows["real ones"]]
        width = {k: max(6, len(NAMES.get(k, k))) + 3 for k in keys}
        lines = [f"{'':10}" + "".join(f"{NAMES.get(k, k):>{width[k]}}" for k in keys) + f"{'failed':>9}"]
        for name, row in rows.items():
            said = {k: _one(_number(row, k), k) if name in judged or k in row else "" for k in keys}
            cells = "".join(f"{said[k]:>{width[k]}}" for k in keys)
            failed = "" if name not in judged else "yes" if row["fails"] else "no"
            lines.append(f"{name:10}{cells}{failed:>9}".rstrip())
        return lines

    def _costs(self, judged: dict[str, dict]) -> list[str]:
        lines = [f"{'':10}{'seconds':>10}{'steps':>9}{'seen':>12}{'TFLOP':>8}{'learned':>10}{'to draw':>9}{'ms':>9}{'calls':>7}"]  # fmt: skip
        for k, e in self.entries.items():
            size, tera = arena.parameters(e), arena.expected_flops(e) * e.seen / 1e12
            ms = _one(_number(judged[k], "drawing_ms"), "drawing_ms")
            lines.append(f"{k:10}{e.seconds:>10.2f}{e.steps:>9,}{e.seen:>12,}{tera:>8.2f}{size['training']:>10,}{size['drawing']:>9,}{ms:>9}{CALLS[k]:>7}")  # fmt: skip
        apart = _apart(e.seconds for e in self.entries.values() if not e.error)
        lines.append(f"Their seconds differ by {apart:.1%}.")
        return lines + [f"{k} broke off. {e.error}" for k, e in self.entries.items() if e.error]


def live_arena(place: str = "grid", *, seconds: float = 15.0, keep: int = 20, seed: int = 0, bet: Bet | None = None) -> LiveArena:  # fmt: skip
    """GAN, VAE and DDPM learn the same data by turns, each for the same measured seconds. It begins at once.

    place, seconds: as the two menus offer, or any other place of `arena.load`. It takes three times `seconds`, and a little
    more to draw. "New race" starts again with what the menus say.
    """
    box = LiveArena(place, seconds, keep, seed, bet)
    box.proceed()
    return box


def _number(row: dict, key: str) -> float:
    """One number of a run. What broke off has none, and must not look good: 0 of a share, and infinitely far or slow."""
    return float(row[key]) if row.get(key) is not None else 0.0 if key in SHARES else math.inf


def _one(value: float, key: str) -> str:
    return f"{value:{FORMS.get(key, '.2f')}}" if math.isfinite(value) else "none"


def _apart(seconds) -> float:
    """By which share the longest is longer than the shortest."""
    seconds = list(seconds)
    return max(seconds) / min(seconds) - 1 if seconds and min(seconds) > 0 else 0.0


# ---------------------------------------------------------------------------------------- recorded


def race_book(place: str) -> dict:
    """What `benchmarks/arena.py` wrote of a place. Raises FileNotFoundError with one sentence if it was not run."""
    path = RECORDS / f"arena_{place}.json"
    book = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if not book.get("runs"):  # an unfinished search for options has none yet
        have = ", ".join(p.stem.removeprefix("arena_") for p in sorted(RECORDS.glob("arena_*.json")))
        raise FileNotFoundError(f"No race of {place!r} is recorded: choose one of {have}, or run python benchmarks/arena.py {place}.")  # fmt: skip
    return book


def _column(book: dict, family: str, key: str) -> list[float]:
    """One number of each seed, in the order of the seeds; see `_number`."""
    rows = sorted((r for r in book["runs"] if r["family"] == family), key=lambda r: r["seed"])
    return [_number(r, key) for r in rows]


def recorded_arena(place: str, key: str = "coverage") -> FramePlayer:
    """Seed 0 of a recorded race as a film of three panels, and every seed's coverage over time, or another number's.

    "frechet" and "kl" stand on a scale of powers of ten.
    """
    book = race_book(place)
    if key not in book["runs"][0]["curve"][0] or key not in book["floor"]:
        raise ValueError(f"There is no {key!r} over time in the race of {place}: choose one of {', '.join(book['floor'])}.")  # fmt: skip
    powers = key in ("frechet", "kl")
    with np.load(RECORDS / f"arena_{place}.npz") as film:
        seconds = film["seconds"]
        last = {k: len(film[k]) - 1 for k in FAMILIES}  # what broke off has fewer frames, and stands still
        frames = {k: film[k][np.minimum(np.arange(len(seconds)), last[k])] for k in FAMILIES}
        real = film["real"]
    spent = median(r["seconds"] for r in book["runs"])
    seconds = seconds * spent / seconds[-1]
    if frames["GAN"].ndim == 3:
        plane = (-1.15 * float(np.abs(real).max()), 1.15 * float(np.abs(real).max()))
        panels = [scatter(real.astype(np.float32), k, colors=-1, size=3, layers=[{"points": x.astype(np.float32), "colors": 1, "size": 4}], xlim=plane, ylim=plane) for k, x in frames.items()]  # fmt: skip
    else:
        panels = [pixels(np.stack([_tiled(f) for f in x]), k) for k, x in frames.items()]
    whole = max(book["runs"], key=lambda r: len(r["curve"]))  # one that did not break off
    at = np.array([0.0] + [c["steps"] / whole["steps"] for c in whole["curve"]]) * spent
    lines, colours = {}, []
    for i, family in enumerate(FAMILIES):
        for j, row in enumerate(r for r in book["runs"] if r["family"] == family):
            rows = np.array([0.0 if key == "coverage" else math.nan] + [float(c.get(key, math.nan)) for c in row["curve"]])  # fmt: skip
            rows = np.append(rows, [math.nan] * (len(at) - len(rows)))  # of a run that broke off
            lines[family if not j else " " * (len(lines) + 1)] = np.log10(rows) if powers else rows
            colours.append(i)
    floor = float(book["floor"][key])
    lines["real ones"] = np.full(len(at), math.log10(floor) if powers else floor)
    colours.append(3)
    title = (
        f"{'Fréchet distance' if key == 'frechet' else key}, {len({r['seed'] for r in book['runs']})} seeds"
    )
    panel = curve(at, lines, title, xlabel="seconds each", ylim=(-0.03, 1.05) if 0 <= floor <= 1 and not powers else None)  # fmt: skip
    if powers:
        low, high = (math.ceil(panel["ylim"][0]), math.floor(panel["ylim"][1]))
        panel |= {"yticks": [[k, f"{10.0**k:,g}"] for k in range(low, high + 1)]}
    for mark, colour in zip(panel["marks"], colours, strict=True):
        mark |= {"colors": [colour], "dash": colour, "name": mark["name"].strip()}
    here = curve(at, {"now": np.zeros(len(at))}, cursor=seconds, xlim=(0, spent), ylim=panel["ylim"])["marks"][1]  # fmt: skip
    panel["marks"].append(here)
    panel["frames"] = len(seconds)
    captions = [f"{s:.0f} s of training each; seed 0" for s in seconds]
    return FramePlayer([*panels, panel], captions=captions, labels=[f"{s:.0f} s" for s in seconds], name=f"The recorded race on {place}", fps=3, start=len(seconds) - 1)  # fmt: skip


def _tiled(pictures: np.ndarray) -> np.ndarray:
    """24 pictures (24, C, H, W) uint8 -> one of four columns, (H', W'[, 3]) uint8: the taller the pictures, the wider their curve."""
    return grid(torch.from_numpy(pictures).float() / 127.5 - 1, columns=4, pad=1)


def quality(place: str, bet: Bet | None = None) -> str:
    """How good the recorded runs were, to print: the median over the seeds, with the smallest and largest; failures with their 95 % interval."""
    book = race_book(place)
    own = "frechet" if "frechet" in book["floor"] else "high_quality"
    keys = ["coverage", "precision", "recall", own, "kl" if own == "high_quality" else "nearer_to_training"]
    lines = [f"{'':10}" + "".join(f"{NAMES.get(k, k):>21}" for k in keys) + f"{'failed (95 %)':>23}"]
    for family in FAMILIES:
        cells = [_span(sorted(_column(book, family, k)), k) for k in keys]
        fails = _column(book, family, "fails")
        low, high = wilson(int(sum(fails)), len(fails))
        said = f"{int(sum(fails))} of {len(fails)} ({max(0, low):.0%} to {min(1, high):.0%})"
        lines.append(f"{family:10}" + "".join(f"{c:>21}" for c in cells) + f"{said:>23}")
    spread = book.get("spread", {})
    lines.append(f"{'real ones':10}" + "".join(f"{_one(book['floor'][k], k):>21}" for k in keys))
    lines.append(
        f"{'  ± (sd)':10}" + "".join(f"{_one(spread[k], k) if k in spread else '':>21}" for k in keys)
    )
    if bet:
        lines += ["", "Your bet, beside all seeds:"]
        lines += [bet.beside(key, _winner(book, key)) for key in BETS]
    return "\n".join(lines)


def _span(values: list[float], key: str) -> str:
    return f"{_one(median(values), key)} ({_one(values[0], key)}–{_one(values[-1], key)})"


def _winner(book: dict, key: str) -> str:
    """Who is ahead of both others by more than chance, in a word; or that nobody is shown to be."""
    sign = 1 if BETS[key][1] else -1
    columns = {f: [sign * v for v in _column(book, f, key)] for f in FAMILIES}
    for family, mine in columns.items():
        gaps = [[a - b for a, b in zip(mine, theirs, strict=True)] for f, theirs in columns.items() if f != family]  # fmt: skip
        if all(student(g)[0] > 0 for g in gaps):
            return family
    return "no difference shown between the first two"


def ledger(place: str) -> str:
    """What the recorded runs cost, to print, and how equal their seconds came out.

    TFLOP: of a whole training, counted by PyTorch and (in brackets) by thought.
    """
    book = race_book(place)
    lines = [f"{'':6}{'seconds':>9}{'steps':>9}{'samples seen':>14}{'TFLOP counted':>15}{'(thought)':>11}{'learned':>10}{'to draw':>10}{'calls':>7}{'ms a sample':>13}"]  # fmt: skip
    for family in FAMILIES:
        seconds, seen = median(_column(book, family, "seconds")), median(_column(book, family, "seen"))
        flops, size = book["flops"][family], book["parameters"][family]
        tera = [seen * flops[k] / 1e12 for k in ("training_per_sample", "expected")]
        lines.append(f"{family:6}{seconds:>9.1f}{book['steps'][family]:>9,}{seen:>14,.0f}{tera[0]:>15.2f}{f'({tera[1]:.2f})':>11}"
                     f"{size['training']:>10,}{size['drawing']:>10,}{book['calls'][family]:>7}{_one(median(_column(book, family, 'drawing_ms')), 'drawing_ms'):>13}")  # fmt: skip
    seconds = [[r["seconds"] for r in book["runs"] if r["seed"] == s and not r.get("error")] for s in {r["seed"] for r in book["runs"]}]  # fmt: skip
    medians = _apart(median(_column(book, f, "seconds")) for f in FAMILIES)
    lines.append(f"Seconds, wanted equal within 2 %: the medians differ by {medians:.1%}, within one seed at most {max(map(_apart, seconds)):.1%}.")  # fmt: skip
    return "\n".join(lines)


def verdict(place: str, key: str = "coverage") -> str:
    """Each pair of families: the mean difference over the seeds and its 95 % interval (Student's); in words only what the interval allows.

    Families that have no such number at all are left out: a GAN has no bits.
    """
    book, lines = race_book(place), []
    names = [f for f in FAMILIES if any(key in r or r.get("error") for r in book["runs"] if r["family"] == f)]
    known = [*book["floor"], "drawing_ms", *(k for k in ("kernel", "bits") if k in book["runs"][-1])]
    if key not in known:
        raise ValueError(f"There is no {key!r} in the race of {place}: choose one of {', '.join(known)}.")  # fmt: skip
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            gaps = [x - y for x, y in zip(_column(book, a, key), _column(book, b, key), strict=True)]
            if not np.isfinite(gaps).all():
                lines.append(f"{key}: {a} − {b}: a run broke off and has no number, so there is no interval")
                continue
            low, high = student(gaps)
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
