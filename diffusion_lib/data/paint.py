"""Painted shapes: signed distances in a local frame, antialiased, a whole batch at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


def rgb(code: str) -> np.ndarray:
    """A colour of six hexadecimal digits, "FF8000" -> (3,) from 0 to 1."""
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255


def mixed(a: np.ndarray, b: np.ndarray | str, k: float) -> np.ndarray:
    """A share k of colour b in colour a (..., 3)."""
    return (1 - k) * a + k * (rgb(b) if isinstance(b, str) else b)


# --- shapes --------------------------------------------------------------------------------------------------------------------
class Shape(NamedTuple):
    """What is inside a line, as the distance to it: below 0 inside, above 0 outside."""

    sdf: Callable[[np.ndarray, np.ndarray], np.ndarray]  # (x, y) -> distance, about exact near the edge
    box: tuple[float, float, float, float]  # x0, y0, x1, y1: nothing is painted outside
    thin: float = 1.0  # half its smallest width: fill() keeps thinner things visible


def ellipse(x: float, y: float, rx: float, ry: float | None = None, tilt: float = 0.0) -> Shape:
    """Around (x, y), with the half axes rx and ry (None: a circle), turned by tilt radians."""
    ry = rx if ry is None else ry
    c, s = math.cos(tilt), math.sin(tilt)
    reach_x, reach_y = math.hypot(rx * c, ry * s), math.hypot(rx * s, ry * c)

    def sdf(px, py):
        px, py = px - x, py - y
        if rx == ry:
            return np.sqrt(px * px + py * py) - rx
        if tilt:
            px, py = c * px + s * py, c * py - s * px
        px, py = px / rx, py / ry
        k = np.sqrt(px * px + py * py) + 1e-6
        px, py = px / rx, py / ry
        return k * (k - 1) / (np.sqrt(px * px + py * py) + 1e-6)  # first order: exact on the edge

    return Shape(sdf, (x - reach_x, y - reach_y, x + reach_x, y + reach_y), min(rx, ry))


def polygon(points: list[tuple[float, float]], r: float = 0.0) -> Shape:
    """A polygon whose corners are rounded outwards by r."""
    edges = list(zip(points, points[1:] + points[:1], strict=True))

    def sdf(px, py):
        d2, inside = np.full(px.shape, np.inf, np.float32), np.zeros(px.shape, bool)
        for (ax, ay), (bx, by) in edges:
            ex, ey, wx, wy = bx - ax, by - ay, px - ax, py - ay
            t = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
            d2 = np.minimum(d2, (wx - ex * t) ** 2 + (wy - ey * t) ** 2)
            if ey:
                inside ^= ((py >= ay) != (py >= by)) & (px < ax + (py - ay) * (ex / ey))
        return np.where(inside, -1, 1) * np.sqrt(d2) - r

    xs, ys = zip(*points, strict=True)
    return Shape(sdf, (min(xs) - r, min(ys) - r, max(xs) + r, max(ys) + r))


def stroke(points: list[tuple[float, float]], r0: float, r1: float | None = None, smooth: int = 4) -> Shape:
    """A brush stroke through the points, its half width going from r0 to r1."""
    r1, p = r0 if r1 is None else r1, np.array(points)
    if len(p) > 2:  # a Catmull-Rom spline
        ends = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
        t = np.linspace(0, 1, smooth, endpoint=False)[:, None]
        span = [
            b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
            for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False)
        ]
        p = np.vstack([*span, p[-1:]])
    length = np.r_[0, np.hypot(*np.diff(p, axis=0).T).cumsum()]
    r = (r0 + (r1 - r0) * length / length[-1]).tolist()
    p = p.tolist()

    def sdf(px, py):
        best = None
        for (ax, ay), (bx, by), ra, rb in zip(p, p[1:], r, r[1:], strict=False):
            ex, ey, wx, wy = bx - ax, by - ay, px - ax, py - ay
            t = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
            wx, wy = wx - ex * t, wy - ey * t
            d = np.sqrt(wx * wx + wy * wy) - (ra + (rb - ra) * t if ra != rb else ra)
            best = d if best is None else np.minimum(best, d)
        return best

    big, (xs, ys) = max(r0, r1), zip(*p, strict=True)
    return Shape(sdf, (min(xs) - big, min(ys) - big, max(xs) + big, max(ys) + big), big)


def lens(x0: float, y0: float, x1: float, y1: float, width: float) -> Shape:
    """A leaf from one point to another: the overlap of two discs."""
    half, h = math.hypot(x1 - x0, y1 - y0) / 2, width / 2
    r = (half * half + h * h) / (2 * h)
    cx, cy, ux, uy = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2 / half, (y1 - y0) / 2 / half

    def sdf(px, py):
        px, py = px - cx, py - cy
        along, across = px * ux + py * uy, np.abs(py * ux - px * uy) + (r - h)
        return np.sqrt(along * along + across * across) - r

    return Shape(sdf, (cx - half, cy - half, cx + half, cy + half), h)


def union(*shapes: Shape, melt: float = 0.0) -> Shape:
    """All shapes as one; melt is the width over which they flow into each other."""

    def join(a, b):
        if not melt:
            return np.minimum(a, b)
        h = np.maximum(melt - np.abs(a - b), 0)
        return np.minimum(a, b) - h * h / (4 * melt)

    x0, y0, x1, y1 = zip(*(s.box for s in shapes), strict=True)

    def sdf(px, py):
        d = shapes[0].sdf(px, py)
        for s in shapes[1:]:
            d = join(d, s.sdf(px, py))
        return d

    box = (min(x0) - melt / 4, min(y0) - melt / 4, max(x1) + melt / 4, max(y1) + melt / 4)
    return Shape(sdf, box, min(s.thin for s in shapes))


def grow(a: Shape, r: float) -> Shape:
    """The shape, wider by r on all sides; a negative r makes it thinner."""
    x0, y0, x1, y1 = a.box
    return Shape(lambda x, y: a.sdf(x, y) - r, (x0 - r, y0 - r, x1 + r, y1 + r), a.thin + r)


def twin(a: Shape) -> Shape:
    """The shape, which lies at x > 0, and its mirror image at x < 0."""
    _, y0, x1, y1 = a.box
    return Shape(lambda x, y: a.sdf(np.abs(x), y), (-x1, y0, x1, y1), a.thin)


def wheel(a: Shape, n: int, turn: float = 0.0) -> Shape:
    """n copies around the origin of a shape that lies on the positive y axis and is symmetric there."""
    sector, far = 2 * math.pi / n, math.hypot(max(-a.box[0], a.box[2]), a.box[3])

    def sdf(x, y):
        angle = np.arctan2(x, y) - turn
        angle -= sector * np.round(angle / sector)
        r = np.sqrt(x * x + y * y)
        return a.sdf(r * np.sin(angle), r * np.cos(angle))

    return Shape(sdf, (-far, -far, far, far), a.thin)


# --- painting ------------------------------------------------------------------------------------------------------------------
class Canvas:
    """n square pictures being painted, and the frame in which the next shapes are given.

    pixels (n, 3, size, size) float32 in [0, 1]; frame (n, 2, 3) takes local to picture coordinates, both [-1, 1], y up.
    """

    def __init__(self, pixels: np.ndarray, frame: np.ndarray | None = None, light: np.ndarray | float = 1.0):
        n, _, self.size, _ = pixels.shape
        self.pixels, self.light = pixels, light
        self.frame = np.tile(np.eye(2, 3, dtype=np.float32), (n, 1, 1)) if frame is None else frame

    def at(self, x=0.0, y=0.0, scale=1.0, tilt=0.0, flip=1.0) -> Canvas:
        """The same pictures in a frame moved to (x, y), scaled, tilted (radians) and, for flip = -1, mirrored.

        Each is a number or (n,) numbers.
        """
        c, s = np.cos(tilt) * scale, np.sin(tilt) * scale
        local = np.zeros((len(self.pixels), 3, 3), np.float32)
        for column, (u, v) in enumerate(((c * flip, s * flip), (-s, c), (x, y))):
            local[:, 0, column], local[:, 1, column] = u, v
        local[:, 2, 2] = 1
        return Canvas(self.pixels, self.frame @ local, self.light)

    def fill(self, shape: Shape, colour, soft: float = 0.0, alpha=1.0, clip: Shape | None = None) -> None:
        """Paint the shape, only where clip is. colour: RGB (3,) or (n, 3); soft: blur in local units; alpha: number or (n,)."""
        rows, cols = self._crop(shape.box, soft)
        if rows.start >= rows.stop or cols.start >= cols.stop:
            return
        x, y, px = self._local(rows, cols)
        # thin things stay 0.7 pixels wide, and fade instead of vanishing
        least = 0.35 * px
        d = shape.sdf(x, y)
        if np.any(least > shape.thin):
            d = d - np.maximum(least - shape.thin, 0)
        cover = np.clip(0.5 - d / np.maximum(px, soft), 0, 1)
        if soft:
            cover = cover * cover * (3 - 2 * cover)
        if clip is not None:
            cover *= np.clip(0.5 - clip.sdf(x, y) / px, 0, 1)
        cover *= np.reshape(np.float32(alpha), (-1, 1, 1)) * np.minimum(1, shape.thin / (0.5 * least))
        colour = np.reshape(np.asarray(colour, np.float32) * self.light, (-1, 3, 1, 1))
        part = self.pixels[:, :, rows, cols]
        part += cover[:, None] * (colour - part)

    def _crop(self, box: tuple[float, float, float, float], soft: float) -> tuple[slice, slice]:
        """Rows and columns that the box can touch in any of the pictures."""
        x0, y0, x1, y1 = box
        corners = np.array([(x0, y0, 1), (x0, y1, 1), (x1, y0, 1), (x1, y1, 1)], np.float32)
        at = np.einsum("nij,kj->nki", self.frame, corners)
        scale = np.hypot(self.frame[:, 0, 0], self.frame[:, 1, 0]).max()
        half = self.size / 2
        margin = 2 + soft * scale / 2 * half
        edge = lambda v: int(min(max(v, 0), self.size))
        left, bottom = (at.min((0, 1)) + 1) * half - margin
        right, top = (at.max((0, 1)) + 1) * half + margin
        return slice(edge(self.size - top), edge(self.size - bottom)), slice(edge(left), edge(right))

    def _local(self, rows: slice, cols: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Local x and y (n, h, w) of the pixels' centres, and the local width of a pixel (n, 1, 1)."""
        m, half = self.frame, self.size / 2
        det = m[:, 0, 0] * m[:, 1, 1] - m[:, 0, 1] * m[:, 1, 0]
        at = lambda v: v[:, None, None]
        a, b, c, d = at(m[:, 1, 1] / det), at(-m[:, 0, 1] / det), at(-m[:, 1, 0] / det), at(m[:, 0, 0] / det)
        x = (np.arange(cols.start, cols.stop, dtype=np.float32) + 0.5) / half - 1
        y = 1 - (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) / half
        x, y = x[None, None, :] - at(m[:, 0, 2]), y[None, :, None] - at(m[:, 1, 2])
        return a * x + b * y, c * x + d * y, at(1 / half / np.sqrt(np.abs(det)))
