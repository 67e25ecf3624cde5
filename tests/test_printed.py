"""Moments of a film on paper: each has its own words, marks and pictures, as the player would show them."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from test_scenes import letters

from diffusion_lib.viz.figures import DASHES, PAPER
from diffusion_lib.viz.film import Film
from diffusion_lib.viz.look import Look
from diffusion_lib.viz.panels import curve, mix, pixels, scatter
from diffusion_lib.viz.printed import marked, picture, printed
from diffusion_lib.viz.stories import numbered, told
from diffusion_lib.viz.theme import LIGHT

A = np.array([1.0, 0.25, 0.0])
X0, EPS = np.array([[0.5, -1.0], [1.0, 0.0]]), np.array([[1.0, 2.0], [-1.0, 0.5]])


def plots(figure) -> list:
    """Its axes but the page's own."""
    return figure.axes[1:]


def test_each_moment_has_its_own_caption_and_notes():
    panels = [
        pixels(np.zeros((3, 4, 4), np.uint8), "one", notes=["n0", "n1", "n2"]),
        pixels(np.zeros((1, 4, 4), np.uint8), "two"),
    ]
    film = Film(panels, captions=["c0", "c1", "c2"], labels=["t = 0", "t = 1", "t = 2"])
    said = [text for text, _ in letters(printed(film, [1, 2], Look()))]
    assert {"n1", "n2", "c1", "c2", "t = 1", "t = 2"} <= {*said} and not {"n0", "c0", "t = 0"} & {*said}


def test_points_and_pictures_are_mixed_by_roots():
    figure = printed(Film(scatter(X0, eps=EPS, alpha_bar=A, xlim=(-3, 3), ylim=(-3, 3))), [1], Look())
    (axes,) = plots(figure)
    assert np.allclose(axes.collections[0].get_offsets(), 0.5 * X0 + 0.75**0.5 * EPS)
    seen = picture(Film(mix(X0, EPS, A)).panels[0], 1)
    assert np.array_equal(seen, ((0.5 * X0 + 0.75**0.5 * EPS + 1) * 127.5).clip(0, 255).round())


def test_a_plot_stands_upright_with_dashes_and_names_in_its_colours():
    lines = {"rises": np.array([0.0, 1, 2]), "falls": np.array([2.0, 1, 0])}
    figure = printed(Film(curve([0, 1, 2], lines)), [0], Look())
    page, axes = figure.axes[0], plots(figure)[0]
    low, high = axes.get_ylim()
    assert low < high and np.allclose(axes.lines[0].get_ydata(), lines["rises"])
    _, _, _, _, palette = PAPER["white"]
    assert [to_hex(line.get_color()) for line in axes.lines] == [*palette[:2]]
    assert [line.get_linestyle() for line in axes.lines] == [line.get_linestyle() for line in page.lines]
    assert axes.lines[1].is_dashed() and DASHES[1] != DASHES[0]
    assert [to_hex(line.get_color()) for line in page.lines] == [*palette[:2]]  # the signs of the legend


def test_marks_on_a_field_are_dark():
    field = np.full((1, 2, 2, 3), 200, np.uint8)
    plane = {"xlim": (-2, 2), "ylim": (-2, 2)}
    for more, colour in (({"field": field}, LIGHT["words"][1]), ({}, PAPER["white"][-1][1])):
        (axes,) = plots(printed(Film(scatter(X0, colors=1, **plane, **more)), [0], Look()))
        assert to_hex(axes.collections[0].get_facecolor()[0]) == colour


def test_ticks_that_would_touch_are_left_out():
    x = np.arange(12.0)
    panel = curve(x, x, xticks=[(v, f"a long name {v:g}") for v in x])
    (axes,) = plots(printed(Film(panel), [0], Look(width=3)))
    assert 1 <= len(axes.get_xticks()) < 12
    (axes,) = plots(printed(Film(curve(x, x, xticks=[(0, "0"), (11, "11")])), [0], Look(width=3)))
    assert len(axes.get_xticks()) == 2


def test_a_text_stays_a_text():
    assert marked("5 $ and 6 $") == r"5 \$ and 6 \$" and marked("x_{t}").startswith("x$_")


def test_moments_are_called_by_numbers_that_are_theirs_alone():
    assert numbered(["t = 5", "t = 1,000"], 2) == [5, 1000]
    assert numbered(["call 1", "call 1", "call 2"], 3) == [0, 1, 2] == numbered([], 3) == numbered(["a", "b", "c"], 3)


@pytest.mark.parametrize(("usual", "first"), ((None, 2), ((1, 2), 1)))
def test_a_page_begins_where_the_still_does(usual, first, monkeypatch):
    seen = []
    monkeypatch.setattr(Film, "save_html", lambda self, path, i, **more: seen.append(i))
    from diffusion_lib.viz.about import About

    told(Film(pixels(np.zeros((3, 4, 4), np.uint8))), "It.", usual).page("a.html", "", About())
    assert seen == [first]
