"""Each branch of a training, and each option that is handed on, changes something that is measured here; no training but a step or two."""

import itertools
import math

import numpy as np
import pytest
import torch
from small import denoiser
from torch import nn

from diffusion_lib import bound, data, ddpm, gan, nets, store, vae
from diffusion_lib.data import Data
from diffusion_lib.diffusion import SAMPLERS, Schedule, convert, sample
from diffusion_lib.evaluation import classifier
from diffusion_lib.nets import MLP
from diffusion_lib.train import MAX_STEPS, Learner, fit, rate
from diffusion_lib.values import classes_for

pytestmark = pytest.mark.usefixtures("one_thread")

POINTS = data.load("ring", n=200)
DIGITS = data.digits().subset(60)


def learner(**more):
    torch.manual_seed(0)
    return Learner(nn.Linear(3, 2), **more)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# ---------------------------------------------------------------------------------------- one step downhill


class Cliff(torch.autograd.Function):
    """A finite loss whose gradient is not."""

    @staticmethod
    def forward(ctx, x):
        return x.sum() * 0 + 1.0

    @staticmethod
    def backward(ctx, slope):
        return torch.full((2, 3), math.nan)


@pytest.mark.parametrize("clip", (1.0, math.inf))
def test_a_gradient_that_is_no_number_is_refused_even_where_the_loss_is_one(clip):
    one = learner(clip=clip)
    before = weights(one.model)
    with pytest.raises(FloatingPointError, match=r"The loss is 1\.0 and its gradient nan"):
        one.descend(Cliff.apply(one.model.weight))
    assert torch.equal(weights(one.model), before) and one.steps == 0
    with pytest.raises(FloatingPointError, match="The loss is nan"):
        one.descend(one.model(torch.ones(1, 3)).sum() * math.nan)


def test_a_long_gradient_is_cut_to_its_clip():
    for clip, long in ((0.5, 0.5), (math.inf, None)):
        one = learner(clip=clip)
        one.descend(1000 * one.model(torch.ones(1, 3)).sum())
        norm = float(torch.cat([p.grad.flatten() for p in one.model.parameters()]).norm())
        assert norm == pytest.approx(long or 1000 * math.sqrt(8), rel=1e-4)


def test_the_average_takes_the_buffers_of_the_network():
    torch.manual_seed(0)
    one = Learner(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)))
    for k in range(3):
        one.set_rate(1.0)
        one.descend(one.model(k + torch.randn(16, 3)).pow(2).mean())
    assert float(one.model[1].running_mean.abs().max()) > 0.01
    assert (
        torch.equal(one.ema[1].running_mean, one.model[1].running_mean)
        and int(one.ema[1].num_batches_tracked) == 3
    )


# ---------------------------------------------------------------------------------------- the loop


def counted(*learners):
    def step(batch, generator):
        x = batch + torch.randn(batch.shape, generator=generator)
        return {f"loss{i}": one.descend(one.model(x).pow(2).mean()) for i, one in enumerate(learners)}

    return step, itertools.repeat(torch.ones(4, 3))


def test_the_rate_goes_to_every_learner_and_rises_as_asked():
    one, two = learner(lr=0.1), learner(lr=0.2)
    step, batches = counted(one, two)
    for k, record in enumerate(fit(step, batches, [one, two], steps=10, warmup=0.5)):
        assert record.rate == pytest.approx(rate(max(k / 10, 5e-4), 0.5))
        assert one.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * record.rate)
        assert two.optimizer.param_groups[0]["lr"] == pytest.approx(0.2 * record.rate)


def test_everything_comes_back_from_a_checkpoint(tmp_path):
    """Weights, optimiser, average, its age, dice, steps and seconds: each is another number in the end if it is forgotten."""

    def run(path, stop=8):
        one = learner(lr=0.05)
        step, batches = counted(one)
        walk = fit(step, batches, [one], steps=8, seed=3, checkpoint=path)
        record = next(r for r in walk if r.step == stop)
        walk.close()
        return one, record

    whole, last = run(None)
    _, before = run(tmp_path / "c.pt", stop=5)
    again, end = run(tmp_path / "c.pt")
    assert torch.equal(weights(again.model), weights(whole.model)) and torch.equal(
        weights(again.ema), weights(whole.ema)
    )
    assert not torch.equal(weights(again.ema), weights(again.model))
    assert end.step == last.step == 8 and end.seconds > before.seconds and end.values == last.values
    for a, b in zip(again.optimizer.state.values(), whole.optimizer.state.values(), strict=True):
        assert all(torch.equal(a[k], b[k]) for k in ("exp_avg", "exp_avg_sq", "step"))


