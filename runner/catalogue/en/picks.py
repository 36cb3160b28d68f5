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
    "report.retry_free": "{count} free",
    "report.retry_costs": "about {money}",
    "report.retry_may_cost": "up to about {money}",
    "report.retry_unpriced": "{count} at an unknown price",
    "page.todo": "What to do now",
    "page.head_price": "A retry costs",
    "page.retry_kind": "Retry in the run: {kind}",
    "page.left_hidden": "{count} {count:row|rows} hidden in the sheet {count:is|are} left out.",
    "page.filter": "Filter",
    "page.column": "Column of the sheet",
    "page.any_column": "Any column",
    "page.value": "Value",
    "page.any_value": "Any value",
    "page.blank": "(empty)",
    "page.no_failure": "no failure",
    "page.group": "Group",
    "page.no_group": "No groups",
    "page.size": "Size of the pictures",
    "page.from": "from",
    "page.to": "to",
    "page.took_seconds": "Seconds",
    "page.picks": "Picks",
    "page.any_pick": "All marks",
    "page.p_picked": "picked",
    "page.p_rejected": "rejected",
    "page.p_unmarked": "not marked",
    "page.rejected": "rejected",
    "page.stars": "{count} star{count:|s}",
    "page.by_stars": "Best first",
    "page.your_mark": "Your mark",
    "page.give_stars": "{count} star{count:|s} (key {count})",
    "page.reject": "Reject (key X)",
    "page.marked": "Row {row}: {mark}",
    "page.not_marked": "Not marked: {reason}",
    "page.not_kept": "This browser keeps no picks of this page. Save the list before you close it.",
    "page.no_answer": "rowmill does not answer",
    "page.no_result_yet": "This row has no result to mark yet.",
    "page.picked": "{picked} picked, {rejected} rejected",
    "page.save_picks": "Save picks",
    "page.unsaved": "{count} mark{count:|s} not in the table yet",
    "page.copy_export": "Copy export command",
    "page.mean_this": "Pick this file",
    "page.is_meant": "This file is picked",
    "page.ways": "Ways to look at the picture",
    "page.before_after": "Before and after",
    "page.before": "Before",
    "page.after": "After",
    "page.wipe": "Before and after: how much of each",
    "page.no_before": "The picture it was made from is not here.",
    "page.other_before": "Other source picture",
    "page.versions": "{count} version{count:|s}",
    "page.versions_short": "{count} version{count:|s}",
    "page.version": "Version {number}",
    "page.result": "Result",
    "page.use_this": "Make this the result",
    "page.is_used": "Picked",
    "serve.no_mark": "that is no mark",
}
