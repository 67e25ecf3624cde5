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
FILM_WIDE = 400  # pixels of a film's


def picture(story: Story, o, scene: Scene) -> tuple[bytes, str, str]:
    """The picture itself; one with more dots per inch than a screen shows is drawn with fewer."""
    how = look(o)
    figure = story.still(replace(how, dpi=min(how.dpi, SHARP)))
    sharper = how.dpi / min(how.dpi, SHARP)
    pixels = tuple(round(sharper * n) for n in figure.canvas.get_width_height())
    return png(figure), "image/png", inches(*figure.get_size_inches(), pixels)


def film(story: Story, o, scene: Scene) -> tuple[bytes, str, str]:
    """All of its pictures, smaller, as a GIF."""
    how = look(o)
    reel = story.reel(replace(how, dpi=min(how.dpi, FILM_WIDE / how.width)))
    fps, more = o.fps or reel.fps, {"hold_first": reel.hold_first, "labels": reel.labels, "background": how.background}
    with tempfile.TemporaryDirectory() as folder:
        out = save_film(reel.frames, Path(folder, "a.gif"), fps, max(1, reel.scale // 2), reel.hold_last, **more)
        content = out.read_bytes()
    said = _("{n} pictures, {fps:g} each second; a small copy of the film")
    return content, "image/gif", said.format(n=len(reel.frames), fps=fps)


def page(story: Story, o, scene: Scene) -> tuple[bytes, str, str]:
    """The page itself."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "a.html")
        story.page(out, o.title or "", About(scene.shows, story.alt, story.credit or OURS))
        content = out.read_bytes()
    return content, "text/html", _("One file of {kb:,} KB that works offline.").format(kb=len(content) // 1024 + 1)


PREVIEWS = {"picture": picture, "film": film, "page": page}
