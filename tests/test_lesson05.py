"""Lesson 05 without a browser: each part moves exactly the weights it says, moments can be gone back to, each panel and button is what it says."""

import math
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from films import cloud, line, numbers, panel, pictures, stored
from PIL import Image
from small import until

from diffusion_lib import data, gan
from diffusion_lib.course import ahead
from diffusion_lib.course.lesson05 import cat_film, step_gan
from diffusion_lib.course.lesson05 import duel as module
from diffusion_lib.course.lesson05 import pair as module_pair
from diffusion_lib.course.lesson05.duel import Film
from diffusion_lib.course.lesson05.looks import Points, border, tint
from diffusion_lib.course.lesson05.pair import Pair, kernel_log_density, real_log_density
from diffusion_lib.evaluation.records import CAT_FILM
from diffusion_lib.viz import player
from diffusion_lib.viz.figures import grid

pytestmark = pytest.mark.usefixtures("one_thread")

MOONS = data.load("moons", n=1000)
RING = data.load("ring", n=1000)
CATS = data.Data(data.sprites(64, size=16, species="cat").x, name="cats")


def weights(learner):
    return torch.cat([p.detach().flatten() for p in learner.model.parameters()])


def equal_states(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal_states(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal_states, a, b))
    return a == b or (a != a and b != b)  # nan is itself here


# ---------------------------------------------------------------------------------------- the pair


@pytest.mark.parametrize("d", (MOONS, CATS), ids=lambda d: d.name)
@pytest.mark.parametrize(("part", "moves"), (("draw", ""), ("teach", "d"), ("fool", "g"), ("repeat", "gd")))
def test_each_part_moves_exactly_the_weights_it_says(d, part, moves):
    pair = Pair(d, batch=16)
    g, discriminator, z = weights(pair.g), weights(pair.d), pair.z
    said = getattr(pair, part)()
    assert torch.equal(g, weights(pair.g)) == ("g" not in moves)
    assert torch.equal(discriminator, weights(pair.d)) == ("d" not in moves)
    assert torch.equal(z, pair.z) == (part in ("teach", "fool"))
    assert ("G's did not" in said) == (moves == "d") and ("D's did not" in said) == (moves == "g")
    assert ("No weights moved" in said) == (moves == "")


def test_a_repeat_is_the_librarys_step_to_the_bit():
    pair, other = Pair(MOONS), Pair(MOONS)
    pair.repeat(3)
    for _ in range(3):  # the same dice, thrown in the same order: fakes, real ones, fresh fakes
        z = other.g.model.noise(128, other.dice)
        real = MOONS.x[torch.randint(len(MOONS), (128,), generator=other.dice)]
        with torch.no_grad():
            fake = other.g.model(z)
        gan.d_step(other.d, real, fake, other.loss, other.regular, other.dice)
        fresh = other.g.model(other.g.model.noise(128, other.dice))
        gan.g_step(other.g, other.d, real, fresh, other.loss)
    assert torch.equal(weights(pair.g), weights(other.g)) and torch.equal(weights(pair.d), weights(other.d))


def test_pictures_lie_as_convolutions_like_them_and_are_taught_as_ever():
    """With the colours of a pixel side by side a step on cats took a seventh less time, and what is learned is the same up to rounding."""
    nets = gan.build(CATS, loss="non-saturating", batch=8)[1].learners
    pair, plain = (Pair(CATS, nets=[n.model for n in nets], batch=8) for _ in range(2))
    for learner in (plain.g, plain.d):
        for net in (learner.model, learner.ema):
            kernels = [p for p in net.parameters() if p.ndim == 4 and p.shape[2] > 1 < p.shape[1]]
            assert kernels and all(k.is_contiguous(memory_format=torch.channels_last) for k in kernels)
            net.to(memory_format=torch.contiguous_format)
    pair.repeat(3), plain.repeat(3)
    assert torch.allclose(pair.fakes, plain.fakes, atol=1e-4) and torch.allclose(pair.scores, plain.scores, atol=1e-4)
    assert nets[0].model.last.weight.is_contiguous()  # the networks that it began with stay as they were


def test_the_four_buttons_are_one_repeat():
    one, two = Pair(MOONS), Pair(MOONS)
    one.repeat()
    two.draw(), two.teach(), two.draw(), two.fool()
    assert equal_states(one.state(), two.state())


@pytest.mark.heavy
@pytest.mark.parametrize("d", (MOONS, CATS), ids=lambda d: d.name)
def test_going_back_and_on_again_gives_the_same_to_the_bit(d):
    pair = Pair(d, batch=16)
    pair.repeat(2)
    state = pair.state()
    first = [pair.teach(), pair.fool(), pair.repeat(), pair.state()]
    for _ in range(2):  # a snapshot can be used twice
        pair.restore(state)
        again = [pair.teach(), pair.fool(), pair.repeat(), pair.state()]
        assert first[:3] == again[:3] and equal_states(first[3], again[3])


