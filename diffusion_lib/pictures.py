"""Any picture that people have, as a square of red, green and blue bytes."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

MEGAPIXELS = 100  # a larger picture is a mistake or an attack; decoding it would fill the memory
PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".avif"}


def square(source, size: int = 128, crop: str = "center") -> np.ndarray:
    """A picture as (size, size, 3) uint8.

    source: a path, bytes, a PIL image or an array. Any format and colour mode; turned as its EXIF says; transparency on white;
    the first frame of an animation. crop: "center" takes the middle square, "none" squeezes the whole into a square.
    Raises FileNotFoundError or ValueError with one sentence.
    """
    if not isinstance(size, int) or not 2 <= size <= 1024:
        raise ValueError(f"size must be a whole number of pixels from 2 to 1024, but got {size!r}.")
    if crop not in ("center", "none"):
        raise ValueError(f'crop must be "center" or "none", but got {crop!r}.')
    return np.asarray(_square(_open(source, size), size, crop))


def _open(source, size: int) -> Image.Image:
    name = f"The picture {str(source)!r}" if isinstance(source, str | Path) else "This picture"
    if isinstance(source, str | Path) and not Path(source).is_file():
        raise FileNotFoundError(
            f"There is no file {str(source)!r}: check the name and the folder ({Path.cwd()})."
        )
    try:
        if isinstance(source, np.ndarray):
            return Image.fromarray(source)
        if isinstance(source, Image.Image):
            return source
        with warnings.catch_warnings():
            # ours comes first, with a sentence
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(
                io.BytesIO(source) if isinstance(source, bytes | bytearray | memoryview) else source
            )
            if image.width * image.height > MEGAPIXELS * 1_000_000:
                raise ValueError(
                    f"{name} has {image.width} x {image.height} pixels, more than {MEGAPIXELS} million: make it smaller first."
                )
            if image.format == "JPEG":
                image.draft("RGB", (2 * size, 2 * size))  # decode a big photo at a fraction of its size
            image.load()
            return image
    # Pillow's own limit, about twice ours, strikes while opening
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"{name} has far more than {MEGAPIXELS} million pixels: make it smaller first."
        ) from error
    except ValueError:
        raise
    except (OSError, SyntaxError, TypeError) as error:
        raise ValueError(
            f"{name} cannot be read as an image ({type(error).__name__}): use a whole PNG, JPEG, GIF or WebP file."
        ) from error


def _square(image: Image.Image, size: int, crop: str) -> Image.Image:
    image = ImageOps.exif_transpose(image)
    # more than 8 bits: white is the top of the range that the numbers use
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        a = np.asarray(image, dtype=np.float64)
        top = 65535 if a.max() > 255 else 255 if a.max() > 1 else 1
        image = Image.fromarray((255 * (a / top).clip(0, 1)).round().astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    if crop == "center":
        return ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    return image.resize((size, size), Image.Resampling.LANCZOS)
