"""Drawings on paper: the same calls as a sheet of links, in every look, and curves that go where SVG's would."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image
from test_scenes import letters, meeting

from diffusion_lib.course import maps
from diffusion_lib.viz.figures import png, raster
from diffusion_lib.viz.look import Look
from diffusion_lib.viz.paper import Paper, curve, formula
from diffusion_lib.viz.theme import DARK, LIGHT


@pytest.mark.parametrize(
    ("large", "sweep", "centre"), [(0, 1, (0, 10)), (1, 0, (0, 10)), (0, 0, (10, 0)), (1, 1, (10, 0))]
)
def test_an_arc_of_svg_goes_round_the_right_centre_the_right_way(large, sweep, centre):
    """From (0, 0) to (10, 10), y downwards: clockwise on the page is a sweep of 1."""
    points = curve(f"M0 0 A10 10 0 {large} {sweep} 10 10").vertices
    assert np.allclose(points[-1], (10, 10)) and np.allclose(np.hypot(*(points - centre).T), 10)
    angles = np.unwrap(np.arctan2(points[:, 1] - centre[1], points[:, 0] - centre[0]))
    assert (angles[-1] > angles[0]) == bool(sweep) and (abs(angles[-1] - angles[0]) > np.pi) == bool(large)


def test_lines_and_curves_of_svg():
    line = curve("M1 2 H5 V-3.5 L0 0 C1 1 2 2 3 3")
    assert line.vertices.tolist() == [[1, 2], [5, 2], [5, -3.5], [0, 0], [1, 1], [2, 2], [3, 3]]
    assert line.codes.tolist() == [1, 2, 2, 2, 4, 4, 4]


def test_a_formula_is_set_as_one():
    assert formula("p_{θ}(x_{t−1} | x_{t})") == r"$p_{\theta}(x_{t{-}1} \mid  x_{t})$"
    assert formula("ε̂_{θ}") == r"$\hat{\epsilon}_{\theta}$"


def sketch(new):
    red = png(np.full((4, 4, 3), (250, 0, 0), np.uint8))
    s = new(400, 200)
    s.box(10, 10, 120, 60, "q", ("D", "math.q", 24), ("a box", "quiet", 14))
    s.picture(200, 10, 100, red, "x_{t}", "below"), s.badge(1, 2, "07", ""), s.place("q", 0, 0, 9, 9)
    s.write(100, 150, "q(x_{t} | x_{t−1})", "math.q", 20), s.step(30, 120, "3", "p")
    s.arrow("M10 180 H90", "p.far", (100, 180, 0))
    return s


@pytest.mark.parametrize("background", ["white", "dark", "transparent"])
def test_a_drawing_has_its_words_its_colours_and_its_pictures(background):
    paper = sketch(Paper(Look(background=background, width=4, dpi=100)))
    said = [text for text, _ in letters(paper.figure)]
    assert {"a box", "below", "3", "$D$", "$x_{t}$", r"$q(x_{t} \mid  x_{t{-}1})$"} == {*said}  # no number of a lesson
    theme = DARK if background == "dark" else LIGHT
    assert to_hex(next(t for t in paper.ax.texts if t.get_text() == "$D$").get_color()) == theme["words"][0]
    a = np.asarray(Image.open(io.BytesIO(png(paper.figure))))
    assert a.shape[:2] == (200, 400) and a[50, 250].tolist() == [250, 0, 0, 255]
    assert (
        a[199, 0].tolist()
        == {"white": [255] * 4, "dark": [20, 23, 26, 255], "transparent": [255, 255, 255, 0]}[background]
    )


def test_without_words_and_formulas_what_names_the_parts_stays():
    said = [text for text, _ in letters(sketch(Paper(Look(words=False, formula=False, width=4))).figure)]
    assert {*said} == {"3", "$D$", "$x_{t}$"}


def test_a_sheet_of_links_and_paper_are_drawn_by_the_same_lines():
    """What only points to a lesson stands on the sheet alone."""
    for layout in (maps.model_wide, maps.model_tall, maps.loop_wide, maps.loop_tall):
        sheet = layout()
        paper = layout(new=Paper(Look(dpi=50)))
        assert meeting(paper.figure) == ([], [])
        links, said = "".join(sheet.drawn), [text for text, _ in letters(paper.figure)]
        assert "is it good?" in links and "is it good?" not in said and len(said) > 8
        assert len(paper.ax.images) == links.count("<image")
        assert raster(paper.figure).shape[1] == 400


@pytest.mark.parametrize("turn", (0, 90, 180, 240, 330))
def test_the_head_of_an_arrow_is_its_foremost_point(turn):
    s = Paper(Look(dpi=50))(200, 100)
    s.arrow("M0 0 L100 50", "q", (100, 50, turn))
    corners = s.ax.patches[-1].get_xy() - (100, 50)
    forward = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))])  # y downwards, as in an SVG
    assert (corners @ forward <= 1e-6).all() and (corners @ forward).min() < -10


@pytest.mark.parametrize("background", ("white", "dark"))
def test_a_picture_stands_upright_and_letters_are_seen(background):
    s = Paper(Look(dpi=50, background=background))(100, 100)
    s.picture(10, 10, 80, png(np.stack([np.full((4, 3), (250, 0, 0)), np.full((4, 3), (0, 0, 250))]).astype(np.uint8)))
    s.write(50, 98, "letters")
    page = raster(s.figure).astype(int)
    high = len(page)
    assert page[high // 4, high // 2].tolist() == [250, 0, 0] and page[3 * high // 4, high // 2].tolist() == [0, 0, 250]
    theme = DARK if background == "dark" else LIGHT
    ink, paper = (int(to_hex(c)[1:3], 16) for c in (s.ax.texts[-1].get_color(), theme["page"]))
    assert abs(ink - paper) > 150
