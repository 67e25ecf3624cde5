"""Lesson 07: an album with a place for each of a thousand kinds of sticker, which each family fills with what it draws."""

from __future__ import annotations

import numpy as np
import torch

from ...data import stickers
from ...data.paint import rgb
from ...evaluation.records import RECORDS, read
from ...viz.figures import grid
from ...viz.panels import Line, curve, pixels
from ...viz.player import FramePlayer
from ...viz.tables import Table, table
from ...words import N_, _
from .scores import REAL

MOMENTS = (10, 30, 100, 300, 1000, 2000, 3000, 5000, 10_000, 26_000)  # samples drawn, a frame each
CELL, EMPTY = 3, (184, 190, 198)  # pixels of a place in the album; its grey
SHIPPED = N_("DDPM that ships")


def _families() -> dict[str, str]:
    """How each is called, by its name in the film."""
    return {row["family"]: row["family"] for row in _raced()} | {"shipped": _(SHIPPED)}


def _raced() -> list[dict]:
    """The rows of the race, those that were recorded."""
    return read("thousand").get("race", {}).get("rows", [])


def album() -> FramePlayer:
    """What the DDPM that ships draws, and before it the families of a recorded race: 40 samples of each, and an album.

    The album has a row for each thing and a column for each paper, and in each field the ten colours. A place is filled when the first
    valid sticker of its kind is drawn; the slider is how many were drawn.
    """
    names, counts, panels = _families(), {}, []
    with np.load(RECORDS / "thousand.npz") as film:
        for name, called in names.items():
            kinds, shown = film[name].astype(int) - stickers.KINDS, film[f"{name} pictures"]
            filled = [np.unique(k[k >= 0]) for k in (kinds[:n] for n in MOMENTS)]
            counts[name] = np.array([len(f) for f in filled], float)
            panels.append(pixels(np.stack([_page(shown, f) for f in filled]), called))
    n = np.array(MOMENTS, float)
    real = stickers.KINDS * (1 - (1 - 1 / stickers.KINDS) ** n)
    lines = [Line(y, names[k], colour=i) for i, (k, y) in enumerate(counts.items())]
    lines.append(Line(real, _(REAL), colour=len(lines)))
    scale = {"log": "x", "xticks": [(v, f"{v:,}") for v in (10, 100, 1000, 10_000)], "ylim": (-30, 1050)}
    panels.append(curve(n, lines, _("kinds found, of 1,000"), xlabel=_("samples"), cursor=n, **scale))
    said = _("{n:,} samples: {found}; real ones {real:,.0f}")
    found = [", ".join(f"{names[f]} {c[i]:,.0f}" for f, c in counts.items()) for i in range(len(MOMENTS))]
    captions = [said.format(n=k, found=f, real=r) for k, f, r in zip(MOMENTS, found, real, strict=True)]
    look = {"labels": [f"n = {k:,}" for k in MOMENTS], "name": _("An album of a thousand stickers"), "fps": 1}
    return FramePlayer(panels, captions=captions, start=len(MOMENTS) - 1, **look)


def _page(shown: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """Samples (40, 16, 16, 3), and below them the album, in which these kinds are filled: bytes (H, W, 3)."""
    values = stickers.values_of(torch.arange(stickers.KINDS)).numpy()
    colours = np.array([rgb(code) for code in stickers.COLOURS.values()]) * 255
    cells = np.tile(np.array(EMPTY, np.uint8), (stickers.KINDS, 1))
    cells[filled] = colours[values[filled, 1]].round()
    field = 5 * CELL + 3, 2 * CELL + 3  # five colours, and below them five
    page = np.full((10 * field[1] - 3, 10 * field[0] - 3, 3), 255, np.uint8)
    for (thing, colour, paper), cell in zip(values, cells, strict=True):
        y, x = thing * field[1] + colour // 5 * CELL, paper * field[0] + colour % 5 * CELL
        page[y : y + CELL, x : x + CELL] = cell
    top = grid(np.ascontiguousarray(shown.transpose(0, 3, 1, 2)), columns=10, pad=2)
    wide = max(top.shape[1], page.shape[1])
    white = lambda a, below: np.pad(a, ((0, below), (0, wide - a.shape[1]), (0, 0)), constant_values=255)
    return np.concatenate([white(top, 6), white(page, 0)])


def album_table() -> Table:
    """The same in numbers: 26,000 samples of each beside as many fair draws."""
    book = read("thousand")
    longer = {"family": SHIPPED, "seen": book["shipped"]["card"]["seen"]}
    rows = [*_raced(), longer | book["shipped"]["rows"][0]]
    cells = [[r["family"], f"{r['valid']:.1%}", f"{r['modes']:,}", f"{r['kl']:.3f}", f"{r['seen']:,}"] for r in rows]
    floor = book["floor"]
    cells.append([REAL, "100.0%", f"{floor['modes']:,}", f"{floor['kl']:.3f}", ""])
    head = ["", N_("valid"), N_("kinds found"), N_("KL of the kinds"), N_("seen")]
    return table(head, cells, quiet=(REAL,))
