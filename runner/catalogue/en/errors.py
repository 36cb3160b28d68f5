"""The English sentences of `errors`, `fetch` and `retry --from`."""

ERRORS: dict[str, str] = {
    "command.errors": "Failures grouped by cause: how many, what they mean, what to do.",
    "command.fetch": "Fetch what files are missing or broken; never generates.",
    "option.export": "write the rows that only an edit helps to a workbook to be corrected",
    "option.from": "the rows of a file: corrected fixes.xlsx, a results file, or the page's ticks",
    "option.verify": "read every file again and compare it with what was saved",
    "errors.title": "{sheet}: {count} row{count:|s} failed",
    "errors.title_in_doubt": "{count} in doubt",
    "errors.none": "{sheet}: no row failed.",
    "errors.rows": "rows",
    "errors.row_list": "{rows}",
    "errors.row_list_more": "{rows} … and {count} more",
    "errors.words": "said",
    "errors.remedy": "do",
    "errors.remedy_in_doubt": (
        "Ask the provider's own list of calls first, where it has one. Asking again may pay twice."
    ),
    "errors.fix": (
        "{count} row{count:|s} need{count:s|} another prompt or another cell: rowmill errors "
        "{sheet} --export fixes.xlsx writes {count:it|them} to be corrected."
    ),
    "errors.exported": "Wrote {rows} row{rows:|s} to be corrected to {file}.",
    "errors.then": "Correct them there and save; then: rowmill retry {sheet} --from {file}",
    "errors.moved": (
        "{file} was changed since, was not written by rowmill, or is open; it was left as it is."
    ),
    "errors.nothing_to_fix": "No failed row is of a kind that an edit would help.",
    "errors.ending": "--export writes an Excel workbook: name a file that ends in .xlsx.",
    "errors.hint_edit": (
        "Correct the cells right of the grey columns, in the yellow ones above all, and save."
    ),
    "errors.hint_then": "Then: rowmill retry {sheet} --from fixes.xlsx",
    "errors.hint_rest": (
        "Rows that you leave as they are stay failed. Rows may be deleted here. The columns "
        "result_row and result_key must stay."
    ),
    "errors.hint_own": (
        "Your own sheet is not changed: the correction is kept in the workspace, and counts until "
        "you change that cell in the sheet itself."
    ),
    "from.fixes": "{file}: {edited} of {rows} row{rows:|s} corrected",
    "from.unchanged": (
        "{count} row{count:|s} {count:is as it was and stays|are as they were and stay} failed; "
        "--class refused,bad_input runs {count:it as it is|them as they are}."
    ),
    "from.rows": "{file}: {rows} row{rows:|s}",
    "from.no_key": (
        "{file} has no column result_key, by which its rows are known. Take fixes.xlsx, a results "
        "file, or the rows ticked on the report page. Nothing was changed."
    ),
    "from.unknown_rows": "{file} names rows that this sheet does not have. Nothing was changed.",
    "from.unknown_row": "  row {row} of the file, column result_key: found {key}",
    "from.more_unknown": "  and {count} more",
    "from.repeated": (
        "{file}, rows {first} and {second}, column result_key: both correct the same row {key}, "
        "and differ. Keep one of them. Nothing was changed."
    ),
    "from.empty": "{file} names no rows that failed.",
    "from.beside_run": (
        "A run is going on: {count} corrected row{count:|s} wait{count:s|} in {file}. When it is "
        "over, the same line takes {count:it|them} in."
    ),
    "from.not_with_rows": "--from names the rows; leave --rows out.",
    "fetch.checked": (
        "{files} file{files:|s} looked at: {good} whole, {missing} missing, {damaged} damaged"
    ),
    "fetch.missing": "  row {row}: {file} is not there",
    "fetch.damaged": "  row {row}: {file} is not the file that was saved",
    "fetch.more": "  and {count} more",
    "fetch.open": "{count} file{count:|s} {count:is|are} still to be fetched",
    "fetch.nothing": "Nothing to fetch.",
    "fetch.start": "Fetching {rows} row{rows:|s}; nothing is generated.",
    "fetch.done": "{done} row{done:|s} {done:has its|have their} files, {failed} cannot have them.",
}
