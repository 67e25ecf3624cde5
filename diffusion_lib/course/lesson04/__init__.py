"""Lesson 04: what its notebook shows."""

from ..lesson03 import step_reverse
from .denoisers import bound, network_or_optimal, three_questions, variances
from .own import copies, fine_tune, own_pictures
from .training import watch

__all__ = ["bound", "copies", "fine_tune", "network_or_optimal", "own_pictures", "step_reverse", "three_questions"]
__all__ += ["variances", "watch"]
