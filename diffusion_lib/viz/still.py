"""One frame of a film as a PNG, for the places that run no JavaScript (GitHub, nbconvert, a slide).

What ``player.js`` draws of a ``Film``, drawn with Pillow: the same row of panels, twice the size of the screen, on white. No pyplot and nothing global, so any thread may call it.
"""

from __future__ import annotations

import base64
import io
import re
import threading
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from .figures import PALETTE, lettering
from .theme import LIGHT

HIGH, WIDE = 400, 2400  # of a panel and of a row, in pixels of the PNG
GAP, TEXT, ROW = 32, 28, 40  # between panels; height of letters and of a line
INK, QUIET, LINE = "#1f2328", "#59636e", "#d0d7de"
GREY = LIGHT["grey"]
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # a new line in a label, which has one line only
SUBSUP = re.compile(r"([_^]\{[^{}]*\})")  # the one convention in texts: x_{t}, 10^{3}


def pick(texts: Sequence[str], i: int) -> str:
    """The text of frame i; a single one holds for all frames."""
    return texts[min(i, len(texts) - 1)] if texts else ""


def label(film, i: int) -> str:
    """The readout beside the slider."""
    return pick(film.labels, i) or f"{i + 1} / {film.frames}"


def beside(bundle: tuple[dict, dict], draw: Callable[[], bytes], alt: str) -> tuple[dict, dict]:
    """What a notebook shows and stores for a widget: itself, its picture and its words.

    The picture is for places that run no JavaScript: GitHub, and nbconvert where the notebook has no widget state
    (`jupyter nbconvert --execute --to html --ExecutePreprocessor.store_widget_state=False`). With the state stored, nbconvert
    writes the widget instead, which then needs a network. A picture that cannot be drawn never keeps the widget from its page.
    """
    data, metadata = bundle
    try:
        picture = {"image/png": base64.b64encode(draw()).decode()}
    except Exception as error:
        warnings.warn(
            f"The still picture of {alt!r:.80} cannot be drawn ({type(error).__name__}: {error}).", stacklevel=3
        )
        picture = {}
    return data | picture | {"text/plain": alt}, metadata


class Stilled:
    """A widget with still() and alt(), which stand for it where no JavaScript runs."""

    def _repr_mimebundle_(self, **kwargs):
        return beside(super()._repr_mimebundle_(**kwargs), self.still, self.alt())


def fresh(widget, draw: Callable[[], bytes], alt: Callable[[], str]) -> None:
    """Let the widget draw another still when its view has moved and rests: JupyterLab saves that one (`keepStill` in theme.js).

    widget.places: model ids of what stands for it in an output, itself and a box around it.
    """
    widget.places = {widget.model_id}

    def answer():
        data, _ = beside(({}, {}), draw, alt())
        widget.send({"kind": "still", "places": sorted(widget.places), "data": data})

    def told(_, content, __):
        if content.get("kind") == "still":  # on a thread of its own: what the browser says next is heard meanwhile
            threading.Thread(target=answer, name="still", daemon=True).start()

    widget.on_msg(told)


def still(film, i: int) -> bytes:
    """PNG of frame i: leads, titles, panels and notes in rows, readout and caption under them."""
    grain = max((p["height"] for p in film.panels if p["kind"] != "plot"), default=HIGH)
    tall = min(max(1, round(HIGH / grain)) * grain, 2 * HIGH)  # whole multiples make all pixels equally large
    pictures = [_plot(p, i, tall) if p["kind"] == "plot" else _pixels(p, i, tall) for p in film.panels]
    titles = [wrapped(p["title"], picture.width, bold=True) for p, picture in zip(film.panels, pictures, strict=True)]
    head = ROW * max(map(len, titles))
    cells = [_cell(p, i, *more, head) for p, *more in zip(film.panels, titles, pictures, strict=True)]
    places, x, y = [], GAP, GAP
    for n, cell in enumerate(cells):
        if n and x + cell.width > WIDE:
            x, y = GAP, y + max(c.height for c in cells) + GAP
        places.append((x, y))
        x += cell.width + GAP
    wide = max(x + cell.width for cell, (x, _) in zip(cells, places, strict=True)) + GAP
    says = wrapped(pick(film.captions, i), max(wide, 900) - 2 * GAP)
    foot = max(y + cell.height for cell, (_, y) in zip(cells, places, strict=True)) + GAP // 2
    page = Image.new("RGB", (max(wide, 900 if says else 0), foot + ROW * (1 + len(says)) + GAP), "white")
    for cell, place in zip(cells, places, strict=True):
        page.paste(cell, place)
    pen = ImageDraw.Draw(page)
    written(pen, GAP, foot, label(film, i), bold=True)
    for n, line in enumerate(says, 1):
        written(pen, GAP, foot + ROW * n, line)
    png = io.BytesIO()
    page.save(png, "PNG")
    return png.getvalue()


