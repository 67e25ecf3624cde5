"""What counts as a whole number and as an array, when two records of tensors are equal, and which numbers a new network is made of."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor


def integer(n, low: float, high: float, sentence: str) -> int:
    """n as an int, if it is a whole number in low..high of Python, NumPy or torch; else ValueError with this sentence."""
    try:
        whole = None if isinstance(n, bool) or getattr(n, "dtype", None) == torch.bool else operator.index(n)
    except (TypeError, ValueError):  # 3.0, "3", True of NumPy, a whole array
        whole = None
    if whole is None or not low <= whole <= high:
        raise ValueError(sentence)
    return whole


def seeded(seed) -> int:
    """A seed that Python, NumPy and torch all take; ValueError for any other."""
    says = f"A seed is a whole number from 0 to 4,294,967,295, but got {f'{seed!r:.60}'.splitlines()[0]}."
    return integer(seed, 0, 2**32 - 1, says)


def dice(seed) -> torch.Generator:
    """A generator on the CPU that begins at this seed."""
    return torch.Generator().manual_seed(seeded(seed))


def array(x, what: str) -> np.ndarray:
    """Anything with numbers in it as an array: also a tensor on a GPU, with a gradient, or of a kind that NumPy lacks."""
    try:
        if isinstance(x, Tensor):
            x = x.detach().cpu()
            x = x.float() if x.is_floating_point() and x.element_size() < 4 else x  # bfloat16
        return np.asarray(x)
    except (TypeError, ValueError, RuntimeError):
        got = f"{x!r:.60}".replace("\n", " ")
        raise ValueError(f"{what} needs an array of numbers, all rows equally long, got {got}.") from None


@contextmanager
def plain() -> Iterator[None]:
    """Inside, what torch makes is float32 on the CPU, as our data are, whatever the reader has made the default."""
    default, device = torch.get_default_dtype(), torch.get_default_device()
    if default == torch.float32 and device.type == "cpu":
        yield
        return
    torch.set_default_dtype(torch.float32)
    try:
        with torch.device("cpu"):
            yield
    finally:
        torch.set_default_dtype(default)


class Bundle:
    """A dataclass that holds tensors: equal if all that it holds is, to the bit; printed in a line, tensors by their shape."""

    def __eq__(self, other) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def __hash__(self) -> int:
        return hash(repr(self))  # equal records print alike

    def __repr__(self) -> str:
        held = [(f.name, getattr(self, f.name)) for f in fields(self) if f.repr]
        return f"{type(self).__name__}({', '.join(f'{name}={_short(v)}' for name, v in held)})"


def _equal(a, b) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.dtype == b.dtype and torch.equal(a.cpu(), b.cpu())
    return type(a) is type(b) and bool(a == b)


def _short(value) -> str:
    if isinstance(value, Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        return f"{kind} {tuple(value.shape)}" if value.ndim else f"{value.item():.4g}"
    if isinstance(value, list | tuple) and len(value) > 3:
        return f"{len(value)} × {_short(value[0])}"
    return f"{value:.4g}" if isinstance(value, float) and math.isfinite(value) else repr(value)