def test_the_average_on_resume_is_the_average():
    one, two = learner(lr=0.05), learner(lr=0.5)
    for _ in range(3):
        one.descend(one.model(torch.ones(4, 3)).pow(2).mean())
    two.load_state_dict(one.state_dict())
    assert torch.equal(weights(two.ema), weights(one.ema)) and two.steps == 3
    assert two.optimizer.state_dict()["state"][0]["exp_avg"].abs().max() > 0


# ---------------------------------------------------------------------------------------- ddpm


class Spy(ddpm.Denoiser):
    """A denoiser that notes what it is asked: times and classes."""

    def forward(self, xt, t, y=None):
        self.__dict__.setdefault("asked", []).append(
            (int(torch.as_tensor(t).flatten()[0]), None if y is None else y.tolist())
        )
        return super().forward(xt, t, y)


def spy(**more):
    model = denoiser(**more)
    return Spy(model.net, model.schedule, model.predicts)


def test_draw_tells_each_batch_its_own_classes():
    y = torch.tensor([3, 1, 4, 1, 5, 9, 2])
    model = spy(shape=(1, 4, 4), classes=10)
    drawn = torch.cat(list(ddpm.draw(model, 7, 2, y=y, batch=3)))
    assert [c for t, c in model.asked if t == 40] == [[3, 1, 4], [1, 5, 9], [2]]
    model.asked.clear()
    again = torch.cat(list(ddpm.draw(model, 7, 2, y=y, batch=7)))
    assert torch.allclose(drawn, again, atol=1e-6) and float(drawn.abs().max()) < 1.001
    model.asked.clear()
    list(ddpm.draw(model, 12, 2, batch=12))
    assert model.asked[0][1] == [*range(10), 0, 1]


def test_draw_takes_the_steps_that_eta_asks_for():
    model = spy()
    for eta, even in ((0.0, "snr"), (1.0, "t"), (0.5, "t")):
        model.asked = []
        xs = torch.cat(list(ddpm.draw(model, 5, 6, eta=eta, seed=2)))
        assert [t for t, _ in model.asked] == model.schedule.times(6, even)[:-1]
        g = torch.Generator().manual_seed(2)
        xT = torch.randn(5, 2, generator=g)
        *_, last = sample(
            model,
            xT,
            model.schedule,
            model.schedule.times(6, even),
            generator=g,
            eta=eta,
            sampler="ddpm" if eta else "dpmpp_2m",
        )
        assert torch.equal(xs, last.xs)


def test_pictures_are_kept_in_range_and_points_are_not():
    wild = denoiser(shape=(1, 4, 4))
    wild.net.last.weight *= 100
    assert float(torch.cat(list(ddpm.draw(wild, 4, 3))).abs().max()) < 1.001
    wild = denoiser()
    wild.net.last.weight *= 100
    assert float(torch.cat(list(ddpm.draw(wild, 4, 3))).abs().max()) > 1.1


def test_the_grey_levels_are_those_of_the_data(monkeypatch):
    asked = []
    monkeypatch.setattr(ddpm, "vlb_term", lambda x0, *_: asked.append(_[-1]) or x0.flatten(1).mean(1))
    large = Data(torch.zeros(20, 1, 16, 16))
    for d, levels in ((DIGITS, 17), (large, 256), (POINTS, None)):
        net = MLP(tuple(d.x.shape[1:]), 1000, width=8, depth=1, out=2, classes=10 if d is DIGITS else 0)
        _, parts = ddpm.build(d, net=net, learn_variance=True, batch=4, precision="float32")
        parts.step(next(parts.batches), torch.Generator())
        assert asked[-1] == levels


