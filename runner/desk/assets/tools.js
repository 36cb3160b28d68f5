// The desk's calls, and the small parts that its pages are made of.

const STEPS = ["start", "run", "look", "finish"];
const state = { sheet: null, step: "start", sheets: [], folder: "", choices: {}, found: {}, models: {}, standing: null, lost: false };
const clockTime = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hour12: false });
const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });

const headers = (more) => ({ "X-Rowmill-Token": data.token, ...more });

// Answers what the desk told; `error` says why not. A desk that is gone is told once, at the top.
const send = async (path, options) => {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", ...options });
  } catch {
    lost(true);
    return { error: say("gone") };
  }
  lost(false);
  let told = {};
  try { told = await answer.json(); } catch { /* a refusal without words */ }
  if (!answer.ok && !told.error) told.error = say("fault");
  return { ...told, status: answer.status };
};
const act = (name, body = {}) =>
  send(`do/${name}`, { headers: headers({ "Content-Type": "application/json" }), body: JSON.stringify(body) });

const lost = (is) => {
  if (state.lost === is) return;
  state.lost = is;
  const place = document.getElementById("connection");
  place.textContent = is ? say("gone") : "";
  place.classList.toggle("seen", is);
};

const button = (text, onclick, attributes = {}) => el("button", { type: "button", onclick, ...attributes }, text);
const note = (text, more = "") => el("p", { class: `note ${more}` }, text);
const field = (id, label, control, ...more) =>
  el("div", { class: "field" }, el("label", { for: id }, label), control, ...more.filter(Boolean));
const choice = (id, options, value, onchange, attributes = {}) => {
  const made = el("select", { id, onchange, ...attributes }, ...options.map(([name, text]) =>
    el("option", { value: name, selected: name === value }, text)));
  return made;
};
const card = (id, title, ...children) =>
  el("section", { class: "card", "aria-labelledby": id }, el("h3", { id }, title), ...children);
const trouble = (text) => el("p", { class: "trouble", role: "alert" }, text);
const nothing = () => document.createDocumentFragment();

// Draws anew, and leaves the keyboard where it was.
const redraw = (place, ...children) => {
  const id = place.contains(document.activeElement) ? document.activeElement.id : "";
  const from = id && "selectionStart" in document.activeElement ? document.activeElement.selectionStart : null;
  place.replaceChildren(...children.filter((child) => child !== null));
  const again = id && document.getElementById(id);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (from !== null && again.setSelectionRange && again.type !== "number") try { again.setSelectionRange(from, from); } catch { /* not a text */ }
};

const busy = async (made, work) => {
  made.disabled = true;
  made.setAttribute("aria-busy", "true");
  try { return await work(); } finally {
    made.disabled = false;
    made.removeAttribute("aria-busy");
  }
};

const ratio = (rows, name) => (rows && rows.total ? rows[name] / rows.total : 0);
const meter = (rows) => {
  const made = el("div", { class: "meter", role: "img", "aria-label": counted(rows) });
  for (const name of ["done", "failed", "in_doubt", "skipped"]) {
    const part = el("i", { class: `s-${name}` });
    part.style.width = `${100 * ratio(rows, name)}%`;
    made.append(part);
  }
  return made;
};
const counted = (rows) => {
  if (!rows) return say("new");
  const words = [say("done_of", { done: whole.format(rows.done), total: whole.format(rows.total) })];
  if (rows.failed) words.push(say("failed", { count: whole.format(rows.failed) }));
  if (rows.in_doubt) words.push(say("in_doubt", { count: whole.format(rows.in_doubt) }));
  return words.join(" · ");
};

// A question with its reasons; answers true or false, or what the chosen button stands for.
const asked = (title, parts, answers) => new Promise((resolve) => {
  const dialog = document.getElementById("ask");
  const close = (value) => { dialog.close(); resolve(value); };
  dialog.oncancel = (event) => { event.preventDefault(); close(null); };
  dialog.replaceChildren(
    el("h2", { id: "ask-title" }, title),
    ...parts,
    el("div", { class: "answers" }, ...answers.map(([text, value, kind]) =>
      button(text, () => close(value), kind ? { class: kind } : {}))),
  );
  dialog.showModal();
});
const facts = (pairs) =>
  el("dl", { class: "facts" }, ...pairs.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
