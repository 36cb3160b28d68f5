"""`rowmill run` sends every row once, keeps every answer, and writes complete results."""

import gc
import json
import logging
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from jobs.claimed import Claimed
from jobs.store.queue.settles import Answer, Settlement
from runner.mock.chance import prompt_digest
from runner.protocol.call import Call, Lost, Reply
from runner.steps.context import StepResult
from runner.transport.aiohttp_transport import Progress
from runner.workspace.log_file import end_log, log_to
from tests.support.world import KEY, PICTURE, TEXT, World, workbook

ANIMALS = ("a cat", "a dog", "an owl")
HEADERS = ["prompt", "notes"]
ROWS = [[animal, f"note {k}"] for k, animal in enumerate(ANIMALS)]


def write_sheet(world: World, name: str) -> Path:
    """The same three rows in the given format."""
    path = world.folder / name
    match path.suffix:
        case ".csv" | ".tsv":
            return world.sheet(name, HEADERS, *ROWS)
        case ".txt":
            path.write_text("\n".join(ANIMALS), encoding="utf-8")
        case ".jsonl":
            lines = [json.dumps(dict(zip(HEADERS, row, strict=True))) for row in ROWS]
            path.write_text("\n".join(lines), encoding="utf-8")
        case ".json":
            objects = [dict(zip(HEADERS, row, strict=True)) for row in ROWS]
            path.write_text(json.dumps(objects), encoding="utf-8")
        case ".parquet":
            pd.DataFrame(ROWS, columns=HEADERS).to_parquet(path)
        case _:
            workbook(path, HEADERS, *ROWS)
    return path


@pytest.mark.parametrize("ending", ["csv", "tsv", "txt", "jsonl", "json", "xlsx", "parquet"])
def test_a_sheet_of_any_format_is_done_once_and_sent_never_again(world: World, ending: str) -> None:
    sheet = write_sheet(world, f"animals.{ending}")
    before = sheet.read_bytes()
    done = world.run("run", sheet, *PICTURE)
    assert done.code == 0, done.err
    assert done.posts == 3
    assert len(world.files(sheet)) == 3
    again = world.run("run", sheet)
    assert (again.code, again.posts) == (0, 0), again.err
    assert sheet.read_bytes() == before
    if ending == "parquet":
        return
    rows = world.results(sheet)
    assert [row["result_status"] for row in rows] == ["done"] * 3
    assert [row["prompt"] for row in rows] == list(ANIMALS)
    for row in rows:
        assert (world.workspace(sheet).folder / row["result_files"]).is_file()


def test_only_an_edited_row_runs_again(world: World) -> None:
    sheet = world.prompts("a.csv", *ANIMALS)
    assert world.run("run", sheet, *TEXT).posts == 3
    first = world.results(sheet)
    world.prompts("a.csv", "a cat", "a red dog", "an owl")
    done = world.run("run", sheet, "-y")
    assert (done.code, done.posts) == (0, 1), done.err
    rows = world.results(sheet)
    assert "a red dog" in rows[1]["result_text"]
    assert [rows[0], rows[2]] == [first[0], first[2]]


def test_a_notes_column_costs_nothing(world: World) -> None:
    sheet = world.sheet("a.csv", HEADERS, *ROWS)
    world.run("run", sheet, *TEXT)
    world.sheet("a.csv", [*HEADERS, "more"], *([*row, "new"] for row in ROWS))
    done = world.run("run", sheet)
    assert (done.code, done.posts) == (0, 0), done.err
    assert world.column(sheet, "more") == ["new"] * 3
    world.sheet("a.csv", HEADERS, *([animal, "other"] for animal in ANIMALS))
    assert world.run("run", sheet).posts == 0
    assert world.column(sheet, "notes") == ["other"] * 3


