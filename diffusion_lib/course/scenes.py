"""Scenes: pictures of the course that anybody may take away, from a shell (`figure`) or a form. Each belongs to a lesson.

    scenes()["forward"].draw(options)      # a Story: still, film and page

A scene stands in ``SCENES`` of ``course/lessonNN/scenes.py`` and nowhere else; ``Option``s say what can be chosen in a way that a
shell and a form both understand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from ..viz.figures import FILES
from ..viz.look import Look, Story
from ..viz.moving import FILMS
from ..viz.stories import told
from ..words import N_, _

STILL, PAGE = tuple(FILES), (".html",)
DIGITS, MNIST = (
    N_("Digits of scikit-learn (UCI, 8 x 8 pixels)."),
    N_("Digits of MNIST."),
)  # whose they are, for the files
PAPERS = {"light": "white", "dark": "dark", "transparent": "transparent"}


@dataclass(frozen=True, eq=False)
class Option:
    """Something to choose. kind: int, float or str; "flag"; "file", "files" or "folder" to read.

    usual: what it is, in words, where nothing is chosen and the default is None. low, high: of a number; many: several of them. choices: the values there are, or a function that gives them, for they may grow.
    default: None if the scene thinks for itself. only: endings of the files for which it means something; for others it is refused.
    group: of the options of one group at most one is given. example: what stands for the value in a help text.
    """

    name: str
    says: str
    kind: object = str
    default: object = None
    low: float | None = None
    high: float | None = None
    choices: Callable[[], Iterable[str]] | tuple[str, ...] | None = None
    only: tuple[str, ...] = ()
    group: str = ""
    many: bool = False
    example: str = "N"
    usual: str = ""


# What can be chosen of a scene whatever it shows: how it looks. A scene names those that it has.
LOOK = {
    o.name: o
    for o in (
        Option("t", "which moments to show, by the number that stands under each", int, None, 0, 100_000, many=True, only=STILL + FILMS),
        Option("frames", "how many moments, evenly", int, None, 2, 300, only=STILL + FILMS),
        Option("columns", "so many in a line, then the next line", int, None, 1, 60, only=STILL),
        Option("background", "the paper, one of %(choices)s (default: light)", choices=tuple(PAPERS), only=STILL + FILMS, usual="light"),
        Option("captions", "words in the picture: en for English, or none", choices=("en", "none"), only=STILL + FILMS, usual="en"),
        Option("formula", "formulas in the picture: on (default) or off", choices=("on", "off"), only=STILL + FILMS, usual="on"),
        Option("font", "height of letters in points (default: 11)", float, None, 6, 24, only=STILL + FILMS, usual="11"),
        Option("width", "inches from left to right (default: 8)", float, None, 3, 24, only=STILL + FILMS, usual="8"),
        Option("dpi", "dots per inch (default: 200; of a film as many as make it 512 pixels wide)", float, None, 30, 1200, only=(".png", ".jpg", *FILMS)),
        Option("fps", "pictures per second of a film", float, None, 1, 50, only=FILMS),
        Option("title", "a heading for an HTML page", only=PAGE, example="TEXT"),
    )
}  # fmt: skip

# A film of a chain is made of its pictures alone, with a bar below: no letters but t, no inches.
CHAIN = {name: STILL for name in ("columns", "captions", "formula", "font", "width")} | {"dpi": (".png", ".jpg")}

# A drawing has letters that belong to its boxes, and moments only where it moves.
DRAWN = ("background", "captions", "formula", "width", "dpi", "frames", "fps", "title")
MOVES = {"frames": FILMS}


def seed(says: str) -> Option:
    """The option of scenes that have dice."""
    return Option("seed", says, int, 0, 0, 10**9)


@dataclass(frozen=True)
class Scene:
    """name: in a shell; shows: in one line; draw(options) -> Story, options being what was chosen by name, and `ending`.

    options: its own. look: which of LOOK it has, all if None; only: for which files, where that is less than LOOK says.
    examples: lines for its help, after the scene's name. more: what else its help has to say, a paragraph each.
    """

    name: str
    shows: str
    draw: Callable[[object], Story]
    options: tuple[Option, ...] = ()
    look: tuple[str, ...] | None = None
    only: dict[str, tuple[str, ...]] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    @property
    def choices(self) -> list[tuple[Option, tuple[str, ...]]]:
        """Every option, its own first, and the endings for which it means something: () for all."""
        shared = [LOOK[name] for name in (LOOK if self.look is None else self.look)]
        return [(o, self.only.get(o.name, o.only)) for o in (*self.options, *shared)]

    @property
    def endings(self) -> tuple[str, ...]:
        """Of the files that it can be: a film is what has pictures per second."""
        films = FILMS if any(option.name == "fps" for option, _only in self.choices) else ()
        return (*STILL, *films, *PAGE)


def rooms() -> dict[str, tuple[Scene, ...]]:
    """The scenes of each lesson that has any, in the order of their numbers."""
    found = sorted(f.parent.name for f in Path(__file__).parent.glob("lesson*/scenes.py"))
    return {room[-2:]: import_module(f"{__package__}.{room}.scenes").SCENES for room in found}


def scenes() -> dict[str, Scene]:
    """Every scene by its name, from the lessons' rooms."""
    return {s.name: s for room in rooms().values() for s in room}


def named(name: str) -> Scene:
    """The scene of this name; ValueError, with the nearest that there is, for another."""
    found = scenes()
    if name not in found:
        near = get_close_matches(str(name), found, 1, 0)
        raise ValueError(f"There is no scene {name!r}; the nearest is {near[0]!r}.")
    return found[name]


def look(o) -> Look:
    """How the picture is to look, from what was chosen."""
    film = o.ending in FILMS
    width = getattr(o, "width", None) or 8.0
    return Look(
        background=PAPERS[getattr(o, "background", None) or "light"],
        words=getattr(o, "captions", None) != "none",
        formula=getattr(o, "formula", None) != "off",
        font=getattr(o, "font", None) or (14.0 if film else 11.0),
        width=width,
        dpi=getattr(o, "dpi", None) or (512 / width if film else 200.0),
        columns=getattr(o, "columns", None),
        times=None if getattr(o, "t", None) is None else tuple(o.t),
        frames=getattr(o, "frames", None),
    )


def view(name: str, shows: str, make: Callable[[], object], usual: tuple[int, ...] = (-1,), credit: str = "") -> Scene:
    """A film of a lesson, make(), as a scene. usual: the moments that a still shows by itself."""
    draw = lambda o: told(make(), f"{_(shows)}.", usual, credit=_(credit))
    return Scene(name, shows, draw, look=tuple(n for n in LOOK if n != "formula"))
