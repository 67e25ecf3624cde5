"""Figures: the right bytes at the right place, the same for every run and every thread, written whole or not at all."""

import base64
import io
import os
import re
import subprocess
import sys
import threading
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_lib.__main__ import main
from diffusion_lib.diffusion import Schedule, add_noise, randn_like
from diffusion_lib.viz import figures
from diffusion_lib.viz.figures import FORWARD, REVERSE, grid, png, save, strip, to_uint8
from diffusion_lib.viz.moving import save_film
from diffusion_lib.viz.plots import curves

pytestmark = pytest.mark.usefixtures("one_thread")

SCHEDULE = Schedule.of("cosine", 100)
TIMES = [0, 30, 60, 100]


def chain(channels=3, size=16):
    g = torch.Generator().manual_seed(0)
    x0 = torch.rand(1, channels, size, size, generator=g) * 2 - 1
    eps = randn_like(x0, g)
    return torch.cat([add_noise(x0, t, eps, SCHEDULE) for t in TIMES])


def forward(**look):
    return strip(chain(), [f"$t = {t}$" for t in TIMES], above=FORWARD, **look)


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


def blocks(a, picture):
    """Where in image a the picture (h, w, 3) stands enlarged by a whole number: (zoom, top, left) of every place."""
    h, w, _ = picture.shape
    found = []
    for zoom in range(1, min(a.shape[1] // w, a.shape[0] // h) + 1):
        big = picture.repeat(zoom, 0).repeat(zoom, 1)
        rows, columns = a.shape[0] - big.shape[0] + 1, a.shape[1] - big.shape[1] + 1
        fits = np.ones((rows, columns), bool)
        for y, x in [(0, 0), (zoom * h // 2, zoom * w // 3), (zoom * h - 1, zoom * w - 1)]:  # most places fail here
            fits &= a[y : y + rows, x : x + columns, 0] == big[y, x, 0]
        for y, x in zip(*fits.nonzero(), strict=True):
            if np.array_equal(a[y : y + zoom * h, x : x + zoom * w], big):
                found.append((zoom, int(y), int(x)))
    return found


# ---------------------------------------------------------------------------------------- bytes


def test_to_uint8_rounds_as_the_browser_does():
    x = torch.tensor([-1.0, -2, 1, 7, 0, 0.0039, -0.99, 0.9961]).reshape(1, 1, 2, 4)
    # 0 is 127.5, which goes to its even neighbour, as in a canvas's Uint8ClampedArray; nothing is cut off
    assert to_uint8(x).reshape(-1).tolist() == [0, 0, 255, 255, 128, 128, 1, 255]
    assert np.array_equal(to_uint8(x.to(torch.float16)), to_uint8(x.to(torch.float16).double()))
    assert to_uint8(x).shape == (1, 2, 4) and to_uint8(x[0]).shape == (2, 4)
    color = to_uint8(chain())
    assert color.shape == (4, 16, 16, 3) and color.dtype == np.uint8
    assert np.array_equal(to_uint8(chain()[1]), color[1])


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), "uint8"),
        (torch.zeros(2, 5, 4, 4), r"\(2, 5, 4, 4\)"),
        (torch.zeros(4), r"\(4,\)"),
        (np.zeros((3, 4, 4)), "ndarray"),
        (torch.full((1, 2, 2), torch.nan), "NaN"),
    ],
)
def test_to_uint8_refuses_in_one_sentence(x, says):
    with pytest.raises(ValueError, match=says):
        to_uint8(x)


def test_grid_puts_each_picture_in_its_place():
    x = torch.linspace(-1, 1, 5).reshape(5, 1, 1, 1).expand(5, 3, 4, 6)
    a = grid(x, columns=3, pad=2)
    assert a.shape == (4 * 2 + 2, 6 * 3 + 4, 3)
    for i, picture in enumerate(to_uint8(x)):
        y, left = i // 3 * 6, i % 3 * 8
        assert np.array_equal(a[y : y + 4, left : left + 6], picture)
    assert (a[4:6] == 255).all() and (a[:, 6:8] == 255).all() and (a[6:, 16:] == 255).all()
    assert grid(x[:, :1]).shape == (4 * 2 + 1, 6 * 3 + 2)  # grey, about square
    assert np.array_equal(grid(x[:1]), to_uint8(x)[0])
    with pytest.raises(ValueError, match="batch"):
        grid(x[0])


