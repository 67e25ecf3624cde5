"""The loop, its average, its rate and its checkpoints: each branch and each option changes something that is measured here."""

import itertools
import math
from contextlib import closing
from itertools import islice

import pytest
import torch
from torch import nn

from diffusion_lib import data, ddpm, gan, machine, train, vae
from diffusion_lib.diffusion import Schedule
from diffusion_lib.evaluation import classifier
from diffusion_lib.machine import pick_device
from diffusion_lib.train import EMA, MAX_STEPS, Learner, Parts, fit, rate

pytestmark = pytest.mark.usefixtures("one_thread")

SIXTY = data.digits().subset(60)


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
    assert torch.equal(one.ema[1].running_mean, one.model[1].running_mean) and int(one.ema[1].num_batches_tracked) == 3


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
    """Weights, optimizer, average, its age, dice, steps and seconds: each is another number in the end if it is forgotten."""

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


def test_max_steps_cuts_every_training(monkeypatch):
    monkeypatch.setenv(MAX_STEPS, "2")
    model, parts = classifier.build(SIXTY)
    assert [r.step for r in fit(*parts, seconds=60)] == [1, 2] and model.config["classes"] == 10


DIGITS = data.digits().subset(30)
BUILDERS = {
    "ddpm": lambda **k: ddpm.build(DIGITS, channels=8, **k),
    "gan": lambda **k: gan.build(DIGITS, channels=4, d_steps=2, batch=3, **k),
    "vae": lambda **k: vae.build(DIGITS, channels=4, **k),
    "classifier": lambda **k: classifier.build(DIGITS, **k),
}
families = pytest.mark.parametrize("name", BUILDERS)


