// One row as a card with its picture, or as a line of the compact list.

const encoded = (name) => name.split("/").map(encodeURIComponent).join("/");
// The address of a file, or null where it is on a target that a browser cannot read.
const fileAddress = (name) => (data.opens ? `${data.files ?? `${data.base}files/`}${encoded(name)}` : null);
const nameOf = (file) => (Array.isArray(file) ? file[0] : file);

// What plays a file: "video", "audio", or null for what is no film and no sound.
const playerOf = (file) => {
  const name = nameOf(file ?? "").toLowerCase();
  if (/\.(mp4|webm)$/.test(name)) return "video";
  return /\.(mp3|wav|ogg|flac|aac)$/.test(name) ? "audio" : null;
};

// The address of a file's thumbnail, or null where it has none.
const thumbAddress = (file) => {
  if (Array.isArray(file)) return null;
  const inline = data.inline[file];
  return inline ? `data:image/jpeg;base64,${inline}` : `${data.base}thumbs/${encoded(file)}.jpg`;
};

const picture = (row, lazy = true) => {
  const address = row.files.length ? thumbAddress(row.files[0]) : null;
  if (address === null) return null;
  const image = el("img", { src: address, alt: "", decoding: "async", loading: lazy ? "lazy" : "eager" });
  image.addEventListener("error", () => image.replaceWith(el("span", { class: "blank" }, say("no_picture"))));
  return image;
};

const mark = (row) =>
  el("span", { class: `mark s-${row.status}`, "aria-hidden": "true" }, MARKS[row.status]);

const tickBox = (row) => {
  const box = el("input", { type: "checkbox", "aria-label": say("tick", { row: row.row }) });
  box.checked = ticks.has(row.row);
  box.addEventListener("change", () => setTick(row, box.checked));
  return el("label", { class: "tick" }, box);
};

const opener = (row, index, ...inside) =>
  el(
    "button",
    {
      type: "button",
      class: "open",
      "aria-label": say("open_row", {
        row: row.row,
        status: say(`s_${row.status}`),
        prompt: row.prompt.slice(0, 120) || say("no_prompt"),
      }),
      onclick: () => lightbox.open(index),
    },
    ...inside,
  );

const blank = (row) => {
  const failed = FAILED.has(row.status);
  if (row.text && !failed && !playerOf(row.files[0])) return el("span", { class: "blank text" }, row.text.slice(0, 400));
  const player = failed ? null : playerOf(row.files[0]);
  if (player) {
    return el("span", { class: "blank plays" }, el("span", { class: "sign", "aria-hidden": "true" }, player === "video" ? "▶" : "♪"),
      say(player === "video" ? "film" : "sound"));
  }
  const other = row.status === "done" ? say("no_picture") : say(`s_${row.status}`);
  return el("span", { class: "blank" }, failed ? kindWords(kindOf(row)) : other);
};

const took = (row) =>
  row.seconds === null ? "" : say("seconds", { count: seconds.format(row.seconds) });

const makeCard = (row, index, lazy = true) =>
  el(
    "div",
    { class: `card is-${row.status}` },
    opener(
      row,
      index,
      picture(row, lazy) ?? blank(row),
      row.files.length > 1 ? el("span", { class: "many" }, `1 / ${row.files.length}`) : null,
    ),
    tickBox(row),
    el("div", { class: "caption" }, mark(row), el("b", {}, whole.format(row.row)),
      el("span", { class: "key" }, row.key), el("span", { class: "meta" }, took(row))),
    el("p", { class: "words" }, row.prompt || say("no_prompt")),
  );

const second = (row) => {
  if (!FAILED.has(row.status)) return el("p", { class: "second" }, row.text || nameOf(row.files[0] ?? ""));
  return el("p", { class: "second" },
    el("span", { class: `kind s-${row.status}` }, kindWords(kindOf(row))),
    row.detail || data.reasons[row.reason][1]);
};

const makeLine = (row, index, lazy = true) =>
  el(
    "div",
    { class: `line is-${row.status}` },
    tickBox(row),
    opener(row, index, mark(row), el("b", {}, whole.format(row.row)), picture(row, lazy) ?? el("i")),
    el("div", { class: "both" },
      el("p", { class: "first" }, row.prompt || say("no_prompt")), second(row)),
    el("div", { class: "numbers" },
      el("span", {}, took(row)),
      el("span", {}, row.cost === null ? "" : `${money.format(row.cost)} ${data.currency}`)),
  );
