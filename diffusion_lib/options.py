"""What every command of the shell needs to read its options: a parser of few words, and the types of numbers and files."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


class Parser(argparse.ArgumentParser):
    """Answers a mistake with one sentence, like everything else here, instead of with its usage."""

    def __init__(self, **more):
        super().__init__(**more, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)

    def error(self, message: str):
        raise ValueError(f"{message[0].upper()}{message[1:]}. For help: {self.prog} --help")


def place(*endings: str):
    """The argparse type of a file to write; asked before the work, so that nobody waits for a refusal."""

    def place(name: str) -> Path:
        out = Path(name).expanduser()
        if out.suffix.lower() not in endings:
            raise argparse.ArgumentTypeError(f"{out.name!r} must end in {', '.join(endings)}")
        if not out.parent.is_dir() or out.is_dir() or not os.access(out.parent, os.W_OK):
            raise argparse.ArgumentTypeError(f"{name!r} must lie in a folder that exists and is open to you")
        return out

    return place


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
