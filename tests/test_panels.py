"""What a curve is made of: lines in their colours, scales of powers of ten, ticks, a cursor, intervals."""

import numpy as np
import pytest
import torch

from diffusion_lib.viz.figures import grid, to_uint8
from diffusion_lib.viz.packing import packed
from diffusion_lib.viz.panels import Line, curve, pixels, scatter

F = 3


def test_a_curve_on_powers_of_ten_speaks_in_plain_numbers():
    p = curve([1, 10, 1000], {"a": [0.01, 0, 100]}, log="xy", ylim=(0.001, 1000), cursor=[1, 10, 100])
    line, upright, dots = p["marks"]
    assert line["x"].tolist() == [[0, 1, 3]] and np.isnan(line["y"][0, 1])  # what is not above 0 is a gap
    assert line["y"][0, ::2].tolist() == [-2, 2] and p["ylim"] == [-3, 3] and p["xlim"] == [0, 3]
    assert upright["x"][:, 0].tolist() == [0, 1, 2] == dots["x"][:, 0].tolist()
    assert p["xticks"] == [[0, "1"], [1, "10"], [2, "100"], [3, "1,000"]]
    assert [v for v, _ in p["yticks"]] == [-3, -2, -1, 0, 1, 2, 3] and p["yticks"][0][1] == "0.001"
    p = curve([1, 10], [1, 1000], log="y", xlim=(1, 7), yticks=(2, (500, "half")), xticks=[(1, "one")])
    assert p["xticks"] == [[1, "one"]] and p["xlim"] == [1, 7]
    assert np.allclose([v for v, _ in p["yticks"]], np.log10([2, 500]))
    assert [text for _, text in p["yticks"]] == ["2", "half"]


def test_lines_have_the_looks_they_ask_for():
    lines = [
        Line([1, 2], "a", colour=3),
        Line([2, 3], colour=3, dash=1),
        Line([[0, 1]] * F),
        Line([3, 4], "b", kind="bars"),
    ]
    p = curve([0, 1], lines, cursor=[0, 0.5, 1], shape=0.9)
    assert [(m["name"], m["kind"], m["colors"], m["dash"]) for m in p["marks"][:4]] == [
        ("a", "line", [3], 3),
        ("", "line", [3], 1),
        ("", "line", [2], 2),
        ("b", "bars", [3], 3),
    ]
    assert p["marks"][-1]["colors"] == [3, 3, 2] and p["marks"][-1]["y"][1].tolist() == [1.5, 2.5, 0.5]
    assert p["shape"] == 0.9 and p["frames"] == F
    quiet = curve([0, 1], [Line([1, 2], "a")], cursor=[0, 1], dots=False)
    assert [m["kind"] for m in quiet["marks"]] == ["line", "line"]


def test_intervals_stand_upright_at_their_places():
    p = curve([1, 2], [Line([0.5, 0.7], kind="bars")], intervals=[(0.4, 0.6), (0.65, 0.8)])
    _, first, second = p["marks"]
    assert first["x"].tolist() == [[1, 1]] and np.allclose(first["y"], [[0.4, 0.6]])
    assert second["x"].tolist() == [[2, 2]] and np.allclose(second["y"], [[0.65, 0.8]])
    assert first["colors"] == [6] and p["ylim"][1] > 0.8  # nothing leaves the plane
    with pytest.raises(ValueError):
        curve([1, 2], [1, 2], intervals=[(0, 1)])


def test_a_cursor_knows_its_frame_where_two_places_are_one():
    dots = curve([0, 0, 4], {"a": [1, 3, 5]}, cursor=[0, 0, 4], xlim=(0, 9))["marks"][-1]
    assert dots["y"].ravel().tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: curve([1, 2], [1, 2], log="z"), "log is"),
        (lambda: curve([1, 2], [Line([1, 2], colour=7)]), "colour of a line is 0 to 6"),
        (lambda: curve([1, 2], [Line([1, 2], dash="dotted")]), "dash of a line is 0 to 6"),
        (lambda: curve([1, 2], [Line([1, 2], kind="pie")]), "'line' or 'bars'"),
        (lambda: curve([1, 2], [1, 2], xticks=[(1, 2)]), "text of one of xticks"),
        (lambda: curve([1, 2], [1, 2], log="y", ylim=(0, 1)), "ylim"),
    ],
)
def test_bad_curves_are_one_sentence(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_a_panel_keeps_what_it_was_given_and_its_bytes_are_made_at_the_edge():
    x, z = np.zeros((F, 2, 2), np.uint8), np.zeros((F, 4, 2))
    picture, cloud = pixels(x), scatter(z)
    x += 9
    z += 9
    assert not picture["data"].any() and not cloud["marks"][0]["x"].any()
    sent = packed([picture, cloud])
    assert bytes(sent[0]["data"]) == bytes(F * 4) and sent[1]["marks"][0]["x"].nbytes == 4 * 4 * F
    assert sent[1]["marks"][0]["n"] == 4 and sent[0]["frames"] == F


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_takes_bytes_as_they_are(channels):
    x = torch.rand(5, channels, 3, 4) * 2 - 1
    sent = to_uint8(x)
    sent = sent[:, None] if channels == 1 else sent.transpose(0, 3, 1, 2)
    assert np.array_equal(grid(sent, columns=2), grid(x, columns=2))
