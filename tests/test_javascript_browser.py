"""The widgets' JavaScript in one bare page of Chromium, no JupyterLab: pixels read back from the canvas, keys, buttons, what the kernel hears.

A widget is mounted with its own module and a model that writes down what it is told, so a test costs milliseconds.
"""

import base64
import io
import json
import math

import numpy as np
import pytest
import torch
from browser import ALL_SELECTED, jupyters, page
from PIL import Image

from diffusion_lib import data, vae
from diffusion_lib.course.lesson02.sculptor import REUSED, STEPS, Sculptor, strip_times
from diffusion_lib.course.lesson04.own import Pad
from diffusion_lib.course.lesson09.latents import LatentMap
from diffusion_lib.diffusion import add_noise
from diffusion_lib.viz.figures import PALETTE, to_uint8
from diffusion_lib.viz.panels import curve, mix, pixels, scatter
from diffusion_lib.viz.player import FramePlayer

pytestmark = pytest.mark.browser

MOUNT = """async ([source, json]) => {
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
  window.read = (json) => JSON.parse(json, (_, v) => (v?.base64 === undefined ? v : bytes(v.base64)));
  const state = window.read(json);
  const heard = {}, said = (window.said = []), wrote = (window.wrote = []);
  window.model = {
    state, get: (key) => state[key], save_changes() {}, off() {},
    set(key, value) { state[key] = value; said.push([key, value]); },
    on(event, act) { (heard[event] ??= []).push(act); },
    send(content, _, buffers) { said.push([content.kind, buffers ? [...new Uint8Array(buffers[0])] : null]); },
    widget_manager: window.manager,
    hear(content) { for (const act of heard["msg:custom"] ?? []) act(content); },
    tell(key, value) { state[key] = value; for (const act of heard[`change:${key}`] ?? []) act(); },
  };
  if (!window.fillText) {
    window.fillText = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) { window.wrote.push([text, x, y]); window.fillText.call(this, text, x, y); };
    const later = window.setTimeout;
    window.waits = [];
    window.setTimeout = (act, ms) => { window.waits.push(ms); return later(act, ms); };
  }
  const el = document.body.appendChild(document.createElement('div'));
  el.style.width = '1000px';
  const { default: widget } = await import(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
  widget.initialize?.({ model: window.model });
  window.end = widget.render({ model: window.model, el });
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def p(chrome):
    with page(chrome, width=1200, height=1400) as p:
        p.goto("about:blank")
        yield p
        assert [e for e in p.errors if "favicon" not in e] == []


def test_an_error_of_a_widget_is_not_taken_for_one_of_jupyterlab(p):
    """As it comes from the browser; `browser.Desk.fair` lets those pass that JupyterLab makes all by itself."""
    throw = "setTimeout(() => document.body.removeChild(document.createElement('p')))"
    with p.expect_event("pageerror"):
        p.evaluate(f"() => import(URL.createObjectURL(new Blob([{throw!r}], {{ type: 'text/javascript' }})))")
    (error,) = p.errors
    p.errors.clear()
    lab = [*error.splitlines()[:-1], "    at commit (http://localhost:1/static/lab/9.js?v=1:2:3)"]
    assert "removeChild" in error and not jupyters(error) and jupyters("\n".join(lab))
    assert not jupyters(
        "\n".join([*lab, "    at render (http://localhost:1/lab/extensions/anywidget/static/5.js:1:2)"])
    )
    assert not jupyters("no stack at all")


def sent(state) -> str:
    """As JSON; `window.read` reads it."""
    return json.dumps(state, default=lambda b: {"base64": base64.b64encode(b).decode()})


class Mounted:
    """A widget on the page; the one before it is gone."""

    def __init__(self, p, widget, **state):
        self.p = p
        p.evaluate("() => { window.end?.(); document.body.replaceChildren(); }")
        keys = ("film", "grown", "value", "state", "at", "words")
        full = widget.get_state([k for k in keys if widget.has_trait(k)]) | state
        p.evaluate(MOUNT, [widget._esm, sent(full)])
        self.root = p.locator("body > div > div").first

    def canvas(self, n=0):
        """Its pixels (H, W, 3)."""
        url = self.root.locator("canvas").nth(n).evaluate("(c) => c.toDataURL()")
        image = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))
        white = Image.new("RGBA", image.size, "white")  # what is not painted
        return np.asarray(Image.alpha_composite(white, image.convert("RGBA")))[..., :3].astype(int)

    def set(self, selector, value, event="input"):
        self.root.locator(selector).first.evaluate(
            "(el, [v, e]) => { el.value = v; el.dispatchEvent(new Event(e, { bubbles: true })); }", [value, event]
        )
        self.p.evaluate(FRAME)

    def press(self, *keys):
        for key in keys:
            self.p.keyboard.press(key)
        self.p.evaluate(FRAME)

    def click(self, name):
        self.root.get_by_role("button", name=name, exact=True).click()
        self.p.evaluate(FRAME)

    @property
    def said(self):
        """What the kernel heard last, after the widget had time to tell it."""
        self.p.wait_for_function("() => window.said.length > 0")
        self.p.evaluate("() => new Promise((done) => setTimeout(done, 120))")
        return self.p.evaluate("() => window.said.at(-1)")

    def tell(self, key, value):
        self.p.evaluate("([k, v]) => window.model.tell(k, v)", [key, value])
        self.p.evaluate(FRAME)

    def wrote(self):
        """{text: (x, y)} of all letters on canvases since the mount."""
        return {text: (x, y) for text, x, y in self.p.evaluate("() => window.wrote")}


def hue(code):
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)])


def centre(image, color, off=40):
    """(x, y) of the pixels of about this colour, and their number."""
    y, x = np.nonzero(np.abs(image - color).max(-1) < off)
    return (x.mean(), y.mean(), len(x)) if len(x) else (math.nan, math.nan, 0)


class Player(Mounted):
    def __init__(self, p, *panels, start=0, **more):
        self.python = FramePlayer(list(panels), start=start, **more)
        super().__init__(p, self.python)

    def to(self, i):
        self.set("input[type=range]", i)

    @property
    def index(self):
        return int(self.root.locator("input[type=range]").input_value())

    def text(self, part):
        return self.root.locator(f".fp-{part}").first.inner_text()


RNG = np.random.default_rng(0)

# ---------------------------------------------------------------------------------------- the player: what is drawn


def test_stored_and_mixed_pictures_are_drawn_to_the_number(p):
    frames = RNG.integers(0, 256, (4, 5, 7, 3), dtype=np.uint8)
    grey = RNG.integers(0, 256, (4, 5, 7), dtype=np.uint8)
    x0, eps, a = RNG.uniform(-1, 1, (3, 6, 4)), RNG.normal(size=(3, 6, 4)), np.array([1.0, 0.7, 0.2, 0.0])
    view = Player(p, pixels(frames), pixels(grey), mix(x0, eps, a))
    for i in (0, 1, 3):
        view.to(i)
        assert np.array_equal(view.canvas(0), frames[i])
        assert np.array_equal(view.canvas(1), grey[i][..., None].repeat(3, -1))
        want = ((np.sqrt(a[i]) * x0 + np.sqrt(1 - a[i]) * eps + 1) * 127.5).clip(0, 255).round()
        assert np.abs(view.canvas(2) - want.transpose(1, 2, 0)).max() <= 1


CORNERS = [
    {"points": np.array([[-1.0, -1.0]]), "colors": 2, "size": 14},
    {"points": np.array([[1.0, 1.0]]), "colors": 3, "size": 14},
]
PLANE = {"xlim": (-1.2, 1.2), "ylim": (-1.2, 1.2)}


def place(image, color=1):
    """Where the points of this colour are, in the units of the plane, read off from the two corners."""
    (x0, y0, _), (x1, y1, _) = (centre(image, hue(PALETTE[k])) for k in (2, 3))
    x, y, n = centre(image, hue(PALETTE[color]))
    assert n > 20
    return np.array([2 * (x - x0) / (x1 - x0) - 1, 2 * (y - y0) / (y1 - y0) - 1]), (x0 < x1 and y0 > y1)


def test_points_lie_where_they_are_in_every_frame(p):
    moving = np.array([[[0.6, -0.3]], [[-0.7, 0.2]], [[0.1, 0.8]]])
    view = Player(p, scatter(moving, colors=1, size=14, layers=CORNERS, **PLANE))
    for i in range(3):
        view.to(i)
        at, upright = place(view.canvas())
        assert upright and at == pytest.approx(moving[i, 0], abs=0.03)


def test_clouds_are_mixed_with_roots(p):
    x, e, a = np.array([[0.9, -0.4]]), np.array([[-0.6, 0.8]]), np.array([1.0, 0.5, 0.1])
    view = Player(p, scatter(x, eps=e, alpha_bar=a, colors=1, size=14, layers=CORNERS, **PLANE))
    for i in range(3):
        view.to(i)
        at, _ = place(view.canvas())
        assert at == pytest.approx((np.sqrt(a[i]) * x + np.sqrt(1 - a[i]) * e)[0], abs=0.03)


def test_each_point_has_its_colour_and_leaves_its_path(p):
    walk = np.array([[[-0.8, -0.5], [0.8, 0.5]], [[-0.8, 0.5], [0.8, 0.5]], [[0.5, 0.5], [0.8, -0.5]]])
    view = Player(p, scatter(walk, colors=[1, 0], size=14, trail=[0], layers=CORNERS, **PLANE))
    own = hue(PALETTE[1])  # two paths are told apart by their colour

    def drawn(x0, x1, y0, y1):
        (ax, ay, _), (bx, by, _) = (centre(view.canvas(), hue(PALETTE[k])) for k in (2, 3))
        xs = sorted(round(ax + (v + 1) / 2 * (bx - ax)) for v in (x0, x1))
        ys = sorted(round(ay + (v + 1) / 2 * (by - ay)) for v in (y0, y1))
        return (np.abs(view.canvas()[ys[0] : ys[1], xs[0] : xs[1]] - own).max(-1) < 90).sum()

    view.to(0)
    assert drawn(-0.9, -0.7, -0.2, 0.2) == 0
    view.to(2)
    assert drawn(-0.9, -0.7, -0.2, 0.2) > 10 and drawn(-0.4, 0.1, 0.4, 0.6) > 10  # up, then to the right
    assert place(view.canvas(), 0)[0] == pytest.approx([0.8, -0.5], abs=0.05)


def test_a_field_fills_the_plane_the_right_way_up_in_its_frame(p):
    field = np.full((2, 8, 8, 3), 255, np.uint8)
    field[0, :3, :3], field[1, 5:, 5:] = (255, 0, 0), (0, 0, 255)
    view = Player(p, scatter(np.zeros((1, 2)), xlim=(-1, 1), ylim=(-1, 1), size=1, field=field))
    found = []
    for i, color in enumerate(((255, 0, 0), (0, 0, 255))):
        view.to(i)
        found.append(centre(view.canvas(), np.array(color)))
        assert found[-1][2] > 200 and centre(view.canvas(), np.array(((0, 0, 255), (255, 0, 0))[i]))[2] == 0
    assert found[1][0] > found[0][0] + 50 and found[1][1] > found[0][1] + 50


def test_bars_stand_on_0_and_lines_rise(p):
    view = Player(p, curve([0, 1, 2], {"": [1.0, 4.0, 2.0]}, kind="bars", ylim=(0, 5)))
    image = view.canvas()
    rows, columns = np.nonzero(np.abs(image - hue(PALETTE[0])).max(-1) < 70)
    ends = []
    for third in np.array_split(np.arange(columns.min(), columns.max() + 1), 3):
        mine = rows[np.isin(columns, third[6:-6])]
        ends.append((mine.max(), np.ptp(mine)))
    assert (
        len({e for e, _ in ends}) == 1
        and ends[1][1] == pytest.approx(4 * ends[0][1], rel=0.1)
        and ends[2][1] == pytest.approx(2 * ends[0][1], rel=0.1)
    )


def test_words_of_the_axes_stand_at_their_axes(p):
    panel = curve([0, 1000], {"a": [0, 7]}, xlabel="along", ylabel="upwards")
    view = Player(p, panel)
    wrote = view.wrote()
    assert wrote["along"][1] > wrote["upwards"][1] + 100
    across, up = ([text for v, text in panel[axis] if v] for axis in ("xticks", "yticks"))
    assert len(across) > 2 and np.all(np.diff([wrote[t][0] for t in across]) > 10)
    assert len(up) > 2 and np.all(np.diff([wrote[t][1] for t in up]) < -10)


def test_each_text_is_that_of_its_frame_and_place(p):
    panel = pixels(np.zeros((3, 4, 4), np.uint8), "x_{t} and 10^{3}", notes=["n0", "n1", "n2"], lead=["l0", "l1", "l2"])
    view = Player(p, panel, captions=["c0", "c1", "c2"])
    for i in range(3):
        view.to(i)
        assert (view.text("note"), view.text("lead"), view.text("caption")) == (f"n{i}", f"l{i}", f"c{i}")
        assert view.text("readout") == f"{i + 1} / 3"
    assert (
        view.root.locator(".fp-title sub").inner_text() == "t"
        and view.root.locator(".fp-title sup").inner_text() == "3"
    )


# ---------------------------------------------------------------------------------------- the player: what is pressed


def moving(p, n=30, **more):
    return Player(p, pixels(np.arange(n, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)), **more)


def test_keys_and_buttons_go_where_they_say(p):
    view = moving(p)
    view.to(12)
    view.root.locator("input[type=range]").focus()
    for key, by in (
        ("ArrowRight", 1),
        ("ArrowUp", 1),
        ("ArrowLeft", -1),
        ("ArrowDown", -1),
        ("PageUp", 10),
        ("PageDown", -10),
    ):
        before = view.index
        view.press(key)
        assert view.index == before + by, key
        assert view.canvas()[0, 0, 0] == view.index
    view.press("End")
    assert view.index == 29
    view.press("Home")
    assert view.index == 0
    view.click("Next")
    assert view.index == 1
    view.click("Next")
    view.click("Previous")
    assert view.index == 1 and view.said == ["value", 1]
    view.tell("value", 7)
    assert view.index == 7 and view.canvas()[0, 0, 0] == 7


def test_play_ends_or_goes_round_and_begins_again_at_the_end(p):
    view = moving(p, n=4, fps=60, start=2)
    view.click("Play")
    p.wait_for_function(
        "() => document.querySelector('.fp-play').title === 'Play' && document.querySelector('.fp input').value === '3'"
    )
    view.click("Play")  # from the end it begins again
    p.wait_for_function(
        "() => window.said.some(([, v]) => v === 0 || v === 1 || v === 2) || document.querySelector('.fp input').value < 3"
    )
    p.wait_for_function(
        "() => document.querySelector('.fp-play').title === 'Play' && document.querySelector('.fp input').value === '3'"
    )
    slow = moving(p, n=4, fps=1, start=3)
    slow.click("Play")
    assert slow.index == 0  # at once, not after a frame
    slow.click("Pause")
    round_ = moving(p, n=3, fps=60, loop=True)
    round_.click("Play")
    p.evaluate(
        "() => { window.seen = []; const slider = document.querySelector('.fp input'); window.watch = setInterval(() => seen.at(-1) !== slider.value && seen.push(slider.value), 2); }"
    )
    p.wait_for_function("() => { const s = window.seen.join(''); return /012012|120120|201201/.test(s); }")
    p.evaluate("() => clearInterval(window.watch)")
    round_.click("Pause")


def grows(frames, all_of_them):
    """Panels of these frames, in a film of all of them: pictures, a moving cloud over still ones on a field, and a curve."""
    x, at = np.arange(10) * 25, list(all_of_them)
    k, z = list(frames), np.stack([np.cos(x), np.sin(x)], 1)
    cloud = {"points": z[k, None], "colors": 1, "size": 20}
    field = np.broadcast_to(x[k, None, None, None], (len(k), 4, 4, 3)).astype(np.uint8)
    plane = {"xlim": (-2, 2), "ylim": (-2, 2), "notes": [f"note {i}" for i in k]}
    return [
        pixels(np.broadcast_to(x[k, None, None], (len(k), 5, 6)).astype(np.uint8), "pictures"),
        scatter([[0, 1.5]], "plane", layers=[cloud], field=field, **plane),
        curve(at, np.square(at), "curve", cursor=at, xlim=(0, 9), ylim=(0, 81)),
    ]


def test_a_film_that_grows_shows_what_the_whole_film_shows(p):
    words = lambda k: {"captions": [f"caption {i}" for i in k], "labels": [f"label {i}" for i in k]}
    view, at = Player(p, *grows([1, 2], [1, 2]), **words([1, 2]), start=1), [1, 2]
    for i, keep in ((3, [0, 1]), (4, [0, 1, 2]), (7, [0, 3])):  # two frames are thinned out
        at = [*(at[k] for k in keep), i]
        view.python.append(grows([i], at), **words([i]), keep=keep)
        part = sent(view.python.grown)
        p.evaluate(
            "([part, value]) => { model.state.value = value; model.tell('grown', window.read(part)); }",
            [part, len(at) - 1],
        )
        p.evaluate("(part) => model.tell('grown', window.read(part))", part)  # heard twice, done once
        assert view.index == len(at) - 1 and view.text("caption") == f"caption {i}"
    assert not any(kind == "whole" for kind, *_ in p.evaluate("() => window.said"))
    seen = []
    for i in range(len(at)):
        view.to(i)
        seen.append(
            [*(view.canvas(n) for n in range(3)), view.text("caption"), view.text("readout"), view.text("note")]
        )
    whole = Player(p, *grows(at, at), **words(at))
    for i, (*pictures, caption, readout, note) in enumerate(seen):
        whole.to(i)
        assert all(np.array_equal(a, whole.canvas(n)) for n, a in enumerate(pictures)), i
        assert (caption, readout, note) == (whole.text("caption"), whole.text("readout"), whole.text("note"))


@pytest.mark.parametrize("keys", (["value", "grown"], ["grown", "value"]))
def test_a_new_frame_is_painted_once_and_the_page_is_not_laid_out_anew(p, keys):
    """The number of the frame and the frame come in one message, and the page hears of either first."""

    def made(frames, all_of_them):
        at = np.array(all_of_them)
        return [*grows(frames, at)[:2], curve(at, {"squares": at**2}, cursor=at, xlim=(0, 9), ylim=(0, 81))]

    view = Player(p, *made([1, 2], [1, 2]), start=1)
    view.python.append(made([3], [1, 2, 3]))
    done, sign = p.evaluate(
        """([part, keys]) => {
          const done = [], sign = document.querySelector('.fp-legend > *'), back = [];
          const count = (kind, name) => {
            const act = kind.prototype[name];
            kind.prototype[name] = function (...a) { done.push(name); return act.apply(this, a); };
            back.push(() => (kind.prototype[name] = act));
          };
          for (const name of ['putImageData', 'clearRect']) count(CanvasRenderingContext2D, name);
          count(Element, 'getBoundingClientRect');
          Object.assign(model.state, { grown: window.read(part), value: 2 });
          for (const key of keys) model.tell(key, model.state[key]);
          for (const undo of back) undo();
          return [done, sign.isConnected];
        }""",
        [sent(view.python.grown), keys],
    )
    assert (
        sorted(done) == ["clearRect"] * 2 + ["putImageData"] * 2 and sign
    )  # two plots; a picture, and one below a plot
    assert view.index == 2


def test_who_presses_sees_the_frame_of_that_button_and_it_is_painted_once(p):
    """Until the kernel's word comes; where it is another one, that counts."""
    view = Player(p, *grows([1, 2], [1, 2]), start=1)
    p.evaluate("""() => {
      const box = document.querySelector('.fp').parentElement, put = CanvasRenderingContext2D.prototype.putImageData;
      box.classList.add('dl-box');
      for (const text of ['A', 'B', 'C']) box.append(Object.assign(document.createElement('button'), { textContent: text }));
      window.paints = 0;
      CanvasRenderingContext2D.prototype.putImageData = function (...a) { window.paints++; return put.apply(this, a); };
    }""")
    paints = lambda: p.evaluate("() => window.paints")

    def press(text):
        p.evaluate(
            "(text) => [...document.querySelectorAll('.dl-box button')].find((b) => b.textContent === text).click()",
            text,
        )
        return view.canvas(0)[0, 0, 0], view.index

    def tell(key, part, value=None):
        p.evaluate(
            "([key, part, value]) => { model.state.value = value ?? model.state.value; model.tell(key, window.read(part)); }",
            [key, sent(part), value],
        )

    def foresee(frames, at):
        for text, i in frames.items():
            view.python.foresee(text, grows([i], [*at, i]))
            tell("ahead", view.python.ahead)

    assert press("A") == (50, 1)  # nothing is known yet
    foresee({"A": 3, "B": 4}, [1, 2])
    assert press("C") == (50, 1)
    assert press("B") == (100, 2) and press("A") == (100, 2)  # what follows a guess nobody knows
    before = paints()
    view.python.append(grows([4], [1, 2, 4]))
    assert view.python.grown == {"after": 0, "press": "B"}
    for _ in range(2):  # heard twice, done once
        tell("grown", view.python.grown, 2)
    assert paints() == before and view.canvas(0)[0, 0, 0] == 100
    assert press("A") == press("B") == (100, 2)  # those were for the film before
    foresee({"A": 5, "B": 6}, [1, 2, 4])
    assert press("A") == (125, 3)
    view.python.append(grows([7], [1, 2, 4, 7]))
    tell("grown", view.python.grown, 3)
    assert view.canvas(0)[0, 0, 0] == 175 and view.index == 3
    foresee({"A": 8}, [1, 2, 4, 7])
    view.python.append(grows([8], [1, 2, 4, 7, 8]))  # pressed elsewhere
    tell("grown", view.python.grown, 4)
    assert view.canvas(0)[0, 0, 0] == 200 and view.index == 4
    for i, value in enumerate((25, 50, 100, 175, 200)):
        view.to(i)
        assert view.canvas(0)[0, 0, 0] == value
    foresee({"A": 9}, [1, 2, 4, 7, 8])
    for i, value in ((4, 200), (2, 100)):
        p.evaluate(
            """(i) => {  // what a hand has just moved is told before the press, however soon that comes
              const slider = document.querySelector('.fp input[type=range]');
              for (const at of [0, i]) slider.value = at, slider.dispatchEvent(new Event('input', { bubbles: true }));
            }""",
            i,
        )
        assert press("A") == (225, 5) and p.evaluate("() => window.said.at(-1)") == ["value", i]
        p.evaluate("() => document.dispatchEvent(new Event('dl-gone'))")  # no kernel hears it
        assert view.canvas(0)[0, 0, 0] == value and view.index == i
    assert not any(kind == "whole" for kind, *_ in p.evaluate("() => window.said"))
    tell("grown", {"after": 4, "press": "Z"})  # what this page has not heard of
    assert p.evaluate("() => window.said.at(-1)") == ["whole", None]


