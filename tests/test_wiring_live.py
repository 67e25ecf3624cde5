"""The trainings that one watches, without a second of waiting: they run on this thread, or are set to a moment, and are looked at.

What each panel shows at that moment, what each button and menu does, and which dice, steps and classes are handed on.
"""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from films import cloud, line, numbers, panel, pictures
from small import digit_denoiser

from diffusion_lib import data, ddpm
from diffusion_lib.course import worker
from diffusion_lib.course.lesson04 import copies, fine_tune, own_pictures, training, watch
from diffusion_lib.course.lesson04 import own as own_module
from diffusion_lib.course.lesson04.training import LEVELS, Training
from diffusion_lib.course.lesson06 import collapse
from diffusion_lib.course.lesson07 import live_race as arena_view
from diffusion_lib.course.live import words
from diffusion_lib.course.worker import only
from diffusion_lib.diffusion import add_noise, convert
from diffusion_lib.evaluation import arena
from diffusion_lib.evaluation.metrics import nearest
from diffusion_lib.nets import MLP
from diffusion_lib.trace import Thinned
from diffusion_lib.train import Record
from diffusion_lib.viz.figures import grid

pytestmark = pytest.mark.usefixtures("one_thread")

POINTS = data.load("ring", n=300)
SEEN, FRESH = data.digits().split(1000)


def points(**more):
    torch.manual_seed(0)
    return ddpm.build(POINTS, net=MLP((2,), 1000, width=16, depth=1), batch=16, **more)


def resting(**more):
    """A training of points that has not begun."""
    model, parts = points()
    options = {"y": None, "n": 20, "calls": 20, "keep": 7, "seed": 4, "name": "N"} | more
    return Training(model, parts, POINTS, {"steps": 10}, **options)


# ---------------------------------------------------------------------------------------- lesson 04: points


def test_samples_and_arrows_are_those_of_the_network_now(at_once):
    model, parts = points()
    box = watch(model, parts, POINTS, steps=3, n=20, seed=4, keep=5)
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
    assert numbers(box.player.film["captions"][last])[2] == pytest.approx(float(y[-1]), abs=6e-4) and len(
        x
    ) == len(y)


def test_each_round_has_its_own_dice(monkeypatch):
    box, heard = resting(), []
    monkeypatch.setattr(training, "fit", lambda *_, **more: heard.append(more) or iter(()))
    box._begin()
    box._more()
    box._begin()
    assert [h["seed"] for h in heard] == [4, 5] and heard[0]["steps"] == 10


# ---------------------------------------------------------------------------------------- lesson 04: pictures


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
        assert np.array_equal(
            pictures(box.player, "x_{0}, x_{t}")[0], grid(torch.cat([eye.x0, xt, x0_hat]), columns=4)
        )
    found = nearest(eye.x0, SEEN.x)[1]
    assert torch.equal(SEEN.x[found], eye.x0) and torch.equal(SEEN.y[found], eye.label)


# ---------------------------------------------------------------------------------------- what every training has


def test_stop_and_continue_do_what_they_say():
    box, heard = resting(), []
    box.halt, box.proceed = lambda: heard.append("halt"), lambda: heard.append("proceed")
    box.stop.click(), box.resume.click()
    assert (
        heard == ["halt", "proceed"]
        and box.stop.description == "Stop"
        and box.resume.description == "Continue"
    )
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
    assert (
        words(12) == "about 15 seconds"
        and words(61) == "about 65 seconds"
        and words(170) == "about 3 minutes"
    )


def test_who_is_at_the_end_follows_and_who_looks_back_is_left_alone():
    box = resting()
    box.record = Record(1, 1.0, 0.1, 1.0, {"loss": 1.0})
    for n in (2, 3):
        box._draw()
        assert box.player.n_frames == n and box.player.value == n - 1
    box.player.value = 0
    box._draw()
    assert box.player.n_frames == 4 and box.player.value == 0


def test_a_film_is_thinned_evenly():
    for n in (40, 77, 200):
        row = Thinned(keep=8)
        for k in range(n):
            row.add(k)
        kept = row.items()
        assert (
            kept[0] == 0
            and kept[-1] == n - 1
            and len(set(np.diff(kept[:-1]).tolist())) == 1
            and len(kept) > 4
        )


