"""Lessons in a language of marks, accents and a third more letters: no word of a view is left in English, and all have room."""

import importlib.util
import json
import re

import pytest
from browser import ROOT, desk, run_all, write_notebook

from diffusion_lib import words as language

pytestmark = pytest.mark.browser
spec = importlib.util.spec_from_file_location("catalogues", ROOT / "locale" / "words.py")
catalogues = importlib.util.module_from_spec(spec)
spec.loader.exec_module(catalogues)

# Names and units that are the same in every language; "null" is what ipywidgets makes of no tooltip.
SAME = "null|log|GAN|VAE|DDPM|DDIM|KL|dB|SNR|TFLOP|nats|sd|ms|FD|SW|WGAN|GP|RpGAN|MNIST|xs|xt|eps|cosine|linear|sigmoid"
SAME = re.compile(rf"\b({SAME})\b|_\{{[^}}]*\}}")

# What an output says: its text nodes in their order (not code), and the attributes that are read aloud or shown.
SAYS = """(out) => {
  const said = [], nodes = document.createTreeWalker(out, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  let text = '';
  for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
    if (node.nodeType === 3) {
      if (!node.parentElement.closest('pre, code, style, script, sub, sup')) text += node.textContent + '\\n';
    } else for (const name of ['aria-label', 'title', 'alt', 'placeholder', 'aria-valuetext'])
      if (node.getAttribute(name)) said.push(node.getAttribute(name));
  }
  return [text, ...said];
}"""

# Which texts are cut off, lie over another, or stand outside their row of controls, in words.
WRONG = """(out) => {
  const wrong = [], texts = [], short = (el) => el.textContent.trim().slice(0, 60);
  const nodes = document.createTreeWalker(out, NodeFilter.SHOW_TEXT), pen = document.createElement('canvas').getContext('2d');
  for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
    const el = node.parentElement;
    if (!node.textContent.trim() || !el.checkVisibility({ visibilityProperty: true }) || el.closest('pre, option, svg, sub, sup, .dl-bell')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) if (box.width > 2) texts.push([el, box]);
    for (let up = el; up && up !== out; up = up.parentElement) {
      const hides = getComputedStyle(up).overflowX !== 'visible' && !up.closest('[style*="overflow-x"], .jp-RenderedHTML');
      if (hides && up.scrollWidth > up.clientWidth + 1) { wrong.push(`cut off: ${short(el)}`); break; }
    }
  }
  texts.forEach(([a, p], i) => texts.slice(i + 1).forEach(([b, q]) => {
    const wide = Math.min(p.right, q.right) - Math.max(p.left, q.left), high = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
    const sticks = (el) => el.closest('.fp-bar, .dl-row');  // over what is scrolled, on a low screen
    if (wide > 3 && high > 5 && a !== b && !sticks(a) === !sticks(b)) wrong.push(`over each other: ${short(a)} / ${short(b)}`);
  }));
  for (const menu of out.querySelectorAll('select')) {
    const style = getComputedStyle(menu), arrow = 22;
    if (!menu.clientWidth) continue;  // of a film of one frame, which has nothing to play
    pen.font = style.font;
    const room = menu.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const need = pen.measureText(menu.selectedOptions[0]?.text ?? '').width;
    if (need > room + arrow - 20) wrong.push(`cut off in its menu: ${menu.selectedOptions[0].text} (${Math.round(need)} in ${Math.round(room)})`);
  }
  for (const row of out.querySelectorAll('.dl-row, .fp-bar, .sc-bar')) {
    const box = row.getBoundingClientRect();
    const middles = [...row.children].filter((c) => c.offsetWidth && !c.matches('.dl-bell')).map((c) => c.getBoundingClientRect()).map((c) => (c.top + c.bottom) / 2);
    if (middles.length && Math.max(...middles) - Math.min(...middles) > 14) wrong.push(`on more than one line: ${short(row)}`);
    for (const control of row.querySelectorAll('button, select, input, .widget-html, .fp-readout')) {
      const at = control.getBoundingClientRect();
      if (at.width && (at.right > box.right + 1 || at.left < box.left - 1 || at.bottom > box.bottom + 2)) wrong.push(`outside its row: ${short(control) || control.title}`);
    }
  }
  return wrong;
}"""


