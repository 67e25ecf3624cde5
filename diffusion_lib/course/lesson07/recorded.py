"""Lesson 07, recorded: the races of `benchmarks/arena.py`, every seed of them, as films, tables and verdicts with intervals.

recorded_arena("digits");  quality("digits");  verdict("digits", "coverage", "recall");  ledger("digits")
"""

from __future__ import annotations

import math
from itertools import combinations
from statistics import median

import numpy as np

from ...evaluation import arena
from ...evaluation.metrics import student, wilson
from ...evaluation.records import RECORDS, race_book
from ...values import need
from ...viz.figures import grid
from ...viz.panels import Line, curve, pixels, scatter
from ...viz.player import FramePlayer
from ...viz.tables import Interval, Table, html, table
from ...words import N_, _
from .live_race import BETS, Beside, Bet
from .scores import COSTS, GOOD, NAMES, REAL, SPREAD, number, one, pays, raced, rounded, seconds_to

PLACES = ("grid", "digits", "sprites", "mnist")  # what is recorded


def _column(book: dict, family: str, key: str) -> list[float]:
    """One number of each seed, in the order of the seeds; see `scores.number`."""
    rows = sorted((r for r in book["runs"] if r["family"] == family), key=lambda r: r["seed"])
    return [number(r, key) for r in rows]


def recorded_arena(place: str, key: str = "coverage") -> FramePlayer:
    """Seed 0 of a recorded race as a film of three panels, and every seed's coverage over time, or another number's.

    "frechet" and "kl" stand on a scale of powers of ten.
    """
    book = race_book(place)
    said = f"There is no {key!r} over time in the race of {place}: choose one of {', '.join(book['floor'])}."
    need(key in book["runs"][0]["curve"][0] and key in book["floor"], said)
    powers = key in ("frechet", "kl")
    spent = median(r["seconds"] for r in book["runs"])
    seconds, panels = _seed_0(place, raced(book))
    seconds = seconds * spent / seconds[-1]
    moments = max(len(r["curve"]) for r in book["runs"])  # of one that did not break off
    shares = [[c["seconds"] / r["seconds"] for c in r["curve"]] for r in book["runs"] if len(r["curve"]) == moments]
    at = np.array([0.0, *np.median(shares, axis=0)]) * spent
    lines = []
    families = raced(book)
    for i, family in enumerate(families):
        for j, row in enumerate(r for r in book["runs"] if r["family"] == family):
            rows = [math.nan if c.get(key) is None else float(c[key]) for c in row["curve"]]
            rows = [0.0 if key == "coverage" else math.nan, *rows]
            rows = np.array(rows + [math.nan] * (len(at) - len(rows)))  # of a run that broke off
            lines.append(Line(rows, "" if j else family, colour=i % 7))
    floor = float(book["floor"][key])
    lines.append(Line(np.full(len(at), floor), _(REAL), colour=len(families) % 7))
    seeds = len({r["seed"] for r in book["runs"]})
    title = _("{number}, {n} seeds").format(number=_("Fréchet distance") if key == "frechet" else _(key), n=seeds)
    look = {"ylim": (-0.03, 1.05) if 0 <= floor <= 1 and not powers else None, "log": "y" * powers, "dots": False}
    panel = curve(at, lines, title, xlabel=_("seconds each"), cursor=seconds, **look)
    captions = [_("{n:.0f} s of training each; seed 0").format(n=s) for s in seconds]
    labels, last = [f"{s:.0f} s" for s in seconds], len(seconds) - 1
    name = _("The recorded race on {data}").format(data=_(place))
    return FramePlayer([*panels, panel], captions=captions, labels=labels, name=name, fps=3, start=last)


def _seed_0(place: str, families: list[str]) -> tuple[np.ndarray, list[dict]]:
    """When the frames of a recorded race were made (F,), and a panel of them for each family."""
    with np.load(RECORDS / f"arena_{place}.npz") as film:
        seconds, real = film["seconds"], film["real"]
        last = {k: len(film[k]) - 1 for k in families}  # what broke off has fewer frames, and stands still
        frames = {k: film[k][np.minimum(np.arange(len(seconds)), last[k])] for k in families}
    if real.ndim > 2:
        return seconds, [pixels(np.stack([_tiled(f) for f in x]), k) for k, x in frames.items()]
    real, limit = real.astype(np.float32), 1.15 * float(np.abs(real).max())
    look = {"colors": -1, "size": 3, "xlim": (-limit, limit), "ylim": (-limit, limit)}
    clouds = [{"points": x.astype(np.float32), "colors": i, "size": 4} for i, x in enumerate(frames.values())]
    return seconds, [scatter(real, k, layers=[c], **look) for k, c in zip(frames, clouds, strict=True)]


