"""Answers with files of a workspace, and with nothing beside them."""

from pathlib import Path

from aiohttp import web

from runner.protocol.media import MEDIA_ENDINGS
from runner.protocol.pictures import FILE_ENDINGS

MEDIA_TYPES = {ending: media_type for media_type, ending in (FILE_ENDINGS | MEDIA_ENDINGS).items()}


def inside(folder: Path, name: str) -> Path:
    """The file of that name in a folder; 404 for a name or link that leads out of it."""
    try:
        path = (folder / name).resolve()
        is_inside = path.is_relative_to(folder.resolve()) and not path.is_dir()
    except (OSError, ValueError):  # a name that no file system holds: NUL, too long
        is_inside = False
    if not is_inside:
        raise web.HTTPNotFound
    return path


def given(path: Path) -> web.StreamResponse:
    """Send a picture, film or sound as what it is, anything else as a download."""
    if not path.is_file():
        raise web.HTTPNotFound
    kind = MEDIA_TYPES.get(path.suffix.lower())
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox"}
    headers["Content-Type"] = kind or "application/octet-stream"
    if kind is None:
        headers["Content-Disposition"] = "attachment"
    return web.FileResponse(path, headers=headers)
