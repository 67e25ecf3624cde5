"""Lesson 07: what its notebook shows."""

from ...evaluation.records import race_book
from .blind import blind_spots
from .live_race import bet, live_arena
from .recorded import across, ledger, many_samples, quality, recorded_arena, verdict
from .scores import seconds_to

__all__ = [
    "across",
    "bet",
    "blind_spots",
    "ledger",
    "live_arena",
    "many_samples",
    "quality",
    "race_book",
    "recorded_arena",
    "seconds_to",
    "verdict",
]
