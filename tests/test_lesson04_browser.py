"""Lesson 04 as a learner meets it: live training in a real JupyterLab, Stop while a cell waits, Continue, the history, the switch."""

import numpy as np
import pytest
from browser import CAPS, IDLE, ask_kernel, desk, opened, restart_kernel, screenshot, write_notebook
from pages import cell, move, moves, pictures, player, readout

pytestmark = pytest.mark.browser
LOOK = {"height": 1100}

LIVE = (
    "import torch\ntorch.set_num_threads(1)\n"
    "from diffusion_lib import data, ddpm\nfrom diffusion_lib.course import lesson04 as views\npoints = data.load('grid', n=2000)\nmodel, parts = ddpm.build(points)",
    "training = views.watch(model, parts, points, seconds=300)\ntraining",
    "await training.wait();",
    "print('the cells after it run')",
    # a cell of a Run All that works and does not await: where there is a file `hold`, until the training goes on
    "import os, time\nend = time.monotonic() + 60\n"
    "while os.path.exists('hold') and training.state != 'training' and time.monotonic() < end:\n    time.sleep(0.05)\nprint('not held')",
)
# A kernel serves several tests: none of their outputs may be taken for the next one's.
START = "async () => { await window.jupyterapp.commands.execute('editmenu:clear-all'); window.done = window.jupyterapp.commands.execute('notebook:run-all-cells'); }"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def notebook(folder):
    write_notebook(folder / "live.ipynb", *LIVE)
    with opened(folder, "live.ipynb", run=False, height=1100) as p:
        yield p


@pytest.fixture
def live(notebook):
    """A page in which a training of five minutes has begun and the next cell waits for it, as after Run All."""
    p = notebook
    p.evaluate(START)
    box = p.locator(".jp-OutputArea").filter(has=p.locator(".fp")).first
    box.locator("canvas").first.wait_for(timeout=90_000)
    yield p, box
    desk().fair()


def grows(p, box, least=1, within=60):
    """Wait until the readout has gone `least` steps on; the step it shows then."""
    now = int(box.locator(".fp-readout").inner_text().split()[1].replace(",", ""))
    p.wait_for_function(
        "([el, n]) => parseInt(el.textContent.split(' ')[1].replace(',', '')) >= n",
        arg=[box.locator(".fp-readout").element_handle(), now + least],
        timeout=1000 * within,
    )
    return int(box.locator(".fp-readout").inner_text().split()[1].replace(",", ""))


def frames_come(p, film, more):
    """Wait until the film that grows has been sent so many new frames."""
    slider = film.locator("input[type=range]").element_handle()
    for _ in range(more):
        p.wait_for_function("([el, last]) => el.max !== last", arg=[slider, slider.get_attribute("max")])


def button(box, name):
    # its icon is a letter of an icon font, and part of its name
    return box.locator("button", has_text=name).first


def test_stop_is_heard_while_a_cell_waits_and_continue_while_one_works(live, folder):
    p, box = live
    grows(p, box, 20)
    (folder / "hold").touch()
    height = box.bounding_box()["height"]
    assert button(box, "Stop").is_enabled() and button(box, "Continue").is_disabled()
    button(box, "Stop").click()
    box.get_by_text("Stopped, and nothing is lost").wait_for(timeout=20_000)
    # the waiting cell has returned
    p.locator(".jp-OutputArea", has_text="the cells after it run").first.wait_for(timeout=20_000)
    assert button(box, "Stop").is_disabled() and button(box, "Continue").is_enabled()
    assert box.bounding_box()["height"] == height
    step = grows(p, box, 0)
    screenshot(p, "lesson04_stopped")
    assert p.get_by_text("not held").count() == 1  # its source only: the kernel still works on that cell

    button(box, "Continue").click()
    box.get_by_text("Training. Stop whenever you like").wait_for(timeout=20_000)
    assert grows(p, box, 10) > step
    assert box.bounding_box()["height"] == height
    button(box, "Stop").click()
    box.get_by_text("Stopped, and nothing is lost").wait_for(timeout=20_000)
    p.evaluate(IDLE, 30_000)
    # one and the same training: its steps are counted on
    assert int(ask_kernel(p, "training.record.step")) > step
    (folder / "hold").unlink()


def test_looking_back_while_it_trains(live):
    p, box = live
    grows(p, box, 20)
    film = box.locator(".fp")
    for frame in (2, 0, 1, 0):  # each is heard while the cell waits, not the first only
        move(film, frame)
        p.wait_for_timeout(200)
    frames_come(p, film, 3)
    assert readout(film) == "step 0"
    film.locator("input[type=range]").focus()
    p.keyboard.press("End")
    grows(p, box, 5, within=20)  # at the end again, it follows at once, not when the cell has ended
    move(film, 1)
    back = readout(film)
    frames_come(p, film, 2)
    assert readout(film) == back != "step 0"
    button(box, "Stop").click()
    box.get_by_text("Stopped, and nothing is lost").wait_for(timeout=20_000)


