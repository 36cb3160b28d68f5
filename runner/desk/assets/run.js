// The second step: a yes that names rows, money and time, and the run while it goes on.

const propose = async (more, failure) => {
  const sheet = state.sheet;
  const body = { sheet, ...(failure ? { failure } : { choices: { ...chosen(), ...more } }) };
  const told = await act("plan", body);
  if (told.error) return asked(say("cannot_run"), [trouble(told.error)], [[say("close"), null, "main"]]);
  if (!told.plan) { tell(told.words); return null; }
  if (!await agreesTo(told.plan, failure)) return null;
  const begun = await act("run", { ...body, plan: told.plan });
  if (begun.error) return asked(say("cannot_run"), [trouble(begun.error)], [[say("close"), null, "main"]]);
  openSheet(sheet, "run");
  return true;
};

const agreesTo = (plan, failure) => {
  const count = whole.format(plan.calls);
  const money = plan.price.split(/[;；]/)[0];
  const pairs = [[say("ask_price"), plan.price], [say("ask_time"), plan.time], [say("ask_site"), plan.site]];
  const parts = [facts(pairs), plan.unpriced.length ? note(say("ask_unpriced", { models: plan.unpriced.join(", ") })) : null,
    failure && !plan.calls ? note(say("ask_free")) : null].filter(Boolean);
  return asked(say("ask_title", { count }), parts, [[say(plan.calls ? "ask_yes" : "ask_yes_free", { count, price: money }), true, "main"], [say("cancel"), false]]);
};

const watch = async () => {
  if (!state.sheet || state.step === "start") return;
  const sheet = state.sheet;
  const told = await act("standing", { sheet });
  if (sheet !== state.sheet || told.error || told.planning) return;
  const text = JSON.stringify(told);
  if (text === watch.last && state.standing) return;
  watch.last = text;
  state.standing = told;
  if (state.step === "run") drawRun();
  if (state.step === "look") drawLook();
  if (state.step === "finish" && !document.getElementById("hand-back")) drawFinish();
};

const drawRun = () => {
  const place = document.getElementById("panel");
  const now = state.standing;
  if (!now) return redraw(place, note(say("reading")));
  if (!now.loaded) return redraw(place, now.trouble ? trouble(now.trouble) : note(say("not_run_yet")), now.trouble ? null : button(say("to_start"), () => openSheet(state.sheet, "start"), { class: "main" }));
  redraw(place,
    now.trouble && !now.running ? trouble(now.trouble) : null,
    drawProgress(now), drawOrders(now), drawFirst(now), drawEvents(now));
};

const drawProgress = (now) => {
  const { rows } = now;
  const figures = [
    [say("figure_done"), `${whole.format(rows.done)} / ${whole.format(rows.total)}`],
    [say("figure_failed"), whole.format(rows.failed + rows.in_doubt)],
    [say("figure_cost"), now.cost || "—"],
    now.running
      ? [say("figure_eta"), now.done_at ? say("about", { time: clockTime.format(new Date(now.done_at * 1000)) }) : "—"]
      : [say("figure_left"), whole.format(rows.pending)],
  ];
  return el("section", { class: "progress", "aria-label": say("progress") },
    el("p", { class: "lead", role: "status" }, stands(now)),
    meter(rows),
    el("dl", { class: "figures" }, ...figures.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))));
};
const stands = (now) => {
  if (now.running && now.pauses.some((one) => one.kind === "person")) return say("paused");
  if (now.running && now.pauses.length) return say("waiting");
  if (now.running) return say("at_work", { count: whole.format(now.rows.sending) });
  if (!now.rows.pending && !now.rows.failed && !now.rows.in_doubt) return say("all_done");
  if (now.state === "never") return say("not_run_yet");
  return say("stands", { how: now.words });
};

const order = (made, body) => busy(made, async () => {
  const told = await act("steer", { sheet: state.sheet, ...body });
  tell(told.error ?? say("ordered"));
  await watch();
});
const drawOrders = (now) => {
  if (!now.running) {
    const left = now.rows.pending;
    const rest = button(say("run_rest", { count: whole.format(left) }), () => busy(rest, () => propose({})), { id: "run-rest", class: "main" });
    const three = button(say("try"), () => busy(three, () => propose({ limit: "3" })), { id: "try-again" });
    const look = button(say("to_look"), () => openSheet(state.sheet, "look"), { id: "to-look", class: left ? null : "main" });
    return el("div", { class: "orders" }, left ? rest : null, left > 3 ? three : null, now.rows.done || now.rows.failed ? look : null);
  }
  const isPaused = now.pauses.some((one) => one.kind === "person");
  const pause = button(say(isPaused ? "resume" : "pause"), () => order(pause, { order: isPaused ? "resume" : "pause" }), { id: "pause" });
  const stop = button(say("stop"), () => order(stop, { order: "stop" }), { id: "stop" });
  const counts = ["1", "2", "4", "8", "16", "32", "64", "auto"].map((one) => [one, one]);
  const at = choice("at-once", [["", say("at_once")], ...counts], "", (event) => event.target.value && order(event.target, { order: "concurrency", to: event.target.value }), { "aria-label": say("at_once") });
  return el("div", { class: "orders" }, pause, stop, at);
};

const drawFirst = (now) => {
  if (!now.first.length) return nothing();
  const place = encodeURIComponent(state.sheet);
  return el("section", { class: "first", "aria-labelledby": "first" }, el("h3", { id: "first" }, say("first_rows")),
    el("ul", {}, ...now.first.map((one) => {
      const name = one.files[0];
      const picture = name ? el("img", { src: `thumbs/${place}/${name.split("/").map(encodeURIComponent).join("/")}`, alt: say("picture_of", { row: one.row }), loading: "lazy" }) : null;
      return el("li", { class: `result is-${one.status}` },
        el("div", { class: "shown" }, picture ?? el("p", {}, one.text || one.error || "—")),
        el("p", { class: "caption" }, el("span", { class: `mark s-${one.status}` }, MARKS[one.status] ?? ""), say("row", { row: one.row }), one.cost ? ` · ${one.cost}` : ""),
        one.error ? note(one.error) : null);
    })));
};

const drawEvents = (now) => {
  if (!now.events.length) return nothing();
  return el("section", { class: "events", "aria-labelledby": "events" }, el("h3", { id: "events" }, say("events")),
    el("ol", { class: "timeline", tabindex: "0", id: "event-list" }, ...now.events.map((one) => el("li", { class: one.tone },
      el("time", { datetime: new Date(one.at * 1000).toISOString() }, clockTime.format(new Date(one.at * 1000))), el("span", {}, one.text)))));
};
