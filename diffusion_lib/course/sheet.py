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

from ..viz.theme import DARK, LIGHT
from ..words import _
from .roads import LESSONS, link


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


def marked(text: str) -> str:
    """The same as HTML."""
    said = re.sub(r"_\{([^{}]*)\}", r"<sub>\1</sub>", escape(text))
    return re.sub(r"\^\{([^{}]*)\}", r"<sup>\1</sup>", said)


@dataclass
class Sheet:
    """An SVG of this size while it is drawn, and where the parts are that one can point at: {part: (x, y, wide, high)}."""

    width: int
    height: int
    drawn: list[str] = field(default_factory=list)
    places: dict[str, tuple] = field(default_factory=dict)

    def add(self, *svg: str) -> None:
        """Draw these elements on top."""
        self.drawn += svg

    def write(self, x, y, text, kind="", size=17, anchor="middle") -> None:
        """A line of text; kind: its classes."""
        self.add(
            f'<text x="{x}" y="{y}" class="{kind}" font-size="{size}" text-anchor="{anchor}">{letters(text)}</text>'
        )

    def arrow(self, path, kind, head: tuple[float, float, int]) -> None:
        """A curve, and its head (x, y, degrees: 0 points to the right)."""
        x, y, turn = head
        tip = f'<path class="{kind} head" d="M0 0 L-15 -8 L-11 0 L-15 8 Z" transform="translate({x} {y}) rotate({turn})"/>'
        self.add(f'<path class="{kind}" d="{path}"/>', tip)

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
        now = " now" if lesson == here else ""
        self.add(f'<rect class="badge{now}" x="{x - 15}" y="{y - 11}" width="30" height="22" rx="11"/>')
        self.write(x, y + 5, lesson, f"number{now}", 14)

    def step(self, x, y, number: str, kind: str) -> None:
        """The number of a step, on a disc of its colour."""
        self.add(f'<circle class="step {kind}" cx="{x}" cy="{y}" r="15"/>')
        self.write(x, y + 6, number, f"number step {kind}", 17)

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
            now = f' aria-current="page" data-here="{escape(_("you are here"))}"' if p.lesson == here else ""
            label = escape(f"{_(p.name)}. {question}", quote=True)
            links.append(
                f'<a class="part" data-part="{key}" href="{link(p.lesson)}" style="{style}" aria-label="{label}"{now}></a>'
            )
        drawing = f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(name, quote=True)}">{"".join(self.drawn)}</svg>'
        return f'<div class="sheet {kind}">{drawing}{"".join(links)}</div>'


# ---------------------------------------------------------------------------------------- what is shown


class Map:
    """A drawing that a notebook shows; `.html` is all of it, `.alt` what it shows in words."""

    def __init__(self, alt: str, parts: dict[str, Part], here: str, sheets: dict[str, Sheet]):
        self.alt, self.parts, self.here = alt, parts, here
        drawn = "".join(sheet.html(kind, parts, here, alt) for kind, sheet in sheets.items())
        self.html = f'<div class="dl-map"><style>{_css(tuple(parts))}</style>{drawn}{self._says()}</div>'

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


def _hues(theme: dict, words: list[str]) -> str:
    names = ("q", "p", "n", "w")
    return "".join(f"--{name}:{theme['colors'][i]};--{name}-ink:{words[i]};" for i, name in enumerate(names))


@cache
def _css(parts: tuple[str, ...]) -> str:
    """Of one drawing: colours of both themes, and which words belong to which part."""
    own = {"light": LIGHT, "dark": DARK}
    look = {k: _hues(t, t["words"]) + f"--under:{t['on_accent']};" for k, t in own.items()}
    page = {k: f"--ink:{t['ink']};--quiet:{t['quiet']};--line:{t['line']};--card:{t['card']};" for k, t in own.items()}
    lab = (
        "--ink:var(--jp-content-font-color1,{ink});--quiet:var(--jp-content-font-color2,{quiet});"
        "--line:var(--jp-border-color2,{line});--card:var(--jp-layout-color1,{card});"
    )
    on = "".join(f'.dl-map:has([data-part="{k}"]:is(:hover,:focus-visible)) [data-says="{k}"],' for k in parts)
    return (
        f".dl-map{{{look['light']}{lab.format(**LIGHT)}}}"
        f"@media(prefers-color-scheme:dark){{.dl-map{{{look['dark']}{lab.format(**DARK)}}}}}"
        f'[data-jp-theme-light="true"] .dl-map{{{look["light"]}{page["light"]}}}'
        f'[data-jp-theme-light="false"] .dl-map{{{look["dark"]}{page["dark"]}}}'
        f"{CSS}{on.rstrip(',')}{{display:block}}"
    )


