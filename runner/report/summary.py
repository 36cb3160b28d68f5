"""The page above its gallery: what is done, what to do, and more behind folds."""

from datetime import datetime

from runner.catalogue import say
from runner.catalogue.durations import format_duration
from runner.report.charts import charts
from runner.report.facts import Facts
from runner.report.html import Child, Html, el, joined
from runner.report.story import (
    Advice,
    advice,
    clock,
    reasons,
    retry_cost_words,
    sentences,
    timeline,
)

BAR_STATES = ("done", "failed", "in_doubt", "skipped", "pending")
MAX_INCIDENTS = 60


def head(facts: Facts) -> Html:
    """The sheet's name, and when the page was made."""
    return joined([el("h1", facts.sheet), el("p", made_words(facts), class_="made", id="made")])


def made_words(facts: Facts) -> Html:
    """When the page was made, and how long the runs took."""
    made = datetime.fromtimestamp(facts.at).astimezone().strftime("%Y-%m-%d %H:%M")
    words = [el("span", say("page.made", time=made))]
    if facts.runs:
        first, last = facts.runs[0], facts.runs[-1]
        end = last.ended_at or facts.at
        time = format_duration(
            end - (last.started_at if len(facts.runs) == 1 else first.started_at)
        )
        key = "page.one_run" if len(facts.runs) == 1 else "page.runs"
        words.append(el("span", say(key, count=len(facts.runs), time=time)))
    return joined(words)


def summary(facts: Facts) -> Html:
    """Everything above the gallery: a few lines, and what else there is to know, folded."""
    todo = advice(facts)
    drawn = charts(facts.figures, currency=facts.spent.currency or "")
    folds = [
        _fold("todo", say("page.todo"), len(todo), _commands(todo)) if len(todo) > 1 else None,
        _reasons(facts),
        _batches(facts),
        _timeline(facts),
        _fold("charts", say("page.charts"), None, drawn) if drawn else None,
    ]
    shown = [one for one in folds if one is not None]
    return joined([_brief(facts, todo), el("div", *shown, class_="folds") if shown else None])


def _fold(name: str, title: str, count: int | None, *inside: Child) -> Html:
    """A part of the page that opens when its title is clicked."""
    number = None if count is None else el("span", f"{count:,}", class_="count")
    return el(
        "details",
        el("summary", title, " ", number),
        el("div", *inside, class_="inside"),
        class_=name,
        data_fold=name,
    )


def _brief(facts: Facts, todo: list[Advice]) -> Html:
    first, second, third = sentences(facts)
    now: Child = say("report.now_wait")
    if todo:
        what = todo[0]
        now = [
            el("code", what.command),
            _copy(what.command),
            el("span", what.why, class_="why"),
        ]
    return el(
        "section",
        _shares(facts),
        el("p", first, class_="lead"),
        el("p", second, " ", third, class_="told"),
        el("p", now, class_="now"),
        class_="brief",
        aria_label=say("page.summary"),
    )


def _commands(todo: list[Advice]) -> Html:
    lines = [
        el("li", el("code", one.command), _copy(one.command), el("span", one.why, class_="why"))
        for one in todo
    ]
    return el("ul", *lines, class_="commands")


def _copy(text: str) -> Html:
    return el(
        "button",
        say("page.copy"),
        type="button",
        class_="copy",
        data_copy=text,
        aria_label=say("page.copy_this", text=text),
    )


def _shares(facts: Facts) -> Html:
    """The rows by status, as one bar."""
    x, shapes, words = 0.0, [], []
    total = facts.rows.total or 1
    for name in BAR_STATES:
        count = getattr(facts.rows, name)
        if not count:
            continue
        width = 100 * count / total
        words.append(f"{say(f'row.{name}')} {count:,}")
        shapes.append(
            el(
                "rect",
                el("title", words[-1]),
                x=f"{x:.3f}%",
                width=f"{width:.3f}%",
                height="100%",
                class_=f"s-{name}",
            )
        )
        x += width
    return el("svg", *shapes, class_="shares", role="img", aria_label=", ".join(words))


def _batches(facts: Facts) -> Html | None:
    """The provider batches, each in two lines."""
    if not facts.batches:
        return None
    from runner.views.batches import fact_of  # noqa: PLC0415 - few sheets have any

    told = [fact_of(one) for one in facts.batches]
    lines = [
        el("li", *(el("div", line) for line in words.split("\n")), value=number)
        for number, words in told
    ]
    return _fold("batches", say("status.batches"), len(lines), el("ol", *lines))


def _reasons(facts: Facts) -> Html | None:
    found = reasons(facts)
    if not found:
        return None
    lines = [
        el(
            "tr",
            el("td", f"{one.count:,}", class_="number"),
            el(
                "th",
                el(
                    "button",
                    say(f"class.{one.kind}"),
                    type="button",
                    class_=f"link kind s-{'in_doubt' if one.kind == 'in_doubt' else 'failed'}",
                    data_reason=one.kind,
                    aria_label=say("page.show_rows", kind=say(f"class.{one.kind}")),
                ),
                scope="row",
            ),
            el("td", one.told.meaning, " ", el("span", one.told.remedy, class_="remedy")),
            el("td", retry_cost_words(one), class_="price"),
            el(
                "td",
                _retry(one.kind),
                el("code", one.told.command),
                _copy(one.told.command),
                class_="do",
            ),
        )
        for one in found
    ]
    heads = ("head_rows", "head_kind", "head_meaning", "head_price", "head_command")
    table = el(
        "table",
        el("thead", el("tr", *(el("th", say(f"page.{key}"), scope="col") for key in heads))),
        el("tbody", *lines),
    )
    failed = facts.rows.failed + facts.rows.in_doubt
    return _fold("reasons", say("page.reasons"), failed, table)


def _retry(kind: str) -> Html:
    """The button that a live page shows: it puts the rows of a class back."""
    words = say("page.retry_kind", kind=say(f"class.{kind}"))
    return el(
        "button",
        say("page.put_back"),
        type="button",
        class_="only-live",
        data_retry=kind,
        aria_label=words,
    )


def _timeline(facts: Facts) -> Html | None:
    found = timeline(facts)[-MAX_INCIDENTS:]
    if not found:
        return None
    since = found[0].at
    lines = []
    for one in reversed(found):
        end = "" if one.until is None else f" – {clock(one.until, since=since)}"
        stamp = datetime.fromtimestamp(one.at).astimezone()
        time = el(
            "time", clock(one.at, since=since), end, datetime=stamp.isoformat(timespec="seconds")
        )
        lines.append(el("li", time, el("span", one.text), class_=one.tone))
    day = datetime.fromtimestamp(since).astimezone().strftime("%Y-%m-%d")
    return _fold(
        "night",
        say("page.timeline"),
        len(found),
        el("p", say("page.timeline_from", day=day), class_="note"),
        el("ol", *lines, class_="timeline"),
    )
