"""Lesson 03: what its notebook shows."""

from .views import ancestors, few_steps, is_it_gaussian, memory, step_reverse

__all__ = ["ancestors", "few_steps", "is_it_gaussian", "memory", "step_reverse"]
