"""Optimizers by name: AdamW, and for networks that learn for an hour torch's Muon for their matrices and AdamW for the rest."""

from __future__ import annotations

import torch
from torch import nn

from .values import choice

OPTIMIZERS = ("adamw", "muon")


def named_optimizer(name: str, model: nn.Module, lr: float, betas, weight_decay: float):
    """The optimizer of this name for a network's weights. Raises ValueError for a name that is none of OPTIMIZERS."""
    if choice(name, OPTIMIZERS, "There is no optimizer") == "muon":
        return Muon(model, lr, betas, weight_decay)
    # foreach: the same numbers to the bit, in fewer calls
    return torch.optim.AdamW(model.parameters(), lr, betas, weight_decay=weight_decay, foreach=True)


class Muon:
    """Muon for the matrices inside a network and AdamW for all else, used as one optimizer with one learning rate.

    Of a matrix's averaged gradient U S V^T Muon follows about U V^T, so that no direction is learned much slower than the others
    (Jordan et al. 2024, kellerjordan.github.io/posts/muon):

        W <- W - lr 0.2 sqrt(max(rows, columns)) U V^T

    where the factor makes a step about as long as AdamW's (torch's "match_rms_adamw", after Liu et al. 2025, 2502.16982). A kernel
    (O, I, h, w) is the matrix (O, I h w). U V^T is found in bfloat16: slow on processors that do not have it.
    """

    OUTSIDE = ("first", "last", "condition")  # these children of a network are not inside

    def __init__(self, model: nn.Module, lr: float, betas, weight_decay: float):
        named = dict(model.named_parameters())
        inside = [n for n, p in named.items() if p.ndim > 1 and n.split(".")[0] not in self.OUTSIDE]
        rest = [p for n, p in named.items() if n not in inside]
        # torch's Muon takes matrices only, so it steps with copies
        self.pairs = [(named[n], nn.Parameter(named[n].detach().flatten(1).clone())) for n in inside]
        matrices = [matrix for _, matrix in self.pairs]
        muon = torch.optim.Muon(matrices, lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        self.both = (muon, torch.optim.AdamW(rest, lr, betas, weight_decay=weight_decay, foreach=True))

    @property
    def param_groups(self) -> list[dict]:
        """Of both, to be changed in place."""
        return [group for one in self.both for group in one.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        self.both[1].zero_grad(set_to_none)
        for p, _ in self.pairs:
            p.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """One step downhill."""
        for p, matrix in self.pairs:
            matrix.copy_(p.flatten(1))
            matrix.grad = None if p.grad is None else p.grad.flatten(1)
        for one in self.both:
            one.step()
        for p, matrix in self.pairs:
            p.copy_(matrix.view_as(p))

    def state_dict(self) -> dict:
        """Of both."""
        return {"muon": self.both[0].state_dict(), "adamw": self.both[1].state_dict()}

    def load_state_dict(self, state: dict) -> None:
        """Go on where `state_dict` was taken."""
        self.both[0].load_state_dict(state["muon"]), self.both[1].load_state_dict(state["adamw"])
