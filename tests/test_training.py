"""The loop, the losses, the bound and the weights on disk, against formulas written down again here."""

import json
import math
import runpy
import shlex
import sys
from contextlib import closing
from itertools import islice, pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from diffusion_lib import __main__, bound, data, ddpm, store, train
from diffusion_lib.diffusion import Schedule, add_noise, convert, sample
from diffusion_lib.evaluation import metrics
from diffusion_lib.machine import pick_device
from diffusion_lib.nets import MLP, Classifier, UNet
from diffusion_lib.oracle import ideal_denoiser, mixture_denoiser
from diffusion_lib.train import EMA, MAX_STEPS, Learner, fit, rate

ROOT = Path(__file__).parent.parent
SCHEDULE = Schedule.of("cosine", 100)


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# ---------------------------------------------------------------------------------------- networks


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (lambda **k: MLP((2,), 100, **k), (2,)),
        (lambda **k: MLP((1, 8, 8), 100, **k), (1, 8, 8)),
        (lambda **k: UNet((1, 8, 8), 100, channels=8, **k), (1, 8, 8)),
        (lambda **k: UNet((3, 16, 16), 100, channels=8, patch=2, **k), (3, 16, 16)),
        (lambda **k: UNet((1, 28, 28), 100, channels=8, patch=2, **k), (1, 28, 28)),
    ],
)
class TestNets:
    def test_shapes_and_the_untrained_answer_is_nothing(self, net, shape):
        for out in (1, 2):
            made = net(out=out)(torch.randn(3, *shape), torch.tensor([1, 50, 100]))
            assert made.shape == (3, out * shape[0], *shape[1:]) and not made.any()

    def test_every_weight_learns_and_hears_time_and_class(self, net, shape):
        torch.manual_seed(0)
        model = net(classes=4)
        x, t, y = torch.randn(4, *shape), torch.tensor([1, 30, 60, 100]), torch.tensor([0, 1, 2, -1])
        learner = Learner(model, lr=0.01)
        for _ in range(6):
            learner.descend((model(x, t, y) - x * y.reshape(-1, *[1] * (x.ndim - 1))).pow(2).mean())
        assert all(p.grad is not None and p.grad.any() for p in model.parameters())
        with torch.no_grad():
            answer = model(x, t, y)
            assert not torch.allclose(answer, model(x, 101 - t, y)) and not torch.allclose(
                answer, model(x, t, 3 - y.abs())
            )
            assert torch.equal(model(x, t, torch.full((4,), -1)), model(x, t))

    def test_config_builds_it_again(self, net, shape):
        model = net(classes=3)
        torch.nn.init.normal_(model.last.weight)  # or every answer is 0
        again = type(model)(**model.config)
        again.load_state_dict(model.state_dict())
        x, t, y = torch.randn(3, *shape), torch.tensor([1, 50, 100]), torch.tensor([0, 2, -1])
        assert again.config == model.config and model(x, t, y).any()
        assert torch.equal(again(x, t, y), model(x, t, y))


def test_a_size_that_does_not_halve_gets_one_sentence():
    with pytest.raises(ValueError, match="divide by 4"):
        UNet((1, 30, 30), 100, patch=2)


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
    assert (
        rate(0.01) == pytest.approx(0.5) and rate(0.02) == pytest.approx(1) and rate(1.0) == pytest.approx(0)
    )
    assert rate(0.51) == pytest.approx(0.5)


def small(**more):
    return ddpm.build(data.ring(400), schedule=SCHEDULE, batch=16, **more)


