"""What a CUDA card does otherwise: noise drawn there, kernels recorded once. Its own numbers are compared where there is one."""

from contextlib import contextmanager

import pytest
import torch

from diffusion_lib import data, machine
from diffusion_lib.diffusion import randn_like
from diffusion_lib.nets import UNet
from diffusion_lib.train import Learner
from diffusion_lib.values import dice

CARD = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA card here")


def test_a_processor_learns_from_the_noise_of_the_generator():
    one, other, x = dice(3), dice(3), torch.empty(4, 2)
    for _ in range(2):
        assert torch.equal(machine.randn_there(x, one), randn_like(x, other))


@CARD
def test_a_card_draws_its_own_noise_and_the_seed_decides_it():
    x = torch.empty(2000, 3, device="cuda")
    one, other = dice(3), dice(3)
    first, second = machine.randn_there(x, one), machine.randn_there(x, one)
    assert first.is_cuda and torch.equal(first, machine.randn_there(x, other)) and not torch.equal(first, second)
    assert abs(float(first.mean())) < 0.06 and abs(float(first.std()) - 1) < 0.05


class Card:
    """Stands in for CUDA's graphs: says what was done by hand, recorded and replayed."""

    def __init__(self, monkeypatch):
        self.said, self.how = [], "done"
        card = self

        class Graph:
            def replay(self):
                card.said.append("replayed")

        @contextmanager
        def recording(graph):
            assert isinstance(graph, Graph)
            card.how = "recorded"
            yield
            card.how = "done"

        monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
        monkeypatch.setattr(torch.cuda, "graph", recording)

    def work(self):
        self.said.append(self.how)


def test_work_is_recorded_the_second_time_and_then_replayed(monkeypatch):
    card = Card(monkeypatch)
    work = machine.Replayed(card.work, [torch.zeros(1)])
    work(), work(), work()
    assert card.said == ["done"] * 3  # a processor has nothing to gain
    work.here, card.said[:] = True, []
    work.forget()
    for _ in range(4):
        work()
    assert card.said == ["done", "recorded", "replayed", "replayed", "replayed"]
    work.forget()
    work()
    assert card.said[5:] == ["done"]
    assert not machine.Replayed(card.work, []).here


def test_without_a_card_the_network_is_asked_itself():
    net = UNet((1, 8, 8), 10, channels=8)
    assert machine.replayed(net, "bfloat16", data.digits(), 64) is net


@CARD
@pytest.mark.parametrize("precision", ("float32", "bfloat16"))
def test_what_is_recorded_answers_and_learns_as_the_network_does(precision):
    d = data.sprites(128, 32, words=True).to("cuda")
    net = UNet((3, 32, 32), 1000, d.counts, channels=16, mults=(1, 1), patch=2).cuda()
    torch.nn.init.normal_(net.last.weight, std=0.1)
    ask, g, found = machine.replayed(net, precision, d, 64), dice(0), []
    t = torch.randint(1, 1000, (64,), generator=g).cuda()
    for one in (net, ask):
        net.zero_grad()
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bfloat16"):
            answer = one(d.x[64:], t, d.y[64:]).float()
        answer.pow(2).mean().backward()
        found.append([answer.detach().clone(), *(p.grad.clone() for p in net.parameters())])
    for a, b in zip(*found, strict=True):
        assert (a - b).abs().max() <= 1e-3 * a.abs().max()


@CARD
def test_muon_walks_the_same_way_when_it_is_recorded():
    walked = []
    for here in (False, True):
        torch.manual_seed(0)
        net = UNet((1, 8, 8), 100, channels=8).cuda()
        one = Learner(net, 0.01, optimizer="muon")
        one.optimizer._walk.here = here
        for step in range(6):
            one.set_rate((step + 1) / 6)
            for p in net.parameters():
                p.grad = torch.randn(p.shape, generator=dice(step)).cuda()
            one.optimizer.step()
            one.optimizer.zero_grad()
        walked.append([p.detach().clone() for p in net.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*walked, strict=True))
