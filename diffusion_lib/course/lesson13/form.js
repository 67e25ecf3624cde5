// The studio: a form for any scene, its preview, and buttons that take it away. It knows no scene: fields come from the kernel.
const SOON = 250, LONG = 300, CSS = `${colours(".st")} ${STICKY}
.st { container-type: inline-size; font: 15px/1.4 system-ui, sans-serif; background: var(--page); --round: 10px; }
.st :is(input, select, textarea, button) { font: inherit; color: var(--ink); box-sizing: border-box; }
.st-all { display: grid; grid-template-columns: minmax(270px, 34%) minmax(0, 1fr); gap: 0 20px; height: clamp(340px, var(--high), 700px); }
.st-form { overflow-y: auto; overflow-x: hidden; min-height: 0; padding: 2px 12px 12px 4px; scrollbar-width: thin; }
.st-side { display: flex; flex-direction: column; gap: 8px; min-height: 0; min-width: 0; padding: 2px 4px; }
.st h4 { margin: 14px 0 4px; padding: 0; font: 600 14px/1.4 system-ui, sans-serif; color: var(--quiet); }
.st .st-step { display: flex; align-items: center; gap: 8px; margin: 0 0 6px; font-weight: 650; font-size: 16px; color: var(--ink); }
.st .st-step b { flex: none; width: 24px; height: 24px; border-radius: 12px; background: var(--accent); color: var(--on-accent); text-align: center; font: 700 14px/24px system-ui, sans-serif; }
.st .st-form .st-step + * { margin-top: 0; } .st-step:not(:first-child) { margin-top: 16px !important; }
.st select, .st input:not([type=range], [type=checkbox]), .st textarea { width: 100%; min-width: 0; height: 36px; padding: 0 10px; border: 1px solid var(--quiet); border-radius: 8px; background: var(--card); }
.st textarea { height: 58px; padding: 6px 10px; resize: vertical; }
.st select.st-scene { height: 44px; font-weight: 600; font-size: 16px; border: 2px solid var(--accent); text-overflow: ellipsis; }
.st ::placeholder { color: var(--quiet); opacity: 1; }
.st-shows { margin: 6px 0 0; color: var(--quiet); min-height: 42px; }
.st-field { display: grid; grid-template-columns: 100px minmax(0, 1fr); gap: 0 8px; align-items: center; margin: 0 0 10px; }
.st-field > label { font-weight: 600; }
.st-field small { grid-column: 2; color: var(--quiet); font-size: 13px; line-height: 1.3; margin-top: 2px; }
.st-field .st-bad, .st-says.st-bad { color: var(--wrong); } .st-field.st-wrong :is(input, select, textarea) { border-color: var(--wrong) !important; border-width: 2px; }
.st { --wrong: #b3261e; } .st.${DARKNESS} { --wrong: #ff9a91; }
.st-pair { display: flex; flex-wrap: wrap; gap: 6px 8px; align-items: center; min-width: 0; } .st .st-pair > :is(input[type=text], textarea, select) { flex: 1 1 110px; width: auto; }
.st-pair input[type=range] { flex: 1 1 60px; min-width: 40px; height: 36px; margin: 0; accent-color: var(--accent); cursor: pointer; }
.st-pair input[type=number] { flex: 0 0 84px; width: 84px !important; padding-right: 2px !important; }
.st-pair.st-alone input[type=number] { flex: 1 1 auto; }
.st input[type=checkbox] { width: 20px; height: 20px; margin: 0 8px 0 0; accent-color: var(--accent); vertical-align: -4px; }
.st button { min-height: 36px; padding: 0 14px; border: 1px solid var(--quiet); border-radius: 18px; background: var(--card); cursor: pointer; white-space: nowrap; }
.st button:hover:enabled { background: var(--hover); } .st button:disabled { opacity: .5; cursor: default; }
.st button.st-reset { min-height: 30px; width: 30px; padding: 0; border: 0; flex: none; color: var(--quiet); background: none; } .st button.st-reset[hidden] { display: none; }
.st button.st-write { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 700; min-width: 74px; }
.st button.st-write:hover:enabled { filter: brightness(1.12); background: var(--accent); }
.st details { margin-top: 10px; border-top: 1px solid var(--line); } .st summary { padding: 10px 0; cursor: pointer; font-weight: 600; }
.st-modes { display: flex; flex-wrap: wrap; gap: 0; } .st-modes button { border-radius: 0; margin-left: -1px; }
.st-modes button:first-child { border-radius: 18px 0 0 18px; margin-left: 0; } .st-modes button:last-child { border-radius: 0 18px 18px 0; } .st-modes button:only-child { border-radius: 18px; }
.st .st-modes button[aria-checked=true], .st .st-modes button[aria-checked=true]:hover { background: var(--ink); color: var(--page); border-color: var(--ink); font-weight: 650; }
.st-bar { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; } .st-bar .st-step { margin: 0 !important; }
.st-view { position: relative; flex: 1 1 0; min-height: 96px; border: 1px solid var(--line); border-radius: var(--round); overflow: hidden; display: grid; place-items: center; background: var(--card); }
.st-view img { max-width: 100%; max-height: 100%; min-width: 0; min-height: 0; object-fit: contain; display: block; }
.st-view iframe { position: absolute; inset: 0 auto auto 0; width: 160%; height: 160%; transform: scale(.625); transform-origin: 0 0; border: 0; background: #fff; }
.st-view.st-clear { background: repeating-conic-gradient(#d4d8dc 0 25%, #f4f5f6 0 50%) 0 0 / 20px 20px; }
.st-works { position: absolute; right: 8px; top: 8px; display: flex; gap: 10px; align-items: center; padding: 6px 8px 6px 14px; border-radius: 24px; background: var(--card); border: 1px solid var(--quiet); box-shadow: 0 2px 8px #0003; }
.st-works[hidden] { display: none; } .st-works progress { width: 90px; height: 8px; accent-color: var(--accent); } .st-works span { font-variant-numeric: tabular-nums; }
.st-says { margin: 0; min-height: 21px; color: var(--quiet); font-size: 14px; overflow-wrap: anywhere; } .st-says.st-bad { font-weight: 600; }
.st-place { display: grid; grid-template-columns: auto minmax(0, 1fr) auto minmax(0, 1fr); gap: 4px 8px; align-items: center; } .st-place label { font-weight: 600; } .st .st-place input[aria-invalid=true] { border: 2px solid var(--wrong); }
.st-line { display: flex; gap: 8px; align-items: center; min-width: 0; }
.st-line code { flex: 1 1 auto; min-width: 0; overflow-x: auto; white-space: nowrap; padding: 7px 10px; border: 1px solid var(--line); border-radius: 8px; background: var(--hover); color: var(--ink); font: 13.5px/20px ui-monospace, Menlo, Consolas, monospace; user-select: all; scrollbar-width: thin; }
.st-made { display: grid; gap: 8px; margin: 10px 4px 4px; } .st-made article { border: 1px solid var(--line); border-left: 4px solid var(--third); border-radius: 8px; padding: 8px 12px; background: var(--card); display: grid; gap: 6px; }
.st-made p { margin: 0; overflow-wrap: anywhere; } .st-made .st-line b { flex: 0 0 104px; font-size: 13px; color: var(--quiet); }
.st-made .st-line code { white-space: nowrap; }
.st-sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
${LOW_SCREEN} { .st { font-size: 14px; line-height: 1.3; } .st-side { gap: 4px; } .st-view { min-height: 80px; } .st button { min-height: 30px; padding: 0 12px; }
  .st select, .st input:not([type=range], [type=checkbox]) { height: 30px; } .st select.st-scene { height: 36px; } .st-line code { padding: 3px 8px; } .st-says { font-size: 13px; min-height: 17px; } .st-step b { display: none; } }
@container (max-width: 620px) { .st-all { display: flex; flex-direction: column; height: auto; } .st-side { display: contents; } .st-form { overflow: visible; order: 2; }
  .st-view { order: 0; position: sticky; top: 0; z-index: 4; flex: none; height: min(28vh, 210px); margin: 0 4px; } .st-says { order: 1; margin: 4px; } .st-bar { order: 3; margin: 8px 4px; } .st-place { order: 4; margin: 4px; } .st-more { order: 5; margin: 4px; }
  .st-made .st-line { flex-wrap: wrap; } .st-made .st-line b { flex-basis: 100%; } .st-bar.st-first { order: 1; } .st-place { grid-template-columns: auto minmax(0, 1fr); } }`;