def test_a_removed_row_is_parked_and_comes_back_with_its_answer(world: World) -> None:
    sheet = world.prompts("a.csv", *ANIMALS)
    world.run("run", sheet, *TEXT)
    texts = world.column(sheet, "result_text")
    world.prompts("a.csv", "a cat", "an owl")
    assert world.run("run", sheet).posts == 0
    assert world.column(sheet, "result_text") == [texts[0], texts[2]]
    assert world.standing(sheet) == {"done": 2, "parked": 1}
    world.prompts("a.csv", *ANIMALS)
    assert world.run("run", sheet).posts == 0
    assert world.column(sheet, "result_text") == texts


def test_another_order_costs_nothing_and_is_the_order_of_the_results(world: World) -> None:
    sheet = world.prompts("a.csv", *ANIMALS)
    world.run("run", sheet, *PICTURE)
    files = world.column(sheet, "result_files")
    world.prompts("a.csv", *reversed(ANIMALS))
    assert world.run("run", sheet).posts == 0
    assert world.column(sheet, "result_files") == files[::-1]
    assert world.column(sheet, "prompt") == list(reversed(ANIMALS))


def test_an_id_column_keeps_rows_apart_from_their_requests(world: World) -> None:
    sheet = world.sheet("a.csv", ["name", "prompt"], ["x1", "a cat"], ["x2", "a dog"])
    assert world.run("run", sheet, *TEXT, "--id", "name").posts == 2
    assert world.column(sheet, "result_key") == ["x1", "x2"]
    world.sheet("a.csv", ["name", "prompt"], ["x2", "a dog"], ["x1", "a cat"])
    assert world.run("run", sheet).posts == 0
    world.sheet("a.csv", ["name", "prompt"], ["x2", "a dog"], ["x2", "a cat"])
    refused = world.run("run", sheet)
    assert (refused.code, refused.posts) == (3, 0)
    assert "x2" in refused.err


def test_an_answer_paid_for_is_used_whatever_the_row_is_called_now(world: World) -> None:
    sheet = world.sheet("a.csv", ["sku", "prompt"], ["x1", "a cat"], ["x2", "a dog"])
    world.run("run", sheet, *TEXT)
    world.sheet("a.csv", ["sku", "prompt"], ["y1", "a cat"], ["y2", "a dog"])
    done = world.run("run", sheet)
    assert (done.code, done.posts) == (0, 0), done.err
    assert world.column(sheet, "result_key") == ["y1", "y2"]


