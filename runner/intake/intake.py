"""Takes a sheet into the table of its workspace."""

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.failpoints import reach
from jobs.job import JSON
from jobs.loading.edits import digest_of, merge_edits
from jobs.place import FolderPlace
from jobs.store import BusyError, Store, is_away
from jobs.store.edits import Edit, edits_of
from jobs.store.loaded_sheets import LoadedSheet, digest_of_options, loaded_sheet
from jobs.store.log import remember_options
from runner.catalogue import say
from runner.exits import Refusal
from runner.intake.guard import answered_elsewhere, guard, refuse_neighbours_rows
from runner.intake.loaded import Intake, require_name
from runner.settings.settings import Settings
from runner.workspace.workspace import SHEET_ID, Workspace

if TYPE_CHECKING:
    from runner.intake.understand import Understood

MOST_LOADS = 5  # tries beside other processes that load the same sheet or settle its rows


class _OvertakenError(Exception):
    """Another process loaded the sheet meanwhile, so that it has to be compared once more."""


def shaping_options(settings: Settings, sheet: Path, workspace: Workspace) -> dict[str, JSON]:
    """The options that shape requests; a later run compares their digest."""
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
    if workspace.place.shared:  # the same bytes under another path are the same sheet
        options.pop("folder")
    if settings.visible_only:
        options["visible_only"] = True
    if settings.by_flag:  # a flag beats columns that other options give way to
        options["by_flag"] = [*sorted(settings.by_flag)]
    if settings.delimiter is not None:  # older workspaces know no such option
        options["delimiter"] = settings.delimiter
    if settings.lane is not None:  # no part of an identity, but rows that wait go by it
        options["lane"] = settings.lane
    return options


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetSource:
    """A sheet to be loaded, and new edits of its cells."""

    sheet: Path
    edits: Sequence[Edit] = ()
    empty_agreed: bool = False  # a person agreed to skip the empty rows


def take_in(
    store: Store, workspace: Workspace, source: SheetSource, settings: Settings, *, now: float
) -> Intake:
    """Load or reconcile the sheet. Raises Refusal or SheetError; then nothing was changed."""
    for _ in range(MOST_LOADS):
        try:
            return _take_in(store, workspace, source, settings, now=now)
        except _OvertakenError:
            continue
        except BusyError as error:
            if not store.shared or not is_away(error):
                raise
    return _take_in(store, workspace, source, settings, now=now)


def is_loaded(store: Store, workspace: Workspace, source: SheetSource, settings: Settings) -> bool:
    """True if the table has this sheet as it is, so that `take_in` would change no row."""
    load = _load_of(store, workspace, source, settings, now=0.0)
    return load.known is not None and load.is_known(load.known)


def _take_in(
    store: Store, workspace: Workspace, source: SheetSource, settings: Settings, *, now: float
) -> Intake:
    load = _load_of(store, workspace, source, settings, now=now)
    _check_origin(load)
    return _same_as_last_time(load) or _first_load(load) or _reconcile(load)


