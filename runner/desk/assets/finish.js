// The last two steps: looking at what came, and taking it away.

// The address of the gallery, once the desk serves it: a link, which no browser holds back.
const galleries = {};
const readGallery = async (sheet) => {
  galleries[sheet] = "";
  const told = await send("look", { headers: headers({ "Content-Type": "application/json" }), body: JSON.stringify({ sheet }) });
  if (told.error) { tell(told.error); delete galleries[sheet]; return; }
  galleries[sheet] = told.url;
  if (state.step === "look" && state.sheet === sheet) drawLook();
};
const drawGallery = () => {
  const sheet = state.sheet, url = galleries[sheet];
  if (url === undefined) readGallery(sheet);
  if (!url) return button(say("gallery"), () => {}, { id: "gallery", class: "main", disabled: true });
  return el("a", { id: "gallery", class: "button main", href: url, target: "_blank", rel: "noopener" }, say("gallery"));
};

const drawLook = () => {
  const place = document.getElementById("panel");
  const now = state.standing;
  if (!now) return redraw(place, note(say("reading")));
  if (!now.loaded) return redraw(place, note(say("not_run_yet")));
  redraw(place,
    el("section", { class: "progress" }, el("p", { class: "lead" }, counted(now.rows)), meter(now.rows)),
    el("div", { class: "orders" }, drawGallery(), note(say("gallery_note"))),
    drawRejected(now),
    drawFailures(now));
};

// Results that were marked with an X in the gallery, to be generated again.
const drawRejected = (now) => {
  const { count, rows } = now.rejected;
  if (!count) return nothing();
  const again = button(say("again"), () => busy(again, () => propose({}, "rejected")), { id: "again-rejected", class: "main" });
  return el("section", { "aria-labelledby": "rejected" }, el("h3", { id: "rejected" }, say("rejected_rows")),
    el("ul", { class: "failures" }, el("li", {},
      el("p", {}, say("rejected_note")),
      note(say("row_numbers", { count, rows: rows.join(", ") + (count > rows.length ? ", …" : "") })),
      el("p", { class: "act" }, again, el("span", { class: "note", id: "price-rejected" }, priceOf({ kind: "rejected", count }))))));
};

const byKind = (failures) => {
  const kinds = new Map();
  for (const one of failures) {
    const known = kinds.get(one.kind);
    if (known) { known.count += one.count; known.rows.push(...one.rows); }
    else kinds.set(one.kind, { ...one, rows: [...one.rows] });
  }
  return [...kinds.values()];
};
const drawFailures = (now) => {
  const kinds = byKind(now.failures);
  if (!kinds.length) return el("section", {}, el("h3", {}, say("failures")), note(say("no_failures")));
  return el("section", { "aria-labelledby": "failures" }, el("h3", { id: "failures" }, say("failures")),
    el("ul", { class: "failures" }, ...kinds.map((one) => {
      const again = button(say(one.passing ? "retry" : "retry_unchanged"), () => busy(again, () => propose({}, one.kind)), { id: `retry-${one.kind}`, class: one.passing ? "main" : null });
      const isOurs = one.by_us;
      return el("li", {},
        el("p", { class: "what" }, el("span", { class: `kind s-${one.kind === "in_doubt" ? "in_doubt" : "failed"}` }, one.title), el("b", {}, say("rows", { count: whole.format(one.count) }))),
        el("p", {}, one.meaning, " ", el("span", { class: "note" }, one.remedy)),
        one.words ? el("p", { class: "said-by" }, isOurs ? one.words : say("provider_says", { words: one.words })) : null,
        note(say("row_numbers", { count: one.count, rows: one.rows.slice(0, 8).join(", ") + (one.count > one.rows.length || one.rows.length > 8 ? ", …" : "") })),
        isOurs ? nothing() : el("p", { class: "act" }, again, el("span", { class: "note", id: `price-${one.kind}` }, priceOf(one))));
    })));
};

// What trying again would cost, asked once for each kind as it stands.
const priced = {};
const priceOf = (one) => {
  const key = `${state.sheet}/${one.kind}/${one.count}`, sheet = state.sheet;
  if (priced[key]) return priced[key];
  if (state.standing.running) return "";
  priced[key] = say("price_reading");
  act("plan", { sheet, failure: one.kind }).then((told) => {
    const plan = told.plan;
    priced[key] = told.error ? told.error : !plan ? told.words
      : plan.calls ? [say("rows", { count: whole.format(plan.calls) }), plan.price].join(" · ") : say("ask_free");
    const place = document.getElementById(`price-${one.kind}`);
    if (place && sheet === state.sheet) place.textContent = priced[key];
  });
  return priced[key];
};

const KINDS = ["copy", "workbook", "csv", "page", "picks"];
const drawFinish = () => {
  const place = document.getElementById("panel");
  if (state.standing && !state.standing.loaded) return redraw(place, note(say("not_run_yet")));
  const copied = /\.xls[xm]$/i.test(state.sheet);
  return redraw(place, el("ul", { class: "hand-back", id: "hand-back" }, ...KINDS.filter((one) => one !== "copy" || copied).map((what) => {
    const told = el("p", { role: "status" });
    const make = button(say("make"), () => busy(make, async () => {
      const made = await act("hand-back", { sheet: state.sheet, what });
      if (made.error) return told.replaceChildren(trouble(made.error));
      const path = [el("code", {}, made.path), button(say("copy_path"), () => copy(made.path), { class: "copy" })];
      if (made.size === null) return told.replaceChildren(el("span", { class: "good" }, made.words), ...path);
      const size = made.size > 1e6 ? `${upTo(1).format(made.size / 1e6)} MB` : `${whole.format(Math.ceil(made.size / 1e3))} KB`;
      const href = `back/${encodeURIComponent(state.sheet)}/${encodeURIComponent(made.file)}`;
      return told.replaceChildren(el("a", { href, download: made.file, class: "file" }, say("download", { name: made.file, size })), ...path);
    }), { id: `make-${what}`, "aria-label": `${say("make")}: ${say(`back_${what}`)}` });
    return el("li", {}, el("h3", {}, say(`back_${what}`)), note(say(`back_${what}_note`)), make, told);
  })));
};
