"""What the exercises say when an answer is right: exercise -> numbers, as in the other modules."""

import math

from diffusion_lib.course.checking import exercises
from diffusion_lib.course.lesson13.exercises import centimetres, letters
from diffusion_lib.evaluation.metrics import wilson

SAID = {name: f"{e.praise} {e.aside}" for name, e in exercises().items()}


def share(db: float) -> str:
    return f"{1 / (1 + 10 ** (-db / 10)):.2f}"


def failures_at_most(share: float) -> str:
    """How many runs without a failure show that at most this share fails: the upper end of Wilson's interval for 0 of n."""
    return str(next(n for n in range(1, 1000) if wilson(0, n)[1] <= share))


def sigmoid(score: float) -> str:
    return f"{1 / (1 + math.exp(-score)):.5f}"


MEASURED = {
    "02.db": lambda: ["0", "10", "10", share(-10), "20", share(-20)],
    "05.d_loss": lambda: ["4", f"{math.log(4):.3f}"],
    "06.vanish": lambda: ["10", sigmoid(-10), sigmoid(10)],
    "07.wilson": lambda: ["0", "5", f"{100 * wilson(0, 5)[1]:.0f}", "0", "10", f"{100 * wilson(0, 10)[1]:.0f}"],
    "13.centimetres": lambda: ["1,600", f"{centimetres(1600, 200):.0f}", "200", f"{centimetres(1600, 300):.1f}", "300"],
    "13.letters": lambda: ["11", "8", f"{letters(11, 8, 360):.0f}", "360"],
    "07.enough": lambda: [failures_at_most(0.10), "10", "95", failures_at_most(0.05), "5"],
}
QUOTED = {"05.smooth": [("Salimans et al. 2016", "section 3.4", "0 0")]}
PLAIN = {
    "01.step": "1 1",
    "01.chain": "0",
    "01.between": "0 1",
    "01.noise": "0",
    "03.bell": "2",
    "06.modes": "3",
    "04.error": "1",
    "04.forgotten": "1 0 1 2 0",
    "06.kl": "0 1 2 0",
    "06.ahead": "0 1",
    "07.coverage": "1",
    "08.look_back": "3 2 1 2",
    "09.kl": "0",
    "09.dial": "0.5 1",
    "10.guide": "1",
    "10.avoid": "1",
    "10.middle": "1 0.5 1 3 1.2 1",
    "13.contrast": "4.5 3 21",
}
