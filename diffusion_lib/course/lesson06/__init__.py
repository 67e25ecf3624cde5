"""Lesson 06: what its notebook shows."""

from .collapse import collapse_lab
from .recipes import astray, circling, cures, cures_table, motion_table, tries_table, winning
from .rungs import climb, ladder, ladder_table

__all__ = ["astray", "circling", "climb", "collapse_lab", "cures", "cures_table", "ladder", "ladder_table"]
__all__ += ["motion_table", "tries_table", "winning"]