def test_a_browser_that_has_missed_a_frame_asks_for_the_whole_film(p):
    view = Player(p, *grows([1, 2], [1, 2]), start=1)
    view.python.append(grows([3], [1, 2, 3]))
    view.python.append(grows([4], [1, 2, 3, 4]))
    p.evaluate("(part) => model.tell('grown', window.read(part))", sent(view.python.grown))
    assert p.evaluate("() => window.said.at(-1)") == ["whole", None]
    p.evaluate("(film) => model.tell('film', window.read(film))", sent(view.python.film.packed()))
    assert p.evaluate("() => +document.querySelector('input[type=range]').max") == 3


def test_twice_the_speed_is_half_the_wait(p):
    view = moving(p, fps=5)
    for speed, wait in ((1, 200), (2, 100), (0.5, 400)):
        view.set("select", str(speed), "change")
        p.evaluate("() => { window.waits.length = 0; }")
        view.click("Play")
        assert wait in p.evaluate("() => window.waits"), speed
        view.click("Pause")


# ---------------------------------------------------------------------------------------- the sculptor


@pytest.fixture(scope="module")
def sculpture():
    cat, dog = data.sprites(2, size=16, seed=0).x
    return Sculptor({"cat": cat, "dog": dog}, T=100, start="cosine", seed=1)


