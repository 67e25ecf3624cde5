"""What lesson 06 measures with: the recipes' wiring, and the rules of `benchmarks/cures.py`, `motion.py` and `ladder.py`."""

import math

import cures
import ladder
import motion
import pytest
import torch

from diffusion_lib import data, gan
from diffusion_lib.evaluation import records
from diffusion_lib.evaluation.metrics import mode_report
from diffusion_lib.train import Learner

pytestmark = pytest.mark.usefixtures("one_thread")
RING = data.ring(2500, seed=3)

# ---------------------------------------------------------------------------------------- the recipes' wiring

R = 0.1
WIRED = {  # recipe: (loss, what holds D's slope, D's rate over G's, lessons of D a step, spectral norm, minibatch std)
    "minimax (2014)": ("minimax", {}, 1, 1, False, False),
    "non-saturating": ("non-saturating", {}, 1, 1, False, False),
    "+ spectral norm": ("non-saturating", {}, 1, 1, True, False),
    "+ two learning rates": ("non-saturating", {}, 4, 1, True, False),
    "+ minibatch std": ("non-saturating", {}, 1, 1, False, True),
    "+ R1 + R2": ("non-saturating", {"r1": R, "r2": R}, 1, 1, False, False),
    "WGAN-GP": ("wasserstein", {"gp": 10.0}, 1, 5, False, False),
    "RpGAN alone": ("relativistic", {}, 1, 1, False, False),
    "RpGAN + R1 + R2": ("relativistic", {"r1": R, "r2": R}, 1, 1, False, False),
}


def test_every_recipe_is_wired_here():
    assert list(WIRED) == list(gan.RECIPES) and gan.RECIPES["RpGAN + R1 + R2"] == {}


@pytest.mark.parametrize("name", WIRED)
def test_a_recipe_trains_with_its_loss_its_penalty_and_its_rates(name, monkeypatch):
    loss, held, ratio, lessons, spectral, std = WIRED[name]
    seen = []
    teach, fool = gan.d_step, gan.g_step

    def d_step(d, real, fake, loss, regular, *more):
        seen.append(("D", loss, regular))
        return teach(d, real, fake, loss, regular, *more)

    def g_step(g, d, real, fake, loss, *more):
        seen.append(("G", loss, None))
        return fool(g, d, real, fake, loss, *more)

    monkeypatch.setattr(gan, "d_step", d_step), monkeypatch.setattr(gan, "g_step", g_step)
    _, parts = gan.build(RING, batch=8, **gan.RECIPES[name])
    g, d = parts.learners
    parts.step(next(parts.batches), torch.Generator().manual_seed(0))
    assert [who for who, _, _ in seen] == ["D"] * lessons + ["G"]
    assert all(used is gan.LOSSES[loss] for _, used, _ in seen)
    for who, _, regular in seen:
        if who == "D":
            assert {k: getattr(regular, k) for k in ("r1", "r2", "gp")} == {"r1": 0, "r2": 0, "gp": 0} | held
    assert d.lr == pytest.approx(ratio * g.lr)
    assert d.model.config["spectral"] is spectral and d.model.config["minibatch_std"] is std
    assert (g.steps, d.steps) == (1, lessons)


@pytest.mark.parametrize("network", cures.NETWORKS)
@pytest.mark.parametrize("recipe", gan.RECIPES)
def test_the_benchmark_tells_build_the_recipe_and_the_try_and_nothing_else(recipe, network):
    told = cures.options(recipe, network, 5e-4)
    said = gan.RECIPES[recipe] | cures.NETWORKS[network] | {"lr": 5e-4}
    usual = {"loss": "relativistic", "r1": R, "r2": R}  # what `build` takes where nothing is said
    assert told == (said if "loss" in said else usual | said)
    _, parts = gan.build(RING, **told)
    assert parts.learners[0].lr == 5e-4 and parts.learners[0].model.config["waves"] == told["waves"]


# ---------------------------------------------------------------------------------------- cures: what is looked at


def slowly(x, modes, sd):
    """`overlap`, a sample at a time."""
    share = [0.0] * len(modes)
    for point in x:
        gaps = [math.dist(point.tolist(), m.tolist()) for m in modes]
        if min(gaps) < 3 * sd:
            share[gaps.index(min(gaps))] += 1 / len(x)
    return sum(min(s, 1 / len(modes)) for s in share)


