"""A drawing whose parts say what they are and lead to lessons: an SVG, and over each of its parts a link of HTML, which JupyterLab,
a browser and a screen reader know. No JavaScript and no kernel: what a part says is shown by CSS when it is pointed at or has the
focus. `maps` has the drawings.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from ..viz.still import TEXT, wrapped
from ..viz.theme import DARK, LIGHT
from ..words import _
from .roads import LESSONS, link

STYLE = Path(__file__).with_name("sheet.css")


@dataclass(frozen=True)
class Part:
    """What one can point at. lesson: the one it leads to; says: what stands below the drawing meanwhile."""

    lesson: str
    name: str
    says: str


def letters(text: str) -> str:
    """Text with _{...} and ^{...} as the inside of an SVG's <text>."""
    out, drop = "", 0.0
    for i, part in enumerate(re.split(r"([_^]\{[^{}]*\})", text)):
        if not part:
            continue
        low = {"_": 0.28, "^": -0.38}.get(part[0], 0.0) if i % 2 else 0.0
        small, words = (' font-size="70%"', part[2:-1]) if i % 2 else ("", part)
        shift = f' dy="{(low - drop) / (0.7 if i % 2 else 1):.2f}em"' if low != drop else ""
        out, drop = f"{out}<tspan{small}{shift}>{escape(words)}</tspan>", low
    return out


def _classes(kind: str) -> str:
    """ "math.q" as the value of a class attribute."""
    return kind.replace(".", " ")


def marked(text: str) -> str:
    """The same as HTML."""
    said = re.sub(r"_\{([^{}]*)\}", r"<sub>\1</sub>", escape(text))
    return re.sub(r"\^\{([^{}]*)\}", r"<sup>\1</sup>", said)


@dataclass(eq=False)
class Sheet:
    """An SVG of this size while it is drawn, and where the parts are that one can point at: {part: (x, y, wide, high)}."""

    width: int
    height: int
    links = True  # it leads to lessons
    drawn: list[str] = field(default_factory=list)
    places: dict[str, tuple] = field(default_factory=dict)

    def add(self, *svg: str) -> None:
        """Draw these elements on top."""
        self.drawn += svg

    def write(self, x, y, text, kind="", size=17, anchor="middle") -> None:
        """A line of text; kind: its classes."""
        self.add(
            f'<text x="{x}" y="{y}" class="{_classes(kind)}" font-size="{size}" text-anchor="{anchor}">{letters(text)}</text>'
        )

    def say(self, x, y, wide, text, kind="", size=16, anchor="start") -> float:
        """Several lines, none wider than this; returns the place of the next."""
        for line in wrapped(text, wide * TEXT / size):
            self.write(x, y, line, kind, size, anchor)
            y += 1.4 * size
        return y

    def arrow(self, path, kind, head: tuple[float, float, int]) -> None:
        """A curve, and its head (x, y, degrees: 0 points to the right)."""
        x, y, turn = head
        tip = f'<path class="{_classes(kind)} head" d="M0 0 L-15 -8 L-11 0 L-15 8 Z" transform="translate({x} {y}) rotate({turn})"/>'
        self.add(f'<path class="{_classes(kind)}" d="{path}"/>', tip)

    def picture(self, x, y, size, picture: bytes, tag: str = "", under: str = "") -> None:
        """A picture in a frame; tag: what stands on its lower edge; under: below it."""
        data = base64.b64encode(picture).decode()
        self.add(
            f'<image x="{x}" y="{y}" width="{size}" height="{size}" href="data:image/png;base64,{data}"/>',
            f'<rect class="frame" x="{x}" y="{y}" width="{size}" height="{size}" rx="9"/>',
        )
        if tag:
            self.add(
                f'<path class="tag" d="M{x + 1} {y + size - 28} h{size - 2} v19 a8 8 0 0 1 -8 8 h-{size - 18} a8 8 0 0 1 -8 -8 z"/>'
            )
            self.write(x + size / 2, y + size - 9, tag, "math", 18)
        if under:
            self.write(x + size / 2, y + size + 21, under, "", 16)

    def box(self, x, y, wide, high, kind, *lines: tuple[str, str, int]) -> None:
        """A rounded box with lines (text, kind, size) in it."""
        self.add(f'<rect class="box {kind}" x="{x}" y="{y}" width="{wide}" height="{high}" rx="14"/>')
        top = y + high / 2 + 6 - 11 * (len(lines) - 1)
        for i, (text, look, size) in enumerate(lines):
            self.write(x + wide / 2, top + 23 * i, text, look, size)

    def badge(self, x, y, lesson: str, here: str) -> None:
        """The number of a lesson on a disc, as of a stop of the underground."""
        now = ".now" if lesson == here else ""
        self.add(f'<rect class="{_classes(f"badge{now}")}" x="{x - 15}" y="{y - 11}" width="30" height="22" rx="11"/>')
        self.write(x, y + 5, lesson, f"number{now}", 14)

    def step(self, x, y, number: str, kind: str) -> None:
        """The number of a step, on a disc of its colour."""
        self.add(f'<circle class="step {kind}" cx="{x}" cy="{y}" r="15"/>')
        self.write(x, y + 6, number, f"number.step.{kind}", 17)

    def ring(self, x, y, wide, high, kind: str, r: float = 14) -> None:
        """Round what is meant just now."""
        self.add(f'<rect class="ring {kind}" x="{x}" y="{y}" width="{wide}" height="{high}" rx="{r}"/>')

    def place(self, part: str, x, y, wide, high) -> None:
        """Where a part is."""
        self.places[part] = (x, y, wide, high)

    def html(self, kind: str, parts: dict[str, Part], here: str, name: str) -> str:
        """The drawing with a link over each part."""
        links = []
        for key, (x, y, wide, high) in self.places.items():
            p = parts[key]
            question = _("Lesson {number}: {question}").format(number=p.lesson, question=_(LESSONS[p.lesson][1]))
            at = (100 * x / self.width, 100 * y / self.height, 100 * wide / self.width, 100 * high / self.height)
            style = "left:{:.2f}%;top:{:.2f}%;width:{:.2f}%;height:{:.2f}%".format(*at)
            more = {"data-part": key, "href": link(p.lesson), "style": style, "aria-label": f"{_(p.name)}. {question}"}
            if p.lesson == here:
                more |= {"aria-current": "page", "data-here": _("you are here")}
            told = " ".join(f'{name}="{escape(value, quote=True)}"' for name, value in more.items())
            links.append(f'<a class="part" {told}></a>')
        drawing = f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(name, quote=True)}">{"".join(self.drawn)}</svg>'
        return f'<div class="sheet {kind}">{drawing}{"".join(links)}</div>'