def digits_of(**more):
    return ddpm.build(
        data.digits().subset(64),
        **{"schedule": SCHEDULE, "batch": 8, "channels": 8, "precision": "float32"} | more,
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
    assert same(weights(whole), weights(resumed))
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
            seen.append((record, weights(model), weights(parts.learners[0].model)))
    assert same(seen[-1][1], weights(model)) and same(seen[-1][2], weights(parts.learners[0].model))
    assert all(w.isfinite().all() for w in weights(model))


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
    before = weights(model)
    with pytest.raises(KeyboardInterrupt):
        for record in fit(*parts, steps=100, checkpoint=tmp_path / "c.pt"):
            if record.step == 4:
                raise KeyboardInterrupt
    assert (tmp_path / "c.pt").exists() and not same(before, weights(model))
    assert torch.cat(list(ddpm.draw(model, 5, 4))).isfinite().all()


def test_what_draws_is_the_average_and_not_the_weights_of_the_moment():
    model, parts = small()
    *_, _ = fit(*parts, steps=6)
    learner = parts.learners[0]
    assert model.net is learner.ema and not same(weights(model), weights(learner.model))


@pytest.mark.heavy
def test_classes_are_forgotten_as_often_as_asked():
    for drop, forgotten in ((0.0, 0), (1.0, 64)):
        _, parts = ddpm.build(data.digits().subset(64), schedule=SCHEDULE, channels=8, batch=64, drop=drop)
        told, condition = [], parts.learners[0].model.condition
        condition.register_forward_pre_hook(lambda _, args, told=told: told.append(args[1]))
        next(fit(*parts, steps=1))
        assert int((told[0] == -1).sum()) == forgotten


def test_two_learners_share_the_loop():
    """A game of two, as a GAN is: the loop needs no change."""
    a, b = Learner(nn.Linear(2, 1)), Learner(nn.Linear(2, 1))

    def step(batch, generator):
        x, _ = batch
        return {
            "a": a.descend((a.model(x) - b.model(x).detach()).pow(2).mean()),
            "b": b.descend(b.model(x).pow(2).mean()),
        }

    first = (weights(a.model), weights(b.model))
    *_, record = fit(step, data.ring(100).batches(10), [a, b], steps=5)
    assert (
        set(record.values) == {"a", "b"}
        and not same(first[0], weights(a.model))
        and not same(first[1], weights(b.model))
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
    share = {"t": torch.ones(100), "snr": width, "bell": width * torch.exp(-((ln_sigma + 0.5) ** 2) / 2.88)}[
        even
    ]
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


def test_the_ends_of_the_learned_variance_are_the_two_fixed_ones():
    """-1 means beta_tilde, 1 means beta (iDDPM's code): the denoiser says v = 0 and v = 1, and the loss uses them."""
    x0, eps, t = torch.randn(6, 2), torch.randn(6, 2), torch.arange(1, 7) * 15
    xt = add_noise(x0, t, eps, SCHEDULE)
    for raw, v in ((-1.0, 0.0), (0.0, 0.5), (1.0, 1.0)):
        answer = torch.cat([eps + 0.1, torch.full_like(eps, raw)], 1)
        net = MLP((2,), SCHEDULE.T, width=8, depth=1, out=2)
        net.forward = lambda *a, answer=answer: answer
        assert torch.equal(ddpm.Denoiser(net, SCHEDULE, "eps").eps_and_v(xt, t)[1], torch.full_like(eps, v))
        x0_hat = convert(eps + 0.1, "eps", "x0", xt, t, SCHEDULE)
        extra = bound.vlb_term(x0, xt, x0_hat, t, v, SCHEDULE, None).mean()
        loss = ddpm.hybrid_loss(lambda *a, answer=answer: answer, x0, t, eps, SCHEDULE)
        assert float(loss) == pytest.approx(0.01 + 0.001 * SCHEDULE.T * float(extra), rel=1e-4)


def test_the_learned_variance_lies_between_beta_tilde_and_beta():
    x = torch.zeros(1, 2)
    for t in (2, 50, 100):
        a, b = SCHEDULE.alpha_bar[t], SCHEDULE.alpha_bar[t - 1]
        beta = 1 - a / b
        tilde = (1 - b) / (1 - a) * beta
        for v, variance in ((0.0, tilde), (1.0, beta), (0.5, (beta * tilde).sqrt())):
            assert float(bound.log_variance(t, v, x, SCHEDULE)) == pytest.approx(math.log(variance), rel=1e-5)
    assert float(bound.log_variance(1, 0.0, x, SCHEDULE)) == pytest.approx(
        float(bound.log_variance(2, 0.0, x, SCHEDULE))
    )


def test_a_term_of_the_bound_is_the_divergence_of_two_bell_curves():
    x0, x0_hat, xt = (
        torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(i)).double() for i in range(3)
    )
    for t, v in ((2, 0.0), (40, 1.0), (100, 0.3)):
        a, b = SCHEDULE.alpha_bar[t], SCHEDULE.alpha_bar[t - 1]
        alpha = a / b

        def mean(x, a=a, b=b, alpha=alpha):
            return b.sqrt() * (1 - alpha) / (1 - a) * x + alpha.sqrt() * (1 - b) / (1 - a) * xt

        sd = [float(bound.log_variance(t, w, xt, SCHEDULE).exp().sqrt()) for w in (0.0, v)]
        p, q = torch.distributions.Normal(mean(x0_hat), sd[1]), torch.distributions.Normal(mean(x0), sd[0])
        expected = torch.distributions.kl_divergence(q, p).flatten(1).mean(1) / math.log(2)
        term = bound.vlb_term(x0, xt, x0_hat, torch.full((5,), t), v, SCHEDULE, None)
        assert torch.allclose(term, expected, rtol=1e-6)


def test_the_bins_of_all_grey_levels_share_one_unit_of_mass():
    levels = torch.linspace(-1, 1, 17, dtype=torch.float64)[:, None]
    for mean, sd in ((0.3, 0.2), (-1.4, 0.5), (0.0, 5.0)):
        mass = bound.log_bin(levels, torch.tensor(mean), torch.tensor(sd), 17).exp().sum()
        assert float(mass) == pytest.approx(1, abs=1e-6)


def test_the_bound_of_a_perfect_denoiser_nears_the_entropy():
    """Data N(0, 1) in two dimensions: -log2 p(x0) is 2.047 bits per dimension on average, and no bound lies below."""
    x0 = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0))
    truth, gaps = 0.5 * math.log2(2 * math.pi * math.e), []
    for T in (20, 200):
        schedule = Schedule.of("cosine", T)
        model = mixture_denoiser(torch.zeros(1, 2), 1.0, schedule)
        gaps.append(float(bound.bound_terms(model, x0, schedule, None, v=1.0, n=600).sum()) - truth)
    assert 0 < gaps[1] < gaps[0] and gaps[1] < 0.1


