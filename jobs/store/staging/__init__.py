"""Loads a sheet into the table: staged and compared, or directly if it is the first."""

from jobs.store.staging.first import FirstLoad, is_empty
from jobs.store.staging.incoming import EMPTY, HIDDEN
from jobs.store.staging.landing import LoadTarget, Staged
from jobs.store.staging.plan import Change, LoadPlan
from jobs.store.staging.sheet import Staging, absence_staged

__all__ = [
    "EMPTY",
    "HIDDEN",
    "Change",
    "FirstLoad",
    "LoadPlan",
    "LoadTarget",
    "Staged",
    "Staging",
    "absence_staged",
    "is_empty",
]
