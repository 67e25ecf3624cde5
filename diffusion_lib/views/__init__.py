"""The interactive lessons: films of the two processes, and the few buttons that make a new film.

Each function computes everything once and hands it to a FramePlayer; the browser does the rest. Only a choice that needs
new numbers (a picture of your own, fresh noise, another eta) goes back to the kernel, on whatever thread that calls us.
"""

from .denoisers import bound, network_or_perfect, three_questions, variances
from .forward import chain_log_probability, explore_forward, ink, steps_or_jump
from .own import copies, fine_tune, own_pictures
from .reverse import ancestors, few_steps, is_it_gaussian, memory, step_reverse
from .schedules import RAW, explore_schedule, picture_test, schedule_test, two_rulers, two_sizes
from .training import watch

__all__ = [
    "RAW",
    "ancestors",
    "bound",
    "chain_log_probability",
    "copies",
    "explore_forward",
    "explore_schedule",
    "few_steps",
    "fine_tune",
    "ink",
    "is_it_gaussian",
    "memory",
    "network_or_perfect",
    "own_pictures",
    "picture_test",
    "schedule_test",
    "step_reverse",
    "steps_or_jump",
    "three_questions",
    "two_rulers",
    "two_sizes",
    "variances",
    "watch",
]