def path(view, n):
    """The points (N, 2) of curve number n."""
    d = view.root.locator("path.sc-curve").nth(n).get_attribute("d")
    return np.array([[float(v) for v in pair.split()] for pair in d[1:].split("L")])


def strip_is(view, box, name, preset, T):
    alpha_bar = box._tables[preset][T]
    for k, t in enumerate(strip_times(T)):
        from diffusion_lib.diffusion import Schedule

        want = to_uint8(add_noise(box._x0[name], t, box._eps[name], Schedule(alpha_bar)))[0].astype(int)
        assert np.abs(view.canvas(k) - want).max() <= 1, (name, t)


def test_the_sculptor_draws_what_the_library_computes(p, sculpture):
    view = Mounted(p, sculpture)
    strip_is(view, sculpture, "cat", "cosine", 100)
    main, _, snr = (path(view, n) for n in range(3))
    a = sculpture._tables["cosine"][100].numpy()
    height = 262 - 16 - 24
    assert (height - main[:, 1] + 16) / height == pytest.approx(a, abs=2e-3)
    assert np.all(np.diff(main[:, 0]) > 0) and np.all(np.diff(snr[:, 1]) >= 0) and snr[-1, 1] > snr[0, 1] + 20
    view.set("select >> nth=1", "dog", "change")
    strip_is(view, sculpture, "dog", "cosine", 100)
    assert "✓ Yes" in view.root.locator(".sc-verdict").inner_text() and view.said[1]["picture"] == "dog"
    view.set("select", REUSED, "change")
    assert "✗ No" in view.root.locator(".sc-verdict").inner_text()
    assert "T = 50" in view.root.locator("output").inner_text()
    view.click("Reset")
    assert view.said[1] == sculpture.state and "✓ Yes" in view.root.locator(".sc-verdict").inner_text()
    for place_ in (1, 5):
        view.set("input[type=range]", place_)
        assert view.said[1]["T"] == STEPS[place_] and f"T = {STEPS[place_]}" in view.root.locator("output").inner_text()
    assert "dB" in view.root.locator(".sc-strip").inner_text()
    shown = [w.replace("\u2212", "-") for w in view.root.locator(".sc-strip span").all_inner_texts()]
    decibels = [float(w.split()[0]) for w in shown if "dB" in w]
    assert np.all(np.diff(decibels) < 0) and decibels[0] > 0 > decibels[-1]


