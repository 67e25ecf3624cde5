"""The pad: what is drawn on it becomes data, whatever a browser may send."""

import math

import pytest
import torch
from torch import Tensor

from diffusion_lib import ddpm
from diffusion_lib.course import cloud, lesson04, lesson05
from diffusion_lib.course.cloud import BLUR, EXAMPLES, FEWEST, Cloud


def test_strokes_are_points_in_the_order_in_which_they_were_drawn():
    pad = Cloud()
    assert pad.points.shape == (0, 2)
    pad.strokes = [[0.1, 0.2, -0.3, 0.4], [], [1.0, -1.0]]
    assert torch.allclose(pad.points, torch.tensor([[0.1, 0.2], [-0.3, 0.4], [1.0, -1.0]]))


def test_what_no_pad_would_send_does_no_harm():
    pad = Cloud()
    pad.strokes = [[0.1, 0.2, 0.3], [math.nan, 0.5, 7.0, -7.0]]  # half a point, no number, outside
    assert torch.allclose(pad.points, torch.tensor([[0.1, 0.2], [1.0, -1.0]]))
    pad.strokes = [[0.0] * 2 * (cloud.MOST + 50)]
    assert len(pad.points) == cloud.MOST


def test_points_can_be_put_there():
    pad, points = Cloud(cloud.heart(40)), cloud.heart(40)
    assert len(pad.strokes) == 1 and torch.allclose(pad.points, points, atol=6e-4)
    pad.show(torch.zeros(0, 2))
    assert pad.strokes == []


def test_data_are_the_points_a_little_blurred_centred_and_of_variance_1():
    pad = Cloud(torch.tensor([[0.5, 0.5], [0.5, -0.5]]).repeat(FEWEST, 1))
    d = pad.data(3000, seed=3)
    assert d.x.shape == (3000, 2) and d.x.dtype == torch.float32 and d.name == "your drawing" and d.y is None
    assert torch.allclose(d.x.mean(0), torch.zeros(2), atol=1e-5) and d.x.var(0).mean() == pytest.approx(1, abs=1e-4)
    up = d.x[d.x[:, 1] > 0]
    scale = 1 / (2 * BLUR**2 + 0.25) ** 0.5 * 2**0.5  # of the pad, so that the mean variance is 1
    assert up.std(0).mean() == pytest.approx(scale * BLUR, rel=0.1) and abs(len(up) - 1500) < 150
    assert torch.equal(pad.data(3000, seed=3).x, d.x) and not torch.equal(pad.data(3000, seed=4).x, d.x)


def test_too_little_is_said_in_a_sentence():
    pad = Cloud(torch.zeros(FEWEST - 1, 2))
    with pytest.raises(
        ValueError, match=f"Draw a little more: at least {FEWEST} points are needed, and there are {FEWEST - 1}"
    ):
        pad.data()
    pad.show(torch.zeros(FEWEST, 2))  # all on one place: the blur alone can be learned
    assert pad.data().x.isfinite().all()


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_one_may_begin_with_lies_on_the_pad(name):
    points: Tensor = EXAMPLES[name]()
    assert points.ndim == 2 and points.shape[1] == 2 and (not len(points) or 0.5 < points.abs().max() <= 1.05)
    assert (len(points) >= FEWEST) == (name != "nothing") and len(points) <= cloud.MOST


def test_a_drawing_is_data_for_the_views_of_other_lessons(at_once):
    """As the tour's text says: lesson 05's buttons, lesson 04's training (lesson 07's race: test_lesson07)."""
    drawn = Cloud(cloud.heart()).data(300)
    duel = lesson05.step_gan(drawn)
    assert duel.data is drawn and duel.pair.x is drawn.x
    assert lesson04.watch(*ddpm.build(drawn), drawn, steps=2, n=10).state == "done"
