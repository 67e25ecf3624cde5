"""Lesson 05: each panel, bar, line and sentence of the duel against a G and a D whose answers are known, and each button by its state."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from films import cloud, line, numbers, panel, pictures, stored
from PIL import Image

from diffusion_lib import data, gan
from diffusion_lib.course.lesson05 import step_gan
from diffusion_lib.course.lesson05.cats import FILM, cat_film
from diffusion_lib.course.lesson05.duel import Film
from diffusion_lib.course.lesson05.looks import Points, border
from diffusion_lib.course.lesson05.pair import Pair, kernel_log_density, real_log_density
from diffusion_lib.viz import player
from diffusion_lib.viz.figures import grid

pytestmark = pytest.mark.usefixtures("one_thread")

RING = data.load("ring", n=300)
CATS = data.Data(data.sprites(30, size=16, species="cat").x, name="cats")
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
        (RING.modes, real_log_density(RING, axis, 0.4)),
    ):
        wide = 0.4 if points_ is not RING.modes else math.hypot(RING.sd, 0.4)
        assert torch.allclose(log_p.double(), gan.log_mixture(places, points_, wide), atol=1e-3)
    wide = data.Data(RING.x, modes=RING.modes, sd=0.3)
    assert torch.allclose(
        real_log_density(wide, axis, 0.4).double(), gan.log_mixture(places, RING.modes, 0.5), atol=1e-3
    )


def test_comets_fly_where_g_is_pulled_and_names_stand_at_their_lines():
    box = step_gan(RING, batch=60)
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
    box = step_gan(RING, batch=60)
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
    pair = Pair(RING, batch=60)
    pair._note(1.5, None), pair._note(None, 2.5)
    assert pair.losses[-1][1:] == (1.5, 2.5)


def test_the_sentence_is_that_of_the_moment_on_show():
    box = step_gan(RING, batch=60)
    box.press("teach"), box.press("fool")
    for k, words in ((0, "Press a button"), (1, "D learned once"), (2, "G learned once")):
        box.player.value = k
        assert words in box.says.value


def test_caught_are_fakes_and_trusted_are_real():
    pair = Pair(RING, batch=60)
    pair.scores, pair.real_scores = torch.tensor([-1.0, -1, -1, 2]), torch.tensor([-1.0, 3, 3, 3, 3])
    assert pair.caught == 0.75 and pair.trusted == pytest.approx(0.8)


def test_a_fake_that_follows_its_arrow_costs_g_less():
    pair = Pair(RING, batch=20)
    pair.repeat(3)
    arrows = pair.arrows(5)
    for i in range(5):
        ways = torch.stack([pair.fakes[i] + sign * 1e-3 * arrows[i] / arrows[i].norm() for sign in (1, -1)])
        with torch.no_grad():
            ahead, behind = (
                float(pair.loss.g(pair.real_scores, score[None])) for score in pair.d.model(ways)
            )
        assert ahead < behind


def test_each_weight_is_its_own():
    pair = Pair(CATS, batch=8, r1=0.25, r2=4.0)
    assert (pair.regular.r1, pair.regular.r2) == (0.25, 4.0)
    assert Pair(RING, loss="hinge", lr=0.01).g.lr == 0.01
    before = Pair(RING, batch=20)
    z = before.z
    before.repeat()
    assert not torch.equal(before.z, z)  # G's lesson is on fresh fakes


def test_a_branch_throws_the_same_dice_again():
    pair = Pair(RING, batch=20)
    state = pair.state()
    pair.repeat(3)
    first = pair.z
    pair.restore(state)
    pair.repeat(3)
    assert torch.equal(pair.z, first)


def test_branch_pace_start_and_slow_motion(monkeypatch):
    model, parts = gan.build(RING, loss="non-saturating", waves=2, batch=20, seed=9)
    box = step_gan(RING, batch=20, starts={"nothing": None, "trained": (model, parts.learners[1].model)})
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
    box = step_gan(RING, batch=20)
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
    assert (
        "20% of the fakes and 40% of the real" in said[0]
        and "99% of the fakes and 97% of the real" in said[1]
    )


def test_the_film_keeps_its_first_moment_and_thins_evenly():
    film = Film(old=4, recent=2)
    for k in range(60):
        film.add(k)
    items = film.items()
    assert items[0] == 0 and items[-2:] == [58, 59] and len(set(np.diff(items[:-2]).tolist())) == 1


@pytest.fixture(scope="module")
def cats():
    """The duel on pictures; D's answer to a picture is its brightness, so the fakes' order is known."""
    box = step_gan(CATS, batch=24)
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
    with Image.open(FILM) as picture:
        rows = np.asarray(picture.convert("RGB"))
    sheet, side = pictures(player, "G's cats"), rows.shape[0] // player.n_frames
    last = rows[-side:]
    for k, (row, column) in ((0, (0, 0)), (13, (1, 3))):
        top, left = row * (side + 2) + 1, column * (side + 2) + 1
        assert np.array_equal(
            sheet[-1, top : top + side, left : left + side], last[:, k * side : (k + 1) * side]
        )


def test_every_button_has_its_part(monkeypatch):
    box, heard = step_gan(RING, batch=20), []
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
    assert (
        len(made) == 30 and not whole and len(box.film.items()) == box.player.n_frames == box.player.value + 1
    )
    anew = player.Film(**box._film(box.film.items()))
    for grown, new in zip(box.player.film.panels, anew.panels, strict=True):
        assert np.array_equal(grown["frames"], new["frames"]) and grown["notes"] == new["notes"]
        for a, b in zip(grown["marks"], new["marks"], strict=True):
            assert np.array_equal(a["x"], b["x"], equal_nan=True) and np.array_equal(
                a["y"], b["y"], equal_nan=True
            )
        assert "field" not in new or np.array_equal(grown["field"]["data"], new["field"]["data"])
    assert (box.player.film.captions, box.player.film.labels) == (anew.captions, anew.labels)
