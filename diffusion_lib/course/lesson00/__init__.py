"""Lesson 00: what its notebook shows. (What its sentence becomes is lesson 10's box.)"""

from .leap import side_by_side

__all__ = ["side_by_side"]
