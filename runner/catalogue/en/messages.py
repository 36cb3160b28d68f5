"""The English sentences: the complete set."""

from runner.catalogue.en.batch_run import BATCH_RUN
from runner.catalogue.en.describe import DESCRIBE
from runner.catalogue.en.desk import DESK
from runner.catalogue.en.doctor import DOCTOR
from runner.catalogue.en.errors import ERRORS
from runner.catalogue.en.export import EXPORT
from runner.catalogue.en.faults import FAULTS
from runner.catalogue.en.findings import FINDINGS
from runner.catalogue.en.guide import GUIDE
from runner.catalogue.en.lanes import LANES
from runner.catalogue.en.money import MONEY
from runner.catalogue.en.night import NIGHT
from runner.catalogue.en.obstacles import OBSTACLES
from runner.catalogue.en.picks import PICKS
from runner.catalogue.en.report import REPORT
from runner.catalogue.en.rows import ROWS
from runner.catalogue.en.run import RUN
from runner.catalogue.en.shared import SHARED
from runner.catalogue.en.system import SYSTEM
from runner.catalogue.en.targets import TARGETS
from runner.catalogue.en.usage import USAGE
from runner.catalogue.en.views import VIEWS

_CLI = {
    "cli.tagline": "Runs AI generation requests over the rows of a sheet.",
    "cli.usage": "Usage:",
    "cli.error": "Error:",
    "cli.warning": "Note: {text}",
    "cli.try_help": "Try: {command} --help",
    "cli.key_on_line": (
        "A key or a password on the command line can be read by others on this machine, and "
        "stays in the shell's history. It was not used. Store a key with `rowmill keys set`, "
        "which asks for it without showing it, or set ROWMILL_API_KEY."
    ),
    "cli.no_command": "There is no command {name}.",
    "cli.use": "Use: {command}",
    "cli.meant": "Did you mean {near}?",
    "cli.is_file": "To run the rows of this sheet: rowmill run {name}",
    "cli.bug": "Internal error ({name}). Nothing that was saved is lost.",
    "cli.bug_hint": "Run the same command with --debug to see where it happened.",
    "cli.interrupted": "Stopped.",
    "cli.no_space": "The output could not be written: {reason}.",
    "cli.more": "All commands: rowmill --help",
    "heading.examples": "Examples:",
    "heading.commands": "Commands:",
    "heading.arguments": "Arguments:",
    "group.request": "Request",
    "group.rows": "Rows",
    "group.files": "Files",
    "group.pace": "Pace",
    "group.stops": "Stops",
    "group.telling": "Output and notifications",
    "group.own": "Options",
    "group.global": "Global",
    "help.variables": (
        "Every option can also be set as ROWMILL_NAME in the environment, or under [defaults] in "
        "rowmill.toml; not --yes, --rows, --limit, --rebuy, --move-table."
    ),
}

_START = {
    "start.rehearse": "a rehearsal: no key, no cost",
    "start.keys": "store a key; it is not shown while you type",
    "start.check": "what would be sent; sends nothing",
    "start.run": "run it; the same command resumes where it stopped",
    "start.status": "see its progress",
}

_COMMANDS = {
    "command.run": "Run the rows of a sheet until none is left, and write the results.",
    "command.check": "Show how the sheet is read and the first requests; sends nothing.",
    "command.rehearse": "The same run against the built-in mock gateway: no key, no cost.",
    "command.status": "One screen: progress, cost, and what to do next.",
    "command.show": "Everything about one row: attempts, request, answer, files.",
    "command.retry": "Run failed rows again, those that may succeed now.",
    "command.skip": "Mark rows as skipped: they no longer count as failed.",
    "command.export": "Write the results as csv, tsv, xlsx, jsonl or parquet.",
    "command.endpoints": "List the endpoints, or show the columns of one.",
    "command.trust": "Treat a settings file next to a sheet as your own.",
    "command.keys": "Store, list and remove keys.",
    "command.keys_set": (
        "Store a provider's key or a database's password; asks without showing it, or reads it "
        "from a pipe."
    ),
    "command.keys_list": "List the sites that have a stored key.",
    "command.keys_rm": "Remove a stored key.",
    "command.mock": "Run the built-in mock gateway by itself.",
}

