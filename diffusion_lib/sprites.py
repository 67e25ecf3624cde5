"""Pictures that we draw ourselves: captioned cats and flowers at any size, so that every property of the data is known.

A picture is a stack of painted shapes. A shape is a signed distance (negative inside) in a local frame, y pointing up; what a
pixel shows of it is clip(1/2 - distance / pixel width), which is antialiasing. All sprites of a batch are painted at once.

Longer than 250 lines because a picture book needs its shapes: the first part paints, the last part is the pictures.
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .values import integer, seeded

# --- palettes ------------------------------------------------------------------------------------------------------------------
FUR = {  # fur, its markings, bib and paws of a tuxedo, lines of mouth and closed eyes, iris
    "orange": ("F39A4A", "CF6A26", "FFF3E2", "5B2E20", "8CC152"),
    "black": ("433E57", "766E96", "F7F2FA", "DDD2EA", "FFD34E"),
    "grey": ("9AA3B5", "67708A", "F6F7FB", "3B3F52", "F2C14E"),
    "white": ("FCF7F1", "D8C9C4", "F6D2AE", "5B4652", "57B3E8"),
    "brown": ("9A6A4B", "653F2B", "F6E3CB", "3A211A", "A9D65C"),
}
COLOURS = {
    "pink": "F78FB3",
    "red": "E5484D",
    "orange": "F98A3C",
    "yellow": "FFD23F",
    "blue": "4F90FA",
    "purple": "9B5DE5",
    "white": "FFFAF3",
    "brown": "8A5637",
}
SKY = {"day": ("7CC6EF", "E6F2EA"), "night": ("161C52", "5A55AC")}
GLOW = {
    "day": "DDF1F7",
    "night": "7A78CF",
}  # behind the subject, so that a white cat shows by day and a black one by night
HILLS = {"day": ("BFE3A4", "9FD08C"), "night": ("34407F", "28306A")}
LAMP = {"day": "FFD45E", "night": "FFF3CF"}  # the sun or the moon
LIGHT = {"day": (1.0, 1.0, 1.0), "night": (0.95, 0.94, 1.0)}  # moonlight cools every colour a little

# The first value of each factor is what parse() takes for a factor that the text does not mention.
FACTORS: dict[str, dict[str, tuple[str, ...]]] = {
    "cat": {
        "fur": tuple(FUR),
        "pattern": ("plain", "tabby", "tuxedo", "patched"),
        "eyes": ("open", "wide", "happy", "sleepy", "winking"),
        "pose": ("sitting", "portrait", "loaf", "curled"),
        "time": ("day", "night"),
    },
    "flower": {
        "petals": tuple(c for c in COLOURS if c != "brown"),
        "centre": ("yellow", *(c for c in COLOURS if c != "yellow")),
        "shape": ("round", "pointed", "heart", "tulip"),
        "count": ("five", "six", "eight"),
        "time": ("day", "night"),
    },
}


def _rgb(code: str) -> np.ndarray:
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255


def _mix(a: np.ndarray, b: np.ndarray | str, k: float) -> np.ndarray:
    """A share k of colour b in colour a (..., 3)."""
    return (1 - k) * a + k * (_rgb(b) if isinstance(b, str) else b)


# --- shapes --------------------------------------------------------------------------------------------------------------------
class Shape(NamedTuple):
    sdf: Callable[[np.ndarray, np.ndarray], np.ndarray]  # (x, y) -> distance, about exact near the edge
    box: tuple[float, float, float, float]  # x0, y0, x1, y1: nothing is painted outside
    thin: float = 1.0  # half its smallest width: fill() keeps thinner things visible


def ellipse(x: float, y: float, rx: float, ry: float | None = None, tilt: float = 0.0) -> Shape:
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


# --- the sky -------------------------------------------------------------------------------------------------------------------
STARS = [(-0.8, 0.78, 0.05), (-0.42, 0.9, 0.03), (0.12, 0.86, 0.04), (-0.9, 0.3, 0.03), (0.9, 0.18, 0.04), (-0.66, 0.02, 0.025),
         (0.86, -0.2, 0.025), (-0.6, 0.52, 0.03)]  # fmt: skip


def _paint_sky(c: Canvas, time: np.ndarray) -> None:
    """Sky, hills, and sun with clouds or moon with stars; time: (n,) names."""
    pick = lambda table, i: np.stack([_rgb(table[t][i]) for t in time])
    night = (time == "night").astype(np.float32)
    top, bottom = pick(SKY, 0)[:, :, None, None], pick(SKY, 1)[:, :, None, None]
    down = ((np.arange(c.size, dtype=np.float32) + 0.5) / c.size)[:, None] ** 1.2
    c.pixels[:] = top + (bottom - top) * down
    lamp, white = np.stack([_rgb(LAMP[t]) for t in time]), _rgb("FFFFFF")
    c.fill(ellipse(0, -0.1, 0.75), np.stack([_rgb(GLOW[t]) for t in time]), soft=0.9, alpha=0.1 + 0.5 * night)
    c.fill(ellipse(0.66, 0.64, 0.3), lamp, soft=0.5, alpha=0.45)
    c.fill(ellipse(0.66, 0.64, 0.19), lamp)
    for x, y, r in [(0.6, 0.7, 0.05), (0.74, 0.66, 0.035), (0.66, 0.55, 0.04)]:
        c.fill(ellipse(x, y, r), _rgb("E9D8B4"), alpha=0.8 * night)
    sparkle = [(0, 1), (0.22, 0.22), (1, 0), (0.22, -0.22), (0, -1), (-0.22, -0.22), (-1, 0), (-0.22, 0.22)]
    for x, y, r in STARS:
        star = polygon([(x + r * a, y + r * b) for a, b in sparkle], 0.004)
        c.fill(star._replace(thin=0.25 * r), _rgb("FFF6D8"), alpha=night)
    cloud = union(ellipse(-0.72, 0.56, 0.2, 0.09), ellipse(-0.66, 0.63, 0.1), ellipse(-0.8, 0.6, 0.08))
    c.fill(cloud, white, alpha=0.85 * (1 - night))
    c.fill(ellipse(0.5, -1.5, 1.5, 0.8), pick(HILLS, 0))
    c.fill(ellipse(-0.6, -1.7, 1.6, 0.85), pick(HILLS, 1))


# --- cats ----------------------------------------------------------------------------------------------------------------------
PINK, WHITE, DARK, GREEN = _rgb("F59AA5"), _rgb("FFFFFF"), _rgb("2A2233"), _rgb("5DAE6B")
HEAD = union(ellipse(0, 0.04, 0.84, 0.66), twin(ellipse(0.42, -0.2, 0.46, 0.4)), melt=0.2)
EARS = twin(polygon([(0.74, 0.28), (0.71, 0.86), (0.24, 0.56)], 0.09))
SKULL = union(HEAD, EARS)
SITTING = union(ellipse(0, -0.2, 0.27, 0.32), ellipse(0, -0.6, 0.42, 0.3), melt=0.3)
TAIL = [(0.25, -0.78), (0.6, -0.74), (0.72, -0.45), (0.62, -0.2)]


def _paint_eye(c: Canvas, x: float, eyes: str, p: dict) -> None:
    """One eye; x < 0 is the left one, which stays open in a wink."""
    if eyes == "happy" or (eyes == "winking" and x > 0):
        c.fill(stroke([(x - 0.17, -0.07), (x, 0.09), (x + 0.17, -0.07)], 0.034), p["line"])
    elif eyes == "sleepy":
        c.fill(stroke([(x - 0.18, 0.02), (x, -0.1), (x + 0.18, 0.02)], 0.034), p["line"])
    else:
        r = 0.22 if eyes == "wide" else 0.18
        c.fill(ellipse(x, 0, r + 0.03, r * 1.1 + 0.03), DARK)
        c.fill(ellipse(x, 0, r, r * 1.1), p["iris"])
        c.fill(ellipse(x, 0, 0.165, 0.19) if eyes == "wide" else ellipse(x, 0, 0.085, 0.165), DARK)
        c.fill(ellipse(x + 0.06, 0.085, 0.065 if eyes == "wide" else 0.05), WHITE)
        c.fill(ellipse(x - 0.06, -0.08, 0.03), WHITE, alpha=0.9)


def _paint_head(c: Canvas, pattern: str, eyes: str, p: dict) -> None:
    c.fill(grow(SKULL, 0.035), p["rim"])
    c.fill(SKULL, p["fur"])
    if pattern == "patched":
        c.fill(ellipse(0.6, 0.5, 0.46, 0.62, 0.3), p["mark"], clip=SKULL)
    c.fill(twin(polygon([(0.66, 0.42), (0.66, 0.76), (0.42, 0.58)], 0.05)), PINK, alpha=0.85)
    c.fill(ellipse(0, -0.75, 0.9, 0.3), p["shade"], soft=0.4, alpha=0.25, clip=HEAD)
    if pattern == "tabby":
        c.fill(stroke([(0, 0.68), (0, 0.36)], 0.06, 0.025), p["mark"], clip=HEAD)
        c.fill(twin(stroke([(0.23, 0.66), (0.17, 0.4)], 0.055, 0.02)), p["mark"], clip=HEAD)
        for y in (-0.02, -0.2):
            c.fill(twin(stroke([(0.9, y + 0.03), (0.64, y - 0.02)], 0.05, 0.02)), p["mark"], clip=HEAD)
    if pattern == "tuxedo":
        blaze = union(stroke([(0, 0.42), (0, -0.1)], 0.02, 0.12), ellipse(0, -0.36, 0.4, 0.28), melt=0.2)
        c.fill(blaze, p["bib"], clip=HEAD)
    for side in (-1, 1):
        _paint_eye(c, 0.38 * side, eyes, p)
    c.fill(twin(ellipse(0.58, -0.26, 0.15, 0.09)), _rgb("FF7E8A"), soft=0.12, alpha=0.42)
    line = _mix(p["line"], "3B3048", 0.75 * (pattern == "tuxedo"))
    c.fill(twin(stroke([(0, -0.24), (0.03, -0.36), (0.13, -0.39), (0.21, -0.33)], 0.024)), line)
    c.fill(polygon([(-0.06, -0.18), (0.06, -0.18), (0, -0.24)], 0.035), PINK)
    for y, end in ((-0.2, -0.14), (-0.28, -0.32)):
        c.fill(twin(stroke([(0.56, y), (1.02, end)], 0.014, 0.008)), p["line"], alpha=0.8)


def _paint_tail(c: Canvas, path: list, pattern: str, p: dict, width: float = 0.09) -> None:
    tail = stroke(path, width)
    c.fill(grow(tail, 0.022), p["rim"])
    c.fill(tail, p["fur"])
    x, y = path[-1]
    tip = {"tabby": "mark", "patched": "mark", "tuxedo": "bib"}.get(pattern)
    if tip:
        c.fill(ellipse(x, y, width * 1.7), p[tip], clip=tail)


def _paint_cat(c: Canvas, pattern: str, eyes: str, pose: str, p: dict) -> None:
    POSES[pose](c, pattern, p)
    x, y, scale, tilt = HEADS[pose]
    _paint_head(c.at(x, y, scale, tilt), pattern, eyes, p)


def _paint_coat(
    c: Canvas, body: Shape, pattern: str, p: dict, stripes: list, spot: Shape, bib: Shape
) -> None:
    """A body in its coat, with the head's shadow on it."""
    c.fill(grow(body, 0.022), p["rim"])
    c.fill(body, p["fur"])
    if pattern == "tabby":
        for s in stripes:
            c.fill(s, p["mark"], clip=body)
    if pattern == "patched":
        c.fill(spot, p["mark"], clip=body)
    if pattern == "tuxedo":
        c.fill(bib, p["bib"], clip=body)


