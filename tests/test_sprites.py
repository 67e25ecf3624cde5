"""Sprites: every property that a caption names is in the picture, and chance is fair."""

import itertools

import numpy as np
import pytest

from diffusion_lib.data.captions import caption, parse, vocabulary
from diffusion_lib.data.drawn import draw, random_sprites
from diffusion_lib.data.factors import FACTORS
from diffusion_lib.data.painters import silhouette

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


def test_what_is_not_said_is_the_first_value():
    for kind, factors in FACTORS.items():
        assert parse(kind) == {"species": kind, **{f: values[0] for f, values in factors.items()}}


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


@pytest.mark.parametrize(
    "text", ("blue and yellow flower at night", "black tuxedo cat, loaf", "red tulip flower")
)
def test_small_is_the_large_picture_made_small(text):
    """Antialiased: a pixel at 32 is about the mean of the 8 x 8 pixels that it covers at 256."""
    large = draw(parse(text), 256).reshape(32, 8, 32, 8, 3).mean((1, 3))
    assert np.abs(large - draw(parse(text), 32)).mean() < 6


@pytest.mark.parametrize(
    "kind,of", [(k, {f: v}) for k, f in (("cat", "pose"), ("flower", "shape")) for v in FACTORS[k][f]]
)
def test_each_factor_changes_the_picture(kind, of):
    """In every pose and every shape of petals."""
    base = {"species": kind, **{f: v[0] for f, v in FACTORS[kind].items()}, **of}
    for f, values in FACTORS[kind].items():
        shown = [draw({**base, f: v}, 32).astype(int) for v in values]
        for a, b in itertools.combinations(shown, 2):
            assert np.abs(a - b).max() > 30, (base, f)


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


@pytest.mark.heavy
def test_night_is_dark_and_the_subject_stands_out():
    for s in ALL[::17]:
        day, night = (draw({**s, "time": t}, 32).astype(float) for t in ("day", "night"))
        assert day[:, :3].mean() > night[:, :3].mean() + 60  # the edge of the picture is sky


@pytest.mark.parametrize("time", ("day", "night"))
def test_every_colour_stands_out_against_the_sky(time):
    def apart(spec, subject, sky):
        a = draw({**spec, "time": time}, 128).astype(int)
        return np.abs(a[subject] - a[sky]).max()

    for fur in FACTORS["cat"]["fur"]:
        assert apart({"species": "cat", "fur": fur}, (93, 77), (93, 19)) > 50, fur  # flank and air beside it
    for colour in FACTORS["flower"]["petals"]:
        assert apart({"species": "flower", "petals": colour}, (26, 68), (51, 10)) > 75, colour


def test_thin_things_stay_and_tiny_ones_fade():
    """A whisker shows at 32 pixels; at 8 a star must not fill its pixel."""
    cat = draw("white cat, portrait", 32).astype(int)
    assert cat[18:24, :3].min() < 140  # dark lines on a light sky
    small, large = (draw("cat, curled, at night", size).astype(int) for size in (8, 256))
    blocks = large.reshape(8, 32, 8, 32, 3).mean((1, 3))
    assert np.abs(small - blocks)[:2, :6].max() < 40  # the stars' part of the sky


def test_the_silhouette_is_that_of_the_sitting_cat():
    y, x = np.meshgrid(*[(np.arange(128, dtype=np.float32) + 0.5) / 64 - 1] * 2, indexing="ij")
    inside = silhouette(x, -y)
    near = np.any([silhouette(x + dx, -y + dy) for dx in (-0.06, 0, 0.06) for dy in (-0.06, 0, 0.06)], 0)
    orange, white = (draw(f"{fur} cat", 128).astype(int) for fur in ("orange", "white"))
    changed = np.abs(orange - white).max(2) > 40  # where the fur's colour shows
    assert changed[~near].mean() < 0.001 and changed[inside].mean() > 0.8


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
        (lambda: parse("flower with blue blue blue petals"), "no room for 'blue'"),
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