_OPTIONS = {
    "option.endpoint": "the kind of request; `rowmill endpoints` lists them",
    "option.model": "the model's name, as the provider writes it",
    "option.prompt": "a template with headers in double braces, or a file that holds one",
    "option.set": "a request field for all rows, or its value from a file; repeatable",
    "option.column": "use a column as a request field; repeatable",
    "option.id": "the column that holds a unique id for each row",
    "option.tab": "the tab of a workbook",
    "option.encoding": "the sheet's encoding, if it is detected wrongly",
    "option.delimiter": "what separates the cells of a text sheet: ; or tab, or none",
    "option.provider": "the provider, from the settings",
    "option.base-url": "the provider's address, instead of the one in the settings",
    "option.limit": "start at most N rows in this run, in sheet order",
    "option.rows": "only these rows, numbered as Excel shows them: 3,7,10-20",
    "option.visible-only": "leave out rows that are hidden in the sheet, by a filter or by hand",
    "option.skip-bad": "mark rows that cannot become a request as failed, run the rest",
    "option.same-sheet": "this file is the workspace's sheet under a new name",
    "option.rebuy": "regenerate finished rows, and pay for them again",
    "option.workspace": "the folder for table, files and results",
    "option.name": "how saved files are named",
    "option.files-from": (
        "a folder outside the sheet's folder from which pictures may be sent; repeatable"
    ),
    "option.allow-host": (
        "a host from which files may be downloaded although it is not public; repeatable"
    ),
    "option.in-doubt": "calls that may have been billed without a response: repeat once, or hold",
    "option.ok-if-failed": "exit 0 even if this many rows failed",
    "option.progress": "how the run is shown",
    "option.json": "one JSON object on stdout",
    "option.yes": "do not ask for confirmation before spending",
    "option.skip.yes": "do not ask for confirmation before skipping them",
    "option.no-input": "never ask a question",
    "option.config": "this settings file instead of the ones that are found",
    "option.color": "colours in the terminal",
    "option.lang": "language of messages",
    "option.quiet": "only errors and results",
    "option.verbose": "more details",
    "option.debug": "show where an internal error happened",
    "option.attempts": "attempts per row",
    "option.timeout": "seconds a call may take, instead of the endpoint's own",
    "option.stop_if": "stop the run when this share of the last rows failed",
    "option.ask_above": "ask before a run of more calls than this",
    "option.lost_after": "how long a machine may be silent before others take over its rows",
    "option.table_wait": "how long a run waits for its database; without it, as max_wait",
    "option.max_wait": "how long a run waits for a provider without a successful response",
    "option.help": "show this help",
    "option.version": "show the version",
    "option.default": "[default: {value}]",
    "option.port": "port to listen on; 0 takes a free one",
    "option.latency": "seconds that each answer takes",
    "option.batch-seconds": "seconds that each provider batch takes",
    "option.faults": "which faults are injected",
    "argument.sheet": "the sheet, or its workspace folder",
    "argument.endpoint": "the endpoint to show",
    "argument.file": "a settings file",
    "argument.provider": "a provider's name, a base URL, or a database",
}

_EXPECTED = {
    "expected.amount": "a number from 0",
    "expected.base_url": (
        "an address such as https://api.example.com, without user name, password, key or #"
    ),
    "expected.choice": "one of: {choices}",
    "expected.column": "HEADER=FIELD, for example 风格=style",
    "expected.count": "a whole number from 1",
    "expected.currency": "a currency such as USD or CNY",
    "expected.host": "a host name, with or without a port",
    "expected.lane": ("flex or batch"),
    "expected.batch_form": ("openai, anthropic, gemini or openrouter"),
    "expected.lane_form": (
        "service_tier, path (with a path that starts with /) or base_url (with an address)"
    ),
    "expected.headers": (
        "a table of header names and texts, without the headers that rowmill sets itself"
    ),
    "expected.keys": 'a list such as [{env = "MY_KEY"}], each with one of env, file, command',
    "expected.list": "text, or a list of texts",
    "expected.pair": "KEY=VALUE, for example size=1024x1024",
    "expected.port": "a port from 0 to 65535",
    "expected.proxy": "an address such as http://127.0.0.1:7890",
    "expected.rows": "row numbers such as 3,7,10-20",
    "expected.seconds": "a time such as 90s, 10m or 8h",
    "expected.silence": "a time of at least 3 seconds, such as 30s",
    "expected.stop_if": "a rule such as failed>20%/50 (of the last 50 rows)",
    "expected.switch": "true or false",
    "expected.table": "a table",
    "expected.text": "text",
    "expected.tolerance": "a number of rows, or a percentage such as 5%",
}

