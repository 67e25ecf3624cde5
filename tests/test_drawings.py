"""Drawings that move: what belongs to a moment is there and then only, on paper and in a page."""

import io
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import pytest
from browser import page
from films import in_page
from PIL import Image

from diffusion_lib.course import maps
from diffusion_lib.course.drawings import Bare, Moment, _panel, moving
from diffusion_lib.course.lesson00 import scenes as tour
from diffusion_lib.course.scenes import scenes
from diffusion_lib.course.sheet import Sheet
from diffusion_lib.evaluation import records
from diffusion_lib.viz.about import About
from diffusion_lib.viz.figures import png
from diffusion_lib.viz.look import Look
from diffusion_lib.viz.paper import Paper

RED, BLUE = (png(np.full((4, 4, 3), colour, np.uint8)) for colour in ((250, 0, 0), (0, 0, 250)))
MOMENTS = [Moment(f"t = {t}", f"It is {t} <o'clock>.") for t in range(3)]


def flat(new):
    s = new(200, 100)
    s.write(20, 20, "x_{0}", "math"), s.picture(10, 30, 40, RED), s.badge(5, 5, "03", "")
    return s


def move(s, i: int, k: int) -> None:
    s.ring(80 + 20 * i, 40, 30, 30, "q")
    if i:
        s.picture(140, 30, 40, BLUE if i == 1 else RED)


def clock(**more):
    return moving("A clock.", [flat, lambda new: new(100, 150)], move, MOMENTS.copy, name="clock", fps=2, **more)


def shown(path) -> dict:
    """The one panel of a page."""
    (panel,) = in_page(path.read_text("utf-8"))["film"]["panels"]
    return panel


def test_a_film_has_each_moment_and_its_words():
    reel = clock().reel(Look(dpi=25))
    assert reel.frames.shape[0] == 3 and reel.frames.shape[2] == 200 and reel.fps == 2
    still = clock().still(Look(dpi=25))
    assert still.get_figheight() / still.get_figwidth() == pytest.approx(0.5)  # no foot where nothing moves
    blue = [int((abs(f.astype(int) - (0, 0, 250)).max(-1) < 30).sum()) for f in reel.frames]
    red = [int((abs(f.astype(int) - (250, 0, 0)).max(-1) < 30).sum()) for f in reel.frames]
    assert blue[1] > 1000 > blue[0] + blue[2] and red[2] > 1.7 * red[0] > 1000
    assert (
        len(clock().reel(Look(dpi=25, frames=2)).frames) == 2
        and len(clock().reel(Look(dpi=25, times=(1,))).frames) == 1
    )
    with pytest.raises(ValueError, match="--t 9 is no moment"):
        clock().reel(Look(dpi=25, times=(9,)))
    assert clock().still(Look(width=4, dpi=25)).get_figheight() == pytest.approx(6)  # a narrow one is tall


def test_a_page_has_the_still_once_and_says_what_belongs_to_which_moment(tmp_path):
    path = clock().page(tmp_path / "a.html", "From <here>", About("A clock", "A clock.", "ours", "python x"))
    text, panel = path.read_text("utf-8"), shown(path)
    assert "<h1>From &lt;here&gt;</h1>" in text and '<meta name="generator" content="python x">' in text
    wide, tall = panel["sheets"]
    assert (wide["width"], tall["height"], panel["frames"]) == (200, 150, 3)
    assert wide["svg"].count("<text") == 1 and 'data-at="0"><rect class="ring q"' in wide["svg"]
    assert len(re.findall('data-at="1"><image|data-at="2"><image', wide["svg"])) == 2 and "badge" not in wide["svg"]
    (pictures,) = panel["pictures"]  # of one size
    assert in_page(text)["tables"][pictures["data"]["at"]]["frames"] == 2  # red twice, kept once
    assert in_page(text)["film"]["captions"][2] == "It is 2 <o'clock>."


