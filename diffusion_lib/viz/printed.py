"""Moments of a film on paper: what ``player.js`` shows on a screen, as a Figure of any size, light or dark, with words or without.

A film of one panel becomes a strip of its moments; of several, each moment is a block of its panels. Pixels stay whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .figures import DASHES, PAPER, Figure, drawing
from .look import Look
from .still import CONTROL, SUBSUP, TEXT, label, pick, wrapped, written
from .theme import DARK, LIGHT

TALL = 2.6  # inches: no panel is higher
GREY = 255


@dataclass(eq=False)
class Cell:
    """A panel at a moment, its words in lines, and its sizes in pixels: of the picture, and of the room for its axes."""

    panel: dict
    i: int
    title: list[str]
    notes: list[str]
    lead: str
    wide: float
    high: float
    left: float = 0
    below: float = 0
    right: float = 0

    @property
    def width(self) -> float:
        """With what stands left and right of the plane."""
        return self.left + self.wide + self.right


def printed(film, moments: Sequence[int], look: Look, among: Sequence[int] = ()) -> Figure:
    """The moments of a Film, indices. among: further ones for whose words there shall be room, so that pages of a film are of one size."""
    with drawing():
        return _Page(film, list(moments), look, [*moments, *among]).draw()


class _Page:
    def __init__(self, film, moments: list[int], look: Look, among: list[int]):
        self.film, self.look, self.moments, self.among = film, look, moments, among
        self.letter = look.font / 72 * look.dpi  # pixels of a letter's height
        self.line = 1.4 * self.letter
        self.margin, self.gap = 0.14 * look.dpi, 0.2 * look.dpi
        self.strip = len(film.panels) == 1
        most = len(moments) if self.strip else len(film.panels)
        fitting = max(1, int(look.width / (1.5 * max(1, look.k) ** 1.5)))  # a panel with large letters wants more room
        lines = -(-most // min(most, fitting))
        self.columns = min(most, look.columns or -(-most // lines))
        room = look.width * look.dpi - 2 * self.margin - (self.columns - 1) * self.gap
        self.column = room / self.columns
        self.blocks = [moments] if self.strip else [[i] for i in moments]

    def wrap(self, text: str, width: float, size: float = 1.0, bold=False) -> list[str]:
        """Lines of at most so many pixels."""
        text = self.look.says(text)
        return wrapped(text, width * TEXT / (size * self.letter), bold) if text else []

    def long(self, text: str, size: float = 1.0) -> float:
        return written(None, 0, 0, text, TEXT) * size * self.letter / TEXT

    def cell(self, panel: dict, i: int) -> Cell:
        """How large a panel can be in its column."""
        lead = self.look.says(pick(panel["lead"], i))
        left = self.long(lead, 1.3) + 0.4 * self.gap if lead else 0
        title = self.wrap(panel["title"], self.column, bold=True)
        said = self.wrap(label(self.film, i), self.column) if self.strip else []
        notes = self.wrap(pick(panel["notes"], i), self.column, 0.85) + said
        tall = TALL * self.look.dpi
        if panel["kind"] != "plot":
            h, w = panel["height"], panel["width"]
            zoom = min((self.column - left) / w, tall / h)
            zoom = math.floor(zoom) if zoom >= 1 else zoom
            return Cell(panel, i, title, notes, lead, zoom * w, zoom * h, left)
        ticks = max([self.long(text, 0.8) for _, text in panel["yticks"]], default=0)
        left += ticks + 0.5 * self.letter + self.line * bool(self.look.says(panel["ylabel"]))
        last = max([self.long(text, 0.8) for _, text in panel["xticks"][-1:]], default=0)
        right = max(last / 2, 0.3 * self.letter)
        wide = min(self.column - left - right, tall / panel["shape"])
        below = self.line * (1.2 + bool(self.look.says(panel["xlabel"])) + len(self.legend(panel, wide)))
        return Cell(panel, i, title, notes, lead, wide, wide * panel["shape"], left, below, right)

    def legend(self, panel: dict, wide: float) -> list[list[tuple]]:
        """Names of the lines, in lines: (x, name, mark)."""
        lines, x = [], 0.0
        for mark in panel["marks"]:
            if name := self.look.says(mark["name"]):
                size = 2.2 * self.letter + self.long(name, 0.85)
                if not lines or x + size > wide:
                    lines.append([])
                    x = 0.0
                lines[-1].append((x, name, mark))
                x += size + self.letter
        return lines

    def draw(self) -> Figure:
        """Measure, then draw."""
        film, look = self.film, self.look
        rows = []
        for block in self.blocks:
            cells = [self.cell(panel, i) for i in block for panel in film.panels]
            rows += [cells[k : k + self.columns] for k in range(0, len(cells), self.columns)]
        widths = []
        for k in range(self.columns):
            column = [c for row in rows for c in row[k : k + 1]]
            words = [self.long(t, 1.1) for c in column for t in [*c.title, *c.notes]]
            widths.append(max(*words, *(c.width for c in column), 0))
        wide = max(2 * self.margin + sum(widths) + (self.columns - 1) * self.gap, 0.5 * look.width * look.dpi)
        across = wide - 2 * self.margin
        says = {i: self.wrap(pick(film.captions, i), across) for i in {*self.among}} if not self.strip else {}
        lines = max(map(len, says.values()), default=0)
        labelled = not self.strip and (len(self.moments) > 1 or bool(film.labels))
        labelled = labelled and bool(look.says(label(film, self.moments[0])))
        notes = max((len(self.cell(p, i).notes) for i in self.among for p in film.panels), default=0)
        places, y = [], self.margin
        for r, row in enumerate(rows):
            head = self.line * max(len(c.title) for c in row)
            foot = self.line * min(notes, max([notes if c.notes else 0 for c in row]))
            places.append((y + head, row))
            y += head + max(c.high + c.below for c in row) + 0.3 * self.line * bool(foot) + foot + 0.6 * self.gap
            block, more = divmod(r + 1, -(-len(film.panels) // self.columns))  # rows of a moment
            if not self.strip and not more:
                places.append((y, self.moments[block - 1]))
                y += self.line * (labelled + lines) + 0.5 * self.gap * bool(labelled + lines)
        high = math.ceil(y + 0.3 * self.margin)
        fig = Figure((math.ceil(wide) + 0.01) / look.dpi, (high + 0.01) / look.dpi, look.background, look.dpi)
        self.fig, self.size = fig, (math.ceil(wide), high)
        _, self.ink, self.quiet, self.faint, self.palette = PAPER[look.background]
        bare = {"frame_on": False, "xticks": [], "yticks": []}
        self.base = fig.add_axes((0, 0, 1, 1), xlim=(0, self.size[0]), ylim=(high, 0), **bare)
        self.base.set_autoscale_on(False)
        for y, what in places:
            if isinstance(what, int):
                self.foot(y, what, labelled, says.get(what, []))
                continue
            x = self.margin
            for c, column in zip(what, widths, strict=False):
                self.show(c, x, y)
                x += column + self.gap
        return fig

    def foot(self, y: float, i: int, labelled: bool, lines: list[str]) -> None:
        """The label of a moment and its caption."""
        if labelled:
            self.write(self.margin, y, label(self.film, i), bold=True)
            y += self.line
        for n, text in enumerate(lines):
            self.write(self.margin, y + n * self.line, text)

    def write(self, x, y, text, size=1.0, color=None, bold=False, ha="left", **more):
        """One line, its top at y."""
        more |= {"weight": "bold"} if bold else {}
        self.base.text(x, y, marked(text), size=size * self.look.font, color=color or self.ink, ha=ha, va="top", **more)

    def axes(self, x, y, wide, high, **more):
        """Axes at these pixels, y from the top."""
        w, h = self.size
        return self.fig.add_axes((x / w, 1 - (y + high) / h, wide / w, high / h), **more)

    def show(self, c: Cell, x: float, y: float) -> None:
        """A cell with the top left of its picture at (x, y)."""
        for n, text in enumerate(c.title):
            self.write(x, y - self.line * (len(c.title) - n), text, bold=True)
        if c.lead:
            self.base.text(x, y + c.high / 2, marked(c.lead), size=1.3 * self.look.font, color=self.ink, va="center")
        at = x + c.left
        if c.panel["kind"] == "plot":
            self.plot(c, at, y)
        else:
            frame = picture(c.panel, c.i)
            ax = self.axes(at, y, c.wide, c.high, frame_on=False, xticks=[], yticks=[])
            smooth = "antialiased" if c.high < c.panel["height"] else "none"
            ax.imshow(frame, interpolation=smooth, aspect="auto", cmap="gray", vmin=0, vmax=255)
        for n, text in enumerate(c.notes):
            size = 1.0 if self.strip and n == len(c.notes) - 1 else 0.85
            left, top = at + c.wide / 2 * self.strip, y + c.high + c.below + (0.3 + n) * self.line
            self.write(left, top, text, size, self.quiet, ha="center" if self.strip else "left")

    def plot(self, c: Cell, x: float, y: float) -> None:
        """Axes, marks and legend."""
        panel, i, look = c.panel, c.i, self.look
        ax = self.axes(x, y, c.wide, c.high, xlim=panel["xlim"], ylim=panel["ylim"], facecolor="none", axisbelow=True)
        ax.set_autoscale_on(False)
        ax.spines[:].set_visible(False)
        if under := panel.get("field"):
            box = (*panel["xlim"], *panel["ylim"])
            ax.imshow(picture(under, i), extent=box, aspect="auto", interpolation="bilinear", zorder=0)
        for at, draw in (("xticks", ax.set_xticks), ("yticks", ax.set_yticks)):
            ticks = self.thinned(panel, c.wide) if at == "xticks" else panel[at]
            draw([v for v, _ in ticks], [marked(text) for _, text in ticks])
        ax.tick_params(length=0, colors=self.quiet, labelsize=0.8 * look.font, pad=0.25 * look.font)
        ax.grid(color=self.faint, lw=0.8)
        theme = DARK if look.background == "dark" else LIGHT
        palette = theme["words"] if under else self.palette
        hue = lambda index: theme["grey"] if index == GREY else palette[index % 7]
        for mark in panel["marks"]:
            _mark(ax, mark, i, hue, c.wide / look.dpi)
        below = y + c.high + 1.2 * self.line
        if text := look.says(panel["xlabel"]):
            self.write(x + c.wide / 2, below, text, 0.9, self.quiet, ha="center")
            below += self.line
        if text := look.says(panel["ylabel"]):
            upwards = {"rotation": 90, "va": "center", "ha": "left", "size": 0.9 * look.font, "color": self.quiet}
            self.base.text(x - c.left + 0.2 * self.letter, y + c.high / 2, marked(text), **upwards)
        for n, line in enumerate(self.legend(panel, c.wide)):
            for at, name, mark in line:
                self.sign(x + at, below + n * self.line + 0.55 * self.letter, mark, hue(mark["colors"][0]))
                self.write(x + at + 2.2 * self.letter, below + n * self.line, name, 0.85)

    def thinned(self, panel: dict, wide: float) -> list:
        """As many of the ticks of the x-axis as stand beside one another: all, each second, ..."""
        low, high = panel["xlim"]
        size = lambda text: self.long(text, 0.85) + 0.5 * self.letter
        room = [((v - low) / (high - low) * wide, size(text)) for v, text in panel["xticks"]]
        for step in range(1, len(room) + 1):
            if all(b[0] - a[0] > (a[1] + b[1]) / 2 for a, b in pairwise(room[::step])):
                return panel["xticks"][::step]
        return panel["xticks"]

    def sign(self, x: float, y: float, mark: dict, color: str) -> None:
        """What a line looks like, before its name."""
        if mark["kind"] == "line":
            self.base.plot([x, x + 1.8 * self.letter], [y, y], color=color, lw=1.8, ls=DASHES[mark.get("dash", 0) or 0])
        else:
            sign = "o" if mark["kind"] == "points" else "s"
            self.base.plot([x + 0.9 * self.letter], [y], sign, color=color, ms=0.5 * self.look.font, mew=0)


def marked(text: str) -> str:
    """A film's text as Matplotlib has it: `x_{t}` with a true subscript."""
    parts = SUBSUP.split(CONTROL.sub(" ", text))
    inner = lambda p: p[2:-1].replace("\\", "").replace(" ", r"\ ").replace("%", r"\%").replace("#", r"\#")
    low = lambda p: f"${p[0]}{{\\mathdefault{{{inner(p)}}}}}$"
    return "".join(low(p) if n % 2 else p.replace("$", r"\$") for n, p in enumerate(parts))


