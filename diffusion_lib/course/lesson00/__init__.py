"""Lesson 00: what its notebook shows. (What its sentence becomes is lesson 10's box.)"""

from .drawn import draw_and_learn
from .leap import side_by_side
from .standing import progress

__all__ = ["draw_and_learn", "progress", "side_by_side"]