def test_build_hands_on_what_it_is_asked(monkeypatch):
    heard = []
    monkeypatch.setattr(
        ddpm, "draw_times", lambda n, s, even, g: heard.append(even) or torch.ones(n, dtype=torch.long)
    )
    for predicts in ("eps", "x0", "v"):
        net = MLP((2,), 1000, width=8, depth=1)
        model, parts = ddpm.build(POINTS, net=net, predicts=predicts, batch=7, lr=0.5)
        assert model.predicts == predicts and parts.learners[0].lr == 0.5 and len(next(parts.batches)[0]) == 7
        nn.init.normal_(parts.learners[0].ema.last.weight)
        xt = torch.randn(3, 2)
        want = convert(
            parts.learners[0].ema(xt, torch.full((3,), 9), None), predicts, "eps", xt, 9, model.schedule
        )
        assert torch.allclose(model(xt, 9), want)
        parts.step(next(parts.batches), torch.Generator())
    assert set(heard) == {"snr"}
    _, parts = ddpm.build(
        DIGITS, net=MLP((1, 8, 8), 1000, classes=10, width=8, depth=1), batch=4, precision="float32"
    )
    parts.step(next(parts.batches), torch.Generator())
    assert heard[-1] == "bell"


def test_the_first_entry_of_the_bound_is_the_end_of_the_chain_in_bits():
    model = denoiser(T=4)
    terms = bound.bound_terms(model, POINTS.x, model.schedule, None, v=0.0, n=2)
    assert (
        float(terms[0]) == pytest.approx(model.schedule.terminal_kl(POINTS.x) / math.log(2), rel=1e-4)
        and len(terms) == 5
    )


# ---------------------------------------------------------------------------------------- gan and vae


@pytest.mark.parametrize("exact", (False, True))
@pytest.mark.parametrize("r", ("r1", "r2", "both"))
def test_each_item_is_held_with_its_own_class(exact, r):
    """A D that is steep, 100, only at an item beside another's class, so that one wrong pair makes the penalty thousands."""

    class Picky(nn.Module):
        def forward(self, x, y=None):
            own = (x[:, 1] - y.float()).abs() < 0.4
            return torch.where(own, 1.0, 100.0) * x[:, 0]

    y = torch.tensor([0, 1, 2, 3, 4, 5, 6])
    x = torch.stack([torch.randn(7), y.float()], 1)
    hold = gan.Regular(1.0 if r != "r2" else 0.0, 1.0 if r != "r1" else 0.0, exact=exact)
    g = torch.Generator().manual_seed(0)
    got = float(hold(Picky(), x, x + torch.tensor([5.0, 0.0]), y, g))
    assert 0 < got < 10, got


def test_d_has_whole_batches_of_its_own():
    model, parts = gan.build(POINTS, d_steps=3, batch=10, channels=8)
    x, _ = next(parts.batches)
    assert len(x) == 30
    sizes = []
    judge = parts.learners[1].model
    judge.register_forward_pre_hook(lambda m, inputs: sizes.append(len(inputs[0])))
    parts.step((x, None), torch.Generator().manual_seed(0))
    assert (
        parts.learners[1].steps == 3
        and parts.learners[0].steps == 1
        and set(sizes) <= {10, 20, 40}
        and 10 in sizes
    )
    assert model is parts.learners[0].ema


def test_gan_build_hands_on_what_it_is_asked():
    _, parts = gan.build(
        POINTS, lr=0.01, ratio=4.0, spectral=True, minibatch_std=True, waves=3, channels=16, latent=5, batch=8
    )
    g, d = parts.learners
    assert g.lr == 0.01 and d.lr == pytest.approx(0.04)
    assert g.model.config["waves"] == d.model.config["waves"] == 3 and g.model.config["latent"] == 5
    assert (
        d.model.config["spectral"]
        and d.model.config["minibatch_std"]
        and hasattr(d.model.score, "parametrizations")
    )
    assert (
        g.model.config["channels"] == 16
        and d.model.config["channels"] == 8
        and len(next(parts.batches)[0]) == 8
    )


@pytest.mark.parametrize("family", (gan, vae), ids=("gan", "vae"))
def test_one_call_tells_each_item_its_own_class(family):
    torch.manual_seed(0)
    model = (
        nets.Generator((1, 8, 8), 4, classes=10, channels=8)
        if family is gan
        else vae.VAE((1, 8, 8), 4, classes=10, channels=8)
    )
    y = torch.tensor([3, 1, 4, 1, 5, 9, 2])
    one = torch.cat(list(family.draw(model, 7, y=y, seed=1, batch=7)))
    few = torch.cat(list(family.draw(model, 7, y=y, seed=1, batch=3)))
    assert torch.allclose(one, few, atol=1e-6) and not torch.allclose(
        one, torch.cat(list(family.draw(model, 7, y=y.flip(0), seed=1)))
    )