def _tiled(pictures: np.ndarray) -> np.ndarray:
    """24 pictures (24, C, H, W) uint8 -> one of four columns, (H', W'[, 3]) uint8: the taller the pictures, the wider their curve."""
    return grid(pictures, columns=4, pad=1)


def quality(place: str, *keys: str, bet: Bet | None = None) -> Table:
    """How good the recorded runs were: the median over the seeds, with the smallest and largest; failures with their 95 % interval.

    keys: numbers of a run; none: those that suit the place.
    """
    book = race_book(place)
    pictures = "frechet" in book["floor"]
    own = ("frechet", "nearer_to_training") if pictures else ("high_quality", "kl", "sd_ratio")
    shown = keys or ("coverage", "precision", "recall", *own)
    rows = []
    for family in raced(book):
        spans = [_span(sorted(_column(book, family, k)), k) for k in shown]
        rows.append([family, *spans, _failures(book, family)])
    for name, row in ((REAL, book["floor"]), (SPREAD, book.get("spread", {}))):
        if any(k in row for k in shown):
            rows.append([name, *(one(row[k], k) if k in row else "" for k in shown), ""])
    found = table(["", *(NAMES.get(k, k) for k in shown), N_("failed (95 %)")], rows, quiet=(REAL, SPREAD))
    if not bet:
        return found
    return Beside(bet, [found], _("Your bet, beside all seeds"), {key: _winner(book, key) for key in BETS})


def _failures(book: dict, family: str) -> str:
    fails = _column(book, family, "fails")
    n, (low, high) = int(sum(fails)), wilson(int(sum(fails)), len(fails))
    said = _("{n} of {all} ({low:.0%} to {high:.0%})")
    return said.format(n=n, all=len(fails), low=max(0, low), high=min(1, high))


def _span(values: list[float], key: str) -> str:
    if not math.isfinite(values[0]):
        return _("none")
    return f"{one(median(values), key)} ({one(values[0], key)}–{one(values[-1], key)})"


def _winner(book: dict, key: str) -> str:
    """Who is ahead of both others by more than chance, in a word; or that nobody is shown to be."""
    sign = 1 if BETS[key][1] else -1
    columns = {f: [sign * v for v in _column(book, f, key)] for f in raced(book)}
    for family, mine in columns.items():
        others = [theirs for f, theirs in columns.items() if f != family]
        gaps = [[a - b for a, b in zip(mine, theirs, strict=True)] for theirs in others]
        if all(student(g)[0] > 0 for g in gaps):
            return family
    return _("no difference shown between the first two")


def ledger(place: str) -> Table:
    """What the recorded runs cost, medians over the seeds, and how equal their seconds came out.

    TFLOP: of a whole training, counted by PyTorch and (in brackets) by thought.
    """
    book, rows = race_book(place), []
    start = {f: seconds_to(book, f) for f in raced(book)}
    ms = {f: median(_column(book, f, "drawing_ms")) for f in start}
    for family in start:
        seconds, steps, seen = (median(_column(book, family, k)) for k in ("seconds", "steps", "seen"))
        flops, size = book["flops"][family], book["parameters"][family]
        counted, thought = (seen * flops[k] / 1e12 for k in ("training_per_sample", "expected"))
        cells = [f"{seconds:.1f}", f"{steps:,.0f}", f"{seen:,.0f}", f"{counted:.2f} ({thought:.2f})"]
        cells += [f"{size[k]:,}" for k in ("training", "drawing")]
        cells += [one(ms[family], "drawing_ms"), book["calls"][family]]
        rows.append([family, *cells, *pays(family, start, ms)])
    good = [r for r in book["runs"] if not r.get("error")]
    seeds = [[r["seconds"] for r in good if r["seed"] == s] for s in {r["seed"] for r in book["runs"]}]
    apart = max(map(arena.apart, seeds))
    notes = [_("In no seed are anybody's seconds more than {apart:.2%} off their mean.").format(apart=apart)]
    return table([N_("TFLOP (thought)") if name == "TFLOP" else name for name in COSTS], rows, notes)


VERDICT = ["", N_("mean difference (95 % interval)"), N_("around 0"), ""]  # over the cells of `_compared`


