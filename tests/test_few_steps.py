"""The rules of `benchmarks/few_steps.py`: times even in a root of sigma, and a walk along times of one's own."""

import itertools

import few_steps
import pytest
import torch
from small import denoiser

from diffusion_lib import ddpm
from diffusion_lib.diffusion import Schedule

pytestmark = pytest.mark.usefixtures("one_thread")


def test_karras_times_are_even_in_the_seventh_root_of_sigma():
    table = Schedule.of("cosine", 1000)
    times = few_steps.karras(table, 10)
    assert times[0] == 1000 and times[-2:] == [1, 0] and len(times) == 11
    assert all(t > s for t, s in itertools.pairwise(times))
    a = table.alpha_bar[times[:-1]]
    gaps = (((1 - a) / a) ** (1 / 14)).diff()
    assert (gaps < 0).all() and gaps.std() < 0.05 * gaps.mean().abs()  # as even as whole times can be


def test_every_time_is_taken_where_all_steps_are_asked_for():
    assert few_steps.karras(Schedule.of("cosine", 20), 20) == [*range(20, -1, -1)]
    assert few_steps.karras(Schedule.of("cosine", 20), 1) == [20, 0]


def test_times_of_one_s_own_are_walked_as_draw_walks_its_own():
    model = denoiser((1, 8, 8), classes=10)
    y, times = torch.arange(4), model.schedule.times(3, "snr")
    want = torch.cat(list(ddpm.draw(model, 4, 3, sampler="dpmpp_2m", y=y, seed=5)))
    assert torch.equal(few_steps.spaced(model, times, 4, y, seed=5), want)
