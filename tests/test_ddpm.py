"""What a diffusion network is asked, and what it is asked with: targets, times, classes, steps, ranges."""

import gc
import math
import weakref

import pytest
import torch
from small import denoiser
from torch import nn

from diffusion_lib import data, ddpm, store
from diffusion_lib.data import Data
from diffusion_lib.diffusion import Schedule, add_noise, convert
from diffusion_lib.nets import MLP
from diffusion_lib.sampling import SAMPLERS, sample
from diffusion_lib.train import fit
from diffusion_lib.values import classes_for

pytestmark = pytest.mark.usefixtures("one_thread")

SCHEDULE = Schedule.of("cosine", 100)


@pytest.mark.heavy
def test_classes_are_forgotten_as_often_as_asked():
    for drop, forgotten in ((0.0, 0), (1.0, 64)):
        _, parts = ddpm.build(data.digits().subset(64), schedule=SCHEDULE, channels=8, batch=64, drop=drop)
        told, condition = [], parts.learners[0].model.condition
        condition.register_forward_pre_hook(lambda _, args, told=told: told.append(args[1]))
        next(fit(*parts, steps=1))
        assert int((told[0] == -1).sum()) == forgotten


# ---------------------------------------------------------------------------------------- what is asked


@pytest.mark.parametrize("predicts", ["eps", "x0", "v"])
def test_each_target_is_its_formula(predicts):
    x0, eps, t = torch.randn(6, 2), torch.randn(6, 2), torch.tensor([1, 2, 30, 60, 99, 100])
    a = SCHEDULE.alpha_bar[t].float()[:, None]
    target = {"eps": eps, "x0": x0, "v": a.sqrt() * eps - (1 - a).sqrt() * x0}[predicts]
    asked = []

    def model(xt, times, y):
        asked.append((xt, times))
        return torch.zeros_like(xt)

    loss = ddpm.ddpm_loss(model, x0, t, eps, SCHEDULE, predicts)
    # x0 from eps at t = T loses digits
    assert float(loss) == pytest.approx(float(target.pow(2).mean()), rel=2e-3)
    assert torch.equal(asked[0][0], add_noise(x0, t, eps, SCHEDULE)) and torch.equal(asked[0][1], t)


@pytest.mark.parametrize("even", ["t", "snr", "bell"])
def test_times_are_drawn_as_often_as_is_said(even):
    t = ddpm.draw_times(200_000, SCHEDULE, even, torch.Generator().manual_seed(0))
    db = SCHEDULE.snr_db
    width = torch.cat([(db[1] - db[2])[None], db[1:-1] - db[2:]])
    ln_sigma = -db[1:] * math.log(10) / 20
    share = {"t": torch.ones(100), "snr": width, "bell": width * torch.exp(-((ln_sigma + 0.5) ** 2) / 2.88)}[even]
    counts = torch.bincount(t, minlength=101)[1:].double()
    expected = 200_000 * (share / share.sum()).double()
    assert t.min() >= 1 and t.max() <= 100 and ((counts - expected).abs() < 5 * expected.sqrt() + 1).all()


def test_the_bound_teaches_only_the_variance():
    x0, eps, t = torch.randn(8, 2), torch.randn(8, 2), torch.randint(1, 101, (8,))
    answer, raw = torch.zeros(8, 2, requires_grad=True), torch.zeros(8, 2, requires_grad=True)
    ddpm.hybrid_loss(lambda *a: torch.cat([answer, raw], 1), x0, t, eps, SCHEDULE).backward()
    mine = answer.grad.clone()
    answer.grad = None
    ddpm.ddpm_loss(lambda *a: answer, x0, t, eps, SCHEDULE).backward()
    assert torch.allclose(mine, answer.grad) and raw.grad.abs().sum() > 0


POINTS = data.load("ring", n=200)
SIXTY = data.digits().subset(60)

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
    for d, levels in ((SIXTY, 17), (large, 256), (POINTS, None)):
        net = MLP(tuple(d.x.shape[1:]), 1000, width=8, depth=1, out=2, classes=10 if d is SIXTY else 0)
        _, parts = ddpm.build(d, net=net, learn_variance=True, batch=4, precision="float32")
        parts.step(next(parts.batches), torch.Generator())
        assert asked[-1] == levels


def test_build_hands_on_what_it_is_asked(monkeypatch):
    heard = []
    monkeypatch.setattr(ddpm, "draw_times", lambda n, s, even, g: heard.append(even) or torch.ones(n, dtype=torch.long))
    for predicts in ("eps", "x0", "v"):
        net = MLP((2,), 1000, width=8, depth=1)
        model, parts = ddpm.build(POINTS, net=net, predicts=predicts, batch=7, lr=0.5)
        assert model.predicts == predicts and parts.learners[0].lr == 0.5 and len(next(parts.batches)[0]) == 7
        nn.init.normal_(parts.learners[0].ema.last.weight)
        xt = torch.randn(3, 2)
        want = convert(parts.learners[0].ema(xt, torch.full((3,), 9), None), predicts, "eps", xt, 9, model.schedule)
        assert torch.allclose(model(xt, 9), want)
        parts.step(next(parts.batches), torch.Generator())
    assert set(heard) == {"snr"}
    _, parts = ddpm.build(SIXTY, net=MLP((1, 8, 8), 1000, classes=10, width=8, depth=1), batch=4, precision="float32")
    parts.step(next(parts.batches), torch.Generator())
    assert heard[-1] == "bell"


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


def test_draw_keeps_no_step_but_the_last(monkeypatch):
    """Of 250 steps of 250 pictures all would be gigabytes."""
    alive = []

    def watched(*args, **options):
        for step in sample(*args, **options):
            alive.append(weakref.ref(step.noise))
            yield step

    monkeypatch.setattr(ddpm, "sample", watched)
    for _ in ddpm.draw(spy(), 5, 20):
        gc.collect()
        assert len(alive) == 20 and sum(ref() is not None for ref in alive) <= 1


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
