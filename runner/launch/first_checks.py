"""What is looked at before a run takes in its sheet."""

import os

from jobs import failpoints
from runner.catalogue import say
from runner.exits import Exit, Refusal
from runner.launch.request import RunRequest
from runner.settings.notices import is_loopback
from runner.settings.settings import Settings


def check_first(request: RunRequest) -> None:
    """Raise Refusal for options that cannot be, before anything is opened."""
    _arm_failpoints(request.settings)
    _check_notify(request.settings)
    _check_engine(request)


def _arm_failpoints(settings: Settings) -> None:
    """Failpoints are for tests: a run that would spend real money refuses them."""
    words = os.environ.get(failpoints.VARIABLE, "")
    if not words:
        return
    if not is_loopback(settings.base_url):
        raise Refusal(say("run.failpoint", reason=settings.base_url))
    try:
        failpoints.arm(words)
    except ValueError as error:
        raise Refusal(say("run.failpoint", reason=str(error))) from error


def _check_notify(settings: Settings) -> None:
    """A wrong address is told now, not in the morning."""
    if settings.notify is None and settings.notify_section is None:
        return
    from runner.launch.notify import check_notify  # noqa: PLC0415 - seldom asked for

    check_notify(settings)


def _check_engine(request: RunRequest) -> None:
    """An engine's hosts share one table, and a folder's is for this machine only."""
    settings = request.settings
    if settings.hosts is not None and settings.on is None:
        raise Refusal(say("ray.hosts_alone"), code=Exit.USAGE)
    if settings.on is not None and request.workspace.database is None:
        raise Refusal(say("ray.needs_database"), code=Exit.USAGE)
