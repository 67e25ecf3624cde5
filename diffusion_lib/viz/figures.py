"""Data in, picture out: strips of pictures for a page or a blog, letters, and files. No widgets.

    save(strip(x, ["$t = 0$", "$t = 500$", "$t = 1000$"], above=FORWARD), "forward.svg")

Never pyplot, which is global: callbacks of widgets run on another thread since JupyterLab 4.4. Each call makes a Figure of its
own, and one lock guards the drawing, because Matplotlib's settings and its parser of formulas are shared by all threads.
Sizes are in inches; 8 make about 1600 pixels. background: "white", "dark", or "transparent" for pages of any colour.
"""

from __future__ import annotations

import importlib.util
import os
import re
import threading
import warnings
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from html import escape
from io import BytesIO
from itertools import groupby
from pathlib import Path

import matplotlib
import matplotlib.figure
import matplotlib.style
import matplotlib.text
import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageFont
from torch import Tensor

from ..files import expanded, whole
from ..values import array, integer, need
from .about import About
from .theme import DARK, LIGHT

PALETTE, ON_DARK = LIGHT["colors"], DARK["colors"]
DASHES = ["-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 2)), (0, (9, 2)), (0, (1, 3))]
PAPER = {  # background: (paper, ink, quiet ink, grid, palette)
    "white": ("#ffffff", "#1f2328", "#59636e", "#e4e8ec", PALETTE),
    "dark": ("#14171a", "#e8eaed", "#9aa4ae", "#30363d", ON_DARK),
    "transparent": ("none", "#7a828b", "#7a828b", "#7a828b40", PALETTE),
}
STYLE = {
    "font.family": "DejaVu Sans",  # it and the formulas' font come with Matplotlib: the same picture on every machine
    "mathtext.fontset": "cm",
    "svg.fonttype": "path",
    "svg.hashsalt": "diffusion_lib",  # or every run invents other names for its clip paths
}
FILES = {  # what savefig needs in order to write the same bytes every time
    ".png": {"metadata": {"Software": None}},
    ".svg": {"metadata": {"Date": None}},
    ".pdf": {"metadata": {"CreationDate": None}},
    ".jpg": {"pil_kwargs": {"quality": 92, "subsampling": 0}},  # noise is all detail: keep its colours whole
}
FORWARD, REVERSE = r"$q(x_t \mid x_{t{-}1})$", r"$p_\theta(x_{t{-}1} \mid x_t)$"
_LOCK = threading.RLock()


@contextmanager
def drawing() -> Iterator[None]:
    """Nobody else draws meanwhile, and a reader's own matplotlibrc does not change our pictures."""
    with _LOCK, matplotlib.style.context(["default", STYLE]):
        yield


class Figure(matplotlib.figure.Figure):
    """A Matplotlib figure with its own canvas, which a notebook shows without pyplot. alt: what it shows, for those who do not see it."""

    alt = ""

    def __init__(self, width: float, height: float, background: str = "white", dpi: float = 200, **more):
        known = ", ".join(PAPER)
        need(background in PAPER, f"There is no background {background!r}: choose one of {known}.")
        super().__init__((width, height), dpi, facecolor=PAPER[background][0], **more)
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        return png(self)

    def _repr_html_(self) -> str | None:
        """The picture with its words, if it has any; else None, and the notebook takes the PNG."""
        if not self.alt:
            return None
        data = b64encode(png(self)).decode()
        wide = round(96 * self.get_figwidth())
        return f'<img alt="{escape(self.alt)}" src="data:image/png;base64,{data}" width="{wide}" style="max-width:100%; height:auto">'


# ---------------------------------------------------------------------------------------- letters
# DejaVu has Greek, Cyrillic and accents, which Pillow's own font lacks, but no Japanese: that comes from a package that brings
# a font and nothing else that we use (its import would change Matplotlib's settings), or from the system's fonts.

DEJAVU = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf"
JAPANESE = "matplotlib-fontja"
# kana, kanji, their punctuation and wide forms
_JAPANESE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")
_UNKNOWN: set[str] = set()  # letters that were looked for in vain, and said


@cache
def _system_fonts() -> list[str]:
    """Files of all fonts, the best for running text first. Asked anew in each process, so a font just installed is there."""
    good = re.compile(r"cjk.?jp|sans.?jp|gothic|hiragino|meiryo|takao|ipa|cjk|sans", re.I)
    odd = re.compile(r"bold|black|italic|oblique|light|thin|mono|serif|mincho", re.I)
    fonts = [f for f in font_manager.findSystemFonts() if not re.search(r"emoji|lastresort|dejavu", f, re.I)]
    return sorted(fonts, key=lambda f: (not good.search(Path(f).name), bool(odd.search(Path(f).name)), f))


def _package_font() -> list[str]:
    """The font of the package `JAPANESE`, if it is installed; asked for when a text has a letter that DejaVu lacks."""
    spec = importlib.util.find_spec(JAPANESE.replace("-", "_"))
    fonts = Path(spec.origin).with_name("fonts").glob("*.ttf") if spec and spec.origin else ()
    return sorted(map(str, fonts))


@cache
def _font_of(letter: str) -> str:
    """The file of a font that has this letter; DejaVu, which has not, if none has: see `_spelled`."""
    for fonts in (lambda: [DEJAVU], _package_font, _system_fonts) if letter.isprintable() else ():
        for path in fonts():
            with suppress(Exception):
                if FT2Font(path).get_char_index(ord(letter)):
                    return path
    _UNKNOWN.add(letter)
    return DEJAVU


def _spelled(text: str) -> str:
    """A letter that no font has as its number, [732B]: two such letters stay two, where boxes would all be alike."""
    return "".join(f"[{ord(c):04X}]" if c in _UNKNOWN and c.isprintable() else c for c in text)


def _fonts(text: str) -> list[str]:
    """The font of each letter; one warning for those that have none."""
    before = set(_UNKNOWN)
    fonts = [_font_of(letter) for letter in text]
    if new := "".join(sorted(letter for letter in _UNKNOWN - before if letter.isprintable())):
        japanese = f"Install the package {JAPANESE}, which brings one: pip install {JAPANESE}"
        other = "Install a font that has them, such as one of the Noto fonts"
        cure = japanese if _JAPANESE.search(new) else other
        warnings.warn(
            f"No font on this computer has {new}: pictures show their numbers, {_spelled(new)}. {cure} (the browser may have its own).",
            stacklevel=3,
        )
    return fonts


def _truetype(path: str, size: float, bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path.replace("DejaVuSans.ttf", "DejaVuSans-Bold.ttf") if bold else path, size)


def lettering(text: str, size: float, bold: bool = False) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """The text in pieces, each with a font that has its letters."""
    pieces = groupby(zip(text, _fonts(text), strict=True), key=lambda pair: pair[1])
    return [(_spelled("".join(letter for letter, _ in part)), _truetype(path, size, bold)) for path, part in pieces]


def _families(text: str) -> list[str]:
    """What Matplotlib takes the letters from, one after the other."""
    names = ["DejaVu Sans"]
    for path in dict.fromkeys(_fonts(text)):
        if path != DEJAVU:
            font_manager.fontManager.addfont(path)
            names.append(FT2Font(path).family_name)
    return names


def _lettered(figure: matplotlib.figure.Figure) -> matplotlib.figure.Figure:
    for text in figure.findobj(matplotlib.text.Text):
        if not text.get_text().isascii() and text.get_fontfamily() == ["DejaVu Sans"]:
            text.set_fontfamily(_families(text.get_text()))
            text.set_text(_spelled(text.get_text()))
    return figure


# ---------------------------------------------------------------------------------------- pictures as bytes


def to_uint8(x: Tensor) -> np.ndarray:
    """Pictures (N, C, H, W) or (C, H, W) in [-1, 1] as bytes (N, H, W, 3) or (H, W, 3); grey ones without the last axis.

    round(clip((x + 1) * 127.5, 0, 255)), the bytes that the player's browser computes. Raises ValueError for anything else.
    """
    got = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
    fits = isinstance(x, Tensor) and x.is_floating_point() and x.ndim in (3, 4) and x.shape[-3] in (1, 3)
    need(fits, f"Pictures must be a float tensor in [-1, 1], ([N,] 1 or 3, H, W), but got {got}.")
    need(x.isfinite().all(), "A picture contains NaN or infinity: look at where it was made.")
    a = ((x.detach().cpu().double().movedim(-3, -1) + 1) * 127.5).clamp(0, 255).round().byte().numpy()
    return a[..., 0] if a.shape[-1] == 1 else a


def one_picture(x, what: str = "The picture") -> Tensor:
    """A picture (C, H, W) or (1, C, H, W) in [-1, 1], of whatever device, precision and gradient, as float32 (C, H, W)."""
    got = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
    fits = isinstance(x, Tensor) and x.is_floating_point() and x.ndim in (3, 4) and x.shape[-3] in (1, 3)
    fits = fits and (x.ndim == 3 or len(x) == 1) and bool(x.isfinite().all()) and float(x.abs().max()) <= 1.001
    need(fits, f"{what} must be one float tensor (1 or 3, H, W) with values in [-1, 1], but got {got}.")
    return x.detach().cpu().float().reshape(x.shape[-3:])


def rgb(x) -> np.ndarray:
    """A row of pictures, a tensor or bytes (F, H, W[, 3]), as bytes (F, H, W, 3). ValueError for anything else."""
    a = to_uint8(x) if isinstance(x, Tensor) and x.is_floating_point() else array(x, "A row of pictures")
    fits = a.dtype == np.uint8 and a.size and (a.ndim == 3 or (a.ndim == 4 and a.shape[-1] == 3))
    need(fits, f"Pictures must be uint8 (F, H, W) or (F, H, W, 3), but got {a.dtype} {a.shape}.")
    return a if a.ndim == 4 else a[..., None].repeat(3, -1)


def enlarge(a: np.ndarray, scale: int) -> np.ndarray:
    """Bytes (F, H, W, 3) with each pixel as a square of `scale` pixels."""
    why = f"scale must be a whole number of at least 1, or pixels would blur, but got {scale!r}."
    scale = integer(scale, 1, np.inf, why)
    return a.repeat(scale, 1).repeat(scale, 2)


def grid(x: Tensor, columns: int | None = None, pad: int = 1) -> np.ndarray:
    """A batch (N, C, H, W) in [-1, 1], or of bytes, row by row, white lines of `pad` pixels between: bytes (H', W'[, 3]).

    columns: None makes it about square.
    """
    if isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.ndim == 4 and x.shape[1] in (1, 3):
        a = x[:, 0] if x.shape[1] == 1 else x.transpose(0, 2, 3, 1)
    else:
        a = to_uint8(x)
    need(x.ndim == 4 and len(a), f"grid needs a batch of pictures (N, C, H, W), but got {tuple(x.shape)}.")
    said = f"columns is a whole number of at least 1, but got {columns!r}."
    columns = min(len(a), integer(int(np.ceil(len(a) ** 0.5)) if columns is None else columns, 1, np.inf, said))
    pad = integer(pad, 0, 1000, f"pad is a whole number of pixels, 0 to 1000, but got {pad!r}.")
    h, w = a.shape[1] + pad, a.shape[2] + pad
    tiled = np.full((-(-len(a) // columns) * h - pad, columns * w - pad, *a.shape[3:]), 255, np.uint8)
    for i, picture in enumerate(a):
        y, left = i // columns * h, i % columns * w
        tiled[y : y + h - pad, left : left + w - pad] = picture
    return tiled


# ---------------------------------------------------------------------------------------- figures


def strip(
    rows,
    labels,
    titles=None,
    *,
    above="",
    below="",
    ends=("", ""),
    equations=(),
    width=8.0,
    background="white",
    columns=None,
    font=11.0,
    dpi=200.0,
) -> Figure:
    """Pictures from left to right with a label under each, as in the papers' forward and reverse chains.

    rows: one row of F pictures, a tensor (F, C, H, W) in [-1, 1] or bytes (F, H, W[, 3]); or a list of such rows.
    labels: F texts; titles: a text left of each row. above: what an arrow to the right over the pictures says, e.g. FORWARD;
    below: an arrow to the left under them, e.g. REVERSE; " " draws an arrow that says nothing. ends: what stands at the two ends
    of the arrow above. equations: formulas, a line each, under everything. columns: so many pictures in a line, then the next.
    font: points of a label. Texts may hold formulas in $...$.
    Every pixel of a picture becomes a whole number of pixels of the PNG, so nothing is blurred: dpi is met as nearly as that allows.
    """
    rows = [rgb(row) for row in (rows if isinstance(rows, list | tuple) else [rows])]
    n, h, w, _ = rows[0].shape
    need(len(labels) == n, f"There are {n} pictures in a row but {len(labels)} labels: give one for each.")
    need(len(titles or rows) == len(rows), f"There are {len(rows)} rows but {len(titles or rows)} titles.")
    need(len({row.shape for row in rows}) == 1, "All rows must have pictures of one size and number.")
    said = f"columns is a whole number of at least 1, or None, but got {columns!r}."
    across = min(n, n if columns is None else integer(columns, 1, np.inf, said))
    k = font / 11
    side = 0.14 + 0.48 * k if titles else 0.14
    inch = min(2.0, (width - side - 0.14 - 0.12 * (across - 1)) / across)  # of one picture
    said = f"{across} pictures do not fit into {width:g} inches: take fewer, more lines (columns), or a larger width."
    need(inch > 0.2, said)
    zoom = max(1, round(dpi * inch / w))
    dpi = zoom * w / inch
    gap, edge, line, left = (round(v * dpi) for v in (0.12, 0.14, 0.36 * k, side))
    top, right, down = edge + bool(above) * line, zoom * w + gap, zoom * h + gap
    word, formula = round(2 * 0.12 * k * dpi), round(0.6 * k * dpi)  # heights of a label, of an equation
    wide, block = left + across * right - gap + edge, len(rows) * down + word
    foot = top + -(-n // across) * block + bool(below) * line
    high = foot + len(equations) * formula
    with drawing():
        # 0.01 of a pixel more, or rounding in inches may lose the last one
        fig = Figure((wide + 0.01) / dpi, (high + 0.01) / dpi, background, dpi)
        ink, quiet = PAPER[background][1:3]
        ax = fig.add_axes((0, 0, 1, 1), xlim=(0, wide), ylim=(high, 0), frame_on=False, xticks=[], yticks=[])
        ax.set_autoscale_on(False)
        for i, text in enumerate(labels):
            x, y = left + i % across * right, top + i // across * block
            for r, row in enumerate(rows):
                where = (x, x + zoom * w, y + r * down + zoom * h, y + r * down)
                ax.imshow(row[i], interpolation="none", aspect="auto", extent=where)
                if titles and i % across == 0:
                    _write(ax, left / 2, y + r * down + zoom * h / 2, titles[r], ink, 13 * k)
            _write(ax, x + zoom * w / 2, y + len(rows) * down + 0.25 * word, text, quiet, 11 * k)
        if above:
            start, end = left, wide - edge
            for text, at, side in ((ends[0], start, "left"), (ends[1], end, "right")):
                if text:
                    written = _write(ax, at, edge + 0.25 * line, text, ink, 11 * k, side)
                    extent = written.get_window_extent().width + 0.6 * gap
                    start, end = (start + extent, end) if side == "left" else (start, end - extent)
            _arrow(ax, start, end, edge + 0.25 * line, above.strip(), ink, quiet, k)
        if below:
            _arrow(ax, wide - edge, left, foot - 0.55 * line, below.strip(), ink, quiet, k)
        for i, text in enumerate(equations):
            _fitted(_write(ax, wide / 2, foot + (i + 0.45) * formula, text, ink, 13 * k), wide - 2 * edge)
    return fig


def _write(ax, x, y, text, color, size, ha="center"):
    more = {} if str(text).isascii() else {"family": _families(str(text))}
    return ax.text(x, y, text, size=size, color=color, ha=ha, va="center", **more)


def _fitted(text, width: float) -> None:
    """Letters a little smaller where they would be wider than `width` pixels."""
    if (wide := text.get_window_extent().width) > width:
        text.set_size(text.get_size() * width / wide)


def _arrow(ax, start, end, y, text, ink, quiet, k=1.0) -> None:
    """A long quiet arrow with the text in its middle."""
    middle = (start + end) / 2
    half = _write(ax, middle, y, text, ink, 13 * k).get_window_extent().width * 0.58 if text else 0
    half = half if start < end else -half
    for a, b, head in ((start, middle - half, "-"), (middle + half, end, "-|>")):
        line = {"arrowstyle": head, "color": quiet, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 11}
        ax.annotate("", (b, y), (a, y), arrowprops=line)


# ---------------------------------------------------------------------------------------- files


def png(picture, scale: int = 1) -> bytes:
    """A Figure, or a picture as bytes (H, W[, 3]) enlarged `scale` times, as the bytes of a PNG."""
    out = BytesIO()
    if isinstance(picture, matplotlib.figure.Figure):
        with drawing():
            _lettered(picture).savefig(out, **FILES[".png"])
    else:
        Image.fromarray(enlarge(rgb(np.asarray(picture)[None]), scale)[0]).save(out, "PNG")
    return out.getvalue()


def raster(figure: Figure) -> np.ndarray:
    """A Figure as bytes (H, W, 3), for a film."""
    with drawing():
        canvas = _lettered(figure).canvas
        canvas.draw()
        return np.array(np.asarray(canvas.buffer_rgba())[..., :3])


def svg(figure: Figure) -> str:
    """A Figure as the text of an <svg> element, for a page."""
    out = BytesIO()
    with drawing():
        _lettered(figure).savefig(out, format="svg", **FILES[".svg"])
    text = out.getvalue().decode("utf-8")
    return text[text.index("<svg") :]


def save(picture, path: str | os.PathLike, about: About | None = None) -> Path:
    """Write a Figure, or a picture as bytes (H, W[, 3]), as .png, .svg, .pdf or .jpg; returns the path.

    The same picture gives the same bytes, and the file appears whole or not at all. about: what is written into the file.
    Raises ValueError for another suffix and OSError for a folder that cannot be written.
    """
    path = expanded(path)
    kind = path.suffix.lower()
    need(kind in FILES, f"I cannot write a picture as {path.name!r}: end its name in {', '.join(FILES)}.")
    if not isinstance(picture, matplotlib.figure.Figure):
        a = rgb(np.asarray(picture)[None])[0]
        picture = Figure((a.shape[1] + 0.01) / 200, (a.shape[0] + 0.01) / 200)
        ax = picture.add_axes((0, 0, 1, 1), frame_on=False, xticks=[], yticks=[])
        ax.imshow(a, interpolation="none", aspect="auto")
    more = dict(FILES[kind])
    for key, options in (about.saving(kind) if about else {}).items():
        more[key] = more.get(key, {}) | options
    with whole(path) as part, drawing():
        _lettered(picture).savefig(part, format=kind[1:], **more)
        if about and kind == ".svg":
            part.write_text(about.described(part.read_text("utf-8")), "utf-8")
    return path
