"""The English sentences of a run: what is asked, told on the way, and said at its end."""

RUN = {
    "option.kill": "kill the run N times on the way and resume it each time",
    "option.class": "only rows of these failure classes; in_doubt is one too",
    "option.again": "generate again, even finished rows; the old result is kept as a version",
    "expected.times": "a whole number from 0",
    "expected.classes": "one or more of: {classes}",
    "workspace.cannot_make": "The folder {folder} cannot be created: {reason}.",
    "workspace.none": "There is no table in {folder}: nothing was run there yet.",
    "workspace.none_here": "There is no workspace in {folder}. Name the sheet.",
    "workspace.several": "There are several workspaces here ({names}). Name the sheet.",
    "workspace.several_left": (
        "Several workspaces here have lost their sheet ({names}). Say which one was {sheet}'s: "
        "--workspace DIR --same-sheet."
    ),
    "workspace.other_sheet": (
        "{folder} belongs to {theirs}, not to {ours}. If {ours} is the same sheet under a new "
        "name, add --same-sheet. If it is another sheet, give it a folder of its own with "
        "--workspace DIR."
    ),
    "workspace.other_origin": (
        "The database has another sheet called {name}, from {origin}. If yours is its successor, "
        "add --same-sheet. If it is another sheet, give it a name of its own: --db URL#NAME."
    ),
    "workspace.answered_elsewhere": (
        "{folder} already holds results for {answered} of {staged} rows. To reuse them: rowmill "
        "run {sheet} --workspace {folder} --same-sheet. To generate them again, and pay again, "
        "add --rebuy."
    ),
    "workspace.is_rehearsal": (
        "{folder} is a rehearsal: nothing in it was paid for. Name the sheet itself to run it."
    ),
    "workspace.held": "Another run is using this table: process {pid} on {host}, since {since}.",
    "workspace.held_unnamed": "Another run is using this table.",
    "sheet.missing": "There is no file {sheet}.",
    "sheet.is_results": (
        "{sheet} is a results file outside its workspace; running it would generate its rows "
        "again, and cost again. Run the sheet that it came from, or only what is missing: copy "
        "the rows whose result_status is not done into a sheet of their own, without the result "
        "columns."
    ),
    "sheet.identity_gone": (
        "The rows of {sheet} have been identified by column {column} since the first load, and "
        "that column is missing or occurs twice. Restore it, or name the column that holds the "
        "same ids now with --id."
    ),
    "sheet.identity_fixed": (
        "The rows of this sheet have been identified by their request since the first load; --id "
        "{column} would make all of them new. Use another --workspace for that."
    ),
    "run.fake_addresses": (
        "{host} has an address in 198.18.0.0/15, which a proxy program on this machine uses as a "
        "stand-in (fake IP): files at such addresses are downloaded too."
    ),
    "run.no_endpoint": "No endpoint was chosen. Choose one with -e, or in a column `endpoint`:",
    "run.no_model": "No model was chosen. Choose one with -m MODEL, or in a column `model`.",
    "run.no_prompt": (
        "No column holds the prompt. Name one `prompt` (or 提示词), or say which it is with "
        '--column "HEADER=prompt" or -p "{{ HEADER }}".'
    ),
    "run.unknown_field": (
        "--set gives a value to {field}, which no endpoint has. For an option of the "
        "provider write --set body.{field}=VALUE."
    ),
    "run.unknown_field_near": (
        '--set gives a value to {field}, which no endpoint has; did you mean "{near}"? For an '
        "option of the provider write --set body.{field}=VALUE."
    ),
    "run.would_rebuy": (
        "This would generate {rows} row{rows:|s} again, of {done} that {done:is|are} done, and "
        "pay for {rows:it|them} again. What differs:"
    ),
    "run.difference": "{field}{change}: {rows} row{rows:|s}",
    "run.would_rebuy_what_to_do": (
        "Nothing was sent. Undo the change, or add --rebuy to generate and pay again."
    ),
    "run.read": "{sheet}: {rows} row{rows:|s}, read as {how}",
    "run.unread": "{sheet}: unchanged since the last run",
    "run.plan_first": "{new} row{new:|s} to run",
    "run.plan": (
        "{unchanged} unchanged, {refreshed} with other columns changed, {changed} changed, {new} "
        "new, {returned} restored, {removed} no longer in the sheet"
    ),
    "run.found_answered": (
        "{count} of these requests already {count:has an answer|have answers}: not sent again"
    ),
    "run.remembered": "as last time: {options}",
    "run.skipping_bad": "{count} bad row{count:|s} marked as failed; `rowmill errors` says why.",
    "run.start": "{rows} row{rows:|s} · {endpoints} · {host} · price {price}",
    "run.start_unpaid": "no new requests: only earlier ones are finished · {endpoints} · {host}",
    "run.ask": "Send {calls} request{calls:|s} to {host} (price {price})?",
    "run.needs_consent": (
        "{calls} request{calls:|s} to {host} (price {price}) need{calls:s|} confirmation, and "
        "there is no terminal to ask at. Nothing was sent; add -y."
    ),
    "run.declined": "Cancelled. Nothing was sent.",
    "run.nothing_to_do": "Nothing to do: all rows are finished.",
    "run.table_away": (
        "The database does not answer. Nothing new is sent; the answers of calls in flight are kept"
        " on this disk until it is back."
    ),
    "run.table_awaited": (
        "The database does not answer. Nothing is sent; the run starts when it does."
    ),
    "run.table_back": "The database is back: the run goes on.",
    "run.joins": "Joins the run that is going on ({hosts} host{hosts:|s} at work).",
    "run.waits_for_pilot": "The run is still at its pilot: waiting for the yes to the other rows.",
    "run.other_terms": (
        "A run is going on, and {options} would change it. Change it with `rowmill steer`, or join"
        " it without these options."
    ),
    "run.other_site": (
        "The run that is going on sends to {theirs}, and this machine is set to {ours}. Nothing was"
        " sent. Set the same address here (--base-url or --provider), or wait until the run ends."
    ),
    "run.edited_needs_yes": (
        "{sheet} has changed since it was loaded, and its new rows would be sent at once by the run"
        " that is going on. Give -y to load it, or wait until the run ends."
    ),
    "run.edited_ask": (
        "{sheet} has changed since it was loaded. Load it now? Its new rows are sent at once by the"
        " run that is going on."
    ),
    "run.host_lost": (
        "{host} (pid {pid}) has not been heard of: its {count} unfinished row{count:|s} "
        "{count:was|were} taken over."
    ),
    "run.taken_over": "row {row}: its task had been given up, and is done after all",
    "run.kept_version": "row {row}: an old task is done after all, and kept as another version",
    "run.recovered": (
        "{count} row{count:|s} {count:was|were} in flight when the last run ended: resumed."
    ),
    "run.draining": (
        "Stopping: {calls} call{calls:|s} and {files} file{files:|s} in flight are finished "
        "first. Press Ctrl-C again to drop them."
    ),
    "run.cut": (
        "Dropping the calls in flight; the next run sends them again. Press once more to exit at "
        "once."
    ),
    "run.end": "{done} done, {failed} failed, {in_doubt} in doubt, {pending} left · {time}",
    "run.used": "{calls} call{calls:|s} · {tokens} token{tokens:|s} · cost {cost}",
    "run.failures": "  {count} × {kind}: {meaning}",
    "run.stopped_key": "Stopped: the key was rejected. {detail}",
    "run.refused_key_place": (
        "The rejected key is set in {place}, which takes precedence over a stored one. Correct "
        "it there, or remove it and store one: rowmill keys set {name}"
    ),
    "lane.not_sold": (
        "The lane {lane} is not known to be sold for {endpoint} {model} here. "
        "If your provider sells it, add to your rowmill.toml:\n  "
        "[provider.{provider}.lanes.{lane}]\n"
        '  form = "service_tier"\n  factor = 0.5'
    ),
    "lane.missed": (
        "Asked for at the slower price and billed at the full one: {count}. A gateway may take "
        "that wish out of requests. Cost and cap count what was billed."
    ),
    "lane.flex": (
        "lane flex: down to half of {price} where the answer says so; a call may take an "
        "hour, and one that is cut is not repeated by itself"
    ),
    "run.stopped_lane": (
        "Stopped: ten slow calls were cut on the way; their rows are in doubt, the others "
        "are pending. "
        "Connections that are silent for minutes are cut here; --lane online goes on."
    ),
    "run.stopped_credit": "Stopped: no credit is left. {detail}",
    "run.stopped_alike": (
        "Stopped: the provider rejected the first rows with the same error; they are pending "
        "again. {detail}"
    ),
    "run.stopped_unreachable": "Stopped: {detail}",
    "run.never_answered": "{host} has never responded. {meaning} {detail}",
    "run.stopped_offline": "Stopped: no successful response for too long. {detail}",
    "run.stopped_interrupted": "Stopped by Ctrl-C; everything is saved.",
    "run.stopped_terminated": "Stopped from outside; everything is saved.",
    "run.stopped_broken": "Stopped: the table cannot be written. {detail}",
    "run.model_stopped": "Model {model} was stopped: {detail}",
    "run.form_stopped": "Model {model} was stopped at endpoint {endpoint}: {detail}",
    "run.results": "results  {path}",
    "run.results_moved": (
        "results  {path} (the old results file was changed or is open; it was not touched)"
    ),
    "run.results_failed": "The results file could not be written: {reason}. The table is safe.",
    "run.files": "files    {path}",
    "run.vectors": "vectors  {path}",
    "run.next": "next     {command}",
    "retry.nothing": (
        "Nothing to retry. To retry rows that should be looked at first: --class {classes}"
    ),
    "retry.none": "Nothing to retry.",
    "retry.not_run_yet": (
        "Nothing to retry. {count} row{count:|s} {count:has|have} not run yet: `rowmill run` "
        "sends {count:it|them}."
    ),
    "retry.free": "{count} of them only {count:needs|need} a download or a status query: free",
    "run.plan_shown": (
        "This run needs confirmation. Nothing was sent; give the plan above to --agreed."
    ),
    "run.no_plan": "--agreed takes a plan, as `--agreed ask` prints it. Nothing was sent.",
    "option.agreed": "a yes to exactly this plan, as JSON; `ask` prints the plan and sends nothing",
    "run.plan_changed": (
        "The rows or their price changed after the confirmation ({calls} request{calls:|s} now). "
        "Nothing was sent; start again."
    ),
    "run.moved_needs_consent": (
        "This run would go to {now}, and the last one went to {before}. Nothing was sent. Add "
        "--base-url with the address that you mean, or -y."
    ),
    "retry.put_back": "{count} row{count:|s} requeued: {classes}",
    "retry.again_needs_rows": (
        "--again generates and pays again: name the rows with --rows or --class."
    ),
    "retry.running": "Queued for the run in progress; anything left over goes to the next run.",
    "rehearse.start": "rehearsal against the built-in mock at {url}, faults: {faults}",
    "rehearse.not_here": (
        "{folder} cannot hold a rehearsal: its folder is deleted when the next one begins. Name "
        "one that ends in .rehearsal and holds nothing else."
    ),
    "rehearse.kill": "killed the run after {calls} call{calls:|s} (kill {number} of {total})",
    "rehearse.books": (
        "ledger   {billed} call{billed:|s} billed by the mock, {ours} recorded by us, {lost} "
        "missing; {answers} answer{answers:|s}, {in_doubt} in doubt"
    ),
    "rehearse.books_bad": "The ledgers do not agree: {what}.",
}