_SETTINGS = {
    "settings.wrong": "{file}: {key} takes {expected}",
    "settings.found": "; found: {found}",
    "settings.unknown_key": "{file}: unknown setting {key}. Known here: {known}",
    "settings.by_hand": "{file}: --{option} can be given on the command line only",
    "settings.no_such_file": "{file}: no such settings file",
    "settings.unreadable": "{file} cannot be read: {reason}",
    "settings.not_toml": "{file} is not valid TOML ({reason})",
    "settings.url_and_key": (
        "{file} names both a base URL and a key. A settings file next to a sheet may come from "
        "somebody else, so it may name only one of them. Store the key with `rowmill keys set`. "
        "If the file is yours: rowmill trust {file}"
    ),
    "settings.careful": (
        "{file}: {key} is not allowed in a settings file next to a sheet, since such a file may "
        "come from somebody else. If the file is yours: rowmill trust {file}"
    ),
    "settings.outside": (
        "--{option}: {file} is outside the folder of the settings file that names it"
    ),
    "settings.no_text": "--{option}: {file} cannot be read: {reason}",
    "settings.line": "at line {line}, column {column}",
    "settings.at_end": "at the end of the file",
    "settings.too_deep": "nested too deeply",
    "settings.not_utf8": "it is not UTF-8 text",
    "settings.no_base_url": (
        "Provider {provider} has no base URL. Known providers: {known}. Give one with --base-url, "
        "or as [provider.{provider}] base_url in rowmill.toml."
    ),
    "settings.workspace": "the workspace's remembered options",
    "notice.by_hand": "{name} has no effect: --{option} can be given on the command line only",
    "notice.unknown": "{name} is not a setting of rowmill and has no effect",
    "notice.unknown_near": (
        "{name} is not a setting of rowmill and has no effect; did you mean {near}?"
    ),
    "notice.url_from_sheet": "the settings file next to the sheet sends everything to {url}",
    "notice.not_counted": (
        "{file}: {keys} not used, since a settings file next to a sheet may only make a run "
        "stricter. If the file is yours: rowmill trust {file}"
    ),
    "notice.no_tls": "{url} is not encrypted: the key and all requests can be read in transit",
}

_TRUST = {
    "trust.trusted": "{file} is treated as your own settings file until it changes.",
    "trust.nothing": "It sets nothing that a file next to a sheet may not set.",
    "trust.allows": "It may now:",
    "trust.power": "  {name}  {value}",
    "trust.removed": "{file} is no longer trusted.",
    "trust.not_there": "{file} was not trusted.",
    "trust.failed": "The trust in {file} could not be saved: {reason}",
    "option.remove": "do not trust the file any more",
}

