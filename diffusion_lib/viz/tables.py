"""Tables for a classroom: lined up where text is printed, large in a notebook, where an interval is also drawn beside its zero."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ..words import _
from .figures import PALETTE

_QUIET = "color:var(--jp-content-font-color2, #59636e)"
_LINE = "1px solid var(--jp-border-color2, #c8ccd0)"
_CELL = "padding:5px 10px; text-align:{}; white-space:nowrap; background:none; font-size:16px; vertical-align:baseline"
_LINES: dict[str, tuple[str, str]] = {}  # a colour and dashes for each name that has a line in the films


def known(name: str, i: int) -> None:
    """From now on `name` at the head of a row has the i-th line of the films beside it: solid, dashed, dotted, ..."""
    _LINES[name] = (PALETTE[i % len(PALETTE)], ("", "7 5", "2 4", "9 3 2 3")[i % 4])


class Table(str):
    """The printed text, for which a notebook shows `html`."""

    html: str

    def __new__(cls, text: str, html: str) -> Table:
        self = super().__new__(cls, text)
        self.html = html
        return self

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return self.html


@dataclass(frozen=True)
class Interval:
    """A cell: mean, and the interval from low to high, drawn on a line that reaches from -reach to reach."""

    mean: float
    low: float
    high: float
    reach: float

    def __str__(self) -> str:
        text = _("{mean:+.3f}  ({low:+.3f} to {high:+.3f})")
        return text.format(mean=self.mean, low=self.low, high=self.high)

    @property
    def html(self) -> str:
        """The line is coloured, and thicker, only where the interval leaves 0 out."""
        at = lambda v: 120 + 112 * v / (self.reach or 1)
        shown = self.low > 0 or self.high < 0
        colour, thick = (PALETTE[0], 6) if shown else ("#7a828b", 3)
        return (
            f'<svg role="img" aria-label="{self}" width="240" height="24" style="vertical-align:middle">'
            '<line x1="120" x2="120" y1="0" y2="24" stroke="#7a828b" stroke-width="1.5"/>'
            f'<line x1="{at(self.low):.1f}" x2="{at(self.high):.1f}" y1="12" y2="12" stroke="{colour}" stroke-width="{thick}"/>'
            f'<circle cx="{at(self.mean):.1f}" cy="12" r="5" fill="{colour}"/></svg>'
        )


def table(head: Sequence[str], rows: Sequence[Sequence], notes: Sequence[str] = (), quiet: Sequence[str] = ()) -> Table:
    """Rows of words under a head, the first column to the left; notes: sentences below; quiet: names of rows that stand back.

    The head and the first column are looked up here; numbers, notes and other cells come in the learner's language.
    """
    named = [[_(str(row[0])), *map(str, row[1:])] for row in rows]
    cells = [[_(h) for h in head], *named]
    width = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "   ".join([row[0].ljust(width[0]), *(c.rjust(w) for c, w in zip(row[1:], width[1:], strict=True))]).rstrip()
        for row in cells
    ]
    return Table("\n".join([*lines, *notes]), html(head, rows, notes, quiet))


def page(*parts: str) -> Table:
    """Tables and sentences, one below the other."""
    shown = [p.html if isinstance(p, Table) else _sentence(p) for p in parts]
    return Table("\n\n".join(parts), "".join(shown))


def html(head: Sequence[str], rows: Sequence[Sequence], notes: Sequence[str] = (), quiet: Sequence[str] = ()) -> str:
    """The same as a table of HTML. A family is named beside its line in the films; what stands in brackets is smaller."""
    tops = "".join(
        f'<th scope="col" style="{_cell(i)}; {_QUIET}; font-weight:600; border-bottom:{_LINE}">{escape(_(h))}</th>'
        for i, h in enumerate(head)
    )
    body = ""
    for name, *others in rows:
        look = f"{_QUIET}; font-style:italic" if name in quiet else "font-weight:600"
        first = f'<th scope="row" style="{_cell(0)}; {look}">{_swatch(name)}{escape(_(name))}</th>'
        look = f"; {_QUIET}; font-style:italic" if name in quiet else ""
        body += f"<tr>{first}" + "".join(f'<td style="{_cell(1)}{look}">{_inside(c)}</td>' for c in others) + "</tr>"
    return (
        f'<div style="overflow-x:auto; color:var(--jp-content-font-color1, inherit)"><table style="border-collapse:collapse; margin:8px 0">'
        f"<thead><tr>{tops}</tr></thead><tbody>{body}</tbody></table></div>" + "".join(map(_sentence, notes))
    )


def _cell(column: int) -> str:
    return _CELL.format("right" if column else "left")


def _inside(cell) -> str:
    if isinstance(cell, Interval):
        return cell.html
    return re.sub(r"(\([^)]*\))", rf'<span style="font-size:14px; {_QUIET}">\1</span>', escape(str(cell)))


def _sentence(words: str) -> str:
    style = "font-size:16px; margin:8px 10px; color:var(--jp-content-font-color1, inherit)"
    return f'<p style="{style}">{escape(words)}</p>' if words else ""


def _swatch(name: str) -> str:
    if name not in _LINES:
        return ""
    colour, dash = _LINES[name]  # as its line in the films: solid, dashed, dotted
    return f'<svg aria-hidden="true" width="30" height="12" style="margin-right:8px"><line x1="1" x2="29" y1="6" y2="6" stroke="{colour}" stroke-width="3.5" stroke-dasharray="{dash}"/></svg>'