def _cell(panel: dict, i: int, title: list[str], picture: Image.Image, head: int) -> Image.Image:
    """A panel with all its words; ``head`` pixels are kept for the title, so that the pictures of a row align."""
    lead, note = pick(panel["lead"], i), wrapped(pick(panel["notes"], i), picture.width)
    left = int(written(None, 0, 0, lead, 40)) + GAP // 2 if lead else 0
    cell = Image.new("RGB", (left + picture.width, head + picture.height + 8 + ROW * len(note)), "white")
    pen = ImageDraw.Draw(cell)
    written(pen, 0, head + picture.height / 2 - 26, lead, 40)
    for n, line in enumerate(title):
        written(pen, left, head - ROW * (len(title) - n), line, bold=True)
    cell.paste(picture, (left, head))
    for n, line in enumerate(note):
        written(pen, left, head + picture.height + 8 + ROW * n, line, fill=QUIET)
    return cell


def written(pen, x, y, text, size=TEXT, fill=INK, bold=False) -> float:
    """Write one line with its top left at (x, y) and return its width; pen None only measures."""
    start = x
    for n, part in enumerate(SUBSUP.split(CONTROL.sub(" ", text))):
        high, drop = size, 0
        if n % 2:
            drop, part, high = (0.42 if part[0] == "_" else -0.1) * size, part[2:-1], 0.7 * size
        for letters, font in lettering(part, high, bold):
            if pen:
                pen.text((x, y + drop), letters, fill, font)
            x += font.getlength(letters)
    return x - start


def wrapped(text: str, width: float, bold=False) -> list[str]:
    """Lines of at most this width, broken at spaces but never inside _{...}."""
    lines = []
    for part in SUBSUP.sub(lambda m: m[0].replace(" ", "\N{NO-BREAK SPACE}"), text).splitlines():
        lines.append("")
        for word in part.split(" "):
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            if lines[-1] and written(None, 0, 0, longer, bold=bold) > width:
                lines.append(word)
            else:
                lines[-1] = longer
    return lines


def _pixels(panel: dict, i: int, tall: int) -> Image.Image:
    size = (panel["height"], panel["width"], panel["channels"])
    if panel["kind"] == "mix":
        x0, eps, a = panel["x0"], panel["eps"], panel["alpha_bar"][i]
        frame = ((np.sqrt(a) * x0 + np.sqrt(1 - a) * eps + 1) * 127.5).clip(0, 255).round().astype(np.uint8)
    else:
        film = panel["data"].reshape(-1, *size)
        frame = film[min(i, len(film) - 1)]
    picture = Image.fromarray(frame[..., 0] if size[2] == 1 else frame).convert("RGB")
    scale = min(tall / size[0], WIDE / size[1])
    return picture.resize((round(size[1] * scale), round(size[0] * scale)), Image.Resampling.NEAREST)


def _row(mark: dict, key: str, i: int) -> np.ndarray:
    return mark[key][min(i, len(mark[key]) - 1)].astype(float)


