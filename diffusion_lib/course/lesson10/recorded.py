"""Lesson 10, what `benchmarks/words.py` has measured: is a word obeyed, and what does a large weight cost?"""

from __future__ import annotations

from ...evaluation import records
from ...evaluation.metrics import student
from ...viz.tables import Table, page, table
from ...words import N_, _


def _share(row: dict) -> str:
    return f"{row['share']:.1%} ({row['low']:.1%} to {row['high']:.1%})"


def obeyed_table() -> Table:
    """How often our reader of sprites finds what was asked, at w = 2: of one word beside the species, and of whole captions."""
    found = records.read("words")["obeyed"]["2"]
    one, many = found["one word"], found["captions"]
    rows = [[_(name), _share(one["factors"][name]), _share(many["factors"][name])] for name in many["factors"]]
    rows.append([_("all words"), _share(one["all"]), _share(many["all"])])
    rows.append([_("whole pictures"), _share(one["whole"]), _share(many["whole"])])
    return table(["", N_("one word and the species"), N_("whole captions")], rows)


def held_out_table() -> Table:
    """Combinations of words that were never trained on, and as many others, at w = 2; and what the reader says of real ones."""
    book = records.read("words")
    found = {N_("never trained on"): book["held_out"]["held_out"], N_("trained on"): book["held_out"]["trained"]}
    found |= {N_("real sprites"): book["reader"]["held_out"]}
    rows = [[name, _share(row["whole"]), _share(row["all"])] for name, row in found.items()]
    return table([N_("combinations"), N_("pictures with every word right"), N_("words right")], rows)


def _mean(rows: list[dict], key: str) -> str:
    values = [row[key] for row in rows]
    low, high = student(values)
    return f"{sum(values) / len(values):.3f} ({max(0.0, low):.3f} to {min(1.0, high):.3f})"


def _by(rows: list[dict], key: str) -> dict:
    found: dict = {}
    for row in rows:
        found.setdefault(row[key], []).append(row)
    return found


def trade_off() -> Table:
    """What each weight gives and takes, on sprites: obedience, precision and recall; the interval is over seeds."""
    parts = _by(records.read("words")["trade"]["rows"], "w")
    real, numbers = parts.pop("real"), ("obeyed", "precision", "recall")
    rows = [[f"w = {w:g}", *(_mean(part, key) for key in numbers)] for w, part in parts.items()]
    rows.append([N_("real sprites"), "", *(_mean(real, key) for key in ("precision", "recall"))])
    return table([N_("sprites"), N_("words obeyed"), N_("precision"), N_("recall")], rows, quiet=[N_("real sprites")])


def same_trade() -> Table:
    """The same trade in two families, on digits: the diffusion network's w, and the GAN's truncation (its z times psi)."""
    rows = records.read("words")["families"]["rows"]
    parts = []
    for family, letter in (("DDPM", "w"), ("GAN", "ψ")):
        mine = _by([row for row in rows if row["family"] == family], "dial")
        lines = [[f"{letter} = {v:g}", _mean(part, "precision"), _mean(part, "recall")] for v, part in mine.items()]
        parts.append(table([family, N_("precision"), N_("recall")], lines))
    return page(*parts)
