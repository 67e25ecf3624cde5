"""Lesson 00."""

import math
import re

from diffusion_lib import store
from diffusion_lib.course import lesson00

from . import CELLS, LESSONS, benchmark, learned_for, text


def minutes(lesson: str) -> str:
    """How long a lesson is for the reader, as its own first cell says."""
    return re.search(r"About (\d+) minutes", text(CELLS[f"{lesson}-title"]))[1]


def both() -> list[str]:
    """What cat_g and sprites32 have seen, of what size, and for how many minutes."""
    gan, words = (store.load(name) for name in ("cat_g", "sprites32"))
    sizes = [str(v) for net in (gan.shape, words.shape) for v in net[1:]]
    seen = [re.match(r"[\d,]+", gan.card["data"])[0], f"{max(card['items'] for card in store.history(words.card)):,}"]
    return [*sizes, *seen, *learned_for("cat_g"), *learned_for("sprites32")]


def table() -> list[str]:
    """Of each lesson but the tour: minutes, and the processor's seconds of a run."""
    took = benchmark("lessons")["lessons"]
    return [n for lesson in LESSONS[1:] for n in (minutes(lesson[:2]), f"{took[lesson[:2]]['processor_s']:.0f}")]


def both_are_asked_as_often_as_is_said() -> None:
    film = lesson00.side_by_side(n=1, calls=3).film
    assert film["labels"] == ["call 0", "call 1", "call 2", "call 3"]


def begins() -> None:
    """Before the first step G's dots lie close together, diffusion's are spread as noise is; batches have some hundreds."""
    box = lesson00.draw_and_learn()
    g, noise = (e.draw(600).std(0).mean() for e in box.entries.values())
    assert g < 0.2 and 0.8 < noise < 1.2
    assert all(200 <= e.parts.batch <= 600 for e in box.entries.values())


def numbers_of_a_picture() -> list[str]:
    shape = store.load("sprites32").shape
    return [f"{math.prod(shape):,}", *map(str, shape[1:])]


MEASURED = {"00-leap-after": both, "00-lessons": table, "00-pad-after": lambda: ["0.0", *numbers_of_a_picture()]}
QUOTED: dict = {}
PLAIN = {  # minutes, the numbers of steps and of signs
    "00-pad": "32 32",
    "00-loop-after": "1 2 3 4",
    "00-paths": "90 15 01 03 05 07 01 05 06 07 10 03 04 07 08 13 04 10",
}
SHOWN = {"00-leap-reveal": both_are_asked_as_often_as_is_said, "00-pad-after": begins}
