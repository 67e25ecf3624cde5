"""Drawings that move: on a still drawing lies what belongs to one of its moments; the file is a film or a page that one steps through.

    moving(alt, [draw, draw_tall], move, moments)      # a Story, as `viz.stories.told` makes one of a film

A film is drawn on paper. A page has the same drawing once, as an SVG in its reader's colours, and shows with each moment what
belongs to it; its pictures travel as those of any other film.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..values import need
from ..viz import figures
from ..viz.film import Film
from ..viz.look import MOST, Look, Reel, Story, evenly
from ..viz.paper import Paper
from ..viz.waiting import counted
from .sheet import Sheet, css

NARROW = 5.5  # inches: a drawing that has two forms is tall below
FOOT, LETTER = (
    74,
    19,
)  # what stands below the drawing of a film, in its lengths: two lines of so large letters, and the label
PICTURE = re.compile(r'href="data:image/png;base64,([^"]+)"')


@dataclass(frozen=True)
class Moment:
    """label: short, beside the slider; says: a sentence."""

    label: str
    says: str


def moving(
    alt: str,
    drawings: Sequence[Callable],
    move: Callable,
    moments: Callable[[], Sequence[Moment]],
    *,
    name: str,
    fps: float = 4,
    start: int = 0,
    **more,
) -> Story:
    """drawings: each draws on the sheet that new(width, height) gives: one for a page, and perhaps one for a phone.

    move(sheet, i, k): add to drawing k what belongs to moment i. alt: of the still; name: what the film is called. start: the moment
    that a page begins with. more: of Story.
    """

    def paper(look: Look, i: int = 0, moment: Moment | None = None) -> Paper:
        k = int(len(drawings) > 1 and look.width < NARROW)
        sheet, foot = Paper(look), FOOT if moment else 0
        drawings[k](lambda width, height: sheet(width, height + foot))
        if moment:
            move(sheet, i, k)
            y = sheet.height - FOOT
            sheet.write(12, y + 22, moment.label, "strong", LETTER, "start")
            sheet.say(12, y + 46, sheet.width - 24, moment.says, "", LETTER)
        return sheet

    def reel(look: Look) -> Reel:
        all_of_them = moments()
        at = look.pick(range(len(all_of_them)), lambda count: evenly(len(all_of_them), count or len(all_of_them)))
        pages = [figures.raster(paper(look, i, all_of_them[i]).figure) for i in counted(at)]
        said = f"{len(at)} pictures of {pages[0].shape[1]} pixels are too much for one film: take a smaller --dpi, or fewer of them."
        need(pages[0].size * len(at) <= 3 * MOST, said)
        return Reel(np.stack(pages), fps, 1, 0.5, 2.0)

    def page(path, title, about):
        words, sheets = moments(), []
        for k, draw in enumerate(drawings):
            layers: list[Sheet] = []

            def new(width: int, height: int, layers=layers) -> Sheet:
                layers += [Bare(width, height) for _still_and_moments in range(len(words) + 1)]
                return layers[0]

            draw(new)
            for i in range(len(words)):
                move(layers[i + 1], i, k)
            sheets.append(layers)
        panel = {"kind": "drawing", "title": name, "notes": [], "lead": [], "frames": len(words)} | _panel(sheets)
        said = {"captions": [m.says for m in words], "labels": [m.label for m in words]}
        film = Film(panel, **said, name=name, fps=fps, panel_width=sheets[0][0].height)
        return film.save_html(path, start, title=title, description=alt, about=replace(about, alt=alt))

    return Story(alt, lambda look: paper(look).figure, reel, page, **more)


class Bare(Sheet):
    """A sheet that leads nowhere: the lessons are not beside a page that one takes away."""

    links = False

    def badge(self, *of_a_lesson) -> None:
        """Nothing."""


def _panel(sheets: list[list[Sheet]]) -> dict:
    """What a page shows of drawings: of each its still sheet and those of its moments. SVG, and apart from it the pictures by their sizes."""
    drawn, places = [], {}
    for still, *moments in sheets:
        parts: dict[str, list[int]] = {}
        for i, sheet in enumerate(moments):
            for element in sheet.drawn:
                parts.setdefault(element, []).append(i)
        drawn.append((still, parts))
        for element in [*still.drawn, *parts]:
            if found := PICTURE.search(element):
                places.setdefault(found[1], PICTURE.sub("", element))
    rows: dict[tuple, list[np.ndarray]] = {}
    names = {}
    for content in sorted(places, key=places.get):  # one place after the other: what comes there is like what was there
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))
        same = rows.setdefault(picture.shape[:2], [])
        names[content] = f'data-picture="{[*rows].index(picture.shape[:2])} {len(same)}"'
        same.append(picture)
    named = lambda element: PICTURE.sub(lambda found: names[found[1]], element)
    pictures = [{"height": high, "width": wide, "channels": 3, "data": np.stack(r)} for (high, wide), r in rows.items()]
    made = [{"width": s.width, "height": s.height, "svg": _svg(s, parts, named)} for s, parts in drawn]
    return {"style": css(()), "pictures": pictures, "sheets": made}


def _svg(still: Sheet, parts: dict[str, list[int]], named: Callable) -> str:
    """What is always there, and in it what is there at some moments; named: with a name for each picture."""
    moving = (f'<g data-at="{" ".join(map(str, at))}">{named(element)}</g>' for element, at in parts.items())
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {still.width} {still.height}">'
    return f"{head}{''.join(map(named, still.drawn))}{''.join(moving)}</svg>"
