"""What a network is told beside x_t and t: several words at once, and how it learns to do without them."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .dataset import Data
from .values import choice, need

WHOLE = 0.4  # of the pictures, at least so many are learned with every word
MORE = 4  # times the weight has what is in focus, when a step chooses what it learns from


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


class Focus:
    """Some words are small in the picture and learned slowly: they, and the places that tell them, get more of the training.

    Neither changes what the best answer is: which pictures are taken depends on what is told, not on the picture, so those that
    are told the same stay alike; and a weight for each place leaves the best answer of each place where it is.
    words: of data.names, whose y is (N, F), such as ("winking",); none: nothing changes. A word that stands twice counts twice.
    each: of so many pictures one is taken.
    places: how much each place counts, (1, H, W), half of it evenly, half of it where the words' things show; 1 in the mean.
    """

    def __init__(self, data: Data, words):
        words = [words] if isinstance(words, str) else words
        self.words, self.each, self.places = [], MORE if words else 1, 1.0
        if not words:
            return
        need(isinstance(data.counts, list), "A focus is on words, and these data have none: leave it out.")
        for word in words:
            choice(word, dict.fromkeys(name for names in data.names for name in names), "The focus cannot be on")
        often = Counter(words)
        self.words = [
            (f, v, often[name]) for f, names in enumerate(data.names) for v, name in enumerate(names) if name in often
        ]
        things = {thing for thing, *_ in self.words}
        self.places = 0.5 + 0.5 * sum(_places(data, thing) for thing in sorted(things)) / len(things)

    def choose(self, x0: Tensor, y: Tensor, n: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """n of the pictures (B, ...) that are told y (B, F): those told a word of the focus, or nothing, with MORE times the weight.

        Of several words that are told, the one that stands most often in the focus counts.
        """
        if not self.words:
            return x0, y
        weight = torch.where((y < 0).all(1), MORE, 1)
        for thing, value, often in self.words:
            weight = torch.where(y[:, thing] == value, weight.clamp(min=MORE * often), weight)
        chosen = torch.multinomial(weight.float().cpu(), n, generator=generator).to(y.device)
        return x0[chosen], y[chosen]


def _places(data: Data, thing: int) -> Tensor:
    """Where a thing shows: how much the mean pictures of its values differ at each place, (1, H, W), 1 in the mean."""
    x, y = data.x[data.y[:, thing] >= 0], data.y[data.y[:, thing] >= 0, thing]
    means = [(x[y == k].mean(0), (y == k).float().mean()) for k in y.unique()]
    need(len(means) > 1, "The focus cannot be on words of which these data tell only one, or none: take more items.")
    middle = x.mean(0)
    apart = sum(share * (mean - middle).square() for mean, share in means).mean(0, keepdim=True)
    return apart / apart.mean().clamp(min=1e-12)
