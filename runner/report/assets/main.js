// The bar over the gallery, and what the page does as a whole.

const MOST_PRINTED = 500;
const bar = document.getElementById("bar");

const option = (value, words) => el("option", { value }, words);

const choice = (name, label, options, change) =>
  el("label", { class: "choice" }, el("span", { class: "away" }, label),
    el("select", { name, onchange: (event) => { change(event.target.value); refresh(); } }, ...options));

const pills = el("div", { class: "pills", role: "group", "aria-label": say("status") });

const drawBar = () => {
  const counts = countByStatus();
  const all = [["all", rows.length], ...STATES.map((state) => [state, counts[state]])];
  const focused = pills.contains(document.activeElement) ? document.activeElement.dataset.status : null;
  pills.replaceChildren(...all.filter(([name, count]) => count || name === "all").map(([name, count]) =>
    el("button",
      {
        type: "button",
        "data-status": name,
        "aria-pressed": String(chosen.status === name),
        onclick: () => choose({ status: name, kind: "" }),
      },
      name === "all" ? null : el("span", { class: `mark s-${name}`, "aria-hidden": "true" }, MARKS[name]),
      name === "all" ? say("all") : say(`s_${name}`),
      el("span", { class: "count" }, whole.format(count)))));
  if (focused) pills.querySelector(`[data-status="${focused}"]`)?.focus();
};

const search = el("input", {
  type: "search", placeholder: say("search"), "aria-label": say("search"), autocomplete: "off", spellcheck: "false",
  oninput: (event) => { chosen.text = event.target.value; refresh(); },
});

const kinds = () => [...new Set(data.reasons.map(([kind]) => kind))];
const pickNames = ["picked", "5", "4", "3", "2", "1", "rejected", "unmarked"];
const pickName = (name) => (/^\d$/.test(name) ? `${"★".repeat(Number(name))}` : say(`p_${name}`));

const models = choice("model", say("model"),
  [option(-1, say("any_model")), ...data.models.map((name, place) => option(place, name))],
  (value) => { chosen.model = Number(value); });
const failures = choice("kind", say("kind"),
  [option("", say("any_kind")), ...kinds().map((kind) => option(kind, kindWords(kind)))],
  (value) => { chosen.kind = value; });
const marks = choice("pick", say("picks"),
  [option("", say("any_pick")), ...pickNames.map((name) => option(name, pickName(name)))],
  (value) => { chosen.pick = value; });
const columns = choice("column", say("column"), [],
  (value) => { chosen.column = Number(value); chosen.value = -1; fillValues(); });
const values = choice("value", say("value"), [], (value) => { chosen.value = Number(value); });
const order = choice("order", say("sort"),
  Object.keys(ORDERS).map((name) => option(name, say(`by_${name}`))),
  (value) => { chosen.order = value; });
const grouping = choice("group", say("group"), [], (value) => { chosen.group = value; });
const view = choice("view", say("view"),
  [option("auto", say("as_fits")), option("grid", say("as_grid")), option("list", say("as_list"))],
  (value) => { gallery.view = value; });

// A span of money or time: two fields, either may be empty.
const span = (name, label) => {
  const field = (end, words) =>
    el("input", {
      type: "number", min: "0", step: "any", inputmode: "decimal", placeholder: say(end), "aria-label": `${label}: ${words}`,
      "data-span": `${name}${end === "from" ? "From" : "To"}`,
      oninput: (event) => {
        const number = event.target.value === "" ? null : Number(event.target.value);
        chosen[event.target.dataset.span] = Number.isFinite(number) ? number : null;
        refresh();
      },
    });
  return el("div", { class: "span" }, el("span", {}, label), field("from", say("from")), "–", field("to", say("to")));
};

const fillValues = () => {
  const own = ownColumns().find(({ place }) => place === chosen.column);
  const found = own ? own.values.map((words, number) => [number, words || say("blank")]) : [];
  found.sort(([, a], [, b]) => a.localeCompare(b, locale, { numeric: true }));
  values.hidden = !own;
  values.querySelector("select").replaceChildren(option(-1, say("any_value")), ...found.map(([number, words]) => option(number, words)));
  values.querySelector("select").value = String(chosen.value);
};

const filters = el("details", { class: "menu" },
  el("summary", {}, say("filter"), el("span", { class: "count", id: "filters" })),
  el("div", { class: "sheet" }, columns, values, marks,
    data.models.length > 1 ? models : "", kinds().length > 1 ? failures : "",
    span("cost", data.currency ? `${say("cost")} (${data.currency})` : say("cost")), span("seconds", say("took_seconds"))));
filters.addEventListener("toggle", () => {
  if (!filters.open) return;
  const own = ownColumns();
  columns.hidden = !own.length;
  columns.querySelector("select").replaceChildren(option(-1, say("any_column")), ...own.map(({ name, place }) => option(place, name)));
  columns.querySelector("select").value = String(chosen.column);
  fillValues();
});

