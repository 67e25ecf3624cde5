"""Networks: what goes in comes out in shape, every weight learns, the class is heard, and each special layer is its formula."""

import math

import pytest
import torch
from small import dice
from torch import nn

from diffusion_lib import nets
from diffusion_lib.deeper import deeper
from diffusion_lib.nets import MLP, Discriminator, Generator, UNet
from diffusion_lib.train import Learner

# ---------------------------------------------------------------------------------------- networks

SHAPES = [((2,), 1), ((1, 8, 8), 1), ((1, 28, 28), 2), ((3, 16, 16), 2), ((3, 32, 32), 2), ((3, 64, 64), 2)]


@pytest.mark.parametrize(("shape", "patch"), SHAPES)
@pytest.mark.parametrize("classes", [0, 3])
def test_shapes_and_every_weight_learns(shape, patch, classes):
    torch.manual_seed(0)
    common = {"classes": classes, "channels": 8, "patch": patch}
    g, d = Generator(shape, 4, **common), Discriminator(shape, **common, minibatch_std=True)
    z, y = g.noise(6, dice()), torch.arange(6) % 3 if classes else None
    fake = g(z, y)
    assert fake.shape == (6, *shape) and g.shape == d.shape == shape
    score = d(fake, y)
    assert score.shape == (6,)
    score.pow(2).sum().backward()
    for model in (g, d):
        assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_the_class_is_heard_by_both():
    torch.manual_seed(0)
    g, d = Generator((1, 8, 8), 4, classes=3, channels=8), Discriminator((1, 8, 8), classes=3, channels=8)
    z, x, y = g.noise(3, dice()), torch.randn(3, 1, 8, 8), torch.arange(3)
    assert not torch.allclose(g(z, y), g(z, y.flip(0))) and not torch.allclose(d(x, y)[0], d(x, y.flip(0))[0])


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_spectral_norm_holds_each_layer_s_largest_stretch_near_one(shape):
    torch.manual_seed(0)
    model = Discriminator(shape, channels=16, spectral=True)
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    assert len(layers) >= 4
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(3)
        for _ in range(60):
            model(torch.randn(2, *shape))
        for layer in layers:
            stretch = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
            assert float(stretch) == pytest.approx(1, abs=0.05)


def test_batch_std_says_how_different_neighbours_are():
    alike = torch.ones(8, 1, 8, 8)
    assert nets.batch_std(alike, 8).max() < 1e-3
    x = torch.tensor([[0.0, 0], [2, 4], [5, 5], [5, 5], [1, 1]])
    assert torch.allclose(nets.batch_std(x, 2)[:, 0], torch.tensor([1.5, 1.5, 0, 0, 0]), atol=1e-3)
    torch.manual_seed(0)
    model = Discriminator((2,), minibatch_std=True)
    one = torch.randn(1, 2)
    spread = torch.cat([one, torch.randn(7, 2)])
    assert not torch.allclose(model(spread)[0], model(one.expand(8, 2))[0])


def test_waves_are_sin_and_cos_of_the_octaves():
    x = torch.tensor([[0.5, -1.0]])
    out = nets.Waves(3)(x)[0].tolist()
    angles = [0.5, 1.0, 2.0, -1.0, -2.0, -4.0]
    assert out == pytest.approx([0.5, -1.0, *map(math.sin, angles), *map(math.cos, angles)])
    assert torch.equal(nets.Waves(0)(x), x)


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


@pytest.mark.parametrize("patch", [1, 2])
def test_a_unet_lays_its_pictures_out_as_they_are_convolved_fastest(patch):
    """Pixel by pixel in float32 on a processor, not under bfloat16; what comes out lies as pictures do, at the same numbers."""
    torch.manual_seed(0)
    net = UNet((3, 8, 8), 100, channels=8, patch=patch)
    nn.init.normal_(net.last.weight)
    x, t, seen = torch.randn(2, 3, 8, 8), torch.full((2,), 50), []
    net.middle.conv2.register_forward_hook(lambda layer, inputs, out: seen.append(inputs[0]))
    answer = net(x, t)
    with torch.autocast("cpu", torch.bfloat16):
        net(x, t)
    assert [h.is_contiguous(memory_format=torch.channels_last) for h in seen] == [True, False]
    assert answer.is_contiguous()
    assert torch.allclose(answer.double(), net.double()(x.double(), t), atol=1e-5)


# ---------------------------------------------------------------------------------------- made deeper


@pytest.mark.parametrize("depth", [2, 4])
@pytest.mark.parametrize("mults", [(1, 1, 1), (1, 2)])
def test_a_deeper_net_says_the_same_and_all_its_new_blocks_learn(depth, mults):
    torch.manual_seed(0)
    net = UNet((3, 16, 16), 100, classes=[2, 3], channels=16, mults=mults, patch=2)
    for p in net.parameters():
        nn.init.normal_(p, std=0.1)
    deep = deeper(net, depth)
    x, t, y = torch.randn(5, 3, 16, 16), torch.tensor([1, 20, 50, 99, 100]), torch.tensor([[0, 1]] * 5)
    assert deep.config == net.config | {"depth": depth} and torch.equal(deep(x, t, y), net(x, t, y))
    assert all(len(blocks) == depth for blocks in (*deep.down, *deep.up))
    learner = Learner(deep, 1e-2)
    for _ in range(2):  # at first only what is 0 can learn
        before = [p.detach().clone() for p in deep.parameters()]
        learner.descend((deep(x, t, y) - x).pow(2).mean())
    assert all(not torch.equal(p, q) for p, q in zip(deep.parameters(), before, strict=True))


def test_only_a_u_net_of_one_block_is_made_deeper():
    for wrong in (MLP((2,), 10), UNet((1, 8, 8), 10, channels=8, depth=2)):
        with pytest.raises(ValueError, match="Only a U-Net with one block at each size"):
            deeper(wrong, 3)
    for depth in (0, 1, -1):
        with pytest.raises(ValueError, match="takes 2 blocks at each size, or more"):
            deeper(UNet((1, 8, 8), 10, channels=8), depth)
