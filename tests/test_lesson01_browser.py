"""Lesson 01 as a learner meets it: JupyterLab in a real browser, Run All, then every control moved by key and mouse."""

import io

import numpy as np
import pytest
import torch
from browser import screenshot
from pages import FILL, cell, move, moves, pictures, player, readout
from PIL import Image

from diffusion_lib import data
from diffusion_lib.diffusion import Schedule, add_noise, randn_like
from diffusion_lib.viz.figures import to_uint8

pytestmark = pytest.mark.browser
LOOK = {"height": 1100}


def test_the_slider_shows_what_the_library_computes(lesson):
    p = lesson
    film = player(p, "01-explore")
    screenshot(p, "lesson01_explore")
    schedule, g = Schedule.of("cosine", 1000), torch.Generator().manual_seed(0)
    x0s = [data.flower_photo(size=128).x, data.mnist().x[2500:2501], data.sprites(1, size=64, seed=3, species="cat").x]
    noises = [randn_like(x[0], g)[None] for x in x0s]
    for t in (0, 1, 250, 700, 1000):
        move(film, t)
        for got, x0, eps in zip(pictures(p, film), x0s, noises, strict=True):
            want = to_uint8(add_noise(x0, t, eps, schedule))[0]
            want = np.broadcast_to(want[..., None], got.shape) if want.ndim == 2 else want
            assert np.abs(got.astype(int) - want).max() <= 1, t
        assert f"{t}" in readout(film)


def test_keys_mouse_and_buttons(lesson):
    p = lesson
    film = player(p, "01-explore")
    move(film, 0)
    slider = film.locator("input[type=range]")
    slider.focus()
    height = film.bounding_box()["height"]
    for key, t in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 1000), ("Home", 0)):
        p.keyboard.press(key)
        assert f"t = {t} /" in readout(film)
    slider.click(position={"x": 12, "y": 8})  # as a learner does: the cell is the active one now
    p.wait_for_timeout(400)
    box = slider.bounding_box()
    p.mouse.move(box["x"] + 12, box["y"] + box["height"] / 2)
    p.mouse.down()
    p.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=8)
    p.mouse.up()
    middle = "(r) => { const t = +r.innerText.split('=')[1].split('/')[0]; return 450 < t && t < 550; }"
    p.wait_for_function(middle, arg=film.locator(".fp-readout").element_handle(), timeout=3000)
    p.wait_for_timeout(300)
    t = int(readout(film).split("=")[1].split("/")[0])
    assert 450 < t < 550  # and nothing takes it back
    screenshot(p, "lesson01_dragged")
    film.get_by_role("button", name="Next").click()
    assert f"t = {t + 1} /" in readout(film)
    film.get_by_role("button", name="Play").click()
    p.wait_for_function(
        f"(el) => parseInt(el.textContent.split('=')[1]) > {t + 5}", arg=film.locator(".fp-readout").element_handle()
    )
    film.get_by_role("button", name="Pause").click()
    assert film.bounding_box()["height"] == height


def choose(p, out, name, content):
    """Press the upload button and choose a file."""
    with p.expect_file_chooser() as chooser:
        out.get_by_role("button", name="Add your own picture").click()
    chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": content})


def test_your_own_picture(lesson):
    p = lesson
    out = cell(p, "01-explore")
    buffer = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(buffer, "png")
    choose(p, out, "mine.png", buffer.getvalue())
    out.get_by_text("yours", exact=True).wait_for()
    assert out.locator("canvas").count() == 4
    move(player(p, "01-explore"), 300)
    screenshot(p, "lesson01_upload")
    choose(p, out, "broken.png", b"no picture")
    out.get_by_text("✗").wait_for()
    assert out.locator("canvas").count() == 4


@pytest.mark.parametrize("name", ("01-ink-play", "01-jump-play", "01-chain-play", "01-break-play"))
def test_the_other_films_of_lesson_1_move(lesson, name):
    moves(lesson, name, 0.5, 1)


def test_a_guess_opens_its_answer(lesson):
    p = lesson
    answer = cell(p, "01-step-reveal")
    assert "easily forgotten" not in answer.inner_text()
    cell(p, "01-step-guess").get_by_role("radio", name="0.01").click()
    answer = cell(p, "01-step-reveal")
    answer.get_by_text("easily forgotten").wait_for()
    assert "0.01" in answer.inner_text()
    screenshot(p, "lesson01_guess")


def test_an_exercise_names_the_slip_and_then_praises(lesson):
    p = lesson
    cell(p, "01-ex1-code").get_by_text("Not yet").wait_for()
    for line, words in (
        ("schedule.alpha[t] * xs + schedule.beta[t] * eps", "both square roots are missing"),
        ("schedule.alpha[t].sqrt() * xs + schedule.beta[t].sqrt() * eps", "Correct"),
    ):
        p.evaluate(FILL, ["01-ex1-code", line])
        cell(p, "01-ex1-code").get_by_text(words).wait_for()
    screenshot(p, "lesson01_exercise")
