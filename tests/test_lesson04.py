"""Lesson 04 without a browser: the thread that trains, what Stop and Continue keep, and every number that is shown."""

import asyncio
import math
import re
import threading
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from films import cloud, line, mark, numbers, panel, pictures, stored
from small import dice, digit_denoiser, held_back, until

from diffusion_lib import bound, data, ddpm
from diffusion_lib import bound as terms
from diffusion_lib.course.lesson03 import step_reverse
from diffusion_lib.course.lesson04 import bound as bound_view
from diffusion_lib.course.lesson04 import (
    copies,
    denoisers,
    fine_tune,
    network_or_optimal,
    own_pictures,
    three_questions,
    training,
    variances,
    watch,
)
from diffusion_lib.course.lesson04 import own as own_module
from diffusion_lib.course.lesson04.denoisers import even_times
from diffusion_lib.course.lesson04.own import jitter, to_grey
from diffusion_lib.course.lesson04.training import LEVELS, LossCurve, Training
from diffusion_lib.course.live import words
from diffusion_lib.data import Data
from diffusion_lib.diffusion import Schedule, add_noise, convert
from diffusion_lib.evaluation import classifier
from diffusion_lib.evaluation.metrics import frechet, nearest
from diffusion_lib.nets import MLP
from diffusion_lib.oracle import ideal_denoiser
from diffusion_lib.sampling import sample
from diffusion_lib.train import MAX_STEPS, Record
from diffusion_lib.viz.figures import grid

pytestmark = pytest.mark.usefixtures("one_thread")

POINTS = data.load("grid", n=500)
SEEN, FRESH = data.digits().split(1000)


def small(**more):
    """A training of points that takes milliseconds a step."""
    torch.manual_seed(0)  # `build` seeds only the networks that it makes
    net = MLP((2,), 1000, width=32, depth=1)
    return ddpm.build(POINTS, net=net, batch=64, **more)


def begin(seconds=60.0, n=50, **more):
    model, parts = small()
    return watch(model, parts, POINTS, seconds=seconds, n=n, **more)


# ---------------------------------------------------------------------------------------- live training


def test_it_begins_at_once_and_ends_by_itself(monkeypatch):
    monkeypatch.setenv(MAX_STEPS, "30")
    box = begin(seconds=60)
    assert box.join() is box.model
    assert box.state == "done" and box.step == 30 and "Done: 30 steps" in box.says.value
    assert box.stop.disabled and not box.resume.disabled and box.resume.description == "60 s more"
    labels = box.player.film["labels"]
    assert labels[0] == "step 0" and labels[-1] == "step 30" and box.player.value == len(labels) - 1
    assert "not trained yet" in box.player.film["captions"][0] and "loss" in box.player.film["captions"][-1]


def test_stop_keeps_what_was_learned_and_continue_is_the_same_training():
    box = begin(seconds=300)
    until(lambda: box.step > 20)
    box.stop.click()
    box.join()
    assert box.state == "stopped" and "nothing is lost" in box.says.value
    assert box.stop.disabled and not box.resume.disabled
    step, rate, learner = box.step, box.record.rate, box.parts.learners[0]
    moments = learner.optimizer.state_dict()["state"][0]["exp_avg"].clone()
    assert moments.abs().max() > 0 and torch.cat(list(ddpm.draw(box.model, 10))).shape == (10, 2)
    time.sleep(0.2)
    assert box.step == step  # it really rests
    box.resume.click()
    until(lambda: box.step > step + 5)
    assert not box.stop.disabled and box.resume.disabled
    box.halt()
    box.join()
    # the steps and the learning rate go on from where they were: no second warm-up
    assert (
        box.round == 0
        and box.record.step == box.step
        and abs(box.record.rate - rate) < 0.5
        and learner._ema.n == box.step
    )


def test_a_stopped_training_is_to_the_number_the_one_that_was_never_stopped(monkeypatch):
    monkeypatch.setenv(MAX_STEPS, "60")

    def weights(pause):
        box = begin(seconds=1e6)
        if pause:
            until(lambda: box.step > 10)
            box.halt()
            box.join()
            box.proceed()
        box.join()
        assert box.step == 60
        return next(box.model.net.parameters()).clone()

    assert torch.equal(weights(pause=True), weights(pause=False))