def _at(mark: dict, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the mark's points are at frame i."""
    x, y = _row(mark, "x", i), _row(mark, "y", i)
    if "alpha_bar" not in mark:
        return x, y
    a = mark["alpha_bar"][i]
    return tuple(np.sqrt(a) * v + np.sqrt(1 - a) * _row(mark, e, i) for v, e in ((x, "ex"), (y, "ey")))


def _plot(panel: dict, i: int, tall: int) -> Image.Image:
    """Axes, points, lines and bars; drawn twice as large and shrunk, because Pillow's lines have hard edges."""
    (x0, x1), (y0, y1) = panel["xlim"], panel["ylim"]
    palette = LIGHT["words" if "field" in panel else "colors"]  # on a coloured field, darker
    names = [(m["name"], m["kind"], _hue(m["colors"][0], palette)) for m in panel["marks"] if m["name"]]
    left, top = 130, 30 + 56 * bool(panel["ylabel"])
    for rows in range(len(names) + 1):  # as many lines of the legend as it needs, and the plane has the rest
        high = 2 * tall - top - 70 - 56 * bool(panel["xlabel"]) - 56 * rows
        wide = round(high / panel["shape"])
        legend = _legend(names, wide + left + 30)
        if len(legend) <= rows:
            break
    page = Image.new("RGB", (wide + left + 50, 2 * tall), "white")
    pen = ImageDraw.Draw(page)

    def at(x, y):
        return left + (x - x0) / (x1 - x0) * wide, top + (y1 - y) / (y1 - y0) * high

    if under := panel.get("field"):
        page.paste(_pixels(under, i, under["height"]).resize((wide, high), Image.Resampling.BILINEAR), (left, top))
    for v, text in panel["xticks"]:
        pen.line([at(v, y0), at(v, y1)], LINE, 2)
        size = written(None, 0, 0, text, 40)
        written(pen, min(at(v, y0)[0] - size / 2, page.width - size), top + high + 8, text, 40, QUIET)
    for v, text in panel["yticks"]:
        pen.line([at(x0, v), at(x1, v)], LINE, 2)
        written(pen, left - 12 - written(None, 0, 0, text, 40), at(x0, v)[1] - 24, text, 40, QUIET)
    for mark in panel["marks"]:
        _mark(pen, mark, *_at(mark, i), at, palette)
    written(pen, 10, 10, panel["ylabel"], 44, QUIET)
    written(
        pen, left + (wide - written(None, 0, 0, panel["xlabel"], 44)) / 2, top + high + 62, panel["xlabel"], 44, QUIET
    )
    for row, line in enumerate(legend):
        y = 2 * tall - 56 * (len(legend) - row)
        for x, name, kind, color in line:
            r, half = (12, 12) if kind == "points" else (6, 20)  # a disc, or a dash
            pen.rounded_rectangle([x + 20 - half, y + 28 - r, x + 20 + half, y + 28 + r], r, color)
            written(pen, x + 52, y, name, 44)
    return page.resize((page.width // 2, tall), Image.Resampling.LANCZOS)


def _hue(index: int, palette: Sequence[str]) -> str:
    return GREY if index == 255 else palette[index % 7]


def _legend(names: Sequence[tuple], width: float) -> list[list[tuple]]:
    """The signs and names of a plot's marks in lines of at most this width: (x, name, kind, colour) each."""
    lines, x = [], 0.0
    for name, *sign in names:
        size = 52 + written(None, 0, 0, name, 44)
        if not lines or x + size > width:
            lines.append([])
            x = 0.0
        lines[-1].append((x, name, *sign))
        x += size + 40
    return lines


def _mark(pen, mark: dict, xs, ys, at, palette=PALETTE) -> None:
    colors = [_hue(c, palette) for c in mark["colors"]]
    points = {n: (x, y) for n, (x, y) in enumerate(zip(xs, ys, strict=True)) if np.isfinite(x + y)}
    if mark["kind"] == "line":
        if points:
            pen.line([at(*p) for p in points.values()], colors[0], 8, joint="curve")
    elif mark["kind"] == "bars":
        half = abs(xs[1] - xs[0]) * 0.45
        for x, y in points.values():
            (a, b), (c, d) = at(x - half, max(y, 0)), at(x + half, min(y, 0))
            pen.rectangle([a, b, max(a, c), max(b, d)], colors[0])
    else:
        r = 1.6 * mark["size"]
        for n, p in points.items():
            x, y = at(*p)
            pen.ellipse([x - r, y - r, x + r, y + r], colors[n % len(colors)])