@families
def test_build_leaves_the_dice_of_the_world_alone(name):
    torch.manual_seed(5)
    want = torch.rand(3)
    torch.manual_seed(5)
    one, _ = BUILDERS[name](seed=1)
    assert torch.equal(torch.rand(3), want)
    again, _ = BUILDERS[name](seed=1)
    other, _ = BUILDERS[name](seed=2)
    weights = [torch.cat([p.flatten() for p in m.parameters()]) for m in (one, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_the_weights_of_a_seed_are_those_that_the_world_would_have_given():
    with machine.seeded_weights(3):
        mine = nn.Linear(4, 4)
    torch.manual_seed(3)
    assert torch.equal(mine.weight, nn.Linear(4, 4).weight)
    with pytest.raises(ValueError, match="A seed is a whole number"), machine.seeded_weights(-1):
        pass


@families
def test_parts_say_how_many_items_a_step_takes(name):
    _, parts = BUILDERS[name]()
    said, first = parts.batch, next(parts.batches)
    assert said == len(first[0])


def test_parts_that_do_not_know_their_batch_say_so():
    with pytest.raises(ValueError, match="how large a batch"):
        _ = Parts(lambda batch, g: {}, [], []).batch


def test_the_clock_is_the_callers():
    now = iter(range(0, 1000, 7))
    records = list(fit(lambda batch, g: {}, iter(int, 1), [], seconds=20, clock=lambda: float(next(now))))
    assert [r.seconds for r in records] == [7.0, 14.0, 21.0]


def test_the_learner_knows_its_share_of_the_rate():
    learner = Learner(nn.Linear(2, 2), lr=0.5)
    assert learner.share == 1.0
    seen = [learner.share for _ in fit(lambda batch, g: {}, iter(int, 1), [learner], steps=4, warmup=0.5)]
    assert seen == [train.rate(max(i / 4, 1e-3 * 0.5), 0.5) for i in range(4)]


def test_the_gan_fades_by_that_share(monkeypatch):
    heard = []
    monkeypatch.setattr(gan.Regular, "faded", lambda self, least, share: heard.append((least, share)) or self)
    _, parts = gan.build(data.ring(50), channels=4, batch=8, fade=0.3)
    parts.learners[0].share = 0.25
    parts.step(next(parts.batches), torch.Generator())
    assert heard == [(0.3, 0.25)]


def test_only_a_request_decides_the_precision(monkeypatch):
    """Not how busy the machine is while the network is made."""
    raced = []
    monkeypatch.setattr(ddpm, "faster_precision", lambda net, x: raced.append(len(x)) or "bfloat16")
    assert ddpm.build(DIGITS, channels=8)[1].learners[0].precision == "float32" and not raced
    assert ddpm.build(DIGITS, channels=8, precision="bfloat16")[1].learners[0].precision == "bfloat16"
    assert ddpm.build(DIGITS, channels=8, batch=4, precision="auto")[1].learners[0].precision == "bfloat16"
    assert raced == [4]
    for wrong in ("float16", None):
        with pytest.raises(ValueError, match="choose one of float32, bfloat16, auto"):
            ddpm.build(DIGITS, precision=wrong)


SCHEDULE = Schedule.of("cosine", 100)


def numbers_of(model):
    return [p.detach().clone() for p in model.parameters()]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# ---------------------------------------------------------------------------------------- the loop


def test_the_moving_average_is_the_weighted_sum_it_says():
    """(1 - 1/n)^(gamma + 1) written out: each past theta_k has the weight (1 - keep_k) prod_{j > k} keep_j."""
    model = nn.Linear(1, 1, bias=False)
    ema, past = EMA(model, gamma=3.0), torch.linspace(1, 5, 9) ** 2
    for value in past:
        nn.init.constant_(model.weight, float(value))
        ema.update(model)
        if value == past[0]:
            assert float(ema.model.weight) == 1.0  # the first copies
    keep = [(1 - 1 / n) ** 4 for n in range(1, 10)]
    share = [(1 - keep[k]) * math.prod(keep[k + 1 :]) for k in range(9)]
    assert sum(share) == pytest.approx(1) and float(ema.model.weight) == pytest.approx(
        float((past * torch.tensor(share)).sum())
    )


def test_the_rate_rises_and_falls():
    assert rate(0.01) == pytest.approx(0.5) and rate(0.02) == pytest.approx(1) and rate(1.0) == pytest.approx(0)
    assert rate(0.51) == pytest.approx(0.5)


def small(**more):
    return ddpm.build(data.ring(400), schedule=SCHEDULE, batch=16, **more)


def digits_of(**more):
    return ddpm.build(
        data.digits().subset(64), **{"schedule": SCHEDULE, "batch": 8, "channels": 8, "precision": "float32"} | more
    )


def steps(n, *parts, **more):
    """Train for n of 8 steps."""
    with closing(fit(*parts, **{"steps": 8} | more)) as training:
        return list(islice(training, n))


def test_training_resumes_to_the_bit(tmp_path):
    whole, parts = digits_of()
    records = steps(9, *parts)
    steps(3, *digits_of()[1], checkpoint=tmp_path / "c.pt")
    resumed, parts = digits_of()
    for learner in parts.learners:
        nn.init.normal_(next(learner.model.parameters()))  # what it starts with is of no importance
    rest = steps(9, *parts, checkpoint=tmp_path / "c.pt")
    assert same(numbers_of(whole), numbers_of(resumed))
    # the last of before, first
    assert [(r.step, r.values) for r in rest] == [(r.step, r.values) for r in records[2:]]


@pytest.mark.parametrize("content", [b"", b"junk" * 100])
def test_a_broken_checkpoint_gets_one_sentence_and_stays(tmp_path, content):
    path = tmp_path / "c.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="Cannot go on from"):
        next(fit(*small()[1], steps=3, checkpoint=path))
    assert path.read_bytes() == content


def test_a_loss_that_is_no_number_keeps_the_last_good_weights():
    model, parts = small()
    seen = []

    def step(batch, generator):
        if len(seen) == 3:
            batch = (batch[0] * math.inf, None)
            loss = (parts.learners[0].model(batch[0], torch.ones(16, dtype=torch.long))).pow(2).mean()
            return {"loss": parts.learners[0].descend(loss)}
        return parts.step(batch, generator)

    with pytest.raises(FloatingPointError, match=r"at step 4.*weights of step 3 are kept"):
        for record in fit(step, parts.batches, parts.learners, steps=10):
            seen.append((record, numbers_of(model), numbers_of(parts.learners[0].model)))
    assert same(seen[-1][1], numbers_of(model)) and same(seen[-1][2], numbers_of(parts.learners[0].model))
    assert all(w.isfinite().all() for w in numbers_of(model))


def test_seconds_count_training_only_and_the_loop_may_take_its_time(monkeypatch):
    import time

    records = []
    for record in fit(*small()[1], seconds=0.3):
        records.append(record)
        if record.step == 1:
            time.sleep(0.5)
    assert len(records) > 3 and 0.3 <= records[-1].seconds < 0.5 and records[-1].progress == 1
    monkeypatch.setenv(MAX_STEPS, "2")
    assert len(list(fit(*small()[1], seconds=60))) == 2


def test_an_interrupt_leaves_a_usable_average_and_a_checkpoint(tmp_path):
    model, parts = small()
    before = numbers_of(model)
    with pytest.raises(KeyboardInterrupt):
        for record in fit(*parts, steps=100, checkpoint=tmp_path / "c.pt"):
            if record.step == 4:
                raise KeyboardInterrupt
    assert (tmp_path / "c.pt").exists() and not same(before, numbers_of(model))
    assert torch.cat(list(ddpm.draw(model, 5, 4))).isfinite().all()


def test_what_draws_is_the_average_and_not_the_weights_of_the_moment():
    model, parts = small()
    *_, _ = fit(*parts, steps=6)
    learner = parts.learners[0]
    assert model.net is learner.ema and not same(numbers_of(model), numbers_of(learner.model))


def test_two_learners_share_the_loop():
    """A game of two, as a GAN is: the loop needs no change."""
    a, b = Learner(nn.Linear(2, 1)), Learner(nn.Linear(2, 1))

    def step(batch, generator):
        x, _ = batch
        return {
            "a": a.descend((a.model(x) - b.model(x).detach()).pow(2).mean()),
            "b": b.descend(b.model(x).pow(2).mean()),
        }

    first = (numbers_of(a.model), numbers_of(b.model))
    *_, record = fit(step, data.ring(100).batches(10), [a, b], steps=5)
    assert (
        set(record.values) == {"a", "b"}
        and not same(first[0], numbers_of(a.model))
        and not same(first[1], numbers_of(b.model))
    )


def test_devices_and_lengths_that_make_no_sense_get_one_sentence(monkeypatch):
    for name in ("abacus", "cpu:abc", "cuda:x", "cuda:99", "mps:7", "meta", ":"):
        with pytest.raises(ValueError, match=f"There is no device '{name}' here: choose one of .*cpu"):
            pick_device(name)
    monkeypatch.setenv("DIFFUSION_LIB_DEVICE", "cpu")
    assert pick_device() == torch.device("cpu")
    for length in ({}, {"steps": 1, "seconds": 1}, {"steps": 0}):
        with pytest.raises(ValueError, match="how long to train"):
            next(fit(*small()[1], **length))
    with pytest.raises(ValueError, match="ran out after 2"):
        list(fit(small()[1].step, [(torch.randn(4, 2), None)] * 2, small()[1].learners, steps=5))
