"""Assembles the page: markup, style, script and rows in one file that needs no network."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files as package_files
from itertools import islice
from string import Template
from urllib.parse import quote

from jobs.job import JSON
from jobs.store.queries.gallery import PageRow
from runner.catalogue import language, say, sentences
from runner.catalogue.durations import format_duration
from runner.catalogue.phrases import detail
from runner.report.charts import charts
from runner.report.facts import FAILED_STATUSES, Facts
from runner.report.html import Child, Html, el, joined, script_json
from runner.report.rows import FIELDS, Records
from runner.report.story import advice, clock, reasons, timeline
from runner.report.story import sentences as told
from runner.views.next_command import address_words

SCRIPT_FILES = (
    "words.js",
    "rows.js",
    "gallery.js",
    "card.js",
    "lightbox.js",
    "ticks.js",
    "live.js",
)
"""In the order in which they are joined; `main.js` is the last."""

BAR_STATES = ("done", "failed", "in_doubt", "skipped", "pending")
MAX_INCIDENTS = 60
MAX_NO_SCRIPT_ROWS = 200
ROWS_PER_PIECE = 100  # rows held in memory at a time; their texts may be long


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesPlace:
    """Where files on a target are; `opens` is True if a browser can read them there."""

    address: str  # with a slash at its end
    opens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLocation:
    """Where the page will be: its relative path to the workspace, and what it embeds.

    `files` is set where they are not in the workspace and no server gives them.
    `records` knows which files have a thumbnail; `inline` has names and bytes of embedded ones;
    `live` has the token if a server sends the page.
    """

    records: Records
    base: str = ""
    files: FilesPlace | None = None
    inline: Iterable[tuple[str, bytes]] = ()
    live: str | None = None


def render(facts: Facts, place: PageLocation) -> Iterator[str]:
    """Yield the page in pieces as rows are read; the page is never in memory as a whole."""
    style, script = _asset("page.css"), _script()
    head, tail = _asset("page.html").split("$data")
    yield _filled(head, _opening(facts, place, style=style, script=script))
    failed: list[PageRow] = []
    for piece in _data(facts, place, failed):
        yield script_json(piece)
    yield _filled(tail, {"noscript": _without_script(failed), "script": Html(script)})


def _filled(template: str, slots: Mapping[str, Child]) -> str:
    return Template(template).substitute({name: joined([value]) for name, value in slots.items()})


def _opening(facts: Facts, place: PageLocation, *, style: str, script: str) -> dict[str, Child]:
    """Everything before the rows."""
    return {
        "lang": "zh-CN" if language() == "zh" else "en",
        "csp": policy(style, script, live=place.live is not None),
        "title": say("page.title", sheet=facts.sheet),
        "head": _head(facts),
        "summary": summary(facts),
        "gallery": _gallery(facts),
        "style": Html(style),
    }


def policy(style: str, script: str, *, live: bool) -> str:
    """The content security policy: own style and script by hash, pictures beside the page."""
    parts = [
        "default-src 'none'",
        "img-src 'self' file: data:",
        "media-src 'self' file:",
        f"style-src '{hash_of(style)}'",
        f"script-src '{hash_of(script)}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join([*parts, "connect-src 'self'"] if live else parts)


def hash_of(text: str) -> str:
    """A source of a content security policy: this text and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return (package_files("runner.report") / "assets" / name).read_text(encoding="utf-8")


def _script() -> str:
    """All script files wrapped in one function, so that they define no global names."""
    parts = "\n".join(_asset(name) for name in (*SCRIPT_FILES, "main.js"))
    return f'(() => {{\n"use strict";\n{parts}\n}})();\n'


