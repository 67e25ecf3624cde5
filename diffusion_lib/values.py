"""What counts as a whole number, as a batch and as an array, when two records of tensors are equal, and which numbers a new network is made of."""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

import numpy as np
import torch
from torch import Tensor


def need(fine: object, sentence: str) -> None:
    """ValueError with this sentence where something is not as it has to be."""
    if not fine:
        raise ValueError(sentence)


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


def row(numbers, what: str) -> Tensor:
    """Numbers in a row, of any library, as a float64 tensor on the CPU."""
    try:
        return torch.as_tensor(numbers, dtype=torch.float64, device="cpu")
    except (TypeError, ValueError, RuntimeError):
        said = f"{what} must be numbers in a row, one for each step, but got {f'{numbers!r:.60}'.splitlines()[0]}."
        raise ValueError(said) from None


def whole_times(t: int | Tensor, n: int, low: int, high: int) -> Tensor:
    """t, one time or one for each of n samples, as whole numbers in low..high on the CPU; else ValueError."""
    if isinstance(t, Tensor) and (t.is_floating_point() or t.is_complex() or t.dtype == torch.bool):
        said = f"t must be a whole number, but got {str(t.dtype).removeprefix('torch.')}: times are 1, 2, ..., T."
        raise ValueError(said)
    if not isinstance(t, Tensor):
        says = f"t must be a whole number, but got {t!r}: times are 1, 2, ..., T."
        t = integer(t, -math.inf, math.inf, says)
    t = torch.as_tensor(t, device="cpu").long()
    if t.ndim and (t.ndim != 1 or len(t) not in (1, n)):
        raise ValueError(f"t has shape {tuple(t.shape)}, but there are {n} pictures: give one t, or one for each.")
    if bool((t < low).any()) or bool((t > high).any()):
        bad = int(t[(t < low) | (t > high)][0]) if t.ndim else int(t)
        hint = " (t = 0 is the clean data, where no step has been taken yet)" if bad == 0 else ""
        raise ValueError(f"t must lie in {low}..{high}, but got {bad}{hint}.")
    return t


def choice(name, table, says: str) -> str:
    """`name`, if it is one of the table's; else ValueError with what `says` begins and what there is."""
    if not isinstance(name, str) or name not in table:
        raise ValueError(f"{says} {name!r}: choose one of {', '.join(table)}.")
    return name


def check_tensor(x, what: str) -> None:
    """ValueError for what is no floating-point tensor."""
    kind = str(x.dtype) if isinstance(x, Tensor) else type(x).__name__
    said = f"{what} must be a floating-point torch tensor scaled to about [-1, 1], but got {kind}: use x.float() / 127.5 - 1 on bytes."
    need(isinstance(x, Tensor) and x.is_floating_point(), said)


def check_batches(**batches: Tensor) -> None:
    """`check_batch` of each, by name; all must have the shape of the first."""
    like = next(iter(batches.values()))
    for what, x in batches.items():
        check_batch(x, what, None if x is like else like)


def check_batch(x: Tensor, what: str, like: Tensor | None = None) -> None:
    """Bad input becomes one sentence here, before it becomes a strange picture."""
    check_tensor(x, what)
    said = f"{what} must have shape (B, ...), a batch of pictures or points, but got {tuple(x.shape)}: add the first axis with x[None]."
    need(x.ndim >= 2, said)
    if like is not None:
        need(x.shape == like.shape, f"{what} has shape {tuple(x.shape)}, but must match {tuple(like.shape)}.")
    said = f"{what} contains NaN or infinity: look at where it was made, the numbers were already broken there."
    need(x.isfinite().all(), said)


def check_shape(answer, like: Tensor, who: str = "The denoiser") -> None:
    """A network's answer of another shape would be broadcast without a word, and be wrong everywhere."""
    if not isinstance(answer, Tensor) or answer.shape != like.shape:
        got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        said = f"{who} must return a tensor of x_t's shape {tuple(like.shape)}, but returned {got}."
        raise ValueError(said)