def test_a_handle_goes_the_way_it_is_pulled(p, sculpture):
    view = Mounted(p, sculpture)
    handle = view.root.locator(".sc-handle").nth(3)

    def value():
        return float(handle.get_attribute("aria-valuenow"))

    handle.focus()
    for key, sign in (
        ("ArrowUp", 1),
        ("ArrowRight", 1),
        ("ArrowDown", -1),
        ("ArrowLeft", -1),
        ("PageUp", 1),
        ("PageDown", -1),
    ):
        before = value()
        view.press(key)
        assert np.sign(value() - before) == sign, key
    before, box = value(), handle.locator(".sc-knob").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    p.evaluate(ALL_SELECTED)
    p.mouse.move(x, y)
    p.mouse.down()
    p.mouse.move(x, y - 20, steps=3)
    p.mouse.up()
    p.evaluate(FRAME)
    assert value() > before + 0.02 and view.said[1]["preset"] == "" and len(view.said[1]["handles"]) == 8
    now = handle.locator(".sc-knob").bounding_box()
    assert now["y"] < box["y"] - 10


# ---------------------------------------------------------------------------------------- the map


@pytest.fixture(scope="module")
def atlas():
    torch.manual_seed(1)
    model = vae.VAE((1, 8, 8), latent=2, channels=8).eval().requires_grad_(False)
    return LatentMap(model, data.digits().subset(9), steps=9)


