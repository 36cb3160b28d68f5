"""Finds where elements go into a part of a workbook, so that the rest of it stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.parsers import expat

from jobs.sheet.copy.parts import UnfitWorkbookError


@dataclass(frozen=True, slots=True, kw_only=True)
class PartElement:
    """An element right below the root: its name, and the offsets of its two tags."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The root's name, its children, and the offset of its closing tag."""

    root: str
    children: Sequence[PartElement]
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """Bytes that come into a part, and the offset before which they come."""

    at: int
    piece: bytes


def outline(part: str, raw: bytes) -> Outline:
    """The outline of an XML part. Raises UnfitWorkbookError for one that cannot be added to."""
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise UnfitWorkbookError("copy_entities", part=part)
    names: list[str] = []
    starts: list[int] = []
    children: list[PartElement] = []
    ends: list[int] = []
    parser = expat.ParserCreate()

    def opened(name: str, _: object) -> None:
        names.append(name) if not names else None
        starts.append(parser.CurrentByteIndex)

    def closed(name: str) -> None:
        start, at = starts.pop(), parser.CurrentByteIndex
        if len(starts) == 1:
            children.append(PartElement(name=name, start=start, end=at))
        elif not starts:
            ends.append(at)

    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    try:
        parser.Parse(raw, True)  # noqa: FBT003 - expat takes no names
    except (expat.ExpatError, ValueError) as error:
        raise UnfitWorkbookError("copy_broken_part", part=part) from error
    if raw[ends[0] : ends[0] + 2] != b"</":  # an empty root has no place for children
        raise UnfitWorkbookError("copy_other_part", part=part)
    return Outline(root=names[0], children=children, end=ends[0])


def at_the_end(part: str, raw: bytes, piece: bytes, *, root: str) -> Insertion:
    """An insertion of children behind all others of a root of this name."""
    found = outline(part, raw)
    if found.root.rpartition(":")[2] != root:
        raise UnfitWorkbookError("copy_broken_part", part=part)
    return Insertion(at=found.end, piece=piece)


def inserted(raw: bytes, insertions: Sequence[Insertion]) -> bytes:
    """The bytes with all insertions, which come in the order of their offsets."""
    pieces, at = [], 0
    for one in insertions:
        pieces += [raw[at : one.at], one.piece]
        at = one.at
    return b"".join([*pieces, raw[at:]])
