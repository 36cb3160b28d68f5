"""The English sentences about sheets: `finding.KIND` says what to do, `.expected` and `.found` why.

Where a kind has no `.expected` or `.found` of its own, the finding's own fact stands there.
"""

_SPEECH = {
    "finding.head": "{sheet} cannot be used:",
    "finding.the_sheet": "the sheet",
    "finding.at_row": "row {row}",
    "finding.at_column": "column {column}",
    "finding.and": ", ",
    "finding.colon": ": ",
    "finding.then": "; ",
    "finding.was_expected": "expected {what}",
    "finding.was_found": "found {what}",
    "finding.detail": " ({what})",
}

_TERMS = {
    "term.zip workbook": "an Excel or OpenDocument workbook",
    "term.ole": "an old Excel workbook (.xls), or one with a password",
    "term.parquet": "a parquet file",
    "term.web page": "a web page",
    "term.xml": "XML",
    "term.text": "plain text",
    "term.pdf": "a PDF",
    "term.sqlite": "an SQLite database",
    "term.gzip": "a gzip archive",
    "term.7z": "a 7z archive",
    "term.rar": "a RAR archive",
    "term.png": "a PNG picture",
    "term.jpeg": "a JPEG picture",
    "term.zip": "a zip archive",
    "term.rename workbook": "rename the file to .xlsx (.xls where it is an old one)",
    "term.rename parquet": "rename the file to .parquet",
    "term.save as workbook": "open the file in Excel and save it as .xlsx",
    "term.rename text": "rename the file to .csv, or save the sheet again in the format you want",
    "term.binary": "a binary file of an unknown kind",
    "term.check file": "check that it is the right file",
    "term.no ending": "no ending",
    "term.entries": "entries in the zip",
    "term.bytes": "bytes unpacked",
    "term.merged rows": "rows in merged areas",
    "term.times": "times its packed size",
}

_FILES = {
    "finding.folder": "this is a folder; name the sheet in it",
    "finding.missing_file": "there is no such file; check the name and the folder",
    "finding.not_a_file": "this is not an ordinary file; save the sheet to one",
    "finding.empty_file": "the file is empty; save the sheet again",
    "finding.unreadable_file": (
        "the file cannot be read; close it in other programs and check that you may read it"
    ),
    "finding.unused_option": "{option} does not apply to a {format} sheet; leave it out",
    "finding.unknown_format": (
        "the file name's ending says how a sheet is read, and this one is not known; save the "
        "sheet in one of these formats"
    ),
    "finding.unknown_format.found": "{ending}",
    "finding.wrong_kind": "the file is not what its name says; {remedy}",
    "finding.wrong_kind.expected": "a {format} sheet",
    "finding.wrong_kind.found": "{kind}",
    "finding.batch_file": (
        "this is a provider's batch file: the request of each line is sent as it is written"
    ),
    "finding.batch_request": (
        "rowmill has no endpoint for this line of a batch file; write a sheet with one column for "
        "each field, and body.<name> for any other"
    ),
    "finding.too_many_columns": (
        "the sheet has {count} {count:column|columns}, and at most {most} are read; delete those "
        "that are not needed"
    ),
    "finding.too_sparse": (
        "nearly all cells of the {rows} {rows:row|rows} under {count} {count:column|columns} are "
        "blank; delete columns that are not needed, or divide the sheet"
    ),
    "finding.no_rows": "there are no rows below the header; add at least one",
    "finding.no_records": "there are no rows in the sheet; add at least one",
    "finding.empty_sheet": "the sheet has no text in it",
    "finding.empty_sheet.expected": "a header row and at least one row below it",
    "finding.changed_while_reading": "the file changed while it was read; start again",
}

_STDIN = {
    "stdin.terminal": (
        "A sheet was to come over stdin, and stdin is the keyboard. Pipe one in: rowmill run - "
        "--workspace DIR < prompts.csv"
    ),
    "stdin.needs_workspace": (
        "A sheet from stdin needs a folder to be kept in: add --workspace DIR."
    ),
}

