"""Takes a sheet into its workspace's table: understood, compared, guarded, laid in."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from jobs.columns import ColumnMap, map_columns, nearest
from jobs.edits import digest_of, merged
from jobs.failpoints import reach
from jobs.job import JSON
from jobs.load import Identity, Into, digest_of_options, is_running_number, stage
from jobs.sheet.finding import Finding, SheetError
from jobs.sheet.reader import Sheet, open_sheet
from jobs.store import Store, TableError, Transaction
from jobs.store.answered import done_digests
from jobs.store.batches import Batch, batch
from jobs.store.edits import Edit, edits_of
from jobs.store.log import remember_options
from jobs.store.spans import Absence
from jobs.store.staging import Landing, Plan, absence_staged, is_empty
from jobs.template import Template
from runner.catalogue import said, say
from runner.exits import Refusal
from runner.naming import TemplateError, check_template
from runner.ratios import repaired
from runner.registry import ENDPOINTS, known_fields, needed_fields
from runner.requests import BODY, RequestMaker, Shape
from runner.settings import Settings
from runner.workspace import BATCH_ID, Workspace, neighbours, typed

MOST_BOUGHT_AGAIN = 20  # done rows that a load may replace without --rebuy …
SHARE_BOUGHT_AGAIN = 0.1  # … as long as they are at most this share of them
MOST_SHOWN = 20  # findings told one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """A sheet that was understood, and what laying it in does (or did)."""

    sheet: Path
    unread: bool = False  # same bytes, same options: not read again
    headers: tuple[str, ...] = ()
    layout: Mapping[str, JSON] = field(default_factory=dict)
    columns: ColumnMap | None = None
    identity: str | None = None
    plan: Plan | None = None
    findings: tuple[Finding, ...] = ()
    problems: tuple[Finding, ...] = ()
    first: tuple[tuple[int, str, str], ...] = ()  # row, endpoint, fields (JSON)
    models: Mapping[str, int] = field(default_factory=dict)
    absence: Absence | None = None  # rows that were asked for and are not there
    elsewhere: str = ""  # in whose workspace its rows are answered already, in words


def shaping_options(settings: Settings, sheet: Path) -> dict[str, JSON]:
    """What, besides the cells, decides what the requests are; its digest goes with the sheet's."""
    return {
        "endpoint": settings.endpoint,
        "model": settings.model,
        "prompt": settings.prompt,
        "set": dict(settings.set),
        "column": dict(settings.column),
        "id": settings.id,
        "tab": settings.tab,
        "encoding": settings.encoding,
        "files_from": [str(path) for path in settings.files_from],
        "folder": str(sheet.absolute().parent),
        "reading": 1,  # raised when a newer rowmill reads the same sheet differently
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """What is to be taken in: a sheet, with further edits that lie over its cells."""

    sheet: Path
    edits: Sequence[Edit] = ()


def take_in(
    store: Store, workspace: Workspace, incoming: Incoming, settings: Settings, *, now: float
) -> Intake:
    """Load or reconcile the sheet. Raises Refusal or SheetError; then nothing was changed."""
    sheet = incoming.sheet
    with store.read() as tx:
        known = batch(tx, BATCH_ID)
        kept = edits_of(tx, BATCH_ID)
        edits = merged(kept, incoming.edits)
        straight = known is None and not kept and not edits and is_empty(tx)
    _check_owner(workspace, known, sheet, settings)
    marks = _Marks.of(sheet, settings, edits)
    if known is not None and marks.same_as(known) and not settings.same_sheet:
        _require_name(settings.name, known.headers)
        _remember(store, known, _options(settings, sheet, workspace))
        return Intake(sheet=sheet, unread=True, headers=known.headers, layout=known.layout)
    if straight:
        with store.first_load() as tx:
            found = _understand(tx, sheet, settings, _Before(straight=now))
            if not settings.rebuy:
                _refuse_neighbours_rows(found, workspace)
            _guard(found, settings, touched=set())
            found.staging.apply(now=now, batch=_record(found, marks, settings, workspace))
            reach("load.staged")
        return found.intake
    with store.session() as tx:
        with tx.begin():
            found = _understand(tx, sheet, settings, _Before(known=known, edits=edits))
            if known is None and not settings.rebuy:
                _refuse_neighbours_rows(found, workspace)
        with tx.begin():
            _guard(found, settings, touched={edit.key for edit in incoming.edits})
            if kept and not edits:
                found.staging.edits = []  # all of them were taken back
            if found.staging.edits is not None:  # without those that the sheet has overtaken
                marks = _Marks.of(sheet, settings, found.staging.edits)
            found.staging.apply(now=now, batch=_record(found, marks, settings, workspace))
            reach("load.staged")
    return found.intake


@dataclass(frozen=True, slots=True, kw_only=True)
class Onlooker:
    """What `check` compares a sheet with: what this workspace has of it, and its neighbours."""

    workspace: Workspace
    known: Batch | None
    count: int  # requests to be shown


def look_at(store: Store, sheet: Path, settings: Settings, looks: Onlooker) -> Intake:
    """The same without changing anything: for `check`."""
    with store.session() as tx, tx.begin():
        before = _Before(known=looks.known, edits=edits_of(tx, BATCH_ID))
        found = _understand(tx, sheet, settings, before, count=looks.count)
        absence = absence_staged(tx, settings.rows) if settings.rows is not None else None
        new = looks.known is None and not settings.rebuy
        elsewhere = _answered_elsewhere(found, looks.workspace) if new else ""
        return replace(found.intake, elsewhere=elsewhere, absence=absence)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """By what a later run sees that the sheet need not be read again."""

    sheet_digest: bytes
    options: dict[str, JSON]

    @classmethod
    def of(cls, sheet: Path, settings: Settings, edits: Sequence[Edit]) -> "_Marks":
        try:
            with sheet.open("rb") as file:
                digest = hashlib.file_digest(file, "blake2b").digest()
        except OSError:
            digest = b""  # opening it as a sheet says why
        options = shaping_options(settings, sheet)
        if edits:
            options["edits"] = digest_of(edits)
        return cls(sheet_digest=digest, options=options)

    def same_as(self, known: Batch) -> bool:
        return (
            self.sheet_digest == known.sheet_digest
            and digest_of_options(self.options) == known.options_digest
            and all(_untouched(one) for one in known.attached)
        )


def _untouched(attached: list[JSON]) -> bool:
    path, size, mtime_ns = attached
    try:
        status = Path(str(path)).stat()
    except OSError:
        return False
    return (status.st_size, status.st_mtime_ns) == (size, mtime_ns)


def _check_owner(
    workspace: Workspace, known: Batch | None, sheet: Path, settings: Settings
) -> None:
    if known is not None and known.sheet != sheet.name and not settings.same_sheet:
        raise Refusal(
            say(
                "workspace.other_sheet",
                folder=str(workspace.folder),
                theirs=known.sheet,
                ours=sheet.name,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A staged sheet with what belongs to it."""

    intake: Intake
    staging: Landing
    sheet: Sheet
    identity: Identity
    maker: RequestMaker


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What the table has of this sheet."""

    known: Batch | None = None
    edits: Sequence[Edit] = ()
    straight: float | None = None  # nothing at all: the time of a first load, laid in as it is read


def _understand(
    tx: Transaction, path: Path, settings: Settings, before: _Before, *, count: int = 3
) -> _Found:
    known = before.known
    sheet = open_sheet(path, encoding=settings.encoding, tab=settings.tab)
    headers = sheet.layout.headers
    known_by = _id_header(settings, known)
    columns = map_columns(headers, known_fields(), given=settings.column, id_column=known_by)
    errors = [finding for finding in columns.findings if finding.severity == "error"]
    if settings.id is None and any(one.column == known_by for one in errors):
        raise Refusal(say("sheet.identity_gone", sheet=path.name, column=str(known_by)))
    if errors:
        raise SheetError(path, errors)
    _refuse_foreign_results(path, columns)
    maker = RequestMaker(_shape(path, headers, columns, settings))
    sheet.needed = _needed(columns, maker)
    _require_choice(columns, settings)
    _require_name(settings.name, headers)
    into = Into(batch_id=BATCH_ID, edits=before.edits, straight=before.straight)
    staging, identity = stage(
        tx, sheet, maker, _identity(columns, headers, settings, known), into=into
    )
    plan = staging.plan()
    mended = list(repaired(sheet, maker.ratios.mended))
    findings = [
        *_without_mended(sheet.findings, mended),
        *columns.findings,
        *_about_identity(sheet, columns, identity, known),
        *_shifted(plan, identity),
        *mended,
    ]
    at_rows = {one.row: one for one in findings if one.severity == "error" and one.row}
    problems = tuple(at_rows.get(row) or _problem(row, text) for row, text in staging.problems())
    intake = Intake(
        sheet=path,
        headers=headers,
        layout=plain_layout(sheet),
        columns=columns,
        identity=identity.header,
        plan=plan,
        findings=tuple(one for one in findings if one not in problems),
        problems=problems,
        first=tuple(staging.first(count)),
        models=dict(staging.models()),
    )
    return _Found(intake=intake, staging=staging, sheet=sheet, identity=identity, maker=maker)


def _without_mended(findings: Iterable[Finding], mended: Sequence[Finding]) -> Iterator[Finding]:
    """What is shown otherwise than it is read matters no more where it is sent as it was typed."""
    sent_right = {(one.row, one.column) for one in mended}
    for one in findings:
        if one.kind != "shown_otherwise" or (one.row, one.column) not in sent_right:
            yield one


def _needed(columns: ColumnMap, maker: RequestMaker) -> frozenset[int]:
    """The columns without whose cells a row is no request, or not the same row."""
    template = maker.shape.template
    mapped = [index for index, _ in columns.fields]
    known_by = [] if columns.id_column is None else [columns.id_column]
    return frozenset({*mapped, *known_by, *(template.columns if template is not None else ())})


def _about_identity(
    sheet: Sheet, columns: ColumnMap, identity: Identity, known: Batch | None
) -> list[Finding]:
    """Why a column that looks like an id is none."""
    if known is not None or identity.column is not None or columns.id_column is None:
        return []
    column = columns.id_column
    running = is_running_number(sheet, column)
    return [
        Finding(
            kind="running_number" if running else "id_not_unique",
            severity="note" if running else "warning",
            column=sheet.layout.headers[column],
        )
    ]


def _shifted(plan: Plan, identity: Identity) -> list[Finding]:
    """More than a fifth of the rows ask for what stands under other ids: refilled numbers."""
    matched = plan.unchanged + plan.refreshed + plan.changed
    if identity.column is None or plan.changed * 5 <= matched:
        return []
    if plan.answered_already * 2 < plan.changed:
        return []
    values = (("count", plan.changed), ("total", matched))
    return [Finding(kind="shifted_ids", severity="warning", column=identity.header, values=values)]


def _id_header(settings: Settings, known: Batch | None) -> str | None:
    """An id column named now, or the one this sheet's rows have been known by from the first."""
    return settings.id or (known.id_column if known is not None else None)


def _identity(
    columns: ColumnMap, headers: tuple[str, ...], settings: Settings, known: Batch | None
) -> Identity:
    if known is not None and known.id_column is None:
        if settings.id is not None:
            raise Refusal(say("sheet.identity_fixed", column=settings.id))
        return Identity()
    if columns.id_column is None:
        return Identity()
    chosen = settings.id is not None or known is not None
    return Identity(column=columns.id_column, header=headers[columns.id_column], chosen=chosen)


def _shape(path: Path, headers: tuple[str, ...], columns: ColumnMap, settings: Settings) -> Shape:
    template = Template.parse(settings.prompt, headers) if settings.prompt is not None else None
    return Shape(
        headers=headers,
        columns=columns,
        endpoint=settings.endpoint,
        model=settings.model,
        template=template,
        constants=settings.set,
        folder=path.absolute().parent,
        allowed=settings.files_from,
    )


def _require_choice(columns: ColumnMap, settings: Settings) -> None:
    _require_endpoint(settings.endpoint)
    for name in settings.set:
        if name not in known_fields() and not name.startswith(BODY):
            near = nearest(name, sorted(known_fields()))
            if near:
                raise Refusal(say("run.unknown_field_near", field=name, near=near))
            raise Refusal(say("run.unknown_field", field=name))
    given = {name for _, name in columns.fields} | set(settings.set)
    if settings.endpoint is None and "endpoint" not in given:
        lines = "\n".join(f"  {one.name:<12} {said(one.summary)}" for one in ENDPOINTS.values())
        raise Refusal(f"{say('run.no_endpoint')}\n{lines}")
    if "endpoint" in given:
        return  # rows of several kinds: each says by itself what it lacks
    missing = needed_fields(settings.endpoint) - given
    if settings.model is None and "model" in missing:
        raise Refusal(say("run.no_model"))
    if settings.prompt is None and "prompt" in missing:
        raise Refusal(say("run.no_prompt"))


def _require_endpoint(name: str | None) -> None:
    """An endpoint that an option names is wrong once, not in every row."""
    if name is None or name in ENDPOINTS:
        return
    near = nearest(name, sorted(ENDPOINTS))
    if near:
        raise Refusal(say("endpoints.near", name=name, near=near))
    raise Refusal(say("endpoints.unknown", name=name, known=", ".join(ENDPOINTS)))


def _require_name(template: str, headers: Sequence[str]) -> None:
    """Files can be named so."""
    try:
        check_template(template, headers)
    except TemplateError as error:
        raise Refusal(say("name.template", reason=str(error))) from error


def _refuse_foreign_results(path: Path, columns: ColumnMap) -> None:
    """A results file outside its workspace: running it would buy everything again."""
    if len(columns.result_columns) >= 5:
        raise Refusal(say("sheet.is_results", sheet=str(path)))


def _problem(row: int, text: str) -> Finding:
    found = json.loads(text)
    return Finding(
        kind="bad_row",
        severity="error",
        row=row,
        column=found["column"] or None,
        expected=found["expected"],
        found=found["found"],
    )


def plain_layout(sheet: Sheet) -> dict[str, JSON]:
    """How a sheet was read, as the table keeps it."""
    layout = sheet.layout
    return {
        "format": layout.format,
        "encoding": layout.encoding,
        "delimiter": layout.delimiter,
        "tab": layout.tab,
        "header_row": layout.header_row,
        "typed": layout.typed,
    }


def _refuse_neighbours_rows(found: _Found, workspace: Workspace) -> None:
    told = _answered_elsewhere(found, workspace)
    if told:
        raise Refusal(told)


def _answered_elsewhere(found: _Found, workspace: Workspace) -> str:
    """A new sheet whose rows are answered next door is nearly always the old one renamed."""
    staged = found.intake.plan.staged if found.intake.plan else 0
    for other in neighbours(workspace):
        try:
            store = Store.look(other.table)
        except TableError:
            continue  # a neighbour that cannot be read is its own sheet's trouble
        try:
            with store.read() as theirs:
                answered = found.staging.answered_in(done_digests(theirs))
        finally:
            store.close()
        if answered > MOST_BOUGHT_AGAIN or answered * 2 > staged:
            return say(
                "workspace.answered_elsewhere",
                answered=f"{answered:,}",
                staged=f"{staged:,}",
                folder=typed(other.folder),
                sheet=typed(found.intake.sheet.absolute()),
            )
    return ""


def would_rebuy(plan: Plan) -> bool:
    """Would this load buy answers again that nobody is likely to want twice?"""
    many = plan.bought_again > max(MOST_BOUGHT_AGAIN, SHARE_BOUGHT_AGAIN * plan.done_before)
    return many or plan.by_options > 0


def _guard(found: _Found, settings: Settings, *, touched: Collection[str] = ()) -> None:
    """Bad rows, and answers that would be bought again by accident, stop a load.

    Where rows were corrected, only those count: the other bad ones were let pass before.
    """
    intake = found.intake
    plan = intake.plan
    if plan is None:
        return
    problems, bad = intake.problems, plan.bad
    if touched:
        problems = tuple(_problem(*one) for one in found.staging.problems(keys=touched))
        bad = len(problems)
    if bad and not settings.skip_bad:
        shown = problems[:MOST_SHOWN]
        raise SheetError(intake.sheet, [*shown, *_more(bad - len(shown))])
    if would_rebuy(plan) and not settings.rebuy:
        differing = "\n".join(f"  {line}" for line in _differences(found.staging))
        raise Refusal(
            say("run.would_rebuy", rows=f"{plan.bought_again:,}", done=f"{plan.done_before:,}")
            + f"\n{differing}\n"
            + say("run.would_rebuy_what_to_do")
        )


def _more(count: int) -> list[Finding]:
    if count <= 0:
        return []
    return [Finding(kind="more_bad_rows", severity="error", values=(("count", count),))]


def _differences(staging: Landing) -> list[str]:
    """What differs between the requests as bought and as they would be now, most frequent first."""
    seen: Counter[tuple[str, str]] = Counter()
    for change in staging.changes():
        before, after = json.loads(change.before), json.loads(change.after)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                words = ""
                if name in ("model", "size", "quality", "n", "style"):
                    words = f" {before.get(name)} → {after.get(name)}"
                seen[name, words] += 1
    return [
        say("run.difference", field=name, change=words, rows=f"{count:,}")
        for (name, words), count in seen.most_common(8)
    ]


def _record(
    found: _Found, marks: _Marks, settings: Settings, workspace: Workspace
) -> dict[str, object]:
    """The batch as the table keeps it."""
    sheet = found.intake.sheet
    folder = sheet.absolute().parent
    return {
        "sheet": sheet.name,
        "sheet_digest": marks.sheet_digest,
        "options_digest": digest_of_options(marks.options),
        "headers": list(found.intake.headers),
        "layout": dict(found.intake.layout),
        "id_column": found.identity.header,
        "options": _options(settings, sheet, workspace),
        "attached": [
            [str(folder / one.value), one.size, one.mtime_ns]
            for one in found.maker.attached.values()
        ],
    }


def _options(settings: Settings, sheet: Path, workspace: Workspace) -> dict[str, JSON]:
    """What later commands begin with, as JSON."""
    remembered = settings.to_remember()
    remembered["sheet_path"] = _relative(sheet, workspace.folder)
    plain: dict[str, JSON] = json.loads(json.dumps(remembered, default=str))
    return plain


def _remember(store: Store, known: Batch, options: dict[str, JSON]) -> None:
    """Options that shape no request can change although the sheet did not."""
    if options != known.options:
        with store.write() as tx:
            remember_options(tx, BATCH_ID, options)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.absolute(), folder)).as_posix()
    except ValueError:  # another drive on Windows
        return path.absolute().as_posix()
