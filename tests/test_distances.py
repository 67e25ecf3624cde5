"""Distances between samples and real pictures that were held back."""

from types import SimpleNamespace

import pytest
import torch
from small import held_back

from diffusion_lib import data
from diffusion_lib.evaluation import classifier, distances
from diffusion_lib.evaluation.distances import distances as between
from diffusion_lib.evaluation.metrics import frechet

pytestmark = pytest.mark.usefixtures("one_thread")

SEEN, FRESH = data.digits().split(1000)


def test_distances_hold_real_pictures_of_each_class_back():
    eye = classifier.build(SEEN)[0]
    far, floor = between(eye, FRESH, 100)
    assert 0 < floor < far(-FRESH.x[:100])
    with torch.no_grad():
        assert frechet(eye.features(FRESH.x), eye.features(FRESH.x)) < 1e-6


def test_the_reference_has_none_of_the_pictures_that_are_held_back():
    d = FRESH.subset(120)
    eye = SimpleNamespace(features=lambda x: x.flatten(1)[:, 20:24])
    far, floor = distances.distances(eye, d, 20)
    held, rest = held_back(d, 20)
    assert len(held) == 20 and abs(far(rest)) < 1e-9 < floor == pytest.approx(far(held))
