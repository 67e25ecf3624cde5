"""Lesson 05: what its notebook shows."""

from .cats import cat_film
from .duel import step_gan

__all__ = ["cat_film", "step_gan"]
