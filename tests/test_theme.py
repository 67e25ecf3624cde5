"""Every mark has a contrast of 3:1 with what it is drawn on, every letter 4.5:1, in both themes: computed from the one palette."""

import re

import numpy as np
import pytest

from diffusion_lib.course.lesson05 import looks
from diffusion_lib.course.note import _KINDS
from diffusion_lib.viz import theme
from diffusion_lib.viz.figures import ON_DARK, PALETTE

# what our widgets lie on: our pages, and JupyterLab's two layers (layout-color0 and 1)
PAPERS = {
    "light": (theme.LIGHT, [theme.LIGHT["page"], theme.LIGHT["card"], "#ffffff"]),
    "dark": (theme.DARK, [theme.DARK["page"], theme.DARK["card"], "#111111", "#212121"]),
}


def light(colour):
    """Relative luminance, WCAG 2."""
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)] if isinstance(colour, str) else colour
    c = np.asarray(rgb, float) / 255
    return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722))


def contrast(a, b):
    dark, bright = sorted((light(a), light(b)))
    return (bright + 0.05) / (dark + 0.05)


def test_contrast_is_wcags():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", PAPERS)
def test_marks_and_letters_on_paper(name):
    colours, papers = PAPERS[name]
    for paper in papers:
        for mark in [*colours["colors"], colours["grey"]]:
            assert contrast(mark, paper) >= 3, (mark, paper)
        for letter in [*colours["words"], colours["ink"], colours["quiet"]]:
            assert contrast(letter, paper) >= 4.5, (letter, paper)
    assert contrast(colours["on_accent"], colours["colors"][0]) >= 4.5
    assert contrast(colours["ink"], colours["hover"]) >= 4.5


def test_marks_on_the_duels_field():
    """The field takes every colour between these; a field is a mixture of them, so its luminance lies between theirs."""
    p = np.linspace(0, 1, 41)
    fields = np.concatenate([looks.tint(p, known) for known in (0.0, 0.5, 1.0)])
    for index in (looks.REAL, looks.FAKE, looks.INK):
        worst = min(contrast(theme.LIGHT["words"][index], tuple(f)) for f in fields)
        assert worst >= 3, (index, worst)


def test_the_verdicts_frames_on_both_papers():
    for _, colour in _KINDS.values():
        hue = re.search("#[0-9a-f]{6}", colour)[0]
        for paper in ("#ffffff", "#111111", "#212121"):
            assert contrast(hue, paper) >= 3, (hue, paper)
        assert not colour.startswith("var(--jp"), "JupyterLab's own orange has 2.8:1 on white"


def test_one_palette():
    """Stills, figures and JavaScript take it from theme.py; nobody writes its numbers again."""
    assert PALETTE is theme.LIGHT["colors"] and ON_DARK is theme.DARK["colors"]
    from pathlib import Path

    for path in Path(theme.__file__).parent.rglob("*.js"):
        text = path.read_text("utf-8")
        assert not any(hue in text for hue in theme.LIGHT["colors"][:6]), path.name
