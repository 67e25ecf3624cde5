"""Lesson 01 without a browser: what its films hold, against what the library computes."""

import io
import math
import re
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from films import at, line, mark, mixed, numbers, panel, pictures
from PIL import Image
from small import dice

from diffusion_lib import data
from diffusion_lib.course.lesson01 import chain_log_probability, explore_forward, ink, steps_or_jump
from diffusion_lib.course.lesson01 import views as lesson01
from diffusion_lib.diffusion import Schedule, add_noise, forward_path, forward_step, log_q_chain
from diffusion_lib.evaluation.metrics import nearest
from diffusion_lib.oracle import mixture_denoiser
from diffusion_lib.sampling import sample
from diffusion_lib.viz.figures import to_uint8

pytestmark = pytest.mark.usefixtures("one_thread")

CATS = data.sprites(40, size=16, seed=0, species="cat").x
S = Schedule.of("cosine", 20)


def png(size=(30, 20)):
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(buffer, "png")
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------- forward


def test_explore_forward_sends_each_picture_once_and_the_table():
    view = explore_forward({"a cat": CATS[:1], "a digit": data.digits().x[0]}, S)
    film = view.player.film
    assert [p["title"] for p in film["panels"]] == ["a cat", "a digit"] and film["frames"] == 21
    assert np.array_equal(np.frombuffer(film["panels"][0]["alpha_bar"]), S.alpha_bar.numpy())
    assert film["captions"][0].endswith("no noise") and "0.010 x_{0}" in film["captions"][20]


def upload(view, content, name="me.png"):
    view.upload.value = (
        {
            "name": name,
            "type": "image/png",
            "size": len(content),
            "content": memoryview(content),
            "last_modified": datetime.now(UTC),
        },
    )


def test_your_own_picture_joins_and_a_broken_one_is_explained():
    view = explore_forward({"a cat": CATS[:1]}, S)
    upload(view, png())
    assert [p["title"] for p in view.player.film["panels"]] == ["a cat", "yours"]
    upload(view, b"this is no picture", "<b>bad</b>.png")
    assert [p["title"] for p in view.player.film["panels"]] == ["a cat", "yours"]
    said = view.children[1].children[1].value
    assert "✗" in said and "<b>" not in said


def test_ink_goes_the_same_way_there_and_three_ways_back():
    points = data.load("cat", n=200, seed=0).x
    player = ink(points, T=20)
    xy = [np.stack([mark(player, i, key="x"), mark(player, i)], -1) for i in range(3)]
    assert all(a.shape == (41, 200, 2) for a in xy)
    for other in xy[1:]:
        assert np.array_equal(xy[0][:21], other[:21])
    film, cup, back = (torch.tensor(a[-1]) for a in xy)
    assert torch.allclose(film, points, atol=1e-6)  # every particle at its own place
    far = [float(nearest(a, points)[0].mean()) for a in (cup, back)]
    assert far[0] > 3 * far[1] and far[1] < 0.05  # fog; a cat
    assert float((back - points).norm(dim=1).mean()) > 0.5  # but not each particle at home


def test_steps_and_jump_have_the_same_histogram():
    player = steps_or_jump(0.8, Schedule.of("cosine", 20), n=20_000)
    width = 7 / 35
    for i in (0, 1):
        drawn, exact = mark(player, i, j=0), mark(player, i, j=1)
        assert np.allclose(drawn.sum(1) * width, 1, atol=5e-3) and np.allclose(exact.sum(1) * width, 1, atol=5e-3)
        assert np.abs(drawn - exact)[1:].max() < 6 * math.sqrt(exact.max() / (20_000 * width))
    assert not np.array_equal(mark(player, 0), mark(player, 1))  # other dice


def test_the_chains_sum_is_shown():
    player = chain_log_probability(data.digits().x[:1], S)
    terms, total = mark(player, 1)[0], mark(player, 2)[0]
    assert len(terms) == 20 and len(total) == 21 and total[0] == 0
    assert np.allclose(np.cumsum(terms), total[1:], rtol=1e-5)
    assert f"{total[-1]:+.1f}" in player.film["captions"][-1]


def test_the_view_uses_the_same_noise_as_the_library():
    view = explore_forward({"a cat": CATS[:1]}, S, upload=False)
    p = view.player.film["panels"][0]
    x0, eps = (
        torch.tensor(np.frombuffer(p[k], "<f4").reshape(1, 16, 16, 3)).permute(0, 3, 1, 2) for k in ("x0", "eps")
    )
    assert torch.equal(x0, CATS[:1])
    assert torch.equal(eps, torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)))


