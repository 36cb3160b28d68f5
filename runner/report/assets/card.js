// One row as a card with its picture, or as a line of the compact list.

const encoded = (name) => name.split("/").map(encodeURIComponent).join("/");
// The address of a file, or null where it is on a target that a browser cannot read.
const fileAddress = (name) => (data.opens ? `${data.files ?? `${data.base}files/`}${encoded(name)}` : null);
const nameOf = (file) => (Array.isArray(file) ? file[0] : file);

// The address of a picture that the row sent, or null where this page cannot show it.
const inputAddress = (row, place) => {
  const path = row.inputs[place];
  if (data.live) return `inputs/${row.row}/${place}`;
  return path && data.inputs !== null ? `${data.inputs}${encoded(path)}` : null;
};

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

// The file that a card shows: the one that is meant, else the first.
const shownFile = (row) => row.files.find((file) => nameOf(file) === row.pick[1]) ?? row.files[0];

const picture = (row, lazy = true) => {
  const address = row.files.length ? thumbAddress(shownFile(row)) : null;
  if (address === null) return null;
  const image = el("img", { src: address, alt: "", decoding: "async", loading: lazy ? "lazy" : "eager" });
  // Large cards are sharper with the file itself, where it can be read.
  const name = nameOf(shownFile(row));
  const full = gallery.shape.width > 330 ? fileAddress(name) : null;
  if (full !== null) {
    const sharp = new Image();
    sharp.addEventListener("load", () => { if (image.isConnected) image.src = full; });
    sharp.src = full;
  }
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
        status: [say(`s_${row.status}`), ...(isMarked(row) ? [pickWords(row.pick)] : [])].join(", "),
        prompt: row.prompt.slice(0, 120) || say("no_prompt"),
      }),
      onclick: () => lightbox.open(index),
    },
    ...inside,
  );

const pickWords = ([stars, file]) =>
  stars > 0 ? say("stars", { count: stars }) : stars < 0 ? say("rejected") : file ? say("p_picked") : "";

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

const priced = (row) =>
  row.cost === null ? "" : `${money.format(row.cost)} ${data.currency}`.trimEnd();

// Files beyond the first, and older versions, as one small note on the picture.
const several = (row) => {
  const words = [];
  if (row.files.length > 1) words.push(`1 / ${row.files.length}`);
  if (row.versions.length) words.push(say("versions_short", { count: row.versions.length + 1 }));
  return words.length ? el("span", { class: "many" }, words.join(" · ")) : null;
};

const makeCard = (row, index, { lazy = true, small = false } = {}) => {
  const facts = [priced(row), took(row)].filter(Boolean).join(" · ");
  return el(
    "div",
    { class: `card is-${row.status}${row.pick[0] < 0 ? " is-rejected" : ""}` },
    opener(row, index, picture(row, lazy) ?? blank(row), small ? null : several(row)),
    tickBox(row),
    pickBadge(row.pick),
    el("div", { class: "caption", title: small ? facts : false }, mark(row), el("b", {}, whole.format(row.row)),
      small ? null : el("span", { class: "key" }, row.key), small ? null : el("span", { class: "meta" }, facts)),
    small ? null : el("p", { class: "words" }, row.prompt || say("no_prompt")),
  );
};

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
      pickBadge(row.pick),
      el("span", {}, took(row)),
      el("span", {}, priced(row))),
  );
