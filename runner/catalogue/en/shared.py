"""The English sentences of tables that several machines share."""

SHARED = {
    "group.hosts": "Several machines",
    "option.db": "the PostgreSQL database that holds the table; none: the folder",
    "expected.database": (
        "an address such as postgresql://user@server/database, without a password, and if need be "
        "with #NAME of a workspace at its end; or none"
    ),
    "expected.not_sqlite": (
        "a PostgreSQL database: postgresql://user@server/database. SQLite's table is always in "
        "the folder beside the sheet"
    ),
    "expected.no_password": (
        "an address without a password. Store it with `rowmill keys set postgresql://…`, or use "
        "ROWMILL_DB, PGPASSWORD or .pgpass"
    ),
    "cli.password_on_line": (
        "A password on the command line can be read by others on this machine, and stays in the "
        "shell's history. It was not used. Store it with `rowmill keys set "
        "postgresql://user@server/database`, which asks for it hidden, or use ROWMILL_DB, "
        "PGPASSWORD or .pgpass."
    ),
    "keys.ask_password": "Password for {url} (not shown while you type)",
    "keys.password_stored": "Kept the password for {url} in {file}, which only you can read.",
    "keys.password_removed": "Removed the password for {url}.",
    "keys.no_password": "There is no stored password for {url}.",
    "keys.not_a_password": "This is not a password: it is empty. Nothing was changed.",
    "usage.two_databases": "The database is named twice: as SHEET and with --db. Name it once.",
    "usage.no_sheet": "This needs a sheet or a database: rowmill {command} SHEET",
    "db.weak_tls": (
        "The connection to {url} has sslmode={mode}: others in the network may read or change "
        "what goes through it. sslmode=verify-full is safe."
    ),
    "db.no_workspace": (
        "There is no workspace in {url} yet. A sheet is loaded with: rowmill run SHEET --db {url}"
    ),
    "db.not_there": "There is no workspace {name} in {url}. There are: {names}",
    "db.several": "There are several workspaces in {url}: {names}. Name one: {example}",
    "status.hosts": "Machines",
    "status.hosts_more": "and {count} more that have left",
    "status.since": "since {at}",
    "status.heard": "{time} ago",
    "status.host_in_flight": "{count} in flight",
    "status.host_leaving": "leaving when they have ended",
    "status.host_silent": "not heard of; others take over its rows soon",
    "status.host_lost": "lost; others took over its rows",
    "status.host_left": "left: {how}",
    "status.host_gone": "left",
    "status.host_person": "paused",
    "status.host_outage": "waiting for the provider: {cause}",
    "status.host_slow_down": "slowed down by the provider until {until}",
    "status.host_database": "waiting for the database",
    "status.running_on": "running for {time} on {count} machine{count:|s}, since {since}",
    "check.needs_sheet": "check reads a sheet: name its file, and the database with --db.",
    "run.from_table": "{sheet} is read from the table, as it was loaded; its file is not here.",
    "steer.all_obeyed": (
        "Told the run: {what}. {count} of {of} machine{of:|s} at work {of:follows|follow} it."
    ),
    "steer.some_obeyed": (
        "Told the run: {what}. So far {count} of {of} machines at work follow it; later ones begin "
        "with it."
    ),
    "doctor.database.good": "{url}: PostgreSQL {version}, {encoding}.",
    "doctor.database.refused": "The password for the database cannot be used: {why}",
    "doctor.database.unreached": "{url} cannot be used: {why}",
    "doctor.database.standby": "This server is a standby: name the one that takes writes.",
    "doctor.database.socket": "The connection goes through a socket of this machine.",
    "doctor.database.tls": "The connection is encrypted, and the server's certificate was checked.",
    "doctor.database.no_tls": "The connection is not encrypted.",
    "doctor.database.weak_tls": (
        "The connection has sslmode={mode}: others in the network may read or change what goes "
        "through it."
    ),
    "doctor.database.no_rights": (
        "This user may not create schemas, which the first load of a sheet needs: GRANT CREATE ON "
        "DATABASE."
    ),
    "doctor.database.near": "A round trip takes {ms} ms.",
    "doctor.database.far": (
        "A round trip takes {ms} ms: each round of up to 64 rows takes 15 of them on this machine."
    ),
    "doctor.database.clock": "This machine's clock agrees with the database's.",
    "doctor.database.clock_fast": (
        "This machine's clock is {seconds} s ahead of the database's. Runs go by the database's."
    ),
    "doctor.database.clock_slow": (
        "This machine's clock is {seconds} s behind the database's. Runs go by the database's."
    ),
    "doctor.database.pooler": (
        "There is a pooler in between. Load and migrate over the direct address; if statements "
        "fail as prepared twice, add ?prepare=no."
    ),
    "doctor.database.connections": (
        "{used} of {most} connections are in use: room for {hosts} more machine{hosts:|s}."
    ),
    "doctor.database.few_connections": (
        "{used} of {most} connections are in use: room for only {hosts} more machine{hosts:|s}, "
        "with 3 connections each. Raise max_connections, or put PgBouncer before it."
    ),
    "doctor.database.forgets": (
        "fsync or full_page_writes is off: after a power cut the server may have lost paid answers."
    ),
    "doctor.database.asynchronous": (
        "{count} standby server{count:|s} may lag behind: after a fail-over paid answers can be "
        "missing, and their rows are asked again. synchronous_standby_names prevents that."
    ),
    "doctor.database.no_workspace": "There is no workspace {name} yet. There are: {names}",
    "doctor.database.newer": (
        "A newer rowmill wrote the table of {name} (schema {found_revision}, this one knows "
        "{known}): update rowmill on this machine."
    ),
    "doctor.database.older": (
        "The table of {name} has schema {found_revision}; the next run brings it to {known}."
    ),
    "doctor.database.revision": "The table of {name} has this rowmill's schema ({found_revision}).",
    "doctor.database.hosts": "{count} machine{count:|s} at work: {names}",
    "doctor.database.no_hosts": "No machine is at work on it now.",
    "doctor.database.programs": "The machines at work have different versions: {programs}",
    "option.on": "let an engine start, spread and restart the machines' processes; needs --db",
    "option.hosts": "how many processes the engine starts [default: one for each of its nodes]",
    "ray.not_installed": 'Ray is not installed: pip install "rowmill[ray]"',
    "ray.needs_database": (
        "--on ray needs --db: its processes share one table, and a folder's table is only for this "
        "machine."
    ),
    "ray.hosts_alone": "--hosts needs --on ray, which starts them.",
    "ray.unreachable": "Ray cannot be used: {reason}",
    "ray.connecting": "Connecting to Ray …",
    "ray.silent_node": "Ray's node {node} did not say which rowmill it has.",
    "ray.other_node": "rowmill cannot run on Ray's node {node}: {reason}",
    "ray.other_version": "Ray's node {node} has {theirs}, this machine {ours}: they must be equal.",
    "ray.starts": "Ray starts {count} process{count:|es}.",
    "ray.machines": "{count} process{count:|es}",
    "ray.stopping": "Asked the processes to stop; calls in flight end. Once more: at once.",
    "ray.host_ended": "Process {number} ended with exit code {code}: {said}",
    "ray.no_run": "No process began the run.",
    "doctor.target.good": "The target {target} can be written and read.",
    "doctor.target.bad": "The target for files: {why}",
    "option.move-table": "move the folder's table with its answers and files into the database",
    "move.needs_option": (
        "The table in {folder} holds {count} answer{count:|s}. On the database they would be paid "
        "for again. --move-table takes the table and its files along; another #NAME begins anew."
    ),
    "move.needs_target": (
        "The files in {folder} move too: say where they go, with --files, so that all machines "
        "see them."
    ),
    "move.other_file": "{address} holds another file. Name an empty place with --files.",
    "move.done": (
        "Moved the table of {folder} with {count} answer{count:|s} and {files} file{files:|s} "
        "into the database."
    ),
    "doctor.database.empty": "There is no workspace yet; the first run of a sheet makes it.",
    "doctor.database.workspaces": "There are these workspaces: {names}",
    "status.host_rate": "{rate}/min",
    "run.address_before": "The last run sent to {before}, and this one goes to {now}.",
    "run.other_target": (
        "The files of this run are at {theirs}, and this command names {ours}. All machines of a "
        "run save to one target: give the same --files."
    ),
}
