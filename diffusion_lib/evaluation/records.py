"""What the benchmarks recorded, read once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

RECORDS = Path(__file__).parent.parent / "records"


@cache
def recorded_cures() -> dict:
    """What `benchmarks/cures.py` wrote: "tries", "choices", "runs", "film", "verdicts", and how many steps each recipe had."""
    return json.loads((RECORDS / "cures.json").read_text("utf-8"))


# ---------------------------------------------------------------------------------------- how G moves


@cache
def recorded_motion() -> dict:
    """What `benchmarks/motion.py` wrote: "alone", "play" and "plain_rate"."""
    return json.loads((RECORDS / "motion.json").read_text("utf-8"))


def recorded_latents() -> dict:
    """What `benchmarks/latent_weights.py` measured for this lesson."""
    return json.loads((RECORDS / "latents.json").read_text("utf-8"))


def race_book(place: str) -> dict:
    """What `benchmarks/arena.py` wrote of a place. Raises FileNotFoundError with one sentence if it was not run."""
    path = RECORDS / f"arena_{place}.json"
    book = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if not book.get("runs"):  # an unfinished search for options has none yet
        have = ", ".join(p.stem.removeprefix("arena_") for p in sorted(RECORDS.glob("arena_*.json")))
        raise FileNotFoundError(f"No race of {place!r} is recorded: choose one of {have}, or run python benchmarks/arena.py {place}.")  # fmt: skip
    return book


@cache
def recorded_ladder() -> dict:
    """What `benchmarks/ladder.py` wrote: "runs", "anchors", "rungs" (steps, FLOPs, parameters, options), what was done, what fails."""
    return json.loads((RECORDS / "ladder.json").read_text("utf-8"))
