"""The two drawings: each part leads to a lesson, no link lies over another, and the pictures in the boxes are real."""

import base64
import io
import json
import math
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_theme import contrast

from diffusion_lib import store
from diffusion_lib.course import gan_loop, maps, roads, whole_model
from diffusion_lib.course.sheet import letters, marked
from diffusion_lib.data import sprites
from diffusion_lib.data.drawn import draw
from diffusion_lib.diffusion import Schedule
from diffusion_lib.values import dice
from diffusion_lib.viz.figures import grid
from diffusion_lib.viz.theme import DARK, LIGHT

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
SHEETS = {
    ("model", "wide"): (maps.model_wide, maps.MODEL),
    ("model", "tall"): (maps.model_tall, maps.MODEL),
    ("loop", "wide"): (maps.loop_wide, maps.LOOP),
    ("loop", "tall"): (maps.loop_tall, maps.LOOP),
}


def links(html):
    """{part: (attributes of its link)} of the layout for a page."""
    wide = html.split('<div class="sheet tall">')[0]
    found = [dict(re.findall(r'([\w-]+)="([^"]*)"', a)) for a in re.findall(r"<a ([^>]*)></a>", wide)]
    return {a["data-part"]: a for a in found}


def drawn(html):
    """The pictures of the layout for a page, (H, W, 3) each."""
    wide = html.split('<div class="sheet tall">')[0]
    files = re.findall(r"data:image/png;base64,([^\"]+)", wide)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(f))).convert("RGB")) for f in files]


def test_the_lessons_are_those_that_are_there():
    there = {}
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        there[path.stem[:2]] = (path.stem, re.match(r"# \d\d · (.+)", first)[1])
    assert there == roads.LESSONS and roads.link("05") == "05_gan_by_hand.ipynb"


def test_every_lesson_is_a_part_of_one_of_the_drawings():
    both = [*maps.MODEL.values(), *maps.LOOP.values()]
    assert {p.lesson for p in both} == {*roads.LESSONS} - {"00", "13"}  # the tour, and pictures for others
    assert {maps.MODEL[k].lesson for k in ("q", "p", "net")} == {"01", "03", "04"}
    assert [maps.LOOP[k].says.split()[0] for k in ("one", "two", "three", "four")] == list("1234")


@pytest.mark.parametrize("name", SHEETS, ids="-".join)
def test_each_part_has_its_place_and_no_link_lies_over_another(name):
    draw_it, parts = SHEETS[name]
    sheet = draw_it("")
    assert sheet.places.keys() == parts.keys()
    for x, y, wide, high in sheet.places.values():
        assert x >= 0 and y >= 0 and x + wide <= sheet.width and y + high <= sheet.height and min(wide, high) >= 44
    for (a, p), (b, q) in combinations(sheet.places.items(), 2):
        apart = p[0] + p[2] <= q[0] or q[0] + q[2] <= p[0] or p[1] + p[3] <= q[1] or q[1] + q[3] <= p[1]
        assert apart, (a, b)


@pytest.mark.parametrize("drawing", [whole_model, gan_loop])
def test_a_part_is_a_link_that_says_where_it_leads(drawing):
    shown = drawing()
    for key, a in links(shown.html).items():
        lesson = shown.parts[key].lesson
        assert a["href"] == roads.link(lesson) and a["aria-label"].endswith(
            f"Lesson {lesson}: {roads.LESSONS[lesson][1]}"
        )
        assert f'<p data-says="{key}">' in shown.html and f'[data-part="{key}"]:is(:hover,:focus-visible)' in shown.html
        assert f"{lesson}  {shown.parts[key].name}" in repr(shown)  # where no HTML is shown
        assert "aria-current" not in a
    assert shown._repr_html_() == shown.html and shown.alt in repr(shown) and "you are here" not in shown.html
    assert "<script" not in shown.html and len(shown.html) < 70_000


