"""What the benchmarks recorded, read once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

RECORDS = Path(__file__).parent.parent / "records"


def read(name: str) -> dict:
    """records/<name>.json: read once, and again when the file has changed. It is everybody's: copy it before you change it.

    cures     of `benchmarks/cures.py`: "tries", "choices", "runs", "film", "verdicts", and how many steps each recipe had
    motion    of `benchmarks/motion.py`: "alone", "play" and "plain_rate"
    ladder    of `benchmarks/ladder.py`: "runs", "anchors", "rungs" (steps, FLOPs, parameters, options), what was done, what fails
    latents   of `benchmarks/latent_weights.py`: what lesson 09 says of its networks
    few_steps of `benchmarks/few_steps.py`: "film", "parity", "answers", "overhead" and "race"; its pictures are in the .npz
    thousand  of `benchmarks/thousand.py`: how many kinds of sticker each family found; what each drew is in the .npz
    words     of `benchmarks/words.py`: what lesson 10 says of its network, a part each
    arena_*   of `benchmarks/arena.py`, see `race_book`

    Raises FileNotFoundError if there is none.
    """
    path = RECORDS / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(f"There is no record {name!r}: choose one of {', '.join(names())}.")
    return _parsed(path, path.stat().st_mtime_ns)


@cache
def _parsed(path: Path, changed: int) -> dict:
    return json.loads(path.read_text("utf-8"))


CAT_FILM = RECORDS / "cat_film.png"


def cat_film() -> tuple[np.ndarray, list[int]]:
    """What `benchmarks/cat_film.py` filmed: (F, 20, side, side, 3) bytes, 20 cats from the same z at each of F steps; the steps."""
    with Image.open(CAT_FILM) as picture:
        steps, rows = json.loads(picture.info["steps"]), np.asarray(picture.convert("RGB"))
    side = rows.shape[0] // len(steps)
    return rows.reshape(len(steps), side, -1, side, 3).transpose(0, 2, 1, 3, 4), steps


def names(of: str = "") -> list[str]:
    """The records whose names begin so, without it."""
    return sorted(p.stem.removeprefix(of) for p in RECORDS.glob(f"{of}*.json"))


def race_book(place: str) -> dict:
    """What `benchmarks/arena.py` wrote of a place. Raises FileNotFoundError with one sentence if it was not run."""
    have = names("arena_")
    book = read(f"arena_{place}") if place in have else {}
    if not book.get("runs"):  # an unfinished search for options has none yet
        raise FileNotFoundError(
            f"No race of {place!r} is recorded: choose one of {', '.join(have)}, or run python benchmarks/arena.py {place}."
        )
    return book
