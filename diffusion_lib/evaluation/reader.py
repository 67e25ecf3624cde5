"""A network that reads a picture: which value has each factor? It judges whether pictures show what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..data.drawn import sprites
from ..data.factors import FACTORS, TOLD
from ..dataset import Data
from ..files import cache_folder, whole
from ..machine import seeded_weights
from ..train import Learner, Record, fit
from ..values import need, plain

COUNTS = [len(values) for values in TOLD.values()]
OF = {kind: [name in ("species", *factors) for name in TOLD] for kind, factors in FACTORS.items()}  # what it has


class Reader(nn.Module):
    """Pictures (B, 3, H, W) -> what each shows, (B, F): of each of F factors the value. counts: how many values each has.

    Sprites have the columns of `factors.TOLD`, and -1 for what their species does not have.
    """

    def __init__(self, size: int = 32, width: int = 24, counts=COUNTS):
        super().__init__()
        self.counts = list(counts)
        layers, channels = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()], (width, width, 2 * width, 3 * width)
        for a, b in pairwise(channels):
            layers += [nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(4, b), nn.ReLU(), nn.MaxPool2d(2)]
        self.look = nn.Sequential(*layers, nn.Flatten(), nn.Linear(3 * width * (size // 8) ** 2, 128), nn.ReLU())
        self.name = nn.Linear(128, sum(self.counts))

    def logits(self, x: Tensor) -> list[Tensor]:
        """For each factor (B, its values)."""
        return list(self.name(self.look(x)).split(self.counts, 1))

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        found = torch.cat([torch.stack([v.argmax(1) for v in self.logits(part)], 1) for part in x.split(500)])
        if self.counts != COUNTS:
            return found
        has = torch.tensor(list(OF.values()))[found[:, 0]]
        return found.masked_fill(~has, -1)


@plain()
def learn(
    steps: int = 3000,
    n: int = 24_000,
    size: int = 32,
    seed: int = 1,
    precision: str = "float32",
    data: Data | None = None,
) -> Iterator[tuple[Reader, Record]]:
    """A reader and each step of its training, on n sprites of all combinations, a little noisy; or on other data, told in words."""
    if data is None:
        data = sprites(n, size, seed, words=True, unseen=None)
    said = "A reader learns pictures that are told in words, y (N, F): give words=True to data that can."
    need(data.y is not None and data.y.ndim == 2, said)
    with seeded_weights(seed):
        net = Reader(data.x.shape[-1], counts=data.counts)
    learner = Learner(net, lr=3e-3, weight_decay=0.01, precision=precision)

    def step(batch, generator) -> dict[str, float]:
        x, y = batch
        x = x + 0.05 * torch.rand(len(x), 1, 1, 1, generator=generator) * torch.randn(x.shape, generator=generator)
        with learner.autocast():
            found = learner.model.logits(x)
        parts = zip(found, y.T, strict=True)
        return {"loss": learner.descend(sum(F.cross_entropy(v.float(), a, ignore_index=-1) for v, a in parts))}

    for record in fit(step, data.batches(64, seed), [learner], steps=steps, seed=seed):
        yield learner.ema, record


def kept(name: str, net: Reader, training: Callable[[], Iterable[tuple[Reader, Record]]]) -> Reader:
    """The reader of this name from the cache folder; where there is none, `net` of this training (minutes), kept for another time."""
    path = cache_folder() / name
    if not path.exists():
        for net, _ in training():  # noqa: B007
            pass
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            torch.save(net.state_dict(), part)
    net.load_state_dict(torch.load(path, weights_only=True))
    return net.eval().requires_grad_(False)
