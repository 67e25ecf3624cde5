"""How a scene is to look, whatever it shows; and what a scene hands over, to be written in whatever file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..values import need

MOST = 64_000_000  # numbers in a film: more is slow to make, and at last too much for the memory
WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class Look:
    """background: "white", "dark" or "transparent". words, formula: are there any. font: points of a label; width: in inches.

    columns: pictures in a line. times: which moments, by the number that their labels bear; frames: how many, evenly. None: as the
    scene thinks best.
    """

    background: str = "white"
    words: bool = True
    formula: bool = True
    font: float = 11.0
    width: float = 8.0
    dpi: float = 200.0
    columns: int | None = None
    times: tuple[int, ...] | None = None
    frames: int | None = None

    @property
    def k(self) -> float:
        """How much larger than usual letters are."""
        return self.font / 11

    def says(self, text: str) -> str:
        """The text, or, where no words are wanted, only what is number and formula."""
        bare = re.sub(r"\$.*?\$|[_^]\{.*?\}", "", text)
        return text if self.words or not WORD.search(bare) else ""

    def pick(self, numbers: Sequence[int], usual: Callable[[int | None], list[int]]) -> list[int]:
        """Indices of the moments to show: of those with the numbers `times`, or usual(how many, None for as many as are good)."""
        if self.times is not None:
            place = {n: i for i, n in reversed(list(enumerate(numbers)))}
            lost = [t for t in self.times if t not in place]
            low, high = min(numbers), max(numbers)
            said = f"--t {lost and lost[0]} is no moment of this scene: there are {len(place)}, from {low} to {high}."
            need(not lost, said)
            return sorted({place[t] for t in self.times})
        return usual(self.frames)


def evenly(n: int, count: int) -> list[int]:
    """At most `count` of the indices 0..n - 1, the first and the last among them."""
    count = min(n, count)
    return sorted({round(i * (n - 1) / max(1, count - 1)) for i in range(count)})


@dataclass(frozen=True, eq=False)
class Reel:
    """A film: frames (F, H, W[, 3]) of bytes, and how it is to be played; see `moving.save_film`."""

    frames: np.ndarray
    fps: float = 10.0
    scale: int = 1
    hold_first: float = 0.0
    hold_last: float = 1.0
    labels: Sequence[str] | None = None


@dataclass(frozen=True)
class Story:
    """What a scene has to show. alt: in words, for those who do not see it. credit: whose its pictures are, if not ours.

    notes: sentences for whoever asked for it. still(look) gives a Figure, reel(look) a Reel, page(path, title, about) writes an HTML
    page; each computes what it needs.
    """

    alt: str
    still: Callable[[Look], object]
    reel: Callable[[Look], Reel]
    page: Callable[..., Path]
    credit: str = ""
    notes: tuple[str, ...] = ()
