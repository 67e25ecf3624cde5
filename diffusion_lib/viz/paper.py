"""A drawing of boxes, arrows and pictures as a Figure: the same calls as `course.sheet.Sheet`, which makes links of them for a screen.

    s = Paper(look)(990, 452);  s.box(...);  s.arrow(...);  s.figure

Lengths are those of the drawing, y downwards; the paper is as wide as the look says, and letters grow with it.
"""

from __future__ import annotations

import io
import math
import re

import matplotlib.patches as patches
import numpy as np
from matplotlib.path import Path as Line
from PIL import Image

from .figures import PAPER, Figure, drawing
from .look import Look
from .printed import marked
from .still import TEXT, wrapped
from .theme import DARK, LIGHT

NUMBER = re.compile(r"[A-Za-z]|-?\d+\.?\d*")
FORMULA = {"ε̂": r"\hat{\epsilon}", "x̂": r"\hat{x}", "−": "{-}", "|": r"\mid ", "·": r"\cdot ", "ᾱ": r"\bar{\alpha}"}
FORMULA |= {"θ": r"\theta", "β": r"\beta", "ε": r"\epsilon", "μ": r"\mu", "σ": r"\sigma"}


class Paper:
    """A sheet of paper in this look; called with its width and height, as the class `Sheet` is."""

    links = False  # it leads nowhere: what only points to a lesson is left out

    def __init__(self, look: Look):
        self.look = look

    def __call__(self, width: int, height: int) -> Paper:
        look = self.look
        self.top = 1
        self.width, self.height, self.point = width, height, 72 * look.width / width  # points of print in a unit
        theme = DARK if look.background == "dark" else LIGHT
        _, self.ink, self.quiet, self.faint, _ = PAPER[look.background]
        self.card = {"transparent": "none"}.get(look.background, theme["card"])
        self.under = theme["on_accent"]
        self.lines = dict(zip("qpn", theme["colors"], strict=False)) | {"grey": self.quiet}
        self.letters = dict(zip("qpn", theme["words"], strict=False)) | {"quiet": self.quiet}
        with drawing():
            self.figure = Figure(look.width, look.width * height / width, look.background, look.dpi)
            self.ax = self.figure.add_axes(
                (0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), frame_on=False, xticks=[], yticks=[]
            )
            self.ax.set_autoscale_on(False)
        return self

    def above(self) -> int:
        """A place above all that has been drawn: what comes later lies on top, as in an SVG."""
        self.top += 1
        return self.top

    def write(self, x, y, text, kind="", size=17, anchor="middle") -> None:
        """A line of text, its feet at y; kind: math, strong, and whose colour."""
        kinds = kind.split(".")
        maths = "math" in kinds
        if maths and not self.look.formula and "(" in text:
            return
        if not maths and not (text := self.look.says(text)):
            return
        color = next((self.letters[k] for k in kinds if k in self.letters), self.ink)
        if "number" in kinds:
            color = self.under
        more = {"weight": "bold"} if "strong" in kinds and not maths else {}
        ha = {"middle": "center", "start": "left", "end": "right"}[anchor]
        shown = formula(text) if maths else marked(text)
        size = size * self.point * (1.0 if maths else 0.92)  # DejaVu is wide
        with drawing():
            self.ax.text(x, y, shown, size=size, color=color, ha=ha, va="baseline", zorder=self.above(), **more)

    def say(self, x, y, wide, text, kind="", size=16, anchor="start") -> float:
        """Several lines, none wider than this; returns the place of the next."""
        text = self.look.says(text)
        for line in wrapped(text, wide * TEXT / size / 0.92) if text else []:
            self.write(x, y, line, kind, size, anchor)
            y += 1.4 * size
        return y

    def arrow(self, path, kind, head: tuple[float, float, int]) -> None:
        """A curve in the words of SVG, and its head (x, y, degrees: 0 points to the right)."""
        kinds = kind.split(".")
        color, thick = self.lines[kinds[0]], (2 if kinds[0] == "grey" else 3) * self.point
        dots = (0, (0.8, 2.2)) if "far" in kinds else "-"
        line = {"ec": color, "lw": thick, "ls": dots, "capstyle": "round", "zorder": self.above()}
        self.ax.add_patch(patches.PathPatch(curve(path), fc="none", **line))
        x, y, turn = head
        c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        tip = [(x + a * c - b * s, y + a * s + b * c) for a, b in ((0, 0), (-15, -8), (-11, 0), (-15, 8))]
        self.ax.add_patch(patches.Polygon(tip, fc=color, lw=0, zorder=self.above()))

    def picture(self, x, y, size, picture: bytes, tag: str = "", under: str = "", high: float | None = None) -> None:
        """A picture in a frame; tag: what stands on its lower edge; under: below it. high: if it is not square."""
        high = high or size
        a = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
        place = {"extent": (x, x + size, y + high, y), "aspect": "auto", "zorder": self.above()}
        shown = self.ax.imshow(a, interpolation="none", **place)
        shown.set_clip_path(self._rounded(x, y, size, high, 9, fc="none", ec="none", lw=0))
        if tag:
            card = self.card if self.card != "none" else "white"
            self._rounded(x, y + high - 28, size, 28, 8, fc=card, lw=0, alpha=0.92, zorder=self.above())
            self.write(x + size / 2, y + high - 9, tag, "math.ontag", 18)
        self._rounded(x, y, size, high, 9, fc="none", ec=self.quiet, lw=1.2 * self.point, zorder=self.above())
        if under:
            self.write(x + size / 2, y + high + 21, under, "math" if len(under) == 1 else "", 16)

    def _rounded(self, x, y, wide, high, r, **more):
        style = f"round,pad=0,rounding_size={r}"
        return self.ax.add_patch(patches.FancyBboxPatch((x, y), wide, high, style, mutation_aspect=1, **more))

    def box(self, x, y, wide, high, kind, *lines: tuple[str, str, int]) -> None:
        """A rounded box with lines (text, kind, size) in it."""
        edge = {"ec": self.lines[kind], "lw": 3 * self.point} if kind else {"ec": self.quiet, "lw": 1.5 * self.point}
        self._rounded(x, y, wide, high, 14, fc=self.card, zorder=self.above(), **edge)
        lines = [line for line in lines if "math" in line[1] or self.look.says(line[0])]
        top = y + high / 2 + 6 - 11 * (len(lines) - 1)
        for i, (text, look, size) in enumerate(lines):
            self.write(x + wide / 2, top + 23 * i, text, look, size)

    def step(self, x, y, number: str, kind: str) -> None:
        """The number of a step, on a disc of its colour."""
        self.ax.add_patch(patches.Circle((x, y), 15, fc=self.letters[kind], lw=0, zorder=self.above()))
        self.write(x, y + 6, number, "number.strong", 17)

    def ring(self, x, y, wide, high, kind: str, r: float = 14) -> None:
        """Round what is meant just now."""
        more = {"ec": self.lines[kind], "lw": 6 * self.point, "zorder": self.above()}
        self._rounded(x, y, wide, high, r, fc="none", **more)

    def badge(self, *of_a_lesson) -> None:
        """Nothing: paper has no lessons to go to."""

    def place(self, *of_a_link) -> None:
        """Nothing: paper has no links."""


