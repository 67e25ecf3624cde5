// The care of a row of ipywidgets: what they do not say to a screen reader, and a ring that is seen from afar.

const CSS = `${colours(".dl-row")}
.dl-row { overflow: visible !important; }
.dl-care { display: none; }
.dl-box { overflow: visible !important; }
.dl-box > .dl-row { position: sticky; z-index: 3; background: var(--page); }
${LOW_SCREEN} { .dl-row :is(button, select, .widget-hprogress, .widget-dropdown) { height: 36px !important; margin-top: 1px; margin-bottom: 1px; }
  .dl-row button { width: auto !important; min-width: 84px; padding: 0 10px; } }
`;
const MARK = /^[\u25cb\u25cf]\s*/; // the circle before an option: a screen reader says "checked" instead

function tidy(row, name, oneOf) {
  const set = (el, more) => Object.entries(more).forEach(([key, value]) => el.setAttribute(key, value));
  const all = (selector) => [...row.querySelectorAll(selector)];
  set(row, { role: oneOf ? "radiogroup" : "group", ...(name && { "aria-label": name }) });
  for (const el of all('[title="null"]')) el.removeAttribute("title"); // what ipywidgets makes of "no tooltip"
  for (const sign of all("button i")) set(sign, { "aria-hidden": true }); // a private glyph of an icon font
  for (const handle of all(".noUi-handle")) {
    const label = handle.closest(".jupyter-widgets").querySelector("label");
    set(handle, { "aria-label": label?.title || label?.textContent || name });
  }
  for (const b of all(".widget-toggle-button")) set(b, { "aria-pressed": b.classList.contains("mod-active") });
  for (const bar of all(".widget-hprogress")) {
    const share = parseFloat(bar.querySelector(".progress-bar")?.style.width) || 0;
    set(bar, { role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(share) });
  }
  for (const picture of all("img")) set(picture, { alt: name });
  if (oneOf) {
    for (const b of all("button"))
      set(b, { role: "radio", "aria-checked": b.classList.contains("dl-chosen"), "aria-label": b.textContent.trim().replace(MARK, "") });
  }
}

// Each row of a box sticks below those before it.
function place(row) {
  let top = 0;
  for (let el = row.previousElementSibling; el; el = el.previousElementSibling) if (el.classList.contains("dl-row")) top += el.offsetHeight;
  if (row.style.top !== `${top}px`) row.style.top = `${top}px`;
}

function step(row, event) { // arrow keys go from option to option; Space or Enter chooses
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const options = [...row.querySelectorAll("button:enabled")], here = options.indexOf(event.target);
  if (!by || here < 0) return;
  event.preventDefault();
  options[(here + by + options.length) % options.length].focus();
}

function render({ model, el }) {
  const style = document.createElement("style"), name = model.get("name"), oneOf = model.get("one_of");
  let row = null, gone = false, unfollow = () => {};
  const watch = new MutationObserver(() => tidy(row, name, oneOf));
  const sizes = new ResizeObserver(() => place(row));
  style.textContent = CSS;
  el.classList.add("dl-care");
  document.head.append(style);
  (function begin() {
    if (gone) return;
    row = el.closest(".dl-row");
    if (!row) return requestAnimationFrame(begin); // ipywidgets puts a view into its row when it has been drawn
    tidy(row, name, oneOf);
    watch.observe(row, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["class", "title", "style"] });
    keepKeys(row);
    sizes.observe(row.parentElement);
    unfollow = followTheme(row);
    if (oneOf) row.addEventListener("keydown", (event) => step(row, event));
  })();
  return () => {
    gone = true;
    watch.disconnect();
    sizes.disconnect();
    unfollow();
    style.remove();
  };
}

export default { render };