def digit(view, n):
    """The picture in the n-th small panel, (8, 8)."""
    return view.canvas(1 + n)[..., 0]


def test_the_map_shows_what_is_decoded_where_one_points(p, atlas):
    view = Mounted(p, atlas)
    film, limit = atlas.film, atlas.film["limit"]
    step = 2 * limit / 8
    tiles, real = to_uint8(atlas.tiles.flatten(0, 1)), np.frombuffer(film["real"], np.uint8).reshape(-1, 8, 8)
    points = atlas.points.numpy()

    def shows(column, row):
        """column and row of the grid, from the lower left."""
        assert np.array_equal(digit(view, 0), tiles[row * 9 + column])
        at = (np.array([column, row]) - 4) * step
        nearest = np.square(points - at).sum(1).argmin()
        assert np.array_equal(digit(view, 1), real[nearest])
        said = view.root.locator(".lm-says").inner_text()
        assert f"a {film['names'][int(atlas.y[nearest])]}" in said
        x, y = (float(v.replace("\u2212", "-")) for v in said.split("(")[1].split(")")[0].split(", "))
        assert (x, y) == pytest.approx(tuple(at), abs=6e-3)

    shows(4, 4)
    canvas = view.root.locator("canvas").first
    canvas.focus()
    at = [4, 4]
    for key, by in (
        ("ArrowUp", (0, 1)),
        ("ArrowUp", (0, 1)),
        ("ArrowRight", (1, 0)),
        ("ArrowDown", (0, -1)),
        ("ArrowLeft", (-1, 0)),
        ("ArrowLeft", (-1, 0)),
    ):
        view.press(key)
        at = [at[0] + by[0], at[1] + by[1]]
        shows(*at)
    assert view.said[1] == pytest.approx([-step, step])
    box = canvas.bounding_box()
    for column, row in ((1, 7), (6, 1)):
        p.mouse.move(box["x"] + box["width"] * column / 8, box["y"] + box["height"] * (1 - row / 8))
        p.evaluate(FRAME)
        assert np.array_equal(digit(view, 0), tiles[row * 9 + column])
    view.tell("at", [2 * step, -step])
    shows(6, 3)