@pytest.mark.parametrize("levels", (2, 5, 17))
@pytest.mark.heavy
def test_the_bound_of_grey_levels_lies_above_their_entropy_and_below_the_whole_chains(levels):
    """Each level equally often, and the perfect denoiser of them: -log2 p(x0) is log2(levels)."""
    x, schedule = torch.linspace(-1, 1, levels)[:, None].repeat(4000, 1), Schedule.of("cosine", 100)
    model = ideal_denoiser(x[:levels], schedule)
    found = bound.bits_per_dimension(model, x, x, schedule, levels, n=1000)
    assert math.log2(levels) < found < math.log2(levels) + 0.1
    whole = float(bound.bound_terms(model, x, schedule, levels, v=0.0, n=1000).sum())
    assert found < whole + 0.01


def test_the_bound_of_a_chain_of_two_steps_is_its_three_parts():
    """L_T, one divergence, and bell curves around x0_hat of x_1, as wide as the errors among the seen ones (not among x)."""
    x, schedule = torch.linspace(-1, 1, 5)[:, None].repeat(400, 1), Schedule.of("cosine", 2)
    model, seen = ideal_denoiser(x[:5], schedule), torch.zeros_like(x)
    terms = bound.bound_terms(model, x, schedule, 5, v=0.0, n=16)

    def errors(x):
        xt = add_noise(x, 1, torch.randn(x.shape, generator=torch.Generator().manual_seed(0)), schedule)
        return x - convert(model(xt, 1), "eps", "x0", xt, 1, schedule)

    sd, e, half = errors(seen).pow(2).mean().sqrt(), errors(x), 1 / 4
    bell = torch.distributions.Normal(0.0, sd)
    left = torch.where(x < -0.9, torch.zeros(()), bell.cdf(e - half))  # the outermost bins reach to infinity
    right = torch.where(x > 0.9, torch.ones(()), bell.cdf(e + half))
    expected = terms[0] + terms[2] - (right - left).double().log2().mean()
    assert bound.bits_per_dimension(model, seen, x, schedule, 5) == pytest.approx(float(expected), rel=1e-4)
    assert abs(float(errors(x).pow(2).mean().sqrt() - sd)) > 0.05 * float(sd)


def test_the_second_order_reaches_all_islands_in_twenty_calls():
    d = data.grid(10)
    schedule = Schedule.of("cosine", 1000)
    xT = torch.randn(10_000, 2, generator=torch.Generator().manual_seed(0))
    model = mixture_denoiser(d.modes, d.sd, schedule)
    *_, last = sample(model, xT, schedule, schedule.times(20, "snr"), sampler="dpmpp_2m")
    report = metrics.mode_report(last.xs, d.modes, d.sd)
    assert (
        report["modes"] == 25
        and report["kl"] < 0.004
        and report["high_quality"] > 0.97
        and report["sd_ratio"] > 0.85
    )
    *_, first = sample(model, xT, schedule, schedule.times(20, "snr"), eta=0.0)
    assert metrics.mode_report(first.xs, d.modes, d.sd)["high_quality"] < report["high_quality"]


