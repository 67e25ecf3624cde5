"""Lesson 08 as a learner meets it: the menu of samplers, one slider for all, films that move."""

from itertools import pairwise

import numpy as np
import pytest
from browser import IDLE, ask_kernel, screenshot
from pages import cell, move, moves, pictures, player, readout

pytestmark = pytest.mark.browser
LOOK = {"height": 1100}


def test_another_sampler_is_another_film_at_the_same_place(lesson):
    p = lesson
    out, film = cell(p, "08-play-code"), player(p, "08-play-code")
    assert "10 network calls" in readout(film)
    screenshot(p, "lesson08_ddpm")
    ddpm, height = pictures(p, film), film.bounding_box()["height"]
    out.locator("select").first.select_option("ipndm")
    p.evaluate(IDLE, 30_000)
    film = player(p, "08-play-code")
    ipndm = pictures(p, film)
    assert "10 network calls" in readout(film) and not np.array_equal(ddpm[1], ipndm[1])
    assert abs(film.bounding_box()["height"] - height) < 1
    screenshot(p, "lesson08_ipndm")
    film.locator("input[type=range]").focus()
    p.keyboard.press("End")
    assert "1,000 network calls" in readout(film)
    out.locator("select").first.select_option("heun")
    p.evaluate(IDLE, 30_000)
    assert "999 network calls" in readout(player(p, "08-play-code"))  # it asks twice a step, and once in the last
    out.locator("select").first.select_option("ddpm")
    p.evaluate(IDLE, 30_000)


def test_sprites_take_the_place_of_the_digits_and_give_it_back(lesson):
    p, film = lesson, player(lesson, "08-play-code")
    chosen = cell(p, "08-play-code").locator("select").nth(1)
    before = pictures(p, film)
    chosen.select_option("sprites")
    p.evaluate(IDLE, 30_000)
    film = player(p, "08-play-code")
    move(film, 11)
    assert "100 sprites" in film.inner_text() and "1,000 network calls" in film.inner_text()
    move(film, 5)
    assert "1,000 network calls" not in film.inner_text() and not np.array_equal(before[1], pictures(p, film)[1])
    screenshot(p, "lesson08_sprites")
    chosen.select_option("digits")
    p.evaluate(IDLE, 30_000)


@pytest.mark.parametrize("name", ("08-arrows-code", "08-ode-code", "08-noise-code", "08-straight-code"))
def test_the_films_of_lesson_8_move(lesson, name):
    moves(lesson, name, 0.5, 1)


def test_the_tables_stand_there_and_a_guess_opens_its_box(lesson):
    p = lesson
    for name in ("08-parity-code", "08-answers-points", "08-answers-digits"):
        cell(p, name).locator("table tr").nth(2).wait_for()
        screenshot(p, f"lesson{name}")
    cell(p, "08-straight-guess").get_by_text("no, they bend").last.click()
    p.evaluate(IDLE, 20_000)
    cell(p, "08-straight-reveal").get_by_text("Well guessed").wait_for()
    assert ask_kernel(p, "bent.guess") == "'no, they bend'"


def test_the_slider_moves_pictures_and_numbers_together(lesson):
    film = player(lesson, "08-play-code")
    seen = []
    for i in (0, 5, 9):
        move(film, i)
        seen.append((readout(film), pictures(lesson, film)))
    for (a, before), (b, after) in pairwise(seen):
        assert a != b and all(not np.array_equal(x, y) for x, y in zip(before[:2], after[:2], strict=True))
