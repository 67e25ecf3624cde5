// A map of a two-dimensional latent space: point somewhere, and see at once what the decoder draws there. No kernel needed.
const SIDE = 400, SMALL = 200, CSS = `${colours(".lm")}
.lm { display: flex; gap: 24px; align-items: flex-start; flex-wrap: wrap; font: 16px system-ui, sans-serif; }
.lm canvas { border: 1px solid var(--quiet); }
.lm-map { width: min(${SIDE}px, 100%, 60vh); aspect-ratio: 1; touch-action: none; cursor: crosshair; }
.lm-small { width: min(${SMALL}px, 28vh); aspect-ratio: 1; image-rendering: pixelated; }
.lm-side { display: grid; gap: 10px; flex: 1 1 320px; min-width: 0; max-width: 470px; } .lm-row { display: flex; gap: 24px; flex-wrap: wrap; } .lm figure { margin: 0; }
.lm figcaption { font-weight: 600; margin-bottom: 4px; } .lm-says { min-height: 48px; max-width: 430px; font-variant-numeric: tabular-nums; }
.lm button { min-height: 44px; padding: 0 18px; font: inherit; color: inherit; cursor: pointer; border-radius: 22px;
  border: 1px solid var(--quiet); background: var(--card); }
.lm button[aria-pressed="true"] { border: 3px solid var(--accent); font-weight: 600; }
${LOW_SCREEN} { .lm-row { gap: 8px 16px; } .lm button { min-height: 36px; font-size: 15px; } .lm-says { font-size: 15px; } }`;

function render({ model, el }) {
  const film = model.get("film"), words = model.get("words");
  const bytes = (key) => { const b = film[key]; return new Uint8Array(b.buffer ?? b, b.byteOffset ?? 0, b.byteLength); };
  const floats = (key) => { const b = bytes(key); return new Float32Array(b.slice().buffer); };
  const { steps, limit, width, height, names } = film, size = width * height;
  const decoded = bytes("decoded"), real = bytes("real"), label = bytes("label"), xy = floats("points");
  const root = make("div", { class: "lm" }), side = make("div", { class: "lm-side" });
  const map = make("canvas", { width: 2 * SIDE, height: 2 * SIDE, class: "lm-map", tabindex: 0, role: "application", "aria-label": worded(words.map, film) });
  const pen = map.getContext("2d"), says = make("div", { class: "lm-says", role: "status" });
  const panel = (title) => {
    const canvas = make("canvas", { width, height, class: "lm-small", role: "img", "aria-label": title });
    return [make("figure", {}, make("figcaption", {}, title), canvas), (source, at) => {
      const image = new ImageData(width, height);
      for (let i = 0; i < size; i++) image.data.set([source[at + i], source[at + i], source[at + i], 255], 4 * i);
      canvas.getContext("2d").putImageData(image, 0, 0);
    }];
  };
  const [left, showDecoded] = panel(words.decoded), [right, showReal] = panel(words.nearest);
  const toPixel = (v) => (0.5 + v / (2 * limit)) * 2 * SIDE;
  const index = (v) => Math.min(steps - 1, Math.max(0, Math.round((v / (2 * limit) + 0.5) * (steps - 1))));

  function paper(kind) {
    const canvas = make("canvas", { width: 2 * SIDE, height: 2 * SIDE }), ink = canvas.getContext("2d");
    ink.fillStyle = LIGHT.card; // paper in both themes, and so the digits on it are dark
    ink.fillRect(0, 0, 2 * SIDE, 2 * SIDE);
    if (kind === "tiles") {
      const n = 16, tile = (2 * SIDE) / n, one = make("canvas", { width, height }), image = new ImageData(width, height);
      ink.imageSmoothingEnabled = false;
      for (let row = 0; row < n; row++) for (let column = 0; column < n; column++) {
        const z = [column, n - 1 - row].map((k) => ((k + 0.5) / n - 0.5) * 2 * limit);
        const at = (index(z[1]) * steps + index(z[0])) * size;
        for (let i = 0; i < size; i++) image.data.set([decoded[at + i], decoded[at + i], decoded[at + i], 255], 4 * i);
        one.getContext("2d").putImageData(image, 0, 0);
        ink.drawImage(one, column * tile + 1, row * tile + 1, tile - 2, tile - 2);
      }
    } else {
      Object.assign(ink, { font: "bold 22px system-ui, sans-serif", textAlign: "center", textBaseline: "middle" });
      for (let i = 0; i < label.length; i++) {
        ink.fillStyle = LIGHT.words[label[i] % 7];
        ink.fillText(names[label[i]], toPixel(xy[2 * i]), 2 * SIDE - toPixel(xy[2 * i + 1]));
      }
    }
    return canvas;
  }
  const papers = { digits: paper("digits"), tiles: paper("tiles") };
  let [x, y] = model.get("at"), kind = "digits";

  function draw() {
    pen.drawImage(papers[kind], 0, 0);
    const a = toPixel(x), b = 2 * SIDE - toPixel(y);
    for (const [colour, wide] of kind === "tiles" ? [["#000", 11], ["#ff8f4a", 6]] : [["#fff", 9], ["#000", 4]]) {
      Object.assign(pen, { strokeStyle: colour, lineWidth: wide });
      pen.beginPath();
      pen.arc(a, b, 18, 0, 7);
      pen.stroke();
    }
    showDecoded(decoded, (index(y) * steps + index(x)) * size);
    let best = 0, least = Infinity;
    for (let i = 0; i < label.length; i++) {
      const d = (xy[2 * i] - x) ** 2 + (xy[2 * i + 1] - y) ** 2;
      if (d < least) [best, least] = [i, d];
    }
    showReal(real, best * size);
    const number = (v) => (v < 0 ? "\u2212" : "") + Math.abs(v).toFixed(2);
    says.textContent = worded(words.says, { x: number(x), y: number(y), digit: names[label[best]], far: Math.sqrt(least).toFixed(2) });
  }
  function go(nx, ny) {
    [x, y] = [nx, ny].map((v) => Math.min(limit, Math.max(-limit, v)));
    draw();
  }
  function tell() {
    model.set("at", [x, y]);
    model.save_changes();
  }
  const point = (event) => {
    const box = map.getBoundingClientRect();
    go(((event.clientX - box.left) / box.width - 0.5) * 2 * limit, (0.5 - (event.clientY - box.top) / box.height) * 2 * limit);
  };
  model.on("change:at", () => go(...model.get("at")));
  map.addEventListener("pointermove", point);
  map.addEventListener("pointerdown", point);
  for (const end of ["pointerup", "pointerleave"]) map.addEventListener(end, tell);
  map.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    go(x + (step[0] * 2 * limit) / (steps - 1), y + (step[1] * 2 * limit) / (steps - 1));
    tell();
  });
  const row = make("div", { class: "lm-row" }), buttons = make("div", { class: "lm-row" });
  const faces = { digits: words.digits, tiles: words.tiles };
  for (const [name, text] of Object.entries(faces)) {
    const button = make("button", { type: "button", "aria-pressed": name === kind }, text);
    button.addEventListener("click", () => {
      kind = name;
      for (const other of buttons.children) other.setAttribute("aria-pressed", String(other === button));
      draw();
    });
    buttons.append(button);
  }
  row.append(left, right);
  side.append(buttons, row, says);
  root.append(make("style", {}, CSS), map, side);
  el.append(root);
  keepInput(root);
  draw();
  return followTheme(root);
}

export default { render };