def test_the_two_faces_of_the_map(p, atlas):
    view = Mounted(p, atlas)
    film = atlas.film
    wrote = p.evaluate("() => window.wrote")
    for i, (x, y) in enumerate(atlas.points.tolist()):  # letters in the order of the pictures, up is up
        text, at_x, at_y = wrote[i]
        assert text == film["names"][int(atlas.y[i])]
        assert at_x == pytest.approx((0.5 + x / (2 * film["limit"])) * 800, abs=0.1)
        assert at_y == pytest.approx((0.5 - y / (2 * film["limit"])) * 800, abs=0.1)
    white = (view.canvas(0).min(-1) > 250).mean()
    assert white > 0.8
    view.click("What is decoded everywhere")
    sheet, tiles = view.canvas(0)[..., 0], to_uint8(atlas.tiles.flatten(0, 1)).reshape(9, 9, 8, 8)
    assert (sheet > 250).mean() < 0.7
    for row, column in ((0, 0), (15, 3), (4, 14)):  # tiles of 50 pixels, 16 each way, the first at the top
        z = [((k + 0.5) / 16 - 0.5) * 8 + 4 for k in (column, 15 - row)]
        want = tiles[math.floor(z[1] + 0.5), math.floor(z[0] + 0.5)]
        part = sheet[row * 50 + 1 : row * 50 + 49, column * 50 + 1 : column * 50 + 49]
        assert np.abs(part[3::6, 3::6].astype(int) - want).max() <= 2
    view.click("Where real digits lie")
    assert (view.canvas(0).min(-1) > 250).mean() == pytest.approx(white, abs=0.01)


