"""Sprites: every property that a caption names is in the picture, and chance is fair."""

import itertools

import numpy as np
import pytest

from diffusion_lib.sprites import FACTORS, caption, draw, parse, random_sprites, vocabulary

ALL = [
    {"species": kind, **dict(zip(factors, values, strict=True))}
    for kind, factors in FACTORS.items()
    for values in itertools.product(*factors.values())
]


@pytest.fixture(scope="module")
def many():
    return random_sprites(4000, 16, seed=0)


def test_every_caption_is_unique_and_can_be_read_back():
    captions = [caption(s) for s in ALL]
    assert len(set(captions)) == len(ALL) > 1500
    assert all(parse(c) == s for c, s in zip(captions, ALL, strict=True))
    words = set(vocabulary())
    assert all(set(c.replace(",", "").split()) <= words for c in captions) and len(words) < 60


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


def test_only_one_species():
    for kind in FACTORS:
        assert {s["species"] for s in random_sprites(30, 8, 0, kind)[1]} == {kind}


@pytest.mark.parametrize("size", (8, 9, 16, 31, 64, 256))
def test_any_size(size):
    for text in ("blue and yellow flower at night", "orange tabby cat"):
        a = draw(parse(text), size)
        assert a.shape == (size, size, 3) and a.dtype == np.uint8 and a.std() > 20


@pytest.mark.parametrize(
    "text", ("blue and yellow flower at night", "black tuxedo cat, loaf", "red tulip flower")
)
def test_small_is_the_large_picture_made_small(text):
    """Antialiased: a pixel at 32 is about the mean of the 8 x 8 pixels that it covers at 256."""
    large = draw(parse(text), 256).reshape(32, 8, 32, 8, 3).mean((1, 3))
    assert np.abs(large - draw(parse(text), 32)).mean() < 6


def test_each_factor_changes_the_picture():
    for kind, factors in FACTORS.items():
        base = {"species": kind, **{f: v[0] for f, v in factors.items()}}
        for f, values in factors.items():
            shown = [draw({**base, f: v}, 32).astype(int) for v in values]
            for a, b in itertools.combinations(shown, 2):
                assert np.abs(a - b).max() > 30, (kind, f)


def test_petals_and_centre_have_the_colours_of_the_caption():
    def hue(rgb):
        import colorsys

        return colorsys.rgb_to_hsv(*(np.median(rgb.reshape(-1, 3), 0) / 255))[0] * 360

    want = {"red": 358, "orange": 25, "yellow": 46, "blue": 219, "purple": 265}
    for colour, degrees in want.items():
        for other in ("yellow", "blue"):
            a = draw(parse(f"{colour} and {other} flower, eight round petals"), 128)
            petals, centre = a[28:36, 60:68], a[47:53, 61:67]
            assert abs((hue(petals) - degrees + 180) % 360 - 180) < 16, colour
            assert abs((hue(centre) - want[other] + 180) % 360 - 180) < 16, other


def test_night_is_dark_and_the_subject_stands_out():
    for s in ALL[::17]:
        day, night = (draw({**s, "time": t}, 32).astype(float) for t in ("day", "night"))
        assert day[:, :3].mean() > night[:, :3].mean() + 60  # the edge of the picture is sky
        assert night.mean((1,)).std() > 3


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
        (lambda: parse("flower with blue blue blue petals"), "twice"),
    ],
)
def test_bad_input_gets_one_sentence(call, says):
    with pytest.raises(ValueError) as error:
        call()
    assert says in str(error.value) and "\n" not in str(error.value)
