"""Lesson 01."""

import math

import torch

from diffusion_lib.course import lesson01 as views
from diffusion_lib.data import sprites
from diffusion_lib.diffusion import Schedule

from . import code, default, percent


def left(of: Schedule) -> float:
    """The share of the contrast that is left at T."""
    return math.sqrt(of.alpha_bar[-1])


def cosine() -> Schedule:
    return Schedule.of("cosine", 1000)


def unfinished() -> Schedule:
    low, high, T = (
        float(code("01-break-play", rf"linspace\({p}"))
        for p in (r"([\d.]+)", r"[\d.]+, ([\d.]+)", r"[\d.]+, [\d.]+, (\d+)")
    )
    return Schedule.from_beta(torch.linspace(low, high, int(T)))


def spoiled() -> str:
    return f"{int(default(views.steps_or_jump, 'n')):,}"


MEASURED = {
    "01-explore-after": lambda: ["1000", *percent(left(cosine())), "0"],
    "01-step-reveal": lambda: [f"{math.sqrt(0.01):g}", "0.01", "0.1"],
    "01-shrink": lambda: ["1", "1", f"{sprites(1, size=64, seed=3, species='cat').x.var():.2f}", "1"],
    "01-jump-look": lambda: [code("01-jump-play", r"\(([\d.]+),"), spoiled()],
    "01-jump-after": lambda: [spoiled()],
    "01-break-after": lambda: [
        *percent(left(unfinished())),
        f"{unfinished().alpha_bar[-1]:.2f}",
        f"{left(unfinished()):.2f}",
    ],
    "01-talk": lambda: [*percent(left(cosine())), *percent(1 - left(cosine()) ** 2, digits=2), "1000", "0"],
}

QUOTED = {
    "01-break-schedule": [("Ho, Jain, Abbeel 2020", "section 4", "1000 0.0001 0.02")],
    "01-symbols": [("Ho, Jain, Abbeel 2020", "equations 2 and 4", "2 4")],
}

PLAIN = {
    "01-title": "0 1000 45",
    "01-step": "1",
    "01-step-guess": "0.01 0.01 0.1 0.99",
    "01-step-code": "0 1",
    "01-jump-guess": "700 700 1",
    "01-jump-intro": "700 700",
    "01-jump": "1 1 0",
    "01-jump-reveal": "1 1",
    "01-chain-guess": "1",
    "01-chain-math": "8 8",
    "01-chain-after": "1 1",
    "01-break": "1",
    "01-break-schedule": "50",
    "01-ex3": "1",
    "01-ex4": "1",
    "01-ex-between": "0 1",
    "01-summary": "1 1",
    "01-symbols": "1 1",
}
