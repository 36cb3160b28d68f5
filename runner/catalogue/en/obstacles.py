"""The English sentences about what cannot be done with tables, outputs and copies of workbooks."""

OBSTACLES: dict[str, str] = {
    "obstacle.disk_low": "{free} MB free, {needed} MB needed",
    "obstacle.hosts_full": "{most} hosts are at work on this table, which is the most there can be",
    "obstacle.file_unreadable": "{file} cannot be read: {reason}",
    "obstacle.table_journal": (
        "journal mode is {mode}, not {wanted}: the table's folder cannot be used"
    ),
    "obstacle.table_not_synchronous": (
        "synchronous=FULL was not accepted: answers would not survive a power cut"
    ),
    "obstacle.table_damaged": (
        "{file} is damaged: {reason}. Nothing was changed. Move it away and restore a copy; "
        "`sqlite3 {name} .recover` can often save what is in it"
    ),
    "obstacle.table_damaged_with_copies": (
        "{file} is damaged: {reason}. Nothing was changed. Move it away and restore a copy "
        "({copies}); `sqlite3 {name} .recover` can often save what is in it"
    ),
    "obstacle.table_unreadable": "{file} cannot be read as a table: {reason}",
    "obstacle.table_none": "there is no table at {file}",
    "obstacle.table_empty": "{file} has no tables yet; `rowmill run` makes them",
    "obstacle.table_older": (
        "{file} was written by an older rowmill (table {found}, this one knows {known}); "
        "`rowmill run` migrates it after making a backup copy"
    ),
    "obstacle.table_newer": (
        "{file} was written by a newer rowmill (table {found}, this one knows {known}); "
        "update rowmill"
    ),
    "obstacle.table_older_shared": (
        "the shared table of {file} was written by an older rowmill (table {found}, this one knows "
        "{known}); `rowmill run` brings it forward once no host is at work on it"
    ),
    "obstacle.database_unreachable": "the database cannot be reached: {reason}",
    "obstacle.database_rights": "the database does not allow it: {reason}",
    "obstacle.database_standby": (
        "the database is a standby, which can only be read; name the primary server"
    ),
    "obstacle.database_old": "the database is PostgreSQL {found}; rowmill needs {known} or later",
    "obstacle.database_encoding": "the database's encoding is {found}; rowmill needs UTF8",
    "obstacle.database_damaged": (
        "the database reports damage: {reason}. Nothing was changed; ask who runs the server"
    ),
    "obstacle.database_sqlite": (
        "SQLite's table is the sheet's own folder; --db takes a postgresql:// address"
    ),
    "obstacle.database_url": "a database is named by a postgresql:// address",
    "obstacle.database_driver": (
        'PostgreSQL needs its driver: pip install "rowmill[postgres]" ({reason})'
    ),
    "obstacle.workspace_absent": "the database has no sheet {name}; it has: {others}",
    "obstacle.hosts_at_work": (
        "{file} must be brought forward by this rowmill, but these hosts are at work on it: {hosts}"
    ),
    "obstacle.table_moved": (
        "{file} was moved to {place}: name that place with --db, or as the sheet"
    ),
    "obstacle.move_into_full": (
        "the table cannot be moved there: the database has another sheet of this name, with rows"
    ),
    "obstacle.table_not_sqlite": "{file} is not a SQLite table; move it away to start anew",
    "obstacle.table_foreign": (
        "{file} is a SQLite database, but not one of rowmill's; move it away to start anew"
    ),
    "obstacle.table_no_backup": "no backup copy of {file} could be made: {reason}",
    "obstacle.table_not_migrated": "{file} cannot be migrated: {reason}",
    "obstacle.table_not_copied": "only a SQLite table can be copied like this",
    "obstacle.table_held": "{file} is in use by process {pid} on {host}",
    "obstacle.table_no_lock": (
        "{file} cannot be locked: {reason}; use --workspace to name a folder on a local disk"
    ),
    "obstacle.output_folder": "{file} is a folder; name a file in it",
    "obstacle.output_no_file": "{file} is not a regular file; for a pipe, write to - instead",
    "obstacle.output_nowhere": "there is no folder {folder}; create it, or name another file",
    "obstacle.output_unfit": "{file} cannot be written: {reason}",
    "obstacle.output_failed": (
        "{file} cannot be written: {reason}. The results are safe in the table; make room or "
        "name another file, then export again"
    ),
    "obstacle.output_format": "there is no format {format}",
    "obstacle.write_no_workbook": "these results cannot be written as a workbook: {reason}",
    "obstacle.write_no_parquet": "these results cannot be written as parquet: {reason}",
    "obstacle.write_columns": "an Excel tab holds {most} columns; export as csv instead",
    "obstacle.write_rows": "an Excel tab holds {most} rows; export as csv instead",
    "obstacle.copy_format": "the sheet is no .xlsx or .xlsm workbook",
    "obstacle.copy_no_header": "the sheet has no header row",
    "obstacle.copy_has_results": "the sheet has result columns of its own",
    "obstacle.copy_unreadable": "the sheet cannot be read ({reason})",
    "obstacle.copy_changed": "the sheet has changed since it was loaded; run it first",
    "obstacle.copy_no_workbook": "it names no workbook part",
    "obstacle.copy_no_tab": "its tab {tab} was not found",
    "obstacle.copy_entities": "its part {part} declares entities",
    "obstacle.copy_broken_part": "its part {part} is not well-formed",
    "obstacle.copy_large_part": "its part {part} is unusually large",
    "obstacle.copy_unusual": "its sheet is written in an unusual way",
    "obstacle.copy_unplaced_cells": "its cells do not say where they are",
    "obstacle.copy_unplaced_rows": "its rows do not say which they are",
    "obstacle.copy_no_room": "its columns leave no room",
    "obstacle.copy_no_row": "its row {row} is not written as a row",
    "obstacle.copy_cut": "its sheet ends in the middle of a row",
    "obstacle.copy_damaged": "it cannot be taken apart ({reason})",
    "obstacle.copy_other_parts": "the copy has other parts",
    "obstacle.copy_other_part": "its part {part} came out different",
    "obstacle.copy_other_row": "its row {row} read differently in the copy",
    "obstacle.copy_other_results": "the results of row {row} read differently in the copy",
    "obstacle.name_backslash": "write / for folders in a file name template, not \\",
    "obstacle.name_unknown": "{place} is unknown; known: {known}",
    "obstacle.name_open": "a {place} in '{template}' is not closed",
    "obstacle.name_folder": ("'{template}' ends with a folder; write a file name after the last /"),
    "obstacle.target_key": "the key contains spaces, line breaks or characters that no key has",
    "obstacle.target_proxy": "the proxy's address must begin with http:// or https://",
    "obstacle.target_scheme": "a base URL begins with http:// or https:// and names a host",
    "obstacle.target_extras": "a base URL contains no user name, no key and no #",
    "obstacle.target_port": "the base URL's port is no number from 1 to 65535",
}
