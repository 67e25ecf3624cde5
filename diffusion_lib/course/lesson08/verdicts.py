"""Lesson 08, what was measured: four answers of one network, and ten calls against 250 steps."""

from __future__ import annotations

from statistics import mean

from ...evaluation.metrics import student
from ...evaluation.records import read
from ...values import choice
from ...viz.tables import Table, table
from ...words import N_, _

ASKED = {"eps": "ε", "x0": "x₀", "v": "v", "flow": "ε − x₀", "straight": N_("ε − x₀, schedule flow")}
SCORES = {"ring": "high_quality", "digits": "frechet"}


def scores(place: str, answer: str, calls: str) -> list[float]:
    """Of each seed: the share of points on an island ("ring"), or the Frechet distance ("digits")."""
    runs = read("few_steps")["answers"]["runs"]
    return [r[calls][SCORES[place]] for r in runs if (r["place"], r["answer"]) == (place, answer)]


def answers_table(place: str) -> Table:
    """The same network asked for eps, x0, v and flow, as many steps of training each, walked by DDIM with few calls and more:
    mean over the seeds and its 95 % interval (Student's). place: "ring" (share on an island) or "digits" (Frechet distance)."""
    choice(place, SCORES, "There is no table of answers for")
    form = ".1%" if place == "ring" else ".1f"
    calls = [k for k in read("few_steps")["answers"]["runs"][0] if k.isdigit()]

    def cell(answer: str, count: str) -> str:
        found = scores(place, answer, count)
        low, high = student(found)
        return f"{mean(found):{form}} ({low:{form}} … {min(high, 1.0) if place == 'ring' else high:{form}})"

    head = [_("asked for"), *(_("{n} calls").format(n=k) for k in calls)]
    return table(head, [[_(said), *(cell(answer, k) for k in calls)] for answer, said in ASKED.items()])


PLACES = {"digits": N_("digits"), "mnist": N_("mnist"), "sprites32": N_("sprites")}


def parity_table() -> Table:
    """Frechet distance of 250 DDPM steps and of each sampler with ten calls; the row of real pictures is the floor."""
    book = read("few_steps")["parity"]
    found = {place: book[place] for place in PLACES}
    head = [_("Fréchet distance"), *(_(PLACES[p]) for p in found)]
    numbers = {_("ddpm, 250 calls"): [f["ddpm_250"] for f in found.values()]}
    for s in next(iter(found.values()))["at_10"]:
        numbers[_("{name}, 10 calls").format(name=s)] = [f["at_10"][s] for f in found.values()]
    numbers[_("dpmpp_2m, 10 calls, Karras times")] = [f["dpmpp_2m_karras"]["frechet"] for f in found.values()]
    numbers[_("real pictures")] = [f["floor"] for f in found.values()]
    rows = [[name, *(f"{v:.1f}" for v in row)] for name, row in numbers.items()]
    return table(head, rows, quiet=[_("real pictures")])
