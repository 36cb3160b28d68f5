// The first step: how the sheet is understood, and where it goes.

let checking = 0;
const check = async () => {
  const sheet = state.sheet, mine = ++checking;
  document.getElementById("ahead")?.classList.add("old");
  const told = await act("check", { sheet, choices: chosen() });
  if (mine !== checking || sheet !== state.sheet) return;
  if (told.error) {
    state.problem = told.error;
    if (!state.found[sheet]) state.found[sheet] = null;
  } else {
    state.problem = null;
    state.found[sheet] = told;
  }
  if (state.step === "start") drawStart();
  readModels();
};

const drawStart = () => {
  const place = document.getElementById("panel");
  const found = state.found[state.sheet];
  if (!found) {
    redraw(place, state.problem ? trouble(state.problem) : note(say("reading")));
    return;
  }
  redraw(place,
    state.problem ? trouble(state.problem) : null,
    el("div", { class: "columns-2" },
      el("div", { class: "narrow" }, drawService(found), drawTask(found)),
      el("div", { class: "wide" }, ...inOrder(found), drawRequest(found))),
    drawAhead(found));
};

// What stops the sheet comes first.
const inOrder = (found) => {
  const urgent = found.stops.length || found.findings.some((one) => one.severity === "error");
  const parts = [drawColumns(found), drawMissing(found), drawFindings(found)];
  return urgent ? [parts[1], parts[2], parts[0]] : parts;
};

const drawMissing = (found) => {
  const names = found.missing_pictures;
  if (!names.length) return nothing();
  const input = el("input", { type: "file", id: "pictures", class: "away", multiple: true, accept: "image/*", tabindex: "-1", "aria-hidden": "true",
    onchange: (event) => drop([...event.target.files]) });
  return card("missing", say("missing_pictures", { count: whole.format(names.length) }),
    el("p", { class: "names" }, names.slice(0, 12).join("\n") + (names.length > 12 ? "\n…" : "")),
    el("p", {}, button(say("pictures_choose"), () => document.getElementById("pictures").click(), { id: "choose-pictures" }), input),
    note(say("pictures_note")));
};

const drawColumns = (found) => {
  const rows = Math.max(...found.columns.map((one) => one.cells.length), 0);
  const how = [found.rows === null ? null : say("rows", { count: whole.format(found.rows) }), found.read_as].filter(Boolean).join(" · ");
  const heads = found.columns.map((one, index) => el("th", { scope: "col", class: one.field || one.templated ? "sent" : null },
    el("span", { class: "name" }, one.header || "—", one.guessed ? el("span", { class: "kind" }, say("guessed")) : ""), drawField(found, one, index)));
  const lines = [...Array(rows).keys()].map((line) => el("tr", {}, ...found.columns.map((one) =>
    el("td", { class: one.field || one.templated ? "sent" : null }, el("div", {}, one.cells[line] ?? "")))));
  const table = el("div", { class: "scroll", id: "columns-scroll", tabindex: "0", role: "region", "aria-labelledby": "columns" },
    el("table", { class: "cells" }, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...lines)));
  return card("columns", say("columns"), note(how), table, note(say("columns_note")),
    found.more_columns ? note(say("more_columns", { count: found.more_columns })) : null);
};

const drawField = (found, column, index) => {
  const known = found.fields.some((one) => one.name === column.field);
  const options = [["", column.templated ? say("in_template") : say("not_sent")],
    ...found.fields.map((one) => [one.name, one.name]),
    ...(column.field && !known ? [[column.field, column.field]] : [])];
  const made = choice(`column-${index}`, options, column.field ?? "", (event) => {
    const columns = { ...found.chosen.columns, ...chosen().columns, [column.header]: event.target.value };
    change({ columns });
  }, { "aria-label": say("becomes", { column: column.header || "—" }) });
  return made;
};

const SIGNS = { error: "✕", warning: "!", note: "i" };
const drawFindings = (found) => {
  const lines = [
    ...found.stops.map((text) => ["error", text]),
    ...found.findings.map((one) => [one.severity, one.text]),
  ];
  const switches = [
    found.asks.skip_bad || chosen()["skip-bad"] ? drawSwitch("skip-bad", say("skip_bad")) : null,
    found.asks.rebuy || chosen().rebuy ? drawSwitch("rebuy", say("rebuy")) : null,
    found.asks.hidden ? drawSwitch("visible-only", say("visible_only")) : null,
  ].filter(Boolean);
  if (!lines.length && !switches.length) return nothing();
  return card("findings", say("findings"),
    el("ul", { class: "findings" }, ...lines.map(([kind, text]) => el("li", { class: kind },
      el("span", { class: "sign", "aria-hidden": "true" }, SIGNS[kind] ?? "i"), el("span", {}, text)))),
    ...switches);
};
const drawSwitch = (name, text) =>
  el("label", { class: "switch" }, el("input", { type: "checkbox", id: name, checked: inForce(name) === true,
    onchange: (event) => change({ [name]: event.target.checked }) }), text);

const drawRequest = (found) => {
  if (!found.request) return nothing();
  const { row, line, body, problem } = found.request;
  return card("request", say("request"),
    el("details", { open: Boolean(state.shown), ontoggle: (event) => { state.shown = event.target.open; } },
      el("summary", {}, say("request_of", { row })),
      el("pre", { tabindex: "0" }, problem ?? `${line}\n\n${body}`)));
};

const drawAhead = (found) => {
  const ready = !found.stops.length && !found.missing.length && found.key.state !== "missing" && found.key.state !== "trouble" && found.ahead;
  const words = found.ahead && found.ahead.calls
    ? [say("rows", { count: whole.format(found.ahead.calls) }), found.ahead.price, found.ahead.time].join(" · ")
    : found.ahead ? say("nothing_to_run") : say("not_ready");
  const why = ready ? words : found.missing[0] ?? found.stops[0] ?? (found.key.state === "set" || found.key.state === "unneeded" ? words : found.key.words);
  const is = Boolean(ready && found.ahead.calls);
  const tryThree = button(say("try"), () => busy(tryThree, () => propose({ limit: "3" })), { id: "try", class: "main", disabled: !is });
  const all = button(say("run_all"), () => busy(all, () => propose({})), { id: "run-all", disabled: !is });
  return el("div", { class: "go", id: "ahead" }, el("p", { role: "status" }, why), tryThree, is && found.ahead.calls > 3 ? all : null);
};
