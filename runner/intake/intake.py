"""Takes a sheet into its workspace's table: understood, compared, guarded, laid in."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.failpoints import reach
from jobs.job import JSON
from jobs.loading.edits import digest_of, merged
from jobs.store import Store
from jobs.store.batches import LoadedSheet, digest_of_options, loaded_sheet
from jobs.store.edits import Edit, edits_of
from jobs.store.log import remember_options
from runner.catalogue import say
from runner.exits import Refusal
from runner.intake.guard import answered_elsewhere, guard, refuse_neighbours_rows
from runner.intake.loaded import Intake, require_name
from runner.settings.settings import Settings
from runner.workspace.workspace import SHEET_ID, Workspace

if TYPE_CHECKING:
    from runner.intake.understand import Understood


def shaping_options(settings: Settings, sheet: Path) -> dict[str, JSON]:
    """What, besides the cells, decides what the requests are; its digest goes with the sheet's."""
    options: dict[str, JSON] = {
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
    if settings.delimiter is not None:  # older workspaces know no such option
        options["delimiter"] = settings.delimiter
    return options


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetSource:
    """What is to be taken in: a sheet, with further edits that lie over its cells."""

    sheet: Path
    edits: Sequence[Edit] = ()


def take_in(
    store: Store, workspace: Workspace, incoming: SheetSource, settings: Settings, *, now: float
) -> Intake:
    """Load or reconcile the sheet. Raises Refusal or SheetError; then nothing was changed."""
    sheet = incoming.sheet
    with store.read() as tx:
        known = loaded_sheet(tx, SHEET_ID)
        kept = edits_of(tx, SHEET_ID)
    edits = merged(kept, incoming.edits)
    _check_owner(workspace, known, sheet, settings)
    marks = _Fingerprint.of(sheet, settings, edits)
    if known is not None and marks.same_as(known) and not settings.same_sheet:
        require_name(settings.name, known.headers)
        _remember(store, known, _options(settings, sheet, workspace))
        return Intake(sheet=sheet, unread=True, headers=known.headers, layout=known.layout)
    # What reads sheets takes a tenth of a second to import, which a run that goes on does without.
    from jobs.store.staging import is_empty  # noqa: PLC0415
    from runner.intake.understand import Previous, understand  # noqa: PLC0415

    with store.read() as tx:
        straight = known is None and not kept and not edits and is_empty(tx)
    if straight:
        with store.first_load() as tx:
            found = understand(tx, sheet, settings, Previous(straight=now))
            if not settings.rebuy:
                refuse_neighbours_rows(found, workspace)
            guard(found, settings, touched=set())
            found.staging.apply(now=now, batch=_record(found, marks, settings, workspace))
            reach("load.staged")
        return found.intake
    with store.session() as tx:
        with tx.begin():
            found = understand(tx, sheet, settings, Previous(known=known, edits=edits))
            if known is None and not settings.rebuy:
                refuse_neighbours_rows(found, workspace)
        with tx.begin():
            guard(found, settings, touched={edit.key for edit in incoming.edits})
            if kept and not edits:
                found.staging.edits = []  # all of them were taken back
            if found.staging.edits is not None:  # without those that the sheet has overtaken
                marks = _Fingerprint.of(sheet, settings, found.staging.edits)
            found.staging.apply(now=now, batch=_record(found, marks, settings, workspace))
            reach("load.staged")
    return found.intake


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What `check` compares a sheet with: what this workspace has of it, and its neighbours."""

    workspace: Workspace
    known: LoadedSheet | None
    count: int  # requests to be shown


def look_at(store: Store, sheet: Path, settings: Settings, looks: DryRun) -> Intake:
    """The same without changing anything: for `check`."""
    from jobs.store.staging import absence_staged  # noqa: PLC0415 - as in `take_in`
    from runner.intake.understand import Previous, understand  # noqa: PLC0415

    with store.session() as tx, tx.begin():
        before = Previous(known=looks.known, edits=edits_of(tx, SHEET_ID))
        found = understand(tx, sheet, settings, before, count=looks.count)
        absence = absence_staged(tx, settings.rows) if settings.rows is not None else None
        new = looks.known is None and not settings.rebuy
        elsewhere = answered_elsewhere(found, looks.workspace) if new else ""
        return replace(found.intake, elsewhere=elsewhere, absence=absence)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fingerprint:
    """By what a later run sees that the sheet need not be read again."""

    sheet_digest: bytes
    options: dict[str, JSON]

    @classmethod
    def of(cls, sheet: Path, settings: Settings, edits: Sequence[Edit]) -> "_Fingerprint":
        try:
            with sheet.open("rb") as file:
                digest = hashlib.file_digest(file, "blake2b").digest()
        except OSError:
            digest = b""  # opening it as a sheet says why
        options = shaping_options(settings, sheet)
        if edits:
            options["edits"] = digest_of(edits)
        return cls(sheet_digest=digest, options=options)

    def same_as(self, known: LoadedSheet) -> bool:
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
    workspace: Workspace, known: LoadedSheet | None, sheet: Path, settings: Settings
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


def _record(
    found: "Understood", marks: _Fingerprint, settings: Settings, workspace: Workspace
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


def _remember(store: Store, known: LoadedSheet, options: dict[str, JSON]) -> None:
    """Options that shape no request can change although the sheet did not."""
    if options != known.options:
        with store.write() as tx:
            remember_options(tx, SHEET_ID, options)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.absolute(), folder)).as_posix()
    except ValueError:  # another drive on Windows
        return path.absolute().as_posix()
