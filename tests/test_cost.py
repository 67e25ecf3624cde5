"""What a training and a sample cost, by thought and counted."""

import pytest
import torch
from torch import nn

from diffusion_lib import data
from diffusion_lib.evaluation import arena, cost
from diffusion_lib.evaluation.arena import FAMILIES, Place

RING = Place(data.ring(4000), data.ring(1000, seed=999))


@pytest.fixture(scope="module")
def digits():
    return arena.load("digits")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", ["ring", "digits"])
@pytest.mark.heavy
def test_flops_by_thought_are_what_pytorch_counts(family, name, digits):
    place = {"ring": RING, "digits": digits}[name]
    options = {"precision": "float32"} if family == "DDPM" else {}
    entry = arena.enter(place, families=(family,), options={family: options})[family]
    counted = cost.counted_flops(place, family, **options)
    assert counted == pytest.approx(cost.expected_flops(entry), rel=0.05)


def test_forward_flops_of_a_layer_that_can_be_done_in_the_head():
    conv = nn.Conv2d(3, 5, 3, padding=1)
    assert cost.forward_flops(conv, torch.zeros(2, 3, 8, 8)) == 2 * 2 * 64 * 5 * 3 * 9
    assert cost.forward_flops(nn.Linear(7, 4), torch.zeros(6, 7)) == 2 * 6 * 7 * 4


def test_one_sample_costs_a_ddpm_its_calls(digits):
    entries = arena.enter(digits, options={"DDPM": {"precision": "float32"}})
    x, y = entries["DDPM"].first
    one = cost.forward_flops(entries["DDPM"].model.net, x[:1], torch.ones(1).long(), y[:1])
    assert cost.drawing_flops(entries["DDPM"]) == 20 * one
    calls = []
    entries["DDPM"].model.net.register_forward_hook(lambda *a: calls.append(1))
    entries["DDPM"].draw(3)
    assert len(calls) == FAMILIES["DDPM"].CALLS
    for name in ("GAN", "VAE"):
        called = []
        net = entries[name].model if name == "GAN" else entries[name].model.decoder
        net.register_forward_hook(lambda *a, called=called: called.append(1))
        entries[name].draw(3)
        assert len(called) == FAMILIES[name].CALLS == 1


def test_drawing_needs_no_encoder_and_no_discriminator():
    entries = arena.enter(RING)
    for name in ("GAN", "VAE"):
        found = cost.parameters(entries[name])
        assert 0 < found["drawing"] < found["training"]
    found = cost.parameters(entries["DDPM"])
    assert found["drawing"] == found["training"]


@pytest.mark.parametrize(
    ("a", "b", "samples"),
    [((10, 1.0), (4, 2.0), 6.0), ((4, 1.0), (10, 2.0), 0.0), ((10, 2.0), (4, 1.0), None), ((4, 1), (4, 1), 0.0)],
)
def test_break_even(a, b, samples):
    assert cost.break_even(*a, *b) == samples
    if samples:
        assert a[0] + samples * a[1] == b[0] + samples * b[1]
