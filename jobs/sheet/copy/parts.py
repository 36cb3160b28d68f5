"""Finds the part of an .xlsx that holds a tab, and the columns under its drawings."""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from jobs.errors import ObstacleError

DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_ANCHOR = re.compile(
    rb"<(?:\w+:)?to>\s*<(?:\w+:)?col>(\d+)</(?:\w+:)?col>\s*<(?:\w+:)?colOff>(-?\d+)<"
)
CHUNK_BYTES = 1 << 20
HEAD_BYTES = 4_096  # in which a tab names its namespaces
MAX_XML_BYTES = 50_000_000  # of a part that is read whole


class UnfitWorkbookError(ObstacleError):
    """This workbook cannot be copied with columns added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """What a part refers to: a part, or an address outside the package."""

    kind: str
    target: str
    outside: bool


def sheet_part(archive: zipfile.ZipFile, tab: str) -> str:
    """The name of the part that holds a tab."""
    root = _relationships(archive, "")
    workbook = next((target for kind, target, _ in root if kind.endswith("/officeDocument")), None)
    if workbook is None:
        raise UnfitWorkbookError("copy_no_workbook")
    targets = {identity: target for _, target, identity in _relationships(archive, workbook)}
    for element in tree(archive, workbook).iter():
        if element.tag.endswith("}sheet") and element.get("name") == tab:
            found = targets.get(relation_of(element) or "")
            if found is not None and found in archive.namelist():
                return found
    raise UnfitWorkbookError("copy_no_tab", tab=tab)


def columns_under_drawings(archive: zipfile.ZipFile, part: str) -> int:
    """The number of columns from the left that have charts or pictures over them."""
    most = 0
    for kind, target, _ in _relationships(archive, part):
        if kind.endswith("/drawing") and target in archive.namelist():
            for column, offset in _ANCHOR.findall(read_part(archive, target)):
                most = max(most, int(column) + (int(offset) > 0))
    return most


def drawing_of(archive: zipfile.ZipFile, part: str) -> str | None:
    """The drawing of a tab; None if it has none."""
    return next(
        (
            one.target
            for one in relations(archive, part).values()
            if one.kind.endswith("/drawing") and one.target in archive.namelist()
        ),
        None,
    )


def is_strict(archive: zipfile.ZipFile, part: str) -> bool:
    """True for a tab in the strict form of the standard, whose names are other ones."""
    with archive.open(part) as file:
        return b"purl.oclc.org" in file.read(HEAD_BYTES)


def stretching_rows(archive: zipfile.ZipFile, part: str) -> list[range]:
    """The rows, from 1, whose height a chart or picture over several rows follows."""
    drawing = drawing_of(archive, part)
    if drawing is None:
        return []
    found = []
    for anchor in tree(archive, drawing):
        if anchor.tag.endswith("}twoCellAnchor") and anchor.get("editAs") in {None, "twoCell"}:
            rows = [int(one.text or 0) for one in anchor.iter() if one.tag.endswith("}row")][:2]
            if len(rows) == 2 and rows[1] > rows[0]:
                found.append(range(rows[0] + 1, rows[1] + 1))
    return found


def relations_path(part: str) -> str:
    """The part that holds the relationships of a part."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def relations(archive: zipfile.ZipFile, part: str) -> dict[str, Relation]:
    """A part's relationships by id."""
    path = relations_path(part)
    if path not in archive.namelist():
        return {}
    folder = posixpath.dirname(part)
    found = {}
    for element in tree(archive, path).iter(_PACKAGE):
        target, outside = element.get("Target", ""), element.get("TargetMode") == "External"
        if not outside:
            whole = target.lstrip("/") if target.startswith("/") else f"{folder}/{target}"
            target = posixpath.normpath(whole).lstrip("/")
        kind = element.get("Type", "")
        found[element.get("Id", "")] = Relation(kind=kind, target=target, outside=outside)
    return found


def _relationships(archive: zipfile.ZipFile, part: str) -> list[tuple[str, str, str]]:
    """Type, target part and id of a part's relationships inside the package."""
    return [
        (one.kind, one.target, identity)
        for identity, one in relations(archive, part).items()
        if not one.outside
    ]


def relation_of(element: ET.Element) -> str | None:
    """The id of the relationship that an element names."""
    named = element.get(f"{{{DOCUMENT}}}id")
    if named is not None:
        return named
    others: Iterator[str] = (value for key, value in element.items() if key.endswith("}id"))
    return next(others, None)


def tree(archive: zipfile.ZipFile, part: str) -> ET.Element:
    """A part as a tree. Raises UnfitWorkbookError for one that is broken or declares entities."""
    raw = read_part(archive, part)
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise UnfitWorkbookError("copy_entities", part=part)
    try:
        return ET.fromstring(raw)  # noqa: S314 - without entities there is nothing to expand
    except ET.ParseError as error:
        raise UnfitWorkbookError("copy_broken_part", part=part) from error


def read_part(archive: zipfile.ZipFile, part: str) -> bytes:
    """The bytes of a part of bounded size."""
    if archive.getinfo(part).file_size > MAX_XML_BYTES:
        raise UnfitWorkbookError("copy_large_part", part=part)
    return archive.read(part)