def test_after_the_end_it_trains_as_long_again(monkeypatch):
    monkeypatch.setenv(MAX_STEPS, "20")
    box = begin(seconds=60)
    box.join()
    seconds = box.trained
    box.resume.click()
    box.join()
    assert box.state == "done" and box.step == 40 and box.trained > seconds
    assert box.player.film["panels"][2]["xlim"] == pytest.approx([0, 60 + seconds])


def test_a_budget_in_steps_is_the_same_training_at_any_speed():
    """A text says what is seen after so many steps; the seconds are shown, and decide nothing."""
    quick = begin(seconds=None, steps=40)
    quick.join()
    model, parts = small()

    def step(batch, generator):
        time.sleep(0.003)
        return parts.step(batch, generator)

    slow = watch(model, parts._replace(step=step), POINTS, steps=40, n=50)
    slow.join()
    for box in (quick, slow):
        assert box.state == "done" and box.step == 40 and "Done: 40 steps in" in box.says.value
        assert box.resume.description == "40 steps more" and box.bar.value == 1
        panel = box.player.film["panels"][2]
        assert panel["xlim"] == [0, 40] and panel["xlabel"] == "steps"
        assert np.frombuffer(panel["marks"][1]["x"], "<f4")[-1] == 40  # the cursor of the last frame
    assert torch.equal(next(quick.model.net.parameters()), next(slow.model.net.parameters()))
    slow.resume.click()
    slow.join()
    assert slow.step == 80 and slow.player.film["panels"][2]["xlim"] == [0, 80]


def test_the_time_left_of_a_budget_in_steps():
    """So many steps are left, each as long as those before, and the drawing takes its share."""
    box = begin(seconds=None, steps=30)
    box.join()
    box.until, box.drawing = 60, box.trained / 2
    one = box.trained / 30
    assert box._pace() == pytest.approx(1.5 * one)
    box.unit = "seconds"
    assert box._pace() == pytest.approx(1.5)


def test_pressing_twice_starts_one_thread():
    box = begin(seconds=300)
    for _ in range(3):
        box.proceed()
    assert sum(t.name == "training" for t in threading.enumerate()) == 1
    box.halt()
    box.halt()
    box.join()
    assert box.state == "stopped"


def test_one_training_at_a_time():
    first = begin(seconds=300)
    second = begin(seconds=300)
    assert first.state == "stopped" and second.state == "training"
    second.halt()
    second.join()


def test_nan_is_one_sentence_and_the_good_weights_stay():
    model, parts = small()
    before = []

    def step(batch, generator):
        if len(before) == 15:
            raise FloatingPointError("The loss is nan and its gradient nan")
        before.append(1)
        return parts.step(batch, generator)

    box = watch(model, parts._replace(step=step), POINTS, seconds=60, n=50)
    box.join()  # and no exception here
    assert box.state == "failed" and box.stop.disabled and box.resume.disabled
    assert "✗ The loss is nan" in box.says.value and "good weights of step 15 are kept" in box.says.value
    assert all(bool(p.isfinite().all()) for p in box.model.parameters())
    box.proceed()
    assert box.state == "failed"


def test_samples_that_are_no_numbers_are_one_sentence_too():
    model, parts = small()

    def step(batch, generator):
        with torch.no_grad():
            parts.learners[0].ema.last.weight.fill_(1e38)
            parts.learners[0].ema.first.weight.fill_(1e38)
        return {"loss": 1e30}

    box = watch(model, parts._replace(step=step), POINTS, seconds=60, n=50)
    box.join()
    assert box.state == "failed" and "smaller learning rate" in box.says.value


def test_another_mistake_reaches_the_reader():
    model, parts = small()

    def step(batch, generator):
        raise KeyError("no such thing")

    box = watch(model, parts._replace(step=step), POINTS, seconds=60, n=50)
    with pytest.raises(KeyError, match="no such thing"):
        box.join()
    assert "KeyError" in box.says.value