def verdict(place: str, *keys: str) -> Table:
    """Each pair of families: the mean difference over the seeds and its 95 % interval (Student's); in words only what the interval allows.

    Families that have no such number at all are left out: a GAN has no bits.
    """
    book, lines, rows = race_book(place), [], []
    for key in keys or ("coverage",):
        found = _differences(book, place, key)
        reach = max([abs(v) for a, b, gap in found if gap for v in gap[1:]], default=0.0)
        for pair in found:
            cells = _compared(*pair, reach)
            lines.append(f"{_(key)}: " + _said(*cells))
            rows.append([_(NAMES.get(key, key)), *cells])
        lines.append("")
    return Table("\n".join(lines[:-1]), html(["", *VERDICT], rows))


def across(*keys: str) -> Table:
    """GAN against DDPM, as in `verdict`, in every recorded place."""
    lines, rows = [], []
    for place, key in ((p, k) for p in PLACES for k in keys):
        found = {(a, b): gap for a, b, gap in _differences(race_book(place), place, key)}
        cells = _compared("GAN", "DDPM", found["GAN", "DDPM"], 0.4)
        lines.append(f"{_(place):8} {_(key)}: " + _said(*cells))
        rows.append([place, _(NAMES.get(key, key)), *cells])
    return Table("\n".join(lines), html(["", "", *VERDICT], rows))


def _compared(a: str, b: str, gap: Gap | None, reach: float) -> tuple:
    """Four cells: the pair, its difference in numbers, as a line, and what the interval allows to say."""
    if gap is None:
        return f"{a} − {b}", "", "", _("a run broke off and has no number, so there is no interval")
    low, high = gap[1:]
    cell = Interval(*gap, reach)
    words = _("{name} has more").format(name=a if low > 0 else b) if low > 0 or high < 0 else _("no difference shown")
    return f"{a} − {b}", str(cell), cell, words


def _said(pair: str, number: str, cell: Interval | str, words: str) -> str:
    return f"{pair} = {number}  {words}" if number else f"{pair}: {words}"


Gap = tuple[float, float, float]  # a mean difference, and its interval from low to high


def _differences(book: dict, place: str, key: str) -> list[tuple[str, str, Gap | None]]:
    """(a, b, (mean of a − b over the seeds, and its interval)) for each pair; None where a run has no number."""
    known = [*book["floor"], "drawing_ms", *(k for k in ("kernel", "bits") if k in book["runs"][-1])]
    need(key in known, f"There is no {key!r} in the race of {place}: choose one of {', '.join(known)}.")
    rows = book["runs"]
    names = [f for f in raced(book) if any(key in r or r.get("error") for r in rows if r["family"] == f)]
    found = []
    for a, b in combinations(names, 2):
        gaps = [x - y for x, y in zip(_column(book, a, key), _column(book, b, key), strict=True)]
        whole = bool(np.isfinite(gaps).all())
        found.append((a, b, (sum(gaps) / len(gaps), *student(gaps)) if whole else None))
    return found


# ---------------------------------------------------------------------------------------- many samples


def many_samples(place: str, level: float = GOOD) -> FramePlayer:
    """Training until `level` is covered, and then drawing n samples: seconds in all against n, both on a scale of powers of ten."""
    book = race_book(place)
    n = 10 ** np.linspace(0, 7, 36)
    totals, words = {}, []
    for family in raced(book):
        start = seconds_to(book, family, level)
        if start is None:
            words.append(_("{name} did not cover {level:g} in most seeds").format(name=family, level=level))
            continue
        totals[family] = start + n * median(_column(book, family, "drawing_ms")) / 1000
    need(totals, f"Nobody covered {level:g} of {place} in most seeds: choose a lower level.")
    most = max(v.max() for v in totals.values())
    powers = [(10**k, f"{10**k:,} s") for k in range(math.ceil(math.log10(most)) + 1)]
    scale = {"log": "xy", "ylim": (1, 2 * most), "yticks": powers}
    scale["xticks"] = [1, 100, 10_000, (10**6, _("1 million"))]
    title = _("seconds to cover {level:g} and draw n samples").format(level=level)
    panel = curve(n, totals, title, cursor=n, xlabel=_("n samples"), **scale)
    captions = [
        f"n = {rounded(v)}: " + "; ".join([f"{k} {t[i]:,.0f} s" for k, t in totals.items()] + words)
        for i, v in enumerate(n)
    ]
    labels = [f"n = {rounded(v)}" for v in n]
    return FramePlayer([panel], captions=captions, labels=labels, name=_("Training once, drawing often"), fps=6)
