"""A sheet that was begun in a folder goes on in a database, and pays for nothing again."""

from tests.hosts.conftest import Make
from tests.support.hosts import HostScene


def on_folder(made: HostScene, *more: str) -> int:
    """Run the sheet with its table in the folder."""
    words = ("run", str(made.sheet_at("desk")), "-e", "chat", "-m", "mock-text", "-y", *more)
    return made.command(*words).wait()


def test_answers_of_a_folder_are_not_paid_for_again(scene: Make) -> None:
    made = scene(20)
    assert on_folder(made, "--limit", "8") == 0
    assert made.asked() == 8
    refused = made.start()
    assert refused.wait() == 3
    assert "8 answers" in refused.err
    assert "--move-table" in refused.err
    assert made.asked() == 8
    moved = made.start("--move-table")
    assert moved.wait() == 0, moved.err
    assert made.asked() == 20
    made.books().assert_whole()
    assert made.books().rows == {"done": 20}
    again = made.start()
    assert again.wait() == 0
    assert made.asked() == 20


def test_the_folder_says_where_its_table_went(scene: Make) -> None:
    made = scene(4)
    assert on_folder(made) == 0
    assert made.start("--move-table").wait() == 0
    sheet = str(made.sheet_at("desk"))
    assert made.command("status", sheet).wait() == 0  # remembered
    old = made.command("status", sheet, "--db", "none")
    assert old.wait() == 3
    assert "was moved to" in old.err