@pytest.mark.heavy
def test_drawing_is_not_counted_and_takes_its_share_only():
    box = begin(seconds=2.0)
    start = time.perf_counter()
    box.join()
    wall = time.perf_counter() - start
    assert box.trained < 2.3 and box.drawing > 0
    assert box.drawing < 0.25 * wall + 3 * max(box.frame_ms) / 1000  # a seventh, and the first and last frame


def test_waiting_lets_others_work_and_an_interrupt_stops_only_the_training():
    box = begin(seconds=300)
    heard = []

    async def cell():
        waiting = asyncio.ensure_future(box.wait())
        await asyncio.sleep(0.2)
        heard.append(1)  # a button's message would be handled here
        waiting.cancel()  # what the kernel's stop button does to a cell that awaits
        return await waiting

    assert asyncio.run(cell()) is box.model and heard and box.state == "stopped"


@pytest.mark.heavy
def test_controls_from_other_threads_while_it_trains():
    box = begin(seconds=300)
    errors = []

    def play():
        try:
            for level in list(LEVELS) * 3:
                box.level.value = level
                box.player.value = 0
                box._repr_mimebundle_()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=play) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    box.halt()
    box.join()
    assert not errors and box.state == "stopped"


@pytest.mark.heavy
def test_who_looks_back_is_left_alone_and_who_is_at_the_end_follows():
    box = begin(seconds=300)
    until(lambda: box.player.n_frames > 3)
    box.player.value = 1
    n = box.history.seen
    until(lambda: box.history.seen > n + 2)
    assert box.player.value == 1
    with box._lock:  # the end must not move away between reading where it is and going there
        box.player.value = box.player.n_frames - 1
    n = box.history.seen
    until(lambda: box.history.seen > n + 2)
    box.halt()
    box.join()
    assert box.player.value == box.player.n_frames - 1


@pytest.mark.heavy
def test_pictures_show_fixed_noise_and_the_guess(monkeypatch):
    monkeypatch.setenv(MAX_STEPS, "3")
    model, parts = ddpm.build(SEEN, channels=8)
    box = watch(model, parts, SEEN, seconds=60, n=6, calls=3)
    box.join()
    film = box.player.film
    assert [p["kind"] for p in film["panels"]] == ["pixels", "pixels", "plot"]
    again = box.eye.look(box.model)  # the same noise: the same picture
    assert np.array_equal(again["samples"], box.history.items()[-1]["samples"])
    schedule, eye = model.schedule, box.eye
    for level, t in eye.times.items():  # x_0, x_t and the guess below each other, at each noise level
        xt = add_noise(eye.x0, t, eye.eps, schedule)
        x0_hat = convert(model(xt, t, eye.label), "eps", "x0", xt, t, schedule)
        assert np.array_equal(again[level], grid(torch.cat([eye.x0, xt, x0_hat]), columns=4))


def test_the_loss_curve_is_bounded_and_a_mean():
    losses = LossCurve(most=40)
    for i in range(10_000):
        losses.add(i, 2.0 if i % 2 else 1.0)
    x, y = losses.smooth()
    assert len(x) == len(y) <= 40 and np.all(np.diff(x) > 0) and np.allclose(y, 1.5)


# ---------------------------------------------------------------------------------------- denoisers compared


def test_nobody_beats_the_optimal_denoiser_on_what_it_remembers():
    model = digit_denoiser()
    player = network_or_optimal(model, SEEN.subset(300), FRESH, n=60, count=6)
    network, optimal, _, new = (10 ** mark(player, 2, j)[0] for j in range(4))
    assert np.all(optimal <= network + 1e-6) and optimal[0] < 1e-3 < new[0]
    d = nearest(FRESH.x[:60], SEEN.x[:300])[0].pow(2).mean()
    assert new[0] > 0.3 * float(d)  # it answers with a remembered picture


def test_the_optimal_error_shown_is_the_oracles():
    model = digit_denoiser()
    seen = SEEN.subset(100)
    player = network_or_optimal(model, seen, FRESH, n=100, count=3, seed=1)
    t = even_times(model.schedule, 3)[1]
    g = torch.Generator().manual_seed(1)
    i = torch.randperm(100, generator=g)[:100]
    x0, y = seen.x[i], seen.y[i]
    eps = torch.randn(x0.shape, generator=g)
    xt = add_noise(x0, t, eps, model.schedule)
    want = (ideal_denoiser(seen.x, model.schedule, seen.y).x0_hat(xt, t, y) - x0).pow(2).mean()
    assert math.isclose(10 ** mark(player, 2, 1)[0, 1], float(want), rel_tol=1e-3)


