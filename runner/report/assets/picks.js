// What a person thinks of the rows: stars, rejected, the file or version that is meant.

const PICK_LIST = "rowmill-picks.csv";
const PICK_STORE = `rowmill.picks.${data.store}`;
const STARS = [1, 2, 3, 4, 5];
const keyOf = (row) => row.key || String(row.row);
const samePick = (a, b) => a[0] === b[0] && a[1] === b[1];

// Without a server: what differs from the table, by row key, in this browser.
const changes = new Map();

const loadPicks = () => {
  if (data.live) return;
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(PICK_STORE)) ?? {};
  } catch { /* a browser that keeps nothing, or keeps something else */ }
  for (const row of rows) {
    row.saved = row.pick;
    const pick = Object.hasOwn(kept, keyOf(row)) ? kept[keyOf(row)] : null;
    if (!Array.isArray(pick) || !Number.isInteger(pick[0]) || typeof pick[1] !== "string") continue;
    if (samePick(pick, row.saved)) continue;
    row.pick = pick;
    changes.set(keyOf(row), pick);
  }
};

const keepPicks = () => {
  try {
    if (changes.size) localStorage.setItem(PICK_STORE, JSON.stringify(Object.fromEntries(changes)));
    else localStorage.removeItem(PICK_STORE);
  } catch {
    tell(say("not_kept"));
  }
};

const sendPick = async (row, [stars, file], before) => {
  const mark = stars < 0 ? { rejected: true } : { stars: stars || null, file: file || null };
  let told;
  try {
    const answer = await fetch("pick", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Rowmill-Token": data.live },
      body: JSON.stringify({ rows: [row.row], ...mark }),
    });
    told = await answer.json();
  } catch {
    told = { error: say("no_answer") };
  }
  if (!told.error) return;
  row.pick = before;
  redrawRow(row);
  tell(say("not_marked", { reason: told.error }));
};

const redrawRow = (row) => {
  gallery.renew([row]);
  if (lightbox.box?.open && lightbox.row === row) lightbox.draw();
  drawPicked();
};

const setPick = (row, pick) => {
  const before = row.pick;
  if (row.status !== "done" && !row.versions.length && !row.files.length) {
    tell(say("no_result_yet"));
    return;
  }
  if (samePick(before, pick)) return;
  row.pick = pick;
  if (data.live) sendPick(row, pick, before);
  else {
    if (samePick(pick, row.saved)) changes.delete(keyOf(row));
    else changes.set(keyOf(row), pick);
    keepPicks();
  }
  redrawRow(row);
  const words = pick[0] > 0 ? "★".repeat(pick[0]) : pick[0] < 0 ? say("rejected") : pick[1] || say("p_unmarked");
  document.getElementById("told").textContent = say("marked", { row: row.row, mark: words });
};

// The same stars once more take them back; stars keep the file that was named.
const setStars = (row, stars) => {
  const [now, file] = row.pick;
  if (now === stars) setPick(row, stars < 0 ? NO_PICK : [0, file]);
  else setPick(row, stars < 0 ? [-1, ""] : [stars, file]);
};

const pickFile = (row, name) => {
  const [stars, file] = row.pick;
  setPick(row, [Math.max(stars, 0), file === name ? "" : name]);
};

// True if the key marks a row.
const pickByKey = (row, key) => {
  if (/^[1-5]$/.test(key)) setStars(row, Number(key));
  else if (key === "x" || key === "X") setStars(row, -1);
  else if (key === "0") setPick(row, NO_PICK);
  else return false;
  return true;
};

const pickText = ([stars, file]) => {
  if (stars < 0) return "rejected";
  return `${stars || ""} ${file ? `file ${file}` : ""}`.trim() || "none";
};

const isMarked = (row) => !samePick(row.pick, NO_PICK);

const pickLines = () => {
  const listed = rows.filter((row) => isMarked(row) || changes.has(keyOf(row)));
  const lines = listed.map((row) => `${row.row},${csvCell(keyOf(row))},${csvCell(pickText(row.pick))}`);
  return `\ufeffresult_row,result_key,result_pick\r\n${lines.join("\r\n")}\r\n`;
};

const savePicks = () => {
  saveText(pickLines(), PICK_LIST);
  tell(say("then", { command: `rowmill pick ${PICK_LIST} ${data.sheet}` }));
};

const pickBadge = ([stars, file]) => {
  if (stars < 0) return el("span", { class: "pick rejected" }, "✕", el("span", { class: "away" }, say("rejected")));
  if (stars > 0) return el("span", { class: "pick", title: "★".repeat(stars) }, `★ ${stars}`);
  return file ? el("span", { class: "pick" }, "★", el("span", { class: "away" }, say("p_picked"))) : null;
};

// The buttons of one row: five stars, rejected, no mark.
const pickButtons = (row) => {
  const [stars] = row.pick;
  const button = (act, words, sign, pressed, does) =>
    el("button", { type: "button", "data-act": act, "aria-pressed": String(pressed), "aria-label": words, title: words, onclick: does }, sign);
  return el("div", { class: "stars", role: "group", "aria-label": say("your_mark") },
    ...STARS.map((count) => button(`star${count}`, say("give_stars", { count }), "★", stars >= count, () => setStars(row, count))),
    button("reject", say("reject"), "✕", stars < 0, () => setStars(row, -1)));
};

// How many are picked, and how they are handed on.
const drawPicked = () => {
  const place = document.getElementById("picked");
  const picked = rows.reduce((count, row) => count + Number(PICKS.picked(row.pick)), 0);
  const turned = rows.reduce((count, row) => count + Number(row.pick[0] < 0), 0);
  const command = `rowmill export ${data.sheet} --picks picks${changes.size ? ` --from ${PICK_LIST}` : ""}`;
  place.replaceChildren(
    el("span", { class: picked || turned ? false : "pick-hint" },
      picked || turned ? say("picked", { picked: whole.format(picked), rejected: whole.format(turned) }) : say("pick_hint")),
    ...(changes.size ? [el("button", { type: "button", class: "link", onclick: savePicks, title: say("unsaved", { count: whole.format(changes.size) }) }, say("save_picks"))] : []),
    ...(picked ? [el("button", { type: "button", class: "link", title: command, onclick: () => copy(command) }, say("copy_export"))] : []),
  );
};
