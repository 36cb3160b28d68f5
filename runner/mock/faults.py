"""Which call, file or connection goes wrong, and how: a plan that can be repeated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias, TypeVar

from runner.mock.chance import chance

PlanName: TypeAlias = Literal["none", "some", "storm"]
_F = TypeVar("_F")


class Fault(StrEnum):
    """What can happen to a call. The words stand in scripts and in the bill."""

    OK = "ok"
    SLOW = "slow"
    # refused before any work: free
    KEY = "401"
    CREDIT = "403_credit"
    LIMIT = "429"  # with Retry-After
    LIMIT_BARE = "429_bare"  # without it
    LIMIT_EMPTY = "429_empty"  # nor a body
    NO_CHANNEL = "503_channel"  # the model is not served
    UNAVAILABLE = "503"
    SERVER = "500"
    # the work was done, and its answer is lost
    SERVER_LOST = "500_lost"  # New API's do_request_failed
    BAD_GATEWAY = "502"
    GATEWAY_TIMEOUT = "504"
    CLOUDFLARE_TIMEOUT = "524"
    RESET_AFTER = "reset_after"
    CUT = "cut"  # in the middle of the declared length, or of a chunked stream
    STREAM_UNFINISHED = "stream_unfinished"  # a stream that ends in order, without finish_reason
    STREAM_FALSE_DONE = "stream_false_done"  # the same with [DONE]
    # a complete answer, paid for, that nobody can use
    HTML = "html"
    EMPTY_OBJECT = "empty_object"
    ERROR_200 = "error_200"
    EMPTY_CHOICES = "empty_choices"
    REFUSAL = "refusal"
    MODERATION = "moderation"
    # before the request was read; of connections only
    RESET_BEFORE = "reset_before"


class FileFault(StrEnum):
    """What can happen to the download of a picture."""

    OK = "ok"
    MISSING = "404"
    CUT = "cut"  # half of the bytes under a length that fits them
    RESET = "reset"  # half of the declared length, then the connection breaks
    HTML = "html"
    EXPIRED = "expired"  # from then on, for ever
    WRONG = "wrong"  # the bytes are of another format than the ending says, always


class TaskFault(StrEnum):
    """What can become of a task that was accepted and billed."""

    OK = "ok"
    UNKNOWN = "unknown"  # nobody knows it when it is first asked after
    BAD_GATEWAY = "502"  # the first question comes back as a page
    NO_ADDRESS = "no_address"  # done, and its record names the picture a question later
    FAILURE = "failure"  # with progress 100%, refunded
    BANNED = "banned"  # FAILURE too: for its prompt
    CANCEL = "cancel"
    HANG = "hang"  # in progress for ever
    MODAL = "modal"  # waits for ever for a window that nobody opens
    LOST = "lost"  # nobody ever knows it


PASSING_TASK = (TaskFault.UNKNOWN, TaskFault.BAD_GATEWAY, TaskFault.NO_ADDRESS)
"""Of these a task recovers by itself."""

FREE = frozenset(
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
"""Faults for which no provider takes money."""

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
    """One request for one prompt: `number` says how many times it was asked before."""

    prompt: str = field(repr=False)
    sha: str
    number: int
    pictures: bool
    stream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """Shares (0 to 1) by which things go wrong, or a script that says it ask by ask.

    Passing faults never hit a prompt more than three times in a row, and of these at most one
    leaves a call in doubt and at most one is unusable; so every row ends within five attempts.
    """

    share: float = 0.0  # of asks: passing faults
    refused: float = 0.0  # of picture prompts: never drawn
    files: float = 0.0  # of picture prompts: passing faults of the download
    expired: float = 0.0  # of picture prompts: files gone for ever
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
        """The n-th ask of a prompt that contains a key gets the n-th fault, then all is well.

        Entries "file:…" go to the downloads of that prompt's files in the same way, "task:…" to its
        tasks. `connections` lists what the first connections meet: "reset_before" or "ok".
        ValueError: no such fault.
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
        """What happens to this ask."""
        scripted = _scripted(self.script, ask.prompt)
        if ask.number < len(scripted):
            return scripted[ask.number]
        if ask.pictures and self.refused and chance(seed, ask.sha, "refused") < self.refused:
            return _pick((Fault.REFUSAL, Fault.MODERATION), chance(seed, ask.sha, "refusal"))
        if not self.share or ask.number % 4 == 3:  # after three faults in a row one ask is well
            return Fault.OK
        if chance(seed, ask.sha, ask.number, "fault") >= self.share:
            return Fault.OK
        return _pick(_kinds(seed, ask), chance(seed, ask.sha, ask.number, "kind"))

    def of_files(self, seed: int, prompt: str, sha: str) -> tuple[FileFault, ...]:
        """What happens to the downloads of this prompt's files, one after the other."""
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
        """What becomes of the task that this ask of a prompt was given."""
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
        """What happens to the n-th connection, counted from 0; never to two in a row."""
        if number < len(self.connection_script):
            return self.connection_script[number]
        hit = number % 2 == 1 and chance(seed, number, "connection") < self.connections * 2
        return Fault.RESET_BEFORE if hit else Fault.OK


def _scripted(script: Mapping[str, tuple[_F, ...]], prompt: str) -> tuple[_F, ...]:
    return next((entries for part, entries in script.items() if part in prompt), ())


def _kinds(seed: int, ask: PromptRequest) -> tuple[Fault, ...]:
    """Of four asks one may end in doubt and one unusable; the prompt decides which."""
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
