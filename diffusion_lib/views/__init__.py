"""The interactive lessons: films of the two processes, and the few buttons that make a new film.

Each function computes everything once and hands it to a FramePlayer; the browser does the rest. Only a choice that needs
new numbers (a picture of your own, fresh noise, another eta) goes back to the kernel, on whatever thread that calls us.
"""

from .forward import chain_log_probability, explore_forward, ink, steps_or_jump
from .reverse import ancestors, few_steps, is_it_gaussian, memory, step_reverse
from .schedules import RAW, explore_schedule, picture_test, schedule_test, two_rulers, two_sizes

__all__ = [
    "RAW",
    "ancestors",
    "chain_log_probability",
    "explore_forward",
    "explore_schedule",
    "few_steps",
    "ink",
    "is_it_gaussian",
    "memory",
    "picture_test",
    "schedule_test",
    "step_reverse",
    "steps_or_jump",
    "two_rulers",
    "two_sizes",
]
