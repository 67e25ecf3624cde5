"""Every kind of control that a lesson has, in JupyterLab: keys act on it and on nothing else, and a screen reader can name it."""

import re
from itertools import pairwise

import pytest
from browser import IDLE, ask_kernel, becomes, shown, told

pytestmark = pytest.mark.browser
LOOK = {"width": 1366, "height": 900}

CELLS = (
    "import torch\ntorch.set_num_threads(1)\nfrom diffusion_lib import data, store\nfrom diffusion_lib.course import lesson01, lesson02, lesson03, lesson04, lesson05, lesson06, lesson07, lesson09, predict\nfrom diffusion_lib.diffusion import Schedule\n"
    "cat, points = data.sprites(2, size=8, seed=0), data.load('moons', n=300)",
    "lesson01.explore_forward({'a cat': cat.x[:1]}, Schedule.of('cosine', 5))",
    "lesson02.explore_schedule({'a cat': cat.x[:1], 'a flower': cat.x[1:]})",
    "lesson03.step_reverse({'cats': cat}, Schedule.of('linear', 3), steps=3, networks={})",
    "lesson04.own_pictures()",
    "duel = lesson05.step_gan(points)\nduel",
    "mine = lesson07.bet()\nmine",
    "lab = lesson06.collapse_lab('ring', seconds=0.2)\nlab.join();\nlab",
    "lesson09.latent_map()",
    "guess = predict('Which way does it go?', ['up', 'down', 'to the side'])",
    "import time, ipywidgets\nfrom diffusion_lib.course.controls import group\nslow = ipywidgets.Button(description='Slow')\n"
    "slow.on_click(lambda _: [time.sleep(2.5), ended.append(1)])\nrow, heard, ended = group([slow], name='Slow work'), [], []\n"
    "row.children[-1].on_msg(lambda care, content, buffers: heard.append(content))\nrow",
)
SHOWN = range(1, len(CELLS))
# Whatever a notebook in command mode does at the press of a key: insert, cut, copy, paste, delete, undo, other kinds of cell, ...
KEYS = (
    "a b x c v z d d m y r 1 j k 0 i Shift+a Shift+b Shift+m Shift+z Shift+l Shift+j Shift+k Shift+ArrowDown "
    "Control+a Control+Backspace Control+Shift+m Control+Shift+ArrowDown Alt+Enter"
).split()
STATE = """() => { const { content } = window.jupyterapp.shell.currentWidget;
  return JSON.stringify([content.activeCellIndex, content.mode, content.widgets.filter((w) => content.isSelected(w)).length,
    content.widgets.map((w) => [w.model.id, w.model.type, w.model.sharedModel.source])]); }"""
# From now on the page looks at that state when a key goes up, and before the next goes down; what the keys did.
WATCH = f"""(el) => {{
  const state = {STATE}, before = state(), watched = {{ seen: 0, changed: [], off: new AbortController() }};
  for (const moment of ['keydown', 'keyup']) addEventListener(moment, (event) => {{
    watched.seen += moment === 'keyup';
    if (state() !== before) watched.changed.push(`${{moment}} of ${{event.key}}`);
  }}, {{ capture: true, signal: watched.off.signal }});
  window.watched = watched;
  el.focus();
}}"""
WATCHED = """() => { watched.off.abort(); document.activeElement.blur(); return [watched.seen, watched.changed]; }"""
FOCUS = "button:enabled, select:enabled, input:enabled:not([type=file]), [tabindex='0']"
NAMED = set(
    "button slider combobox listbox radio radiogroup progressbar spinbutton textbox image img checkbox application switch".split()
)


def controls(box):
    """What can take the focus, one of each kind that is seen."""
    found = box.locator(FOCUS)
    kinds = found.evaluate_all(
        "(all) => all.map((el) => el.offsetWidth && el.offsetHeight && getComputedStyle(el).visibility !== 'hidden' && el.tagName + ' ' + (el.type ?? '') + el.className)"
    )
    first = {kind: i for i, kind in reversed([*enumerate(kinds)]) if kind}
    return {kind: found.nth(i) for kind, i in first.items()}


@pytest.mark.parametrize("index", SHOWN)
def test_keys_stay_inside(lab, index):
    p, box = lab, shown(lab, index)
    p.evaluate("(i) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", index)
    before, kinds = p.evaluate(STATE), controls(box)
    assert kinds
    for name, el in kinds.items():
        el.evaluate(WATCH)
        for key in KEYS:
            p.keyboard.press(key)
        seen, changed = p.evaluate(WATCHED)
        assert seen > len(KEYS) and changed == [] and p.evaluate(STATE) == before, name


def test_the_rows_of_a_bet_stand_one_below_the_other_and_all_are_seen(lab):
    box = shown(lab, 6)
    rows, whole = [row.bounding_box() for row in box.locator(".dl-row").all()], box.bounding_box()
    assert len(rows) == 4
    assert all(0 <= b["y"] - a["y"] - a["height"] < 12 for a, b in pairwise(rows))
    assert rows[-1]["y"] + rows[-1]["height"] <= whole["y"] + whole["height"] + 1


