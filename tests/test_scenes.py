"""Scenes of the shell: each is drawn as it stands, in every kind of file, and the file says what it shows, whose it is and how it was made."""

import re
import shlex
import struct
import sys
import zlib
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from PIL import Image
from test_figures import blocks, frames

from diffusion_lib import __main__
from diffusion_lib.cli.figure import sheet
from diffusion_lib.course import making
from diffusion_lib.course.scenes import scenes
from diffusion_lib.viz import figures, moving, stories
from diffusion_lib.viz.about import About, command
from diffusion_lib.viz.film import Film
from diffusion_lib.viz.look import Look
from diffusion_lib.viz.panels import curve, pixels, scatter
from diffusion_lib.viz.printed import printed
from diffusion_lib.viz.theme import LIGHT

LINE = "python -m diffusion_lib figure forward --kind digit --T 9 --out"
SVG = "{http://www.w3.org/2000/svg}"


def png_of(width: int, height: int) -> bytes:
    """The head of a PNG that claims to be so large."""

    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(b"0")) + part(b"IEND", b"")


HUGE = png_of(60_000, 60_000)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def figure(line, capsys, code=0):
    """What the shell says."""
    assert __main__.main(["figure", *shlex.split(line)]) == code, line
    out, err = capsys.readouterr()
    assert code == 0 or (not out and err.count("\n") == 1)
    return out + err


def digit(name, capsys, more=""):
    figure(f"forward --kind digit --T 9 --out {name} {more}", capsys)
    return Path(name)


# ---------------------------------------------------------------------------------------- what stands in a file


@pytest.mark.heavy
def test_a_png_bears_its_words_and_the_same_command_makes_the_same_bytes(capsys):
    first = digit("a.png", capsys).read_bytes()
    assert digit("a.png", capsys).read_bytes() == first
    text = Image.open("a.png").text
    assert text["Comment"] == f"{LINE} a.png" and "MNIST" in text["Copyright"]
    assert "digit dissolves into noise" in text["Description"] and text["Title"] == scenes()["forward"].shows
    figure("forward --size 8 --frames 2 --out b.png", capsys)
    assert "MIT" in Image.open("b.png").text["Copyright"]


def test_an_svg_bears_a_title_a_description_and_a_licence(capsys):
    first = digit("a.svg", capsys).read_bytes()
    assert digit("a.svg", capsys).read_bytes() == first
    root = ElementTree.fromstring(first)
    assert root.get("role") == "img" and "digit dissolves" in root.get("aria-label")
    assert [root[0].tag, root[1].tag] == [f"{SVG}title", f"{SVG}desc"] and len(root.findall(f"{SVG}title")) == 1
    assert root[0].text == scenes()["forward"].shows and "digit dissolves" in root[1].text
    said = "".join(root.find(f"{SVG}metadata").itertext())
    assert "MNIST" in said and f"{LINE} a.svg" in said


def test_a_webp_and_a_jpeg_bear_exif_a_gif_a_comment_and_a_page_a_head(capsys):
    for name in ("a.webp", "a.jpg"):
        first = digit(name, capsys).read_bytes()
        exif = Image.open(name).getexif()
        assert "digit dissolves" in exif[0x010E] and "MNIST" in exif[0x8298]
        assert exif.get_ifd(0x8769)[0x9286].endswith(f"{LINE} {name}".encode())
        assert digit(name, capsys).read_bytes() == first
    said = Image.open(digit("a.gif", capsys)).info["comment"].decode()
    assert "digit dissolves" in said and "MNIST" in said and f"{LINE} a.gif" in said
    page = digit("a.html", capsys).read_text("utf-8")
    assert f'<meta name="generator" content="{LINE} a.html">' in page and len(page) < 400_000
    assert (
        '<meta name="description" content="A handwritten digit dissolves' in page and '<meta name="copyright"' in page
    )


def test_words_of_a_learner_stay_words(here):
    """In XML and HTML, whatever a caption holds."""
    about = About('"A" & <b>', "</desc><script>", "ours")
    root = ElementTree.fromstring(about.described('<svg xmlns="http://www.w3.org/2000/svg"><title>x</title></svg>'))
    assert [e.text for e in root] == ['"A" & <b>', "</desc><script>"] and root.get(
        "aria-label"
    ) == '"A" & <b>. </desc><script>'
    assert "<script>" not in about.head()