@pytest.mark.parametrize("T", [2, 5, 50, 1000])
@pytest.mark.parametrize("name", ["linear", "cosine", "sigmoid"])
def test_steps_even_in_decibels_fall_strictly_and_are_as_many_as_asked(T, name):
    schedule = Schedule.of(name, T)
    for n in {1, 2, min(3, T), T // 2, T - 1, T} - {0}:
        times = schedule.times(n, "snr")
        assert len(times) == n + 1 and times[0] == T and times[-1] == 0
        assert all(a > b for a, b in pairwise(times))


# ---------------------------------------------------------------------------------------- on disk


def test_weights_come_back_with_their_card_and_their_schedule(tmp_path):
    model, _ = ddpm.build(
        data.ring(50), schedule=Schedule.of("sigmoid", 30), predicts="eps", learn_variance=True
    )
    for p in model.parameters():
        nn.init.normal_(p)
    path = store.save(tmp_path / "w.safetensors", model, store.card(data="ring"))
    again = store.load(path)
    assert same(weights(model), weights(again)) and torch.equal(
        again.schedule.alpha_bar, model.schedule.alpha_bar
    )
    assert again.predicts == "eps" and again.learns_variance and again.card["data"] == "ring"
    half = store.load(store.save(tmp_path / "h.safetensors", model, {}, half=True))
    assert all(
        torch.allclose(a, b, rtol=1e-3, atol=1e-6) for a, b in zip(weights(model), weights(half), strict=True)
    )


def test_broken_and_foreign_files_get_one_sentence(tmp_path):
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    model, _ = ddpm.build(data.ring(50), schedule=SCHEDULE)
    good = store.save(tmp_path / "w.safetensors", model, {}).read_bytes()
    flipped = bytearray(good)
    flipped[-9] ^= 64
    bad = {
        "empty": b"",
        "cut": good[: len(good) // 2],
        "noise": b"\x00\x01" * 500,
        "flipped": bytes(flipped),
        "pickle": b"\x80\x04.",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=r"whole safetensors|damaged|not written by"):
            store.load(tmp_path / name)
    save_file({"a": torch.zeros(2)}, tmp_path / "foreign")
    with pytest.raises(ValueError, match="not written by"):
        store.load(tmp_path / "foreign")
    with safe_open(store.FOLDER / "digits.safetensors", "pt") as file:
        about = json.loads(file.metadata()["diffusion_lib"])
    tensors = load_file(store.FOLDER / "digits.safetensors")
    without = {k: v for k, v in about.items() if k != "card"}
    foreign = [
        [],
        None,
        5,
        "text",
        {},
        without,
        about | {"card": [1]},
        about | {"denoiser": {"schedule": "x"}},
    ]
    foreign += [
        about | {"denoiser": 1},
        about | {"net": "Transformer"},
        about | {"config": {}},
        about | {"sha256": ""},
    ]
    for text in ["", "no JSON", *map(json.dumps, foreign)]:
        save_file(tensors, tmp_path / "foreign", {"diffusion_lib": text})
        with pytest.raises(ValueError, match=r"damaged|not written by"):
            store.load(tmp_path / "foreign")
    for missing in (tmp_path / "nothing", tmp_path):
        with pytest.raises(FileNotFoundError, match="There are no weights"):
            store.load(missing)
    nn.init.constant_(model.net.last.bias, math.nan)
    with pytest.raises(ValueError, match="nothing was written"):
        store.save(tmp_path / "w.safetensors", model, {})
    assert (tmp_path / "w.safetensors").read_bytes() == good


def test_a_classifier_comes_back_too(tmp_path):
    model = Classifier((1, 8, 8), 10, 32)
    again = store.load(store.save(tmp_path / "c.safetensors", model, store.card()))
    x = torch.randn(3, 1, 8, 8)
    assert torch.equal(model(x), again(x)) and again.features(x).shape == (3, 32)


def test_what_ships_loads_and_says_where_it_comes_from():
    names = store.names()
    assert {
        "mnist",
        "digits",
        "digits_learned",
        "digits_eps",
        "digits_x0",
        "classifier_digits",
        "classifier_mnist",
    } <= set(names)
    for name in names:
        card = store.load(name).card
        assert {"data", "steps", "seconds", "seed", "machine", "versions", "command"} <= set(card), name
    assert sum(p.stat().st_size for p in store.FOLDER.iterdir()) < 10 * 2**20


class Accepted(BaseException):
    """All that a command was asked is understood: sprites would be drawn, or the first step would begin."""


def accepted(*_, **__):
    raise Accepted


@pytest.mark.parametrize("command", sorted({store.load(name).card["command"] for name in store.names()}))
def test_the_command_on_a_card_is_still_one(command, tmp_path, monkeypatch):
    """The shell accepts each option, a benchmark knows what it is asked to make."""
    python, *words = shlex.split(command)
    assert python == "python"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "fit", accepted), monkeypatch.setattr(data, "sprites", accepted)
    with pytest.raises(Accepted):
        if words[0] == "-m":
            names = {name for name in store.names() if store.load(name).card["command"] == command}
            assert words[1:3] == ["diffusion_lib", "train"] and names == {Path(words[-1]).stem}
            __main__.main(words[2:])
        monkeypatch.setattr(sys, "argv", words)
        runpy.run_path(str(ROOT / words[0]))["main"]()
