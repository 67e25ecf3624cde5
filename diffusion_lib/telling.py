"""What a network is told beside x_t and t: several words at once, and how it learns to do without them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WHOLE = 0.4  # of the pictures, at least so many are learned with every word


class Words(nn.Module):
    """Several things at once, y (B, F), each of them -1 where it is not said -> (B, width).

    Each value of each thing is a learned row, and so is its absence; the rows are added, and a small network hears the
    sum, for "happy" means something else of a sitting than of a curled cat. counts: how many values each thing has.
    """

    def __init__(self, counts, width: int):
        super().__init__()
        counts = torch.tensor(counts)
        self.register_buffer("absent", (counts + 1).cumsum(0) - 1, persistent=False)
        self.rows = nn.Embedding(int((counts + 1).sum()), width)
        nn.init.normal_(self.rows.weight, std=0.3)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, y: Tensor | None, like: Tensor) -> Tensor:
        first = F.pad(self.absent + 1, (1, 0))[:-1]  # a thing's values lie before its absence
        at = self.absent.expand(len(like), -1) if y is None else torch.where(y < 0, self.absent, first + y)
        c = self.rows(at).sum(1)
        return c + self.mlp(c)


def forget(y: Tensor, drop: float, generator: torch.Generator | None, whole: float = 0.0) -> Tensor:
    """y with some of it kept back, as -1, so that a network learns to draw without being told as well.

    A class (B,) with probability `drop` (Ho, Salimans 2022, 2207.12598, algorithm 1). Of several words (B, F) all with
    probability `drop`; of the others a share keeps all, which is `whole` and at least WHOLE. Of the rest two in five keep one
    word, half of these the first too (what it is at all), and three in five lose each word by itself, with a share that is
    any number up to 1: people say few words.
    """
    lost = torch.rand(len(y), *[1] * (y.ndim - 1), generator=generator) < drop
    if y.ndim == 2:
        way, share, each, first = torch.rand(4, *y.shape, generator=generator)
        way, one = way[:, :1], each.masked_fill((y < 0).cpu(), -1).argmax(1, keepdim=True)
        few = torch.ones_like(lost).expand(y.shape).scatter(1, one, False)
        few[:, 0] &= first[:, 0] < 0.5
        some, whole = each < share[:, :1], max(WHOLE, whole)
        lost = lost | torch.where(way < whole, False, torch.where(way < whole + 0.4 * (1 - whole), few, some))
    return y.masked_fill(lost.to(y.device), -1)
