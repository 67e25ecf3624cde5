// A noise schedule drawn by hand: handles on alpha_bar, and beside it all that follows. Looks like player.js.
// "film" holds the pictures, their noise and the presets' tables; "state" is what the kernel hears: preset, T, handles, picture.

const CSS = `${colours(".sc")} ${STICKY}
.sc { box-sizing: border-box; max-width: 1000px; padding: 4px;
  font: 16px/1.45 var(--jp-content-font-family, system-ui, sans-serif); text-align: left; container-type: inline-size; }
.sc sub { font-size: .72em; line-height: 0; }
.sc-bar { position: sticky; top: 0; z-index: 2; background: var(--page); display: flex; flex-wrap: wrap; align-items: center; gap: 6px 18px; margin-bottom: 4px; }
.sc-bar label { display: flex; align-items: center; gap: 8px; font-size: 15px; color: var(--quiet); }
.sc-bar select, .sc-bar button { box-sizing: border-box; height: 44px; padding: 0 14px; border: 1px solid var(--line); border-radius: 22px;
  background: var(--card); color: var(--ink); font: inherit; cursor: pointer; touch-action: manipulation; }
.sc-bar select:hover, .sc-bar button:hover { background: var(--hover); }
.sc-bar input { width: 150px; height: 44px; margin: 0; accent-color: var(--accent); cursor: pointer; }
.sc-bar output { min-width: 4.6em; font-weight: 600; font-size: 18px; color: var(--ink); font-variant-numeric: tabular-nums; }
.sc-all { display: grid; grid-template-columns: minmax(0, 1.62fr) minmax(0, 1fr); gap: 4px 24px; align-items: start; }
.sc-all > :first-child { grid-row: span 2; }
.sc-title { font-weight: 600; line-height: 1.3; padding: 2px 0; }
.sc svg { display: block; width: 100%; overflow: visible; }
.sc text { fill: var(--quiet); font: 13px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.sc-grid { stroke: var(--line); fill: none; }
.sc-half { stroke: var(--quiet); stroke-dasharray: 4 4; fill: none; }
.sc-curve { fill: none; stroke: var(--accent); stroke-width: 3; stroke-linejoin: round; }
.sc-curve.sc-beta { stroke: var(--second); stroke-dasharray: 9 4; }
.sc-curve.sc-snr { stroke: var(--third); stroke-dasharray: 2 3; }
.sc-handle { cursor: ns-resize; touch-action: none; }
.sc-handle:focus { outline: none !important; }
.sc-handle .sc-touch { fill: transparent; }
.sc-handle .sc-knob { fill: var(--accent); stroke: var(--card); stroke-width: 3; }
.sc-handle:hover .sc-touch { fill: var(--accent); fill-opacity: .15; }
.sc-handle:focus-visible .sc-touch { fill: var(--accent); fill-opacity: .15; stroke: var(--accent); stroke-width: 3; }
.sc-strip { display: grid; grid-template-columns: repeat(7, minmax(0, 1fr)); gap: 4px; margin-top: 4px; }
.sc-strip figure { margin: 0; text-align: center; font-size: 14px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.sc-strip canvas { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 6px; image-rendering: pixelated; background: var(--hover); }
.sc-strip span { display: block; color: var(--quiet); }
.sc-gauge { line-height: 1.35; }
.sc-scale { position: relative; height: 20px; margin-top: 2px; border-radius: 10px; overflow: hidden; border: 1px solid var(--line);
  background: repeating-linear-gradient(135deg, transparent 0 6px, var(--hover) 6px 12px); }
.sc-fill { position: absolute; inset: 0 auto 0 0; background: var(--second); }
.sc-good .sc-fill { background: var(--third); }
.sc-mark { position: absolute; top: 0; bottom: 0; width: 0; border-left: 3px solid var(--ink); }
.sc-ticks { position: relative; height: 20px; font-size: 13px; color: var(--quiet); }
.sc-ticks span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.sc-ticks span:first-child { transform: none; } .sc-ticks span:last-child { transform: translateX(-100%); }
.sc-verdict { min-height: 4.05em; font-variant-numeric: tabular-nums; } .sc-verdict b { display: block; font-size: 17px; }
${LOW_SCREEN} { .sc { padding: 0 4px; } .sc-bar { margin: 0; } .sc-bar select, .sc-bar button, .sc-bar input { height: 36px; } .sc-all { gap: 0 24px; }
  .sc text { font-size: 16px; } .sc-title { font-size: 15px; padding: 0; } .sc-strip { margin-top: 2px; } .sc-strip canvas { max-height: 52px; }
  .sc-strip figure { font-size: 12px; } .sc-verdict { min-height: 0; font-size: 14px; } .sc-scale, .sc-ticks { height: 16px; } .sc-verdict b { font-size: 15px; } }
${LOW_SCREEN} { @container (max-width: 700px) { .sc-bar { gap: 2px 8px; } .sc-bar input { width: 96px; } .sc-bar output { min-width: 4.2em; } } }
@container (max-width: 700px) { .sc-all { grid-template-columns: minmax(0, 1fr); } .sc-all > :first-child { grid-row: auto; order: -2; }
  .sc-gauge { order: -1; } /* the verdict beside the dots that change it */
  .sc-strip figure { font-size: 12px; } }
`;
const SEND_MS = 80, PICTURES = 7;
const MAIN = { left: 40, right: 16, top: 16, width: 610, height: 262, below: 24 }, SMALL = { left: 46, right: 12, top: 10, width: 370, height: 106, below: 22 };
const FLAT = { ...MAIN, height: 178 }, SMALL_FLAT = { ...SMALL, height: 92 }; // on a low screen
const DB = 50, LEAST = -6, MOST = 1; // the SNR plot shows -50..50 dB, the gauge 1e-6..10 nats
const GAP = 0.002; // two handles differ by at least 0.2 %, so that alpha_bar falls at every step

