"""Lesson 13."""

import re

import numpy as np

from diffusion_lib.course import lesson13
from diffusion_lib.course.lesson13 import looking
from diffusion_lib.viz.look import Look

from . import default


def usual() -> list[str]:
    """Inches of a picture, dots per inch."""
    return [f"{Look().width:g}", f"{Look().dpi:g}"]


def squeezed() -> list[str]:
    """How wide the picture is, how many of 360 pixels an inch of it gets, and what 11 of its 72 points get."""
    shown = int(default(lesson13.on_a_phone, "shown"))
    wide, font = (
        looking._story(default(lesson13.on_a_phone, "scene").strip("'")).still(Look()).get_figwidth(),
        Look().font,
    )
    return [f"{wide:.0f}", f"{shown / wide:.0f}", f"{font:g}", "72", f"{looking.letter(font, wide, shown):.0f}"]


def choices() -> list[str]:
    """The right one, and two that are not."""
    return [squeezed()[-1], "11", "16"]


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
    "13-size-guess": lambda: [default(lesson13.on_a_phone, "shown"), f"{Look().font:g}", *choices()],
    "13-size-reveal": squeezed,
    "13-kind-guess": lambda: [default(lesson13.film_sizes, "side")] * 2,
}


SHOWN = {"13-kind-reveal": noise_weighs_more, "13-eyes-reveal": eyes_tell_them_apart, "13-article": nine_pictures}
QUOTED: dict = {}
PLAIN = {  # minutes, numbers of steps and of examples, dpi of printers, letters' points, the rule of the Web
    "13-title": "40",
    "13-play": "1 2 3",
    "13-size": "300",
    "13-size-reveal": "7",
    "13-kind": "4",
    "13-ex3": "0",
    "13-alt": "0 1000",
    "13-ex2": "72",
    "13-ex4": "0 .1 3 0.04045 0.05 0.05 4.5",
    "13-summary": "4",
    "13-symbols": "72 3",
    "13-talk": "200 4 200 0",
}
