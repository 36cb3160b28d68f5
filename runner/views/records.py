"""What `--json` prints, as types, from which `describe schema` makes the JSON schemas."""

from collections.abc import Mapping
from typing import Literal, TypeAlias, TypedDict

from runner.views.preflight_records import (
    AnyJson,
    CheckRecord,
    DoctorRecord,
    EndpointsRecord,
    RequestRecord,
)

RowStatus: TypeAlias = Literal["done", "failed", "pending", "in_doubt", "skipped", "parked"]


class RowCounts(TypedDict):
    """Rows by how they stand."""

    total: int
    done: int
    failed: int
    in_doubt: int
    skipped: int
    pending: int


class AllRowCounts(RowCounts):
    """Rows by how they stand; pending ones also by what they wait for."""

    waiting: int
    sending: int
    polling: int
    fetching: int
    parked: int


class TokensRecord(TypedDict):
    """Tokens as the provider reported them; null if it did not."""

    prompt: int | None
    completion: int | None
    total: int | None


class SpentRecord(TypedDict):
    """What the workspace has spent. `cost` is null if no price is known, or several currencies."""

    calls: int
    calls_in_doubt: int
    calls_unpriced: int
    cost: float | None
    currency: str | None
    costs: dict[str, float]
    cost_is_complete: bool
    cost_is_estimate: bool
    in_doubt_up_to: dict[str, float]


# --- run, rehearse, retry -------------------------------------------------------------------------


class EstimateRecord(TypedDict):
    """The spending cap, and the gateway's balance before the run."""

    max_cost: float | None
    max_cost_currency: str | None
    till_before: float | None


class EndRecord(TypedDict):
    """How a command that ran rows ended. `stopped` says why, if it ended before all rows did."""

    schema: Literal[1]
    sheet: str
    workspace: str
    exit_code: int
    stopped: str | None
    stopped_detail: str | None
    models_stopped: dict[str, str]
    rows: RowCounts


class RunRecord(EndRecord, SpentRecord, EstimateRecord):
    """`run --json`, `rehearse --json`, `retry --json`: how it ended, and what it cost."""


class NewsRecord(EndRecord):
    """What a notification tells of the end of a run."""

    rehearsal: bool
    seconds: float
    cost: float | None
    currency: str | None
    top_failure: str | None
    next: str


class PostedNews(NewsRecord):
    """What `--notify` posts to an address that is no known service."""

    text: str


# --- status ---------------------------------------------------------------------------------------


class LastRunRecord(TypedDict):
    """The last run. `died`: it never recorded how it ended."""

    state: Literal["running", "ended", "died", "never"]
    pid: int | None
    host: str | None
    started_at: float | None
    ended_at: float | None
    exit_code: int | None


class PauseRecord(TypedDict):
    """Why a run in progress sends nothing now: person, outage or slow_down."""

    kind: str
    since: float
    cause: str
    until: float | None


class HostRecord(TypedDict):
    """One process at work on a shared table."""

    number: int
    name: str
    pid: int
    program: str
    state: str
    since: float
    heard_at: float
    silent_seconds: float
    in_flight: int
    rows_a_minute: float | None
    pause: str | None
    cause: str | None
    until: float | None
    exit_code: int | None


class UntilRecord(TypedDict):
    """Rows that will be finished `at` the time of --until: [low, high], right so often."""

    at: float
    finished: list[int]
    likelihood: float


class OldestCall(TypedDict):
    """The oldest call in flight."""

    row: int
    seconds: float


class BatchRows(TypedDict):
    """The rows of a provider batch: `open` ones have no outcome yet, others were not bought."""

    total: int
    open: int
    done: int
    failed: int
    in_doubt: int
    given_back: int


class BatchRecord(TypedDict):
    """A provider batch. Times are Unix seconds; `costs_up_to` is for rows open or in doubt."""

    number: int
    id: str | None
    state: str
    cancelling: bool
    provider_state: str | None
    provider_completed: int | None
    form: str
    base_url: str
    account: str
    endpoint: str
    model: str
    rows: BatchRows
    opened_at: float
    created_at: float | None
    due_at: float | None
    asked_at: float | None
    ended_at: float | None
    taken_in_at: float | None
    files_removed_at: float | None
    problem: str | None
    costs: dict[str, float]
    costs_up_to: dict[str, float]


class BatchesRecord(TypedDict):
    """`batches --json`: the provider batches of a sheet, oldest first."""

    schema: Literal[1]
    sheet: str
    workspace: str
    batches: list[BatchRecord]


