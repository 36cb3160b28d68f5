// Words, numbers and elements: text goes into the page as text, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const locale = data.language === "zh" ? "zh-CN" : "en-US";
const whole = new Intl.NumberFormat(locale);
const upTo = (digits) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits });
const seconds = upTo(1);
const money = upTo(4);
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "medium" });

// `{name}` is the value, `{name:one|many}` a word chosen by it, as everywhere in rowmill.
const say = (key, values = {}) =>
  data.words[key].replace(/\{(\w+)(?::([^{}|]*)\|([^{}|]*))?\}/g, (_, name, one, many) =>
    one === undefined ? String(values[name] ?? "") : String(values[name]) === "1" ? one : many);

// `on…` attributes are listeners; null and false leave an attribute out.
const el = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
};

const MARKS = { done: "✓", failed: "✕", in_doubt: "?", skipped: "–", pending: "…" };

const tell = (text) => {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.add("seen");
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => said.classList.remove("seen"), 1800);
};

const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the clipboard's permission: the old way, through a selected field.
    const field = el("textarea", { class: "away", "aria-hidden": "true" });
    field.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  tell(say("copied"));
};
