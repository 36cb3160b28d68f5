// The large picture of a row: as it is, 1:1, beside what it was made from, or beside its versions.

const dragToScroll = (stage) => {
  let from = null;
  stage.addEventListener("pointerdown", (event) => {
    if (!stage.classList.contains("zoomed") || event.button !== 0) return;
    from = { x: event.clientX + stage.scrollLeft, y: event.clientY + stage.scrollTop };
    stage.dataset.moved = "";
  });
  stage.addEventListener("pointermove", (event) => {
    if (!from || !event.buttons) { from = null; return; }
    const [left, top] = [from.x - event.clientX, from.y - event.clientY];
    if (Math.abs(left - stage.scrollLeft) + Math.abs(top - stage.scrollTop) > 4) stage.dataset.moved = "yes";
    stage.scrollTo(left, top);
  });
};

// The thumbnail at once; the file itself when it is here, or never, where only this page is.
const sharpImage = (file, words, loaded = () => {}) => {
  const shown = el("img", { src: thumbAddress(file), alt: words, class: "small", draggable: "false" });
  const full = new Image();
  full.addEventListener("load", () => { shown.src = full.src; shown.classList.remove("small"); loaded(); });
  const address = fileAddress(nameOf(file));
  if (address !== null) full.src = address;
  return shown;
};

const stages = {
  // The ways in which a row can be looked at.
  modes(row, file) {
    const shown = file !== undefined && thumbAddress(file) !== null;
    const before = shown && row.inputs.some((_, place) => inputAddress(row, place) !== null);
    return ["picture", ...(before ? ["compare"] : []), ...(row.versions.length ? ["versions"] : [])];
  },

  picture(row, file, zoomed) {
    const stage = el("div", { class: "stage", tabindex: zoomed ? "0" : false });
    if (file !== undefined && playerOf(file) && this.play(stage, file)) return stage;
    if (file === undefined || thumbAddress(file) === null) {
      stage.append(blank(row));
      return stage;
    }
    const one = () => {
      if (zoomed) image.style.width = `${image.naturalWidth / window.devicePixelRatio}px`;
    };
    const image = sharpImage(file, row.prompt.slice(0, 300), one);
    image.addEventListener("load", one);
    stage.classList.toggle("zoomed", zoomed);
    dragToScroll(stage);
    image.addEventListener("click", (event) => {
      if (stage.dataset.moved === "yes") { stage.dataset.moved = ""; return; }
      const box = image.getBoundingClientRect();
      lightbox.zoomTo((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    });
    stage.append(image);
    return stage;
  },

  // A film or sound with the browser's own player; false where this page cannot reach the file.
  play(stage, file) {
    const address = fileAddress(nameOf(file));
    if (address === null) return false;
    stage.append(el(playerOf(file), { src: address, controls: true, preload: "metadata" }));
    return true;
  },

  compare(row, file, place) {
    const after = sharpImage(file, say("after"));
    const before = el("img", { src: inputAddress(row, place), alt: say("before"), class: "before", draggable: "false" });
    const line = el("span", { class: "wipe-line", "aria-hidden": "true" });
    const slider = el("input", { type: "range", min: "0", max: "100", value: "50", step: "1", class: "wipe", "aria-label": say("wipe") });
    const set = (share) => {
      slider.value = String(share);
      before.style.clipPath = `inset(0 ${100 - share}% 0 0)`;
      line.style.left = `${share}%`;
    };
    slider.addEventListener("input", () => set(Number(slider.value)));
    const stage = el("div", { class: "stage compare" }, after, before, line,
      el("span", { class: "corner left", "aria-hidden": "true" }, say("before")),
      el("span", { class: "corner right", "aria-hidden": "true" }, say("after")), slider);
    const follow = (event) => {
      if (event.target === slider || !(event.buttons & 1)) return;
      const box = stage.getBoundingClientRect();
      set(Math.round(Math.min(Math.max(100 * (event.clientX - box.left) / box.width, 0), 100)));
    };
    stage.addEventListener("pointerdown", follow);
    stage.addEventListener("pointermove", follow);
    before.addEventListener("error", () => stage.replaceChildren(el("span", { class: "blank" }, say("no_before"))));
    set(50);
    return stage;
  },

  versions(row) {
    const shown = (files, words, facts, isResult) => files.map((file) => {
      const name = nameOf(file);
      const image = thumbAddress(file) === null ? el("span", { class: "blank" }, say("no_picture")) : sharpImage(file, words);
      const meant = row.pick[1] === name;
      return el("figure", { class: isResult ? "is-result" : "" }, el("div", { class: "pane" }, image),
        el("figcaption", {}, el("b", {}, words), " ", el("span", {}, facts),
          isResult && files.length === 1 && !meant
            ? null
            : el("button", { type: "button", "data-act": `use-${name}`, "aria-pressed": String(meant), onclick: () => pickFile(row, name) },
              say(meant ? "is_used" : "use_this"))));
    });
    const facts = (cost, time) => [
      cost === null ? "" : `${money.format(cost)} ${data.currency}`.trimEnd(),
      time === null ? "" : say("seconds", { count: seconds.format(time) }),
    ].filter(Boolean).join(" · ");
    return el("div", { class: "stage versions" },
      ...shown(row.files, say("result"), facts(row.cost, row.seconds), true),
      ...row.versions.flatMap(([number, files, time, cost]) =>
        shown(files, say("version", { number }), facts(cost, time), false)));
  },
};