_TEXTS = {
    "finding.unknown_encoding": "--encoding names no known encoding",
    "finding.unknown_encoding.expected": (
        "utf-8, gb18030, big5, utf-16, shift_jis, euc-jp, euc-kr or cp1252"
    ),
    "finding.not_text": (
        "this is not a text file; check that it is the right one, and save it as CSV UTF-8 or as "
        ".xlsx"
    ),
    "finding.encoding_not_found": (
        "the encoding of this file could not be detected; name it with --encoding (for example "
        "gb18030), or save the file as CSV UTF-8"
    ),
    "finding.encoding_guessed": (
        "the encoding was guessed; if characters look wrong, name it with --encoding"
    ),
    "finding.encoding_unsure": (
        "the encoding was guessed as {label}, from {lines} line{lines:|s}, the first of them line "
        "{line}; if characters look wrong there, name the encoding with --encoding or repair "
        "the line"
    ),
    "finding.encoding_doubtful": (
        "line {line}: the file is read as UTF-8, but the same bytes are also Chinese text; if that "
        "is what was meant, add --encoding gb18030"
    ),
    "finding.encoding_doubtful.found": '"{found}", which may be "{other}"',
    "finding.undecodable_line": (
        "line {line} cannot be read; repair the text there, or name the encoding with --encoding"
    ),
    "finding.undecodable_line.expected": "{label} text",
    "finding.undecodable_line.found": "the bytes {found}",
    "finding.undecodable_lines": "{count} more line{count:|s} cannot be read",
    "finding.nul_character": (
        "there are invisible NUL characters in this file; they are kept as they are, delete them "
        "if they are not meant"
    ),
    "finding.nul_character.found": "NUL in line {lines}",
    "finding.header_in_text": (
        "the first line is taken as the name of the column, not as a prompt"
    ),
    "finding.table_in_text": "this .txt file holds a table; rename it to .csv or .tsv",
    "finding.table_in_text.expected": "one prompt a line",
    "finding.records_in_text": (
        "this .txt file holds JSON; rename it to .jsonl (one object a line) or .json (one list)"
    ),
    "finding.records_in_text.expected": "one prompt a line",
}

_DELIMITED = {
    "finding.unknown_delimiter": "--delimiter names nothing that can separate cells",
    "finding.unknown_delimiter.expected": (
        "one character such as ; or one of the words comma, semicolon, tab, pipe, space, none"
    ),
    "finding.bare_quotes": "quotes in this tab-separated sheet are taken as text",
    "finding.spaced_quotes": (
        "blanks between a delimiter and a quote are left out, and the quotes hold the cell together"
    ),
    "finding.spaced_quotes_kept": (
        "a blank stands before the quote, so the quote is taken as text; delete the blank if the "
        "quotes are to hold the cell together"
    ),
    "finding.long_row": (
        "the row is longer than the header; put quotes around a cell that holds the delimiter "
        '("a cat, a dog")'
    ),
    "finding.long_row.expected": "{width} cell{width:|s}, as in the header",
    "finding.long_row.found": "{count} cell{count:|s}, beyond the header: {found}",
    "finding.curly_quotes": (
        "the row is longer than the header: curly quotes do not hold a cell together; write "
        'straight ones (")'
    ),
    "finding.curly_quotes.expected": "{width} cell{width:|s}, as in the header",
    "finding.curly_quotes.found": "{count} cell{count:|s}, beyond the header: {found}",
    "finding.short_row": (
        "rows shorter than the header: {count}, the first here; the missing cells count as empty"
    ),
    "finding.short_row.expected": "{width} cell{width:|s}, as in the header",
    "finding.open_quote": (
        'the quote (") that opens in line {line} is never closed; close or remove it'
    ),
    "finding.open_quote.expected": 'cells with quotes as "the word ""red"" in quotes"',
    "finding.open_quote.found": "line {line}: {found}",
    "finding.broken_quotes": (
        "the quoted cell that begins in line {line} ends before its text does, in line {end}; "
        'write a quote inside a quoted cell twice ("")'
    ),
    "finding.broken_quotes.expected": 'cells with quotes as "the word ""red"" in quotes"',
    "finding.swallowed_rows": (
        "lines {line} to {end} stand in one cell, and each looks like a row of its own: a quote "
        "that opens in line {line} is closed in another row; write each quote inside a cell twice "
        '(""). If it is one cell, begin it with a line break'
    ),
    "finding.swallowed_rows.expected": "one row",
    "finding.suspect_lines": (
        "lines {line} to {end} are in one quoted cell, and each of them could be a row; check "
        "whether a quote is missing"
    ),
    "finding.line_breaks": (
        "rows with a cell of several lines: {count}, the first here (lines {line} to {end})"
    ),
    "finding.rows_above_header": "Header found in row {header}; the rows above it are ignored",
    "finding.no_known_header": (
        'no column name is recognised; name the prompt column with --column "HEADER=prompt", or '
        "add a header row if there is none"
    ),
    "finding.no_known_header.expected": "a header with a name such as prompt or 提示词",
    "finding.error_cell": "this cell holds an Excel error; correct it in the sheet",
    "finding.error_cell.expected": "a value",
    "finding.lost_characters": (
        "only question marks are left of this text: the program that saved the file could not "
        "write its characters; save it again as CSV UTF-8 or .xlsx"
    ),
    "finding.lost_characters.expected": "a value",
    "finding.rounded": (
        "Excel keeps 15 digits of a number, so this one may not be what was typed; write it into a "
        "cell formatted as text"
    ),
    "finding.rounded.expected": "all digits, as text",
    "finding.safe_csv": (
        "this file was written with --safe-csv: the ' before {count} cell{count:|s} that "
        "{count:looks|look} like {count:a formula|formulas} is taken off again, here the first"
    ),
}

