"""Lesson 01: what its notebook shows."""

from .views import chain_log_probability, explore_forward, ink, steps_or_jump

__all__ = ["chain_log_probability", "explore_forward", "ink", "steps_or_jump"]
