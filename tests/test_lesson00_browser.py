"""The tour as a learner meets it: Run All in a real JupyterLab, then the slider moved and the drawings walked through."""

import re

import pytest
from browser import screenshot
from pages import cell, moves
from test_access_browser import LOOK as SEEN

pytestmark = pytest.mark.browser
LOOK = {"width": 1366, "height": 768}
OTHERS = re.compile(r'jp-OutputPrompt|"\d+"')  # JupyterLab's own; numbers stand on discs of their own, see test_maps
MAPS = ("00-model-code", "00-loop-code")


def test_a_sentence_becomes_a_picture(lesson):
    out = cell(lesson, "00-play-code")
    assert "Understood: happy (eyes), orange (fur), cat, day." in out.inner_text()
    assert out.locator("canvas").count() >= 2
    screenshot(lesson, "lesson00-play-code")


def test_one_slider_moves_both_machines(lesson):
    moves(lesson, "00-leap-code", 0.05, 0.5, 1)


@pytest.mark.parametrize("name", MAPS)
def test_a_drawing_is_seen_in_both_themes_and_fits_the_screen(lesson, name):
    p = lesson
    out = cell(p, name)
    index = int(out.evaluate("(el) => el.closest('[data-windowed-list-index]').dataset.windowedListIndex"))
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        p.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        p.wait_for_function("(dark) => document.body.dataset.jpThemeLight === String(!dark)", arg="Dark" in theme)
        seen = p.evaluate(SEEN, index)
        faint = [words for words in seen["faint"] if not OTHERS.search(words)]
        assert seen["mute"] == seen["twice"] == [] and not faint and seen["count"] > 10, faint
        screenshot(p, f"lesson{name}-{theme[-5:].strip()}")
    area = p.evaluate("document.querySelector('.jp-WindowedPanel-outer').clientHeight")
    assert out.locator(".dl-map").bounding_box()["height"] <= area


@pytest.mark.parametrize(
    ("name", "part", "says"), [(MAPS[0], "q", "the forward process"), (MAPS[1], "two", "pays for each time")]
)
def test_a_part_says_what_it_is(lesson, name, part, says):
    """To the mouse and to the keyboard; and the page does not jump."""
    out = cell(lesson, name)
    link, idle = out.locator(f".wide [data-part={part}]"), out.get_by_text("Point at a part")
    high = out.locator(".dl-map").bounding_box()["height"]
    assert idle.is_visible()
    link.hover()
    assert out.locator(f"[data-says={part}]").is_visible() and says in out.locator(".says").inner_text()
    assert idle.is_hidden()
    lesson.mouse.move(0, 0)
    assert idle.is_visible()
    link.focus()
    lesson.keyboard.press("Tab")
    lesson.keyboard.press("Shift+Tab")  # the focus of the keyboard, which is shown
    assert out.locator(f"[data-says={part}]").is_visible() and out.locator(".says p:visible").count() == 1
    assert link.evaluate("(el) => getComputedStyle(el).outlineStyle") == "solid"
    assert out.locator(".dl-map").bounding_box()["height"] == high


ASKED = """() => {
  const { contents } = window.jupyterapp.serviceManager, get = contents.get.bind(contents);
  window.asked = null;
  contents.get = (path, how) => (path.endsWith('01_forward_noise.ipynb') ? ((window.asked = path), (contents.get = get), new Promise(() => {})) : get(path, how));
}"""


def test_a_part_opens_its_lesson_beside_the_tour(lesson):
    """JupyterLab is asked to open the file that lies beside this one; and there it is left alone."""
    p = lesson
    tour = p.evaluate("window.jupyterapp.shell.currentWidget.context.path")
    p.evaluate(ASKED)
    cell(p, MAPS[0]).locator(".wide [data-part=q]").click()
    p.wait_for_function("window.asked")
    assert p.evaluate("window.asked") == tour.replace("00_tour", "01_forward_noise")
    assert p.evaluate("window.jupyterapp.shell.currentWidget.context.path") == tour


def test_on_a_phone_the_drawings_stand_upright(lesson):
    p = lesson
    p.set_viewport_size({"width": 390, "height": 844})
    for name in MAPS:
        out = cell(p, name)
        p.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert out.locator(".tall").is_visible() and out.locator(".wide").is_hidden()
        screenshot(p, f"lesson{name}-phone")
    p.set_viewport_size(LOOK)
