"""What every panel, note, readout and caption of the lessons' films shows, against what the library computes for that frame.

Tiny data and networks that never learned, so that the whole file takes seconds: here it is asked what is shown where.
"""

import json
import math
import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from films import at, cloud, columns, line, mixed, numbers, panel, pictures, stored
from PIL import Image
from small import dice, digit_denoiser, held_back
from torch.nn import functional as F

from diffusion_lib import bound, data, gan, store, vae
from diffusion_lib.course.lesson01 import views as lesson01
from diffusion_lib.course.lesson02 import views as lesson02
from diffusion_lib.course.lesson03 import step_reverse
from diffusion_lib.course.lesson03 import views as lesson03
from diffusion_lib.course.lesson04 import denoisers
from diffusion_lib.course.lesson06 import recipes, rungs
from diffusion_lib.course.lesson07 import blind, recorded, scores
from diffusion_lib.course.lesson07.live_race import BETS
from diffusion_lib.course.lesson09 import blurring, copying, latents, measures
from diffusion_lib.data import Data
from diffusion_lib.diffusion import (
    Schedule,
    add_noise,
    convert,
    forward_path,
    forward_step,
    log_normal,
    log_p_step,
    log_q_chain,
    sample,
)
from diffusion_lib.evaluation import arena, classifier, distances, pyramid, records
from diffusion_lib.evaluation.metrics import frechet, nearest
from diffusion_lib.oracle import ideal_denoiser, mixture_denoiser, mixture_step_back
from diffusion_lib.trace import Trace
from diffusion_lib.viz import still
from diffusion_lib.viz.figures import grid, to_uint8
from diffusion_lib.viz.tables import Interval

pytestmark = pytest.mark.usefixtures("one_thread")

CATS = data.sprites(12, size=16, seed=0, species="cat").x
SEEN, FRESH = data.digits().split(1000)
S = Schedule.of("cosine", 6)
A = S.alpha_bar


# ---------------------------------------------------------------------------------------- lesson 01


def test_forward_captions_give_the_weights_of_picture_and_noise():
    for t, said in enumerate(lesson01.forward_captions(S)):
        a = float(A[t])
        signal, _, noise, *ratio = numbers(said)
        assert signal == pytest.approx(math.sqrt(a), abs=6e-4) and noise == pytest.approx(
            math.sqrt(1 - a), abs=6e-4
        )
        assert not t or ratio[0] == pytest.approx(math.sqrt(a / (1 - a)), abs=6e-3)


def test_explore_forward_mixes_each_picture_with_the_noise_of_its_seed():
    view = lesson01.explore_forward({"one": CATS[0], "two": CATS[1:2]}, S, upload=False, seed=5)
    g = dice(5)
    for name, x in (("one", CATS[0]), ("two", CATS[1])):
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
        assert np.allclose(
            np.stack([at(shown, "x"), at(shown, "y")], -1), torch.cat([there, rest]), atol=1e-6
        )
        bands = np.array(shown["colors"])
        for left, right in ((0, 1), (1, 2), (2, 3)):  # four bands, left to right
            assert points[bands == left, 0].max() <= points[bands == right, 0].min()
    assert player.film["labels"] == [f"kick {k}" for k in (0, 1, 2, 3, 4, 3, 2, 1, 0)]


def test_steps_and_jump_are_drawn_apart():
    player, g, n = lesson01.steps_or_jump(0.8, S, n=300, seed=1), dice(1), 300
    x0 = torch.full((n, 1), 0.8, dtype=torch.float64)
    x = x0
    for t in range(7):
        if t:
            x = forward_step(x, t, torch.randn(n, 1, generator=g, dtype=torch.float64), S)
        jump = add_noise(x0, t, torch.randn(n, 1, generator=g, dtype=torch.float64), S)
        for title, values in (("t small steps", x), ("one jump", jump)):
            assert np.allclose(
                line(player, title, "drawn")[t], torch.histc(values, 35, -3.5, 3.5) / (n * 0.2)
            )
        a = float(A[t])
        said = numbers(player.film["captions"][t])
        want = [x.mean(), jump.mean(), math.sqrt(a) * 0.8, x.var(), jump.var(), 1 - a]
        assert said == pytest.approx([float(v) for v in want], abs=6e-4)


def test_the_chain_shows_path_terms_and_sum():
    x0 = FRESH.x[:1]
    player, path = lesson01.chain_log_probability(x0, S, seed=3), forward_path(x0, S, dice(3))
    terms = log_q_chain(path, S)[:, 0]
    assert np.array_equal(pictures(player, "one path"), to_uint8(path[:, 0]))
    assert np.allclose(line(player, "log q of each step")[0], terms, rtol=1e-5)
    assert np.allclose(line(player, "their sum")[0], [0, *terms.cumsum(0)], rtol=1e-5)
    for i, said in enumerate(player.film["captions"][1:], 1):
        term, total = re.search(r"= ([-+.\d]+)  ", said)[1], re.search(r"= ([-+.\d]+) nats", said)[1]
        assert float(term) == pytest.approx(float(terms[i - 1]), abs=0.06)
        assert float(total) == pytest.approx(float(terms[:i].sum()), abs=0.06)


# ---------------------------------------------------------------------------------------- lesson 02


