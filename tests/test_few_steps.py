"""The rules of `benchmarks/few_steps.py`: what is compared with what, and a walk along times of one's own."""

import few_steps
import pytest
import torch
from small import denoiser

from diffusion_lib import data, ddpm

pytestmark = pytest.mark.usefixtures("one_thread")


def test_times_of_one_s_own_are_walked_as_draw_walks_its_own():
    model = denoiser((1, 8, 8), classes=10)
    y, times = torch.arange(4), model.schedule.times(3, "snr")
    want = torch.cat(list(ddpm.draw(model, 4, 3, sampler="dpmpp_2m", y=y, seed=5)))
    assert torch.equal(few_steps.spaced(model, times, 4, y, seed=5), want)


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_samples_are_compared_with_what_nobody_has_learned_from(name):
    """Once MNIST's were compared with pictures of which nine in ten had been learned."""
    model, real, others, look, y, _ = few_steps.place_of(name)
    eye = look.args[0]
    learned = data.load(name).split(max(model.card["items"], eye.card["items"]))[0].x
    known = {x.numpy().tobytes() for x in learned}
    assert not any(x.numpy().tobytes() in known for x in real)
    for x in others:  # as many of each class as the samples, and other ones in each throw
        assert len(x) == len(y) and all(p.numpy().tobytes() in known for p in x)
    assert len({x.numpy().tobytes() for x in others}) == few_steps.FLOORS
    named = {p.numpy().tobytes(): int(c) for p, c in zip(data.load(name).x, data.load(name).y, strict=True)}
    counts = torch.bincount(torch.tensor([named[p.numpy().tobytes()] for p in others[0]]), minlength=10)
    assert (counts == len(y) // 10).all()