def test_the_command_names_no_folder():
    told = command(["figure", "x", "--image", "/home/jane/a b.png", "~/c.png", "--out=C:\\pics\\d.png", "--w", "2/3"])
    assert told == "python -m diffusion_lib figure x --image 'a b.png' c.png --out=d.png --w 2/3"


def test_what_to_paste_is_printed(capsys):
    said = figure("forward --caption 'blue flower' --size 8 --out a.png", capsys).splitlines()
    assert said[1].startswith('For a page: <img src="a.png" alt="A picture (blue flower) dissolves')
    assert '<iframe src="a.html" title="' in figure("forward --size 8 --T 3 --out a.html", capsys)


def test_the_line_to_paste_is_html_and_no_wider_than_a_page():
    Image.new("RGB", (1600, 20)).save("a&b.png"), Image.new("RGB", (300, 20)).save("small.PNG")
    wide, small = making.Made(Path("a&b.png"), 'The "x" <y>'), making.Made(Path("small.PNG"), "")
    assert wide.tag == '<img src="a&amp;b.png" alt="The &quot;x&quot; &lt;y&gt;" width="800">'
    assert small.tag.endswith('width="300">') and small.size.startswith("300 x 20 pixels")


def test_an_ending_in_capitals_is_the_same(capsys):
    assert Image.open(digit("A.GIF", capsys)).n_frames > 2 and "<main" in digit("B.HTML", capsys).read_text("utf-8")


# What no rule foretells cannot be made small: why these pages are larger.
LARGE = {
    "ink": "three clouds of 700 points, each pushed by chance at 180 moments",
    "reverse": "six pictures of 64 x 64 pixels at 50 moments, fresh noise in each",
    "ladder": "at 64 pixels 24 pictures of three kinds, no two alike",
}


def html_of(name: str) -> int:
    """Bytes of the page that a scene makes when nothing is chosen."""
    scene = scenes()[name]
    usual = {option.name: option.default for option, _ in scene.choices}
    story = scene.draw(SimpleNamespace(**usual, ending=".html"))
    return story.page(Path(f"{name}.html"), "", About(scene.shows, story.alt)).stat().st_size


@pytest.mark.parametrize("name", ("particles", "gan-data", "arrows", "straight"))
def test_a_page_of_a_film_is_under_400_kb(name):
    """They were 446 to 961 kB before their frames were guessed from one another."""
    assert html_of(name) < 400_000


@pytest.mark.slow
@pytest.mark.parametrize("name", scenes())
def test_the_page_of_every_scene_is_under_400_kb_where_its_frames_allow(name):
    assert (html_of(name) < 400_000) == (name not in LARGE)


# ---------------------------------------------------------------------------------------- films


def test_a_webp_shows_each_frame_to_the_last_bit(capsys):
    digit("a.webp", capsys), digit("a.gif", capsys)
    (_, webp), (_, gif) = frames("a.webp"), frames("a.gif")
    assert [d for _, d in webp] == [d for _, d in gif] == [900, *8 * [100], 1300]
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(webp, gif, strict=True))  # grey is exact in both


@pytest.mark.heavy
def test_sixty_frames_of_512_pixels_are_less_than_3_mb(capsys):
    figure("forward --size 64 --frames 60 --out a.gif", capsys)
    film, _ = frames("a.gif")
    assert film.n_frames == 60 and film.width == 512 and Path("a.gif").stat().st_size < 3e6


def test_a_sheet_has_each_scene_over_its_name(monkeypatch, capsys):
    seen, strip = [], figures.strip
    monkeypatch.setattr(figures, "strip", lambda a, names, **more: seen.append((a, names)) or strip(a, names, **more))
    sheet([scenes()["circling"], scenes()["jump"]], Path("sheet.png"))
    ((small, names),) = seen
    assert names == ["circling", "jump"] and not np.array_equal(*small)
    assert "2 scenes: circling, jump" in capsys.readouterr().out and Image.open("sheet.png").width > 700


