"""Assembles the page: markup, style, script and rows in one file that needs no network."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from itertools import islice
from string import Template
from urllib.parse import quote

from jobs.job import JSON
from jobs.store.queries.gallery import PageRow
from runner.catalogue import language, say, sentences
from runner.catalogue.phrases import detail
from runner.report.facts import FAILED_STATUSES, Facts
from runner.report.html import Child, Html, el, joined, script_json
from runner.report.rows import FIELDS, Records
from runner.report.summary import head, summary
from runner.views.next_command import address_words

SCRIPT_FILES = (
    *("words.js", "rows.js", "gallery.js", "card.js", "picks.js", "stage.js", "lightbox.js"),
    *("ticks.js", "live.js"),
)
"""In the order in which they are joined; `main.js` is the last."""

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
    `live` has the token if a server sends the page; its `guests` look and mark only.
    """

    records: Records
    base: str = ""
    files: FilesPlace | None = None
    inline: Iterable[tuple[str, bytes]] = ()
    live: str | None = None
    guests: bool = False
    inputs: str | None = None  # the path to the sheet's folder, for pictures that rows send
    store: str = ""  # tells the browser's own picks of this workspace from those of others


def render(facts: Facts, place: PageLocation) -> Iterator[str]:
    """Yield the page in pieces as rows are read; the page is never in memory as a whole."""
    style, script = _asset("page.css"), _script()
    before, after = _asset("page.html").split("$data")
    yield _filled(before, _opening(facts, place, style=style, script=script))
    failed: list[PageRow] = []
    for piece in _data(facts, place, failed):
        yield script_json(piece)
    yield _filled(after, {"noscript": _without_script(failed), "script": Html(script)})


def _filled(template: str, slots: Mapping[str, Child]) -> str:
    return Template(template).substitute({name: joined([value]) for name, value in slots.items()})


def _opening(facts: Facts, place: PageLocation, *, style: str, script: str) -> dict[str, Child]:
    """Everything before the rows."""
    return {
        "lang": "zh-CN" if language() == "zh" else "en",
        "csp": policy(style, script, live=place.live is not None),
        "title": say("page.title", sheet=facts.sheet),
        "head": head(facts),
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
        "inputs": None if place.inputs is None else quote(place.inputs, safe="/.:"),
        "store": place.store,
        "currency": facts.spent.currency or "",
        "at": facts.at,
        "live": place.live,
        "guests": place.guests,
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
    notes: list[Child] = []
    left_out = facts.rows.total - facts.hidden - len(facts.shown)
    if left_out > 0:
        words = say("page.left_out", count=f"{left_out:,}", shown=f"{len(facts.shown):,}")
        notes.append(el("p", words, class_="note"))
    if facts.hidden:
        words = say("page.left_hidden", count=f"{facts.hidden:,}")
        notes.append(el("p", words, class_="note"))
    return joined([el("h2", say("page.rows"), id="rows-head", class_="away"), *notes])
