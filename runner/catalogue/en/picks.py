"""The English sentences about picks: stars, rejected results, one of several files."""

PICKS: dict[str, str] = {
    "command.pick": "Mark results: stars, rejected, or one of several files.",
    "argument.rows": ("row numbers as in Excel (3,7,10-20), key:VALUE, or a list of marks"),
    "option.stars": "1 to 5 stars",
    "option.reject": "mark them as rejected",
    "option.clear": "remove their marks",
    "option.file": "the file that is meant: its number in the result, or the name of a saved file",
    "option.export.from": "with --picks: first take over the marks of this list",
    "option.picks": "copy the files of picked results into this folder, with a list of them",
    "pick.which": "Say how: --stars 1 to 5, --reject, --clear or --file N.",
    "pick.one_of": "--stars and --file go together; --reject and --clear stand alone.",
    "pick.done": "Rows marked: {count}",
    "pick.cleared": "Marks removed: {count}",
    "pick.left_out": (
        "{count} {count:row has|rows have} no such result and {count:was|were} left out: {rows}"
    ),
    "pick.none": "None of these rows has such a result, so nothing was marked.",
    "pick.no_row": "There are no such rows; the sheet has rows {first} to {last}.",
    "pick.no_list": (
        "{file} has no columns result_key and result_pick, so it is no list of picks."
    ),
    "pick.bad_cell": (
        "{file}, row {row}, column result_pick: {found} is no mark. A mark is 1 to 5, rejected, "
        "or file and a number or name."
    ),
    "pick.strange_row": (
        "{file} names {count} {count:row|rows} that this sheet does not have, for example {key}."
    ),
    "picks.none": (
        "Nothing is picked yet. Pick on the page (rowmill report --open) or with: "
        "rowmill pick ROWS --stars 5"
    ),
    "picks.copied": "Copied {count} file{count:|s} to {folder}; list: {file}",
    "picks.lost": (
        "{count} {count:file is|files are} missing or damaged and {count:was|were} not copied, "
        "for example {name}. Get them again with: rowmill fetch --verify"
    ),
    "picks.alone": "--picks copies files and writes nothing else: leave out {option}.",
    "picks.from_alone": "--from belongs to --picks.",
}
