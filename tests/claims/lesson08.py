"""Lesson 08."""

import re
from functools import cache
from itertools import product
from statistics import mean

import pytest
import torch

from diffusion_lib import data, store
from diffusion_lib.course import lesson08
from diffusion_lib.course.lesson03.field import apart, score
from diffusion_lib.course.lesson08 import verdicts
from diffusion_lib.diffusion import Schedule
from diffusion_lib.evaluation import records
from diffusion_lib.evaluation.metrics import mode_report, student
from diffusion_lib.oracle import mixture_denoiser
from diffusion_lib.sampling import sample

from . import percent

ISLANDS = data.ring(2)


def film(place: str, sampler: str, calls: int) -> dict:
    """A row of the film's record."""
    book = records.read("few_steps")["film"]
    return book[place]["samplers"][sampler][book["counts"].index(calls)]


def far(sampler: str, calls: int) -> str:
    return f"{film('digits', sampler, calls)['frechet']:.1f}"


def shares(calls: int, *samplers: str) -> list[str]:
    return percent(*(film("points", s, calls)["high_quality"] for s in samplers))


def real() -> list[str]:
    book = records.read("few_steps")["film"]["digits"]
    return [str(book["samples"]), f"{book['real']['frechet']:.1f}"]


def wavers() -> list[str]:
    """DDPM's distance from 20 calls on, at its least and most."""
    book = records.read("few_steps")["film"]
    found = [r["frechet"] for r in book["digits"]["samplers"]["ddpm"] if r["calls"] >= 20]
    return ["20", f"{min(found):.1f}", f"{max(found):.1f}"]


def angles() -> list[str]:
    """The largest mean angle of the arrows' film, and at which times it is above 3 degrees."""
    network = store.load("ring")
    shown = lesson08.arrows(ISLANDS.modes, ISLANDS.sd, network.schedule, network).film
    found = [float(re.search(r"([\d.]+)°", c)[1]) for c in shown["captions"]]
    times = [int(label.split()[-1]) for label in shown["labels"]]
    wide = [t for t, angle in zip(times, found, strict=True) if angle > 3]
    return [f"{max(found):.0f}", str(max(wide)), str(min(wide))]


@cache
def clouds() -> list[str]:
    """Of the film: the clouds' distances, the floor's, and how far apart the points end."""
    exact = lesson08.same_cloud(ISLANDS.modes, 0.1, Schedule.of("linear"))
    found = [[float(v) for v in re.findall(r"\d+\.\d+", c)] for c in exact.film["captions"][1:]]
    between, floor, paths = zip(*found, strict=True)
    ends = [f"{f(v):.2f}" for v in (between, floor) for f in (min, max)]
    return [*ends, f"{paths[-1]:.1f}"]


@cache
def at_other_levels() -> list[str]:
    """Points on an island, of the shipped network: 5 calls at even times and at flow's noise levels, then 20."""
    network, flow, found = store.load("ring"), Schedule.of("flow"), []
    noise = lambda s: (1 / s.alpha_bar - 1).log()
    for calls in (5, 20):
        levels = [
            1 + int((noise(network.schedule)[1:] - noise(flow)[t]).abs().argmin()) for t in flow.times(calls)[:-1]
        ]
        for times in (network.schedule.times(calls), [*levels, 0]):
            xT = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
            *_, last = sample(network, xT, steps=times, sampler="ddim")
            found.append(mode_report(last.xs, ISLANDS.modes, ISLANDS.sd)["high_quality"])
    assert found[0] < 0.5 * found[1]  # "much of that"
    five, twenty = percent(*found[:2]), percent(*found[2:])
    return ["5", *five, "20", *twenty]


def huddled() -> None:
    """With 100 calls nearly all of DDPM's points are on an island, and its islands are narrow."""
    row = film("points", "ddpm", 100)
    assert row["high_quality"] > 0.99 and row["sd_ratio"] < 0.6


def far_from_all_points() -> None:
    """Late in the walk the learned arrows differ more on the lattice than at the points."""
    network = store.load("ring")
    exact = mixture_denoiser(ISLANDS.modes, ISLANDS.sd, network.schedule)
    line = torch.linspace(-2, 2, 15)
    places, g = torch.cartesian_prod(line, line), torch.Generator().manual_seed(0)
    points = data.ring(400).x + ISLANDS.sd * torch.randn(400, 2, generator=g)
    for t in (50, 25):
        gaps = [apart(*(score(m, x, t, network.schedule) for m in (exact, network))) for x in (points, places)]
        assert gaps[1] > gaps[0] + 5


def ratios() -> list[str]:
    """By what twice the steps divide the error between two noise levels: DDIM, then the samplers of second order."""
    from test_sampling import ORDER, landed

    truth = landed("cosine", "heun", 512)
    found = {}
    for name in ORDER:
        errors = [float((landed("cosine", name, n) - truth).abs().mean()) for n in (32, 64)]
        found[name] = round(errors[0] / errors[1])
    assert found["ddim"] == 2 and found["heun"] == found["dpmpp_2m"] == 4 and found["ipndm"] >= 4
    return ["2", "4"]


