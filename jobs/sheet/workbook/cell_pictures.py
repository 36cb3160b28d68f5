"""Finds the pictures in the cells of a workbook, or floating above them.

There are three ways. WPS keeps them in `cellimages.xml` under a name that a formula uses, Excel in
its rich data under a number at the cell, and both in a drawing that is anchored at a cell.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from jobs.sheet.workbook.package import PREFIX, Package, attributes
from jobs.sheet.workbook.scan import CellPlace, TabScan

T = TypeVar("T")

# Elements are split at their end tags; the content is what precedes an end tag.
_IMAGE_END = re.compile(rf"</{PREFIX}cellImage>")
_ANCHOR_END = re.compile(rf"</{PREFIX}(?:twoCell|oneCell)Anchor>")
_BLOCK_END = re.compile(rf"</{PREFIX}bk>")
_VALUES_END = re.compile(rf"</{PREFIX}rv>")
_NAME = re.compile(rf'<{PREFIX}cNvPr\s[^>]{{0,2000}}?\bname="([^"]{{1,200}})"')
_EMBEDDED = re.compile(r'\br:embed="([^"]{1,100})"')
_COLUMN = re.compile(rf"<{PREFIX}col>\s{{0,9}}(\d{{1,5}})")
_ROW = re.compile(rf"<{PREFIX}row>\s{{0,9}}(\d{{1,7}})")
_FIRST_VALUE = re.compile(rf"<{PREFIX}v>(\d{{1,9}})<")
_REL = re.compile(rf"<{PREFIX}rel\s([^>]{{0,2000}})>")
_RICH_PART = "xl/richData/richValueRel.xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPictures:
    """Pictures by cell, as names of parts. `lost` are cells whose picture is missing."""

    inside: Mapping[CellPlace, str]
    floating: Mapping[CellPlace, tuple[str, ...]]
    lost: frozenset[CellPlace]


NO_PICTURES = CellPictures(inside={}, floating={}, lost=frozenset())
"""For formats in which pictures are not looked for."""


def cell_pictures(package: Package, part: str, scan: TabScan) -> CellPictures:
    """All pictures of a tab."""
    inside: dict[CellPlace, str] = {}
    lost: set[CellPlace] = set()
    named = _named(package) if scan.images else {}
    rich = _rich(package) if scan.rich else {}
    wanted = [
        *((place, named.get(name)) for place, name in scan.images.items()),
        *((place, rich.get(number)) for place, number in scan.rich.items()),
    ]
    for place, found in wanted:
        if found is not None and found in package:
            inside[place] = found
        else:
            lost.add(place)
    return CellPictures(inside=inside, floating=_floating(package, part), lost=frozenset(lost))


def _named(package: Package) -> dict[str, str]:
    """WPS: name in DISPIMG → part."""
    part = "xl/cellimages.xml"
    related = package.relations(part)
    found = {}
    for block in _IMAGE_END.split(package.text(part))[:-1]:
        name, embedded = _NAME.search(block), _EMBEDDED.search(block)
        if name and embedded and embedded[1] in related:
            found[name[1]] = related[embedded[1]][1]
    return found


def _rich(package: Package) -> dict[int, str]:
    """Excel: the cell's number (from 1) → part, by way of metadata, rich value and relation."""
    metadata = package.text("xl/metadata.xml")
    future, _, values = metadata.partition("<valueMetadata")
    values = values or future.partition(":valueMetadata")[2]
    rich_numbers = [_number(r'\bi="(\d{1,9})"', block) for block in _BLOCK_END.split(future)[:-1]]
    rich_values = _VALUES_END.split(package.text("xl/richData/rdrichvalue.xml"))[:-1]
    related = package.relations(_RICH_PART)
    relations = [
        next((value for name, value in attributes(tag).items() if name.endswith(":id")), "")
        for tag in _REL.findall(package.text(_RICH_PART))
    ]
    found = {}
    for number, block in enumerate(_BLOCK_END.split(values)[:-1], 1):
        at = _picked(rich_numbers, _number(r'\bv="(\d{1,9})"', block))
        value = _FIRST_VALUE.search(_picked(rich_values, at) or "")
        key = _picked(relations, int(value[1])) if value else None
        if key in related:
            found[number] = related[key][1]
    return found


def _floating(package: Package, part: str) -> dict[CellPlace, tuple[str, ...]]:
    found: dict[CellPlace, list[str]] = {}
    for kind, drawing in package.relations(part).values():
        if kind != "drawing":
            continue
        related = package.relations(drawing)
        for anchor in _ANCHOR_END.split(package.text(drawing))[:-1]:
            row, column = _ROW.search(anchor), _COLUMN.search(anchor)
            embedded = _EMBEDDED.search(anchor)
            if row and column and embedded and embedded[1] in related:
                place = (int(row[1]), int(column[1]))
                found.setdefault(place, []).append(related[embedded[1]][1])
    return {place: tuple(parts) for place, parts in found.items()}


def _number(pattern: str, text: str) -> int | None:
    found = re.search(pattern, text)
    return int(found[1]) if found else None


def _picked(things: Sequence[T], at: int | None) -> T | None:
    return things[at] if at is not None and 0 <= at < len(things) else None
