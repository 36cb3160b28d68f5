"""The English sentences of `errors`, `fetch` and `retry --from`."""

ERRORS: dict[str, str] = {
    "command.errors": "Failures grouped by cause: how many, what they mean, what to do.",
    "command.fetch": "Download files that are missing or broken; never generates.",
    "option.export": "write the rows that need an edit to a workbook, to correct them there",
    "option.from": (
        "the rows of a file: a corrected fixes.xlsx, a results file, or rows ticked on the page"
    ),
    "option.verify": "read every file again and compare it with what was saved",
    "errors.title": "{sheet}: {count} row{count:|s} failed",
    "errors.title_in_doubt": "{count} in doubt",
    "errors.none": "{sheet}: no row failed.",
    "errors.rows": "rows",
    "errors.row_list": "{rows}",
    "errors.row_list_more": "{rows} … and {count} more",
    "errors.words": "message",
    "errors.remedy": "do",
    "errors.remedy_in_doubt": (
        "Check the provider's own call log first, if it has one. Sending again may pay twice."
    ),
    "errors.fix": (
        "{count} row{count:|s} need{count:s|} another prompt or another cell: rowmill errors "
        "{sheet} --export fixes.xlsx writes {count:it|them} to a workbook to correct."
    ),
    "errors.exported": "Wrote {rows} row{rows:|s} to correct to {file}.",
    "errors.then": "Correct them there and save; then: rowmill retry {sheet} --from {file}",
    "errors.moved": (
        "{file} was changed since, was not written by rowmill, or is open; it was not touched."
    ),
    "errors.nothing_to_fix": "No failed row would be helped by an edit.",
    "errors.ending": "--export writes an Excel workbook: name a file that ends in .xlsx.",
    "errors.hint_edit": "Correct the yellow cells, right of the grey columns, and save.",
    "errors.hint_then": "Then: rowmill retry {sheet} --from fixes.xlsx",
    "errors.hint_rest": (
        "Rows that you do not edit stay failed. You may delete rows here. The columns result_row "
        "and result_key must stay."
    ),
    "errors.hint_own": (
        "Your own sheet is not changed: the correction is kept in the workspace, and holds until "
        "you change that cell in the sheet itself."
    ),
    "from.fixes": "{file}: {edited} of {rows} row{rows:|s} corrected",
    "from.unchanged": (
        "{count} row{count:|s} {count:was|were} not edited and {count:stays|stay} failed; "
        "--class refused,bad_input runs {count:it|them} unchanged."
    ),
    "from.rows": "{file}: {rows} row{rows:|s}",
    "from.no_key": (
        "{file} has no column result_key, which identifies its rows. Use fixes.xlsx, a results "
        "file, or the rows ticked on the report page. Nothing was changed."
    ),
    "from.unknown_rows": "{file} names rows that this sheet does not have. Nothing was changed.",
    "from.unknown_row": "  row {row} of the file, column result_key: found {key}",
    "from.more_unknown": "  and {count} more",
    "from.repeated": (
        "{file}, rows {first} and {second}, column result_key: both correct the same row {key}, "
        "and differ. Keep one of them. Nothing was changed."
    ),
    "from.empty": "{file} names no failed rows.",
    "from.beside_run": (
        "A run is in progress: {count} corrected row{count:|s} wait{count:s|} in {file}. When it "
        "is over, run the same command to use {count:it|them}."
    ),
    "from.not_with_rows": "--from names the rows; leave --rows out.",
    "fetch.checked": (
        "{files} file{files:|s} checked: {good} complete, {missing} missing, {damaged} damaged"
    ),
    "fetch.missing": "  row {row}: {file} is missing",
    "fetch.damaged": "  row {row}: {file} is not the file that was saved",
    "fetch.more": "  and {count} more",
    "fetch.open": "{count} file{count:|s} {count:is|are} still to be downloaded",
    "fetch.nothing": "Nothing to download.",
    "fetch.start": "Downloading for {rows} row{rows:|s}; nothing is generated.",
    "fetch.done": "{done} row{done:|s} {done:has its|have their} files, {failed} unavailable.",
}