def test_three_questions_of_the_same_knowledge_draw_the_same_samples():
    """One network, read in three ways, is one denoiser: all the panels must agree."""
    model = digit_denoiser()
    eye = classifier.build(SEEN)[0]
    player = three_questions({"eps": model, "x0": model, "v": model}, eye, FRESH, counts=(2, 4), n=20)
    films = [p["data"] for p in player.film["panels"][:3]]
    assert all(np.array_equal(films[0], other) for other in films[1:]) and player.film["frames"] == 2
    numbers = player.film["captions"][0].split(": ")[1].split("      ")[0]
    assert len({part.split()[1] for part in numbers.split(", ")}) == 1


def test_three_variances_share_mean_and_dice():
    model = digit_denoiser(out=2)
    player = variances(model, classifier.build(SEEN)[0], FRESH, counts=(1, 5), n=30)
    films = [np.frombuffer(p["data"], np.uint8).reshape(2, -1) for p in player.film["panels"]]
    # one step lands on t = 0, where no noise is added: the variance cannot matter
    assert np.array_equal(films[0][0], films[1][0]) and np.array_equal(films[0][0], films[2][0])
    assert not np.array_equal(films[0][1], films[1][1]) and not np.array_equal(films[1][1], films[2][1])


def test_the_bounds_sums_are_the_librarys():
    model = digit_denoiser(out=2)
    player = bound_view(model, FRESH, 17, n=2, count=10)
    said = player.film["captions"][0]
    for name, v in (("β", 1.0), ("β̃", 0.0), ("learned", None)):
        want = float(terms.bound_terms(model, FRESH.x, model.schedule, 17, v=v, y=FRESH.y, n=2).sum())
        assert f"{name} {want:.2f}" in said.split("together: ")[1]
    beta, tilde, learned = (mark(player, 1, j)[0] for j in range(3))
    assert np.all(beta == 1) and np.all(tilde <= beta) and np.all(learned > 0)


# ---------------------------------------------------------------------------------------- the stepper with a network


def test_the_stepper_switches_and_asks_for_a_class():
    model = digit_denoiser()
    box = step_reverse({"digits": SEEN, "other": SEEN.x[:50]}, model.schedule, steps=5, networks={"digits": model})
    assert "pictures it could still become" in box.player.film["panels"][6]["title"]
    optimal = box.trace.final.clone()
    box.who.value = "trained network"
    titles = [p["title"] for p in box.player.film["panels"]]
    assert "nearest training picture" in titles[6] and not torch.equal(box.trace.final, optimal)
    d = [float(nearest(q.x0_hat, SEEN.x)[0]) for q in box.trace.steps]
    assert np.allclose(mark(box.player, 6, 0)[0], d, rtol=1e-5)
    box.kind.value = "7"
    asked = box.trace.final.clone()
    box.who.value = "optimal denoiser"
    assert SEEN.y[nearest(box.trace.final, SEEN.x)[1]] == 7 and not torch.equal(asked, box.trace.final)
    box.which.value = "other"
    assert box.who.disabled and box.kind.options == ("any",)
    box.which.value = "digits"
    assert not box.who.disabled and "7" in box.kind.options


def test_the_stepper_refuses_what_it_cannot_show():
    model = digit_denoiser()
    with pytest.raises(ValueError, match="another schedule"):
        step_reverse({"digits": SEEN}, Schedule.of("linear", 100), networks={"digits": model})
    with pytest.raises(ValueError, match="learned its variance"):
        step_reverse({"digits": SEEN}, model.schedule, networks={"digits": digit_denoiser(out=2)})


# ---------------------------------------------------------------------------------------- your own pictures


def test_paper_becomes_night_and_night_stays():
    paper = torch.ones(1, 3, 28, 28)
    paper[:, :, 10:18, 10:18] = -1
    for x in (paper, -paper):
        grey = to_grey(x)
        assert grey.shape == (1, 1, 28, 28) and grey[0, 0, 0, 0] < -0.99 and grey[0, 0, 14, 14] > 0.99


