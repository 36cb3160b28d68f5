"""Cuts a grid of four pictures in the decoding process."""

from pathlib import Path

from runner.files.thumbnails import Child
from runner.protocol.pictures import NotAPictureError


def cut_quarter(grid: Path, number: int) -> bytes:
    """One quarter, in the grid's own format. Raises NotAPictureError."""
    piece = grid.with_name(f"{grid.name}-{number}")
    try:
        with Child() as child:
            if answer := child.ask([str(grid), str(piece), f"quarter-{number}"]):
                raise NotAPictureError(answer)
        return piece.read_bytes()
    finally:
        piece.unlink(missing_ok=True)
