"""What a race costs: operations of a step and of a sample, counted by PyTorch and by thought, and when a cheap sample pays."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..train import fit
from .arena import CALLS, Entry, Place, enter

# ---------------------------------------------------------------------------------------- the ledger


def counted_flops(place: Place, family: str, steps: int = 3, **options) -> float:
    """Floating-point operations of one training step for one real sample, as PyTorch counts them: a multiply-add is 2.

    Counted are products of matrices and convolutions, forward and backward; normalisation, activations and the optimiser
    count as nothing (torch's FlopCounterMode). A GAN that looks at D's slope by chance is counted with and without.
    """
    every = options.get("every") or _every(place.learn.x)
    if family == "GAN" and every > 1:
        always = counted_flops(place, family, steps=steps, **options | {"every": 1})
        never = counted_flops(place, family, steps=steps, **options | {"every": 1, "r1": 0.0, "r2": 0.0})
        return never + (always - never) / every
    entry = enter(place, families=(family,), options={family: options})[family]
    with FlopCounterMode(display=False) as counter:
        for _ in fit(*entry.parts, steps=steps):
            pass
    return counter.get_total_flops() / steps / len(entry.first[0])


def _every(x: Tensor) -> int:
    """What `gan.build` takes if nobody says."""
    return 1 if x.ndim == 2 else 4


def forward_flops(net: nn.Module, *inputs) -> int:
    """Floating-point operations of net(*inputs), by hand: 2 x inputs x outputs of each linear layer, and for each place of a convolution."""
    total, hooks = 0, []

    def count(layer, _, out):
        nonlocal total
        total += 2 * out.numel() * layer.weight[0].numel()

    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            hooks.append(layer.register_forward_hook(count))
    try:
        with torch.no_grad():
            net(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total


def expected_flops(entry: Entry, every: int | None = None) -> float:
    """The same by thought: a forward pass costs F, a backward pass 2 F, and 1 F if only the input's slope is wanted.

    DDPM, VAE: 3 F.  GAN: 4 F_G (fakes for D; fresh ones, and back) + 6 F_D (real ones and fakes) + 3 F_D (scores of the
    real ones, the fresh fakes, and back to the fakes) + 12 F_D / every, where D's slope is estimated at two sets from two
    places each; every: as in `gan.build`. Per real sample.
    """
    x, y = entry.first
    nets = [learner.model for learner in entry.parts.learners]
    if entry.name == "DDPM":
        return 3 * forward_flops(nets[0], x, torch.ones(len(x), dtype=torch.long), y) / len(x)
    if entry.name == "VAE":
        model = nets[0]
        one = forward_flops(model.eye, x) + forward_flops(model.body, model.eye(x)) + forward_flops(model.decoder, torch.zeros(len(x), model.config["latent"]), y)  # fmt: skip
        return 3 * one / len(x)
    g, d = forward_flops(nets[0], nets[0].noise(len(x), None), y), forward_flops(nets[1], x, y)
    every = every or _every(x)
    return (4 * g + (9 + 12 / every) * d) / len(x)


def drawing_flops(entry: Entry) -> float:
    """Of one sample: the network's forward pass, as often as the family calls it."""
    x, y = entry.first
    net = {"GAN": lambda: entry.model, "VAE": lambda: entry.model.decoder, "DDPM": lambda: entry.model.net}[entry.name]()  # fmt: skip
    inputs = (x, torch.ones(len(x), dtype=torch.long)) if entry.name == "DDPM" else (torch.zeros(len(x), net.config["latent"]),)  # fmt: skip
    return CALLS[entry.name] * forward_flops(net, *inputs, y) / len(x)


def parameters(entry: Entry) -> dict[str, int]:
    """How many numbers are learned in training, and how many of them drawing needs."""
    drawing = entry.model.decoder if entry.name == "VAE" else entry.model
    return {"training": sum(p.numel() for learner in entry.parts.learners for p in learner.model.parameters()),
            "drawing": sum(p.numel() for p in drawing.parameters())}  # fmt: skip


def break_even(training_a: float, drawing_a: float, training_b: float, drawing_b: float) -> float | None:
    """From how many samples on is a cheaper in all than b? training + n drawing, both in seconds.

    0 if a is cheaper from the start; None if it never is.
    """
    if training_a <= training_b and drawing_a <= drawing_b:
        return 0.0
    if drawing_a >= drawing_b:
        return None
    return max(0.0, (training_a - training_b) / (drawing_b - drawing_a))
