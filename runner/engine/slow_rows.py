"""Tells a row that is told to slow down for ever from a limit that all rows meet."""

import math
from dataclasses import dataclass

from jobs.claimed import Claimed

MAX_LIKELIHOOD = 1 / 500  # of a row's refusals, if they were as rare as those of other rows
MIN_REFUSALS = 3  # before a row fails
MAX_LONE_REFUSALS = 3  # of an overtaken row, with no call accepted in between
MAX_LONE_REFUSALS_AT_FIRST = 8  # of a row beside which calls were accepted, but none since: two
# minutes at least, since a limit a minute passes


@dataclass(slots=True)
class _Row:
    refusals: int = 0
    overtaken: int = 0  # refusals while others went through
    refused_at: float = -math.inf
    lone: int = 0  # refusals in a row between which no other call was accepted


@dataclass(slots=True)
class _Model:
    accepted: int = 0
    refusals_before: int = 0  # that accepted rows had had
    last_began: float = -math.inf  # the latest begin of an accepted call


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowness:
    """What one more refusal says; `refusals` counts those while others went through."""

    refusals: int
    is_suspect: bool  # so many would be very unlikely if they were not the row's own
    is_rows_fault: bool


class SlowRows:
    """Counts how often each row was refused while other rows of its model were accepted.

    A row is suspect if it was overtaken by calls that began after its refusal, and as many
    refusals would be very unlikely at the rate at which accepted rows were refused before. One
    refusal more, and it fails. Where nothing else is left to overtake it, a few refusals more
    decide. Times are of one steady clock.
    """

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}
        self._models: dict[str, _Model] = {}

    def accepted(self, job: Claimed, began: float) -> None:
        """The provider took a row's call in."""
        model = self._models.get(job.model)
        if model is None:
            model = self._models[job.model] = _Model()
        model.accepted += 1
        if (row := self._rows.pop(job.id, None)) is not None:
            model.refusals_before += row.refusals
        model.last_began = max(model.last_began, began)

    def refused(self, job: Claimed, now: float) -> Slowness:
        """The provider told a row's call to slow down."""
        model = self._models.get(job.model, _Model())
        row = self._rows.setdefault(job.id, _Row())
        overtaken = row.refusals > 0 and model.last_began > row.refused_at
        row.lone = 0 if overtaken else row.lone + (row.refusals > 0)
        row.refusals += 1
        row.refused_at = now
        row.overtaken = max(row.overtaken, job.refusals) + overtaken
        suspect = _is_suspect(row, model)
        fault = (suspect and row.refusals >= MIN_REFUSALS) or _is_left_alone(row, model)
        return Slowness(refusals=row.overtaken, is_suspect=suspect, is_rows_fault=fault)


def _is_suspect(row: _Row, model: _Model) -> bool:
    """True if so many refusals are very unlikely at the rate of rows that were accepted."""
    usual = (model.refusals_before + 1) / (model.accepted + model.refusals_before + 2)
    return row.overtaken > 0 and usual ** (row.overtaken + 1) <= MAX_LIKELIHOOD


def _is_left_alone(row: _Row, model: _Model) -> bool:
    """True if a row beside which others were accepted has been refused on and on since."""
    most = MAX_LONE_REFUSALS if row.overtaken else MAX_LONE_REFUSALS_AT_FIRST
    return model.accepted > 0 and row.lone >= most
