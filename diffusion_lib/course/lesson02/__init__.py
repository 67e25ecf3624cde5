"""Lesson 02: what its notebook shows."""

from .views import explore_schedule, picture_test, schedule_test, two_rulers, two_sizes

__all__ = ["explore_schedule", "picture_test", "schedule_test", "two_rulers", "two_sizes"]
