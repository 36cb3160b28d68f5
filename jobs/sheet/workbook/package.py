"""Reads parts of an Office Open XML workbook."""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from pathlib import Path

CHUNK_BYTES = 1 << 20
_LOCAL_HEADER = 30  # bytes before the name of a zip entry

MAX_PART_BYTES = 1 << 26  # of a part that is read whole; real ones have less than a tenth of it

# Repetitions are bounded, so that matching takes linear time on any text.
PREFIX = r"(?:\w{1,20}:)?"
_RELATION = re.compile(rf"<{PREFIX}Relationship\s([^>]{{0,5000}})>")
_SHEET = re.compile(rf"<{PREFIX}sheet\s([^>]{{0,5000}})>")
_ATTRIBUTE = re.compile(r"([\w:.]{1,60})\s?=\s?(?:\"([^\"]*)\"|'([^']*)')")
_WORKBOOK = "xl/workbook.xml"


def attributes(text: str) -> dict[str, str]:
    """The attributes of one XML tag."""
    return {name: unescape(double or single) for name, double, single in _ATTRIBUTE.findall(text)}


def part_key(name: str) -> str:
    """A part's name in one form: some programs write backslashes, or other capital letters."""
    return name.replace("\\", "/").lstrip("/").lower()


class Package:
    """The zip of a workbook. A missing part reads as empty."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._entries = {part_key(entry.filename): entry for entry in archive.infolist()}

    def text(self, part: str) -> str:
        """A whole part, for parts that are small by nature."""
        if part not in self:
            return ""
        with self._archive.open(self._entries[part_key(part)]) as file:
            return file.read(MAX_PART_BYTES).decode("utf-8", "replace")

    def pieces(self, part: str) -> Iterator[bytes]:
        """A part of any size, piece by piece."""
        with self._archive.open(self._entries[part_key(part)]) as file:
            while piece := file.read(CHUNK_BYTES):
                yield piece

    def __contains__(self, part: str) -> bool:
        """True if there is such a part."""
        return part_key(part) in self._entries

    def has(self, prefix: str) -> bool:
        """True if a part's name starts with this prefix."""
        return any(name.startswith(prefix.lower()) for name in self._entries)

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Id → (kind, part) of a part's relations inside the workbook."""
        folder, name = posixpath.split(part)
        found = {}
        for tag in _RELATION.findall(self.text(f"{folder}/_rels/{name}.rels")):
            one = attributes(tag)
            target = one.get("Target", "")
            if one.get("TargetMode") != "External" and target:
                whole = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
                found[one.get("Id", "")] = (one.get("Type", "").rsplit("/", 1)[-1], whole)
        return found

    def tab(self, name: str) -> str | None:
        """The part that holds a tab's cells; None if the workbook has an unusual structure."""
        related = self.relations(_WORKBOOK)
        for tag in _SHEET.findall(self.text(_WORKBOOK)):
            one = attributes(tag)
            key = next((value for at, value in one.items() if at.endswith(":id")), "")
            if one.get("name") == name and key in related:
                part = related[key][1]
                return part if part in self else None
        return None


def read_member(path: Path, name: str, most: int) -> bytes:
    """One entry of a zip, at most `most` + 1 bytes. Raises OSError or ValueError.

    The directory is cached per state of the file, since thousands of pictures may be read.
    """
    status = path.stat()
    entry = _directory(str(path), status.st_size, status.st_mtime_ns).get(part_key(name))
    if entry is None or entry.flag_bits & 1:
        raise ValueError(f"no {name}")
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        head = file.read(_LOCAL_HEADER)
        skip = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        file.seek(skip, 1)
        packed = file.read(min(entry.compress_size, most + 1))
    if entry.compress_type == zipfile.ZIP_STORED:
        return packed
    if entry.compress_type != zipfile.ZIP_DEFLATED:
        raise ValueError(f"{name} is packed in an unknown way")
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error


@lru_cache(maxsize=4)
def _directory(path: str, size: int, mtime_ns: int) -> dict[str, zipfile.ZipInfo]:
    del size, mtime_ns  # only part of the cache key: a changed file has another directory
    try:
        with zipfile.ZipFile(path) as archive:
            return {part_key(entry.filename): entry for entry in archive.infolist()}
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error
