"""Optimizers by name: AdamW, and for networks that learn for an hour torch's Muon for their matrices and AdamW for the rest."""

from __future__ import annotations

import torch
from torch import nn

from .machine import Replayed
from .values import choice

OPTIMIZERS = ("adamw", "muon")


def named_optimizer(name: str, model: nn.Module, lr: float, betas, weight_decay: float):
    """The optimizer of this name for a network's weights. Raises ValueError for a name that is none of OPTIMIZERS."""
    if choice(name, OPTIMIZERS, "There is no optimizer") == "muon":
        return Muon(model, lr, betas, weight_decay)
    return _adamw(model.parameters(), lr, betas, weight_decay)


def _adamw(weights, lr: float, betas, weight_decay: float) -> torch.optim.AdamW:
    weights = list(weights)
    # foreach: the same numbers to the bit, in fewer calls; fused: in one
    quick = "fused" if weights and weights[0].is_cuda else "foreach"
    return torch.optim.AdamW(weights, lr, betas, weight_decay=weight_decay, **{quick: True})


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
        # torch's Muon takes matrices only, so it walks with others, which begin at zero each time
        self.pairs = [(named[n], nn.Parameter(torch.zeros_like(named[n]).flatten(1))) for n in inside]
        matrices = [matrix for _, matrix in self.pairs]
        for matrix in matrices:
            matrix.grad = torch.zeros_like(matrix)
        muon = torch.optim.Muon(matrices, lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        self.both = (muon, _adamw(rest, lr, betas, weight_decay))
        self._walk = Replayed(muon.step, matrices)

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
        weights, steps = zip(*self.pairs, strict=True)
        group = self.both[0].param_groups[0]
        lr = group["lr"]
        slopes = [torch.zeros_like(p) if p.grad is None else p.grad for p in weights]
        torch._foreach_copy_([m.grad for m in steps], [g.flatten(1) for g in slopes])
        torch._foreach_zero_(steps)
        group["lr"] = 1.0  # from zero, and at the same rate each time: so it can be recorded
        self._walk()
        group["lr"] = lr
        torch._foreach_mul_(weights, 1 - lr * group["weight_decay"])
        torch._foreach_add_(weights, [m.view_as(p) for p, m in self.pairs], alpha=lr)
        self.both[1].step()

    def state_dict(self) -> dict:
        """Of both."""
        return {"muon": self.both[0].state_dict(), "adamw": self.both[1].state_dict()}

    def load_state_dict(self, state: dict) -> None:
        """Go on where `state_dict` was taken."""
        self.both[0].load_state_dict(state["muon"]), self.both[1].load_state_dict(state["adamw"])
        self._walk.forget()  # it knows the averages that were there before
