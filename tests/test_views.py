"""The lessons' views without a browser: what their films hold, and every callback, also from a second thread."""

import io
import math
import threading
import time
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from films import frames_of, mark
from PIL import Image

from diffusion_lib import data
from diffusion_lib.course.lesson01 import chain_log_probability, explore_forward, ink, steps_or_jump
from diffusion_lib.course.lesson03 import ancestors, few_steps, is_it_gaussian, memory, step_reverse
from diffusion_lib.diffusion import Schedule
from diffusion_lib.evaluation.metrics import nearest
from diffusion_lib.viz.figures import grid, to_uint8

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
        assert np.allclose(drawn.sum(1) * width, 1, atol=5e-3) and np.allclose(
            exact.sum(1) * width, 1, atol=5e-3
        )
        assert np.abs(drawn - exact)[1:].max() < 6 * math.sqrt(exact.max() / (20_000 * width))
    assert not np.array_equal(mark(player, 0), mark(player, 1))  # other dice


def test_the_chains_sum_is_shown():
    player = chain_log_probability(data.digits().x[:1], S)
    terms, total = mark(player, 1)[0], mark(player, 2)[0]
    assert len(terms) == 20 and len(total) == 21 and total[0] == 0
    assert np.allclose(np.cumsum(terms), total[1:], rtol=1e-5)
    assert f"{total[-1]:+.1f}" in player.film["captions"][-1]


# ---------------------------------------------------------------------------------------- reverse


@pytest.fixture
def stepper():
    return step_reverse({"cats": CATS, "digits": data.digits().x}, S, steps=20)


def test_the_glass_box_shows_the_step_that_was_taken(stepper):
    steps = stepper.trace.steps
    assert [q.t for q in steps] == list(range(20, 0, -1))
    for i, what in ((0, "xt"), (2, "x0_hat"), (3, "mean"), (5, "xs")):
        assert np.array_equal(frames_of(stepper.player, i), to_uint8(stepper.trace.frames(what)[:, 0]))
    film = stepper.player.film
    for i in (0, 7, 19):  # the numbers in the notes rebuild the pictures
        q, a = steps[i], S.alpha_bar
        keep, direction = (float(w.split()[0]) for w in film["panels"][3]["notes"][i].split(" + "))
        rebuilt = keep * q.x0_hat + direction * q.eps_hat
        assert (rebuilt - q.mean).abs().max() < 0.03
        assert film["panels"][4]["lead"][i] == f"+ {q.sigma:.2f} ×"
        assert math.isclose(keep, float(a[q.s].sqrt()), abs_tol=0.006)
    possible = mark(stepper.player, 6)[0]
    assert possible[0] > 35 and possible[-1] < 1.01  # of 40 cats
    assert "adds nothing" in film["captions"][-1] and "adds nothing" not in film["captions"][-2]


def test_what_can_be_pressed_can_be_seen(stepper):
    """A control without a height of its own is as high as a line, not 0 pixels high."""
    for control in (stepper.start, stepper.branch, stepper.kind, stepper.eta, stepper.which):
        assert control.layout.height is None
    assert stepper.start.layout.min_width == "140px"


def test_log_p_adds_up(stepper):
    log_p = mark(stepper.player, 7)[0]
    normal = torch.distributions.Normal
    want = normal(0.0, 1.0).log_prob(stepper.trace.steps[0].xt).sum()
    for i, q in enumerate(stepper.trace.steps):
        if q.sigma:
            want = want + normal(q.mean, q.sigma).log_prob(q.xs).sum()
        assert math.isclose(log_p[i], float(want), rel_tol=1e-4)


def test_rerolling_keeps_the_past_and_changes_the_future(stepper):
    before = frames_of(stepper.player, 5).copy()
    stepper.player.value = 4
    stepper.branch.click()
    after = frames_of(stepper.player, 5)
    assert stepper.player.value == 4
    assert np.array_equal(before[:4], after[:4]) and not np.array_equal(before[4], after[4])
    stepper.branch.click()
    assert not np.array_equal(after[4], frames_of(stepper.player, 5)[4])


def test_eta_zero_draws_nothing_and_a_new_start_is_new(stepper):
    first = stepper.trace.steps[0].xt.clone()
    stepper.eta.value = 0.0
    assert stepper.trace.frames("sigma").abs().max() == 0
    assert all("draws nothing" in c for c in stepper.player.film["captions"])
    assert torch.equal(stepper.trace.steps[0].xt, first)  # the same start: only eta changed
    stepper.player.value = 9
    stepper.start.click()
    assert not torch.equal(stepper.trace.steps[0].xt, first) and stepper.player.value == 0


def test_other_data_other_pictures(stepper):
    stepper.which.value = "digits"
    d, _ = nearest(stepper.trace.final, data.digits().x)
    assert d.max() < 1e-6


