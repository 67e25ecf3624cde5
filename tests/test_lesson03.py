"""Lesson 03 without a browser: the stepper's every panel and control, ancestors, memory, the true step back."""

import math
import re
import threading
import time

import numpy as np
import pytest
import torch
from films import cloud, frames_of, line, mark, numbers, panel, pictures, titles
from small import denoiser, dice, digit_denoiser

from diffusion_lib import data
from diffusion_lib.course.lesson03 import ancestors, arrows, few_steps, field, is_it_gaussian, memory, step_reverse
from diffusion_lib.course.lesson03 import views as lesson03
from diffusion_lib.data import Data
from diffusion_lib.diffusion import Schedule, add_noise, convert, log_normal
from diffusion_lib.evaluation.metrics import nearest
from diffusion_lib.oracle import ideal_denoiser, mixture_denoiser, mixture_step_back
from diffusion_lib.sampling import log_p_step, sample
from diffusion_lib.trace import Trace
from diffusion_lib.viz.figures import grid, to_uint8

pytestmark = pytest.mark.usefixtures("one_thread")

FEW_CATS = data.sprites(12, size=16, seed=0, species="cat").x
SEEN, FRESH = data.digits().split(1000)
SHORT = Schedule.of("cosine", 6)
A = SHORT.alpha_bar

# ---------------------------------------------------------------------------------------- what the films show


@pytest.fixture(scope="module")
def walked():
    """The stepper on cats and digits, with a network for the digits."""
    net = digit_denoiser(T=6)
    sets = {"digits": Data(SEEN.x[:40], SEEN.y[:40], SEEN.names), "cats": FEW_CATS}
    return step_reverse(sets, SHORT, steps=6, seed=3, networks={"digits": net}), net


def glass_box(box, model, y=None):
    """Everything on the screen, against the walk that was taken."""
    steps, film = box.trace.steps, box.player.film
    for title, what, scale in (
        ("x_{t}", "xt", 1),
        ("ε̂", "eps_hat", 3),
        ("x̂_{0}: best", "x0_hat", 1),
        ("μ", "mean", 1),
        ("z", "noise", 3),
        ("x_{s}", "xs", 1),
    ):
        assert np.array_equal(pictures(box.player, title), to_uint8(box.trace.frames(what)[:, 0] / scale)), title
    log_p = float(log_normal(steps[0].xt, torch.zeros_like(steps[0].xt), 1.0))
    for i, q in enumerate(steps):
        at_, as_ = float(A[q.t]), float(A[q.s])
        log_p += float(log_p_step(q)[0])
        notes = {title: panel(box.player, title)["notes"][i] for title in ("x_{t}", "x̂_{0}: best", "μ", "z", "x_{s}")}
        assert (
            notes["x_{t}"] == f"t = {q.t}"
            and notes["x_{s}"] == f"s = {q.s}"
            and film["labels"][i] == f"t = {q.t} → {q.s}"
        )
        weights = numbers(notes["x̂_{0}: best"])
        assert weights == pytest.approx([math.sqrt(1 - at_), math.sqrt(at_)], abs=6e-3)
        keep, _, direction = numbers(notes["μ"])
        assert (keep, direction) == pytest.approx((math.sqrt(as_), math.sqrt(max(0, 1 - as_ - q.sigma**2))), abs=6e-3)
        assert numbers(notes["z"])[0] == pytest.approx(q.sigma, abs=6e-4)
        assert numbers(panel(box.player, "z")["lead"][i])[0] == pytest.approx(q.sigma, abs=6e-3)
        assert line(box.player, "log p of the path")[0, i] == pytest.approx(log_p, rel=1e-4)
        assert float(re.search(r"log p = ([-+\d,]+) nats", film["captions"][i])[1].replace(",", "")) == pytest.approx(
            log_p, abs=0.6
        )
        if hasattr(model, "posterior_weights"):
            r = model.posterior_weights(q.xt[:1], q.t, y)[0]
            possible = float(torch.special.entr(r).sum().exp())
            assert line(box.player, "pictures it could")[0, i] == pytest.approx(possible, rel=1e-4)
    return steps