def test_overlap_is_one_minus_the_total_variation():
    x = torch.cat([RING.x[:200], RING.x[RING.y == 3][:150], torch.full((100, 2), 9.0)])
    assert cures.overlap(x, RING.modes, RING.sd) == pytest.approx(slowly(x, RING.modes, RING.sd))
    assert cures.overlap(RING.x, RING.modes, RING.sd) > 0.96
    assert cures.overlap(RING.x[RING.y == 3], RING.modes, RING.sd) == pytest.approx(1 / 8)
    assert cures.overlap(torch.zeros(50, 2), RING.modes, RING.sd) == 0


def test_whereabouts_finds_the_clump_and_what_is_outside():
    g = torch.Generator().manual_seed(0)
    middle, out = 0.02 * torch.randn(700, 2, generator=g), torch.tensor([[0.0, -17.5]]).expand(300, 2)
    found = cures.whereabouts(torch.cat([middle, out])[torch.randperm(1000, generator=g)], RING.modes)
    assert found["beyond"] == 0.3 and found["largest"] == 17.5
    assert found["clump"]["share"] == 0.7 and found["clump"]["between"]
    assert math.hypot(*found["clump"]["at"]) < 0.01
    # radius over gap
    assert found["clump"]["away"] == pytest.approx(1 / (2 * math.sin(math.pi / 8)), abs=0.01)
    on = cures.whereabouts(RING.x[RING.y == 2], RING.modes)["clump"]
    assert on["share"] == 1 and not on["between"] and on["away"] < 0.01
    far = cures.whereabouts(out, RING.modes)["clump"]
    assert far["share"] == 1 and not far["between"]  # outside is not between


def test_modes_and_kl_are_counted_only_where_enough_lie_on_islands(monkeypatch):
    few = torch.cat([RING.x[RING.y == 0][:20], torch.zeros(480, 2)])  # 4 % on one island
    monkeypatch.setattr(gan, "draw", lambda model, n, batch: iter([model]))
    found = cures.report(few, RING)
    assert found["high_quality"] == pytest.approx(0.04, abs=0.002)
    assert found["modes"] is None and found["kl"] is None
    assert cures.verdicts(found) == {"off": True, "lost": False, "blurred": False}
    more = torch.cat([RING.x[RING.y < 3][:200], torch.zeros(300, 2)])
    found = cures.report(more, RING)
    assert found["modes"] == 3 and found["kl"] > 0.9
    assert cures.verdicts(found) == {"off": False, "lost": True, "blurred": True}
    found = cures.report(RING.x, RING)
    assert not any(cures.verdicts(found).values()) and cures.verdicts(found, "broke off")["off"]


def test_where_nothing_lies_on_an_island_there_is_no_kl():
    nowhere = mode_report(torch.full((100, 2), 9.0), RING.modes, RING.sd)
    assert nowhere["high_quality"] == 0 and nowhere["modes"] == 0
    assert math.isnan(nowhere["kl"]) and math.isnan(nowhere["sd_ratio"])


def test_the_best_try_is_the_first_of_those_that_are_as_good():
    def row(rate, network, overlap):
        return {"lr": rate, "network": network, "overlap": overlap}

    tries = [
        row(5e-4, "plain", 0.405),
        row(1e-3, "waves", 0.40),
        row(2e-3, "plain", 0.3),
        row(1e-3, "plain", 0.398),
    ]
    assert cures.best(tries) == row(1e-3, "waves", 0.40)
    assert cures.best([row(5e-4, "plain", 0.5), *tries])["overlap"] == 0.5


def test_the_other_choice_is_the_best_of_the_other_network_and_the_usual_one_is_builds():
    tries = [
        {"recipe": r, "lr": lr, "network": n, "overlap": (n == "plain") + lr}
        for r in gan.RECIPES
        for lr in cures.RATES
        for n in cures.NETWORKS
    ]
    for found in cures.choices(tries).values():
        assert (found["chosen"]["network"], found["other"]["network"]) == ("plain", "waves")
        assert found["chosen"]["lr"] == found["other"]["lr"] == 2e-3
        assert (found["usual"]["network"], found["usual"]["lr"]) == (
            "waves",
            gan.build(RING)[1].learners[0].lr,
        )


# ---------------------------------------------------------------------------------------- motion


def test_gradients_are_those_of_the_loss():
    _, g, d = motion.pair(0, "minimax")
    for loss in motion.LOSSES:
        rows = motion.gradients(g.model, d.model, loss, torch.Generator().manual_seed(4), batches=2, size=8)
        dice = torch.Generator().manual_seed(4)
        for row in rows:
            z = g.model.noise(8, dice)
            g.model.zero_grad()
            p = d.model(g.model(z)).sigmoid()
            ((1 - p).log() if loss == "minimax" else -p.log()).mean().backward()
            torch.testing.assert_close(row, torch.cat([p.grad.flatten() for p in g.model.parameters()]))


