"""Reads one stream of an OLE compound file, the container of old Excel workbooks."""

from collections.abc import Sequence
from pathlib import Path
from struct import error, unpack_from

MAX_STREAM_BYTES = 1 << 28  # more is not read
_FIRST_NON_SECTOR = 0xFFFFFFFA  # this number and higher ones are markers
_STREAM, _ROOT = 2, 5


def read_stream(path: Path, names: Sequence[str]) -> bytes | None:
    """The first stream with one of these names, or None. Raises ValueError if damaged."""
    if path.stat().st_size > MAX_STREAM_BYTES:
        return None
    raw = path.read_bytes()
    try:
        return _Compound(raw).stream(names)
    except (error, IndexError) as broken:
        raise ValueError(str(broken)) from broken


class _Compound:
    """The sectors, and the chains that link them."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        shift, self._mini_shift = unpack_from("<HH", raw, 30)
        if shift not in (9, 12) or self._mini_shift != 6:
            raise ValueError("sectors of an unknown size")
        self._size = 1 << shift
        self._sectors = len(raw) // self._size + 1
        tables, self._directory = unpack_from("<I", raw, 44)[0], unpack_from("<I", raw, 48)[0]
        self._cutoff, mini, _, more, _ = unpack_from("<5I", raw, 56)
        self._chains: list[int] = []
        for sector in self._tables(tables, more):
            self._chains += unpack_from(f"<{self._size // 4}I", self._sector(sector))
        minis = self._chain(mini)
        self._mini_chains = unpack_from(f"<{len(minis) // 4}I", minis)

    def _tables(self, count: int, more: int) -> list[int]:
        """The sectors that hold the chains: 109 are listed in the header, others in sectors."""
        if count > self._sectors:
            raise ValueError("more tables than sectors")
        found = list(unpack_from("<109I", self._raw, 76))
        seen = 0
        while more < _FIRST_NON_SECTOR:
            *some, more = unpack_from(f"<{self._size // 4}I", self._sector(more))
            found += some
            seen = self._seen(seen)
        return [sector for sector in found[:count] if sector < _FIRST_NON_SECTOR]

    def _seen(self, count: int) -> int:
        """One more sector of a chain. A chain in a circle would fill the memory of any reader."""
        if count > self._sectors:
            raise ValueError("sectors in a circle")
        return count + 1

    def _sector(self, number: int) -> bytes:
        at = (number + 1) * self._size
        return self._raw[at : at + self._size].ljust(self._size, b"\0")

    def _chain(self, first: int) -> bytes:
        found, seen = [], 0
        while first < _FIRST_NON_SECTOR:
            found.append(self._sector(first))
            first, seen = self._chains[first], self._seen(seen)
        return b"".join(found)

    def stream(self, names: Sequence[str]) -> bytes | None:
        directory = self._chain(self._directory)
        wanted: tuple[int, int] | None = None
        root = 0
        for at in range(0, len(directory) - 127, 128):
            name, length, kind = unpack_from("<64sHB", directory, at)
            first, size = unpack_from("<II", directory, at + 116)
            if kind == _ROOT:
                root = first
            elif kind == _STREAM and name[: max(length - 2, 0)].decode("utf-16-le") in names:
                wanted = wanted or (first, size)
        small = self._chain(root)
        if wanted is None:
            return None
        first, size = wanted
        if size >= self._cutoff:
            return self._chain(first)[:size]
        return self._small(small, first)[:size]

    def _small(self, minis: bytes, first: int) -> bytes:
        found, seen = [], 0
        while first < _FIRST_NON_SECTOR and seen <= len(minis) >> self._mini_shift:
            found.append(minis[first << self._mini_shift : (first + 1) << self._mini_shift])
            first, seen = self._mini_chains[first], seen + 1
        return b"".join(found)
