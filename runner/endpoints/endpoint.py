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
class Together(Generic[I]):
    """How many rows share one call: those whose fields differ in nothing but `own`.

    `most` rows at a time, as far as their `weigh`ts stay within `heaviest`. `read` gives a reading
    for each row, in their order.
    """

    own: str
    most: Callable[[Mapping[str, JSON]], int]
    weigh: Callable[[Mapping[str, JSON]], int]
    heaviest: int
    build: Callable[[Sequence[I]], Call]
    read: Callable[[Sequence[I], Reply], Sequence[Reading]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[I]):
    """A kind of request.

    `build` makes the call from checked inputs; `read` is only given 2xx replies that are no error
    object (the classifier sees those first). `pictures` says that the row asks for files;
    `picture_limit` is the most bytes that one picture going in may have: larger ones are shrunk.
    `together` says how rows can share a call. `rules` check the fields of a row where a column is
    given that has one, while the sheet is read and before anything is sent.
    """

    name: str
    summary: str
    inputs: type[I]
    build: Callable[[I], Call]
    read: Callable[[I, Reply], Reading]
    pictures: bool = False
    hold_in_doubt: bool = False
    picture_limit: int | None = None
    together: Together[I] | None = None
    rules: Mapping[str, Callable[[Mapping[str, JSON]], None]] = field(default_factory=dict)
    ask: Callable[[str], Call] | None = None
    read_poll: Callable[[Reply], Reading] | None = None
    example: Mapping[str, JSON] = field(default_factory=dict)

    def check(self, fields: Mapping[str, JSON]) -> None:
        """Raises InputError where a row breaks a rule of a column that is given."""
        for name, rule in self.rules.items():
            if name in fields:
                rule(fields)


AnyEndpoint: TypeAlias = Endpoint[Any]
