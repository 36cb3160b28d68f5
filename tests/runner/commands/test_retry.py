"""`rowmill retry`: which rows go back, to which step, and what it does beside a run."""

import pytest

from tests.support.world import PICTURE, TEXT, World


def test_again_makes_a_second_version_beside_the_first(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog")
    world.run("run", sheet, *PICTURE)
    before = set(world.files(sheet))
    first = world.results(sheet)
    done = world.run("retry", sheet, "--again", "--rows", 2, "-y")
    assert (done.code, done.posts) == (0, 1), done.err
    new = set(world.files(sheet)) - before
    assert before < set(world.files(sheet))
    assert len(new) == 1
    assert "_v2" in new.copy().pop()
    rows = world.results(sheet)
    assert rows[0]["result_files"] == f"files/{new.pop()}"
    assert rows[1] == first[1]
    third = world.run("retry", sheet, "--again", "--rows", 2, "-y")
    assert (third.code, third.posts) == (0, 1)
    assert any("_v3" in name for name in world.files(sheet))
    assert world.run("run", sheet).posts == 0


def test_again_must_say_which_rows(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    refused = world.run("retry", sheet, "--again", "-y")
    assert (refused.code, refused.posts) == (2, 0)


@pytest.mark.parametrize("words", [(), ("--again", "--rows", "2-3")])
def test_without_a_yes_the_rows_stay_as_they_are(world: World, words: tuple[str, ...]) -> None:
    world.mock({"cat": ["html"] * 2})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    world.run("run", sheet, *TEXT)
    before = world.standing(sheet)
    assert before == {"done": 1, "failed": 1}
    refused = world.run("retry", sheet, *words)
    assert (refused.code, refused.posts) == (3, 0)
    assert world.standing(sheet) == before


def test_rows_are_put_back_by_class_and_by_number(world: World) -> None:
    world.mock({"cat": ["html"] * 2, "dog": ["refusal"] * 2, "owl": ["html"] * 2})
    sheet = world.prompts("a.csv", "a cat", "a dog", "an owl")
    assert world.run("run", sheet, *PICTURE).code == 4
    one = world.run("retry", sheet, "-y", "--rows", "4")
    assert (one.code, one.posts) == (4, 1), one.err
    assert world.column(sheet) == ["failed", "failed", "done"]
    rest = world.run("retry", sheet, "-y", "--class", "no_result")
    assert (rest.code, rest.posts) == (4, 1), rest.err
    assert "1 × no_result" in rest.err
    named = world.run("retry", sheet, "-y", "--class", "refused")
    assert named.posts == 1
    assert world.column(sheet)[0] == "done"


def test_nothing_failed_is_nothing_to_put_back(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    done = world.run("retry", sheet)
    assert (done.code, done.posts) == (0, 0)
    assert "No rows to put back" in done.err


def test_without_a_sheet_the_one_workspace_here_is_meant(world: World) -> None:
    world.mock({"cat": ["html"] * 2})
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("retry").code == 3
    world.run("run", sheet, *TEXT)
    done = world.run("retry", "-y")
    assert (done.code, done.posts) == (0, 1), done.err


def test_beside_a_run_rows_are_only_put_back_and_the_run_takes_them(world: World) -> None:
    world.mock({"cat": ["refusal"]}, latency=0.1)
    sheet = world.prompts("a.csv", "a cat", *(f"prompt {k}" for k in range(50)))
    process = world.start("run", sheet, *PICTURE, "-c", 2)
    world.wait(process, lambda: world.workspace(sheet).table.exists() and len(world.calls) > 6)
    beside = world.run("retry", sheet, "--class", "refused")
    assert beside.code == 0, beside.err
    assert "A run is going on" in beside.err
    done = world.finish(process)
    assert done.code == 0, done.err
    assert len(world.calls) == 52
    assert world.standing(sheet) == {"done": 51}


def test_an_edited_row_is_bought_by_retry_as_by_run(world: World) -> None:
    world.mock({"bad": ["refusal"] * 9})
    sheet = world.prompts("a.csv", "a bad cat", "a dog")
    assert world.run("run", sheet, *PICTURE).code == 4
    world.prompts("a.csv", "a good cat", "a dog")
    done = world.run("retry", sheet, "-y")
    assert (done.code, done.posts) == (0, 1), done.err


def test_what_is_put_back_is_told_by_class_or_status(world: World) -> None:
    world.mock({"cat": ["cut", "cut"], "dog": ["moderation"]})
    sheet = world.prompts("a.csv", "a cat", "a dog", "a fox")
    done = world.run("run", sheet, *PICTURE)
    assert done.code == 4, done.err
    assert "next     rowmill retry a.csv --class in_doubt" not in done.err
    assert "next     rowmill errors a.csv --export fixes.xlsx" in done.err, "a retry takes none"
    back = world.run("retry", sheet, "-y", "--class", "in_doubt,refused")
    assert "2 rows put back: 1 × refused, 1 × in_doubt" in back.err
    again = world.run("retry", sheet, "-y", "--again", "--rows", 4)
    assert "1 row put back: 1 × done" in again.err


def test_a_retry_of_downloads_only_says_that_nothing_new_is_asked_for(world: World) -> None:
    gateway = world.mock({"cat": ["file:404"] * 60})
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *PICTURE).code == 4
    retried = world.run("retry", sheet)
    assert retried.posts == 0, retried.err
    assert "nothing new to ask for" in retried.err
    assert gateway.base_url.removeprefix("http://") in retried.err
    assert "price" not in retried.err