def test_png_of_an_array_is_that_array_enlarged():
    a = to_uint8(chain())[1]
    assert np.array_equal(pixels(png(a)), a)
    assert np.array_equal(pixels(png(a, scale=3)), a.repeat(3, 0).repeat(3, 1))
    assert np.array_equal(pixels(png(a[..., 0])), a[..., :1].repeat(3, -1))
    for bad in (0, 1.5):
        with pytest.raises(ValueError, match="scale"):
            png(a, scale=bad)
    with pytest.raises(ValueError, match="uint8"):
        png(a / 255)


# ---------------------------------------------------------------------------------------- strip


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.heavy
def test_strip_shows_every_pixel_of_every_picture(channels):
    x = chain(channels)
    a = pixels(png(strip(x, [f"$t = {t}$" for t in TIMES], above=FORWARD, below=REVERSE)))
    assert 1500 < a.shape[1] < 1800
    places = [blocks(a, picture if channels == 3 else picture[..., None].repeat(3, -1)) for picture in to_uint8(x)]
    assert [len(p) for p in places] == [1] * 4  # exactly once, pixel for pixel
    (zooms, tops, lefts) = zip(*(p[0] for p in places), strict=True)
    assert len(set(zooms)) == len(set(tops)) == 1
    assert len(set(np.diff(lefts))) == 1 and lefts[1] - lefts[0] > 16 * zooms[0]  # even, with a gap
    assert a.shape[1] - (lefts[-1] + 16 * zooms[0]) == lefts[0]  # and margins


@pytest.mark.heavy
def test_strip_rows_stand_under_each_other_and_labels_under_all():
    x = chain()
    a = pixels(png(strip([x, -x], ["a", "b", "c", "d"], ["$x_t$", r"$\hat{x}_0$"])))
    (_, top, left), (zoom, lower, left2) = blocks(a, to_uint8(x)[0])[0], blocks(a, to_uint8(-x)[0])[0]
    assert left == left2 and lower > top + 16 * zoom
    ink = (a < 200).any(-1)
    assert ink[lower + 16 * zoom :, left:].any()  # labels
    assert ink[top : top + 16 * zoom, :left].any() and ink[lower : lower + 16 * zoom, :left].any()  # titles
    # the gap is clean
    assert not ink[top : top + 16 * zoom, left + 16 * zoom + 2 : left + 16 * zoom + 8].any()


@pytest.mark.parametrize("columns,lines", [(None, [4]), (4, [4]), (9, [4]), (3, [3, 1]), (2, [2, 2]), (1, [1] * 4)])
def test_strip_begins_a_new_line_after_so_many_columns(columns, lines):
    """Both rows of a picture, and its label, stand in one column; a line has room under the one before it."""
    (ax,) = strip([chain(), -chain()], "abcd", columns=columns).axes
    places = np.array([image.get_extent() for image in ax.images]).reshape(4, 2, 4)  # left, right, bottom, top
    (lefts, tops), bottoms = places[:, :, [0, 3]].transpose(2, 0, 1), places[:, :, 2]
    line = np.repeat(np.arange(len(lines)), lines)
    column = np.concatenate([np.arange(k) for k in lines])
    across, down = np.unique(lefts), np.unique(tops[:, 0])
    assert len(across) == max(lines) and len(down) == len(lines)
    assert np.array_equal(lefts, across[column][:, None].repeat(2, 1)) and np.array_equal(tops[:, 0], down[line])
    assert (tops[:, 1] > bottoms[:, 0]).all() and all(
        (tops[line == k + 1] > bottoms[line == k].max()).all() for k in line[:-1]
    )
    for label, text, left in zip("abcd", ax.texts, lefts[:, 0], strict=True):
        assert text.get_text() == label and left < text.get_position()[0] < places[0, 0, 1] - places[0, 0, 0] + left


