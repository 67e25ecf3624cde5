"""The book of a benchmark: a JSON file that is filled row by row and is written whole after each, so that whoever stops loses one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from diffusion_lib.files import write


def opened(path: Path, begun: Callable[[], dict] = dict, fresh: bool = False) -> dict:
    """What was written before; without it, or if all is wanted fresh, a new book with its first page."""
    return begun() if fresh or not path.exists() else json.loads(path.read_text("utf-8"))


def save(path: Path, book: dict, close: bool = False) -> None:
    """close: without a space, for large ones that nobody reads; else a line for each number."""
    look = {"separators": (",", ":")} if close else {"indent": 1}
    write(path, json.dumps(book, **look) + "\n")


def put_rows(path: Path, head: str, rows: list[str]) -> None:
    """Exchange the rows below the head of a table (its first two lines) in a page for these."""
    before, found, rest = path.read_text(encoding="utf-8").partition(head)
    if not found:
        raise ValueError(f"{path} has no table that begins with {head.splitlines()[0]!r}: write its head there first.")
    old = re.match(r"(\|.*\n)*", rest)[0]
    path.write_text(before + head + "".join(f"{row}\n" for row in rows) + rest[len(old) :], encoding="utf-8")


def watched(training: Iterable[tuple], every: int = 500) -> Iterator[tuple]:
    """What a training yields, (what has learned, its record), and a line each so many steps for whoever waits."""
    for net, record in training:
        if record.step % every == 0:
            print(record, flush=True)
        yield net, record


def missing(plan: Iterable[tuple], rows: list[dict], *keys: str) -> list[tuple]:
    """Those of the plan, (value of each key), that no row has yet."""
    have = {tuple(row.get(k) for k in keys) for row in rows}
    return [todo for todo in plan if todo not in have]


def rounded(value, digits: int = 5, behind: bool = True):
    """As it is written: floats, wherever in dicts and lists, with so many digits behind the point, or else in all.

    None where there is no number, such as the KL of samples that are on no island.
    """
    if isinstance(value, dict):
        return {k: rounded(v, digits, behind) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(v, digits, behind) for v in value]
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return None
    return round(value, digits) if behind else float(f"{value:.{digits}g}")
