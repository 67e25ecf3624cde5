"""To look at and to move what a lesson shows, on a page of JupyterLab, as a learner does."""

import io
from base64 import b64decode
from itertools import pairwise

import numpy as np
from browser import screenshot
from PIL import Image

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


def moves(p, name, *shares):
    """The film of this cell shows another picture at each of these shares of its way, and its height stays; it begins at 0."""
    film = player(p, name)
    last = int(film.locator("input[type=range]").get_attribute("max"))
    seen, heights = [], []
    for share in (0, *(shares or (1,))):
        move(film, round(share * last))
        film.scroll_into_view_if_needed()
        seen.append(pictures(p, film))
        heights.append(film.bounding_box()["height"])
        screenshot(p, f"lesson{name}_{share}")
    for before, after in pairwise(seen):
        assert any(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert max(heights) - min(heights) < 1
