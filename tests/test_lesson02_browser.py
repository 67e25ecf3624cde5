"""Lesson 02 as a learner meets it: JupyterLab in a real browser, Run All, then every control of the sculptor by mouse, key and touch."""

import math
import warnings
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
import torch
from browser import ask_kernel, saved, screenshot, told
from pages import FILL, cell, moves, pictures, player

from diffusion_lib.course.lesson02 import sculptor
from diffusion_lib.course.lesson02.sculptor import HANDLES, REUSED, STEPS, sculpt, strip_times
from diffusion_lib.data import flower_photo, mnist, sprites
from diffusion_lib.diffusion import Schedule, add_noise, randn_like
from diffusion_lib.viz.figures import to_uint8

pytestmark = pytest.mark.browser
LOOK = {"width": 1366, "height": 768}
LATER = "() => new Promise((done) => setTimeout(done, 400))"  # the page has settled: its own clock, not ours
FILMS = (
    "02-db-play",
    "02-accident-play",
    "02-unit-play",
    "02-pictures-play",
    "02-size-play",
    "02-break-play",
    "02-yours",
)


class View:
    """The sculptor on the page, put back to its start."""

    def __init__(self, p):
        self.page, self.root = p, cell(p, "02-sculptor").locator(".sc")
        self.root.locator("canvas").first.wait_for()
        self.select, self.picture = self.root.locator("select").nth(0), self.root.locator("select").nth(1)
        self.picture.select_option("a cat")
        self.root.get_by_role("button", name="Reset").click()
        self.settle()
        self.height = self.root.bounding_box()["height"]

    def settle(self):
        """The next animation frame has drawn, and the kernel has heard."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        told(self.page)

    def steps(self, T):
        self.root.locator("input[type=range]").evaluate(
            "(el, v) => { el.value = v; el.dispatchEvent(new Event('input', { bubbles: true })); }", STEPS.index(T)
        )
        self.settle()

    def knob(self, k):
        return self.root.locator(".sc-handle").nth(k)

    def heights(self):
        """What each handle says it stands at."""
        said = self.root.locator(".sc-handle").evaluate_all("(all) => all.map((el) => el.ariaValueNow)")
        assert len(said) == HANDLES
        return [float(v) for v in said]

    def table(self):
        """alpha_bar as the kernel has it."""
        said = ask_kernel(self.page, "' '.join(map(repr, sculptor.alpha_bar.tolist()))")
        return np.array([float(v) for v in said.strip("'").split()])

    def agrees(self, x0, eps):
        """Everything on the screen is what the library computes from the kernel's table, as soon as the kernel has heard."""
        for _ in range(20):
            with suppress(AssertionError):
                return self.agrees_now(x0, eps)
            self.page.wait_for_timeout(100)
        return self.agrees_now(x0, eps)

    def agrees_now(self, x0, eps):
        self.settle()
        a = self.table()
        T = len(a) - 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            schedule = Schedule(torch.tensor(a))
        assert self.root.locator("output").inner_text() == f"T = {T}"
        for t, got in zip(strip_times(T), pictures(self.page, self.root), strict=True):
            want = to_uint8(add_noise(x0, t, eps, schedule))[0]
            want = np.broadcast_to(want[..., None], got.shape) if want.ndim == 2 else want
            assert np.abs(got.astype(int) - want).max() <= 1, t
        at = np.arange(1, HANDLES + 1) * T / HANDLES
        want = np.exp(np.interp(at, np.arange(T + 1), np.log(a)))
        if T % HANDLES == 0 or ask_kernel(self.page, "sculptor.state['preset']") != "''":
            np.testing.assert_allclose(self.heights(), want, atol=1e-5)
        kl, words = schedule.terminal_kl(x0), self.root.locator(".sc-verdict").inner_text()
        assert ("✓ Yes, really noise" if kl < 1e-3 else "✗ No, something of the picture is left") in words
        assert float(words.split("KL = ")[1].split(" ")[0]) == pytest.approx(kl, rel=0.06)
        assert f"{self.root.locator('.sc-good').count() > 0}" == f"{kl < 1e-3}"
        share = self.root.locator(".sc-fill").evaluate("(el) => parseFloat(el.style.width)")
        assert share == pytest.approx(max(0.4, 100 * (math.log10(kl) + 6) / 7), abs=0.1)
        assert self.root.bounding_box()["height"] == self.height
        return schedule


