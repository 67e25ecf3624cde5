"""Lesson 13."""

import re

import numpy as np

from diffusion_lib.course import lesson13
from diffusion_lib.course.lesson13 import looking
from diffusion_lib.viz.look import Look

from . import default


def usual() -> list[str]:
    """Centimetres of an inch, inches of a picture, dots per inch."""
    return ["2.54", f"{Look().width:g}", f"{Look().dpi:g}"]


def squeezed() -> list[str]:
    """340 pixels, a picture 8 inches wide: pixels of an inch, and of 11 points."""
    shown = int(default(lesson13.on_a_phone, "shown"))
    wide, font = Look().width, Look().font
    return [
        f"{wide:g}",
        str(shown),
        f"{wide:g}",
        f"{shown / wide:g}",
        f"{font:g}",
        "72",
        f"{looking.letter(font, wide, shown):.1f}",
    ]


def noise_weighs_more() -> None:
    """As a GIF, several times as much as the drawing."""
    kb = [float(n.replace(",", "")) for n in re.findall(r"([\d,]+) KB", str(lesson13.film_sizes()))]
    assert kb[2] > 3 * kb[0] and kb[3] > 3 * kb[1]


def eyes_tell_them_apart() -> None:
    """Red and green differ as they are; without green cones hardly; dashes are there in each."""
    red, green = (np.array(c, dtype=np.uint8).reshape(1, 1, 3) for c in ((0xD6, 0x27, 0x28), (0x2C, 0xA0, 0x2C)))
    far = {
        name: np.abs(looking.seen(red, eye).astype(int) - looking.seen(green, eye)).max()
        for name, eye in looking.EYES.items()
    }
    assert far["as it is"] > 100 and far["without green cones"] < 60 < far["without red cones"]


def nine_pictures() -> None:
    assert len(looking.ARTICLE) == 9


MEASURED = {
    "13-size": usual,
    "13-size-guess": lambda: [default(lesson13.on_a_phone, "shown"), f"{Look().font:g}", *usual_choices()],
    "13-size-reveal": squeezed,
    "13-kind-guess": lambda: [default(lesson13.film_sizes, "side")] * 2,
}


def usual_choices() -> list[str]:
    return [f"{looking.letter(Look().font, Look().width, 340):.0f}", "11", "16"]


SHOWN = {"13-kind-reveal": noise_weighs_more, "13-eyes-reveal": eyes_tell_them_apart, "13-article": nine_pictures}
QUOTED: dict = {}
PLAIN = {}
