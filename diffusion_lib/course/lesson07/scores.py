"""Words for the numbers of a race: what each is called, how many digits it has, and when a cheap sample pays."""

from __future__ import annotations

import math
from statistics import median

from ...evaluation import cost
from ...families import FAMILIES
from ...words import N_, _

NAMES = {"coverage": N_("covered"), "nearer_to_training": N_("nearer to train"), "kl": "KL", "frechet": N_("Fréchet")}
NAMES |= {"floors": N_("Fréchet, in floors"), "high_quality": N_("within 3 sd")}
NAMES |= {"modes": N_("islands"), "sd_ratio": N_("width")}
FORMS = {"high_quality": ".1%", "accuracy": ".1%", "kl": ".3f", "frechet": ".1f", "floors": ".1f", "modes": ".0f"}
FORMS |= {"drawing_ms": ".4f"}
# what broke off has 0 of these, and infinity of any other number
SHARES = ("coverage", "precision", "recall", "density", "high_quality", "accuracy", "modes")
GOOD = 0.85  # a coverage that counts as learned
REAL, SPREAD = N_("real ones"), "± (sd)"  # the last rows of a table
# of a table of costs, whose operations may be counted in two ways; the last two columns are `pays`
COSTS = ("", N_("seconds"), N_("steps"), N_("seen"), "TFLOP", N_("learned"), N_("to draw"), "ms", N_("calls"))
COSTS += (N_("0.85 after"), N_("break-even"))


def raced(book: dict) -> list[str]:
    """The families that a recorded race has runs of, in the order of `FAMILIES`."""
    return [f for f in FAMILIES if any(r["family"] == f for r in book["runs"])]


def number(row: dict, key: str) -> float:
    """One number of a run. What broke off has none, and must not look good: 0 of a share, and infinitely far or slow."""
    return float(row[key]) if row.get(key) is not None else 0.0 if key in SHARES else math.inf


def one(value: float, key: str) -> str:
    """The value with as many digits as its key has; "none" where it is infinite or no number."""
    return f"{value:{FORMS.get(key, '.2f')}}" if math.isfinite(value) else _("none")


def seconds_to(book: dict, family: str, level: float = GOOD) -> float | None:
    """Median over the seeds of the seconds until the recorded coverage was `level` first; None if half of the seeds or more never were."""
    found = []
    for row in (r for r in book["runs"] if r["family"] == family):
        at = [c["seconds"] for c in row["curve"] if c["coverage"] >= level]
        found.append(at[0] if at else math.inf)
    middle = median(found)
    return None if math.isinf(middle) else middle


def pays(family: str, start: dict[str, float | None], ms: dict[str, float]) -> tuple[str, str]:
    """In words: the seconds until it covered GOOD, and from how many samples on it is cheaper in all than the family whose
    samples cost most network calls, the DDPM."""
    dearest = max(FAMILIES, key=lambda name: FAMILIES[name].CALLS)
    mine, its = start[family], start[dearest]
    if family == dearest or mine is None:
        return _("not reached") if mine is None else f"{mine:.1f} s", ""
    n = 0.0 if its is None else cost.break_even(mine, ms[family] / 1000, its, ms[dearest] / 1000)
    return f"{mine:.1f} s", _("never") if n is None else rounded(n) if n else "0"


def rounded(n: float) -> str:
    """n to one digit: "30,000"."""
    return f"{float(f'{n:.1g}'):,.0f}"