@pytest.fixture(scope="module")
def shown():
    """name -> (x0, eps) as the lesson's sculptor has them."""
    x0 = {
        "a cat": sprites(1, size=64, seed=3, species="cat").x,
        "a photo": flower_photo(size=128).x,
        "a digit": mnist().x[2500:2501],
    }
    g = torch.Generator().manual_seed(0)
    return {name: (x, randn_like(x, g)) for name, x in x0.items()}


def test_every_preset_every_T_and_every_picture(lesson, shown):
    view = View(lesson)
    screenshot(lesson, "lesson02_sculptor")
    for name in ("linear", "cosine", "sigmoid"):
        view.select.select_option(name)
        assert torch.equal(view.agrees(*shown["a cat"]).alpha_bar, Schedule.of(name, 100).alpha_bar)
    view.select.select_option(REUSED)
    assert view.agrees(*shown["a cat"]).T == 50  # it brings its T along
    screenshot(lesson, "lesson02_reused")
    for name, pair in shown.items():
        view.picture.select_option(name)
        view.agrees(*pair)
    for T in STEPS:
        view.steps(T)
        assert view.agrees(*shown["a digit"]).T == T


def test_a_handle_is_dragged_and_pushes_the_others(lesson, shown):
    view = View(lesson)
    before = view.heights()
    box = view.knob(3).locator(".sc-knob").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    lesson.mouse.move(x, y)
    lesson.mouse.down()
    for dy in range(0, 400, 40):  # far below the plot
        lesson.mouse.move(x + 3, y + dy)
        a = view.heights()
        assert all(p >= q for p, q in pairwise(a))
    screenshot(lesson, "lesson02_dragged")
    lesson.mouse.move(x, y)  # and back: the others return to where they stood
    lesson.mouse.move(x, y - 20)
    lesson.mouse.up()
    view.agrees(*shown["a cat"])
    after = view.heights()
    assert after[3] > before[3] + 0.03
    np.testing.assert_allclose(after[4:], before[4:], atol=2e-5)
    assert view.select.input_value() == "drawn by hand"
    assert ask_kernel(lesson, "sculptor.schedule.name") == "'drawn by hand'"
    view.select.select_option("linear")
    view.agrees(*shown["a cat"])
    view.select.select_option("drawn by hand")  # not lost
    view.agrees(*shown["a cat"])
    np.testing.assert_allclose(view.heights(), after, atol=1e-5)
    view.steps(1000)
    view.agrees(*shown["a cat"])


def test_a_save_stores_what_was_drawn(lesson):
    view = View(lesson)
    view.select.select_option("sigmoid")
    for _ in range(40):
        lesson.wait_for_timeout(250)
        kept = next(c for c in saved(lesson) if c["id"] == "02-sculptor")
        if "(sigmoid)" in (words := kept["outputs"][0]["data"]["text/plain"]):
            break
    assert words.strip("'") == ask_kernel(lesson, "sculptor.alt()").strip("'")


def test_at_twice_the_size_the_dots_are_seen_below_the_controls(lesson):
    """A projector's 1366 x 768 at 200 %: the whole curve, and the bar that sticks above it."""
    lesson.set_viewport_size({"width": 683, "height": 384})
    try:
        lesson.evaluate(LATER)
        root = cell(lesson, "02-sculptor").locator(".sc")
        root.locator("canvas").first.wait_for()
        high, screen = root.evaluate(
            "(el) => [el.querySelector('svg[role=group]').getBoundingClientRect().bottom - el.querySelector('.sc-bar').getBoundingClientRect().top,"
            " el.closest('.jp-WindowedPanel-outer').clientHeight]"
        )
        assert 150 < high <= screen
    finally:
        lesson.set_viewport_size({"width": 1366, "height": 768})
        lesson.evaluate(LATER)


def test_the_table_is_the_same_in_python_and_in_javascript(lesson):
    """Drawn curves travel as handles: both sides make the table, and must make the same one."""
    source = sculptor.Sculptor._esm
    text = source.read_text("utf-8") if hasattr(source, "read_text") else str(source)
    ask = """async ([text, handles, T]) => {
      const url = URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
      return Array.from((await import(url)).sculpt(handles, T));
    }"""
    g = np.random.default_rng(0)
    for T in STEPS:
        for _ in range(5):
            rise = g.exponential(size=HANDLES) ** g.uniform(0.3, 4)
            h = np.exp(-np.cumsum(rise / rise.sum() * g.uniform(0.05, 11) + 0.002)).tolist()
            np.testing.assert_allclose(lesson.evaluate(ask, [text, h, T]), sculpt(h, T), rtol=1e-12, atol=0)


