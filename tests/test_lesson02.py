"""Lesson 02 without a browser: the sculptor's tables, words and errors, and what the films count."""

import io
import math
import re
import warnings

import numpy as np
import pytest
import torch
from films import cloud, line, mixed, numbers, panel, pictures
from PIL import Image
from scipy.interpolate import PchipInterpolator
from small import dice
from torch.nn import functional as F

from diffusion_lib import data
from diffusion_lib.course.lesson02 import explore_schedule, picture_test, schedule_test, two_rulers, two_sizes
from diffusion_lib.course.lesson02 import sculptor as sculpting
from diffusion_lib.course.lesson02 import views as lesson02
from diffusion_lib.course.lesson02.sculptor import (
    HANDLES,
    OWN,
    PRESETS,
    REUSED,
    STEPS,
    Sculptor,
    reused,
    sculpt,
    strip_times,
)
from diffusion_lib.course.lesson02.views import RAW
from diffusion_lib.diffusion import SCHEDULES, Schedule, add_noise
from diffusion_lib.evaluation.metrics import nearest
from diffusion_lib.oracle import ideal_denoiser, mixture_denoiser
from diffusion_lib.sampling import sample
from diffusion_lib.trace import Trace
from diffusion_lib.viz import still
from diffusion_lib.viz.figures import grid

pytestmark = pytest.mark.usefixtures("one_thread")

CAT = data.sprites(1, size=16, seed=3, species="cat").x
HAND = [0.95, 0.9, 0.8, 0.6, 0.4, 0.2, 0.05, 0.001]


@pytest.fixture
def sculptor():
    return Sculptor({"a cat": CAT, "a digit": data.digits().x[:1]})


def handles(g, n=HANDLES):
    """Wherever a learner could drag them: gentle, steep, crowded at either end."""
    rise = g.exponential(size=n) ** g.uniform(0.3, 4)
    rise *= g.uniform(0.03, 11.4) / rise.sum()
    return np.exp(-np.cumsum(rise + 0.002))  # 0.002: as near to each other as the browser lets them come


def said_numbers(text):
    return [float(v) for v in re.findall(r"[-+]?\d+\.?\d*", text)]


# ---------------------------------------------------------------------------------------- the curve


