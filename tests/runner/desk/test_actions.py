"""Every button is a command: what the page sends becomes its options, and nothing more."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.mock.account_info import PRICING
from runner.settings.keys import key_file, stored_keys
from runner.settings.locations import find_files
from runner.settings.settings import resolve
from tests.support.desks import OpenDesk, opened_desk
from tests.support.world import KEY, PICTURE, World

SENT = {"endpoint": "chat-image", "model": "mock-image"}
WAIT_SECONDS = 60.0
Told = dict[str, Any]


def until(desk: OpenDesk, name: str, true: Callable[[Told], bool]) -> Told:
    """How the sheet stands as soon as this is true of it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not true(told := desk.do("standing", sheet=name)):
        assert time.monotonic() < deadline, told
        time.sleep(0.1)
    return told


def until_ended(desk: OpenDesk, name: str) -> Told:
    """How the sheet stands once no run is at work on it."""
    return until(desk, name, lambda told: not told.get("running", True) or bool(told["trouble"]))


def test_a_sheet_is_shown_on_its_own_first_rows(world: World) -> None:
    world.mock()
    sheet = world.folder / "a.csv"
    sheet.write_text("编号,Text,note\n007,a fox,x\n008,a hen,y\n", encoding="utf-8")
    with opened_desk(world.folder) as desk:
        told = desk.do("check", sheet="a.csv", choices=SENT)
        mapped = desk.do("check", sheet="a.csv", choices={**SENT, "columns": {"note": "size"}})
    columns = [(one["header"], one["field"], one["cells"]) for one in told["columns"]]
    assert columns[0] == ("编号", None, ["007", "008"])
    assert columns[1] == ("Text", "prompt", ["a fox", "a hen"])
    assert columns[2] == ("note", None, ["x", "y"])
    assert mapped["columns"][2]["field"] == "size"
    assert told["request"]["row"] == 2
    assert '"a fox"' in told["request"]["body"]
    assert (told["rows"], told["stops"], told["missing"]) == (2, [], [])
    assert not (world.folder / "a.rowmill").exists()


def test_what_is_missing_is_told_in_the_words_of_the_page(world: World) -> None:
    world.prompts("a.csv", "a fox")
    with opened_desk(world.folder) as desk:
        told = desk.do("check", sheet="a.csv", choices={})
    assert told["missing"] == ["Choose what kind of request to send.", "Choose a model."]
    assert told["stops"] == []


def test_a_key_is_tested_before_it_is_kept(world: World) -> None:
    gateway = world.mock()
    world.monkeypatch.delenv("ROWMILL_API_KEY")
    world.prompts("a.csv", "a fox")
    with opened_desk(world.folder) as desk:
        told = desk.do("key", sheet="a.csv", choices={}, key="sk-right-0123456789abcdef")
        assert "saved" in told["words"]
        for text in ("2", "https://x.example/v1", "", "has space"):
            assert desk.do("key", sheet="a.csv", choices={}, key=text)["error"], text
        state = desk.do("check", sheet="a.csv", choices={})["key"]
    assert state["state"] == "set"
    kept = stored_keys(key_file())
    assert [key.reveal() for key in kept.values()] == ["sk-right-0123456789abcdef"]
    assert list(kept) == [gateway.base_url]


def test_an_address_that_does_not_answer_keeps_no_key(world: World) -> None:
    world.prompts("a.csv", "a fox")
    choices = {"base-url": "http://127.0.0.1:9"}
    with opened_desk(world.folder) as desk:
        told = desk.do("key", sheet="a.csv", choices=choices, key="sk-some-0123456789abcdef")
    assert "not saved" in told["error"]
    assert stored_keys(key_file()) == {}


def test_models_are_those_of_the_gateway(world: World) -> None:
    world.mock()
    world.prompts("a.csv", "a fox")
    with opened_desk(world.folder) as desk:
        assert "mock-image" in desk.do("models", sheet="a.csv", choices={})["models"]


