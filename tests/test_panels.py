"""Panels: what is asked for is what is sent, each number in its place; what cannot be drawn is one sentence."""

import numpy as np
import pytest
import torch
from films import at, cloud, line

from diffusion_lib.course import lesson01, lesson02
from diffusion_lib.diffusion import Schedule
from diffusion_lib.viz.figures import grid, to_uint8
from diffusion_lib.viz.packing import packed
from diffusion_lib.viz.panels import Line, curve, mix, pixels, scatter
from diffusion_lib.viz.player import FramePlayer

pytestmark = pytest.mark.usefixtures("one_thread")

FRAMES = 3


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
        Line([[0, 1]] * FRAMES),
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
    assert p["shape"] == 0.9 and p["frames"] == FRAMES
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


def test_each_line_may_have_intervals_of_its_own():
    p = curve([1, 2], [Line([0.5, 0.7], "a", ends=[(0.4, 0.6), (0.65, 0.8)]), Line([0, 1], "b")])
    assert [(m["name"], m["colors"]) for m in p["marks"]] == [("a", [0]), ("", [0]), ("", [0]), ("b", [1])]
    assert p["marks"][2]["x"].tolist() == [[2, 2]] and np.allclose(p["marks"][2]["y"], [[0.65, 0.8]])
    with pytest.raises(ValueError):
        curve([1, 2], [Line([1, 2], ends=[(0, 1)])])


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
    x, z = np.zeros((FRAMES, 2, 2), np.uint8), np.zeros((FRAMES, 4, 2))
    picture, cloud = pixels(x), scatter(z)
    x += 9
    z += 9
    assert not picture["data"].any() and not cloud["marks"][0]["x"].any()
    sent = packed([picture, cloud])
    assert bytes(sent[0]["data"]) == bytes(FRAMES * 4) and sent[1]["marks"][0]["x"].nbytes == 4 * 4 * FRAMES
    assert sent[1]["marks"][0]["n"] == 4 and sent[0]["frames"] == FRAMES


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_takes_bytes_as_they_are(channels):
    x = torch.rand(5, channels, 3, 4) * 2 - 1
    sent = to_uint8(x)
    sent = sent[:, None] if channels == 1 else sent.transpose(0, 3, 1, 2)
    assert np.array_equal(grid(sent, columns=2), grid(x, columns=2))


F = 7
RNG = np.random.default_rng(0)
ALPHA_BAR = np.linspace(1, 0, F)
GREY = RNG.integers(0, 256, (F, 5, 6), dtype=np.uint8)
COLOR = RNG.integers(0, 256, (F, 5, 6, 3), dtype=np.uint8)

