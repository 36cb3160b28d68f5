"""Reads again the kept answers that an older version could not read."""

import logging
import time
import uuid

from jobs.claimed import Holding
from jobs.outcome import Answered, Finished
from jobs.store import Store
from jobs.store.log import ids_after
from jobs.store.queue.reread import UnreadAnswer, look, take_up, unread
from jobs.store.queue.settles import Settlement, settle
from runner.endpoints.registry import ENDPOINTS
from runner.steps.job_inputs import inputs_to_read
from runner.steps.resolution import JobContext, Rules
from runner.steps.resolve import resolve
from runner.workspace.answers import AnswerFolder
from runner.workspace.workspace import SHEET_ID, Workspace

log = logging.getLogger(__name__)


def read_again(store: Store, workspace: Workspace) -> int:
    """Read the kept answers of failed rows again; the number of rows that have a result now."""
    with store.read() as tx:
        numbers = unread(tx, SHEET_ID)
        run_id = ids_after(tx).take()
    answers = AnswerFolder.of(workspace)
    holding = Holding(sheet_id=SHEET_ID, run_id=run_id, owner=str(uuid.uuid4()))
    return sum(_read_one(store, answers, holding, number) for number in numbers)


def _read_one(store: Store, answers: AnswerFolder, holding: Holding, number: int) -> bool:
    with store.read() as tx:
        found = look(tx, number)
    if found is None:
        return False
    outcome = _understood(found, answers)
    if outcome is None:
        return False
    with store.write() as tx:
        take_up(tx, holding, [number])
        settled = Settlement(job=found.job, outcome=outcome, ended=found.ended)
        return not settle(tx, holding, [settled], now=time.time())


def _understood(found: UnreadAnswer, answers: AnswerFolder) -> Finished | Answered | None:
    """The outcome that this version reads from the answer; None if it still finds no result."""
    endpoint = ENDPOINTS.get(found.job.endpoint)
    if endpoint is None:
        return None
    try:
        reply = answers.load(found.answer)
        inputs = inputs_to_read(found.job, endpoint)
        # an address without a host belongs to the gateway that gave it
        rules = Rules(now=time.time(), base_url=found.base_url)
        context = JobContext(job=found.job, endpoint=endpoint, rules=rules, inputs=inputs)
        outcome = resolve([context], reply)[0].outcome
    except Exception as error:  # noqa: BLE001 - it may be what broke the older version
        log.warning("row %s: its answer cannot be read yet: %s", found.job.row, error)
        return None
    return outcome if isinstance(outcome, Finished | Answered) else None
