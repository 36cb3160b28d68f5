"""The end of a run, told elsewhere: the notification and the person's own command."""

import os
from collections.abc import Mapping

from jobs.job import JSON
from runner.catalogue import say
from runner.console.screen import print_message
from runner.exits import Refusal
from runner.launch.notify import RunNews, notify, on_finish
from runner.secret import Secret
from runner.settings.keys import from_source
from runner.settings.settings import Settings


def announce(settings: Settings, record: Mapping[str, JSON]) -> None:
    """Tell who wants to know. Whatever goes wrong here is said, and changes nothing."""
    news = RunNews(record=record, text=_text(record))
    problem = None
    try:
        url, secret = _address(settings)
        if url is not None:
            problem = notify(url, news, secret=secret)
    except Refusal as error:  # the secret cannot be had
        problem = error.message
    if problem is not None:
        print_message(say("notify.failed", reason=problem))
    command = settings.on_finish or (settings.told.on_finish if settings.told else None)
    if command is not None:
        problem = on_finish(command, news)
        if problem is not None:
            print_message(say("notify.command_failed", reason=problem))


def _address(settings: Settings) -> tuple[Secret | None, Secret | None]:
    """Where to, and what signs it: option and environment before the settings file."""
    told = settings.told
    secret = None
    if told is not None and told.secret_from is not None:
        secret = from_source(told.secret_from, os.environ)
    if settings.notify is not None:
        return Secret(settings.notify), secret
    if told is not None and told.url is not None:
        return Secret(told.url), secret
    if told is not None and told.url_from is not None:
        return from_source(told.url_from, os.environ), secret
    return None, secret


def _text(record: Mapping[str, JSON]) -> str:
    rows = record["rows"]
    assert isinstance(rows, Mapping)
    head = say("notify.stopped" if record["stopped"] else "notify.finished", sheet=record["sheet"])
    lines = [head, say("notify.rows", **{name: f"{rows[name]:,}" for name in _SHOWN})]
    if record.get("top_failure"):
        lines.append(say("notify.top_failure", kind=record["top_failure"]))
    cost = record.get("cost")
    if isinstance(cost, int | float):
        lines.append(say("notify.cost", cost=f"{cost:,.2f} {record.get('currency') or ''}".strip()))
    lines.append(say("notify.next", command=record["next"]))
    return "\n".join(lines)


_SHOWN = ("done", "failed", "in_doubt", "pending")
