"""Lesson 13: a form in which any scene is chosen, changed, looked at, and taken away as a file.

box = studio("forward")          # .wish: what the form asks for;  .form, .seen, .progress, .made: what it is answered

The browser sends one `wish`. What follows from it without drawing (fields, faults, the command) is answered at once; the preview
comes from a thread, and only that of the newest wish is shown.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path, PurePath

import anywidget
import traitlets

from ...data.own import square
from ...files import check, expanded
from ...values import choice
from ...viz import still as stills
from ...viz.figures import FILES
from ...viz.look import Story
from ...viz.moving import FILMS
from ...viz.theme import heard_at_once, script
from ...viz.waiting import heard
from ...words import _, spoken
from ..common import Newest
from ..making import make
from ..roads import LESSONS
from ..scenes import PAGE, Scene, named, rooms, scenes
from ..worker import Worker
from .fields import fields, line, read, sentence
from .places import free, keep, misplaced, path_of, plain
from .previews import PREVIEWS
from .wording import NO_FFMPEG, WORDS

SHARED = ("background", "captions", "formula", "font", "width", "dpi")  # goes along from scene to scene
KEPT = 6  # files of which the form speaks
LARGEST, PART = 60 << 20, 1 << 20  # bytes of a file that is handed over, and of a part of it
MODES = {"picture": tuple(FILES), "film": FILMS, "page": PAGE}
NOTHING = dict(n=0, scene="", values=None, mode="picture", ending=".png", folder="", stem="", replace=False)


class Stopped(Exception):
    """Whoever waited waits no more."""


class Studio(stills.Stilled, anywidget.AnyWidget):
    """Made by `studio`.

    wish: {n, scene, values, mode, ending, folder, stem, replace}, from the browser; now: what is made of it. form: what is answered at once. picture, seen: the
    newest preview and what is said of it. progress: {what, share} while something is made. made: files that were written, the newest first.
    """

    _esm = script(__file__, "form.js")
    groups = traitlets.List().tag(sync=True)
    wish = traitlets.Dict().tag(sync=True)
    form = traitlets.Dict().tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)
    seen = traitlets.Dict().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)
    made = traitlets.List().tag(sync=True)
    words = traitlets.Dict().tag(sync=True)

    def __init__(self, scene: str, folder: str, values: dict):
        self._scenes = scenes()
        self._lock, self._newest, self._halt = threading.RLock(), Newest(), threading.Event()
        self._kept: dict[str, dict] = {}  # what was typed for each scene, and, under "", of how it looks
        self._story: tuple = (None, None)
        self._shown: tuple = ()
        self._parts: dict[str, list[bytes]] = {}
        self._still, self._told, self._current = b"", 0.0, ""
        self.worker = Worker("studio")
        shown = {_group(n): [[s.name, _(s.shows)] for s in room] for n, room in rooms().items() if room}
        groups = [{"name": name, "scenes": room} for name, room in shown.items()]
        super().__init__(words=spoken(WORDS) | {"largest": LARGEST, "part": PART}, groups=groups)
        heard_at_once(self)
        stills.fresh(self, self.still, self.alt)
        self.on_msg(lambda widget, content, buffers: self._hear(content, buffers))
        self.observe(lambda change: self._wished(), "wish")
        self.now = NOTHING
        self.wish = NOTHING | {"scene": scene, "values": values, "folder": folder}

    # ---- what is asked

    def choose(self, scene: str | None = None, **wish) -> None:
        """As if it were chosen in the form: a scene, values={...}, mode, ending, folder, stem, replace."""
        here = self.now | {"n": max(self.now["n"], self.wish["n"]) + 1}
        if scene not in (None, self.now["scene"]):
            here |= {"scene": scene, "values": None}
        self.wish = here | wish

    def _wished(self) -> None:
        with self._lock:
            wish = self._cleaned()
            new = wish["scene"] != self._current
            scene = self._scenes[wish["scene"]]
            names = {option.name for option, _only in scene.choices}
            values = wish["values"]
            if values is None:
                values = self._kept.get(scene.name, {}) | self._kept.get("", {})
            values = {k: v for k, v in values.items() if k in names}
            self._kept[scene.name] = {k: v for k, v in values.items() if k not in SHARED}
            self._kept[""] = self._kept.get("", {}) | {k: v for k, v in values.items() if k in SHARED}
            if new and wish["stem"] in ("", self._current):
                wish["stem"] = scene.name
            self._current = scene.name
            self.now = wish = wish | {"values": values}
            o, words, faults = read(scene, values, wish["ending"])
            out = path_of(wish, wish["ending"])
            faults |= misplaced(wish)
            said = {"command": line(["figure", scene.name, *words, "--out", str(out)]), "faults": faults}
            shown = {"shows": _(scene.shows), "fields": fields(scene), "values": values}
            shown |= {"modes": self._modes(scene), "offers": self._offers(wish["mode"])}
            self.form = {k: wish[k] for k in ("n", "scene", "mode", "ending", "folder", "stem")} | said | shown
            if faults:
                self._say(wish["n"], next(iter(faults.values())), bad=True, field=next(iter(faults)))
            elif self._of(scene, o, wish) == self._shown and not self.seen["bad"]:
                self._newest.ask(lambda stale: None)  # what is still being drawn is not wanted any more
                self.seen = self.seen | {"n": wish["n"]}
            else:
                self._halt.clear()
                self._newest.ask(lambda stale: self._preview(scene, o, wish, stale))

    def _cleaned(self) -> dict:
        """The wish as it may be: a browser is not trusted."""
        w = NOTHING | dict(self.wish)
        named(w["scene"])
        w["values"] = w["values"] if w["values"] is None else {str(k): v for k, v in dict(w["values"]).items()}
        modes = self._modes(self._scenes[w["scene"]])
        w["mode"] = w["mode"] if w["mode"] in modes else "picture"
        w["ending"] = w["ending"] if w["ending"] in MODES[w["mode"]] else MODES[w["mode"]][0]
        return w

    @staticmethod
    def _modes(scene: Scene) -> list[str]:
        return [mode for mode, endings in MODES.items() if endings[0] in scene.endings]

    @staticmethod
    def _offers(mode: str) -> list[dict]:
        why = {".mp4": "" if shutil.which("ffmpeg") else _(NO_FFMPEG)}
        called = lambda ending: {".webp": "WebP"}.get(ending, ending[1:].upper())
        return [{"ending": e, "name": called(e), "why": why.get(e, "")} for e in MODES[mode]]

    # ---- the preview

    @staticmethod
    def _of(scene: Scene, o, wish: dict) -> tuple:
        """All that decides what a preview looks like."""
        chosen = [getattr(o, option.name) for option, _only in scene.choices]
        return (scene.name, repr(chosen), [_changed(value) for value in chosen], wish["mode"])

    def _preview(self, scene: Scene, o, wish: dict, stale: Callable[[], bool]) -> None:
        def say(share: float) -> None:
            if stale() or self._halt.is_set():
                raise Stopped
            self._tell("preview", share)

        if not self.worker.busy:  # whose progress is shown
            self.progress = {"what": "preview", "share": 0}
        try:
            with heard(say):
                story = self._story_of(scene, o)
                content, kind, info = PREVIEWS[wish["mode"]](story, o, scene)
        except Stopped:
            if not stale():
                self._say(wish["n"], _("Stopped: what you see is the picture before."))
            return
        except Exception as error:
            if not stale():
                self._say(wish["n"], sentence(error), bad=True)
            return
        if stale():
            return
        with self.hold_sync():
            self.picture = content
            self._done("preview")
            self._shown = self._of(scene, o, wish)
            self._still = content if kind == "image/png" else self._still
            told = {"says": info, "bad": False, "notes": list(story.notes), "alt": story.alt}
            self.seen = told | {"n": wish["n"], "kind": kind, "paper": getattr(o, "background", "")}

    def _story_of(self, scene: Scene, o) -> Story:
        """What the scene has to show, made once for all its looks."""
        own = [getattr(o, option.name) for option in scene.options]
        key = (scene.name, repr(own), o.ending in FILMS, [_changed(value) for value in own])
        with self._lock:
            if self._story[0] == key:
                return self._story[1]
        story = scene.draw(o)
        with self._lock:
            self._story = (key, story)
        return story

    def _say(self, n: int, text: str, bad: bool = False, field: str = "") -> None:
        """A sentence in place of what is said of the preview, which stays as it is."""
        with self.hold_sync():
            self._done("preview")
            self.seen = self.seen | {"n": n, "says": text, "bad": bad, "field": field, "notes": []}

    def _done(self, what: str) -> None:
        if (self.progress.get("what") == "preview") == (what == "preview"):
            self.progress = {}

    def _tell(self, what: str, share: float) -> None:
        """How far it is, at most ten times a second; a file goes before a preview."""
        now = time.monotonic()
        if now - self._told > 0.1 and not (what == "preview" and self.worker.busy):
            self._told, self.progress = now, {"what": what, "share": round(share, 3)}

    # ---- files

    def _hear(self, content: dict, buffers: list) -> None:
        if content.get("stop"):
            self._halt.set()
            self.worker.halt()
        elif content.get("make") in (*FILES, *FILMS, *PAGE):
            if isinstance(content.get("wish"), dict):  # the press is faster than what was typed before it
                self.wish = content["wish"]
            self.write(content["make"])
        elif "part" in content:
            self._receive(content, bytes(buffers[0]) if buffers else b"")

    def write(self, ending: str) -> None:
        """Write what is chosen as a file of this ending, beside the browser's messages."""
        with self._lock:
            wish, scene = self.now, self._scenes[self.now["scene"]]
            o, words, faults = read(scene, wish["values"], ending)
            faults |= misplaced(wish)
            if faults or self.worker.busy:
                busy = _("A file is being written: this comes after it.")
                return self._say(wish["n"], next(iter(faults.values()), busy), bad=True)
            out = path_of(wish, ending)
            target = out if wish["replace"] else free(out)
            told = ["figure", scene.name, *words, "--out", str(target)]

        def say(share: float) -> None:
            if self.worker.stopping.is_set():
                raise Stopped
            self._tell(target.name, share)

        def work() -> None:
            place = expanded(target)
            there = place.exists()
            place.parent.mkdir(parents=True, exist_ok=True)
            check(place)
            with heard(say):
                made = make(scene, o, place, told, self._story_of(scene, o))
            said = _("It takes the place of the file that was there.") if there else ""
            if target != out and not there:
                said = _("{name} was there already, and stays: this is {new}.").format(name=out.name, new=target.name)
            entry = {"path": str(target), "folder": str(place.parent.resolve()), "command": line(told), "said": said}
            entry |= {key: getattr(made, key) for key in ("size", "licence", "alt", "tag")}
            self.made = [entry, *(m for m in self.made if m["path"] != entry["path"])][:KEPT]

        def ended() -> None:
            self._done(target.name)
            if isinstance(self.worker.error, Stopped):
                self._say(wish["n"], _("Stopped: {name} is not written.").format(name=target.name))
            elif self.worker.error:
                self._say(wish["n"], sentence(self.worker.error), bad=True)
            else:
                done = _("✓ {name} is written, {size}. Its alt text and its line for a page stand below.")
                self._say(self.now["n"], done.format(name=target, size=self.made[0]["size"]))

        self.worker.start(work, begun=lambda: self._tell(target.name, 0.0), ended=ended)

    def _receive(self, content: dict, data: bytes) -> None:
        """A part of a file from the browser; with the last one it is kept in the folder, so that the command can name it."""
        name, field = plain(str(content.get("name", ""))), str(content.get("field", ""))
        parts = self._parts.setdefault(str(content.get("id")), [])
        parts.append(data)
        if sum(map(len, parts)) > LARGEST:
            return self._refuse(content, _(WORDS["large"]).format(name=name, mb=LARGEST >> 20))
        if content["part"] + 1 < content.get("parts", 1):
            return
        whole = b"".join(self._parts.pop(str(content.get("id"))))
        try:
            if PurePath(name).suffix.lower() != ".safetensors":
                square(whole, 8)  # or says what is wrong with it
            path = keep(self.now["folder"], name, whole)
        except (ValueError, OSError) as error:
            return self._refuse(content, f"{name}: {sentence(error)}")
        kind = {f["name"]: f["kind"] for f in self.form["fields"]}.get(field)
        if kind not in ("file", "files"):
            return
        before = self.now["values"].get(field, "") if kind == "files" else ""
        group = {f["name"]: f["group"] for f in self.form["fields"]}
        others = {name for name, own in group.items() if own and name != field and own == group[field]}
        values = {k: v for k, v in self.now["values"].items() if k not in others}
        self.choose(values=values | {field: "\n".join(filter(None, [before, str(path)]))})

    def _refuse(self, content: dict, text: str) -> None:
        self._parts.pop(str(content.get("id")), None)
        self._say(self.now["n"], text, bad=True, field=str(content.get("field", "")))

    # ---- where no JavaScript runs

    def still(self) -> bytes:
        """PNG of the picture on show."""
        return self._still

    def alt(self) -> str:
        """What is on show, in words, and the command that makes it."""
        said = _("Studio: {alt} The same from a terminal: {command}")
        return said.format(alt=self.seen.get("alt", ""), command=self.form.get("command", ""))


def _group(number: str) -> str:
    return _("Lesson {number}: {question}").format(number=number, question=_(LESSONS[number][1]))


def _changed(value) -> list:
    """When the files among an option's values were last changed: another picture under the same name is another picture."""
    found = value if isinstance(value, list) else [value]
    return [os.stat(p).st_mtime_ns for p in found if isinstance(p, Path) and p.exists()]


def studio(scene: str = "forward", folder: str = "", **values) -> Studio:
    """Choose a scene, change it, see it, and write it as a file: PNG, SVG, PDF, GIF, WebP, MP4 or a page.

    scene: to begin with; folder: where files go, "" is beside the notebook; values: of the scene's options, such as caption="black cat".
    """
    chosen = named(scene)
    for name in values:
        choice(name, [option.name for option, _only in chosen.choices], f"The scene {scene!r} has no option called")
    return Studio(scene, folder, {k: v if isinstance(v, bool) else str(v) for k, v in values.items()})
