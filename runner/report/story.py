"""Tells the run in words: a summary, the reasons for failures, a timeline."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from jobs.job import JSON, FailureClass
from jobs.store.queries.gallery import CallsPerMinute, PastRun
from jobs.store.queries.retry_cost import RetryCost
from runner.catalogue import Explanation, explain, has_message, say
from runner.catalogue.durations import format_duration
from runner.catalogue.money import costs_of, format_amounts, format_cost, format_ending
from runner.report.facts import Facts
from runner.views.next_command import with_address

MAX_COMMANDS = 4
STRETCH_GAP_SECONDS = 3 * 60.0  # seconds without a call that do not end a bad stretch
MIN_STRETCH_CALLS = 5  # calls before a bad stretch is worth a line
SLOW_DOWN_GAP_SECONDS = 15 * 60.0  # seconds between two rate limits that count as one incident
IN_DOUBT = "in_doubt"

Events = Sequence[tuple[float, str, Mapping[str, JSON]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One thing to do now."""

    command: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Rows that failed for one reason, with its meaning and remedy."""

    kind: str
    count: int
    first: int
    told: Explanation
    cost: RetryCost | None = None  # of a retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One line of the timeline. `tone` is plain, bad or good."""

    at: float
    text: str
    tone: str = "plain"
    until: float | None = None


def sentences(facts: Facts) -> tuple[str, str, str]:
    """The summary: what is done, what failed, what it cost."""
    return _done(facts), _failed(facts), _cost(facts)


def _done(facts: Facts) -> str:
    rows = facts.rows
    words = [say("report.done", done=f"{rows.done:,}", total=f"{rows.total:,}")]
    if facts.running:
        words.append(say("report.running"))
    if rows.pending:
        words.append(say("report.pending", count=f"{rows.pending:,}"))
    if rows.skipped:
        words.append(say("report.skipped", count=f"{rows.skipped:,}"))
    return reduce(lambda first, then: say("report.then", first=first, then=then), words)


def _failed(facts: Facts) -> str:
    rows = facts.rows
    if not rows.failed and not rows.in_doubt:
        return say("report.nothing_failed")
    words = []
    if rows.failed:
        kinds = say("report.comma").join(
            f"{one.count:,} {say(f'class.{one.kind}')}"
            for one in reasons(facts)
            if one.kind != IN_DOUBT
        )
        words.append(say("report.failed_rows", count=f"{rows.failed:,}", kinds=kinds))
    if rows.in_doubt:
        words.append(say("report.in_doubt", count=f"{rows.in_doubt:,}"))
    return reduce(lambda first, then: say("report.then", first=first, then=then), words)


def _cost(facts: Facts) -> str:
    used = facts.spent
    if not used.calls:
        return say("report.no_calls")
    key = "report.cost" if costs_of(used) else "report.cost_unknown"
    words = [say(key, count=f"{used.calls:,}", money=format_cost(used))]
    if used.total_tokens is not None:
        words.append(say("report.tokens", tokens=f"{used.total_tokens:,}"))
    if used.unpriced_calls and costs_of(used):
        words.append(say("report.unpriced", count=f"{used.unpriced_calls:,}"))
    if used.unknown_calls:
        words.append(say("report.maybe_billed", count=f"{used.unknown_calls:,}"))
    return reduce(lambda first, then: say("report.then", first=first, then=then), words)


def reasons(facts: Facts) -> list[Reason]:
    """Failed and uncertain rows grouped by remedy, the most frequent first."""
    found: dict[tuple[str, str], Reason] = {}
    for group in facts.groups:
        told = meaning_of(group.kind, group.cause, facts.sheet_word)
        key = (group.kind, told.meaning)
        known = found.get(key)
        cost = facts.retry_costs.get((group.kind, group.cause))
        if known is not None and known.cost is not None and cost is not None:
            cost = known.cost.plus(cost)
        found[key] = Reason(
            kind=group.kind,
            count=group.count + (known.count if known else 0),
            first=min(group.first, known.first) if known else group.first,
            told=told,
            cost=cost,
        )
    return sorted(found.values(), key=lambda one: (-one.count, one.kind))