FEW_CATS = data.sprites(12, size=16, seed=0, species="cat").x
SEEN, FRESH = data.digits().split(1000)
SHORT = Schedule.of("cosine", 6)
A = SHORT.alpha_bar

# ---------------------------------------------------------------------------------------- what the films show


def test_forward_captions_give_the_weights_of_picture_and_noise():
    for t, said in enumerate(lesson01.forward_captions(SHORT)):
        a = float(A[t])
        signal, _, noise, *ratio = numbers(said)
        assert signal == pytest.approx(math.sqrt(a), abs=6e-4) and noise == pytest.approx(math.sqrt(1 - a), abs=6e-4)
        assert not t or ratio[0] == pytest.approx(math.sqrt(a / (1 - a)), abs=6e-3)


def test_explore_forward_mixes_each_picture_with_the_noise_of_its_seed():
    view = lesson01.explore_forward({"one": FEW_CATS[0], "two": FEW_CATS[1:2]}, SHORT, upload=False, seed=5)
    g = dice(5)
    for name, x in (("one", FEW_CATS[0]), ("two", FEW_CATS[1])):
        x0, eps, a = mixed(view.player, name)
        assert np.array_equal(x0, x) and np.array_equal(a, A)
        assert np.array_equal(eps, torch.randn(3, 16, 16, generator=g))


def test_ink_goes_three_ways_back_each_under_its_name():
    points, T = data.load("moons", n=40).x, 4
    player = lesson01.ink(points, T=T, seed=2)
    schedule, g = Schedule.of("cosine", T), dice(2)
    there = forward_path(points, schedule, g)
    x, cup = there[-1], []
    for t in range(T, 0, -1):
        x = forward_step(x, t, torch.randn(x.shape, generator=g), schedule)
        cup.append(x)
    back = [q.xs for q in sample(mixture_denoiser(points, 0.01, schedule), there[-1], schedule, generator=g)]
    for title, rest in (
        ("The film", there.flip(0)[1:]),
        ("The cup", torch.stack(cup)),
        ("The reverse", torch.stack(back)),
    ):
        shown = panel(player, title)["marks"][0]
        assert np.allclose(np.stack([at(shown, "x"), at(shown, "y")], -1), torch.cat([there, rest]), atol=1e-6)
        bands = np.array(shown["colors"])
        for left, right in ((0, 1), (1, 2), (2, 3)):  # four bands, left to right
            assert points[bands == left, 0].max() <= points[bands == right, 0].min()
    assert player.film["labels"] == [f"kick {k}" for k in (0, 1, 2, 3, 4, 3, 2, 1, 0)]


def test_steps_and_jump_are_drawn_apart():
    player, g, n = lesson01.steps_or_jump(0.8, SHORT, n=300, seed=1), dice(1), 300
    x0 = torch.full((n, 1), 0.8, dtype=torch.float64)
    x = x0
    for t in range(7):
        if t:
            x = forward_step(x, t, torch.randn(n, 1, generator=g, dtype=torch.float64), SHORT)
        jump = add_noise(x0, t, torch.randn(n, 1, generator=g, dtype=torch.float64), SHORT)
        for title, values in (("t small steps", x), ("one jump", jump)):
            assert np.allclose(line(player, title, "drawn")[t], torch.histc(values, 35, -3.5, 3.5) / (n * 0.2))
        a = float(A[t])
        said = numbers(player.film["captions"][t])
        want = [x.mean(), jump.mean(), math.sqrt(a) * 0.8, x.var(), jump.var(), 1 - a]
        assert said == pytest.approx([float(v) for v in want], abs=6e-4)


def test_the_chain_shows_path_terms_and_sum():
    x0 = FRESH.x[:1]
    player, path = lesson01.chain_log_probability(x0, SHORT, seed=3), forward_path(x0, SHORT, dice(3))
    terms = log_q_chain(path, SHORT)[:, 0]
    assert np.array_equal(pictures(player, "one path"), to_uint8(path[:, 0]))
    assert np.allclose(line(player, "log q of each step")[0], terms, rtol=1e-5)
    assert np.allclose(line(player, "their sum")[0], [0, *terms.cumsum(0)], rtol=1e-5)
    for i, said in enumerate(player.film["captions"][1:], 1):
        term, total = re.search(r"= ([-+.\d]+)  ", said)[1], re.search(r"= ([-+.\d]+) nats", said)[1]
        assert float(term) == pytest.approx(float(terms[i - 1]), abs=0.06)
        assert float(total) == pytest.approx(float(terms[:i].sum()), abs=0.06)
