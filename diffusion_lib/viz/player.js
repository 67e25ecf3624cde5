// Panels side by side under one slider: stored frames, x_t mixed here from x0 and noise, point clouds, curves.
// The same text runs as an anywidget in a notebook and, with page.js, inside an exported page. A film comes in
// the trait "film", "value" is the frame, "words" are the names of the controls. A step draws at once, without the kernel, which is told afterwards.

const CSS = `${colours(".fp")} ${STICKY}
.fp { box-sizing: border-box; max-width: 100%; padding: 8px 4px;
  font: 16px/1.45 var(--jp-content-font-family, system-ui, sans-serif); text-align: left; container-type: inline-size; }
.fp sub, .fp sup { font-size: .72em; line-height: 0; }
.fp-row { display: flex; gap: 16px; align-items: flex-start; }
.fp-row.fp-alone { justify-content: center; }
.fp-row + .fp-row { margin-top: 14px; }
.fp-cell { display: flex; align-items: flex-start; }
.fp-lead { flex: none; padding-right: 12px; transform: translateY(-50%); white-space: pre; text-align: center; font-size: 22px; }
.fp-panel { margin: 0; }
.fp-title { font-weight: 600; line-height: 1.3; padding-bottom: 6px; }
.fp canvas { display: block; border: 1px solid var(--line); border-radius: 8px; background: var(--card); cursor: pointer; }
.fp canvas.fp-crisp { image-rendering: pixelated; }
.fp-legend { display: flex; flex-wrap: wrap; gap: 2px 14px; padding-top: 6px; font-size: 15px; }
.fp-legend svg { width: 26px; height: 12px; margin-right: 6px; }
.fp-legend.fp-light svg { background: ${LIGHT.card}; border-radius: 6px; }
.fp-note, .fp-caption { white-space: pre-wrap; overflow-wrap: break-word; }
.fp-note, .fp-caption, .fp-lead, .fp-readout { font-variant-numeric: tabular-nums; }
.fp-note { color: var(--quiet); font-size: 15px; padding-top: 4px; }
.fp-caption { margin-top: 8px; font-size: 17px; }
.fp-legend:empty, .fp [hidden] { display: none !important; }
.fp-bar { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; margin-top: 8px; padding: 4px 0;
  position: sticky; bottom: 0; z-index: 2; background: var(--page); }
.fp-bar button, .fp-bar select { box-sizing: border-box; height: 44px; min-width: 44px; padding: 0; border: 1px solid var(--line);
  border-radius: 22px; background: var(--card); color: var(--ink); font: inherit; cursor: pointer; touch-action: manipulation;
  -webkit-tap-highlight-color: transparent; }
.fp-bar button { display: grid; place-items: center; transition: background .15s; }
.fp-bar select { padding: 0 6px; font-size: 15px; }
.fp-bar button:hover, .fp-bar select:hover { background: var(--hover); }
.fp-bar button.fp-play { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.fp-bar svg { width: 22px; height: 22px; fill: currentColor; }
.fp-readout { font-size: 20px; font-weight: 600; white-space: nowrap; }
.fp-bar input { flex: 1 1 160px; min-width: 0; height: 44px; margin: 0 6px; padding: 0; border-radius: 22px; background: none;
  appearance: none; cursor: pointer; touch-action: pan-y; }
.fp-bar input::-webkit-slider-runnable-track { height: 6px; border-radius: 3px;
  background: linear-gradient(var(--accent), var(--accent)) 0 / var(--done) 100% no-repeat, var(--line); }
.fp-bar input::-moz-range-track { height: 6px; border-radius: 3px; background: var(--line); }
.fp-bar input::-moz-range-progress { height: 6px; border-radius: 3px; background: var(--accent); }
.fp-bar input::-webkit-slider-thumb { appearance: none; box-sizing: border-box; width: 24px; height: 24px; margin-top: -9px;
  border: 3px solid var(--card); border-radius: 50%; background: var(--accent); box-shadow: var(--ring, 0 0 0 1px var(--accent)); }
.fp-bar input::-moz-range-thumb { box-sizing: border-box; width: 24px; height: 24px;
  border: 3px solid var(--card); border-radius: 50%; background: var(--accent); box-shadow: var(--ring, 0 0 0 1px var(--accent)); }
.fp-bar input:focus-visible { outline: none !important; --ring: 0 0 0 3px var(--card), 0 0 0 6px var(--accent); }
@container (max-width: 560px) { .fp-bar { gap: 0 8px; } .fp-bar input { order: -1; flex-basis: 100%; margin: 0; } .fp-lead { font-size: 16px; padding-right: 8px; }
  .fp-readout { flex: 1 1 0; min-width: 0 !important; font-size: 17px; line-height: 1.2; white-space: normal; text-align: right; } }
${LOW_SCREEN} { .fp { padding: 2px 4px; } .fp-bar { margin-top: 2px; padding: 2px 0; } .fp-bar button, .fp-bar select, .fp-bar input { height: 36px; min-width: 36px; }
  .fp-title, .fp-caption { font-size: 15px; padding-bottom: 2px; } .fp-caption { margin-top: 2px; } .fp-row + .fp-row { margin-top: 4px; }
  .fp-legend, .fp-note { font-size: 14px; padding-top: 2px; } }
@media (prefers-reduced-motion: reduce) { .fp * { transition: none !important; } }
`;
const ICONS = { Previous: "M7 5h2.5v14H7zM19 5v14l-8.5-7z", Play: "M8 4.5v15l12-7.5z", Pause: "M7 5h3.6v14H7zM13.4 5H17v14h-3.6z",
  Next: "M14.5 5H17v14h-2.5zM5 5l8.5 7L5 19z" };
