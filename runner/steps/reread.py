"""Reads answers again that an older version could not: what is paid for is not bought anew."""

import logging
import time
import uuid

from jobs.job import Holding
from jobs.outcome import Answered, Finished
from jobs.store import Store
from jobs.store.ids import Ids
from jobs.store.queue.reread import UnreadAnswer, look, take_up, unread
from jobs.store.queue.settles import Settlement, settle
from runner.endpoints.registry import ENDPOINTS
from runner.steps.job_inputs import inputs_to_read
from runner.steps.resolve import Rules, resolve
from runner.workspace.answers import AnswerFolder
from runner.workspace.workspace import SHEET_ID, Workspace

log = logging.getLogger(__name__)


def read_again(store: Store, workspace: Workspace) -> int:
    """After an update: how many failed rows have their result now, from answers that were kept."""
    with store.read() as tx:
        numbers = unread(tx, SHEET_ID)
    answers = AnswerFolder(path=workspace.answers)
    holding = Holding(batch_id=SHEET_ID, run_id=Ids().take(), owner=str(uuid.uuid4()))
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
    """What the answer says to this version; None where it still says nothing usable."""
    endpoint = ENDPOINTS.get(found.job.endpoint)
    if endpoint is None:
        return None
    try:
        reply = answers.load(found.answer)
        inputs = inputs_to_read(found.job, endpoint)
        outcome = resolve(found.job, endpoint, inputs, reply, Rules(now=time.time())).outcome
    except Exception as error:  # noqa: BLE001 - it may be what broke the older version, too
        log.warning("row %s: its answer cannot be read yet: %s", found.job.row, error)
        return None
    return outcome if isinstance(outcome, Finished | Answered) else None