def test_one_training_at_a_time():
    heard = []

    def fake(name):
        return SimpleNamespace(
            halt=lambda: heard.append(f"{name} halted"), join=lambda: heard.append(f"{name} joined")
        )

    a, b = fake("a"), fake("b")
    only(a), only(b)
    assert heard == ["a halted", "a joined"]
    only(None)
    assert heard[2:] == ["b halted", "b joined"] and not worker._working


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
    assert np.array_equal(
        pictures(player, "samples, and below")[0], grid(torch.cat([samples, x[i]]), columns=4, pad=2)
    )
    among = torch.cdist(x.flatten(1), x.flatten(1)).fill_diagonal_(math.inf).min(1).values.mean() / 8
    assert numbers(player.film["captions"][0]) == pytest.approx(
        [float(distance.mean()), float(among)], abs=6e-3
    )


@pytest.mark.heavy
def test_fine_tuning_hands_on_its_options(monkeypatch):
    told = {}
    monkeypatch.setattr(
        own_module,
        "watch",
        lambda model, parts, d, **more: told.update(more, model=model, parts=parts, data=d),
    )
    model, x = digit_denoiser(), SEEN.x[:5]
    fine_tune(model, x, steps=9, batch=6, lr=0.0123, seed=5)
    assert told["steps"] == 9 and told["seed"] == 5 and told["n"] == 12 and told["y"] == "none"
    assert (
        told["parts"].learners[0].lr == 0.0123
        and torch.equal(told["data"].x, x)
        and told["model"].predicts == "v"
    )
    batch, y = next(told["parts"].batches)
    assert len(batch) == 6 and y is None and torch.equal(batch, next(own_module.jitter(x, 6, 5))[0])


# ---------------------------------------------------------------------------------------- lesson 06: the lab


def lab(**more):
    box = collapse.CollapseLab(POINTS, {"steps": 3}, 9, 1)
    box.proceed = lambda: None
    return box


def test_the_labs_panels_say_which_is_which():
    box = lab()
    g, d = (one.model for one in box.parts.learners)
    first = box.history.items()[0]
    x = g(box.z)
    assert first["real"] == pytest.approx(float(d(POINTS.x[:500]).sigmoid().mean()), abs=1e-5)
    assert first["fake"] == pytest.approx(float(d(x[:500]).sigmoid().mean()), abs=1e-5)
    second = first | {
        "step": 2,
        "seconds": 1.0,
        "near": 7,
        "modes": 3,
        "real": 0.9,
        "fake": 0.2,
        "high_quality": 0.5,
        "kl": 1.25,
        "sd_ratio": 0.75,
    }
    panels = box._film([first, second])["panels"]
    for title, name, value in (
        ("modes covered", "near", 7),
        ("modes covered", "within 3 sd", 3),
        ("what D says", "real", 0.9),
        ("what D says", "fake", 0.2),
    ):
        assert line(panels, title, name)[0, -1] == pytest.approx(value)
    assert np.allclose(cloud(panels, "fakes", 1)[0], x[:600].detach(), atol=1e-5)
    said = box._caption(second)
    for words_ in ("near 7 of 8 modes", "within 3 sd 50.0%", "on 3 modes", "KL 1.25", "width 0.75"):
        assert words_ in said


def test_the_labs_menus_change_what_they_name():
    box = lab()
    for speed, ratio in collapse.SPEEDS.items():
        box.speed.value = speed
        box._prepare()
        g, d = box.parts.learners
        assert d.lr / g.lr == pytest.approx(ratio) and f"{ratio:g}" in box.made
    box.recipe.value = "+ minibatch std"
    box._prepare()
    assert box.parts.learners[1].model.config["minibatch_std"] and box.made.startswith("+ minibatch std")
    heard = []
    box.start, box.rewind = lambda: heard.append("start"), lambda: heard.append("rewind")
    box.again.click(), box.go_on.click()
    assert heard == ["start", "rewind"]


def test_rewinding_takes_the_weights_of_the_frame_on_show(at_once):
    box = collapse.CollapseLab(POINTS, {"steps": 3}, 9, 1)
    box.proceed()
    frames = box.history.items()
    assert len(frames) >= 3 and frames[-1]["step"] == 3
    box.proceed = lambda: None

    def same(net, saved):
        return all(
            torch.equal(a, b)
            for layer, old in zip(collapse.snapshot(net), saved, strict=True)
            for a, b in zip(layer, old, strict=True)
        )

    box.player.value = 1
    box.rewind()
    g, d = (one.model for one in box.parts.learners)
    assert same(g, frames[1]["g"]) and same(d, frames[1]["d"]) and not same(g, frames[-1]["g"])
    assert box.step == frames[1]["step"] == 1 and len(box.history.items()) == 2 and box.old is not None
    box.start()
    assert box.step == 0 and box.trained == 0 and box.old is None and len(box.history.items()) == 1