# ---------------------------------------------------------------------------------------- the pad


def test_a_drawing_is_sent_as_it_is_drawn_and_then_wiped(p):
    view = Mounted(p, Pad())
    box = view.root.locator("canvas").bounding_box()

    def line(*points):
        p.evaluate(ALL_SELECTED)
        (x, y), *rest = [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in points]
        p.mouse.move(x, y)
        p.mouse.down()
        for x, y in rest:
            p.mouse.move(x, y)
        p.mouse.up()

    view.click("Add this drawing")
    assert p.evaluate("() => window.said.length") == 0  # nothing was drawn
    line((0.2, 0.2), (0.2, 0.8), (0.8, 0.8))  # down, then to the right: an L
    drawn = view.canvas()[..., 0]
    # no line back to where it began
    assert drawn[140, 56] > 250 and drawn[224, 140] > 250 and drawn[140, 140] < 5
    view.click("Add this drawing")
    kind, grey = view.said
    picture = np.array(grey).reshape(28, 28)
    want = drawn.reshape(28, 10, 28, 10).mean((1, 3))
    assert kind == "picture" and np.abs(picture - want).max() < 60 and np.abs(picture - want).mean() < 6
    assert view.canvas().max() == 0  # wiped
    line((0.5, 0.1), (0.5, 0.9))
    assert view.canvas().max() > 250
    view.click("Clear")
    assert view.canvas().max() == 0 and p.evaluate("() => window.said.length") == 1


# ---------------------------------------------------------------------------------------- what all widgets share

INPUT = """([box, keys]) => {  // which keys leave the widget, whether a drag begins, and where Escape takes the focus
  const el = document.querySelector('body > div').querySelector("input, [tabindex='0'], button"), heard = [];
  const off = new AbortController(), names = { Control: 'ctrlKey', Meta: 'metaKey', Shift: 'shiftKey', Alt: 'altKey' };
  addEventListener('keydown', (event) => heard.push(event.said), { signal: off.signal });
  const press = (said) => {
    const held = said.split('+'), how = { key: held.pop(), bubbles: true, cancelable: true };
    for (const name of held) how[names[name]] = true;
    el.dispatchEvent(Object.assign(new KeyboardEvent('keydown', how), { said }));
  };
  for (const key of keys) press(key);
  document.body.firstChild.className = box;
  document.body.firstChild.tabIndex = -1;
  el.focus();
  press('Escape');
  off.abort();
  return [heard, document.activeElement === (box ? document.body.firstChild : document.body),
    !el.dispatchEvent(new DragEvent('dragstart', { bubbles: true, cancelable: true }))];
}"""
OUT = ["Shift+Enter", "Control+Enter", "Meta+Enter", "Control+s", "Meta+s"]
INSIDE = "a b d s x z Enter Alt+Shift+Enter Control+a Shift+s Escape ArrowDown Control+Backspace".split()


@pytest.mark.parametrize("box", ("jp-Cell", ""))
def test_keys_and_drags_stay_inside_but_those_that_run_and_save(p, sculpture, atlas, box):
    """Escape gives the focus back: to the cell, or in a page to nobody."""
    for widget in (FramePlayer([pixels(np.zeros((3, 4, 4), np.uint8))]), sculpture, atlas, Pad()):
        Mounted(p, widget)
        assert p.evaluate(INPUT, [box, INSIDE + OUT]) == [OUT, True, True], type(widget).__name__


