"""Lesson 05: what its notebook shows."""

from .duel import cat_film, step_gan

__all__ = ["cat_film", "step_gan"]
