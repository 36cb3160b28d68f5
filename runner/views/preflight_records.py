"""What the commands print as JSON that look before a run: `check`, `endpoints`, `doctor`."""

from typing import Literal, NotRequired, TypeAlias, TypedDict

AnyJson: TypeAlias = object
"""A value whose shape is the provider's, the sheet's or the endpoint's."""


class RequestRecord(TypedDict):
    """One request as it is sent, keys masked: `body`, or the parts of a `form`."""

    method: str
    url: str
    headers: NotRequired[dict[str, str]]
    form: NotRequired[list[list[str]]]
    body: NotRequired[AnyJson]


# --- check ----------------------------------------------------------------------------------------


class PlanRecord(TypedDict):
    """What loading the sheet would do, in rows."""

    unchanged: int
    refreshed: int
    changed: int
    new: int
    returned: int
    removed: int
    answered_already: int
    bought_again: int


class FindingRecord(TypedDict):
    """One thing about the sheet that its owner should know; an error stops a run."""

    kind: str
    severity: str
    row: int | None
    column: str | None
    found: str
    expected: str
    message: str


class PreviewRecord(RequestRecord):
    """One of the first requests."""

    row: int


class NoPreviewRecord(TypedDict):
    """A row for which there is no request, and why."""

    row: int
    problem: str


class PriceRecord(TypedDict):
    """The price as a range by currency, and the models whose price is unknown.

    `lanes` has the ranges of each lane that is sold for all rows, if there is one but online.
    """

    ranges: dict[str, list[float]]
    unknown: list[str]
    estimate: bool
    sources: list[str]
    lanes: dict[str, dict[str, list[float]]]


class ForecastRecord(TypedDict):
    """What a run would cost, in calls, money, seconds and bytes; ranges are [low, high]."""

    calls: int | None
    price: PriceRecord | None
    seconds: NotRequired[list[float] | None]
    seconds_measured: NotRequired[bool]
    disk_needed: NotRequired[list[int]]


class CheckRecord(ForecastRecord):
    """`check --json`: what was understood of a sheet, and what a run would do and cost."""

    schema: Literal[1]
    sheet: str
    workspace: str
    base_url: str
    layout: dict[str, AnyJson]
    columns: list[list[str | None]]
    id_column: str | None
    endpoint: str | None
    models: dict[str, int]
    rows: int | None
    bad_rows: int | None
    plan: PlanRecord | None
    findings: list[FindingRecord]
    problems: list[FindingRecord]
    requests: list[PreviewRecord | NoPreviewRecord]
    prices_from: float | None
    disk_free: int | None
    stops: list[str]
    exit_code: int


# --- endpoints ------------------------------------------------------------------------------------


class ColumnRecord(TypedDict):
    """A column that an endpoint takes."""

    name: str
    kind: str
    required: bool
    default: str | int | float | bool | None
    choices: list[str]
    help: str
    example: AnyJson


class EndpointRecord(TypedDict):
    """One kind of request."""

    name: str
    summary: str
    columns: list[ColumnRecord]
    example: dict[str, AnyJson]


class EndpointsRecord(TypedDict):
    """`endpoints --json`: every endpoint, or with NAME one."""

    schema: Literal[1]
    endpoints: NotRequired[list[EndpointRecord]]
    endpoint: NotRequired[EndpointRecord]


# --- doctor ---------------------------------------------------------------------------------------


class SettingRecord(TypedDict):
    """The value of a setting and where it came from."""

    name: str
    value: str
    source: str


class CheckedRecord(TypedDict):
    """One check and what it found."""

    name: str
    found: str
    health: str
    text: str


class DoctorRecord(TypedDict):
    """`doctor --json`: settings with their sources, and what was checked."""

    schema: Literal[1]
    settings_files: list[str]
    settings: list[SettingRecord]
    checks: list[CheckedRecord]
    exit_code: int
    models: NotRequired[list[str] | None]