def test_pictures_of_one_place_lie_one_after_another():
    sheets = [Bare(10, 10) for _moment in range(3)]
    shades = [png(np.full((2, 2, 3), 10 * n, np.uint8)) for n in range(4)]
    for sheet, (here, there) in zip(sheets[1:], ((0, 2), (1, 3)), strict=True):
        sheet.picture(0, 0, 2, shades[here]), sheet.picture(5, 0, 2, shades[there])
    (rows,) = _panel([sheets])["pictures"]
    assert rows["data"][:, 0, 0, 0].tolist() == [0, 10, 20, 30]


def story(name: str):
    scene = scenes()[name]
    return scene.draw(SimpleNamespace(**{o.name: o.default for o, _only in scene.choices}, ending=".html"))


def places(sheet: Sheet) -> list[tuple]:
    """x, y and side of each picture."""
    return [
        tuple(map(float, m))
        for e in sheet.drawn
        for m in re.findall(r'<image x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"', e)
    ]


@pytest.mark.parametrize("k", (0, 1))
def test_the_picture_stands_at_its_place_and_the_arrow_that_it_takes_is_lit(k):
    still = (maps.model_wide, maps.model_tall)[k]()
    four = places(still)
    for i, place in enumerate(four):
        s = Sheet(still.width, still.height)
        maps.model_move(s, k, float(i), "q", RED, 7)
        assert places(s) == [place] and "t = 7" in "".join(s.drawn)
    for way, u, lit in (("q", 0.5, 0), ("q", 1.0, 0), ("q", 1.5, 1), ("p", 2.5, 2), ("p", 2.0, 2), ("p", 0.2, 0)):
        s = Sheet(still.width, still.height)
        maps.model_move(s, k, u, way, RED, 7)
        (path, _head) = (maps._wide_arc, maps._tall_arc)[k](lit, way)
        assert f'<path class="{way}" d="{path}"/>' in s.drawn, (way, u)
        assert any('class="ring n"' in e for e in s.drawn) == (way == "p")  # the network is asked on the way back


def test_the_journey_goes_there_by_the_rule_and_back_to_another_cat():
    walk = tour._journey()
    there, back = [w for w in walk if w[1] == "q"], [w for w in walk if w[1] == "p"]
    assert [t for *_, t in there] == sorted(t for *_, t in there) and there[0][3] == 0 and there[-1][3] == 1000
    assert [t for *_, t in back] == sorted((t for *_, t in back), reverse=True) and back[-1][3] == 0
    assert {0.0, 1.0, 2.0, 3.0} <= {u for u, *_ in there} and back[0][0] == 3 and back[-1][0] == 0
    pixels = lambda picture: np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(float)
    first, again, noise = (pixels(w[2]) for w in (there[0], back[-1], there[-1]))
    assert (
        abs(first - again).mean() > 20 and abs(np.diff(noise, axis=0)).mean() > 2 * abs(np.diff(again, axis=0)).mean()
    )


def test_the_four_steps_are_lit_in_turn_with_the_pictures_of_a_training(monkeypatch, tmp_path):
    lit = []
    monkeypatch.setattr(maps, "loop_move", lambda s, k, step, fakes, real: lit.append((step, fakes, real)))
    path = story("gan-loop").page(tmp_path / "a.html", "", About())
    assert [step for step, *_ in lit[:8]] == [1, 2, 3, 4, 1, 2, 3, 4]
    film, steps = records.cat_film()
    assert in_page(path.read_text("utf-8"))["film"]["labels"][::4][-1] == f"step {steps[-1]:,}"
    last = np.asarray(Image.open(io.BytesIO(lit[47][1])).convert("RGB"))
    assert np.array_equal(last[:16, :16], film[-1, 0]) and lit[0][2] != lit[4][2]  # other real ones each time


