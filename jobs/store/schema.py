"""The tables, as SQLAlchemy sees them."""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    column,
    false,
    text,
)
from sqlalchemy.types import BigInteger

REVISION = "0011"
"""The newest migration. A table that says so is opened as it is."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# A condition of an index (`sqlite_where`) holds on every database: see `create_in`. Named for
# PostgreSQL here, it would import that dialect, which takes 40 ms.
# Unique indexes, not constraints: only an index can be created after a first load.
# Only INTEGER becomes SQLite's rowid alias (fast and free); PostgreSQL needs 64 bits stated.
Id = BigInteger().with_variant(Integer(), "sqlite")
Big = Id  # a number that others send; SQLite's integers have 64 bits anyway
Time = Float  # Unix seconds

batches = Table(
    "batches",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("sheet", Text, nullable=False),  # the file's name, ending included
    Column("sheet_digest", LargeBinary, nullable=False),  # of its bytes
    Column("options_digest", LargeBinary, nullable=False),  # of what shapes requests
    Column("headers", Text, nullable=False),  # JSON list
    Column("layout", Text, nullable=False),  # JSON: how the sheet was read
    Column("id_column", Text),  # the header that identifies rows; NULL: their request does
    Column("options", Text, nullable=False),  # JSON: remembered options
    Column("attached", Text, nullable=False),  # JSON: [path, size, mtime_ns] of local pictures
    Column("loaded_at", Time, nullable=False),
)

rows = Table(
    "rows",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("batch_id", Id, nullable=False),
    Column("key", Text, nullable=False),
    Column("position", Integer, nullable=False),  # the row number that Excel shows
    Column("cells", Text, nullable=False),  # JSON list in header order, as read
    Column("job_id", Id, nullable=False),
    Column("parked", Boolean, nullable=False, default=False),  # no longer in the sheet
    Index(None, "batch_id", "position"),
    Index(None, "job_id"),
)
KEYS = Index("uq_rows_batch_id_key", rows.c.batch_id, rows.c.key, unique=True)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("batch_id", Id, nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("digest_version", SmallInteger, nullable=False),
    Column("occurrence", Integer, nullable=False),  # 0, and one more for each true duplicate
    Column("endpoint", String(40), nullable=False),
    Column("model", Text, nullable=False),
    Column("fields", Text, nullable=False),  # JSON object
    Column("position", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("step", String(5), nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("turn", Float, nullable=False),  # order among the ready jobs of a step
    Column("not_before", Time, nullable=False),
    Column("selection", Id),  # the run that chose it, where a run takes only some rows
    Column("owner", String(36)),
    Column("epoch", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),  # failures that count
    Column("repeats", Integer, nullable=False),  # in-doubt repeats, in a row's life
    Column("deaths", SmallInteger, nullable=False),  # times the process died in this step
    Column("stream", Boolean, nullable=False),
    Column("ticket", Text),
    Column("deadline", Time),
    Column("call_id", Id),  # the call whose answer is this job's
    Column("call_key", String(40)),  # of the call in doubt that the next send repeats
    Column("kind", String(10)),  # failure class
    Column("cause", Text),
    Column("detail", Text),
    Column("updated_at", Time),
    Column("listed", Boolean, nullable=False),  # True if a row of the sheet has this job
    Column("refusals", Integer, nullable=False, server_default=text("0")),  # see Released
    Column("requeued", Boolean, nullable=False, server_default=false()),  # by a retry or new words
    Column("settled_by", Id),  # the run that wrote this state
    Index(None, "batch_id", "state", "step", "turn"),
    Index(
        "ix_jobs_unlisted",
        "batch_id",
        sqlite_where=~column("listed", Boolean),
    ),
)
DIGESTS = Index(
    "uq_jobs_batch_id_digest_occurrence",
    *(jobs.c.batch_id, jobs.c.digest, jobs.c.occurrence),
    unique=True,
)

calls = Table(
    "calls",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("run_id", Id, nullable=False),
    Column("endpoint", String(40), nullable=False),
    Column("model", Text, nullable=False),
    Column("account", Text, nullable=False),  # a label, never the key
    Column("call_key", String(40), nullable=False),  # the same for a repeat in doubt
    Column("started_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("wire", String(1)),  # A–E, NULL while it is open
    Column("status", Integer),
    Column("seconds", Float),
    Column("request_id", Text),
    Column("cost", Float),
    # Of cost and ceiling. SQLite does not look at widths, so its old tables stay as they are.
    Column("currency", Text().with_variant(String(8), "sqlite")),
    Column("ceiling", Float),  # the maximum cost, known before it was sent
    Column("estimated", Boolean),  # True if the cost is by list prices
    Column("ticket", Text),  # of the task that it submitted
    Column("asked_until", Time),  # NULL once the task has succeeded
    Column("provider_batch_id", Id),  # the provider batch that it is a line of
    Index(None, "run_id"),
    Index(
        "ix_calls_provider_batch_id",
        "provider_batch_id",
        sqlite_where=column("provider_batch_id").is_not(None),
    ),
    Index(
        "ix_calls_tickets",
        "asked_until",
        sqlite_where=column("asked_until").is_not(None),
    ),
    Index(
        "ix_calls_open",
        "started_at",
        sqlite_where=column("wire").is_(None),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("call_id", Id, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("outcome", String(12)),  # NULL while the call is open
    Column("kind", String(10)),
    Column("cause", Text),
    Column("detail", Text),
    Column("text", Text),
    Column("finish", Text),
    Column("answered_model", Text),
    Column("prompt_tokens", Big),
    Column("completion_tokens", Big),
    Column("total_tokens", Big),
    Column("usage", Text),  # JSON, as it came
    Column("data", Text),  # JSON object
    Column("epoch", Integer),  # of the job when this call was opened
    Index(None, "call_id"),
    sqlite_with_rowid=False,
)

answers = Table(
    "answers",
    metadata,
    Column("call_id", Id, primary_key=True, autoincrement=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),  # JSON object
    Column("coding", String(5), nullable=False),  # raw, zlib; file: answers/<call>.gz
    Column("body", LargeBinary),
    Column("size", Big, nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("complete", Boolean, nullable=False),  # False: part of a cut answer
)

files = Table(
    "files",
    metadata,
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("call_id", Id, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("version", Integer, nullable=False),
    Column("url", Text),  # NULL: the bytes are inside the answer
    Column("expires_at", Time),
    Column("state", String(7), nullable=False),  # pending, done, lost
    Column("name", Text),  # relative to the workspace's files folder, with /
    Column("size", Big),
    Column("sha256", LargeBinary(32)),
    Column("media_type", Text),
    Column("width", Big),
    Column("height", Big),
    Column("cause", Text),
    Column("saved_at", Time),
    Index(None, "name"),
    sqlite_with_rowid=False,
)

file_names = Table(
    "file_names",
    metadata,
    Column("folded", LargeBinary(16), primary_key=True),  # digest of the name without case
    Column("name", Text, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),  # of the only bytes that may have it
    sqlite_with_rowid=False,
)
"""Names on a target, which several hosts give: reserved before anything is put there."""

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("batch_id", Id, nullable=False),
    Column("owner", String(36), nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("program", Text, nullable=False),  # rowmill's version
    Column("options", Text, nullable=False),  # JSON
    Column("started_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("exit_code", Integer),
    # For a run of several hosts:
    Column("terms", Text),  # JSON: what holds for every host
    Column("cap", Float),  # the most that it may cost; NULL: no limit
    Column("spent", Float, nullable=False, server_default=text("0")),
    Column("held", Float, nullable=False, server_default=text("0")),  # ceilings of open calls
    Column("repeats_left", Integer),  # in-doubt repeats that no host has taken
    Column("passed", Boolean, nullable=False, server_default=false()),  # the last pass was made
    Column("announced_at", Time),  # when one host told people that it ended
)

hosts = Table(
    "hosts",
    metadata,
    Column("owner", String(36), primary_key=True),
    Column("number", Integer, nullable=False),  # the process bits of its call numbers
    Column("run_id", Id, nullable=False),
    Column("name", Text, nullable=False),  # of its machine
    Column("pid", Integer, nullable=False),
    Column("program", Text, nullable=False),  # rowmill's version
    Column("state", String(7), nullable=False),  # live, leaving, left, lost
    Column("joined_at", Time, nullable=False),
    Column("heard_at", Time, nullable=False),
    Column("heard_since", Time, nullable=False),  # without a gap
    Column("ended_at", Time),  # when it left or was found lost
    Column("in_flight", Integer, nullable=False, server_default=text("0")),
    Column("doubts_held", Integer, nullable=False, server_default=text("0")),
    Column("obeyed", Id),  # the newest order that it follows
    Column("told", Text, nullable=False, server_default=text("'{}'")),  # JSON, for status
    Column("exit_code", Integer),
    Index(None, "run_id"),
    Index(
        "uq_hosts_number",
        "number",
        unique=True,
        sqlite_where=column("state", String).in_(("live", "leaving")),
    ),
)

provider_batches = Table(
    "provider_batches",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("sheet_id", Id, nullable=False),
    Column("run_id", Id, nullable=False),  # that opened it
    Column("state", String(8), nullable=False),  # see provider_batches.batch
    Column("owner", String(36)),  # the host that has it in hand
    Column("epoch", Integer, nullable=False),
    Column("form", Text, nullable=False),  # how its provider words batches
    Column("base_url", Text, nullable=False),
    Column("url", Text, nullable=False),  # the address in each of its lines
    Column("account", Text, nullable=False),  # a label, never the key
    Column("endpoint", String(40), nullable=False),
    Column("model", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),  # of the packed lines
    Column("rows", Big, nullable=False),
    Column("size", Big, nullable=False),  # of the packed lines, in bytes
    Column("tokens", Big),  # of the prompts, as far as they can be guessed
    Column("input_file", Text),  # as its provider names it
    Column("remote_id", Text),
    Column("files", Text, nullable=False, server_default=text("'[]'")),  # JSON: of results
    Column("places", Text, nullable=False, server_default=text("'{}'")),  # JSON: read so far
    Column("told", Text, nullable=False, server_default=text("'{}'")),  # JSON: by its provider
    Column("problem", Text),  # why it bought nothing, or is held
    Column("opened_at", Time, nullable=False),
    Column("creating_at", Time),  # a create call may be under way since then
    Column("created_at", Time),
    Column("due_at", Time),
    Column("asked_at", Time),
    Column("ask_at", Time),  # when to ask again
    Column("ended_at", Time),
    Column("taken_in_at", Time),
    Column("cancel_at", Time),  # when a person wanted it cancelled
    Column("removed_at", Time),  # when nothing of it was left at its provider
    Index(None, "sheet_id", "state"),
)
"""Jobs of a provider that answer many rows at once; each of their rows has a call of its own."""

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("run_id", Id, nullable=False),
    Column("at", Time, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON object
    Index(None, "run_id", "at"),
)

edits = Table(
    "edits",
    metadata,
    Column("batch_id", Id, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),  # of the row
    Column("header", Text, primary_key=True),
    Column("before", Text, nullable=False),  # JSON: the sheet's cell that it stands in for
    Column("after", Text, nullable=False),  # JSON
    sqlite_with_rowid=False,
)

exported = Table(
    "exported",
    metadata,
    Column("row_id", Id, primary_key=True, autoincrement=False),
    Column("settled_at", Time),  # of the result that was exported last
    Column("taken_at", Time),  # of the result that an export is about to write
    Column("taken_by", Id),  # that export
    sqlite_with_rowid=False,
)

picks = Table(
    "picks",
    metadata,
    Column("job_id", Id, primary_key=True, autoincrement=False),
    Column("call_id", Id, nullable=False),  # whose answer was marked
    Column("number", Integer),  # of the one file that is meant; NULL: all of the answer's
    Column("stars", SmallInteger),  # 1 to 5
    Column("rejected", Boolean, nullable=False, server_default=false()),
    Column("marked_at", Time, nullable=False),
    sqlite_with_rowid=False,
)
"""What a person thinks of results. All empty: a mark that was taken back."""
