"""Lesson 08 without a browser: arrows, clouds, samplers and paths against what the library computes; its record and tables."""

import math
import re
from statistics import mean
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from films import cloud, columns, line, mark, numbers, panel, pictures, titles
from small import dice, digit_denoiser

from diffusion_lib import data, store
from diffusion_lib.course import lesson08
from diffusion_lib.course.lesson08 import counts, straight, verdicts
from diffusion_lib.diffusion import Schedule, add_noise
from diffusion_lib.evaluation.metrics import frechet, mode_report, sliced_wasserstein, student
from diffusion_lib.evaluation.records import RECORDS, read
from diffusion_lib.oracle import mixture_denoiser
from diffusion_lib.sampling import SAMPLERS, sample
from diffusion_lib.viz.figures import grid, to_uint8

pytestmark = pytest.mark.usefixtures("one_thread")
RING = data.ring(2)
SHORT = Schedule.of("cosine", 30)


def end(walk):
    *_, last = walk
    return last.xs


# ---------------------------------------------------------------------------------------- with dice, or without


def test_the_clouds_are_those_of_the_walks_and_their_distances_are_said():
    n, schedule = 60, Schedule.of("linear", 20)
    player = lesson08.same_cloud(RING.modes, 0.2, schedule, etas=(0.0, 1.0), n=n, frames=5, seed=3)
    model, xT = mixture_denoiser(RING.modes, 0.2, schedule), torch.randn(n, 2, generator=dice(3))
    found = {}
    for eta in (0.0, 1.0):
        steps = list(sample(model, xT, schedule, eta=eta, generator=dice(4)))
        found[eta] = [xT, *(s.xs for s in steps if s.s in (15, 10, 5, 0))]
        shown = mark(player, int(eta), 0, "x")
        assert shown.shape == (5, n)
        assert np.allclose(shown, torch.stack(found[eta])[:, :, 0], atol=1e-5)
        assert np.allclose(mark(player, int(eta), 1, "x")[:, 0], shown[:, 0])
    assert player.film["labels"] == ["t = 20", "t = 15", "t = 10", "t = 5", "t = 0"]
    for i, (a, b) in enumerate(zip(*found.values(), strict=True)):
        clouds, _, paths = numbers(player.film["captions"][i])
        assert clouds == pytest.approx(sliced_wasserstein(a, b, directions=50), abs=6e-4)
        assert paths == pytest.approx(float((a - b).norm(dim=1).mean()), abs=6e-3)
        assert line(player, "how far apart", "the clouds")[0, i] == pytest.approx(clouds, abs=6e-4)
        assert line(player, "how far apart", "the same points")[0, i] == pytest.approx(paths, abs=6e-3)
    assert {numbers(c)[2] > 0.5 for c in player.film["captions"][1:]} == {True}


@pytest.mark.heavy
def test_the_same_cloud_for_each_eta_and_not_the_same_paths():
    """What the lesson's film is for: at each t the clouds are as near as two real ones, nearly, and the points far apart."""
    player = lesson08.same_cloud(RING.modes, 0.1, Schedule.of("linear", 1000), n=1000, frames=11)
    rows = [numbers(c) for c in player.film["captions"][1:]]
    assert all(clouds < 2.5 * floor and paths > 10 * clouds for clouds, floor, paths in rows[1:])


# ---------------------------------------------------------------------------------------- the straight path


def test_a_place_on_the_path_has_the_noise_of_its_time():
    schedule = Schedule.of("flow", 50)
    assert straight.place(schedule, 50) == pytest.approx(1 / 1.01) and straight.place(schedule, 0) == 0
    x0, eps = torch.randn(4, 2, generator=dice(0)), torch.randn(4, 2, generator=dice(1))
    for name in ("flow", "cosine"):
        other = Schedule.of(name, 50)
        u = straight.place(other, 20)
        assert torch.allclose(
            straight.unscaled(add_noise(x0, 20, eps, other), 20, other), (1 - u) * x0 + u * eps, atol=1e-5
        )
    path = torch.tensor([[[0.0, 0.0]], [[3.0, 0.0]], [[3.0, 4.0]]])
    assert straight.bend(path) == pytest.approx(7 / 5)