# ---- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: pixels(GREY / 255.0), r"uint8 pictures .* got float64 .* turn \[-1, 1\] into"),
        (lambda: pixels(GREY[0]), r"got uint8 \(5, 6\)"),
        (lambda: pixels(COLOR[..., :2]), r"got uint8"),
        (lambda: pixels(GREY[:0]), r"got uint8 \(0, 5, 6\)"),
        (lambda: pixels(GREY, notes=["a", "b"]), "mixes 2 and 7 frames"),
        (lambda: pixels(GREY, notes=[1] * F), "notes needs a string or a list"),
        (lambda: pixels(GREY, title=3), "title needs a string"),
        (lambda: mix(np.zeros((2, 3, 4, 4)), np.zeros((2, 3, 4, 4)), ALPHA_BAR), "one picture, not a batch"),
        (lambda: mix(np.zeros((4, 4)), np.zeros((5, 5)), ALPHA_BAR), "one shape"),
        (lambda: mix(np.full((4, 4), 255.0), np.zeros((4, 4)), ALPHA_BAR), r"x0 in \[-1, 1\]"),
        (lambda: mix(np.full((4, 4), np.nan), np.zeros((4, 4)), ALPHA_BAR), "finite"),
        (lambda: mix(np.zeros((4, 4)), np.zeros((4, 4)), [0.5, 1.5]), r"alpha_bar .*\[0, 1\]"),
        (lambda: mix("a", "b", [1]), "array of numbers"),
        (lambda: scatter(np.zeros((4, 3))), r"shape \(N, 2\)"),
        (lambda: scatter(np.zeros((4, 2)), eps=np.zeros((4, 2))), "eps and alpha_bar together"),
        (lambda: scatter(np.zeros((4, 2)), colors=[0, 1]), "for each of the 4 points"),
        (lambda: scatter(np.zeros((4, 2)), colors="red"), "palette index"),
        (lambda: scatter(np.zeros((4, 2)), colors=7), "palette index"),
        (lambda: scatter(np.zeros((4, 2)), trail=[4]), "trail needs indices"),
        (lambda: scatter(np.zeros((4, 2)), xlim=(1, 1)), "low < high"),
        (lambda: curve([1], [1]), "at least two"),
        (lambda: curve([1, 2], {"a": [1, 2, 3]}), "like x"),
        (lambda: curve([1, 2], {"a": [1, 2]}, kind="pie"), "'line' or 'bars'"),
        (lambda: curve([1, 2], {"a": np.ones((3, 2))}, cursor=np.ones(5)), "mixes 3 and 5 frames"),
        (lambda: FramePlayer([]), "at least one panel"),
        (lambda: FramePlayer([GREY]), "at least one panel"),
        (lambda: FramePlayer([pixels(GREY), pixels(GREY[:3])]), "mixes 3 and 7 frames"),
        (lambda: FramePlayer(pixels(GREY), captions=["a", "b"]), "mixes 2 and 7 frames"),
        (lambda: FramePlayer(pixels(GREY), start=F), "0 to 6, got 7"),
        (lambda: FramePlayer(pixels(GREY), fps=0), "frames per second"),
        (lambda: FramePlayer(pixels(GREY), panel_width=0), "screen pixels"),
        (lambda: FramePlayer(pixels(np.zeros((70, 1024, 1024), np.uint8))), "70 MB and the limit is 64 MB"),
        (lambda: FramePlayer(pixels(GREY)).still(F), "0 to 6, got 7"),
    ],
)
def test_bad_input_is_one_sentence(make, says):
    with pytest.raises(ValueError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


# ---- what is sent -----------------------------------------------------------------------------------------------


def test_bytes_are_the_numbers():
    panel = pixels(COLOR)
    sent = np.frombuffer(panel["data"], np.uint8).reshape(-1, panel["height"], panel["width"], panel["channels"])
    assert (sent == COLOR).all() and panel["frames"] == F
    x0, eps = torch.rand(3, 4, 5), torch.randn(3, 4, 5)
    panel = mix(x0, eps, torch.linspace(1, 0, F, dtype=torch.float64))
    sent = np.frombuffer(panel["eps"], "<f4").reshape(4, 5, 3)
    assert np.allclose(sent.transpose(2, 0, 1), eps) and np.frombuffer(panel["alpha_bar"])[1] == 1 - 1 / 6
    moving = scatter(RNG.normal(size=(F, 4, 2)))
    assert moving["frames"] == F and moving["marks"][0]["x"].nbytes == 4 * 4 * F


def test_ticks_are_few_and_round():
    for low, high in [(0, 1), (0, 50), (-3.2, 3.2), (0, 1000), (-1e-4, 2e-4), (-2e5, 3)]:
        ticks = curve([low, high], [0, 1])["xticks"]
        assert 2 <= len(ticks) <= 6
        for value, text in ticks:
            assert low - 1e-12 <= value <= high + 1e-12 and len(text) <= 8
            assert np.isclose(float(text.replace("\N{MINUS SIGN}", "-")), value, atol=1e-12)


def test_cursor_dots_lie_on_the_lines():
    x = np.arange(F)
    *_, dots = curve(
        x, {"a": x**2, "bars": x, "b": np.outer(x, x)}, kind=("line", "bars", "line"), cursor=x + 0.5 * (x < 6)
    )["marks"]
    y = np.frombuffer(dots["y"], "<f4").reshape(F, 2)
    assert dots["colors"] == [0, 2] and y[2].tolist() == [6.5, 5.0]


# ---- odd input ------------------------------------------------------------------------------------------------------

Z = np.zeros((2, 8, 8), np.uint8)

NAN, INF = float("nan"), float("inf")
NONE = {
    "size nan": lambda: scatter(np.zeros((3, 2)), size=NAN),
    "size inf": lambda: scatter(np.zeros((3, 2)), size=INF),
    "size 0": lambda: scatter(np.zeros((3, 2)), size=0),
    "ylim inf": lambda: curve([1, 2], [1, 2], ylim=(0, INF)),
    "ylim nan": lambda: curve([1, 2], [1, 2], ylim=(NAN, 1)),
    "xlim one number": lambda: curve([1, 2], [1, 2], xlim=(0,)),
    "xlim words": lambda: curve([1, 2], [1, 2], xlim=("a", "b")),
    "ylim of no height": lambda: curve([1, 2], [1, 2], ylim=(1, 1 + 1e-16)),
    "ylim huge": lambda: curve([1, 2], [1, 2], ylim=(-1e308, 1e308)),
    "x of gaps": lambda: curve([NAN, NAN], [1, 2]),
    "bars somewhere": lambda: curve([NAN, 1, 2], [1, 2, 3], kind="bars"),
    "cursor nan": lambda: curve([1, 2], [1, 2], cursor=[NAN]),
    "alpha_bar nan": lambda: mix(np.zeros((8, 8)), np.zeros((8, 8)), [NAN]),
    "eps too large": lambda: mix(np.zeros((8, 8)), np.full((8, 8), 1e39), [0.5]),
    "trail 1.5": lambda: scatter(np.zeros((3, 2)), trail=[1.5]),
    "ragged frames": lambda: pixels([np.zeros((8, 8), np.uint8), np.zeros((9, 9), np.uint8)]),
    "ragged points": lambda: scatter([[0, 0], [1]]),
    "start 0.5": lambda: FramePlayer(pixels(Z), start=0.5),
    "fps nan": lambda: FramePlayer(pixels(Z), fps=NAN),
    "width nan": lambda: FramePlayer(pixels(Z), panel_width=NAN),
    "still 0.5": lambda: FramePlayer(pixels(Z)).still(0.5),
}


@pytest.mark.parametrize("call", NONE.values(), ids=NONE)
def test_numbers_that_are_none_are_one_sentence(call):
    with pytest.raises(ValueError) as error:
        call()
    text = str(error.value)
    assert "\n" not in text and text.endswith(".") and "inhomogeneous" not in text and "JSON" not in text


def test_what_32_bits_do_not_hold_is_a_gap():
    panel = curve([1, 2, 3], [1, 1e300, 2])
    assert panel["ylim"][1] < 3 and FramePlayer(panel).still()


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32, torch.float64], ids=str)
def test_tensors_of_every_kind_are_drawn(kind):
    x = torch.zeros(3, 8, 8, dtype=kind).requires_grad_()
    s = Schedule.of("cosine", 5)
    plain = mix(np.zeros((3, 8, 8)), np.zeros((3, 8, 8)), s.alpha_bar)
    assert np.array_equal(mix(x, x, s.alpha_bar)["x0"], plain["x0"])
    assert lesson01.explore_forward({"a": x}, s).player.n_frames == 6
    (lesson02.explore_schedule({"a": x}, T=50), lesson02.two_rulers(x[None]), lesson02.two_sizes(x[:, ::2, ::2], x, s))
    lesson01.chain_log_probability(x, s)
    for what in (x.detach().float().numpy(), x.int(), x[0, 0], torch.full((3, 8, 8), 5.0), None):
        with pytest.raises(ValueError, match="must be one float tensor"):
            lesson01.explore_forward({"a": what}, s)


