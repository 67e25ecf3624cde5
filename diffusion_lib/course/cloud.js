// A pad on which one draws a cloud of points: with mouse, pen, finger or keyboard. Each finished stroke goes to the kernel.
const SIDE = 600, MOST = 4000, JITTER = 0.035, STEP = 0.014, CSS = `${colours(".cl")}
.cl { display: grid; gap: 6px; width: min(300px, 100%); font: 16px/1.35 system-ui, sans-serif; }
.cl canvas { width: 100%; aspect-ratio: 1; box-sizing: border-box; border: 1.5px solid var(--quiet); border-radius: 10px;
  background: var(--card); touch-action: none; cursor: crosshair; }
.cl canvas:focus-visible { outline-offset: -3px; }
.cl div { display: flex; gap: 8px; align-items: center; flex-wrap: wrap; }
.cl button { min-height: 44px; padding: 0 18px; font: inherit; color: inherit; cursor: pointer; border-radius: 22px;
  border: 1px solid var(--quiet); background: var(--card); }
.cl button:hover { background: var(--hover); } .cl button:disabled { opacity: .45; cursor: default; }
.cl-says { min-width: 96px; font-variant-numeric: tabular-nums; } .cl-keys { color: var(--quiet); font-size: 14px; margin: 0; min-height: 38px; }
.cl-side { flex: 0 1 312px; width: 312px; max-width: 100%; align-self: flex-start; }
${LOW_SCREEN} { .cl-side { flex: 0 0 216px; width: 216px; position: sticky; top: 0; } .cl { width: min(200px, 100%); gap: 3px; } .cl button { min-height: 36px; padding: 0 12px; font-size: 15px; } .cl-keys { display: none; } }`;

function render({ model, el }) {
  const words = model.get("words"), root = make("div", { class: "cl" }), row = make("div");
  const canvas = make("canvas", { width: SIDE, height: SIDE, tabindex: 0, role: "application" }), pen = canvas.getContext("2d");
  const says = make("span", { class: "cl-says", role: "status" });
  let strokes = model.get("strokes").map((s) => [...s]), stroke = null, last = null, at = [0, 0], down = false;
  const count = () => strokes.reduce((n, s) => n + s.length / 2, 0) + (stroke ? stroke.length / 2 : 0);

  function draw() {
    const hue = getComputedStyle(root), middle = SIDE / 2;
    pen.clearRect(0, 0, SIDE, SIDE);
    pen.strokeStyle = hue.getPropertyValue("--line");
    pen.lineWidth = 2;
    pen.beginPath();
    for (const [a, b, c, d] of [[middle, 0, middle, SIDE], [0, middle, SIDE, middle]]) pen.moveTo(a, b), pen.lineTo(c, d);
    pen.stroke();
    pen.fillStyle = hue.getPropertyValue("--accent");
    for (const s of [...strokes, stroke ?? []]) for (let i = 0; i < s.length; i += 2) {
      pen.beginPath();
      pen.arc(middle * (1 + s[i]), middle * (1 - s[i + 1]), 4.5, 0, 7);
      pen.fill();
    }
    if (document.activeElement === canvas) { // where the keyboard's pen is; filled: it is down
      pen.strokeStyle = pen.fillStyle = hue.getPropertyValue("--second");
      pen.lineWidth = 5;
      pen.beginPath();
      pen.arc(middle * (1 + at[0]), middle * (1 - at[1]), 15, 0, 7);
      down ? pen.fill() : pen.stroke();
    }
    const n = count();
    says.textContent = worded(words.points, { n });
    canvas.setAttribute("aria-label", worded(words.pad, { n }));
    undo.disabled = clear.disabled = !n;
  }
  const bell = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  const within = (v) => Math.min(1, Math.max(-1, v));
  function spray([x, y], n) {
    for (let i = 0; i < n && count() < MOST; i++) stroke.push(...[x, y].map((v) => +within(v + JITTER * bell()).toFixed(3)));
  }
  function begin(where, n) {
    [stroke, last] = [[], where];
    spray(where, n);
  }
  function go(where) { // points along the way, as dense however fast one is
    const far = Math.hypot(where[0] - last[0], where[1] - last[1]), n = Math.floor(far / STEP);
    for (let i = 1; i <= n; i++) spray([0, 1].map((k) => last[k] + ((where[k] - last[k]) * i) / n), 1);
    if (n) last = where;
  }
  function tell() {
    model.set("strokes", strokes.map((s) => [...s]));
    model.save_changes();
    draw();
  }
  function end() {
    if (!stroke) return;
    if (stroke.length) strokes.push(stroke);
    stroke = null;
    tell();
  }
  function back() {
    down = false;
    end();
    strokes.pop();
    tell();
  }
  function wipe() {
    [strokes, stroke, down] = [[], null, false];
    tell();
  }

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [within((2 * (event.clientX - box.left)) / box.width - 1), within(1 - (2 * (event.clientY - box.top)) / box.height)];
  };
  canvas.addEventListener("pointerdown", (event) => {
    end();
    canvas.setPointerCapture(event.pointerId);
    down = false;
    begin(place(event), 6);
    draw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke || down) return;
    for (const part of event.getCoalescedEvents?.() ?? []) go(place(part));
    go(place(event));
    draw();
  });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, () => down || end());

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const KEYS = {
    " ": () => (down ? spray(at, 12) : (begin(at, 12), end())),
    Enter: () => ((down = !down) ? begin(at, 6) : end()),
    Backspace: back,
    Delete: wipe,
  };
  canvas.addEventListener("keydown", (event) => {
    const way = MOVES[event.key], undone = (event.ctrlKey || event.metaKey) && event.key === "z";
    const act = undone ? back : event.ctrlKey || event.metaKey || (event.shiftKey && event.key === "Enter") ? null : KEYS[event.key];
    if (!way && !act) return;
    event.preventDefault();
    if (way) {
      at = at.map((v, k) => within(v + way[k] * (event.shiftKey ? 0.2 : 0.05)));
      if (down) go(at);
    } else act();
    draw();
  });
  canvas.addEventListener("focus", draw);
  canvas.addEventListener("blur", () => {
    down = false;
    end();
    draw();
  });
  const undo = make("button", { type: "button" }, words.undo), clear = make("button", { type: "button" }, words.clear);
  undo.addEventListener("click", back);
  clear.addEventListener("click", wipe);
  const heard = () => {
    strokes = model.get("strokes").map((s) => [...s]);
    draw();
  };
  model.on("change:strokes", heard);
  row.append(undo, clear, says);
  root.append(make("style", {}, CSS), canvas, row, make("p", { class: "cl-keys" }, words.keys));
  el.append(root);
  keepInput(root);
  const leave = followTheme(root, draw);
  requestAnimationFrame(() => requestAnimationFrame(draw));
  draw();
  return () => {
    leave();
    model.off("change:strokes", heard);
  };
}

export default { render };