def test_pairs_are_straight_and_the_walk_is_the_samplers_in_two_sizes():
    player = lesson08.straight_path(RING.modes, 0.2, n=40, trails=3, T=20, seed=1)
    schedule, g = Schedule.of("flow", 20), dice(1)
    torch.randint(8, (40,), generator=g), torch.randn(40, 2, generator=g), torch.randn(40, 2, generator=g)
    xT = torch.randn(40, 2, generator=g)
    walk = torch.stack(
        [xT, *(s.xs for s in sample(mixture_denoiser(RING.modes, 0.2, schedule), xT, schedule, sampler="ddim"))]
    )
    seen = [np.stack([mark(player, i, 1, k) for k in "xy"], -1) for i in range(3)]
    assert np.allclose(seen[2], walk[:, :3], atol=1e-5)
    u = np.array([straight.place(schedule, t) for t in range(20, -1, -1)])
    assert np.allclose(seen[1], seen[2] * np.hypot(1 - u, u)[:, None, None], atol=1e-5)
    assert np.abs(seen[1][-1] - seen[2][-1]).max() == 0
    assert panel(player, "the walk there")["marks"][1]["trail"] == [0, 1, 2]
    share = (u - u[-1]) / (u[0] - u[-1])
    on_line = seen[0][-1] + share[:, None, None] * (seen[0][0] - seen[0][-1])
    assert np.allclose(seen[0], on_line, atol=1e-5)
    pairs, bent, as_xt = numbers(player.film["captions"][0])
    assert pairs == 1 and bent == pytest.approx(
        straight.bend(torch.stack([w / (1 / math.hypot(1 - v, v)) for w, v in zip(walk, u, strict=True)])), abs=6e-3
    )
    assert as_xt == pytest.approx(straight.bend(walk), abs=6e-3) and bent > as_xt


# ---------------------------------------------------------------------------------------- one noise


def test_every_sampler_walks_the_one_noise_with_as_many_calls_as_it_is_given():
    net = digit_denoiser(T=40)
    player = lesson08.one_noise(net, calls=(1, 4, 9), n=4, seed=2)
    xT, y = torch.randn(4, 1, 8, 8, generator=dice(2)), torch.arange(4)
    aim = counts.arrival(net, xT, y)
    assert np.array_equal(pictures(player, "where it leads")[0], grid(aim, columns=5))
    assert torch.equal(aim, end(sample(net, xT, None, 40, sampler="heun", clip=1.0, y=y)))
    assert titles(player) == [*SAMPLERS, "where it leads"]
    for name, method in SAMPLERS.items():
        for i, count in enumerate((1, 4, 9)):
            steps = (count + 1) // 2 if name == "heun" else count
            times = net.schedule.times(steps, method.even)
            x = end(sample(net, xT, None, times, sampler=name, generator=dice(3), clip=1.0, y=y))
            assert np.array_equal(pictures(player, name)[i], grid(x, columns=5))
            gap = (x - aim).square().flatten(1).mean(1).sqrt().mean()
            assert numbers(panel(player, name)["notes"][i])[0] == pytest.approx(float(gap), abs=6e-3)
    assert player.film["labels"] == ["1 network call", "4 network calls", "9 network calls"]


# ---------------------------------------------------------------------------------------- the record


@pytest.fixture(scope="module")
def slider():
    return lesson08.steps_slider()


@pytest.mark.parametrize("place", ["digits", "sprites"])
@pytest.mark.parametrize("sampler", read("few_steps")["film"]["digits"]["samplers"])
def test_the_slider_shows_what_is_recorded_of_the_chosen_sampler_and_pictures(slider, sampler, place):
    slider.which.value, slider.pictures.value = sampler, place
    film, book = slider.player.film, read("few_steps")["film"]
    points, found = (book[p]["samplers"][sampler] for p in ("points", place))
    assert [n for label in film["labels"] for n in numbers(label)] == [r["calls"] for r in found]
    for said, point, row in zip(film["captions"], points, found, strict=True):
        width = point["sd_ratio"]
        close = lambda v, form: [] if v is None else [pytest.approx(v, abs=0.51 * 10**-form)]
        wanted = [*close(row["ms"], 0), row["samples"], *close(100 * point["high_quality"], 1), *close(width, 2)]
        wanted += [*close(row["frechet"], 1), *close(book[place]["real"]["frechet"], 1)]
        assert [100 * n if i == 2 else n for i, n in enumerate(numbers(said))] == wanted
        assert said.count("–") == (width is None) and f" {place};" in said
    for title, rows, key in (("share on", points, "high_quality"), ("distance of", found, "frechet")):
        shown = line(slider.player, title, sampler)[0]
        shown = 10**shown if key == "frechet" else shown
        assert sampler == "heun" or np.allclose(shown, [r[key] for r in rows], rtol=1e-4)
    assert sampler in film["name"] and titles(slider.player)[1] == place
    with np.load(RECORDS / "few_steps.npz") as kept:
        last = kept[f"{place} {sampler}"][-1]
    last = last[:, None] if place == "digits" else last.transpose(0, 3, 1, 2)
    assert np.array_equal(pictures(slider.player, place)[-1], grid(last, columns=5 if place == "digits" else 2))


def test_the_record_counts_its_calls_truthfully():
    book = read("few_steps")["film"]
    for place in ("points", "digits", "sprites"):
        for name, rows in book[place]["samplers"].items():
            for asked, row in zip(book["counts"], rows, strict=True):
                method = SAMPLERS[name]
                assert row["calls"] == method.calls(method.steps(asked)) <= asked


