"""A provider's batch file is a sheet: the request on each line is sent unchanged."""

import json
from typing import Any

import pytest

from jobs.sheet.text.batch_files import batch_row
from tests.support.world import World

CHAT: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Describe kettle 0"},
    ],
    "max_tokens": 100,
    "user": "7",
    "response_format": {"type": "json_object"},
}


def test_other_records_are_no_requests() -> None:
    records: list[dict[str, Any]] = [
        {"prompt": "x"},
        {"custom_id": "a", "body": "text", "url": "u"},
        {"params": {}},
    ]
    for record in records:
        assert batch_row(record) is None


def test_a_request_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no endpoint for /v1/responses"):
        batch_row({"custom_id": "a", "url": "/v1/responses", "body": {"model": "m"}})


@pytest.mark.parametrize(
    "url",
    ["/chat/completions", "/v4/chat/completions", "https://x.test/v1/chat/completions/?a=b"],
)
def test_the_path_of_a_request_may_have_another_version_or_a_host(url: str) -> None:
    row = batch_row({"custom_id": "a", "url": url, "body": CHAT})
    assert row is not None
    assert row["endpoint"] == "chat"


@pytest.mark.parametrize(
    "line",
    [
        {"custom_id": "r-0", "method": "POST", "url": "/v1/chat/completions", "body": CHAT},
        {"custom_id": "r-0", "params": {"model": "m", "max_tokens": 9, "messages": []}},
    ],
)
def test_the_parts_of_a_request_become_columns(line: dict[str, Any]) -> None:
    row = batch_row(line)
    assert row is not None
    assert (row["custom_id"], row["model"]) == ("r-0", "m")
    assert row["endpoint"] == ("chat" if "body" in line else "messages")
    request = line.get("body") or line["params"]
    assert row["body.messages"] == request["messages"]


def test_a_batch_file_runs_and_sends_exactly_its_bodies(world: World) -> None:
    world.mock()
    sheet = world.folder / "a.jsonl"
    lines = [
        {"custom_id": f"r-{at}", "method": "POST", "url": "/v1/chat/completions",
         "body": {**CHAT, "model": "mock-text", "seed": at}}
        for at in range(3)
    ]  # fmt: skip
    sheet.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    checked = world.run("check", sheet)
    assert "batch file" in checked.out + checked.err
    assert '"user": "7"' in checked.out
    assert '"content": "Be brief."' in checked.out
    done = world.run("run", sheet, "-y")
    assert (done.code, done.posts) == (0, 3), done.err
    assert world.column(sheet, "custom_id") == ["r-0", "r-1", "r-2"]


GEMINI: dict[str, Any] = {
    "contents": [{"role": "user", "parts": [{"text": "A poem about a kettle"}]}],
    "generationConfig": {"temperature": 0.2},
}


def test_a_batch_file_of_gemini_runs_and_sends_exactly_its_requests(world: World) -> None:
    world.mock()
    sheet = world.folder / "a.jsonl"
    lines = [{"key": f"r-{at}", "request": GEMINI} for at in range(2)]
    sheet.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    checked = world.run("check", sheet, "-m", "mock-text")
    assert "batch file" in checked.out + checked.err
    assert '"generationConfig":{"temperature":0.2}' in "".join(checked.out.split())
    done = world.run("run", sheet, "-m", "mock-text", "-y")
    assert (done.code, done.posts) == (0, 2), done.err
    assert world.column(sheet, "key") == ["r-0", "r-1"]


def test_a_text_that_is_nested_too_deep_for_json_is_a_text() -> None:
    nested = "[" * 100_000
    row = batch_row(
        {"custom_id": "a", "url": "/v1/chat/completions", "body": {**CHAT, "user": nested}}
    )
    assert row is not None
    assert row["body.user"] == nested