def test_duplicates_are_separate_rows_with_an_answer_each(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog", "a cat")
    done = world.run("run", sheet, *PICTURE)
    assert done.posts == 3
    assert len(set(world.column(sheet, "result_files"))) == 3
    world.prompts("a.csv", "a cat", "a cat", "a dog", "a cat")
    assert world.run("run", sheet, "-y").posts == 1


def test_a_template_makes_prompts_of_columns(world: World) -> None:
    sheet = world.sheet("a.csv", ["名称", "my style"], ["lamp", "oil"], ["chair", ""])
    template = "Photo of {{ 名称 }}, {{ my style | watercolour }}"
    assert world.run("run", sheet, *TEXT, "-p", template).code == 0
    texts = world.column(sheet, "result_text")
    assert "Photo of lamp, oil" in texts[0]
    assert "Photo of chair, watercolour" in texts[1]
    assert world.run("run", sheet).posts == 0


def test_a_cell_is_data_and_never_a_template(world: World) -> None:
    sheet = world.sheet("a.csv", ["name"], ["{{ name }}"])
    world.run("run", sheet, *TEXT, "-p", "<{{ name }}>")
    assert "<{{ name }}>" in world.column(sheet, "result_text")[0]


def test_chinese_headers_and_other_columns_become_fields(world: World) -> None:
    sheet = world.sheet("a.csv", ["提示词", "数量", "备注"], ["一只猫", "2", "b"])
    assert world.run("run", sheet, *PICTURE).code == 0
    assert len(world.column(sheet, "result_files")[0].split("\n")) == 2
    other = world.sheet("b.csv", ["Was?", "how many"], ["a cat", "3"])
    done = world.run("run", other, *PICTURE, "--column", "Was?=prompt", "--column", "how many=n")
    assert done.code == 0, done.err
    assert len(world.files(other)) == 3
    assert world.run("run", other).posts == 0


def test_endpoint_and_model_are_chosen_by_the_cell_first(world: World) -> None:
    sheet = world.sheet(
        "a.csv",
        ["prompt", "endpoint", "model"],
        ["a cat", "chat", "mock-a"],
        ["a dog", "chat-image", "mock-image"],
        ["an owl", "", ""],
    )
    assert world.run("run", sheet, *TEXT).code == 0
    assert sorted(call["model"] for call in world.calls) == ["mock-a", "mock-image", "mock-text"]
    rows = world.results(sheet)
    assert [bool(row["result_files"]) for row in rows] == [False, True, False]
    assert rows[0]["result_model"] == "mock-a"


def test_set_body_columns_and_params_reach_the_request(world: World) -> None:
    headers = ["prompt", "body.n", "params"]
    sheet = world.sheet("a.csv", headers, ["a cat", "2", '{"max_tokens": 4}'], ["a dog", "", ""])
    done = world.run("run", sheet, *TEXT, "--set", "system=be short")
    assert done.code == 4, done.err  # cut off by max_tokens, so max_tokens arrived
    first, second = world.results(sheet)
    assert first["result_error_class"] == "truncated"
    assert first["result_text"]
    assert second["result_status"] == "done"
    refused = world.run("run", sheet, "--set", "system=be long", "-y")
    assert (refused.code, refused.posts) == (3, 0), "another constant is another request"


def test_local_pictures_count_by_their_content(world: World) -> None:
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (8, 8), colour).save(world.folder / name)
    sheet = world.sheet("a.csv", ["prompt", "image"], ["change it", "a.png"])
    assert world.run("run", sheet, *PICTURE).code == 0
    (world.folder / "a.png").rename(world.folder / "c.png")
    world.sheet("a.csv", ["prompt", "image"], ["change it", "c.png"])
    renamed = world.run("run", sheet, "-y")
    assert (renamed.code, renamed.posts) == (0, 0), renamed.err
    (world.folder / "b.png").replace(world.folder / "c.png")
    changed = world.run("run", sheet, "-y")
    # The cell is as before, yet the row would be paid again: the person must decide.
    assert (changed.code, changed.posts) == (3, 0), changed.err
    assert "image" in changed.err
    bought = world.run("run", sheet, "-y", "--rebuy")
    assert (bought.code, bought.posts) == (0, 1), bought.err


# --- parts of a sheet -----------------------------------------------------------------------------


def test_limit_takes_the_next_rows_each_time(world: World) -> None:
    sheet = world.prompts("a.csv", "one", "two", "three", "four", "five")
    counts = []
    for expected in ({"done": 2, "pending": 3}, {"done": 4, "pending": 1}, {"done": 5}):
        done = world.run("run", sheet, *TEXT, "--limit", 2)
        assert done.code == 0, done.err
        counts.append(done.posts)
        assert world.standing(sheet) == expected
    assert counts == [2, 2, 1]
    asked = [call["prompt_sha"] for call in world.calls]
    assert set(asked[:2]) == {prompt_digest("one"), prompt_digest("two")}
    assert asked[4] == prompt_digest("five")


def test_rows_are_taken_by_their_numbers(world: World) -> None:
    sheet = world.prompts("a.csv", *(f"prompt {row}" for row in range(2, 12)))
    done = world.run("run", sheet, *TEXT, "--rows", "3,7-9")
    assert (done.code, done.posts) == (0, 4), done.err
    settled = [
        int(row["result_row"]) for row in world.results(sheet) if row["result_status"] == "done"
    ]
    assert settled == [3, 7, 8, 9]
    assert world.run("run", sheet, "-y").posts == 6


