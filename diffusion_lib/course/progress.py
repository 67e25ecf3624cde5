"""What a learner has guessed, solved and bet: one small file on this machine, and nowhere else.

    note("solved", "05.best")      # kept, whatever another notebook keeps at the same moment
    kept()["solved"]               # {"05.best": {...}}
    forget()

The file is read, added to and written anew as a whole under a lock, so that two notebooks lose nothing. Where it cannot be written,
nothing is kept, and no lesson breaks: `trouble` says why.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..files import cache_folder, expanded, write
from .roads import LESSONS

PLACE = "DIFFUSION_LIB_PROGRESS"  # names another file
KINDS = ("guesses", "solved", "bets")
MOST = 2_000_000  # bytes: no learner's file is larger
trouble = ""


def place() -> Path:
    """The file: what DIFFUSION_LIB_PROGRESS names, else progress.json beside what else is kept. OSError if there is no home."""
    chosen = os.environ.get(PLACE)
    return expanded(chosen) if chosen else cache_folder() / "progress.json"


def kept() -> dict[str, dict]:
    """{"guesses": {question: ...}, "solved": {exercise: ...}, "bets": {question: family}}; empty where nothing is kept."""
    try:
        return _read(place())
    except (OSError, ValueError):
        return {kind: {} for kind in KINDS}


def note(kind: str, name: str, value) -> None:
    """Keep a value under its kind and name. Never raises: see `trouble`."""
    global trouble
    try:
        path = place()
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            everything = _whole(path)
            everything[kind][name] = value
            write(path, json.dumps(everything, ensure_ascii=False, indent=1))
        trouble = ""
    except (OSError, ValueError) as error:
        trouble = str(error)


def forget() -> None:
    """Nothing is kept any more. Raises OSError, in a sentence, if the file cannot be taken away."""
    path = place()
    if path.parent.is_dir():
        with _locked(path):
            path.unlink(missing_ok=True)


def lesson() -> str:
    """The number of the lesson that this kernel works for, as Jupyter names its notebook; "" elsewhere."""
    name = Path(os.environ.get("JPY_SESSION_NAME", "")).name
    number = name[:2]
    return number if number in LESSONS and name == f"{LESSONS[number][0]}.ipynb" else ""


def _read(path: Path) -> dict[str, dict]:
    """What the file says. ValueError if it is none of ours."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(MOST).decode("utf-8"))
    except FileNotFoundError:
        found = {}
    if not isinstance(found, dict) or not all(isinstance(found.get(kind, {}), dict) for kind in KINDS):
        raise ValueError(f"{path} is no file of progress.")
    return found | {kind: found.get(kind, {}) for kind in KINDS}


def _whole(path: Path) -> dict[str, dict]:
    """The same, under the lock; a file that cannot be read is put aside, not written over."""
    try:
        return _read(path)
    except ValueError:
        os.replace(path, path.with_name(f"{path.name}.unreadable"))
        return _read(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Nobody else, in whatever process or thread, is between its reading and its writing."""
    with open(path.with_name(f"{path.name}.lock"), "a+b") as file:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            with suppress(OSError):  # a network's disk without locks: then the last one wins
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
        if os.name == "nt":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)


def number_of(exercise: str) -> str:
    """The lesson that an exercise belongs to: "05" of "05.best"."""
    return found[0] if (found := re.match(r"\d\d", exercise)) else ""
