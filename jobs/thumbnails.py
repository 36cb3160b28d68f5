"""Says where the thumbnail of a saved file lies."""

from pathlib import Path

THUMB_EDGE_PIXELS = 256  # pixels of a thumbnail's longer edge
THUMBS_FOLDER = "thumbs"  # beside `files`, in the workspace


def thumb_name(file: str) -> str:
    """The thumbnail of a file, both relative to their folders: 3-fox-1.png → 3-fox-1.png.jpg.

    The whole name is kept, so that a.png and a.webp have a thumbnail each.
    """
    return f"{file}.jpg"


def thumb_path(workspace: Path, file: str) -> Path:
    """Where the thumbnail of a file lies, whether it was made or not."""
    return workspace / THUMBS_FOLDER / thumb_name(file)
