"""Lesson 10, what `benchmarks/words.py` has measured: is a word obeyed, and what does a large weight cost?"""

from __future__ import annotations

from ...evaluation import records
from ...evaluation.metrics import student
from ...viz.panels import Line, curve
from ...viz.player import FramePlayer
from ...viz.tables import Table, page, table
from ...words import N_, _


def _share(row: dict) -> str:
    return _("{share:.1%} ({low:.1%} to {high:.1%})").format(**row)


def obeyed_table() -> Table:
    """How often our reader of sprites finds what was asked, at w = 2: of one word beside the species, and of whole captions."""
    found = records.read("words")["obeyed"]["2"]
    one, many = found["one word"], found["captions"]
    rows = [[_(name), _share(one["factors"][name]), _share(many["factors"][name])] for name in many["factors"]]
    rows.append([_("all words"), _share(one["all"]), _share(many["all"])])
    rows.append([_("all words but the species"), _share(one["words"]), _share(many["words"])])
    rows.append([_("whole pictures"), _share(one["whole"]), _share(many["whole"])])
    return table(["", N_("one word and the species"), N_("whole captions")], rows)


def held_out_table() -> Table:
    """Combinations of words that were never trained on, and as many others, at w = 2; and what the reader says of real ones."""
    book = records.read("words")
    found = {N_("never trained on"): book["held_out"]["held_out"], N_("trained on"): book["held_out"]["trained"]}
    found |= {N_("real sprites"): book["reader"]["held_out"]}
    rows = [[name, _share(row["whole"]), _share(row["all"])] for name, row in found.items()]
    return table([N_("combinations"), N_("pictures with every word right"), N_("words right")], rows)


def spread_table() -> Table:
    """What is not said: how evenly its values come, 1 where each comes as often as any other (entropy / largest entropy)."""
    found = records.read("words")["spread"]
    asked = {"nothing, w = 1": N_("asked for nothing"), "cat, w = 1": N_("a cat"), "flower, w = 1": N_("a flower")}
    rows = [[name, *(_even(found[k].get(name)) for k in asked)] for name in found["nothing, w = 1"]]
    return table(["", *asked.values()], rows)


def _even(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _mean(rows: list[dict], key: str) -> str:
    middle, low, high = _span(rows, key)
    return _("{middle:.3f} ({low:.3f} to {high:.3f})").format(middle=middle, low=low, high=high)


def _span(rows: list[dict], key: str) -> tuple[float, float, float]:
    """Mean over seeds of a share, and its 95 % interval, which ends at 0 and 1."""
    values = [row[key] for row in rows]
    low, high = student(values)
    return sum(values) / len(values), max(0.0, low), min(1.0, high)


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
    return table([N_("sprites"), N_("word obeyed"), N_("precision"), N_("recall")], rows, quiet=[N_("real sprites")])


def same_trade() -> Table:
    """The same trade in two families, on digits: the diffusion network's w, and the GAN's truncation (its z times psi)."""
    rows = records.read("words")["families"]["rows"]
    parts = []
    for family, letter in (("DDPM", "w"), ("GAN", "ψ")):
        mine = _by([row for row in rows if row["family"] == family], "dial")
        lines = [[f"{letter} = {v:g}", _mean(part, "precision"), _mean(part, "recall")] for v, part in mine.items()]
        parts.append(table([family, N_("precision"), N_("recall")], lines))
    return page(*parts)


def trade_curves() -> FramePlayer:
    """Both trades as lines over their dials; an upright line is the interval of a point (95 %, over seeds)."""
    book = records.read("words")
    digits, sprites = book["families"], book["trade"]
    network, gan = (_by([r for r in digits["rows"] if r["family"] == f], "dial") for f in ("DDPM", "GAN"))
    told = _by([r for r in sprites["rows"] if r["w"] != "real"], "w")
    panels = [
        _dial(_("{n} digits, diffusion").format(n=digits["n"]), "w", network),
        _dial(_("{n} digits, GAN").format(n=digits["n"]), "ψ", gan),
        _dial(_("{n} sprites, diffusion").format(n=sprites["n"]), "w", told, N_("obeyed")),
    ]
    seeds = len({row["seed"] for row in digits["rows"]})
    label, says = _("mean of {n} seeds").format(n=seeds), _("an upright line: the interval of that point (95 %)")
    return FramePlayer(panels, labels=[label], captions=[says], name=_("More of the one, less of the other"))


def _dial(title: str, letter: str, parts: dict, *more: str) -> dict:
    """A panel: precision, recall and more over what a dial is set to, parts = {setting: rows of its seeds}."""
    at, lines = sorted(parts), []
    for key in (N_("precision"), N_("recall"), *more):
        spans = [_span(parts[v], key) for v in at]
        lines.append(Line([mean for mean, *_ends in spans], _(key), ends=[ends for _mean, *ends in spans]))
    return curve(at, lines, title, xlabel=letter, ylim=(0, 1.05))
