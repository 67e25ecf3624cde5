"""The arena: fair turns, honest counts, and a judge that cannot be bribed."""

import math

import pytest
import torch
from torch import nn

from diffusion_lib import data, gan
from diffusion_lib.evaluation import arena
from diffusion_lib.evaluation.arena import FAMILIES, Entry, Place
from diffusion_lib.train import Parts, fit

pytestmark = pytest.mark.usefixtures("one_thread")

RING = Place(data.ring(4000), data.ring(1000, seed=999))


@pytest.fixture(scope="module")
def digits():
    return arena.load("digits")


def slow(seconds):
    """A family of no sense whose step takes so long, by a clock that the test holds."""
    return Parts(lambda batch, g: {"loss": 0.0}, iter(lambda: (torch.zeros(2, 2), None), 0), [], {"batch": 2})


def test_whoever_has_had_the_least_time_is_next():
    clock, cost = {"now": 0.0}, {"slow": 5.0, "quick": 1.0}

    def work(name):
        def step(batch, generator):
            clock["now"] += cost[name]
            return {}

        return step

    entries = {k: Entry(k, nn.Linear(1, 1), slow(1)._replace(step=work(k)), (torch.zeros(2, 2), None)) for k in cost}
    for _ in arena.race(entries, seconds=20, clock=lambda: clock["now"]):
        gap = abs(entries["slow"].seconds - entries["quick"].seconds)
        assert gap <= 5
        clock["now"] += 7  # judging in between costs nobody anything
    assert (entries["slow"].steps, entries["quick"].steps) == (4, 20)
    assert entries["slow"].seen == 8 and entries["quick"].seen == 40


@pytest.mark.heavy
def test_counted_in_steps_a_race_is_the_training_of_each_alone():
    entries = arena.enter(RING, seed=3)
    for _ in arena.race(entries, steps={"GAN": 4, "VAE": 6, "DDPM": 5}, seed=3):
        pass
    for name, steps in (("GAN", 4), ("VAE", 6), ("DDPM", 5)):
        model, parts = FAMILIES[name].build(RING.learn, seed=3)
        for _ in fit(*parts, steps=steps, seed=3):
            pass
        alone = torch.cat(list(FAMILIES[name].draw(model, 50, seed=1)))
        assert torch.equal(entries[name].draw(50, seed=1), alone), name
        assert entries[name].drawing["n"] == 50


def test_a_race_that_was_left_early_is_repeated_to_the_bit():
    plan, rests = {"GAN": 8, "VAE": 9, "DDPM": 6}, {"GAN": 5, "VAE": 9, "DDPM": 4}
    entries = arena.enter(RING, seed=3)
    for _ in arena.race(entries, steps=plan, rests=rests, seed=3):
        pass
    assert {k: e.steps for k, e in entries.items()} == rests
    for name, last in rests.items():
        drawn = {}
        for steps in (plan[name], last):  # left early; and as many steps, but a learning rate that falls sooner
            model, parts = FAMILIES[name].build(RING.learn, seed=3)
            next(r for r in fit(*parts, steps=steps, seed=3) if r.step == last)
            drawn[steps] = torch.cat(list(FAMILIES[name].draw(model, 50, seed=1)))
        here = entries[name].draw(50, seed=1)
        assert torch.equal(here, drawn[plan[name]]) and torch.equal(here, drawn[last]) == (last == plan[name])


def test_apart_is_how_far_the_farthest_is_off_the_mean():
    assert arena.apart([10.0, 10.0, 13.0]) == pytest.approx(2 / 11)
    assert arena.apart([9.0, 11.0]) == pytest.approx(0.1) and arena.apart([5.0]) == arena.apart([]) == 0


def test_one_that_breaks_off_does_not_stop_the_others():
    entries = arena.enter(RING, families=("GAN", "VAE"))

    def broken(batch, generator):
        raise FloatingPointError("The loss is nan")

    entries["GAN"].parts = entries["GAN"].parts._replace(step=broken)
    for _ in arena.race(entries, steps={"GAN": 5, "VAE": 5}):
        pass
    assert "nan" in entries["GAN"].error and entries["GAN"].steps == 0
    assert entries["VAE"].steps == 5 and not entries["VAE"].error


def test_a_race_needs_one_length():
    for wrong in ({}, {"seconds": 1, "steps": {}}):
        with pytest.raises(ValueError, match="one of them"):
            next(arena.race({}, **wrong))


# ---------------------------------------------------------------------------------------- the judge


@pytest.mark.heavy
def test_real_ones_reach_what_real_ones_reach(digits):
    floor = digits.floor()
    assert floor["coverage"] > 0.93 and not floor["fails"]
    # the eye knows the learned ones by heart
    unseen = digits.eye(digits.unseen.x).argmax(1) == digits.unseen.y
    assert floor["accuracy"] == pytest.approx(float(unseen.double().mean())) and floor["accuracy"] < 0.995
    assert floor["nearer_to_training"] == 0.5
    points = arena.load("ring").floor()
    assert points["modes"] == 8 and points["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.005)


def test_the_spread_deals_all_real_ones_into_two_hands(monkeypatch):
    hands = []

    def judge(self, x, y=None):
        hands.append((x, self.unseen.x))
        return {"coverage": float(len(hands) % 2), "nearer_to_training": 0.5, "accuracy": 1.0, "fails": False}

    place = arena.Place(data.Data(torch.arange(30.0)[:, None]), data.Data(torch.arange(30.0, 40.0)[:, None]))
    monkeypatch.setattr(arena.Place, "judge", judge)
    assert place.spread(6) == {"coverage": pytest.approx(math.sqrt(0.3))}
    for one, two in hands:
        assert len(one) == len(two) == 10 and len(torch.cat([one, two]).unique()) == 20
    assert len(torch.cat([h[0] for h in hands]).unique()) > 20  # dealt anew, from all


@pytest.mark.heavy
def test_noise_one_picture_and_nothing_at_all_fail(digits):
    noise = torch.randn(digits.n, 1, 8, 8, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    one = digits.learn.x[:1].expand(digits.n, -1, -1, -1)
    for x in (noise, one, torch.full_like(noise, math.nan)):
        assert digits.judge(x)["fails"]
    assert digits.judge(one)["nearer_to_training"] == 1


def test_copies_cover_well_and_are_named(digits):
    copies = digits.judge(digits.learn.x[: digits.n], digits.learn.y[: digits.n])
    assert copies["coverage"] > 0.9 and copies["nearer_to_training"] == 1


def test_half_of_the_modes_is_a_failure():
    assert RING.judge(RING.unseen.x.flip(0))["fails"] is False
    few = RING.learn.x[RING.learn.y < 3]
    found = RING.judge(few[:1000])
    assert found["modes"] == 3 and found["fails"]


def test_all_are_judged_by_as_many():
    with pytest.raises(ValueError, match="1000 samples"):
        RING.judge(torch.zeros(5, 2))
    with pytest.raises(ValueError, match="no place 'moon'"):
        arena.load("moon")


def test_an_entrys_options_and_seeds_are_handed_on():
    ring = data.load("ring", n=300)
    entry = arena.enter(arena.Place(ring, ring), families=("GAN",), options={"GAN": {"latent": 5}})["GAN"]
    assert entry.model.config["latent"] == 5
    for seed in (0, 3):
        assert torch.equal(entry.draw(7, seed), torch.cat(list(gan.draw(entry.model, 7, seed=seed))))
    assert not torch.equal(entry.draw(7, 0), entry.draw(7, 3))
