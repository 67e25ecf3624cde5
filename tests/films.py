"""To read a film as a viewer does: which panel, which line, which frame. A panel is called by the beginning of its title."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode

import numpy as np


def panel(player, title: str) -> dict:
    """The panel whose title begins so; there must be one and no other."""
    film = player if isinstance(player, list) else player.film["panels"]
    found = [p for p in film if p["title"].startswith(title)]
    assert len(found) == 1, f"{title!r} among {[p['title'] for p in film]}"
    return found[0]


def in_page(html: str) -> dict:
    """What an exported page knows: "value", "words", and "film" with the number of a table in place of each array; and its tables."""
    state = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.S)[1])
    return state | json.loads(zlib.decompress(b64decode(state["bytes"]))[: state["told"]])


def titles(player) -> list[str]:
    return [p["title"] for p in player.film["panels"]]


def pictures(player, title: str) -> np.ndarray:
    """Frames (F, H, W[, 3]) of a panel of stored pictures."""
    return stored(panel(player, title))


def frames_of(player, i: int) -> np.ndarray:
    """The same of panel i."""
    return stored(player.film["panels"][i])


def stored(p: dict) -> np.ndarray:
    shape = (-1, p["height"], p["width"], *([3] if p["channels"] == 3 else []))
    return np.frombuffer(p["data"], np.uint8).reshape(shape)


def mixed(player, title: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x0 and eps (C, H, W), and alpha_bar (F,), of a panel that the browser mixes."""
    p = panel(player, title)
    shape = (p["height"], p["width"], p["channels"])
    x0, eps = (np.frombuffer(p[k], "<f4").reshape(shape).transpose(2, 0, 1) for k in ("x0", "eps"))
    return x0, eps, np.frombuffer(p["alpha_bar"], "<f8")


def at(mark: dict, key: str) -> np.ndarray:
    return np.frombuffer(mark[key], "<f4").reshape(-1, mark["n"])


def mark(player, i: int, j: int = 0, key: str = "y") -> np.ndarray:
    """A plot's numbers (F or 1, N): mark j of panel i."""
    return at(player.film["panels"][i]["marks"][j], key)


def line(player, title: str, name: str = "") -> np.ndarray:
    """The heights (F or 1, N) of the line or bars that the legend calls so."""
    marks = [m for m in panel(player, title)["marks"] if m["name"] == name and m["kind"] != "points"]
    found = [m for m in marks if m["n"] > 2 - bool(name)]
    assert len(found) >= 1, name
    return at(found[0], "y")


def cloud(player, title: str, color: int, size: float | None = None) -> np.ndarray:
    """Points (F or 1, N, 2) of the first cloud of this colour (and size)."""
    marks = [m for m in panel(player, title)["marks"] if m["kind"] == "points" and m["colors"][0] == color]
    marks = [m for m in marks if size is None or m["size"] == size]
    x, y = np.broadcast_arrays(at(marks[0], "x"), at(marks[0], "y"))
    return np.stack([x, y], -1)


def numbers(text: str) -> list[float]:
    """Every number in a sentence, in order; thousands and percent too."""
    found = re.findall(r"[-−+]?\d[\d,]*\.?\d*(?:e[-+]\d+)?%?", text)
    whole = [(n.replace("−", "-").replace(",", ""), n.endswith("%")) for n in found]
    return [float(n.rstrip("%")) / (100 if percent else 1) for n, percent in whole]


def columns(table):
    """{row's name: {column's name: cell}} of a table as a notebook shows it."""

    def cells(row):
        return [re.sub("<[^>]*>", "", c) for c in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]

    head, *rows = (cells(row) for row in re.findall(r"<tr>(.*?)</tr>", table.html))
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}
