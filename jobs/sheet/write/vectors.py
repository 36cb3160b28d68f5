"""Writes vectors as parquet: one row each, with the key of the sheet's row."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

GROUP_VECTORS = 1024  # in one row group


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """The vector of one row of the sheet."""

    row: int
    key: str
    model: str
    numbers: "array[float]"


def write_vectors(file: BinaryIO, vectors: Iterable[Vector]) -> int:
    """Write all vectors, a group at a time; return their number."""
    import pyarrow as pa  # noqa: PLC0415 - half a second, for those who have vectors
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    schema = pa.schema(
        [
            ("row", pa.int32()),
            ("key", pa.string()),
            ("model", pa.string()),
            ("vector", pa.list_(pa.float32())),
        ]
    )
    written = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in _groups(iter(vectors)):
            writer.write_table(pa.table(_columns(group, pa), schema=schema))
            written += len(group)
    return written


def _groups(vectors: Iterator[Vector]) -> Iterator[list[Vector]]:
    while group := list(islice(vectors, GROUP_VECTORS)):
        yield group


def _columns(group: list[Vector], pa: Any) -> list[Any]:
    ends, numbers = [0], array("f")
    for one in group:
        numbers.extend(one.numbers)
        ends.append(len(numbers))
    flat = pa.Array.from_buffers(pa.float32(), len(numbers), [None, pa.py_buffer(numbers)])
    return [
        [one.row for one in group],
        [one.key for one in group],
        [one.model for one in group],
        pa.ListArray.from_arrays(pa.array(ends, pa.int32()), flat),
    ]