def picture(panel: dict, i: int) -> np.ndarray:
    """Bytes (H, W) or (H, W, 3) of a panel of pixels at moment i."""
    if panel["kind"] == "mix":
        x0, eps, a = panel["x0"], panel["eps"], panel["alpha_bar"][i]
        frame = ((np.sqrt(a) * x0 + np.sqrt(1 - a) * eps + 1) * 127.5).clip(0, 255).round().astype(np.uint8)
    else:
        film = panel["data"].reshape(-1, panel["height"], panel["width"], panel["channels"])
        frame = film[min(i, len(film) - 1)]
    return frame[..., 0] if panel["channels"] == 1 else frame


def _mark(ax, mark: dict, i: int, hue, inches: float) -> None:
    row = lambda key: mark[key][min(i, len(mark[key]) - 1)].astype(float)
    x, y = row("x"), row("y")
    if "alpha_bar" in mark:
        a = mark["alpha_bar"][i]
        x, y = (np.sqrt(a) * v + np.sqrt(1 - a) * row(e) for v, e in ((x, "ex"), (y, "ey")))
    colors = [hue(c) for c in mark["colors"]]
    if mark["kind"] == "line":
        ax.plot(x, y, color=colors[0], lw=1.6 * min(1.2, 0.5 + inches / 5), ls=DASHES[mark.get("dash", 0) or 0])
        if mark.get("fill"):
            ax.fill_between(x, y, color=colors[0], alpha=0.15, lw=0)
    elif mark["kind"] == "bars":
        ax.bar(x, y, abs(x[1] - x[0]) * 0.9, color=colors[0])
    else:
        across = mark["size"] * min(1.0, 0.24 * inches + 0.1)  # points of print: a panel of the screen is 4 inches wide
        ax.scatter(x, y, s=across**2, c=colors if len(colors) == len(x) else colors[0], linewidths=0)