def retry_cost_words(reason: Reason) -> str:
    """What a retry of these rows costs: what is free, and the sum of the others."""
    cost = reason.cost
    if cost is None:
        return ""
    words = []
    if cost.free:
        words.append(say("report.retry_free", count=f"{cost.free:,}"))
    if cost.costs:
        key = "report.retry_may_cost" if reason.kind == IN_DOUBT else "report.retry_costs"
        amount = format_amounts(cost.costs)
        amount = say("money.at_least", amount=amount) if cost.unpriced else amount
        words.append(say(key, money=amount))
    elif cost.paid:
        words.append(say("report.retry_unpriced", count=f"{cost.paid:,}"))
    return say("report.comma").join(words)


def meaning_of(kind: str, cause: str, sheet: str) -> Explanation:
    """Meaning and remedy of a failure, or of a row in doubt."""
    if kind == IN_DOUBT or not kind:
        return Explanation(
            meaning=say("report.meaning_in_doubt"),
            remedy=say("report.remedy_in_doubt"),
            command=f"rowmill retry {sheet} --class in_doubt",
        )
    return explain(FailureClass(kind), cause, sheet=sheet)


def advice(facts: Facts) -> list[Advice]:
    """What to do now, the most useful first; each command once."""
    whys: dict[str, list[str]] = {}
    for reason in reasons(facts):
        command = with_address(reason.told.command, facts.last)
        why = say("report.for_reason", count=f"{reason.count:,}", kind=say(f"class.{reason.kind}"))
        whys.setdefault(command, []).append(f"{why} {reason.told.remedy}")
    first = facts.next_command
    if first is not None:
        own = whys.pop(first, [])
        whys = {first: own if len(own) == 1 else [say(_why(facts, first))], **whys}
    return [Advice(command=command, why=why[0]) for command, why in whys.items()][:MAX_COMMANDS]


def _why(facts: Facts, command: str) -> str:
    words = command.split()
    if words[1] not in ("run", "rehearse", "export", "retry", "errors", "keys", "check", "show"):
        return "report.why_real"  # the bare sheet: its guide asks for what the mock did not need
    match words[1]:
        case "run" | "rehearse" if facts.rows.pending:
            return "report.why_run"
        case "run":  # what follows a rehearsal
            return "report.why_real"
        case "export":
            return "report.why_export"
        case _:
            return "report.why_retry"


# --- the timeline ---------------------------------------------------------------------------------


def timeline(facts: Facts) -> list[Incident]:
    """The timeline: runs, their events, bad stretches and recoveries."""
    found = [one for run in facts.runs for one in _of_run(run, running=facts.running)]
    found += stretches(facts.minutes)
    for begin, end in facts.figures.slow:
        found.append(Incident(at=begin, until=end, tone="bad", text=say("incident.slow")))
    return sorted(found, key=lambda one: one.at)


def _of_run(run: PastRun, *, running: bool) -> Iterator[Incident]:
    yield Incident(at=run.started_at, text=say("incident.run"))
    last = max((at for at, _, _ in run.events), default=run.started_at)
    yield from _outages(run.events)
    yield from _slowed(run.events)
    for at, kind, data in run.events:
        if kind not in _IN_STRETCHES:
            yield _event(at, kind, data)
    if run.ended_at is not None:
        words = say("incident.ended", how=format_ending(run.exit_code), calls=f"{run.calls:,}")
        tone = "good" if run.exit_code == 0 else "plain"
        yield Incident(at=run.ended_at, text=words, tone=tone)
    elif not running:
        yield Incident(at=last + 1, text=say("incident.died"), tone="bad")


_IN_STRETCHES = frozenset({"outage", "outage_over", "slow_down"})