@cache
def noise() -> dict[str, dict[str, str]]:
    """{sampler: {calls: how far off}} of the film of one noise."""
    shown = lesson08.one_noise(store.load("digits")).film
    calls = [label.split()[0] for label in shown["labels"]]
    return {
        p["title"]: dict(zip(calls, (n.split()[-1] for n in p["notes"]), strict=True)) for p in shown["panels"][:-1]
    }


def off(*places: tuple[str, str]) -> list[str]:
    found = noise()
    worst = max((n for n in found if n != "ddpm"), key=lambda n: float(found[n]["10"]))
    assert worst == "heun"
    return [found[name][calls] for name, calls in places]


def bends() -> list[str]:
    said = lesson08.straight_path(ISLANDS.modes, 0.1).film["captions"][0]
    return re.findall(r"\d\.\d\d", said)[1:]


@cache
def ten_levels(key: str, digits: int = 0) -> list[str]:
    """What the cell of section 6 prints: even in t for three schedules, then even in decibels."""
    xT = torch.randn(1000, 2, generator=torch.Generator().manual_seed(1))
    found = []
    for even in ("t", "snr"):
        for name in ("linear", "cosine", "flow"):
            table = Schedule.of(name)
            best = mixture_denoiser(ISLANDS.modes, ISLANDS.sd, table)
            *_, last = sample(best, xT, steps=table.times(10, even), sampler="ddim")
            found.append(mode_report(last.xs, ISLANDS.modes, ISLANDS.sd)[key])
    return percent(*found) if key == "high_quality" else [f"{v:.2f}" for v in found]


def width_of_real() -> str:
    return f"{records.read('few_steps')['film']['points']['real']['sd_ratio']:.2f}"


def noise_in_islands(t: int) -> str:
    """How many times as wide as an island the noise is at t of the cosine schedule, the picture at full contrast."""
    a = Schedule.of("cosine").alpha_bar[t]
    return f"{float(((1 - a) / a).sqrt()) / ISLANDS.sd:.0f}"


def answers(place: str) -> dict[str, dict[str, list[float]]]:
    """{answer: {calls: the score of each seed}}"""
    return {a: {c: verdicts.scores(place, a, c) for c in ("5", "10", "20", "50")} for a in verdicts.ASKED}


def ahead(place: str, one: str, others: tuple[str, ...], calls: tuple[str, ...], sign: int) -> None:
    """Seed by seed, `one` is better than each of the others: the 95 % interval of the difference leaves 0 out."""
    found = answers(place)
    for other, count in product(others, calls):
        gaps = [sign * (a - b) for a, b in zip(found[one][count], found[other][count], strict=True)]
        assert len(gaps) == 5 and student(gaps)[0] > 0, (place, one, other, count, student(gaps))


def which_answer_is_best() -> None:
    """What the text says of the two tables without a number."""
    every, rest = ("5", "10", "20", "50"), ("eps", "x0", "v", "flow")
    ahead("ring", "straight", rest, every[:3], 1)
    with pytest.raises(AssertionError):
        ahead("ring", "straight", ("v",), ("50",), 1)
    ahead("digits", "x0", ("eps", "v", "flow", "straight"), every, -1)
    for other in ("x0", "v", "flow", "straight"):
        ahead("digits", other, ("eps",), every, -1)


def answered() -> list[str]:
    ring, digits = answers("ring"), answers("digits")
    others = [mean(ring[a]["5"]) for a in ("eps", "x0", "v", "flow")]
    of_points = percent(mean(ring["straight"]["5"]), min(others), max(others))
    return [
        "5",
        "10",
        "20",
        "5",
        *of_points,
        "50",
        *at_other_levels(),
        "10",
        *(f"{mean(digits[a]['10']):.1f}" for a in ("x0", "flow", "straight", "eps")),
    ]


def trained() -> list[str]:
    steps = records.read("few_steps")["answers"]["steps"]
    return [f"{steps['ring']:,}", str(steps["digits"])]


def as_long() -> str:
    """By how many percent the slowest answer's training outlasts the quickest's, in the mean of the seeds, at most."""
    runs = records.read("few_steps")["answers"]["runs"]
    took = lambda p, a: mean(r["processor_s"] for r in runs if (r["place"], r["answer"]) == (p, a))
    each = [[took(p, a) for a in verdicts.ASKED] for p in ("ring", "digits")]
    return f"{100 * max(max(one) / min(one) - 1 for one in each):.0f}"


def parity() -> list[str]:
    """Of digits: ten calls of ipndm, dpmpp_2m and ddim, 250 DDPM steps, the floor, and ten calls of ddpm and heun."""
    found = records.read("few_steps")["parity"]["digits"]
    at = found["at_10"]
    assert max(at[s] for s in ("ipndm", "dpmpp_2m", "ddim")) < found["ddpm_250"] < min(at["ddpm"], at["heun"])
    assert {r["seed"] for r in found["runs"]} == {0, 1, 2, 3, 4}
    numbers = [at["ipndm"], at["dpmpp_2m"], at["ddim"], found["ddpm_250"], found["floor"], at["ddpm"], at["heun"]]
    return [f"{found['samples']:,}", "5", *(f"{v:.1f}" for v in numbers), "250"]


