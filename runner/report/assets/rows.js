// The rows and what is chosen of them. Nothing here touches the page.

const STATES = ["done", "failed", "in_doubt", "skipped", "pending"];
const FAILED = new Set(["failed", "in_doubt"]);
const NO_PICK = [0, ""]; // stars, -1 for a rejected result; the file that is meant

const asRow = (record) => {
  const row = {};
  data.fields.forEach((name, place) => { row[name] = record[place]; });
  row.pick ||= NO_PICK;
  return row;
};

const rows = data.rows.map(asRow);
data.rows = null;
const byNumber = new Map(rows.map((row) => [row.row, row]));

const kindOf = (row) => (row.reason < 0 ? "" : data.reasons[row.reason][0]);
const kindWords = (kind) => data.classes[kind] ?? kind;

// The sheet's own columns that many rows share values of: these can be filtered and grouped by.
const ownColumns = () =>
  data.columns
    .map(([name, values], place) => ({ name, values, place }))
    .filter(({ values }) => values !== null && values.length > 1 && values.length < Math.max(rows.length * 0.6, 3));
const ownValue = (row, place) => data.columns[place]?.[1]?.[row.own[place]] ?? "";

// Everything that a search looks at, made once, when it is first needed.
const wordsOf = (row) => {
  row.words ??= `${row.row}\n${row.key}\n${row.prompt}\n${row.detail}\n${row.text}\n${row.files.flat().join("\n")}`.toLowerCase();
  return row.words;
};

const NOTHING_CHOSEN = {
  status: "all", model: -1, kind: "", text: "", pick: "",
  column: -1, value: -1, costFrom: null, costTo: null, secondsFrom: null, secondsTo: null,
};
const chosen = { ...NOTHING_CHOSEN, order: "row", group: "" };

const ORDERS = {
  row: null,
  seconds: (row) => row.seconds,
  cost: (row) => row.cost,
  attempts: (row) => row.attempts,
  finished: (row) => row.finished,
  stars: (row) => row.pick[0] || (row.pick[1] ? 0.5 : 0),
};

const PICKS = {
  picked: ([stars, file]) => stars > 0 || (file !== "" && stars === 0),
  unmarked: ([stars, file]) => stars === 0 && file === "",
  rejected: ([stars]) => stars < 0,
  5: ([stars]) => stars === 5, 4: ([stars]) => stars === 4, 3: ([stars]) => stars === 3,
  2: ([stars]) => stars === 2, 1: ([stars]) => stars === 1,
};

const within = (value, from, to) =>
  (from === null && to === null) || (value !== null && (from === null || value >= from) && (to === null || value <= to));

const fits = (row, { text, ...wish }) =>
  (wish.status === "all" || row.status === wish.status) &&
  (wish.model < 0 || row.model === wish.model) &&
  (!wish.kind || kindOf(row) === wish.kind) &&
  (!wish.pick || PICKS[wish.pick](row.pick)) &&
  (wish.column < 0 || wish.value < 0 || row.own[wish.column] === wish.value) &&
  within(row.cost, wish.costFrom, wish.costTo) &&
  within(row.seconds, wish.secondsFrom, wish.secondsTo) &&
  (!text || wordsOf(row).includes(text));

// The largest first; what is unknown comes last, and equals stay in the sheet's order.
const ordered = (found, value) =>
  value === null
    ? found
    : found.sort((a, b) => (value(b) ?? -1) - (value(a) ?? -1) || a.row - b.row);

const starGroup = ([stars, file]) => {
  if (stars > 0) return [5 - stars, "★".repeat(stars)];
  if (stars < 0) return [8, say("rejected")];
  return file ? [6, say("p_picked")] : [7, say("p_unmarked")];
};

// What the rows can be grouped by: a row's place in the order of groups, and the group's name.
const grouper = (name) => {
  if (name === "status") return (row) => [STATES.indexOf(row.status), say(`s_${row.status}`)];
  if (name === "model") return (row) => [row.model, data.models[row.model] || say("unknown")];
  if (name === "kind") return (row) => [row.reason < 0 ? -1 : 0, kindOf(row) ? kindWords(kindOf(row)) : say("no_failure")];
  if (name === "pick") return (row) => starGroup(row.pick);
  if (!name.startsWith("own")) return null;
  const place = Number(name.slice(3));
  return (row) => [row.own[place], ownValue(row, place) || say("blank")];
};

const grouped = (found, name) => {
  const group = grouper(name);
  if (group === null) return { found, groups: [] };
  const known = new Map();
  for (const row of found) {
    const [order, words] = group(row);
    if (!known.has(words)) known.set(words, { words, order, rows: [] });
    known.get(words).rows.push(row);
  }
  const groups = [...known.values()].sort((a, b) => a.order - b.order);
  return { found: groups.flatMap((one) => one.rows), groups: groups.map(({ words, rows: some }) => ({ words, count: some.length })) };
};

const select = () => {
  const wish = { ...chosen, text: chosen.text.trim().toLowerCase() };
  return grouped(ordered(rows.filter((row) => fits(row, wish)), ORDERS[chosen.order]), chosen.group);
};

const countByStatus = () => {
  const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  for (const row of rows) counts[row.status] += 1;
  return counts;
};

// New records of a live page; returns the rows that changed or came.
const takeRecords = (records) =>
  records.map((record) => {
    const fresh = asRow(record);
    const known = byNumber.get(fresh.row);
    if (known) return Object.assign(known, fresh, { words: undefined });
    byNumber.set(fresh.row, fresh);
    rows.push(fresh);
    return fresh;
  });
