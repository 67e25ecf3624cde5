"""What goes into a panel is checked here, and made into arrays; and what leaves for a browser, into bytes."""

from __future__ import annotations

import numpy as np

from ..values import array, need


def numbers(x, what: str, gaps=False) -> np.ndarray:
    """x as float64, what no 32-bit number holds as nan. Raises ValueError without gaps, or if there is nothing."""
    try:
        a = array(x, what).astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{what} needs an array of numbers, got {x!r:.60}.") from None
    seen = abs(a) < 3.4e38  # the browser gets 32-bit numbers; NaN, infinity and more than these hold are gaps
    need(a.size and (gaps or seen.all()), f"{what} needs finite numbers, got {'none' if not a.size else 'nan or inf'}.")
    return np.where(seen, a, np.nan)


def signal(alpha_bar) -> np.ndarray:
    """alpha_bar, (F,) float64 in [0, 1]."""
    a = numbers(alpha_bar, "alpha_bar")
    said = f"alpha_bar needs shape (frames,) with values in [0, 1], got {a.shape}, {a.min():g} to {a.max():g}."
    need(a.ndim == 1 and a.min() >= 0 and a.max() <= 1, said)
    return a


def f32(a) -> np.ndarray:
    """A copy in the browser's 32-bit numbers."""
    return np.array(a, "<f4", order="C")


def word(value, what: str) -> str:
    """value, which must be a string."""
    if not isinstance(value, str):
        raise ValueError(f"{what} needs a string, got {value!r:.60}.")
    return value


def texts(value, what: str) -> list[str]:
    """None, one string or one per frame as a list; [] is nothing to say."""
    value = [] if value is None else [value] if isinstance(value, str) else value
    texts = list(value) if hasattr(value, "__iter__") else [value]
    if not all(isinstance(t, str) for t in texts):
        raise ValueError(f"{what} needs a string or a list with one string per frame, got {value!r:.60}.")
    return texts


def agree(what: str, counts) -> int:
    """The number of frames: those with one stand still, all others must be equal."""
    several = {n for n in counts if n > 1}
    if len(several) > 1:
        given = " and ".join(map(str, sorted(several)))
        raise ValueError(f"{what} mixes {given} frames: give all the same number, or one that stands still.")
    return max(several, default=1)


def packed(part):
    """A film, or a part of it, as the browser gets it: its arrays as bytes."""
    if isinstance(part, dict):
        return {key: packed(value) for key, value in part.items()}
    if isinstance(part, list):
        return [packed(value) for value in part]
    return memoryview(part).cast("B") if isinstance(part, np.ndarray) else part


def bytes_in(part) -> int:
    """Roughly what a panel weighs."""
    if isinstance(part, dict | list):
        return sum(map(bytes_in, part.values() if isinstance(part, dict) else part))
    return part.nbytes if isinstance(part, np.ndarray) else len(part) if isinstance(part, str) else 8
