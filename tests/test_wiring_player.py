"""Panels, stills, the player's own options, figures and the sculptor: what is asked for is what lies where, up and down, left and right."""

import io
import json
import math
import re

import numpy as np
import pytest
import torch
from films import at, cloud, line, numbers
from PIL import Image

from diffusion_lib import data
from diffusion_lib.__main__ import main
from diffusion_lib.course.lesson02 import sculptor
from diffusion_lib.diffusion import Schedule, add_noise
from diffusion_lib.viz import figures, plots, still
from diffusion_lib.viz.figures import PALETTE, grid, save_gif, strip
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


# ---------------------------------------------------------------------------------------- panels


def test_clouds_keep_x_and_y_apart_and_so_does_their_noise():
    points, eps = np.array([[1.0, 10.0], [2.0, 20.0]]), np.array([[3.0, 30.0], [4.0, 40.0]])
    mark = scatter(points, eps=eps, alpha_bar=[1.0, 0.5])["marks"][0]
    for key, want in (("x", points[:, 0]), ("y", points[:, 1]), ("ex", eps[:, 0]), ("ey", eps[:, 1])):
        assert at(mark, key)[0].tolist() == want.tolist()
    moving = np.arange(12.0).reshape(3, 2, 2)
    assert np.array_equal(cloud([scatter(moving, "m", colors=0)], "m", 0), moving)


def test_a_point_that_is_nowhere_leaves_the_others_their_colours():
    """The points after it had the colour of their neighbour, in the still picture."""
    spots = scatter([[0, 0], [np.nan, np.nan], [1, 1]], colors=[0, 1, 2], size=40)
    shown = picture(FramePlayer(spots))
    assert [where(shown, rgb(PALETTE[c]), 20)[2] > 200 for c in range(3)] == [True, False, True]


def test_words_stand_where_they_were_asked_for():
    p = curve(
        [0, 10], {"up": [0, 1]}, "title", xlabel="along", ylabel="upwards", notes="a note", lead="a lead"
    )
    assert (p["title"], p["xlabel"], p["ylabel"], p["notes"], p["lead"]) == (
        "title",
        "along",
        "upwards",
        ["a note"],
        ["a lead"],
    )
    assert max(v for v, _ in p["xticks"]) == 10 and max(v for v, _ in p["yticks"]) == 1


def test_a_mixed_picture_keeps_its_rows_and_columns():
    x0 = torch.linspace(-1, 1, 18).reshape(3, 2, 3)  # 2 rows, 3 columns
    p = mix(x0, x0, [1.0])
    assert (p["height"], p["width"], p["channels"]) == (2, 3, 3)
    assert np.allclose(np.frombuffer(p["x0"], "<f4").reshape(2, 3, 3), x0.permute(1, 2, 0))


def test_the_cursors_dot_is_on_the_line_of_its_frame():
    x, ys = np.arange(4.0), np.array([[0.0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23]])
    p = curve(x, {"a": ys}, cursor=[0.0, 1.5, 3.0])
    vertical, dots = p["marks"][1:]
    assert at(dots, "y")[:, 0].tolist() == [0.0, 11.5, 23.0] and at(dots, "x")[:, 0].tolist() == [
        0.0,
        1.5,
        3.0,
    ]
    assert at(vertical, "x").tolist() == [[0, 0], [1.5, 1.5], [3, 3]]
    assert line([p], "", "a")[1].tolist() == ys[1].tolist()


# ---------------------------------------------------------------------------------------- the player


def film(**more):
    return FramePlayer(pixels(np.zeros((5, 4, 4), np.uint8)), **more)


def test_a_frame_is_clamped_at_both_ends():
    player = film()
    for asked, got in ((-3, 0), (2, 2), (99, 4)):
        player.value = asked
        assert player.value == got
    player.set_state({"value": -1})
    assert player.value == 0


