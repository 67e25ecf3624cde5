"""What a player can show: pictures, pictures mixed with noise by the browser, clouds of points, curves.

Each function returns a plain dict with the numbers as arrays, which ``player.js`` draws and ``still`` draws as a PNG;
they become bytes at the widget's edge (`packing.packed`). The first axis of frames is always time: F frames, or one that stands still.

All text is text, never markup, except ``_{...}`` and ``^{...}``, which become sub- and superscripts.
``title`` stands over the panel; ``notes`` (under it) and ``lead`` (large, left of it: "= 0.96 ×") are one string, or
one per frame. Every function raises ValueError with a sentence that says what was wrong and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..values import array, integer, need
from .packing import agree, f32, numbers, signal, texts, word

SLIM = 4  # a plane is at most so many times longer than wide
GREY = 255  # colour index of points that are only a backdrop; learners write -1


def pixels(frames, title="", *, notes=None, lead=None) -> dict:
    """Pictures as they are: uint8, (F, H, W) grey or (F, H, W, 3) red-green-blue; F = 1 stands still."""
    a = array(frames, "pixels")
    cure = "turn [-1, 1] into ((x + 1) * 127.5).clip(0, 255).round().astype('uint8') first."
    form = "(frames, height, width) or (frames, height, width, 3)"
    fits = a.dtype == np.uint8 and a.ndim in (3, 4) and a.shape[3:] in ((), (3,)) and a.size
    need(fits, f"pixels needs uint8 pictures {form}, got {a.dtype} {a.shape}: {cure}")
    size = {"height": a.shape[1], "width": a.shape[2], "channels": 3 if a.ndim == 4 else 1}
    return _panel("pixels", title, notes, lead, [len(a)], data=np.array(a, order="C"), **size)


def mix(x0, eps, alpha_bar, title="", *, notes=None, lead=None) -> dict:
    """x_t = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) eps, computed by the browser for every frame (DDPM eq. 4).

    x0 in [-1, 1] and eps: (H, W) or (C, H, W) with C = 1 or 3. alpha_bar: (F,), one number in [0, 1] per frame.
    A value v is shown as grey level round(clip((v + 1) * 127.5, 0, 255)).
    """
    x0, eps = numbers(x0, "x0"), numbers(eps, "eps")
    said = "mix needs x0 and eps of one shape (height, width) or (1 or 3, height, width)"
    fits = x0.shape == eps.shape and (x0.ndim == 2 or (x0.ndim == 3 and x0.shape[0] in (1, 3))) and x0.size
    need(fits, f"{said}, got {x0.shape} and {eps.shape}: pass one picture, not a batch.")
    said = f"mix needs x0 in [-1, 1], got {x0.min():g} to {x0.max():g}: scale it with x / 127.5 - 1."
    need(abs(x0).max() <= 1.001, said)
    a = signal(alpha_bar)
    channels_last = [np.ascontiguousarray(np.atleast_3d(v) if v.ndim == 2 else v.transpose(1, 2, 0)) for v in (x0, eps)]
    height, width, channels = channels_last[0].shape
    size = {"height": height, "width": width, "channels": channels}
    data = {"x0": f32(channels_last[0]), "eps": f32(channels_last[1]), "alpha_bar": a}
    return _panel("mix", title, notes, lead, [len(a)], **data, **size)


def scatter(
    points,
    title="",
    *,
    eps=None,
    alpha_bar=None,
    colors=None,
    size=6,
    trail=(),
    name="",
    layers=(),
    xlim=None,
    ylim=None,
    xlabel="",
    ylabel="",
    notes=None,
    lead=None,
    field=None,
) -> dict:
    """Points in the plane, both axes to one scale.

    points: (N, 2) standing still, or (F, N, 2), or the x0 (N, 2) that the browser mixes with eps (N, 2) by
    alpha_bar (F,) as in ``mix``. colors: one palette index or one per point, 0..6, or -1 for quiet grey.
    size: diameter in screen pixels. trail: indices of points that leave a line of their past. name: legend.
    layers: further clouds drawn on top, each a dict with the keywords from ``points`` to ``name``.
    field: uint8 pictures (F, H, W, 3) that fill the plane under the points, smoothed; the first row is at the top.
    """
    first = {"points": points, "eps": eps, "alpha_bar": alpha_bar, "colors": colors, "size": size}
    clouds = [first | {"trail": trail, "name": name}, *layers]
    marks = [_cloud(rank, **cloud) for rank, cloud in enumerate(clouds)]
    xlim = _limits(marks, "x", 0.04) if xlim is None else xlim
    ylim = _limits(marks, "y", 0.04) if ylim is None else ylim
    panel = _plot(title, notes, lead, marks, xlim, ylim, xlabel, ylabel)
    if field is None:
        return panel
    under = pixels(field)
    return panel | {"field": under, "frames": agree(f"the panel {title!r}", [panel["frames"], under["frames"]])}


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a `curve`: its heights y, (N,) standing still or (F, N).

    name: in the legend; "" stays out of it. colour: index of the palette, 0..6; None: its place among its curve's lines.
    dash: its pattern, 0..6; None: that of its colour. kind: "line", or "bars" for a histogram. ends: (low, high) at each of its
    points, an upright line of its colour.
    """

    y: object
    name: str = ""
    colour: int | None = None
    dash: int | None = None
    kind: str = "line"
    ends: object = None