# --- the first lines and the last -----------------------------------------------------------------


def test_json_is_one_object_on_stdout_and_nothing_else(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog")
    world.mock({"dog": ["html", "html", "html"]})
    done = world.run("run", sheet, *TEXT, "--json")
    told = done.json
    assert told["schema"] == 1
    assert told["exit_code"] == done.code == 4
    assert told["rows"] == {
        "total": 2, "done": 1, "failed": 1, "in_doubt": 0, "skipped": 0, "pending": 0
    }  # fmt: skip
    assert world.run("run", sheet).out == ""
    again = world.run("run", sheet, "--json")
    assert again.json["rows"] == told["rows"]


def test_the_host_is_named_before_anything_is_sent(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    assert world.gateway is not None
    done = world.run("run", sheet, *TEXT)
    assert f"1 row · chat mock-text · {world.gateway.base_url[7:]}" in done.err


def test_quiet_says_nothing(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    done = world.run("run", sheet, *TEXT, "-q")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_the_log_has_a_line_for_each_attempt_without_prompts(world: World) -> None:
    sheet = world.prompts("a.csv", "secretive cat", "a dog", *(f"bird {k}" for k in range(20)))
    world.mock({"dog": ["500"]})
    world.run("run", sheet, *TEXT)
    log = world.workspace(sheet).log.read_text(encoding="utf-8")
    told = [line for line in log.splitlines() if "step=send" in line]
    assert len(told) == 23
    assert all(re.match(r"[\d-]{10} [\d:,]{12} INFO row=\d+ endpoint=chat ", line) for line in told)
    assert "outcome=tryagain" in log
    assert "secretive" not in log


def test_calls_leave_no_reference_cycles_behind(world: World) -> None:
    """A run collects garbage seldom, so cycles would accumulate, above all with pictures."""
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(30)))
    faults = {"prompt 3": ["500", "cut"], "prompt 7": ["429"], "prompt 9": ["reset_after"]}
    world.mock(faults)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        done = world.run("run", sheet, *PICTURE)
        gc.collect()
        kinds = Counter(type(one) for one in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert done.posts > 30
    assert not kinds.keys() & {Call, Reply, Lost, Claimed, StepResult, Settlement, Answer, Progress}


def test_a_fault_of_ours_is_told_in_the_log_and_not_on_the_screen(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    log = world.folder / "rowmill.log"
    for _ in range(2):  # the second run must not write through the first one's handler
        handler = log_to(log)
        logging.getLogger("runner.engine.dispatcher").error("row 2: a step broke")
        end_log(handler)
        logging.getLogger("rowmill").info("after the run")
    assert log.read_text(encoding="utf-8").count("a step broke") == 2
    assert "after the run" not in log.read_text(encoding="utf-8")
    assert not capfd.readouterr().err


def test_the_key_is_in_no_process_list_and_in_no_file(world: World) -> None:
    sheet = world.prompts("a.csv", *(f"prompt {k}" for k in range(8)))
    faults = {"prompt 0": ["401", "cut"], "prompt 1": ["reset_after"], "prompt 2": ["error_200"]}
    world.mock(faults, latency=0.2)
    process = world.start("run", sheet, *TEXT, "--debug", "-v")
    world.wait(process, lambda: len(world.calls) > 4)
    seen = Path(f"/proc/{process.pid}/cmdline").read_text(encoding="utf-8")
    done = world.finish(process)
    assert done.code in (0, 4), done.err
    assert "runner.cli" in seen
    assert KEY not in seen  # the audit searches all files and all output


def test_values_that_came_from_outside_cannot_forge_lines_on_the_screen(world: World) -> None:
    sheet = world.prompts("\x1b[31mred.csv", "a cat")
    done = world.run("run", sheet, *TEXT)
    assert done.code == 0
    assert "\x1b" not in done.err