const slider = el("input", {
  type: "range", min: String(SIZES.least), max: String(SIZES.most), step: "2", value: String(gallery.size),
  "aria-label": say("size"), title: say("size"), oninput: (event) => gallery.resize(Number(event.target.value)),
});

const fillGroups = () => {
  const known = [["", say("no_group")], ["status", say("status")], ["pick", say("picks")]];
  if (data.models.length > 1) known.push(["model", say("model")]);
  if (kinds().length > 1) known.push(["kind", say("kind")]);
  for (const { name, place } of ownColumns()) known.push([`own${place}`, name]);
  grouping.querySelector("select").replaceChildren(...known.map(([value, words]) => option(value, words)));
};

const buildBar = () => {
  fillGroups();
  bar.append(search, pills, el("div", { class: "choices" }, filters, grouping, order, view,
    el("span", { class: "size" }, el("span", { class: "small-sign", "aria-hidden": "true" }, "▫"), slider, el("span", { class: "large-sign", "aria-hidden": "true" }, "□"))));
  drawBar();
};

const found = document.getElementById("found");

// How many filters are set that the bar does not show.
const hiddenFilters = () =>
  ["model", "kind", "pick", "value", "costFrom", "costTo", "secondsFrom", "secondsTo"]
    .filter((name) => chosen[name] !== NOTHING_CHOSEN[name]).length;

// `keep`: the rows that are shown stay, so that nothing moves under a reader's eyes.
const refresh = ({ keep = false, changed = [] } = {}) => {
  const made = select();
  const now = made.found;
  const same = keep && now.length === gallery.found.length && now.every((row, place) => row === gallery.found[place]);
  if (same) gallery.renew(changed);
  else gallery.show(made);
  found.replaceChildren(
    el("span", {}, say("found", { count: whole.format(now.length), total: whole.format(rows.length) })),
    ...(now.length ? [el("button", { type: "button", class: "link", onclick: () => tickAll(gallery.found) }, say("tick_found"))] : []),
    ...(now.length < rows.length ? [el("button", { type: "button", class: "link", onclick: showAll }, say("clear"))] : []),
  );
  document.getElementById("filters").textContent = hiddenFilters() ? whole.format(hiddenFilters()) : "";
  grid.dataset.empty = now.length ? "" : say("nothing");
};

const choose = (wish) => {
  Object.assign(chosen, wish);
  failures.querySelector("select").value = chosen.kind;
  drawBar();
  refresh();
  const top = bar.parentElement.getBoundingClientRect().top;
  if (top < 0) window.scrollBy(0, top);
};

const showAll = () => {
  search.value = "";
  for (const [one, value] of [[models, "-1"], [marks, ""], [columns, "-1"]]) one.querySelector("select").value = value;
  for (const field of filters.querySelectorAll("input")) field.value = "";
  choose(NOTHING_CHOSEN);
  fillValues();
};

const setTheme = () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
};

const spreadOut = () => {
  const count = gallery.spread(MOST_PRINTED);
  if (count < gallery.found.length) {
    found.append(el("span", { class: "printed" },
      say("printed", { shown: whole.format(count), count: whole.format(gallery.found.length) })));
  }
};

// Paper waits for no picture, so they are all here before it is asked for.
const print = async () => {
  spreadOut();
  await Promise.allSettled([...grid.querySelectorAll("img")].map((image) => image.decode()));
  window.print();
};

document.getElementById("tools").append(
  el("button", { type: "button", onclick: setTheme, "aria-label": say("theme"), title: say("theme") }, "◐"),
  el("button", { type: "button", onclick: print }, say("print")),
);
window.addEventListener("beforeprint", () => { if (!grid.classList.contains("flow")) spreadOut(); });
window.addEventListener("afterprint", () => {
  found.querySelector(".printed")?.remove();
  gallery.gather();
});

document.getElementById("summary").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy) copy(button.dataset.copy);
  else if (button.dataset.retry) {
    putBackRows(rows.filter((row) => kindOf(row) === button.dataset.retry).map((row) => row.row));
  } else if (button.dataset.reason) {
    choose({ status: "all", text: "", kind: button.dataset.reason });
    document.getElementById("bar").scrollIntoView();
  }
});

// A menu closes with Escape, and when something else is clicked.
document.addEventListener("click", (event) => { if (!filters.contains(event.target)) filters.open = false; });
filters.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  filters.open = false;
  filters.querySelector("summary").focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, select, textarea, dialog")) return;
  event.preventDefault();
  search.focus();
});

// What a search looks at is gathered while nobody asks for anything, so that the first is quick too.
const gather = (deadline, from = 0) => {
  let place = from;
  while (place < rows.length && deadline.timeRemaining() > 1) wordsOf(rows[place++]);
  if (place < rows.length) requestIdleCallback((next) => gather(next, place));
};

loadPicks();
buildBar();
refresh();
drawPicked();
listen();
if (window.requestIdleCallback) requestIdleCallback((deadline) => gather(deadline));
