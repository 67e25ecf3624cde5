"""Lesson 13: how others will see a picture: small, without red or green, in grey; what its film weighs; the article's pictures."""

from __future__ import annotations

import io
import math
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image, ImageOps

from ...data import sprites
from ...viz.figures import Figure, drawing, png, raster, rgb, strip
from ...viz.look import Look
from ...viz.moving import save_film
from ...viz.tables import Table, table
from ...words import N_, _
from ..scenes import named
from .fields import line

# what a colour becomes for an eye without one of its three kinds of cones: (red, green, blue) of linear light from the same;
# Machado, Oliveira and Fernandes 2009, severity 1
EYES = {
    N_("as it is"): np.eye(3),
    N_("without green cones"): np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    N_("without red cones"): np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    N_("printed in grey"): np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}

ARTICLE = (  # what the article shows, the scene, and the file that suits it
    (N_("two prompts, and what a service answers"), "service", ".png"),
    (N_("a sentence becomes a picture"), "prompt", ".gif"),
    (N_("real cats, generated cats"), "gan-data", ".png"),
    (N_("the two networks of a GAN, four steps"), "gan-loop", ".svg"),
    (N_("particles spread; time is wound back"), "particles", ".gif"),
    (N_("the whole model on one line"), "overview", ".svg"),
    (N_("forward process, with its two equations"), "forward", ".png"),
    (N_("reverse process, with its two equations"), "reverse", ".png"),
    (N_("GAN, VAE and diffusion in one drawing"), "families", ".svg"),
)


def light(srgb: np.ndarray) -> np.ndarray:
    """Linear light 0..1 of sRGB numbers 0..1."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def seen(picture: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """A picture of bytes (H, W, 3) as this eye sees it."""
    linear = (light(picture / 255) @ eye.T).clip(0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (255 * srgb).round().astype(np.uint8)


def _story(name: str):
    scene = named(name)
    return scene.draw(SimpleNamespace(**{o.name: o.default for o, _only in scene.choices}, ending=".png"))


def _page(pictures: list[np.ndarray], names: list[str], alt: str, gap: int = 24, font: int = 13) -> Figure:
    """Pictures side by side, pixel for pixel, each with its name above it."""
    high, wide = max(p.shape[0] for p in pictures) + 2 * gap, sum(p.shape[1] + gap for p in pictures) + gap
    with drawing():
        fig = Figure((wide + 0.01) / 96, (high + 0.01) / 96, dpi=96)
        ax = fig.add_axes((0, 0, 1, 1), xlim=(0, wide), ylim=(high, 0), frame_on=False, xticks=[], yticks=[])
        x = gap
        for picture, name in zip(pictures, names, strict=True):
            h, w = picture.shape[:2]
            ax.imshow(picture, interpolation="none", aspect="auto", extent=(x, x + w, 1.5 * gap + h, 1.5 * gap))
            ax.text(x, gap, name, size=0.75 * font, va="center", weight="bold")
            x += w + gap
        ax.set(xlim=(0, wide), ylim=(high, 0))
    fig.alt = alt
    return fig


def on_a_phone(scene: str = "forward", shown: int = 360) -> Figure:
    """A picture that was drawn 8 inches wide, squeezed into a phone; and the same scene drawn anew for it. shown: pixels wide."""
    story, look = _story(scene), Look(width=shown / 96, dpi=288, font=9, columns=3)
    page, small = story.still(Look()), story.still(look)
    wide, narrow = page.get_figwidth(), small.get_figwidth()
    alt = _(
        "The scene {scene} twice, {n} pixels wide: squeezed from a page, its letters are {k:.0f} pixels high; drawn for a phone they are {m:.0f}."
    )
    heights = {"k": letter(Look().font, wide, shown), "m": letter(look.font, narrow, shown)}
    names = [_("drawn for paper, squeezed"), _("drawn for the phone")]
    return _page([_shrunk(raster(f), shown) for f in (page, small)], names, alt.format(scene=scene, n=shown, **heights))


def _shrunk(picture: np.ndarray, wide: int) -> np.ndarray:
    image = Image.fromarray(picture)
    return np.asarray(image.resize((wide, round(wide * image.height / image.width)), Image.Resampling.LANCZOS))


def letter(font: float, width: float, shown: float) -> float:
    """Pixels that letters of `font` points are high, where a picture drawn `width` inches wide is shown `shown` pixels wide."""
    return font / 72 * shown / width


def other_eyes() -> Figure:
    """Two lines in red and green, and the same in our colours and dashes, as four kinds of eyes see them."""
    x = np.linspace(0, 1, 60)
    pages = []
    for colours, dashes in ((("#d62728", "#2ca02c"), ("-", "-")), (("#0072b2", "#d55e00"), ("-", (0, (5, 2))))):
        with drawing():
            fig = Figure(2.05, 1.3, dpi=96)
            ax = fig.add_axes((0.05, 0.05, 0.9, 0.9), xticks=[], yticks=[])
            for colour, dash, y in zip(colours, dashes, (x**2, 1 - (1 - x) ** 3), strict=True):
                ax.plot(x, y, color=colour, ls=dash, lw=3)
        pages.append(raster(fig))
    both = np.concatenate(pages)
    alt = _(
        "Two charts as four kinds of eyes see them. Lines in red and in green look alike without green cones; lines in blue and in orange, one of them dashed, do not, nor in grey."
    )
    return _page([seen(both, eye) for eye in EYES.values()], [_(name) for name in EYES], alt, 18)


def film_sizes(frames: int = 12, side: int = 200) -> Table:
    """What the same number of pictures of the same size weighs as a film: a flat drawing that moves, and noise."""
    cat = rgb(sprites(1, size=side, seed=3, species="cat").x)
    moving = np.concatenate([np.roll(cat, 4 * k, 2) for k in range(frames)])
    noise = np.random.default_rng(0).integers(0, 256, moving.shape, dtype=np.uint8)
    rows = []
    for name, film in ((N_("a drawing that moves"), moving), (N_("noise, pixel by pixel"), noise)):
        row = [name]
        for ending in (".gif", ".webp"):
            with tempfile.TemporaryDirectory() as folder:
                out = save_film(film, Path(folder, f"a{ending}"))
                row.append(f"{math.ceil(out.stat().st_size / 1024):,} KB")
        rows.append(row)
    note = _("{n} pictures of {side} x {side} pixels each. WebP is exact here; a GIF has 256 colours.").format(
        n=frames, side=side
    )
    return table(["", "GIF", "WebP"], rows, [note])


def article(n: int = len(ARTICLE)) -> Figure:
    """The last n of the article's pictures, small ones, each with the name of its scene."""
    small, shown = [], ARTICLE[-n:]
    for _what, name, _ending in shown:
        image = Image.open(io.BytesIO(png(_story(name).still(Look(dpi=80))))).convert("RGB")
        small.append(np.asarray(ImageOps.pad(image, (360, 220), Image.Resampling.LANCZOS, "white")))
    fig = strip(np.stack(small), [name for _what, name, _ending in shown], columns=min(n, 3))
    fig.alt = _("Small pictures of the article's scenes: {names}.").format(
        names="; ".join(f"{name}: {_(what)}" for what, name, _ending in shown)
    )
    return fig


def article_commands() -> Table:
    """What the article shows, and the command that draws it."""
    rows = [[what, line(["figure", name, "--out", f"{name}{ending}"])] for what, name, ending in ARTICLE]
    return table(["", _("command")], rows)
