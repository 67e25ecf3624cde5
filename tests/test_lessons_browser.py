"""Both lessons as a learner meets them: JupyterLab in a real browser, Run All, then every control moved by key and mouse."""

import io
from base64 import b64decode

import numpy as np
import pytest
import torch
from browser import IDLE, ask_kernel, lesson, screenshot
from PIL import Image

from diffusion_lib import data
from diffusion_lib.diffusion import Schedule, add_noise, randn_like
from diffusion_lib.viz.figures import to_uint8

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def lesson1():
    with lesson("01_forward_noise", height=1100) as p:
        yield p


@pytest.fixture(scope="module")
def lesson3():
    with lesson("03_reverse_denoising", height=1100) as p:
        yield p


# Writes a line of code into an exercise and runs its cell.
FILL = """async ([id, line]) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  const cell = notebook.widgets.find((w) => w.model.id === id);
  const source = cell.model.sharedModel.getSource().replace(/return .*/, `return ${line}`);
  cell.model.sharedModel.setSource(source);
  notebook.activeCellIndex = notebook.widgets.indexOf(cell);
  await window.jupyterapp.commands.execute('notebook:run-cell');
}"""


def cell(p, name):
    """The output of the cell with this id, scrolled into view (JupyterLab draws only what is near)."""
    index = p.evaluate(
        "(id) => { const n = window.jupyterapp.shell.currentWidget.content; const i = n.widgets.findIndex(w => w.model.id === id);"
        " n.activeCellIndex = i; return n.scrollToItem(i, 'start').then(() => i); }",
        name,
    )
    found = p.locator(f".jp-Cell[data-windowed-list-index='{index}'] .jp-OutputArea")
    found.locator("xpath=.").first.wait_for()
    return found.first


def player(p, name):
    found = cell(p, name).locator(".fp").first
    found.locator("canvas").first.wait_for()
    found.scroll_into_view_if_needed()
    return found


def pictures(p, film):
    """The pixels of each canvas at its native size, (H, W, 3) each."""
    urls = film.locator("canvas").evaluate_all("(all) => all.map((c) => c.toDataURL('image/png'))")
    return [np.asarray(Image.open(io.BytesIO(b64decode(u.split(",")[1]))).convert("RGB")) for u in urls]


def move(film, value):
    film.locator("input[type=range]").evaluate(
        "(el, v) => { el.value = v; el.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def readout(film):
    return film.locator(".fp-readout").inner_text()


def test_the_slider_shows_what_the_library_computes(lesson1):
    p = lesson1
    film = player(p, "01-explore")
    screenshot(p, "lesson01_explore")
    schedule, g = Schedule.of("cosine", 1000), torch.Generator().manual_seed(0)
    x0s = [
        data.flower_photo(size=128).x,
        data.mnist().x[2500:2501],
        data.sprites(1, size=64, seed=3, species="cat").x,
    ]
    noises = [randn_like(x[0], g)[None] for x in x0s]
    for t in (0, 1, 250, 700, 1000):
        move(film, t)
        for got, x0, eps in zip(pictures(p, film), x0s, noises, strict=True):
            want = to_uint8(add_noise(x0, t, eps, schedule))[0]
            want = np.broadcast_to(want[..., None], got.shape) if want.ndim == 2 else want
            assert np.abs(got.astype(int) - want).max() <= 1, t
        assert f"{t}" in readout(film)


def test_keys_mouse_and_buttons(lesson1):
    p = lesson1
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
        f"(el) => parseInt(el.textContent.split('=')[1]) > {t + 5}",
        arg=film.locator(".fp-readout").element_handle(),
    )
    film.get_by_role("button", name="Pause").click()
    assert film.bounding_box()["height"] == height


def choose(p, out, name, content):
    """Press the upload button and choose a file."""
    with p.expect_file_chooser() as chooser:
        out.get_by_role("button", name="Add your own picture").click()
    chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": content})


def test_your_own_picture(lesson1):
    p = lesson1
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
def test_the_other_films_of_lesson_1_move(lesson1, name):
    p = lesson1
    film = player(p, name)
    before, height = pictures(p, film), film.bounding_box()["height"]
    last = int(film.locator("input[type=range]").get_attribute("max"))
    move(film, last // 2)
    film.scroll_into_view_if_needed()
    screenshot(p, f"lesson{name}_middle")
    middle = pictures(p, film)
    move(film, last)
    screenshot(p, f"lesson{name}_end")
    after = pictures(p, film)
    assert any(not np.array_equal(a, b) for a, b in zip(before, middle, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(middle, after, strict=True))
    assert film.bounding_box()["height"] == height


def test_a_guess_opens_its_answer(lesson1):
    p = lesson1
    answer = cell(p, "01-step-reveal")
    assert "easily forgotten" not in answer.inner_text()
    cell(p, "01-step-guess").get_by_role("radio", name="0.01").click()
    answer = cell(p, "01-step-reveal")
    answer.get_by_text("easily forgotten").wait_for()
    assert "0.01" in answer.inner_text()
    screenshot(p, "lesson01_guess")


def test_an_exercise_names_the_slip_and_then_praises(lesson1):
    p = lesson1
    assert "Not yet" in cell(p, "01-ex1-code").inner_text()
    for line, words in (
        ("schedule.alpha[t] * xs + schedule.beta[t] * eps", "both square roots are missing"),
        ("schedule.alpha[t].sqrt() * xs + schedule.beta[t].sqrt() * eps", "Correct"),
    ):
        p.evaluate(FILL, ["01-ex1-code", line])
        cell(p, "01-ex1-code").get_by_text(words).wait_for()
    screenshot(p, "lesson01_exercise")


def test_a_button_pressed_while_a_cell_works_is_not_lost(lesson3):
    """Whether the kernel answers beside the cell, on another thread, or after it."""
    p = lesson3
    out = cell(p, "03-stepper")
    p.evaluate(
        "() => { const s = window.jupyterapp.shell.currentWidget.sessionContext.session;"
        " s.kernel.requestExecute({ code: 'import time; until = time.time() + 3\\nwhile time.time() < until: sum(range(1000))' }); }"
    )
    out.get_by_role("button", name="New noise").click()
    out.get_by_text("other noise, another picture").wait_for()
    p.evaluate(IDLE, 60_000)
    assert ask_kernel(p, "len(stepper.trace.steps)") == "50"


def test_the_stepper_steps_and_branches(lesson3):
    p = lesson3
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
    p.wait_for_timeout(300)  # the kernel hears of the frame a moment later
    assert ask_kernel(p, "stepper.player.value") == "20"

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


def test_the_stepper_shows_what_the_library_computed(lesson3):
    p = lesson3
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


def test_eta_data_and_start(lesson3):
    p = lesson3
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


@pytest.mark.parametrize("name", ("03-ancestors-play", "03-gaussian-play", "03-memory-play", "03-break-play"))
def test_the_other_films_of_lesson_3_move(lesson3, name):
    test_the_other_films_of_lesson_1_move(lesson3, name)