@pytest.mark.parametrize("loss", gan.LOSSES)
def test_an_arrow_is_minus_the_gradient_of_one_fakes_loss(loss):
    pair = Pair(MOONS, loss=loss)
    pair.repeat(5)
    arrows = pair.arrows(3)
    for i in range(3):
        fake = pair.fakes[i : i + 1].clone().requires_grad_(True)
        value = pair.loss.g(pair.real_scores[i : i + 1], pair.d.model(fake))
        (slope,) = torch.autograd.grad(value, fake)
        assert torch.allclose(arrows[i], -slope[0], atol=1e-5)


def test_a_pair_begins_with_copies_of_trained_networks():
    model, parts = gan.build(CATS, loss="non-saturating", batch=8)
    d, before = parts.learners[1].model.requires_grad_(False), weights(parts.learners[1])
    pair = Pair(CATS, nets=(model, d), batch=8)
    assert torch.equal(weights(pair.d), before)
    pair.repeat()
    assert torch.equal(weights(parts.learners[1]), before) and not torch.equal(weights(pair.d), before)


def test_the_losses_are_bounded_and_end_with_the_newest():
    pair = Pair(MOONS, batch=4)
    for k in range(1000):
        pair.taught += 1
        pair._note(float(k), None)
    assert len(pair.losses) <= 400 and pair.losses[-1][:2] == (1000, 999.0)
    assert all(math.isnan(row[2]) for row in pair.losses)


# ---------------------------------------------------------------------------------------- the best D


@pytest.mark.parametrize("h", (0.1, 0.3))
def test_the_density_of_blurred_points_is_the_direct_formula(h):
    points, axis = torch.randn(50, 2), torch.linspace(-2, 2, 7)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    direct = gan.log_mixture(torch.stack([x, y], -1).flatten(0, 1), points, h)
    got = kernel_log_density(points, axis, h)
    assert torch.allclose(got.double(), direct.clamp_min(math.log(1e-30)), atol=1e-3)


def test_far_points_cost_what_near_ones_cost_and_scaling_changes_no_digit():
    """Products of two tiny numbers take a processor ten times as long, and fakes in a corner have many of them."""
    axis, cloud, h = torch.linspace(-2, 2, 36), torch.randn(1000, 2), 0.12
    corner = 1.4 + 0.01 * cloud

    def least(points):
        took = []
        for _ in range(30):
            tick = time.thread_time()
            kernel_log_density(points, axis, h)
            took.append(time.thread_time() - tick)
        return min(took)

    assert least(corner) < 4 * least(cloud)
    for points in (cloud, corner):
        near = [torch.exp((-0.5 * ((axis[:, None] - v) / h).pow(2)).clamp_min(-80)) for v in points.T]
        q = near[1] @ near[0].T / (len(points) * 2 * math.pi * h**2)
        assert torch.equal(kernel_log_density(points, axis, h), q.clamp_min(1e-30).log().flatten())


def test_a_blurred_mixture_is_a_wider_mixture():
    """The closed form of p * N(0, h^2), against a great many of its points."""
    axis = torch.linspace(-2, 2, 21)
    exact, points = real_log_density(RING, axis, 0.3), data.load("ring", n=40_000).x
    estimate = kernel_log_density(points, axis, 0.3)
    assert float((exact.exp() - estimate.exp()).abs().max()) < 0.05 * float(exact.exp().max())


def test_the_surface_and_the_best_surface_are_what_they_say():
    box = step_gan(MOONS)
    box.press("repeat")
    eye, d = box.eye, box.pair.d.model
    score = eye.surface(d)
    with torch.no_grad():
        at = torch.tensor([[eye.axis[5], eye.axis[30]]])
        assert score[30, 5] == pytest.approx(float(d(at)), abs=1e-5)
    best, known = eye.best(box.pair.g.model)
    with torch.no_grad():
        fakes = box.pair.g.model(box.pair.g.model.noise(eye.n_density, torch.Generator().manual_seed(0)))
    sure = known.flatten() == 1
    log_q = gan.log_mixture(eye.places, fakes, eye.blur)
    log_p = gan.log_mixture(eye.places, MOONS.x, eye.blur)
    direct = torch.sigmoid(log_p - log_q).numpy()
    assert sure.sum() > 50
    assert np.abs(1 / (1 + np.exp(-best.flatten()[sure])) - direct[sure]).max() < 1e-3


def test_the_border_lies_where_the_score_is_zero():
    axis = np.linspace(-1, 1, 30)
    x, y = np.meshgrid(axis, axis)
    places = border(x + 2 * y - 0.3, axis)
    places = places[np.isfinite(places[:, 0])]
    assert len(places) > 20 and np.abs(places[:, 0] + 2 * places[:, 1] - 0.3).max() < 1e-9
    assert np.isnan(border(np.ones((5, 5)), np.arange(5.0))).all()


def test_the_colours_say_real_fake_and_unknown():
    real, half, fake = tint(np.array([1.0, 0.5, 0.0]))
    assert real[2] > real[0] and fake[0] > fake[2] and (half == 255).all()
    assert np.ptp(tint(np.array(1.0), np.array(0.0)).astype(int)) < 10  # grey


# ---------------------------------------------------------------------------------------- the box


