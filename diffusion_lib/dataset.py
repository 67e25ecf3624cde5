"""Everything learnable as one tensor and its names: Data(x, y, names).

Pictures are float32 (N, C, H, W) in [-1, 1]; points are (N, 2), scaled so that a coordinate has a variance of about 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from numbers import Integral

import torch
from torch import Tensor

from .values import Bundle, check_batch, check_classes, dice, integer, need


@dataclass(frozen=True, eq=False, repr=False)
class Data(Bundle):
    """x: (N, C, H, W) in [-1, 1] or (N, 2); y: (N,) class numbers, -1 for none, or None; names: of the classes.

    y may also tell several things of each item, (N, F), -1 for what is not said: names are then F tuples of names.
    captions: one sentence for each picture. modes (K, 2) and sd: of point sets that are mixtures, in the units of x.
    levels: how many values a number of a picture can have, evenly from -1 to 1. They stand here, and a model brings none: a bound
    counts what the pictures that are judged can be, whoever drew them.
    Raises ValueError for a class without a name; classes without any names are called 0, 1, 2, ...
    """

    x: Tensor
    y: Tensor | None = None
    names: tuple[str, ...] | tuple[tuple[str, ...], ...] = ()
    name: str = ""
    credit: str = ""
    captions: tuple[str, ...] = ()
    modes: Tensor | None = None
    sd: float | None = None
    levels: int = 256

    def __post_init__(self):
        said = f"Data need x as a tensor (N, ...), but got {type(self.x).__name__}: use torch.as_tensor(x)."
        need(isinstance(self.x, Tensor) and self.x.ndim, said)
        for what, rows in (("y", self.y), ("captions", self.captions or None)):
            if rows is not None and len(rows) != len(self):
                raise ValueError(f"There are {len(self)} items, but {what} has {len(rows)}: one for each is needed.")
        if self.y is None:
            return
        kinds = (torch.int64, torch.int32, torch.uint8)
        said = "y must be a tensor (N,) of whole numbers, the classes: use torch.as_tensor(y).long()."
        need(isinstance(self.y, Tensor) and self.y.ndim in (1, 2) and self.y.dtype in kinds, said)
        if not self.names and self.y.ndim == 1 and len(self):
            object.__setattr__(self, "names", tuple(map(str, range(int(self.y.max()) + 1))))
        if len(self):
            check_classes(self.y, len(self), self.counts or 1)  # where all are -1, none needs a name

    @property
    def counts(self) -> int | list[int]:
        """How many classes there are, 0 if none; where y is (N, F), how many values each of the F things has."""
        if self.y is None:
            return 0
        return [len(names) for names in self.names] if self.y.ndim == 2 else len(self.names)

    def check(self) -> None:
        """Raises ValueError, in one sentence, for what no network of ours can learn."""
        check_batch(self.x, "The data")
        said = f"The data must be points (N, 2) or pictures (N, C, H, W), at least one, but have shape {tuple(self.x.shape)}: a channel is added by x[:, None]."
        need(self.x.ndim in (2, 4) and len(self), said)

    def __len__(self) -> int:
        return len(self.x)

    def subset(self, which) -> Data:
        """The first `which` items if it is a number, else the items at these indices or where this mask is true."""
        i = torch.arange(len(self), device="cpu")
        if isinstance(which, Integral) or getattr(which, "ndim", 1) == 0:
            i = i[: integer(which, 0, math.inf, f"The first {which!r} items are none that one can take.")]
        else:
            i = i[torch.as_tensor(which, device="cpu")]
        captions = tuple(self.captions[j] for j in i.tolist()) if self.captions else ()
        return replace(self, x=self.x[i], y=None if self.y is None else self.y[i], captions=captions)

    def split(self, n: int, seed: int = 0) -> tuple[Data, Data]:
        """n items to learn from and the rest, never seen, by a shuffle that only the seed decides."""
        n = integer(n, 1, len(self) - 1, f"A split needs 1 to {len(self) - 1} items to learn from, but got {n!r}.")
        order = torch.randperm(len(self), generator=dice(seed), device="cpu")
        return self.subset(order[:n]), self.subset(order[n:])

    def to(self, device) -> Data:
        """The same data, their tensors on this device."""
        tensors = {k: v for k in ("x", "y", "modes") if (v := getattr(self, k)) is not None}
        return replace(self, **{k: v.to(device) for k, v in tensors.items()})

    def batches(self, size: int, seed: int = 0) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Endless batches (x, y) of `size`, each epoch in a new order that only the seed decides; no batch is short."""
        says = f"A batch needs at least 1 item, but size = {size!r} and there are {len(self)} items."
        size = integer(size, 1, math.inf if len(self) else 0, says)
        g, queue = dice(seed), torch.empty(0, dtype=torch.long, device="cpu")
        while True:
            while len(queue) < size:
                queue = torch.cat([queue, torch.randperm(len(self), generator=g, device="cpu")])
            i, queue = queue[:size].to(self.x.device), queue[size:]
            yield self.x[i], None if self.y is None else self.y[i]
