"""How one vendor words tasks: requests that are submitted, and asked after until they end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from jobs.job import JSON
from runner.protocol.task_life import TaskLife

Paths: TypeAlias = tuple[str, ...]
"""Places in an answer, the first that holds something counts: `data.videos[].url`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitWords:
    """How a task is submitted, and where its id is.

    "{model}" in a path is the model's name, "{model:path}" keeps the slashes of owner/name.
    `paths` overrides `path` by what the row has: `image` (one picture), `first_last`, `several`.
    `body` is the request, in which "$NAME" stands for a field of the row. `extra` is laid over it
    for models whose name contains the key. `refused` says what a code of the answer means.
    """

    path: str
    paths: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    multipart: bool = False
    body: Mapping[str, JSON] = field(default_factory=dict)
    extra: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    id: Paths = ("task_id", "id", "data.task_id", "data.id")
    code: Paths = ()
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskWords:
    """How a task is asked after. "{id}" in the path and "$id" in the body stand for its id.

    "{id:path}" keeps the slashes of an id that is a path itself. `paths` is as in `SubmitWords`.
    """

    path: str
    paths: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerWords:
    """Where the answer about a task keeps what, and what its words mean; words in lower case.

    A word in none of the sets means waiting, so that a new one never ends a task. `then` is the id
    of a file that a second question turns into a link. `content` is the path on the provider's own
    host that returns the file, for answers without a link. Anything at `spoilt` makes a done task
    without a file a failed one.
    """

    status: Paths = ("status",)
    done: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    cancelled: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    refunded: frozenset[str] = frozenset()  # failed, and the charge of the submit was returned
    progress: Paths = ("data.progress", "progress")
    links: Paths = ()
    covers: Paths = ()
    base64: Paths = ()
    content: str = ""
    then: Paths = ()
    spoilt: Paths = ()
    text: Paths = ()
    failure: Paths = ()
    code: Paths = ()
    codes: Mapping[str, str] = field(default_factory=dict)  # code of a failure: its class
    seconds: Paths = ()
    size: Paths = ()
    ratio: Paths = ()
    quota: Paths = ()  # the price in units of the gateway
    usage: Paths = ()  # token counts that the price goes by
    kept: Mapping[str, Paths] = field(default_factory=dict)  # further members that results keep


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentChange:
    """What a gateway makes of a column without saying so, for models with `model` in their name.

    `becomes` maps a value to what is really made; "*" stands for every other value, and an empty
    text says that it is ignored.
    """

    column: str
    model: str = ""
    becomes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDialect:
    """One vendor's way. `providers` are the presets whose way it is; `same_key` says that a lost
    submit may be repeated with the same Idempotency-Key, which finds the first one again.
    """

    name: str
    title: str
    endpoints: frozenset[str]
    submit: SubmitWords
    ask: AskWords
    answer: AnswerWords
    then: AskWords | None = None
    life: TaskLife = TaskLife()  # noqa: RUF009 - frozen
    providers: frozenset[str] = frozenset()
    same_key: bool = False
    changes: tuple[SilentChange, ...] = ()
    source: str = ""
