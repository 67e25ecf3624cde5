"""Sprites: chance is fair, a seed means the same pictures, and words stay with their pictures."""

import itertools

import numpy as np
import pytest
import torch

from diffusion_lib import data
from diffusion_lib.data import captions, drawn
from diffusion_lib.data.captions import caption, parse
from diffusion_lib.data.drawn import draw, random_sprites, variations
from diffusion_lib.data.factors import FACTORS


@pytest.fixture(scope="module")
def many():
    return random_sprites(4000, 16, seed=0)


@pytest.mark.heavy
def test_factors_are_uniform_and_independent(many):
    """Chi-square at a level of one in a million, on every factor and every pair."""
    from scipy.stats import chi2

    _, specs = many
    cats = [s for s in specs if s["species"] == "cat"]
    assert abs(len(cats) - 2000) < 5 * np.sqrt(1000)
    for kind, factors in FACTORS.items():
        these = [s for s in specs if s["species"] == kind]
        for names in [*((f,) for f in factors), *itertools.combinations(factors, 2)]:
            cells = list(itertools.product(*(factors[f] for f in names)))
            counts = np.array([sum(tuple(s[f] for f in names) == cell for s in these) for cell in cells])
            fair = len(these) / len(cells)
            assert ((counts - fair) ** 2 / fair).sum() < chi2.isf(1e-6, len(cells) - 1), (kind, names)


def test_a_seed_means_the_same_pictures_however_many():
    few, few_specs = random_sprites(5, 16, seed=7)
    more, more_specs = random_sprites(40, 16, seed=7)
    assert np.array_equal(few, more[:5]) and few_specs == more_specs[:5]
    assert not np.array_equal(few, random_sprites(5, 16, seed=8)[0])


def test_a_seed_means_the_same_pictures_at_every_size():
    small, small_specs = random_sprites(6, 16, seed=3)
    large, specs = random_sprites(6, 64, seed=3)
    assert specs == small_specs
    shrunk = large.reshape(6, 16, 4, 16, 4, 3).mean((2, 4))
    assert np.abs(shrunk - small).mean() < 8
    assert np.abs(shrunk - np.roll(small, 1, 0)).mean() > 25  # the bound above can tell sprites apart


@pytest.mark.heavy
def test_two_sprites_of_one_caption_differ():
    pixels, specs = random_sprites(3000, 8, seed=0)
    by_words = {}
    for a, s in zip(pixels, specs, strict=True):
        by_words.setdefault(caption(s), []).append(a)
    pairs = [group[:2] for group in by_words.values() if len(group) > 1]
    assert len(pairs) > 500 and not any(np.array_equal(a, b) for a, b in pairs)


def test_only_one_species():
    for kind in FACTORS:
        assert {s["species"] for s in random_sprites(30, 8, 0, kind)[1]} == {kind}


@pytest.mark.parametrize("size", (8, 9, 16, 31, 64, 256))
def test_any_size(size):
    for text in ("blue and yellow flower at night", "orange tabby cat"):
        a = draw(parse(text), size)
        assert a.shape == (size, size, 3) and a.dtype == np.uint8 and a.std() > 20


@pytest.mark.parametrize("text", ("blue and yellow flower at night", "black tuxedo cat, loaf", "red tulip flower"))
def test_small_is_the_large_picture_made_small(text):
    """Antialiased: a pixel at 32 is about the mean of the 8 x 8 pixels that it covers at 256."""
    large = draw(parse(text), 256).reshape(32, 8, 32, 8, 3).mean((1, 3))
    assert np.abs(large - draw(parse(text), 32)).mean() < 6


