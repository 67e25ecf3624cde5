"""Lesson 04: what of it anybody may take away."""

from __future__ import annotations

from ... import data, store
from ...words import N_
from .. import lesson04
from ..scenes import DIGITS, view


def _gap():
    return lesson04.network_or_optimal(store.load("digits"), *data.digits().split(1000))


NETWORK = N_("A trained network beside the optimal denoiser, on pictures that both know and on new ones")

SCENES = (view("network", NETWORK, _gap, (10,), DIGITS),)
