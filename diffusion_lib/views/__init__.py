"""The interactive lessons: films of the two processes, and the few buttons that make a new film.

Each function computes everything once and hands it to a FramePlayer; the browser does the rest. Only a choice that needs
new numbers (a picture of your own, fresh noise, another eta) goes back to the kernel, on whatever thread that calls us.
"""

from .blind import blind_spots
from .collapse import collapse_lab
from .denoisers import bound, network_or_perfect, three_questions, variances
from .duel import cat_film, step_gan
from .failing import bilinear, circling, cures, cures_table, slope_factors, winning
from .forward import chain_log_probability, explore_forward, ink, steps_or_jump
from .own import copies, fine_tune, own_pictures
from .reverse import ancestors, few_steps, is_it_gaussian, memory, step_reverse
from .rungs import climb, ladder, ladder_table
from .schedules import RAW, explore_schedule, picture_test, schedule_test, two_rulers, two_sizes
from .training import watch

__all__ = [
    "RAW",
    "ancestors",
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
    "explore_forward",
    "explore_schedule",
    "few_steps",
    "fine_tune",
    "ink",
    "is_it_gaussian",
    "ladder",
    "ladder_table",
    "memory",
    "network_or_perfect",
    "own_pictures",
    "picture_test",
    "schedule_test",
    "slope_factors",
    "step_gan",
    "step_reverse",
    "steps_or_jump",
    "three_questions",
    "two_rulers",
    "two_sizes",
    "variances",
    "watch",
    "winning",
]
