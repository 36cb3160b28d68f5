"""Stops a load that would buy answers again by accident, or that has rows it cannot send."""

import json
from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

from jobs.sheet.finding import Finding, SheetError
from jobs.store import Store, TableError
from runner.catalogue import say
from runner.exits import Refusal
from runner.settings.settings import Settings
from runner.workspace.lookup import neighbours
from runner.workspace.workspace import Workspace, typed

if TYPE_CHECKING:  # what reads sheets takes a tenth of a second to import
    from jobs.store.staging import LoadPlan, LoadTarget
    from runner.intake.understand import Understood

MOST_BOUGHT_AGAIN = 20  # done rows that a load may replace without --rebuy …
SHARE_BOUGHT_AGAIN = 0.1  # … as long as they are at most this share of them
MOST_SHOWN = 20  # findings told one by one


def refuse_neighbours_rows(found: "Understood", workspace: Workspace) -> None:
    told = answered_elsewhere(found, workspace)
    if told:
        raise Refusal(told)


def answered_elsewhere(found: "Understood", workspace: Workspace) -> str:
    """A new sheet whose rows are answered next door is nearly always the old one renamed."""
    from jobs.store.answers import done_digests  # noqa: PLC0415 - for new sheets only

    staged = found.intake.plan.staged if found.intake.plan else 0
    for other in neighbours(workspace):
        try:
            store = Store.look(other.table)
        except TableError:
            continue  # a neighbour that cannot be read is its own sheet's trouble
        try:
            with store.read() as theirs:
                answered = found.staging.answered_in(done_digests(theirs))
        finally:
            store.close()
        if answered > MOST_BOUGHT_AGAIN or answered * 2 > staged:
            return say(
                "workspace.answered_elsewhere",
                answered=f"{answered:,}",
                staged=f"{staged:,}",
                folder=typed(other.folder),
                sheet=typed(found.intake.sheet.absolute()),
            )
    return ""


def would_rebuy(plan: "LoadPlan") -> bool:
    """Would this load buy answers again that nobody is likely to want twice?"""
    many = plan.bought_again > max(MOST_BOUGHT_AGAIN, SHARE_BOUGHT_AGAIN * plan.done_before)
    return many or plan.by_options > 0


def guard(found: "Understood", settings: Settings, *, touched: Collection[str] = ()) -> None:
    """Bad rows, and answers that would be bought again by accident, stop a load.

    Where rows were corrected, only those count: the other bad ones were let pass before.
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
        shown = problems[:MOST_SHOWN]
        raise SheetError(intake.sheet, [*shown, *_more(bad - len(shown))])
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
    """What differs between the requests as bought and as they would be now, most frequent first."""
    seen: Counter[tuple[str, str]] = Counter()
    for change in staging.changes():
        before, after = json.loads(change.before), json.loads(change.after)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                words = ""
                if name in ("model", "size", "quality", "n", "style"):
                    words = f" {before.get(name)} → {after.get(name)}"
                seen[name, words] += 1
    return [
        say("run.difference", field=name, change=words, rows=f"{count:,}")
        for (name, words), count in seen.most_common(8)
    ]