# Both, of each output of a cell that is scrolled into view.
LOOK = f"""async (index) => {{
  const notebook = window.jupyterapp.shell.currentWidget.content, says = {SAYS}, wrong = {WRONG}, found = [];
  await notebook.scrollToItem(index, 'start');
  for (const out of notebook.widgets[index].node.querySelectorAll('.jp-OutputArea-output')) {{
    for (let n = 2; n--; ) await new Promise(requestAnimationFrame);
    found.push([says(out), wrong(out)]);
  }}
  return found;
}}"""


@pytest.fixture(scope="module")
def pseudo(tmp_path_factory):
    return catalogues.write_pseudo(tmp_path_factory.mktemp("words"))


def unmarked(text: str) -> list[str]:
    """The words with a vowel that carries no accent, inside a marked sentence too: one that was put in as it is."""
    plain = SAME.sub(" ", re.sub(r"`[^`]*`", " ", text))
    return [word for word in re.findall(r"[^\W\d_]{2,}", plain) if re.search("[aeiouAEIOU]", word)]


def looked_at(p, path) -> tuple[dict, dict, int]:
    """Run a notebook: of each cell the English words in its outputs, and what has no room; and how many outputs there are."""
    assert run_all(p, 600) == []
    english, wrong, outputs = {}, {}, 0
    for i, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        for texts, bad in p.evaluate(LOOK, i) if cell["cell_type"] == "code" else ():
            found = [w for text in texts for w in unmarked(text)]
            english |= {cell["id"]: found} if found else {}
            wrong |= {cell["id"]: bad} if bad else {}
            outputs += 1
    desk().fair()
    return english, wrong, outputs


@pytest.mark.parametrize("number", ["01", "03", "05", "07"])
def test_every_word_of_a_lessons_views_is_in_the_catalogues_and_has_room(number, pseudo, monkeypatch):
    monkeypatch.setenv("DIFFUSION_LIB_LANGUAGE", str(pseudo))
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    p = desk().notebook(desk().copy(path.stem), number=number, width=1366, height=768)
    english, wrong, outputs = looked_at(p, path)
    assert outputs >= 10 and not english and not wrong, (english, wrong)


# Of lesson 10, which draws long, the views that answer a sentence; what is typed stays as it is typed.
TYPED = "blu cat, flower, winking, style"
ANSWERS = f"""from diffusion_lib.course import lesson10 as views
views.prompt_box("{TYPED}", "black")
---
views.same_dice(["{TYPED}", ("cat", "night")], n=2)
---
views.obeyed_table()
---
views.held_out_table()
---
views.trade_off()
---
views.spread_table()
---
views.trade_curves()
---
views.same_trade()
"""


def test_what_answers_a_sentence_is_in_the_catalogues_and_has_room(pseudo, monkeypatch, tmp_path):
    monkeypatch.setenv("DIFFUSION_LIB_LANGUAGE", str(pseudo))
    path = write_notebook(tmp_path / "answers.ipynb", *ANSWERS.split("---\n"))
    english, wrong, outputs = looked_at(desk().notebook(path, width=1366, height=768), path)
    ours = {*re.findall(r"\w+", TYPED), "black", "blue"}
    english = {cell: left for cell, found in english.items() if (left := [w for w in found if w not in ours])}
    assert outputs == 8 and not english and not wrong, (english, wrong)


def test_the_language_of_marks_is_chosen_like_any_other(pseudo, monkeypatch):
    monkeypatch.setenv("DIFFUSION_LIB_LANGUAGE", str(pseudo))
    assert language._("That is too large.") == "⟦Tháát íís tóóóó láárgéé.⟧"
