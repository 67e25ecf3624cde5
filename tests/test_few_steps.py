"""The rules of `benchmarks/few_steps.py`: times even in a root of sigma, and a walk along times of one's own."""

import few_steps
import pytest
import torch
from small import denoiser

from diffusion_lib import ddpm

pytestmark = pytest.mark.usefixtures("one_thread")


def test_times_of_one_s_own_are_walked_as_draw_walks_its_own():
    model = denoiser((1, 8, 8), classes=10)
    y, times = torch.arange(4), model.schedule.times(3, "snr")
    want = torch.cat(list(ddpm.draw(model, 4, 3, sampler="dpmpp_2m", y=y, seed=5)))
    assert torch.equal(few_steps.spaced(model, times, 4, y, seed=5), want)
