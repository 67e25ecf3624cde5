"""The rules of `benchmarks/cures.py`: what is built, what is counted, which try is taken."""

import math

import cures
import pytest
import torch

from diffusion_lib import data, gan
from diffusion_lib.evaluation.metrics import mode_report

pytestmark = pytest.mark.usefixtures("one_thread")

RING = data.ring(2500, seed=3)

# ---------------------------------------------------------------------------------------- the recipes' wiring

R = 0.1


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

    tries = [row(5e-4, "plain", 0.405), row(1e-3, "waves", 0.40), row(2e-3, "plain", 0.3), row(1e-3, "plain", 0.398)]
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
        assert (found["usual"]["network"], found["usual"]["lr"]) == ("waves", gan.build(RING)[1].learners[0].lr)
