// The rows and what is chosen of them. Nothing here touches the page.

const STATES = ["done", "failed", "in_doubt", "skipped", "pending"];
const FAILED = new Set(["failed", "in_doubt"]);

const asRow = (record) => {
  const row = {};
  data.fields.forEach((name, place) => { row[name] = record[place]; });
  return row;
};

const rows = data.rows.map(asRow);
data.rows = null;
const byNumber = new Map(rows.map((row) => [row.row, row]));

const kindOf = (row) => (row.reason < 0 ? "" : data.reasons[row.reason][0]);
const kindWords = (kind) => data.classes[kind] ?? kind;

// Everything that a search looks at, made once, when it is first needed.
const wordsOf = (row) => {
  row.words ??= `${row.row}\n${row.key}\n${row.prompt}\n${row.detail}\n${row.text}\n${row.files.flat().join("\n")}`.toLowerCase();
  return row.words;
};

const chosen = { status: "all", model: -1, kind: "", text: "", order: "row" };

const ORDERS = {
  row: null,
  seconds: (row) => row.seconds,
  cost: (row) => row.cost,
  attempts: (row) => row.attempts,
  finished: (row) => row.finished,
};

const fits = (row, { text, ...wish }) =>
  (wish.status === "all" || row.status === wish.status) &&
  (wish.model < 0 || row.model === wish.model) &&
  (!wish.kind || kindOf(row) === wish.kind) &&
  (!text || wordsOf(row).includes(text));

// The largest first; what is unknown comes last, and equals stay in the sheet's order.
const ordered = (found, value) =>
  value === null
    ? found
    : found.sort((a, b) => (value(b) ?? -1) - (value(a) ?? -1) || a.row - b.row);

const select = () => {
  const wish = { ...chosen, text: chosen.text.trim().toLowerCase() };
  return ordered(rows.filter((row) => fits(row, wish)), ORDERS[chosen.order]);
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
