"""Stories of the usual kinds: a chain of pictures as in the papers, and a film of a lesson."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..values import need
from . import figures
from .figures import Figure
from .look import MOST, Look, Reel, Story, evenly


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