def test_the_glass_box_and_each_of_its_controls(walked):
    box, net = walked
    digits = ideal_denoiser(SEEN.x[:40], SHORT, SEEN.y[:40])
    xT = torch.randn(1, 1, 8, 8, generator=dice(3))
    steps = glass_box(box, digits)
    assert torch.equal(steps[0].xt, xT)
    box.player.value = 2
    rolled = [steps]
    for _ in range(2):
        box.branch.click()
        rolled.append(glass_box(box, digits))
        for i, (old, new) in enumerate(zip(*rolled[-2:], strict=True)):
            assert torch.equal(old.noise, new.noise) == (i < 2), i
    box.eta.value = 0.5
    half = glass_box(box, digits)
    assert [q.sigma for q in half] == pytest.approx(
        [q.sigma / 2 for q in steps]
    ) and "0.5 of the DDPM" in box.says.value
    box.eta.value = 1.0
    box.start.click()
    new = glass_box(box, digits)
    assert torch.equal(new[0].xt, torch.randn(1, 1, 8, 8, generator=dice(4))) and box.player.value == 0

    box.who.value = "trained network"
    assert (
        "The trained network" in box.says.value
        and "x̂_{0}: to the nearest" in [p["title"] for p in box.player.film["panels"]][6]
    )
    for q in glass_box(box, net):
        assert torch.allclose(
            q.eps_hat,
            convert(convert(net(q.xt, q.t), "eps", "x0", q.xt, q.t, SHORT).clamp(-1, 1), "x0", "eps", q.xt, q.t, SHORT),
            atol=1e-5,
        )
    box.kind.value = "7"
    assert "class 7" in box.says.value
    for q in glass_box(box, net):
        told = convert(net(q.xt, q.t, torch.tensor([7])), "eps", "x0", q.xt, q.t, SHORT).clamp(-1, 1)
        assert torch.allclose(q.x0_hat, told, atol=1e-5)
    box.who.value = "optimal denoiser"
    assert "The optimal denoiser" in box.says.value
    glass_box(box, digits, torch.tensor([7]))
    box.kind.value = "any"
    box.which.value = "cats"
    glass_box(box, ideal_denoiser(FEW_CATS, SHORT))
    assert float(nearest(box.trace.final, FEW_CATS)[0]) < 1e-5


EVEN = Schedule.of("cosine", 30)
RING = data.ring(2)


def test_arrows_point_up_the_slope_of_log_q():
    """Against the slope of the log density by differences, at the lattice's places."""
    player = arrows(RING.modes, 0.2, EVEN, frames=4, side=5, n=30, seed=1)
    exact = mixture_denoiser(RING.modes, 0.2, EVEN)
    start, end_ = (cloud(player, "the score, exact", 0, size) for size in (1.5, 4.5))
    assert len(player.film["labels"]) == len(start) and len(player.film["panels"]) == 1
    for i, label in enumerate(player.film["labels"]):
        t, places = int(numbers(label)[0]), torch.tensor(start[i]).double()
        slope = torch.zeros_like(places)
        for k in range(2):
            h = torch.zeros(2, dtype=torch.float64)
            h[k] = 1e-4
            slope[:, k] = (exact.log_density(places + h, t) - exact.log_density(places - h, t)) / 2e-4
        flight = torch.tensor(end_[i] - start[i]).double()
        clear = slope.norm(dim=1) > 0.05
        assert clear.sum() > 10
        assert torch.cosine_similarity(flight, slope)[clear].min() > 0.999
        assert torch.allclose(field.score(exact, places, t, EVEN), slope, rtol=1e-3, atol=1e-3)


def test_a_networks_arrows_stand_beside_the_exact_ones_with_their_angle():
    net = denoiser(T=30)
    player = arrows(RING.modes, 0.2, EVEN, net, frames=3, side=3, n=50, seed=2)
    assert titles(player) == ["the score, exact", "the score, learned"]
    start, end_ = (cloud(player, "the score, learned", 1, size)[1] for size in (1.5, 4.5))
    t, places = int(numbers(player.film["labels"][1])[0]), torch.tensor(start)
    assert torch.cosine_similarity(torch.tensor(end_ - start), -net(places, t)).min() > 0.999
    x = torch.tensor(np.stack([mark(player, 1, 0, k)[1] for k in "xy"], -1))
    a, b = mixture_denoiser(RING.modes, 0.2, EVEN)(x, t).double(), net(x, t).double()
    angle = torch.rad2deg(
        (torch.nn.functional.normalize(a) * torch.nn.functional.normalize(b)).sum(1).clamp(-1, 1).acos()
    )
    assert numbers(player.film["captions"][1])[0] == pytest.approx(float(angle.mean()), abs=0.06)


