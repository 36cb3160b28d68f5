// One row, large: its picture and all that is known of it.

const lightbox = {
  place: 0,
  shown: 0, // which of the row's pictures
  box: null,

  get row() { return gallery.found[this.place]; },

  open(place) {
    this.place = place;
    this.shown = 0;
    this.box ??= this.make();
    this.draw();
    if (!this.box.open) this.box.showModal();
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
    this.shown = 0;
    this.draw();
  },

  turn(by) {
    const count = this.row.files.length;
    if (count < 2) return;
    this.shown = (this.shown + by + count) % count;
    this.draw();
  },

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1),
      ArrowUp: () => this.turn(-1), ArrowDown: () => this.turn(1),
      t: () => { setTick(this.row, !ticks.has(this.row.row)); this.draw(); },
      c: () => copy(this.row.prompt),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  },

  draw() {
    const focused = this.box.contains(document.activeElement) ? document.activeElement.dataset.act : null;
    this.box.setAttribute("aria-label", say("row", { row: this.row.row }));
    this.box.replaceChildren(this.stage(), this.side());
    this.box.querySelector(`[data-act="${focused ?? "close"}"]`)?.focus();
  },

  stage() {
    const stage = el("div", { class: "stage" });
    const file = this.row.files[this.shown];
    if (file !== undefined && playerOf(file) && this.play(stage, file)) return stage;
    const small = file === undefined ? null : thumbAddress(file);
    if (small === null) {
      stage.append(blank(this.row));
      return stage;
    }
    // The thumbnail at once; the file itself when it is here, or never, where only this page is.
    const shown = el("img", { src: small, alt: this.row.prompt.slice(0, 300), class: "small" });
    const full = new Image();
    full.addEventListener("load", () => { shown.src = full.src; shown.classList.remove("small"); });
    const address = fileAddress(nameOf(file));
    if (address !== null) full.src = address;
    stage.append(shown);
    if (this.row.files.length > 1) {
      stage.append(el("span", { class: "many" }, `${this.shown + 1} / ${this.row.files.length}`));
    }
    return stage;
  },

  // A film or sound with the browser's own player; false where this page cannot reach the file.
  play(stage, file) {
    const address = fileAddress(nameOf(file));
    if (address === null) return false;
    stage.append(el(playerOf(file), { src: address, controls: true, preload: "metadata" }));
    if (this.row.files.length > 1) {
      stage.append(el("span", { class: "many" }, `${this.shown + 1} / ${this.row.files.length}`));
    }
    return true;
  },

  button(act, words, sign, does) {
    return el("button", { type: "button", "data-act": act, "aria-label": words, title: words, onclick: does }, sign);
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
      ...this.failure(),
      ...this.words("prompt", row.prompt, row.cut & 1),
      el("p", { class: "acts" },
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
    const cost = row.cost === null ? say("unknown") : `${money.format(row.cost)} ${data.currency}`;
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
