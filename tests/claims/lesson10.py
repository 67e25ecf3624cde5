"""Lesson 10."""

import re
from functools import partial
from itertools import pairwise
from statistics import mean

import torch

from diffusion_lib import ddpm, store
from diffusion_lib.course import lesson10
from diffusion_lib.course.checking import exercises
from diffusion_lib.course.lesson10 import comparing, drawing
from diffusion_lib.data import sprites
from diffusion_lib.data.factors import TOLD, held_out
from diffusion_lib.data.prompts import understand
from diffusion_lib.diffusion import Schedule
from diffusion_lib.evaluation import records
from diffusion_lib.evaluation.metrics import student
from diffusion_lib.guidance import guided
from diffusion_lib.sampling import sample
from diffusion_lib.telling import Focus, forget
from diffusion_lib.train import rate

from . import CELLS, ROOT, default, learned_for, percent, text


def found(*path: str):
    """A part of lesson 10's record."""
    value = records.read("words")
    for key in path:
        value = value[key]
    return value


def took() -> dict:
    """The milliseconds of a processor with AVX-512 if they were measured with the calls of today, else those of one without."""
    import words

    part, *_others = words.timed(found())
    assert found(part, "calls") == drawing.CALLS
    return found(part)


def trade(w, key: str) -> float:
    return mean(row[key] for row in found("trade", "rows") if row["w"] == w)


def digits(family: str, dial: float, key: str) -> str:
    rows = found("families", "rows")
    return f"{mean(row[key] for row in rows if (row['family'], row['dial']) == (family, dial)):.3f}"


def size() -> list[str]:
    return [str(n) for n in store.load("sprites32").shape[1:]]


def captions(player) -> list[list[float]]:
    return [[float(v) for v in re.findall(r"\d+(?:\.\d+)?", c)] for c in player.film["captions"]]


def anything_then_tulips() -> None:
    """How far the pictures are apart falls from w = 0 to 1, where they change most, and hardly any more."""
    w = (0.0, 1.0, 3.0, 8.0)
    assert set(w) <= set(comparing.WEIGHTS) and default(drawing.walk, "steps") == default(lesson10.by_weight, "steps")
    drawn = [drawing.pictures("red tulip at night", range(8), w=w) for w in w]  # what the film of the cell shows there
    untold, told, three, eight = map(comparing.apart, drawn)
    assert told < 0.6 * untold and all(0.95 < above / told < 1.05 for above in (three, eight))
    change = [float((a - b).square().mean().sqrt()) for a, b in pairwise(drawn)]
    assert change[0] > 3 * max(change[1:])


def classes_crowd() -> None:
    """On points: both classes at w = 0, class 1 at w = 1 with the spread that it has, and less of it above, on one island at 8."""
    shares = captions(lesson10.two_scores())
    share, spread = [c[0] for c in shares], [c[-1] for c in shares]
    w = comparing.WEIGHTS
    assert share[0] < 75 and share[w.index(1.0)] >= 95
    true = comparing.truth()[1].std(0).mean()
    assert abs(spread[w.index(1.0)] / true - 1) < 0.1 and spread[-1] < 0.7 * true
    xT, y = torch.randn(200, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)), torch.ones(200).long()
    ends = comparing._end(guided(comparing.two_classes(), y, 8.0), xT)
    assert w[-1] == 8 and ends[:, 0].mean() > comparing.truth()[1][:, 0].mean() + 0.5
    islands = torch.tensor(comparing.ISLANDS, dtype=torch.float64)[:, :2]
    assert torch.cdist(ends, islands).argmin(1).bincount().max() > 0.9 * len(ends)
    walk_ends_elsewhere()