@pytest.mark.parametrize("d", (MOONS, CATS), ids=lambda d: d.name)
def test_every_button_presses_its_part_and_adds_a_moment(d):
    box = step_gan(d, batch=16)
    for n, (key, lessons) in enumerate((("draw", (0, 0)), ("teach", (1, 0)), ("fool", (1, 1)), ("repeat", (2, 2))), 2):
        box.buttons[key].click()
        assert (box.pair.taught, box.pair.fooled) == lessons and len(box.history) == n
        assert box.player.value == n - 1 == box.player.n_frames - 1
        assert box.history[-1]["sentence"].split("'")[0] in box.says.value
    assert box.losses[-1][0] == 4 and box.g is box.pair.g and box.d is box.pair.d
    bundle = box._repr_mimebundle_()
    assert "image/png" in (bundle[0] if isinstance(bundle, tuple) else bundle)


def test_a_press_leaves_a_core_to_the_browser(monkeypatch):
    ahead._POOL.submit(int).result()  # after whatever another test's press has left to be done
    view, used, before = step_gan(RING, seed=0), [], torch.get_num_threads()
    teach = view.pair.teach
    monkeypatch.setattr(view.pair, "teach", lambda: (used.append(torch.get_num_threads()), teach())[1])
    try:
        for threads in (3, 1):
            torch.set_num_threads(threads)
            view.press("teach")
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert used == [2, 1]


@pytest.fixture
def hits(monkeypatch):
    """How often a press of the browser found its moment done, and waiting until the next ones are."""
    monkeypatch.setattr(ahead, "REST", 0)
    monkeypatch.setattr(ahead, "CHEAP", 60)  # on any machine
    arrived, arrive = [], module.Duel._arrive
    monkeypatch.setattr(module.Duel, "_arrive", lambda *a: arrived.append(found := arrive(*a)) or found)
    rest = lambda box: until(lambda: all(future.done() for future in box._ahead._futures.values()))
    return SimpleNamespace(count=lambda: sum(found is not None for found in arrived), asked=arrived, rest=rest)


def same_moments(a, b):
    arrays = [[v if not isinstance(v, np.ndarray) else v.tobytes() for v in m.values()] for m in (a, b)]
    return a.keys() == b.keys() and equal_states(*arrays)


@pytest.mark.heavy
@pytest.mark.parametrize(("d", "n"), ((MOONS, 8), (CATS, 0)))
def test_a_press_done_beforehand_is_the_press_to_the_bit(hits, d, n):
    """One button after the other, then in a random order, on a duel that looks ahead after each, and on one that never does."""
    quick, plain = (step_gan(d, batch=8, starts={"nothing": None, "again": None}) for _ in range(2))
    presses, ready = 0, False
    chance = np.random.default_rng(1).choice(7, size=n, p=[0.2, 0.2, 0.15, 0.15, 0.1, 0.1, 0.1])
    for k in (0, 1, 2, 2, *chance):
        for box in (quick, plain):
            if k < 4:
                key = module.STEPS[k]
                box.buttons[key].click() if box is quick else box.press(key)
            elif k == 4:
                box.player.value = len(box.history) // 2
                box.branch_here()
            elif k == 5:
                box.other_branch()
            else:
                box.start.value = "again" if box.start.value == "nothing" else "nothing"
            hits.rest(box)
        presses += ready and k < 4  # whichever button it is
        ready = k < 4
    assert equal_states(quick.pair.state(), plain.pair.state())
    assert len(quick.history) == len(plain.history) and all(map(same_moments, quick.history, plain.history))
    assert quick.player.film["labels"] == plain.player.film["labels"] and quick.says.value == plain.says.value
    assert hits.count() >= presses >= 3 + n / 4


def test_what_was_done_beforehand_counts_for_nothing_once_something_has_changed(hits):
    def by_hand(box):
        box.pair.teach()

    def weights(box):
        with torch.no_grad():
            next(box.g.model.parameters()).flatten()[0] += 1e-6

    def rate(box):
        box.d.set_rate(0.5)

    def loss(box):
        box.pair.loss = gan.LOSSES["hinge"]

    def back(box):
        box.player.value = 0
        box.branch_here()

    for n, (change, key) in enumerate(
        zip((by_hand, weights, rate, loss, back), (*module.STEPS, "repeat"), strict=True), 1
    ):
        quick, plain = (step_gan(MOONS, batch=8) for _ in range(2))
        quick.buttons["repeat"].click(), plain.press("repeat")
        hits.rest(quick)
        for box in (quick, plain):
            change(box)
            box.press(key)
        assert equal_states(quick.pair.state(), plain.pair.state()) and hits.asked == [None] * n, change


def test_the_browser_has_the_frame_of_each_button_before_it_is_pressed(hits):
    box, foreseen = step_gan(MOONS, batch=8), []
    box.player.observe(lambda change: foreseen.append(change["new"]), "ahead")
    words = lambda key: box.buttons[key].description
    for n in range(12):  # at the end the film is full, and has been thinned
        foreseen.clear()
        box.buttons["draw"].click()
        hits.rest(box)
        now = box.player.film.grown
        assert [(part["press"], part["after"]) for part in foreseen] == [(words(key), now) for key in module.STEPS]
        box.press(module.STEPS[n % 4])  # what the kernel sends of it is whose frame came true, to the bit
        assert box.player.grown == {"after": now, "press": words(module.STEPS[n % 4])}
    assert hits.count() == 12
    box.branch_here()  # another film: what was foreseen for this one counts no more
    assert box.player.ahead["after"] < box.player.film.grown
    box.press("draw")
    assert len(box.player.grown["panels"]) == 3