def curve(
    x,
    lines,
    title="",
    *,
    kind="line",
    xlabel="",
    ylabel="",
    xlim=None,
    ylim=None,
    xticks=None,
    yticks=None,
    log="",
    cursor=None,
    dots=True,
    intervals=None,
    fill=False,
    shape=0.62,
    notes=None,
    lead=None,
) -> dict:
    """Lines over x, (N,): a list of `Line`s; or {name: y}, or y alone, whose lines are all of one kind or each of its own.

    x of "bars": the middle of each bar. log: "x", "y" or "xy", on a scale of powers of ten; what is not above 0 is a gap. x, y,
    limits, ticks and cursor are the plain numbers all the same. xticks, yticks: numbers, or (number, text); None: round ones.
    cursor: (F,) x-values; a vertical line follows the frame, and with dots a dot on every line. intervals: (low, high) at each
    x, an upright line. fill: shade under lines. shape: height of the plane by its width.
    """
    lines = _lines(lines, kind)
    bars = any(line.kind == "bars" for line in lines)
    need(log in ("", "x", "y", "xy"), f"log is 'x', 'y', 'xy' or '', the axes with powers of ten, got {log!r:.60}.")
    on_x, on_y = (_logarithm if axis in log else _as_it_is for axis in "xy")
    x = on_x(numbers(x, "x of bars" if bars else "x", gaps=not bars))
    said = f"curve needs x of shape (N,) with at least two numbers, got {x.shape}."
    need(x.ndim == 1 and np.isfinite(x).sum() >= 2, said)
    marks, dotted = [], []  # dotted: (colour, (1 or F, N)) of each line
    for rank, line in enumerate(lines):
        y = on_y(numbers(line.y, f"curve {line.name!r}", gaps=True))
        said = f"curve {line.name!r} needs shape ({len(x)},) or (frames, {len(x)}) like x, got {y.shape}."
        need(y.ndim in (1, 2) and y.shape[-1] == len(x), said)
        y, colour = y.reshape(-1, len(x)), _style(line.colour, rank % 7, "colour")
        style = {"dash": _style(line.dash, colour, "dash"), "fill": bool(fill)}
        marks.append(_mark(line.kind, line.name, x[None], y, [colour], **style))
        marks += _upright(x, line.ends, on_y, colour)
        if line.kind == "line":
            dotted.append((colour, y))
    marks += _upright(x, intervals, on_y, 6)
    if xlim is None:
        half_bar = (x[1] - x[0]) / 2 if bars else 0
        xlim = (np.nanmin(x) - half_bar, np.nanmax(x) + half_bar)
    else:
        xlim = [on_x(v) for v in _range("xlim", xlim)]
    ylim = _limits(marks, "y", 0.06, zero=bars or fill) if ylim is None else [on_y(v) for v in _range("ylim", ylim)]
    if cursor is not None:
        marks += _cursor(on_x(numbers(cursor, "cursor").ravel()), x, dotted if dots else [], ylim)
    panel = _plot(title, notes, lead, marks, xlim, ylim, xlabel, ylabel, shape)
    for key, ticks, on in (("xticks", xticks, on_x), ("yticks", yticks, on_y)):
        if ticks is not None or on is _logarithm:
            panel[key] = _marked(ticks, on, panel[key.replace("ticks", "lim")], key)
    return panel


