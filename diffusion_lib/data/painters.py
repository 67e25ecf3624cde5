"""How the sky, the cats and the flowers are made of shapes."""

from __future__ import annotations

import math

import numpy as np

from .factors import COLOURS, FUR, GLOW, HILLS, LAMP, SKY
from .paint import Canvas, Shape, ellipse, grow, lens, mixed, polygon, rgb, stroke, twin, union, wheel

# --- the sky -------------------------------------------------------------------------------------------------------------------
STARS = [(-0.8, 0.78, 0.05), (-0.42, 0.9, 0.03), (0.12, 0.86, 0.04), (-0.9, 0.3, 0.03), (0.9, 0.18, 0.04)]
STARS += [(-0.66, 0.02, 0.025), (0.86, -0.2, 0.025), (-0.6, 0.52, 0.03)]


def paint_sky(c: Canvas, time: np.ndarray) -> None:
    """Sky, hills, and sun with clouds or moon with stars; time: (n,) names."""
    pick = lambda table, i: np.stack([rgb(table[t][i]) for t in time])
    night = (time == "night").astype(np.float32)
    top, bottom = pick(SKY, 0)[:, :, None, None], pick(SKY, 1)[:, :, None, None]
    down = ((np.arange(c.size, dtype=np.float32) + 0.5) / c.size)[:, None] ** 1.2
    c.pixels[:] = top + (bottom - top) * down
    lamp, white = np.stack([rgb(LAMP[t]) for t in time]), rgb("FFFFFF")
    c.fill(ellipse(0, -0.1, 0.75), np.stack([rgb(GLOW[t]) for t in time]), soft=0.9, alpha=0.1 + 0.5 * night)
    c.fill(ellipse(0.66, 0.64, 0.3), lamp, soft=0.5, alpha=0.45)
    c.fill(ellipse(0.66, 0.64, 0.19), lamp)
    for x, y, r in [(0.6, 0.7, 0.05), (0.74, 0.66, 0.035), (0.66, 0.55, 0.04)]:
        c.fill(ellipse(x, y, r), rgb("E9D8B4"), alpha=0.8 * night)
    sparkle = [(0, 1), (0.22, 0.22), (1, 0), (0.22, -0.22), (0, -1), (-0.22, -0.22), (-1, 0), (-0.22, 0.22)]
    for x, y, r in STARS:
        star = polygon([(x + r * a, y + r * b) for a, b in sparkle], 0.004)
        c.fill(star._replace(thin=0.25 * r), rgb("FFF6D8"), alpha=night)
    cloud = union(ellipse(-0.72, 0.56, 0.2, 0.09), ellipse(-0.66, 0.63, 0.1), ellipse(-0.8, 0.6, 0.08))
    c.fill(cloud, white, alpha=0.85 * (1 - night))
    c.fill(ellipse(0.5, -1.5, 1.5, 0.8), pick(HILLS, 0))
    c.fill(ellipse(-0.6, -1.7, 1.6, 0.85), pick(HILLS, 1))


# --- cats ----------------------------------------------------------------------------------------------------------------------
PINK, WHITE, DARK, GREEN = rgb("F59AA5"), rgb("FFFFFF"), rgb("2A2233"), rgb("5DAE6B")
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
    c.fill(twin(ellipse(0.58, -0.26, 0.15, 0.09)), rgb("FF7E8A"), soft=0.12, alpha=0.42)
    line = mixed(p["line"], "3B3048", 0.75 * (pattern == "tuxedo"))
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


def paint_cat(c: Canvas, pattern: str, eyes: str, pose: str, p: dict) -> None:
    """Paint cats of one pattern, kind of eyes and pose; p: the colours of each, (n, 3), see `cat_colours`."""
    POSES[pose](c, pattern, p)
    x, y, scale, tilt = HEADS[pose]
    _paint_head(c.at(x, y, scale, tilt), pattern, eyes, p)


def _paint_coat(c: Canvas, body: Shape, pattern: str, p: dict, stripes: list, spot: Shape, bib: Shape) -> None:
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
HEADS = {"sitting": (0, 0.26, 0.6, 0), "portrait": (0, -0.02, 0.88, 0), "loaf": (0, 0.0, 0.56, 0)}
HEADS |= {"curled": (-0.3, -0.36, 0.52, 0.1)}


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
    dark = mixed(GREEN, "1E5B4F", 0.45)
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


TULIP = {5: (2, 3), 6: (3, 3), 8: (3, 5)}  # petals behind, petals in front: an odd number, so that one faces us


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


def paint_flower(c: Canvas, shape: str, count: str, p: dict) -> None:
    """Paint flowers of one shape and number of petals; p: the colours of each, (n, 3), see `flower_colours`."""
    _paint_stem(c)
    head = c.at(0, 0.2, 0.68)
    if shape == "tulip":
        _paint_tulip(head, NUMBER[count], p)
    else:
        _paint_blossom(head, shape, NUMBER[count], p)


# --- sprites -------------------------------------------------------------------------------------------------------------------
def cat_colours(specs: list[dict]) -> dict:
    """The colours (n, 3) of some cats."""
    parts = ("fur", "mark", "bib", "line", "iris")
    p = {k: np.stack([rgb(FUR[s["fur"]][i]) for s in specs]) for i, k in enumerate(parts)}
    night = np.array([[s["time"] == "night"] for s in specs])
    p["shade"] = mixed(p["fur"], "40264F", 0.25)
    p["rim"] = np.where(night, mixed(p["fur"], "C9C4FF", 0.35), mixed(p["fur"], "40264F", 0.32))
    return p


def flower_colours(specs: list[dict]) -> dict:
    """The colours (n, 3) of some flowers."""
    p = {k: np.stack([rgb(COLOURS[s[k]]) for s in specs]) for k in ("petals", "centre")}
    p["shade"], p["tint"] = mixed(p["petals"], "5B2A6E", 0.22), mixed(p["petals"], "FFFFFF", 0.5)
    p["rim"], p["core_rim"] = mixed(p["petals"], "5B2A6E", 0.38), mixed(p["centre"], "7A3B1E", 0.38)
    night = np.array([[s["time"] == "night"] for s in specs])
    p["edge"] = np.where(night, mixed(p["petals"], "EFEAFF", 0.3), p["rim"])
    return p