def test_strip_keeps_large_pictures_whole_and_few_ones_small():
    x = torch.rand(3, 3, 300, 200) * 2 - 1
    a = pixels(png(strip(x, "abc")))
    assert [z for picture in to_uint8(x) for z, *_ in blocks(a, picture)] == [2, 2, 2]
    assert strip(x[:1], "a").get_size_inches()[0] < 3


def test_strip_backgrounds():
    def corner(name):
        return np.asarray(Image.open(io.BytesIO(png(forward(background=name)))))[0, 0]

    assert corner("white").tolist() == [255, 255, 255, 255] and corner("transparent")[3] == 0
    assert corner("dark")[:3].max() < 40
    with pytest.raises(ValueError, match=r"'pink'.*white, dark, transparent"):
        forward(background="pink")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((chain(), ["a"]), "4 pictures in a row but 1 labels"),
        (([chain(), chain()], "abcd", ["one"]), "2 rows but 1 titles"),
        (([chain(), chain(size=8)], "abcd"), "one size"),
        ((np.zeros((2, 4, 4)), "ab"), "uint8"),
        ((np.zeros((40, 4, 4), np.uint8), "a" * 40), "40 pictures do not fit into 8 inches"),
    ],
)
def test_strip_refuses_in_one_sentence(arguments, says):
    with pytest.raises(ValueError, match=says):
        strip(*arguments)


# ---------------------------------------------------------------------------------------- plots


def hue_share(a, color):
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return (abs(a.astype(int) - rgb).max(-1) < 12).mean()


# ---------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".jpg"])
@pytest.mark.heavy
def test_the_same_picture_gives_the_same_file(tmp_path, suffix):
    one, two = save(forward(), tmp_path / f"1{suffix}"), save(forward(), tmp_path / f"2{suffix.upper()}")
    assert one.read_bytes() == two.read_bytes() and one.stat().st_size > 5000
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"1{suffix}", f"2{suffix.upper()}"]
    assert png(forward()) == forward()._repr_png_()


