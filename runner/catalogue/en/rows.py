"""The English sentences about rows that a person named, about sheets, and where a run goes."""

ROWS: dict[str, str] = {
    "rows.absent": (
        "{sheet} has no row{count:|s} {rows}: its rows, numbered as Excel shows them, are {first} "
        "to {last}."
    ),
    "rows.none_at_all": "{sheet} has no rows now.",
    "sheet.folder": "{sheet} is a folder, and not a sheet's workspace. Name the sheet in it.",
    "name.template": "--name: {reason}",
    "money.nothing": "nothing",
    "run.stopping": "Stopping.",
    "run.end_skipped": "{count} closed by hand",
    "run.away": "{meaning} The run waits and goes on by itself; Ctrl-C stops it.",
    "run.other_address": (
        "The last run went to {before}, and this one goes to {now}. If that is not meant, stop it "
        "and add --base-url {before}."
    ),
}