def _upright(x, ends, on_y, colour: int) -> list[dict]:
    """A mark for the interval (low, high) at each x, none if `ends` is None."""
    pairs = zip(x, () if ends is None else ends, strict=ends is not None)
    pairs = [(np.array([[at, at]]), on_y(numbers(both, "an interval"))[None]) for at, both in pairs]
    return [_mark("line", "", at, both, [colour], dash=0, fill=False) for at, both in pairs]


def _lines(given, kind) -> list[Line]:
    """The lines of a curve, however they were given."""
    if isinstance(given, list | tuple) and given and all(isinstance(line, Line) for line in given):
        kinds, lines = [line.kind for line in given], list(given)
    else:
        named = given if isinstance(given, dict) else {"": given}
        kinds = [kind] * len(named) if isinstance(kind, str) else list(kind)
        if named and len(kinds) == len(named):
            lines = [Line(y, name, kind=k) for k, (name, y) in zip(kinds, named.items(), strict=True)]
        else:
            lines = []
    said = f"curve needs kind 'line' or 'bars', or one of them for each of {len(lines)} curves, got {kind!r}."
    need(lines and set(kinds) <= {"line", "bars"}, said)
    return lines


def _style(value, usual: int, what: str) -> int:
    return usual if value is None else integer(value, 0, 6, f"{what} of a line is 0 to 6, or None, got {value!r:.60}.")


def _as_it_is(v):
    return v


def _logarithm(v):
    v = np.asarray(v, np.float64)
    return np.log10(v, where=v > 0, out=np.full_like(v, np.nan))


def _marked(ticks, on, limits, what: str) -> list[list]:
    """The ticks of an axis, [place, text] each: those that were asked for, or the powers of ten within its limits."""
    low, high = limits
    if ticks is None:
        ticks = [10.0**k for k in range(int(np.ceil(low)), int(np.floor(high)) + 1)]
    pairs = [t if isinstance(t, tuple | list) else (t, f"{t:,g}".replace("-", "\N{MINUS SIGN}")) for t in ticks]
    return [[float(on(v)), word(text, f"the text of one of {what}")] for v, text in pairs]


def _panel(kind, title, notes, lead, counts, **data) -> dict:
    panel = {"kind": kind, "title": word(title, "title")}
    panel |= {"notes": texts(notes, "notes"), "lead": texts(lead, "lead")}
    counts = [*counts, len(panel["notes"]), len(panel["lead"])]
    return panel | {"frames": agree(f"the panel {title!r}", counts)} | data


# ---- plots --------------------------------------------------------------------------------------------------------


def _mark(kind, name, x, y, colors, **more) -> dict:
    """What a plot draws: x and y are (1, N) standing still or (F, N)."""
    more |= {"kind": kind, "name": name, "n": y.shape[-1], "colors": colors}
    return more | {"x": f32(x), "y": f32(y)}


def _cloud(rank, *, points, eps=None, alpha_bar=None, colors=None, size=6, trail=(), name="") -> dict:
    points = numbers(points, "points", gaps=True)
    said = f"scatter needs points of shape (N, 2) or (frames, N, 2), got {points.shape}."
    need(points.ndim in (2, 3) and points.shape[-1] == 2, said)
    n = points.shape[-2]
    colors = np.array(rank) if colors is None else array(colors, "colors")
    need(0 < size <= 1000, f"size is a point's diameter in screen pixels, more than 0 and at most 1000, got {size}.")
    said = f"colors needs one palette index, or one for each of the {n} points, 0 to 6 or -1 for grey."
    need(colors.size in (1, n) and colors.dtype.kind in "iub" and colors.min() >= -1 and colors.max() <= 6, said)
    trail = [integer(k, 0, n - 1, f"trail needs indices of points, 0 to {n - 1}, got {k!r:.60}.") for k in trail]
    more = {"size": float(size), "trail": trail}
    said = "scatter needs eps and alpha_bar together: they mix x0 and noise for every frame."
    need((eps is None) == (alpha_bar is None), said)
    if eps is not None:
        eps = numbers(eps, "eps")
        said = f"scatter mixes x0 and eps of one shape (N, 2), got {points.shape} and {eps.shape}."
        need(eps.shape == points.shape and points.ndim == 2, said)
        more |= {"ex": f32(eps[None, :, 0]), "ey": f32(eps[None, :, 1]), "alpha_bar": signal(alpha_bar)}
    x, y = points.reshape(-1, n, 2).transpose(2, 0, 1)
    return _mark("points", name, x, y, [GREY if c < 0 else int(c) for c in colors.ravel()], **more)


