"""Stories of the usual kinds: a chain of pictures as in the papers, and a film of a lesson."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape

import numpy as np

from ..files import expanded, write
from ..values import need
from ..words import code
from . import figures
from .figures import Figure
from .look import MOST, Look, Reel, Story, evenly
from .paper import Paper
from .printed import printed
from .waiting import counted


def chain(
    numbers: Sequence[int],
    pictures: Callable[[list[int], bool], list],
    *,
    size: int,
    alt: str,
    page: Callable,
    arrow: str,
    ends: tuple[str, str] = ("", ""),
    titles: Sequence[str] | None = None,
    equations: Sequence[str] = (),
    spread: Callable[[int], list[int]] | None = None,
    **more,
) -> Story:
    """Pictures on their way between data and noise: a strip with its arrow and equations, and a film with a bar.

    numbers: t of each moment. pictures(indices, film) gives the rows of these moments, one row for a film. size: numbers in a row's
    picture. spread(n): n moments of them. page(path, title, about). more: of Story.
    """
    spread = spread or (lambda count: evenly(len(numbers), count))

    def some(look: Look, usual: int) -> list[int]:
        found = look.pick(numbers, lambda count: spread(count or usual))
        what = f"{len(found)} pictures of {size:,} numbers"
        need(len(found) * size <= MOST, f"{what} are too much for one file: take a smaller --size, or fewer of them.")
        return found

    def still(look: Look) -> Figure:
        at = some(look, 6)
        labels = [f"$t = {numbers[i]}$" if look.formula else f"t = {numbers[i]}" for i in at]
        return figures.strip(
            pictures(at, False),
            labels,
            titles if look.formula else None,
            above=arrow if look.formula else " ",
            ends=tuple(look.says(word) for word in ends),
            equations=equations if look.formula else (),
            width=look.width,
            background=look.background,
            columns=look.columns,
            font=look.font,
            dpi=look.dpi,
        )

    def reel(look: Look) -> Reel:
        at = some(look, 40)
        (row,) = pictures(at, True)
        scale = max(1, 512 // row.shape[2])  # by the width of (F, H, W[, 3]) or of a square (F, C, H, W)
        return Reel(row, 10, scale, 0.8, 1.2, [f"t = {numbers[i]}" for i in at])

    return Story(alt, still, reel, page, **more)


def told(view, alt: str, usual: Sequence[int] | None = None, **more) -> Story:
    """A view of a lesson, i.e. a film (or what holds one): some of its moments on paper, all of them as a film, and its player.

    alt: what it shows, before what the film says of the last of these moments. usual: the moments (indices, from the end if
    negative) that a still shows by itself; None: the last. more: of Story.
    """
    film = getattr(getattr(view, "player", view), "film", view)
    numbers, n = numbered(film.labels, film.frames), film.frames
    usual = sorted(i % n for i in (usual or [-1]))
    shows, alt = alt, f"{alt} {film.alt(usual[-1])}"

    def still(look: Look) -> Figure:
        return printed(film, look.pick(numbers, lambda count: evenly(n, count) if count else usual), look)

    def reel(look: Look) -> Reel:
        at = look.pick(numbers, lambda count: evenly(n, count or 60))
        look = _filling(film, at, look)
        pages = []
        for i in counted(at):
            pages.append(figures.raster(printed(film, [i], look, at)))
            said = f"{len(at)} pictures of {pages[0].shape[1]} pixels are too much for one film: take a smaller --dpi, or fewer of them."
            need(pages[0].size * len(at) <= 3 * MOST, said)
        return Reel(np.stack(pages), min(film.fps, max(1, len(at) / 6)), 1, 0.5, 1.5)

    def page(path, title, about):
        return film.save_html(path, usual[0], title=title, description=shows, about=replace(about, alt=shows))

    return Story(alt, still, reel, page, **more)


def _filling(film, at: list[int], look: Look) -> Look:
    """The look in which a page with few panels is nearly as wide, in pixels, as one with many: larger panels, hardly larger letters."""
    wanted = look.width * look.dpi
    wide = printed(film, at[:1], look, at).get_figwidth()
    if wide < look.width:
        share = look.width / wide
        look = replace(look, width=wide, dpi=look.dpi * share, font=max(8.0, look.font / share**0.5))
        look = replace(look, dpi=look.dpi * wanted / (printed(film, at[:1], look, at).get_figwidth() * look.dpi))
    return look


def numbered(labels: Sequence[str], n: int) -> list[int]:
    """The number that each moment is known by: the first in its label (t = 20), or its place where these are not all different."""
    found = [re.search(r"\d[\d,]*", text) for text in labels]
    numbers = [int(m[0].replace(",", "")) for m in found if m]
    return numbers if len({*numbers}) == n else list(range(n))


NARROW = 5.5  # inches: a drawing that has two forms is tall below


def drawn(draw: Callable, alt: str, tall: Callable | None = None, **more) -> Story:
    """A drawing that stands still. draw(new) draws on the sheet that new(width, height) gives; more: of Story.

    tall: the same for a narrow page or a phone, if there is one.
    """

    def still(look: Look) -> Figure:
        paper = Paper(look)
        (tall if tall and look.width < NARROW else draw)(paper)
        return paper.figure

    def reel(look: Look) -> Reel:
        raise ValueError("This scene stands still, and a film moves: end the name in .png, .svg, .pdf, .jpg or .html.")

    def page(path, title, about):
        wide = ({"wide": 8.0} if tall else {"": 8.0}) | ({"tall": 3.9} if tall else {})
        looks = {
            f"{paper} {shape}".strip(): Look(background=k, width=w)
            for shape, w in wide.items()
            for paper, k in (("light", "white"), ("dark", "dark"))
        }
        return still_page(path, title, about, {kind: figures.svg(still(look)) for kind, look in looks.items()})

    return Story(alt, still, reel, page, **more)


def still_page(path, title: str, about, svgs: dict[str, str]):
    """An HTML page of a drawing, light or dark as its reader's screen is; needs nothing from outside and no JavaScript."""
    drawings = "\n".join(f'<figure class="{kind}">{about.described(svg)}</figure>' for kind, svg in svgs.items())
    heading = f"<h1>{escape(title)}</h1>" if title else ""
    page = STILL_PAGE.format(
        lang=code(),
        title=escape(title or about.title),
        about=about.head(),
        heading=heading,
        alt=escape(about.alt),
        drawings=drawings,
    )
    path = expanded(path)
    write(path, page)
    return path


STILL_PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>{about}
<style>
:root {{ color-scheme: light dark; font: 17px/1.55 system-ui, sans-serif; }}
body {{ max-width: 1080px; margin: 0 auto; padding: 24px 16px 48px; }}
figure {{ margin: 0 0 1.2em; }} svg {{ width: 100%; height: auto; }} .dark {{ display: none; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14171a; color: #e8eaed; }} .dark {{ display: block; }} .light {{ display: none; }} }}
.tall {{ display: none !important; max-width: 420px; }}
@media (max-width: 600px) {{ .wide {{ display: none !important; }} .light.tall {{ display: block !important; }} }}
@media (max-width: 600px) and (prefers-color-scheme: dark) {{ .light.tall {{ display: none !important; }} .dark.tall {{ display: block !important; }} }}
</style></head>
<body>{heading}{drawings}<p>{alt}</p></body></html>
"""
