"""Lesson 06: what of it anybody may take away."""

from __future__ import annotations

from ...words import N_
from .. import lesson06
from ..scenes import view

CIRCLING = N_("A game of two players that circles round its balance instead of finding it")
LADDER = N_(
    "The same pictures at 8, 16, 32 and 64 pixels, learned by a GAN and by a diffusion model for the same seconds"
)

SCENES = (
    view("circling", CIRCLING, lambda: lesson06.circling(0.2), (30,)),
    view("ladder", LADDER, lesson06.ladder, (1, 3)),
)
