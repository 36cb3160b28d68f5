"""Lanes: who sells them, how a call is sent on one, what was billed, and what a cut call means."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from runner.lanes.lanes import Lanes, on_lane, was_billed_on
from runner.protocol.base_url import request_url
from runner.protocol.call import Call, Reply
from runner.protocol.lane_rule import LaneRule, OnlineRows
from runner.steps.lane_calls import on_its_lane
from tests.support.working import a_job
from tests.support.world import World

FLEX = '[provider.wenwen.lanes.flex]\nform = "service_tier"\nfactor = 0.5\n'
PRICES = '[prices."m"]\ncall = 0.002\n'
CHAT = Call(path="/v1/chat/completions", json={"model": "m"})

SOLD = [
    ("https://api.openai.com", "chat", "gpt-5-mini", "service_tier"),
    ("https://api.openai.com", "responses", "o3", "service_tier"),
    ("https://api.openai.com", "chat", "gpt-4o", None),
    ("https://api.openai.com", "embedding", "gpt-5", None),
    ("https://generativelanguage.googleapis.com/v1beta/openai", "gemini", "g", "service_tier"),
    ("https://dashscope.aliyuncs.com/compatible-mode", "chat", "qwen-plus", "base_url"),
    ("https://ark.cn-beijing.volces.com/api/v3", "chat", "ep-20261130-x", "path"),
    ("https://ark.cn-beijing.volces.com/api/v3", "chat", "doubao-pro", None),
    ("https://api.wenwen-ai.com", "chat", "gpt-5", None),
    ("https://api.openai.com.evil.example", "chat", "gpt-5", None),
]


@pytest.mark.parametrize(("base_url", "endpoint", "model", "form"), SOLD)
def test_a_lane_is_known_by_host_endpoint_and_model(
    base_url: str, endpoint: str, model: str, form: str | None
) -> None:
    rule = Lanes(base_url=base_url).rule("flex", endpoint, model)
    assert (rule.form if rule is not None else None) == form


def test_the_tier_goes_into_the_body_under_each_forms_name() -> None:
    rule = LaneRule(name="flex", form="service_tier")
    assert on_lane(CHAT, rule, "chat").json == {"model": "m", "service_tier": "flex"}
    assert on_lane(CHAT, rule, "gemini").json == {"model": "m", "serviceTier": "flex"}
    assert on_lane(CHAT, rule, "chat").timeout == 3_700


def test_other_doors_change_the_address_only() -> None:
    dashscope = "https://dashscope.aliyuncs.com/compatible-mode"
    ark = "https://ark.cn-beijing.volces.com/api/v3"
    for base, model, url in (
        (
            dashscope,
            "q",
            "https://batch.dashscope.aliyuncs.com/compatible-mode/v1/chat/completions",
        ),
        (ark, "ep-1", f"{ark}/batch/chat/completions"),
    ):
        rule = Lanes(base_url=base).rule("flex", "chat", model)
        assert rule is not None
        call = on_lane(CHAT, rule, "chat")
        assert request_url(call.base_url or base, call.path) == url
        assert call.json == CHAT.json


@pytest.mark.parametrize(
    ("body", "billed"),
    [
        ({"service_tier": "flex"}, True),
        ({"service_tier": "default"}, False),
        ({"usageMetadata": {"serviceTier": "flex"}}, True),
        ({"choices": []}, False),
        ({"choices": [{"message": {"content": '{"service_tier":"flex"}'}}]}, False),
    ],
)
def test_what_was_billed_is_read_from_the_answer(body: object, billed: bool) -> None:
    reply = Reply(status=200, headers={}, body=json.dumps(body).encode())
    assert was_billed_on(LaneRule(name="flex", form="service_tier"), reply) is billed


def costs(world: World, sheet: Path) -> list[float]:
    return [float(row["result_cost"]) for row in world.results(sheet)]


@pytest.mark.parametrize("endpoint", ["chat", "responses", "gemini"])
def test_a_slow_call_costs_half_where_the_answer_says_so(world: World, endpoint: str) -> None:
    world.mock()
    world.settings(FLEX + PRICES)
    sheet = world.prompts("a.txt", "one", "two")
    done = world.run("run", sheet, "-e", endpoint, "-m", "m", "-y", "--lane", "flex")
    assert done.code == 0, done.err
    assert "flex" in done.err
    assert costs(world, sheet) == [0.001, 0.001]
    assert world.column(sheet, "result_lane") == ["flex", "flex"]
    assert [one["price"] for one in world.calls] == [0.001, 0.001]


def test_the_full_price_is_booked_and_said_where_the_tier_was_taken_out(
    world: World,
) -> None:
    world.mock(keeps_tier=False)
    world.settings(FLEX + PRICES)
    sheet = world.prompts("a.txt", "one", "two")
    done = world.run("run", sheet, "-e", "chat", "-m", "m", "-y", "--lane", "flex")
    assert done.code == 0, done.err
    assert costs(world, sheet) == [0.002, 0.002]
    assert "billed at the full one: 2" in done.err
    assert world.column(sheet, "result_lane") == ["online", "online"]


def test_another_lane_is_no_other_request(world: World) -> None:
    world.mock()
    world.settings(FLEX)
    sheet = world.prompts("a.txt", "one")
    line = ("run", sheet, "-e", "chat", "-m", "m", "-y")
    assert world.run(*line).code == 0
    assert world.run(*line, "--lane", "flex").code == 0
    assert len(world.calls) == 1


def test_a_lane_that_is_not_sold_stops_before_anything_is_sent(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.txt", "one")
    for command in ("check", "run"):
        words = (command, sheet, "-e", "chat", "-m", "m", "--lane", "flex")
        done = world.run(*words, *(("-y",) if command == "run" else ()))
        assert done.code == 3
        assert "lanes.flex" in done.out + done.err
    assert world.calls == []


def test_a_row_may_not_name_a_lane_and_a_tier(world: World) -> None:
    world.mock()
    world.settings(FLEX)
    sheet = world.prompts("a.txt", "one")
    words = ("run", sheet, "-e", "chat", "-m", "m", "-y", "--set", "body.service_tier=flex")
    done = world.run(*words, "--lane", "flex")
    assert done.code == 3
    assert "lane" in done.err


def test_a_cut_slow_call_is_held_and_not_repeated(world: World) -> None:
    world.mock(faults={"one": ["reset_after"]})
    world.settings(FLEX)
    sheet = world.prompts("a.txt", "one", "two")
    done = world.run("run", sheet, "-e", "chat", "-m", "m", "-y", "--lane", "flex")
    assert done.code == 4, done.err
    assert world.column(sheet) == ["in_doubt", "done"]
    assert len(world.calls) == 2


def test_ten_cut_slow_calls_stop_the_run(world: World) -> None:
    world.mock(faults={"": ["reset_after"]})
    world.settings(FLEX)
    sheet = world.prompts("a.txt", *(f"row {number}" for number in range(40)))
    done = world.run("run", sheet, "-e", "chat", "-m", "m", "-y", "--lane", "flex", "-c", 1)
    assert done.code == 6, done.err
    assert "--lane online" in done.err
    assert world.column(sheet).count("in_doubt") == 10
    assert world.column(sheet).count("pending") == 30


def test_a_lane_beside_the_sheet_needs_trust(world: World) -> None:
    world.mock()
    world.settings(FLEX, trusted=False)
    sheet = world.prompts("a.txt", "one")
    done = world.run("run", sheet, "-e", "chat", "-m", "m", "-y", "--lane", "flex")
    assert done.code == 3
    assert "lanes" in done.err


def test_batches_that_nobody_sells_stop_before_anything_is_sent(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.txt", "one")
    for command in ("check", "run"):
        words = (command, sheet, "-e", "chat", "-m", "m", "--lane", "batch")
        done = world.run(*words, *(("-y",) if command == "run" else ()))
        assert done.code == 3
        assert "batches are not known to be sold for chat m" in done.out + done.err
    assert world.calls == []


def line(sheet: Path, *words: object) -> tuple[object, ...]:
    return ("run", sheet, "-e", "chat", "-m", "m", "-y", *words)


def test_rows_that_wait_go_by_the_lane_of_the_next_line(world: World) -> None:
    world.mock()
    world.settings(FLEX + PRICES)
    sheet = world.prompts("a.txt", "one", "two")
    assert world.run(*line(sheet, "--lane", "flex", "--limit", 1)).code == 0
    assert world.run(*line(sheet, "--lane", "online")).code == 0
    assert costs(world, sheet) == [0.001, 0.002]
    assert [one["price"] for one in world.calls] == [0.001, 0.002]


def doubted_and_waiting(world: World) -> Path:
    """A sheet whose lane is flex, with a row in doubt and one that was not sent."""
    world.mock(faults={"one": ["reset_after"]})
    world.settings(FLEX + PRICES)
    sheet = world.prompts("a.txt", "one", "two")
    assert world.run(*line(sheet, "--lane", "flex", "--limit", 1)).code == 4
    world.mock()
    return sheet


@pytest.mark.parametrize(("words", "price"), [((), 0.002), (("--lane", "flex"), 0.001)])
def test_a_retry_goes_online_unless_its_line_names_a_lane(
    world: World, words: tuple[str, ...], price: float
) -> None:
    sheet = doubted_and_waiting(world)
    done = world.run("retry", sheet, "--class", "in_doubt", "-y", *words)
    assert done.code == 0, done.err
    assert ("lane flex" in done.err) is bool(words)
    assert world.calls[-1]["price"] == price
    assert world.run("run", sheet, "-y").code == 0
    assert world.calls[-1]["price"] == 0.001, "the sheet's lane stays"


@pytest.mark.parametrize(("words", "first"), [((), 0.002), (("--lane", "flex"), 0.001)])
def test_a_pilot_goes_online_unless_its_line_names_a_lane(
    world: World, words: tuple[str, ...], first: float
) -> None:
    world.mock()
    world.settings(FLEX + PRICES + '[defaults]\nlane = "flex"\n')
    sheet = world.prompts("a.txt", "one", "two", "three")
    done = world.run(*line(sheet, "--pilot", 1, *words))
    assert done.code == 0, done.err
    assert [one["price"] for one in world.calls] == [first, 0.001, 0.001]


def test_a_slow_lane_can_be_rehearsed(world: World) -> None:
    elsewhere = world.mock().base_url
    form = f'form = "base_url"\nbase_url = "{elsewhere}"\n'
    world.settings(f"[provider.wenwen.lanes.flex]\n{form}")
    sheet = world.prompts("a.txt", "one", "two")
    done = world.run("rehearse", sheet, "-e", "chat", "--lane", "flex")
    assert done.code == 0, done.err
    assert "lane flex" in done.err
    lines = (sheet.with_suffix(".rehearsal") / "bill.jsonl").read_text(encoding="utf-8")
    assert [json.loads(one)["price"] for one in lines.splitlines()] == [0.001, 0.001]
    assert world.calls == [], "nothing goes to an address of the settings"


def test_slow_calls_are_opened_without_waiting_for_answers(world: World) -> None:
    gateway = world.mock(latency=5.0).gateway
    world.settings(FLEX)
    sheet = world.prompts("a.txt", *(f"row {number}" for number in range(150)))
    done = world.run(*line(sheet, "--lane", "flex", "-c", "auto"))
    assert done.code == 0, done.err
    assert gateway.max_in_flight == 150


@pytest.mark.parametrize(
    ("online", "requeued", "lane"),
    [
        (OnlineRows.NONE, True, "flex"),
        (OnlineRows.REQUEUED, False, "flex"),
        (OnlineRows.REQUEUED, True, "online"),
        (OnlineRows.ALL, False, "online"),
    ],
)
def test_what_a_retry_put_back_goes_online_also_in_a_run_that_goes_on(
    online: OnlineRows, requeued: bool, lane: str
) -> None:
    job = replace(a_job(1), fields={"prompt": "x", "lane": "flex"}, requeued=requeued)
    assert on_its_lane(job, online).fields["lane"] == lane
    assert on_its_lane(a_job(1), online) == a_job(1)