VIEW = "application/vnd.jupyter.widget-view+json"
STORE = """(view) => {  // a notebook of two outputs, each with the still of its own widget
  window.saves = [];
  window.outputs = ['mine', 'other'].map((id) => ({ data: { [view]: { model_id: id }, 'image/png': 'old' } }));
  const sharedModel = { toJSON: () => ({ outputs }), updateOutputs(i, j, now) { outputs.splice(i, j - i, ...now); } };
  const saveState = { connect: (act) => saves.push(act), disconnect: (act) => saves.splice(saves.indexOf(act), 1) };
  window.manager = { context: { saveState, model: { cells: [{ sharedModel }] } } };
}"""


def test_a_save_puts_the_still_of_a_view_at_rest_into_its_own_output_once(p, sculpture):
    for widget in (FramePlayer([pixels(np.zeros((9, 4, 4), np.uint8))]), sculpture):
        p.evaluate(STORE, VIEW)
        view = Mounted(p, widget)
        for value in (1, 2, 3):
            view.set("input[type=range]", value)
        asked = "() => window.said.filter(([kind]) => kind === 'still').length"
        assert p.evaluate(asked) == 0  # it still moves
        p.wait_for_function(f"() => ({asked})() > 0")
        assert p.evaluate(asked) == 1
        p.evaluate("() => model.hear({ kind: 'still', places: ['mine'], data: { 'image/png': 'new' } })")

        def stills():
            return p.evaluate("() => outputs.map((o) => o.data['image/png'])")

        for state, now in (("completed", "old"), ("started", "new")):
            p.evaluate("(state) => saves[0](null, state)", state)
            assert stills() == [now, "old"]
        p.evaluate("() => { outputs[0].data['image/png'] = 'newer'; saves[0](null, 'started'); }")
        assert stills() == ["newer", "old"]  # it is put there once
        p.evaluate("() => { window.end(); window.end = null; delete window.manager; }")
        assert p.evaluate("() => saves.length") == 0


# ---------------------------------------------------------------------------------------- exported pages


def every_kind() -> list[dict]:
    """Panels of every kind of number, which help to guess one another, repeat, and have gaps."""
    g = np.random.default_rng(3)
    noise = g.integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    film = np.concatenate([noise, noise[::-1]])
    late, dim = np.concatenate([film[1:], film[:1]]), (0.4 * film + 0.3 * np.roll(film, 1, 0)).astype(np.uint8)
    flat = np.kron(g.integers(0, 256, (10, 2, 3), dtype=np.uint8), np.ones((1, 5, 5), np.uint8))
    a, way = np.linspace(1, 0, 10), g.normal(size=(10, 40, 2)).cumsum(0)
    way[4, 7], x0 = np.nan, noise[0].transpose(2, 0, 1) / 127.5 - 1
    mixed = mix(x0, g.normal(size=(3, 8, 8)), a), mix(0.7 * x0, g.normal(size=(3, 8, 8)), a)
    field = g.integers(0, 256, (10, 4, 4, 3), dtype=np.uint8)
    plots = scatter(way, colors=0, size=5, field=field), scatter(way[0], eps=way[1], alpha_bar=a, trail=[2])
    return [
        *map(pixels, (film, late, dim, flat)),
        *mixed,
        *plots,
        curve(range(10), g.normal(size=10), cursor=range(10)),
    ]


def test_a_page_shows_the_same_pixels_as_a_notebook(p, chrome, tmp_path):
    """What `pressing.py` has pressed, `page.js` makes again: pixels to the bit, places to a 25th of a pixel."""
    kinds = every_kind()
    look = {"captions": [f"caption {i}" for i in range(10)], "panel_width": 150}
    for n, panels in enumerate((kinds[:6], kinds[6:])):
        live, frames = Mounted(p, FramePlayer(panels, **look)), (0, 1, 4, 6, 9)
        seen = []
        for i in frames:
            live.set("input", i)
            seen.append([live.canvas(k) for k in range(len(panels))])
        with page(chrome, offline=True, width=1200, height=1400) as alone:
            alone.goto(FramePlayer(panels, **look).save_html(tmp_path / f"{n}.html").as_uri())
            alone.locator(".fp canvas").first.wait_for()
            there = Mounted.__new__(Mounted)
            there.p, there.root = alone, alone.locator(".fp")
            for i, shown in zip(frames, seen, strict=True):
                there.set("input", i)
                apart = [abs(there.canvas(k) - own) for k, own in enumerate(shown)]
                # the rim of a dot that moves by a 50th of a pixel may take a step of the browser's smoothing
                same = [a.mean() < 0.1 and a.max() <= 64 if n else not a.any() for a in apart]
                assert all(same), (n, i, same)
            assert alone.locator(".fp-caption").inner_text() == "caption 9"
            assert not alone.errors and not alone.requests
