"""What ends a run or prevents its start, and the exit code in each case."""

import errno
import os
import pty
import signal
import threading
import time

import pytest

from runner.engine import signals
from runner.exits import EXIT_PRECEDENCE, Exit, worst
from tests.support.world import KEY, TEXT, World

# --- consent --------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), ("--no-input",)])
def test_without_a_yes_nothing_is_sent(world: World, words: tuple[str, ...]) -> None:
    sheet = world.prompts("a.csv", "a cat")
    refused = world.run("run", sheet, *TEXT[:-1], *words)
    assert (refused.code, refused.posts) == (3, 0)
    assert "add -y" in refused.err
    assert "127.0.0.1" in refused.err
    assert world.run("run", sheet, "-y").posts == 1


def test_a_small_price_that_is_known_needs_no_yes(world: World) -> None:
    world.settings('[prices."mock-text"]\ncall = 0.01\ncurrency = "CNY"\n')
    sheet = world.prompts("a.csv", "a cat", "a dog")
    done = world.run("run", sheet, *TEXT[:-1])
    assert (done.code, done.posts) == (0, 2), done.err
    assert "about 0.02 CNY" in done.err
    assert world.column(sheet, "result_cost") == ["0.01", "0.01"]
    big = world.prompts("b.csv", *(f"prompt {k}" for k in range(201)))
    assert world.run("run", big, *TEXT[:-1]).code == 3


def test_a_terminal_is_asked_and_a_no_sends_nothing(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    mine, theirs = pty.openpty()
    try:
        process = world.start("run", sheet, *TEXT[:-1], terminal=theirs)
        os.close(theirs)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(mine, 1000)
        assert not world.calls
        os.write(mine, b"n\n")
        assert drained(mine)
        assert process.wait(30) == 5
    finally:
        os.close(mine)
    assert not world.calls


def drained(terminal: int) -> bool:
    """Read to the end, so that the writer does not block."""
    while True:
        try:
            if not os.read(terminal, 1000):
                return True
        except OSError as error:
            return error.errno == errno.EIO


def test_without_a_key_nothing_is_sent(world: World) -> None:
    world.monkeypatch.delenv("ROWMILL_API_KEY")
    world.monkeypatch.setenv("ROWMILL_BASE_URL", "https://gateway.invalid")
    sheet = world.prompts("a.csv", "a cat")
    refused = world.run("run", sheet, *TEXT)
    assert (refused.code, refused.posts) == (3, 0)
    assert f"keys set {os.environ['ROWMILL_BASE_URL']}" in refused.err, (
        "the name stands for another address"
    )


# --- the provider ---------------------------------------------------------------------------------


def test_a_bad_key_stops_the_run_with_its_rows_pending(world: World) -> None:
    world.mock(key="sk-another-one-0123456789")
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(30)))
    done = world.run("run", sheet, *TEXT, "-c", 4, "--json")
    assert done.code == 6, done.err
    assert done.json["stopped"] == "key"
    assert 1 <= done.posts <= 4
    assert world.standing(sheet) == {"pending": 30}
    assert set(world.column(sheet)) == {"pending"}
    assert "set in ROWMILL_API_KEY" in " ".join(done.err.split()), "the variable wins"
    assert "next     rowmill run" in done.err, "a stored key would change nothing"
    assert f"rowmill keys set {os.environ['ROWMILL_BASE_URL']}" in done.err
    world.mock(key=KEY)
    assert world.run("run", sheet, "-y").code == 0


def test_a_channels_bad_key_is_not_ours_and_fails_its_row_slowly(world: World) -> None:
    world.mock({"cat": ["401"] * 20, "dog": ["401"]})
    sheet = world.prompts("a.csv", "a cat", "a dog", "an owl")
    done = world.run("run", sheet, *TEXT)
    assert done.code == 4, done.err
    assert world.column(sheet) == ["failed", "done", "done"]
    assert done.posts <= 2 + 1 + 7


def test_spent_credit_stops_the_run_after_three_refusals(world: World) -> None:
    world.mock({"": ["403_credit"] * 9})
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(20)))
    done = world.run("run", sheet, *TEXT, "-c", 1, "--json")
    assert (done.code, done.posts) == (6, 3), done.err
    assert done.json["stopped"] == "credit"
    assert world.standing(sheet) == {"pending": 20}


