// What every widget shares. `theme.py` puts this text, and the colours LIGHT and DARK, before the widget's own.

const DARKNESS = "in-the-dark"; // the class of a widget whose letters are bright

// The colours of a widget whose root is `root`: JupyterLab's where there is one, ours in a page.
function colours(root) {
  const own = (t) => `--ink: var(--jp-content-font-color1, ${t.ink}); --quiet: var(--jp-content-font-color2, ${t.quiet});
    --line: var(--jp-border-color2, ${t.line}); --page: var(--jp-layout-color0, ${t.page}); --card: var(--jp-layout-color1, ${t.card});
    --hover: var(--jp-layout-color2, ${t.hover});`;
  const hues = (t) => `--accent: ${t.colors[0]}; --second: ${t.colors[1]}; --third: ${t.colors[2]}; --on-accent: ${t.on_accent};`;
  return `${root} { ${own(LIGHT)} ${hues(LIGHT)} color: var(--ink); }
    @media (prefers-color-scheme: dark) { ${root} { ${own(DARK)} } }
    ${root}.${DARKNESS} { ${hues(DARK)} }
    ${root} :focus-visible { outline: 3px solid var(--accent) !important; outline-offset: 2px; }`;
}

// What sticks to an edge of the screen needs ancestors that do not clip; a cell that is told to scroll its outputs still does.
const STICKY = `.jp-Cell:not(.jp-mod-outputsScrolled) :is(.jp-OutputArea, .jp-OutputArea-child, .jp-OutputArea-output, .widget-box):has(.fp, .sc, .st) {
  overflow: visible; }`;
// On a low screen, such as a projector's at 150 %, a mouse finds smaller buttons, and the picture gets their room.
const LOW = "(max-height: 600px) and (pointer: fine)", LOW_SCREEN = `@media ${LOW}`;
// How high the part of the page is in which a widget is seen.
const area = (root) => root.closest(".jp-WindowedPanel-outer")?.clientHeight || window.innerHeight;

// ---- text is text: no string ever becomes markup; "_{t}" and "^{2}" become <sub> and <sup> elements ------------------

const pieces = (text) => String(text).split(/([_^]\{[^{}]*\})/).map((part, i) =>
  i % 2 ? { tag: part[0] === "_" ? "sub" : "sup", text: part.slice(2, -1) } : { text: part });
const subs = (text) => pieces(text).filter((p) => p.text).map((p) => (p.tag ? make(p.tag, {}, p.text) : p.text));

function write(el, text) {
  if (el.shown === text) return; // most frames repeat most texts
  el.shown = text;
  el.replaceChildren(...subs(text));
}

// An element with its attributes, and what stands inside it: texts and elements.
const SHAPES = ["svg", "g", "path", "circle", "text", "line"];
function make(tag, attributes = {}, ...inside) {
  const el = SHAPES.includes(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) el.setAttribute(key, value);
  el.append(...inside);
  return el;
}

// Bright letters are a dark theme, whoever made it. Returns the colour of the letters.
function darken(root) {
  const ink = getComputedStyle(root).color;
  root.classList.toggle(DARKNESS, (ink.match(/[\d.]+/g) ?? []).slice(0, 3).reduce((sum, v) => sum + +v, 0) > 382);
  return ink;
}
function followTheme(root, act = () => {}) {
  let ink = "";
  const look = () => {
    const before = ink;
    ink = darken(root);
    if (before && before !== ink) act();
  };
  const soon = () => requestAnimationFrame(look), night = window.matchMedia("(prefers-color-scheme: dark)");
  const themes = new MutationObserver(soon);
  themes.observe(document.body, { attributes: true });
  night.addEventListener("change", soon);
  soon();
  return () => {
    themes.disconnect();
    night.removeEventListener("change", soon);
  };
}

// A sentence from the kernel, in the learner's language, with its {places} filled in. No sentence stands in JavaScript.
const worded = (text, values) => text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);

// While the focus is inside a widget, its keys are its own: in JupyterLab a letter would insert, cut or delete a cell.
// The notebook still hears Shift+Enter and Ctrl+Enter (run the cell) and Ctrl+S; Escape gives it back all its keys.
// So are its drags: where text of the page is selected, the browser would carry that away in the middle of ours.
function keepInput(root) {
  root.addEventListener("dragstart", (event) => event.preventDefault());
  root.addEventListener("keydown", (event) => {
    const accel = event.ctrlKey || event.metaKey;
    const runs = event.key === "Enter" && (event.shiftKey || accel) && !event.altKey, saves = accel && event.key === "s";
    if (runs || saves) return;
    event.stopPropagation();
    if (event.key !== "Escape") return;
    const cell = root.closest(".jp-Cell");
    if (cell) cell.focus({ preventScroll: true });
    else event.target.blur();
  });
}

// A saved notebook shows a still where no kernel runs. The first is of the moment at which the cell ran; when the view has moved and
// rests, the kernel draws another, and the next save of JupyterLab's puts it in the first one's place. Nothing is shown anew.
const REST_MS = 800, VIEW = "application/vnd.jupyter.widget-view+json";
function keepStill(model) {
  const context = model.widget_manager?.context; // no page and no other house has it: there the first one stays
  if (!context?.saveState?.connect) return { moved() {}, leave() {} };
  let timer = 0, latest = null;
  const ask = () => {
    try {
      model.send({ kind: "still" });
    } catch {} // the kernel is gone
  };
  const hear = (message) => message.kind === "still" && (latest = message);
  const save = (_, state) => {
    if (state !== "started" || !latest) return;
    try {
      for (const { sharedModel } of context.model.cells) sharedModel.toJSON().outputs?.forEach((output, i) => {
        if (!latest.places.includes(output.data?.[VIEW]?.model_id)) return;
        sharedModel.updateOutputs(i, i + 1, [{ ...output, data: { ...output.data, ...latest.data } }], "silent-change");
      });
    } catch {} // another JupyterLab, with other names
    latest = null;
  };
  model.on("msg:custom", hear);
  context.saveState.connect(save);
  return {
    moved() {
      clearTimeout(timer);
      timer = setTimeout(ask, REST_MS);
    },
    leave() {
      clearTimeout(timer);
      model.off("msg:custom", hear);
      context.saveState.disconnect(save);
    },
  };
}