def _data(facts: Facts, place: PageLocation, failed: list[PageRow]) -> Iterator[str]:
    """Yield one JSON object in pieces; the first failed rows are added to `failed` on the way."""
    named: dict[str, JSON] = {
        "fields": list(FIELDS),
        "sheet": facts.sheet_word,
        "address": address_words(facts.last),
        "base": quote(place.base, safe="/.:"),
        "files": place.files.address if place.files else None,
        "opens": place.files is None or place.files.opens,
        "currency": facts.spent.currency or "",
        "at": facts.at,
        "live": place.live,
        "language": language(),
        "words": dict(sentences("page.")),
        "classes": dict(sentences("class.")),
    }
    yield f'{_json(named)[:-1]},"rows":['
    between = ""
    shown = iter(facts.shown)
    while some := list(islice(shown, ROWS_PER_PIECE)):
        if len(failed) < MAX_NO_SCRIPT_ROWS:
            failed.extend(row for row in some if row.status in FAILED_STATUSES)
        yield between + _json([place.records.of(row) for row in some])[1:-1]
        between = ","
    yield f'],{_json(place.records.shared)[1:-1]},"inline":{{'
    yield from _inlined(place)
    yield "}}"


def _inlined(place: PageLocation) -> Iterator[str]:
    """The embedded thumbnails, by file name."""
    between = ""
    for name, picture in place.inline:
        yield f"{between}{_json(name)}:{_json(base64.b64encode(picture).decode())}"
        between = ","


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


# --- the head of the page -------------------------------------------------------------------------


def _head(facts: Facts) -> Html:
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
    """Everything above the gallery: the summary beside the timeline, the reasons, the charts."""
    title = say("page.charts")
    drawn = charts(facts.figures, currency=facts.spent.currency or "")
    return joined(
        [
            el("div", _sentences(facts), _timeline(facts), class_="overview"),
            _reasons(facts),
            el("section", el("h2", title, class_="quiet"), drawn, class_="charts")
            if drawn
            else None,
        ]
    )


def _sentences(facts: Facts) -> Html:
    first, second, third = told(facts)
    todo = advice(facts)
    lines = [
        el("li", el("code", one.command), _copy(one.command), el("span", one.why, class_="why"))
        for one in todo
    ]
    now = say("report.now") if todo else say("report.now_wait")
    return el(
        "section",
        _shares(facts),
        el("p", first, class_="lead"),
        el("p", second),
        el("p", third),
        el("p", now),
        el("ul", *lines, class_="commands") if lines else None,
        class_="sentences",
        aria_label=say("page.summary"),
    )


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
            el("td", el("code", one.told.command), _copy(one.told.command), class_="do"),
        )
        for one in found
    ]
    heads = ("page.head_rows", "page.head_kind", "page.head_meaning", "page.head_command")
    return el(
        "section",
        el("h2", say("page.reasons")),
        el(
            "table",
            el("thead", el("tr", *(el("th", say(key), scope="col") for key in heads))),
            el("tbody", *lines),
        ),
        class_="reasons",
    )


def _timeline(facts: Facts) -> Html | None:
    found = timeline(facts)[-MAX_INCIDENTS:]
    if not found:
        return None
    since = found[0].at
    lines = []
    for one in found:
        end = "" if one.until is None else f" – {clock(one.until, since=since)}"
        stamp = datetime.fromtimestamp(one.at).astimezone()
        time = el(
            "time", clock(one.at, since=since), end, datetime=stamp.isoformat(timespec="seconds")
        )
        lines.append(el("li", time, el("span", one.text), class_=one.tone))
    day = datetime.fromtimestamp(since).astimezone().strftime("%Y-%m-%d")
    return el(
        "section",
        el("h2", say("page.timeline")),
        el("p", say("page.timeline_from", day=day), class_="note"),
        el("ol", *lines, class_="timeline"),
        class_="night",
    )


def _without_script(failed: Sequence[PageRow]) -> Html:
    """The failed rows, for a browser without scripts."""
    lines = [
        el(
            "tr",
            el("td", row.row),
            el("td", row.kind or row.status),
            el("td", detail(row.detail or row.cause or "")[:300]),
        )
        for row in failed[:MAX_NO_SCRIPT_ROWS]
    ]
    return joined([el("p", say("page.no_script")), el("table", *lines) if lines else None])


def _gallery(facts: Facts) -> Html:
    """The frame that the script fills, with the number of rows that are left out."""
    left_out = facts.rows.total - len(facts.shown)
    note = None
    if left_out > 0:
        words = say("page.left_out", count=f"{left_out:,}", shown=f"{len(facts.shown):,}")
        note = el("p", words, class_="note")
    return joined([el("h2", say("page.rows"), id="rows-head"), note])
