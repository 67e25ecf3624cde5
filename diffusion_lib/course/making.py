"""A scene becomes a file: what the shell's `figure` and lesson 13's form both do, so that both write the same bytes.

made = make(scene, o, Path("cat.gif"), words)     # o: what was chosen, by name; words: of the command that says the same
made.alt, made.tag, made.size
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image

from ..viz import figures
from ..viz.about import OURS, About, command
from ..viz.look import Story
from ..viz.moving import FILMS, save_film
from .scenes import PAGE, Scene, look


@dataclass(frozen=True)
class Made:
    """A file that was written. alt: what it shows, for those who do not see it; notes: sentences for whoever asked for it; licence: whose it is."""

    path: Path
    alt: str
    notes: tuple[str, ...] = ()
    licence: str = OURS

    @property
    def pixels(self) -> tuple[int, int] | None:
        """Wide and high; None of what has none, such as an SVG."""
        with suppress(Exception), Image.open(self.path) as image:
            return image.size

    @property
    def size(self) -> str:
        """ "1600 x 700 pixels, 210 KB"."""
        kb = f"{math.ceil(self.path.stat().st_size / 1024):,} KB"
        return f"{self.pixels[0]} x {self.pixels[1]} pixels, {kb}" if self.pixels else kb

    @property
    def tag(self) -> str:
        """The line of HTML that shows it on a page."""
        name, words = escape(self.path.name), escape(self.alt)
        wide = f' width="{min(800, self.pixels[0])}"' if self.pixels else ""
        tags = {
            ".html": f'<iframe src="{name}" title="{words}" width="100%" height="640"></iframe>',
            ".mp4": f'<video src="{name}" aria-label="{words}" autoplay loop muted playsinline></video>',
        }
        return tags.get(self.path.suffix.lower(), f'<img src="{name}" alt="{words}"{wide}>')


def make(scene: Scene, o, out: Path, words: Sequence[str], story: Story | None = None) -> Made:
    """Write the scene as the file `out`, whole or not at all; its ending decides what it is.

    o: what was chosen, by the names of the scene's options. words: those of the command, after the program's name.
    story: what scene.draw(o) gave already. ValueError for what cannot be, OSError where nothing can be written.
    """
    o.ending = out.suffix.lower()
    for option, endings in scene.choices:
        if endings and o.ending not in endings and getattr(o, option.name) not in (None, False):
            kinds = ", ".join(endings)
            raise ValueError(f"--{option.name} is for {kinds}, and {out.name} is none of them: leave it out.")
    if getattr(o, "background", None) == "transparent" and o.ending in FILMS:
        said = "--background transparent is for pictures, and a film stands on light or on dark: leave it out."
        raise ValueError(said)
    how = look(o)
    story = story or scene.draw(o)
    about = About(scene.shows, story.alt, story.credit or OURS, command(words))
    if o.ending in PAGE:
        story.page(out, o.title or "", about)
    elif o.ending in FILMS:
        reel = story.reel(how)
        more = {"hold_first": reel.hold_first, "labels": reel.labels, "background": how.background, "about": about}
        save_film(reel.frames, out, o.fps or reel.fps, reel.scale, reel.hold_last, **more)
    else:
        figures.save(story.still(how), out, about)
    return Made(out, story.alt, story.notes, about.licence)