@pytest.mark.heavy
@pytest.mark.parametrize("sampler", ["ddpm", "heun"])
def test_the_recorded_pictures_and_numbers_come_out_again(slider, sampler):
    """Ten calls of each sampler, from the weights that ship."""
    slider.which.value, slider.pictures.value = sampler, "digits"
    book, i = read("few_steps")["film"], read("few_steps")["film"]["counts"].index(10)
    method = SAMPLERS[sampler]
    for place, weights in (("points", "ring"), ("digits", "digits")):
        model, n = store.load(weights), book[place]["samples"]
        xT = torch.randn(n, *model.shape, generator=dice(0))
        y, clip = (torch.arange(n) % 10, 1.0) if place == "digits" else (None, None)
        times = model.schedule.times(method.steps(10), method.even)
        x = end(sample(model, xT, None, times, sampler=sampler, generator=dice(0), clip=clip, y=y))
        row = book[place]["samplers"][sampler][i]
        if place == "points":
            assert np.allclose(cloud(slider.player, "points", 0)[i], x[:400], atol=5e-3)
            assert row["high_quality"] == pytest.approx(mode_report(x, RING.modes, RING.sd)["high_quality"], abs=0.005)
        else:
            shown = pictures(slider.player, "digits")[i].astype(int)
            assert np.abs(shown - grid(to_uint8(x[:15])[:, None], columns=5).astype(int)).max() <= 3
            eye, unseen = store.load("classifier_digits"), data.digits().split(1000)[1]
            far = frechet(eye.features(x), eye.features(unseen.x))
            assert row["frechet"] == pytest.approx(float(far), rel=0.02)


def test_the_table_of_answers_has_every_seed_in_its_interval():
    for place, form in (("ring", ".1%"), ("digits", ".1f")):
        table = columns(lesson08.answers_table(place))
        assert list(table) == list(verdicts.ASKED.values())
        for answer, name in verdicts.ASKED.items():
            for calls in ("5", "10", "20", "50"):
                found = verdicts.scores(place, answer, calls)
                low, high = student(found)
                assert len(found) == 5
                cell = re.sub(r"\s+", " ", table[name][f"{calls} calls"])
                assert cell.startswith(f"{mean(found):{form}}") and f"({low:{form}}" in cell
                assert (f"{min(high, 1):{form}})" if place == "ring" else f"{high:{form}})") in cell


def test_the_table_of_ten_calls_has_the_means_of_the_runs():
    table, book = columns(lesson08.parity_table()), read("few_steps")["parity"]
    for place, found in book.items():
        for name in found["at_10"]:
            runs = [r["frechet"] for r in found["runs"] if (r["sampler"], r["calls"]) == (name, 10)]
            assert table[f"{name}, 10 calls"][verdicts.PLACES[place]] == f"{sum(runs) / len(runs):.1f}"
        assert table["ddpm, 250 calls"][verdicts.PLACES[place]] == f"{found['ddpm_250']:.1f}"
        assert (
            table["dpmpp_2m, 10 calls, Karras times"][verdicts.PLACES[place]]
            == f"{found['dpmpp_2m_karras']['frechet']:.1f}"
        )
        assert table["real pictures"][verdicts.PLACES[place]] == f"{mean(found['floors']):.1f}"


def test_bad_wishes_get_one_sentence():
    """Not a trait's error, a broken stack, or numbers that mean something else."""
    net, words = digit_denoiser(T=40), SimpleNamespace(classes=[2, 3], schedule=SHORT, shape=(1, 8, 8))
    other, means = SimpleNamespace(schedule=Schedule.of("linear", 50)), RING.modes
    for wrong, said in (
        (lambda: lesson08.steps_slider("DDIM"), "Recorded is no sampler 'DDIM': choose one of ddpm"),
        (lambda: lesson08.answers_table("mnist"), "no table of answers for 'mnist': choose one of ring, digits"),
        (lambda: lesson08.one_noise(words), "not for one of words"),
        (lambda: lesson08.one_noise(net, calls="12"), "calls is a list of whole numbers in 1..40"),
        (lambda: lesson08.one_noise(net, calls=3), "calls is a list of whole numbers in 1..40"),
        (lambda: lesson08.one_noise(net, calls=()), "calls is a list of whole numbers in 1..40"),
        (lambda: lesson08.one_noise(net, calls=(2.5,)), r"but got \(2.5,\)"),
        (lambda: lesson08.one_noise(net, calls=(41,)), r"but got \(41,\)"),
        (lambda: lesson08.one_noise(net, n=0), "n is a whole number of noises, 1 to 100, but got 0"),
        (lambda: lesson08.arrows(means, 0.1, Schedule.of("cosine", 50), other), "learned another schedule"),
        (lambda: lesson08.same_cloud(means, 0.0, SHORT), "sd is the width of an island, above 0"),
        (lambda: lesson08.same_cloud(means, 0.1, SHORT, etas=(0.5,)), "at least two numbers"),
        (lambda: lesson08.same_cloud(means, 0.1, SHORT, n=0), "n is a whole number of points, at least 2"),
        (lambda: lesson08.same_cloud(means, 0.1, SHORT, frames=1), "frames is a whole number in 2..31"),
        (lambda: lesson08.straight_path(means, 0.1, n=5), "got trails = 12, n = 5"),
        (lambda: lesson08.straight_path(means, 0.1, trails=0), "got trails = 0, n = 300"),
    ):
        with pytest.raises(ValueError, match=said):
            wrong()
