"""Lesson 08: what its notebook shows."""

from ..lesson03 import arrows
from .clouds import same_cloud
from .counts import one_noise, steps_slider
from .straight import straight_path
from .verdicts import answers_table, parity_table

__all__ = ["answers_table", "arrows", "one_noise", "parity_table", "same_cloud", "steps_slider", "straight_path"]
