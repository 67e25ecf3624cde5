"""The ruler of the ladder: a pyramid of details, distances at each level, and how different samples are."""

import math
from functools import partial

import pytest
import torch

from diffusion_lib.evaluation import pyramid
from diffusion_lib.evaluation.pyramid import Ruler, diversity, laplacian, pyramid_distances, real_pictures

pytestmark = pytest.mark.usefixtures("one_thread")

# ---------------------------------------------------------------------------------------- the ladder's ruler


@pytest.mark.heavy
def test_the_pyramid_adds_up_and_knows_equals():
    x = real_pictures(32, 5, 8)[0]
    fine, middle, rest = laplacian(x)
    up = torch.nn.functional.interpolate
    twice = partial(up, scale_factor=2.0, mode="bilinear")
    torch.testing.assert_close(twice(twice(rest) + middle) + fine, x)
    few, other = real_pictures(16, 5, 40)[0], real_pictures(16, 6, 40)[0]
    # of the same pictures other patches: nearly 0, and less than of other pictures
    assert sum(pyramid_distances(few, few)) < 0.8 * sum(pyramid_distances(other, few))
    with pytest.raises(ValueError, match="equally large"):
        pyramid_distances(x, x[:4])


@pytest.mark.heavy
def test_each_level_sees_its_own_damage():
    x, _ = real_pictures(32, 5, 40)
    soft = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(x, 2), scale_factor=2.0)
    fine, middle, _ = pyramid_distances(soft, x)
    assert fine > 3 * middle
    tinted = pyramid_distances((x + 0.5).clamp(-1, 1), x)
    assert tinted[-1] > tinted[0]


@pytest.mark.heavy
def test_the_ruler_puts_real_at_one_and_noise_at_the_end():
    ruler = Ruler(16, 48)
    fresh, y = real_pictures(16, 77, 48)
    good = ruler.judge(fresh, y)
    assert 0.5 < good["distance"] < 1.7 and not good["fails"] and 0.7 < good["diversity"] < 1.3
    assert ruler.judge(torch.randn(fresh.shape).clamp(-1, 1), y)["fails"]
    one = fresh[:2].repeat(24, 1, 1, 1)
    assert diversity(one, y) == 0 and ruler.judge(one, y)["fails"]
    assert ruler.judge(fresh * math.nan, y)["fails"]


def test_diversity_is_within_classes():
    x = torch.stack([torch.full((3, 4, 4), float(k % 2)) for k in range(6)])
    assert pyramid.diversity(x, torch.arange(6) % 2) == 0 and pyramid.diversity(x, torch.zeros(6)) > 0.4