const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };
const GAP = 16, SEND_MS = 80; // the kernel hears of at most one frame in SEND_MS
// Heights of panels in CSS pixels: at most, at least, at least for a plot, and when the screen is too low for all rows.
const TALL = 320, SMALL = 108, SMALL_PLOT = 150, LEAST = 120;

const plain = (...texts) => texts.filter(Boolean).join(". ").replace(/[_^]\{([^{}]*)\}/g, " $1");
const pick = (texts, i) => (texts.length ? texts[Math.min(i, texts.length - 1)] : "");

// Keep room for the longest of the texts, so that nothing moves from frame to frame: all measured at once, then dropped.
function reserve(el, texts, side) {
  const shown = el.shown ?? "", room = side === "width" ? "minWidth" : "minHeight";
  el.style[room] = "";
  if (texts.length < 2) return;
  const lines = [...new Set(texts)].map((text) => make("div", {}, ...subs(text)));
  el.replaceChildren(...lines);
  const sizes = lines.map((line) => line.getBoundingClientRect()[side]);
  el.style[room] = `${Math.ceil(sizes.reduce((a, b) => Math.max(a, b)))}px`;
  el.shown = null;
  write(el, shown);
}

let newest = (model) => model.get("film"), comes = () => false; // in a notebook, where films grow, grow.js has others

// ---- the player ------------------------------------------------------------------------------------------------------

