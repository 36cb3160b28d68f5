"""Loading a sheet refuses bad input before anything is sent, and remembers how it was read."""

import pytest
from PIL import Image

from tests.support.world import PICTURE, TEXT, World

ROW_COUNT = 25  # rows; enough for the guard against paying again


def thirty(word: str = "prompt") -> list[str]:
    """More rows than may be paid again without asking."""
    return [f"{word} {row}" for row in range(ROW_COUNT)]


# --- never by accident ----------------------------------------------------------------------------


def test_another_model_names_what_it_would_buy_again_and_sends_nothing(world: World) -> None:
    sheet = world.prompts("a.csv", *thirty())
    world.run("run", sheet, *TEXT)
    refused = world.run("run", sheet, "-m", "mock-b", "-y")
    assert (refused.code, refused.posts) == (3, 0)
    assert f"model mock-text → mock-b: {ROW_COUNT} rows" in refused.err
    assert world.standing(sheet) == {"done": ROW_COUNT}
    bought = world.run("run", sheet, "-m", "mock-b", "-y", "--rebuy")
    assert (bought.code, bought.posts) == (0, ROW_COUNT), bought.err


def test_options_never_replace_even_one_done_row_unasked(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    refused = world.run("run", sheet, "-y", "-p", "Draw {{ prompt }}")
    assert (refused.code, refused.posts) == (3, 0)
    assert "prompt" in refused.err
    assert "--rebuy" in refused.err
    assert world.run("run", sheet, "-p", "Draw {{ prompt }}", "-y", "--rebuy").posts == 1


def test_many_edited_cells_are_refused_and_few_are_bought(world: World) -> None:
    sheet = world.prompts("a.csv", *thirty())
    world.run("run", sheet, *TEXT)
    world.prompts("a.csv", *thirty("other"))
    refused = world.run("run", sheet, "-y")
    assert (refused.code, refused.posts) == (3, 0)
    assert f"{ROW_COUNT} rows again, of {ROW_COUNT}" in refused.err
    world.prompts("a.csv", *thirty("other")[:20], *thirty()[20:])
    bought = world.run("run", sheet, "-y")
    assert (bought.code, bought.posts) == (0, 20), bought.err


def test_a_refused_load_changes_nothing(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    world.run("run", sheet, "-m", "mock-b", "-y")
    done = world.run("run", sheet)
    assert (done.code, done.posts) == (0, 0), "the model that was refused is remembered"


# --- remembered -----------------------------------------------------------------------------------


def test_what_was_used_last_is_used_again_and_told(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT, "-p", "Say {{ prompt }}")
    world.prompts("a.csv", "a cat", "a dog")
    done = world.run("run", sheet, "-y")
    assert (done.code, done.posts) == (0, 1), done.err
    assert "as last time: -e chat -m mock-text -p Say {{ prompt }}" in done.err
    assert "Say a dog" in world.column(sheet, "result_text")[1]


def test_a_model_given_again_wins_over_the_remembered_one(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    world.prompts("a.csv", "a dog")
    assert world.run("run", sheet, "-y", "-m", "mock-b", "--rebuy").posts == 1
    world.prompts("a.csv", "a dog", "an owl")
    assert world.run("run", sheet, "-y").posts == 1
    assert [call["model"] for call in world.calls] == ["mock-text", "mock-b", "mock-b"]


def test_a_file_name_given_later_is_remembered_although_the_sheet_is_the_same(
    world: World,
) -> None:
    sheet = world.prompts("a.csv", "one", "two", "three")
    for words in (
        ("--limit", 1, "--name", "a{{ row }}"),
        ("--limit", 1, "--name", "b{{ row }}"),
        (),
    ):
        assert world.run("run", sheet, *PICTURE, *words).code == 0
    assert [name.partition(".")[0] for name in world.files(sheet)] == ["a2", "b3", "b4"]


# --- bad rows -------------------------------------------------------------------------------------


def test_every_bad_row_is_listed_with_its_column_and_nothing_is_sent(world: World) -> None:
    Image.new("RGB", (8, 8)).save(world.folder.parent / "private.png")
    sheet = world.sheet(
        "a.csv",
        ["prompt", "temperature", "endpoint", "image"],
        ["fine", "", "", ""],
        ["", "1", "", ""],
        ["b", "warm", "", ""],
        ["c", "", "chatt", ""],
        ["d", "", "", "../private.png"],
        ["e", "", "", "missing.png"],
    )
    refused = world.run("run", sheet, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    for row, column, found in (
        (3, "prompt", "nothing"),
        (4, "temperature", "warm"),
        (5, "endpoint", "chatt"),
        (6, "image", "private.png"),
        (7, "image", "missing.png"),
    ):
        line = next(line for line in refused.err.splitlines() if f"row {row}" in line)
        assert column in line
        assert found in line
    assert "row 2" not in refused.err
    done = world.run("run", sheet, *TEXT, "--skip-bad")
    assert (done.code, done.posts) == (4, 1), done.err
    assert world.column(sheet) == ["done", *["failed"] * 5]
    assert set(world.column(sheet, "result_error_class")[1:]) == {"bad_input"}
    mended = [["fine", "", "", ""], *(["b", "", "", ""] for _ in range(5))]
    world.sheet("a.csv", ["prompt", "temperature", "endpoint", "image"], *mended)
    assert world.run("run", sheet, "-y").code == 0
    assert world.column(sheet) == ["done"] * 6


def test_a_number_that_json_cannot_hold_is_a_bad_row_before_anything_is_sent(world: World) -> None:
    sheet = world.sheet("a.csv", ["prompt", "body.top_k"], ["a", "NaN"], ["b", "1"], ["c", "1e999"])
    refused = world.run("run", sheet, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "row 2, column body.top_k" in refused.err
    assert "row 4, column body.top_k" in refused.err
    done = world.run("run", sheet, *TEXT, "--skip-bad")
    assert (done.code, done.posts) == (4, 1), done.err
    assert world.column(sheet) == ["failed", "done", "failed"]
    assert world.column(sheet, "result_error_class")[0] == "bad_input"


def test_pictures_of_a_folder_that_is_allowed_are_taken(world: World) -> None:
    outside = world.folder.parent / "pictures"
    outside.mkdir()
    Image.new("RGB", (8, 8)).save(outside / "a.png")
    sheet = world.sheet("a.csv", ["prompt", "image"], ["change it", "../pictures/a.png"])
    done = world.run("run", sheet, *PICTURE, "--files-from", outside)
    assert (done.code, done.posts) == (0, 1), done.err


def test_a_bad_row_can_be_skipped_once_and_left_for_good(world: World) -> None:
    sheet = world.sheet("a.csv", ["prompt", "n"], ["a cat", ""], ["a dog", "many"])
    assert world.run("run", sheet, *TEXT, "--skip-bad").code == 4
    again = world.run("run", sheet, "--skip-bad")
    assert (again.code, again.posts) == (4, 0), again.err


@pytest.mark.parametrize(
    ("headers", "words", "named"),
    [
        (["prompt"], ["-m", "m"], "chat-image"),
        (["prompt"], ["-e", "chat"], "-m MODEL"),
        (["words"], ["-e", "chat", "-m", "m"], '--column "HEADER=prompt"'),
        (["prompt"], ["-e", "chat", "-m", "m", "-p", "{{ promt }}"], '"prompt"'),
        (["prompt"], ["-e", "chat", "-m", "m", "--column", "Wort=prompt"], "Wort"),
        (["prompt"], ["-e", "chat", "-m", "m", "--column", "prompt=promt"], "promt"),
        (["prompt"], ["-e", "chat", "-m", "m", "--id", "sku"], "sku"),
        (["prompt"], ["-e", "chat", "-m", "m", "--name", "{{ nmae }}"], "nmae"),
        (["prompt"], ["-e", "chat", "-m", "m", "--set", "temprature=1"], "temprature"),
        (["prompt"], ["-e", "chat", "-m", "m", "--set", "temperature=warm"], "warm"),
        (["prompt"], ["-e", "chatt", "-m", "m"], "chatt"),
        (["prompt", "prompt"], ["-e", "chat", "-m", "m"], "prompt"),
    ],
)
def test_what_is_missing_or_misspelt_is_named_before_anything_is_sent(
    world: World, headers: list[str], words: list[str], named: str
) -> None:
    sheet = world.sheet("a.csv", headers, ["a cat" for _ in headers])
    refused = world.run("run", sheet, *words, "-y")
    assert (refused.code, refused.posts) == (3, 0), refused.err
    assert named in refused.err


def test_a_sheet_that_cannot_be_read_exits_3(world: World) -> None:
    broken = world.folder / "a.xlsx"
    broken.write_bytes(b"no workbook at all")
    refused = world.run("run", broken, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert "Traceback" not in refused.err
    missing = world.run("run", "none.csv", *TEXT)
    assert missing.code == 3
    assert "none.csv" in missing.err


def test_an_empty_sheet_has_nothing_to_do(world: World) -> None:
    sheet = world.prompts("a.csv")
    done = world.run("run", sheet, *TEXT)
    assert done.posts == 0
    assert done.code in (0, 3), done.err


def test_settings_beside_the_sheet_are_used_and_flags_beat_them(world: World) -> None:
    world.settings('[defaults]\nmodel = "mock-a"\nendpoint = "chat"\n')
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, "-y").code == 0
    other = world.prompts("b.csv", "a dog")
    assert world.run("run", other, "-y", "-m", "mock-b").code == 0
    assert [call["model"] for call in world.calls] == ["mock-a", "mock-b"]
