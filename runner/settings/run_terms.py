"""The options that hold for every host of a run: the host that opens it writes them down.

What stands in the table is data: a value that is none of the option's is as if it were not there.
No term names an address, a file, a program or a key.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jobs.job import JSON
from runner.protocol.lane_rule import lane_is_given
from runner.settings.schema import SCHEMA, Cap, StopIf, Tolerance, Until
from runner.settings.settings import Settings

UNTIL_AT = "until_at"  # the moment (Unix seconds) that `until` came to
SITE = "site"
CHOSEN_ONLY = "chosen_only"  # the run takes only the rows that it selected
LANE_IS_GIVEN = "lane_is_given"  # retried rows go by their lane too
ONLINE_FROM_AT = "online_from_at"  # the moment (Unix seconds) that `online_from` came to
WAITING = "waiting"  # the run sends only its pilot until a person says yes

OF_THE_RUN = (
    *("rows", "limit", "pilot", "max_cost", "until", "rpm", "tpm", "in_doubt", "ok_if_failed"),
    *("attempts", "timeout", "stop_if", "name", "online_from", "submit_only"),
)
"""Options of the run, not of a host."""

OF_THE_REQUEST = (
    *("endpoint", "model", "prompt", "set", "column", "id", "tab", "delimiter", "provider"),
)
"""Options that shape requests, which the loaded sheet remembers."""


def terms_of_settings(settings: Settings, *, now: float) -> dict[str, JSON]:
    """What a host that opens a run decides for all of them."""
    terms = {name: _plain(getattr(settings, name)) for name in OF_THE_RUN}
    until = settings.until
    terms[UNTIL_AT] = None if until is None else until.moment(now)
    terms[LANE_IS_GIVEN] = lane_is_given(settings.sources)
    online_from = settings.online_from
    terms[ONLINE_FROM_AT] = None if online_from is None else online_from.moment(now)
    return terms


def under_terms(settings: Settings, terms: Mapping[str, JSON]) -> Settings:
    """The settings of a host that joins: those of the run, where they are the run's."""
    kept: dict[str, Any] = dict.fromkeys(("rows", "limit", "pilot", "until"))
    for name in ("rpm", "tpm"):
        kept[name] = terms[name] if _is_count(terms.get(name)) else None
    if _is_count(terms.get("attempts")):
        kept["attempts"] = terms["attempts"]
    kept["timeout"] = _amount(terms.get("timeout"))
    if terms.get("in_doubt") in ("retry", "hold"):
        kept["in_doubt"] = terms["in_doubt"]
    if isinstance(name_template := terms.get("name"), str):
        kept["name"] = name_template
    kept["stop_if"] = _stop_if(terms.get("stop_if"))
    kept["ok_if_failed"] = _tolerance(terms.get("ok_if_failed"))
    lane_by = "flag" if terms.get(LANE_IS_GIVEN) is True else "default"
    kept["sources"] = {**settings.sources, "lane": lane_by}
    kept["submit_only"] = terms.get("submit_only") is True
    kept["online_from"] = None
    if (online_from := _amount(terms.get(ONLINE_FROM_AT))) is not None:
        kept["online_from"] = Until(seconds=max(online_from - time.time(), 0.0))
    return replace(settings, **kept)


def until_of(terms: Mapping[str, JSON]) -> float | None:
    """The moment (Unix seconds) at which the run stops."""
    found = terms.get(UNTIL_AT)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def other_terms(
    settings: Settings, terms: Mapping[str, JSON], remembered: Mapping[str, JSON]
) -> list[str]:
    """The options of this command line, as they are typed, that are not those of the run.

    The line that opened the run may be typed again on another machine.
    """
    by_flag = {name for name, source in settings.sources.items() if source == "flag"}
    other = [
        name
        for name in OF_THE_RUN
        if name in by_flag and _plain(getattr(settings, name)) != terms.get(name)
    ]
    asked = settings.to_remember()
    other += [
        name
        for name in OF_THE_REQUEST
        if name in by_flag and asked.get(name) != remembered.get(name)
    ]
    typed = {setting.field: f"--{setting.name}" for setting in SCHEMA}
    return [typed[name] for name in other]


def _plain(value: Any) -> JSON:
    match value:
        case Cap() | Until():
            return str(value)
        case Tolerance():
            return {"rows": value.rows, "percent": value.percent}
        case StopIf():
            return {"percent": value.percent, "window": value.window}
        case tuple():
            return [list(one) if isinstance(one, tuple) else one for one in value]
        case _:
            found: JSON = value
            return found


def _is_count(value: JSON) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _amount(value: JSON) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    return float(value)


def _stop_if(value: JSON) -> StopIf | None:
    if not isinstance(value, dict):
        return None
    percent, window = value.get("percent"), value.get("window")
    if not isinstance(percent, int | float) or not isinstance(window, int) or window < 1:
        return None
    return StopIf(percent=float(percent), window=window)


def _tolerance(value: JSON) -> Tolerance | None:
    if not isinstance(value, dict):
        return None
    rows, percent = value.get("rows"), value.get("percent")
    if isinstance(percent, int | float):
        return Tolerance(percent=float(percent))
    return Tolerance(rows=rows) if isinstance(rows, int) else None