def on_pictures() -> list[str]:
    """Of MNIST and of sprites: which samplers are with ten calls as near as DDPM with 250 (of sprites: among what real ones score); and what Karras times make of dpmpp_2m."""
    book = records.read("few_steps")["parity"]
    m, s, d = (book[p] for p in ("mnist", "sprites32", "digits"))
    assert {name for name, v in m["at_10"].items() if v <= m["ddpm_250"]} == {"dpmpp_2m", "ipndm"}
    assert {b["samples"] for b in (m, s)} == {500}
    assert [len({r["seed"] for r in b["runs"]}) for b in (m, s)] == [2, 1]
    karras = [b["dpmpp_2m_karras"]["frechet"] for b in (d, m, s)]
    assert karras[2] < s["at_10"]["dpmpp_2m"] and max(m["dpmpp_2m_karras"]["runs"]) > m["at_10"]["dpmpp_2m"]
    mnist = [f"{v:.1f}" for v in (m["at_10"]["dpmpp_2m"], m["at_10"]["ipndm"], m["ddpm_250"])]
    real = [f"{f(m['floors']):.0f}" for f in (min, max)]
    real_sprites, drawn = s["floors"], [s["at_10"]["dpmpp_2m"], s["at_10"]["ipndm"], s["ddpm_250"]]
    assert min(real_sprites) < min(drawn) < max(drawn) < max(real_sprites)
    sprites = [f"{v:.0f}" for v in (*drawn, min(real_sprites), max(real_sprites))]
    return ["500", *mnist, *real, "500", *sprites, *(f"{v:.1f}" for v in karras[:2]), f"{karras[2]:.0f}"]


def overhead() -> list[str]:
    """The largest share of a bare network call on 64 digits that a step takes on top; and the race. On MNIST it is too small to be seen."""
    book = records.read("few_steps")
    assert max(book["overhead"]["mnist"]["share"].values()) < 0.01
    races = [book["race"][place] for place in ("digits", "mnist")]
    assert max(r["largest_gap"] for r in races) < 1e-4
    most = max(book["overhead"]["digits"]["share"].values())
    return ["64", *percent(most, digits=1), *(f"{r['ours_over_theirs']:.2f}" for r in races)]


def catches_up() -> None:
    """Of one noise: with 50 calls heun is as near to where it leads as ddim, with 20 it is not."""
    found = noise()
    assert float(found["heun"]["50"]) <= float(found["ddim"]["50"]) and float(found["heun"]["20"]) > float(
        found["ddim"]["20"]
    )


MEASURED = {
    "08-play-reveal": lambda: [far("ddim", 5), "5", far("ddim", 10), "10", far("ddim", 1000), "1,000", *real(), "10"],
    "08-play-after": lambda: [
        "10",
        far("ipndm", 10),
        *shares(10, "ipndm", "dpmpp_2m", "ddim"),
        *wavers(),
        real()[0],
        "100",
    ],
    "08-arrows-after": angles,
    "08-ode-guess": lambda: ["0", "0.5", "1"],
    "08-ode-after": lambda: ["0", "1", *clouds(), "10", far("ddim", 10), far("ddpm", 10)],
    "08-order": ratios,
    "08-noise-reveal": lambda: [
        *off(("heun", "10"), ("ddim", "10"), ("ipndm", "10"), ("ddim", "5")),
        "50",
        *off(("heun", "50")),
    ],
    "08-noise-after": lambda: ["50"],
    "08-parity-after": lambda: [*parity(), *on_pictures()],
    "08-parity-cost": overhead,
    "08-straight-after": bends,
    "08-answers": lambda: [as_long(), "95"],
    "08-answers-after": lambda: [*trained(), *answered()],
    "08-break-after": lambda: [
        *ten_levels("high_quality"),
        width_of_real(),
        ten_levels("sd_ratio")[2],
        ten_levels("sd_ratio")[1],
        "100",
        noise_in_islands(100),
        "1",
        *ten_levels("sd_ratio")[3:],
    ],
}
QUOTED = {"08-symbols": [("Song, Meng, Ermon 2021", "equation 12", "12"), ("Karras et al. 2022", "algorithm 1", "1")]}
PLAIN = {
    "08-title": "70",
    "08-play-guess": "10 100 1,000",
    "08-play-try": "1 1,000 3 1",
    "08-ode": "0 1",
    "08-ode-look": "0 1",
    "08-noise-look": "100",
    "08-parity": "250",
    "08-flow-euler": "0.99",
    "08-flow-same": "10",
    "08-ex2": "0",
    "08-ex-calls": "18",
}
SHOWN = {
    "08-play-after": huddled,
    "08-arrows-after": far_from_all_points,
    "08-noise-after": catches_up,
    "08-answers-after": which_answer_is_best,
}
