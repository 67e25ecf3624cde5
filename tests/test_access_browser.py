"""What a screen reader says of each lesson's views, and whether their words are seen by weak eyes, in the light and in the dark.

The lessons are those that the desk has run anyway; one test a lesson looks at all that its views show.
"""

import re

import browser
from test_controls_browser import NAMED, said, tree, value
from test_notebooks import fewest, lessons

THEMES = ("JupyterLab Dark", "JupyterLab Light")
VIEWS = """() => window.jupyterapp.shell.currentWidget.content.widgets.flatMap((cell, index) => cell.model.type === 'code' &&
  JSON.stringify(cell.model.outputs.toJSON()).includes('widget-view+json') ? [[index, cell.model.id]] : [])"""

# Of a cell's output, scrolled into view: pictures without words, ids that are there twice in the page, and words without contrast.
LOOK = """async (index) => {
  const notebook = window.jupyterapp.shell.currentWidget.content, frames = async (n) => { while (n--) await new Promise(requestAnimationFrame); };
  await notebook.scrollToItem(index, 'start');
  await frames(6);
  const out = notebook.widgets[index].node.querySelector('.jp-OutputArea'), all = (what) => [...out.querySelectorAll(what)];
  const seen = (el) => el.getClientRects().length && getComputedStyle(el).visibility !== 'hidden';
  const name = (el) => `${el.tagName.toLowerCase()}.${el.className?.baseVal ?? el.className}`;
  const words = (el) => el.getAttribute('alt') || el.getAttribute('aria-label') || el.querySelector?.(':scope > title')?.textContent;
  const mute = all('canvas, img, svg').filter((el) => seen(el) && !words(el) && !el.closest('[aria-hidden=true], button, .fp-legend')).map(name);
  const ids = [...document.querySelectorAll('[id]')].map((el) => el.id), twice = ids.filter((id, i) => ids.indexOf(id) !== i);
  const rgba = (css) => [...(css.match(/[\\d.]+/g) ?? []).map(Number), 1].slice(0, 4); // JupyterLab's colours and ours are all rgb or rgba
  const over = (top, below) => [0, 1, 2].map((i) => top[3] * top[i] + (1 - top[3]) * below[i]);
  const paper = (el) => {
    const layers = [];
    for (let at = el; at; at = at.parentElement) {
      layers.push(rgba(getComputedStyle(at).backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const light = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const faint = [], walk = document.createTreeWalker(out, NodeFilter.SHOW_TEXT);
  let count = 0;
  while (walk.nextNode()) {
    const el = walk.currentNode.parentElement, css = getComputedStyle(el);
    if (!walk.currentNode.data.trim() || !seen(el) || el.closest('style, script, option, :disabled')) continue;
    const below = paper(el), ink = over(rgba(css.color), below), [a, b] = [light(ink), light(below)], contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(css.fontSize), large = size >= 24 || (size >= 18.6 && +css.fontWeight >= 700);
    count++;
    if (contrast < (large ? 3 : 4.5)) faint.push(`${name(el)} "${walk.currentNode.data.trim().slice(0, 40)}" ${contrast.toFixed(2)} (${css.color})`);
  }
  return { mute, twice, faint, count };
}"""
# Faults of each kind, put into what a cell shows and taken out again: the test is one that can fail.
PLANT = """(index) => {
  const planted = document.createElement('div');
  planted.innerHTML = '<canvas style="display: block"></canvas><button style="display: block; height: 20px"></button><i id="main"></i><p style="color: #777; background: #888">faint</p>';
  planted.className = 'planted';
  window.jupyterapp.shell.currentWidget.content.widgets[index].node.querySelector('.jp-OutputArea').append(planted);
}"""


@lessons
def test_every_view_is_named_and_its_words_are_seen(path):
    with browser.lesson(path.stem, width=1366, height=768) as p:
        views, wrong, words = p.evaluate(VIEWS), [], 0
        assert len(views) >= fewest(path.stem)
        for theme in THEMES:
            p.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
            p.wait_for_function("(dark) => document.body.dataset.jpThemeLight === String(!dark)", arg="Dark" in theme)
            for index, name in views:
                seen = p.evaluate(LOOK, index)
                words += seen.pop("count")
                wrong += [(name, theme, kind, what) for kind, found in seen.items() for what in found]
                if theme == THEMES[-1]:
                    wrong += [(name, *bad) for bad in nameless(tree(p, index))]
        assert words > 2 * len(views) and wrong == []
        p.evaluate(PLANT, views[-1][0])
        seen, roles = p.evaluate(LOOK, views[-1][0]), [role for role, *_ in nameless(tree(p, views[-1][0]))]
        p.evaluate("document.querySelector('.planted').remove()")
        assert [len(seen[kind]) for kind in ("mute", "twice", "faint")] == [1, 1, 1] and roles == ["button"]


def nameless(nodes):
    """Controls and pictures of an accessibility tree whose name cannot be read aloud."""
    for node in nodes:
        if value(node, "role") in NAMED and said(node).get("focusable", True):
            name = value(node, "name")
            if (
                not re.search(r"[\w…]", name)
                or re.search("[\ue000-\uf8ff○●]", name)
                or "null" in value(node, "description")
            ):
                yield value(node, "role"), name, value(node, "description")
