"""`rowmill fetch` restores missing or damaged files, and generates nothing."""

from tests.support.world import PICTURE, World


def test_missing_files_are_fetched_and_nothing_is_bought(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog", "an owl")
    world.run("run", sheet, *PICTURE)
    before = world.files(sheet)
    (world.workspace(sheet).files / before[0]).unlink()
    world.monkeypatch.delenv("ROWMILL_API_KEY")  # it needs no key
    done = world.run("fetch", sheet)
    assert (done.code, done.posts) == (0, 0), done.err
    assert f"row 2: {before[0]} is missing" in done.err
    assert world.files(sheet) == before
    assert world.standing(sheet) == {"done": 3}
    again = world.run("fetch", sheet)
    assert "Nothing to download" in again.err


def test_verify_finds_every_changed_byte_and_keeps_what_a_person_made_of_a_file(
    world: World,
) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog", "an owl")
    world.run("run", sheet, *PICTURE)
    folder = world.workspace(sheet).files
    first, second, _ = world.files(sheet)
    raw = bytearray((folder / first).read_bytes())
    raw[-20] ^= 1
    (folder / first).write_bytes(raw)
    cut = (folder / second).read_bytes()[:-1]
    (folder / second).write_bytes(cut)
    plain = world.run("fetch", sheet, "--json")
    assert [one["row"] for one in plain.json["damaged"]] == [3]  # by its size alone
    found = world.run("fetch", sheet, "--verify", "--json")
    assert (found.code, found.posts) == (0, 0), found.err
    assert [one["row"] for one in found.json["damaged"]] == [2]
    assert (folder / first).read_bytes() == raw
    clean = world.run("fetch", sheet, "--verify", "--json").json
    assert (clean["missing"], clean["damaged"], clean["files"]) == ([], [], 3)
    names = world.column(sheet, "result_files")
    assert names[0] != f"files/{first}"
    assert all((world.workspace(sheet).folder / name).exists() for name in names)


def test_a_failed_download_is_tried_again_and_waiting_rows_are_not_sent(world: World) -> None:
    world.mock({"cat": ["file:404"] * 6})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    assert world.run("run", sheet, *PICTURE, "--limit", 1).code == 4
    assert world.standing(sheet) == {"failed": 1, "pending": 1}
    done = world.run("fetch", sheet)
    assert (done.code, done.posts) == (0, 0), done.err
    assert world.standing(sheet) == {"done": 1, "pending": 1}


def test_what_cannot_be_had_any_more_is_told_and_exits_with_4(world: World) -> None:
    world.mock({"cat": ["file:ok", "file:expired"]})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    world.run("run", sheet, *PICTURE)
    before = world.files(sheet)
    (world.workspace(sheet).files / before[0]).unlink()
    done = world.run("fetch", sheet)
    assert (done.code, done.posts) == (4, 0), done.err
    assert "1 unavailable" in done.err
    assert world.standing(sheet) == {"done": 1, "failed": 1}
    assert world.column(sheet, "result_error_class")[0] == "file"


def test_fetch_beside_a_run_is_refused(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *PICTURE)
    lock = world.workspace(sheet).hold()
    try:
        assert world.run("fetch", sheet).code == 8
    finally:
        lock.release()
