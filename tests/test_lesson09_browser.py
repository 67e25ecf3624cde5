"""Lesson 09 as a learner meets it: Run All in a real JupyterLab, then the map walked by mouse and key, and every film moved."""

import numpy as np
import pytest
from browser import IDLE, screenshot
from pages import cell, move, moves, pictures, player, readout

pytestmark = pytest.mark.browser
LOOK = {"width": 1366, "height": 768}


def canvas(found, i):
    return found.evaluate("(c, i) => [...c.querySelectorAll('canvas')][i].toDataURL()", i)


def test_the_map_answers_mouse_and_keys(lesson):
    p = lesson
    box = cell(p, "09-play-code").locator(".lm").first
    the_map, says = box.locator(".lm-map"), box.locator(".lm-says")
    the_map.wait_for()
    height, decoded = box.bounding_box()["height"], canvas(box, 1)
    the_map.hover(position={"x": 120, "y": 330})
    assert says.inner_text().startswith("z = (−") and canvas(box, 1) != decoded
    screenshot(p, "lesson09-play-code")
    before = says.inner_text()
    the_map.click(position={"x": 250, "y": 120})
    the_map.press("ArrowRight")
    p.evaluate(IDLE, 30_000)
    assert says.inner_text() != before
    for name in ("What is decoded everywhere", "Where real digits lie"):
        faces = canvas(box, 0)
        button = box.get_by_text(name)
        assert button.bounding_box()["height"] >= 44
        button.click()
        assert button.get_attribute("aria-pressed") == "true" and canvas(box, 0) != faces
        screenshot(p, f"lesson09-map-{name.split()[0].lower()}")
    assert abs(box.bounding_box()["height"] - height) < 1


def test_the_training_ends_and_its_buttons_rest(lesson):
    p, out, film = lesson, cell(lesson, "09-live-code"), player(lesson, "09-live-code")
    out.get_by_text("Done: 12 steps").first.wait_for(timeout=60_000)
    screenshot(p, "lesson09-live-code")
    end = pictures(p, film)
    assert readout(film) == "step 12"
    move(film, 0)
    assert readout(film) == "step 0" and not np.array_equal(end[1], pictures(p, film)[1])
    assert all(b.is_disabled() for b in out.locator("button.jupyter-button").all())


@pytest.mark.parametrize("name", ("09-arc-code", "09-three-code", "09-blur-code", "09-copy-code"))
def test_the_films_move(lesson, name):
    moves(lesson, name)


@pytest.mark.parametrize("name", ("09-kept-code", "09-sharp-code"))
def test_the_pictures_that_stand_still_are_there(lesson, name):
    assert player(lesson, name).locator("canvas").first.bounding_box()["width"] > 200
    screenshot(lesson, f"lesson{name}")


@pytest.mark.parametrize(
    ("name", "rows"),
    (("09-s-code", 5), ("09-lost-code", 3), ("09-mid-code", 6), ("09-blind-code", 5), ("09-law-laws", 0)),
)
def test_what_is_printed_can_be_looked_at(lesson, name, rows):
    """A table of many rows, or many words, in letters that can be read and inside the page."""
    look = """(id) => {
      const content = window.jupyterapp.shell.currentWidget.content, i = content.widgets.findIndex((w) => w.model.id === id);
      content.activeCellIndex = i;
      return content.scrollToItem(i, 'start').then(() => new Promise((done) => setTimeout(() => {
        const node = content.widgets[i].node, part = node.querySelector('table') ?? node.querySelector('.jp-RenderedMarkdown');
        const box = part.getBoundingClientRect(), letter = part.querySelector('td, p, li');
        done([node.querySelectorAll('tbody tr').length, part.innerText.length, box.right, parseFloat(getComputedStyle(letter).fontSize)]);
      }, 200)));
    }"""
    found, letters, right, size = lesson.evaluate(look, name)
    assert found >= rows and letters > 100 and right <= 1366 and size >= 13
    screenshot(lesson, f"lesson{name}")