def test_one_refusal_for_money_between_good_answers_stops_nothing(world: World) -> None:
    world.mock({"prompt 1": ["403_credit"], "prompt 3": ["403_credit"], "prompt 5": ["403_credit"]})
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(8)))
    assert world.run("run", sheet, *TEXT, "-c", 1).code == 0


def two_models(world: World, bad: int, good: int) -> object:
    """A sheet with rows of a failing model before rows of another."""
    rows = [["mock-a", f"bad {k}"] for k in range(bad)]
    rows += [["mock-b", f"good {k}"] for k in range(good)]
    return world.sheet("a.csv", ["model", "prompt"], *rows)


def test_a_model_nobody_serves_stops_its_own_rows_only(world: World) -> None:
    world.mock({"bad": ["503_channel"] * 9})
    sheet = two_models(world, 10, 4)
    done = world.run("run", sheet, "-e", "chat", "-y", "-c", 2, "--json")
    assert done.code == 6, done.err
    assert list(done.json["models_stopped"]) == ["mock-a"]
    assert done.json["rows"]["done"] == 4
    assert done.json["rows"]["failed"] <= 2
    assert done.json["rows"]["pending"] >= 8


def test_ten_useless_paid_answers_in_a_row_stop_their_model_only(world: World) -> None:
    world.mock({"bad": ["html"] * 9})
    sheet = two_models(world, 20, 4)
    done = world.run("run", sheet, "-e", "chat", "-y", "-c", 1, "--json")
    assert done.code == 6, done.err
    assert [call["model"] for call in world.calls].count("mock-a") == 10
    rows = done.json["rows"]
    assert rows["done"] == 4
    assert rows["failed"] + rows["pending"] == 20
    assert rows["failed"] >= 1, "what was paid for twice without use is told as failed"


def test_a_gateway_that_is_away_is_given_up_after_the_longest_wait(world: World) -> None:
    world.settings("[limits]\nmax_wait = 0.3\n")
    sheet = world.prompts("a.csv", "a cat")
    world.stop()
    done = world.run("run", sheet, *TEXT, "--json")
    assert (done.code, done.json["stopped"]) == (6, "offline"), done.err
    assert world.standing(sheet) == {"pending": 1}
    world.mock()
    assert world.run("run", sheet, "-y").code == 0


# --- exit codes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tolerance", "code"), [("1", 0), ("25%", 0), ("0", 4), ("24%", 4), (None, 4)]
)
def test_some_failures_can_be_declared_good_enough(
    world: World, tolerance: str | None, code: int
) -> None:
    world.mock({"cat": ["refusal"]})
    sheet = world.sheet("a.csv", ["prompt", "n"], ["a cat", ""], ["b", ""], ["c", ""], ["d", "0"])
    words = ("--ok-if-failed", tolerance) if tolerance is not None else ()
    done = world.run("run", sheet, *TEXT, "--skip-bad", *words)
    assert done.code == code, done.err


def test_another_run_holds_the_table(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    workspace = world.workspace(sheet)
    workspace.make()
    lock = workspace.hold()
    try:
        busy = world.run("run", sheet, *TEXT)
    finally:
        lock.release()
    assert (busy.code, busy.posts) == (8, 0)
    assert str(os.getpid()) in busy.err


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], 0),
        ([0, 4], 4),
        ([4, 5], 5),
        ([4, 6, 5], 6),
        ([6, 8], 8),
        ([8, 7, 4], 7),
        ([7, 1], 1),
        ([4, 130], 130),
    ],
)
def test_of_several_codes_the_gravest_is_told(codes: list[int], expected: int) -> None:
    assert worst(map(Exit, codes)) == expected
    assert sorted(EXIT_PRECEDENCE) == sorted(Exit)


def test_a_terminated_run_waits_only_so_long_for_calls_in_flight(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "TERM_SECONDS", 0.5)
    world.mock(latency=20.0)
    sheet = world.prompts("a.csv", "a cat", "a dog")

    def terminate() -> None:
        while len(world.calls) < 2:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    sender = threading.Thread(target=terminate)
    sender.start()
    done = world.run("run", sheet, *TEXT)
    sender.join()
    assert done.code == 143
    assert world.column(sheet) == ["pending", "pending"]
    with world.store(sheet) as store, store.read() as tx:
        wires = tx.exec_driver_sql("SELECT wire FROM calls").scalars().all()
    assert wires == ["D", "D"]
