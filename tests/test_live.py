"""What every live training shares: its budget, its time left, and that there is one at a time."""

import math
from types import SimpleNamespace

import pytest

from diffusion_lib.course import worker
from diffusion_lib.course.live import budget, words
from diffusion_lib.course.worker import only

pytestmark = pytest.mark.usefixtures("one_thread")


def test_one_training_at_a_time():
    heard = []

    def fake(name):
        return SimpleNamespace(halt=lambda: heard.append(f"{name} halted"), join=lambda: heard.append(f"{name} joined"))

    a, b = fake("a"), fake("b")
    only(a), only(b)
    assert heard == ["a halted", "a joined"]
    only(None)
    assert heard[2:] == ["b halted", "b joined"] and not worker._working


@pytest.mark.parametrize("how", [{"steps": 5, "seconds": 5}, {"steps": 0}, {"seconds": -1}, {"seconds": math.inf}])
def test_a_budget_is_one_of_two(how):
    with pytest.raises(ValueError, match=r"steps|seconds"):
        budget(**{"steps": None, "seconds": None, "usual": 7} | how)
    assert budget(None, None, 7) == {"steps": 7} and budget(None, 2.5, 7) == {"seconds": 2.5}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "a few seconds"),
        (7.9, "a few seconds"),
        (12, "about 15 seconds"),
        (59, "about 60 seconds"),
        (150, "about 3 minutes"),
    ],
)
def test_time_left_is_said_as_people_say_it(seconds, said):
    assert words(seconds) == said
