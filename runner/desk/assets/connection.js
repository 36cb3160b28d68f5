// Where requests go: address, key, kind of request, model, price, lane.

const chosen = () => (state.choices[state.sheet] ??= {});
const inForce = (name) => chosen()[name] ?? state.found[state.sheet]?.chosen[name] ?? "";
const change = (values, wait = 0) => {
  Object.assign(chosen(), values);
  clearTimeout(change.timer);
  change.timer = setTimeout(check, wait);
};

const drawService = (found) => {
  const here = inForce("base-url");
  const preset = data.presets.find((one) => one.base_url === here);
  const options = [...data.presets.map((one) => [one.name, `${one.name} · ${new URL(one.base_url).host}`]), ["", say("other_address")]];
  const is = state.typing?.[state.sheet] ? "" : preset?.name ?? "";
  const taken = (event) => {
    const name = event.target.value;
    const one = data.presets.find((each) => each.name === name);
    state.typing = { ...state.typing, [state.sheet]: !one };
    if (one) delete state.models[one.base_url];
    if (one) change({ provider: one.name, "base-url": one.base_url });
    else drawStart();
  };
  const typed = el("input", { id: "address", type: "url", value: preset && is === "" ? "" : here, placeholder: "https://api.example.com", autocomplete: "off", spellcheck: "false",
    onchange: (event) => { const text = event.target.value.trim(); delete state.models[text]; if (text) change({ provider: "", "base-url": text.includes("//") ? text : `https://${text}` }); } });
  return card("service", say("service"),
    field("preset", say("address"), choice("preset", options, is, taken)),
    is === "" ? field("address", say("address_typed"), typed) : null,
    drawKey(found.key));
};

const drawKey = (key) => {
  const input = el("input", { id: "key", type: "password", autocomplete: "off", placeholder: say(key.state === "set" ? "key_other" : "key_paste") });
  const keep = button(say("key_keep"), () => busy(keep, async () => {
    const told = await act("key", { sheet: state.sheet, choices: chosen(), key: input.value });
    input.value = "";
    if (told.error) return keyTold(told.error, true);
    await check();
    delete state.models[inForce("base-url")];
    await readModels();
    keyTold(told.words, false);
  }), { id: "keep-key" });
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") keep.click(); });
  return field("key", say("key"),
    el("p", { class: `mark-line ${key.state}` }, key.words),
    el("div", { class: "pair" }, input, keep),
    el("p", { id: "key-told", role: "status" }));
};
const keyTold = (text, isBad) => {
  const place = document.getElementById("key-told");
  if (!place) return;
  place.textContent = text;
  place.className = isBad ? "trouble" : "good";
};

const readModels = async () => {
  const url = inForce("base-url"), key = state.found[state.sheet]?.key.state;
  if (!url || state.models[url] || !["set", "unneeded"].includes(key)) return;
  state.models[url] = { models: null, words: say("models_reading") };
  const told = await act("models", { sheet: state.sheet, choices: chosen() });
  state.models[url] = told.error ? { models: null, words: told.error } : told;
  if (state.step === "start" && inForce("base-url") === url) await check();
};

const drawTask = (found) => {
  const endpoints = [["", say("endpoint_choose")], ...data.endpoints.map((one) => [one.name, `${one.name}: ${one.help}`])];
  const kind = data.endpoints.find((one) => one.name === inForce("endpoint"));
  const known = state.models[inForce("base-url")] ?? { models: null, words: "" };
  const names = known.models ?? [];
  const model = el("input", { id: "model", list: "models", value: inForce("model"), autocomplete: "off", spellcheck: "false", placeholder: say("model_type"),
    oninput: (event) => change({ model: event.target.value.trim() }, 500) });
  const lanes = [["", say("lane_usual")], ...data.lanes.map((name) => [name, data.words[`lane_${name}`] ?? name])];
  const template = el("textarea", { id: "prompt", rows: "3", spellcheck: "false", placeholder: say("template_example"),
    oninput: (event) => change({ prompt: event.target.value }, 600) });
  template.value = inForce("prompt");
  const opens = Boolean(inForce("prompt")) || found.chosen.endpoint && !found.columns.some((one) => one.field === "prompt");
  const more = el("details", { open: Boolean(opens || state.more), ontoggle: (event) => { state.more = event.target.open; } }, el("summary", {}, say("more")),
    field("prompt", say("template"), template, note(say("template_note"))),
    field("lane", say("lane"), choice("lane", lanes, inForce("lane"), (event) => change({ lane: event.target.value }))),
    field("max-cost", say("cap"), el("input", { id: "max-cost", type: "text", inputmode: "decimal", autocomplete: "off", value: inForce("max-cost"), placeholder: "20",
      onchange: (event) => change({ "max-cost": event.target.value.trim() }) }), note(say("cap_note"))),
    field("until", say("until"), el("input", { id: "until", type: "time", value: inForce("until"), onchange: (event) => change({ until: event.target.value }) })));
  return card("task", say("task"),
    field("endpoint", say("endpoint"), choice("endpoint", endpoints, inForce("endpoint"), (event) => change({ endpoint: event.target.value })), kind ? note(kind.help) : null),
    field("model", say("model"), model, el("datalist", { id: "models" }, ...names.map((name) => el("option", { value: name }))), note(known.words)),
    found.price ? drawPrice(found) : null,
    more);
};

const drawPrice = (found) => {
  if (found.price.known && !found.price.own) return note(found.price.words);
  const amount = el("input", { id: "amount", type: "number", min: "0", step: "any", inputmode: "decimal" });
  const currency = choice("currency", [["USD", "USD"], ["CNY", "CNY"]], data.language === "zh" ? "CNY" : "USD", () => {}, { "aria-label": say("currency") });
  const keep = button(say("price_keep"), () => busy(keep, async () => {
    if (amount.value === "") return;
    const told = await act("price", { model: inForce("model"), price: Number(amount.value), currency: currency.value });
    if (told.error) tell(told.error);
    else await check();
  }), { id: "keep-price" });
  return field("amount", say("price_own"), el("div", { class: "pair" }, amount, currency, keep), note(found.price.words));
};
