"""The player as a learner meets it: in JupyterLab and as an exported page, in a real headless Chromium."""

import base64
import hashlib
import io
import time
from contextlib import ExitStack

import numpy as np
import pytest
from browser import (
    ALL_SELECTED,
    IDLE,
    ask_kernel,
    becomes,
    opened,
    page,
    restart_kernel,
    saved,
    screenshot,
    write_notebook,
)
from PIL import Image
from playwright.sync_api import expect

from diffusion_lib.viz.panels import curve, mix, pixels, scatter
from diffusion_lib.viz.player import FramePlayer

pytestmark = pytest.mark.browser
T = 40
NASTY = "<img src=x onerror=window.hacked=1></script><script>window.hacked=1</script> \" ' & \u2028 x_{t}^{2}"

AT_REST = """async () => {  // no canvas has changed its size for longer than a player waits before it looks at its room again
  const sizes = () => [...document.querySelectorAll(".fp canvas")].map((c) => [c.width, c.height]).join();
  for (let was; was !== sizes(); await new Promise((done) => setTimeout(done, 400))) was = sizes();
}"""


def film(T=T, size=16, name="A test film"):
    """Panels, captions and labels of a film with everything in it; the same numbers in the kernel and in the test."""
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 256, (T + 1, 9, 12, 3), dtype=np.uint8)
    x0, eps = rng.uniform(-1, 1, (3, size, size)), 1.5 * rng.normal(size=(3, size, size))
    alpha_bar, t = np.cos(np.linspace(0, np.pi / 2, T + 1)) ** 2, np.arange(T + 1)
    panels = [
        pixels(stored, "stored", notes=[f"note {i}" + " and more" * (i % 5) for i in t]),
        mix(
            x0, eps, alpha_bar, "mixed x_{t}", lead=[f"= {a:.3f} ×" if i % 2 else "=" for i, a in enumerate(alpha_bar)]
        ),
        scatter(rng.normal(size=(50, 2)), "cloud", eps=rng.normal(size=(50, 2)), alpha_bar=alpha_bar, trail=[1]),
        curve(t, {"a": alpha_bar}, "curve", cursor=t, xlabel="t"),
    ]
    captions = [f"caption {i} " + "with words " * (i % 30) for i in t]
    truth = {"stored": stored, "x0": x0, "eps": eps, "alpha_bar": alpha_bar}
    return {"panels": panels, "captions": captions, "labels": [f"t = {i}" for i in t], "name": name}, truth


def mixed(truth, i):
    a = truth["alpha_bar"][i]
    xt = np.sqrt(a) * truth["x0"] + np.sqrt(1 - a) * truth["eps"]
    return np.round(np.clip((xt + 1) * 127.5, 0, 255)).transpose(1, 2, 0)


class View:
    """One player on a page."""

    def __init__(self, p, n=0):
        self.page, self.root = p, p.locator(".fp").nth(n)
        self.root.locator("canvas").first.wait_for()
        self.slider = self.root.locator("input[type=range]")

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    @property
    def index(self):
        return int(self.slider.input_value())

    def canvas(self, n):
        """Its pixels, (H, W, 3)."""
        url = self.root.locator("canvas").nth(n).evaluate("(c) => c.toDataURL()")
        image = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))
        return np.asarray(image.convert("RGBA"))[..., :3].astype(int)

    def set(self, i):
        """As a drag does it."""
        self.slider.evaluate("(el, i) => { el.value = i; el.dispatchEvent(new Event('input', { bubbles: true })); }", i)

    def until(self, index):
        """Wait until the slider shows this frame."""
        handle = self.slider.element_handle()
        self.page.wait_for_function("([el, i]) => +el.value === i", arg=[handle, index], timeout=30_000)

    def passes(self, index):
        """Wait until the slider shows this frame or a later one: a film that plays may be seen between two looks only."""
        handle = self.slider.element_handle()
        self.page.wait_for_function("([el, i]) => +el.value >= i", arg=[handle, index], timeout=30_000)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)