@pytest.fixture
def ffmpeg(here, monkeypatch):
    """A program of that name that keeps what it is told and given; with FAIL it ends as the true one does."""
    (here / "bin").mkdir()
    program = here / "bin" / "ffmpeg"
    program.write_text(
        '#!/bin/sh\nif [ "$FAIL" ]; then echo "No space left" >&2; exit 1; fi\n'
        'printf "%s\\n" "$@" > told; for out in "$@"; do :; done; cat > "$out"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{here / 'bin'}:/usr/bin:/bin")


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a script of the shell")
def test_an_mp4_is_made_of_the_same_frames(ffmpeg, capsys, monkeypatch):
    digit("a.mp4", capsys, "--frames 3 --fps 5"), digit("a.gif", capsys, "--frames 3")
    told = Path("told").read_text().splitlines()
    wide, high = map(int, told[told.index("-s") + 1].split("x"))
    film = np.frombuffer(Path("a.mp4").read_bytes(), np.uint8).reshape(-1, high, wide, 3)
    gif = [a for a, _ in frames("a.gif")[1]]
    assert told[told.index("-r") + 1] == "5" and wide % 2 == high % 2 == 0
    shown = [gif[i] for i in [0] * 5 + [1] + [2] * 7]  # 0.2 + 0.8 s, 0.2 s, 0.2 + 1.2 s
    assert len(film) == len(shown)
    assert all(np.array_equal(a[: len(b), : b.shape[1]], b) for a, b in zip(film, shown, strict=True))
    assert f"comment={LINE} a.mp4 --frames 3 --fps 5" in told and "libx264" in told
    monkeypatch.setenv("FAIL", "1")
    before = Path("a.mp4").read_bytes()
    assert "No space left" in figure("forward --kind digit --T 9 --out a.mp4", capsys, 2)
    assert Path("a.mp4").read_bytes() == before and not list(Path().glob(".*.part"))


# ---------------------------------------------------------------------------------------- what can be chosen


def test_the_moments_asked_for_are_those_shown(capsys):
    look = Look(times=(50, 10, 50))
    assert look.pick(range(50, -1, -1), None) == [0, 40]  # in the order of the story, each once
    assert Look(frames=3).pick(range(9), lambda n: list(range(n or 6))) == [0, 1, 2]
    digit("a.gif", capsys, "--t 0 4 9")
    assert frames("a.gif")[0].n_frames == 3


def test_dots_per_inch_are_as_asked(capsys):
    sizes = [Image.open(digit("a.png", capsys, f"--dpi {dpi}")).size[0] for dpi in (100, 400)]
    assert 3.5 < sizes[1] / sizes[0] < 4.5
    assert Image.open("a.png").info["dpi"][0] == pytest.approx(400, rel=0.1)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("forwrad", "no scene 'forwrad'; the nearest is 'forward'.*--list"),
        ("forward --t 0 1001", "--t 1001 is no moment.*from 0 to 1000"),
        ("forward --t -1", "--t.*from 0"),
        ("forward --columns 0", "--columns.*from 1 to 60"),
        ("forward --background pink", "--background.*'pink'.*'light', 'dark', 'transparent'"),
        ("forward --captions ja", "--captions.*'ja'.*'en', 'none'"),
        ("forward --formula maybe", "--formula.*'on', 'off'"),
        ("forward --font 100", "--font.*from 6 to 24"),
        ("forward --width 0", "--width.*from 3 to 24"),
        ("forward --dpi 5000", "--dpi.*from 30 to 1200"),
        ("forward --dpi nan", "--dpi.*a number"),
        ("forward --dpi 300 --out a.svg", "--dpi is for .png, .jpg"),
        ("forward --fps 99 --out a.gif", "--fps.*from 1 to 50"),
        ("forward --background transparent --out a.gif", "film stands on light or on dark"),
        ("forward --size 8 --frames 2 --T 2 --out a.mp4", "there is none here: install ffmpeg"),
        ("forward --image huge.png", "huge.png"),
        ("forward --kind cat --caption cat", "--caption.*not allowed with.*--kind"),
        ("forward --image bin", "bin"),
        ("--sheet bin.png", "it is a folder"),
        ("--sheet sheet.gif", "must end in .png"),
        ("--list forward --size 0", "--size"),
    ],
)
def test_a_mistake_gets_one_sentence_and_leaves_no_file(here, capsys, monkeypatch, line, says):
    monkeypatch.setenv("PATH", str(here))
    (here / "bin.png").mkdir(), (here / "bin").mkdir()
    (here / "huge.png").write_bytes(HUGE)
    before = sorted(here.iterdir())
    said = figure(line, capsys, 2)
    assert said.startswith("diffusion_lib: ") and re.search(says, said), said
    assert sorted(here.iterdir()) == before


