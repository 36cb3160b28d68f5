// Rows that a person ticks, and what can be done with them.

const ticks = new Set(); // row numbers
const mayChange = data.live && !data.guests; // guests look and pick
const LIST = "rowmill-rows.csv";
const AGAIN_LIST = "rowmill-again.csv";
const SHORT = 40; // rows that a command names one by one

const setTick = (row, on) => {
  if (on) ticks.add(row.row);
  else ticks.delete(row.row);
  drawTicks();
  gallery.renew([row]);
};

const tickAll = (found) => {
  for (const row of found) ticks.add(row.row);
  drawTicks();
  gallery.renew(found);
};

const untickAll = () => {
  const before = [...ticks].map((number) => byNumber.get(number));
  ticks.clear();
  drawTicks();
  gallery.renew(before);
};

const ticked = () => [...ticks].sort((a, b) => a - b);

// Done rows are paid for again; all others go back to the step they failed at.
const groups = () => {
  const done = ticked().filter((number) => byNumber.get(number).status === "done");
  const open = ticked().filter((number) => byNumber.get(number).status !== "done");
  return [
    { rows: open, list: LIST, again: "" },
    { rows: done, list: AGAIN_LIST, again: " --again" },
  ].filter((one) => one.rows.length);
};
const withDone = () => groups().some((one) => one.again);

// As the results file writes it: quoted where it has to be, and never a formula.
const csvCell = (text) => {
  const safe = /^[=+\-@\t\r\0]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

const listText = (numbers) => {
  const lines = numbers.map((number) => {
    const row = byNumber.get(number);
    return `${number},${csvCell(row.key || String(number))}`;
  });
  return `\ufeffresult_row,result_key\r\n${lines.join("\r\n")}\r\n`;
};

const retryCommand = (group, what) => `rowmill retry ${data.sheet} ${what}${group.again}${data.address}`;

const saveText = (text, name) => {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = el("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
};

const download = () => {
  const lists = groups();
  for (const group of lists) saveText(listText(group.rows), group.list);
  const commands = lists.map((group) => retryCommand(group, `--from ${group.list}`));
  tell(say("then", { command: commands.join(" · ") }));
};

const commandOf = (group) => {
  const rowList = spans(group.rows);
  return retryCommand(group, rowList.length > SHORT * 6 ? `--from ${group.list}` : `--rows ${rowList}`);
};

// 3,4,5,9 → 3-5,9
const spans = (numbers) => {
  const found = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
};

const drawTicks = () => {
  const bar = document.getElementById("ticked");
  bar.classList.toggle("seen", ticks.size > 0);
  if (!ticks.size) {
    bar.replaceChildren();
    return;
  }
  const done = groups().filter((one) => one.again).flatMap((one) => one.rows);
  const command = groups().map(commandOf).join("\n");
  bar.replaceChildren(
    el("b", { role: "status" }, say("ticked", { count: whole.format(ticks.size) })),
    ...(withDone() ? [el("span", { class: "note" }, say("buys_again"))] : []),
    el("span", { class: "fill" }),
    ...(mayChange && done.length < ticks.size ? [el("button", { type: "button", class: "main", onclick: putBack }, say("put_back"))] : []),
    ...(mayChange && done.length
      ? [el("button", { type: "button", onclick: async () => { if (await generateAgain(done)) untickAll(); } },
        `${say("again")} (${whole.format(done.length)}, ${costOf(done.map((number) => byNumber.get(number)))})`)] : []),
    el("button", { type: "button", class: mayChange ? null : "main", onclick: download }, say("download")),
    el("button", { type: "button", title: command, onclick: () => copy(command) }, say("copy_command")),
    el("button", { type: "button", onclick: untickAll }, say("untick")),
  );
};