def test_the_slider_tells_each_moment_again_and_branching_goes_on_from_it():
    box = step_gan(MOONS, batch=16)
    for _ in range(5):
        box.press("repeat")
    then = box.history[2]["state"]
    after = box.history[3]["state"]
    assert box.branch.disabled
    box.player.value = 2
    assert not box.branch.disabled
    box.branch.click()
    assert equal_states(box.pair.state(), then) and len(box.history) == 3 and box.player.value == 2
    box.press("repeat")
    assert equal_states(box.pair.state(), after)


def test_a_branch_can_be_undone_and_done_again():
    box = step_gan(MOONS, batch=16)
    assert box.back.disabled
    for _ in range(4):
        box.press("repeat")
    end, frames = box.pair.state(), list(box.history)
    box.player.value = 1
    box.branch.click()
    box.press("teach")
    branch = box.pair.state()
    assert not equal_states(branch, end) and not box.back.disabled
    box.back.click()
    assert equal_states(box.pair.state(), end) and box.player.value == box.player.n_frames - 1 == 4
    assert all(a is b for a, b in zip(box.history, frames, strict=True))
    box.back.click()
    assert equal_states(box.pair.state(), branch) and len(box.history) == 3


def test_a_new_start_can_be_undone_and_the_menu_follows():
    nets = gan.build(MOONS, waves=2)[1].learners
    box = step_gan(MOONS, batch=16, starts={"nothing": None, "mine": (nets[0].model, nets[1].model)})
    box.press("repeat")
    end = box.pair.state()
    box.start.value = "mine"
    assert box.pair.taught == 0 and not box.back.disabled
    box.back.click()
    assert equal_states(box.pair.state(), end) and box.start.value == "nothing"
    box.start.value = "mine"  # the menu still works
    assert box.pair.taught == 0


def test_who_looks_back_while_it_runs_is_left_alone():
    box = step_gan(MOONS, batch=16)
    box.buttons["run"].click()
    until(lambda: len(box.history) > 3)
    with box._lock:
        box.player.value = 1
        seen, moments = box.history[1], box.pair.fooled
    until(lambda: box.pair.fooled > moments + 25)  # the film is thinned meanwhile
    with box._lock:
        shown = box.history[box.player.value]
        gap = min(abs(f["fooled"] - seen["fooled"]) for f in box.history)
        assert abs(shown["fooled"] - seen["fooled"]) == gap
        box.player.value = box.player.n_frames - 1  # and at the end it follows again
    n = box.pair.fooled
    until(lambda: box.pair.fooled > n + 2)
    box.halt()
    box.join(20)
    assert box.player.value == box.player.n_frames - 1


def test_the_whole_loss_curve_stays():
    """However long it runs: the first lessons one by one, then evenly to the end, and the newest."""
    pair = Pair(MOONS, batch=4)
    state = None
    for k in range(1, 2501):
        pair.taught = k
        pair._note(float(k), 0.0)
        assert len(pair.losses) <= module_pair.MOST and pair.losses[-1] == (k, float(k), 0.0)
        if k == 1000:
            state = pair.state()
    lessons = np.array([row[0] for row in pair.losses])
    assert lessons[: module_pair.FULL].tolist() == list(range(1, module_pair.FULL + 1))
    later = np.diff(lessons[module_pair.FULL - 1 : -1])
    assert len(set(later)) == 1 and later[0] < 20 and all(row[0] == row[1] for row in pair.losses)
    pair.restore(state)
    pair.taught = 1001
    pair._note(1001.0, 0.0)
    assert len({*np.diff([row[0] for row in pair.losses[module_pair.FULL - 1 : -2]])}) == 1


@pytest.mark.heavy
@pytest.mark.parametrize("name", gan.LOSSES)
def test_both_losses_and_the_lines_of_a_draw_are_in_the_plot(name):
    box = step_gan(MOONS, batch=16, loss=name)
    box.press("wins")
    box.join(30)
    for _ in range(3):
        box.press("fool")
    panel, rows = box.player.film["panels"][2], np.array(box.losses)[:, 1:]
    low, high = panel["ylim"]
    assert low <= np.nanmin(rows) and np.nanmax(rows) <= high
    zero = torch.zeros(1)
    draw = [float(pay(zero, zero)) for pay in (box.pair.loss.d, box.pair.loss.g)]
    lines = {m["name"]: np.frombuffer(m["y"], "<f4") for m in panel["marks"] if m["kind"] == "line"}
    drawn = [v[0] for k, v in lines.items() if k not in ("D's loss", "G's loss", "")]
    assert {round(float(v), 4) for v in drawn} == {round(v, 4) for v in draw}
    assert all(low <= v <= high for v in draw)


def test_the_lines_of_a_draw_have_their_names():
    names = {name: list(module.even(loss)) for name, loss in gan.LOSSES.items()}
    assert names["non-saturating"] == ["log 4", "log 2"] and names["minimax"] == ["log 4", "−log 2"]


