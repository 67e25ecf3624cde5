"""Sets of points know where their modes lie and how wide they are."""

import pytest

from diffusion_lib import data
from diffusion_lib.data import load


@pytest.mark.parametrize("name,k,radius", [("ring", 8, 2), ("grid", 25, None)])
def test_mixtures_know_their_modes_and_width(name, k, radius):
    d = load(name)
    assert d.modes.shape == (k, 2)
    own = d.x - d.modes[d.y]
    assert abs(float(own.std()) / d.sd - 1) < 0.03 and abs(float(own.mean())) < 4 * d.sd / 140
    assert int(d.y.bincount().min()) > 0.8 * len(d) / k
    if radius:
        assert abs(float(d.modes.norm(dim=1).mean()) / d.sd - 2 / 0.02) < 0.01
    else:
        assert abs(float(d.modes[:, 0].max() - d.modes[:, 0].min()) / d.sd - 8 / 0.05) < 0.01


def test_the_cat_has_two_ears_and_a_tail():
    x = data.cat(4000).x
    top = x[x[:, 1] > 2]
    assert (top[:, 0] > 0).any() and (top[:, 0] < -0.3).any()
    assert bool(((x[:, 0] > 1.4) & (x[:, 1] < 0.5)).any())
