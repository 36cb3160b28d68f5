"""The English sentences about rows that a person named, and about where a run goes."""

ROWS: dict[str, str] = {
    "rows.absent": (
        "{sheet} has no row{count:|s} {rows}: its rows, numbered as Excel shows them, are {first} "
        "to {last}."
    ),
    "rows.none_at_all": "{sheet} has no rows now.",
    "run.other_address": (
        "The last run went to {before}, and this one goes to {now}. If that is not meant, stop it "
        "and add --base-url {before}."
    ),
}