def _event(at: float, kind: str, data: Mapping[str, JSON]) -> Incident:
    values = {name: str(value) for name, value in data.items()}
    keys = (f"incident.event_{kind}_{values.get('cause')}", f"incident.event_{kind}")
    key = next((one for one in keys if has_message(one)), None)
    text = say(key, **values) if key is not None else say("incident.event", kind=kind)
    bad = any(word in kind for word in ("stop", "pause", "dropped"))
    return Incident(at=at, text=text, tone="bad" if bad else "plain")


def _outages(events: Events) -> Iterator[Incident]:
    """Each outage, from when it was noticed until calls were sent again."""
    began: tuple[float, str] | None = None
    for at, kind, data in events:
        if kind == "outage" and began is None:
            began = at, str(data.get("cause", ""))
        elif kind == "outage_over" and began is not None:
            text = say("incident.away", cause=began[1], time=format_duration(at - began[0]))
            yield Incident(at=began[0], until=at, tone="bad", text=text)
            began = None
    if began is not None:
        yield Incident(at=began[0], tone="bad", text=say("incident.away_still", cause=began[1]))


def _slowed(events: Events) -> Iterator[Incident]:
    """Rate limits in close succession become one incident."""
    gathered: list[float] = []
    moments = [at for at, kind, _ in events if kind == "slow_down"]
    for at in (*moments, math.inf):
        if gathered and at - gathered[-1] > SLOW_DOWN_GAP_SECONDS:
            text = say("incident.slow_down", times=f"{len(gathered):,}")
            yield Incident(at=gathered[0], until=gathered[-1], text=text)
            gathered = []
        gathered.append(at)


def stretches(minutes: Sequence[CallsPerMinute]) -> list[Incident]:
    """Stretches in which more calls failed than succeeded, each with its recovery."""
    found: list[Incident] = []
    gathered: list[CallsPerMinute] = []
    for minute in (*minutes, None):
        if minute is not None and _is_bad(minute) and _follows(gathered, minute):
            gathered.append(minute)
            continue
        found += _stretch(gathered, recovered=minute if minute and minute.good else None)
        gathered = [minute] if minute is not None and _is_bad(minute) else []
    return found


def _is_bad(minute: CallsPerMinute) -> bool:
    bad = minute.slowed + minute.failed + minute.doubtful
    return bad > 0 and bad >= minute.good


def _follows(gathered: Sequence[CallsPerMinute], minute: CallsPerMinute) -> bool:
    return not gathered or minute.at - gathered[-1].at <= STRETCH_GAP_SECONDS


def _stretch(
    gathered: Sequence[CallsPerMinute], *, recovered: CallsPerMinute | None
) -> list[Incident]:
    slowed = sum(one.slowed for one in gathered)
    failed = sum(one.failed for one in gathered)
    doubtful = sum(one.doubtful for one in gathered)
    if slowed + failed + doubtful < MIN_STRETCH_CALLS:
        return []
    begin, end = gathered[0].at, gathered[-1].at + 60
    bad = Incident(at=begin, until=end, tone="bad", text=_trouble(slowed, failed, doubtful))
    if recovered is None:
        return [bad]
    words = say("incident.recovered", time=format_duration(recovered.at - begin))
    return [bad, Incident(at=max(recovered.at, end), tone="good", text=words)]


def _trouble(slowed: int, failed: int, doubtful: int) -> str:
    count = f"{slowed + failed + doubtful:,}"
    if slowed >= max(failed, doubtful):
        return say("incident.limited", count=count)
    return say("incident.outage" if failed >= doubtful else "incident.cut_off", count=count)


def clock(at: float, *, since: float) -> str:
    """A time of day, with its date if that differs from the first line's."""
    moment, first = (datetime.fromtimestamp(one).astimezone() for one in (at, since))
    same = moment.date() == first.date()
    return moment.strftime("%H:%M" if same else "%m-%d %H:%M")