def test_a_full_disk_in_mid_film_leaves_the_old_one(here, capsys, monkeypatch):
    (here / "a.webp").write_bytes(b"old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(moving, "_webp", full)
    assert "No space left" in figure("forward --kind digit --T 3 --out a.webp", capsys, 2)
    assert (here / "a.webp").read_bytes() == b"old" and [p.name for p in here.iterdir()] == ["a.webp"]


# ---------------------------------------------------------------------------------------- every scene


def letters(figure):
    """Every text of a Figure and the box of pixels that it fills."""
    with figures.drawing():
        figures._lettered(figure).draw_without_rendering()
        found = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
        return [(t.get_text(), t.get_window_extent()) for t in found]


def meeting(figure):
    """Pairs of texts that lie over one another, and texts that leave the page."""
    width, height = figure.canvas.get_width_height()
    found = letters(figure)
    inner = [(a, b.padded(-0.1 * b.height)) for a, b in found if b.height]
    pairs = [(a, b) for (a, p), (b, q) in combinations(inner, 2) if p.overlaps(q)]
    return pairs, [a for a, b in found if b.x0 < -1 or b.y0 < -1 or b.x1 > width + 1 or b.y1 > height + 1]


SLOW = {"network", "walks"}  # a second or more of work before anything is drawn


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else pytest.mark.heavy) for n in scenes()]
)
def test_a_scene_is_drawn_without_a_choice_and_no_text_lies_over_another(name, monkeypatch):
    drawn, scene = [], scenes()[name]
    monkeypatch.setattr(
        making.figures, "save", lambda figure, path, about: drawn.append((figure, about)) or Path(path).touch()
    )
    assert __main__.main(["figure", name, "--out", "a.png"]) == 0
    ((figure, about),) = drawn
    assert meeting(figure) == ([], [])
    assert len(about.alt) > 40 and about.title == scene.shows and about.command.endswith(f"figure {name} --out a.png")


def test_a_strip_and_a_film_of_panels_keep_their_texts_apart_in_every_look():
    """Large letters, a narrow page, dark, in columns, and no words: then no letter is a word's."""
    film = Film(
        [
            pixels(np.zeros((3, 8, 8), np.uint8), "a picture with a long title", notes=["one", "two", "three"]),
            curve([0, 1], {"up": [0, 1], "down and away": [1, 0]}, "a curve", xlabel="along", ylabel="up"),
        ],
        captions="A sentence that is long enough to need a line more where the page is narrow, and then another one.",
        labels=["t = 0", "t = 1", "t = 2"],
    )
    story = stories.told(film, "It.", (0, 2))
    for look in (
        Look(),
        Look(font=18, width=5),
        Look(background="dark", columns=1),
        Look(words=False),
        Look(frames=3, font=8),
    ):
        page = story.still(look)
        assert meeting(page) == ([], []), look
        said = " ".join(text for text, _ in letters(page))
        assert ("sentence" in said and "along" in said) == look.words and "t = 2" in said
    assert len({a.shape for a in story.reel(Look(dpi=40)).frames}) == 1
    one = stories.told(Film([film.panels[0]]), "One panel.")
    assert 450 <= one.reel(Look(dpi=64, font=14)).frames.shape[2] <= 530  # it fills the film
    with pytest.raises(ValueError, match=r"--t 7 is no moment.*from 0 to 2"):
        story.still(Look(times=(7,)))


def test_each_moment_is_named_once_in_however_many_columns():
    """Three panels in two columns are two rows a moment; the third row is no moment's end."""
    film = Film([pixels(np.zeros((2, 4, 4), np.uint8), name) for name in "abc"], labels=["first", "second"])
    said = [text for text, _ in letters(printed(film, [0, 1], Look(dpi=50, columns=2)))]
    assert said.count("first") == said.count("second") == 1


def test_what_is_printed_of_a_film_is_what_it_shows():
    """Pixels to the last bit, points and lines where they are, in the colours of the theme."""
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (2, 6, 6, 3), dtype=np.uint8)
    film = Film([pixels(frame, "x_{t}"), scatter(rng.normal(size=(2, 5, 2)), colors=[0, 1, 2, 3, -1])])
    page = printed(film, [1], Look(dpi=100))
    assert len(blocks(figures.raster(page), frame[1])) == 1 and not blocks(figures.raster(page), frame[0])
    (points,) = [c for ax in page.axes for c in ax.collections]
    mark = film.panels[1]["marks"][0]
    assert np.allclose(points.get_offsets(), np.stack([mark["x"][1], mark["y"][1]], 1))
    assert [to_hex(c) for c in points.get_facecolors()] == [*LIGHT["colors"][:4], LIGHT["grey"]]
    assert r"x$_{\mathdefault{t}}$" in [text for text, _ in letters(page)]