def test_vae_build_hands_on_its_s_and_draws_grain_for_points_only():
    model, _ = vae.build(POINTS, sd=0.3, channels=8, latent=3)
    assert float(model.log_s.exp()) == pytest.approx(0.3, rel=1e-5) and model.config["latent"] == 3
    z = model.decoder.noise(200, torch.Generator().manual_seed(4))
    grain = torch.cat(list(vae.draw(model, 200, seed=4))) - model.decode(z).detach()
    assert float(grain.std()) == pytest.approx(0.3, rel=0.15)
    picture, _ = vae.build(DIGITS, sd=0.3, channels=8)
    y = torch.zeros(3, dtype=torch.long)
    z = picture.decoder.noise(3, torch.Generator().manual_seed(4))
    with torch.no_grad():
        want = picture.decode(z, y).clamp(-1, 1)
        assert torch.allclose(torch.cat(list(vae.draw(picture, 3, y=y, seed=4))), want, atol=1e-6)
        assert not torch.allclose(
            torch.cat(list(vae.draw(picture, 3, y=y, seed=4, grain=True))), want, atol=0.05
        )


def test_a_file_remembers_what_its_network_predicts(tmp_path):
    model = denoiser()
    for predicts in ("eps", "x0", "v"):
        other = ddpm.Denoiser(model.net, model.schedule, predicts)
        again = store.load(store.save(tmp_path / "w.safetensors", other, {}))
        xt = torch.randn(4, 2)
        assert again.predicts == predicts and torch.allclose(again(xt, 7), other(xt, 7), atol=1e-6)
        assert again.schedule.name == "cosine" and np.array_equal(
            again.schedule.alpha_bar, model.schedule.alpha_bar
        )


def test_max_steps_cuts_every_training(monkeypatch):
    monkeypatch.setenv(MAX_STEPS, "2")
    model, parts = classifier.build(DIGITS)
    assert [r.step for r in fit(*parts, seconds=60)] == [1, 2] and model.config["classes"] == 10


# ---------------------------------------------------------------------------------------- one spelling each


def test_no_class_is_a_word_a_number_or_nothing():
    """draw(y="none") tells each sample -1, a network without classes None, and None still means each in turn."""
    assert classes_for("none", 3, 10).tolist() == [-1] * 3 and classes_for("none", 3, 0) is None
    assert classes_for(None, 3, 2).tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match="\"none\" or None, but got 'no'"):
        classes_for("no", 3, 10)
    model = store.load("digits")
    assert model.classes == 10
    word, number = (torch.cat(list(ddpm.draw(model, 3, 3, y=y))) for y in ("none", torch.full((3,), -1)))
    assert torch.equal(word, number)


def test_draw_hands_the_sampler_on():
    model = store.load("digits")
    xT = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(3))
    for name, told in (("ddim", "ddim"), ("ddpm", "ddpm"), ("dpmpp_2m", None)):
        method, dice = SAMPLERS[name], torch.Generator().manual_seed(3)
        torch.randn(2, 1, 8, 8, generator=dice)
        y, times = torch.arange(2), model.schedule.times(4, method.even)
        *_, want = sample(model, xT, None, times, sampler=name, generator=dice, clip=1.0, y=y)
        assert torch.equal(torch.cat(list(ddpm.draw(model, 2, 4, sampler=told, seed=3))), want.xs), name
    with pytest.raises(ValueError, match="no sampler 'heun2'"):
        next(ddpm.draw(model, 2, sampler="heun2"))


def test_the_bound_takes_the_models_own_schedule():
    model, x = ddpm.build(POINTS, schedule=Schedule.of("sigmoid", 12))[0], POINTS.x[:4]
    own, told = (bound.bound_terms(model, x, s, v=0.0, n=1) for s in (None, model.schedule))
    assert torch.equal(own, told) and len(own) == 13
    one, two = (bound.bits_per_dimension(model, x, x, s, 9, n=1) for s in (None, model.schedule))
    assert one == two
