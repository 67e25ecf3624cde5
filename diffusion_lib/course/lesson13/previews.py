"""Lesson 13: what the form shows of a picture, of a film and of a page: (content, its kind, what is said of it)."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from ...viz.about import OURS, About
from ...viz.figures import png
from ...viz.look import Story
from ...viz.moving import save_film
from ...words import _
from ..scenes import Scene, look
from .fields import inches

SHARP = 200  # dots per inch at which a preview is drawn at most
FILM_WIDE, FEW = 400, 20  # pixels of a film's, and how many of its pictures


def picture(story: Story, o, scene: Scene) -> tuple[bytes, str, str]:
    """The picture itself; one with more dots per inch than a screen shows is drawn with fewer."""
    how = look(o)
    figure = story.still(replace(how, dpi=min(how.dpi, SHARP)))
    sharper = how.dpi / min(how.dpi, SHARP)
    pixels = tuple(round(sharper * n) for n in figure.canvas.get_width_height())
    return png(figure), "image/png", inches(*figure.get_size_inches(), pixels)


def film(story: Story, o, scene: Scene) -> tuple[bytes, str, str]:
    """Its pictures, smaller, as a GIF; if nobody said how many, fewer than the file will have."""
    how = look(o)
    chosen = how.times is not None or how.frames is not None
    reel = story.reel(replace(how, dpi=min(how.dpi, FILM_WIDE / how.width), frames=how.frames if chosen else FEW))
    fps, more = o.fps or reel.fps, {"hold_first": reel.hold_first, "labels": reel.labels, "background": how.background}
    with tempfile.TemporaryDirectory() as folder:
        out = save_film(reel.frames, Path(folder, "a.gif"), fps, max(1, reel.scale // 2), reel.hold_last, **more)
        content = out.read_bytes()
    said = _("A small copy: {n} pictures, {fps:g} each second.")
    fewer = "" if chosen else _("(The file has {n} or more.)").format(n=len(reel.frames))
    return content, "image/gif", f"{said.format(n=len(reel.frames), fps=fps)} {fewer}".strip()


def page(story: Story, o, scene: Scene) -> tuple[bytes, str, str]:
    """The page itself."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "a.html")
        story.page(out, o.title or "", About(scene.shows, story.alt, story.credit or OURS))
        content = out.read_bytes()
    return content, "text/html", _("One file of {kb:,} KB that works offline.").format(kb=len(content) // 1024 + 1)


PREVIEWS = {"picture": picture, "film": film, "page": page}
