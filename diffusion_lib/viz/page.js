// A film in an exported page: the same player, on a model that lives in the page. Several may be pasted into one page.

// The arrays that `pressing.py` has pressed. A number is the guess that its weights make of those before it, and what the guess missed.
function unpressed(all, tables) {
  const made = [];
  let from = 0;
  const take = (count) => all.subarray(from, (from += count));
  for (const table of tables) {
    const { frames, size, wide, channels, twins, sets } = table, begin = 4 * size + 4;
    const numbers = new (wide > 1 ? Uint16Array : Uint8Array)(begin + (frames + 1) * size), own = { numbers };
    const sources = table.from.map(([k, lag]) => ({ of: (k < 0 ? own : made[k]).numbers, lag })), terms = sources.length + 1;
    const weights = new Int16Array(take(2 * sets * channels * terms * !!sets).slice().buffer), constant = 16 ** wide;
    const count = (frames - Object.keys(twins).length) * size, upper = wide > 1 && take(count), lower = take(count);
    const missed = (n) => {
      if (!upper) return lower[n];
      const folded = 256 * upper[n] + lower[n];
      return folded & 1 ? -(folded + 1) / 2 : folded / 2;
    };
    for (let row = 0, kept = 0; row < frames; row++) {
      const start = begin + row * size;
      if (row in twins) {
        numbers.copyWithin(start, begin + twins[row] * size, begin + (twins[row] + 1) * size);
        continue;
      }
      const set = (kept % (sets || 1)) * channels;
      for (let k = 0; k < size; k++) {
        let guess = 0;
        if (!sets && terms > 1) {
          const [left, up, corner] = sources.map(({ lag }) => numbers[start + k - lag]);
          guess = Math.max(Math.min(left, up), Math.min(Math.max(left, up), left + up - corner)); // the middle one of three
        } else if (sets) {
          const at = (set + (k % channels)) * terms;
          for (let s = 0; s < terms - 1; s++) guess += weights[at + s] * sources[s].of[start + k - sources[s].lag];
          guess = Math.floor((guess + weights[at + terms - 1] * constant) / 256);
          if (wide === 1) guess = Math.min(255, Math.max(0, guess));
        }
        numbers[start + k] = guess + missed(kept * size + k); // wraps, as it did in Python
      }
      kept++;
    }
    made.push(Object.assign(own, { view: () => viewed(numbers.subarray(begin, begin + frames * size), table) }));
  }
  return made.map(({ view }) => view());
}

// The bytes of an array as a notebook gets them.
function viewed(numbers, { low, step, item }) {
  const whole = (array) => new DataView(array.buffer, array.byteOffset, array.byteLength);
  if (step) return whole(Float32Array.from(numbers, (q) => (q === 65535 ? NaN : low + q * step)));
  if (!item) return whole(numbers);
  const count = numbers.length / item;
  return whole(Uint8Array.from(numbers, (_, i) => numbers[(i % item) * count + Math.floor(i / item)]));
}

const placed = (part, arrays) => {
  if (Array.isArray(part)) return part.map((p) => placed(p, arrays));
  if (!part || typeof part !== "object") return part;
  return "at" in part ? arrays[part.at] : Object.fromEntries(Object.entries(part).map(([key, p]) => [key, placed(p, arrays)]));
};

// A drawing, with what belongs to some of its moments only; a narrow page has another drawing than a wide one.
kinds.drawing = (box) => {
  let sheets, shown;
  function drawn(svg, pictures) {
    const found = document.importNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement, true);
    for (const image of found.querySelectorAll("[data-picture]")) {
      const [k, row] = image.dataset.picture.split(" "), canvas = make("canvas"), pixels = picture(canvas);
      pixels.take(pictures[k]);
      pixels.paint(+row);
      image.setAttribute("href", canvas.toDataURL());
    }
    return found;
  }
  return {
    take({ sheets: given, pictures, style }) {
      box.classList.add("dl-map");
      sheets = given.map((sheet) => ({ ...sheet, svg: drawn(sheet.svg, pictures) }));
      for (const sheet of sheets)
        sheet.parts = [...sheet.svg.querySelectorAll("[data-at]")].map((part) => [part, part.dataset.at.split(" ").map(Number)]);
      box.replaceChildren(make("style", {}, style), ...sheets.map(({ svg }) => svg));
      return { slope: sheets[0].width / sheets[0].height, extra: 0, grain: undefined };
    },
    resize(tall, widest) {
      shown = widest < 600 ? sheets.at(-1) : sheets[0];
      for (const sheet of sheets) sheet.svg.style.display = sheet === shown ? "" : "none";
      box.style.width = `${Math.min(widest, shown === sheets[0] ? (tall * shown.width) / shown.height : 400)}px`;
    },
    paint(i) {
      for (const [part, at] of shown.parts) part.style.display = at.includes(i) ? "" : "none";
    },
  };
};

async function standalone() {
  const places = [...document.querySelectorAll(".film-player:not([data-begun])")]; // no other script of this page has begun them
  for (const el of places) el.dataset.begun = "";
  const models = await Promise.all(places.map(async (el) => {
    const { told, bytes, ...state } = JSON.parse(el.querySelector("script").textContent);
    const deflated = new Blob([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))]);
    const all = new Uint8Array(await new Response(deflated.stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
    const { film, tables } = JSON.parse(new TextDecoder().decode(all.subarray(0, told)));
    state.film = placed(film, unpressed(all.subarray(told), tables));
    return { get: (key) => state[key], set: (key, value) => (state[key] = value), on() {}, off() {}, save_changes() {} };
  }));
  places.forEach((el, k) => render({ model: models[k], el }));
}
