"""What the lessons and the README state in numbers, and why each of them may be believed. One module a lesson.

A module has three tables, cell id -> numbers:

- MEASURED: a function that computes them again, from the records, the weights that ship or the code. Its strings must be those
  of the text, so a text that rounds otherwise, or is out of date, fails.
- QUOTED: (paper, where in it, the numbers as printed there).
- PLAIN: no measurement. Minutes, choices of a guess, numbers of an example or of a definition.

A fourth table, SHOWN, is for what a cell says without a number: cell id -> a function that fails if it is not so.

`test_claims` asks that the three together are exactly what the cell says: a new number fails until it is one of them.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from functools import cache
from pathlib import Path

from .papers import PAPERS

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

# what is no measurement wherever it stands: formulas, code, links, headings, names, and pointers to lessons, sections and frames
POINTERS = (
    r"```.*?```",
    r"\[\d\d [^\]]*\]\([^)]*\)",
    r"\$\$.*?\$\$",
    r"\$[^$]*\$",
    r"`[^`]*`",
    r"\]\([^)]*\)",
    r"(?m)^#+ (Exercise )?\d+ · ",
    r"R3GAN",
    r"6\.S184",
    r"\b[RL][12]\b",
    r"\b[xLE]_\{?\w+\}?",
    r"[Ll]essons? \d\d( (to|and|,) \d\d)*(, \d\d)*( and \d\d)*",
    r"[Ss]ections? \d+(\.\d+)*",
    r"[Ff]rames? \d+(, \d+)*",
)


def learned_for(name: str) -> list[str]:
    """The minutes of all trainings that led to shipped weights: on a processor, and, if some were, on a graphics card."""
    from diffusion_lib import store

    cards = store.history(store.load(name).card)
    parts = [[c["seconds"] for c in cards if ("threads of" in c["machine"]) == slow] for slow in (True, False)]
    return [f"{sum(part) / 60:.0f}" for part in parts if part]


CITED = re.compile(r"([A-Z][\w-]+)(?:(?:, | and )[A-Z][\w-]+)*(?: et al\.)?,? \(?((?:1[89]|20)\d\d)\b")


def cited(said: str) -> list[str]:
    """The papers that a text names: first author and year, as `papers.PAPERS` has them."""
    return [key for m in CITED.finditer(said) if (key := f"{m[1]} {m[2]}") in PAPERS]


def notebook(name: str) -> list[dict]:
    return json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


LESSONS = sorted(p.stem for p in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
CELLS = {cell["id"]: cell for name in LESSONS for cell in notebook(name)}


def text(cell: dict) -> str:
    """What a learner reads in a cell: a text, or the question and the answer of a guess."""
    said = "".join(cell["source"])
    if cell["cell_type"] == "code":
        said = " ".join(re.findall(r'"([^"]*)"', said)) if re.search(r"predict\(|reveal\(", said) else ""
    return said


def numbers(said: str) -> list[str]:
    """The numbers of a text, as they are written: 1,500 and .87 and 98.9. The year of a paper is none."""
    said = CITED.sub(lambda m: " " if f"{m[1]} {m[2]}" in PAPERS else m[0], said)
    said = re.sub(r"\[((?:[Ll]essons? )?\d\d)\]\([^)]*\)", r"\1", said)  # a link to a lesson reads as its number
    for pattern in POINTERS:
        said = re.sub(pattern, " ", said, flags=re.S)
    return re.findall(r"(?<![\d.])(?:\d[\d,]*\d|\d)(?:\.\d+)?|(?<!\d)\.\d+", said)


# ---------------------------------------------------------------------------------------- for the modules


def code(cell_id: str, pattern: str) -> str:
    """A number that a code cell of the lesson sets."""
    return re.search(pattern, "".join(CELLS[cell_id]["source"])).group(1)


def steps(cell_id: str) -> str:
    """How many steps a code cell of the lesson trains."""
    return f"{int(code(cell_id, r'steps=([0-9]+)')):,}"


def default(function, name: str) -> str:
    return str(inspect.signature(function).parameters[name].default)


def percent(*shares: float, digits: int = 0) -> list[str]:
    return [f"{100 * s:.{digits}f}" for s in shares]


def said_by(player) -> list[str]:
    """The numbers of a film's captions."""
    return numbers(" ".join(dict.fromkeys(player.film["captions"])))


@cache
def benchmark(name: str) -> dict:
    return json.loads((ROOT / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))