CSS = """
.dl-map{container-type:inline-size;max-width:1040px;color:var(--ink);font:16px/1.45 system-ui,sans-serif}
.dl-map .sheet{position:relative}.dl-map .tall{display:none;max-width:400px}
@container(max-width:600px){.dl-map .wide{display:none}.dl-map .tall{display:block}}
.dl-map svg{display:block;width:100%;height:auto;overflow:visible}
.dl-map text{fill:var(--ink);color:var(--ink);font-family:system-ui,sans-serif}
.dl-map text.math{font-family:"STIX Two Text","Cambria Math",Cambria,"DejaVu Serif",Georgia,serif;font-style:italic}
.dl-map text.quiet{fill:var(--quiet);color:var(--quiet)}.dl-map text.strong{font-weight:650}
.dl-map text.q{fill:var(--q-ink);color:var(--q-ink)}.dl-map text.p{fill:var(--p-ink);color:var(--p-ink)}
.dl-map text.n{fill:var(--n-ink);color:var(--n-ink)}
.dl-map image{image-rendering:pixelated;clip-path:inset(0 round 9px)}
.dl-map .frame{fill:none;stroke:var(--line);stroke-width:1.5}.dl-map .tag{fill:var(--card);fill-opacity:.92}
.dl-map path.q,.dl-map path.p,.dl-map path.n,.dl-map path.grey{fill:none;stroke-width:3;stroke-linecap:round}
.dl-map path.q{stroke:var(--q)}.dl-map path.p{stroke:var(--p)}.dl-map path.n{stroke:var(--n)}.dl-map path.grey{stroke:var(--quiet);stroke-width:2}
.dl-map path.far{stroke-dasharray:2 7}
.dl-map path.head{stroke:none}.dl-map path.q.head{fill:var(--q)}.dl-map path.p.head{fill:var(--p)}
.dl-map path.n.head{fill:var(--n)}.dl-map path.grey.head{fill:var(--quiet)}
.dl-map .box{fill:var(--card);stroke:var(--quiet);stroke-width:1.5}
.dl-map .box.q{stroke:var(--q);stroke-width:3}.dl-map .box.p{stroke:var(--p);stroke-width:3}.dl-map .box.n{stroke:var(--n);stroke-width:3}
.dl-map .badge{fill:var(--ink)}.dl-map text.number{fill:var(--card);color:var(--card);font-weight:700;font-variant-numeric:tabular-nums}
.dl-map .badge.now{fill:var(--card);stroke:var(--ink);stroke-width:3}.dl-map text.number.now{fill:var(--ink);color:var(--ink)}
.dl-map .step.q{fill:var(--q-ink)}.dl-map .step.p{fill:var(--p-ink)}.dl-map .step.n{fill:var(--n-ink)}
.dl-map text.number.step{fill:var(--under);color:var(--under)}
.dl-map a.part{position:absolute;border-radius:14px;border:2px solid transparent;box-sizing:border-box;transition:background .15s}
.dl-map a.part:hover{border-color:var(--q);background:color-mix(in srgb,var(--q) 12%,transparent)}
.dl-map a.part:focus-visible{outline:3px solid var(--q)!important;outline-offset:2px}
.dl-map a.part[aria-current]{border:3px solid var(--ink)}
.dl-map a.part[aria-current]::after{content:attr(data-here);position:absolute;left:-3px;top:-15px;padding:1px 9px;
border-radius:10px;font-size:13px;font-weight:600;white-space:nowrap;color:var(--card);background:var(--ink)}
.dl-map .says{min-height:52px;margin-top:6px}.dl-map .says p{display:none;margin:0;font-size:17px}
.dl-map .says :is(sub,sup){line-height:0;font-size:.72em}
.dl-map .says .idle{display:block;color:var(--quiet)}.dl-map:has(.part:is(:hover,:focus-visible)) .says .idle{display:none}
@media(prefers-reduced-motion:reduce){.dl-map a.part{transition:none}}
"""
