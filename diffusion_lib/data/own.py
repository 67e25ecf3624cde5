"""Any picture that people have, as a square of red, green and blue bytes."""

from __future__ import annotations

import io
import math
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from ..dataset import Data
from ..files import expanded
from ..values import integer, need, plain

MEGAPIXELS = 100  # a larger picture is a mistake or an attack; decoding it would fill the memory
PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".avif"}
# What Jupyter, macOS and network drives leave in folders: copies and thumbnails, no pictures of anybody
LITTER = re.compile(r"[.@]|__|(#recycle|\$RECYCLE\.BIN|lost\+found|System Volume Information)$")
TURNS = (
    None,  # EXIF's orientations, from 0; 1 is upright
    None,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.ROTATE_180,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)


def square(source, size: int = 128, crop: str = "center") -> np.ndarray:
    """A picture as (size, size, 3) uint8.

    source: a path, bytes, a PIL image or an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4): whole numbers 0 to 255 (uint16: to
    65,535), fractions 0 to 1. Any format and colour mode; turned as its EXIF says; colours as its profile says, in sRGB;
    transparency on white; the first frame of an animation. More than 8 bits: see `_eight_bits`.
    crop: "center" takes the middle square, "none" squeezes the whole into a square.
    Raises FileNotFoundError or ValueError with one sentence.
    """
    size = integer(size, 2, 1024, f"size must be a whole number of pixels from 2 to 1024, but got {size!r}.")
    need(crop in ("center", "none"), f'crop must be "center" or "none", but got {crop!r}.')
    name = "This picture"
    if isinstance(source, np.ndarray):
        source = _of_array(source)
    elif isinstance(source, bytes | bytearray | memoryview):
        source = io.BytesIO(source)
    elif isinstance(source, str | os.PathLike):
        name, source = f"The picture {str(source)!r}", expanded(source)
        if not source.is_file():
            raise FileNotFoundError(f"There is no file {str(source)!r}: check the name and the folder ({Path.cwd()}).")
    elif not isinstance(source, Image.Image) and not hasattr(source, "read"):
        cure = "a tensor in [-1, 1] becomes an array by figures.to_uint8(x)."
        raise ValueError(
            f"A picture is a path, bytes, a PIL image or an array, but got {type(source).__name__}: {cure}"
        )
    with _reading(name), _opened(source) as image:
        small = image.width * image.height <= MEGAPIXELS * 1_000_000
        if small:
            if getattr(image, "format", None) == "JPEG":
                image.draft("RGB", (2 * size, 2 * size))  # decode a big photo at a fraction of its size
            return np.asarray(_fitted(_flat(_turned(image)), size, crop))
        shape = f"{image.width} x {image.height}"
    raise ValueError(f"{name} has {shape} pixels, more than {MEGAPIXELS} million: make it smaller first.")


def files(folder: Path) -> list[Path]:
    """Every picture in a folder and in those below it, links followed, litter left out, in the order of their paths."""
    found, seen = [], set()
    for here, below, names in os.walk(folder, followlinks=True):
        seen.add(os.path.realpath(here))
        below[:] = [b for b in below if not LITTER.match(b) and os.path.realpath(Path(here, b)) not in seen]
        found += [Path(here, n) for n in names if Path(n).suffix.lower() in PICTURES and not LITTER.match(n)]
    return sorted(f for f in found if f.is_file())


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Whatever a decoder says about a broken file, we say it in one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about what it read all the same
            yield
    # Pillow's own limit, about twice ours, strikes while opening
    except Image.DecompressionBombError as error:
        raise ValueError(f"{name} has far more than {MEGAPIXELS} million pixels: make it smaller first.") from error
    except Exception as error:
        why = f"{name} cannot be read as an image ({type(error).__name__})"
        raise ValueError(f"{why}: use a whole PNG, JPEG, GIF or WebP file.") from error


@contextmanager
def _opened(source) -> Iterator[Image.Image]:
    """The image, and its file closed when we are done: elsewhere an open file cannot be moved or deleted."""
    if isinstance(source, Image.Image):
        yield source
        return
    with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
        yield Image.open(file)


def _of_array(a: np.ndarray) -> Image.Image:
    """Arrays say what their numbers mean by their kind; nothing is guessed but that fractions go from 0 to 1."""
    a = a[..., 0] if a.ndim == 3 and a.shape[-1] == 1 else a
    picture = a.ndim == 2 or (a.ndim == 3 and a.shape[-1] in (3, 4))
    form = "shape (H, W) or (H, W, 1, 3 or 4) and numbers in it"
    said = f"A picture as an array has {form}, but got {a.dtype} {a.shape}."
    need(a.size and picture and a.dtype.kind in "buif", said)
    top = 1 if a.dtype.kind in "bf" else 65535 if a.dtype == np.uint16 else 255
    a, kind = np.nan_to_num(a.astype(np.float64)), "fractions" if top == 1 else "whole numbers"
    said = f"A picture as an array of {kind} goes from 0 to {top}, but this one from {a.min():g} to {a.max():g}: scale it first."
    need(a.min() >= 0 and a.max() <= top, said)
    return Image.fromarray((255 * a / top).round().astype(np.uint8))