const minus = (text) => String(text).replace(/^-0$/, "0").replace("-", "\u2212");
const sub = (before, low, after = "") => [before, make("sub", {}, low), after]; // x_t, as elements

// alpha_bar (T+1) through handles: -log(alpha_bar) is a monotone cubic. The same sums in the same order as sculpt() in sculptor.py.
export function sculpt(handles, T) {
  const n = handles.length, g = [0, ...handles.map((h) => -Math.log(h))];
  const d = handles.map((_, k) => g[k + 1] - g[k]);
  const m = [Math.max(0, (3 * d[0] - d[1]) / 2)];
  for (let k = 1; k < n; k++) m.push((2 * d[k - 1] * d[k]) / (d[k - 1] + d[k]));
  m.push(Math.max(0, (3 * d[n - 1] - d[n - 2]) / 2));
  return Float64Array.from({ length: T + 1 }, (_, t) => {
    const x = (n * t) / T, k = Math.min(Math.floor(x), n - 1), s = x - k, r = 1 - s;
    const rise = (3 - 2 * s) * s * s * d[k] + s * r * (r * m[k] - s * m[k + 1]);
    return Math.exp(-(g[k] + rise));
  });
}
// Handle k goes where it is pulled and pushes the others along, as they stood when the pull began.
function pulled(before, k, to, lowest) {
  const n = before.length, deepest = -Math.log(lowest), g = before.map((h) => -Math.log(h));
  const goal = Math.min(Math.max(-Math.log(to), (k + 1) * GAP), deepest - (n - 1 - k) * GAP);
  return g.map((v, j) => Math.exp(-(j === k ? goal : j < k ? Math.min(v, goal - (k - j) * GAP) : Math.max(v, goal + (j - k) * GAP))));
}
const decibels = (a) => 10 * Math.log10(a / (1 - a));
const bytes = (view, Kind) => new Kind(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

// ---- a plane with grid lines; X takes 0..1, Y what the plot shows ------------------------------------------------------

function plane(box, title, label) {
  const svg = make("svg", { viewBox: `0 0 ${box.width} ${box.height}`, role: "group", "aria-label": label });
  const wide = box.width - box.left - box.right, tall = box.height - box.top - box.below;
  const cell = make("div", {}, make("div", { class: "sc-title" }, ...title), svg);
  const X = (u) => box.left + u * wide, Y = (v) => box.top + (1 - v) * tall;
  const row = (v, kind = "sc-grid") => svg.append(make("line", { x1: X(0), x2: X(1), y1: Y(v), y2: Y(v), class: kind }));
  const letter = (x, y, anchor, text) => svg.appendChild(make("text", { x, y, "text-anchor": anchor }, text));
  const tick = (v, text) => letter(X(0) - 7, Y(v) + 4.5, "end", text);
  const times = ["start", "middle", "end"].map((anchor, i) => letter(X(i / 2), Y(0) + box.below - 3, anchor, ""));
  const path = (kind) => svg.appendChild(make("path", { class: `sc-curve ${kind}` }));
  return { svg, cell, X, Y, tall, row, tick, times, path, letter };
}
function line({ X, Y }, a, from, value) { // at most some 500 points, whatever T is
  const T = a.length - 1, by = Math.ceil((T + 1) / 500), points = [];
  for (let t = from; t <= T; t += by) points.push(t);
  if (points.at(-1) !== T) points.push(T);
  return "M" + points.map((t) => `${X(t / T).toFixed(2)} ${Y(Math.min(1, Math.max(0, value(t)))).toFixed(2)}`).join("L");
}

// Drawn anew when the screen gets low or high again: curves that were only squeezed would have letters that nobody can read.
function render({ model, el }) {
  const low = window.matchMedia(LOW);
  let end = sculptor({ model, el }, low.matches);
  const again = () => {
    end();
    el.replaceChildren();
    end = sculptor({ model, el }, low.matches);
  };
  low.addEventListener("change", again);
  return () => {
    low.removeEventListener("change", again);
    end();
  };
}

function sculptor({ model, el }, low) {
  const film = model.get("film"), first = model.get("state"), words = model.get("words"), DRAWN = words.drawn, K = film.handles;
  const presets = Object.fromEntries(film.presets.map((p) => [p.name, { ...p, tables: p.tables.map((v) => bytes(v, Float64Array)) }]));
  const pictures = Object.fromEntries(film.pictures.map((p) => [p.name, { ...p, x0: bytes(p.x0, Float32Array), eps: bytes(p.eps, Float32Array) }]));
  let state = first, own = first.preset ? null : first.handles, alphaBar, handles, frame = 0, sender = 0, sent = 0, pull = null;

  // ---- what is on the screen
  const root = make("div", { class: "sc", role: "group", "aria-label": words.sculptor });
  const menu = (names, act) => {
    const select = make("select", {}, ...names.map((name) => make("option", { value: name }, film.names[name] ?? name)));
    select.addEventListener("change", () => act(select.value));
    return select;
  };
  const preset = menu([...Object.keys(presets)], (name) => (name === DRAWN ? set({ preset: "", handles: own }) : set({ preset: name, T: presets[name].T || state.T, handles: [] })));
  const drawn = preset.appendChild(make("option", { value: DRAWN }, DRAWN));
  const picture = menu(Object.keys(pictures), (name) => set({ picture: name }));
  const steps = make("input", { type: "range", min: 0, max: film.steps.length - 1, step: 1, "aria-label": words.T });
  const readout = make("output"), reset = make("button", { type: "button" }, words.reset);
  steps.addEventListener("input", () => set({ T: film.steps[+steps.value] }));
  reset.addEventListener("click", () => set(first));
  const bar = make("div", { class: "sc-bar" }, make("label", {}, words.schedule, preset), make("label", {}, words.steps, steps, readout));
  if (film.pictures.length > 1) bar.append(make("label", {}, words.picture, picture));
  bar.append(reset);

  const [large, small] = low ? [FLAT, SMALL_FLAT] : [MAIN, SMALL], main = plane(large, sub("ā", "t", words.main), words.mainAlt);
  const betas = plane(small, sub("β", "t", words.betas), words.betasAlt);
  const snr = plane(small, [words.snr], words.snrAlt);
  for (const v of [0, 0.25, 0.5, 0.75, 1]) main.row(v), main.tick(v, v);
  betas.row(0), betas.row(1), betas.tick(0, "0");
  const top = betas.tick(1, "");
  for (const db of [-40, -20, 0, 20, 40]) {
    snr.row((db + DB) / (2 * DB), db ? "sc-grid" : "sc-half");
    if (db % 40 === 0) snr.tick((db + DB) / (2 * DB), minus(db));
  }
  const curve = main.path(""), beta = betas.path("sc-beta"), ratio = snr.path("sc-snr");
  const knobs = Array.from({ length: K }, (_, k) => knob(k));

  const cells = Array.from({ length: PICTURES }, () => {
    const canvas = make("canvas", { role: "img" }), time = make("b"), db = make("span");
    return { canvas, time, db, box: make("figure", {}, canvas, time, db), pen: canvas.getContext("2d") };
  });
  const strip = make("div", { class: "sc-strip" }, ...cells.map((c) => c.box));
  const fill = make("div", { class: "sc-fill" }), share = (v) => Math.min(1, Math.max(0.004, (Math.log10(v) - LEAST) / (MOST - LEAST)));
  const mark = make("div", { class: "sc-mark", style: `left:${100 * share(film.noise)}%` });
  const ticks = make("div", { class: "sc-ticks", "aria-hidden": true });
  for (const [v, text] of [[1e-6, "0.000001"], [film.noise, String(film.noise)], [0.1, "0.1"], [10, words.nats]])
    ticks.append(make("span", { style: `left:${(100 * (Math.log10(v) - LEAST)) / (MOST - LEAST)}%` }, text));
  const [word, number, left] = [make("b"), make("div"), make("div")], verdict = make("div", { class: "sc-verdict", role: "status" }, word, number, left);
  const gauge = make("div", { class: "sc-gauge" }, make("div", { class: "sc-title" }, ...subs(words.question)),
    make("div", { class: "sc-scale", "aria-hidden": true }, fill, mark), ticks, verdict);
  const style = make("style", {}, CSS);
  root.append(style, bar, make("div", { class: "sc-all" }, main.cell, betas.cell, snr.cell, strip, gauge));
  el.append(root);

  // ---- a handle: mouse, touch, keys
  function knob(k) {
    const g = make("g", { class: "sc-handle", tabindex: 0, role: "slider", "aria-orientation": "vertical", "aria-valuemin": 0, "aria-valuemax": 1 },
      make("circle", { class: "sc-touch", r: 22 }), make("circle", { class: "sc-knob", r: 9 }));
    g.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      g.setPointerCapture(event.pointerId);
      pull = { before: handles, from: event.clientY, at: handles[k] };
      g.focus({ preventScroll: true });
      event.preventDefault();
    });
    g.addEventListener("pointermove", (event) => {
      if (!pull || !g.hasPointerCapture(event.pointerId)) return;
      const perPixel = large.height / main.svg.getBoundingClientRect().height / main.tall;
      draw(pulled(pull.before, k, Math.max(pull.at - (event.clientY - pull.from) * perPixel, film.lowest), film.lowest));
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) g.addEventListener(end, () => pull && (pull = null, send()));
    g.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      const h = handles[k], fine = h > 0.05 ? 0.01 : 0.2 * h; // small steps near 0, where decibels are large
      const to = { ArrowUp: h + fine, ArrowRight: h + fine, ArrowDown: h - fine, ArrowLeft: h - fine, PageUp: h + 0.1, PageDown: h - 0.1, Home: 0, End: 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      draw(pulled(handles, k, Math.max(to, film.lowest), film.lowest));
    });
    return main.svg.appendChild(g);
  }
  function draw(to) {
    own = handles = to;
    set({ preset: "", handles: to });
  }

  // ---- state, and everything that follows from it
  const kept = keepStill(model);
  function set(change) {
    state = { ...state, ...change };
    follow();
    kept.moved();
    sender ||= setTimeout(send, Math.max(0, sent + SEND_MS - performance.now()));
  }
  function send() {
    [sender, sent] = [clearTimeout(sender) ?? 0, performance.now()];
    model.set("state", state);
    model.save_changes();
  }
  function follow() {
    const { T } = state;
    alphaBar = state.preset ? presets[state.preset].tables[film.steps.indexOf(T)] : sculpt(state.handles, T);
    handles = state.preset ? Array.from({ length: K }, (_, k) => between(((k + 1) / K) * T)) : state.handles;
    frame ||= requestAnimationFrame(paint);
  }
  function between(t) { // alpha_bar where no step ends: its log lies on a line
    const i = Math.min(Math.floor(t), state.T - 1), s = t - i;
    return Math.exp((1 - s) * Math.log(alphaBar[i]) + s * Math.log(alphaBar[i + 1]));
  }

  function paint() {
    frame = 0;
    const { T } = state, a = alphaBar, shown = pictures[state.picture], last = a[T];
    drawn.disabled = !own;
    preset.value = state.preset || DRAWN;
    picture.value = state.picture;
    steps.value = film.steps.indexOf(T);
    write(readout, `T = ${T}`);
    steps.setAttribute("aria-valuetext", `T = ${T}`);
    for (const { times } of [main, betas, snr]) times.forEach((text, i) => write(text, `t = ${(T * i) / 2}`));

    curve.setAttribute("d", line(main, a, 0, (t) => a[t]));
    const step = (t) => 1 - a[t] / a[t - 1], most = a.reduce((top, _, t) => (t ? Math.max(top, step(t)) : 0), 0), scale = nice(most);
    write(top, String(scale));
    beta.setAttribute("d", line(betas, a, 1, (t) => step(t) / scale));
    ratio.setAttribute("d", line(snr, a, 1, (t) => (decibels(a[t]) + DB) / (2 * DB)));
    knobs.forEach((g, k) => {
      g.setAttribute("transform", `translate(${main.X((k + 1) / K)} ${main.Y(handles[k]).toFixed(2)})`);
      const t = (T * (k + 1)) / K;
      for (const [key, value] of [["aria-label", worded(words.handle, { t })], ["aria-valuenow", handles[k].toFixed(5)], ["aria-valuetext", worded(words.value, { a: handles[k].toPrecision(3), db: minus(decibels(handles[k]).toFixed(0)) })]]) g.setAttribute(key, value);
    });
    cells.forEach((cell, i) => show(cell, shown, Math.round((T * i) / (PICTURES - 1)), a));

    const kl = (last * shown.power - last - Math.log1p(-last)) / 2, good = kl < film.noise;
    fill.style.width = `${100 * share(kl)}%`;
    gauge.classList.toggle("sc-good", good);
    write(word, good ? words.good : words.bad);
    write(number, worded(words.kl, { kl: tidy(kl) }));
    write(left, worded(words.left, { a: tidy(last), percent: tidy(100 * Math.sqrt(last)) }));
  }
  function show({ canvas, pen, time, db }, { x0, eps, channels, width, height }, t, a) {
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const image = pen.createImageData(width, height), to = image.data, p = 127.5 * Math.sqrt(a[t]), q = 127.5 * Math.sqrt(1 - a[t]);
    for (let k = 0, i = 0; k < x0.length; k += channels, i += 4) {
      for (let c = 0; c < 3; c++) {
        const from = channels === 3 ? k + c : k;
        to[i + c] = p * x0[from] + q * eps[from] + 127.5; // clamped and rounded by the array itself
      }
      to[i + 3] = 255;
    }
    pen.putImageData(image, 0, 0);
    write(time, `t = ${t}`);
    write(db, t ? `${minus(decibels(a[t]).toFixed(0))} dB` : words.none);
    canvas.setAttribute("aria-label", worded(words.pictureAlt, { t: time.shown, db: db.shown }));
  }

  // ---- dark or light, keys, the kernel
  const hear = () => {
    if (JSON.stringify(model.get("state")) === JSON.stringify(state) || pull) return;
    sender = clearTimeout(sender) ?? 0; // the kernel's word is newer than what was to be told
    state = model.get("state");
    own = state.preset ? own : state.handles;
    follow();
    kept.moved();
  };
  keepInput(root);
  model.on("change:state", hear);
  follow();
  const unfollow = followTheme(root);
  return () => {
    if (sender) send();
    cancelAnimationFrame(frame);
    unfollow();
    kept.leave();
    model.off("change:state", hear);
  };
}

const nice = (v) => { // the smallest of 1, 2, 5 times a power of ten that holds v, and never more than 1
  const ten = 10 ** Math.floor(Math.log10(v));
  return Math.min(1, +(ten * [1, 2, 5, 10].find((m) => m * ten >= v)).toPrecision(1));
};
// Two digits, and no power of ten that a learner would have to read twice.
const tidy = (v) => (v >= 9.95 ? v.toFixed(0) : v >= 0.095 ? v.toFixed(2) : v.toFixed(Math.min(8, 1 - Math.floor(Math.log10(v)))));

export default { render };
