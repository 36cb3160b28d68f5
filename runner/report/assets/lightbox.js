// One row, large: its picture and all that is known of it.

const lightbox = {
  place: 0,
  shown: 0, // which of the row's pictures
  before: 0, // which of the pictures that it sent
  wanted: "picture", // how to look at it: picture, compare, versions
  zoomed: false,
  form: null, // the words of a row that are being changed
  box: null,

  get row() { return gallery.found[this.place]; },

  open(place) {
    this.place = place;
    this.turnToMeant();
    this.zoomed = false;
    this.box ??= this.make();
    this.draw();
    if (!this.box.open) this.box.showModal();
  },

  // A row that is looked at stays so when others come or go; it closes if its row is gone.
  follow(row, hasChanged) {
    const place = gallery.found.indexOf(row);
    if (place < 0) {
      this.box.close();
      return;
    }
    this.place = place;
    if (hasChanged) this.draw();
  },

  make() {
    const box = el("dialog", { class: "lightbox", onkeydown: (event) => this.key(event) });
    box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
    box.addEventListener("close", () => gallery.focus(this.place));
    document.body.append(box);
    return box;
  },

  step(by) {
    const place = this.place + by;
    if (place < 0 || place >= gallery.found.length) return;
    this.place = place;
    this.turnToMeant();
    this.draw();
  },

  // To the file that was picked of several.
  turnToMeant() {
    this.shown = Math.max(this.row.files.findIndex((file) => nameOf(file) === this.row.pick[1]), 0);
    this.before = 0;
  },

  turn(by) {
    const count = this.row.files.length;
    if (count < 2) return;
    this.shown = (this.shown + by + count) % count;
    this.draw();
  },

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input[type=range], textarea, input[type=text]")) return;
    if (event.target.matches(".stage.zoomed") && event.key.startsWith("Arrow")) return; // it scrolls
    const act = {
      ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1),
      ArrowUp: () => this.turn(-1), ArrowDown: () => this.turn(1),
      t: () => { setTick(this.row, !ticks.has(this.row.row)); this.draw(); },
      c: () => copy(this.row.prompt),
      z: () => this.zoomTo(0.5, 0.5),
      b: () => this.look("compare"),
      v: () => this.look("versions"),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) act();
    else if (!pickByKey(this.row, event.key)) return;
    event.preventDefault();
  },

  draw() {
    const focused = this.box.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    this.box.setAttribute("aria-label", say("row", { row: this.row.row }));
    this.box.replaceChildren(this.stage(), this.side());
    const again = this.box.querySelector(`[data-act="${CSS.escape(focused ?? "close")}"]`);
    (again ?? this.box.querySelector('[data-act="close"]')).focus();
  },

  // As chosen, or as far as this row can be looked at so.
  get mode() {
    return stages.modes(this.row, this.row.files[this.shown]).includes(this.wanted) ? this.wanted : "picture";
  },

  stage() {
    const file = this.row.files[this.shown];
    const made = {
      picture: () => stages.picture(this.row, file, this.zoomed),
      compare: () => stages.compare(this.row, file, this.input()),
      versions: () => stages.versions(this.row),
    }[this.mode]();
    const frame = el("div", { class: "frame" }, made, this.tools());
    if (this.row.files.length > 1 && this.mode !== "versions") {
      frame.append(el("span", { class: "many" }, `${this.shown + 1} / ${this.row.files.length}`));
    }
    return frame;
  },

  // Which of the pictures that the row sent is shown as before.
  input() {
    const known = this.row.inputs.map((_, place) => place).filter((place) => inputAddress(this.row, place) !== null);
    return known[this.before % known.length];
  },

  // The ways to look at the picture, over its lower edge.
  tools() {
    const file = this.row.files[this.shown];
    const modes = stages.modes(this.row, file);
    const tool = (act, words, key, pressed, does) =>
      el("button", { type: "button", "data-act": act, "aria-pressed": String(pressed), "aria-keyshortcuts": key, title: `${words} (${key})`, onclick: does }, words);
    const shown = file !== undefined && thumbAddress(file) !== null;
    return el("div", { class: "ways", role: "group", "aria-label": say("ways") },
      ...(shown ? [tool("zoom", "1:1", "Z", this.zoomed && this.mode === "picture", () => this.zoomTo(0.5, 0.5))] : []),
      ...(modes.includes("compare") ? [tool("compare", say("before_after"), "B", this.mode === "compare", () => this.look("compare"))] : []),
      ...(this.mode === "compare" && this.row.inputs.length > 1
        ? [el("button", { type: "button", "data-act": "input", onclick: () => { this.before += 1; this.draw(); } }, say("other_before"))] : []),
      ...(modes.includes("versions") ? [tool("versions", say("versions", { count: this.row.versions.length + 1 }), "V", this.mode === "versions", () => this.look("versions"))] : []));
  },

  look(mode) {
    if (!stages.modes(this.row, this.row.files[this.shown]).includes(mode)) return;
    this.wanted = this.mode === mode ? "picture" : mode;
    this.draw();
  },

  // To the picture's own pixels and back; the point that was clicked stays in sight.
  zoomTo(x, y) {
    this.zoomed = this.mode === "picture" ? !this.zoomed : true;
    this.wanted = "picture";
    this.draw();
    const stage = this.box.querySelector(".stage.zoomed");
    const image = stage?.querySelector("img");
    if (!image) return;
    const scroll = () => stage.scrollTo(x * image.clientWidth - stage.clientWidth / 2, y * image.clientHeight - stage.clientHeight / 2);
    image.addEventListener("load", scroll);
    scroll();
  },

  button(act, words, sign, does) {
    return el("button", { type: "button", autofocus: act === "close", "data-act": act, "aria-label": words, title: words, onclick: does }, sign);
  },

  side() {
    const row = this.row;
    const place = say("of_rows", { place: whole.format(this.place + 1), total: whole.format(gallery.found.length) });
    return el("div", { class: "side" },
      el("div", { class: "head" },
        el("h2", {}, mark(row), ` ${say("row", { row: whole.format(row.row) })} `,
          el("span", { class: `kind s-${row.status}` }, say(`s_${row.status}`))),
        this.button("previous", say("previous"), "←", () => this.step(-1)),
        this.button("next", say("next"), "→", () => this.step(1)),
        this.button("close", say("close"), "✕", () => this.box.close())),
      el("p", { class: "note" }, place),
      this.marks(),
      ...this.failure(),
      ...this.words("prompt", row.prompt, row.cut & 1),
      this.form?.row === row ? this.changing() : null,
      el("p", { class: "acts" },
        mayChange && this.form?.row !== row
          ? el("button", { type: "button", "data-act": "change", onclick: () => this.openForm() }, say("change_words")) : null,
        el("button", { type: "button", "data-act": "copy", onclick: () => copy(row.prompt) }, say("copy_prompt")),
        tickBox(row), el("span", {}, say("tick", { row: row.row }))),
      ...(row.files.length ? [] : this.words("text", row.text, row.cut & 2)),
      this.facts(),
      // Beside a picture the text is mostly the address it came from.
      row.files.length && row.text
        ? el("details", {}, el("summary", {}, say("text")), el("p", { class: "long" }, row.text))
        : null,
      el("p", { class: "note keys" }, say("keys_help")));
  },

  // The row's mark, and which of its files is meant.
  marks() {
    const row = this.row;
    if (row.status !== "done" && !row.versions.length && !row.files.length) return null;
    const name = nameOf(row.files[this.shown] ?? "");
    const meant = name !== "" && row.pick[1] === name;
    return el("div", { class: "acts" }, pickButtons(row),
      row.files.length > 1
        ? el("button", { type: "button", "data-act": "meant", "aria-pressed": String(meant), onclick: () => pickFile(row, name) },
          say(meant ? "is_meant" : "mean_this"))
        : null,
      ...(mayChange ? this.redo() : []));
  },

  async openForm() {
    const row = this.row;
    let told = null;
    try {
      const answer = await fetch(`words/${row.row}`);
      told = answer.ok ? await answer.json() : null;
    } catch { /* told as any other failure */ }
    if (!told) {
      tell(say("no_words"));
      return;
    }
    const first = told.cells.filter((cell) => cell.field === "prompt");
    this.form = { row, cells: [...first, ...told.cells.filter((cell) => cell.field !== "prompt")] };
    this.draw();
    this.box.querySelector("form textarea")?.focus();
  },

  // The cells that make this row's request. What is typed is kept while others of the page change.
  changing() {
    const { row, cells } = this.form;
    const field = (cell) => {
      const text = el("textarea", { rows: cell.text.length > 60 ? "4" : "2", "data-act": `cell-${cell.header}`, oninput: () => { cell.text = text.value; } });
      text.value = cell.text;
      const seed = cell.field === "seed"
        ? el("button", { type: "button", onclick: () => { cell.text = String(Math.floor(Math.random() * 2 ** 31)); text.value = cell.text; } }, say("new_seed"))
        : null;
      const undo = el("button", { type: "button", class: "link", onclick: () => { cell.text = cell.own; text.value = cell.own; } }, say("as_in_sheet"));
      return el("label", { class: "field" }, el("span", {}, cell.header), text, el("span", { class: "acts" }, seed, undo));
    };
    const save = async (event) => {
      event.preventDefault();
      const told = await ask(`words/${row.row}`, { cells: Object.fromEntries(cells.map(({ header, text }) => [header, text])) });
      if (!told) return;
      tell(say("words_kept", { command: `rowmill run ${data.sheet}` }));
      this.close();
    };
    return el("form", { class: "words-form", onsubmit: save }, ...cells.map(field),
      el("p", { class: "note" }, say("words_help")),
      el("p", { class: "acts" },
        el("button", { type: "submit", class: "main", "data-act": "save" }, say("keep_words")),
        el("button", { type: "button", "data-act": "cancel", onclick: () => this.close() }, say("cancel"))));
  },

  close() {
    this.form = null;
    this.draw();
  },

  // Once more, for its price, and back until it is sent.
  redo() {
    const row = this.row;
    if (row.status === "pending" && (row.files.length || row.text)) {
      return [el("button", { type: "button", "data-act": "take-back", onclick: () => takeBack([row.row]) }, say("take_back"))];
    }
    if (row.status !== "done") return [];
    return [
      el("button", { type: "button", "data-act": "again", onclick: () => generateAgain([row.row]) }, say("again")),
      el("span", { class: "note" }, costOf([row])),
    ];
  },

  failure() {
    const row = this.row;
    if (row.reason < 0) return [];
    const [kind, meaning, remedy, command] = data.reasons[row.reason];
    return [
      el("div", { class: `failure s-${row.status}` },
        el("p", {}, el("b", {}, kindWords(kind)), ` ${meaning} ${remedy}`),
        command ? el("p", {}, el("code", {}, command)) : null),
      ...(row.detail ? [el("h3", {}, say("error")), el("p", { class: "said-by" }, row.detail)] : []),
    ];
  },

  words(name, text, isCut) {
    if (!text) return [];
    const cut = isCut
      ? el("p", { class: "note" }, say("cut", { command: `rowmill show ${this.row.row} ${data.sheet}` }))
      : null;
    return [el("h3", {}, say(name)), el("p", { class: "long" }, text), cut].filter(Boolean);
  },

  facts() {
    const row = this.row;
    const cost = row.cost === null ? say("unknown") : priced(row);
    const pairs = [
      ["key", row.key],
      ["model", data.models[row.model]],
      ["took", took(row)],
      ["cost", row.attempts ? cost : ""],
      ["tokens", row.tokens === null ? "" : whole.format(row.tokens)],
      ["attempts", row.attempts ? whole.format(row.attempts) : ""],
      ["finished", row.finished === null ? "" : moment.format(new Date(row.finished * 1000))],
    ].filter(([, value]) => value !== "");
    const list = el("dl", {}, ...pairs.flatMap(([name, value]) => [el("dt", {}, say(name)), el("dd", {}, value)]));
    for (const { name, place } of ownColumns()) {
      const value = ownValue(row, place);
      if (value) list.append(el("dt", {}, name), el("dd", {}, value));
    }
    for (const file of row.files) {
      const name = nameOf(file);
      const address = fileAddress(name);
      const shown = address === null
        ? el("code", {}, `${data.files}${name}`)
        : el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, name);
      list.append(el("dt", {}, say("file")), el("dd", {}, shown));
    }
    return list;
  },
};
