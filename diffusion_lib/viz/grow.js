// A player in a notebook, whose film may grow: "grown" has the new frame alone, and which of the old ones stay.

// The film of a model with the newest frame; a browser that has missed one asks for all of them.
newest = (model) => {
  const film = model.get("film"), part = model.get("grown") ?? {};
  if (part.after === film.grown) Object.assign(film, longer(film, part)); // in its place: the kernel has it already
  else if (part.after >= film.grown) model.send({ kind: "whole" });
  return pressed.has(foreseen(model)) ? { ...film, ...longer(film, foreseen(model)), guess: true } : film;
};

// Has a film come with this message, which is to be told next? Then its frame is painted with it.
comes = (model, film) => (model.get("film") !== film && !film.guess) || model.get("grown")?.after === film.grown;

// What comes next, where that is known: whoever presses its button sees it at once, until the kernel's own word comes.
const foreseen = (model) => (model.get("ahead")?.after === model.get("film").grown ? model.get("ahead") : null);
const pressed = new WeakSet();

function prompt({ model, el }) {
  let reload;
  const get = (key) => (key === "value" && pressed.has(foreseen(model)) ? foreseen(model).frames - 1 : model.get(key));
  const on = (name, act) => model.on(name, name === "change:grown" ? (reload = act) : act);
  const leave = render({ model: { ...model, get, on }, el });
  const press = ({ target }) => {
    const button = target.closest?.("button:enabled"), next = foreseen(model);
    if (!button || button.textContent !== next?.press || !el.closest(".dl-box")?.contains(button)) return;
    pressed.add(next);
    reload();
  };
  const regret = () => pressed.delete(foreseen(model)) && reload();
  const ends = new AbortController();
  document.addEventListener("click", press, ends); // after the button, which tells the kernel
  document.addEventListener("dl-gone", regret, ends); // no kernel hears it
  return () => [ends.abort(), leave()];
}

function longer(film, part) {
  const panels = film.panels.map((panel, k) => part.panels[k].whole ?? joined(panel, part.panels[k], part.keep, film.frames));
  const words = joined({ captions: film.captions, labels: film.labels }, { captions: part.captions ?? [], labels: part.labels ?? [] }, part.keep);
  return { ...words, panels, frames: part.frames, grown: part.after + 1 };
}

function joined(old, more, keep, frames) {
  const found = { ...old };
  for (const [key, add] of Object.entries(more)) {
    if (key === "marks") found[key] = add.map((mark, k) => joined(old[key][k], mark, keep, frames));
    else if (Array.isArray(add)) found[key] = add.length ? [...keep.map((k) => old[key][k]), ...add] : old[key];
    else if (add.buffer) found[key] = stacked(bytes(old[key]), bytes(add), keep, old[key].byteLength / frames);
    else found[key] = joined(old[key], add, keep, frames);
  }
  return old.frames > 1 ? { ...found, frames: keep.length + 1 } : found;
}

function stacked(old, add, keep, size) {
  const all = new Uint8Array(size * (keep.length + 1));
  keep.forEach((k, i) => all.set(old.subarray(k * size, (k + 1) * size), i * size));
  all.set(add, keep.length * size);
  return new DataView(all.buffer);
}

// It grows even while nobody looks at it.
export default { initialize: ({ model }) => model.on("change:grown", () => newest(model)), render: prompt };
