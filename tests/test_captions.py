"""Captions: every one is unique, can be read back, and says no more than it must."""

import itertools

import numpy as np
import pytest

from diffusion_lib.data.captions import caption, parse
from diffusion_lib.data.drawn import draw
from diffusion_lib.data.factors import FACTORS

ALL = [
    {"species": kind, **dict(zip(factors, values, strict=True))}
    for kind, factors in FACTORS.items()
    for values in itertools.product(*factors.values())
]


def test_every_caption_is_unique_and_can_be_read_back():
    captions = [caption(s) for s in ALL]
    assert len(set(captions)) == len(ALL) > 1500
    assert all(parse(c) == s for c, s in zip(captions, ALL, strict=True))
    assert len({word for c in captions for word in c.replace(",", "").split()}) < 60


@pytest.mark.parametrize(
    "text,says",
    [
        (
            "blue and yellow gorgeous flower with many petals in the night",
            "blue and yellow flower, eight round petals, at night",
        ),
        ("flower with yellow centre and blue petals", "blue and yellow flower, five round petals, by day"),
        ("a yellow flower with blue petals", "blue and yellow flower, five round petals, by day"),
        ("red tulip", "red and yellow flower, five tulip petals, by day"),
        ("Black cat, sleeping", "black plain cat, curled, sleepy eyes, by day"),
        ("sleeping portrait of a ginger kitten", "orange plain cat, portrait, sleepy eyes, by day"),
        ("black and white cat under the moon", "black tuxedo cat, sitting, open eyes, at night"),
    ],
)
def test_people_do_not_talk_in_captions(text, says):
    assert caption(parse(text)) == caption(text) == says
    assert np.array_equal(draw(text, 16), draw(parse(says), 16))


@pytest.mark.parametrize(
    "text", ["cat that isn't black", "黒くない猫", "cat with brown eyes", "cat, no eyes", "brown flower"]
)
def test_what_cannot_be_painted_is_refused(text):
    with pytest.raises(ValueError, match=r"shall not be there|cannot"):
        parse(text)


def test_what_is_not_said_is_the_first_value():
    for kind, factors in FACTORS.items():
        assert parse(kind) == {"species": kind, **{f: values[0] for f, values in factors.items()}}