def test_drawings_and_stand_ins():
    own = own_pictures(n=4)
    assert own.x.shape == (4, 1, 28, 28) and float(own.x.abs().max()) <= 1
    grey = bytes([255] * 392 + [0] * 392)
    own._drawn(own.pad, {"kind": "picture"}, [memoryview(grey)])
    assert own.x.shape == (1, 1, 28, 28) and own.x[0, 0, 0, 0] == 1 and own.x[0, 0, 27, 0] == -1
    own._drawn(own.pad, {"kind": "picture"}, [memoryview(b"short")])
    own._drawn(own.pad, {"kind": "other"}, [])
    assert len(own.x) == 1 and "1 of your own" in own.says.value
    own.add(torch.zeros(100, 1, 28, 28))
    assert len(own.x) == 64
    own.clear()
    assert len(own.x) == 4


def test_a_broken_upload_is_one_sentence():
    own = own_pictures(n=2)
    own._uploaded({"new": [{"name": "bad.png", "content": memoryview(b"no picture")}]})
    assert "✗ bad.png" in own.says.value and len(own.x) == 2


def test_jitter_stays_a_picture_near_its_own():
    x = own_pictures(n=5).x
    batch, y = next(jitter(x, 16, seed=3))
    assert batch.shape == (16, 1, 28, 28) and y is None and float(batch.abs().max()) <= 1.001
    again, _ = next(jitter(x, 16, seed=3))
    assert torch.equal(batch, again) and len(batch.flatten(1).unique(dim=0)) == 16


@pytest.mark.heavy
def test_fine_tuning_leaves_the_given_network_alone(monkeypatch):
    monkeypatch.setenv(MAX_STEPS, "3")
    model = digit_denoiser()
    before = [p.clone() for p in model.parameters()]
    x = SEEN.x[:6]
    box = fine_tune(model, x, seconds=60, batch=8)
    box.join()
    assert box.state == "done" and all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(before, box.model.parameters(), strict=True))
    player = copies(box.model, x, n=4)
    assert "mean distance to the nearest" in player.film["captions"][0]
    assert isinstance(box.data, Data) and box.data.y is None


# ---------------------------------------------------------------------------------------- what the films show


def test_network_and_optimal_denoiser_on_seen_and_new_pictures():
    model, seen, fresh, n = digit_denoiser(), SEEN.subset(40), FRESH.subset(30), 10
    player, g = denoisers.network_or_optimal(model, seen, fresh, n=n, count=3, seed=1), dice(1)
    schedule, optimal, sets = model.schedule, ideal_denoiser(seen.x, model.schedule, seen.y), {}
    for name, d in (("seen", seen), ("new", fresh)):
        i = torch.randperm(len(d), generator=g)[:n]
        sets[name] = d.x[i], d.y[i], torch.randn(n, 1, 8, 8, generator=g)
    for k, t in enumerate(denoisers.even_times(schedule, 3)):
        said = re.split("on new ones", player.film["captions"][k])
        for title, name, sentence in (("pictures it learned", "seen", said[0]), ("new pictures", "new", said[1])):
            x0, y, eps = sets[name]
            xt = add_noise(x0, t, eps, schedule)
            hats = {
                who: convert(m(xt, t, y), "eps", "x0", xt, t, schedule).clamp(-1, 1)
                for who, m in (("network", model), ("optimal", optimal))
            }
            rows = torch.cat([x0[:4], xt[:4], hats["network"][:4], hats["optimal"][:4]])
            assert np.abs(pictures(player, title)[k].astype(int) - grid(rows, columns=4)).max() <= 1
            for who, x0_hat in hats.items():
                error = float((x0_hat - x0).pow(2).mean())
                assert float(re.search(rf"{who} ([\d.]+)", sentence)[1]) == pytest.approx(error, abs=6e-4)
                drawn = line(player, "error of the guess", f"{who}, {name}")[0, k]
                assert drawn == pytest.approx(math.log10(max(error, denoisers.FLOOR)), abs=1e-3)
        assert numbers(player.film["labels"][k])[0] == pytest.approx(-float(schedule.snr_db[t]), abs=0.51)