# ---------------------------------------------------------------------------------------- lesson 07: the live race


@pytest.fixture
def race(monkeypatch):
    def small(name):
        return arena.Place(data.load(name, n=300), data.load(name, n=60, seed=999))

    monkeypatch.setattr(arena, "load", small)
    return arena_view.LiveArena("ring", 5, 4, 3, arena_view.bet())


def test_a_new_race_takes_data_budget_and_other_dice(race, monkeypatch):
    began = []
    monkeypatch.setattr(race, "_anew", began.append)
    before = torch.cat([p.flatten() for p in race.entries["GAN"].model.parameters()])
    assert race.place.learn.name == "ring"
    race.choice.value, race.budget.value = "grid", 30
    race.start()
    after = torch.cat([p.flatten() for p in race.entries["GAN"].model.parameters()])
    assert (
        began == [[]]
        and race.seed == 4
        and race.seconds == 30
        and race.place.learn.name == "grid"
        and not torch.equal(before, after)
    )
    race.again.click()
    assert race.seed == 5


def test_each_family_has_its_panel_its_line_and_its_words(race):
    frame = race.history.items()[0]
    for i, family in enumerate(("GAN", "VAE", "DDPM")):
        x = race.entries[family].draw(race.n, 0)
        assert race.player.film["panels"][i]["title"] == family and np.allclose(
            cloud(race.player, family, i)[0], x, atol=1e-5
        )
        assert line(race.player, "coverage", family)[0, 0] == pytest.approx(frame[family]["coverage"])
        assert f"{family} 0 steps, covers {frame[family]['coverage']:.2f}" in race.player.film["captions"][0]
    assert line(race.player, "coverage", "real ones")[0, 0] == pytest.approx(race.floor)


def test_the_bet_is_held_against_who_has_more_or_less(race, monkeypatch):
    for entry in race.entries.values():
        entry.record = Record(5, 1.0, 0.5, 1.0, {})
    score = {"GAN": (0.9, 0.5, 0.1, False), "VAE": (0.3, 0.8, 0.2, True), "DDPM": (0.7, 0.6, 4.0, False)}
    race.judged = {
        k: dict(zip(("coverage", "precision", "drawing_ms", "fails"), v, strict=True))
        for k, v in score.items()
    }
    monkeypatch.setattr(race, "_scores", lambda judged: "")
    monkeypatch.setattr(race, "_costs", lambda judged: "")
    race.bet.choice = {"coverage": "GAN", "precision": "GAN", "drawing_ms": "GAN"}
    said = {line_.split("  ")[0]: line_ for line_ in race.table().splitlines()}
    outcome = {key: said[question[:32]] for key, (question, _) in arena_view.BETS.items()}
    assert outcome["coverage"].endswith("here: GAN  ✓") and outcome["precision"].endswith("here: VAE  ✗")
    assert (
        outcome["drawing_ms"].endswith("here: GAN  ✓")
        and "no bet" in outcome["fails"]
        and "GAN and DDPM" in outcome["fails"]
    )


def test_frechet_distances_in_floors():
    row = {"coverage": 0.5, "precision": 0.5, "recall": 0.5, "accuracy": 0.5, "frechet": 6.0, "fails": False}
    place = SimpleNamespace(
        eye=True, floor=lambda n: row | {"frechet": 2.0}, spread=lambda n: {"frechet": 0.5, "coverage": 0.01}
    )
    box = SimpleNamespace(place=place)
    found = arena_view.LiveArena._scores(box, {"GAN": row, "VAE": row | {"frechet": 3.0}})
    cells = {
        re.split(r"\s{2,}", text.strip())[0]: re.split(r"\s{2,}", text.strip()) for text in found.splitlines()
    }
    head = re.split(r"\s{2,}", found.splitlines()[0].strip())
    at = head.index("Fréchet, in floors") + 1
    assert cells["GAN"][at] == "3.0" and cells["VAE"][at] == "1.5" and cells["real ones"][at] == "1.0"
