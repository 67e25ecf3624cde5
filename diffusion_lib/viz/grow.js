// A player in a notebook, whose film may grow: "grown" has the new frame alone, and which of the old ones stay.

// What comes next, where that is known: whoever presses a button sees its frame at once, until the kernel's own word comes.
// film.next: what each button brings, by its words; film.guess: the film with what was pressed.
const foreseen = ({ next, grown }, press) => (next?.get(press)?.after === grown ? next.get(press) : null);
const guess = (film) => (film.guess?.grown === film.grown + 1 ? film.guess : null);

// The film of a model with the newest frame; a browser that has missed one asks for all of them.
newest = (model) => {
  const film = model.get("film"), said = model.get("grown") ?? {};
  if (said.after >= film.grown) {
    const part = said.press ? foreseen(film, said.press) : said, more = part && part === guess(film)?.part && film.guess.more;
    if (said.after > film.grown || !part) model.send({ kind: "whole" });
    else Object.assign(film, more || longer(film, part), { guess: null }); // in its place: the kernel has it already
  }
  return guess(film) ?? film;
};

// Has a film come with this message, which is to be told next? Then its frame is painted with it.
comes = (model, film) => (model.get("film") !== film && !film.part) || model.get("grown")?.after === film.grown;

function prompt({ model, el }) {
  let reload;
  const get = (key) => (key === "value" && guess(model.get("film")) ? guess(model.get("film")).frames - 1 : model.get(key));
  const on = (name, act) => model.on(name, name === "change:grown" ? (reload = act) : act);
  const leave = render({ model: { ...model, get, on }, el });
  const press = ({ target }) => {
    const film = model.get("film"), button = target.closest?.("button:enabled"), part = foreseen(film, button?.textContent);
    if (!part || guess(film) || !el.closest(".dl-box")?.contains(button)) return; // what follows a guess nobody knows
    const more = longer(film, part);
    film.guess = { ...film, ...more, part, more };
    reload();
  };
  const regret = () => {
    const film = model.get("film"), was = guess(film);
    film.guess = null;
    if (was) reload();
  };
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

function learn(model) {
  const part = model.get("ahead"), film = model.get("film");
  film.next = new Map(film.next).set(part?.press, part);
}

// It grows, and learns what comes next, even while nobody looks at it.
export default {
  initialize({ model }) {
    model.on("change:grown", () => newest(model));
    model.on("change:ahead", () => learn(model));
    learn(model);
  },
  render: prompt,
};
