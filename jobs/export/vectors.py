"""Writes the vectors of a sheet beside its results."""

import time
from collections.abc import Iterable
from pathlib import Path

from jobs.export.placing import named_errors, part_beside, put
from jobs.export.traces import Traces
from jobs.sheet.write.vectors import Vector, write_vectors

VECTORS_FILE = "vectors.parquet"


def put_vectors(vectors: Iterable[Vector], folder: Path, *, workspace: Path) -> Path:
    """Write all vectors, whole or not at all, and never over a file that is not ours."""
    target = folder / VECTORS_FILE
    with named_errors(target), part_beside(target) as (_, file):
        write_vectors(file, vectors)
        return put(file, target, traces=Traces(workspace), now=time.time())[0]
