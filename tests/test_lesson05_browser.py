"""Lesson 05 as a learner meets it: every button of the duel in a real JupyterLab, rewinding, branching, and how fast it is."""

import statistics

import pytest
from browser import IDLE, ask_kernel, becomes, button, restart_kernel, screenshot, shown
from pages import move

pytestmark = pytest.mark.browser
LOOK = {"width": 1366, "height": 1000}

CELLS = (
    "import torch\ntorch.set_num_threads(1)\nfrom diffusion_lib import data\nfrom diffusion_lib.course import ahead, lesson05 as views\n"
    "ahead.CHEAP = 60\n"
    "points = data.load('moons', n=2000)\ncats = data.sprites(200, size=16, species='cat')\n"
    "cats = data.Data(cats.x, name='cats')",
    "duel = views.step_gan(points)\nduel",
    "catch = views.step_gan(cats)\ncatch",
)
# Milliseconds from the click until the frame after which another readout stands beside the slider.
CLICK = """([button, box]) => new Promise((resolve) => {
  const text = () => box.querySelector('.fp-readout')?.textContent, before = text(), start = performance.now();
  button.click();
  (function look() {
    if (text() === before || !text()) return requestAnimationFrame(look);
    requestAnimationFrame(() => resolve(performance.now() - start));
  })();
})"""

# How far the pixels of the palette's first blue reach, half of them to each side of their middle, and how many there are.
BLUE = """(canvas) => {
  const { width, height } = canvas, at = canvas.getContext('2d').getImageData(0, 0, width, height).data, x = [], y = [];
  for (let i = 0; i < width * height; i++)
    if (Math.abs(at[4 * i]) < 30 && Math.abs(at[4 * i + 1] - 114) < 30 && Math.abs(at[4 * i + 2] - 178) < 30) x.push(i % width), y.push(i / width);
  const span = (v) => (v.sort((a, b) => a - b), v[Math.floor(0.95 * v.length)] - v[Math.floor(0.05 * v.length)]);
  return { count: x.length, wide: span(x), high: span(y) };
}"""


@pytest.fixture
def points(lab):
    return shown(lab, 1)


@pytest.fixture
def cats(lab):
    return shown(lab, 2)


def clicks(p, box, name, times):
    return [p.evaluate(CLICK, [button(box, name).element_handle(), box.element_handle()]) for _ in range(times)]


def lessons(p, name="duel"):
    return ask_kernel(p, f"({name}.pair.taught, {name}.pair.fooled)")


def test_each_button_says_what_it_did_and_the_page_stands_still(lab, points):
    p, box = lab, points
    height = box.bounding_box()["height"]
    for name, words, then in (
        ("1  Draw fakes", "No weights moved", "(0, 0)"),
        ("2  Teach D", "G's did not", "(1, 0)"),
        ("3  Fool D", "D's did not", "(1, 1)"),
        ("4  Repeat", "One whole step", "(2, 2)"),
    ):
        button(box, name).click()
        box.get_by_text(words).wait_for()
        p.evaluate(IDLE, 20_000)
        assert lessons(p) == then
        assert box.bounding_box()["height"] == height
    screenshot(p, "duel_points")


def test_teach_until_it_wins_and_slow_motion_and_run_and_stop(lab, points):
    p, box = lab, points
    height = box.bounding_box()["height"]
    button(box, "Teach D until").click()
    box.get_by_text("lessons in a row").wait_for()
    p.wait_for_function("b => !b.disabled", arg=button(box, "Run").element_handle(), timeout=60_000)
    screenshot(p, "duel_wins")
    button(box, "Slow motion").click()
    for part in ("1: 128", "2: D learned", "1 again: 128", "3: G learned"):
        box.get_by_text(part).wait_for()
    assert button(box, "Run").is_disabled() and button(box, "Branch").is_disabled()
    button(box, "Stop").click()
    p.wait_for_function("b => !b.disabled", arg=button(box, "Run").element_handle())
    before = eval(lessons(p))
    box.get_by_label("Steps a frame").select_option("5")
    button(box, "Run").click()
    becomes(p, f"duel.pair.fooled >= {before[1] + 15}")
    button(box, "Stop").click()
    p.wait_for_function("b => !b.disabled", arg=button(box, "Run").element_handle())
    p.evaluate(IDLE, 20_000)
    assert eval(lessons(p))[1] >= before[1] + 15
    assert abs(box.bounding_box()["height"] - height) < 1
    screenshot(p, "duel_run")


def test_rewind_and_branch(lab, points):
    p, box = lab, points
    film = box.locator(".fp")
    ask_kernel(p, "duel.restart()")
    for name, words in (("1  Draw", "No weights moved"), ("2  Teach", "G's did not"), ("3  Fool", "D's did not")):
        button(box, name).click()
        box.get_by_text(words).wait_for()
    p.evaluate(IDLE, 20_000)
    assert button(box, "Branch").is_disabled()
    move(film, 2)
    box.get_by_text("G's did not").wait_for()
    p.wait_for_function("b => !b.disabled", arg=button(box, "Branch").element_handle())
    button(box, "Branch").click()
    box.get_by_text("Back at this moment").wait_for()
    p.evaluate(IDLE, 20_000)
    assert lessons(p) == "(1, 0)" and film.locator("input[type=range]").get_attribute("max") == "2"
    button(box, "3  Fool D").click()
    box.get_by_text("D's did not").wait_for()
    assert lessons(p) == "(1, 1)"


