"""Stills: the picture of the frame that is asked for, each mark where it belongs."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from diffusion_lib.viz import still
from diffusion_lib.viz.figures import PALETTE
from diffusion_lib.viz.panels import curve, mix, pixels, scatter
from diffusion_lib.viz.player import FramePlayer

pytestmark = pytest.mark.usefixtures("one_thread")

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def rgb(code):
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)])


def picture(player, i=None):
    return np.asarray(Image.open(io.BytesIO(player.still(i))).convert("RGB")).astype(int)


def where(image, color, off=40):
    """Centre (x, y) of all pixels of about this colour, and how many there are."""
    y, x = np.nonzero(np.abs(image - np.array(color)).max(-1) < off)
    return (x.mean(), y.mean(), len(x)) if len(x) else (math.nan, math.nan, 0)


def test_a_point_that_is_nowhere_leaves_the_others_their_colours():
    """The points after it had the colour of their neighbour, in the still picture."""
    spots = scatter([[0, 0], [np.nan, np.nan], [1, 1]], colors=[0, 1, 2], size=40)
    shown = picture(FramePlayer(spots))
    assert [where(shown, rgb(PALETTE[c]), 20)[2] > 200 for c in range(3)] == [True, False, True]


# ---------------------------------------------------------------------------------------- stills


@pytest.mark.parametrize(("x", "y"), [(0.8, 0.6), (-0.8, 0.6), (0.8, -0.6), (-0.5, -0.6)])
def test_a_point_lies_in_its_own_corner(x, y):
    plane = {"xlim": (-1, 1), "ylim": (-1, 1), "size": 20}
    image = picture(FramePlayer(scatter(np.array([[x, y]]), colors=1, **plane)))
    left, top, n = where(image, rgb(PALETTE[1]))
    corner = picture(FramePlayer(scatter(np.array([[-1.0, 1.0], [1.0, -1.0]]), colors=1, **plane)))
    rows, columns = np.nonzero(np.abs(corner - rgb(PALETTE[1])).max(-1) < 40)
    at_x = columns.min() + 16 + (x + 1) / 2 * (np.ptp(columns) - 32)
    at_y = rows.min() + 16 + (1 - y) / 2 * (np.ptp(rows) - 32)
    assert n > 50 and abs(left - at_x) < 6 and abs(top - at_y) < 6


def test_the_field_lies_under_the_points_the_right_way_up_in_its_frame():
    field = np.full((2, 8, 8, 3), 255, np.uint8)
    field[0, :2, :2] = RED  # top left
    field[1, 6:, 6:] = BLUE  # bottom right
    player = FramePlayer(scatter(np.zeros((1, 2)), xlim=(-1, 1), ylim=(-1, 1), size=1, field=field))
    first, second = picture(player, 0), picture(player, 1)
    x, y, n = where(first, RED)
    assert n > 500 and where(first, BLUE)[2] == 0
    right, low, m = where(second, BLUE)
    assert m > 500 and where(second, RED)[2] == 0 and right > x + 100 and low > y + 100


def test_a_still_is_of_the_frame_that_is_asked_for():
    frames = np.stack([np.full((6, 6, 3), color, np.uint8) for color in (RED, GREEN, BLUE)])
    player = FramePlayer(pixels(frames), start=1)
    for i, color in enumerate((RED, GREEN, BLUE)):
        assert where(picture(player, i), color)[2] > 10_000
    assert where(picture(player), GREEN)[2] > 10_000


def test_a_still_mixes_with_roots():
    x0, eps = np.full((1, 4, 4), -0.6), np.full((1, 4, 4), 0.9)
    image = picture(FramePlayer(mix(x0, eps, [1.0, 0.25])), 1)
    want = round((0.5 * -0.6 + math.sqrt(0.75) * 0.9 + 1) * 127.5)
    assert where(image, [want] * 3, 1)[2] > 100_000
    plane = {"xlim": (-1, 1), "ylim": (-1, 1), "size": 20, "colors": 1}
    mixed = FramePlayer(scatter(np.array([[-0.6, 0.0]]), eps=np.array([[0.9, 0.5]]), alpha_bar=[1.0, 0.25], **plane))
    plain = FramePlayer(scatter(np.array([[-0.3 + 0.9 * math.sqrt(0.75), 0.5 * math.sqrt(0.75)]]), **plane))
    assert where(picture(mixed, 1), rgb(PALETTE[1]))[:2] == pytest.approx(
        where(picture(plain), rgb(PALETTE[1]))[:2], abs=1.5
    )


def test_bars_stand_on_0_and_have_their_height():
    image = picture(FramePlayer(curve([0, 1, 2], {"": [1.0, 4.0, -2.0]}, kind="bars", ylim=(-3, 5))))
    rows, columns = np.nonzero(np.abs(image - rgb(PALETTE[0])).max(-1) < 40)
    heights = []
    for third in np.array_split(np.arange(columns.min(), columns.max() + 1), 3):
        mine = rows[np.isin(columns, third[5:-5])]
        heights.append((mine.min(), mine.max()))
    unit = (heights[1][1] - heights[1][0]) / 4
    assert heights[0][1] - heights[0][0] == pytest.approx(unit, rel=0.1)
    assert heights[0][1] == pytest.approx(heights[1][1], abs=3) and heights[2][0] == pytest.approx(heights[0][1], abs=4)
    assert heights[2][1] - heights[2][0] == pytest.approx(2 * unit, rel=0.1)


def test_each_point_has_its_colour_and_each_title_its_panel(monkeypatch):
    p = scatter(np.array([[-0.8, 0.0], [0.8, 0.0]]), colors=[1, 2], xlim=(-1, 1), ylim=(-1, 1), size=20)
    image = picture(FramePlayer(p))
    assert where(image, rgb(PALETTE[1]))[0] < where(image, rgb(PALETTE[2]))[0]
    wrote = []
    write = still.written
    monkeypatch.setattr(
        still,
        "written",
        lambda pen, x, y, text, *a, **k: wrote.append((pen, x, y, text)) or write(pen, x, y, text, *a, **k),
    )
    two = [
        pixels(np.zeros((3, 4, 4), np.uint8), "first", notes=["a0", "a1", "a2"]),
        pixels(np.zeros((3, 4, 4), np.uint8), "second", notes=["b0", "b1", "b2"]),
    ]
    FramePlayer(two, captions=["c0", "c1", "c2"]).still(1)
    drawn = {text: pen for pen, x, y, text in wrote if pen}
    assert {"a1", "b1", "c1", "2 / 3", "first", "second"} <= set(drawn) and "c0" not in drawn
    assert drawn["first"] is drawn["a1"] and drawn["second"] is drawn["b1"] and drawn["first"] is not drawn["second"]


def test_the_axes_names_and_ticks_stand_at_their_axes(monkeypatch):
    wrote, write = {}, still.written
    monkeypatch.setattr(
        still,
        "written",
        lambda pen, x, y, text, *a, **k: (
            ((pen and wrote.setdefault(text, (x, y))) and 0) or write(pen, x, y, text, *a, **k)
        ),
    )
    p = curve([0, 1000], {"": [0, 1]}, xlabel="along", ylabel="upwards")
    FramePlayer(p).still()
    assert wrote["along"][1] > wrote["upwards"][1] + 200
    across, up = ([text for v, text in p[axis] if v] for axis in ("xticks", "yticks"))
    assert len(across) > 2 and np.all(np.diff([wrote[text][0] for text in across]) > 0)
    assert len(up) > 1 and np.all(np.diff([wrote[text][1] for text in up]) < 0)


def test_a_field_lies_under_the_points():
    red = np.zeros((2, 4, 4, 3), np.uint8)
    red[1, ..., 0] = 255
    panel = scatter(np.zeros((1, 2)), xlim=(-1, 1), ylim=(-1, 1), size=1, field=red)
    assert panel["frames"] == 2
    for i, color in enumerate(((0, 0, 0), (255, 0, 0))):
        still = np.asarray(Image.open(io.BytesIO(FramePlayer([panel]).still(i))))
        assert (still == color).all(-1).mean() > 0.3  # most of the plane
    with pytest.raises(ValueError, match="pixels needs uint8"):
        scatter(np.zeros((1, 2)), xlim=(-1, 1), ylim=(-1, 1), field=np.zeros((4, 4)))


F = 7
RNG = np.random.default_rng(0)

COLOR = RNG.integers(0, 256, (F, 5, 6, 3), dtype=np.uint8)


def test_still_shows_the_pixels():
    picture = np.asarray(Image.open(io.BytesIO(FramePlayer(pixels(COLOR)).still(3))))
    colors = {tuple(c) for c in picture.reshape(-1, 3)}
    assert {tuple(c) for c in COLOR[3].reshape(-1, 3)} <= colors


@pytest.mark.parametrize("ratio", [3, 100, 1e9, 1e30])
def test_a_stretched_cloud_keeps_one_scale_and_a_picture_of_bounded_size(ratio):
    a = np.linspace(0, 1, 5)
    for points in (np.stack([ratio * a, a], 1), np.stack([a, ratio * a], 1)):
        panel = scatter(points)
        (x0, x1), (y0, y1) = panel["xlim"], panel["ylim"]
        assert panel["shape"] == pytest.approx((y1 - y0) / (x1 - x0)) and 0.24 < panel["shape"] < 4.1
        assert (
            x0 < points[:, 0].min() < points[:, 0].max() < x1 and y0 <= points[:, 1].min() <= points[:, 1].max() <= y1
        )
        wide, high = Image.open(io.BytesIO(FramePlayer(panel).still())).size
        assert wide <= 2600 and high <= 1200
