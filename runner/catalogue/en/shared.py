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
    "status.heard": "heard {time} ago",
    "status.host_in_flight": "{count} in flight",
    "status.host_leaving": "leaving when they have ended",
    "status.host_silent": "not heard of; others take over its rows soon",
    "status.host_lost": "lost; others took over its rows",
    "status.host_left": "left: {how}",
    "status.host_gone": "left",
    "status.host_person": "paused by a person",
    "status.host_outage": "waiting for the provider: {cause}",
    "status.host_slow_down": "slowed down by the provider until {until}",
    "status.host_database": "waiting for the database",
    "status.running_on": "running for {time} on {count} machine{count:|s}, since {since}",
    "check.needs_sheet": "check reads a sheet: name its file, and the database with --db.",
    "run.from_table": "{sheet} is read from the table, as it was loaded; its file is not here.",
}