def _load_of(
    store: Store, workspace: Workspace, source: SheetSource, settings: Settings, *, now: float
) -> "_Load":
    with store.read() as tx:
        known = loaded_sheet(tx, SHEET_ID)
        kept = edits_of(tx, SHEET_ID)
    _check_owner(workspace, known, source.sheet, settings)
    return _Load(
        store=store,
        workspace=workspace,
        source=source,
        settings=settings,
        now=now,
        known=known,
        sheet_digest=_digest_of(source.sheet),
        kept=kept,
        edits=merge_edits(kept, source.edits),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Load:
    """One call of `take_in`: what is loaded where, and what the table has of it."""

    store: Store
    workspace: Workspace
    source: SheetSource
    settings: Settings
    now: float  # Unix seconds
    known: LoadedSheet | None
    sheet_digest: bytes  # taken before reading: an edit meanwhile is found by the next run
    kept: Sequence[Edit]  # edits that the table holds
    edits: Sequence[Edit]  # those and the new ones

    def options(self, edits: Sequence[Edit]) -> dict[str, JSON]:
        """Everything besides the sheet's bytes that decides what the requests are."""
        options = shaping_options(self.settings, self.source.sheet, self.workspace)
        return options | ({"edits": digest_of(edits)} if edits else {})

    def is_known(self, known: LoadedSheet) -> bool:
        """True if neither the sheet, nor its pictures, nor the options changed."""
        same_options = digest_of_options(self.options(self.edits)) == known.options_digest
        return same_options and self.same_file(known)

    def same_file(self, known: LoadedSheet) -> bool:
        """True if neither the sheet nor its pictures changed."""
        same_bytes = self.sheet_digest == known.sheet_digest
        return same_bytes and all(_untouched(one) for one in known.attached)


def _same_as_last_time(load: _Load) -> Intake | None:
    """The sheet as it is in the table, if neither bytes nor options changed."""
    known, settings, sheet = load.known, load.settings, load.source.sheet
    if known is None or settings.same_sheet or not load.is_known(known):
        return None
    require_name(settings.name, known.headers)
    options = _options(settings, sheet, load.workspace)
    if options != known.options:  # some options shape no request
        with load.store.write() as tx:
            remember_options(tx, SHEET_ID, options)
    return Intake(sheet=sheet, unread=True, headers=known.headers, layout=known.layout)


def _first_load(load: _Load) -> Intake | None:
    """Read a first sheet straight into the empty table; None if the table is not empty."""
    # What reads sheets takes a tenth of a second to import, which an unchanged sheet saves.
    from jobs.store.staging import is_empty  # noqa: PLC0415
    from runner.intake.understand import Previous, understand  # noqa: PLC0415

    with load.store.read() as tx:
        if load.known is not None or load.edits or load.kept or not is_empty(tx):
            return None
    with load.store.first_load() as tx:
        if load.store.shared and not is_empty(tx):
            raise _OvertakenError
        found = understand(tx, load.source.sheet, load.settings, Previous(first_load_at=load.now))
        if not load.settings.rebuy:
            refuse_neighbours_rows(found, load.workspace)
        guard(found, load.settings, empty_agreed=load.source.empty_agreed)
        _apply(found, load, load.edits)
    return found.intake


def _reconcile(load: _Load) -> Intake:
    """Stage the sheet beside the table, compare the two, apply the difference."""
    from runner.intake.understand import Previous, understand  # noqa: PLC0415 - as in _first_load

    with load.store.session() as tx, tx.begin():
        known, new_edits = load.known, load.source.edits
        same_file = known is not None and not new_edits and load.same_file(known)
        before = Previous(known=known, edits=load.edits, same_file=same_file)
        found = understand(tx, load.source.sheet, load.settings, before)
        if load.store.shared and loaded_sheet(tx, SHEET_ID) != load.known:
            raise _OvertakenError
        if load.known is None and not load.settings.rebuy:
            refuse_neighbours_rows(found, load.workspace)
        touched = {edit.key for edit in load.source.edits}
        guard(found, load.settings, touched=touched, empty_agreed=load.source.empty_agreed)
        if load.kept and not load.edits:
            found.staging.edits = []  # all of them were taken back
        # `staging.edits` leaves out those whose cell was changed in the sheet since.
        held = load.edits if found.staging.edits is None else found.staging.edits
        _apply(found, load, held)
    return found.intake


def _apply(found: "Understood", load: _Load, edits: Sequence[Edit]) -> None:
    if load.workspace.place.shared and found.maker.local:
        _share_inputs(found, load)
    found.staging.apply(now=load.now, sheet=_record(found, load, edits))
    reach("load.staged")


def _share_inputs(found: "Understood", load: _Load) -> None:
    """Put the local files that rows send where every host sees them, before a row names them."""
    from runner.files.attachments import AttachmentError  # noqa: PLC0415 - seldom needed
    from runner.files.inputs import InputPlace, put_inputs  # noqa: PLC0415 - as above
    from runner.files.targets import FileNeeds, why_target_is_needed  # noqa: PLC0415 - as above

    workspace, settings, sheet = load.workspace, load.settings, load.source.sheet
    target = workspace.target
    why = why_target_is_needed(
        FileNeeds(local_pictures=True), shared=True, target=target.address if target else None
    )
    if why is not None:
        raise Refusal(why)
    here = InputPlace(
        folder=sheet.absolute().parent, allowed=settings.files_from, shared=False, target=target
    )
    try:
        put_inputs(found.maker.local, here, scratch=workspace.parts)
    except (AttachmentError, FileNotFoundError) as error:
        raise Refusal(say("target.input_changed", reason=str(error))) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What `check` compares a sheet with: its workspace, and the neighbouring ones."""

    workspace: Workspace
    known: LoadedSheet | None
    count: int  # requests to be shown


def dry_run(store: Store, sheet: Path, settings: Settings, against: DryRun) -> Intake:
    """What `take_in` would do, without changing anything."""
    from jobs.store.staging import absence_staged  # noqa: PLC0415 - as in `take_in`
    from runner.intake.understand import Previous, understand  # noqa: PLC0415

    with store.session() as tx, tx.begin():
        before = Previous(known=against.known, edits=edits_of(tx, SHEET_ID))
        found = understand(tx, sheet, settings, before, count=against.count)
        absence = absence_staged(tx, settings.rows) if settings.rows is not None else None
        new = against.known is None and not settings.rebuy
        elsewhere = answered_elsewhere(found, against.workspace) if new else ""
        return replace(found.intake, elsewhere=elsewhere, absence=absence)


def _digest_of(sheet: Path) -> bytes:
    try:
        with sheet.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").digest()
    except OSError:
        return b""  # opening it as a sheet says why


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
                folder=workspace.name,
                theirs=known.sheet,
                ours=sheet.name,
            )
        )


def origin_of(sheet: Path) -> str:
    """Where a sheet comes from, as a shared table records it: machine and folder, as JSON."""
    origin = {"machine": platform.node(), "folder": str(sheet.absolute().parent)}
    return json.dumps(origin, ensure_ascii=False, sort_keys=True)


def _check_origin(load: _Load) -> None:
    """Raises Refusal if another person's sheet of the same name is in the shared table.

    With `--same-sheet` ours takes its place.
    """
    place = load.workspace.place
    if isinstance(place, FolderPlace) or load.known is None:
        return
    if load.sheet_digest == load.known.sheet_digest:
        return
    ours, theirs = origin_of(load.source.sheet), place.recorded_origin()
    if theirs in (None, "{}", ours):
        return
    if load.settings.same_sheet:
        replace(place, origin=ours).record_origin()
        return
    raise Refusal(say("workspace.other_origin", name=place.name, origin=_origin_words(theirs)))


def _origin_words(origin: str | None) -> str:
    """The machine and folder of an origin, for people."""
    found = json.loads(origin or "{}")
    return f"{found.get('machine', '?')}:{found.get('folder', '?')}"


def _record(found: "Understood", load: _Load, edits: Sequence[Edit]) -> dict[str, object]:
    """The loaded sheet as the table keeps it."""
    sheet = load.source.sheet
    folder = sheet.absolute().parent
    return {
        "sheet": sheet.name,
        "sheet_digest": load.sheet_digest,
        "options_digest": digest_of_options(load.options(edits)),
        "headers": list(found.intake.headers),
        "layout": dict(found.intake.layout),
        "id_column": found.identity.header,
        "options": _options(load.settings, sheet, load.workspace),
        "attached": [
            [str(folder / one.value), one.size, one.mtime_ns]
            for one in found.maker.attached.values()
        ],
    }


def _options(settings: Settings, sheet: Path, workspace: Workspace) -> dict[str, JSON]:
    """The options that later commands start from, as JSON."""
    remembered = settings.to_remember()
    shared = workspace.place.shared  # each machine has a path of its own
    remembered["sheet_path"] = sheet.name if shared else _relative(sheet, workspace.folder)
    plain: dict[str, JSON] = json.loads(json.dumps(remembered, default=str))
    return plain


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.absolute(), folder)).as_posix()
    except ValueError:  # another drive on Windows
        return path.absolute().as_posix()