def test_options_are_handed_on(tmp_path):
    player = film(
        start=3,
        loop=True,
        fps=7,
        panel_width=99,
        captions="said",
        labels=[f"l{i}" for i in range(5)],
        name="N",
    )
    assert (
        player.value == 3
        and player.film["loop"] is True
        and player.film["fps"] == 7
        and player.film["panel_width"] == 99
    )
    assert film().film["loop"] is False and film().value == 0
    assert player.alt() == "N. l3. said" and player.alt(1) == "N. l1. said"
    player.update(captions=[f"c{i}" for i in range(5)], labels=[f"k{i}" for i in range(5)])
    assert player.alt() == "N. k3. c3"
    page = player.save_html(tmp_path / "f.html", title="T").read_text("utf-8")
    assert (
        json.loads(re.search(r'type="application/json"[^>]*>(.*?)</script>', page, re.S)[1])["value"] == 3
        and "<h1>T</h1>" in page
    )


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
    mixed = FramePlayer(
        scatter(np.array([[-0.6, 0.0]]), eps=np.array([[0.9, 0.5]]), alpha_bar=[1.0, 0.25], **plane)
    )
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
    assert heights[0][1] == pytest.approx(heights[1][1], abs=3) and heights[2][0] == pytest.approx(
        heights[0][1], abs=4
    )
    assert heights[2][1] - heights[2][0] == pytest.approx(2 * unit, rel=0.1)


def test_each_point_has_its_colour_and_each_title_its_panel(monkeypatch):
    p = scatter(np.array([[-0.8, 0.0], [0.8, 0.0]]), colors=[1, 2], xlim=(-1, 1), ylim=(-1, 1), size=20)
    image = picture(FramePlayer(p))
    assert where(image, rgb(PALETTE[1]))[0] < where(image, rgb(PALETTE[2]))[0]
    wrote = []
    write = still._write
    monkeypatch.setattr(
        still,
        "_write",
        lambda pen, x, y, text, *a, **k: wrote.append((pen, x, y, text)) or write(pen, x, y, text, *a, **k),
    )
    two = [
        pixels(np.zeros((3, 4, 4), np.uint8), "first", notes=["a0", "a1", "a2"]),
        pixels(np.zeros((3, 4, 4), np.uint8), "second", notes=["b0", "b1", "b2"]),
    ]
    FramePlayer(two, captions=["c0", "c1", "c2"]).still(1)
    drawn = {text: pen for pen, x, y, text in wrote if pen}
    assert {"a1", "b1", "c1", "2 / 3", "first", "second"} <= set(drawn) and "c0" not in drawn
    assert (
        drawn["first"] is drawn["a1"]
        and drawn["second"] is drawn["b1"]
        and drawn["first"] is not drawn["second"]
    )