def test_one_lesson_is_one_lesson():
    box = step_gan(MOONS, batch=16)
    box.press("teach")
    assert box.player.film["labels"] == ["0 lessons", "1 lesson"]
    assert "had 1 lesson, G 0" in box.player.film["captions"][1]


def test_run_and_stop():
    box = step_gan(MOONS, batch=16)
    box.pace.value = 5
    box.buttons["run"].click()
    assert box.busy and box.buttons["teach"].disabled and not box.stop.disabled
    until(lambda: box.pair.fooled >= 20)
    box.press("teach")  # only Stop is heard
    box.stop.click()
    box.join(20)
    assert not box.busy and box.error is None and not box.buttons["teach"].disabled and box.stop.disabled
    assert box.pair.taught == box.pair.fooled and box.pair.fooled % 5 == 0
    now = box.pair.fooled
    time.sleep(0.2)
    assert box.pair.fooled == now


def test_slow_motion_shows_each_part(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.01)
    box = step_gan(MOONS, batch=16)
    box.buttons["slow"].click()
    until(lambda: box.pair.fooled >= 1)
    box.halt()
    box.join(20)
    assert [m["sentence"].split(":")[0] for m in box.history[1:5]] == ["1", "2", "1 again", "3"]


def test_teaching_until_d_wins_leaves_g_alone_and_ends():
    box = step_gan(MOONS)
    g = weights(box.g)
    box.buttons["wins"].click()
    box.join(60)
    assert not box.busy and torch.equal(g, weights(box.g))
    assert 0 < box.pair.taught <= module.PATIENCE
    assert box.pair.taught == module.PATIENCE or (box.pair.caught + box.pair.trusted) / 2 > 0.9


def test_another_start_begins_anew():
    model, parts = gan.build(CATS, loss="non-saturating", batch=8)
    box = step_gan(CATS, starts={"nothing": None, "other": (model, parts.learners[1].model)}, batch=8)
    box.press("repeat")
    box.start.value = "other"
    assert box.pair.taught == 0 and len(box.history) == 1
    assert torch.equal(weights(box.d), weights(parts.learners[1]))


def test_swapped_labels_can_be_tried():
    right = gan.LOSSES["non-saturating"]
    box = step_gan(MOONS, loss=gan.Loss(d=lambda real, fake: right.d(fake, real), g=right.g))
    for _ in range(30):
        box.pair.teach()
    assert box.pair.caught < 0.1  # it calls fakes real


def test_a_loss_that_is_no_number_stops_and_says_so():
    box = step_gan(MOONS, loss=gan.Loss(d=lambda real, fake: real.mean() * math.nan, g=gan.g_score))
    box.press("teach")
    assert "weights stay as they were" in box.says.value and box.pair.taught == 0


def test_the_film_keeps_the_first_and_the_newest_and_stays_small():
    film = Film(old=6, recent=3)
    for k in range(200):
        film.add(k)
    items = film.items()
    assert items[0] == 0 and items[-3:] == [197, 198, 199] and len(items) <= 9 and items == sorted(items)
    other = film.branch(2)
    assert other.items() == items[:3] and film.items() == items
    other.add("x")
    assert other.items() == [*items[:3], "x"] and film.items() == items


def test_the_films_moments_do_not_eat_the_memory():
    """A moment's numbers for the browser weigh little, or each press would take long to send."""
    from diffusion_lib.viz.packing import bytes_in

    box = step_gan(MOONS)
    for _ in range(25):
        box.press("draw")
    assert sum(map(bytes_in, box.player.film["panels"])) < 600_000
    assert len(box.history) <= 23


def test_the_shipped_film_shows_twenty_cats():
    film = cat_film()
    assert film.n_frames >= 30 and film.film["labels"][0] == "step 0"
    panel = film.film["panels"][0]
    assert (panel["width"], panel["height"]) == (180, 36)
    assert CAT_FILM.stat().st_size < 300_000


SMALL_RING = data.load("ring", n=300)
FEW_CATS = data.Data(data.sprites(30, size=16, species="cat").x, name="cats")
SKEW = data.Data(torch.tensor([[0.9, 0.2], [0.8, 0.3], [-0.7, -0.9]]).repeat(40, 1), name="skew")


def fixed(d, g=None):
    """A pair of networks whose answers are written down: D's score of x, and G's fakes from z."""

    class D(torch.nn.Module):
        def forward(self, x, y=None):
            return d(x)

    class G(torch.nn.Module):
        def noise(self, n, dice):
            return torch.randn(n, 2, generator=dice)

        def forward(self, z, y=None):
            return g(z)

    return D(), G()


@pytest.fixture(scope="module")
def points():
    return Points(SKEW)


def hue(rgb):
    """+1 bluish (real), -1 orange (fake)."""
    return np.sign(rgb[..., 2].astype(int) - rgb[..., 0])


