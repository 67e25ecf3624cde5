"""Lesson 09: what its notebook shows."""

from .blurring import kept, lost_table, s_table, sharpness, why_blurred
from .copying import disguises, is_it_a_copy
from .latents import halfway_table, latent_map, midpoint_table, straight_or_round, unfold, walks

__all__ = ["disguises", "halfway_table", "is_it_a_copy", "kept", "latent_map", "lost_table", "midpoint_table"]
__all__ += ["s_table", "sharpness", "straight_or_round", "unfold", "walks", "why_blurred"]
