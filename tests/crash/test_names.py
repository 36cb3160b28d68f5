"""File names stay distinct and inside the folder on real file systems."""

import random
from pathlib import Path

import pytest

from runner.files.naming import name_file, slug

from .disks import disk

PIECES = (
    "CON", "con.", "nul", "com¹", "LPT9", "..", "../..", "/", "\\", ":", "*", "?", '"', "<", ">",
    "|", "\0", "\n", "\r", "\t", "\x1b[2J", "\u202e", "\u200b", "\ufeff", "~", "-rf", " ", ".",
    "é", "e\u0301", "ﬁ", "Ａ", "猫", "👨‍👩‍👧", "ß", "İ", "ı", "a" * 300, "猫" * 200,
    "%s", "$HOME", "`id`",
)  # fmt: skip


def names(count: int, seed: int) -> list[str]:
    """Texts that sheets and models may send."""
    chance = random.Random(seed)
    return ["".join(chance.choices(PIECES, k=chance.randrange(1, 6))) for _ in range(count)]


def made_of(folder: Path, count: int) -> int:
    """Make a file of every name: each stays in the folder, and none overwrites another."""
    made: set[Path] = set()
    before = {path.name for path in folder.parent.iterdir()}
    for number, text in enumerate(names(count, 11)):
        values = {"row": str(number), "slug": slug(text), "prompt": text, "n": "1"}
        name = name_file("{{ row }}-{{ prompt }}-{{ n }}", values, version=1, extension="txt")
        path = folder / name
        assert path.resolve().is_relative_to(folder.resolve()), text
        assert path.parent == folder, text
        with path.open("xb") as file:
            file.write(text.encode("utf-8", "surrogatepass"))
        made.add(path)
    assert {path.name for path in folder.parent.iterdir()} == before
    return len(made)


def test_five_hundred_names_are_five_hundred_files(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert made_of(tmp_path / "out", 500) == 500


@pytest.mark.long
def test_five_thousand_names_are_five_thousand_files(tmp_path: Path) -> None:
    with disk(tmp_path, megabytes=64) as place:
        (place.place / "out").mkdir()
        assert made_of(place.place / "out", 5000) == 5000
