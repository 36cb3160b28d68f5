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

const models = choice("model", say("model"),
  [option(-1, say("any_model")), ...data.models.map((name, place) => option(place, name))],
  (value) => { chosen.model = Number(value); });
const failures = choice("kind", say("kind"),
  [option("", say("any_kind")), ...kinds().map((kind) => option(kind, kindWords(kind)))],
  (value) => { chosen.kind = value; });
const order = choice("order", say("sort"),
  Object.keys(ORDERS).map((name) => option(name, say(`by_${name}`))),
  (value) => { chosen.order = value; });
const view = choice("view", say("view"),
  [option("auto", say("as_fits")), option("grid", say("as_grid")), option("list", say("as_list"))],
  (value) => { gallery.view = value; });

const buildBar = () => {
  bar.append(search, pills, el("div", { class: "choices" },
    data.models.length > 1 ? models : "", kinds().length > 1 ? failures : "", order, view));
  drawBar();
};

const found = document.getElementById("found");

// `keep`: the rows that are shown stay, so that nothing moves under a reader's eyes.
const refresh = ({ keep = false, changed = [] } = {}) => {
  const now = select();
  const same = keep && now.length === gallery.found.length && now.every((row, place) => row === gallery.found[place]);
  if (same) gallery.renew(changed);
  else gallery.show(now);
  found.replaceChildren(
    el("span", {}, say("found", { count: whole.format(now.length), total: whole.format(rows.length) })),
    ...(now.length ? [el("button", { type: "button", class: "link", onclick: () => tickAll(gallery.found) }, say("tick_found"))] : []),
    ...(now.length < rows.length ? [el("button", { type: "button", class: "link", onclick: showAll }, say("clear"))] : []),
  );
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
  models.querySelector("select").value = "-1";
  choose({ status: "all", kind: "", text: "", model: -1 });
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
  else if (button.dataset.reason) {
    choose({ status: "all", text: "", kind: button.dataset.reason });
    document.getElementById("rows-head").scrollIntoView();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, select, dialog")) return;
  event.preventDefault();
  search.focus();
});

// What a search looks at is gathered while nobody asks for anything, so that the first is quick too.
const gather = (deadline, from = 0) => {
  let place = from;
  while (place < rows.length && deadline.timeRemaining() > 1) wordsOf(rows[place++]);
  if (place < rows.length) requestIdleCallback((next) => gather(next, place));
};

buildBar();
refresh();
listen();
if (window.requestIdleCallback) requestIdleCallback((deadline) => gather(deadline));
