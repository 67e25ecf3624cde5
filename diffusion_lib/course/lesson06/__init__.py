"""Lesson 06: what its notebook shows."""

from .collapse import collapse_lab
from .recipes import (
    astray,
    bilinear,
    circling,
    cures,
    cures_table,
    motion_table,
    slope_factors,
    tries_table,
    winning,
)
from .rungs import climb, ladder, ladder_table

__all__ = [
    "astray",
    "bilinear",
    "circling",
    "climb",
    "collapse_lab",
    "cures",
    "cures_table",
    "ladder",
    "ladder_table",
    "motion_table",
    "slope_factors",
    "tries_table",
    "winning",
]
