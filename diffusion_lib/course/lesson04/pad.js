// A small pad to draw on: white on black, as in MNIST. A finished picture goes to the kernel as 28 x 28 grey bytes.
const SIDE = 280, CSS = `${colours(".pad")}
.pad { display: flex; gap: 12px; align-items: center; flex-wrap: wrap; font: 16px system-ui, sans-serif; }
.pad canvas { width: ${SIDE * 0.7}px; height: ${SIDE * 0.7}px; border: 1px solid var(--quiet); border-radius: 8px;
  background: #000; touch-action: none; cursor: crosshair; }
.pad div { display: grid; gap: 8px; }
.pad button { min-height: 44px; padding: 0 18px; font: inherit; color: inherit; cursor: pointer; border-radius: 22px;
  border: 1px solid var(--quiet); background: var(--card); }`;

function render({ model, el }) {
  const words = model.get("words"), root = make("div", { class: "pad" }), side = make("div");
  const canvas = make("canvas", { width: SIDE, height: SIDE, role: "img", "aria-label": words.square }), pen = canvas.getContext("2d");
  Object.assign(pen, { lineWidth: 22, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
  let last = null, drawn = false;

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  };
  function stroke(event) {
    if (!last) return;
    const here = at(event);
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(...here);
    pen.stroke();
    [last, drawn] = [here, true];
  }
  function clear() {
    pen.fillRect(0, 0, SIDE, SIDE);
    drawn = false;
  }
  function add() {
    if (!drawn) return;
    const small = make("canvas", { width: 28, height: 28 }), context = small.getContext("2d");
    context.imageSmoothingQuality = "high"; // each pixel the mean of those it stands for
    context.drawImage(canvas, 0, 0, 28, 28);
    const rgba = context.getImageData(0, 0, 28, 28).data;
    const grey = Uint8Array.from({ length: 784 }, (_, i) => rgba[4 * i]);
    model.send({ kind: "picture" }, undefined, [grey.buffer]);
    clear();
  }
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    stroke(event);
  });
  canvas.addEventListener("pointermove", stroke);
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (last = null));
  const keep = make("button", { type: "button" }, words.keep);
  const wipe = make("button", { type: "button" }, words.wipe);
  keep.addEventListener("click", add);
  wipe.addEventListener("click", clear);
  side.append(keep, wipe);
  root.append(make("style", {}, CSS), canvas, side);
  el.append(root);
  keepInput(root);
  clear();
  return followTheme(root);
}

export default { render };
