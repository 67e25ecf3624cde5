// The care of a row of ipywidgets: what they do not say to a screen reader, and a ring that is seen from afar.

const CSS = `${colours(".dl-row")}
.dl-row { overflow: visible !important; position: relative; }
.dl-care { display: none; }
.dl-row :is(select, .widget-label, .widget-readout) { font-size: 15px !important; }
.dl-row button { font-size: 15px; }
.dl-row .widget-label { width: auto !important; min-width: var(--jp-widgets-inline-label-width); max-width: none; }
.dl-box { overflow: visible !important; }
.dl-box > .dl-row { position: sticky; z-index: 3; background: var(--page); }
${LOW_SCREEN} { .dl-row :is(button, select, .widget-hprogress, .widget-dropdown) { height: 36px !important; margin-top: 1px; margin-bottom: 1px; }
  .dl-row button { min-width: 84px !important; padding: 0 10px; } }
.dl-bell { position: absolute; z-index: 9; width: max-content; max-width: min(480px, 90%); padding: 4px 12px; border-radius: 4px;
  font: 15px/22px system-ui, sans-serif; color: var(--ink); background: var(--card); border: 1px solid var(--ink); pointer-events: none; }
`;
const MARK = /^[\u25cb\u25cf]\s*/; // the circle before an option: a screen reader says "checked" instead

function tidy(row, name, oneOf, words) {
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
    set(bar, { role: "progressbar", "aria-label": words.progress, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(share) });
  }
  for (const picture of all("img")) set(picture, { alt: name });
  if (oneOf) {
    for (const b of all("button"))
      set(b, { role: "radio", "aria-checked": b.classList.contains("dl-chosen"), "aria-label": b.textContent.trim().replace(MARK, "") });
  }
}

// Each row of a box sticks below those before it. (Elsewhere rows only stand, and a top would push them out of their place.)
function place(row) {
  if (!row.parentElement?.classList.contains("dl-box")) return;
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

const AFTER = 40, LATE = 150, LONG = 240; // ms: when a press rings at the latest, when it is answered without the kernel, when work gets a sign

// Each press in the row rings once the kernel begins with it (or a cell, or an earlier press, keeps it busy), and the kernel answers
// when it is dealt with. If it works for long it says so before. A sign beside the control tells.
// (Nothing goes before the control's own message, for that would wait. And the ring carries the acknowledgement of the kernel's first
// word: without it the next, the picture, would be held back for 40 ms, where Nagle's algorithm meets a delayed acknowledgement.)
function bell(model, row) {
  const sign = document.createElement("div"), kinds = ["click", "change"];
  const words = model.get("words");
  let rung = 0, timer = 0, works = null; // works: what to do when the kernel says that it does; null while nothing is asked
  sign.className = "dl-bell";
  sign.setAttribute("role", "status");
  const say = (text, control) => {
    clearTimeout(timer);
    sign.textContent = text;
    sign.style.visibility = text ? "visible" : "hidden";
    if (!text) return;
    const at = control.getBoundingClientRect(), all = row.getBoundingClientRect(), high = sign.offsetHeight + 2;
    const below = at.bottom + high <= row.parentElement.getBoundingClientRect().bottom; // or a bar to scroll would come
    sign.style.left = `${Math.max(0, Math.min(at.left - all.left, all.width - sign.offsetWidth))}px`;
    sign.style.top = `${(below ? at.bottom + 2 : at.top - high) - all.top}px`;
  };
  const ring = (event) => {
    const control = event.target.closest("button:enabled, select, .widget-slider");
    if (!control || (event.type === "change") !== control.matches("select")) return;
    const mine = ++rung;
    say("");
    works = () => say(words.works, control);
    timer = setTimeout(() => say(words.waits, control), LATE);
    const begins = model.widget_manager?.kernel?.statusChanged; // another house has no such signal
    const tell = () => {
      clearTimeout(soon);
      begins?.disconnect(tell);
      try {
        model.send({ ring: mine });
      } catch {
        say(words.gone, control);
        document.dispatchEvent(new Event("dl-gone")); // what was shown at once is taken back
      }
    };
    const soon = setTimeout(tell, begins ? AFTER : 0);
    begins?.connect(tell);
  };
  const heard = ({ done }) => {
    if (!works || (done && done !== rung)) return;
    say("");
    if (done) return (works = null);
    timer = setTimeout(works, LONG);
    model.send({}); // carries an acknowledgement, as a ring does, or the picture would be held back
  };
  say("");
  row.append(sign);
  for (const kind of kinds) row.addEventListener(kind, ring, true);
  model.on("msg:custom", heard);
  return () => {
    say("");
    sign.remove();
    for (const kind of kinds) row.removeEventListener(kind, ring, true);
    model.off("msg:custom", heard);
  };
}

function render({ model, el }) {
  const style = document.createElement("style"), [name, oneOf, words] = ["name", "one_of", "words"].map((key) => model.get(key));
  let row = null, gone = false, unfollow = () => {}, unhang = () => {};
  const watch = new MutationObserver(() => tidy(row, name, oneOf, words));
  const sizes = new ResizeObserver(() => place(row));
  style.textContent = CSS;
  el.classList.add("dl-care");
  document.head.append(style);
  (function begin() {
    if (gone) return;
    row = el.closest(".dl-row");
    if (!row) return requestAnimationFrame(begin); // ipywidgets puts a view into its row when it has been drawn
    tidy(row, name, oneOf, words);
    watch.observe(row, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["class", "title", "style"] });
    keepInput(row);
    sizes.observe(row.parentElement);
    unfollow = followTheme(row);
    unhang = bell(model, row);
    if (oneOf) row.addEventListener("keydown", (event) => step(row, event));
  })();
  return () => {
    gone = true;
    watch.disconnect();
    sizes.disconnect();
    unfollow();
    unhang();
    style.remove();
  };
}

export default { render };
