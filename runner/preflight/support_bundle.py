"""Writes a zip about a setup for support: without keys, prompts, answers or names of people."""

import json
import platform
import re
import sys
import zipfile
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jobs.job import JSON
from jobs.store import TableError
from jobs.store.integrity import DamagedError
from jobs.store.queries.totals import counts, failures, spent
from runner.secret import redacted
from runner.views.preflight_records import DoctorRecord, SettingRecord
from runner.workspace.workspace import SHEET_ID, Workspace

PACKAGES = ("aiohttp", "httpx", "sqlalchemy", "click", "pandas", "pyarrow", "python-calamine")
MAX_LOG_BYTES = 2 << 20  # of the log's end
_ATTEMPT = re.compile(r"^(\S+ \S+ \w+) (row=\d+ endpoint=[\w-]+ [ -~]*)$")
_HEAD = re.compile(r"^(\d{4}-\d\d-\d\d \S+ \w+) ")
_WITHHELD = frozenset(
    {*("prompt", "set", "column", "id", "tab", "name", "files_from", "notify"), "db", "files"}
)


def write_bundle(target: Path, diagnosis: DoctorRecord, workspace: Workspace | None) -> None:
    """Write the zip; an existing file is never replaced (FileExistsError)."""
    parts: dict[str, object] = {"doctor.json": _anonymous(diagnosis), "machine.json": _machine()}
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as out:
        for name, part in parts.items():
            out.writestr(name, _text(part))
        if workspace is not None and workspace.table.exists():
            with suppress(DamagedError, TableError):  # doctor.json says what is wrong with it
                out.writestr("table.json", _text(_standing(workspace)))
        if workspace is not None and workspace.log.exists():
            out.writestr("attempts.log", _attempts(workspace.log))


def _text(part: object) -> str:
    """JSON without keys, and with the user's home folder as ~."""
    text = json.dumps(part, ensure_ascii=False, indent=2)
    return redacted(text).replace(json.dumps(str(Path.home()))[1:-1], "~")


def _anonymous(diagnosis: DoctorRecord) -> DoctorRecord:
    """Withhold the values of settings that may hold the user's own words."""
    kept: list[SettingRecord] = []
    for one in diagnosis["settings"]:
        withheld = one["name"] in _WITHHELD and one["source"] != "default"
        kept.append({**one, "value": "[withheld]"} if withheld else one)
    return {**diagnosis, "settings": kept}


def _machine() -> JSON:
    found: dict[str, JSON] = {"system": platform.platform(), "python": sys.version}
    for package in ("rowmill", *PACKAGES):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _standing(workspace: Workspace) -> JSON:
    """Numbers only: the provider's own words may quote a prompt."""
    with workspace.place.look() as store, store.read() as tx:
        rows, used = counts(tx, SHEET_ID), spent(tx, SHEET_ID)
        failed: list[JSON] = [
            {"class": alike.kind, "cause": alike.cause, "rows": alike.count}
            for alike in failures(tx, SHEET_ID)
        ]
    places = ("done", "failed", "in_doubt", "skipped", "waiting", "sending", "polling", "fetching")
    return {
        "rows": {name: getattr(rows, name) for name in places},
        "calls": used.calls,
        "calls_in_doubt": used.unknown_calls,
        "calls_unpriced": used.unpriced_calls,
        "failures": failed,
    }


def _attempts(log: Path) -> str:
    """The lines about attempts; of other lines only time and level."""
    with log.open("rb") as file:
        file.seek(max(log.stat().st_size - MAX_LOG_BYTES, 0))
        lines = file.read().decode("utf-8", "replace").splitlines()
    kept = []
    for line in lines:
        if _ATTEMPT.match(line):
            kept.append(redacted(line))
        elif head := _HEAD.match(line):
            kept.append(f"{head[1]} [withheld]")
    return "\n".join(kept) + "\n"
