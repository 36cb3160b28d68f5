// Puts the desk together and keeps it up to date.

const drawWork = () => {
  const work = document.getElementById("work");
  if (!state.sheet) {
    redraw(work, el("div", { class: "welcome" }, el("h2", {}, say("welcome")), el("p", {}, say("welcome_note")),
      el("ol", {}, ...STEPS.map((step) => el("li", {}, el("b", {}, say(`step_${step}`)), " ", say(`about_${step}`))))));
    return;
  }
  const steps = STEPS.map((step, index) => el("button", { type: "button", role: "tab", id: `step-${step}`, "aria-controls": "panel",
    "aria-selected": step === state.step ? "true" : "false", tabindex: step === state.step ? "0" : "-1", onclick: () => openSheet(state.sheet, step) },
  el("span", { class: "number", "aria-hidden": "true" }, index + 1), say(`step_${step}`)));
  const tabs = el("div", { class: "steps", role: "tablist", "aria-label": say("steps"), onkeydown: walkSteps }, ...steps);
  redraw(work, el("h2", { class: "title" }, state.sheet), tabs, el("div", { id: "panel", role: "tabpanel", "aria-labelledby": `step-${state.step}` }));
  drawStep();
};

const walkSteps = (event) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  const next = STEPS[(STEPS.indexOf(state.step) + by + STEPS.length) % STEPS.length];
  openSheet(state.sheet, next);
  document.getElementById(`step-${next}`).focus();
};

const drawStep = () => {
  if (state.step === "start") { drawStart(); check(); }
  if (state.step === "run") drawRun();
  if (state.step === "look") drawLook();
  if (state.step === "finish") drawFinish();
  watch();
};

const drawTools = () => {
  const other = data.language === "zh" ? "en" : "zh";
  document.getElementById("tools").replaceChildren(
    button(other === "zh" ? "中文" : "English", async () => {
      const told = await act("language", { language: other });
      if (!told.error) location.reload();
    }, { id: "language", lang: other === "zh" ? "zh-CN" : "en" }));
};

const fromHash = () => {
  const words = new URLSearchParams(location.hash.slice(1));
  const sheet = words.get("sheet"), step = words.get("step");
  if (sheet && state.sheets.some((one) => one.name === sheet)) {
    if (sheet === state.sheet && step === state.step) return;
    state.sheet = sheet;
    state.step = STEPS.includes(step) ? step : "start";
    drawSheets();
    drawWork();
  }
};

const RUNNING_SECONDS = 1, RESTING_SECONDS = 3;
const keepUp = async () => {
  if (!document.hidden) {
    await readSheets();
    await watch();
  }
  setTimeout(keepUp, 1000 * (state.standing?.running ? RUNNING_SECONDS : RESTING_SECONDS));
};

const begin = async () => {
  drawTools();
  takeDrops();
  await readSheets();
  drawSheets();
  drawWork();
  fromHash();
  window.addEventListener("hashchange", fromHash);
  keepUp();
};
begin();