def _paint_sitting(c: Canvas, pattern: str, p: dict) -> None:
    _paint_tail(c, TAIL, pattern, p)
    body = SITTING
    stripes = [twin(stroke([(0.5, y), (0.24, y - 0.02)], 0.045, 0.015)) for y in (-0.36, -0.5, -0.64)]
    _paint_coat(c, body, pattern, p, stripes, ellipse(-0.34, -0.5, 0.24, 0.2), ellipse(0, -0.2, 0.19, 0.32))
    c.fill(ellipse(0, -0.1, 0.5, 0.2), p["shade"], soft=0.2, alpha=0.45, clip=body)
    c.fill(stroke([(0, -0.55), (0, -0.8)], 0.012), p["rim"])
    paw = p["bib" if pattern == "tuxedo" else "fur"]
    c.fill(twin(ellipse(0.14, -0.82, 0.15, 0.1)), p["rim"])
    c.fill(twin(ellipse(0.14, -0.82, 0.13, 0.08)), paw)


def silhouette(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which points of the plane, y up, lie in a sitting cat? x, y: float32 of one shape, the cat fills [-0.6, 0.9] x [-0.9, 0.9]."""
    hx, hy, scale, _ = HEADS["sitting"]
    body = union(SITTING, twin(ellipse(0.14, -0.82, 0.13, 0.08)), stroke(TAIL, 0.09)).sdf(x, y)
    return np.minimum(body, SKULL.sdf((x - hx) / scale, (y - hy) / scale)) < 0


def _paint_portrait(c: Canvas, pattern: str, p: dict) -> None:
    body = ellipse(0, -1.05, 0.58, 0.6)
    stripes = [twin(stroke([(0.6, y), (0.34, y - 0.04)], 0.05, 0.02)) for y in (-0.74, -0.9)]
    _paint_coat(c, body, pattern, p, stripes, ellipse(-0.4, -0.85, 0.26, 0.2), ellipse(0, -0.9, 0.3, 0.4))
    c.fill(ellipse(0, -0.55, 0.6, 0.2), p["shade"], soft=0.2, alpha=0.45, clip=body)


def _paint_loaf(c: Canvas, pattern: str, p: dict) -> None:
    body = union(ellipse(0, -0.48, 0.7, 0.34), ellipse(0, -0.66, 0.72, 0.2), melt=0.2)
    stripes = [twin(stroke([(x, -0.1), (x + 0.06, -0.46)], 0.045, 0.015)) for x in (0.36, 0.52)]
    _paint_coat(c, body, pattern, p, stripes, ellipse(-0.5, -0.5, 0.22, 0.26), ellipse(0, -0.5, 0.26, 0.32))
    c.fill(ellipse(0, -0.32, 0.52, 0.2), p["shade"], soft=0.2, alpha=0.45, clip=body)
    _paint_tail(c, [(0.6, -0.72), (0.3, -0.84), (-0.05, -0.8)], pattern, p, 0.075)


def _paint_curled(c: Canvas, pattern: str, p: dict) -> None:
    body = ellipse(0.08, -0.36, 0.74, 0.48)
    stripes = [stroke([(x, 0.14), (x + 0.08, -0.16)], 0.045, 0.015) for x in (0.1, 0.3, 0.5)]
    _paint_coat(c, body, pattern, p, stripes, ellipse(0.45, -0.12, 0.3, 0.26), ellipse(-0.1, -0.7, 0.4, 0.2))
    c.fill(ellipse(-0.28, -0.42, 0.52, 0.36), p["shade"], soft=0.2, alpha=0.4, clip=body)
    _paint_tail(c, [(0.76, -0.4), (0.6, -0.74), (0.2, -0.82), (-0.2, -0.8)], pattern, p)


POSES = {"sitting": _paint_sitting, "portrait": _paint_portrait, "loaf": _paint_loaf, "curled": _paint_curled}
HEADS = {
    "sitting": (0, 0.26, 0.6, 0),
    "portrait": (0, -0.02, 0.88, 0),
    "loaf": (0, 0.0, 0.56, 0),
    "curled": (-0.3, -0.36, 0.52, 0.1),
}


# --- flowers -------------------------------------------------------------------------------------------------------------------
NUMBER = {"five": 5, "six": 6, "eight": 8}


def _petal(shape: str, n: int) -> Shape:
    """One petal upwards from the origin, about 0.93 long, that fills a sector of 1/n."""
    half = math.tan(math.pi / n)
    if shape == "pointed":
        return lens(0, 0.0, 0, 0.97, 0.8 * half)
    if shape == "heart":
        lobe = 0.3 * half
        return twin(stroke([(0, 0.1), (0.85 * lobe, 0.93 - lobe)], 0.02, lobe))
    return ellipse(0, 0.54, 0.5 * half, 0.38)


def _paint_stem(c: Canvas) -> None:
    dark = _mix(GREEN, "1E5B4F", 0.45)
    c.fill(stroke([(0.0, 0.1), (0.05, -0.4), (-0.02, -1.1)], 0.04), dark)
    for leaf in (lens(0.02, -0.86, 0.5, -0.5, 0.2), lens(0.0, -0.9, -0.5, -0.62, 0.2)):
        c.fill(leaf, GREEN)
    c.fill(stroke([(0.02, -0.86), (0.42, -0.56)], 0.012, 0.006), dark)
    c.fill(stroke([(0.0, -0.9), (-0.42, -0.67)], 0.012, 0.006), dark)


def _paint_blossom(c: Canvas, shape: str, n: int, p: dict) -> None:
    petal, between = _petal(shape, n), math.pi / n
    front = wheel(petal, n)
    if shape != "heart":  # a second row behind fills the gaps
        c.fill(wheel(grow(petal, -0.02), n, between), p["edge"])
        c.fill(wheel(grow(petal, -0.05), n, between), p["shade"])
    else:
        c.fill(ellipse(0, 0, 0.45), p["shade"])
    c.fill(grow(front, 0.03), p["edge"])
    c.fill(front, p["petals"])
    c.fill(ellipse(0, 0, 0.32), p["shade"], soft=0.5, alpha=0.7, clip=front)
    c.fill(wheel(stroke([(0, 0.2), (0, 0.62)], 0.022, 0.012), n, between), p["rim"], clip=front)
    c.fill(wheel(stroke([(0, 0.46), (0, 0.68)], 0.03, 0.015), n), p["tint"], alpha=0.6)
    c.fill(ellipse(0, 0, 0.28), p["core_rim"])
    c.fill(ellipse(0, 0.01, 0.25), p["centre"])
    c.fill(wheel(ellipse(0, 0.15, 0.026), 8), p["core_rim"], alpha=0.7)


TULIP = {
    5: (2, 3),
    6: (3, 3),
    8: (3, 5),
}  # petals behind, petals in front: an odd number, so that one faces us


def _paint_tulip(c: Canvas, n: int, p: dict) -> None:
    """A cup of n petals seen from the side, each front one with a flame of the centre's colour."""
    for colour, row in zip(("shade", "petals"), TULIP[n], strict=True):
        petal, flame = lens(0, 0, 0, 1.2, 0.64 - 0.05 * row), lens(0, 0.02, 0, 0.78, 0.32 - 0.03 * row)
        spread = 0.5 if colour == "shade" else 0.68 + 0.06 * row
        for angle in sorted(np.linspace(-spread, spread, row), key=abs, reverse=True):
            hidden = colour == "shade" and angle == 0  # by the front one, so let it be taller
            leaf = c.at(0, -0.55, 1.2 if hidden else 1, angle)
            leaf.fill(grow(petal, 0.025), p["edge"])
            leaf.fill(petal, p[colour])
            if colour == "petals":
                leaf.fill(flame, p["centre"])


def _paint_flower(c: Canvas, shape: str, count: str, p: dict) -> None:
    _paint_stem(c)
    head = c.at(0, 0.2, 0.68)
    if shape == "tulip":
        _paint_tulip(head, NUMBER[count], p)
    else:
        _paint_blossom(head, shape, NUMBER[count], p)


# --- sprites -------------------------------------------------------------------------------------------------------------------
def _cat_paint(specs: list[dict]) -> dict:
    """The colours (n, 3) of some cats."""
    p = {
        k: np.stack([_rgb(FUR[s["fur"]][i]) for s in specs])
        for i, k in enumerate(("fur", "mark", "bib", "line", "iris"))
    }
    night = np.array([[s["time"] == "night"] for s in specs])
    p["shade"] = _mix(p["fur"], "40264F", 0.25)
    p["rim"] = np.where(night, _mix(p["fur"], "C9C4FF", 0.35), _mix(p["fur"], "40264F", 0.32))
    return p


def _flower_paint(specs: list[dict]) -> dict:
    p = {k: np.stack([_rgb(COLOURS[s[k]]) for s in specs]) for k in ("petals", "centre")}
    p["shade"], p["tint"] = _mix(p["petals"], "5B2A6E", 0.22), _mix(p["petals"], "FFFFFF", 0.5)
    p["rim"], p["core_rim"] = _mix(p["petals"], "5B2A6E", 0.38), _mix(p["centre"], "7A3B1E", 0.38)
    night = np.array([[s["time"] == "night"] for s in specs])
    p["edge"] = np.where(night, _mix(p["petals"], "EFEAFF", 0.3), p["rim"])
    return p


def _render(specs: list[dict], jitter: np.ndarray, size: int) -> np.ndarray:
    pixels = np.empty((len(specs), 3, size, size), np.float32)
    time = np.array([s["time"] for s in specs])
    dx, dy, zoom, tilt, flip, sky = jitter.T
    c = Canvas(pixels)
    _paint_sky(c.at(-dx, -dy, flip=sky), time)
    c.light = np.stack([np.array(LIGHT[t], np.float32) for t in time])
    c = c.at(dx, dy, zoom, tilt, flip)
    s = specs[0]
    if s["species"] == "cat":
        _paint_cat(c, s["pattern"], s["eyes"], s["pose"], _cat_paint(specs))
    else:
        _paint_flower(c, s["shape"], s["count"], _flower_paint(specs))
    return (pixels.transpose(0, 2, 3, 1) * 255 + 0.5).astype(np.uint8)


def _groups(specs: list[dict]) -> dict[tuple, list[int]]:
    """Indices of the sprites that are made of the same shapes, and so can be painted together: only colours differ."""
    groups: dict[tuple, list[int]] = {}
    for i, s in enumerate(specs):
        shapes = ("pattern", "eyes", "pose") if s["species"] == "cat" else ("shape", "count")
        groups.setdefault((s["species"], *(s[f] for f in shapes)), []).append(i)
    return groups


def _draw(specs: list[dict], jitter: np.ndarray, size: int) -> np.ndarray:
    """Paint group by group, in pieces small enough for the processor's cache: (n, size, size, 3) uint8."""
    size = integer(size, 8, 256, f"A sprite can be 8 to 256 pixels wide, but size = {size!r}.")
    pixels = np.empty((len(specs), size, size, 3), np.uint8)
    piece = max(1, 2**18 // size**2)
    for members in _groups(specs).values():
        for k in range(0, len(members), piece):
            these = members[k : k + piece]
            pixels[these] = _render([specs[i] for i in these], jitter[these], size)
    return pixels


def draw(spec: dict | str, size: int = 64) -> np.ndarray:
    """The sprite that spec, or words, describe (see FACTORS), (size, size, 3) uint8, size 8..256; the same for every call."""
    spec = _checked(spec)
    return _draw([spec], np.array([[0, 0, 1, 0, 1, 1]], np.float32), size)[0]


def _checked(spec: dict | str) -> dict:
    """All factors of a sprite that some factors, or words, describe."""
    if isinstance(spec, str):
        return parse(spec)
    species = spec.get("species") if isinstance(spec, dict) else spec
    if species not in FACTORS:
        raise ValueError(f"A sprite's species must be one of {', '.join(FACTORS)}, but got {species!r}.")
    factors = FACTORS[spec["species"]]
    full = {"species": spec["species"], **{f: values[0] for f, values in factors.items()}, **spec}
    for name, value in full.items():
        if name != "species" and value not in factors.get(name, ()):
            known = (
                f"{name} is one of {', '.join(factors[name])}"
                if name in factors
                else f"it has {', '.join(factors)}"
            )
            raise ValueError(f"A {spec['species']} cannot have {name} = {value!r}: {known}.")
    return full


def random_sprites(
    n: int, size: int = 32, seed: int = 0, species: str | None = None
) -> tuple[np.ndarray, list[dict]]:
    """n sprites (n, size, size, 3) uint8 and their specs: species and every factor uniform and independent, pose a little shaken.

    The first k sprites of a seed are the same whatever n is.
    """
    n = integer(n, 1, math.inf, f"The number of sprites must be a whole number of at least 1, but n = {n!r}.")
    if species is not None and species not in FACTORS:
        raise ValueError(
            f"There is no species {species!r}: choose one of {', '.join(FACTORS)}, or None for all."
        )
    u = np.random.default_rng(seeded(seed)).random((n, 12))  # one row a sprite
    kinds = list(FACTORS) if species is None else [species]
    specs = []
    for row in u:
        kind = kinds[int(row[0] * len(kinds))]
        factors = FACTORS[kind].items()
        specs.append(
            {"species": kind, **{f: v[int(r * len(v))] for (f, v), r in zip(factors, row[1:6], strict=True)}}
        )
    shake = 2 * u[:, 6:] - 1
    jitter = np.stack(
        [
            0.07 * shake[:, 0],
            0.05 * shake[:, 1],
            1 + 0.07 * shake[:, 2],
            0.1 * shake[:, 3],
            np.sign(shake[:, 4]),
            np.sign(shake[:, 5]),
        ],
        1,
    )
    return _draw(specs, jitter.astype(np.float32), size), specs


# --- words ---------------------------------------------------------------------------------------------------------------------
EYES = {
    "open": "open eyes",
    "wide": "wide eyes",
    "happy": "happy eyes",
    "sleepy": "sleepy eyes",
    "winking": "winking",
}
TIMES = {"day": "by day", "night": "at night"}
SYNONYMS = {
    "5": "five", "6": "six", "8": "eight", "many": "eight", "gray": "grey", "ginger": "orange", "violet": "purple",
    "striped": "tabby", "wink": "winking", "smiling": "happy", "sleeping": "sleepy", "asleep": "sleepy", "kitten": "cat",
    "kitty": "cat", "blossom": "flower", "tulip": "tulip flower", "sun": "day", "sunny": "day", "daylight": "day",
    "moon": "night", "moonlight": "night", "stars": "night", "starry": "night", "center": "centre", "middle": "centre",
}  # fmt: skip
IGNORED = set(
    "a an the with of in on at by and under is its petal gorgeous beautiful pretty cute lovely nice".split()
)


def caption(spec: dict | str) -> str:
    """What the picture shows, every factor in words; other factors, other words."""
    s = _checked(spec)
    if s["species"] == "cat":
        return f"{s['fur']} {s['pattern']} cat, {s['pose']}, {EYES[s['eyes']]}, {TIMES[s['time']]}"
    return f"{s['petals']} and {s['centre']} flower, {s['count']} {s['shape']} petals, {TIMES[s['time']]}"


def vocabulary() -> tuple[str, ...]:
    """Every word that can stand in a caption, in alphabetical order."""
    specs = (
        {"species": kind, **dict(zip(factors, values, strict=True))}
        for kind, factors in FACTORS.items()
        for values in itertools.product(*factors.values())
    )
    return tuple(sorted({word for s in specs for word in re.findall(r"\w+", caption(s))}))


def parse(text: str) -> dict:
    """The sprite that some words ask for, "blue and yellow flower at night"; what they leave open is the first value in FACTORS.

    A flower's first colour is its petals', the second its centre's, unless the words "petals" or "centre" follow a colour.
    "Sleeping" also curls a cat up, and a cat that is white and something else is a tuxedo.
    Raises ValueError for words that we cannot draw.
    """
    said = re.findall(r"\w+", str(text).lower())
    words = [w for word in said for w in SYNONYMS.get(word, word).split()]
    kinds = sorted(set(words) & set(FACTORS))
    if len(kinds) != 1:
        raise ValueError(f"{text!r} should name one thing to draw: {' or '.join(FACTORS)}.")
    kind, factors = kinds[0], FACTORS[kinds[0]]
    if kind == "cat" and "white" in words and len(set(words) & set(FUR)) > 1:
        words[words.index("white")] = "tuxedo"
    spec = {"species": kind}
    pairs = zip(words, [*words[1:], ""], strict=True)
    for word, after in sorted(
        pairs, key=lambda p: p[1] not in factors
    ):  # "yellow centre" before a lone "blue"
        if word in IGNORED or word in FACTORS or word in factors:
            continue
        homes = [f for f, values in factors.items() if word in values]
        free = [f for f in homes if f not in spec]
        if not free and (len(homes) != 1 or spec[homes[0]] != word):
            raise ValueError(_why_not(word, spec, homes))
        spec[after if after in free else (free or homes)[0]] = word
    if {"sleeping", "asleep"} & set(said):
        spec.setdefault("pose", "curled")
    return _checked(spec)


def _why_not(word: str, spec: dict, homes: list[str]) -> str:
    kind = spec["species"]
    if homes:
        taken = " and ".join(f"{f} = {spec[f]}" for f in homes)
        return (
            f"There is no room for {word!r}, because the {kind} already has {taken}: leave one of them out."
        )
    known = {w for values in FACTORS[kind].values() for w in values} | set(SYNONYMS)
    near = difflib.get_close_matches(word, sorted(known), 3, 0.8)
    if near:
        return f"I cannot draw {word!r}: did you mean {' or '.join(near)}?"
    options = "; ".join(f"{f} {', '.join(values)}" for f, values in FACTORS[kind].items())
    return f"I cannot draw {word!r}, but a {kind} can have {options}."