class StatusRecord(SpentRecord):
    """`status --json`: how a sheet stands. Times are Unix seconds."""

    schema: Literal[1]
    sheet: str
    workspace: str
    run: LastRunRecord
    rows: AllRowCounts
    hosts: list[HostRecord]
    batches: list[BatchRecord]
    pauses: list[PauseRecord]
    rows_a_minute: float | None
    seconds_left: float | None
    until: UntilRecord | None
    tokens: TokensRecord
    oldest_call: OldestCall | None
    failures: dict[str, int]
    next: str | None


# --- errors ---------------------------------------------------------------------------------------


# `class` is a word of Python, so these two are written as calls.
FailureRecord = TypedDict(
    "FailureRecord",
    {
        "class": str,
        "cause": str | None,
        "rows": int,
        "first_rows": list[int],
        "meaning": str,
        "remedy": str,
        "command": str,
        "words": str | None,
    },
)

AttemptRecord = TypedDict(
    "AttemptRecord",
    {
        "version": int,
        "started_at": float,
        "seconds": float | None,
        "wire": str | None,
        "http_status": int | None,
        "outcome": str | None,
        "class": str | None,
        "cause": str | None,
        "detail": str | None,
        "cost": float | None,
        "currency": str | None,
        "cost_is_estimate": bool,
        "cost_at_most": float | None,
        "request_id": str | None,
    },
)


class ErrorsRecord(TypedDict):
    """`errors --json`: what failed, grouped by cause, the most frequent first."""

    schema: Literal[1]
    sheet: str
    workspace: str
    failures: list[FailureRecord]


# --- show -----------------------------------------------------------------------------------------


class FileRecord(TypedDict):
    """A picture or other file of a row."""

    number: int
    version: int
    state: str
    name: str | None
    size: int | None
    media_type: str | None
    width: int | None
    height: int | None
    sha256: str | None
    url: str | None
    expires_at: float | None
    saved_at: float | None
    cause: str | None


class AnswerRecord(TypedDict):
    """The newest answer of a row; long base64 in `body` is shortened."""

    http_status: int
    headers: dict[str, str]
    size: int
    complete: bool
    body: AnyJson


class RowRecord(TypedDict):
    """Everything the table says about one row."""

    schema: Literal[1]
    sheet: str
    row: int
    key: str
    status: RowStatus
    error_class: str | None
    error_cause: str | None
    error: str | None
    cells: list[list[AnyJson]]
    endpoint: str
    model: str
    fields: dict[str, AnyJson]
    step: str
    version: int
    ticket: str | None
    text: str | None
    finish: str | None
    data: dict[str, AnyJson]
    cost: float | None
    currency: str | None
    tokens: TokensRecord
    attempts: list[AttemptRecord]
    files: list[FileRecord]


class ShowRecord(RowRecord):
    """`show --json`: everything about one row."""

    request: RequestRecord | None
    answer: AnswerRecord | None


# --- fetch ----------------------------------------------------------------------------------------


class FilePlace(TypedDict):
    """A file of a row, by its name."""

    row: int
    file: str


class FetchRecord(TypedDict):
    """`fetch --json`: what was downloaded, and which files are missing or damaged."""

    schema: Literal[1]
    workspace: str
    exit_code: int
    files: int
    missing: list[FilePlace]
    damaged: list[FilePlace]
    rows_wanted: int
    rows_failed: int


# --- pick -----------------------------------------------------------------------------------------


class PickedRow(TypedDict):
    """A row that was marked; `pick` is as in `result_pick`, empty if its mark was removed."""

    row: int
    key: str
    pick: str


class PickRecord(TypedDict):
    """`pick --json`: the rows that were marked, and the rows that have no such result."""

    schema: Literal[1]
    marked: int
    rows: list[PickedRow]
    left_out: list[int]


OUTPUTS: Mapping[str, tuple[type, ...]] = {
    "run": (RunRecord,),
    "rehearse": (RunRecord,),
    "retry": (RunRecord,),
    "check": (CheckRecord,),
    "status": (StatusRecord,),
    "batches": (BatchesRecord,),
    "errors": (ErrorsRecord,),
    "show": (ShowRecord,),
    "fetch": (FetchRecord,),
    "pick": (PickRecord,),
    "endpoints": (EndpointsRecord,),
    "doctor": (DoctorRecord,),
    "notify": (PostedNews,),
}
"""The record of each command's `--json`, and that of a notification."""