def test_a_curve_through_any_handles_is_a_schedule_and_goes_through_them():
    g = np.random.default_rng(0)
    for _ in range(300):
        h, T = handles(g), int(g.choice(STEPS))
        a = sculpt(h, T)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Schedule(a)  # raises unless it falls at every step from exactly 1 and stays above 0
        if T % HANDLES == 0:
            np.testing.assert_allclose(a[T // HANDLES :: T // HANDLES], h, rtol=1e-12)


def test_the_curve_is_scipys_monotone_cubic_of_minus_log_alpha_bar():
    g = np.random.default_rng(1)
    for _ in range(50):
        h = handles(g)
        knots = np.linspace(0, 1, HANDLES + 1)
        other = PchipInterpolator(knots, -np.log(np.concatenate([[1], h])))(np.arange(201) / 200)
        np.testing.assert_allclose(-sculpt(h, 200).log().numpy(), other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("bad", ([0.5] * 8, [0.9, 0.95, 0.5], [1.0, 0.5], [0.5, 0.0], [0.5], [math.nan] * 8, []))
def test_handles_that_do_not_fall_are_refused_in_one_sentence(bad):
    with pytest.raises(ValueError, match="fall from left to right between 1 and 0"):
        sculpt(bad, 50)


def test_the_papers_betas_reused_end_where_the_lesson_says():
    assert reused(50)[-1] == pytest.approx(0.602952, abs=1e-6)
    torch.testing.assert_close(
        reused(1000), Schedule.from_beta(torch.linspace(1e-4, 0.02, 1000).double()).alpha_bar, atol=1e-7, rtol=0
    )
    assert float(reused(1000)[-1]) == pytest.approx(4.04e-5, abs=1e-7)


# ---------------------------------------------------------------------------------------- the widget


def test_a_preset_is_exact_and_brings_its_own_T(sculptor):
    for name in SCHEDULES:
        sculptor.choose(name, T=200)
        assert torch.equal(sculptor.schedule.alpha_bar, Schedule.of(name, 200).alpha_bar)
        assert sculptor.schedule.name == name
    sculptor.choose(REUSED)
    with pytest.warns(UserWarning, match="does not end in noise"):
        assert sculptor.schedule.T == 50
    assert set(PRESETS) == {*SCHEDULES, REUSED}  # a new schedule is a new preset


def test_what_is_drawn_is_the_schedule(sculptor):
    sculptor.draw(HAND, T=50)
    assert torch.equal(sculptor.alpha_bar, sculpt(HAND, 50))
    assert sculptor.schedule.T == 50 and sculptor.schedule.name == "drawn by hand"
    sculptor.state = sculptor.state | {"T": 500, "picture": "a digit"}  # as the browser does it
    assert sculptor.schedule.T == 500 and sculptor.x0.shape == (1, 1, 8, 8)


def test_what_the_browser_sends_is_not_trusted(sculptor):
    for change, words in (
        ({"preset": "quadratic"}, "no preset called 'quadratic': choose one of linear, cosine"),
        ({"T": 49}, "T must be one of 10, 20, 50"),
        ({"picture": "a dog"}, "no picture called 'a dog'"),
        ({"preset": OWN, "handles": [0.5]}, "There are 8 handles"),
        ({"preset": OWN, "handles": [0.5] * 8}, "fall from left to right"),
    ):
        before = sculptor.state
        with pytest.raises(ValueError, match=words):
            sculptor.state = sculptor.state | change
        assert sculptor.state == before


@pytest.mark.parametrize(
    ("x0", "words"),
    (
        (CAT[0] * 3, "values in [-1, 1]"),
        (CAT.numpy(), "got ndarray"),
        (CAT.repeat(2, 1, 1, 1), "one float tensor"),
        ({}, "at least one picture"),
    ),
)
def test_bad_pictures_are_refused_in_one_sentence(x0, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Sculptor(x0)


def test_own_presets():
    s = Sculptor(CAT, presets={"steep": lambda T: torch.linspace(1, 1e-3, T + 1)}, T=10)
    assert s.alpha_bar[-1] == pytest.approx(1e-3) and s.schedule.name == "steep"
    with pytest.raises(ValueError, match=r"must give T \+ 1 = 11 numbers"):
        Sculptor(CAT, presets={"short": lambda T: torch.linspace(1, 0.001, T)})


def test_alt_says_what_the_gauge_says(sculptor):
    assert "really noise" in sculptor.alt() and "x_T still" not in sculptor.alt()
    sculptor.choose(REUSED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kl = sculptor.schedule.terminal_kl(CAT)
    assert f"{kl:.1e} nats" in sculptor.alt() and "keeps 78% of the picture's contrast" in sculptor.alt()


@pytest.mark.heavy
def test_a_still_for_readers_without_javascript(sculptor, recwarn):
    data, _ = sculptor._repr_mimebundle_()
    assert data["text/plain"] == sculptor.alt() and "application/vnd.jupyter.widget-view+json" in data
    before = np.asarray(Image.open(io.BytesIO(sculptor.still())))
    assert before.shape[1] >= 1500 and before.std() > 20
    sculptor.choose(REUSED)
    assert before.tobytes() != np.asarray(Image.open(io.BytesIO(sculptor.still()))).tobytes()
    assert not recwarn.list  # a picture of a bad schedule needs no warning in the log


def test_the_strip_goes_from_0_to_T():
    assert strip_times(50) == [0, 8, 17, 25, 33, 42, 50]
    assert all(strip_times(T)[0] == 0 and strip_times(T)[-1] == T for T in STEPS)


# ---------------------------------------------------------------------------------------- the lesson's films


@pytest.fixture(scope="module")
def bad():
    with pytest.warns(UserWarning, match="does not end in noise"):
        return Schedule(reused(50))


def test_at_the_raw_scale_the_bad_schedule_loses_the_outer_islands(bad):
    film = schedule_test(bad, spread=RAW)
    islands, _, _, inner, *_ = said_numbers(film.film["captions"][0])
    assert 14 <= islands <= 18 and 91 <= inner <= 96
    kl = said_numbers(film.film["captions"][0].split("together are")[1])[0]
    assert 1.2 < kl < 1.6
    wide = [said_numbers(p["notes"][0])[0] for p in film.film["panels"]]
    assert wide == pytest.approx([1.0, 2.3], abs=0.1)  # where the walk starts; where it should
    assert film.value == film.n_frames - 1  # the end is what one sees first


@pytest.mark.heavy
def test_unit_variance_softens_the_fall_and_a_fitting_schedule_repairs_it(bad):
    for film in (schedule_test(bad), schedule_test(Schedule.of("linear", 50), spread=RAW)):
        islands, _, _, inner, *_ = said_numbers(film.film["captions"][0])
        assert islands == 25 and 33 <= inner <= 45
    together = said_numbers(schedule_test(bad).film["captions"][0].split("together are")[1])[0]
    # the gauge is red, the start is right all the same
    assert together < 0.02 < bad.terminal_kl(data.grid(4000).x)


def test_one_long_step_loses_islands_although_the_gauge_is_green():
    beta = torch.full((50,), 0.001, dtype=torch.float64)
    beta[25] = 0.9999
    leap = Schedule.from_beta(beta)
    assert leap.terminal_kl(data.grid(4000).x) < 1e-3
    assert said_numbers(schedule_test(leap).film["captions"][0])[0] <= 8


@pytest.mark.heavy
def test_no_day_cat_can_be_drawn_with_the_bad_schedule(bad):
    cats = data.sprites(300, size=16, seed=0, species="cat").x
    low, high, real_low, real_high, different, n = said_numbers(picture_test(bad, cats).film["captions"][0])
    assert n == 36 and high < 0.15 < real_high - 0.2 and different < 30 and real_low < low + 0.2
    low, high, *_, different, _ = said_numbers(picture_test(Schedule.of("linear", 50), cats).film["captions"][0])
    assert high > 0.3 and different >= 30


def test_the_two_rulers_begin_and_end_alike():
    share, db, _ = two_rulers(CAT).film["panels"]
    a, b = (np.frombuffer(p["alpha_bar"]) for p in (share, db))
    assert a[0] == pytest.approx(b[0]) and a[-1] == pytest.approx(b[-1]) and a[0] == pytest.approx(1 / 1.01)
    assert np.ptp(np.diff(a)) < 1e-12 and np.ptp(np.diff(10 * np.log10(b / (1 - b)))) < 1e-9


def test_averaging_4_x_4_pixels_is_worth_12_decibels():
    large = data.sprites(1, size=64, seed=3, species="cat").x
    film = two_sizes(CAT, large, Schedule.of("cosine", 100))
    small, _, averaged = (said_numbers(p["notes"][50])[0] for p in film.film["panels"])
    assert averaged - small == pytest.approx(12, abs=1.5)
    with pytest.raises(ValueError, match=r"2, 3, \.\.\. times as wide"):
        two_sizes(CAT, CAT, Schedule.of("cosine", 100))


def test_films_refuse_nonsense_in_one_sentence():
    for call in (lambda: schedule_test(Schedule.of(), spread=0), lambda: schedule_test(Schedule.of(), n=1)):
        with pytest.raises(ValueError, match="must be "):
            call()
    assert explore_schedule({"a cat": CAT}).schedule.name == "cosine"


FEW_CATS = data.sprites(12, size=16, seed=0, species="cat").x

SHORT = Schedule.of("cosine", 6)

# ---------------------------------------------------------------------------------------- what the films show


def test_each_ruler_has_even_steps_of_its_own():
    player = lesson02.two_rulers(FEW_CATS[:1], n=5, seed=4)
    for title, ruler, name in (
        ("even steps of ā", lambda a: a, "steps of ā"),
        ("even steps of dec", lambda a: np.log(a / (1 - a)), "steps of dB"),
    ):
        x0, eps, a = mixed(player, title)
        assert np.allclose(np.diff(ruler(a)), np.diff(ruler(a))[0])
        assert np.array_equal(x0, FEW_CATS[0]) and np.array_equal(eps, torch.randn(3, 16, 16, generator=dice(4)))
        db = 10 * np.log10(a / (1 - a))
        assert np.allclose(line(player, "where each", name)[0], db, atol=1e-4)
        for said, v, d in zip(panel(player, title)["notes"], a, db, strict=True):
            assert numbers(said) == pytest.approx([v, d], abs=0.06)


def test_the_schedule_test_shows_walk_and_truth_and_counts_the_inner_islands():
    n, seed = 60, 1
    player, islands, g = lesson02.schedule_test(SHORT, n=n, seed=seed), data.grid(n, seed), dice(seed)
    xT, eps = torch.randn(n, 2, generator=g), torch.randn(n, 2, generator=g)
    trace = Trace(keep=50).record(sample(mixture_denoiser(islands.modes, islands.sd, SHORT), xT, SHORT, generator=g))
    times = [6, *trace.frames("s").tolist()]
    want = {
        "the walk": torch.cat([xT[None], trace.frames("xs")]),
        "real data": torch.stack([add_noise(islands.x, t, eps, SHORT) for t in times]),
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
    player = lesson02.picture_test(SHORT, FEW_CATS, n=n, seed=2)
    xT = torch.randn(n, 3, 16, 16, generator=g)
    real = FEW_CATS[torch.randperm(12, generator=g)[:n]]
    trace = Trace(keep=40).record(sample(ideal_denoiser(FEW_CATS, SHORT), xT, SHORT, generator=g))
    walk = torch.cat([xT[None], trace.frames("xs")])
    assert np.array_equal(pictures(player, "the walk"), np.stack([grid(x) for x in walk]))
    assert np.array_equal(pictures(player, "real pictures")[0], grid(real))
    drawn, truth = walk[-1].flatten(1).mean(1), FEW_CATS.flatten(1).mean(1)
    for name, v in (("drawn", drawn), ("real", truth)):
        assert np.allclose(line(player, "how bright", name)[0], torch.histc(v, 25, -1, 1) / len(v))
    low, high = float(truth.quantile(0.05)), float(truth.quantile(0.95))
    said = numbers(player.film["captions"][0])
    assert said[:4] == pytest.approx([float(drawn.min()), float(drawn.max()), low, high], abs=6e-3)


def test_two_sizes_each_with_its_own_decibels():
    large = data.sprites(1, size=32, seed=0).x
    player = lesson02.two_sizes(F.avg_pool2d(large, 4), large, SHORT)
    _, big, _ = mixed(player, "32")
    x0, eps, _ = mixed(player, "the large one, av")
    assert np.allclose(eps, F.avg_pool2d(torch.tensor(big)[None], 4)[0], atol=1e-6)
    assert np.allclose(x0, F.avg_pool2d(large, 4)[0], atol=1e-6)
    for p in player.film["panels"]:  # each note is of the picture and the noise that its panel mixes
        x0, eps, a = mixed(player, p["title"])
        for i in (2, 5):
            db = 10 * math.log10(x0.var(ddof=1) / eps.var(ddof=1) * a[i] / (1 - a[i]))
            assert numbers(p["notes"][i])[0] == pytest.approx(db, abs=0.51)


# ---------------------------------------------------------------------------------------- the sculptor


def test_the_sculptors_still_words_and_choices(monkeypatch):
    cat, dog = data.sprites(2, size=16, seed=0).x
    box = sculpting.Sculptor({"cat": cat, "dog": dog}, T=100, start="cosine", seed=4)
    g = torch.Generator().manual_seed(4)
    eps = {name: torch.randn(1, 3, 16, 16, generator=g) for name in ("cat", "dog")}
    films = []
    monkeypatch.setattr(still, "still", lambda film, i: films.append(film) or b"")
    for name, x in (("cat", cat), ("dog", dog)):
        box.state = box.state | {"picture": name}
        assert torch.equal(box.x0[0], x)
        box.still()
        schedule = Schedule.of("cosine", 100)
        panels = films[-1]["panels"]
        assert np.allclose(line(panels, "ā")[0], schedule.alpha_bar) and np.allclose(
            line(panels, "β")[0], schedule.beta[1:]
        )
        assert np.allclose(line(panels, "SNR")[0], schedule.snr_db[1:], atol=1e-4)
        steps = [add_noise(x[None], t, eps[name], schedule) for t in sculpting.strip_times(100)]
        shown = np.frombuffer(panels[3]["data"], np.uint8).reshape(panels[3]["height"], -1, 3)
        assert np.array_equal(shown, grid(torch.cat(steps), columns=7, pad=2))
        assert name in box.alt()
    box.choose(sculpting.REUSED)
    assert box.state["T"] == 50 and float(box.alpha_bar[-1]) == pytest.approx(0.6, abs=0.01)
    left = float(box.alpha_bar[-1])
    assert f"keeps {math.sqrt(left):.0%} of" in box.alt() and "really noise" not in box.alt()
    box.choose("linear")
    assert box.state["T"] == 50
    box.choose("linear", 200)
    assert box.state["T"] == 200 and numbers(box.alt())[0] == 200