def test_ancestors_count_who_came_home():
    n, g = 8, dice(1)
    player = lesson03.ancestors(FEW_CATS, SHORT, picture=3, times=(2, 6), n=n, seed=1)
    eps = torch.randn(1, 3, 16, 16, generator=g)
    for i, t in enumerate((2, 6)):
        xt = add_noise(FEW_CATS[3:4], t, eps, SHORT)
        *_, last = sample(ideal_denoiser(FEW_CATS, SHORT), xt.repeat(n, 1, 1, 1), SHORT, range(t, -1, -1), generator=g)
        _, which = nearest(last.xs, FEW_CATS)
        assert np.array_equal(pictures(player, "x_{t}")[i], to_uint8(xt[0]))
        assert np.array_equal(pictures(player, "its possible")[i], grid(last.xs, columns=4))
        said = player.film["captions"][i]
        assert f"{n} walks" in said and f"{int((which == 3).sum())} of {n} the one that was" in said
    assert np.array_equal(pictures(player, "x_{0}")[0], to_uint8(FEW_CATS[3]))


def test_memory_shows_the_walk_the_guess_and_where_it_ends():
    g = dice(2)
    player = lesson03.memory(FEW_CATS, SHORT, n=4, seed=2)
    xT = torch.randn(4, 3, 16, 16, generator=g)
    trace = Trace().record(sample(ideal_denoiser(FEW_CATS, SHORT), xT, SHORT, generator=g))
    for title, what in (("x_{s}", "xs"), ("x̂_{0}", "x0_hat")):
        assert np.array_equal(pictures(player, title), np.stack([grid(x, columns=4) for x in trace.frames(what)]))
    home = FEW_CATS[nearest(trace.final, FEW_CATS)[1]]
    assert np.array_equal(pictures(player, "nearest training")[0], grid(home, columns=4))


def test_the_true_step_back_has_two_hills_and_its_fit_one():
    player = lesson03.is_it_gaussian(n=12)

    def hills(y):
        return int(((y[1:-1] > y[:-2]) & (y[1:-1] >= y[2:])).sum())

    assert (
        hills(line(player, "q(x_{t-1}", "true q")[-2]) == 2
        and hills(line(player, "q(x_{t-1}", "Gaussian fit")[-2]) == 1
    )
    beta = numbers(player.film["labels"][5])[0]
    r, m, _ = mixture_step_back(torch.tensor([0.3]), beta, torch.tensor([-1.0, 1.0]), 0.2, torch.full((2,), 0.5))
    mean = float((r * m).sum())
    top = float(line(player, "q(x_{t-1}", "Gaussian fit")[5].argmax()) * 0.005 - 3
    assert top == pytest.approx(mean, abs=0.01)
    gap = line(player, "how wrong")[0]
    assert [numbers(c)[-1] for c in player.film["captions"]] == pytest.approx(gap.tolist(), abs=6e-5)


def test_few_steps_with_each_sampler_under_its_name():
    ring = data.load("ring", n=50)
    linear, counts = Schedule.of("linear", 40), (1, 2, 20)
    player, g = (lesson03.few_steps(FEW_CATS, ring.modes, ring.sd, linear, counts=counts, n=60, seed=1), dice(1))
    pictures_T, points_T = torch.randn(12, 3, 16, 16, generator=g), torch.randn(60, 2, generator=g)
    knows = mixture_denoiser(ring.modes, ring.sd, linear)
    for i, count in enumerate(counts):
        *_, last = sample(ideal_denoiser(FEW_CATS, linear), pictures_T, linear, count, generator=dice(2))
        assert np.array_equal(pictures(player, "pictures")[i], grid(last.xs, columns=4))
        said = player.film["captions"][i]
        for title, eta, name in (("points, η = 1", 1.0, "DDPM"), ("points, η = 0", 0.0, "DDIM")):
            *_, last = sample(knows, points_T, linear, count, generator=dice(2), eta=eta)
            assert np.allclose(cloud(player, title, 0)[i], last.xs, atol=1e-5)
            near = (torch.cdist(last.xs, ring.modes).min(1).values < 3 * ring.sd).double().mean()
            assert int(re.search(rf"(\d+)% with {name}", said)[1]) == round(100 * float(near))


CATS = data.sprites(40, size=16, seed=0, species="cat").x
S = Schedule.of("cosine", 20)

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


def test_the_optimal_denoiser_copies():
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


def test_haste_costs_even_an_optimal_denoiser():
    islands = data.load("ring", n=50)
    player = few_steps(CATS, islands.modes, islands.sd, Schedule.of("linear", 500), counts=(1, 5, 100))
    said = player.film["captions"]
    ddpm, ddim = ([int(c.split(f"% with {name}")[0].split()[-1]) for c in said] for name in ("DDPM", "DDIM"))
    assert ddpm[0] < 10 and ddim[0] < 10 and ddpm[2] > 95 and ddim[2] > 95
    average = grid(CATS.mean(0).expand(12, -1, -1, -1), columns=4)
    assert np.abs(frames_of(player, 0)[0].astype(int) - average).max() <= 12  # one step: the mean of all cats


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