# ---------------------------------------------------------------------------------------- what is shown


class Map:
    """A drawing that a notebook shows; `.html` is all of it, `.alt` what it shows in words."""

    def __init__(self, alt: str, parts: dict[str, Part], here: str, sheets: dict[str, Sheet]):
        self.alt, self.parts, self.here = alt, parts, here
        drawn = "".join(sheet.html(kind, parts, here, alt) for kind, sheet in sheets.items())
        self.html = f'<div class="dl-map"><style>{css(tuple(parts))}</style>{drawn}{self._says()}</div>'

    def _says(self) -> str:
        idle = _(
            "Point at a part, or go from part to part with Tab: here stands what it is. A click or Enter opens its lesson."
        )
        if self.here in {p.lesson for p in self.parts.values()}:
            idle = _(
                "You are here: the parts with the thick ring are this lesson's. A click or Enter on another opens its lesson."
            )
        lines = [f'<p class="idle">{marked(idle)}</p>']
        for key, p in self.parts.items():
            lesson = _("Lesson {number}: {question}").format(number=p.lesson, question=_(LESSONS[p.lesson][1]))
            lines.append(f'<p data-says="{key}">{marked(_(p.says))} <b>{escape(lesson)}</b></p>')
        return f'<div class="says">{"".join(lines)}</div>'

    def __repr__(self) -> str:
        stops = [f"  {p.lesson}  {_(p.name)}" for p in self.parts.values()]
        return "\n".join([self.alt, *stops])

    def _repr_html_(self) -> str:
        return self.html


def _colours(theme: dict, lab: bool) -> str:
    """The colours of a theme as CSS; lab: JupyterLab's own where there is one."""
    hues = {name: theme["colors"][i] for i, name in enumerate("qpn")}
    hues |= {f"{name}-ink": theme["words"][i] for i, name in enumerate("qpn")} | {"under": theme["on_accent"]}
    for name, own in {"ink": "content-font-color1", "quiet": "content-font-color2", "line": "border-color2"}.items():
        hues[name] = f"var(--jp-{own},{theme[name]})" if lab else theme[name]
    hues["card"] = f"var(--jp-layout-color1,{theme['card']})" if lab else theme["card"]
    return "".join(f"--{name}:{hue};" for name, hue in hues.items())


@cache
def css(parts: tuple[str, ...]) -> str:
    """Of one drawing: its look, in the colours of both themes, and which words belong to which part."""
    colours = {
        f"{k}{'_lab' * lab}": _colours(t, lab) for k, t in {"light": LIGHT, "dark": DARK}.items() for lab in (0, 1)
    }
    on = [f'.dl-map:has([data-part="{k}"]:is(:hover,:focus-visible))>.says>[data-says="{k}"]' for k in parts]
    return Template(STYLE.read_text(encoding="utf-8")).substitute(colours, on=",".join(on) or ".none")
