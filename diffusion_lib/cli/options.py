"""What every command of the shell needs: a parser of few words, the types of numbers and files, and how to say something."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from .. import files


class Parser(argparse.ArgumentParser):
    """Answers a mistake with one sentence, like everything else here, instead of with its usage."""

    def __init__(self, **more):
        super().__init__(**more, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)

    def error(self, message: str):
        """ValueError with the message as a sentence, which the shell says in a line."""
        raise ValueError(f"{message[0].upper()}{message[1:]}. For help: {self.prog} --help")

    def _print_message(self, message: str, file=None):
        tell(message, "stdout" if file in (None, sys.stdout) else "stderr", end="")


class Names:
    """The choices of an option, where they stand: "diffusion:SCHEDULES". They are looked up when somebody asks for them, for
    importing torch takes a second, and top-level help does without. What stands there may be a function that gives them."""

    def __init__(self, where: str):
        self.where = where

    def __iter__(self) -> Iterator[str]:
        module, _, name = self.where.partition(":")
        found = getattr(import_module(f"diffusion_lib.{module}"), name)
        return iter(found() if callable(found) else found)


_open = False  # the last line on the terminal is a bar, which has not ended


def tell(text: str, stream: str = "stdout", end: str = "\n") -> None:
    """Print, and never fail: what is done stays done where the terminal is gone, or lacks a letter (it gets \\u732b)."""
    global _open
    if _open and not text.startswith("\r"):
        _write("\n", "stderr")
    _open = not (text + end).endswith("\n")
    _write(text + end, stream)


def _write(text: str, stream: str) -> None:
    file = getattr(sys, stream)
    try:
        code = file.encoding or "utf-8"
        file.write(text.encode(code, "backslashreplace").decode(code))
        file.flush()
    except (OSError, ValueError, AttributeError):  # a closed pipe, a closed file, none at all
        with suppress(OSError, ValueError, AttributeError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), file.fileno())  # or Python tries again at its end, and exits with 120


def complain(text: object) -> None:
    """One sentence on stderr."""
    tell(f"diffusion_lib: {text}", "stderr")


def sentence(error: BaseException) -> str:
    """What went wrong, in one line: ours says it all, and of others' the class tells more than their words."""
    words = next(iter(str(error).strip().splitlines()), "")
    ours = isinstance(error, ValueError | OSError | FloatingPointError | Warning) and words
    return words if ours else f"{type(error).__name__}{words and ': '}{words}"


def place(*endings: str):
    """The argparse type of a file to write; asked before the work, so that nobody waits for a refusal."""

    def place(name: str) -> Path:
        out = there(name)
        if endings and out.suffix.lower() not in endings:
            raise argparse.ArgumentTypeError(f"{out.name!r} must end in {', '.join(endings)}")
        try:
            files.check(out)
        except OSError as error:
            raise argparse.ArgumentTypeError(str(error).rstrip(".")) from error
        return out

    return place


def there(name: str) -> Path:
    """The argparse type of a file or folder to read. Not every shell makes a folder of ~."""
    return files.expanded(name)


def number(low: int, high: int, kind: type = int):
    """The argparse type of an int (or float) in low..high."""

    def number(text: str):
        try:
            if low <= (value := kind(text)) <= high:
                return value
        except ValueError:
            pass
        what = "a whole number" if kind is int else "a number"
        raise argparse.ArgumentTypeError(f"needs {what} from {low} to {high}, but got {text!r}")

    return number


def wrote(out: Path, what: str) -> None:
    """Say which file was written, how large it is, and what is in it."""
    tell(f"Wrote {out} ({math.ceil(out.stat().st_size / 1024):,} KB): {what}.")