def _cursor(at, x, lines, ylim) -> list[dict]:
    """A vertical line that follows the frames, and a dot where it meets each of the lines, (colour, y) each."""
    agree("the cursor and its curves", [len(at), *(len(y) for _, y in lines)])
    order, here = np.argsort(x), at[:, None]
    own = np.array_equal(at, x)  # from place to place: frame i has place i, even where two places are one

    def heights(y) -> np.ndarray:
        if len(y) == 1:
            return y[0] if own else np.interp(at, x[order], y[0, order])
        return np.array([y[i, i] if own else np.interp(a, x[order], y[i, order]) for i, a in enumerate(at)])

    marks = [_mark("line", "", here.repeat(2, 1), np.array([ylim]), [GREY], fill=False)]
    if lines:
        dot = {"size": 11.0, "trail": []}
        colours = [colour for colour, _ in lines]
        dots = np.stack([heights(y) for _, y in lines], 1)
        marks.append(_mark("points", "", here.repeat(len(lines), 1), dots, colours, **dot))
    return marks


def _moves(mark: dict) -> int:
    """The number of frames of a mark."""
    return len(mark["alpha_bar"]) if "alpha_bar" in mark else max(len(mark["x"]), len(mark["y"]))


def _plot(title, notes, lead, marks, xlim, ylim, xlabel, ylabel, shape=None) -> dict:
    """shape None: one scale for both axes."""
    limits = {"xlim": _range("xlim", xlim), "ylim": _range("ylim", ylim)}
    wide, high = (limits[key][1] - limits[key][0] for key in ("xlim", "ylim"))
    if shape is None:  # a plane much longer than wide gets room on its narrow side, or it would fill a street
        limits = {"xlim": _at_least(high / SLIM, limits["xlim"]), "ylim": _at_least(wide / SLIM, limits["ylim"])}
        wide, high = (limits[key][1] - limits[key][0] for key in ("xlim", "ylim"))
    shape = shape or high / wide
    ticks = {"xticks": _ticks(*limits["xlim"]), "yticks": _ticks(*limits["ylim"])}
    words = {"xlabel": word(xlabel, "xlabel"), "ylabel": word(ylabel, "ylabel")}
    more = limits | ticks | words | {"marks": marks, "shape": shape}
    return _panel("plot", title, notes, lead, [_moves(mark) for mark in marks], **more)


def _range(key: str, limits) -> list[float]:
    try:
        low, high = (float(v) for v in limits)
    except (TypeError, ValueError):
        raise ValueError(f"{key} needs (low, high), two numbers, got {limits!r:.60}.") from None
    # a range that is no number, or so narrow that its ticks would all be one, cannot be drawn
    said = f"{key} needs (low, high), finite and with low < high, got ({low:g}, {high:g})."
    need(low < high and high - low < 3.4e38 and (high - low > 1e-12 * max(abs(low), abs(high))), said)
    return [low, high]


def _at_least(size: float, limits: list[float]) -> list[float]:
    low, high = limits
    more = max(0.0, size - (high - low)) / 2
    return [low - more, high + more]


def _limits(marks, axis: str, margin: float, zero=False) -> tuple[float, float]:
    """The range of all frames and a margin; noise included, so that nothing leaves the picture."""
    keys = [axis, "e" + axis]
    values = np.concatenate([m[k].ravel() for m in marks for k in keys if k in m] + [[0.0] * zero])
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    pad = margin * (high - low) or 0.5
    return float(low - (0 if zero and low == 0 else pad)), float(high + pad)


def _ticks(low: float, high: float) -> list[list]:
    """At most six round numbers, [value, text]."""
    step = 10.0 ** np.floor(np.log10((high - low) / 5))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= 5)
    values = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    return [[float(v), f"{v if abs(v) > step / 2 else 0:.6g}".replace("-", "\N{MINUS SIGN}")] for v in values]