def test_three_questions_show_each_networks_samples_under_its_name():
    models = {name: digit_denoiser(seed=i) for i, name in enumerate(("eps", "x0", "v"))}
    eye, fresh, n = classifier.build(SEEN)[0], FRESH.subset(400), 40
    player, g = denoisers.three_questions(models, eye, fresh, counts=(1, 3), n=n, seed=1), dice(1)
    schedule, times = models["v"].schedule, denoisers.even_times(models["v"].schedule, 16)
    x0, eps = fresh.x[:200], torch.randn(200, 1, 8, 8, generator=g)
    xT, y = torch.randn(n, 1, 8, 8, generator=g), torch.arange(n) % 10
    held, rest = held_back(fresh, n)

    def far(x):
        return frechet(classifier.features(eye, x.clamp(-1, 1)), classifier.features(eye, rest))

    for name, model in models.items():
        for k, count in enumerate((1, 3)):
            *_, last = sample(model, xT, schedule, count, eta=0.0, clip=1.0, y=y)
            assert np.array_equal(pictures(player, f"asked for {name}")[k], grid(last.xs[:20], columns=5))
            said = player.film["captions"][k]
            assert float(re.search(rf"\b{name} ([\d.]+)", said)[1]) == pytest.approx(far(last.xs), abs=0.06, rel=0.01)
            assert float(re.search(r"real ones: ([\d.]+)", said)[1]) == pytest.approx(far(held), abs=0.06)
        xt = add_noise(x0, times[4], eps, schedule)
        error = (
            (convert(model(xt, times[4], fresh.y[:200]), "eps", "x0", xt, times[4], schedule).clamp(-1, 1) - x0)
            .pow(2)
            .mean()
        )
        assert line(player, "error of the guess", f"asked for {name}")[0, 4] == pytest.approx(
            math.log10(error), abs=1e-3
        )


def test_three_variances_each_with_its_own_sigma_and_the_same_dice():
    model, eye, n = digit_denoiser(out=2, T=20), classifier.build(SEEN)[0], 20
    player = denoisers.variances(model, eye, FRESH.subset(300), counts=(2, 4), n=n, seed=1)
    xT, y = torch.randn(n, 1, 8, 8, generator=dice(1)), torch.arange(n) % 10
    for title, v in (("σ² = β", 1.0), ("σ² = β̃", 0.0), ("σ² learned", None)):
        shown = next(p for p in player.film["panels"] if p["title"] == title)
        for k, count in enumerate((2, 4)):
            *_, last = sample(model, xT, None, count, generator=dice(2), v=v, clip=1.0, y=y)
            assert np.array_equal(stored(shown)[k], grid(last.xs[:25].clamp(-1, 1), columns=5)), (title, count)


def test_the_bound_draws_each_variance_where_it_lies():
    inner = digit_denoiser(out=2, T=12)

    class Quarter:
        """A network that says of its variance: a quarter of the way from beta_tilde to beta."""

        net = inner.net
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one that does not end in noise, so that L_T is seen
            schedule = Schedule(torch.linspace(1, 0.2, 13))

        learns_variance, classes = True, inner.classes

        def eps_and_v(self, xt, t, y=None):
            return inner(xt, t, y), torch.full_like(xt, 0.25)

    model, d = Quarter(), FRESH.subset(20)
    player = denoisers.bound(model, d, 17, n=2, count=40, seed=1)
    beta, tilde, learned = (line(player, "σ² as a share", name)[0] for name in ("β", "β̃", "learned"))
    assert np.allclose(beta, 1) and np.all(tilde < 1) and np.allclose(np.log(learned), 0.75 * np.log(tilde), rtol=1e-3)
    for name, v in (("β", 1.0), ("β̃", 0.0), ("learned", None)):
        terms = bound.bound_terms(model, d.x, model.schedule, 17, v=v, y=d.y, n=2, seed=1)
        said = player.film["captions"][3]
        assert float(re.search(rf"{name} ([\d.]+)", said.split("together: ")[1])[1]) == pytest.approx(
            float(terms.sum()), abs=6e-3
        )
        t = int(numbers(player.film["labels"][3])[0])
        assert line(player, "terms of the bound", name)[0, 3] == pytest.approx(float(terms[t]), rel=1e-4)