_KEYS = {
    "keys.ask": "Key for {url} (not shown while you type)",
    "keys.stored": "Key {masked} for {url} saved to {file} (readable only by you).",
    "keys.none": "No keys are stored. To store one: rowmill keys set wenwen",
    "keys.removed": "Removed the key for {url}.",
    "keys.not_there": "There is no stored key for {url}.",
    "keys.empty": "No key was given. Nothing was changed.",
    "keys.not_a_key": (
        "This is not a key: it contains spaces or characters that no key has. Copy it again, "
        "without anything around it. Nothing was changed."
    ),
    "keys.open_to_others": (
        "{file} can be read by other users of this machine. Close it with: chmod 600 {file}"
    ),
    "keys.unreadable": "{file} cannot be read: {reason}",
    "keys.unwritable": "{file} cannot be written: {reason}",
    "keys.damaged": "{file} is damaged. Remove it, and store the keys again.",
    "keys.file_unreadable": "The key file {file} cannot be read: {reason}",
    "keys.command_failed": "The key command {command} returned no key: {reason}",
    "keys.unknown": (
        "Provider {name} is not known. Known: {known}. A base URL works too: rowmill keys set "
        "https://api.example.com"
    ),
    "keys.missing": (
        "There is no key for {url}. Store one with `rowmill keys set {name}`, or set "
        "ROWMILL_API_KEY. If the server needs no key, any word will do: ROWMILL_API_KEY=none"
    ),
    "keys.not_sent": (
        "ROWMILL_API_KEY was not sent to {url}: only a settings file next to the sheet names that "
        "address. If it is right, give it with --base-url, or trust the file: rowmill trust FILE"
    ),
    "keys.unlikely": (
        "This is not a key: it is an address, or has fewer than 8 characters. Nothing was changed."
    ),
    "keys.timeout": "it took longer than {seconds} s",
    "keys.exit": "it ended with exit code {code}",
    "keys.nothing": "it printed nothing",
    "keys.site": "Site",
    "keys.key": "Key",
}

_ENDPOINTS = {
    "endpoints.unknown": "There is no endpoint {name}. There are: {known}.",
    "endpoints.near": "There is no endpoint {name}. Did you mean {near}?",
    "endpoints.columns": "Columns",
    "endpoints.column": "Column",
    "endpoints.kind": "Kind",
    "endpoints.default": "Default",
    "endpoints.needed": "required",
    "endpoints.example": "Example row",
    "endpoints.more": "Columns of one endpoint: rowmill endpoints {name}",
}

_MOCK = {
    "mock.listening": "The mock gateway listens at {url}",
    "mock.try": "Try it: rowmill run prompts.csv --base-url {url}",
    "mock.stop": "Ctrl-C stops it.",
    "mock.port_taken": "Port {port} cannot be used: {reason}. Another one: --port 0",
}

_PROGRESS = {
    "progress.done": "done",
    "progress.failed": "failed",
    "progress.in_doubt": "in doubt",
    "progress.pending": "waiting",
    "progress.fetching": "downloading",
    "progress.running": "running",
    "progress.calls": "Calls",
    "progress.rows": "Rows",
    "progress.files": "Files",
    "progress.in_flight": "in flight",
    "progress.rate": "rows a minute",
    "progress.left": "left {time}",
    "progress.left_until": "left {time} (about {clock})",
    "progress.until": "by {clock}",
    "progress.until_rows": "{low}–{high} rows",
    "progress.held": "Paused by hand: rowmill steer --resume continues",
    "progress.elapsed": "running for",
    "progress.seconds": "p50 / p95",
    "progress.tokens": "tokens",
    "progress.cost": "cost",
    "progress.at_least": "at least {amount}",
    "progress.unknown": "unknown",
    "progress.saved": "files saved",
    "progress.oldest": "oldest call",
    "progress.paused": "Paused until {time}: {reason}",
    "progress.row": "row {row}",
    "progress.foot": "Ctrl-C stops gently, twice stops at once",
}

_STATES = {
    "state.in_doubt": (
        "The call may have been billed, and no answer came. `rowmill retry --class in_doubt` "
        "sends it again and may pay twice."
    ),
}

MESSAGES: dict[str, str] = {
    **_CLI,
    **_START,
    **_COMMANDS,
    **_OPTIONS,
    **_EXPECTED,
    **_SETTINGS,
    **_KEYS,
    **_TRUST,
    **_ENDPOINTS,
    **_MOCK,
    **_PROGRESS,
    **_STATES,
    **RUN,
    **ROWS,
    **GUIDE,
    **USAGE,
    **DESCRIBE,
    **OBSTACLES,
    **SYSTEM,
    **VIEWS,
    **MONEY,
    **DOCTOR,
    **EXPORT,
    **FAULTS,
    **FINDINGS,
    **ERRORS,
    **PICKS,
    **REPORT,
    **NIGHT,
    **BATCH_RUN,
    **LANES,
    **SHARED,
    **TARGETS,
    **DESK,
}