CELLS = [
    "import sys\nsys.path.insert(0, TESTS)\nfrom diffusion_lib.viz.player import FramePlayer\nfrom test_player_browser import NASTY, film",
    "p = FramePlayer(**film()[0])\np",
    "p",
    "FramePlayer(film(T=5)[0]['panels'][:1], captions=NASTY, labels=[NASTY] * 6, name=NASTY)",
    "from diffusion_lib.course.common import PlayerBox\nbox = PlayerBox([p])\nbox.player = p\nbox",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A page with the notebook run: the same player twice, then one with hostile texts."""
    root = tmp_path_factory.mktemp("notebooks")
    here = repr(str(__import__("pathlib").Path(__file__).parent))
    write_notebook(root / "player.ipynb", *(cell.replace("TESTS", here) for cell in CELLS))
    with opened(root, "player.ipynb") as p:  # it looks for errors and for requests to elsewhere
        View(p, 2)
        yield p


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "film.html"
    return FramePlayer(**film()[0]).save_html(path, title=f"A title {NASTY}", description=NASTY)


@pytest.fixture(scope="module")
def one_page(chrome):
    """For film after film: a page of its own for each costs more than most tests of it."""
    with page(chrome, offline=True) as p:
        yield p


@pytest.fixture
def open_page(chrome, exported, one_page):
    """Opens the exported page from the disk without a network; nothing may be asked for and nothing may fail."""
    with ExitStack() as stack:

        def open_it(path=exported, width=1440, height=1000, dark=False, calm=False, **screen):
            if screen:
                p = stack.enter_context(page(chrome, offline=True, width=width, height=height, **screen))
            else:
                p = one_page
                p.set_viewport_size({"width": width, "height": height})
                scheme, motion = "dark" if dark else "light", "reduce" if calm else "no-preference"
                p.emulate_media(color_scheme=scheme, reduced_motion=motion)
            p.goto(path.as_uri())
            stack.callback(lambda: fair(p))
            return View(p)

        yield open_it


def fair(p):
    assert p.errors == [] and p.requests == []


# ---- in JupyterLab ------------------------------------------------------------------------------------------------


def test_keys(lab):
    view = View(lab)
    view.slider.focus()
    for keys, index in [
        (["Home"], 0),
        (["ArrowRight"] * 3, 3),
        (["ArrowUp"], 4),
        (["ArrowLeft", "ArrowDown"], 2),
        (["PageUp"], 12),
        (["PageDown"], 2),
        (["PageDown"], 0),
        (["End"], T),
        (["ArrowRight"], T),
    ]:
        view.press(*keys)
        assert view.index == index, keys
    lab.wait_for_function("performance.now() > 0")
    becomes(lab, "p.value", str(T))


def test_keys_work_on_a_button_and_after_a_click_on_a_picture(lab):
    view = View(lab)
    view.button("Next").focus()
    view.press("Home", "ArrowRight", "Space", "Enter")  # Space and Enter press the focused button, once each
    assert view.index == 3
    view.root.locator("canvas").first.click()
    view.press("ArrowRight")
    assert view.index == 4


def test_mouse_drag(lab):
    view = View(lab)
    view.set(0)
    view.slider.hover()  # it waits until the page stands still
    lab.evaluate(ALL_SELECTED)  # and what is selected is not dragged away instead
    box = view.slider.bounding_box()
    y, at = box["y"] + box["height"] / 2, lambda share: box["x"] + 12 + share * (box["width"] - 24)
    lab.mouse.move(at(0), y)
    lab.mouse.down()
    for share, index in ((0.25, 10), (0.5, 20), (0.75, 30)):
        lab.mouse.move(at(share), y)
        expect(view.slider).to_have_value(str(index))  # a busy machine hands a move on a little later
    lab.mouse.up()
    lab.evaluate("getSelection().empty()")


def test_buttons(lab):
    view = View(lab)
    view.set(0)
    view.button("Next").click()
    view.button("Next").click()
    view.button("Previous").click()
    expect(view.slider).to_have_value("1")


def test_two_views_and_the_kernel_stay_in_step(lab):
    one, two = View(lab, 0), View(lab, 1)
    one.set(7)
    two.until(7)
    two.slider.focus()
    two.press("ArrowRight")
    one.until(8)
    assert (one.canvas(1) == two.canvas(1)).all()
    assert ask_kernel(lab, "setattr(p, 'value', 21)") == "None"
    one.until(21)
    two.until(21)


def test_pictures_are_numpys(lab):
    view, (_, truth) = View(lab), film()
    for i in (0, 1, 13, 27, T):
        view.set(i)
        assert (view.canvas(0) == truth["stored"][i]).all()
        assert abs(view.canvas(1) - mixed(truth, i)).max() <= 1


def test_nothing_jumps(lab):
    assert len(shapes(View(lab))) == 1


def shapes(view):
    """Where the film, its pictures and its controls are and how large, at each of its frames, two animation frames later."""
    seen = view.root.evaluate(
        """async (root, T) => {
          const slider = root.querySelector('input[type=range]'), seen = [];
          for (let i = 0; i <= T; i++) {
            slider.value = i;
            slider.dispatchEvent(new Event('input', { bubbles: true }));
            for (let n = 2; n--; ) await new Promise(requestAnimationFrame);
            const all = [root, ...root.querySelectorAll('canvas, .fp-bar > *')].map((el) => el.getBoundingClientRect());
            seen.push(String(all.map((r) => [r.left, r.width, r.height, r.top - all[0].top])));
          }
          return seen;
        }""",
        T,
    )
    assert len(seen) == T + 1
    return set(seen)


def test_update_in_place(lab):
    view = View(lab)
    view.set(30)
    view.slider.focus()
    height = view.root.bounding_box()["height"]
    becomes(lab, "p.value", "30")
    assert ask_kernel(lab, "p.update(panels=film()[0]['panels'][::-1], name='turned')") == "None"
    lab.wait_for_function("document.querySelector('.fp').getAttribute('aria-label') === 'turned'")
    assert view.index == 30 and (view.canvas(3) == film()[1]["stored"][30]).all()
    assert abs(view.root.bounding_box()["height"] - height) <= 1
    view.press("ArrowRight")  # the focus stayed
    assert view.index == 31
    short = "p.update(**film(T=5)[0])"
    assert ask_kernel(lab, short) == "None"
    view.until(5)
    becomes(lab, "p.value", "5")
    assert ask_kernel(lab, "p.update(**film()[0])") == "None"
    lab.wait_for_function(f"document.querySelector('.fp input').max === '{T}'")


def test_live_updates_do_not_flicker(lab):
    """Twelve films in a row, as a training cell sends them: in no frame is a canvas blank or the height another one."""
    view = View(lab)
    watched = view.root.evaluate_handle("""(root) => {
      const seen = { frames: 0, blank: 0, heights: new Set(), on: true };
      (function look() {
        const canvases = [...root.querySelectorAll('canvas')];
        const empty = (c) => !c.offsetHeight || !c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v);
        seen.frames += 1;
        seen.blank += !canvases.length || canvases.some(empty);
        seen.heights.add(root.offsetHeight);
        if (seen.on) requestAnimationFrame(look);
      })();
      return seen;
    }""")
    for i in range(12):
        assert ask_kernel(lab, f"p.update(panels=film()[0]['panels'], name='film {i}')") == "None"
    lab.wait_for_function("document.querySelector('.fp').getAttribute('aria-label') === 'film 11'")
    frames, blank, heights = watched.evaluate(
        "(seen) => { seen.on = false; return [seen.frames, seen.blank, seen.heights.size]; }"
    )
    assert frames > 12 and blank == 0 and heights == 1


def test_a_save_stores_the_still_of_what_was_last_seen(lab):
    """In every cell that shows it, bare or in a box; what has not moved is saved as it was, and nothing is shown anew."""
    view = View(lab)
    view.root.evaluate("(el) => { el.known = 1; }")
    view.set(11)
    becomes(lab, "p.value", "11")
    view.set(7)
    end, words = time.monotonic() + 20, ""
    while "t = 7" not in words and time.monotonic() < end:
        lab.wait_for_timeout(300)
        first, second, other, boxed = (c["outputs"][0]["data"] for c in saved(lab)[1:])
        words = first["text/plain"]
    assert words == ask_kernel(lab, "p.alt()").strip("'")
    still = hashlib.sha256(base64.b64decode(first["image/png"])).hexdigest()
    assert still == ask_kernel(lab, "__import__('hashlib').sha256(p.still(7)).hexdigest()").strip("'")
    for place in (second, boxed):
        assert [place[kind] for kind in ("text/plain", "image/png")] == [
            first[kind] for kind in ("text/plain", "image/png")
        ]
    assert other["text/plain"].startswith("<img") and view.root.evaluate("(el) => el.known") == 1
    assert (
        len({place["application/vnd.jupyter.widget-view+json"]["model_id"] for place in (first, second, other, boxed)})
        == 3
    )


def test_text_is_text(lab):
    view = View(lab, 2)
    assert lab.evaluate("window.hacked") is None and view.root.locator("img, script").count() == 0
    shown = view.root.locator(".fp-caption")
    assert shown.text_content() == NASTY.replace("_{t}", "t").replace("^{2}", "2")
    assert shown.locator("sub").text_content() == "t" and shown.locator("sup").text_content() == "2"


def test_themes(lab):
    view = View(lab)
    plots = []
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        lab.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        dark = theme.endswith("Dark")
        lab.wait_for_function(
            f"document.querySelector('.fp').classList.contains('in-the-dark') === {str(dark).lower()}"
        )
        lab.evaluate(AT_REST)  # while a theme's styles come, panels are larger for a moment
        plots.append(view.canvas(3))
        screenshot(lab, f"player-lab-{'dark' if dark else 'light'}")
    assert abs(plots[0] - plots[1]).max() > 50


def test_screen_reader(lab):
    view = View(lab)
    view.set(3)
    assert view.root.get_attribute("role") == "group" and view.root.get_attribute("aria-label")
    assert view.slider.get_attribute("aria-valuetext").startswith("t = 3. caption 3")
    assert view.root.locator("canvas").nth(0).get_attribute("aria-label") == "stored. note 3 and more and more and more"
    assert view.root.locator("[aria-live], output").count() == 0


def test_run_the_cell_again_and_remove_it_while_it_plays(lab):
    view = View(lab)
    view.button("Play").click()
    lab.evaluate("""async () => {
      const { content } = window.jupyterapp.shell.currentWidget;
      content.activeCellIndex = 1;
      content.deselectAll();
      await window.jupyterapp.commands.execute('notebook:run-cell');
    }""")
    view = View(lab)
    view.until(0)
    lab.wait_for_timeout(300)
    # the new player stands still, the old one is gone
    assert view.index == 0 and lab.locator(".fp").count() == 4
    view.slider.focus()
    view.press("ArrowRight")
    assert view.index == 1


def test_shift_enter_still_belongs_to_the_notebook(lab):
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    lab.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    View(lab).slider.focus()
    before = lab.evaluate(active)
    lab.keyboard.press("Shift+Enter")
    lab.wait_for_function(f"{active} === {before + 1}")
    lab.evaluate("window.jupyterapp.commands.execute('notebook:enter-command-mode')")
    lab.wait_for_timeout(100)  # by now it is on its way
    lab.evaluate(IDLE, 60_000)  # the cell has run again, and its player is another one
    View(lab)


def test_kernel_restart_leaves_a_working_picture(lab):
    view = View(lab)
    restart_kernel(lab)
    view.slider.focus()
    view.press("End", "ArrowLeft")
    assert view.index == T - 1 and (view.canvas(0) == film()[1]["stored"][T - 1]).all()
    lab.wait_for_timeout(200)  # by now it has tried to tell the old kernel


# ---- the exported page ----------------------------------------------------------------------------------------------


def test_page_offline(open_page):
    view, (_, truth) = open_page(), film()
    assert view.page.evaluate("window.hacked") is None and view.root.page.locator("img").count() == 0
    assert view.page.locator("h1").text_content() == f"A title {NASTY}"
    view.slider.focus()
    for keys, i in [([], 0), (["End"], T), (["PageDown", "ArrowLeft"], T - 11)]:
        view.press(*keys)
        assert view.index == i and (view.canvas(0) == truth["stored"][i]).all()
        assert abs(view.canvas(1) - mixed(truth, i)).max() <= 1
    screenshot(view.page, "player-page")


def test_play_pause_speed(open_page):
    view = open_page()
    view.button("Play").click()
    view.passes(2)
    view.button("Pause").click()
    stopped = view.index
    view.page.wait_for_timeout(250)
    assert view.index == stopped
    view.set(T)
    view.root.get_by_label("Speed").select_option("4")
    view.slider.focus()
    view.press("Space")  # from the end it begins again, and stops at the end
    view.page.wait_for_function(f"() => +document.querySelector('input').value < {T}")
    started = view.page.evaluate("performance.now()")
    view.until(T)
    view.button("Play").wait_for()
    # 40 frames at 4 x 10 a second, on a busy machine fewer
    assert 900 < view.page.evaluate("performance.now()") - started < 30_000
    view.press("Home", "Space", "ArrowRight")  # a step by hand stops it
    assert view.button("Play").count() == 1


def test_play_stops_when_nobody_looks(open_page):
    view = open_page()
    view.button("Play").click()
    view.passes(1)
    view.page.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true }); document.dispatchEvent(new Event('visibilitychange'))"
    )
    assert view.button("Play").count() == 1


def test_it_never_starts_by_itself(open_page):
    view = open_page()
    view.page.wait_for_timeout(300)
    assert view.index == 0


def test_reduced_motion(open_page):
    view = open_page(calm=True)
    view.root.get_by_label("Speed").select_option("4")
    seconds, index = view.button("Play").evaluate("""(play) => new Promise((done) => {
      const start = performance.now(), slider = document.querySelector('.fp input');
      play.click();
      (function look() { +slider.value > 1 ? done([(performance.now() - start) / 1000, +slider.value]) : requestAnimationFrame(look); })();
    })""")
    assert index <= 2 * seconds + 1  # at most two frames a second
    assert view.button("Next").evaluate("(el) => getComputedStyle(el).transitionDuration") == "0s"


def test_phone(open_page):
    view = open_page(width=360, height=740, touch=True, scale=2)
    assert view.page.evaluate("document.documentElement.scrollWidth") == 360
    for control in view.root.locator(".fp-bar > button, .fp-bar > select, .fp-bar > input").all():
        box = control.bounding_box()
        assert min(box["width"], box["height"]) >= 40 and box["x"] >= 0 and box["x"] + box["width"] <= 360
    view.button("Next").tap()
    assert view.index == 1
    box = view.slider.bounding_box()
    view.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert view.index == T / 2
    width, height = (
        view.root.locator("canvas").nth(3).evaluate("(c) => [c.width / c.clientWidth, c.height / c.clientHeight]")
    )
    assert abs(width - 2) < 0.05 and abs(height - 2) < 0.05  # sharp on a dense screen
    screenshot(view.page, "player-phone")


@pytest.mark.parametrize("width", (360, 700, 1024, 1440))
def test_nothing_overflows(open_page, width):
    view = open_page(width=width)
    assert view.page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(shapes(view)) == 1


def test_dark_page(open_page):
    view = open_page(dark=True)
    assert view.page.evaluate("document.querySelector('.fp').classList.contains('in-the-dark')")
    view.page.emulate_media(color_scheme="light")
    view.page.locator(".fp:not(.in-the-dark)").wait_for()


def test_a_screen_of_finer_pixels_and_back(open_page):
    """A window that moves to another screen keeps its width, so only the ratio says that plots must be drawn anew."""
    view = open_page(scale=1)
    told = view.page.context.new_cdp_session(view.page)
    plot = view.root.locator("canvas").nth(2)
    for ratio in (2, 1, 3):
        screen = {"width": 1000, "height": 800, "deviceScaleFactor": ratio, "mobile": False}
        told.send("Emulation.setDeviceMetricsOverride", screen)
        for _ in range(40):
            view.page.wait_for_timeout(50)
            sharp = plot.evaluate("(canvas) => canvas.width / canvas.clientWidth")
            if abs(sharp - ratio) < 0.05:
                break
        assert abs(sharp - ratio) < 0.05


def test_a_large_mix_paints_within_a_frame(open_page, tmp_path):
    """1001 frames of a 256 x 256 colour picture are computed, not sent."""
    parts, truth = film(T=1000, size=256)
    path = FramePlayer(parts["panels"][1:2]).save_html(tmp_path / "large.html")
    view = open_page(path)
    times = view.slider.evaluate("""(el) => Array.from({ length: 41 }, (_, k) => {
      const start = performance.now();
      el.value = 25 * k;
      el.dispatchEvent(new Event('input', { bubbles: true }));
      return performance.now() - start;
    })""")
    assert np.quantile(times, 0.25) < 16, times  # on a busy machine others have a share of the rest
    assert view.index == 1000
    view.set(617)
    assert abs(view.canvas(0) - mixed(truth, 617)).max() <= 1


def three_alike():
    """Three clouds of one shape with a legend and a field, as a lesson compares them, and a long readout."""
    x = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    field = np.full((1, 4, 4, 3), (150, 203, 236), np.uint8)
    panels = [scatter(x, f"cloud {i}", name="points", field=field, xlim=(-1, 1), ylim=(-1, 1)) for i in range(3)]
    return FramePlayer(panels, labels=[f"t = {i} / 1000" for i in range(900, 903)], captions=["a", "b", "c"])


def test_a_phone_keeps_the_slider_at_hand_and_equals_equal(open_page, tmp_path):
    view = open_page(three_alike().save_html(tmp_path / "three.html"), width=390, height=844, touch=True)
    bar = view.root.locator(".fp-bar").bounding_box()
    assert bar["y"] + bar["height"] <= 844 and bar["height"] <= 110  # the menu is not alone in a third row
    sizes = [c.bounding_box() for c in view.root.locator("canvas").all()]
    assert len({(round(s["width"]), round(s["height"])) for s in sizes}) == 1
    view.page.evaluate("window.scrollTo(0, document.body.scrollHeight / 3)")
    bar = view.root.locator(".fp-bar").bounding_box()
    assert bar["y"] >= 0 and bar["y"] + bar["height"] <= 844


def test_two_films_in_one_page(open_page, tmp_path):
    """A blogger pastes the body of one exported page below that of another."""
    pages = [
        FramePlayer(pixels(np.full((k, 4, 4), 40 * k, np.uint8)), name=f"film of {k}").save_html(tmp_path / f"{k}.html")
        for k in (2, 3)
    ]
    both = tmp_path / "both.html"
    one, two = (p.read_text("utf-8") for p in pages)
    both.write_text(one.replace("</body>", two.split("<body>")[1].split("</body>")[0] + "</body>"), "utf-8")
    view = open_page(both)
    films = view.page.locator(".fp")
    assert [f.get_attribute("aria-label") for f in films.all()] == ["film of 2", "film of 3"]
    assert [f.locator("input").get_attribute("max") for f in films.all()] == ["1", "2"]
    assert view.page.evaluate(
        "[...document.querySelectorAll('[id]')].length === new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size"
    )


@pytest.mark.parametrize("dark", (False, True))
def test_marks_on_a_field_are_as_dark_in_both_themes(open_page, tmp_path, dark):
    from diffusion_lib.viz.theme import LIGHT

    view = open_page(three_alike().save_html(tmp_path / "field.html"), dark=dark)
    seen = {tuple(v) for v in view.canvas(0).reshape(-1, 3)}
    assert tuple(bytes.fromhex(LIGHT["words"][0][1:])) in seen and (150, 203, 236) in seen
    key = view.root.locator(".fp-legend svg").first
    assert key.evaluate("(e) => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
