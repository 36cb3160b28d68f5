"""The English sentences about a target: the place that holds the files of all hosts."""

TARGETS = {
    "option.files": "where files go that every machine sees: s3://bucket/folder, or a shared path",
    "option.results": "also write the results here when the run ends: a file or folder, or s3://…",
    "fetch.by_hosts": "The hosts at work download for {rows} row{rows:|s}.",
    "target.input_changed": (
        "A file of the sheet changed while it was read ({reason}). Run the same line again."
    ),
    "target.unsuited": (
        "{target} cannot hold files. Name a folder that every machine sees, or an address such as "
        "s3://bucket/folder."
    ),
    "target.password": (
        "The address of the target holds a user name or a password. Leave it out: keys come from "
        "the environment or from the store's own settings file."
    ),
    "target.package": (
        'Addresses with {scheme}:// need one more package ({reason}): pip install "rowmill[s3]" '
        "for s3://; for other stores, the package that fsspec names."
    ),
    "target.other": (
        "The files of this sheet are at {theirs}, and --files names {ours}. Give --files {theirs}, "
        "or start over in a folder of its own with --workspace DIR."
    ),
    "target.elsewhere": (
        "The files of this sheet are at {theirs}. Add --files {theirs}, so that rowmill may read "
        "them; an address that only the table names is never opened."
    ),
    "target.local_files": (
        "The files of this sheet are in {folder}, and --files names {target}. Leave "
        "--files out, or start over in a folder of its own with --workspace DIR."
    ),
    "target.none": (
        "The run keeps its files on no target, and --files names {ours}. Leave --files out."
    ),
    "target.needed_for_files": (
        "{endpoint} brings files, and other machines must see them. Say where they go: "
        "--files s3://bucket/folder, or a path that every machine sees."
    ),
    "target.needed_for_pictures": (
        "The sheet sends pictures from this machine, and other machines must see them. Say where "
        "they go: --files s3://bucket/folder, or a path that every machine sees."
    ),
    "target.path": "Files go to {target}: every machine must see this folder under this path.",
    "obstacle.target_failed": "the target {target} cannot be used: {reason}",
    "obstacle.target_missing": "nothing that is written to the target {target} can be read back",
}
