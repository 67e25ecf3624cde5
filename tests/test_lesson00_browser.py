"""The tour as a learner meets it: Run All in a real JupyterLab, then the slider moved and the drawings walked through."""

import json
import re

import numpy as np
import pytest
from browser import ask_kernel, screenshot
from pages import cell, moves, pictures, readout
from test_access_browser import LOOK as SEEN

from diffusion_lib.course.roads import LESSONS

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


def on_the_pad(p) -> np.ndarray:
    """The points that the kernel has, (N, 2)."""
    return np.array(json.loads(ask_kernel(p, "mine.pad.points.tolist()"))).reshape(-1, 2)


def count(p, n) -> np.ndarray:
    """Wait until the kernel has so many points (a condition on their number), and return them."""
    for _ in range(100):
        found = on_the_pad(p)
        if n(len(found)):
            return found
        p.wait_for_timeout(50)
    raise AssertionError(len(found))


def test_a_cloud_is_drawn_by_mouse_finger_and_keys(lesson):
    p, out = lesson, cell(lesson, "00-pad-code")
    pad, undo, clear = out.locator(".cl canvas"), *(out.get_by_role("button", name=n) for n in ("Undo", "Clear"))
    assert len(on_the_pad(p)) == 500 and out.get_by_text("points: 500").is_visible()
    clear.click()
    count(p, lambda n: n == 0)
    assert undo.is_disabled() and clear.is_disabled()
    left, top, wide, high = pad.bounding_box().values()
    p.mouse.move(left + 0.25 * wide, top + 0.25 * high)
    p.mouse.down()
    p.mouse.move(left + 0.75 * wide, top + 0.25 * high, steps=3)
    p.mouse.up()
    line = count(p, lambda n: n > 60)  # from (-0.5, 0.5) to (0.5, 0.5)
    assert (
        abs(line[:, 1].mean() - 0.5) < 0.02
        and line[:, 1].std() < 0.06
        and -0.65 < line[:, 0].min() < -0.4 < 0.4 < line[:, 0].max() < 0.65
    )
    seen = pictures(p, out.locator(".cl"))[0]
    assert (
        np.ptp(seen[140:160, 150:450].reshape(-1, 3), axis=0).max() > 60
        and np.ptp(seen[400:440, 100:280].reshape(-1, 3), axis=0).max() == 0
    )
    client = p.context.new_cdp_session(p)
    touch = lambda kind, *at: client.send(
        "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in at]}
    )
    touch("touchStart", (left + 0.5 * wide, top + 0.75 * high))
    touch("touchMove", (left + 0.5 * wide, top + 0.9 * high))
    touch("touchEnd")
    both = count(p, lambda n: n > len(line) + 10)
    assert both[len(line) :, 1].max() < -0.35 and abs(both[len(line) :, 0].mean()) < 0.05
    pad.focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowDown", " "):  # to (0.1, -0.2), and spray
        p.keyboard.press(key)
    sprayed = count(p, lambda n: n == len(both) + 12)[-12:]
    assert np.abs(sprayed.mean(0) - (0.1, -0.2)).max() < 0.05
    for key in ("Enter", *["ArrowUp"] * 4, "Enter"):  # the pen goes down, up by 0.2, and is lifted
        p.keyboard.press(key)
    stroke = count(p, lambda n: n > len(both) + 12)[len(both) + 12 :]
    assert len(stroke) > 15 and abs(stroke[:, 0].mean() - 0.1) < 0.05 and stroke[:, 1].max() < 0.15
    p.keyboard.press("Backspace")
    count(p, lambda n: n == len(both) + 12)
    undo.click()
    assert np.array_equal(count(p, lambda n: n == len(both)), both)
    screenshot(p, "lesson00-pad-drawn")


def test_what_was_drawn_is_learned_by_both(lesson):
    p, out = lesson, cell(lesson, "00-pad-code")
    film = out.locator(".fp")
    before = pictures(p, film)
    out.get_by_role("button", name="Learn this").click()
    out.get_by_text("Done: ").first.wait_for(timeout=60_000)
    assert readout(film) != "0.0 s" and all(
        not np.array_equal(a, b) for a, b in zip(before, pictures(p, film), strict=True)
    )
    assert ask_kernel(p, "mine.state, [e.steps for e in mine.entries.values()]") == "('done', [12, 12])"
    out.get_by_label("Begin with").select_option("a spiral")
    count(p, lambda n: n == 600)
    screenshot(p, "lesson00-pad-learned")


def test_a_bet_is_kept_and_the_table_of_progress_forgets_it(lesson):
    p, out = lesson, cell(lesson, "00-bet-code")
    out.get_by_role("radio", name="VAE").last.click()
    cell(p, "00-leap-guess").get_by_role("radio").nth(1).click()
    cell(p, "00-leap-reveal").get_by_text("Well guessed").wait_for()
    kept = "__import__('diffusion_lib.course.progress').course.progress.kept()"
    assert ask_kernel(p, f"{kept}['bets']['fails']") == "'VAE'"
    assert ask_kernel(p, f"[(g['lesson'], g['right']) for g in {kept}['guesses'].values()]") == "[('00', True)]"
    out = cell(p, "00-progress-code")
    assert out.locator("tbody tr").count() == len(LESSONS) - 1 and out.get_by_text("progress.json").is_visible()
    screenshot(p, "lesson00-progress")
    out.get_by_role("button", name="Forget all").click()
    out.get_by_role("button", name="Really forget?").click()
    out.get_by_role("button", name="Forget all").wait_for()
    assert ask_kernel(p, f"{kept}['bets']") == "{}"
