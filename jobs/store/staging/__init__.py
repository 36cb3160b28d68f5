"""A sheet on its way into the table: staged beside it and compared, or the first, straight in."""

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