@pytest.mark.parametrize(
    "call,says",
    [
        (lambda: draw({"species": "cat"}, 7), "8 to 256"),
        (lambda: draw({"species": "dog"}), "cat, flower"),
        (lambda: draw({"species": "cat", "fur": "green"}), "fur is one of orange"),
        (lambda: draw({"species": "cat", "wings": "two"}), "it has fur"),
        (lambda: random_sprites(0), "at least 1"),
        (lambda: random_sprites(3, 16, 0, "dog"), "cat, flower"),
        (lambda: parse("a blue dragon at night"), "cat or flower"),
        (lambda: parse("cat and flower"), "cat or flower"),
        (lambda: parse("oragne cat"), "orange"),
        (lambda: parse("flower with blue blue blue petals"), "no room for “blue”"),
        (lambda: parse("grey and black cat"), "already has fur = grey"),
        (lambda: parse("purple cat"), "a cat can have fur orange, black"),
        (lambda: parse(""), "cat or flower"),
        (lambda: draw(3), "cat, flower"),
        (lambda: draw("sleepy dgo"), "cat or flower"),
    ],
)
def test_bad_input_gets_one_sentence(call, says):
    with pytest.raises(ValueError) as error:
        call()
    assert says in str(error.value) and "\n" not in str(error.value)


@pytest.mark.heavy
def test_captions_and_subsets():
    d = data.sprites(30, 16, seed=2)
    pixels, _ = random_sprites(30, 16, seed=2)
    assert np.array_equal(((d.x + 1) * 127.5).round().permute(0, 2, 3, 1).numpy(), pixels)
    assert len(d.captions) == 30 and all(d.names[y] in c for y, c in zip(d.y.tolist(), d.captions, strict=True))
    s = d.subset([4, 2])
    assert torch.equal(s.x, d.x[[4, 2]]) and s.captions == (d.captions[4], d.captions[2]) and len(d.subset(5)) == 5
    assert {data.sprites(10, 8, species="cat").names[y] for y in data.sprites(10, 8, species="cat").y} == {"cat"}


def test_sprites_of_one_group_are_not_mixed_up():
    """All of these have the same shapes and are painted together; each must have its own colours."""
    pictures, specs = drawn.random_sprites(60, 32, seed=3)
    for image, spec in zip(pictures, specs, strict=True):
        night = image[:3].astype(int).mean((0, 1))
        assert (night[2] > 60 and night[1] < 100) == (spec["time"] == "night")
    d = data.sprites(60, 32, seed=3)
    for y, spec, said in zip(d.y.tolist(), specs, d.captions, strict=True):
        assert d.names[y] == spec["species"] and d.names[y] in said
        assert ("night" in said) == (spec["time"] == "night") and captions.parse(said) == spec
    assert captions.caption({"species": "flower", "petals": "blue", "centre": "pink"}).startswith(
        "blue and pink flower"
    )


def test_variations_are_one_sprite_shaken():
    """All near the sprite that is not shaken, none the same; a seed means the same; words do as well as a spec."""
    many = variations("black cat with happy eyes at night", 200, 32, seed=3).astype(float)
    still = draw("black cat with happy eyes at night", 32).astype(float)
    other = draw("white cat with happy eyes at night", 32).astype(float)
    assert many.shape == (200, 32, 32, 3) and len({a.tobytes() for a in many}) == 200
    mean = many.mean(0)
    mean = (mean + mean[:, ::-1]) / 2  # they show either side
    still, other = ((a + a[:, ::-1]) / 2 for a in (still, other))
    assert abs(mean - still).mean() < 0.5 * abs(mean - other).mean()
    assert (variations("black cat with happy eyes at night", 5, 32, seed=3) == many[:5]).all()
    with pytest.raises(ValueError, match="number of sprites must be a whole number of at least 1"):
        variations("cat", 0)
    with pytest.raises(ValueError):
        variations("blackhole", 1)


def test_how_far_a_sprite_is_shaken():
    """A hundredth of the half width: 7 to a side, 5 up or down, 7 % larger or smaller, 0.1 radians; either side, of the sky too."""
    least, most, middle = drawn._shaken(np.repeat([[0.0], [1.0], [0.5]], 6, axis=1))
    assert least == pytest.approx([-0.07, -0.05, 0.93, -0.1, -1, -1], abs=1e-6)
    assert most == pytest.approx([0.07, 0.05, 1.07, 0.1, 1, 1], abs=1e-6)
    assert middle[:4] == pytest.approx([0, 0, 1, 0], abs=1e-6)