def classes_for(y: Tensor | str | None, n: int, classes: int | list[int]) -> Tensor | None:
    """Class numbers (n,) for n samples: y, if it can be; "none": -1 for each; None: each class in turn.

    A network without classes is told None. classes may be a list: how many values each of F words has; y is then (n, F),
    and None is nothing said. Raises ValueError for a y that the network cannot be told.
    """
    n = integer(n, 1, math.inf, f"The number of samples is a whole number of at least 1, but got n = {n!r}.")
    if isinstance(y, str) and y != "none":
        raise ValueError(f'y is a tensor of class numbers, "none" or None, but got {y!r}.')
    if y is not None and not isinstance(y, str):
        check_classes(y, n, classes)
        return y
    if not classes:
        return None
    if y is None and not isinstance(classes, list):
        return torch.arange(n, device="cpu") % classes
    return torch.full((n, len(classes)) if isinstance(classes, list) else (n,), -1, device="cpu")


def portions(batch: int, device, first: Tensor, *others: Tensor | None) -> Iterator[tuple[Tensor | None, ...]]:
    """Tensors (N, ...), some of which may be None, a batch at a time and on this device."""
    batch = integer(batch, 1, math.inf, f"A batch has at least 1 sample, but got batch = {batch!r}.")
    for i in range(0, len(first), batch):
        yield tuple(None if x is None else x[i : i + batch].to(device) for x in (first, *others))


def check_classes(y, n: int, classes: int | list[int], lowest: int = -1) -> None:
    """One sentence for a class that nobody knows, before it is taken for another one or for none; classes as in `classes_for`."""
    need(classes, "This network was trained without classes, so it cannot be asked for one: leave y out.")
    several = isinstance(classes, list)
    whole = isinstance(y, Tensor) and not y.is_floating_point() and y.dtype != torch.bool
    got = f"{y.dtype} {tuple(y.shape)}" if isinstance(y, Tensor) else type(y).__name__
    if several:
        said = f"y must be whole numbers of shape ({n}, {len(classes)}), what each sample is told, but got {got}."
        need(whole and y.shape == (n, len(classes)), said)
        known = (y >= lowest) & (y < torch.tensor(classes, device=y.device))
        need(known.all(), f"Something is told that nobody knows: the columns of y end before {classes}, -1 is nothing.")
        return
    said = f"y must be a tensor of {n} class numbers, one for each sample, but got {got}."
    need(whole and y.shape == (n,), said)
    if bool(((y < lowest) | (y >= classes)).any()):
        bad = int(y[(y < lowest) | (y >= classes)][0])
        none = ", or -1 for none" if lowest < 0 else ""
        raise ValueError(f"There is no class {bad}: they are 0 to {classes - 1} here{none}.")


def check_told(y, n: int, classes: int, who: str) -> None:
    """ValueError where one class number for each of n samples is needed and missing, or y (n,) is none that is known."""
    if classes and y is None:
        raise ValueError(f"{who} wants to be told which class each of its samples has: give y (B,).")
    if y is not None:
        check_classes(y, n, classes, lowest=0)


def check_input(x: Tensor, shape: tuple[int, ...], takes: str) -> None:
    """ValueError for an x that is not (B, *shape)."""
    if x.shape[1:] != shape:
        raise ValueError(f"{takes} of shape (B, {', '.join(map(str, shape))}), but got {tuple(x.shape)}.")


def check_numbers(net: torch.nn.Module, x: Tensor) -> None:
    """Weights and input of one kind of number; autocast sees to it by itself."""
    kind = next(net.parameters()).dtype
    if x.dtype != kind and not torch.is_autocast_enabled(x.device.type):
        mine, its = (str(k).removeprefix("torch.") for k in (kind, x.dtype))
        raise ValueError(f"This network's weights are {mine}, but its input is {its}: pass x.to(torch.{mine}).")


def within(number, low: float, high: float) -> bool:
    """Is it one number, and from low to high? A word, None and a list are not."""
    try:
        return not isinstance(number, str | bool) and low <= float(number) <= high
    except (TypeError, ValueError, RuntimeError):
        return False


def check_clip(clip: float | None) -> None:
    """ValueError for a clip that is neither None nor above 0."""
    if clip is not None and not (within(clip, 0, sys.float_info.max) and clip > 0):
        raise ValueError(f"clip must be None, or a number above 0 that x0_hat stays within, but got {clip}.")


def check_eta(eta: float) -> None:
    """ValueError for an eta outside 0..1."""
    if not within(eta, 0, 1):
        raise ValueError(f"eta must lie in 0..1 (0 is DDIM, 1 is DDPM), but got {eta}.")


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
