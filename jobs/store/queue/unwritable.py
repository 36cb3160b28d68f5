"""An outcome that the table does not take, as it can be written instead: no value is poison."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any

from sqlalchemy.exc import StatementError

from jobs.job import Failure, FailureClass
from jobs.outcome import GiveUp
from jobs.store.error_codes import is_away, is_damage, is_faulty, is_full
from jobs.store.fitting import fitting
from jobs.store.queue.settles import Settlement

UNWRITABLE = "unwritable"
LARGEST = 2**63 - 1


def is_own_fault(error: BaseException) -> bool:
    """True if it was the values of this outcome that the table did not take."""
    if isinstance(error, UnicodeError | OverflowError):
        return True
    others = (is_away, is_damage, is_faulty, is_full)
    return isinstance(error, StatementError) and not any(one(error) for one in others)


def instead(settlement: Settlement, error: BaseException) -> Iterator[Settlement]:
    """What to write in its place: the same with values that fit, else a failure with its answer."""
    if not is_own_fault(error):
        return
    answer = settlement.answer
    if answer is not None:  # as ASCII: everything that JSON can say fits
        answer = replace(answer, headers=json.dumps(json.loads(answer.headers)))
    fit = replace(
        settlement,
        outcome=_fit(settlement.outcome),
        ended=_fit(settlement.ended),
        files=_fit(settlement.files),
        answer=answer,
    )
    yield fit
    failure = Failure(
        kind=FailureClass.CRASHED, cause=UNWRITABLE, detail=type(_cause_of(error)).__name__
    )
    ended = fit.ended and replace(fit.ended, request_id=None, currency=None, cost=None)
    yield replace(fit, outcome=GiveUp(failure=failure), ended=ended, files=())


def _cause_of(error: BaseException) -> BaseException:
    return getattr(error, "orig", None) or error


def _fit(value: Any) -> Any:
    """The same value with texts and numbers that any table takes."""
    fit = value
    match value:
        case Enum() | bool():
            pass
        case str():
            fit = fitting(value)
        case int():
            fit = max(-LARGEST, min(value, LARGEST))
        case float():
            fit = value if math.isfinite(value) else None
        case Mapping():
            fit = {_fit(key): _fit(one) for key, one in value.items()}
        case tuple() | list():
            fit = type(value)(map(_fit, value))
        case _ if is_dataclass(value) and not isinstance(value, type):
            fit = replace(
                value, **{one.name: _fit(getattr(value, one.name)) for one in fields(value)}
            )
    return fit