def test_escape_gives_the_notebook_its_keys_back_and_it_still_runs_and_saves(lab):
    p, box = lab, shown(lab, 6)
    p.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 6")
    button = box.get_by_role("radio", name="VAE").first
    count = "window.jupyterapp.shell.currentWidget.content.widgets.length"
    before = p.evaluate(count)
    button.focus()
    p.keyboard.press("b")
    assert p.evaluate(count) == before
    p.keyboard.press("Escape")
    p.keyboard.press("b")
    assert p.evaluate(count) == before + 1
    p.keyboard.press("z")
    assert p.evaluate(count) == before
    p.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex = 6")
    shown(p, 6).get_by_role("radio", name="VAE").first.focus()
    p.keyboard.press("Shift+Enter")
    p.wait_for_function("window.jupyterapp.shell.currentWidget.content.activeCellIndex === 7")
    p.evaluate(IDLE, 20_000)
    assert ask_kernel(p, "mine.choice") == "{}"  # the cell has run anew


def tree(p, index):
    """The accessibility tree below a cell's output, without what a screen reader skips."""
    cdp = p.context.new_cdp_session(p)
    root = cdp.send("DOM.getDocument")["root"]["nodeId"]
    place = f".jp-Cell[data-windowed-list-index='{index}'] .jp-OutputArea"
    node = cdp.send("DOM.querySelector", {"nodeId": root, "selector": place})["nodeId"]
    found = cdp.send("Accessibility.queryAXTree", {"nodeId": node})["nodes"]
    cdp.detach()
    return [n for n in found if not n["ignored"]]


def value(node, key):
    return node.get(key, {}).get("value", "")


def said(node):
    return {q["name"]: q["value"].get("value") for q in node.get("properties", [])}


@pytest.mark.parametrize("index", SHOWN)
def test_every_control_has_a_name_that_can_be_read_aloud(lab, index):
    shown(lab, index)
    nodes = [n for n in tree(lab, index) if value(n, "role") in NAMED and said(n).get("focusable", True)]
    assert nodes
    for node in nodes:
        name = value(node, "name")
        assert re.search(r"[\w…]", name), (value(node, "role"), node)
        assert not re.search("[\ue000-\uf8ff○●]", name), name  # a private glyph, or a circle for a state
        assert "null" not in value(node, "description"), name


def test_options_are_a_group_of_which_one_is_chosen(lab):
    for index, group, option in ((9, "Which way does it go?", "down"), (6, "Who covers more of the data?", "VAE")):
        box = shown(lab, index)
        options = box.get_by_role("radiogroup", name=group).get_by_role("radio")
        assert options.count() == 3
        assert [o.get_attribute("aria-checked") for o in options.all()] == ["false"] * 3
        options.first.focus()
        lab.keyboard.press("ArrowRight")
        lab.keyboard.press("Space")
        options.nth(1).and_(box.locator("[aria-checked=true]")).wait_for()
        assert options.nth(1).get_attribute("aria-label") == option
        assert box.locator("[aria-checked=true]").count() == 1


def test_groups_pressed_states_and_progress_are_said(lab):
    shown(lab, 7)
    roles = [(value(n, "role"), value(n, "name")) for n in tree(lab, 7)]
    for wanted in (("group", "What to train"), ("group", "The training"), ("progressbar", "Progress")):
        assert wanted in roles


def test_the_focus_is_seen_from_afar(lab):
    for index in SHOWN:
        found = controls(shown(lab, index))
        lab.keyboard.press("Shift")  # a key was the last thing: a ring is wanted
        for name, el in found.items():
            ring = el.evaluate(
                "async (el) => { el.focus(); await new Promise(requestAnimationFrame); const of = (x) => getComputedStyle(x), wide = (x) => of(x).outlineStyle === 'none' ? 0 : parseFloat(of(x).outlineWidth);"
                " return Math.max(wide(el), of(el).getPropertyValue('--ring').includes('6px') ? 3 : 0, ...[...el.querySelectorAll('circle')].map((c) => parseFloat(of(c).strokeWidth))); }"
            )
            assert ring >= 3, (index, name)


def test_a_press_that_must_wait_is_answered_at_once(lab):
    """The first press works for two seconds and a half, and a sign says that; the second waits for it, and is told so.

    The page answers the kernel's word with an empty message: what comes next, a picture, waits for its acknowledgement on the wire.
    """
    p, box = lab, shown(lab, len(CELLS) - 1)
    p.evaluate(IDLE, 30_000)
    button, height = box.get_by_role("button", name="Slow", exact=True), box.bounding_box()["height"]
    button.click()
    box.get_by_role("status").filter(has_text="Working").wait_for(timeout=1200)
    button.click()
    sign = box.get_by_role("status").filter(has_text="this comes when it has ended")
    sign.wait_for(timeout=1000)
    assert box.bounding_box()["height"] == height
    sign.wait_for(state="hidden", timeout=10_000)
    becomes(p, "heard[:3]", "[{'ring': 1}, {}, {'ring': 2}]")


def test_a_page_that_has_been_heard_is_one_whose_widgets_have_ended(lab):
    """`IDLE` and `told` ask the thread that widgets have in the kernel, too: that of the cells is idle while it works."""
    p, box = lab, shown(lab, len(CELLS) - 1)
    for wait in (lambda: p.evaluate(IDLE, 30_000), lambda: told(p)):
        before = ask_kernel(p, "len(ended)")
        box.get_by_role("button", name="Slow", exact=True).click()
        wait()
        assert int(ask_kernel(p, "len(ended)")) == int(before) + 1
