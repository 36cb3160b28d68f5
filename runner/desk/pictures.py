"""Pictures that a sheet names and its folder lacks, and a place for those that are dropped."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from jobs.loading.columns import ColumnMap
from jobs.sheet.finding import SheetError
from runner.desk.sheets import FORBIDDEN_SIGNS
from runner.endpoints.fields import FieldKind
from runner.endpoints.fields import describe as fields_of
from runner.endpoints.registry import ENDPOINTS
from runner.files.attachments import CELL_PIECE, URL_SCHEME
from runner.intake.opening import open_with_settings
from runner.protocol.pictures import HEAD_BYTES, media_type
from runner.settings.settings import Settings

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
MAX_ROWS_READ = 20_000
MAX_NAMES = 500
MAX_FOLDERS = 4  # above a picture, below the sheets
_SLASHES = re.compile(r"[\\/]+")


def missing_pictures(sheet: Path, settings: Settings, columns: ColumnMap | None) -> tuple[str, ...]:
    """The relative paths in picture columns under which there is no file, each once."""
    found: dict[str, None] = {}
    for text in _named(sheet, settings, columns):
        name = picture_name(text)
        if name is not None and not (sheet.parent / name).exists():
            found[name] = None
            if len(found) == MAX_NAMES:
                break
    return tuple(found)


def _named(sheet: Path, settings: Settings, columns: ColumnMap | None) -> Iterator[str]:
    """What the cells of the picture columns name."""
    endpoint = ENDPOINTS.get(settings.endpoint or "")
    if endpoint is None or columns is None:
        return
    kinds = {one.name: one.kind for one in fields_of(endpoint.inputs)}
    indices = [at for at, name in columns.fields if kinds.get(name) is FieldKind.PICTURES]
    if not indices:
        return
    try:
        for _, cells in islice(open_with_settings(sheet, settings).rows(), MAX_ROWS_READ):
            for at in indices:
                if at < len(cells) and isinstance(cells[at], str):
                    yield from map(str.strip, CELL_PIECE.findall(str(cells[at])))
    except SheetError:
        return  # the check of the sheet tells it


def picture_name(text: str) -> str | None:
    """A path below the sheets' folder that a picture may be stored under; None for any other."""
    if not text or URL_SCHEME.match(text) or text[0] in "/\\~":
        return None
    parts = _SLASHES.split(text)
    if any(not part or part[0] == "." or FORBIDDEN_SIGNS.search(part) for part in parts):
        return None
    name = PurePosixPath(*parts)
    is_fit = name.suffix.lower() in ENDINGS and len(parts) <= MAX_FOLDERS + 1 and len(text) < 250
    return str(name) if is_fit else None


def store_picture(folder: Path, name: str, part: Path) -> bool:
    """Give a received picture its place. False if it is no picture, or the place is taken."""
    place = folder / name
    with part.open("rb") as file:
        is_picture = (media_type(file.read(HEAD_BYTES)) or "").startswith("image/")
    above = next(one for one in place.parents if one.exists())
    inside = above.resolve().is_relative_to(folder.resolve())
    if not is_picture or not inside or place.exists() or place.is_symlink():
        part.unlink()
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    part.replace(place)
    return True