def test_an_address_from_a_foreign_file_is_asked_nothing(world: World) -> None:
    gateway = world.mock()
    world.monkeypatch.delenv("ROWMILL_BASE_URL")
    world.prompts("a.csv", "a fox")
    (world.folder / "rowmill.toml").write_text(
        f'[provider.x]\nbase_url = "{gateway.base_url}"\n[defaults]\nprovider = "x"\n',
        encoding="utf-8",
    )
    with opened_desk(world.folder) as desk:
        told = desk.do("models", sheet="a.csv", choices={})
        key = desk.do("key", sheet="a.csv", choices={}, key="sk-some-0123456789abcdef")
    assert told["models"] is None
    assert "settings file" in told["words"]
    assert "settings file" in key["error"]


def test_a_price_counts_for_the_run(world: World) -> None:
    world.mock()
    world.prompts("a.csv", "a fox", "a hen")
    choices = {"endpoint": "chat", "model": "unheard-of"}
    with opened_desk(world.folder) as desk:
        before = desk.do("check", sheet="a.csv", choices=choices)
        assert before["ahead"]["unpriced"] == ["unheard-of"]
        for price in (0.5, 0.25):
            desk.do("price", model="unheard-of", price=price, currency="CNY")
        after = desk.do("check", sheet="a.csv", choices=choices)
    assert "0.50 CNY" in after["ahead"]["price"]
    assert (world.folder / "rowmill.toml").read_text(encoding="utf-8").count("call = ") == 1
    settings = resolve({}, {}, find_files(world.folder, None))
    assert settings.prices["unheard-of"]


def test_a_settings_file_that_came_with_the_sheets_is_not_written_to(world: World) -> None:
    world.prompts("a.csv", "a fox")
    file = world.folder / "rowmill.toml"
    file.write_text("[defaults]\nmodel = 'm'\n", encoding="utf-8")
    with opened_desk(world.folder) as desk:
        told = desk.do("price", model="m", price=0.5, currency="CNY")
    assert "may have come with the sheets" in told["error"]
    assert file.read_text(encoding="utf-8") == "[defaults]\nmodel = 'm'\n"


