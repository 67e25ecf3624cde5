"""Lesson 10 as a learner meets it: Run All in a real JupyterLab, then a prompt typed, w dragged, a word changed, films moved."""

import numpy as np
import pytest
from browser import IDLE, screenshot
from pages import cell, move, moves, pictures, player, readout

pytestmark = pytest.mark.browser
LOOK = {"width": 1366, "height": 768}


def typed(p, out, label, text):
    """Type into the box with this label, press Enter, and wait until the pictures are there."""
    field = out.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Enter")
    p.evaluate(IDLE, 30_000)


def test_a_prompt_is_typed_and_drawn(lesson):
    p, out, film = lesson, cell(lesson, "10-play-code"), player(lesson, "10-play-code")
    assert "I do not know “anime”, “style”." in out.inner_text()
    screenshot(p, "lesson10-play-code")
    flower = pictures(p, film)[0]
    typed(p, out, "Prompt", "sleeping black cat at night")
    out.get_by_text("Understood: sleeping (eyes: sleepy)").first.wait_for(timeout=30_000)
    out.get_by_text("11 calls of the network").first.wait_for(timeout=30_000)
    assert readout(film) == "t = 0" and not np.array_equal(pictures(p, film)[0], flower)
    screenshot(p, "lesson10-typed")
    move(film, 3)
    assert readout(film) != "t = 0"
    screenshot(p, "lesson10-scrubbed")
    cat = pictures(p, film)[0]
    slider = out.locator(".widget-slider .noUi-handle").first
    slider.focus()
    for _ in range(4):
        slider.press("ArrowRight")
    out.locator(".fp").nth(1).get_by_text("w = 4, 11 steps").first.wait_for(timeout=30_000)
    assert not np.array_equal(pictures(p, film)[0], cat)
    typed(p, out, "Prompt", "<b>cat</b> " + "x" * 600)
    out.get_by_text("A prompt has at most 500 characters").first.wait_for(timeout=30_000)
    out.get_by_role("button", name="New dice").click()
    typed(p, out, "Prompt", "night")
    out.locator(".fp").nth(1).get_by_text("dice 4 to 7").first.wait_for(timeout=30_000)
    screenshot(p, "lesson10-again")
    past = out.locator(".fp").nth(1)
    past.scroll_into_view_if_needed()
    assert past.locator("canvas").count() == 4
    screenshot(p, "lesson10-past")


@pytest.mark.parametrize("name", ("10-night-code", "10-weight-code", "10-scores-code", "10-negative-code"))
def test_the_films_move(lesson, name):
    moves(lesson, name)


def test_the_trades_are_drawn(lesson):
    film = player(lesson, "10-curves-code")
    shown = pictures(lesson, film)
    assert len(shown) == 3 and all(len(np.unique(x)) > 3 for x in shown)
    assert film.locator("input[type=range]").is_hidden()  # one frame
    screenshot(lesson, "lesson10-curves-code")


TABLES = "10-spread-code 10-trade-code 10-same-code 10-obeyed-code 10-held-code 10-service-map".split()


@pytest.mark.parametrize("name", TABLES)
def test_what_is_printed_can_be_looked_at(lesson, name):
    cell(lesson, name) if name != "10-service-map" else None
    look = """(id) => {
      const content = window.jupyterapp.shell.currentWidget.content, i = content.widgets.findIndex((w) => w.model.id === id);
      content.activeCellIndex = i;
      return content.scrollToItem(i, 'start').then(() => new Promise((done) => setTimeout(() => {
        const table = content.widgets[i].node.querySelector('table'), box = table.getBoundingClientRect();
        done([table.querySelectorAll('tbody tr').length, box.right, parseFloat(getComputedStyle(table.querySelector('td')).fontSize)]);
      }, 200)));
    }"""
    rows, right, size = lesson.evaluate(look, name)
    assert rows >= 3 and right <= 1366 and size >= 13
    screenshot(lesson, f"lesson{name}")
