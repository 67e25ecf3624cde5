"""Letters that DejaVu lacks come from the system's fonts; what no font has is said. The test makes a font of its own."""

import shutil
import warnings

import numpy as np
import pytest
import torch
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from diffusion_lib.viz import figures, moving, plots
from diffusion_lib.viz.panels import curve, pixels
from diffusion_lib.viz.player import FramePlayer

ONE = np.zeros((1, 8, 8), np.uint8)
X = torch.zeros(2, 1, 8, 8)
PACKAGE_FONT = figures._package_font


@pytest.fixture
def afresh():
    """Forget which letters were found, before and after."""

    def forget():
        figures._font_of.cache_clear()
        figures._UNKNOWN.clear()

    forget()
    yield
    forget()


@pytest.fixture
def cat_and_dog(tmp_path, monkeypatch, afresh):
    """A system whose one font has 猫, a low bar, and 犬, a high one, and nothing else."""
    build = FontBuilder(1000, isTTF=True)
    glyphs = {".notdef": 10, "cat": 300, "dog": 900}
    build.setupGlyphOrder(list(glyphs))
    build.setupCharacterMap({ord("猫"): "cat", ord("犬"): "dog"})
    shapes = {}
    for name, high in glyphs.items():
        pen = TTGlyphPen(None)
        for i, point in enumerate([(50, 0), (50, high), (950, high), (950, 0)]):
            (pen.lineTo if i else pen.moveTo)(point)
        pen.closePath()
        shapes[name] = pen.glyph()
    build.setupGlyf(shapes)
    build.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 50)))
    build.setupHorizontalHeader(ascent=900, descent=-100)
    build.setupNameTable({"familyName": "Cat and Dog", "styleName": "Regular"})
    build.setupOS2(sTypoAscender=900, usWinAscent=900, usWinDescent=100)
    build.setupPost()
    build.save(tmp_path / "catdog.ttf")
    monkeypatch.setattr(figures, "_system_fonts", lambda: [str(tmp_path / "catdog.ttf")])
    monkeypatch.setattr(figures, "_package_font", list)


def drawn(text):
    """Everything that puts this text into a picture, as bytes."""
    return [
        FramePlayer(pixels(ONE), captions=text).still(),
        FramePlayer(pixels(ONE, text), labels=text).still(),
        FramePlayer(curve([1, 2], {text: [1, 2]}, xlabel=text)).still(),
        figures.png(figures.strip(X, list(text), above=text)),
        figures.png(plots.curves([1, 2], {text: [1, 2]}, title=text)),
        moving._label(np.zeros((1, 60, 60, 3), np.uint8), [text], "white").tobytes(),
    ]


def test_letters_come_from_a_font_that_has_them(cat_and_dog):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one, other in zip(drawn("猫犬"), drawn("犬猫"), strict=True):
            assert one != other
    pieces = figures.lettering("a cat 猫犬 ε", 20)
    assert [letters for letters, _ in pieces] == ["a cat ", "猫犬", " ε"]
    assert [font.getname()[0] for _, font in pieces] == ["DejaVu Sans", "Cat and Dog", "DejaVu Sans"]


def test_letters_that_no_font_has_are_named_once(monkeypatch, afresh):
    monkeypatch.setattr(figures, "_system_fonts", list)
    monkeypatch.setattr(figures, "_package_font", list)
    with pytest.warns(
        UserWarning,
        match=r"No font on this computer has 犬猫: pictures show their numbers, \[72AC\]\[732B\]\. Install the package matplotlib-fontja",
    ) as told:
        FramePlayer(pixels(ONE), captions="猫犬猫").still()
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FramePlayer(pixels(ONE), captions="犬").still()


def test_other_letters_ask_for_a_font_and_no_package(monkeypatch, afresh):
    monkeypatch.setattr(figures, "_system_fonts", list)
    with pytest.warns(UserWarning, match=r"has \U00010380: .*\[10380\]\. Install a font that has them"):
        figures.lettering("\U00010380", 20)


def test_a_package_brings_japanese_letters_and_is_not_imported(cat_and_dog, tmp_path, monkeypatch):
    """It is asked only where DejaVu has no such letter, and before the fonts of the system."""
    package = tmp_path / "site" / "matplotlib_fontja"
    (package / "fonts").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('its import changes Matplotlib')")
    shutil.copy(tmp_path / "catdog.ttf", package / "fonts" / "ipaexg.ttf")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setattr(figures, "_package_font", PACKAGE_FONT)
    monkeypatch.setattr(figures, "_system_fonts", list)
    assert figures._font_of("猫") == str(package / "fonts" / "ipaexg.ttf") and figures._font_of("ε") == figures.DEJAVU
    monkeypatch.setattr(figures, "_package_font", lambda: pytest.fail("asked for a letter that DejaVu has"))
    assert figures._font_of("é") == figures.DEJAVU


def test_letters_that_no_font_has_stay_apart(monkeypatch, afresh):
    monkeypatch.setattr(figures, "_system_fonts", list)
    monkeypatch.setattr(figures, "_package_font", list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one, other in zip(drawn("猫犬"), drawn("犬猫"), strict=True):
            assert one != other
        assert "".join(letters for letters, _ in figures.lettering("a 猫", 20)) == "a [732B]"


def test_fonts_of_the_system_are_searched_the_readable_first(monkeypatch):
    files = [
        "/x/Unifont-Bold.ttf",
        "/x/NotoColorEmoji.ttf",
        "/x/NotoSerifCJK.ttc",
        "/x/NotoSansCJK-Regular.ttc",
        "/x/DejaVuSans.ttf",
    ]
    monkeypatch.setattr(figures.font_manager, "findSystemFonts", lambda: files)
    figures._system_fonts.cache_clear()
    assert figures._system_fonts() == [files[3], files[2], files[0]]
    figures._system_fonts.cache_clear()
