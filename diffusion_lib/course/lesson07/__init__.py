"""Lesson 07: what its notebook shows."""

from .blind import blind_spots
from .collecting import album, album_table
from .live_race import bet, live_arena
from .recorded import across, ledger, many_samples, quality, recorded_arena, verdict

__all__ = ["across", "album", "album_table", "bet", "blind_spots", "ledger", "live_arena", "many_samples", "quality"]
__all__ += ["recorded_arena", "verdict"]