def test_the_axes_names_and_ticks_stand_at_their_axes(monkeypatch):
    wrote, write = {}, still._write
    monkeypatch.setattr(
        still,
        "_write",
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


# ---------------------------------------------------------------------------------------- figures


def test_a_grid_goes_row_by_row():
    x = torch.linspace(-1, 1, 6).reshape(6, 1, 1, 1).expand(6, 1, 2, 2)
    sheet = grid(x, columns=3, pad=0)
    assert (
        sheet.shape == (4, 6) and np.all(np.diff(sheet[0, ::2].astype(int)) > 0) and sheet[2, 0] > sheet[0, 4]
    )


def test_the_arrow_above_points_right_and_the_one_below_left(monkeypatch):
    arrows = []
    monkeypatch.setattr(
        figures, "_arrow", lambda ax, start, end, y, text, *_: arrows.append((start, end, y, text))
    )
    wrote = []
    monkeypatch.setattr(figures, "_write", lambda ax, x, y, text, *_: wrote.append((x, y, text)))
    row = np.zeros((3, 4, 4), np.uint8)
    strip([row, row], ["a", "b", "c"], ["up", "low"], above="there", below="back")
    (start, end, high, _), (back, to, low, _) = sorted(arrows, key=lambda a: a[2])
    assert (
        start < end
        and back > to
        and high < low
        and [a[3] for a in sorted(arrows, key=lambda a: a[2])] == ["there", "back"]
    )
    place = {text: (x, y) for x, y, text in wrote}
    assert place["up"][1] < place["low"][1] and place["a"][0] < place["b"][0] < place["c"][0]


def test_each_frame_of_a_film_stands_as_long_as_asked(tmp_path):
    frames = np.arange(0, 250, 50, dtype=np.uint8).reshape(5, 1, 1).repeat(40, 1).repeat(40, 2)
    path = save_gif(frames, tmp_path / "f.gif", fps=10, hold_first=0.5, hold_last=2.0, labels=list("abcde"))
    with Image.open(path) as film_:
        times, bars = [], []
        for i in range(film_.n_frames):
            film_.seek(i)
            times.append(film_.info["duration"])
            band = np.asarray(film_.convert("L"))[41]
            bars.append(int((band < 150).sum()))
    assert times == [600, 100, 100, 100, 2100]
    assert np.allclose(bars, [0, 10, 20, 30, 40], atol=1)


def test_curves_are_named_at_their_own_ends(monkeypatch):
    fig = plots.curves([0, 1, 2], {"low": [0, 0, 0], "high": [0, 5, 10]})
    ax = fig.axes[0]
    names = {t.get_text(): (t.get_position()[1], t.get_color()) for t in ax.texts}
    assert names["high"][0] > names["low"][0] and names["low"][1] == ax.lines[0].get_color()
    fig = plots.cloud({"a": np.array([[0.0, 1.0]]), "b": np.array([[1.0, 0.0]])})
    assert [ax.get_title() for ax in fig.axes] == ["a", "b"]
    assert fig.axes[0].collections[0].get_offsets().tolist() == [[0.0, 1.0]]


# ---------------------------------------------------------------------------------------- the sculptor


def test_the_sculptors_still_words_and_choices(monkeypatch):
    cat, dog = data.sprites(2, size=16, seed=0).x
    box = sculptor.Sculptor({"cat": cat, "dog": dog}, T=100, start="cosine", seed=4)
    g = torch.Generator().manual_seed(4)
    eps = {name: torch.randn(1, 3, 16, 16, generator=g) for name in ("cat", "dog")}
    films = []
    monkeypatch.setattr(still, "still", lambda film, i: films.append(film) or b"")
    for name, x in (("cat", cat), ("dog", dog)):
        box.state = box.state | {"picture": name}
        assert torch.equal(box.x0[0], x)
        box.still()
        schedule = Schedule.of("cosine", 100)
        panels = films[-1]["panels"]
        assert np.allclose(line(panels, "ā")[0], schedule.alpha_bar) and np.allclose(
            line(panels, "β")[0], schedule.beta[1:]
        )
        assert np.allclose(line(panels, "SNR")[0], schedule.snr_db[1:], atol=1e-4)
        steps = [add_noise(x[None], t, eps[name], schedule) for t in sculptor.strip_times(100)]
        shown = np.frombuffer(panels[3]["data"], np.uint8).reshape(panels[3]["height"], -1, 3)
        assert np.array_equal(shown, grid(torch.cat(steps), columns=7, pad=2))
        assert name in box.alt()
    box.choose(sculptor.REUSED)
    assert box.state["T"] == 50 and float(box.alpha_bar[-1]) == pytest.approx(0.6, abs=0.01)
    left = float(box.alpha_bar[-1])
    assert f"keeps {math.sqrt(left):.0%} of" in box.alt() and "really noise" not in box.alt()
    box.choose("linear")
    assert box.state["T"] == 50
    box.choose("linear", 200)
    assert box.state["T"] == 200 and numbers(box.alt())[0] == 200


def test_the_figure_of_the_way_back_names_its_rows_and_points_back(monkeypatch, tmp_path):
    told, real = {}, figures.strip
    monkeypatch.setattr(
        figures,
        "strip",
        lambda rows, labels, titles=None, **look: (
            told.update(look, rows=rows, titles=titles) or real(rows, labels, titles, **look)
        ),
    )
    words = ["figure", "reverse", "--data", "digits", "--steps", "3", "--out", str(tmp_path / "f.png")]
    assert (
        main(words) == 0 and told["titles"] == ["$x_t$", r"$\hat{x}_0$"] and told["above"] == figures.REVERSE
    )
    noisy, clean = (float(row[0].std()) for row in told["rows"])
    assert noisy > clean  # x_T above, the guess below
