"""Rows that go on from the task of another row: they wait for it, and go by its account."""

from jobs.claimed import Claimed
from jobs.job import JSON, Failure, FailureClass
from jobs.outcome import GiveUp, Released
from jobs.store.queries.parents import ParentTask, go_by_account_of, parent_task
from jobs.store.writer import TableWriter
from runner.endpoints.endpoint import AnyEndpoint

PARENT_SECONDS = 12.0  # between two looks at whether the parent of a row is done


async def parent_of(
    job: Claimed, endpoint: AnyEndpoint, writer: TableWriter
) -> ParentTask | Released | GiveUp | None:
    """The task that a row goes on from, or what becomes of the row while it is not done.

    None for a row without a parent, or with one that this table does not know.
    """
    name = str(job.fields.get("parent") or "").strip()
    if endpoint.press is None or not name:
        return None
    found = await writer.do(lambda tx: parent_task(tx, writer.holding.sheet_id, name))
    if found is None:
        return None
    if not found.is_done:
        cause = "waits_for_parent" if found.may_come else "parent_failed"
        failure = Failure(kind=FailureClass.SERVER, cause=cause, detail=name)
        if found.may_come:
            return Released(delay=PARENT_SECONDS, failure=failure)
        return GiveUp(failure=failure)
    if (before := found.call_id) is not None:
        await writer.do(lambda tx: go_by_account_of(tx, job.call_id, before))
    return found


def button_fields(
    job: Claimed, endpoint: AnyEndpoint, parent: ParentTask | None
) -> dict[str, JSON]:
    """The fields that name the button of a parent. Raises InputError if there is none."""
    if endpoint.press is None:
        return {}
    task, buttons = (parent.task, parent.buttons) if parent else (None, None)
    return endpoint.press(job.fields, task, buttons)
