"""What a race costs: operations of a step and of a sample, counted by PyTorch and by thought, and when a cheap sample pays."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ..families import FAMILIES
from ..train import fit
from .arena import Entry, Place, enter


def counted_flops(place: Place, family: str, steps: int = 3, **options) -> float:
    """Floating-point operations of one training step for one real sample, as PyTorch counts them: a multiply-add is 2.

    Counted are products of matrices and convolutions, forward and backward; normalisation, activations and the optimizer
    count as nothing (torch's FlopCounterMode). Where chance decides what a step does, each kind is counted by its share.
    """
    kinds = getattr(FAMILIES[family], "kinds_of_step", lambda data, options: [(1.0, options)])
    return sum(share * _counted(place, family, steps, o) for share, o in kinds(place.learn, options) if share)


def _counted(place: Place, family: str, steps: int, options: dict) -> float:
    entry = enter(place, families=(family,), options={family: options})[family]
    with FlopCounterMode(display=False) as counter:
        for _ in fit(*entry.parts, steps=steps):
            pass
    return counter.get_total_flops() / steps / len(entry.first[0])


def forward_flops(net: nn.Module, *inputs) -> int:
    """Floating-point operations of net(*inputs), by hand: 2 x inputs x outputs of each linear layer, and for each place of a convolution."""
    return _by_hand(net, lambda: net(*inputs))


def _by_hand(net: nn.Module, work: Callable) -> int:
    """What the linear layers and convolutions of `net` compute during work()."""
    total, hooks = 0, []

    def count(layer, _, out):
        nonlocal total
        total += 2 * out.numel() * layer.weight[0].numel()

    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            hooks.append(layer.register_forward_hook(count))
    try:
        with torch.no_grad():
            work()
    finally:
        for hook in hooks:
            hook.remove()
    return total


def expected_flops(entry: Entry) -> float:
    """The same by thought, as the family states it: a forward pass costs F, a backward pass 2 F, and 1 F if only the
    input's slope is wanted. Per real sample."""
    x, y = entry.first
    return FAMILIES[entry.name].training_flops(entry.parts, x, y, forward_flops) / len(x)


def drawing_flops(entry: Entry, n: int = 4) -> float:
    """Of one sample: what drawing n of them took, all network calls together."""
    return _by_hand(entry.model, lambda: list(FAMILIES[entry.name].draw(entry.model, n))) / n


def parameters(entry: Entry) -> dict[str, int]:
    """How many numbers are learned in training, and how many of them drawing needs."""
    nets = {
        "training": [learner.model for learner in entry.parts.learners],
        "drawing": [getattr(FAMILIES[entry.name], "network", lambda model: model)(entry.model)],
    }
    return {k: sum(p.numel() for net in v for p in net.parameters()) for k, v in nets.items()}


def break_even(training_a: float, drawing_a: float, training_b: float, drawing_b: float) -> float | None:
    """From how many samples on is a cheaper in all than b? training + n drawing, both in seconds.

    0 if a is cheaper from the start; None if it never is.
    """
    if training_a <= training_b and drawing_a <= drawing_b:
        return 0.0
    if drawing_a >= drawing_b:
        return None
    return max(0.0, (training_a - training_b) / (drawing_b - drawing_a))
