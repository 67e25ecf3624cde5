"""What the exercises ask, and the slips that people make in them.

An exercise knows the right function and, beside it, the wrong ones: an answer that agrees with a wrong one on every case
gets that slip's own sentence. So a new exercise is data: ``check`` and its tests need no change.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import torch

from .. import diffusion
from ..diffusion import Schedule
from ..words import N_


@dataclass(frozen=True)
class Exercise:
    """What is asked stands in the notebook; here are the right function and the wrong ones. Sentences are marked by N_.

    reference: the right function. cases: from a generator, the argument tuples to compare on (t = 1 and t = T among them).
    slips: {id: (the wrong function, what the learner is told)}; the first that agrees is named. aside: shown under the solution.
    number: the answer is the whole number that reference gives, no function.
    """

    name: str
    reference: Callable
    cases: Callable[[torch.Generator], list[tuple]]
    slips: dict[str, tuple[Callable, str]]
    hints: tuple[str, ...]
    praise: str
    aside: str = ""
    number: bool = False

    @property
    def arguments(self) -> list[str]:
        """The names in the reference's brackets; [] if the answer is a number."""
        return [] if self.number else list(inspect.signature(self.reference).parameters)


# ---------------------------------------------------- cases: T is small, so that answers computed in float32 pass too

SHAPES = (("cosine", 10, (4, 2)), ("linear", 25, (3, 1, 8, 8)), ("sigmoid", 12, (2, 3, 4, 4)))


def gaussian(shape: tuple, g: torch.Generator) -> torch.Tensor:
    """Noise of this shape, in float64."""
    return torch.randn(shape, generator=g, dtype=torch.float64)


def cases_of(order: str, times=lambda T: (1, 2, T // 2, T)):
    """Cases whose arguments are, letter by letter, x: noise, p: a forward path, t: the time, s: the schedule."""

    def case(letter, shape, t, schedule, g):
        if letter == "p":
            return diffusion.forward_path(gaussian(shape, g), schedule, g)
        return {"t": t, "s": schedule}[letter] if letter in "ts" else gaussian(shape, g)

    return lambda g: [
        tuple(case(letter, shape, t, Schedule.of(name, T), g) for letter in order)
        for name, T, shape in SHAPES
        for t in times(T)
    ]


# ---------------------------------------------------- the same formulas with knobs: slips are made of these


def weighted_sum(weights, shift=0, land=-1):
    """A weighted sum of the tensor arguments; weights(alpha_t, alpha_bar_t, alpha_bar_s), tables read `shift` too late."""

    def formula(*args):
        t, schedule = next(a for a in args if isinstance(a, int)), args[-1]
        table, i = schedule.alpha_bar, t + shift
        tensors = [a for a in args if isinstance(a, torch.Tensor)]
        return sum(w * x for w, x in zip(weights(schedule.alpha[i], table[i], table[i + land]), tensors, strict=True))

    return formula


def stops(slip: Callable) -> Callable:
    """Marks a slip whose code stops with an error, as its learner's does. An error of any other slip is a fault of ours."""
    slip.stops = True
    return slip


# ---------------------------------------------------- the exercises: a table, one slip a line, so it is not wrapped
# fmt: off

ROOTS = N_("It looks as if both square roots are missing: multiplying by a weight w changes a variance by w squared, so the weight is the root of the variance.")
EARLY = N_("It looks as if the table is read one place too early: it has a place for t = 0, so what belongs to t stands at [t], not at [t - 1].")
LATE = N_("It looks as if the table is read one place too late: it has a place for t = 0, so what belongs to t stands at [t], not at [t + 1].")