def test_the_field_is_blue_where_d_says_real_and_up_is_up(points):
    """D that says "real" above the line y = 0.3 x + 0.2 only; the field's first row is at the top."""
    score = lambda x: 5 * (x[:, 1] - 0.3 * x[:, 0] - 0.2)
    d, g = fixed(score, lambda z: 0.1 * z)
    pair = SimpleNamespace(
        d=SimpleNamespace(model=d),
        g=SimpleNamespace(model=g),
        fakes=torch.zeros(50, 2),
        arrows=lambda n: torch.ones(40, 2),
    )
    seen = points.look(pair)
    axis = points.axis.numpy()
    x, y = np.meshgrid(axis, axis[::-1])  # from the top row downwards
    want = y - 0.3 * x - 0.2
    sure = np.abs(want) > 0.1
    assert (hue(seen["field"])[sure] == np.sign(want)[sure]).all()
    places = seen["border"].astype(float)
    places = places[np.isfinite(places[:, 0])]
    assert len(places) > 20 and np.abs(places[:, 1] - 0.3 * places[:, 0] - 0.2).max() < 5e-3
    steep = border((x[::-1] + 0 * y)[:, :], axis)  # a border that stands upright, x = 0
    steep = steep[np.isfinite(steep[:, 0])]
    assert len(steep) and np.abs(steep[:, 0]).max() < 1e-6 and np.ptp(steep[:, 1]) > 1


def test_the_best_field_is_blue_where_the_data_are(points):
    d, g = fixed(lambda x: x[:, 0], lambda z: torch.tensor([[-0.8, 0.8]]) + 0.1 * z)
    pair = SimpleNamespace(
        d=SimpleNamespace(model=d),
        g=SimpleNamespace(model=g),
        fakes=torch.zeros(50, 2),
        arrows=lambda n: torch.ones(40, 2),
    )
    best, axis = points.look(pair)["best"], points.axis.numpy()

    def color(x, y):
        return hue(best[len(axis) - 1 - np.abs(axis - y).argmin(), np.abs(axis - x).argmin()])

    assert color(0.9, 0.2) == color(-0.7, -0.9) == 1 and color(-0.8, 0.8) == -1


def test_the_densities_are_of_the_data_and_have_rows_for_y():
    axis = torch.linspace(-1.5, 1.5, 9)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")  # a row is a y
    places = torch.stack([columns, rows], -1).flatten(0, 1)
    for points_, log_p in (
        (SKEW.x[:7], kernel_log_density(SKEW.x[:7], axis, 0.4)),
        (SMALL_RING.modes, real_log_density(SMALL_RING, axis, 0.4)),
    ):
        wide = 0.4 if points_ is not SMALL_RING.modes else math.hypot(SMALL_RING.sd, 0.4)
        assert torch.allclose(log_p.double(), gan.log_mixture(places, points_, wide), atol=1e-3)
    wide = data.Data(SMALL_RING.x, modes=SMALL_RING.modes, sd=0.3)
    assert torch.allclose(
        real_log_density(wide, axis, 0.4).double(), gan.log_mixture(places, SMALL_RING.modes, 0.5), atol=1e-3
    )


def test_comets_fly_where_g_is_pulled_and_names_stand_at_their_lines():
    box = step_gan(SMALL_RING, batch=60)
    for press in ("teach", "repeat", "fool"):
        box.press(press)
    player, pair, now = box.player, box.pair, box.player.value
    arrows = pair.arrows(40)
    tail, head = cloud(player, "D now", 6, 1.625)[now], cloud(player, "D now", 6, 3.5)[now]
    away = torch.tensor(head - tail)
    same = torch.nn.functional.cosine_similarity(away, arrows, dim=1)
    assert float(same[arrows.norm(dim=1) > 1e-4].min()) > 0.9
    assert np.allclose(cloud(player, "D now", 1)[now], pair.fakes, atol=2e-2)
    assert np.allclose(cloud(player, "Best D", 1)[now], pair.fakes, atol=2e-2)
    assert np.array_equal(stored(panel(player, "D now")["field"])[now], box.history[-1]["field"])
    assert np.array_equal(stored(panel(player, "Best D")["field"])[now], box.history[-1]["best"])
    pull = float(np.median(arrows.norm(dim=1)))
    assert numbers(panel(player, "D now")["notes"][now])[0] == pytest.approx(pull, rel=0.06)


def test_the_losses_and_counts_are_each_players_own():
    box = step_gan(SMALL_RING, batch=60)
    for press in ("teach", "teach", "fool", "teach"):
        box.press(press)
    last = box.losses[-1]
    assert last[0] == 4 and math.isfinite(last[1]) and math.isfinite(last[2])
    assert line(box.player, "Both losses", "D's loss")[0, -1] == pytest.approx(last[1], rel=1e-5)
    assert line(box.player, "Both losses", "G's loss")[0, -1] == pytest.approx(last[2], rel=1e-5)
    for name, value in (("log 4", math.log(4)), ("log 2", math.log(2))):
        assert line(box.player, "Both losses", name)[0, 0] == pytest.approx(value, rel=1e-5)
    assert box.player.film["captions"][-1] == "D has had 3 lessons, G 1."
    assert box.player.film["labels"][-1] == "4 lessons"
    pair = Pair(SMALL_RING, batch=60)
    pair._note(1.5, None), pair._note(None, 2.5)
    assert pair.losses[-1][1:] == (1.5, 2.5)


def test_the_sentence_is_that_of_the_moment_on_show():
    box = step_gan(SMALL_RING, batch=60)
    box.press("teach"), box.press("fool")
    for k, words in ((0, "Press a button"), (1, "D learned once"), (2, "G learned once")):
        box.player.value = k
        assert words in box.says.value