_RECORDS = {
    "finding.read_as_list": "the file is read as one JSON list, whatever its name says",
    "finding.read_as_lines": "the file is read as one JSON object a line, whatever its name says",
    "finding.bad_json": "this record is not JSON; correct it",
    "finding.not_an_object": "this record cannot be read; correct it",
    "finding.not_a_list": "the file is not a list of records; put the records into one list",
    "finding.not_a_list.expected": (
        'a list of objects, [{"prompt": "…"}, …]; or one object a line'
    ),
    "finding.repeated_name": (
        "a name stands twice in this record, and only the last value would count; rename one"
    ),
    "finding.repeated_name.expected": "each name once",
    "finding.lone_surrogate": ("half a character (often a cut emoji) stands here; type it again"),
    "finding.damaged_parquet": "the parquet file cannot be read; write it again",
    "finding.value_without_json": "this value cannot be put into a request; write it as text",
}

_WORKBOOKS = {
    "finding.damaged_workbook": (
        "the workbook is damaged or incomplete; copy it again, or open it in Excel and save it "
        "as a new .xlsx"
    ),
    "finding.unsafe_workbook": (
        "the workbook is refused because it is not built like one; open it in Excel and save the "
        "sheet as a new .xlsx, or as CSV UTF-8"
    ),
    "finding.unsafe_size": (
        "the workbook is refused because it would unpack to far more than a sheet; open it in "
        "Excel and save the sheet as a new .xlsx, or as CSV UTF-8"
    ),
    "finding.unsafe_size.expected": "at most {most} {unit}",
    "finding.unsafe_size.found": "{count} {unit}",
    "finding.unsafe_xml": (
        "the workbook is refused because a part of it declares entities, which no spreadsheet "
        "program writes; open it in Excel and save the sheet as a new .xlsx"
    ),
    "finding.far_cell": (
        "the tab reaches down and right to cell {cell}, far from the other cells; delete what is "
        "there (or all rows and columns behind your data) and save"
    ),
    "finding.far_cell.expected": "at most {most} cells in the area of the tab",
    "finding.password": ("the workbook is protected by a password; save a copy without one"),
    "finding.unknown_tab": "--tab names no tab of this workbook",
    "finding.unknown_tab_near": '--tab names no tab of this workbook; did you mean "{near}"?',
    "finding.empty_tab": "there is nothing in the visible tabs; name another one with --tab",
    "finding.empty_tab.expected": "a header row and at least one row below it",
    "finding.other_tabs": (
        'only the tab "{tab}" is read, not {visible}; name another one with --tab'
    ),
    "finding.other_tabs_hidden": (
        'only the tab "{tab}" is read, not {visible}, and not the hidden {hidden}; name '
        "another one with --tab"
    ),
    "finding.hidden_tabs": (
        'only the tab "{tab}" is read, not the hidden {hidden}; name another one with --tab'
    ),
    "finding.error_cells": (
        "cells with an Excel error: {count}, the first here; a row that needs one is not sent"
    ),
    "finding.never_calculated": (
        "this cell holds a formula that was never calculated; open the workbook in Excel, save it, "
        "and load it again"
    ),
    "finding.never_calculated.expected": "a value",
    "finding.never_calculated_cells": (
        "cells with a formula that was never calculated: {count}, the first here; open the "
        "workbook in Excel, save it, and load it again"
    ),
    "finding.unscanned": (
        "in .{format} rowmill cannot see error values (they read as blank), formulas that were "
        "never calculated, rounded numbers, hidden rows or pictures; save the workbook as .xlsx "
        "to have them checked"
    ),
    "finding.unscanned_xlsx": (
        "in this .{format} rowmill cannot see error values (they read as blank), formulas that "
        "were never calculated, rounded numbers, hidden rows or pictures, because it is not built "
        "in the usual way; open it in Excel and save it again to have them checked"
    ),
    "finding.formats_unseen": (
        "in .{format} what a number format shows (007, 12.5 %) is not held against the number "
        "that is read; save the workbook as .xlsx to see where they differ"
    ),
    "finding.pictures_unseen": (
        "pictures in an .{format} workbook are not read; save it as .xlsx to use them"
    ),
    "finding.hidden_rows": (
        "hidden rows: {count}, the first here; they are sent too; --visible-only leaves them out"
    ),
    "finding.hidden_columns": "this column is hidden; it is read too",
    "finding.merged": (
        "merged areas over several rows: {count}, the first here; each row gets the text"
    ),
    "finding.merged_across": (
        "merged areas over several columns: {count}, the first here; only the left column gets "
        "the text"
    ),
    "finding.shown_otherwise": (
        "shown as {format}, read as {found}; {count} cell{count:|s} of the column {count:is|are} "
        "shown otherwise than {count:it is|they are} read. To send what is shown, format "
        "{count:it|them} as text and type {count:it|them} anew"
    ),
    "finding.shown_otherwise.found": "",
    "finding.rounded_cells": (
        "cells with a number of more than 15 digits: {count}, the first here; Excel rounds such "
        "numbers, so write them into cells formatted as text"
    ),
    "finding.pictures_in_cells": (
        "pictures in the cells of this column: {count}, the first here; they can be sent as inputs "
        "of an image column"
    ),
    "finding.floating_pictures": (
        "pictures floating above this column: {count}, the first here; each is taken as the "
        "content of the cell that it begins in"
    ),
    "finding.picture_lost": ("the picture of this cell is not in the workbook; insert it again"),
    "finding.picture_lost.expected": "a picture",
    "finding.external_links": (
        "the workbook refers to other files; they are not read, and the values Excel last saw count"
    ),
}