def test_each_ruler_has_even_steps_of_its_own():
    player = lesson02.two_rulers(CATS[:1], n=5, seed=4)
    for title, ruler, name in (
        ("even steps of ā", lambda a: a, "steps of ā"),
        ("even steps of dec", lambda a: np.log(a / (1 - a)), "steps of dB"),
    ):
        x0, eps, a = mixed(player, title)
        assert np.allclose(np.diff(ruler(a)), np.diff(ruler(a))[0])
        assert np.array_equal(x0, CATS[0]) and np.array_equal(eps, torch.randn(3, 16, 16, generator=dice(4)))
        db = 10 * np.log10(a / (1 - a))
        assert np.allclose(line(player, "where each", name)[0], db, atol=1e-4)
        for said, v, d in zip(panel(player, title)["notes"], a, db, strict=True):
            assert numbers(said) == pytest.approx([v, d], abs=0.06)


def test_the_schedule_test_shows_walk_and_truth_and_counts_the_inner_islands():
    n, seed = 60, 1
    player, islands, g = lesson02.schedule_test(S, n=n, seed=seed), data.grid(n, seed), dice(seed)
    xT, eps = torch.randn(n, 2, generator=g), torch.randn(n, 2, generator=g)
    trace = Trace(keep=50).record(sample(mixture_denoiser(islands.modes, islands.sd, S), xT, S, generator=g))
    times = [6, *trace.frames("s").tolist()]
    want = {
        "the walk": torch.cat([xT[None], trace.frames("xs")]),
        "real data": torch.stack([add_noise(islands.x, t, eps, S) for t in times]),
    }
    for title, points in want.items():
        assert np.allclose(cloud(player, title, 0), points, atol=1e-5)
        assert [numbers(note)[0] for note in panel(player, title)["notes"]] == pytest.approx(
            [float(p.std()) for p in points], abs=6e-3
        )
    inner = (islands.modes.abs() < 1).all(1)  # -2, 0 and 2 of -4..4
    assert inner.sum() == 9
    share = inner[nearest(want["the walk"][-1], islands.modes)[1]].double().mean()
    said = re.search(r"inner 9 hold (\d+)%", player.film["captions"][0])[1]
    assert int(said) == round(100 * float(share)) and player.film["labels"] == [f"t = {t}" for t in times]


def test_the_picture_test_tells_drawn_from_real():
    n, g = 5, dice(2)
    player = lesson02.picture_test(S, CATS, n=n, seed=2)
    xT = torch.randn(n, 3, 16, 16, generator=g)
    real = CATS[torch.randperm(12, generator=g)[:n]]
    trace = Trace(keep=40).record(sample(ideal_denoiser(CATS, S), xT, S, generator=g))
    walk = torch.cat([xT[None], trace.frames("xs")])
    assert np.array_equal(pictures(player, "the walk"), np.stack([grid(x) for x in walk]))
    assert np.array_equal(pictures(player, "real pictures")[0], grid(real))
    drawn, truth = walk[-1].flatten(1).mean(1), CATS.flatten(1).mean(1)
    for name, v in (("drawn", drawn), ("real", truth)):
        assert np.allclose(line(player, "how bright", name)[0], torch.histc(v, 25, -1, 1) / len(v))
    low, high = float(truth.quantile(0.05)), float(truth.quantile(0.95))
    said = numbers(player.film["captions"][0])
    assert said[:4] == pytest.approx([float(drawn.min()), float(drawn.max()), low, high], abs=6e-3)


def test_two_sizes_each_with_its_own_decibels():
    large = data.sprites(1, size=32, seed=0).x
    player = lesson02.two_sizes(F.avg_pool2d(large, 4), large, S)
    _, big, _ = mixed(player, "32")
    x0, eps, _ = mixed(player, "the large one, av")
    assert np.allclose(eps, F.avg_pool2d(torch.tensor(big)[None], 4)[0], atol=1e-6)
    assert np.allclose(x0, F.avg_pool2d(large, 4)[0], atol=1e-6)
    for p in player.film["panels"]:  # each note is of the picture and the noise that its panel mixes
        x0, eps, a = mixed(player, p["title"])
        for i in (2, 5):
            db = 10 * math.log10(x0.var(ddof=1) / eps.var(ddof=1) * a[i] / (1 - a[i]))
            assert numbers(p["notes"][i])[0] == pytest.approx(db, abs=0.51)


# ---------------------------------------------------------------------------------------- lesson 03


