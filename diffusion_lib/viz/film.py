"""A film: panels that share their frames, and the words to each. A player plays it, a still shows one frame, a page keeps it all.

    film = Film([pixels(x, "x_{t}")], captions=[...]);  film.still(0);  film.save_html("film.html")

Its numbers are arrays; they become bytes where they leave for a browser (``packed``).
"""

from __future__ import annotations

import base64
import html
import json
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from ..files import expanded, write
from ..values import integer, need
from ..words import N_, _, code, spoken
from . import still as stills
from .about import About
from .packing import agree, bytes_in, packed, texts
from .pressing import pressed
from .theme import script

SOURCE = script(__file__, "panels.js", "player.js", "page.js")
WORDS = {name: name for name in (N_("Previous"), N_("Play"), N_("Pause"), N_("Next"), N_("Frame"), N_("Speed"))}
LIMIT_MB = 64  # more than this is slow to send and to keep in a browser tab on a classroom laptop


@dataclass(eq=False)
class Film:
    """panels: made by pixels, mix, scatter, curve; all with the same number of frames, or one that stands still.

    captions: a sentence, or one per frame. labels: short readouts, one per frame ("t = 37"). name: what the film shows, for
    screen readers. fps: frames per second of Play. panel_width: height of the panels (= width of a square one) in screen
    pixels; None fits them to the page. grown: how often it was changed, a frame appended or all. Raises ValueError with a sentence.
    """

    panels: list[dict]
    captions: str | list[str] | None = None
    labels: str | list[str] | None = None
    name: str = ""
    fps: float = 10
    loop: bool = False
    panel_width: float | None = None
    grown: int = 0

    def __post_init__(self):
        panels = [self.panels] if isinstance(self.panels, dict) else list(self.panels)
        said = "a player needs at least one panel made by pixels(), mix(), scatter() or curve()."
        need(panels and all(isinstance(p, dict) and "kind" in p for p in panels), said)
        need(0 < self.fps <= 60, f"fps is in frames per second, more than 0 and at most 60, got {self.fps}.")
        said = f"panel_width is in screen pixels, 20 to 2000, or None to fit, got {self.panel_width}."
        need(self.panel_width is None or 20 <= self.panel_width <= 2000, said)
        self.panels, self.fps, self.loop = panels, float(self.fps), bool(self.loop)
        self.captions, self.labels = texts(self.captions, "captions"), texts(self.labels, "labels")
        self.name = self.name or ", ".join(p["title"] for p in panels if p["title"]) or "film"
        self.frames = agree("the player", [*(p["frames"] for p in panels), len(self.captions), len(self.labels)])
        megabytes = sum(map(bytes_in, panels)) / 2**20
        said = f"these panels hold {megabytes:.0f} MB and the limit is {LIMIT_MB} MB: use fewer frames or smaller pictures."
        need(megabytes <= LIMIT_MB, said)

    def __getitem__(self, key: str):
        return getattr(self, key)

    def packed(self) -> dict:
        """What the browser gets: every number of an array as bytes."""
        return packed(vars(self))

    def alt(self, i: int) -> str:
        """What frame i shows, in words."""
        words = [self.name, stills.label(self, i), stills.pick(self.captions, i)]
        return ". ".join(w for w in words if w)

    def still(self, i: int) -> bytes:
        """PNG of frame i, twice the size of the screen."""
        last = self.frames - 1
        i = integer(i, 0, last, f"still needs a frame from 0 to {last}, got {i}.")
        return stills.still(self, i)

    def changed(self, **new) -> Film:
        """Another film: what is None stays as it was."""
        return replace(self, grown=self.grown + 1, **{key: value for key, value in new.items() if value is not None})

    def append(self, panels, *, captions=None, labels=None, keep=None) -> tuple[Film, dict]:
        """The film with one frame more, and what a browser that has this one needs to make the same of it.

        panels: like those of the film. One that shows the new frame alone is joined to what was there, and what stood still,
        stands still; one that has all frames takes the old one's place. captions, labels: of the new frame. keep: which of the
        frames until now stay (indices, ascending); None: all.
        """
        keep = list(range(self.frames)) if keep is None else [int(k) for k in keep]
        total = len(keep) + 1
        panels = [panels] if isinstance(panels, dict) else list(panels)
        said = "append needs a film of two frames or more, of which it keeps one or more, and as many panels."
        need(self.frames >= 2 and total >= 2 and len(panels) == len(self.panels), said)
        words = {"captions": texts(captions, "captions"), "labels": texts(labels, "labels")}
        words = _moving({key: getattr(self, key) for key in words}, words)
        sent = [
            {"whole": new} if new["frames"] == total else _moving(old, new)
            for old, new in zip(self.panels, panels, strict=True)
        ]
        shown = [_joined(old, more, keep) for old, more in zip(self.panels, sent, strict=True)]
        both = {key: [getattr(self, key)[k] for k in keep] + new for key, new in words.items()}
        film = replace(self, panels=shown, grown=self.grown + 1, **both)
        return film, packed({"after": self.grown, "keep": keep, "panels": sent, "frames": total, **words})

    def save_html(self, path, i: int = 0, *, words=None, title="", description="", about: About | None = None) -> Path:
        """Write it as one file that plays without network, kernel or Python, from frame i on: the same player.js, the frames.

        words: the names of the controls; None: in the language chosen. about: what stands in its head. The file appears whole or not
        at all. Size: the frames, pressed and in base64 (4/3), and less than 44 KB. Returns its path.
        """
        state = {"value": i, "words": words or spoken(WORDS), **pressed(vars(self))}
        # In JSON "<" only occurs inside strings, so no text of a learner can end the script element.
        film = json.dumps(state, default=lambda content: base64.b64encode(content).decode())
        source = SOURCE + "\nstandalone();\n"
        page = PAGE.format(
            lang=code(),
            title=html.escape(title or self.name),
            allowed=base64.b64encode(sha256(source.encode()).digest()).decode(),
            film=film.replace("<", "\\u003c"),
            script=source,
            heading=f"<h1>{html.escape(title)}</h1>" if title else "",
            text="".join(f"<p>{html.escape(p)}</p>" for p in description.split("\n\n") if p),
            without=_("This film needs JavaScript."),
            about=about.head() if about else "",
        )
        path = expanded(path)
        write(path, page)
        return path


