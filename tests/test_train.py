"""What every training shares: whose dice, whose clock, how large a batch, which kind of numbers."""

import pytest
import torch
from torch import nn

from diffusion_lib import data, ddpm, gan, machine, train, vae
from diffusion_lib.evaluation import classifier
from diffusion_lib.train import Learner, Parts, fit

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