function render({ model, el }) {
  const root = make("div", { class: "fp", role: "group" }), style = document.createElement("style");
  const [stage, bar, caption] = ["stage", "bar", "caption"].map((name) => make("div", { class: `fp-${name}` }));
  const words = model.get("words"), slider = make("input", { type: "range", min: 0, step: 1, "aria-label": words.Frame });
  const readout = make("span", { class: "fp-readout", "aria-hidden": true });
  const speed = make("select", { "aria-label": words.Speed, title: words.Speed });
  const button = (name, act) => {
    const b = make("button", { type: "button", class: `fp-${name.toLowerCase()}`, "aria-label": words[name], title: words[name] });
    b.append(icon("0 0 24 24", ICONS[name]));
    b.addEventListener("click", act);
    return b;
  };
  const toggle = () => (timer ? pause() : play()), playButton = button("Play", toggle);
  for (const times of [0.5, 1, 2, 4]) speed.append(make("option", { value: times, ...(times === 1 && { selected: "" }) }, `${times}×`));
  style.textContent = CSS;
  bar.append(button("Previous", () => step(-1)), playButton, button("Next", () => step(1)), slider, readout, speed);
  root.append(style, stage, bar, caption);
  el.append(root);

  const calm = window.matchMedia("(prefers-reduced-motion: reduce)"), kept = keepStill(model);
  let film, panels, views = [], laid, index = 0, theme, room = 0, ratio = 1, seen = "", timer = 0, sender = 0, sent = 0;

  function show(i) {
    index = Math.min(Math.max(i, 0), film.frames - 1);
    if (room) for (const { paint } of views) paint(index, theme); // first: words on the page make those on a canvas dear
    for (const { panel, lead, note, canvas } of views) {
      write(lead, pick(panel.lead, index));
      write(note, pick(panel.notes, index));
      canvas.setAttribute("aria-label", plain(panel.title, note.shown));
    }
    write(readout, pick(film.labels, index) || `${index + 1} / ${film.frames}`);
    write(caption, pick(film.captions, index));
    slider.value = index;
    slider.style.setProperty("--done", `${(100 * index) / Math.max(1, film.frames - 1)}%`);
    slider.setAttribute("aria-valuetext", plain(readout.shown, caption.shown));
  }
  function go(i) {
    show(i);
    kept.moved();
    sender ||= setTimeout(send, Math.max(0, sent + SEND_MS - performance.now())); // so the last frame always arrives
  }
  function send() {
    [sender, sent] = [clearTimeout(sender) ?? 0, performance.now()];
    model.set("value", index);
    model.save_changes();
  }
  function step(by) {
    pause();
    go(index + by);
  }

  function play() {
    if (index === film.frames - 1) go(0);
    timer = setTimeout(tick, pace());
    face("Pause");
  }
  function pause() {
    timer = clearTimeout(timer) ?? 0;
    face("Play");
  }
  function tick() {
    const last = film.frames - 1;
    if (!root.isConnected || document.hidden) return pause();
    go(index < last ? index + 1 : 0);
    timer = setTimeout(tick, pace());
    if (index === last && !film.loop) pause();
  }
  const pace = () => Math.max(1000 / (film.fps * speed.value), calm.matches ? 500 : 0);
  function face(name) {
    playButton.querySelector("path").setAttribute("d", ICONS[name]);
    for (const key of ["title", "aria-label"]) playButton.setAttribute(key, words[name]);
  }

  // What the view has beside the player (rows of buttons, a sentence), and the part of the page that is seen.
  const box = () => root.closest(".dl-box"), beside = () => (box() ? box().offsetHeight - root.offsetHeight : 0);
  const around = () => `${root.clientWidth} ${area(root)} ${beside()}`;

  // Smaller panels before a view that is higher than the screen. Where not even those help, one row is seen between the controls, which stick.
  function layout() {
    [room, ratio, seen] = [root.clientWidth, window.devicePixelRatio, around()];
    if (!room) return; // not in the page yet: the ResizeObserver calls again
    look();
    stage.replaceChildren(...views.map((view) => view.cell)); // only what stands in the page can be measured
    for (const view of views) reserve(view.lead, view.panel.lead, "width");
    reserve(readout, film.labels.length ? film.labels : [`${film.frames} / ${film.frames}`, ""], "width");
    reserve(caption, film.captions, "height");
    const most = film.panel_width ?? TALL, high = area(root) - beside(), over = () => root.offsetHeight - high;
    let talls = rank(most);
    for (let tries = 0; over() > 0 && Math.max(...talls) > LEAST && tries < 4; tries++)
      talls = rank(Math.max(LEAST, Math.max(...talls) - Math.ceil(over() / talls.length)));
    if (over() > 0) {
      const row = () => Math.max(...[...stage.children].map((child) => child.offsetHeight)) + bar.offsetHeight;
      for (let tall = most; rank(tall), row() > high && tall > LEAST; ) tall = Math.max(LEAST, tall - 20);
    }
    laid = mould();
    show(index);
  }
  // Put the panels in rows, as many in a row as stay readable; returns the rows' heights. Panels of one shape have one size in all rows.
  function rank(most) {
    const free = room - 8, sum = (row, f) => row.reduce((total, view) => total + f(view), 0);
    const widest = (row) => (free + GAP - sum(row, (v) => v.extra + v.lead.offsetWidth + 2 + GAP)) / sum(row, (v) => v.slope);
    const height = (row) => Math.min(most, widest(row));
    const good = (row) => height(row) >= Math.min(most, row.every((v) => v.grain) ? SMALL : SMALL_PLOT);
    let rows, count = views.length;
    do rows = Array.from({ length: Math.ceil(views.length / count) }, (_, r) => views.slice(r * count, (r + 1) * count));
    while (!rows.every(good) && --count);
    const alike = (v, w) => !v.grain === !w.grain && Math.abs(Math.log(v.slope / w.slope)) < 0.15;
    const talls = rows.map((row) => Math.min(...rows.filter((other) => row.some((v) => other.some((w) => alike(v, w)))).map(height)));
    stage.replaceChildren(...rows.map(() => make("div", { class: rows.length > 1 ? "fp-row" : "fp-row fp-alone" })));
    rows.forEach((row, r) => arrange(row, stage.children[r], talls[r], free));
    return talls;
  }
  function arrange(row, box, height, free) {
    box.append(...row.map((view) => view.cell));
    const grain = Math.max(...row.map((view) => view.grain ?? 1)), tall = snap(height, grain);
    for (const view of row) {
      const { panel, canvas, lead, title, note, box, resize } = view;
      resize(tall, free - lead.offsetWidth - 2);
      box.style.width = `${canvas.offsetWidth}px`;
      title.style.marginTop = "";
      reserve(note, panel.notes, "height");
    }
    const high = Math.max(...row.map((view) => view.title.offsetHeight)); // so that the canvases start on one line
    for (const { canvas, lead, title } of row) {
      title.style.marginTop = `${high - title.offsetHeight}px`;
      lead.style.marginTop = `${high + canvas.offsetHeight / 2}px`;
    }
  }
  function look() {
    darken(root);
    const css = getComputedStyle(root), read = (name) => css.getPropertyValue(name), { colors, grey } = root.classList.contains(DARKNESS) ? DARK : LIGHT;
    theme = { ink: css.color, quiet: read("--quiet"), line: read("--line"), card: read("--card"), colors, grey };
    for (const { legend, panel } of views) for (const key of legend.children) key.firstChild.style.color = hues(panel, theme).colors[key.color] ?? theme.grey;
  }
  // What of a film decides where everything stands. One that grows keeps it.
  function mould() {
    const most = (texts) => Math.max(0, ...texts.map((text) => text.length));
    const of = ({ panel: p, slope, extra, grain, signs }) => [p.title, p.lead, most(p.notes), slope, extra, grain, signs];
    return JSON.stringify([film.panel_width, most(film.labels), most(film.captions), views.map(of)]);
  }
  function load() {
    const old = views, at = index;
    film = newest(model);
    index = Math.min(model.get("value"), film.frames - 1);
    if (film.panels === panels && index === at) return; // what was foreseen has come true
    panels = film.panels;
    const fits = (view, panel) => view && (view.panel.kind === "plot") === (panel.kind === "plot");
    views = film.panels.map((panel, k) => fill(fits(old[k], panel) ? old[k] : build(panel), panel));
    root.setAttribute("aria-label", plain(film.name));
    slider.max = film.frames - 1;
    bar.hidden = film.frames === 1;
    if (room && laid === mould() && views.every((view, k) => view === old[k])) return show(index); // to measure again is dear
    room = 0; // nothing is painted before it is laid out
    show(index);
    layout();
  }

  slider.addEventListener("input", () => step(+slider.value - index));
  stage.addEventListener("click", () => slider.focus({ preventScroll: true })); // so that the arrow keys work at once
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.target === speed) return;
    const by = KEYS[event.key], press = event.target.tagName === "BUTTON" && " Enter".includes(event.key); // presses itself
    if (press || (by === undefined && event.key !== " ")) return;
    event.preventDefault();
    if (by === undefined) toggle();
    else step(by);
  });
  keepInput(root);

  const leave = new AbortController();
  const listen = (target, event, act) => target.addEventListener(event, act, { signal: leave.signal });
  const fit = () => requestAnimationFrame(() => root.isConnected && around() !== seen && layout()); // not within the observer: it moves what is observed
  const sizes = new ResizeObserver(fit);
  const stale = () => window.devicePixelRatio !== ratio || around() !== seen;
  const screens = setInterval(() => root.isConnected && stale() && layout(), 300); // of another screen, or of a width that was 0 for a moment, no observer tells
  const follow = () => {
    if (model.get("value") === index || comes(model, film)) return;
    sender = clearTimeout(sender) ?? 0; // the kernel's word is newer than what was to be told
    show(model.get("value"));
    kept.moved();
  };
  document.addEventListener("click", () => sender && send(), { signal: leave.signal, capture: true }); // a button's press comes after what was moved before it
  listen(document, "visibilitychange", () => document.hidden && pause());
  const reload = () => {
    load();
    kept.moved();
  };
  model.on("change:film", reload);
  model.on("change:grown", reload);
  model.on("change:value", follow);
  load();
  sizes.observe(root.appendChild(make("div"))); // a line without height: layout never moves it
  requestAnimationFrame(() => box() && sizes.observe(box()));
  listen(window, "resize", fit);
  const unfollow = followTheme(root, layout);

  return () => {
    pause();
    if (sender) send();
    model.off("change:film", reload);
    model.off("change:grown", reload);
    model.off("change:value", follow);
    sizes.disconnect();
    clearInterval(screens);
    unfollow();
    kept.leave();
    leave.abort();
  };
}
