// The sheets of the folder, and a place to drop another one.

const openSheet = (name, step) => {
  state.sheet = name;
  state.step = step ?? "start";
  state.standing = null;
  location.hash = new URLSearchParams({ sheet: name, step: state.step });
  drawSheets();
  drawWork();
};

const drawSheets = () => {
  const picker = el("input", { type: "file", id: "picker", class: "away", multiple: true, tabindex: "-1", "aria-hidden": "true",
    onchange: (event) => drop([...event.target.files]) });
  const place = el("div", { class: "drop" },
    button(say("drop"), () => document.getElementById("picker").click(), { id: "drop", class: "main" }), picker, note(say("drop_note")));
  const lines = state.sheets.map((sheet, index) => el("li", {},
    el("button", { type: "button", id: `sheet-${index}`, class: "sheet", "aria-current": sheet.name === state.sheet ? "true" : null,
      onclick: () => openSheet(sheet.name, sheet.running ? "run" : sheet.rows && sheet.rows.done && !sheet.rows.pending ? "look" : "start") },
    el("span", { class: "name" }, sheet.name),
    el("span", { class: "how" }, sheet.running ? el("b", { class: "live" }, say("running")) : null, sheet.trouble ?? counted(sheet.rows)),
    sheet.rows ? meter(sheet.rows) : null)));
  const nav = document.getElementById("sheets");
  nav.setAttribute("aria-label", say("sheets"));
  redraw(nav, place, el("h2", {}, say("sheets")),
    lines.length ? el("ul", {}, ...lines) : note(say("no_sheets")));
};

const readSheets = async () => {
  const told = await act("sheets");
  if (told.error) return;
  const before = JSON.stringify([state.sheets, state.folder]);
  state.sheets = told.sheets;
  state.folder = told.folder;
  if (JSON.stringify([state.sheets, state.folder]) === before) return;
  document.getElementById("folder").textContent = told.folder;
  drawSheets();
};

// A picture goes where the open sheet looks for a file of its name.
const placesOf = (file) => (state.found[state.sheet]?.missing_pictures ?? []).filter(
  (name) => name.split("/").pop().toLowerCase() === file.name.toLowerCase());

const dropPictures = async (files) => {
  let count = 0;
  for (const file of files) {
    for (const place of placesOf(file)) {
      const told = await dropOne(file, "picture", place);
      if (told.error) tell(told.error);
      else count += 1;
    }
  }
  if (!count) return;
  tell(say("pictures_stored", { count: whole.format(count) }));
  if (state.step === "start") await check();
};

const drop = async (all) => {
  await dropPictures(all.filter((file) => placesOf(file).length));
  const files = all.filter((file) => !placesOf(file).length && !/\.(png|jpe?g|gif|webp)$/i.test(file.name));
  if (!files.length && all.length && !all.some((file) => placesOf(file).length)) tell(say("picture_unnamed"));
  for (const file of files) {
    let told = await dropOne(file, "ask");
    if (told.taken) {
      const how = await asked(say("same_name", { name: file.name }), [note(say("same_name_note"))], [
        [say("new_version"), "version", "main"], [say("another_sheet"), "another"], [say("cancel"), null]]);
      if (how === null) continue;
      told = await dropOne(file, how);
    }
    if (told.error) { tell(told.error); continue; }
    await readSheets();
    delete state.found[told.name];
    openSheet(told.name);
  }
};
const dropOne = (file, how, name = file.name) =>
  send("drop", { headers: headers({ "X-Rowmill-Name": encodeURIComponent(name), "X-Rowmill-How": how }), body: file });

const takeDrops = () => {
  const over = (is) => document.body.classList.toggle("over", is);
  document.addEventListener("dragover", (event) => { event.preventDefault(); over(true); });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(false); });
  document.addEventListener("drop", (event) => { event.preventDefault(); over(false); drop([...event.dataTransfer.files]); });
};