def test_a_run_needs_the_yes_to_its_plan_and_goes_through_the_command(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a fox", "a hen", "a cow", "a pig")
    three = {**SENT, "limit": "3"}
    with opened_desk(world.folder) as desk:
        plan = desk.do("plan", sheet="a.csv", choices=three)["plan"]
        assert (plan["calls"], len(world.calls)) == (3, 0)
        other = {**plan, "digest": "0" * 32}
        assert desk.do("run", sheet="a.csv", choices=three, plan=other)["error"]
        assert len(world.calls) == 0
        assert desk.do("run", sheet="a.csv", choices=three, plan=plan) == {}
        told = until_ended(desk, "a.csv")
        assert world.standing(sheet) == {"done": 3, "pending": 1}
        assert [one["row"] for one in told["first"]] == [2, 3, 4]
        rest = desk.do("plan", sheet="a.csv", choices={})["plan"]
        desk.do("run", sheet="a.csv", choices={}, plan=rest)
        until_ended(desk, "a.csv")
        assert desk.do("plan", sheet="a.csv", choices={})["plan"] is None
    assert world.standing(sheet) == {"done": 4}
    assert len(world.calls) == 4


def test_a_cap_holds_and_is_remembered(world: World) -> None:
    world.mock(pricing=PRICING)
    sheet = world.prompts("a.csv", "a fox", "a hen", "a cow", "a pig")
    choices = {**SENT, "max-cost": "0.05"}
    with opened_desk(world.folder) as desk:
        assert "error" in desk.do("check", sheet="a.csv", choices={**SENT, "max-cost": "many"})
        plan = desk.do("plan", sheet="a.csv", choices=choices)["plan"]
        desk.do("run", sheet="a.csv", choices=choices, plan=plan)
        until_ended(desk, "a.csv")
        chosen = desk.do("check", sheet="a.csv", choices={})["chosen"]
    assert chosen["max-cost"] == "0.05"
    assert world.standing(sheet) == {"done": 2, "pending": 2}


def test_a_refusal_of_the_command_reaches_the_page(world: World) -> None:
    world.mock()
    world.prompts("a.csv", "a fox", "")
    (world.folder / "a.csv").write_text("prompt,size\na fox,1x1\n,1x1\n", encoding="utf-8")
    with opened_desk(world.folder) as desk:
        told = desk.do("plan", sheet="a.csv", choices={"endpoint": "chat-image"})
    assert "No model was chosen" in told["error"]
    assert "Error:" not in told["error"]


def test_failed_rows_of_one_cause_are_tried_again_alone(world: World) -> None:
    world.mock({"bad": ["moderation"]})
    sheet = world.prompts("a.csv", "a fox", "a bad one")
    world.run("run", sheet, *PICTURE)
    with opened_desk(world.folder) as desk:
        (failure,) = desk.do("standing", sheet="a.csv")["failures"]
        assert (failure["kind"], failure["count"], failure["passing"]) == ("refused", 1, False)
        plan = desk.do("plan", sheet="a.csv", failure="refused")["plan"]
        assert plan["calls"] == 1
        desk.do("run", sheet="a.csv", failure="refused", plan=plan)
        until_ended(desk, "a.csv")
    assert world.standing(sheet) == {"done": 2}


def test_rejected_results_are_generated_again_and_no_others(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a fox", "a hen", "a cow")
    world.run("run", sheet, *PICTURE)
    with opened_desk(world.folder) as desk:
        assert "error" in desk.do("plan", sheet="a.csv", failure="rejected")
        world.run("pick", "2,4", sheet, "--reject")
        told = desk.do("standing", sheet="a.csv")
        assert told["rejected"] == {"count": 2, "rows": [2, 4]}
        plan = desk.do("plan", sheet="a.csv", failure="rejected")["plan"]
        assert plan["calls"] == 2
        desk.do("run", sheet="a.csv", failure="rejected", plan=plan)
        told = until_ended(desk, "a.csv")
    assert told["rejected"]["count"] == 0  # a mark belongs to the answer that it was given to
    assert len(world.calls) == 5


def test_a_run_is_paused_resumed_and_stopped(world: World) -> None:
    world.mock(latency=0.4)
    sheet = world.prompts("a.csv", *(f"fox {n}" for n in range(60)))
    with opened_desk(world.folder) as desk:
        assert "error" in desk.do("steer", sheet="a.csv", order="pause")
        plan = desk.do("plan", sheet="a.csv", choices={**SENT, "concurrency": "2"})["plan"]
        desk.do("run", sheet="a.csv", choices={**SENT, "concurrency": "2"}, plan=plan)
        assert desk.do("steer", sheet="a.csv", order="concurrency", to="4") == {}
        assert "error" in desk.do("steer", sheet="a.csv", order="concurrency", to="many")
        desk.do("steer", sheet="a.csv", order="pause")
        until(desk, "a.csv", lambda told: [one["kind"] for one in told["pauses"]] == ["person"])
        desk.do("steer", sheet="a.csv", order="resume")
        until(desk, "a.csv", lambda told: not told["pauses"])
        desk.do("steer", sheet="a.csv", order="stop")
        told = until_ended(desk, "a.csv")
    assert told["trouble"] is None
    standing = world.standing(sheet)
    assert 0 < standing["pending"] < 60
    assert standing["done"] == len(world.calls)


def test_results_are_handed_back_as_the_commands_write_them(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a fox", "a hen")
    world.run("run", sheet, *PICTURE)
    with opened_desk(world.folder) as desk:
        for what, ending in (("csv", "csv"), ("workbook", "xlsx"), ("page", "html")):
            told = desk.do("hand-back", sheet="a.csv", what=what)
            answer = desk.get(f"back/a.csv/{told['file']}")
            assert told["file"].endswith(ending)
            assert len(answer.content) == told["size"]
            assert answer.headers["Content-Disposition"] == "attachment"
        assert desk.post("do/hand-back", {"sheet": "a.csv", "what": "../x"}).status_code == 400


def test_the_key_stands_in_no_command_line_and_no_answer(world: World) -> None:
    world.mock(latency=0.3)
    world.prompts("a.csv", *(f"fox {n}" for n in range(10)))
    with opened_desk(world.folder) as desk:
        plan = desk.do("plan", sheet="a.csv", choices=SENT)
        desk.do("run", sheet="a.csv", choices=SENT, plan=plan["plan"])
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
        assert any(b"--agreed=" in line for line in lines)
        assert not any(KEY.encode() in line for line in lines)
        assert KEY not in json.dumps(until_ended(desk, "a.csv"))
