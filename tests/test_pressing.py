"""Films made small for a page. What a browser makes of them again: test_javascript_browser."""

import json
import zlib

import numpy as np
import pytest

from diffusion_lib.viz.film import Film
from diffusion_lib.viz.panels import curve, mix, pixels, scatter
from diffusion_lib.viz.pressing import GRID, pressed

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (9, 12, 12, 3), dtype=np.uint8)


def size(*panels) -> int:
    return len(pressed(vars(Film(list(panels))))["bytes"])


def told(film: Film) -> dict:
    """The words of a pressed film: what it is, and how its arrays are made again."""
    found = pressed(vars(film))
    return json.loads(zlib.decompress(found["bytes"])[: found["told"]])


def test_the_same_film_has_the_same_bytes():
    film = Film([pixels(NOISE), curve(range(9), np.arange(9.0), cursor=range(9))], captions=list("abcdefghi"))
    assert pressed(vars(film)) == pressed(vars(film))
    assert told(film)["film"]["captions"] == list("abcdefghi")


def test_what_repeats_is_written_once():
    once = size(pixels(NOISE))
    assert once > NOISE.size  # noise: nothing to guess
    assert size(pixels(np.concatenate([NOISE, NOISE[::-1]]))) < once + 200  # wound back
    assert size(pixels(NOISE), pixels(NOISE, "the same")) < once + 100  # another panel with it
    cloud = RNG.normal(size=(40, 2))
    both = told(Film(scatter(cloud, layers=[{"points": cloud}])))
    assert len(both["tables"]) == 2  # x and y


def test_a_panel_that_follows_from_another_costs_little():
    other = (0.5 * NOISE + 0.25 * np.roll(NOISE, 1, 0) + 30).astype(np.uint8)[1:]
    assert size(pixels(NOISE[1:]), pixels(other)) < 1.5 * size(pixels(NOISE[1:]))
    ahead = np.concatenate([NOISE[1:], NOISE[:1]])  # as x_{t-1} beside x_t: the next frame of the other panel
    assert size(pixels(NOISE), pixels(ahead)) < 1.3 * size(pixels(NOISE))


def test_smooth_and_flat_pictures_are_guessed_from_their_neighbours():
    up, along = np.mgrid[:40, :40]
    smooth = np.stack([120 + 60 * np.sin((along + k) / 9) + 50 * np.cos(up / 7) for k in range(8)])
    smooth = (smooth + RNG.integers(0, 3, smooth.shape)).astype(np.uint8)
    assert size(pixels(smooth)) < 0.6 * len(zlib.compress(smooth.tobytes(), 9))
    flat = np.kron(RNG.integers(0, 256, (1, 8, 8, 3), dtype=np.uint8), np.ones((1, 9, 9, 1), np.uint8))
    assert size(pixels(flat)) < 1.1 * 8 * 8 * 3 + 500


def test_a_picture_that_was_bytes_is_bytes_again_and_noise_stays_to_the_bit():
    x0, eps = NOISE[0].transpose(2, 0, 1) / np.float32(127.5) - 1, RNG.normal(size=(3, 12, 12))
    tables = told(Film(mix(x0, eps, np.linspace(1, 0, 5))))["tables"]
    by_size = {table["size"]: table for table in tables}
    assert by_size[432]["wide"] == 1 and by_size[432]["step"] == 1 / 127.5 and by_size[432 * 4]["item"] == 4
    gaps = told(Film(mix(0.3 * x0, eps, np.linspace(1, 0, 5))))["tables"]
    assert sorted(table.get("item", 0) for table in gaps) == [4, 4, 8]  # no bytes: each number as it was


def test_places_lie_on_a_grid_finer_than_a_screen_and_far_ones_are_exact():
    points = RNG.normal(size=(4, 30, 2))
    points[2, 3] = np.nan
    tables = told(Film(scatter(points, xlim=(-3, 3), ylim=(-2, 2))))["tables"]
    assert sorted(table["step"] for table in tables) == [4 / GRID, 6 / GRID] and GRID / 2 > 25 * 150
    points[1, 0] = 1e6  # the grid is for what the axes show, and would have no number for this
    far = told(Film(scatter(points, xlim=(-3, 3), ylim=(-2, 2))))["tables"]
    assert [table.get("item") for table in far] == [4, 4]


@pytest.mark.parametrize("gap", (np.nan, np.inf))
def test_a_cloud_without_a_number_is_no_trouble(gap):
    film = Film(scatter(np.full((2, 3, 2), gap), xlim=(0, 1), ylim=(0, 1)))
    assert [table["item"] for table in told(film)["tables"]] == [4]