def test_spread_tells_length_and_noise():
    g = torch.Generator().manual_seed(0)
    mean = torch.full((1000,), 0.5)
    rows = mean + 0.1 * torch.randn(400, 1000, generator=g)
    found = motion.spread(rows)
    assert found["length"] == pytest.approx(math.sqrt(1000 * (0.25 + 0.01)), rel=0.01)
    assert found["noise"] == pytest.approx(0.1 / 0.5, rel=0.01)
    assert motion.spread(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))["noise"] == math.inf


@pytest.mark.parametrize("plain", [None, 0.01])
def test_play_follows_the_optimizer_that_it_is_told(plain, monkeypatch):
    monkeypatch.setattr(motion, "STEPS", 1)
    monkeypatch.setattr(motion, "BATCHES", 2)
    taught = []
    teach = motion.teach
    monkeypatch.setattr(motion, "teach", lambda *a: (taught.append(1), teach(*a)))
    first, last = motion.play(0, "non-saturating", plain, 3, looks=1)
    assert len(taught) == 3 and first[:3] == [0, 0.0, 0.0] and last[0] == 1
    assert last[1] == last[2] > 0  # one step: as far as it is long
    _, g, _ = motion.pair(0, "non-saturating")
    n = sum(p.numel() for p in g.model.parameters())
    if (
        plain is None
    ):  # Adam's first step is the rate in every number that has a gradient, however small that is
        assert last[1] == pytest.approx(g.lr * math.sqrt(n), rel=0.02)
    else:  # and plain descent's is about as long as the gradient at the look says (D had one more lesson since)
        assert 0.5 < last[1] / (plain * first[3]) < 2


def test_adam_does_not_see_the_size_of_a_gradient_and_plain_descent_does():
    ways = {}
    for scale in (1.0, 1e-4):
        for name in ("Adam", "plain"):
            torch.manual_seed(0)
            net = torch.nn.Linear(3, 1)
            start = motion.flat(net.parameters())
            learner = Learner(net, 2e-3, clip=math.inf, betas=(0.0, 0.99))  # as `gan.build` does
            if name == "plain":
                learner.optimizer = torch.optim.SGD(net.parameters(), 2e-3)
            for k in range(5):
                learner.descend(scale * (1 + k) * net(torch.eye(4, 3) + k).mean())
            ways[name, scale] = motion.flat(net.parameters()) - start
    torch.testing.assert_close(ways["Adam", 1.0], ways["Adam", 1e-4], rtol=1e-2, atol=1e-5)
    assert ways["plain", 1e-4].norm() < 2e-4 * ways["plain", 1.0].norm()


# ---------------------------------------------------------------------------------------- ladder


def test_budgets_are_equal_in_what_they_say():
    plan = ladder.budgets({"GAN": 300, "DDPM": 200}, {"GAN": 1e9, "DDPM": 4e9})
    assert plan["seconds"] == {"GAN": 300, "DDPM": 200}
    assert plan["steps"] == {"GAN": 200, "DDPM": 200}
    assert plan["flops"] == {"GAN": 300, "DDPM": 75}  # 3e11 each: the smaller of 3e11 and 8e11


def test_both_families_options_come_from_one_rule(monkeypatch):
    draw = data.sprites
    monkeypatch.setattr(ladder.data, "sprites", lambda n, size: draw(8, size))
    search = records.read("arena_sprites")["search"]
    for family in ladder.FAMILIES:
        assert len(search[family]) == 6
        first = min(search[family], key=lambda r: (r["fails"], r["frechet"]))
        assert ladder.searched()[family] == first["options"]
        for size in ladder.SIZES:
            told = ladder.options(size, family)
            asked = {k: v for k, v in ladder.searched()[family].items() if k != "patch"}
            assert told["batch"] == 64 and told.items() >= asked.items()
    for size in (8, 16):
        patches = {f: ladder.built(size, f, 0)[1].learners[0].model.config["patch"] for f in ladder.FAMILIES}
        assert set(patches.values()) == {1 if size == 8 else 2}
    assert ladder.built(8, "DDPM", 0)[1].learners[0].precision == "float32"


def test_a_seed_that_is_not_at_the_top_stands_apart():
    rows = [
        {"seed": s, "size": size, "family": f}
        for s in (0, 1)
        for size in ladder.SIZES
        for f in ladder.FAMILIES
    ]
    book = ladder.apart({"runs": rows[:-1]})
    assert book["runs"] == rows[:8] and book["unfinished"] == rows[8:-1]
    assert ladder.apart({"runs": rows}) == {"runs": rows}
