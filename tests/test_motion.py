"""What `benchmarks/motion.py` measures."""

import math

import motion
import pytest
import torch

from diffusion_lib.train import Learner

pytestmark = pytest.mark.usefixtures("one_thread")

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
    if plain is None:  # Adam's first step is the rate in every number that has a gradient, however small that is
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
