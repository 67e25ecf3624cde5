"""Lesson 03: what its notebook shows."""

from .field import arrows
from .stepper import step_reverse
from .views import ancestors, few_steps, is_it_gaussian, memory

__all__ = ["ancestors", "arrows", "few_steps", "is_it_gaussian", "memory", "step_reverse"]