def test_caught_are_fakes_and_trusted_are_real():
    pair = Pair(SMALL_RING, batch=60)
    pair.scores, pair.real_scores = torch.tensor([-1.0, -1, -1, 2]), torch.tensor([-1.0, 3, 3, 3, 3])
    assert pair.caught == 0.75 and pair.trusted == pytest.approx(0.8)


def test_a_fake_that_follows_its_arrow_costs_g_less():
    pair = Pair(SMALL_RING, batch=20)
    pair.repeat(3)
    arrows = pair.arrows(5)
    for i in range(5):
        ways = torch.stack([pair.fakes[i] + sign * 1e-3 * arrows[i] / arrows[i].norm() for sign in (1, -1)])
        with torch.no_grad():
            ahead, behind = (float(pair.loss.g(pair.real_scores, score[None])) for score in pair.d.model(ways))
        assert ahead < behind


def test_each_weight_is_its_own():
    pair = Pair(FEW_CATS, batch=8, r1=0.25, r2=4.0)
    assert (pair.regular.r1, pair.regular.r2) == (0.25, 4.0)
    assert Pair(SMALL_RING, loss="hinge", lr=0.01).g.lr == 0.01
    before = Pair(SMALL_RING, batch=20)
    z = before.z
    before.repeat()
    assert not torch.equal(before.z, z)  # G's lesson is on fresh fakes


def test_a_branch_throws_the_same_dice_again():
    pair = Pair(SMALL_RING, batch=20)
    state = pair.state()
    pair.repeat(3)
    first = pair.z
    pair.restore(state)
    pair.repeat(3)
    assert torch.equal(pair.z, first)


def test_branch_pace_start_and_slow_motion(monkeypatch):
    model, parts = gan.build(SMALL_RING, loss="non-saturating", waves=2, batch=20, seed=9)
    box = step_gan(SMALL_RING, batch=20, starts={"nothing": None, "trained": (model, parts.learners[1].model)})
    for _ in range(4):
        box.press("repeat")
    box.player.value = 1
    box.branch.click()
    assert box.pair.taught == 1 and len(box.history) == 2
    box.start.value = "trained"
    same = zip(box.g.model.parameters(), model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in same) and box.pair.taught == 0
    box.pace.value = 5
    monkeypatch.setattr(box, "_do", lambda act, *n: (box.worker.stopping.set(), done.append((act, n))))
    done = []
    box.worker.stopping.clear()
    box._keep_on()
    assert done == [(box.pair.repeat, (5,))]
    done.clear()
    monkeypatch.setattr(box, "_do", lambda act: done.append((box.pair.taught, box.pair.fooled, act())))
    monkeypatch.setattr(box.worker.stopping, "wait", lambda s: len(done) == 4)
    box.worker.stopping.clear()
    box._in_slow_motion()
    assert [words.split(":")[0] for *_, words in done] == ["1", "2", "1 again", "3"]
    assert "D learned once" in done[1][2] and "G learned once" in done[3][2] and "new fakes" in done[2][2]


def test_until_it_wins_ends_when_it_wins_and_says_whose_share_is_which(monkeypatch):
    box = step_gan(SMALL_RING, batch=20)
    shares = iter([(0.2, 0.4)] * 4 + [(0.99, 0.97)] * 8)

    def teach():
        share = next(shares)
        box.pair.scores = torch.where(torch.arange(100) < round(100 * share[0]), -1.0, 1.0)
        box.pair.real_scores = torch.where(torch.arange(100) < round(100 * share[1]), 1.0, -1.0)

    said = []
    monkeypatch.setattr(box.pair, "teach", teach)
    monkeypatch.setattr(box.pair, "draw", lambda: None)
    monkeypatch.setattr(box, "_do", lambda act: said.append(act()))
    monkeypatch.setattr(box.worker.stopping, "wait", lambda s: None)
    box._until_it_wins()
    assert len(said) == 2 and box.lessons == 8
    assert "20% of the fakes and 40% of the real" in said[0] and "99% of the fakes and 97% of the real" in said[1]


def test_the_film_keeps_its_first_moment_and_thins_evenly():
    film = Film(old=4, recent=2)
    for k in range(60):
        film.add(k)
    items = film.items()
    assert items[0] == 0 and items[-2:] == [58, 59] and len(set(np.diff(items[:-2]).tolist())) == 1


@pytest.fixture(scope="module")
def cats():
    """The duel on pictures; D's answer to a picture is its brightness, so the fakes' order is known."""
    box = step_gan(FEW_CATS, batch=24)
    d, _ = fixed(lambda x: 3 * x.flatten(1).mean(1), None)
    fakes = (
        torch.linspace(-1, 1, 24)[torch.randperm(24, generator=torch.Generator().manual_seed(0))]
        .reshape(-1, 1, 1, 1)
        .expand(-1, 3, 16, 16)
    )
    pair = SimpleNamespace(
        d=SimpleNamespace(model=d), fakes=fakes, scores=d(fakes), arrows=lambda n: torch.zeros(n, 3, 16, 16)
    )
    return box.eye, pair, box


