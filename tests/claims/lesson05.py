"""Lesson 05."""

import math

from diffusion_lib import store
from diffusion_lib.views import duel

from . import code


def cats() -> list[str]:
    many, size = code("05-cats-play", r"sprites\((\d+)"), code("05-cats-play", r"size=(\d+)")
    return [f"{int(many):,}", size, size, str(store.load("cat_g_early").card["steps"]), "5", "600"]


MEASURED = {
    "05-step": lambda: [code("05-step-nets", r"batch=(\d+)"), "2", "0"],
    "05-best-after": lambda: [f"{duel._Points.n_density:,}"],
    "05-cats": cats,
    "05-film-after": lambda: [f"{store.load('cat_g').card['seconds'] / 60:.0f}"],
    "05-talk": lambda: [f"{math.log(4):.3f}", f"{math.log(2):.3f}", "4", "2", "0"],
}

QUOTED = {
    "05-symbols": [
        ("Goodfellow et al. 2014", "equation 1, algorithm 1, proposition 1 and section 3", "2014 1 1 1"),
        ("Mescheder et al. 2018", "R1, R2", "2018"),
    ],
}

PLAIN = {
    "05-title": "60",
    "05-play": "1 2 3 3 25",
    "05-loss-guess": "6",
    "05-loss-reveal": "1 1 0",
    "05-best-guess": "0 1 2 1",
    "05-best-formula": "999",
    "05-best-reveal": "1 2 1 2 4 2",
    # how far to run, and what is then seen: test_steps (slow suite) runs it
    "05-break-strong": "1,000 0.1 20",
    "05-break-saturate": "1,000",
    "05-film": "20",
    "05-ex-smooth": "1 0",
}
