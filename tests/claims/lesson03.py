"""Lesson 03."""

import math

from diffusion_lib import data
from diffusion_lib.course import lesson03 as views
from diffusion_lib.data import mnist
from diffusion_lib.diffusion import Schedule

from . import code, default, numbers, percent


def cats() -> str:
    return code("03-stepper", r"sprites\((\d+), size=32, seed=0")


def haste() -> list[str]:
    """Of the points: how many arrive with the steps named in the text, and how many of real data lie further out than 3 sd."""
    ring = data.load("ring", n=100)
    film = views.few_steps(data.sprites(2, size=8).x, ring.modes, ring.sd, Schedule.of("linear", T=1000), counts=(50,))
    ddpm, ddim = numbers(film.film["captions"][0])[2:4]
    assert ddpm == ddim
    return ["50", ddpm, *percent(math.exp(-(3**2) / 2))]


MEASURED = {
    "03-play-after": lambda: [cats(), str(len(mnist().x)), "1"],
    "03-guess": lambda: [cats()],
    "03-ancestors-guess": lambda: ["30", code("03-stepper", r"T=(\d+)"), *[default(views.ancestors, "n")] * 3],
    "03-memory-guess": lambda: [default(views.memory, "n")] * 2,
    "03-break": lambda: [*"1 2 3 100 12".split(), default(views.few_steps, "n"), str(len(data.load("ring").modes))],
    "03-break-after": haste,
}

QUOTED = {
    "03-guess": [("Karras et al. 2022", "equation 57", "57")],
    "03-symbols": [
        ("Ho, Jain, Abbeel 2020", "equations 1, 6, 7 and 11 and algorithm 2", "1 6 7 11 2"),
        ("Song, Meng, Ermon 2021", "equations 12 and 16", "12 16"),
        ("Karras et al. 2022", "equation 57", "57"),
    ],
}

PLAIN = {
    "03-title": "60",
    "03-play": "1 45",
    "03-loop": "1",
    "03-eta": "0 0 1 0",
    "03-gaussian": "1 1 1",
    "03-gaussian-after": "0",
    "03-logp": "1 0 0",
    "03-memory-after": "0",
    "03-talk": "0",
    "03-symbols": "1 0",
}