def cell(sheet, row, column, side=16):
    """One picture of a sheet, and the blue share of the bar under it."""
    tall, wide = side + 5, side + 2
    part = sheet[row * tall : row * tall + tall, column * wide : column * wide + wide]
    bar = part[side + 1, 1:-1].astype(int)
    return part[:side, 1:-1], (bar[:, 2] > bar[:, 0]).mean()


def test_each_fake_stands_over_its_own_bar_and_the_best_ones_are_the_best(cats):
    eye, pair, _ = cats
    seen = eye.look(pair)
    for k in (0, 7, 17):
        picture, blue = cell(seen["fakes"], k // 6, k % 6)
        assert np.array_equal(picture, grid(pair.fakes[k : k + 1]))
        assert blue == pytest.approx(float(pair.scores[k].sigmoid()), abs=0.04)
    order = pair.scores.argsort(descending=True)
    for k in range(6):
        picture, blue = cell(seen["best"], 0, k)
        assert np.array_equal(picture, grid(pair.fakes[order[k]][None]))
        assert blue == pytest.approx(float(pair.scores[order[k]].sigmoid()), abs=0.04)
        picture, _ = cell(seen["best"], 1, k)
        assert np.array_equal(picture, grid(eye.real[k : k + 1]))
    assert seen["best_note"] == f"the best fake: {float(pair.scores.max().sigmoid()):.0%} real"


def test_the_films_of_pictures_are_the_sheets(cats):
    *_, box = cats
    frame = box.history[0]
    assert np.array_equal(pictures(box.player, "Fakes")[0], frame["fakes"])
    assert np.array_equal(pictures(box.player, "Fooled D most")[0], frame["best"])
    assert panel(box.player, "Fakes")["notes"][0] == frame["note"]


def test_the_cats_of_the_film_stand_upright():
    player = cat_film()
    with Image.open(CAT_FILM) as picture:
        rows = np.asarray(picture.convert("RGB"))
    sheet, side = pictures(player, "G's cats"), rows.shape[0] // player.n_frames
    last = rows[-side:]
    for k, (row, column) in ((0, (0, 0)), (13, (1, 3))):
        top, left = row * (side + 2) + 1, column * (side + 2) + 1
        assert np.array_equal(sheet[-1, top : top + side, left : left + side], last[:, k * side : (k + 1) * side])


def test_every_button_has_its_part(monkeypatch):
    box, heard = step_gan(SMALL_RING, batch=20), []
    monkeypatch.setattr(box, "press", heard.append)
    for key, words in (
        ("draw", "Draw fakes"),
        ("teach", "Teach D"),
        ("fool", "Fool D"),
        ("repeat", "Repeat"),
        ("wins", "until it wins"),
        ("slow", "Slow motion"),
        ("run", "Run"),
    ):
        assert words in box.buttons[key].description
        box.buttons[key].click()
        assert heard[-1] == key
    monkeypatch.setattr(box, "halt", lambda: heard.append("stop"))
    box.stop.click()
    assert heard[-1] == "stop"


def test_a_press_sends_its_picture_first_and_at_once(monkeypatch):
    """A second small message waits on the wire for the first one's acknowledgement: so nothing goes before the picture."""
    box, sent = step_gan(SKEW), []
    parts = {w.comm.comm_id: name for name, w in (("player", box.player), ("says", box.says))}

    def publish(comm, kind, data=None, **_):
        if set(data["state"]) != {"ahead"}:  # what the press before foresaw comes when its thread has it
            sent.append((parts.get(comm.comm_id, "another"), set(data["state"])))

    monkeypatch.setattr(type(box.player.comm), "publish_msg", publish)
    box.press("draw")
    for name in ("teach", "fool", "repeat"):  # the film grows, and with it the number of the frame on show
        sent.clear()
        box.press(name)
        assert sent == [("player", {"grown", "value"}), ("says", {"value"})]
    sent.clear()
    box.player.value = 1  # whoever looks back is told at once
    assert ("says", {"value"}) in sent


def test_the_film_that_grew_is_the_film_of_its_moments(monkeypatch):
    """Thirty presses, of which the film thins some: what the browser has put together is what it would be sent anew."""
    box = step_gan(SKEW)
    whole, made = [], []
    monkeypatch.setattr(box.player, "update", lambda **film: whole.append(film))
    monkeypatch.setattr(
        box.player,
        "append",
        lambda *panels, **more: made.append(more) or type(box.player).append(box.player, *panels, **more),
    )
    for _ in range(30):
        box.press("draw")
    assert len(made) == 30 and not whole and len(box.film.items()) == box.player.n_frames == box.player.value + 1
    anew = player.Film(**box._film(box.film.items()))
    for grown, new in zip(box.player.film.panels, anew.panels, strict=True):
        assert np.array_equal(grown["frames"], new["frames"]) and grown["notes"] == new["notes"]
        for a, b in zip(grown["marks"], new["marks"], strict=True):
            assert np.array_equal(a["x"], b["x"], equal_nan=True) and np.array_equal(a["y"], b["y"], equal_nan=True)
        assert "field" not in new or np.array_equal(grown["field"]["data"], new["field"]["data"])
    assert (box.player.film.captions, box.player.film.labels) == (anew.captions, anew.labels)
