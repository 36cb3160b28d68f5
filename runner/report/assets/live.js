// While a run goes on: rows as they end, and ticked rows put back. Asleep in a page on a disk.

const putBackRows = async (numbers) => {
  const answer = await fetch("retry", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Rowmill-Token": data.live },
    body: JSON.stringify({ rows: numbers }),
  });
  const told = await answer.json();
  if (told.error) tell(say("not_put_back", { reason: told.error }));
  else {
    tell(told.note ? `${say("was_put_back", { count: told.count })}: ${told.note}` : say("was_put_back", { count: told.count }));
    if (FAILED.has(chosen.status) || chosen.kind) choose({ status: "all", kind: "" }); // they are waiting now
  }
  return !told.error;
};

// What a page asks of its server; tells people what went wrong.
const ask = async (what, body) => {
  let told;
  try {
    const answer = await fetch(what, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Rowmill-Token": data.live },
      body: JSON.stringify(body),
    });
    told = await answer.json();
  } catch {
    told = { error: say("no_answer") };
  }
  if (told.error) tell(say("not_done", { reason: told.error }));
  return told.error ? null : told;
};

const stateRows = (numbers, status) => {
  const changed = numbers.map((number) => byNumber.get(number)).filter(Boolean);
  for (const row of changed) row.status = status;
  drawBar();
  refresh({ keep: true, changed });
  if (lightbox.box?.open && changed.includes(lightbox.row)) lightbox.draw();
};

// A new generation of done rows, which the run in progress or the next one sends.
const generateAgain = async (numbers) => {
  const told = await ask("again", { rows: numbers });
  if (!told) return false;
  stateRows(told.rows, "pending");
  const words = say("was_again", { count: told.rows.length });
  tell(told.note ? `${words}: ${told.note}` : words);
  return true;
};

const takeBack = async (numbers) => {
  const told = await ask("take-back", { rows: numbers });
  if (!told) return;
  stateRows(told.rows, "done");
  tell(say("was_taken_back", { count: told.rows.length }));
};

// What these rows cost the last time.
const costOf = (some) => {
  const known = some.map((row) => row.cost).filter((cost) => cost !== null);
  if (!known.length) return say("unknown_price");
  const sum = `${money.format(known.reduce((all, cost) => all + cost, 0))} ${data.currency}`.trimEnd();
  return say(known.length < some.length ? "costs_at_least" : "costs_about", { money: sum });
};

const putBack = async () => {
  if (await putBackRows(ticked())) untickAll();
};

// Parsed in a document of its own, where no script runs; the server has escaped every word.
const retell = (name, markup) => {
  const known = document.getElementById(name);
  if (known.contains(document.activeElement)) return;
  const open = new Set([...known.querySelectorAll("details[open]")].map((one) => one.dataset.fold));
  known.replaceChildren(...new DOMParser().parseFromString(markup, "text/html").body.childNodes);
  for (const one of known.querySelectorAll("details")) one.open = open.has(one.dataset.fold);
};

const hear = (event) => {
  const news = JSON.parse(event.data);
  data.reasons = news.reasons;
  data.models = news.models;
  data.columns = news.columns;
  const changed = takeRecords(news.rows);
  if (news.summary) {
    retell("summary", news.summary);
    retell("made", news.made);
  }
  drawBar();
  if (!changed.length) return;
  const row = lightbox.box?.open ? lightbox.row : null;
  refresh({ keep: true, changed });
  if (row) lightbox.follow(row, changed.includes(row));
  drawPicked();
};

const listen = () => {
  if (!data.live) return;
  document.body.classList.add("live");
  document.body.classList.toggle("guests", data.guests);
  const badge = el("span", { class: "badge" }, say("live"));
  document.getElementById("tools").prepend(badge);
  const source = new EventSource("events");
  source.addEventListener("news", hear);
  source.addEventListener("open", () => { badge.classList.remove("gone"); badge.textContent = say("live"); });
  source.addEventListener("error", () => {
    badge.classList.add("gone");
    badge.textContent = say("lost", { time: moment.format(new Date()) });
  });
};
