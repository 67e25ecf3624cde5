"""Controls and picture together on a projector: every view of every lesson, found in the lesson itself, at 1366 x 768 and at 150 % zoom.

The lessons are those that the desk has run anyway. A view's controls are what can take the focus, its pictures are its canvases
and drawings. At 150 % what is higher than the notebook's part of the screen has controls that stick to its edges: then each
picture must be seen whole between them, at some place of the scroll bar.
"""

import browser
from test_notebooks import fewest, lessons

SIZES = {"projector": (1366, 768), "projector at 150 %": (911, 512)}

# For each output of the notebook that holds widgets: where controls and pictures are, unstuck, and what is seen when one scrolls to each picture.
MEASURE = """async () => {
  const notebook = window.jupyterapp.shell.currentWidget.content, found = [];
  // the studio's fields scroll in a part of their own, and files that were written stand below
  const frames = async (n) => { while (n--) await new Promise(requestAnimationFrame); };
  const rects = (box, what) => [...box.querySelectorAll(what)].filter((el) => !el.parentElement.closest('.st-form, .st-made')).map((el) => el.getBoundingClientRect()).filter((r) => r.height > 8 && r.width > 8);
  const plain = document.createElement('style');
  plain.textContent = '.fp-bar, .dl-row, .sc-bar { position: static !important; }';
  for (const [index, cell] of notebook.widgets.entries()) {
    if (cell.model.type !== 'code' || !JSON.stringify(cell.model.outputs.toJSON()).includes('widget-view+json')) continue;
    await notebook.scrollToItem(index, 'start');
    await frames(6);
    const out = cell.node.querySelector('.jp-OutputArea'), screen = cell.node.closest('.jp-WindowedPanel-outer');
    const controls = () => rects(out, 'button, select, input:not([type=file]), .noUi-target, [role=slider], [tabindex="0"], .st-form');
    const pictures = () => rects(out, 'canvas, .sc svg[role=group], .widget-image, .st-view');
    if (!pictures().length) continue; // a question, a bet: buttons and their words only
    document.head.append(plain);
    await frames(2);
    const all = [...controls(), ...pictures()], span = Math.max(...all.map((r) => r.bottom)) - Math.min(...all.map((r) => r.top));
    plain.remove();
    await frames(2);
    const apart = [];
    if (span > screen.clientHeight) for (const k of pictures().keys()) {
      const seen = () => {
        const part = screen.getBoundingClientRect(), picture = pictures()[k], here = controls(), edge = (side) => (r) => r[side];
        const over = here.filter((r) => r.bottom <= picture.bottom).map((r) => r.bottom), under = here.filter((r) => r.top >= picture.top).map((r) => r.top);
        const inside = here.every((r) => r.top >= part.top - 2 && r.bottom <= part.top + screen.clientHeight + 2);
        const free = here.every((r) => r.bottom <= picture.top + 1 || r.top >= picture.bottom - 1 || r.right < picture.left || r.left > picture.right);
        return inside && free && picture.top >= part.top - 2 && picture.bottom <= part.top + screen.clientHeight + 2;
      };
      const middle = () => screen.scrollBy(0, (pictures()[k].top + pictures()[k].bottom) / 2 - screen.getBoundingClientRect().top - screen.clientHeight / 2);
      middle();
      await frames(2);
      let good = seen();
      for (const by of [-60, -40, -20, 20, 40, 60]) if (!good) {
        middle();
        screen.scrollBy(0, by);
        await frames(1);
        good = seen();
      }
      if (!good) apart.push(k);
    }
    const names = [...out.querySelectorAll('.fp')].map((el) => el.getAttribute('aria-label'));
    found.push({ id: cell.model.id, name: names[0] ?? out.firstElementChild?.className, span: Math.round(span), screen: screen.clientHeight, apart });
  }
  return found;
}"""


@lessons
def test_controls_and_pictures_are_seen_together(path):
    with browser.lesson(path.stem, width=1366, height=768) as p:
        for name, (width, height) in SIZES.items():
            p.set_viewport_size({"width": width, "height": height})
            p.evaluate("() => new Promise((done) => setTimeout(done, 400))")  # the page's own clock
            views = p.evaluate(MEASURE)
            assert len(views) >= (1 if path.stem == "13_studio" else fewest(path.stem))  # that has stills besides
            for view in views:
                print(f"{view['id']:28} {name:20} {view['span']:4} of {view['screen']}")
                if name == "projector":
                    assert view["span"] <= view["screen"], view
                assert view["apart"] == [], view
            browser.desk().fair()
