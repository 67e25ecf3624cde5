"""Lesson 13: where files of the form go, and how they are called."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath

from ...files import expanded, write
from ...viz.figures import FILES
from ...viz.moving import FILMS
from ...words import _
from ..scenes import PAGE


def path_of(wish: dict, ending: str) -> Path:
    """The file that a wish names: folder, name and ending."""
    stem = wish["stem"].strip() or wish["scene"]
    if PurePath(stem).suffix.lower() in (*FILES, *FILMS, *PAGE):
        stem = PurePath(stem).stem
    return Path(wish["folder"].strip()) / f"{stem}{ending}"


def misplaced(wish: dict) -> dict[str, str]:
    """What is wrong with the folder or the name of the file, as faults of their fields."""
    stem, faults = wish["stem"].strip(), {}
    if re.search(r'[/\\:*?"<>|\x00-\x1f]', stem) or stem.startswith(".") or len(stem.encode()) > 200:
        faults[":stem"] = _(
            "A file's name has no / \\ : * ? \" < > |, begins with no dot, and has at most 200 bytes: choose another."
        )
    try:
        folder = expanded(wish["folder"].strip() or ".")
        if folder.exists() and not folder.is_dir():
            faults[":folder"] = _("{name} is a file: name a folder.").format(name=folder)
    except (ValueError, OSError) as error:
        faults[":folder"] = str(error)
    return faults


def free(path: Path) -> Path:
    """The path, or, if something is there, the first of name-2, name-3, ... that is free."""
    place, n = path, 1
    while os.path.lexists(expanded(place)):
        n += 1
        place = path.with_name(f"{path.stem}-{n}{path.suffix}")
    return place


def plain(name: str) -> str:
    """The name of a file from elsewhere as it may be here: no folder, nothing that a shell or a disk stumbles over."""
    name = re.sub(r'[\x00-\x1f:*?"<>|]', "_", PurePath(name.replace("\\", "/")).name).lstrip(".-") or "picture.png"
    return PurePath(name).stem[:80] + PurePath(name).suffix[:12]


def keep(folder: str, name: str, content: bytes) -> Path:
    """Where the file lies from now on: its old place, if it was handed over before. OSError if it cannot be written."""
    path = Path(folder.strip()) / name
    expanded(path).parent.mkdir(parents=True, exist_ok=True)
    if expanded(path).is_file() and expanded(path).read_bytes() == content:
        return path
    path = free(path)
    write(path, content)
    return path
