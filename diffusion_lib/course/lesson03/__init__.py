"""Lesson 03: what its notebook shows."""

from .stepper import step_reverse
from .views import ancestors, few_steps, is_it_gaussian, memory

__all__ = ["ancestors", "few_steps", "is_it_gaussian", "memory", "step_reverse"]