@pytest.fixture(scope="module")
def walked():
    """The stepper on cats and digits, with a network for the digits."""
    net = digit_denoiser(T=6)
    sets = {"digits": Data(SEEN.x[:40], SEEN.y[:40], SEEN.names), "cats": CATS}
    return step_reverse(sets, S, steps=6, seed=3, networks={"digits": net}), net


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
        assert np.array_equal(pictures(box.player, title), to_uint8(box.trace.frames(what)[:, 0] / scale)), (
            title
        )
    log_p = float(log_normal(steps[0].xt, torch.zeros_like(steps[0].xt), 1.0))
    for i, q in enumerate(steps):
        at_, as_ = float(A[q.t]), float(A[q.s])
        log_p += float(log_p_step(q)[0])
        notes = {
            title: panel(box.player, title)["notes"][i]
            for title in ("x_{t}", "x̂_{0}: best", "μ", "z", "x_{s}")
        }
        assert (
            notes["x_{t}"] == f"t = {q.t}"
            and notes["x_{s}"] == f"s = {q.s}"
            and film["labels"][i] == f"t = {q.t} → {q.s}"
        )
        weights = numbers(notes["x̂_{0}: best"])
        assert weights == pytest.approx([math.sqrt(1 - at_), math.sqrt(at_)], abs=6e-3)
        keep, _, direction = numbers(notes["μ"])
        assert (keep, direction) == pytest.approx(
            (math.sqrt(as_), math.sqrt(max(0, 1 - as_ - q.sigma**2))), abs=6e-3
        )
        assert numbers(notes["z"])[0] == pytest.approx(q.sigma, abs=6e-4)
        assert numbers(panel(box.player, "z")["lead"][i])[0] == pytest.approx(q.sigma, abs=6e-3)
        assert line(box.player, "log p of the path")[0, i] == pytest.approx(log_p, rel=1e-4)
        assert float(
            re.search(r"log p = ([-+\d,]+) nats", film["captions"][i])[1].replace(",", "")
        ) == pytest.approx(log_p, abs=0.6)
        if hasattr(model, "posterior_weights"):
            r = model.posterior_weights(q.xt[:1], q.t, y)[0]
            possible = float(torch.special.entr(r).sum().exp())
            assert line(box.player, "pictures it could")[0, i] == pytest.approx(possible, rel=1e-4)
    return steps


def test_the_glass_box_and_each_of_its_controls(walked):
    box, net = walked
    digits = ideal_denoiser(SEEN.x[:40], S, SEEN.y[:40])
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
            convert(
                convert(net(q.xt, q.t), "eps", "x0", q.xt, q.t, S).clamp(-1, 1), "x0", "eps", q.xt, q.t, S
            ),
            atol=1e-5,
        )
    box.kind.value = "7"
    assert "class 7" in box.says.value
    for q in glass_box(box, net):
        told = convert(net(q.xt, q.t, torch.tensor([7])), "eps", "x0", q.xt, q.t, S).clamp(-1, 1)
        assert torch.allclose(q.x0_hat, told, atol=1e-5)
    box.who.value = "perfect denoiser"
    assert "The perfect denoiser" in box.says.value
    glass_box(box, digits, torch.tensor([7]))
    box.kind.value = "any"
    box.which.value = "cats"
    glass_box(box, ideal_denoiser(CATS, S))
    assert float(nearest(box.trace.final, CATS)[0]) < 1e-5


def test_ancestors_count_who_came_home():
    n, g = 8, dice(1)
    player = lesson03.ancestors(CATS, S, picture=3, times=(2, 6), n=n, seed=1)
    eps = torch.randn(1, 3, 16, 16, generator=g)
    for i, t in enumerate((2, 6)):
        xt = add_noise(CATS[3:4], t, eps, S)
        *_, last = sample(ideal_denoiser(CATS, S), xt.repeat(n, 1, 1, 1), S, range(t, -1, -1), generator=g)
        _, which = nearest(last.xs, CATS)
        assert np.array_equal(pictures(player, "x_{t}")[i], to_uint8(xt[0]))
        assert np.array_equal(pictures(player, "its possible")[i], grid(last.xs, columns=4))
        said = player.film["captions"][i]
        assert f"{n} walks" in said and f"{int((which == 3).sum())} of {n} the one that was" in said
    assert np.array_equal(pictures(player, "x_{0}")[0], to_uint8(CATS[3]))


def test_memory_shows_the_walk_the_guess_and_where_it_ends():
    g = dice(2)
    player = lesson03.memory(CATS, S, n=4, seed=2)
    xT = torch.randn(4, 3, 16, 16, generator=g)
    trace = Trace().record(sample(ideal_denoiser(CATS, S), xT, S, generator=g))
    for title, what in (("x_{s}", "xs"), ("x̂_{0}", "x0_hat")):
        assert np.array_equal(
            pictures(player, title), np.stack([grid(x, columns=4) for x in trace.frames(what)])
        )
    home = CATS[nearest(trace.final, CATS)[1]]
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
    r, m, _ = mixture_step_back(
        torch.tensor([0.3]), beta, torch.tensor([-1.0, 1.0]), 0.2, torch.full((2,), 0.5)
    )
    mean = float((r * m).sum())
    top = float(line(player, "q(x_{t-1}", "Gaussian fit")[5].argmax()) * 0.005 - 3
    assert top == pytest.approx(mean, abs=0.01)
    gap = line(player, "how wrong")[0]
    assert [numbers(c)[-1] for c in player.film["captions"]] == pytest.approx(gap.tolist(), abs=6e-5)


def test_few_steps_with_each_sampler_under_its_name():
    ring = data.load("ring", n=50)
    linear, counts = Schedule.of("linear", 40), (1, 2, 20)
    player, g = lesson03.few_steps(CATS, ring.modes, ring.sd, linear, counts=counts, n=60, seed=1), dice(1)
    pictures_T, points_T = torch.randn(12, 3, 16, 16, generator=g), torch.randn(60, 2, generator=g)
    knows = mixture_denoiser(ring.modes, ring.sd, linear)
    for i, count in enumerate(counts):
        *_, last = sample(ideal_denoiser(CATS, linear), pictures_T, linear, count, generator=dice(2))
        assert np.array_equal(pictures(player, "pictures")[i], grid(last.xs, columns=4))
        said = player.film["captions"][i]
        for title, eta, name in (("points, η = 1", 1.0, "DDPM"), ("points, η = 0", 0.0, "DDIM")):
            *_, last = sample(knows, points_T, linear, count, generator=dice(2), eta=eta)
            assert np.allclose(cloud(player, title, 0)[i], last.xs, atol=1e-5)
            near = (torch.cdist(last.xs, ring.modes).min(1).values < 3 * ring.sd).double().mean()
            assert int(re.search(rf"(\d+)% with {name}", said)[1]) == round(100 * float(near))


