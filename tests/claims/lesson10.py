"""Lesson 10."""

import re
from statistics import mean

from diffusion_lib import store
from diffusion_lib.course import lesson10
from diffusion_lib.course.lesson10 import comparing, drawing
from diffusion_lib.data.factors import TOLD
from diffusion_lib.evaluation import records

from . import default, percent


def found(*path: str):
    """A part of lesson 10's record."""
    value = records.read("words")
    for key in path:
        value = value[key]
    return value


def trade(w, key: str) -> float:
    return mean(row[key] for row in found("trade", "rows") if row["w"] == w)


def digits(family: str, dial: float, key: str) -> str:
    rows = found("families", "rows")
    return f"{mean(row[key] for row in rows if (row['family'], row['dial']) == (family, dial)):.3f}"


def size() -> list[str]:
    return [str(n) for n in store.load("sprites32").shape[1:]]


def captions(player) -> list[list[float]]:
    return [[float(v) for v in re.findall(r"\d+(?:\.\d+)?", c)] for c in player.film["captions"]]


def anything_tulips_hard_colours() -> None:
    """How far the pictures are apart falls from w = 0 to 1, then stays; at w = 8 more colours are at their limits."""
    w = (0.0, 1.0, 3.0, 8.0)
    assert set(w) <= set(comparing.WEIGHTS) and default(drawing.walk, "steps") == default(lesson10.by_weight, "steps")
    drawn = [drawing.pictures("red tulip at night", range(8), w=w) for w in w]  # what the film of the cell shows there
    untold, told, three, eight = map(comparing.apart, drawn)
    assert told < 0.5 * untold and abs(three / told - 1) < 0.1 and abs(eight / told - 1) < 0.1
    hard = [float((x.abs() > 0.98).double().mean()) for x in drawn]
    assert hard[3] > 1.5 * hard[1]


def classes_crowd() -> None:
    """On points: both classes at w = 0, class 1 at w = 1 with the spread that it has, and less of it above."""
    shares = captions(lesson10.two_scores())
    share, spread = [c[0] for c in shares], [c[-1] for c in shares]
    w = comparing.WEIGHTS
    assert share[0] < 75 and share[w.index(1.0)] >= 95
    true = comparing.truth()[1].std(0).mean()
    assert abs(spread[w.index(1.0)] / true - 1) < 0.1 and spread[-1] < 0.7 * true


def held_out_are_drawn() -> None:
    """Nearly as often right as the others: an interval (95 %) of the difference holds zero."""
    new, old = (found("held_out", k, "whole") for k in ("held_out", "trained"))
    far = 1.96 * sum(k["share"] * (1 - k["share"]) / k["n"] for k in (new, old)) ** 0.5
    assert abs(old["share"] - new["share"]) < far and new["share"] > 0.75 * old["share"] and new["n"] == old["n"]


def more_is_obeyed() -> None:
    assert trade(3.0, "recall") >= trade(1.0, "recall") and trade(1.0, "obeyed") < trade(3.0, "obeyed")


MEASURED = {
    "10-play": size,
    "10-weight-intro": lambda: [str(len(comparing.WEIGHTS) * int(default(lesson10.by_weight, "steps")))],
    "10-scores": lambda: [default(lesson10.two_scores, "t")],
    "10-trade": lambda: [str(found("families", "n"))],
    "10-trade-reveal": lambda: [digits("DDPM", w, key) for key in ("recall", "precision") for w in (1.0, 3.0)],
    "10-trade-after": lambda: [f"{trade(w, key):.3f}" for key in ("obeyed", "recall") for w in (1.0, 3.0)],
    "10-same-after": lambda: [
        str(found("trade", "n")),
        *(digits("GAN", psi, "recall") for psi in (1.0, 0.2)),
        *(digits("GAN", psi, "precision") for psi in (1.0, 0.6)),
    ],
    "10-obeyed": lambda: [
        str(found("obeyed", "2", "one word", "factors", "fur", "n") // len(TOLD["fur"])),
        str(found("obeyed", "2", "captions", "whole", "n")),
        str(found("milliseconds", "calls")),
    ],
    "10-obeyed-after": lambda: [
        *percent(
            found("obeyed", "2", "captions", "all", "share"),
            found("obeyed", "2", "captions", "factors", "eyes", "share"),
            1 / len(TOLD["eyes"]),
        ),
        f"{store.load('sprites32').card['seconds'] / 60:.0f}",
    ],
    "10-held-reveal": lambda: [
        *percent(*(found("held_out", k, "whole", "share") for k in ("held_out", "trained"))),
        str(found("held_out", "trained", "whole", "n")),
    ],
    "10-service-text": lambda: [str(sum(map(len, TOLD.values())))],
}


def large_things_are_obeyed() -> None:
    """In whole captions, each of them each time; and w = 3 finds no more than w = 2."""
    factors = found("obeyed", "2", "captions", "factors")
    assert all(factors[name]["share"] == 1 for name in ("species", "fur", "petals", "pose", "time"))
    assert found("obeyed", "3", "captions", "all", "share") <= found("obeyed", "2", "captions", "all", "share")
    assert min(factors, key=lambda name: factors[name]["share"]) == "eyes"


SHOWN = {
    "10-obeyed-after": large_things_are_obeyed,
    "10-weight-reveal": anything_tulips_hard_colours,
    "10-scores-after": classes_crowd,
    "10-held-reveal": held_out_are_drawn,
    "10-trade-after": more_is_obeyed,
}

QUOTED = {"10-service-text": [("Radford et al. 2021", "abstract", "400")]}

PLAIN = {  # minutes, choices of a guess, values of w and of -1, numbers of an example, the name T5
    "10-title": "60",
    "10-told": "1 1",
    "10-guide": "0 1 0",
    "10-weight-guess": "0 8 0 1 1 3 3 8",
    "10-weight-reveal": "0 1 1 8",
    "10-scores-after": "0 1 1 1 4",
    "10-trade": "1",
    "10-trade-guess": "1 3",
    "10-trade-intro": "95",
    "10-trade-reveal": "1 3",
    "10-trade-after": "1 3 1",
    "10-same-after": "2 1 0.2 0.6",
    "10-negative-after": "1",
    "10-obeyed": "2 95",
    "10-obeyed-after": "3 2",
    "10-service-text": "5",
    "10-service-map": "20 50",
    "10-ex2": "0 .1 1",
    "10-ex5": "0 1 0.5 1 3",
    "10-talk": "8 10 8 10 10 10 1 1 8 10 10 10 8 10",
    "10-symbols": "1 0 1 5",
}