def test_a_handle_moves_by_keys_and_jupyterlab_stays_where_it_is(lesson, shown):
    view = View(lesson)
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    where = lesson.evaluate(active)
    view.knob(7).focus()
    for key, test in (
        ("PageUp", lambda a, b: b == pytest.approx(a + 0.1, abs=1e-4)),
        ("ArrowUp", lambda a, b: b == pytest.approx(a + 0.01, abs=1e-4)),
        ("ArrowDown", lambda a, b: b == pytest.approx(a - 0.01, abs=1e-4)),
        ("ArrowLeft", lambda a, b: b < a),
        ("ArrowRight", lambda a, b: b > a),
        ("Home", lambda a, b: b == pytest.approx(1e-5, abs=1e-6)),
        ("End", lambda a, b: b > 0.97),
    ):
        before = view.heights()[7]
        lesson.keyboard.press(key)
        view.agrees(*shown["a cat"])
        assert test(before, view.heights()[7]), key
    screenshot(lesson, "lesson02_keys")
    assert lesson.evaluate(active) == where
    lesson.keyboard.press("Tab")
    assert (
        lesson.evaluate("document.activeElement.className.baseVal ?? document.activeElement.className") != "sc-handle"
    )
    for name in ("Schedule", "Steps", "Picture"):
        assert view.root.get_by_label(name).count() >= 1
    view.root.locator("input[type=range]").focus()
    lesson.keyboard.press("ArrowRight")
    assert view.agrees(*shown["a cat"]).T == 200 and lesson.evaluate(active) == where


def test_a_step_costs_an_animation_frame(lesson):
    """No kernel in between: the frame after a key already shows the new curve."""
    view = View(lesson)
    view.knob(4).focus()
    waits = []
    for _ in range(20):
        waits.append(
            lesson.evaluate(
                """() => new Promise((done) => {
          const line = document.querySelector('.sc .sc-curve'), before = line.getAttribute('d');
          let frames = 0;
          document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp', bubbles: true }));
          (function look() { line.getAttribute('d') === before ? (frames++, requestAnimationFrame(look)) : done(frames); })();
        })"""
            )
        )
    assert max(waits) <= 2, waits  # frames, not milliseconds: the same on a busy machine


def test_the_kernel_moves_the_screen_too(lesson, shown):
    view = View(lesson)
    ask_kernel(lesson, "sculptor.choose('sigmoid', T=20)")
    view.agrees(*shown["a cat"])
    assert view.select.input_value() == "sigmoid"
    ask_kernel(lesson, "sculptor.draw([.9, .8, .7, .6, .5, .4, .3, .2])")
    view.agrees(*shown["a cat"])
    np.testing.assert_allclose(view.heights(), [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2], atol=1e-5)


def test_a_drawn_schedule_samples_in_the_next_cell(lesson):
    view = View(lesson)
    view.knob(7).focus()
    for _ in range(6):
        lesson.keyboard.press("PageUp")
    view.settle()
    cell(lesson, "02-yours")
    assert lesson.evaluate("window.jupyterapp.commands.execute('notebook:run-cell').then(() => true)")
    film = player(lesson, "02-yours")
    lesson.wait_for_function(
        "(el) => el.getAttribute('aria-label').includes('drawn by hand')", arg=film.element_handle()
    )


@pytest.mark.parametrize("name", FILMS)
def test_the_films_move(lesson, name):
    moves(lesson, name)


def test_a_guess_and_an_exercise(lesson):
    p = lesson
    cell(p, "02-pictures-guess").get_by_role("radio", name="none").click()
    cell(p, "02-pictures-reveal").get_by_text("medium grey").wait_for()
    for line, words in (
        ("betas[:: len(betas) // T] * (len(betas) // T)", "this passes 1"),
        ("1 - (1 - betas).reshape(T, -1).prod(1)", "Correct"),
    ):
        p.evaluate(FILL, ["02-ex4-code", line])
        cell(p, "02-ex4-code").get_by_text(words).wait_for()
