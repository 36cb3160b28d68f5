"""The English sentences of `rowmill export`."""

EXPORT: dict[str, str] = {
    "option.output": "the file to write, its format by its ending; none or - is stdout",
    "option.format": "the format, where the ending does not say it; csv on stdout",
    "option.only": "only rows with these statuses, for example failed,in_doubt",
    "option.headers": "the language of our headers, in workbooks also of the states",
    "option.fields": "only these of our columns, for example status,text,files",
    "export.fields": "--fields: there is no column {found}; ours are {known}",
    "export.copy_has_all_fields": "--into-copy writes all our columns; leave out --fields.",
    "option.safe-csv": "in csv and tsv, keep your own columns too from running as formulas",
    "option.new": "only rows that settled since the last export with --new",
    "option.thumbs": "thumbnails in a workbook of any size; without it, up to 5,000 rows",
    "option.into-copy": "into a copy of your own workbook, with the first picture and a link",
    "option.expand": "a column for each property of structured output",
    "export.copy_needs_file": (
        "--into-copy writes a workbook: name it with -o FILE, ending like your own in .xlsx or "
        ".xlsm."
    ),
    "export.copy_ending": "A copy of this workbook must end in {ending}.",
    "export.thumbs_need_workbook": "Only a workbook shows thumbnails: name a file in .xlsx.",
    "export.unfit": (
        "Your workbook could not be copied with columns added: {reason}. The results are in a new "
        "workbook instead."
    ),
    "export.written": "Wrote {rows} row{rows:|s} to {file}.",
    "export.moved": (
        "{file} was not written by rowmill, was changed since, or is open in another program; it "
        "was not touched."
    ),
    "export.replaced": (
        "{count} character{count:|s} that {format} cannot hold {count:was|were} replaced."
    ),
    "export.texts": (
        "{count} text{count:|s} too long for an Excel cell {count:is a file|are files} in the "
        "folder texts beside it."
    ),
    "export.nothing": "No sheet was loaded in {folder} yet. Load one with: rowmill run SHEET",
    "export.terminal": "{format} cannot be shown in a terminal. Name a file with -o FILE.",
    "export.ending": (
        "The file name's ending does not say the format. Use one of {known}, or --format."
    ),
    "export.statuses": "one or more of {known}, separated by commas",
}
