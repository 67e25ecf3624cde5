// The panels of a film: stored pictures, pictures and clouds mixed here from x0 and noise, curves.
// A view has take(panel) -> what its size follows from, width = slope height + extra; resize(tall, widest); paint(frame, theme).

const DASHES = [[], [9, 5], [2, 4], [10, 4, 2, 4], [5, 3], [14, 4], [1, 2]];
const FONT = "system-ui, sans-serif";

function icon(viewBox, d, attributes = {}) {
  return make("svg", { viewBox, "aria-hidden": true }, make("path", { d, fill: "currentColor", ...attributes }));
}

// A field is as light in both themes, and the marks on it are dark.
const hues = (panel, theme) => (panel.field ? { ...LIGHT, colors: LIGHT.words } : theme);
const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const aligned = (view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
const f32 = (view) => new Float32Array(aligned(view)), f64 = (view) => new Float64Array(aligned(view));
// Whole multiples make all pixels equally large; where that would waste too much room, come as close as the room allows.
const snap = (tall, grain) => (Math.floor(tall / grain) * grain >= 0.6 * tall ? Math.floor(tall / grain) * grain : tall);

// Stored frames and mixed ones fill the same picture of native size; the style enlarges it.
function picture(canvas) {
  const context = canvas.getContext("2d");
  let width, height, channels, image, levels;
  return {
    take(panel) {
      if (!image || width !== panel.width || height !== panel.height) {
        Object.assign(canvas, { width: panel.width, height: panel.height });
        image = context.createImageData(panel.width, panel.height);
        image.data.fill(255);
      }
      ({ width, height, channels } = panel);
      levels = (panel.kind === "mix" ? mixed : stored)(panel, width * height * channels);
      return { slope: width / height, extra: 0, grain: height };
    },
    resize(tall, widest) {
      const room = Math.min(tall, (widest * height) / width); // as high as its neighbours, whose pixels may be larger
      const scale = (room === tall || room > 6 * height ? room : snap(room, height)) / height;
      canvas.className = scale < 1 ? "" : "fp-crisp";
      Object.assign(canvas.style, { width: `${width * scale}px`, height: `${height * scale}px` });
    },
    paint(i) {
      const from = levels(i), rgba = image.data, [green, blue] = channels === 3 ? [1, 2] : [0, 0];
      for (let k = 0, p = 0; p < rgba.length; k += channels, p += 4) {
        rgba[p] = from[k];
        rgba[p + 1] = from[k + green];
        rgba[p + 2] = from[k + blue];
      }
      context.putImageData(image, 0, 0);
    },
  };
}

function stored({ data }, size) {
  const all = bytes(data);
  return (i) => (all.length > size ? all.subarray(i * size) : all);
}

function mixed(panel, size) {
  const x0 = f32(panel.x0), eps = f32(panel.eps), bars = f64(panel.alpha_bar), out = new Uint8ClampedArray(size); // rounds
  return (i) => {
    const a = 127.5 * Math.sqrt(bars[i]), b = 127.5 * Math.sqrt(1 - bars[i]);
    for (let k = 0; k < size; k++) out[k] = a * x0[k] + b * eps[k] + 127.5;
    return out;
  };
}

// Where point k of a mark is at frame i; "x" mixes with "ex" and "y" with "ey" if the mark carries noise.
function reader(mark, key) {
  const at = f32(mark[key]), n = mark.n;
  if (!mark.alpha_bar) return at.length > n ? (k, i) => at[i * n + k] : (k) => at[k];
  const noise = f32(mark["e" + key]), bars = f64(mark.alpha_bar);
  return (k, i) => Math.sqrt(bars[i]) * at[k] + Math.sqrt(1 - bars[i]) * noise[k];
}

function plot(canvas) {
  const pen = canvas.getContext("2d"), sheet = make("canvas"), field = picture(sheet), right = 16;
  let panel, x0, x1, y0, y1, marks, left, top, below;
  let bars; // over them, a line or a dot keeps its contrast by a rim
  let under; // a coarse picture that fills the plane
  let wide, tall, stamps; // the plane, in CSS pixels
  const X = (x) => left + ((x - x0) / (x1 - x0)) * wide, Y = (y) => top + ((y1 - y) / (y1 - y0)) * tall;

  function trace(points, style, width, dash = []) {
    Object.assign(pen, { strokeStyle: style, lineWidth: width, lineJoin: "round" });
    pen.setLineDash(dash);
    pen.beginPath();
    for (const [x, y] of points) pen.lineTo(x, y); // the canvas skips nan
    pen.stroke();
  }
  // A point is drawn once and then stamped: thousands of stamps are cheaper than thousands of arcs.
  function stamp(x, y, size, style, rim) {
    const key = style + size + rim;
    if (!stamps.has(key)) {
      const image = document.createElement("canvas"), context = image.getContext("2d"), sharp = 2 * (window.devicePixelRatio || 1);
      const disc = (colour, wide) => {
        context.beginPath();
        context.fillStyle = colour;
        context.arc(image.width / 2, image.width / 2, (wide / 2) * sharp, 0, 2 * Math.PI);
        context.fill();
      };
      image.width = image.height = Math.ceil((size + 4) * sharp);
      if (rim) disc(rim, size + 2);
      disc(style, size);
      stamps.set(key, image);
    }
    pen.drawImage(stamps.get(key), x - size / 2 - 2, y - size / 2 - 2, size + 4, size + 4);
  }
  const draw = {
    line({ at, n, dash, fill }, hue, i, theme) {
      const path = Array.from({ length: n }, (_, k) => at(k)), floor = Y(Math.max(0, y0));
      if (bars) trace(path, theme.card, 5.5);
      trace(path, hue(0), dash === undefined ? 1.5 : 2.5, DASHES[dash]);
      if (!fill) return;
      for (const [x] of [path.at(-1), path[0]]) pen.lineTo(x, floor);
      Object.assign(pen, { fillStyle: hue(0), globalAlpha: 0.18 });
      pen.fill();
    },
    bars({ at, n }, hue) {
      const half = Math.abs(at(1)[0] - at(0)[0]) * 0.46;
      pen.fillStyle = hue(0);
      for (let k = 0; k < n; k++) pen.fillRect(at(k)[0] - half, at(k)[1], 2 * half, Y(0) - at(k)[1]);
    },
    points({ at, n, size, trail }, hue, i, theme) {
      for (let k = 0; k < n; k++) stamp(...at(k), size, hue(k), bars && theme.card);
      for (const k of trail) {
        trace(Array.from({ length: i + 1 }, (_, past) => at(k, past)), hue(k), 2);
        stamp(...at(k), 2 * size, theme.ink);
        stamp(...at(k), 1.5 * size, hue(k));
      }
    },
  };
  return {
    take(given) {
      panel = given;
      [[x0, x1], [y0, y1]] = [panel.xlim, panel.ylim];
      marks = panel.marks.map((mark) => ({ ...mark, x: reader(mark, "x"), y: reader(mark, "y") }));
      bars = marks.some((mark) => mark.kind === "bars");
      under = panel.field && field;
      under?.take(panel.field);
      left = 18 + Math.max(0, ...panel.yticks.map(([, text]) => long(text, `13px ${FONT}`)));
      [top, below] = [panel.ylabel ? 32 : 14, panel.xlabel ? 50 : 30];
      return { slope: 1 / panel.shape, extra: left + right - (top + below) / panel.shape, grain: undefined };
    },
    resize(high, widest) {
      wide = Math.min((high - top - below) / panel.shape, widest - left - right);
      [tall, stamps] = [wide * panel.shape, new Map()];
      const size = { width: wide + left + right, height: tall + top + below }, sharp = window.devicePixelRatio || 1;
      for (const side of ["width", "height"]) [canvas[side], canvas.style[side]] = [Math.round(size[side] * sharp), `${size[side]}px`];
      pen.scale(sharp, sharp);
      pen.letters = ""; // a new size makes it forget its font
    },
    paint(i, theme) {
      const { colors, grey, line } = hues(panel, theme);
      pen.clearRect(0, 0, wide + left + right, tall + top + below);
      under?.paint(i);
      if (under) pen.drawImage(sheet, left, top, wide, tall);
      for (const [x, text] of panel.xticks) {
        trace([[X(x), top], [X(x), top + tall]], line, 1);
        letter(pen, text, X(x), top + tall + 18, 13, 0.5, theme.quiet);
      }
      for (const [y, text] of panel.yticks) {
        trace([[left, Y(y)], [left + wide, Y(y)]], line, 1);
        letter(pen, text, left - 7, Y(y) + 4.5, 13, 1, theme.quiet);
      }
      letter(pen, panel.xlabel, left + wide / 2, top + tall + 40, 15, 0.5, theme.ink);
      letter(pen, panel.ylabel, 10, 20, 15, 0, theme.ink);
      pen.save();
      pen.beginPath();
      pen.rect(left - 2, top - 2, wide + 4, tall + 4);
      pen.clip();
      for (const mark of marks) {
        const at = (k, frame = i) => [X(mark.x(k, frame)), Y(mark.y(k, frame))];
        draw[mark.kind]({ ...mark, at }, (k) => colors[mark.colors[k % mark.colors.length]] ?? grey, i, theme);
        pen.globalAlpha = 1;
      }
      pen.restore();
    },
  };
}

// How long a text is; measured once, and beside the page: within it a new font waits for the page's styles.
const ruler = document.createElement("canvas").getContext("2d"), lengths = new Map();
function long(text, font) {
  const key = font + text;
  ruler.font = font;
  if (!lengths.has(key)) lengths.set(key, ruler.measureText(text).width);
  return lengths.get(key);
}

// One line of text on a canvas; align 0 starts at x, 0.5 is centred on it, 1 ends there.
function letter(pen, text, x, y, size, align, style) {
  const parts = pieces(text).map(({ tag, text }) => {
    const font = `${tag ? size * 0.75 : size}px ${FONT}`;
    return { text, font, width: long(text, font), lift: { sub: 0.22, sup: -0.35 }[tag] ?? 0 };
  });
  const total = parts.reduce((sum, part) => sum + part.width, 0);
  x = Math.min(x - align * total, pen.canvas.width / pen.getTransform().a - total - 3); // a long number at the right edge stays whole
  for (const part of parts) {
    if (pen.letters !== part.font) pen.font = pen.letters = part.font;
    pen.fillStyle = style;
    pen.fillText(part.text, x, y + part.lift * size);
    x += part.width;
  }
}

const kinds = { plot }; // page.js knows one more

function build({ kind }) {
  const [cell, lead, title, legend, note] = ["cell", "lead", "title", "legend", "note"].map((name) => make("div", { class: `fp-${name}` }));
  const box = make("figure", { class: "fp-panel" }), canvas = make(kind === "drawing" ? "div" : "canvas", { role: "img" });
  box.append(title, canvas, legend, note);
  cell.append(lead, box);
  return { cell, lead, box, title, canvas, legend, note, ...(kinds[kind] ?? picture)(canvas) };
}

// Show this panel in a view that was built for its kind; a film that grows keeps its views.
function fill(view, panel) {
  const { lead, title, legend, note } = view;
  const named = (panel.marks ?? []).filter((mark) => mark.name), old = view.signs;
  Object.assign(view, { panel, signs: JSON.stringify([panel.field && 1, named.map((m) => [m.name, m.kind, m.colors[0], m.dash])]) }, view.take(panel));
  if (old !== view.signs) legend.replaceChildren();
  for (const { name, kind, colors, dash } of old === view.signs ? [] : named) { // or the page is laid out again
    const line = { stroke: "currentColor", "stroke-width": 3, "stroke-dasharray": DASHES[dash ?? 0].join(" ") };
    const sign = { line: ["M0 6H26", line], bars: ["M6 0h14v12H6z"], points: ["M13 1a5 5 0 1 0 .01 0z"] }[kind];
    const key = make("span", {}, ...subs(name));
    key.prepend(icon("0 0 26 12", ...sign));
    legend.append(Object.assign(key, { color: colors[0] }));
  }
  legend.classList.toggle("fp-light", !!panel.field);
  write(title, panel.title);
  lead.hidden = !panel.lead.length;
  note.hidden = !panel.notes.length;
  return view;
}