def _turned(image: Image.Image) -> Image.Image:
    """As its EXIF says; a damaged EXIF block says nothing, and every viewer shows the picture."""
    turn = None
    with suppress(Exception):
        turn = TURNS[image.getexif().get(0x0112, 1)]
    image.load()
    return image if turn is None else image.transpose(turn)


def _flat(image: Image.Image) -> Image.Image:
    """Red, green and blue bytes in sRGB, on white."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        image, profile = _eight_bits(image), None
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    image = _in_srgb(image, profile)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """White is the top of 12, 14 or 16 bits, the fewest that hold a grey picture's numbers: cameras write 12 in 16.

    A picture that stays below 256 may be as dark as it looks: 16. Fractions: 1 is white, or 255, if they stay within it;
    else the smallest is black and the largest white, as in viewers of scientific pictures. Holes (NaN) are black.
    """
    a = np.asarray(image, dtype=np.float64)
    seen = a[np.isfinite(a)]
    low, high = (seen.min(), seen.max()) if seen.size else (0.0, 1.0)
    if image.mode != "F" and low >= 0 and high < 65536:
        top = next(2**bits - 1 for bits in (12, 14, 16) if 2**bits > high) if high > 255 else 65535
        low, high = 0, top
    elif low >= 0 and high <= 255:
        low, high = 0, 255 if high > 1 else 1
    a = np.nan_to_num((a - low) / ((high - low) or 1), nan=0.0, posinf=1.0, neginf=0.0)
    return Image.fromarray((255 * a.clip(0, 1)).round().astype(np.uint8))


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours that a profile means, as every phone's photos have one; a profile that cannot be used is left alone."""
    if not profile:
        return image
    with suppress(Exception):
        from PIL import ImageCms

        mine = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" not in ImageCms.getProfileDescription(mine):
            mode = "RGBA" if image.mode == "RGBA" else "RGB"
            return ImageCms.profileToProfile(image, mine, ImageCms.createProfile("sRGB"), outputMode=mode)
    return image


def _fitted(image: Image.Image, size: int, crop: str) -> Image.Image:
    if crop == "center":
        return ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return image.resize((size, size), Image.Resampling.LANCZOS)


# ---------------------------------------------------------------------------------------- your own pictures


@plain()
def photo(source, size: int = 128, crop: str = "center") -> Data:
    """Your own picture as (1, 3, size, size); source and crop as in pictures.square."""
    from .own import square

    x = torch.from_numpy(square(source, size, crop).astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1
    return Data(x.contiguous(), torch.zeros(1, dtype=torch.long), ("photo",), "photo", "your own picture")


@plain()
def folder(path, size: int = 64, limit: int = 2000, max_mb: float = 256) -> Data:
    """The pictures in a folder as (N, 3, size, size), in the order of their names (10 before 2: write 02); its subfolders, and
    links to folders, become classes. What begins with a dot, @ or __ is litter of other programs and left out.

    At most `limit` pictures and max_mb megabytes; what is left out or unreadable is said in one warning.
    """
    from .own import files as pictures_in

    root = expanded(path)
    if not root.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path)!r}: check the name ({Path.cwd()} is where I looked from)."
        )
    files = pictures_in(root)
    need(files, f"The folder {str(path)!r} has no pictures: it needs PNG, JPEG, GIF, BMP, TIFF or WebP files.")
    limit = integer(limit, 1, math.inf, f"limit must be a whole number of at least 1, but got {limit!r}.")
    need(max_mb > 0, f"max_mb is in megabytes and more than 0, but got {max_mb!r}.")
    size = integer(size, 2, 1024, f"size must be a whole number of pixels from 2 to 1024, but got {size!r}.")
    room = max(1, int(min(limit, max_mb * 2**20 / (12 * size * size))))
    pictures, classes, broken = [], [], []
    for file in files:
        if len(pictures) == room:
            break
        try:
            pictures.append(photo(file, size).x)
            classes.append(file.relative_to(root).parts[0] if file.parent != root else "")
        except (ValueError, OSError):
            broken.append(file.name)
    need(pictures, f"None of the {len(files)} files in {str(path)!r} can be read as an image: are they whole?")
    if broken:
        said = f"{len(broken)} of {len(files)} files cannot be read as images and are left out, {broken[0]} first."
        warnings.warn(said, stacklevel=2)
    if len(files) - len(broken) > len(pictures):
        said = f"The folder has {len(files)} pictures; the first {len(pictures)} are used (limit = {limit}, max_mb = {max_mb})."
        warnings.warn(said, stacklevel=2)
    names = tuple(sorted(set(classes)))
    y = torch.tensor([names.index(c) for c in classes])
    return Data(torch.cat(pictures), y, names, root.name, "your own pictures")