def test_the_cats_have_the_same_buttons(lab, cats):
    p, box = lab, cats
    height = box.bounding_box()["height"]
    for name, words in (
        ("1  Draw", "No weights moved"),
        ("2  Teach", "G's did not"),
        ("3  Fool", "D's did not"),
        ("4  Repeat", "One whole step"),
    ):
        button(box, name).click()
        box.get_by_text(words).wait_for()
    p.evaluate(IDLE, 20_000)
    assert lessons(p, "catch") == "(2, 2)" and box.bounding_box()["height"] == height
    screenshot(p, "duel_cats")


# Presses a button, if one is given, and says what is there before the kernel can have answered: all pixels, and which moment.
NOW = """([button, box]) => {
  button?.click();
  return [...box.querySelectorAll('canvas')].map((c) => c.toDataURL()).join() + box.querySelector('.fp-readout').textContent;
}"""


def test_a_button_shows_its_moment_before_the_kernel_answers(lab, points):
    """What stands there at once is what the kernel says a little later; where that was foreseen for another film, nothing does."""
    p, box = lab, points
    all_of_it, grown = box.element_handle(), "duel.player.film.grown"
    known = f"[part['after'] == {grown} for part in duel.player._foreseen.values()] == [True] * 4"

    def press(name="4  Repeat"):
        becomes(p, known)
        n, pressed = ask_kernel(p, grown), button(box, name).element_handle()
        before, at_once = p.evaluate(NOW, [None, all_of_it]), p.evaluate(NOW, [pressed, all_of_it])
        becomes(p, f"{grown} == {n} + 1")
        p.evaluate(IDLE, 20_000)
        return before, at_once, p.evaluate(NOW, [None, all_of_it])

    repeat, n = button(box, "4  Repeat").element_handle(), ask_kernel(p, grown)
    repeat.click()
    # a press may be heard after a question that was asked later: widgets have a thread of their own
    becomes(p, f"{grown} == {n} + 1")
    for name in ("4  Repeat", "1  Draw fakes", "2  Teach D", "3  Fool D"):  # the same again, and one after another
        before, at_once, then = press(name)
        assert before != at_once == then, name
    becomes(p, known)
    ask_kernel(p, "duel.pair.teach()")  # the kernel's word is another one: it counts
    before, at_once, then = press()
    assert before != at_once != then
    becomes(p, known)
    ask_kernel(p, "duel.restart()")
    p.evaluate(IDLE, 20_000)
    before, at_once = (p.evaluate(NOW, [b, all_of_it]) for b in (None, repeat))
    assert before == at_once
    becomes(p, "duel.pair.fooled == 1")


@pytest.mark.parametrize(("which", "limit"), ((1, 50), (2, 120)))
def test_from_button_to_picture(lab, which, limit):
    """The aim is `limit` ms on an idle core, and what it took is printed; here, beside another worker, only a hang fails."""
    p, box = lab, shown(lab, which)
    took = {name: clicks(p, box, name, 4)[1:] for name in ("2  Teach", "3  Fool", "4  Repeat")}
    print({name: f"median {statistics.median(ms):.0f} ms, largest {max(ms):.0f}" for name, ms in took.items()})
    assert all(statistics.median(ms) < 40 * limit for ms in took.values()), took


def test_a_drawing_is_chosen_learned_and_shown(lab, points):
    """The pad of the tour, behind the menu of data: a line across its middle, drawn with the mouse."""
    p, box = lab, points
    menu, pad = box.get_by_label("Data", exact=True), box.locator(".cl canvas")
    assert pad.count() == 0 or not pad.is_visible()
    menu.select_option("your drawing")
    pad.wait_for()
    button(box, "Clear").click()
    becomes(p, "len(duel.easel.pad.points) == 0")
    button(box, "Learn this").click()
    box.get_by_text("Draw a little more: at least 20 points are needed, and there are 0.").wait_for()
    left, top, wide, high = pad.bounding_box().values()
    p.mouse.move(left + 0.1 * wide, top + 0.5 * high)
    p.mouse.down()
    p.mouse.move(left + 0.9 * wide, top + 0.5 * high, steps=4)
    p.mouse.up()
    becomes(p, "len(duel.easel.pad.points) > 100")
    button(box, "Learn this").click()
    becomes(p, "duel.data.name == 'your drawing'")
    button(box, "4  Repeat").click()
    becomes(p, "(duel.pair.taught, duel.pair.fooled) == (1, 1)")
    screenshot(p, "lesson05-drawing")
    real = box.locator(".fp canvas").first.evaluate(BLUE)  # rows and columns of the dots that are real ones
    assert real["count"] > 200 and real["high"] < 0.25 * real["wide"], real
    menu.select_option("moons")
    becomes(p, "duel.data.name == 'moons'")
    pad.wait_for(state="hidden")


def test_without_a_kernel_the_moment_is_taken_back(lab, points):
    p, box = lab, points
    repeat, all_of_it = button(box, "4  Repeat").element_handle(), box.element_handle()
    n = ask_kernel(p, "duel.pair.fooled")
    repeat.click()
    becomes(p, f"duel.pair.fooled == {n} + 1 and duel.player.ahead.get('after') == duel.player.film.grown")
    p.evaluate(IDLE, 20_000)
    restart_kernel(p)
    before, at_once = (p.evaluate(NOW, [b, all_of_it]) for b in (None, repeat))
    box.get_by_text("No kernel hears this").wait_for()
    assert before != at_once and before == p.evaluate(NOW, [None, all_of_it])
    p.errors[:] = [error for error in p.errors if not error.startswith("Cannot send")]  # the button's own
