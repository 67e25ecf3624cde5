"""Lesson 06 as a learner meets it: Run All in a real JupyterLab, then the lab's buttons, its rewind, and every film moved."""

import numpy as np
import pytest
from browser import IDLE, screenshot
from pages import cell, move, moves, pictures, player, readout

pytestmark = pytest.mark.browser
LOOK = {"width": 1366, "height": 768}


def press(p, out, name, then):
    out.locator("button", has_text=name).first.click()
    out.get_by_text(then).first.wait_for(timeout=60_000)
    p.evaluate(IDLE, 60_000)


@pytest.mark.parametrize("name", ("06-play-code", "06-grid-code"))
def test_the_lab_rewinds_cures_and_starts_again(lesson, name):
    p, out, film = lesson, cell(lesson, name), player(lesson, name)
    screenshot(p, f"lesson{name}")
    height = out.bounding_box()["height"]
    assert readout(film) == "step 12" and out.get_by_text("non-saturating, D's rate 1").first.is_visible()
    move(film, 0)
    assert readout(film) == "step 0"
    out.get_by_label("Recipe").select_option("+ minibatch std")
    out.get_by_label("D's speed").select_option("D four times faster")
    out.get_by_text("Choose: start from step 0").wait_for()
    p.evaluate(IDLE, 30_000)
    press(p, out, "Go on from this frame", "Done: 12 steps")
    out.get_by_text("+ minibatch std, D's rate 4").first.wait_for()
    screenshot(p, f"lesson{name}-cured")
    before = pictures(p, film)
    out.get_by_label("Recipe").select_option("WGAN-GP")
    press(p, out, "Start from step 0", "Done: 12 steps")
    out.get_by_text("WGAN-GP, D's rate 4").first.wait_for()  # an older "Done" may still have stood there
    p.evaluate(IDLE, 30_000)
    assert not np.array_equal(before[0], pictures(p, film)[0])
    press(p, out, "s more", "Done:")
    assert abs(out.bounding_box()["height"] - height) < 1
    for button in out.locator("button").all():
        if button.is_visible() and button.inner_text().strip():
            assert button.bounding_box()["height"] >= 40


@pytest.mark.parametrize(
    "name", ("06-vanish-play-code", "06-circle-code", "06-astray-film", "06-ladder-play", "06-live-code")
)
def test_the_films_move(lesson, name):
    moves(lesson, name)


def test_every_recorded_run_is_a_picture_with_words(lesson):
    picture = cell(lesson, "06-astray-runs").locator("img").first
    box = picture.bounding_box()
    assert 500 < box["width"] < 760 and box["height"] < 680  # seen whole on a projector of 768 lines
    assert "Runs that found all eight islands: minimax (2014): 0 of" in picture.get_attribute("alt")
    screenshot(lesson, "lesson06-astray-runs")


def test_the_tables_of_the_cures_name_every_recipe(lesson):
    tables = cell(lesson, "06-cures-play").locator("table")
    assert tables.count() == 3
    for k in range(3):
        assert tables.nth(k).get_by_text("RpGAN + R1 + R2").first.is_visible()
    tables.first.scroll_into_view_if_needed()
    screenshot(lesson, "lesson06-cures-play")
