"""The interactive lessons: films of the two processes, and the few buttons that make a new film.

Each function computes everything once and hands it to a FramePlayer; the browser does the rest. Only a choice that needs
new numbers (a picture of your own, fresh noise, another eta) goes back to the kernel, on whatever thread that calls us.
"""

from .arena import bet, live_arena
from .blind import blind_spots
from .blurring import kept, lost_table, s_table, sharpness, why_blurred
from .collapse import collapse_lab
from .copying import disguises, is_it_a_copy
from .denoisers import bound, network_or_perfect, three_questions, variances
from .duel import cat_film, step_gan
from .failing import (
    astray,
    bilinear,
    circling,
    cures,
    cures_table,
    motion_table,
    slope_factors,
    tries_table,
    winning,
)
from .forward import chain_log_probability, explore_forward, ink, steps_or_jump
from .latents import (
    halfway_table,
    latent_map,
    midpoint_table,
    recorded_latents,
    seen_and_unseen,
    slerp,
    straight_or_round,
    unfold,
    walks,
)
from .own import copies, fine_tune, own_pictures
from .races import across, ledger, many_samples, quality, race_book, recorded_arena, verdict
from .reverse import ancestors, few_steps, is_it_gaussian, memory, step_reverse
from .rungs import climb, ladder, ladder_table
from .schedules import RAW, explore_schedule, picture_test, schedule_test, two_rulers, two_sizes
from .scores import seconds_to
from .training import watch

__all__ = [
    "RAW",
    "across",
    "ancestors",
    "astray",
    "bet",
    "bilinear",
    "blind_spots",
    "bound",
    "cat_film",
    "chain_log_probability",
    "circling",
    "climb",
    "collapse_lab",
    "copies",
    "cures",
    "cures_table",
    "disguises",
    "explore_forward",
    "explore_schedule",
    "few_steps",
    "fine_tune",
    "halfway_table",
    "ink",
    "is_it_a_copy",
    "is_it_gaussian",
    "kept",
    "ladder",
    "ladder_table",
    "latent_map",
    "ledger",
    "live_arena",
    "lost_table",
    "many_samples",
    "memory",
    "midpoint_table",
    "motion_table",
    "network_or_perfect",
    "own_pictures",
    "picture_test",
    "quality",
    "race_book",
    "recorded_arena",
    "recorded_latents",
    "s_table",
    "schedule_test",
    "seconds_to",
    "seen_and_unseen",
    "sharpness",
    "slerp",
    "slope_factors",
    "step_gan",
    "step_reverse",
    "steps_or_jump",
    "straight_or_round",
    "three_questions",
    "tries_table",
    "two_rulers",
    "two_sizes",
    "unfold",
    "variances",
    "verdict",
    "walks",
    "watch",
    "why_blurred",
    "winning",
]
