"""Stories of the usual kinds: a chain of pictures as in the papers, and a film of a lesson."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..values import need
from . import figures
from .figures import Figure
from .look import MOST, Look, Reel, Story, evenly
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
        above, named, below = (arrow, titles, equations) if look.formula else (" ", None, ())
        said = {"above": above, "equations": below, "ends": tuple(map(look.says, ends))}
        said |= {name: getattr(look, name) for name in ("width", "background", "columns", "font", "dpi")}
        return figures.strip(pictures(at, False), labels, named, **said)

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
