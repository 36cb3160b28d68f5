"""The pilot: a few rows that run first, shown with their cost before the others are sent."""

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from jobs.store import Store
from jobs.store.queries.few_rows import FewRows, read_few_rows
from jobs.store.queue.choices import Candidate, candidates
from runner.catalogue import explain, say
from runner.catalogue.money import format_rounded
from runner.console.screen import folded_text, print_message
from runner.console.usage import ask_yes_no
from runner.engine.session import Ending
from runner.engine.stop import Stop, StopReason
from runner.launch.request import RunRequest
from runner.settings.settings import Settings
from runner.workspace.workspace import SHEET_ID, Workspace

MAX_FAILED_SHARE = 0.1  # of the pilot's rows may fail if it is to count as good
MAX_FILES_SHOWN = 5


class RunRows(Protocol):
    """Runs the rows of these settings, or only the named jobs."""

    def __call__(
        self, settings: Settings, jobs: tuple[int, ...] | None, /, *, is_pilot: bool = False
    ) -> Ending:
        """How the run of these rows ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotOutcome:
    """How the pilot's rows ended."""

    rows: int
    done: int
    failed: int  # or in doubt
    pending: int
    cost: float | None
    currency: str | None

    @property
    def went_well(self) -> bool:
        """True if all rows ended and at most a tenth of them failed."""
        return not self.pending and self.failed <= self.rows * MAX_FAILED_SHARE

    @property
    def cost_a_row(self) -> float | None:
        """The mean cost of a row, or None if unknown."""
        return self.cost / self.rows if self.cost is not None and self.rows else None


def run_with_pilot(
    store: Store, request: RunRequest, run: RunRows, *, jobs: tuple[int, ...] | None = None
) -> Ending:
    """Run the pilot, then the others if it went well; on a terminal only after a yes.

    `jobs`: run these and no others.
    """
    settings = request.settings
    if settings.pilot is None:
        return run(settings, jobs)
    chosen = choose(_candidates(store, settings, jobs), settings.pilot)
    if not chosen:
        return run(settings, jobs)
    ending = run(settings, chosen, is_pilot=True)
    if ending.stop is not None:
        return ending
    rest = None if jobs is None else tuple(one for one in jobs if one not in set(chosen))
    left = len(_candidates(store, settings, rest))
    if settings.limit is not None and jobs is None:
        left = min(left, settings.limit - len(chosen))
        settings = replace(settings, limit=max(left, 1))
    with store.read() as tx:
        seen = read_few_rows(tx, chosen)
    outcome = _outcome(seen, len(chosen))
    _tell(outcome, seen, request.workspace, left)
    if left <= 0:
        return ending
    well = outcome.went_well and not ending.blocked
    if not _goes_on(settings, left, well=well, asks=not request.rehearsal):
        return replace(ending, stop=Stop(reason=StopReason.PILOT))
    return run(settings, rest)


def _candidates(
    store: Store, settings: Settings, jobs: tuple[int, ...] | None
) -> Sequence[Candidate]:
    """The rows that the run may send."""
    wanted = None if jobs is None else frozenset(jobs)
    limit = settings.limit if wanted is None else None
    rows = settings.rows if wanted is None else None
    with store.read() as tx:
        found = candidates(tx, SHEET_ID, positions=rows, limit=limit)
        return [one for one in found if wanted is None or one.id in wanted]


def _goes_on(settings: Settings, left: int, *, well: bool, asks: bool) -> bool:
    terminal = sys.stdin.isatty() and sys.stderr.isatty() and not settings.no_input
    if not asks or not terminal or (settings.yes and well):
        return well
    return ask_yes_no(folded_text(say("pilot.ask", left=f"{left:,}")), default=well)


def _outcome(seen: FewRows, rows: int) -> PilotOutcome:
    failed = sum(seen.failures.values()) + seen.in_doubt
    return PilotOutcome(
        rows=rows,
        done=seen.done,
        failed=failed,
        pending=rows - seen.done - failed,
        cost=seen.cost,
        currency=seen.currency,
    )


def _tell(outcome: PilotOutcome, seen: FewRows, workspace: Workspace, left: int) -> None:
    print_message(
        say(
            "pilot.rows",
            rows=outcome.rows,
            done=outcome.done,
            failed=outcome.failed,
            pending=outcome.pending,
        )
    )
    each = outcome.cost_a_row
    if each is None:
        print_message(say("pilot.cost_unknown"))
    else:
        rest = each * max(left, 0)
        words = {"each": format_rounded(each, digits=4), "all": format_rounded(rest)}
        print_message(say("pilot.cost", currency=outcome.currency or "", left=f"{left:,}", **words))
    for kind, count in sorted(seen.failures.items(), key=lambda item: -item[1]):
        meaning = explain(kind).meaning
        print_message(say("run.failures", count=f"{count:,}", kind=kind, meaning=meaning))
    for name in seen.files[:MAX_FILES_SHOWN]:
        print_message(say("pilot.file", path=str(workspace.files / name)))
    if len(seen.files) > MAX_FILES_SHOWN:
        print_message(say("pilot.more_files", count=len(seen.files) - MAX_FILES_SHOWN))


def choose(candidates: Iterable[Candidate], count: int) -> tuple[int, ...]:
    """The ids of at most `count` rows that represent all: by endpoint, model and prompt length.

    Each kind of request gets a share in proportion to its size and, if `count` allows, at least
    one row; within a kind the rows are spread evenly from the shortest prompt to the longest.
    """
    kinds: dict[tuple[str, str], tuple[array[int], array[int]]] = defaultdict(
        lambda: (array("q"), array("q"))
    )
    for one in candidates:
        lengths, ids = kinds[one.endpoint, one.model]
        lengths.append(one.length)
        ids.append(one.id)
    largest_first = sorted(kinds, key=lambda kind: (-len(kinds[kind][0]), kind))
    shares = shares_of([len(kinds[kind][0]) for kind in largest_first], count)
    chosen: list[int] = []
    for kind, share in zip(largest_first, shares, strict=True):
        lengths, ids = kinds[kind]
        order = sorted(range(len(ids)), key=lambda index: (lengths[index], ids[index]))
        chosen += [ids[order[place]] for place in spread(len(order), share)]
    return tuple(chosen)


def shares_of(sizes: list[int], count: int) -> list[int]:
    """How many of each kind, for sizes in falling order; each gets one while `count` lasts."""
    shares = [1 if place < count else 0 for place in range(len(sizes))]
    while sum(shares) < min(count, sum(sizes)):
        # The kind with the fewest rows for its size is next.
        open_kinds = [k for k, share in enumerate(shares) if share < sizes[k]]
        shares[min(open_kinds, key=lambda k: (shares[k] / sizes[k], k))] += 1
    return shares


def spread(size: int, count: int) -> list[int]:
    """`count` indexes spread evenly over `size`, from first to last; a single one is the middle."""
    if count <= 1:
        return [size // 2] * count
    return [round(place * (size - 1) / (count - 1)) for place in range(count)]