@pytest.mark.parametrize("k", (0, 1))
def test_a_lit_step_is_drawn_over_itself(k):
    still = (maps.loop_wide, maps.loop_tall)[k]()
    for step in (1, 2, 3, 4):
        s = Sheet(still.width, still.height)
        maps.loop_move(s, k, step, RED, BLUE)
        path, kind, *_at = maps.STEPS[k][step - 1]
        assert any(f'd="{path}"' in e for e in still.drawn) and f'<path class="{kind}" d="{path}"/>' in s.drawn
        assert {*places(s)} <= {*places(still)} and len(places(s)) == 2
        (disc,) = [e for e in s.drawn if e.startswith("<circle")]
        assert disc in still.drawn


def test_one_call_draws_what_a_gan_and_a_vae_draw():
    seen = {}
    moved = story("families")
    panel = _panel_of(moved)
    for k, element in panel:
        seen.setdefault(k, []).append(element)
    assert any(">?<" in e for e in seen[0]) and not any(">?<" in e for e in seen[1])
    assert sum("ring p" in e or "ring n" in e for e in seen[1]) == 2 and len(seen) == 21


def _panel_of(moved) -> list[tuple[int, str]]:
    with TemporaryDirectory() as folder:
        svg = shown(moved.page(Path(folder, "a.html"), "", About()))["sheets"][0]["svg"]
    found = re.findall(r'<g data-at="([\d ]+)">(.*?)</g>', svg)
    return [(int(k), element) for at, element in found for k in at.split()]


def test_the_pictures_of_the_three_families_are_what_they_are_called():
    """Noise on the left, a digit on the right; what the VAE draws is like what it was given, and is not that."""
    rough = lambda picture: float(
        abs(np.diff(np.asarray(Image.open(io.BytesIO(picture)).convert("L")).astype(float))).mean()
    )
    same = lambda a, b: np.array_equal(*(np.asarray(Image.open(io.BytesIO(p))) for p in (a, b)))
    found = tour._digits()
    walk = found["ddpm"]
    assert same(walk[0], found["calls"][0]) and same(walk[-1], found["calls"][-1]) and rough(walk[0]) > rough(walk[-1])
    assert not same(found["vae"][0], found["vae"][2]) and same(found["vae"][0], found["gan"][2])
    given, back = (np.asarray(Image.open(io.BytesIO(found["vae"][k])).convert("L")).astype(float) for k in (0, 2))
    assert np.corrcoef(given.ravel(), back.ravel())[0, 1] > 0.6


@pytest.mark.browser
def test_a_page_moves_by_keys_in_a_drawing_for_its_width(chrome, tmp_path):
    path = clock(start=1).page(tmp_path / "a.html", "", About("A clock", "A clock."))
    for width, box in ((1100, "200 100"), (390, "100 150")):
        with page(chrome, offline=True, width=width, height=800) as p:
            p.goto(path.as_uri())
            p.locator(".fp svg[viewBox]:not([aria-hidden])").first.wait_for(state="attached")
            drawing = p.locator(f'.dl-map svg[viewBox="0 0 {box}"]')
            assert drawing.is_visible() and p.locator(".dl-map > svg").count() == 2
            there = lambda drawing=drawing: [e.is_visible() for e in drawing.locator("rect.ring").all()]
            assert there() == [False, True, False]
            p.locator("input[type=range]").focus()
            p.keyboard.press("ArrowRight")
            assert there() == [False, False, True] and p.locator(".fp-caption").inner_text() == "It is 2 <o'clock>."
            assert p.locator(".fp-readout").inner_text() == "t = 2"
            colour = "(e) => { const c = new OffscreenCanvas(4, 4).getContext('2d'); return e.decode().then(() => (c.drawImage(e, 0, 0), [...c.getImageData(1, 1, 1, 1).data])); }"
            href = drawing.locator("g:not([style*=none]) > image").first.get_attribute("href")
            red = p.evaluate("(h) => { const i = new Image(); i.src = h; return (" + colour + ")(i); }", href)
            assert red == [250, 0, 0, 255] and not p.errors and not p.requests


def test_both_sheets_draw_the_same_ring():
    figure = Paper(Look(dpi=50))(200, 100)
    figure.ring(10, 10, 50, 30, "q")
    assert len(figure.ax.patches) == 1 and Sheet(200, 100).links and not Bare(200, 100).links