_COLUMNS = {
    "finding.ambiguous_column": (
        "{option} names a header that stands over more than one column; rename one of them in the "
        "sheet"
    ),
    "finding.unknown_column": "{option} names a column that the sheet does not have",
    "finding.unknown_column.expected": "one of the sheet's columns: {expected}",
    "finding.unknown_column_near": (
        '{option} names a column that the sheet does not have; did you mean "{near}"?'
    ),
    "finding.unknown_column_near.expected": "one of the sheet's columns: {expected}",
    "finding.unknown_field": (
        "--column gives this column to a field that the endpoint does not have"
    ),
    "finding.unknown_field_near": (
        "--column gives this column to a field that the endpoint does not have; did you mean "
        '"{near}"?'
    ),
    "finding.duplicate_header": (
        "columns with the same header are carried through, but a template cannot name them"
    ),
    "finding.blank_header": (
        "{count} column{count:|s} {count:has|have} no header, here the first; {count:it is|they "
        "are} carried through, and cannot be named"
    ),
    "finding.same_header": ("two columns both mean {field}; rename one of them in the sheet"),
    "finding.same_header.expected": "one column for {field}",
    "finding.same_field": (
        'two columns both mean {field}; choose one with --column "{header}={field}"'
    ),
    "finding.same_field.expected": "one column for {field}",
    "finding.near_name": (
        "this column is not sent; if it is meant as {expected}, correct its header or use "
        '--column "{found}={expected}"'
    ),
    "finding.blank_id": "every row needs an id in the column that identifies rows",
    "finding.blank_id.expected": "an id of its own",
    "finding.blank_id.found": "nothing",
    "finding.repeated_id": (
        "give each of these rows an id of its own, or name another column with --id"
    ),
    "finding.repeated_id.expected": "an id of its own in every row",
    "finding.repeated_id.found": "{id} in rows {rows}",
    "finding.running_number": (
        "this column only numbers the rows, and is refilled when rows are inserted: rows are "
        "identified by their request instead; --id uses it anyway"
    ),
    "finding.id_not_unique": (
        "the ids in this column are not filled and unique: rows are identified by their request "
        "instead"
    ),
    "finding.shifted_ids": (
        "{count} of {total} row{total:|s} ask{count:s|} for something else than before, mostly "
        "for what another id asked for: the ids were probably renumbered. Answers that were paid "
        "for are reused"
    ),
    "finding.repaired_ratio": (
        '{count} cell{count:|s} such as "{before}" {count:is a ratio|are ratios} that Excel took '
        "for {count:a time|times}; sent as {after} here"
    ),
    "finding.repaired_ratio.found": "",
    "finding.template_open": (
        "the template opens {{ and does not close it with }}; a name cannot hold a brace"
    ),
    "finding.template_unknown": 'the template names "{name}", which is not a column',
    "finding.template_unknown.expected": "one of the sheet's columns: {expected}",
    "finding.template_unknown_near": (
        'the template names "{name}", which is not a column; did you mean "{near}"?'
    ),
    "finding.template_unknown_near.expected": "one of the sheet's columns: {expected}",
    "finding.template_ambiguous": (
        'the template names "{name}", and {count} columns have that name; rename one of them in '
        "the sheet"
    ),
    "finding.bad_row": "this row cannot become a request",
    "finding.empty_cell": "the {field} is empty",
    "finding.empty_cell.expected": "",
    "finding.template_hole": (
        "this cell is empty, and the template uses it without a default; fill it in, or write "
        "{{ {header} | … }}"
    ),
    "finding.template_hole.expected": "",
    "finding.template_hole.found": "",
    "finding.leave_out_bad_rows": "correct the sheet, or add --skip-bad to run the other rows",
    "finding.silently_changed": (
        "{dialect} makes {made} of {asked} without saying so ({count} of the first rows)"
    ),
    "finding.outside_known_range": "{model} is not known to take this; it is sent as it is.",
    "finding.silently_ignored": (
        "{dialect} ignores {asked} without saying so ({count} of the first rows)"
    ),
    "finding.words_only": (
        "the template uses this column, so it is not sent as {field}; to send it too, add "
        '--column "{header}={field}"'
    ),
    "finding.column_left_out": (
        "this column was not sent at the first load and is not sent now; --column "
        '"HEADER=FIELD" sends it'
    ),
    "finding.overruled_column": (
        "this column is not sent as {field}, because {field} was given on the command line; to "
        'send the column, add --column "{header}={field}"'
    ),
    "finding.column_over_option": (
        "where this column is filled, its cells are sent as {field}, and the option counts for "
        "the other rows only"
    ),
    "finding.unsuited_column": (
        "this column is not sent as {field}, because this cell does not suit; to send the column, "
        'add --column "{header}={field}"'
    ),
    "finding.more_bad_rows": "and {count} more bad row{count:|s}; --skip-bad runs the rest",
}

FINDINGS = {
    **_STDIN,
    **_SPEECH,
    **_TERMS,
    **_FILES,
    **_TEXTS,
    **_DELIMITED,
    **_RECORDS,
    **_WORKBOOKS,
    **_COLUMNS,
}
