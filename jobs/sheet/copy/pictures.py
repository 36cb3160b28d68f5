"""Adds pictures and links to the tab of a copied workbook: drawing, media, relationships, types."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from jobs.sheet.copy.insertion import Insertion, Outline, at_the_end, inserted, outline
from jobs.sheet.copy.parts import (
    DOCUMENT,
    UnfitWorkbookError,
    drawing_of,
    read_part,
    relations,
    relations_path,
    stretching_rows,
    tree,
)
from jobs.sheet.names import letter

PICTURE_COLUMN, LINK_COLUMN = "result_picture", "result_link"
SHOWN_COLUMNS = (PICTURE_COLUMN, LINK_COLUMN)
MAX_LINKS = 65_530  # that Excel opens in one tab
TYPES_PART = "[Content_Types].xml"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_DRAWN = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
_ART = "http://schemas.openxmlformats.org/drawingml/2006/main"
_DRAWING_TYPE = "application/vnd.openxmlformats-officedocument.drawing+xml"
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_EMU = 9525  # of one pixel
_MARGIN = 4  # pixels around a picture
_SHAPE_IDS = re.compile(rb'<(?:\w+:)?cNvPr\b[^<>]*?\bid="([0-9]{1,9})"')
_RELATION_NUMBER = re.compile(r"rId([0-9]{1,9})")
_UNSAFE_IN_LINK = {" ": "%20", "%": "%25", "#": "%23", "?": "%3F", "[": "%5B", "]": "%5D"}

_BEHIND_ROWS = (
    *("sheetCalcPr", "sheetProtection", "protectedRanges", "scenarios", "autoFilter"),
    *("sortState", "dataConsolidate", "customSheetViews", "mergeCells", "phoneticPr"),
    *("conditionalFormatting", "dataValidations", "hyperlinks", "printOptions", "pageMargins"),
    *("pageSetup", "headerFooter", "rowBreaks", "colBreaks", "customProperties", "cellWatches"),
    *("ignoredErrors", "smartTags", "drawing"),
)
"""The elements behind the rows up to the drawing, in the order that ECMA-376 prescribes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """A picture in its cell, both from 0, and its size there in pixels."""

    row: int
    column: int
    picture: Path
    width: int
    height: int


class TabFiles:
    """The pictures and links of one tab, and what they change in the parts of the workbook."""

    def __init__(self, archive: zipfile.ZipFile, part: str) -> None:
        self.part = part
        self.pictures: list[Anchored] = []
        self.links: list[tuple[str, str]] = []  # cell and address
        self.changed: dict[str, Insertion] = {}  # parts beside the tab's own
        self.fresh: dict[str, bytes | Path] = {}  # new parts, in their order
        self.tail: list[Insertion] = []  # behind the tab's rows, from their closing tag on
        self.kept_rows = stretching_rows(archive, part)
        self._archive = archive
        self._taken = {name.lower() for name in archive.namelist()}

    def link(self, row: int, column: int, address: str) -> None:
        """Link a cell to a file or folder."""
        if address and len(self.links) < MAX_LINKS:
            self.links.append((f"{letter(column)}{row}", address))

    @staticmethod
    def address_of(path: str) -> str:
        """A path as a link names it."""
        return "".join(_UNSAFE_IN_LINK.get(one, one) for one in path)

    def behind_rows(self, root: bytes, tail: bytes) -> bytes:
        """What follows the rows, with links and drawing; the root's tag gives the prefixes."""
        if not self.links and not self.pictures:
            return tail
        begin = tail.find(b"</sheetData>")
        opening = root + b"<sheetData>"
        found = outline(self.part, opening + tail[begin:])
        declared = b"" if DOCUMENT.encode() in root and b"xmlns:r=" in root else _declared_r()
        own = _Relations(self._archive, self.part)
        places: list[Insertion] = []
        if self.links:
            piece = b"".join(self._link_xml(own, declared))
            here = next((one for one in found.children if one.name == "hyperlinks"), None)
            if here is None:
                piece = b"<hyperlinks>" + piece + b"</hyperlinks>"
            at = _place(found, "hyperlinks") if here is None else here.end
            places.append(Insertion(at=at - len(opening), piece=piece))
        if self.pictures and (drawing := self._draw(own)):
            piece = b'<drawing%s r:id="%s"/>' % (declared, drawing.encode())
            places.append(Insertion(at=_place(found, "drawing") - len(opening), piece=piece))
        own.finish(self)
        self.tail = places
        return tail[:begin] + inserted(tail[begin:], places)

    def _link_xml(self, own: "_Relations", declared: bytes) -> list[bytes]:
        return [
            b'<hyperlink%s ref="%s" r:id="%s"/>'
            % (declared, cell.encode(), own.add("hyperlink", address, outside=True).encode())
            for cell, address in self.links
        ]

    def _draw(self, own: "_Relations") -> str:
        """Write the pictures into the tab's drawing; return the relation of a new drawing."""
        path = drawing_of(self._archive, self.part)
        new = path is None
        if path is None:
            path = self._free("xl/drawings/drawing", ".xml")
        raw = b"" if new else read_part(self._archive, path)
        first = max(map(int, _SHAPE_IDS.findall(raw)), default=1) + 1
        media = _Relations(self._archive, path)
        anchors = b"".join(
            _anchor(one, media.add("image", f"/{self._medium(one.picture)}"), first + place)
            for place, one in enumerate(self.pictures)
        )
        if new:
            head = f'<xdr:wsDr xmlns:xdr="{_DRAWN}" xmlns:a="{_ART}">'.encode()
            self.fresh[path] = _DECLARATION + head + anchors + b"</xdr:wsDr>"
        else:
            self.changed[path] = at_the_end(path, raw, anchors, root="wsDr")
        media.finish(self)
        self._declare(path if new else None)
        return own.add("drawing", f"/{path}") if new else ""

    def _medium(self, picture: Path) -> str:
        name = self._free("xl/media/rowmill", ".jpeg")
        self.fresh[name] = picture
        return name

    def _free(self, stem: str, ending: str) -> str:
        number = len(self.fresh) + 1
        while f"{stem}{number}{ending}".lower() in self._taken:
            number += 1
        name = f"{stem}{number}{ending}"
        self._taken.add(name.lower())
        return name

    def _declare(self, drawing: str | None) -> None:
        """Name the types of the new parts."""
        raw = read_part(self._archive, TYPES_PART)
        piece = b""
        kinds = {
            (one.get("Extension") or "").lower(): (one.get("ContentType") or "").lower()
            for one in tree(self._archive, TYPES_PART).iter(f"{{{_TYPES}}}Default")
        }
        if kinds.get("jpeg", "image/jpeg") not in {"image/jpeg", "image/jpg"}:
            raise UnfitWorkbookError("copy_unusual")
        if "jpeg" not in kinds:
            piece += b'<Default Extension="jpeg" ContentType="image/jpeg"/>'
        if drawing is not None:
            piece += f'<Override PartName="/{drawing}" ContentType="{_DRAWING_TYPE}"/>'.encode()
        if piece:
            if outline(TYPES_PART, raw).root != "Types":
                raise UnfitWorkbookError("copy_unusual")
            self.changed[TYPES_PART] = at_the_end(TYPES_PART, raw, piece, root="Types")


