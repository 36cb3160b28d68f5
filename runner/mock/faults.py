"""A repeatable plan of which calls, files and connections fail, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias, TypeVar

from runner.mock.chance import chance

PlanName: TypeAlias = Literal["none", "some", "storm"]
_F = TypeVar("_F")


class Fault(StrEnum):
    """Faults of a call. The words appear in scripts and on the bill."""

    OK = "ok"
    SLOW = "slow"
    # free: refused before any work
    KEY = "401"
    CREDIT = "403_credit"
    LIMIT = "429"  # with Retry-After
    LIMIT_BARE = "429_bare"  # without Retry-After
    LIMIT_EMPTY = "429_empty"  # without Retry-After and body
    NO_CHANNEL = "503_channel"  # unknown model
    UNAVAILABLE = "503"
    SERVER = "500"
    # in doubt: the work was done and its answer is lost
    SERVER_LOST = "500_lost"  # New API's do_request_failed
    BAD_GATEWAY = "502"
    GATEWAY_TIMEOUT = "504"
    CLOUDFLARE_TIMEOUT = "524"
    RESET_AFTER = "reset_after"
    CUT = "cut"  # cut inside the declared length, or inside a chunked stream
    STREAM_UNFINISHED = "stream_unfinished"  # a stream that ends cleanly without finish_reason
    STREAM_FALSE_DONE = "stream_false_done"  # the same with [DONE]
    # unusable: a complete, billed answer without a result
    HTML = "html"
    EMPTY_OBJECT = "empty_object"
    ERROR_200 = "error_200"
    EMPTY_CHOICES = "empty_choices"
    REFUSAL = "refusal"
    MODERATION = "moderation"
    # for connections only: reset before the request was read
    RESET_BEFORE = "reset_before"


class FileFault(StrEnum):
    """Faults of a picture's download."""

    OK = "ok"
    MISSING = "404"
    CUT = "cut"  # half of the bytes, with a matching length
    RESET = "reset"  # half of the declared length, then a reset
    HTML = "html"
    EXPIRED = "expired"  # from then on, permanently
    WRONG = "wrong"  # always: the bytes have another format than the ending


class TaskFault(StrEnum):
    """Faults of a task that was accepted and billed."""

    OK = "ok"
    UNKNOWN = "unknown"  # unknown on the first poll
    BAD_GATEWAY = "502"  # the first poll is answered with a page
    NO_ADDRESS = "no_address"  # done, but the picture is named one poll later
    FAILURE = "failure"  # progress 100%, refunded
    BANNED = "banned"  # FAILURE because of its prompt
    CANCEL = "cancel"
    HANG = "hang"  # in progress permanently
    MODAL = "modal"  # waits permanently for a modal dialog
    LOST = "lost"  # unknown permanently
    LATE = "late"  # of films: it failed, and is done much later all the same


PASSING_TASK = (TaskFault.UNKNOWN, TaskFault.BAD_GATEWAY, TaskFault.NO_ADDRESS)
"""Faults that a task recovers from by itself."""

FREE_FAULTS = frozenset(
    {
        Fault.KEY,
        Fault.CREDIT,
        Fault.LIMIT,
        Fault.LIMIT_BARE,
        Fault.LIMIT_EMPTY,
        Fault.NO_CHANNEL,
        Fault.UNAVAILABLE,
        Fault.SERVER,
        Fault.RESET_BEFORE,
    }
)
"""Faults that no provider bills."""

