"""Films as files: GIF, WebP and MP4 from one list of frames, labelled, written whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ..files import expanded, whole
from ..values import need
from .about import About
from .figures import PAPER, enlarge, lettering, rgb
from .waiting import counted, tell

FILMS = (".gif", ".webp", ".mp4")


def save_film(
    frames,
    path: str | os.PathLike,
    fps: float = 10.0,
    scale: int = 1,
    hold_last: float = 1.0,
    *,
    hold_first: float = 0.0,
    labels: Sequence[str] | None = None,
    background: str = "white",
    about: About | None = None,
) -> Path:
    """Write frames (F, H, W[, 3]), bytes or a tensor, as a film that repeats for ever; returns the path.

    scale: whole number of times to enlarge. hold_last, hold_first: seconds for which these frames stand longer.
    labels: a text under each frame, beside a bar that grows to the last one.
    GIF: grey is stored exactly; 256 colours serve a whole film, so that nothing flickers. WebP: exact. MP4: by ffmpeg, if there is one.
    Noise hardly compresses: 20 to 50 KB a frame at 384 pixels of a GIF.
    Raises ValueError for another suffix and OSError for a folder that cannot be written.
    """
    path, a = expanded(path), rgb(frames)
    kind = path.suffix.lower()
    need(kind in FILMS, f"I cannot write a film as {path.name!r}: end its name in {', '.join(FILMS)}.")
    need(0 < fps <= 50, f"fps must be more than 0 and at most 50, all that browsers play, but got {fps}.")
    need(background in ("white", "dark"), f"A film stands on white or on dark, but got {background!r}.")
    a = enlarge(a, scale) if labels is None else _label(enlarge(a, scale), labels, background)
    times = np.full(len(a), 1000 / fps)
    times[0] += 1000 * hold_first
    times[-1] += 1000 * hold_last
    with whole(path) as part:
        {".gif": _gif, ".webp": _webp, ".mp4": _mp4}[kind](a, times, part, about or About())
    return path


def _heard(film: list[Image.Image]) -> list[Image.Image]:
    """The same pictures; whoever waits hears when Pillow, which writes them all in one call, comes to the next of them."""

    def seek(frame: int, i: int) -> None:
        if frame:  # each has one, and Pillow goes to it
            raise EOFError
        tell(i / len(film))

    for i, picture in enumerate(film):
        picture.seek = partial(seek, i=i)
    return film


def _gif(a: np.ndarray, times: np.ndarray, part: Path, about: About) -> None:
    if (a == a[..., :1]).all():  # grey
        film = [Image.fromarray(f[..., 0]) for f in a]
    else:
        exact = list(
            dict.fromkeys([(0, 0, 0), (255, 255, 255), tuple(a[0, 0, 0].tolist())])
        )  # the last one is the paper
        palette = _palette(a, exact)
        film = [
            _exactly(Image.fromarray(f).quantize(palette=palette, dither=Image.Dither.NONE), f, exact)
            for f in counted(a)
        ]
    duration = [10 * round(t / 10) for t in times]  # a GIF counts in hundredths of a second
    more = {"comment": about.comment().encode("utf-8")} if about.command else {}
    _heard(film)[0].save(part, "GIF", save_all=True, append_images=film[1:], duration=duration, loop=0, **more)


def _webp(a: np.ndarray, times: np.ndarray, part: Path, about: About) -> None:
    film, duration = [Image.fromarray(f) for f in a], [round(t) for t in times]
    options = {"lossless": True, "quality": 60, "method": 2, "exif": about.exif()}
    _heard(film)[0].save(part, "WEBP", save_all=True, append_images=film[1:], duration=duration, loop=0, **options)


def _mp4(a: np.ndarray, times: np.ndarray, part: Path, about: About) -> None:
    """H.264 in 4:2:0, which every browser and phone plays; sides must be even. A frame that stands longer is sent more often."""
    program = shutil.which("ffmpeg")
    need(program, "MP4 is written by ffmpeg, and there is none here: install ffmpeg, or end the name in .gif or .webp.")
    rate = 1000 / times[len(times) // 2]
    a = np.pad(a, ((0, 0), (0, a.shape[1] % 2), (0, a.shape[2] % 2), (0, 0)), mode="edge")
    words = [w for key, text in about.words().items() for w in ("-metadata", f"{key.lower()}={text}")]
    size = f"{a.shape[2]}x{a.shape[1]}"
    line = f"-v error -y -f rawvideo -pix_fmt rgb24 -s {size} -r {rate:g} -i - -an -c:v libx264 -crf 18".split()
    line = [program, *line, "-pix_fmt", "yuv420p", "-threads", "1", *words]
    line += "-fflags +bitexact -flags:v +bitexact -movflags +faststart+use_metadata_tags".split()
    work = subprocess.Popen([*line, "-f", "mp4", str(part)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        with suppress(BrokenPipeError):  # it has ended with a sentence, which is read below
            for frame, time in counted(zip(a, times, strict=True), len(a)):
                for _ in range(max(1, round(time * rate / 1000))):
                    work.stdin.write(frame.tobytes())
    except BaseException:  # whoever waits has broken it off
        work.kill()
        work.communicate()
        raise
    _, said = work.communicate()
    words = said.decode("utf-8", "replace").strip().splitlines() or ["no word"]
    need(work.returncode == 0, f"ffmpeg could not write the film ({words[-1]}): end the name in .gif or .webp.")


def _label(a: np.ndarray, labels: Sequence[str], background: str) -> np.ndarray:
    need(len(labels) == len(a), f"There are {len(a)} frames but {len(labels)} labels: give one for each.")
    _, h, w, _ = a.shape
    paper, ink, _, faint, palette = PAPER[background]
    if background == "white":
        ink, faint = "#222222", "#d8d8d8"
    size = max(11, w // 20)
    grey = background == "white" and (a == a[..., :1]).all()
    hue = "#444444" if grey else palette[0]  # a grey film stays grey, and so exact
    out = np.empty((len(a), h + int(2.2 * size), w, 3), np.uint8)
    out[:, :h] = a
    for i, label in enumerate(counted(labels)):
        band = Image.new("RGB", (w, out.shape[1] - h), paper)
        pen = ImageDraw.Draw(band)
        pen.rectangle([0, 0, w, size // 4], faint)
        pen.rectangle([0, 0, round(i / max(1, len(a) - 1) * w), size // 4], hue)
        pieces = lettering(label, size)
        x = (w - sum(font.getlength(letters) for letters, font in pieces)) / 2
        for letters, font in pieces:
            pen.text((x, 1.3 * size), letters, ink, font, anchor="lm")
            x += font.getlength(letters)
        out[i, h:] = np.asarray(band)
    return out


def _palette(a: np.ndarray, exact: list[tuple], n: int = 60_000) -> Image.Image:
    """256 colours for a film (F, H, W, 3), from a sample of its pixels, the `exact` ones among them and first.

    Two thirds of them come from the first and the last frame: one of these is the clean picture, where an error shows.
    """
    pick, pixels = np.random.default_rng(0).integers, a.reshape(len(a), -1, 3)
    when = np.concatenate([np.repeat([0, len(a) - 1], n // 3), pick(0, len(a), n // 3)])
    sample = pixels[when, pick(0, pixels.shape[1], len(when))]
    palette = Image.fromarray(sample[None]).quantize(256 - len(exact), Image.Quantize.MEDIANCUT, kmeans=1)
    palette.putpalette([v for colour in exact for v in colour] + palette.getpalette()[: 3 * (256 - len(exact))])
    return palette


def _exactly(film: Image.Image, frame: np.ndarray, exact: list[tuple]) -> Image.Image:
    """Pillow looks a colour up to within 4 levels: a paper that is nearly white would show as a box on the page."""
    at = np.array(film)
    for i, colour in enumerate(exact):
        at[(frame == colour).all(-1)] = i
    sure = Image.fromarray(at)
    sure.putpalette(film.getpalette())
    return sure