SMALL_RING = data.load("ring", n=300)


def points(**more):
    torch.manual_seed(0)
    return ddpm.build(SMALL_RING, net=MLP((2,), 1000, width=16, depth=1), batch=16, **more)


def resting(**more):
    """A training of points that has not begun."""
    model, parts = points()
    options = {"y": None, "n": 20, "calls": 20, "keep": 7, "seed": 4, "name": "N"} | more
    return Training(model, parts, SMALL_RING, {"steps": 10}, **options)


# ---------------------------------------------------------------------------------------- points


def test_samples_and_arrows_are_those_of_the_network_now(at_once):
    model, parts = points()
    box = watch(model, parts, SMALL_RING, steps=3, n=20, seed=4, keep=5)
    assert box.state == "done" and box.step == 3 and box.history.keep == 5
    last = box.player.n_frames - 1
    want = torch.cat(list(ddpm.draw(model, 20, seed=4)))
    assert np.allclose(cloud(box.player, "samples", 0)[last], want, atol=2e-2)
    for level, t in box.eye.times.items():
        box.level.value = level
        assert float(model.schedule.snr_db[t]) == pytest.approx(LEVELS[level], abs=0.3)
        x = box.eye.places
        away = convert(model(x, t), "eps", "x0", x, t, model.schedule) - x
        tail, head = (
            cloud(box.player, "where it sees", 1, 1.5)[last],
            cloud(box.player, "where it sees", 1, 5.0)[last],
        )
        flown = torch.tensor(head - tail)
        same = torch.nn.functional.cosine_similarity(flown, away, dim=1)
        assert float(same[away.norm(dim=1) > 0.05].min()) > 0.95
        longest = away.norm(dim=1).argmax()
        assert float(flown[longest].norm()) == pytest.approx(
            0.13 * box.eye.limit * math.tanh(float(away[longest].norm())), rel=0.05
        )
    x, y = box.losses.smooth()
    shown = line(box.player, "loss")[0]
    assert np.allclose(10**shown, y, rtol=1e-4) and panel(box.player, "loss")["yticks"][2] == [-1.0, "0.1"]
    assert box.player.film["labels"][last] == "step 3"
    assert numbers(box.player.film["captions"][last])[2] == pytest.approx(float(y[-1]), abs=6e-4) and len(x) == len(y)


def test_each_round_has_its_own_dice(monkeypatch):
    box, heard = resting(), []
    monkeypatch.setattr(training, "fit", lambda *_, **more: heard.append(more) or iter(()))
    box._begin()
    box._more()
    box._begin()
    assert [h["seed"] for h in heard] == [4, 5] and heard[0]["steps"] == 10


# ---------------------------------------------------------------------------------------- pictures


def test_pictures_grow_from_their_noise_with_the_classes_and_calls_asked_for():
    model, y = digit_denoiser(), torch.tensor([3, 1, 4, 1, 5, 9])
    box = Training(
        model, SimpleNamespace(learners=[]), SEEN, {"steps": 10}, y=y, n=6, calls=3, keep=4, seed=2, name="N"
    )
    frame = box.history.items()[0]
    x = torch.cat(list(ddpm.draw(model, 6, 3, seed=2, y=y)))
    assert np.array_equal(frame["samples"], grid(x, columns=3))
    assert np.array_equal(pictures(box.player, "samples")[0], frame["samples"])
    eye = box.eye
    for level, t in eye.times.items():
        box.level.value = level
        xt = add_noise(eye.x0, t, eye.eps, model.schedule)
        x0_hat = convert(model(xt, t, eye.label), "eps", "x0", xt, t, model.schedule)
        assert np.array_equal(pictures(box.player, "x_{0}, x_{t}")[0], grid(torch.cat([eye.x0, xt, x0_hat]), columns=4))
    found = nearest(eye.x0, SEEN.x)[1]
    assert torch.equal(SEEN.x[found], eye.x0) and torch.equal(SEEN.y[found], eye.label)


