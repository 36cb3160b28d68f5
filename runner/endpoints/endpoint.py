"""What an endpoint is: a value of pure functions that see no socket, clock, key or database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from jobs.job import JSON, Failure
from jobs.result import Result
from runner.protocol.call import Call, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A remote task was accepted; its id as text."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The remote task is not finished yet."""

    progress: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The answer is complete and not what was asked for; what did come is kept in `result`.

    `refunded`: a task that came to nothing, whose submit is not charged after all.
    """

    failure: Failure
    result: Result | None = None
    refunded: bool = False


Reading: TypeAlias = Result | Ticket | Pending | Rejected

I = TypeVar("I")  # noqa: E741 - the inputs of one endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRequest(Generic[I]):
    """How many rows share one call: those whose fields differ in nothing but `own`.

    `most` rows at a time, as far as their `weigh`ts stay within `heaviest`. `read` gives a reading
    for each row, in their order.
    """

    own_field: str
    max_rows: Callable[[Mapping[str, JSON]], int]
    weigh: Callable[[Mapping[str, JSON]], int]
    max_weight: int
    build: Callable[[Sequence[I]], Call]
    read: Callable[[Sequence[I], Reply], Sequence[Reading]]


def _unlimited(_: Mapping[str, JSON]) -> int | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[I]):
    """A kind of request.

    `build` makes the call from checked inputs; `read` only gets 2xx replies that are no error
    object (the classifier sees those first). `rules` check a row's fields by column, while the
    sheet is read and before anything is sent. The fields in between are facts of the endpoint:

    * `pictures`: an answer holds files; `draws`: it holds nothing else, `n` of them, and a
      gateway's price per call is then per picture.
    * `answer_limit`: the longest answer in tokens where no field of the row names a limit; 0 where
      no token comes out, None where nothing limits it.
    * `usual_seconds`: how long one request usually takes, its pictures included.
    * `max_picture_bytes`: the most bytes of one picture that goes in; larger ones are shrunk.
    * `sharing`: how rows share a call; None where each has its own.
    """

    name: str
    summary: str
    inputs: type[I]
    build: Callable[[I], Call]
    read: Callable[[I, Reply], Reading]
    pictures: bool = False
    draws: bool = False
    answer_limit: Callable[[Mapping[str, JSON]], int | None] = _unlimited
    usual_seconds: tuple[float, float] = (2.0, 60.0)
    hold_in_doubt: bool = False
    max_picture_bytes: int | None = None
    sharing: SharedRequest[I] | None = None
    rules: Mapping[str, Callable[[Mapping[str, JSON]], None]] = field(default_factory=dict)
    poll: Callable[[str], Call] | None = None
    read_poll: Callable[[Reply], Reading] | None = None
    example: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def is_task(self) -> bool:
        """True if a submit only brings a ticket, after which the task is polled."""
        return self.poll is not None

    def check(self, fields: Mapping[str, JSON]) -> None:
        """Raises InputError where a row breaks a rule of a column that is given."""
        for name, rule in self.rules.items():
            if name in fields:
                rule(fields)


AnyEndpoint: TypeAlias = Endpoint[Any]
