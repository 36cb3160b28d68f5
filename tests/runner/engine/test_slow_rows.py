"""A row or model that is always told to slow down holds up no other row."""

import pytest

from runner.engine.slow_rows import MAX_LONE_REFUSALS, MAX_LONE_REFUSALS_AT_FIRST, SlowRows
from tests.support.deciding import deciding, prompt_of
from tests.support.trap import GOOD, answer, raw, refusal
from tests.support.trap_server import Asked, Injected
from tests.support.working import a_job
from tests.support.world import TEXT, World

WALL = raw("<html><title>Blocked</title></html>", 403, headers={"Content-Type": "text/html"})
BUSY = refusal(429, "Slow down, please", "rate_limit_exceeded", "requests")
LATER = refusal(429, "Slow down", "slow_down", "requests", headers={"Retry-After": "1"})
DOWN = answer({"error": {"message": "Service temporarily unavailable"}}, 503)
BAD, OTHER = a_job(0), [a_job(number) for number in range(1, 400)]


# --- the decision ---------------------------------------------------------------------------------


def accept(rows: SlowRows, number: int, began: float) -> None:
    for job in OTHER[:number]:
        rows.accepted(job, began)


def test_a_row_refused_again_while_many_others_went_through_is_at_fault() -> None:
    rows = SlowRows()
    assert not rows.refused(BAD, 1.0).is_rows_fault
    accept(rows, 100, 2.0)
    found = rows.refused(BAD, 3.0)
    assert (found.refusals, found.is_suspect, found.is_rows_fault) == (1, True, False)
    assert rows.refused(BAD, 4.0).is_rows_fault


def test_calls_that_began_before_the_refusal_overtake_nothing() -> None:
    rows = SlowRows()
    rows.refused(BAD, 1.0)
    accept(rows, 100, 0.5)
    found = rows.refused(BAD, 3.0)
    assert (found.refusals, found.is_rows_fault) == (0, False)


def test_where_others_are_refused_too_before_they_go_through_no_row_is_at_fault() -> None:
    rows = SlowRows()
    for turn in range(5):
        for job in (BAD, *OTHER[turn * 10 : turn * 10 + 10]):
            assert not rows.refused(job, turn * 10.0).is_rows_fault
        for job in OTHER[turn * 10 : turn * 10 + 10]:
            rows.accepted(job, turn * 10.0 + 5)


def test_a_limit_that_refuses_every_row_blames_none() -> None:
    rows = SlowRows()
    for turn in range(100):
        assert not rows.refused(OTHER[turn % 5], float(turn)).is_rows_fault


def test_the_last_row_of_a_small_sheet_is_decided_by_a_few_refusals_more() -> None:
    rows = SlowRows()
    rows.refused(BAD, 1.0)
    accept(rows, 4, 2.0)
    found = [rows.refused(BAD, 3.0 + k).is_rows_fault for k in range(MAX_LONE_REFUSALS + 1)]
    assert found == [False] * MAX_LONE_REFUSALS + [True]
    rows = SlowRows()
    accept(rows, 4, 0.0)
    found = [
        rows.refused(BAD, 3.0 + k).is_rows_fault for k in range(MAX_LONE_REFUSALS_AT_FIRST + 1)
    ]
    assert found == [False] * MAX_LONE_REFUSALS_AT_FIRST + [True]


# --- at the wire ----------------------------------------------------------------------------------


@pytest.mark.parametrize("refused", [WALL, BUSY, LATER, DOWN], ids=["wall", "429", "later", "503"])
@pytest.mark.parametrize("concurrency", [8, pytest.param("auto", marks=pytest.mark.deep)])
@pytest.mark.timeout(90)
def test_a_row_that_is_always_refused_fails_and_all_others_are_done(
    world: World, refused: Injected, concurrency: int | str
) -> None:
    bad = ("prompt 1", "prompt 17")

    def decide(asked: Asked) -> Injected:
        return refused if prompt_of(asked) in bad else GOOD

    with deciding(world, decide) as server:
        world.settings('[limits]\nmax_wait = "15s"\n')
        sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(80)))
        done = world.run("run", sheet, *TEXT, "-c", concurrency)
        assert done.code == 4, done.err
        column = world.column(sheet)
        assert (column.count("done"), column.count("failed")) == (78, 2)
        assert world.results(sheet)[1]["result_error_class"] == "limit"
        assert len(server.asked) <= 78 + 2 * 6


@pytest.mark.parametrize("refused", [BUSY, DOWN, LATER], ids=["429", "503", "later"])
@pytest.mark.timeout(90)
def test_a_model_that_is_always_refused_holds_that_model_only(
    world: World, refused: Injected
) -> None:
    def decide(asked: Asked) -> Injected:
        return refused if asked.json["model"] == "hot" else GOOD

    with deciding(world, decide) as server:
        world.settings('[limits]\nmax_wait = "5s"\n')
        cells = [[f"p {k}", "hot" if k < 60 else "free"] for k in range(120)]
        sheet = world.sheet("a.csv", ["prompt", "model"], *cells)
        done = world.run("run", sheet, "-e", "chat", "-y", "-c", 4)
        assert done.code == 6, done.err
        column = world.column(sheet)
        assert column[60:] == ["done"] * 60
        assert set(column[:60]) == {"pending"}
        hot = sum(asked.json["model"] == "hot" for asked in server.asked)
        assert hot <= 25
