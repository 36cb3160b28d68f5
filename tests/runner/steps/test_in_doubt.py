"""A call that may have been billed but has no answer is repeated only as --in-doubt allows."""

import pytest
from sqlalchemy import select

from jobs.store.answers import answer
from jobs.store.schema import calls
from runner.mock.chance import prompt_digest
from runner.workspace.answers import AnswerFolder
from tests.support.world import PICTURE, TEXT, World

CAT = prompt_digest("a cat")


def test_a_lost_answer_is_asked_for_once_more_after_all_other_rows(world: World) -> None:
    world.mock({"cat": ["reset_after"]})
    sheet = world.prompts("a.csv", "a cat", "a dog", "an owl")
    done = world.run("run", sheet, *TEXT, "-c", 1)
    assert (done.code, done.posts) == (0, 4), done.err
    asked = [call["prompt_sha"] for call in world.calls]
    assert (asked[0], asked[3]) == (CAT, CAT)
    assert "1 call got no response" in done.err
    assert "1 call got no response" in world.run("run", sheet).err, (
        "a possible double charge is forgotten"
    )


@pytest.mark.parametrize("fault", ["reset_after", "cut", "502", "500_lost"])
def test_a_second_loss_is_left_to_the_person(world: World, fault: str) -> None:
    world.mock({"cat": [fault] * 2})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (4, 3), done.err
    assert world.column(sheet) == ["in_doubt", "done"]
    assert "2 calls got no response" in done.err
    again = world.run("run", sheet, "-y")
    assert (again.code, again.posts) == (4, 0), again.err
    plain = world.run("retry", sheet, "-y")
    assert (plain.code, plain.posts) == (0, 0), plain.err
    assert "1 in doubt" in plain.err
    named = world.run("retry", sheet, "-y", "--class", "in_doubt")
    assert (named.code, named.posts) == (0, 1), named.err
    assert world.column(sheet) == ["done", "done"]


def test_held_rows_are_not_asked_again(world: World) -> None:
    world.mock({"cat": ["reset_after"]})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    done = world.run("run", sheet, *TEXT, "--in-doubt", "hold", "--json")
    assert (done.code, done.posts) == (4, 2), done.err
    assert done.json["rows"]["in_doubt"] == 1
    assert world.column(sheet) == ["in_doubt", "done"]


def test_a_run_repeats_only_so_many_calls_in_doubt(world: World) -> None:
    world.mock({"": ["reset_after"]})
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(26)))
    done = world.run("run", sheet, *TEXT, "-c", 13)
    assert (done.code, done.posts) == (4, 26 + 20), done.err
    assert world.standing(sheet) == {"done": 20, "in_doubt": 6}


def test_calls_that_are_in_flight_together_share_the_allowance(world: World) -> None:
    world.mock({"": ["reset_after"]}, latency=0.5)
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(26)))
    done = world.run("run", sheet, *TEXT, "-c", 26)
    assert (done.code, done.posts) == (4, 26 + 20), done.err


@pytest.mark.parametrize("fault", ["504", "524"])
@pytest.mark.parametrize("words", [TEXT, PICTURE])
def test_what_a_time_limit_cut_is_streamed_on_the_repeat(
    world: World, fault: str, words: tuple[str, ...]
) -> None:
    world.mock({"cat": [fault]})
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *words)
    assert (done.code, done.posts) == (0, 2), done.err
    with world.store(sheet) as store, store.read() as tx:
        last = tx.execute(select(calls.c.id).order_by(calls.c.id.desc())).scalars().first()
        assert last is not None
        stored = answer(tx, last)
    assert stored is not None
    body = AnswerFolder(path=world.workspace(sheet).answers).load(stored).body
    assert b"data: [DONE]" in body


def test_what_was_streamed_already_is_held(world: World) -> None:
    world.mock({"cat": ["504"]})
    sheet = world.sheet("a.csv", ["prompt", "stream"], ["a cat", "true"])
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (4, 1), done.err
    assert world.column(sheet) == ["in_doubt"]


@pytest.mark.parametrize("fault", ["stream_unfinished", "stream_false_done", "cut"])
def test_half_a_stream_is_never_an_answer(world: World, fault: str) -> None:
    world.mock({"cat": [fault] * 2, "dog": [fault]})
    sheet = world.sheet("a.csv", ["prompt", "stream"], ["a cat", "true"], ["a dog", "true"])
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (4, 4), done.err
    assert world.column(sheet) == ["in_doubt", "done"]
    assert world.column(sheet, "result_text")[1].endswith(".")


def test_a_row_is_repeated_once_in_its_life_and_not_once_in_each_run(world: World) -> None:
    world.mock({"cat": ["reset_after"] * 9})
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *TEXT).posts == 2
    # A person who asks for a repeat gets one, with no automatic repeat after it.
    assert world.run("retry", sheet, "-y", "--class", "in_doubt").posts == 1
    assert world.column(sheet) == ["in_doubt"]


def test_a_run_that_was_killed_asks_again_and_counts_the_doubt(world: World) -> None:
    world.mock(latency=1.5)
    sheet = world.prompts("a.csv", "a cat", "a dog")
    process = world.start("run", sheet, *TEXT)
    world.wait(process, lambda: len(world.calls) == 2)
    process.kill()
    world.finish(process)
    world.mock({"cat": ["reset_after"]})
    done = world.run("run", sheet, "-y")
    assert (done.code, done.posts) == (0, 3), done.err
    assert "2 rows were in flight" in done.err
    assert "3 calls got no response" in done.err
