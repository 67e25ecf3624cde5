"""A film made small for a page: each number is guessed from those that a reader has by then, and what the guess missed is deflated.

A frame resembles the one before it, a pixel its neighbours, and what one panel shows often follows from another (x_{t-1} is a sum of
x_t and x0_hat, and some noise). How much of each to take is fitted by least squares, for each frame or once for all; flat colours
are better guessed by the rule of JPEG-LS (Weinberger et al. 2000); whatever is smallest is written. `page.js` makes the same guess in whole numbers and adds what it missed: no pixel is another than in a notebook. Places of
points and curves go on a grid first, `GRID` steps for what an axis shows; so they move by less than 1/25 of a pixel on a screen.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field

import numpy as np

GRID, NO_NUMBER = 8192, 65535  # steps of an axis; what stands for nan
ONE = 256  # a weight of 1
OTHERS, FIT = 3, 24  # arrays beside its own that a guess looks at; frames that a fit for all of them looks at


@dataclass(eq=False)
class Numbers:
    """An array as whole numbers (frames, N), of `wide` bytes each. lags: how far before it lie those that a number is guessed from.

    channels: numbers of a pixel; each has weights of its own. told: how the array is made of them again.
    """

    q: np.ndarray
    wide: int
    channels: int = 1
    lags: tuple[int, ...] = ()
    told: dict = field(default_factory=dict)

    @property
    def kind(self) -> tuple:
        """Only what is of one kind helps to guess another."""
        return (*self.q.shape, self.wide, self.channels)

    @property
    def padded(self) -> np.ndarray:
        """All in a row, between the zeros that lie before the first and behind the last."""
        n = self.q.shape[1]
        return np.concatenate([np.zeros(4 * n + 4, np.int64), self.q.ravel(), np.zeros(n, np.int64)])


def pressed(film: dict) -> dict:
    """{"told": n, "bytes": deflated}. Inflated, the first n bytes are JSON: "film", with {"at": i} for its arrays, and "tables", how to
    make each of them again; behind it lies what these need.
    """
    arrays: list[Numbers] = []
    bare, todo = _bare(film, arrays, {}, {}), []
    alone = [min(len(zlib.compress(b, 6)) for _, b in _ways(one, [])) for one in arrays]
    order = sorted(range(len(arrays)), key=lambda i: (alone[i], i))  # those that are easy help with those that are not
    tables, place = [], {}
    for i in order:
        one = arrays[i]
        near = [place[j] for j in order if j in place and arrays[j].kind == one.kind][-OTHERS:]
        ways = _ways(one, [(k, arrays[order[k]]) for k in near] if one.lags else [])
        table, content = min(ways, key=lambda way: len(zlib.compress(way[1], 6)))
        place[i] = len(tables)
        tables.append(table)
        todo.append(content)
    told = json.dumps({"film": _renumbered(bare, place), "tables": tables}, ensure_ascii=False).encode()
    return {"told": len(told), "bytes": zlib.compress(told + b"".join(todo), 9)}


def _bare(part, arrays: list[Numbers], steps: dict, known: dict, key: str = ""):
    """The part with numbers in place of its arrays, which are put into `arrays`, each once. steps: of the grid of x and of y."""
    if isinstance(part, dict):
        if "xlim" in part:
            steps = {axis: (part[f"{axis}lim"][1] - part[f"{axis}lim"][0]) / GRID for axis in "xy"}
        return {name: _bare(value, arrays, steps, known, name) for name, value in part.items()}
    if isinstance(part, list):
        return [_bare(value, arrays, steps, known) for value in part]
    if not isinstance(part, np.ndarray):
        return part
    step = steps.get(key[-1:]) if key in ("x", "y", "ex", "ey") else None
    same = (part.shape, part.dtype.str, step, part.tobytes())
    if same not in known:
        known[same] = len(arrays)
        arrays.append(_numbers(part, step))
    return {"at": known[same]}


def _renumbered(part, place: dict[int, int]):
    if isinstance(part, dict):
        return (
            {"at": place[part["at"]]} if part.keys() == {"at"} else {k: _renumbered(v, place) for k, v in part.items()}
        )
    return [_renumbered(v, place) for v in part] if isinstance(part, list) else part


def _numbers(a: np.ndarray, step: float | None) -> Numbers:
    """Pixels as they are, places on their grid, and of everything else the bytes, the first ones of all numbers first."""
    if a.dtype == np.uint8:
        return _pixels(a, {})
    if a.ndim == 3 and (abs(a) <= 1).all() and abs((bytes_ := np.rint((a + 1) * 127.5)) - (a + 1) * 127.5).max() < 1e-4:
        return _pixels(
            bytes_[None].astype(np.uint8), {"low": -1.0, "step": 1 / 127.5}
        )  # a picture that was bytes before
    if step and a.ndim == 2 and np.isfinite(a).any():
        low, n = float(np.nanmin(a)), a.shape[1]
        q = np.rint((a.astype(np.float64) - low) / step)
        if np.nanmax(q) < NO_NUMBER:
            q = np.where(np.isfinite(q), q, NO_NUMBER).astype(np.int64)
            return Numbers(q, 2, 1, (1, 2, n, n + 1, 2 * n), {"low": low, "step": step})
    planes = np.ascontiguousarray(a).reshape(-1, 1).view(np.uint8).T
    return Numbers(planes.reshape(1, -1), 1, told={"item": a.itemsize})


def _pixels(a: np.ndarray, told: dict) -> Numbers:
    channels = a.shape[3] if a.ndim == 4 else 1
    q, row, c = a.reshape(len(a), -1), a.shape[2] * channels, channels
    n = q.shape[1]
    return Numbers(q, 1, c, (c, row, row + c, n, n + c, n + row, 2 * n) + (1, n + 1) * (c > 1), told)


# ---------------------------------------------------------------------------------------- the guess


def _ways(one: Numbers, others: list[tuple[int, Numbers]]) -> list[tuple[dict, bytes]]:
    """Ways to write it, (table, bytes) each: as it is; guessed by one set of weights; by one for each frame."""
    frames, size = one.q.shape
    first: dict[bytes, int] = {}
    twins = {i: k for i, row in enumerate(one.q) if (k := first.setdefault(row.tobytes(), i)) != i}
    rows = [i for i in range(frames) if i not in twins]
    table = {"frames": frames, "size": size, "wide": one.wide, "channels": one.channels, "twins": twins, **one.told}
    ways = [(table | {"from": [], "sets": 0}, _missed(one, one.q[rows]))]
    if not one.lags:
        return ways
    sources = [(-1, lag) for lag in one.lags] + [(k, lag) for k, _ in others for lag in (0, size, -size)]
    held = {-1: one.padded, **{k: other.padded for k, other in others}}
    begin = 4 * size + 4
    if one.wide == 1:
        left, up, corner = (
            one.padded[begin - lag : len(one.padded) - size - lag].reshape(one.q.shape)[rows] for lag in one.lags[:3]
        )
        guess = np.median([left, up, left + up - corner], 0).astype(np.int64)
        ways.append((table | {"from": sources[:3], "sets": 0}, _missed(one, one.q[rows] - guess)))
    constant = np.full(size, 16**one.wide)

    def before(i: int) -> np.ndarray:
        """What frame i is guessed from: (sources + 1, N)."""
        at = begin + i * size
        return np.stack([*(held[k][at - lag : at - lag + size] for k, lag in sources), constant])

    few = [rows[int(k)] for k in np.unique(np.linspace(0, len(rows) - 1, FIT).round())]
    for some in ([few], [[i] for i in rows])[: 1 + (len(rows) > 1)]:
        pairs = [[(before(i), one.q[i]) for i in group] for group in some]
        shares = [[_fitted(group, c, one.channels) for c in range(one.channels)] for group in pairs]
        missed = []
        for k, i in enumerate(rows):
            seen, own = before(i), shares[k % len(shares)]
            guess = np.empty(size, np.int64)
            for c in range(one.channels):
                guess[c :: one.channels] = own[c].astype(np.int64) @ seen[:, c :: one.channels] // ONE
            missed.append(one.q[i] - (guess.clip(0, 255) if one.wide == 1 else guess))
        weights = np.array(shares, "<i2").tobytes()
        ways.append((table | {"from": sources, "sets": len(shares)}, weights + _missed(one, np.stack(missed))))
    return ways


def _fitted(seen: list[tuple[np.ndarray, np.ndarray]], c: int, channels: int) -> np.ndarray:
    """The weights, in parts of ONE, with which the sum of what is before a number comes nearest to it."""
    square, product = 0.0, 0.0
    for before, now in seen:
        a, b = before[:, c::channels].astype(np.float64), now[c::channels].astype(np.float64)
        square, product = square + a @ a.T, product + a @ b
    ridge = 1e-6 * np.trace(square) / len(square) + 1e-3
    found = np.linalg.solve(square + ridge * np.eye(len(square)), product)
    return (found * ONE).round().clip(-32768, 32767).astype(np.int16)


def _missed(one: Numbers, rows: np.ndarray) -> bytes:
    """What is to be added, as bytes: of wide numbers, which are made small and positive first, all upper bytes and then all lower ones."""
    if one.wide == 1:
        return (rows & 255).astype(np.uint8).tobytes()
    near = ((rows.astype(np.int64) + 32768) & 65535) - 32768
    folded = np.where(near < 0, -2 * near - 1, 2 * near).astype(np.uint16)
    return (folded >> 8).astype(np.uint8).tobytes() + (folded & 255).astype(np.uint8).tobytes()
