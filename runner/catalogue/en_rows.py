"""The English sentences about rows that a person named."""

ROWS: dict[str, str] = {
    "rows.absent": (
        "{sheet} has no row{count:|s} {rows}: its rows, numbered as Excel shows them, are {first} "
        "to {last}."
    ),
    "rows.none_at_all": "{sheet} has no rows now.",
}