let forms = 0;

function render({ model, el }) {
  const words = model.get("words"), form = () => model.get("form"), wish = () => model.get("wish");
  const root = make("div", { class: "st", "data-lm-suppress-shortcuts": "true" }), style = make("style", {}, CSS), mine = `st${++forms}`;
  const keeper = keepStill(model);
  let mode = form().mode, ending = form().ending, n = wish().n, asked = n, built = "", timer = 0, late = 0, url = "", typed = {}, handed = 0;

  // ---- what the kernel is told

  function tell(more = {}) {
    clearTimeout(timer);
    timer = 0;
    n = asked = Math.max(n, wish().n, form().n) + 1;
    const all = { scene: select.value, mode, ending, folder: folder.value, stem: stem.value, replace: replace.checked, values: { ...typed }, ...more, n };
    model.set("wish", all);
    send(() => model.save_changes());
    clearTimeout(late);
    late = setTimeout(() => ((late = 0), sign()), LONG);
    return all;
  }
  function send(act) {
    try {
      act();
    } catch {
      speak(words.gone, true);
    }
  }
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(tell, SOON);
  };

  // ---- the parts

  const step = (number, text, more = {}) => make("div", { class: "st-step", ...more }, make("b", { "aria-hidden": "true" }, number), text);
  const select = make("select", { class: "st-scene", "aria-label": words.choose });
  for (const group of model.get("groups"))
    select.append(make("optgroup", { label: group.name }, ...group.scenes.map(([name, shows]) => make("option", { value: name, title: shows }, `${name} · ${shows.length > 60 ? `${shows.slice(0, 58)} …` : shows}`))));
  const shows = make("p", { class: "st-shows" }), own = make("div"), looks = make("div"), more = make("div");
  const details = make("details", {}, make("summary", {}, words.more), more);
  const own_head = make("h4", {}, words.own), look_head = make("h4", {}, words.look);
  const left = make("div", { class: "st-form", role: "group", "aria-label": words.form, tabindex: -1 }, step("1", words.choose), select, shows, step("2", words.change), own_head, own, look_head, looks, details);
  const modes = make("div", { class: "st-modes", role: "radiogroup", "aria-label": words.as });
  const picture = make("img", { alt: "" }), page = make("iframe", { sandbox: "allow-scripts", title: words.preview, hidden: "" });
  const works = make("div", { class: "st-works", role: "status", hidden: "" }), share = make("span"), bar = make("progress", { max: 1, "aria-label": words.working });
  const stop = make("button", { type: "button" }, words.stop), says = make("p", { class: "st-says", role: "status" });
  works.append(share, bar, stop);
  const view = make("div", { class: "st-view" }, picture, page, works);
  const buttons = make("div", { class: "st-bar", role: "group", "aria-label": words.take });
  const folder = make("input", { type: "text", id: `${mine}-folder`, placeholder: "./", spellcheck: "false" }), stem = make("input", { type: "text", id: `${mine}-stem`, spellcheck: "false" });
  const replace = make("input", { type: "checkbox", id: `${mine}-replace` });
  const place = make("div", { class: "st-place" }, make("label", { for: folder.id }, words.folder), folder, make("label", { for: stem.id }, words.name), stem);
  const keep = make("label", { for: replace.id }, replace, words.replace);
  const command = line("", words.command), made = make("div", { class: "st-made", role: "group", "aria-label": words.made });
  const right = make("div", { class: "st-side" }, make("div", { class: "st-bar st-first" }, modes), view, says, make("div", { class: "st-bar" }, step("3", words.take), buttons, keep), place, make("div", { class: "st-more" }, command.box));
  root.append(make("div", { class: "st-all" }, left, right), made);

  // A line of code with a button that copies it. Where a page may not copy (no HTTPS), the text is selected and copied the old way.
  function line(text, name) {
    const code = make("code", { tabindex: 0, "aria-label": name }, text), copy = make("button", { type: "button", "aria-label": `${words.copy}: ${name}` }, words.copy), said = make("span", { class: "st-sr", role: "status" });
    copy.addEventListener("click", async () => {
      let done = false;
      try {
        await navigator.clipboard.writeText(code.textContent);
        done = true;
      } catch {
        const chosen = getSelection();
        chosen.selectAllChildren(code);
        done = document.execCommand("copy");
      }
      copy.textContent = said.textContent = done ? words.copied : words.failed;
      setTimeout(() => (copy.textContent = words.copy, said.textContent = ""), 1600);
    });
    return { box: make("div", { class: "st-line" }, code, copy, said), code };
  }

  // ---- fields

  function build() {
    const f = form();
    typed = { ...f.values };
    select.value = f.scene;
    for (const part of [own, looks, more]) part.replaceChildren();
    for (const field of f.fields) ({ own, look: looks, more })[field.part].append(row(field));
    built = f.scene;
    left.scrollTop = 0;
  }
  const others = (field) => form().fields.filter((f) => field.group && f.group === field.group && f.name !== field.name).map((f) => f.name);
  const empty = (name) => typed[name] === undefined || typed[name] === "" || typed[name] === false;

  function row(field) {
    const { name } = field, id = `${mine}-${name}`, box = make("div", { class: "st-field", "data-field": name }), help = make("small", { id: `${id}-says` }, field.says), reset = make("button", { class: "st-reset", type: "button", "aria-label": worded(words.reset, { name }), title: worded(words.reset, { name }) }, "↺");
    const set = (value, wait) => {
      typed[name] = value;
      if (value) for (const other of others(field)) typed[other] = "";
      for (const other of others(field)) fill(other);
      reset.hidden = empty(name);
      wait ? soon() : tell();
    };
    let control, slider = null;
    const usual = field.usual || words.auto;
    if (field.kind === "choice") {
      control = make("select", { id });
      if (!field.usual || field.group) control.append(make("option", { value: "" }, field.group ? "—" : words.auto));
      for (const [value, text] of field.choices) control.append(make("option", { value }, text));
      control.addEventListener("change", () => set(control.value === field.usual && !field.group ? "" : control.value));
    } else if (field.kind === "flag") {
      control = make("input", { type: "checkbox", id });
      control.addEventListener("change", () => set(control.checked));
    } else if (field.kind === "files") control = make("textarea", { id, spellcheck: "false" });
    else control = make("input", field.kind === "number" ? { type: "number", id, min: field.low, max: field.high, step: field.step ?? "any", placeholder: usual } : { type: "text", id, placeholder: field.kind === "text" ? field.usual : usual, ...(field.kind !== "text" && { spellcheck: "false" }) });
    if (!["choice", "flag"].includes(field.kind)) {
      control.addEventListener("input", () => set(control.value, true));
      control.addEventListener("change", () => typed[name] !== wish().values?.[name] && set(control.value));
    }
    const pair = make("div", { class: `st-pair${field.slides ? "" : " st-alone"}` });
    if (field.slides) {
      slider = make("input", { type: "range", min: field.low, max: field.high, step: field.step, "aria-label": worded(words.slider, { name }) });
      slider.addEventListener("input", () => (control.value = slider.value, set(slider.value, true)));
      pair.append(slider);
    }
    pair.append(control);
    if (["file", "files"].includes(field.kind)) pair.append(chooser(field));
    reset.addEventListener("click", () => (set(""), box.fill(), control.focus()));
    pair.append(reset);
    control.setAttribute("aria-describedby", help.id);
    box.fill = () => {
      const value = typed[name] ?? "";
      if (field.kind === "flag") control.checked = !!value;
      else if (field.kind === "choice") control.value = value || (others(field).every(empty) ? field.usual : "");
      else if (control.value !== value) control.value = value;
      if (slider) slider.value = value || field.usual || field.low;
      reset.hidden = empty(name);
    };
    box.says = (fault) => {
      box.classList.toggle("st-wrong", !!fault);
      help.classList.toggle("st-bad", !!fault);
      help.textContent = fault || field.says;
      control.setAttribute("aria-invalid", !!fault);
    };
    box.append(make("label", { for: id }, name), pair, help);
    box.fill();
    return box;
  }
  const box_of = (name) => root.querySelector(`.st-field[data-field="${name}"]`);
  const fill = (name) => box_of(name)?.fill();

  // A button over a hidden field for files; what is chosen goes to the kernel in parts that every server lets through.
  function chooser(field) {
    const input = make("input", { type: "file", class: "st-sr", tabindex: -1, "aria-hidden": "true", ...(field.kind === "files" && { multiple: "" }) });
    const button = make("button", { type: "button", "aria-label": `${words[field.kind]} (${field.name})` }, words.pick, input);
    button.addEventListener("click", () => input.click());
    input.addEventListener("click", (event) => event.stopPropagation());
    input.addEventListener("change", async () => {
      for (const file of input.files) {
        if (file.size > words.largest) return speak(worded(words.large, { name: file.name, mb: words.largest >> 20 }), true);
        const parts = Math.max(1, Math.ceil(file.size / words.part)), id = `${mine}-${++handed}`;
        for (let part = 0; part < parts; part++) {
          const data = await file.slice(part * words.part, (part + 1) * words.part).arrayBuffer();
          send(() => model.send({ part, parts, id, name: file.name, field: field.name }, undefined, [data]));
        }
      }
      input.value = "";
    });
    return button;
  }

  // ---- what the kernel says

  function speak(text, bad = false, notes = []) {
    says.classList.toggle("st-bad", bad);
    says.textContent = [bad ? `✗ ${text}` : text, ...notes].join("  ·  ");
  }
  function formed() {
    const f = form();
    if (f.n >= asked) [mode, ending] = [f.mode, f.ending];
    if (f.scene !== built) build();
    else for (const field of f.fields) {
      const box = box_of(field.name), value = f.values[field.name] ?? "";
      if (f.n >= asked && (typed[field.name] ?? "") !== value && !(box.contains(document.activeElement) && timer)) typed[field.name] = value;
      if (!box.contains(document.activeElement)) box.fill();
    }
    write(shows, f.shows);
    for (const field of f.fields) {
      const box = box_of(field.name);
      box.hidden = box.style.display = "";
      if (field.only.length && !f.offers.some((o) => field.only.includes(o.ending))) box.style.display = "none";
      box.says(f.faults[field.name]);
    }
    own_head.style.display = f.fields.some((field) => field.part === "own") ? "" : "none";
    for (const [part, head] of [[looks, look_head], [more, details]]) head.style.display = [...part.children].some((c) => c.style.display !== "none") ? "" : "none";
    if (document.activeElement !== stem && stem.value !== f.stem) stem.value = f.stem;
    if (document.activeElement !== folder && folder.value !== f.folder) folder.value = f.folder;
    for (const [input, key] of [[stem, ":stem"], [folder, ":folder"]]) input.setAttribute("aria-invalid", !!f.faults[key]);
    modes.replaceChildren(...f.modes.map((name) => {
      const b = make("button", { type: "button", role: "radio", "aria-checked": name === f.mode, tabindex: name === f.mode ? 0 : -1, "data-mode": name }, words[name]);
      b.addEventListener("click", () => become(name));
      return b;
    }));
    buttons.replaceChildren(...f.offers.map(({ ending: kind, name, why }) => {
      const b = make("button", { type: "button", class: "st-write", "aria-label": worded(words.write, { name }), ...(why && { disabled: "", title: why }) }, name);
      b.addEventListener("click", () => {
        ending = kind;
        const all = tell();
        send(() => model.send({ make: kind, wish: all }));
      });
      return b;
    }), ...f.offers.filter((o) => o.why).map((o) => make("small", {}, o.why)));
    command.code.textContent = f.command;
    busy();
  }
  function looked() {
    const s = model.get("seen");
    if (s.n >= asked) {
      clearTimeout(late);
      late = 0;
    }
    speak(s.says ?? "", s.bad, s.notes);
    picture.alt = s.alt ?? "";
    view.classList.toggle("st-clear", s.paper === "transparent");
    if (s.field) box_of(s.field)?.says(s.says);
    sign();
  }
  function painted() {
    const data = model.get("picture"), kind = model.get("seen").kind ?? "image/png";
    if (!data?.byteLength) return;
    const html = kind === "text/html";
    picture.hidden = html, page.hidden = !html;
    picture.style.display = html ? "none" : "", page.style.display = html ? "" : "none";
    if (html) return (page.srcdoc = new TextDecoder().decode(data));
    const before = url;
    url = URL.createObjectURL(new Blob([data], { type: kind }));
    picture.src = url;
    keeper.moved(); // a saved notebook shows this one
    picture.decode?.().catch(() => {}).finally(() => before && URL.revokeObjectURL(before));
  }
  function sign() {
    const p = model.get("progress"), file = p.what && p.what !== "preview", waits = (model.get("seen").n ?? 0) < asked;
    works.hidden = !file && (!waits || !!late);
    busy();
    if (works.hidden) return;
    share.textContent = file ? worded(words.writing, { name: p.what }) : p.what ? words.working : words.waits;
    p.what ? bar.setAttribute("value", p.share) : bar.removeAttribute("value");
  }
  function busy() {
    const p = model.get("progress"), file = !!p.what && p.what !== "preview";
    for (const b of buttons.querySelectorAll("button:not([title])")) b.disabled = file;
  }
  function done() {
    made.replaceChildren(...model.get("made").map((m) => make("article", {}, make("p", {}, make("strong", {}, `✓ ${m.path}`), `  (${m.size})  ${worded(words.in, m)}.  ${m.said}`),
      ...[["alt", m.alt], ["tag", m.tag], ["licence", m.licence], ["command", m.command]].map(([key, text]) => {
        const { box } = line(text, `${words[key]}: ${m.path}`);
        box.prepend(make("b", {}, words[key]));
        return box;
      }))));
  }

  // ---- hands

  function become(name) {
    mode = name;
    tell();
  }

  select.addEventListener("change", () => tell({ values: null }));
  stop.addEventListener("click", () => send(() => model.send({ stop: true })));
  for (const input of [folder, stem, replace]) input.addEventListener("change", () => tell());
  modes.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key], all = form().modes;
    if (!by) return;
    event.preventDefault();
    become(all[(all.indexOf(form().mode) + by + all.length) % all.length]);
    modes.querySelector(`[data-mode="${mode}"]`)?.focus();
  });
  const heard = [["change:form", formed], ["change:seen", looked], ["change:picture", painted], ["change:progress", sign], ["change:made", done]];
  for (const [what, act] of heard) model.on(what, act);
  const fit = () => root.style.setProperty("--high", `${area(root) - 24}px`), sizes = new ResizeObserver(fit);
  el.append(style, root);
  keepInput(root);
  sizes.observe(document.body);
  const unfollow = followTheme(root);
  formed(), painted(), looked(), done();
  requestAnimationFrame(fit);
  return () => {
    for (const [what, act] of heard) model.off(what, act);
    clearTimeout(timer), clearTimeout(late), sizes.disconnect(), unfollow(), keeper.leave();
    if (url) URL.revokeObjectURL(url);
  };
}

export default { render };
