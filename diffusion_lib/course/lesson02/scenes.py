"""Lesson 02: what of it anybody may take away."""

from __future__ import annotations

from ...data import sprites
from ...diffusion import Schedule
from ...words import N_
from .. import lesson02
from ..scenes import view


def _cat(size: int):
    return sprites(1, size=size, seed=3, species="cat").x


RULERS = N_("Forty steps from a cat to noise, even in the share of picture and even in decibels")
SIZES = N_("The same noise on a small and on a large picture: in the large one it averages out")

SCENES = (
    view("rulers", RULERS, lambda: lesson02.two_rulers(_cat(64)), (20,)),
    view("sizes", SIZES, lambda: lesson02.two_sizes(_cat(32), _cat(128), Schedule.of("cosine", 100)), (60,)),
)