def formula(text: str) -> str:
    """A film's formula, p_{θ}(x_{t−1} | x_{t}), as mathtext."""
    for letter, word in FORMULA.items():
        text = text.replace(letter, word)
    return f"${text}$"


def curve(path: str) -> Line:
    """The path of an SVG's `d` with M, L, H, V, C and A (large units only) as Matplotlib's."""
    words, points, codes, at = NUMBER.findall(path), [], [], (0.0, 0.0)
    takes, i, verb = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "A": 7}, 0, "M"
    while i < len(words):
        if words[i].isalpha():
            verb, i = words[i], i + 1
        n = [float(w) for w in words[i : i + takes[verb]]]
        i += takes[verb]
        if verb == "C":
            new, code = [(n[0], n[1]), (n[2], n[3]), (n[4], n[5])], Line.CURVE4
        elif verb == "A":
            new, code = _arc(at, n[0], bool(n[3]), bool(n[4]), (n[5], n[6])), Line.LINETO
        else:
            new = [(n[0], at[1]) if verb == "H" else (at[0], n[0]) if verb == "V" else (n[0], n[1])]
            code = Line.MOVETO if verb == "M" else Line.LINETO
        points += new
        codes += [code] * len(new)
        at = new[-1]
    return Line(points, codes)


def _arc(a, r: float, large: bool, sweep: bool, b, n: int = 24) -> list[tuple]:
    """Points on the circle of radius r from a to b, the long way round or the short, clockwise on the page if sweep."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    half = math.hypot(dx, dy) / 2
    away = math.sqrt(max(0.0, r * r - half * half)) * (1 if large == sweep else -1)
    cx, cy = (a[0] + b[0]) / 2 + away * dy / (2 * half), (a[1] + b[1]) / 2 - away * dx / (2 * half)
    first, last = (math.atan2(p[1] - cy, p[0] - cx) for p in (a, b))
    turn = (last - first) % (2 * math.pi) if sweep else -((first - last) % (2 * math.pi))
    return [(cx + r * math.cos(first + turn * k / n), cy + r * math.sin(first + turn * k / n)) for k in range(1, n + 1)]