# ---------------------------------------------------------------------------------------- lesson 04


def test_network_and_perfect_denoiser_on_seen_and_new_pictures():
    model, seen, fresh, n = digit_denoiser(), SEEN.subset(40), FRESH.subset(30), 10
    player, g = denoisers.network_or_perfect(model, seen, fresh, n=n, count=3, seed=1), dice(1)
    schedule, perfect, sets = model.schedule, ideal_denoiser(seen.x, model.schedule, seen.y), {}
    for name, d in (("seen", seen), ("new", fresh)):
        i = torch.randperm(len(d), generator=g)[:n]
        sets[name] = d.x[i], d.y[i], torch.randn(n, 1, 8, 8, generator=g)
    for k, t in enumerate(denoisers.even_times(schedule, 3)):
        said = re.split("on new ones", player.film["captions"][k])
        for title, name, sentence in (
            ("pictures it learned", "seen", said[0]),
            ("new pictures", "new", said[1]),
        ):
            x0, y, eps = sets[name]
            xt = add_noise(x0, t, eps, schedule)
            hats = {
                who: convert(m(xt, t, y), "eps", "x0", xt, t, schedule).clamp(-1, 1)
                for who, m in (("network", model), ("perfect", perfect))
            }
            rows = torch.cat([x0[:4], xt[:4], hats["network"][:4], hats["perfect"][:4]])
            assert np.abs(pictures(player, title)[k].astype(int) - grid(rows, columns=4)).max() <= 1
            for who, x0_hat in hats.items():
                error = float((x0_hat - x0).pow(2).mean())
                assert float(re.search(rf"{who} ([\d.]+)", sentence)[1]) == pytest.approx(error, abs=6e-4)
                drawn = line(player, "error of the guess", f"{who}, {name}")[0, k]
                assert drawn == pytest.approx(math.log10(max(error, denoisers.FLOOR)), abs=1e-3)
        assert numbers(player.film["labels"][k])[0] == pytest.approx(-float(schedule.snr_db[t]), abs=0.51)