# ---------------------------------------------------------------------------------------- what every training has


def test_stop_and_continue_do_what_they_say():
    box, heard = resting(), []
    box.halt, box.proceed = lambda: heard.append("halt"), lambda: heard.append("proceed")
    box.stop.click(), box.resume.click()
    assert heard == ["halt", "proceed"] and box.stop.description == "Stop" and box.resume.description == "Continue"
    for state, stop, resume in (
        ("training", True, False),
        ("stopped", False, True),
        ("done", False, True),
        ("failed", False, False),
    ):
        box._state(state, "a sentence")
        assert (not box.stop.disabled, not box.resume.disabled) == (stop, resume), state
        assert ("✗" in box.says.value) == (state == "failed") and "a sentence" in box.says.value
    box._state("done", "")
    assert "10 steps more" in box.resume.description and box.bar.value == 1


def test_the_bar_and_the_time_left():
    box = resting()
    for step, share in ((2, 0.2), (7, 0.7)):
        box.record = Record(step, 4.0 * step, share, 1.0, {"loss": 0.5})
        box._show()
        assert box.bar.value == pytest.approx(share) and f"{share:.0%}" in box.left.value
        assert words(4.0 * (10 - step)) in box.left.value
    assert words(12) == "about 15 seconds" and words(61) == "about 65 seconds" and words(170) == "about 3 minutes"


def test_who_is_at_the_end_follows_and_who_looks_back_is_left_alone():
    box = resting()
    box.record = Record(1, 1.0, 0.1, 1.0, {"loss": 1.0})
    for n in (2, 3):
        box._draw()
        assert box.player.n_frames == n and box.player.value == n - 1
    box.player.value = 0
    box._draw()
    assert box.player.n_frames == 4 and box.player.value == 0


# ---------------------------------------------------------------------------------------- your own pictures


def test_drawings_and_photos_come_in_white_on_black():
    own = own_pictures(n=3)
    assert "3 cats stand in" in own.says.value
    own._drawn(own.pad, {"kind": "picture"}, [memoryview(bytes([255] * 392 + [0] * 392))])
    assert own.x.shape == (1, 1, 28, 28) and own.x[0, 0, 0, 0] == 1 and own.x[0, 0, 27, 27] == -1
    paper = torch.ones(1, 3, 28, 28)
    paper[:, :, 10:18, 10:18] = -1
    for x in (paper, -paper):
        grey = own_module.to_grey(x)
        assert grey[0, 0, 0, 0] < -0.99 and grey[0, 0, 14, 14] > 0.99
    own.forget.click()
    assert len(own.x) == 3 and "3 cats stand in" in own.says.value


def test_each_sample_stands_over_its_nearest_picture_with_its_distance():
    model, x = digit_denoiser(), SEEN.x[:5]
    player = copies(model, x, n=4, seed=3)
    samples = torch.cat(list(ddpm.draw(model, 4, y=torch.full((4,), -1), seed=3)))
    distance, i = nearest(samples, x)
    assert np.array_equal(pictures(player, "samples, and below")[0], grid(torch.cat([samples, x[i]]), columns=4, pad=2))
    among = torch.cdist(x.flatten(1), x.flatten(1)).fill_diagonal_(math.inf).min(1).values.mean() / 8
    assert numbers(player.film["captions"][0]) == pytest.approx([float(distance.mean()), float(among)], abs=6e-3)


@pytest.mark.heavy
def test_fine_tuning_hands_on_its_options(monkeypatch):
    told = {}
    monkeypatch.setattr(
        own_module, "watch", lambda model, parts, d, **more: told.update(more, model=model, parts=parts, data=d)
    )
    model, x = digit_denoiser(), SEEN.x[:5]
    fine_tune(model, x, steps=9, batch=6, lr=0.0123, seed=5)
    assert told["steps"] == 9 and told["seed"] == 5 and told["n"] == 12 and told["y"] == "none"
    assert told["parts"].learners[0].lr == 0.0123 and torch.equal(told["data"].x, x) and told["model"].predicts == "v"
    batch, y = next(told["parts"].batches)
    assert len(batch) == 6 and y is None and torch.equal(batch, next(own_module.jitter(x, 6, 5))[0])
