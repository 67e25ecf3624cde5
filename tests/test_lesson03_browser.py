"""Lesson 03 as a learner meets it: the stepper in a real JupyterLab, its buttons, its branches and its menus."""

import numpy as np
import pytest
from browser import IDLE, ask_kernel, becomes, screenshot
from pages import cell, move, moves, pictures, player, readout

pytestmark = pytest.mark.browser
LOOK = {"height": 1100}


def test_a_button_pressed_while_a_cell_works_is_not_lost(lesson):
    """Whether the kernel answers beside the cell, on another thread, or after it."""
    p = lesson
    out = cell(p, "03-stepper")
    p.evaluate(
        "() => { const s = window.jupyterapp.shell.currentWidget.sessionContext.session;"
        " s.kernel.requestExecute({ code: 'import time; until = time.time() + 3\\nwhile time.time() < until: sum(range(1000))' }); }"
    )
    out.get_by_role("button", name="New noise").click()
    out.get_by_text("other noise, another picture").wait_for()
    p.evaluate(IDLE, 60_000)
    assert ask_kernel(p, "len(stepper.trace.steps)") == "50"


def test_the_stepper_steps_and_branches(lesson):
    p = lesson
    film = player(p, "03-stepper")
    screenshot(p, "lesson03_stepper")
    first = pictures(p, film)
    film.get_by_role("button", name="Next").click()
    assert "t = 49" in readout(film)
    second = pictures(p, film)
    assert np.array_equal(first[5], second[0])  # where a step lands, the next begins
    film.locator("input[type=range]").focus()
    for _ in range(19):
        p.keyboard.press("ArrowRight")
    assert "t = 30" in readout(film)
    middle = pictures(p, film)
    becomes(p, "stepper.player.value", "20")  # the kernel hears of the frame a moment later

    cell(p, "03-stepper").get_by_role("button", name="Re-roll z from here").click()
    cell(p, "03-stepper").get_by_text("New fresh noise from t = 30 on").wait_for()
    p.evaluate(IDLE, 30_000)
    film = player(p, "03-stepper")
    branched = pictures(p, film)
    assert "t = 30" in readout(film)
    assert np.array_equal(middle[0], branched[0]) and not np.array_equal(middle[5], branched[5])
    screenshot(p, "lesson03_branched")
    film.locator("input[type=range]").focus()
    p.keyboard.press("End")
    screenshot(p, "lesson03_end")


def test_the_stepper_shows_what_the_library_computed(lesson):
    p = lesson
    film = player(p, "03-stepper")
    for i in (0, 25, 49):
        move(film, i)
        got = pictures(p, film)
        for panel, what in ((0, "xt"), (2, "x0_hat"), (3, "mean"), (5, "xs")):
            sums = ask_kernel(
                p,
                f"[int(v) for v in __import__('diffusion_lib.viz.figures', fromlist=['x']).to_uint8(stepper.trace.steps[{i}].{what}[0]).sum((0, 1))]",
            )
            assert got[panel].astype(int).sum((0, 1)).tolist() == eval(sums)


def test_eta_data_and_start(lesson):
    p = lesson
    out = cell(p, "03-stepper")
    film = player(p, "03-stepper")
    move(film, 10)
    out.locator(".noUi-handle").first.focus()
    p.keyboard.press("Home")
    out.get_by_text("no fresh noise at all").wait_for()
    p.evaluate(IDLE, 30_000)
    assert ask_kernel(p, "float(stepper.trace.frames('sigma').max())") == "0.0"
    out.locator("select").first.select_option("handwritten digits")
    p.wait_for_function("(el) => el.querySelector('canvas').width === 28", arg=out.element_handle())
    out.get_by_role("button", name="New noise").click()
    out.get_by_text("other noise, another picture").wait_for()
    p.evaluate(IDLE, 30_000)
    move(player(p, "03-stepper"), 30)
    screenshot(p, "lesson03_digits")
    out.locator("select").first.select_option("cats")
    p.wait_for_function("(el) => el.querySelector('canvas').width === 32", arg=out.element_handle())


@pytest.mark.parametrize(
    "name", ("03-score-play", "03-ancestors-play", "03-gaussian-play", "03-memory-play", "03-break-play")
)
def test_the_other_films_of_lesson_3_move(lesson, name):
    moves(lesson, name, 0.5, 1)