def walk_ends_elsewhere() -> None:
    """The bells of exercise 4: at one t guidance's score is that of a bell; a walk along it ends beyond that bell's middle."""
    schedule, m, r, s, w = Schedule.of("cosine", 200), 1.0, 0.5, 1.0, 3.0

    def bell(x, t, mean, sd):  # eps of a noised N(mean, sd^2)
        a = schedule.alpha_bar[t].flatten()[0]
        return (1 - a).sqrt() * (x - a.sqrt() * mean) / (a * sd**2 + 1 - a)

    def eps(x, t, _y=None):
        return bell(x, t, 0.0, s) + w * (bell(x, t, m, r) - bell(x, t, 0.0, s))

    xT = torch.randn(500, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    *_past, last = sample(eps, xT, schedule, 200, sampler="ddim")
    middle = exercises()["10.middle"].reference(m, r, s, w)
    assert m < middle < last.xs.mean() - 0.2


def one_in_some_hears_nothing(said: int) -> None:
    """Of the sprites that we have: averaged over the learning rate's way down, and over the pictures that all trainings of our weights took."""
    d, g = sprites(400, 32, 0, words=True), torch.Generator().manual_seed(0)
    drop, cards = float(default(ddpm.build, "drop")), store.history(store.load("sprites32").card)

    def lost(card: dict) -> float:
        """Of what a training takes: words come first in one that starts anew, and a focus prefers its words and silence."""
        focus = re.findall(r"--focus ([a-z ]+) --", card["command"])
        seen, shares = Focus(d, focus[0].split() if focus else ()), []
        for k in range(1, 51):
            y = forget(d.y, drop, g, 0.0 if "start" in card else rate(k / 50))
            shares.append(float((seen.choose(d.x, y, len(y) // seen.each, g)[1] < 0).all(1).double().mean()))
        return mean(shares)

    shown = [card["steps"] * card["batch"] for card in cards]
    part = sum(n * lost(card) for n, card in zip(shown, cards, strict=True)) / sum(shown)
    assert round(1 / part) == said and {sum(v >= 0 for v in row) for row in understood("10-drop-code")} == {6}


def understood(cell: str) -> list[list[int]]:
    """What the prompts of a cell's code say, as numbers."""
    return [
        understand(t).y(1)[0].tolist() for t in re.findall(r'understand\("([^"]+)"\)', "".join(CELLS[cell]["source"]))
    ]


def dice_are_uneven() -> None:
    """What is not said: not every thing has its values equally often, at w = 1 as the cell says."""
    even = found("spread", "nothing, w = 1")
    assert min(even.values()) < 0.99 and set(even) == set(TOLD)


def avoided_above_one() -> None:
    """At w = 1 the negative answer is not in the line, at 0 it is the whole of it, between them the line leads towards it."""
    says = torch.tensor([3.0, 1.0, 0.0])  # told what is wished, told what shall not be there, untold
    asked = lambda w: guided(lambda x, t, y: says[y], torch.tensor([0]), w, torch.tensor([1]))(torch.zeros(1), 1).item()
    assert [asked(w) for w in (0.0, 1.0)] == [1.0, 3.0] and 1 < asked(0.5) < 3 < asked(2.0) < asked(5.0)


def named_combination_is_held_out() -> None:
    (words,) = re.findall(r"say \*a ([^*]+)\*", text(CELLS["10-held"]))
    (spec,) = understand(words.replace("curled up", "curled")).readings
    assert len(spec) == 6 and held_out(spec)


def held_out_are_drawn() -> None:
    """Nearly as often right as the others: an interval (95 %) of the difference holds zero."""
    new, old = (found("held_out", k, "factors") for k in ("held_out", "trained"))
    assert all(new[k]["n"] == old[k]["n"] for k in TOLD)  # as many cats and flowers
    new, old = (found("held_out", k, "whole") for k in ("held_out", "trained"))
    far = 1.96 * sum(k["share"] * (1 - k["share"]) / k["n"] for k in (new, old)) ** 0.5
    assert abs(old["share"] - new["share"]) < far and new["share"] > 0.75 * old["share"] and new["n"] == old["n"]


def more_is_obeyed() -> None:
    """No loss of recall is shown: an interval of the change, seed by seed, does not lie below zero."""
    recall = [[row["recall"] for row in found("trade", "rows") if row["w"] == w] for w in (1.0, 3.0)]
    assert student([b - a for a, b in zip(*recall, strict=True)])[1] >= 0
    assert trade(1.0, "obeyed") < trade(3.0, "obeyed") and trade(1.0, "obeyed") < 1


def cats_at(sigma: float) -> dict:
    """Of cats, noised to sigma, and back."""
    (row,) = (r for r in found("limits", "rows") if (r["species"], r["sigma"]) == ("cat", sigma))
    assert row["obeyed"]["2"]["eyes"]["n"] == found("limits", "captions") * found("limits", "n")
    return row


def least(name: str, how: str, values: int) -> float:
    """How often the word is right that fails most, which is this one; so many values it has, to guess from."""
    shares = {k: factor["share"] for k, factor in found("obeyed", "2", how, "factors").items()}
    assert min(shares, key=shares.get) == name and len(TOLD[name]) == values
    assert how == "captions" or shares["eyes"] == shares[name]  # both are named
    return shares[name]


MEASURED = {
    "10-play": size,
    "10-weight-intro": lambda: [str(len(comparing.WEIGHTS) * int(default(lesson10.by_weight, "steps")))],
    "10-spread": lambda: [
        re.search(pattern, (ROOT / "benchmarks" / "words.py").read_text("utf-8"))[1]
        for pattern in (r"\[spec\] \* (\d+)", r"SPREAD_CALLS = (\d+)")
    ],
    "10-scores": lambda: [default(lesson10.two_scores, "t"), str(comparing.two_classes().schedule.T)],
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
        f"{found('obeyed', '2', 'captions', 'whole', 'n'):,}",
        str(drawing.CALLS),
    ],
    "10-obeyed-after": lambda: [
        *percent(*(found("obeyed", w, "captions", "all", "share") for w in "213"), digits=1),
        *percent(least("eyes", "captions", 5), least("pattern", "one word", 4)),
        *(f"{found('frechet', f'w = {w}') / found('frechet', 'floor'):.1f}" for w in (2, 1)),
        *(f"{took()[key]:.0f}" for key in ("median", "first frame")),
        *learned_for("sprites32"),
    ],
    "10-obeyed-why": lambda: [
        str(found("limits", "captions") * found("limits", "n")),
        "2",
        *percent(*(cats_at(sigma)["obeyed"]["2"]["eyes"]["share"] for sigma in (1.0, 5.0))),  # alpha_bar 0.5 and 0.04
        f"{cats_at(1.0)['network'] / cats_at(1.0)['others']:.1f}",
        f"{found('limits', 'others'):,}",
    ],
    "10-held-reveal": lambda: [
        *percent(*(found("held_out", k, "whole", "share") for k in ("held_out", "trained"))),
        str(found("held_out", "trained", "whole", "n")),
    ],
    "10-service-text": lambda: [str(sum(map(len, TOLD.values())))],
}


def last_trainings() -> None:
    """The trainings of these weights that had a focus had it on eyes, but the last one on two patterns as well; these are the weights that ship."""
    assert took()["threads"] == 2
    commands = [card["command"] for card in store.history(store.load("sprites32").card)]
    *before, last = [set(w.split()) for c in commands for w in re.findall(r"--focus ([a-z ]+) --", c)]
    eyes = set(TOLD["eyes"]) - {"open"}
    assert set().union(*before) == eyes and last == eyes | {"tabby", "patched"} and "--focus" in commands[-1]
    assert found("of") == {k: store.load("sprites32").card[k] for k in ("command", "steps", "seconds")}


def eyes_get_lost_late() -> None:
    """Of cats noised to sigma = 5: more than half as many are still lost from sigma = 1 on."""
    lost = {sigma: 1 - cats_at(sigma)["obeyed"]["2"]["eyes"]["share"] for sigma in (1.0, 5.0)}
    assert 0.5 * lost[5.0] < lost[1.0] <= lost[5.0]


def species_hardly_fails() -> None:
    for w, how in (("1", "captions"), ("2", "captions"), ("2", "one word"), ("3", "captions")):
        assert found("obeyed", w, how, "factors", "species", "share") > 0.99


SHOWN = {
    "10-night-reveal": dice_are_uneven,
    "10-drop-after": partial(one_in_some_hears_nothing, 6),
    "10-negative-after": avoided_above_one,
    "10-same-after": species_hardly_fails,
    "10-obeyed-after": last_trainings,
    "10-obeyed-why": eyes_get_lost_late,
    "10-held": named_combination_is_held_out,
    "10-weight-reveal": anything_then_tulips,
    "10-scores-after": classes_crowd,
    "10-held-reveal": held_out_are_drawn,
    "10-trade-after": more_is_obeyed,
}

QUOTED = {"10-service-text": [("Radford et al. 2021", "abstract", "400")]}

PLAIN = {  # minutes, choices of a guess, values of w and of -1, numbers of an example, the name T5
    "10-title": "60",
    "10-told": "1",
    "10-told-after": "1",
    "10-spread": "1 1 0",
    "10-guide": "0 1 0",
    "10-weight-guess": "0 8 0 1 1 3 3 8",
    "10-weight-reveal": "0 1 0 1 1 3 3 8 1",
    "10-scores": "0",
    "10-scores-after": "0 1 1 1 8 1 4",
    "10-trade": "1",
    "10-trade-guess": "1 3",
    "10-trade-intro": "95",
    "10-trade-reveal": "1 3",
    "10-trade-after": "1 3 1",
    "10-same-after": "2 1 0.2 0.6",
    "10-negative-after": "1 1 0",
    "10-obeyed": "2 95",
    "10-obeyed-after": "1 3 1",
    "10-service-text": "5",
    "10-service-map": "20 50",
    "10-ex2": "0 .1 1",
    "10-ex5": "0 1 0.5 1 3",
    "10-talk": "8 10 8 10 10 10 1 1 8 10 10 10 8 10",
    "10-symbols": "1 0 1 2022 5",
}