def test_callbacks_from_a_second_thread_while_this_one_works(stepper):
    """JupyterLab 4.4 and ipykernel 7 run callbacks beside a running cell."""
    errors = []

    def clicks():
        try:
            for i in range(5):
                stepper.player.value = i
                stepper.branch.click()
                stepper.eta.value = i / 5
        except Exception as error:  # a thread's exception would pass unseen
            errors.append(error)

    thread = threading.Thread(target=clicks)
    thread.start()
    while thread.is_alive():
        stepper.start.click()
        memory(CATS, S, n=2)
    assert not errors
    assert stepper.player.film["frames"] == len(stepper.trace.steps) == 20
    assert np.array_equal(frames_of(stepper.player, 5), to_uint8(stepper.trace.frames("xs")[:, 0]))


def test_ancestors_are_one_near_the_picture_and_many_far_from_it():
    player = ancestors(CATS, S, times=(1, 10, 20), n=12)
    said = player.film["captions"]
    assert "always the same picture" in said[0] and "12 of 12 the one that was" in said[0]
    assert int(said[2].split(":  ")[1].split()[0]) > 4
    noisy = frames_of(player, 1)
    assert noisy.shape[0] == 3 and noisy.shape[1:] == (16, 16, 3)


def test_the_perfect_denoiser_copies():
    player = memory(CATS, S, n=16)
    assert player.film["captions"][-1].endswith("0.0000 a pixel")
    assert np.array_equal(frames_of(player, 0)[-1], frames_of(player, 2)[0])


def test_the_gaussian_fits_small_steps_only():
    player = is_it_gaussian()
    gap = mark(player, 1)[0]
    assert gap[0] < 1e-3 and gap.max() > 0.3 and int(gap.argmax()) > 40
    truth, fit = mark(player, 0, j=0), mark(player, 0, j=1)
    assert np.abs(truth[0] - fit[0]).max() < 0.02 and np.abs(truth[-15] - fit[-15]).max() > 0.3
    # both are densities
    assert np.allclose(np.trapezoid(truth, axis=1), np.trapezoid(fit, axis=1), rtol=0.02)


def test_haste_costs_even_a_perfect_denoiser():
    islands = data.load("ring", n=50)
    player = few_steps(CATS, islands.modes, islands.sd, Schedule.of("linear", 500), counts=(1, 5, 100))
    said = player.film["captions"]
    ddpm, ddim = ([int(c.split(f"% with {name}")[0].split()[-1]) for c in said] for name in ("DDPM", "DDIM"))
    assert ddpm[0] < 10 and ddim[0] < 10 and ddpm[2] > 95 and ddim[2] > 95
    average = grid(CATS.mean(0).expand(12, -1, -1, -1), columns=4)
    assert np.abs(frames_of(player, 0)[0].astype(int) - average).max() <= 12  # one step: the mean of all cats


def test_the_view_uses_the_same_noise_as_the_library():
    view = explore_forward({"a cat": CATS[:1]}, S, upload=False)
    p = view.player.film["panels"][0]
    x0, eps = (
        torch.tensor(np.frombuffer(p[k], "<f4").reshape(1, 16, 16, 3)).permute(0, 3, 1, 2)
        for k in ("x0", "eps")
    )
    assert torch.equal(x0, CATS[:1])
    assert torch.equal(eps, torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)))


# ---------------------------------------------------------------------------------------- more asked than can be done


def test_only_what_was_asked_last_is_shown():
    """Ten quick steps of a slider, as the browser's thread hears them: the last one is walked, the others are left off."""
    from diffusion_lib.course.common import Newest

    newest, begun, done = Newest(), [], []

    def work(k):
        def walk(stale):
            begun.append(k)
            for _ in range(100):
                if stale():
                    return
                time.sleep(0.002)
            done.append(k)

        return walk

    def press():
        for k in range(10):
            newest.ask(work(k))
            time.sleep(0.005)

    tick = time.perf_counter()
    thread = threading.Thread(target=press)
    thread.start()
    thread.join()
    assert time.perf_counter() - tick < 5 and not done  # who asks does not wait
    end = time.monotonic() + 20
    while not done and time.monotonic() < end:
        time.sleep(0.01)
    assert done == [9] and begun[-1] == 9
    newest.ask(work("a cell"))  # in a cell it is there when the line has run
    assert done == [9, "a cell"]


def test_the_stepper_says_that_it_computes_and_settles_on_the_last_eta():
    cats = data.sprites(4, size=8, seed=0)
    box = step_reverse({"cats": cats.x}, Schedule.of("linear", 40), steps=40)
    said = []
    box.says.observe(lambda change: said.append(change["new"]), "value")

    def press():
        for value in (0.9, 0.5, 0.2, 0.0):
            box.eta.value = value

    thread = threading.Thread(target=press)
    thread.start()
    thread.join()
    end = time.monotonic() + 20
    while "no fresh noise at all" not in box.says.value and time.monotonic() < end:
        time.sleep(0.01)
    assert "Computing" in said[0] and "no fresh noise at all" in said[-1]
    assert all(step.sigma == 0 for step in box.trace.steps)
    other = step_reverse({"cats": cats.x}, Schedule.of("linear", 40), steps=40)
    other.eta.value = 0.0
    assert torch.equal(box.trace.final, other.trace.final)
