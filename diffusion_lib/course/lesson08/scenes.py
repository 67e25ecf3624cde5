"""Lesson 08: what of it anybody may take away."""

from __future__ import annotations

from ...data import load
from ...words import N_
from .. import lesson08
from ..scenes import view


def _islands():
    return load("ring", n=100).modes


CALLS = N_("What more calls of the network buy: 1 to 1,000 of them, for five samplers")
STRAIGHT = N_("Flow matching: three ways from noise to islands, the straight one drawn beside the walks")

SCENES = (
    view("calls", CALLS, lesson08.steps_slider, (0, 4, -1)),
    view("straight", STRAIGHT, lambda: lesson08.straight_path(_islands(), 0.1), (20, 40, -1)),
)