def test_at_the_head_of_a_lesson_one_sees_where_one_is():
    shown = whole_model(here="02")
    here = {k for k, a in links(shown.html).items() if a.get("aria-current") == "page"}
    assert here == {"beta", "noise"} and links(shown.html)["beta"]["data-here"] == "you are here"
    assert "You are here" in shown.html and shown.html.count('class="number now"') == 4  # in both layouts
    assert "You are here" not in whole_model(here="05").html  # a lesson that has no part of this drawing
    with pytest.raises(ValueError, match="There is no lesson '99': choose one of 00, 01"):
        gan_loop(here="99")


def test_the_pictures_in_the_boxes_are_what_they_are_called():
    x0, before, after, noise = drawn(whole_model().html)
    assert np.array_equal(x0, draw("orange tabby cat by day", 32))
    clean = torch.from_numpy(x0.copy()).permute(2, 0, 1).float() / 127.5 - 1
    eps, table = torch.randn(1, 3, 32, 32, generator=dice(2))[0], Schedule.of("cosine", maps.T).alpha_bar
    for picture, t in ((before, maps.MIDDLE - 1), (after, maps.MIDDLE), (noise, maps.T)):
        xt = table[t].sqrt() * clean + (1 - table[t]).sqrt() * eps
        assert np.array_equal(picture, grid(xt[None].float(), pad=0))
    z, fakes, real = drawn(gan_loop().html)
    g = store.load("cat_g")
    with torch.no_grad():
        assert np.array_equal(fakes, grid(g(g.noise(4, dice(4))), columns=2, pad=0))
    assert np.array_equal(real, grid(sprites(4, 16, 4, "cat").x, columns=2, pad=0)) and z.shape == (8, 8, 3)


def test_formulas_are_text_with_lower_and_upper_parts():
    assert (
        letters("q(x_{t})")
        == '<tspan>q(x</tspan><tspan font-size="70%" dy="0.40em">t</tspan><tspan dy="-0.28em">)</tspan>'
    )
    assert "&lt;b&gt;" in letters("<b>") and marked("x_{t} <b> 10^{3}") == "x<sub>t</sub> &lt;b&gt; 10<sup>3</sup>"


def test_what_is_written_in_colour_is_seen():
    for theme in (LIGHT, DARK):
        rgb = lambda hue: tuple(bytes.fromhex(hue[1:]))
        for i in range(3):
            assert contrast(rgb(theme["words"][i]), rgb(theme["page"])) >= 4.5
            assert contrast(rgb(theme["card"]), rgb(theme["ink"])) >= 4.5  # the number of a lesson
            assert contrast(rgb(theme["on_accent"]), rgb(theme["words"][i])) >= 4.5  # the number on a step's disc


@pytest.mark.parametrize("arc", (maps._wide_arc, maps._tall_arc))
@pytest.mark.parametrize("way", "qp")
def test_an_arrow_points_where_its_line_ends(arc, way):
    for i in range(3):
        path, (x, y, turn) = arc(i, way)
        *_start, cx, cy, ex, ey = map(float, re.findall(r"-?[\d.]+", path))
        along = math.degrees(math.atan2(ey - cy, ex - cx))
        assert abs((along - turn + 180) % 360 - 180) < 15 and math.hypot(x - ex, y - ey) < 12


def test_a_link_lies_over_its_part_whatever_the_shape_of_the_drawing():
    for (name, shape), (draw_it, _parts) in SHEETS.items():
        sheet = draw_it("")
        html = sheet.html(shape, SHEETS[name, shape][1], "", "a drawing")
        for key, (x, y, wide, high) in sheet.places.items():
            style = re.search(rf'data-part="{key}"[^>]*style="([^"]*)"', html)[1]
            seen = [float(v) / 100 for v in re.findall(r"([\d.]+)%", style)]
            wanted = [x / sheet.width, y / sheet.height, wide / sheet.width, high / sheet.height]
            assert np.allclose(seen, wanted, atol=1e-3), key


def test_below_a_drawing_stands_what_a_part_is():
    shown = whole_model()
    for key, part in shown.parts.items():
        said = re.search(rf'<p data-says="{key}">(.*?) <b>', shown.html)[1]
        assert said == marked(part.says)