_PASSING_FREE = (Fault.LIMIT, Fault.LIMIT_BARE, Fault.LIMIT_EMPTY, Fault.UNAVAILABLE, Fault.SERVER)
_IN_DOUBT = (
    Fault.SERVER_LOST,
    Fault.BAD_GATEWAY,
    Fault.GATEWAY_TIMEOUT,
    Fault.CLOUDFLARE_TIMEOUT,
    Fault.RESET_AFTER,
    Fault.CUT,
)
_STREAM_IN_DOUBT = (*_IN_DOUBT, Fault.STREAM_UNFINISHED, Fault.STREAM_FALSE_DONE)
_UNUSABLE = (Fault.HTML, Fault.EMPTY_OBJECT, Fault.ERROR_200, Fault.EMPTY_CHOICES)
_PASSING_FILE = (
    (FileFault.MISSING,),
    (FileFault.MISSING, FileFault.MISSING),
    (FileFault.CUT,),
    (FileFault.RESET,),
    (FileFault.HTML,),
    (FileFault.WRONG,),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRequest:
    """One request for one prompt; `number` counts earlier requests for it."""

    prompt: str = field(repr=False)
    sha: str
    number: int
    pictures: bool
    stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Fault rates (0 to 1), or a script with one fault per request.

    Temporary faults never hit a prompt more than three times in a row; of these at most one leaves
    a call in doubt and at most one is unusable, so every row ends within five attempts.
    """

    share: float = 0.0  # of requests: temporary faults
    refused: float = 0.0  # of picture prompts: always refused
    files: float = 0.0  # of picture prompts: temporary download faults
    expired: float = 0.0  # of picture prompts: files gone permanently
    connections: float = 0.0  # of connections: reset before the request is read
    script: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)
    file_script: Mapping[str, tuple[FileFault, ...]] = field(default_factory=dict)
    task_script: Mapping[str, tuple[TaskFault, ...]] = field(default_factory=dict)
    connection_script: tuple[Fault, ...] = ()

    @classmethod
    def named(cls, name: PlanName) -> "FaultPlan":
        """The plans of `--faults`."""
        match name:
            case "none":
                return cls()
            case "some":
                return cls(share=0.08, refused=0.01, files=0.08, expired=0.005, connections=0.01)
            case "storm":
                return cls(share=0.4, refused=0.03, files=0.4, expired=0.02, connections=0.05)

    @classmethod
    def scripted(
        cls, prompts: Mapping[str, Sequence[str]], connections: Sequence[str] = ()
    ) -> "FaultPlan":
        """The n-th request for a prompt with a key in it gets the n-th fault; later ones succeed.

        Entries "file:…" apply to the downloads of that prompt's files in the same way, "task:…" to
        its tasks. `connections` lists the fate of the first connections: "reset_before" or "ok".
        Raises ValueError for an unknown fault.
        """
        return cls(
            script={
                part: tuple(Fault(word) for word in words if ":" not in word)
                for part, words in prompts.items()
            },
            file_script={
                part: tuple(FileFault(word[5:]) for word in words if word.startswith("file:"))
                for part, words in prompts.items()
            },
            task_script={
                part: tuple(TaskFault(word[5:]) for word in words if word.startswith("task:"))
                for part, words in prompts.items()
            },
            connection_script=tuple(map(Fault, connections)),
        )

    def of_call(self, seed: int, ask: PromptRequest) -> Fault:
        """The fault of this request."""
        scripted = _scripted(self.script, ask.prompt)
        if ask.number < len(scripted):
            return scripted[ask.number]
        if ask.pictures and self.refused and chance(seed, ask.sha, "refused") < self.refused:
            return _pick((Fault.REFUSAL, Fault.MODERATION), chance(seed, ask.sha, "refusal"))
        if (
            not self.share or ask.number % 4 == 3
        ):  # after three faults in a row one request succeeds
            return Fault.OK
        if chance(seed, ask.sha, ask.number, "fault") >= self.share:
            return Fault.OK
        return _pick(_kinds(seed, ask), chance(seed, ask.sha, ask.number, "kind"))

    def of_files(self, seed: int, prompt: str, sha: str) -> tuple[FileFault, ...]:
        """The faults of this prompt's downloads, in order."""
        scripted = _scripted(self.file_script, prompt)
        if scripted:
            return scripted
        luck = chance(seed, sha, "files") if self.files or self.expired else 1.0
        if luck < self.expired:
            return (FileFault.EXPIRED,)
        if luck < self.expired + self.files:
            return _pick(_PASSING_FILE, chance(seed, sha, "file kind"))
        return ()

    def of_task(self, seed: int, ask: PromptRequest) -> TaskFault:
        """The fault of the task that this request started."""
        scripted = _scripted(self.task_script, ask.prompt)
        if ask.number < len(scripted):
            return scripted[ask.number]
        if self.refused and chance(seed, ask.sha, "banned") < self.refused:
            return TaskFault.BANNED
        if chance(seed, ask.sha, ask.number, "task") >= self.share:
            return TaskFault.OK
        kinds = (*PASSING_TASK, TaskFault.FAILURE)
        return _pick(kinds, chance(seed, ask.sha, ask.number, "task kind"))

    def of_connection(self, seed: int, number: int) -> Fault:
        """The fault of the n-th connection, counted from 0; never two in a row."""
        if number < len(self.connection_script):
            return self.connection_script[number]
        hit = number % 2 == 1 and chance(seed, number, "connection") < self.connections * 2
        return Fault.RESET_BEFORE if hit else Fault.OK


def _scripted(script: Mapping[str, tuple[_F, ...]], prompt: str) -> tuple[_F, ...]:
    return next((entries for part, entries in script.items() if part in prompt), ())


def _kinds(seed: int, ask: PromptRequest) -> tuple[Fault, ...]:
    """Of four requests one may be in doubt and one unusable; the prompt decides which."""
    turn = (ask.number % 4 + int(chance(seed, ask.sha, "turn") * 3)) % 3
    match turn:
        case 0:
            return _STREAM_IN_DOUBT if ask.stream else _IN_DOUBT
        case 1:
            return _UNUSABLE
        case _:
            return (*_PASSING_FREE, Fault.SLOW)


def _pick(kinds: Sequence[_F], luck: float) -> _F:
    return kinds[int(luck * len(kinds))]