def test_the_kernels_own_stop_button_stops_the_training_and_nothing_else(live):
    p, box = live
    grows(p, box, 20)
    p.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    box.get_by_text("Stopped, and nothing is lost").wait_for(timeout=20_000)
    p.locator(".jp-OutputArea", has_text="the cells after it run").first.wait_for(timeout=20_000)
    errors = "[data-mime-type='application/vnd.jupyter.stderr'], .jp-RenderedText[data-mime-type*=error]"
    assert p.locator(errors).count() == 0


def test_restarting_the_kernel_in_mid_training_leaves_a_working_notebook(live):
    p, box = live
    grows(p, box, 10)
    restart_kernel(p)
    assert ask_kernel(p, "1 + 1") == "2"
    p.errors.clear()  # widgets of the kernel that is gone


@pytest.mark.parametrize("name", ("04-points", "04-digits-train", "04-own-train-code"))
def test_the_history_scrubs_and_the_budget_can_be_had_again(lesson, name):
    p = lesson
    out = cell(p, name)
    film = player(p, name)
    screenshot(p, f"lesson{name}")
    height, last = film.bounding_box()["height"], pictures(p, film)
    move(film, 0)
    assert readout(film) == "step 0"
    first = pictures(p, film)
    assert not np.array_equal(first[0], last[0])
    out.locator("select").first.select_option("much noise (−10 dB)")
    p.evaluate(IDLE, 30_000)
    other = pictures(p, player(p, name))
    assert not np.array_equal(other[1], first[1]) and film.bounding_box()["height"] == height
    out.locator("button", has_text="s more").first.click()
    out.get_by_text(f"{2 * CAPS['04']} steps").wait_for(timeout=60_000)
    p.evaluate(IDLE, 60_000)
    assert abs(film.bounding_box()["height"] - height) < 1


def test_the_stepper_switches_between_the_two_denoisers(lesson):
    p = lesson
    out = cell(p, "04-stepper-play")
    move(player(p, "04-stepper-play"), 49)
    screenshot(p, "lesson04-stepper_network")
    network = pictures(p, player(p, "04-stepper-play"))
    assert out.get_by_text("to the nearest training picture").first.is_visible()
    out.get_by_role("radio", name="optimal denoiser").or_(
        out.get_by_role("button", name="optimal denoiser")
    ).first.click()
    out.get_by_text("pictures it could still become").first.wait_for()
    p.evaluate(IDLE, 60_000)
    optimal = pictures(p, player(p, "04-stepper-play"))
    assert not np.array_equal(network[5], optimal[5])
    screenshot(p, "lesson04-stepper_optimal")
    out.locator("select").nth(1).select_option("7")
    out.get_by_text("Asked for class 7").wait_for()
    p.evaluate(IDLE, 60_000)
    seven = ask_kernel(
        p,
        "int(mnist.y[__import__('diffusion_lib.evaluation.metrics', fromlist=['x']).nearest(stepper.trace.final, mnist.x)[1]])",
    )
    assert seven == "7"


def test_a_drawing_becomes_a_picture_to_learn_from(lesson):
    p = lesson
    out = cell(p, "04-own-pictures")
    canvas = out.locator(".pad canvas")
    canvas.scroll_into_view_if_needed()
    height = out.bounding_box()["height"]
    box = canvas.bounding_box()
    p.mouse.move(box["x"] + 40, box["y"] + 40)
    p.mouse.down()
    p.mouse.move(box["x"] + 140, box["y"] + 140, steps=8)
    p.mouse.up()
    screenshot(p, "lesson04-drawing")
    out.get_by_role("button", name="Add this drawing").click()
    out.get_by_text("1 of your own").wait_for()
    p.evaluate(IDLE, 30_000)
    assert ask_kernel(p, "tuple(own.x.shape)") == "(1, 1, 28, 28)"
    inside, outside = (float(ask_kernel(p, f"float(own.x[0, 0, {i}])")) for i in ("14, 14", "2, 25"))
    assert inside > 0.5 and outside == -1
    assert out.bounding_box()["height"] == height


@pytest.mark.parametrize("name", ("04-three-play", "04-gap-play", "04-variance-play", "04-bound-play"))
def test_the_other_films_move(lesson, name):
    moves(lesson, name)