# ---------------------------------------------------------------------------------------- panels


def test_clouds_keep_x_and_y_apart_and_so_does_their_noise():
    points, eps = np.array([[1.0, 10.0], [2.0, 20.0]]), np.array([[3.0, 30.0], [4.0, 40.0]])
    mark = scatter(points, eps=eps, alpha_bar=[1.0, 0.5])["marks"][0]
    for key, want in (("x", points[:, 0]), ("y", points[:, 1]), ("ex", eps[:, 0]), ("ey", eps[:, 1])):
        assert at(mark, key)[0].tolist() == want.tolist()
    moving = np.arange(12.0).reshape(3, 2, 2)
    assert np.array_equal(cloud([scatter(moving, "m", colors=0)], "m", 0), moving)


def test_words_stand_where_they_were_asked_for():
    p = curve([0, 10], {"up": [0, 1]}, "title", xlabel="along", ylabel="upwards", notes="a note", lead="a lead")
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
    assert at(dots, "y")[:, 0].tolist() == [0.0, 11.5, 23.0] and at(dots, "x")[:, 0].tolist() == [0.0, 1.5, 3.0]
    assert at(vertical, "x").tolist() == [[0, 0], [1.5, 1.5], [3, 3]]
    assert line([p], "", "a")[1].tolist() == ys[1].tolist()