def _moving(old: dict, new: dict) -> dict:
    """The parts of `new`, which shows one frame, for all of `old` that is another in each frame."""
    found = {}
    for key, was in old.items():
        if isinstance(was, dict):
            found[key] = _moving(was, new[key])
        elif key == "marks":
            found[key] = [_moving(*pair) for pair in zip(was, new[key], strict=True)]
        elif _moves(key, was):
            is_like = len(new[key]) == 1 and np.shape(new[key])[1:] == np.shape(was)[1:]
            said = f"append needs one frame of {key!r} like those before, {np.shape(was)}, got {np.shape(new[key])}."
            need(is_like, said)
            found[key] = new[key]
    return found


def _moves(key: str, part) -> bool:
    """Has it a row, or a text, for each frame?"""
    if isinstance(part, np.ndarray):
        return len(part) > 1 and key not in ("x0", "eps")  # one picture, whose rows are its own
    return isinstance(part, list) and len(part) > 1 and all(isinstance(text, str) for text in part)


def _joined(old: dict, more: dict, keep: list[int]) -> dict:
    """`old` with the frames `keep`, and the one that `_moving` has found."""
    if "whole" in more:
        return more["whole"]
    found = dict(old)
    for key, new in more.items():
        was = old[key]
        if isinstance(new, dict):
            found[key] = _joined(was, new, keep)
        elif key == "marks":
            found[key] = [_joined(*pair, keep) for pair in zip(was, new, strict=True)]
        else:
            found[key] = (
                np.concatenate([was[keep], new]) if isinstance(new, np.ndarray) else [was[k] for k in keep] + new
            )
    return found | ({"frames": len(keep) + 1} if old.get("frames", 1) > 1 else {})


PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-{allowed}';
 style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>{about}
<style>
:root {{ color-scheme: light dark; font: 17px/1.55 system-ui, sans-serif; }}
body {{ max-width: 1080px; margin: 0 auto; padding: 24px 16px 48px; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14171a; color: #e8eaed; }} }}
h1, p {{ overflow-wrap: anywhere; max-width: 46em; margin: 0 0 1.2em; }}
h1 {{ font-size: 1.7rem; line-height: 1.25; margin-bottom: .4em; }}
</style></head>
<body>{heading}{text}<main class="film-player"><noscript>{without}</noscript>
<script type="application/json">{film}</script></main>
<script type="module">{script}</script>
</body></html>
"""
