"""Finds the part of an .xlsx that holds a tab, and the columns under its drawings."""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from jobs.errors import ObstacleError

_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_ANCHOR = re.compile(
    rb"<(?:\w+:)?to>\s*<(?:\w+:)?col>(\d+)</(?:\w+:)?col>\s*<(?:\w+:)?colOff>(-?\d+)<"
)
MAX_XML_BYTES = 50_000_000  # of a part that is read whole


class UnfitWorkbookError(ObstacleError):
    """This workbook cannot be copied with columns added."""


def sheet_part(archive: zipfile.ZipFile, tab: str) -> str:
    """The name of the part that holds a tab."""
    root = _relationships(archive, "")
    workbook = next((target for kind, target, _ in root if kind.endswith("/officeDocument")), None)
    if workbook is None:
        raise UnfitWorkbookError("copy_no_workbook")
    targets = {identity: target for _, target, identity in _relationships(archive, workbook)}
    for element in _tree(archive, workbook).iter():
        if element.tag.endswith("}sheet") and element.get("name") == tab:
            found = targets.get(_relation_of(element) or "")
            if found is not None and found in archive.namelist():
                return found
    raise UnfitWorkbookError("copy_no_tab", tab=tab)


def columns_under_drawings(archive: zipfile.ZipFile, part: str) -> int:
    """The number of columns from the left that have charts or pictures over them."""
    most = 0
    for kind, target, _ in _relationships(archive, part):
        if kind.endswith("/drawing") and target in archive.namelist():
            for column, offset in _ANCHOR.findall(_read(archive, target)):
                most = max(most, int(column) + (int(offset) > 0))
    return most


def _relationships(archive: zipfile.ZipFile, part: str) -> list[tuple[str, str, str]]:
    """Type, target part and id of a part's relationships inside the package."""
    folder, name = posixpath.split(part)
    path = posixpath.join(folder, "_rels", f"{name}.rels")
    if path not in archive.namelist():
        return []
    found = []
    for element in _tree(archive, path).iter(_PACKAGE):
        if element.get("TargetMode") != "External":
            target = element.get("Target", "")
            whole = target.lstrip("/") if target.startswith("/") else f"{folder}/{target}"
            normal = posixpath.normpath(whole).lstrip("/")
            found.append((element.get("Type", ""), normal, element.get("Id", "")))
    return found


def _relation_of(element: ET.Element) -> str | None:
    named = element.get(f"{{{_DOCUMENT}}}id")
    if named is not None:
        return named
    others: Iterator[str] = (value for key, value in element.items() if key.endswith("}id"))
    return next(others, None)


def _tree(archive: zipfile.ZipFile, part: str) -> ET.Element:
    raw = _read(archive, part)
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise UnfitWorkbookError("copy_entities", part=part)
    try:
        return ET.fromstring(raw)  # noqa: S314 - without entities there is nothing to expand
    except ET.ParseError as error:
        raise UnfitWorkbookError("copy_broken_part", part=part) from error


def _read(archive: zipfile.ZipFile, part: str) -> bytes:
    if archive.getinfo(part).file_size > MAX_XML_BYTES:
        raise UnfitWorkbookError("copy_large_part", part=part)
    return archive.read(part)
