"""Which workspace a command means, by its SHEET, `--db`, `--workspace` and what is remembered."""

import hashlib
import json
import os
import socket
from dataclasses import replace
from pathlib import Path

from runner.catalogue import say
from runner.console import options
from runner.console.screen import print_message
from runner.exits import Refusal
from runner.settings.database_url import DatabaseUrl, weak_tls
from runner.settings.known_database import known_database, known_databases_in
from runner.settings.schema import NO_DATABASE
from runner.settings.settings import Settings
from runner.settings.state_file import state_file
from runner.workspace.lookup import all_in, find, folder_of
from runner.workspace.workspace import Workspace

NAME_SIGNS = 40  # of a workspace's name, in the name of its folder on this machine


def find_workspace(named: Path | None) -> Workspace:
    """The workspace that a command means; it exists.

    Raises Refusal if there is none or more than one.
    """
    settings = options.unasked(named)
    if named is None and settings.workspace is None and settings.db is None:
        named = _only_known(Path.cwd())
    url = _database_of(named, settings)
    if url is None:
        return find(named, settings.workspace)
    # Reads the stored passwords, which a folder needs not.
    from runner.settings.database_place import named_in  # noqa: PLC0415

    return _shared(named_in(url, os.environ), named, settings)


def database_of(named: Path | None) -> DatabaseUrl | None:
    """The database that holds the table of the named sheet; None if its folder does."""
    return _database_of(named, options.unasked(named))


def workspace_for(sheet: Path, url: DatabaseUrl) -> Workspace:
    """The workspace of a sheet's file in a database, whether it exists there or not."""
    url = url if url.name is not None else url.named(sheet.name)
    return _shared(url, sheet, options.unasked(sheet))


def _shared(url: DatabaseUrl, named: Path | None, settings: Settings) -> Workspace:
    """The workspace in a database, with the folder that it has on this machine."""
    from runner.settings.database_place import database_place  # noqa: PLC0415 - as above

    mode = weak_tls(url, os.environ)
    if mode is not None and not settings.quiet:
        text = say("db.weak_tls", url=url.server, mode=mode)
        print_message(say("cli.warning", text=text))
    folder = folder_of(named, settings.workspace) or _own_folder(url)
    origin = _origin(named) if named is not None and named.is_file() else "{}"
    return Workspace(folder=folder, database=database_place(url, os.environ, origin=origin))


def _origin(sheet: Path) -> str:
    """Where a sheet comes from: the same name from elsewhere may be another sheet."""
    folder = str(sheet.absolute().parent)
    return json.dumps({"machine": socket.gethostname(), "folder": folder}, ensure_ascii=False)


def _database_of(named: Path | None, settings: Settings) -> DatabaseUrl | None:
    folder = folder_of(named, settings.workspace)
    known = known_database(folder) if folder is not None else None
    given = settings.db
    if given == NO_DATABASE:
        return None
    if not isinstance(given, DatabaseUrl):
        return known
    if given.name is not None:
        return given
    if known is not None and known.server == given.server:
        return replace(known, password=given.password)
    return given.named(named.name) if named is not None and named.is_file() else given


def _only_known(folder: Path) -> Path | None:
    """The only workspace of this folder, if its table is in a database."""
    known = known_databases_in(folder)
    if not known:
        return None
    names = [path.name for path in known] + [one.folder.name for one in all_in(folder)]
    if len(names) > 1:
        raise Refusal(say("workspace.several", names=", ".join(sorted(names))))
    return next(iter(known))


def _own_folder(url: DatabaseUrl) -> Path:
    """Where the log and the spool of a host are that was given an address and no sheet."""
    assert url.name is not None
    digest = hashlib.sha256(f"{url.key_place}#{url.name}".encode()).hexdigest()[:12]
    readable = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in url.name)
    return state_file("shared") / f"{readable[:NAME_SIGNS]}-{digest}"
