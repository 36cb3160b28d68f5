"""The English sentences for a machine that fails: disk, table, sleep, descriptors."""

FAULTS = {
    "run.stopped_disk": (
        "Stopped: the disk is full ({detail}). Paid results are kept; free some space, then run "
        "the sheet again."
    ),
    "run.stopped_replaced": (
        "Stopped: another file was put in place of jobs.db while the run wrote to it."
    ),
    "run.rescued": (
        "What this run wrote was saved as {path}. To continue with it, put it back as jobs.db."
    ),
    "run.not_rescued": "What this run wrote to it could not be saved: {reason}.",
    "run.fewer_hands": (
        "This process may open only a few files at once, so {hands} calls run at a time instead "
        "of {wanted}; `ulimit -n 4096` allows more."
    ),
    "run.shared_disk": (
        "{folder} is on a network disk: the table is written in a safer and slower way there. "
        "--workspace names a folder on this machine."
    ),
    "run.open_folder": (
        "Other users of this machine can read {folder}, which holds prompts and answers: chmod "
        "700 closes it."
    ),
    "run.read_again": "{count} paid answer{count:|s} can be read better now: not sent again.",
    "run.failpoint": "ROWMILL_FAILPOINT is for tests against a gateway on this machine: {reason}.",
    "workspace.cannot_write": "The folder {folder} cannot be written: {reason}. Nothing was sent.",
    "cli.table_away": "The table cannot be used: {reason}. Its contents are safe.",
}
