"""`rowmill retry` resets the chosen rows to the right step, also while a run is active."""

from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pytest

from runner.mock.account_info import PRICING
from runner.settings.locations import user_file
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
    assert "Nothing to retry" in done.err


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
    assert world.run("retry", sheet, "--class", "refused").code == 3, "as a run's, it needs a yes"
    beside = world.run("retry", sheet, "--class", "refused", "-y")
    assert beside.code == 0, beside.err
    assert "Queued for the run in progress" in beside.err
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
    assert "2 rows requeued: 1 × refused, 1 × in_doubt" in back.err
    again = world.run("retry", sheet, "-y", "--again", "--rows", 4)
    assert "1 row requeued: 1 × done" in again.err


def test_a_retry_of_downloads_only_says_that_nothing_new_is_asked_for(world: World) -> None:
    gateway = world.mock({"cat": ["file:404"] * 60})
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *PICTURE).code == 4
    retried = world.run("retry", sheet)
    assert retried.posts == 0, retried.err
    assert "no new requests" in retried.err
    assert gateway.base_url.removeprefix("http://") in retried.err
    assert "price" not in retried.err


def test_a_retry_sends_what_it_put_back_and_no_row_that_has_not_run(world: World) -> None:
    world.mock({"cat": ["html"] * 2})
    sheet = world.prompts("a.csv", "a cat", *(f"prompt {k}" for k in range(11)))
    assert world.run("run", sheet, *TEXT, "--limit", 6).code == 4
    done = world.run("retry", sheet, "-y")
    assert (done.code, done.posts) == (0, 1), done.err
    assert world.standing(sheet) == {"done": 6, "pending": 6}
    again = world.run("retry", sheet, "-y")
    assert (again.code, again.posts) == (0, 0), again.err
    assert "Nothing to retry. 6 rows have not run yet" in again.err


def test_only_refused_rows_left_is_nothing_to_retry_and_no_failure(world: World) -> None:
    world.mock({"cat": ["refusal"] * 9})
    sheet = world.prompts("a.csv", "a cat", *(f"prompt {k}" for k in range(5)))
    assert world.run("run", sheet, *PICTURE, "--limit", 3).code == 4
    done = world.run("retry", sheet, "-y")
    assert (done.code, done.posts) == (0, 0), done.err
    assert "Nothing to retry" in done.err
    assert "--class refused" in done.err


def test_a_retry_from_a_file_sends_the_corrected_rows_only(world: World) -> None:
    world.mock({"bad": ["refusal"] * 9})
    sheet = world.prompts("a.csv", "a bad cat", "a bad dog", *(f"prompt {k}" for k in range(8)))
    assert world.run("run", sheet, *PICTURE, "--limit", 5).code == 4
    fixes = world.folder / "fixes.xlsx"
    world.run("errors", sheet, "--export", fixes)
    corrected(fixes, {"a bad cat": "a good cat", "a bad dog": "a good dog"})
    unasked = world.run("retry", sheet, "--from", fixes, "--no-input")
    assert (unasked.code, unasked.posts) == (3, 0), unasked.err
    done = world.run("retry", sheet, "--from", fixes, "-y")
    assert (done.code, done.posts) == (0, 2), done.err
    assert world.standing(sheet) == {"done": 5, "pending": 5}


def corrected(fixes: Path, changes: Mapping[str, str]) -> None:
    """Change the cells of a workbook."""
    book = openpyxl.load_workbook(fixes)
    for line in book.worksheets[0].iter_rows():
        for cell in line:
            if cell.value in changes:
                cell.value = changes[str(cell.value)]
    book.save(fixes)
    book.close()


def test_beside_a_run_finished_rows_are_not_bought_again_without_a_yes(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(12)), "slow")
    assert world.run("run", sheet, *PICTURE, "--limit", 12).code == 0
    world.mock(latency=2.0)
    process = world.start("run", sheet, *PICTURE)
    world.wait(process, lambda: world.workspace(sheet).is_running() and len(world.calls) > 12)
    beside = world.run("retry", sheet, "--again", "--rows", "2-13")
    assert beside.code == 3, beside.err
    assert "12 requests" in beside.err
    capped = world.run("retry", sheet, "--again", "--rows", "2-13", "--max-cost", "+5")
    assert capped.code == 3, "this run is not bound by that cap"
    assert world.finish(process).code == 0
    assert len(world.calls) == 13


def test_again_puts_an_answer_that_lacks_its_files_back_to_its_download(world: World) -> None:
    world.mock({"cat": ["file:404"] * 12})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    assert world.run("run", sheet, *PICTURE).code == 4
    done = world.run("retry", sheet, "--rows", "2-3", "--again", "-y")
    assert done.posts == 1, done.err
    assert "1 of them only needs a download or a status query: free" in done.err
    bought = world.run("retry", sheet, "--rows", "2", "--again", "--class", "file", "-y")
    assert bought.posts == 1, bought.err


def test_another_address_than_last_time_needs_a_yes(world: World) -> None:
    first = world.mock({"cat": ["html"] * 2}, pricing=PRICING).base_url
    world.monkeypatch.delenv("ROWMILL_BASE_URL")
    own = user_file()
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(f'[defaults]\nbase_url = "{first}"\n', encoding="utf-8")
    sheet = world.prompts("a.csv", "a cat", "a dog")
    assert world.run("run", sheet, *TEXT).code == 4
    own.write_text('[defaults]\nbase_url = "http://127.0.0.1:9"\n', encoding="utf-8")
    refused = world.run("retry", sheet)
    assert (refused.code, refused.posts) == (3, 0), refused.err
    assert f"last one went to {first}" in " ".join(refused.err.split())
    named = world.run("retry", sheet, "--base-url", first)
    assert (named.code, named.posts) == (0, 1), named.err


def test_an_interrupted_retry_is_finished_by_the_next(world: World) -> None:
    world.mock({"prompt": ["html"] * 8})
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(4)), "a dog")
    assert world.run("run", sheet, *TEXT, "--rows", "2-5").code == 4
    world.mock()
    some = world.run("retry", sheet, "-y", "--limit", 3)
    assert some.posts == 3, some.err
    rest = world.run("retry", sheet, "-y")
    assert (rest.code, rest.posts) == (0, 1), rest.err
    assert world.standing(sheet) == {"done": 4, "pending": 1}
