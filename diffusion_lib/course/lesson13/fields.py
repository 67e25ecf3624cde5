"""Lesson 13: what can be chosen of a scene, as fields of a form; and what stands in them, as the words of a command.

Nothing here knows a scene: the fields come from `scene.choices`, as the options of the shell do.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from types import SimpleNamespace

from ...files import expanded
from ...words import N_, _
from ..scenes import LOOK, Option, Scene

FRONT = ("t", "background", "captions", "formula")  # of how it looks; the rest waits behind a click
SLIDES = 100  # a wider range is typed
SAID = {"en": N_("English"), "ja": N_("Japanese")}  # other values say what they are
N_("none"), N_("on"), N_("off"), N_("light"), N_("dark"), N_("transparent")
KINDS = {int: "number", float: "number", str: "text"}
DEFAULT = re.compile(r",?\s?one\sof\s%\(choices\)s|\s*\(default:\s%\(default\)s\)|\s*\(default[^()]*\)")


def fields(scene: Scene) -> list[dict]:
    """What the form shows of a scene, in the order of its help."""
    return [_field(option, only) for option, only in scene.choices]


def _field(o: Option, only: Sequence[str]) -> dict:
    """An option as JavaScript has it. usual: what it is where the field is empty; auto: the scene thinks for itself."""
    kind = "choice" if o.choices is not None else KINDS.get(o.kind, o.kind)
    names = list(o.choices() if callable(o.choices) else o.choices or ())
    usual = o.usual if o.default is None else _(o.default) if isinstance(o.default, str) else str(o.default)
    slides = kind == "number" and not o.many and o.high - o.low <= SLIDES
    return {
        "name": o.name,
        "says": says(o),
        "kind": "numbers" if o.many else kind,
        "choices": [[name, _(SAID.get(name, name))] for name in names],
        "usual": usual,
        "low": o.low,
        "high": o.high,
        "step": (1 if o.kind is int else _step(o.high - o.low)) if slides else None,
        "slides": slides,
        "group": o.group,
        "only": list(only),
        "part": "own" if o.name not in LOOK else "look" if o.name in FRONT else "more",
    }


def _step(wide: float) -> float:
    return 0.05 if wide <= 2 else 0.5


def says(o: Option) -> str:
    """What an option does; that it has a default, and which values, the field shows by itself (in English: else they are said)."""
    names = o.choices() if callable(o.choices) else o.choices or ()
    filled = {"%(choices)s": ", ".join(names), "%(default)s": str(o.default)}
    said = DEFAULT.sub("", _(o.says))
    for hole, text in filled.items():
        said = said.replace(hole, text)
    return said


# ---------------------------------------------------------------------------------------- what stands in them


def read(scene: Scene, values: dict, ending: str) -> tuple[SimpleNamespace, list[str], dict[str, str]]:
    """(o, words, faults): what is chosen by name, the same as words of the shell, and a sentence for each field that is wrong.

    values: text, or True, by name; "" or nothing is what is usual. What means nothing for a file of this ending is left out.
    """
    o = SimpleNamespace(**{option.name: option.default for option, _only in scene.choices}, ending=ending)
    words, faults, groups = [], {}, {}
    for option, only in scene.choices:
        text = values.get(option.name, "")
        text = text if isinstance(text, bool) else str(text).strip()
        if not text or (only and ending not in only):
            continue
        try:
            value, said = _value(option, text)
        except ValueError as error:
            faults[option.name] = str(error)
            continue
        usual = option.default if option.choices is None else option.default or option.usual
        if value == usual:
            continue
        if option.group and (other := groups.setdefault(option.group, option.name)) != option.name:
            faults[option.name] = _("Only one of {a} and {b}: clear the other.").format(a=other, b=option.name)
            continue
        setattr(o, option.name, value)
        words += said
    return o, words, faults


def _value(o: Option, text) -> tuple:
    """(value, words of the shell). ValueError with a sentence for the field."""
    option = f"--{o.name}"
    if o.kind == "flag":
        return bool(text), [option]
    if o.choices is not None:
        names = list(o.choices() if callable(o.choices) else o.choices)
        if text not in names:
            raise ValueError(_("There is no {text}: choose one of {names}.").format(text=text, names=", ".join(names)))
        return text, [option, text]
    if o.kind == "files":
        paths = [line.strip() for line in text.splitlines() if line.strip()]
        return [expanded(p) for p in paths], [option, *paths]
    if o.kind in ("file", "folder"):
        return expanded(text), _pair(option, text)
    if o.kind in (int, float):
        parts = re.split(r"[\s,;]+", text.strip(" ,;")) if o.many else [text]
        numbers = [_number(o, part) for part in parts if part]
        return (numbers if o.many else numbers[0]), [option, *(part for part in parts if part)]
    return text, _pair(option, text)


def _number(o: Option, text: str) -> float:
    try:
        value = o.kind(text)
        if o.low <= value <= o.high and math.isfinite(value):
            return value
    except ValueError:
        pass
    whole = _("a whole number from {low:,} to {high:,}, and this is {text}.")
    some = _("a number from {low:,} to {high:,}, and this is {text}.")
    raise ValueError((whole if o.kind is int else some).format(low=o.low, high=o.high, text=text[:40]))


def _pair(option: str, text: str) -> list[str]:
    return [f"{option}={text}"] if text.startswith("-") else [option, text]


def line(words: Sequence[str]) -> str:
    """The command as one types it into a shell of this system."""
    words = ["python", "-m", "diffusion_lib", *words]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def inches(wide: float, high: float, pixels: tuple[int, int]) -> str:
    """How large a picture is, in its file and in print."""
    said = _("{w:,} × {h:,} pixels; in print {wide:.1f} × {high:.1f} cm, {dpi:.0f} dots per inch")
    return said.format(w=pixels[0], h=pixels[1], wide=2.54 * wide, high=2.54 * high, dpi=pixels[0] / wide)


def sentence(error: BaseException) -> str:
    """What went wrong, in one line; an option is called by the name of its field."""
    words = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, ValueError | OSError) and words:
        return re.sub(r"--(\w+)", r"“\1”", words)
    return _("It broke off: {error}").format(error=f"{type(error).__name__}: {words}")