@pytest.mark.heavy
def test_svg_is_xml_with_its_own_pictures_and_nothing_from_outside(tmp_path):
    text = save(forward(), tmp_path / "a.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)
    images = [e for e in root.iter() if e.tag.endswith("}image")]
    assert len(images) == 4 and all("pixelated" in e.get("style") for e in images)
    shown = [
        pixels(base64.b64decode(v.split(",")[1])) for e in images for k, v in e.attrib.items() if k.endswith("href")
    ]
    # native size, every byte
    assert all(np.array_equal(a, b) for a, b in zip(shown, to_uint8(chain()), strict=True))
    links = [v for e in root.iter() for k, v in e.attrib.items() if k.endswith("href") or k == "src"]
    assert all(v.startswith(("#", "data:")) for v in links) and not re.search(r"url\((?!#)|<script|<text", text)


def test_save_writes_an_array_pixel_for_pixel(tmp_path):
    a = to_uint8(chain(size=37))[1]
    assert np.array_equal(pixels(save(a, tmp_path / "a.png").read_bytes()), a)
    assert np.array_equal(pixels(save(a[..., 1], tmp_path / "b.png").read_bytes()), a[..., 1:2].repeat(3, -1))
    assert abs(pixels(save(a, tmp_path / "a.jpg").read_bytes()).astype(int) - a).mean() < 12
    assert (
        ElementTree.parse(save(a, str(tmp_path / "a.svg"))) and save(a, tmp_path / "a.pdf").read_bytes()[:4] == b"%PDF"
    )


def test_a_reader_s_own_settings_change_nothing(tmp_path):
    alone = png(forward())
    with matplotlib.rc_context(
        {"font.family": "DejaVu Serif", "savefig.dpi": 30, "mathtext.fontset": "stix", "svg.fonttype": "none"}
    ):
        assert png(forward()) == alone
        assert matplotlib.rcParams["savefig.dpi"] == 30  # and is left as it was


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.gif"])
def test_a_failure_keeps_the_old_file(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_bytes(b"old")

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"Cannot write .*No space left on device.*folder"):
        save_film(chain(), path) if name == "a.gif" else save(forward(), path)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == [path.name]


def test_files_that_cannot_be_written_are_explained(tmp_path):
    with pytest.raises(ValueError, match=r"'a\.bmp'.*\.png, \.svg, \.pdf, \.jpg"):
        save(forward(), tmp_path / "a.bmp")
    with pytest.raises(ValueError, match=r"'a\.avi'.*\.gif"):
        save_film(chain(), tmp_path / "a.avi")
    with pytest.raises(OSError, match=r"Cannot write .*nowhere.*No such file"):
        save(forward(), tmp_path / "nowhere" / "a.png")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------- films


def frames(path):
    film = Image.open(path)
    shown = []
    for i in range(film.n_frames):
        film.seek(i)
        shown.append((np.asarray(film.convert("RGB")), film.info["duration"]))
    return film, shown


def test_gif_has_every_frame_in_order_and_repeats(tmp_path):
    x = torch.cat([chain(), chain().flip(3)])
    film, shown = frames(save_film(x, tmp_path / "a.gif", fps=20, scale=2, hold_last=0.5, hold_first=0.2))
    assert film.info["loop"] == 0 and len(shown) == 8
    assert [duration for _, duration in shown] == [250] + [50] * 6 + [550]
    for (frame, _), wanted in zip(shown, to_uint8(x).repeat(2, 1).repeat(2, 2), strict=True):
        assert frame.shape == wanted.shape and abs(frame.astype(int) - wanted).mean() < 14  # 256 colours


def test_gif_loses_nothing_of_grey_and_little_of_the_clean_frame(tmp_path):
    _, shown = frames(save_film(chain(1), tmp_path / "grey.gif"))
    for (frame, _), wanted in zip(shown, to_uint8(chain(1)), strict=True):
        assert np.array_equal(frame, wanted[..., None].repeat(3, -1))
    smooth = torch.linspace(-1, 1, 32).expand(3, 32, 32).clone()
    smooth[1] = smooth[0].T
    film = torch.stack([smooth, *torch.randn(20, 3, 32, 32, generator=torch.Generator().manual_seed(0))])
    (clean, _), *_ = frames(save_film(film, tmp_path / "color.gif"))[1]
    assert abs(clean.astype(int) - to_uint8(smooth)).mean() < 7


def test_gif_keeps_its_paper(tmp_path):
    """Letters and lines have many hues near the paper's, which must not tint it."""
    ramp = np.linspace(0, 1, 200)[:, None] * np.array([[14, 3, 90], [200, 90, 2]])[:, None]
    for paper in ((255, 255, 255), (20, 23, 26)):
        film = np.full((2, 40, 200, 3), paper, np.uint8)
        film[:, 10:30] = abs(np.array(paper) - ramp)[:, None].clip(0, 255)
        for frame, _ in frames(save_film(film, tmp_path / "a.gif"))[1]:
            assert (frame[:10] == paper).all() and abs(frame.astype(int) - film[0]).mean() < 40


@pytest.mark.parametrize("channels", [1, 3])
def test_gif_keeps_white_white_and_black_black(tmp_path, channels):
    x = torch.randn(12, channels, 32, 32, generator=torch.Generator().manual_seed(0))
    x[:, :, :8], x[:, :, 8:16] = 1, -1
    for frame, _ in frames(save_film(x, tmp_path / "a.gif"))[1]:
        assert (frame[:8] == 255).all() and (frame[8:16] == 0).all()


def test_gif_labels_stand_under_the_picture_and_the_bar_grows(tmp_path):
    path = save_film(chain(), tmp_path / "a.gif", scale=10, labels=[f"t = {t}" for t in TIMES])
    _, shown = frames(path)
    assert shown[0][0].shape[0] > 160 and shown[0][0].shape[1] == 160
    bars = [hue_share(frame[160:163], figures.PALETTE[0]) for frame, _ in shown]
    assert np.allclose(bars, [0, 1 / 3, 2 / 3, 1], atol=0.02)
    assert all((frame[166:] < 100).any() for frame, _ in shown)  # text
    assert all((frame[-1] == 255).all() for frame, _ in shown)  # on exactly the page's white
    assert not np.array_equal(shown[1][0][166:], shown[2][0][166:])
    with pytest.raises(ValueError, match="4 frames but 1 labels"):
        save_film(chain(), path, labels=["t = 0"])


@pytest.mark.parametrize("fps", [0, 51, -1])
def test_gif_speed_is_what_browsers_play(tmp_path, fps):
    with pytest.raises(ValueError, match="at most 50"):
        save_film(chain(), tmp_path / "a.gif", fps=fps)


# ---------------------------------------------------------------------------------------- threads


@pytest.mark.heavy
def test_threads_at_once_draw_what_one_draws_alone():
    t = np.arange(1, 9)

    def job(i, n):  # each with formulas of its own, because Matplotlib remembers those it has parsed
        if n % 2:
            formula = rf"$\sqrt{{1-\bar\alpha_{n}}}\ \epsilon_{i} + \frac{{x_{n}}}{{\sigma_{i}}}$"
            return png(curves(t, {rf"$\bar\alpha_{{t-{i}}}$": 1 / t}, xlabel=formula, log="y"))
        return png(strip(chain(size=8), "abcd", above=rf"$q(x_{n} \mid x_{i})$", background=list(figures.PAPER)[i]))

    drawn, failed = {}, []

    def work(i):
        for n in range(6):
            try:
                drawn[i, n] = job(i, n)
            except Exception as error:
                failed.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # meet as often as can be
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failed
    assert [key for key, picture in drawn.items() if picture != job(*key)] == []


@pytest.mark.heavy
def test_figures_need_no_widgets_and_no_pyplot():
    code = "import sys, diffusion_lib.viz.figures; print([m for m in ('ipywidgets', 'IPython', 'anywidget', 'matplotlib.pyplot') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


# ---------------------------------------------------------------------------------------- figures


def test_a_grid_goes_row_by_row():
    x = torch.linspace(-1, 1, 6).reshape(6, 1, 1, 1).expand(6, 1, 2, 2)
    sheet = grid(x, columns=3, pad=0)
    assert sheet.shape == (4, 6) and np.all(np.diff(sheet[0, ::2].astype(int)) > 0) and sheet[2, 0] > sheet[0, 4]


def test_the_arrow_above_points_right_and_the_one_below_left(monkeypatch):
    arrows = []
    monkeypatch.setattr(figures, "_arrow", lambda ax, start, end, y, text, *_: arrows.append((start, end, y, text)))
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
    path = save_film(frames, tmp_path / "f.gif", fps=10, hold_first=0.5, hold_last=2.0, labels=list("abcde"))
    with Image.open(path) as film_:
        times, bars = [], []
        for i in range(film_.n_frames):
            film_.seek(i)
            times.append(film_.info["duration"])
            band = np.asarray(film_.convert("L"))[41]
            bars.append(int((band < 150).sum()))
    assert times == [600, 100, 100, 100, 2100]
    assert np.allclose(bars, [0, 10, 20, 30, 40], atol=1)


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
    assert main(words) == 0 and told["titles"] == ["$x_t$", r"$\hat{x}_0$"] and told["above"] == figures.REVERSE
    noisy, clean = (float(row[0].std()) for row in told["rows"])
    assert noisy > clean  # x_T above, the guess below
