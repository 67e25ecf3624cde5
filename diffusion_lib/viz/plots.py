"""Numbers in, figure out: point clouds and curves, in the look of `figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from ..values import array, need
from .figures import DASHES, PAPER, Figure, drawing


def _floats(x, what: str) -> np.ndarray:
    try:
        return array(x, what).astype(float)
    except (TypeError, ValueError):
        raise ValueError(f"{what} needs an array of numbers, got {x!r:.60}.") from None


def blank_axes(columns=1, *, background="white", width=6.0, height=None, **words):
    """A figure and its axes in a row, without a box, with a faint grid and small numbers."""
    fig = Figure(width, height or 0.55 * width, background, layout="constrained")
    fig.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    _, ink, quiet, faint, _ = PAPER[background]
    axes = fig.subplots(1, columns, squeeze=False)[0]
    for ax in axes:
        ax.set(facecolor="none", axisbelow=True, **words)
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(quiet)
        ax.tick_params(which="both", colors=quiet, labelsize=9)
        ax.grid(color=faint, lw=0.8)
        for text in (ax.xaxis.label, ax.yaxis.label, ax.title):
            text.set(color=ink, size=11)
    return fig, axes, PAPER[background][-1]


def cloud(panels, *, colors=None, limit: float | None = None, size: float = 4.0, **look) -> Figure:
    """Points in the plane: (N, 2), or {title: (N, 2)} for several squares to one scale.

    colors: (N,) palette indices, the same in all panels. limit: axes reach from -limit to limit (None: as far as the points).
    size: diameter in points of print. look: width, background.
    """
    panels = {k: _floats(p, "cloud") for k, p in (panels if isinstance(panels, Mapping) else {"": panels}).items()}
    shapes, colors = [p.shape for p in panels.values()], np.asarray(0 if colors is None else colors)
    fits = panels and all(len(s) == 2 and s[0] and s[1] == 2 for s in shapes)
    need(fits, f"cloud needs points of shape (N, 2), but got {shapes}.")
    fits = colors.size == 1 or all(s[0] == colors.size for s in shapes)
    need(fits, f"There are {colors.size} colors for points of shape {shapes}: give one for each point.")
    need(all(np.isfinite(p).any() for p in panels.values()), "A cloud has no finite number in it.")
    limit = limit or 1.05 * max(np.nanmax(abs(p[np.isfinite(p)])) for p in panels.values()) or 1.0
    need(0 < limit < np.inf, f"limit is how far the axes reach, a number above 0, but got {limit}.")
    look = {"width": min(8.0, 2.7 * len(panels))} | look
    with drawing():
        fig, axes, palette = blank_axes(len(panels), height=look["width"] / len(panels) + 0.2 * any(panels), **look)
        for ax, (title, p) in zip(axes, panels.items(), strict=True):
            hues = np.take(palette, np.broadcast_to(colors, len(p)), mode="wrap")
            ax.scatter(*p.T, s=size**2, c=hues, alpha=0.7, linewidths=0)
            ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", title=title)
            ax.locator_params(nbins=4)
            ax.tick_params(labelbottom=False, labelleft=False, length=0)
            ax.spines[:].set_visible(False)
    return fig


def curves(x, ys: Mapping[str, object], *, log: str = "", **look) -> Figure:
    """Lines over x (N,), told apart by colour and by dashes and named at their right ends.

    ys: {name: (N,)}. log: "x", "y" or "xy" for logarithmic axes. look: title, xlabel, ylabel, ylim, width, height, background.
    """
    x, ys = _floats(x, "curves"), {name: _floats(y, "curves") for name, y in ys.items()}
    got = [x.shape, *(y.shape for y in ys.values())]
    need(x.ndim == 1 and ys and len(set(got)) == 1, f"curves needs x and ys of one shape (N,), but got {got}.")
    need(all(np.isfinite(y).any() for y in ys.values()), "A curve has no finite number in it.")
    with drawing():
        fig, (ax,), palette = blank_axes(**{f"{axis}scale": "log" for axis in log}, **look)
        for i, y in enumerate(ys.values()):
            ax.plot(x, y, color=palette[i % 7], ls=DASHES[i % 7], lw=2)
        ax.margins(x=0)
        ax.autoscale_view()
        to_axes = ax.transData + ax.transAxes.inverted()
        ends = [to_axes.transform((x[-1], y[np.isfinite(y)][-1]))[1] for y in ys.values()]
        for i, (name, at) in enumerate(zip(ys, _spread(ends, 0.08), strict=True)):
            ax.text(1.02, at, name, color=palette[i % 7], size=10, va="center", transform=ax.transAxes)
    return fig


def _spread(at: Sequence[float], gap: float) -> np.ndarray:
    """Heights at least `gap` apart, in the same order and not above 1."""
    out = np.array(at, float)
    for low, high in pairwise(np.argsort(at)):
        out[high] = max(out[high], out[low] + gap)
    return out - max(0.0, out.max() - 1)
