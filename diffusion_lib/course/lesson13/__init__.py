"""Lesson 13: what its notebook shows."""

from .form import studio
from .looking import article, article_commands, film_sizes, on_a_phone, other_eyes

__all__ = ["article", "article_commands", "film_sizes", "on_a_phone", "other_eyes", "studio"]
