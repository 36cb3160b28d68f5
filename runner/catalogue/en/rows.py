"""The English sentences about rows that a person named, about sheets, and where a run goes."""

ROWS: dict[str, str] = {
    "rows.absent": (
        "{sheet} has no row{count:|s} {rows}: its rows, numbered as in Excel, are {first} to "
        "{last}."
    ),
    "rows.none_at_all": "{sheet} has no rows.",
    "sheet.hidden_unseen": (
        "--visible-only: rowmill cannot see which rows are hidden in a .{format} workbook. Save it "
        "as .xlsx."
    ),
    "rows.empty_many": "{sheet}: empty rows: {count} of {total} (in row {rows}).",
    "rows.empty_with_text": (
        "{sheet}: rows with nothing to send but text in other columns: {count} of {total} (in row "
        "{rows})."
    ),
    "rows.empty_what_to_do": "Nothing was sent. Fill them in, or skip them with --skip-bad.",
    "rows.empty_ask": "Skip them and run the others?",
    "rows.empty_skipped": "{count} empty {count:row|rows} skipped: {rows}",
    "rows.hidden_skipped": "{count} hidden {count:row|rows} left out (--visible-only)",
    "run.guessed": (
        'columns recognised by name: {columns} (change: --column "HEADER=FIELD"; keep out: '
        '--column "HEADER=")'
    ),
    "run.hidden": (
        "{count} of these rows {count:is|are} hidden in the sheet ({price}); --visible-only leaves "
        "{count:it|them} out"
    ),
    "sheet.folder": "{sheet} is a folder, and not a sheet's workspace. Name the sheet in it.",
    "name.template": "--name: {reason}",
    "money.nothing": "nothing",
    "run.stopping": "Stopping.",
    "run.end_skipped": "{count} skipped",
    "run.away": "{meaning} The run waits and resumes by itself; Ctrl-C stops it.",
    "run.other_address": (
        "The last run went to {before}, and this one goes to {now}. If you did not mean that, "
        "stop it and add --base-url {before}."
    ),
}
