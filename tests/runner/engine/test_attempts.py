"""Which answers are retried, how often, and which rows wait meanwhile."""

import json

from sqlalchemy import select

from jobs.store.schema import jobs
from runner.mock.chance import chance, prompt_digest
from tests.support.world import PICTURE, TEXT, World


def test_a_server_fault_is_asked_again_until_the_attempts_are_used_up(world: World) -> None:
    world.mock({"cat": ["500"] * 9, "dog": ["500"] * 4})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    done = world.run("run", sheet, *TEXT)
    assert done.code == 4
    assert world.column(sheet) == ["failed", "done"]
    assert world.results(sheet)[0]["result_error_class"] == "server"
    asked = [call["prompt_sha"] for call in world.calls]
    assert asked.count(prompt_digest("a dog")) == 5
    assert asked.count(prompt_digest("a cat")) == 5 + 1  # the last pass at the end of the run


def test_the_number_of_attempts_is_a_setting(world: World) -> None:
    world.settings("[limits]\nattempts = 2\n")
    world.mock({"cat": ["500"] * 9})
    sheet = world.prompts("a.csv", "a cat")
    assert world.run("run", sheet, *TEXT).posts == 2 + 1


def test_the_time_limit_of_a_call_is_a_setting(world: World) -> None:
    world.settings('[limits]\ntimeout = "0.5s"\n')
    world.mock(latency=3.0)
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *TEXT, "--in-doubt", "hold")
    assert (done.code, world.column(sheet)) == (4, ["in_doubt"]), done.err


def test_a_backoff_is_written_down_and_kept_by_the_next_run(world: World) -> None:
    world.luck(1.0)
    world.mock({"cat": ["500", "500"]}, latency=0.3)
    sheet = world.prompts("a.csv", "a cat", *(f"prompt {k}" for k in range(4)))
    process = world.start("run", sheet, *TEXT, "-c", 1)
    world.wait(process, lambda: len(world.calls) >= 3)
    process.kill()
    world.finish(process)
    with world.store(sheet) as store, store.read() as tx:
        row = tx.execute(select(jobs.c.attempts, jobs.c.not_before).order_by(jobs.c.id)).first()
    assert row is not None
    assert row.attempts >= 1
    assert row.not_before >= world.calls[0]["time"]
    assert world.run("run", sheet, "-y").code == 0


def test_a_rate_limit_quiets_all_workers_and_costs_no_attempt(world: World) -> None:
    world.settings("[limits]\nattempts = 1\n")
    world.mock({"prompt 0": ["429", "429"]}, latency=0.02)
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(30)))
    done = world.run("run", sheet, *TEXT, "-c", 3)
    assert done.code == 0, done.err
    assert world.gateway is not None
    assert world.gateway.gateway.max_in_flight <= 3
    sha = prompt_digest("prompt 0")
    refused = [call for call in world.calls if call["status"] == 429]
    assert len(refused) == 2
    for number, call in enumerate(refused):
        asked = round(0.2 + 0.8 * chance(1, sha, number, "wait"), 1)
        quiet = [
            other["time"] - call["time"]
            for other in world.calls
            if call["time"] + 0.05 < other["time"] < call["time"] + asked - 0.01
        ]
        assert not quiet, f"asked for {asked} s of quiet"


def test_limits_without_a_word_on_when_are_waited_out_too(world: World) -> None:
    world.settings("[limits]\nattempts = 1\n")
    world.mock({"cat": ["429_bare", "429_empty", "503"]})
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (0, 4), done.err


def test_a_request_the_provider_calls_wrong_is_never_sent_again(world: World) -> None:
    sheet = world.sheet("a.csv", ["prompt", "body.max_tokens"], ["a cat", "many"], ["a dog", ""])
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (4, 2)
    assert world.results(sheet)[0]["result_error_class"] == "bad_input"
    assert "max_tokens" in world.results(sheet)[0]["result_error"]
    assert world.run("run", sheet, "-y").posts == 0
    assert world.run("retry", sheet, "-y").posts == 0


def test_a_refusal_is_final_and_keeps_its_words(world: World) -> None:
    world.mock({"cat": ["refusal"] * 3, "dog": ["moderation"] * 3})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    done = world.run("run", sheet, *PICTURE)
    assert (done.code, done.posts) == (4, 2)
    rows = world.results(sheet)
    assert [row["result_error_class"] for row in rows] == ["refused"] * 2
    assert "content policy" in rows[0]["result_text"] + rows[0]["result_error"]
    assert world.run("retry", sheet, "-y").posts == 0
    assert world.run("retry", sheet, "-y", "--class", "refused").posts == 2


def test_a_useless_paid_answer_is_bought_once_more_and_not_a_third_time(world: World) -> None:
    faults = {
        "page": ["html"] * 5,
        "none": ["empty_choices"] * 5,
        "brace": ["empty_object"] * 5,
        "mended": ["html"],
    }
    world.mock(faults)
    sheet = world.prompts("a.csv", *faults)
    done = world.run("run", sheet, *TEXT)
    assert done.code == 4
    assert world.column(sheet) == ["failed"] * 3 + ["done"]
    assert set(world.column(sheet, "result_error_class")[:3]) == {"no_result"}
    asked = [call["prompt_sha"] for call in world.calls]
    assert [asked.count(prompt_digest(prompt)) for prompt in faults] == [2] * 4


def test_an_error_inside_a_200_is_no_answer(world: World) -> None:
    world.mock({"cat": ["error_200"], "dog": ["error_200"] * 9})
    sheet = world.prompts("a.csv", "a cat", "a dog")
    assert world.run("run", sheet, *TEXT).code == 4
    assert world.column(sheet) == ["done", "failed"]
    asked = [call["prompt_sha"] for call in world.calls]
    assert asked.count(prompt_digest("a dog")) == 2, "what may have been billed is repeated once"


def test_a_connection_that_breaks_at_once_is_tried_again(world: World) -> None:
    # Whether the reset comes before or after the first byte leaves is up to the system.
    asking = ["ok"] * 4  # prices and balance of the gateway are requested first
    world.mock(connections=[*asking, "reset_before"])
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *TEXT)
    assert (done.code, done.posts) == (0, 1), done.err
    assert "2 calls ·" in done.err


def test_one_row_that_fails_in_passing_gets_one_more_pass_after_all_others(world: World) -> None:
    world.settings("[limits]\nattempts = 1\n")
    world.mock({"first": ["500"]})
    sheet = world.prompts("a.csv", "first", *(f"prompt {k}" for k in range(4)))
    done = world.run("run", sheet, *TEXT, "-c", 1)
    assert (done.code, done.posts) == (0, 6)
    assert world.calls[-1]["prompt_sha"] == prompt_digest("first")


def test_what_each_attempt_was_is_in_the_results(world: World) -> None:
    world.mock({"cat": ["500", "html"]})
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    row = world.results(sheet)[0]
    assert int(row["result_attempts"]) >= 2
    assert json.loads(row["result_data"] or "{}") is not None
