"""What a provider batch is on the wire: the values that pass, and what every form can do.

A form is the way in which one provider words its batches. It is made of pure functions: calls out,
readings in. Bytes are moved by `batch_transfer`, and everything is written down by the store.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias

from jobs.job import JSON, Failure
from runner.protocol.call import Call, Reply

ROW_ID = re.compile(r"r-(\d{8,20})")
MAX_RESULT_BYTES = 300_000_000
"""What one batch may answer with: bigger result files could not be fetched from a provider."""


class RemoteState(StrEnum):
    """Where a batch stands at its provider; in every state but WORKING its files are final."""

    WORKING = "working"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"  # refused as a whole, mostly when it was validated

    @property
    def is_final(self) -> bool:
        """True if the provider does nothing more with it."""
        return self is not RemoteState.WORKING


class Unpackable(StrEnum):
    """Why a request cannot travel in a provider batch; its row stays pending."""

    ENDPOINT = "endpoint"  # the provider sells no batches of these requests
    FORM = "form"  # a request that only exists as a form with files
    LONG = "long"  # one line is longer than the provider takes


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOffer:
    """What a provider sells in batches, and within which limits; 0 means no limit is known.

    `urls` has the address in a line by path of the call; an endpoint that is missing there is not
    sold. `models` is a regular expression for the whole name, None for all. `window` and `kept` are
    seconds from the creation: by when the work is due, until when results can be fetched.
    `same_body` names members of the body that must be equal in all lines of one batch.
    """

    form: str
    site: str = ""
    base_url: str | None = None  # another address of the same provider for batches
    factor: float = 0.5
    urls: Mapping[str, str] = field(default_factory=dict)
    models: str | None = None
    one_model: bool = True
    same_body: tuple[str, ...] = ()
    max_rows: int = 0
    max_bytes: int = 0
    max_line_bytes: int = 0
    max_tokens: int = 0  # of prompts that wait in all batches of one model
    window: float = 86_400.0
    kept: float = 0.0
    keeps_partial: bool = True  # an expired or cancelled batch gives out what was finished
    create: Mapping[str, JSON] = field(default_factory=dict)  # further members of the creation
    digest_key: str = "rowmill_digest"  # the member of the metadata that holds our digest


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedLines:
    """The file with the lines of one batch, joined by the form's `separator`, without a last one.

    `digest` is the SHA-256 of its bytes in hexadecimal digits.
    """

    path: Path
    size: int
    rows: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """One batch that is to be created: its lines, of one model and one line address.

    `input_file` is the provider's name of the uploaded lines; empty where the form uploads nothing.
    """

    lines: PackedLines
    model: str
    url: str
    input_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProblem:
    """Why a provider refused a whole batch; `line` counts from 1 where the provider names one."""

    code: str
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteBatch:
    """One batch as its provider describes it; `word` is the provider's own word for the state.

    Counts are None where nothing is said; providers let them lag behind the files. `result_files`
    are all files with lines, of answers and of errors, and are complete in a final state. Times are
    seconds since 1970. `queue_full`: it was refused only because too many tokens wait already, and
    may be created again later.
    """

    id: str
    state: RemoteState
    word: str
    total: int | None = None
    completed: int | None = None
    failed: int | None = None
    created: float | None = None
    due: float | None = None
    input_file: str = ""
    result_files: tuple[str, ...] = ()
    digest: str = ""
    problems: tuple[BatchProblem, ...] = ()
    is_cancelling: bool = False
    queue_full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredRow:
    """One line with an answer, as if it had come online: `resolve` reads the reply."""

    row: str
    reply: Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class UnboughtRow:
    """One line that says the row was never worked on, and was not billed."""

    row: str
    word: str  # expired, canceled, …


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRow:
    """One line that cannot be read; `row` is empty where even that was lost.

    A "foreign" line is whole, and its row is none of ours for certain.
    """

    row: str
    cause: str  # cut, no_row, no_answer, foreign


BatchLine: TypeAlias = AnsweredRow | UnboughtRow | BrokenRow


class BatchForm(Protocol):
    """How one provider words batches. Calls carry no host and no key, as those of endpoints.

    `finds_by_digest`: a listing shows the digest or the input file, so that a batch whose creation
    got no answer is found again. Without it, `matches` goes by time and number of rows only.
    """

    offer: BatchOffer
    separator: bytes
    finds_by_digest: bool
    can_cancel: bool
    has_pages: bool  # a result file comes in pages, which `read_page` takes apart

    def line(self, row: str, call: Call, model: str) -> bytes | Unpackable:
        """The call as one line without a line end. `row` is from `row_id`."""

    def upload(self, lines: PackedLines) -> Call | None:
        """The call that uploads the lines; None if they travel in the creation."""

    def read_upload(self, reply: Reply) -> str | Failure:
        """The provider's name of the uploaded file."""

    def create(self, order: BatchOrder) -> Call:
        """The call that creates the batch: the one call that must not be repeated blindly."""

    def ask(self, batch: str) -> Call:
        """The question how a batch is doing."""

    def cancel(self, batch: str) -> Call:
        """The call that ends a batch early; what is finished by then is billed and given out."""

    def read_batch(self, reply: Reply) -> RemoteBatch | Failure:
        """A batch, in the answer to its creation, to `ask` or to `cancel`."""

    def listing(self, cursor: str = "") -> Call:
        """The question for the account's batches, newest first; `cursor` continues a listing."""

    def read_listing(self, reply: Reply) -> "Listing | Failure":
        """One page of the account's batches."""

    def content(self, file: str) -> Call:
        """The call that fetches a result file, or one page of it."""

    def read_page(self, reply: Reply) -> "ResultPage | Failure":
        """The lines in one page of a result file, where it comes in pages."""

    def read_line(self, line: bytes) -> BatchLine:
        """One line of a result file. Never raises."""

    def remove(self, file: str) -> Call | None:
        """The call that deletes a file at the provider; None if it keeps none that can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page of an account's batches; `cursor` is empty on the last page."""

    batches: Sequence[RemoteBatch]
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage:
    """One page of a result file.

    The next is the content of the file's name, "?" and `cursor`; it is empty on the last page.
    """

    lines: Sequence[bytes]
    cursor: str = ""


def row_id(number: int) -> str:
    """Our own id of a row in a batch: a number of the table, never text of a cell."""
    return f"r-{number:08d}"


def number_in(row: str) -> int | None:
    """The number in an id of `row_id`; None for an id that is not ours."""
    found = ROW_ID.fullmatch(row)
    return int(found[1]) if found else None


def is_same(remote: RemoteBatch, order: BatchOrder, *, not_before: float) -> bool:
    """True if a listed batch is the one that this order created.

    The digest decides, or the input file, which no other order names. Where a provider shows
    neither, the number of rows and the time of its creation must fit, by clocks that may differ.
    """
    if remote.digest:
        return remote.digest == order.lines.digest
    if order.input_file and remote.input_file:
        return remote.input_file == order.input_file
    counted = remote.total == order.lines.rows
    return counted and remote.created is not None and remote.created >= not_before
