"""Reads the pictures and links of a copied workbook again."""

import re
import zipfile
from xml.etree import ElementTree as ET

from jobs.sheet.copy.insertion import inserted
from jobs.sheet.copy.parts import (
    CHUNK_BYTES,
    UnfitWorkbookError,
    drawing_of,
    read_part,
    relation_of,
    relations,
    tree,
)
from jobs.sheet.copy.pictures import TabFiles

_END = b"</sheetData>"
_ROOT = re.compile(rb"<worksheet\b[^<>]*>")


def verify_files(old: zipfile.ZipFile, new: zipfile.ZipFile, files: TabFiles) -> None:
    """Raises UnfitWorkbookError if the copy does not show these files, or lost what it had."""
    _, before = _ends(old, files.part)
    root, after = _ends(new, files.part)
    if after != inserted(before, files.tail):
        raise UnfitWorkbookError("copy_other_part", part=files.part)
    found = _links_in(new, files.part, root + b"<sheetData>" + after)
    if any(found.get(cell) != files.address_of(path) for cell, path in files.links):
        raise UnfitWorkbookError("copy_other_part", part=files.part)
    if files.pictures:
        drawing = drawing_of(new, files.part)
        anchors = _anchors_in(new, drawing) if drawing is not None else {}
        for one in files.pictures:
            medium = anchors.get((one.row, one.column))
            if medium is None or read_part(new, medium) != one.picture.read_bytes():
                raise UnfitWorkbookError("copy_other_results", row=one.row + 1)


def _ends(archive: zipfile.ZipFile, part: str) -> tuple[bytes, bytes]:
    """The root's tag of a tab, and everything from the end of its rows on."""
    with archive.open(part) as file:
        held = file.read(CHUNK_BYTES)
        root = _ROOT.search(held)
        while _END not in held and (chunk := file.read(CHUNK_BYTES)):
            held = held[-len(_END) :] + chunk
        tail = held[held.find(_END) :] + file.read()
    if root is None:
        raise UnfitWorkbookError("copy_unusual")
    return root[0], tail


def _anchors_in(archive: zipfile.ZipFile, drawing: str) -> dict[tuple[int, int], str]:
    """Row and column → media part of each picture in a drawing; of several, the last."""
    known = relations(archive, drawing)
    found = {}
    for anchor in tree(archive, drawing):
        start = next((one for one in anchor if one.tag.endswith("}from")), None)
        blip = next((one for one in anchor.iter() if one.tag.endswith("}blip")), None)
        if start is None or blip is None:
            continue
        medium = known.get(_embedded(blip))
        if medium is not None:
            found[_number(start, "row"), _number(start, "col")] = medium.target
    return found


def _links_in(archive: zipfile.ZipFile, part: str, sheet: bytes) -> dict[str, str]:
    """Cell → address of each link in a tab without its rows."""
    known = relations(archive, part)
    found = {}
    for one in ET.fromstring(sheet).iter():  # noqa: S314 - a workbook with entities was refused
        if one.tag.endswith("}hyperlink") and (relation := known.get(relation_of(one) or "")):
            found[one.get("ref", "")] = relation.target
    return found


def _embedded(blip: ET.Element) -> str:
    return next((value for key, value in blip.items() if key.endswith("}embed")), "")


def _number(start: ET.Element, name: str) -> int:
    text = next((one.text for one in start if one.tag.endswith(f"}}{name}")), None)
    return int(text or -1)