def test_the_reference_has_none_of_the_pictures_that_are_held_back():
    d = FRESH.subset(120)
    eye = SimpleNamespace(features=lambda x: x.flatten(1)[:, 20:24])
    far, floor = distances.distances(eye, d, 20)
    held, rest = held_back(d, 20)
    assert len(held) == 20 and abs(far(rest)) < 1e-9 < floor == pytest.approx(far(held))


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
            assert float(re.search(rf"\b{name} ([\d.]+)", said)[1]) == pytest.approx(
                far(last.xs), abs=0.06, rel=0.01
            )
            assert float(re.search(r"real ones: ([\d.]+)", said)[1]) == pytest.approx(far(held), abs=0.06)
        xt = add_noise(x0, times[4], eps, schedule)
        error = (
            (
                convert(model(xt, times[4], fresh.y[:200]), "eps", "x0", xt, times[4], schedule).clamp(-1, 1)
                - x0
            )
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
            assert np.array_equal(stored(shown)[k], grid(last.xs[:25].clamp(-1, 1), columns=5)), (
                title,
                count,
            )


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
    assert (
        np.allclose(beta, 1)
        and np.all(tilde < 1)
        and np.allclose(np.log(learned), 0.75 * np.log(tilde), rtol=1e-3)
    )
    for name, v in (("β", 1.0), ("β̃", 0.0), ("learned", None)):
        terms = bound.bound_terms(model, d.x, model.schedule, 17, v=v, y=d.y, n=2, seed=1)
        said = player.film["captions"][3]
        assert float(re.search(rf"{name} ([\d.]+)", said.split("together: ")[1])[1]) == pytest.approx(
            float(terms.sum()), abs=6e-3
        )
        t = int(numbers(player.film["labels"][3])[0])
        assert line(player, "terms of the bound", name)[0, 3] == pytest.approx(float(terms[t]), rel=1e-4)


# ---------------------------------------------------------------------------------------- lesson 06


def test_how_strongly_each_loss_pushes():
    score = torch.tensor([-8.0, 0.5, 3.0], requires_grad=True)
    for name, factor in recipes.slope_factors(score.detach()).items():
        (slope,) = torch.autograd.grad(3 * gan.LOSSES[name].g(score, score), score)
        assert torch.allclose(slope.abs(), factor, atol=1e-6), name


def test_winning_names_probabilities_and_lengths():
    ring = data.load("ring", n=600)
    player = recipes.winning(ring, steps=1, looks=1, seed=1)
    _, parts = gan.build(ring, loss="non-saturating", seed=1)
    g, d = (learner.model for learner in parts.learners)
    z = g.noise(500, dice(1))
    said = numbers(player.film["captions"][0])
    real, fake = (float(v.detach().sigmoid().mean()) for v in (d(ring.x[:500]), d(g(z))))
    for name, p in (("of real", real), ("of fakes", fake)):
        assert line(player, 'D says "real"', name)[0, 0] == pytest.approx(p, abs=1e-5)
    for name, key, place in (("minimax (2014)", "minimax", 1), ("non-saturating", "non-saturating", 2)):
        slopes = torch.autograd.grad(gan.LOSSES[key].g(d(g(z)), d(g(z))), list(g.parameters()))
        length = math.sqrt(sum(float(s.pow(2).sum()) for s in slopes))
        assert line(player, "gradient that", name)[0, 0] == pytest.approx(math.log10(length), abs=1e-3)
        assert [n for n in said if n != 2014][place] == pytest.approx(length, rel=0.06)


def test_circling_says_each_radius_of_its_own_game():
    player = recipes.circling(lr=0.3, steps=9)
    for i, said in enumerate(player.film["captions"]):
        once, turns = (float(re.search(rf"{w} ([\d.]+)", said)[1]) for w in ("at once", "in turns"))
        assert once == pytest.approx(1.09 ** (i / 2), abs=6e-3)
        assert line(player, "distance from", "at once")[0, i] == pytest.approx(once, abs=6e-3)
        assert line(player, "distance from", "in turns")[0, i] == pytest.approx(turns, abs=6e-3)
    turns = recipes.bilinear(1.0, 0.0, 0.3, 9, alternating=True)
    assert np.allclose((turns**2).sum(1) - 0.3 * turns.prod(1), 1)


@pytest.mark.parametrize("kind", recipes.KINDS)
def test_the_cures_table_counts_each_kind_of_failure(kind):
    found = columns(recipes.cures_table(kind))
    for name, runs in recipes.recorded(kind).items():
        row = found[name + " *" * (runs[0]["choice"] == "chosen")]
        for key in ("off", "lost", "blurred"):
            assert row[key] == f"{sum(r[key] for r in runs)} of {len(runs)}"
        for key in recipes.FATES:
            assert row[key] == str([recipes.whereabouts(r) for r in runs].count(key))


def test_the_ladders_sheets_hold_both_rows_of_each_recorded_run():
    sheet = rungs._sheet(8, "GAN", [1])
    with Image.open(records.RECORDS / "ladder_8_GAN_1.png") as image:
        line_ = np.asarray(image.convert("RGB"))
    want = np.concatenate([line_[:, :24], line_[:, 24:]]).repeat(8, 0).repeat(8, 1)
    assert np.array_equal(sheet, want)


def test_the_ladder_counts_failures():
    runs = [{"distance": 2.0 + s, "fails": s == 2} for s in range(3)]
    assert "1 of 3 failed" in rungs._range(runs) and "2.0 to 4.0" in rungs._range(runs)


def test_diversity_is_within_classes():
    x = torch.stack([torch.full((3, 4, 4), float(k % 2)) for k in range(6)])
    assert pyramid.diversity(x, torch.arange(6) % 2) == 0 and pyramid.diversity(x, torch.zeros(6)) > 0.4


def test_the_rung_is_judged_with_the_classes_that_were_asked_for():
    """`draw` asks for the classes in turn, so the judge must hear them in turn."""
    heard = []
    ruler = SimpleNamespace(judge=lambda x, y: heard.append((x, y)) or {})
    entry = SimpleNamespace(draw=lambda n, seed: torch.zeros(n, 3, 8, 8), steps=7)
    box = SimpleNamespace(step=7, trained=0.5, entries={"GAN": entry}, seed=0, ruler=ruler)
    assert rungs.Climb._look(box)["GAN"]["steps"] == 7
    assert heard[0][1].tolist() == [0, 1] * (rungs.LIVE // 2)


# ---------------------------------------------------------------------------------------- lesson 07


def test_scores_of_runs():
    curve = [{"seconds": s, "coverage": c} for s, c in ((1, 0.2), (2, 0.9), (3, 0.95), (4, 0.99))]
    book = {"runs": [{"family": "GAN", "curve": curve}] * 3}
    assert scores.seconds_to(book, "GAN", 0.85) == 2 and scores.seconds_to(book, "GAN", 1.5) is None
    start, ms = {"GAN": 30.0, "DDPM": 10.0}, {"GAN": 1.0, "DDPM": 11.0}
    assert scores.pays("GAN", start, ms) == ("30.0 s", "2,000")
    assert (
        scores.number({}, "coverage") == 0
        and scores.number({}, "frechet") == math.inf
        and scores.number({"kl": 2}, "kl") == 2
    )


def fake_book(**more):
    runs = []
    for family, value, ms in (("GAN", 0.9, 0.1), ("VAE", 0.5, 0.2), ("DDPM", 0.7, 3.0)):
        for seed in range(4):
            row = {
                "family": family,
                "seed": seed,
                "coverage": value + 0.01 * seed,
                "drawing_ms": ms + 0.001 * seed * seed,
                "fails": False,
                "steps": 10,
                "seen": 100,
                "seconds": 5.0,
            }
            runs.append(row | {"precision": value, "curve": [{"seconds": 5.0, "coverage": value}]})
    return {"runs": runs, "floor": {"coverage": 0.96}, "spread": {"coverage": 0.01}} | more


def test_who_wins_has_more_where_more_is_better_and_less_where_less_is():
    assert BETS["coverage"][1] and not BETS["drawing_ms"][1]
    book = fake_book()
    assert recorded._winner(book, "coverage") == "GAN" and recorded._winner(book, "drawing_ms") == "GAN"
    assert recorded._compared("GAN", "DDPM", (0.2, 0.1, 0.3), 1)[3] == "GAN has more"
    assert recorded._compared("GAN", "DDPM", (-0.2, -0.3, -0.1), 1)[3] == "DDPM has more"


def test_the_ledger_and_the_rows_of_real_ones(monkeypatch):
    sizes = {f: {"training": 1000 + i, "drawing": 100 + i} for i, f in enumerate(("GAN", "VAE", "DDPM"))}
    flops = {f: {"training_per_sample": 1e10, "expected": 2e10} for f in sizes}
    book = fake_book(parameters=sizes, flops=flops, calls={"GAN": 1, "VAE": 1, "DDPM": 20})
    monkeypatch.setattr(recorded, "race_book", lambda place: book)
    found = columns(recorded.ledger("grid"))
    for family, size in sizes.items():
        assert (
            found[family]["learned"] == f"{size['training']:,}"
            and found[family]["to draw"] == f"{size['drawing']:,}"
        )
        assert numbers(found[family]["TFLOP (thought)"]) == [1.0, 2.0]
    found = columns(recorded.quality("grid", "coverage"))
    assert found["real ones"]["covered"] == "0.96" and found["± (sd)"]["covered"] == "0.01"
    player = recorded.many_samples("grid", 0.6)
    assert 10 ** line(player, "seconds to cover", "GAN")[0, -1] == pytest.approx(5 + 1e7 * 0.0001, rel=0.05)
    assert 10 ** line(player, "seconds to cover", "DDPM")[0, 0] == pytest.approx(5.003, rel=1e-3)


def test_the_recorded_races_lines_are_powers_of_ten():
    book = records.race_book("digits")
    player = recorded.recorded_arena("digits", "frechet")
    row = next(r for r in book["runs"] if r["family"] == "GAN" and not r.get("error"))
    shown = line(player, "Fréchet", "GAN")[0, 1:]
    assert 10**shown == pytest.approx([c["frechet"] for c in row["curve"]], rel=1e-4)
    assert 10 ** line(player, "Fréchet", "real ones")[0, 0] == pytest.approx(
        book["floor"]["frechet"], rel=1e-4
    )
    for i, family in enumerate(("GAN", "VAE", "DDPM")):
        assert player.film["panels"][i]["title"] == family


def test_what_each_metric_sees():
    player = blind.blind_spots(n=150, repeats=3)
    modes, sd = data.grid(10).modes, data.grid(10).sd
    names = [name for _, name in blind.METRICS.values()]
    for i, words in enumerate(blind.SPOILED):
        said, x = player.film["captions"][i], torch.tensor(cloud(player, "the samples", 0)[i])
        assert said.startswith(words)
        width = float(torch.cdist(x, modes).min(1).values.pow(2).mean().sqrt()) / sd / math.sqrt(2)
        if "shrunk" in words:
            assert width == pytest.approx(0.3, abs=0.1)
        if "twice" in words:
            assert width == pytest.approx(2, abs=0.3)
        bars = line(player, "how far each", "change")[i]
        seen = [name for name, v in zip(names, bars, strict=True) if abs(v) > 4]
        assert said.endswith(f"Clearly seen by: {', '.join(seen) or 'none'}.")
        if "twice" in words:
            assert bars[names.index("share within 3 sd")] < -4  # fewer lie so near
        if "junk" in words:
            assert bars[names.index("precision")] < 0 < bars[names.index("Fréchet distance")] + 3


def test_an_interval_reads_from_low_to_high_and_stands_out_only_without_0():
    cell = Interval(0.2, 0.1, 0.35, 1.0)
    assert numbers(str(cell)) == [0.2, 0.1, 0.35]
    thick = lambda c: float(
        re.search(r'<line x1="[\d.]+" x2="[\d.]+" y1="12".*?stroke-width="(\d+)"', c.html)[1]
    )
    assert thick(cell) > thick(Interval(0.0, -0.1, 0.1, 1.0)) and thick(
        Interval(-0.2, -0.3, -0.1, 1.0)
    ) == thick(cell)


def test_an_entrys_options_and_seeds_are_handed_on():
    ring = data.load("ring", n=300)
    entry = arena.enter(arena.Place(ring, ring), families=("GAN",), options={"GAN": {"latent": 5}})["GAN"]
    assert entry.model.config["latent"] == 5
    for seed in (0, 3):
        assert torch.equal(entry.draw(7, seed), torch.cat(list(gan.draw(entry.model, 7, seed=seed))))
    assert not torch.equal(entry.draw(7, 0), entry.draw(7, 3))


# ---------------------------------------------------------------------------------------- lesson 09


@pytest.fixture(scope="module")
def small_vae():
    torch.manual_seed(1)
    return vae.VAE((1, 8, 8), latent=2, channels=8).eval().requires_grad_(False)


def test_the_map_and_its_still_have_up_above(small_vae, monkeypatch):
    box, films = latents.LatentMap(small_vae, SEEN.subset(12), steps=9), []
    monkeypatch.setattr(still, "still", lambda film, i: films.append(film) or b"")
    box.still()
    axis = torch.linspace(-box.film["limit"], box.film["limit"], 9)

    def drawn(first, second):
        return to_uint8(small_vae.decode(torch.stack([axis[first], axis[second]])[None])[0])

    for row, column in ((0, 3), (7, 2)):
        assert np.abs(to_uint8(box.tiles[row, column]).astype(int) - drawn(column, row)).max() <= 1
    # rows 2 and 6 of the nine, the higher one first
    top = stored(panel(films[0]["panels"], "what is decoded"))[0]
    assert (
        np.abs(top[:8, :8].astype(int) - drawn(2, 6)).max() <= 1
        and np.abs(top[9:17, 9:17].astype(int) - drawn(6, 2)).max() <= 1
    )


def test_the_map_that_unfolds_names_digits_and_numbers():
    box = latents.MapTraining({"steps": 20}, 5, 0)
    frame = box.history.items()[0]
    mu, y = box.model.encode(box.data.x[:600])[0], box.data.y[:600]
    marks = {m["name"]: m for m in panel(box.player, "where digits")["marks"]}
    for k in box.SHOWN:
        assert np.allclose(
            np.stack([at(marks[str(k)], "x")[0], at(marks[str(k)], "y")[0]], 1),
            mu[y == k].detach(),
            atol=1e-5,
        )
    corner = box.model.decode(torch.tensor([[-2.2, 2.2], [2.2, 2.2]]))  # the first row is at the top
    sheet = pictures(box.player, "what is decoded")[0].astype(int)
    assert (
        np.abs(sheet[:8, :8] - to_uint8(corner[0])).max() <= 1
        and np.abs(sheet[:8, -8:] - to_uint8(corner[1])).max() <= 1
    )
    parts = latents.bound_parts(box.model, box.test, box.data.levels)
    said = player_numbers = numbers(box.player.film["captions"][0])[1:4]
    assert player_numbers == pytest.approx([parts["surprise"], parts["KL"], sum(parts.values())], abs=6e-3)
    for name in ("surprise", "KL"):
        assert line(box.player, "bits per pixel", name)[0, 0] == pytest.approx(frame[name], rel=1e-5), said


def test_the_straight_line_is_shorter_and_the_walks_go_from_first_to_last():
    player, g = latents.straight_or_round(n=1, frames=3, seed=3), dice(3)
    ddim = store.load("digits")
    xT = torch.randn(2, 1, 8, 8, generator=g)
    middle = {"straight": (xT[:1] + xT[1:]) / 2, "arc": measures.slerp(xT[:1], xT[1:], 0.5)}
    for name, x in middle.items():
        length = float(x.flatten(1).norm(dim=1))
        assert line(player, "length of x", name)[0, 1] == pytest.approx(length, rel=1e-4)
        assert float(re.search(rf"{name} ([\d.]+)", player.film["captions"][1])[1]) == pytest.approx(
            length, abs=0.06
        )
        shown = pictures(player, f"diffusion, {name}")[1].astype(int)
        assert np.abs(shown - grid(measures.from_noise(ddim, x), columns=2)).max() <= 1
    found = latents.walk_frames(n=1, frames=2, seed=3)
    box, unseen, g = store.load("digits_vae"), FRESH, dice(3)
    i = torch.randperm(len(unseen), generator=g)[:2]
    mu = box.encode(unseen.x[i])[0]
    assert torch.allclose(found["VAE"][0], box.decode(mu[:1]), atol=1e-5) and torch.allclose(
        found["VAE"][1], box.decode(mu[1:]), atol=1e-4
    )


def text_rows(table):
    return [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table.html)
    ]


def test_the_tables_of_lesson_9_have_each_number_under_its_name():
    book = records.read("latents")
    head, *rows = text_rows(latents.midpoint_table())
    for cells, r in zip(rows, book["midpoints"], strict=True):
        for name, key in (
            ("ends", "ends"),
            ("middle of the arc", "arc"),
            ("middle of the straight line", "straight"),
        ):
            assert cells[head.index(name)] == f"{r[key]:.1f}"
    head, *rows = text_rows(blurring.s_table())
    for cells, r in zip(rows, book["s"], strict=True):
        for name, key, form in (
            ("error", "error", ".3f"),
            ("width of q", "width", ".2f"),
            ("bits", "bits", ".2f"),
            ("Fréchet: from clouds", "frechet_clouds", ".1f"),
            ("Fréchet: from N(0, I)", "frechet", ".1f"),
        ):
            assert cells[head.index(name)] == f"{r[key]:{form}}", name


def test_what_is_kept_by_2_and_by_16_numbers():
    player = blurring.kept(n=3, seed=1)
    unseen = FRESH.x
    x = unseen[torch.randperm(len(unseen), generator=dice(1))[:3]]
    rows, said = [x], player.film["captions"][0]
    for name, weights in (("2 numbers", "digits_vae2"), ("16 numbers", "digits_vae")):
        model = store.load(weights)
        assert model.config["latent"] == int(name.split()[0])
        rows.append(model.decode(model.encode(x)[0]))
        error = float((model.decode(model.encode(unseen)[0]) - unseen).pow(2).mean())
        assert float(re.search(rf"{name} ([\d.]+)", said)[1]) == pytest.approx(error, abs=6e-4)
    assert (
        np.abs(
            pictures(player, "unseen digits")[0].astype(int) - grid(torch.cat(rows), columns=3, pad=2)
        ).max()
        <= 1
    )


def test_what_is_lost_and_why_it_blurs(small_vae):
    x = SEEN.x[:30]
    mu, logvar = small_vae.encode(x)
    z = mu + (0.5 * logvar).exp() * torch.randn(mu.shape, generator=dice(2))
    mean = measures.shares(small_vae, z, x) @ x.flatten(1)
    found = measures.lost(small_vae, x, seed=2)
    assert found["decoder"] == pytest.approx(
        float((mean - small_vae.decode(z).flatten(1)).pow(2).mean()), rel=1e-4
    )
    assert found["several"] + found["decoder"] == pytest.approx(found["error"])
    player = blurring.why_blurred(small_vae, frames=2, seed=1)
    for i in range(2):
        mean, drawn = (
            pictures(player, title)[i] / 127.5 - 1 for title in ("their weighted", "what the decoder")
        )
        first = pictures(player, "digits that may")[i, :8, :8] / 127.5 - 1
        to_mean, to_digit = numbers(player.film["captions"][i])
        assert to_mean == pytest.approx(np.sqrt(((mean - drawn) ** 2).mean()), abs=0.02)
        assert to_digit == pytest.approx(np.sqrt(((first - drawn) ** 2).mean()), abs=0.02)
    z = torch.tensor([numbers(label) for label in player.film["labels"]])
    assert np.abs(pictures(player, "what the decoder").astype(int) - to_uint8(small_vae.decode(z))).max() <= 3


def test_edges_go_both_ways_and_each_makers_bar_has_its_name(monkeypatch):
    stripes = torch.zeros(1, 1, 8, 8)
    stripes[..., ::2, :] = 1
    assert measures.edges(stripes) == measures.edges(stripes.transpose(2, 3)) == pytest.approx(0.5)
    g = dice(0)
    names = ("real", "VAE, s = 0.1", "VAE, s = 0.5", "VAE, s = 0.5, with its grain", "GAN", "DDPM")
    found = {name: k * 0.1 * torch.rand(24, 1, 8, 8, generator=g) for k, name in enumerate(names, 1)}
    monkeypatch.setattr(blurring, "drawn_by_all", lambda n: found)
    player = blurring.sharpness(24)
    ticks = [text for _, text in panel(player, "edges")["xticks"]]
    assert ticks == ["real", "s=0.1", "s=0.5", "grain", "GAN", "DDPM"] and player.film["labels"] == list(
        names
    )
    for i, x in enumerate(found.values()):
        sharp = measures.edges(x) / measures.edges(found["real"])
        assert numbers(player.film["captions"][i])[0] == pytest.approx(sharp, abs=6e-3)
        assert line(player, "edges", "")[0, i] == pytest.approx(sharp, rel=1e-4)
        assert np.array_equal(pictures(player, "real or drawn")[i], grid(x, columns=8))


def test_is_it_a_copy_shows_seen_under_samples_and_unseen_under_seen():
    g = dice(5)
    seen, fresh = torch.rand(2, 9, 1, 8, 8, generator=g) * 2 - 1
    samples = torch.cat([seen[[4, 2]] + 0.01, fresh[[1]], torch.rand(3, 1, 8, 8, generator=g)])
    others = samples.repeat(2, 1, 1, 1)[:9]
    found = {
        "somebody": (samples, seen, fresh),
        "DDPM of 20": (seen, seen, fresh),
        "real digits": (fresh, seen, others),
    }
    player = copying.is_it_a_copy(found, show=4)
    rows = [samples[:4], seen[nearest(samples[:4], seen)[1]], fresh[nearest(samples[:4], fresh)[1]]]
    assert np.array_equal(
        pictures(player, "samples;  nearest seen;  nearest unseen")[0],
        grid(torch.cat(rows), columns=4, pad=2),
    )
    said = player.film["captions"][0]
    for words, x in (("to seen", seen), ("to unseen", fresh)):
        assert float(re.search(rf"([\d.]+) {words}", said)[1]) == pytest.approx(
            float(nearest(samples, x)[0].median()), abs=6e-3
        )
    d = measures.dial(samples, seen, fresh)
    interval = next(m for m in panel(player, "share nearer")["marks"] if m["n"] == 2 and m["colors"] == [6])
    assert at(interval, "y")[0] == pytest.approx([d["low"], d["high"]])
    shares = [measures.dial(*sets)["share"] for sets in found.values()]
    assert line(player, "share nearer")[0].tolist() == pytest.approx(shares)
    assert [text for _, text in panel(player, "share nearer")["xticks"]] == ["somebody", "of 20", "real"]


def test_outright_means_much_nearer_to_one():
    seen = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    assert measures.outright(torch.tensor([[0.1, 0.0], [0.4, 0.0]]), seen) == 0.5
    x = torch.zeros(1, 1, 8, 8)
    x[..., 2, 3] = 1
    assert copying.DISGUISES["one pixel to the right"](x)[..., 2, 4] == 1
    assert (
        copying.DISGUISES["mirrored"](x)[..., 2, 4] == 1 and copying.DISGUISES["negative"](x)[..., 2, 3] == -1
    )


def test_the_records_are_json():
    for path in sorted(records.RECORDS.glob("*.json")):
        json.loads(path.read_text("utf-8"))
