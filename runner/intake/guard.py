"""Stops a load that would regenerate finished rows by accident, or has rows it cannot send."""

import json
from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from jobs.sheet.finding import Finding, SheetError
from jobs.store import TableError
from runner.catalogue import say
from runner.exits import Refusal
from runner.settings.settings import Settings
from runner.workspace.lookup import neighbours
from runner.workspace.workspace import Workspace, typed

if TYPE_CHECKING:  # what reads sheets takes a tenth of a second to import
    from jobs.store.staging import LoadPlan, LoadTarget
    from runner.intake.loaded import Intake
    from runner.intake.understand import Understood

MAX_ROWS_BOUGHT_AGAIN = 20  # done rows that a load may regenerate without --rebuy …
MAX_SHARE_BOUGHT_AGAIN = 0.1  # … as long as they are at most this share of them
MAX_SHARE_EMPTY = 0.1  # of the rows may be empty without a question
MAX_FINDINGS_SHOWN = 20  # bad rows that a message lists


def refuse_neighbours_rows(found: "Understood", workspace: Workspace) -> None:
    """Raises Refusal if the rows of a new sheet are answered in a neighbouring workspace."""
    message = answered_elsewhere(found, workspace)
    if message:
        raise Refusal(message)


def answered_elsewhere(found: "Understood", workspace: Workspace) -> str:
    """A sentence about a neighbouring workspace that has answers for these rows, or "".

    A new sheet with such a neighbour is nearly always the old sheet renamed.
    """
    from jobs.store.answers import done_digests  # noqa: PLC0415 - for new sheets only

    staged = found.intake.plan.staged if found.intake.plan else 0
    for other in neighbours(workspace):
        try:
            store = other.place.look()
        except TableError:
            continue  # an unreadable table concerns its own sheet only
        with store, store.read() as theirs:
            answered = found.staging.answered_in(done_digests(theirs))
        if answered > MAX_ROWS_BOUGHT_AGAIN or answered * 2 > staged:
            return say(
                "workspace.answered_elsewhere",
                answered=f"{answered:,}",
                staged=f"{staged:,}",
                folder=typed(other.folder),
                sheet=typed(found.intake.sheet.absolute()),
            )
    return ""


def would_rebuy(plan: "LoadPlan") -> bool:
    """True if this load would regenerate more finished rows than anyone is likely to want."""
    many = plan.bought_again > max(MAX_ROWS_BOUGHT_AGAIN, MAX_SHARE_BOUGHT_AGAIN * plan.done_before)
    return many or plan.by_options > 0


class EmptyRowsError(Refusal):
    """The sheet has empty rows that may be a mistake: a person can agree to skip them."""

    def __init__(self, message: str, question: str) -> None:
        super().__init__(message)
        self.question = question


def check_empty_rows(intake: "Intake") -> None:
    """Raises EmptyRowsError for many empty rows, or some whose other cells hold text."""
    plan, skipped = intake.plan, intake.skipped
    if plan is None or skipped is None or not skipped.empty:
        return
    if not skipped.with_text and skipped.empty <= MAX_SHARE_EMPTY * plan.staged:
        return
    rows = skipped.first_with_text or skipped.first_empty
    values = {
        "sheet": intake.sheet.name,
        "count": f"{skipped.empty:,}",
        "total": f"{plan.staged:,}",
        "rows": ", ".join(map(str, rows)),
    }
    key = "rows.empty_with_text" if skipped.with_text else "rows.empty_many"
    raise EmptyRowsError(
        say(key, **values) + " " + say("rows.empty_what_to_do"),
        say(key, **values) + " " + say("rows.empty_ask"),
    )


def guard(
    found: "Understood",
    settings: Settings,
    *,
    touched: Collection[str] = (),
    empty_agreed: bool = False,
) -> None:
    """Raises SheetError for bad rows, Refusal for a load that would regenerate finished rows.

    EmptyRowsError for empty rows, unless a person agreed to skip them (`empty_agreed`).

    Where rows were corrected (`touched`), only those count; other bad rows were accepted before.
    """
    intake = found.intake
    plan = intake.plan
    if plan is None:
        return
    problems, bad = intake.problems, plan.bad
    if touched:
        from runner.intake.understand import problem_of  # noqa: PLC0415 - as in `take_in`

        problems = tuple(problem_of(*one) for one in found.staging.problems(keys=touched))
        bad = len(problems)
    if bad and not settings.skip_bad:
        shown = problems[:MAX_FINDINGS_SHOWN]
        hint = Finding(kind="leave_out_bad_rows", severity="error")
        raise SheetError(intake.sheet, [*shown, *_more(bad - len(shown)), hint])
    if not touched and not settings.skip_bad and not empty_agreed:
        check_empty_rows(intake)
    if would_rebuy(plan) and not settings.rebuy:
        differing = "\n".join(f"  {line}" for line in _differences(found.staging))
        raise Refusal(
            say("run.would_rebuy", rows=f"{plan.bought_again:,}", done=f"{plan.done_before:,}")
            + f"\n{differing}\n"
            + say("run.would_rebuy_what_to_do")
        )


def _more(count: int) -> list[Finding]:
    if count <= 0:
        return []
    return [Finding(kind="more_bad_rows", severity="error", values=(("count", count),))]


def _differences(staging: "LoadTarget") -> list[str]:
    """What differs between the finished requests and the new ones, most frequent first."""
    counted: Counter[tuple[str, str]] = Counter()
    for change in staging.changes():
        before, after = json.loads(change.before), json.loads(change.after)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                words = ""
                if name in ("model", "size", "quality", "n", "style"):
                    words = f" {before.get(name)} → {after.get(name)}"
                counted[name, words] += 1
    return [
        say("run.difference", field=name, change=words, rows=f"{count:,}")
        for (name, words), count in counted.most_common(8)
    ]
