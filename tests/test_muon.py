"""Muon and AdamW as one optimizer: which weight is whose, how long a step is, and that a training goes on to the bit."""

import pytest
import torch
from torch import nn

from diffusion_lib import data, ddpm, gan
from diffusion_lib.muon import Muon
from diffusion_lib.nets import UNet
from diffusion_lib.train import Learner, fit

pytestmark = pytest.mark.usefixtures("one_thread")

LR = 0.01


def unet():
    torch.manual_seed(0)
    return UNet((1, 8, 8), 100, classes=3, channels=8)


def descended(optimizer: str, steps: int = 1):
    """A network before and after some steps, and the gradients of the last one. Gradients are drawn, so that all have some."""
    net, dice = unet(), torch.Generator().manual_seed(1)
    one = Learner(net, LR, optimizer=optimizer)
    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    for _ in range(steps):
        for p in net.parameters():
            p.grad = torch.randn(p.shape, generator=dice) + 2  # one direction is much steeper than the others
        one.optimizer.step()
    return before, dict(net.named_parameters())


def inside(name, p):
    return p.ndim > 1 and name.split(".")[0] in ("down", "middle", "up")


def test_a_matrix_steps_equally_far_in_all_directions():
    """Against the singular values themselves: Muon's polynomial leaves about 0.7 to 1.2, however uneven the gradient's are."""
    before, after = descended("muon")
    seen = 0
    for name, p in after.items():
        if inside(name, p):
            gradient, step = p.grad.flatten(1), (before[name] - p.detach()).flatten(1)
            sizes = torch.linalg.svdvals(step) / (LR * 0.2 * max(step.shape) ** 0.5)
            assert sizes[-2] > 0.5 and sizes[0] < 1.35, (
                name,
                sizes,
            )  # the last may be too flat to be seen in five rounds
            uneven = torch.linalg.svdvals(gradient)
            assert uneven[0] > 4 * uneven[-2], name
            seen += 1
    assert seen == 2 * 5 + 5 + 3  # two kernels and a FiLM a block, and a shortcut where the channels change


def test_a_step_goes_down_the_gradient_that_it_was_given():
    """U V^T of the gradient's own U S V^T: the step and the gradient agree in every singular direction."""
    net = unet()
    one = Learner(net, LR, optimizer="muon")
    kernel = net.middle.conv1.weight
    kernel.grad = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(2))
    before, (u, _, vt) = kernel.detach().clone(), torch.linalg.svd(kernel.grad.flatten(1), full_matrices=False)
    one.optimizer.step()
    along = (u.T @ (before - kernel.detach()).flatten(1) @ vt.T) / (LR * 0.2 * 72**0.5)
    assert (along.diagonal() > 0.5).all() and (along - along.diag().diag()).abs().max() < 0.05


def test_some_steps_at_changing_rates_are_those_of_torchs_own():
    """A matrix alone, by torch's Muon: with its momentum, its decay and the rate of each step."""
    net, dice = nn.Linear(6, 4, bias=True), torch.Generator().manual_seed(3)
    matrix = nn.Parameter(net.weight.detach().clone())
    one = Learner(net, LR, weight_decay=0.5, optimizer="muon")
    torchs = torch.optim.Muon([matrix], LR, weight_decay=0.5, adjust_lr_fn="match_rms_adamw")
    for share in (0.1, 1.0, 0.4, 0.4):
        net.weight.grad = torch.randn(4, 6, generator=dice)
        net.bias.grad, matrix.grad = torch.ones(4), net.weight.grad.clone()
        one.set_rate(share)
        torchs.param_groups[0]["lr"] = share * LR
        one.optimizer.step(), torchs.step()
        assert torch.allclose(net.weight, matrix, rtol=0, atol=1e-6)
        assert [g["lr"] for g in one.optimizer.param_groups] == [share * LR] * 2


def test_all_else_is_adamws():
    """Biases, norms, the first and the last layer and the condition: the same numbers as with AdamW alone."""
    (_, muon), (before, adamw) = descended("muon", 3), descended("adamw", 3)
    for name, p in adamw.items():
        assert torch.equal(p, muon[name]) != inside(name, p), name
        assert not torch.equal(p, before[name])


def test_the_rate_reaches_both():
    one = Learner(unet(), 0.5, optimizer="muon")
    one.set_rate(0.1)
    assert [g["lr"] for g in one.optimizer.param_groups] == [0.05, 0.05]
    assert [type(o).__name__ for o in one.optimizer.both] == ["Muon", "AdamW"]


def test_a_gradient_is_forgotten_after_a_step():
    net = unet()
    one = Learner(net, LR, optimizer="muon")
    for p in net.parameters():
        p.grad = torch.ones_like(p)
    one.optimizer.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_weights_that_came_from_elsewhere_are_gone_on_from():
    """The matrices are copies: a network that is loaded after its optimizer was made must not fall back."""
    net = unet()
    one = Learner(net, 1e-9, optimizer="muon")
    with torch.no_grad():
        net.middle.conv1.weight.fill_(3.0)
    for p in net.parameters():
        p.grad = torch.ones_like(p)
    one.optimizer.step()
    assert net.middle.conv1.weight.detach().sub(3).abs().max() < 1e-4


def test_it_learns_and_goes_on_to_the_bit(tmp_path):
    d = data.digits().subset(60)

    def run(path, stop):
        _, parts = ddpm.build(d, channels=8, batch=8, optimizer="muon")
        walk = fit(*parts, steps=8, checkpoint=path)
        losses = [r.values["loss"] for r in walk if r.step <= stop]
        return parts.learners[0], losses

    def stopped(path):
        _, parts = ddpm.build(d, channels=8, batch=8, optimizer="muon")
        walk = fit(*parts, steps=8, checkpoint=path)
        next(r for r in walk if r.step == 5)
        walk.close()

    whole, losses = run(None, 8)
    walk = whole.optimizer._walk
    assert walk.done == 8
    whole.optimizer.load_state_dict(whole.optimizer.state_dict())
    assert walk.done == 0  # a card records anew, with the averages that are there now
    stopped(tmp_path / "c.pt")
    again, rest = run(tmp_path / "c.pt", 8)
    assert rest[-1] == losses[-1] and len(losses) == 8
    for a, b in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(a, b)
    with pytest.raises(ValueError, match="optimizer = muon, not with adamw"):
        next(fit(*ddpm.build(d, channels=8, batch=8)[1], steps=9, checkpoint=tmp_path / "c.pt"))


def test_what_no_optimizer_is_and_who_has_none():
    with pytest.raises(ValueError, match="choose one of adamw, muon"):
        ddpm.build(data.digits().subset(30), optimizer="sgd")
    with pytest.raises(TypeError):
        gan.build(data.digits().subset(30), optimizer="muon")
    points = Learner(nn.Linear(2, 2), optimizer="muon").optimizer  # a plain layer of torch's has no first and last
    assert isinstance(points, Muon) and len(points.pairs) == 1
