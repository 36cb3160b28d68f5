"""The type of an endpoint: pure functions without access to socket, clock, key or database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from jobs.job import JSON, Failure
from jobs.result import Result
from runner.protocol.call import Call, Reply
from runner.protocol.task_life import TaskLife


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The id of a remote task that was accepted. After a poll: the id to ask after from now on."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The remote task is not finished yet."""

    progress: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The answer is complete but not what was requested; `result` keeps the usable part.

    `refunded`: the task failed, and the charge for its submit was returned.
    """

    failure: Failure
    result: Result | None = None
    refunded: bool = False


Reading: TypeAlias = Result | Ticket | Pending | Rejected

I = TypeVar("I")  # noqa: E741 - the inputs of one endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRequest(Generic[I]):
    """How rows share one call: those whose fields differ only in `own_field`.

    At most `max_rows` rows, as long as the sum of their `weigh` stays within `max_weight`. `read`
    returns one reading per row, in their order.
    """

    own_field: str
    max_rows: Callable[[Mapping[str, JSON]], int]
    weigh: Callable[[Mapping[str, JSON]], int]
    max_weight: int
    build: Callable[[Sequence[I]], Call]
    read: Callable[[Sequence[I], Reply], Sequence[Reading]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a price by unit counts at an endpoint: seconds, characters, songs or searches.

    `likely` is the range before a row is sent, `bound` the most, or None if there is no telling;
    `taken` is what an answer holds, or None if unknown.
    """

    name: str
    likely: Callable[[Mapping[str, JSON]], tuple[float, float]]
    bound: Callable[[Mapping[str, JSON]], float | None]
    taken: Callable[[Mapping[str, JSON], Result], float | None]


def _unlimited(_: Mapping[str, JSON]) -> int | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[I]):
    """A kind of request.

    `build` makes the call from checked inputs; `read` only gets 2xx replies that are not error
    objects (the classifier filters those out). `rules` check a row's fields by column while the
    sheet is loaded, before anything is sent. The other fields are facts of the endpoint:

    * `pictures`: the answer contains files; `draws`: it contains only those, `n` of them, and a
      gateway's price per call applies to each picture.
    * `binary`: the answer is the file itself, so an empty one was lost on its way.
    * `answer_limit`: most tokens of the answer if no field of the row sets a limit; 0 if there are
      no output tokens, None if unlimited.
    * `usual_seconds`: how long a request usually takes (low, high), including its pictures.
    * `hold_in_doubt`: a lost answer is not retried, since the submit may have been billed.
    * `max_picture_bytes`: the largest input picture in bytes; larger ones are shrunk.
    * `sharing`: how rows share a call; None if each row has its own.
    * `measured`: what a price by unit goes by; None if there are no such prices.
    * `poll` and `read_poll`: the question after the task of a ticket, and what its answer means.
    * `life`: how often the task of a ticket is asked after, and how long; None: as usual.
    * `press`: the fields of a row that goes on from an earlier task, by its id and its buttons.
    * `same_key`: True if a lost submit may be repeated with its key, which finds the first again.
    * `refusal`: why a vendor refused a submit, if its own code says that nothing was begun.
    """

    name: str
    summary: str
    inputs: type[I]
    build: Callable[[I], Call]
    read: Callable[[I, Reply], Reading]
    pictures: bool = False
    draws: bool = False
    binary: bool = False
    answer_limit: Callable[[Mapping[str, JSON]], int | None] = _unlimited
    usual_seconds: tuple[float, float] = (2.0, 60.0)
    hold_in_doubt: bool = False
    max_picture_bytes: int | None = None
    sharing: SharedRequest[I] | None = None
    measured: Measure | None = None
    rules: Mapping[str, Callable[[Mapping[str, JSON]], None]] = field(default_factory=dict)
    poll: Callable[[I, str], Call] | None = None
    read_poll: Callable[[I, str, Reply], Reading] | None = None
    refusal: Callable[[I, Reply], Failure | None] | None = None
    life: Callable[[I, str], TaskLife] | None = None
    same_key: Callable[[I], bool] | None = None
    press: Callable[[Mapping[str, JSON], str | None, JSON], dict[str, JSON]] | None = None
    example: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def is_task(self) -> bool:
        """True if every submit returns only a ticket, and the task is then polled.

        An endpoint whose rows may choose that is none: a lost answer of the others may be retried.
        """
        return self.poll is not None and self.hold_in_doubt

    def check(self, fields: Mapping[str, JSON]) -> None:
        """Raises InputError if a row breaks the rule of one of its columns."""
        for name, rule in self.rules.items():
            if name in fields:
                rule(fields)


AnyEndpoint: TypeAlias = Endpoint[Any]
