"""Lesson 05."""

import math
from functools import cache
from statistics import median

import torch
from torch.nn.utils import parameters_to_vector

from diffusion_lib import data, gan, store
from diffusion_lib.course.lesson05 import duel
from diffusion_lib.course.lesson05.looks import Points
from diffusion_lib.course.lesson05.pair import Pair

from . import code


@cache
def strong(loss: str) -> dict[str, float]:
    """The strong D of section 8, as its buttons work: the median pull at first, when D has won and in 350 steps after that (as
    usual, and at last), and how far G went."""
    pair = Pair(data.load("ring"), loss=loss, waves=5)
    weights = lambda: parameters_to_vector(pair.g.model.parameters()).detach().clone()
    pull = lambda: float(pair.arrows(Points.n_arrows).norm(dim=1).median())
    found, right, before = {"first": pull()}, [], weights()
    while len(right) < duel.PATIENCE and not (right and sum(right[-4:]) / 4 > duel.WINS):
        for _ in range(4):
            pair.draw()
            pair.teach()
            right.append((pair.caught + pair.trusted) / 2)
    found["won"] = pull()
    pulls = []
    for _ in range(7):
        pair.repeat(50)
        pulls.append(pull())
    # as usual: a fake that meets an island is pulled hard for a while, when is the dice's affair
    return found | {"usual": median(pulls), "last": pulls[-1], "moved": float((weights() - before).norm())}


def too_little() -> list[str]:
    """Of the minimax loss: its pull beside the other's when D has won, and a bound for later; G's weights still go as far."""
    minimax, other = strong("minimax"), strong("non-saturating")
    assert minimax["usual"] < 0.25 * minimax["won"] and minimax["moved"] > 0.8 * other["moved"], (minimax, other)
    # what is later seen, of three seeds: test_lesson_steps
    return [f"{minimax['won']:.1f}", f"{other['won']:.1f}", "2,000"]


def too_much() -> list[str]:
    assert strong("non-saturating")["last"] > 20
    return ["1,000", f"{strong('non-saturating')['first']:.1f}", "20"]


def cats() -> list[str]:
    many, size = code("05-cats-play", r"sprites\((\d+)"), code("05-cats-play", r"size=(\d+)")
    return [f"{int(many):,}", size, size, str(store.load("cat_g_early").card["steps"]), "5", "600"]


MEASURED = {
    "05-step": lambda: [code("05-step-nets", r"batch=(\d+)"), "2", "0"],
    "05-best-after": lambda: [f"{Points.n_density:,}"],
    "05-cats": cats,
    "05-film-after": lambda: [f"{store.load('cat_g').card['seconds'] / 60:.0f}"],
    "05-break-strong": too_much,
    "05-break-saturate": too_little,
    "05-talk": lambda: [f"{math.log(4):.3f}", f"{math.log(2):.3f}", "4", "2", "0"],
}


def wiped_without_a_cut() -> None:
    """One step of both, with and without detach, leaves the same weights."""
    after = []
    for cut in (True, False):
        _, parts = gan.build(data.load("moons", n=200), loss="non-saturating", batch=16, seed=0)
        (g, d), loss, dice = parts.learners, gan.LOSSES["non-saturating"], torch.Generator().manual_seed(0)
        g.set_rate(1.0), d.set_rate(1.0)
        real, fake = torch.randn(16, 2, generator=dice), g.model(g.model.noise(16, dice))
        for learner, x in ((d, fake.detach() if cut else fake), (g, g.model(g.model.noise(16, dice)))):
            scores = d.model(real), d.model(x)
            learner.optimizer.zero_grad()
            (loss.d if learner is d else loss.g)(*scores).backward()
            learner.optimizer.step()
        after.append(parameters_to_vector(g.model.parameters()).detach())
    assert torch.equal(*after)


SHOWN = {"05-detach-after": wiped_without_a_cut}

QUOTED = {"05-symbols": [("Goodfellow et al. 2014", "equation 1, algorithm 1, proposition 1 and section 3", "1 1 1")]}

PLAIN = {
    "05-title": "60",
    "05-play": "1 2 3 3 25",
    "05-loss-guess": "6",
    "05-loss-reveal": "1 1 0 0",
    "05-best-guess": "0 1 2 1",
    "05-best-formula": "999",
    "05-best-reveal": "1 2 1 2 4 2",
    "05-cats-after": "4",
    "05-film": "20",
    "05-ex-smooth": "1 0",
}