class _Relations:
    """New relationships of one part."""

    def __init__(self, archive: zipfile.ZipFile, part: str) -> None:
        self._path = relations_path(part)
        self._archive = archive
        self._known = set(relations(archive, part))
        numbers = [_RELATION_NUMBER.fullmatch(one) for one in self._known]
        self._next = max((int(one[1]) for one in numbers if one), default=0) + 1
        self._added: list[str] = []

    def add(self, kind: str, target: str, *, outside: bool = False) -> str:
        """Add one; return its id."""
        identity, self._next = f"rId{self._next}", self._next + 1
        mode = ' TargetMode="External"' if outside else ""
        address = TabFiles.address_of(target) if outside else target
        self._added.append(
            f'<Relationship Id="{identity}" Type="{DOCUMENT}/{kind}"'
            f" Target={quoteattr(address)}{mode}/>"
        )
        return identity

    def finish(self, files: TabFiles) -> None:
        """Hand over the part with what was added."""
        if not self._added:
            return
        piece = "".join(self._added).encode()
        if self._path not in self._archive.namelist():
            head = f'<Relationships xmlns="{_PACKAGE}">'.encode()
            files.fresh[self._path] = _DECLARATION + head + piece + b"</Relationships>"
            return
        raw = read_part(self._archive, self._path)
        if outline(self._path, raw).root != "Relationships":
            raise UnfitWorkbookError("copy_unusual")
        files.changed[self._path] = at_the_end(self._path, raw, piece, root="Relationships")


def _place(found: Outline, name: str) -> int:
    """The offset at which an element belongs, behind all that precede it in the schema."""
    before = {"sheetData", *_BEHIND_ROWS[: _BEHIND_ROWS.index(name)]}
    return next((one.start for one in found.children if one.name not in before), found.end)


def _declared_r() -> bytes:
    return f' xmlns:r="{DOCUMENT}"'.encode()


def _anchor(one: Anchored, relation: str, identity: int) -> bytes:
    """A picture that moves, sorts and hides with its cell."""
    ends = ((_MARGIN, _MARGIN), (_MARGIN + one.width, _MARGIN + one.height))
    start, end = (
        f"<xdr:col>{one.column}</xdr:col><xdr:colOff>{x * _EMU}</xdr:colOff>"
        f"<xdr:row>{one.row}</xdr:row><xdr:rowOff>{y * _EMU}</xdr:rowOff>"
        for x, y in ends
    )
    name = quoteattr(one.picture.name.removesuffix(".jpg"))
    return (
        f'<xdr:twoCellAnchor xmlns:xdr="{_DRAWN}" xmlns:a="{_ART}"><xdr:from>{start}</xdr:from>'
        f"<xdr:to>{end}</xdr:to><xdr:pic><xdr:nvPicPr>"
        f'<xdr:cNvPr id="{identity}" name="Picture {identity}" descr={name}/>'
        '<xdr:cNvPicPr><a:picLocks noChangeAspect="1"/></xdr:cNvPicPr></xdr:nvPicPr>'
        f'<xdr:blipFill><a:blip xmlns:r="{DOCUMENT}" r:embed="{relation}"/>'
        "<a:stretch><a:fillRect/></a:stretch></xdr:blipFill>"
        f'<xdr:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="{one.width * _EMU}"'
        f' cy="{one.height * _EMU}"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom>'
        "</xdr:spPr></xdr:pic><xdr:clientData/></xdr:twoCellAnchor>"
    ).encode()
