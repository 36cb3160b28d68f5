"""`rowmill report` and the end of a run tell the same story of what happened."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.job import JSON
from jobs.store.queries.gallery import CallsPerMinute, PastRun
from jobs.store.queries.totals import Spent
from runner.report.html import el, joined, script_json
from runner.report.story import Incident, advice, reasons, sentences, stretches, timeline
from tests.support import pages
from tests.support.world import KEY, PICTURE, TEXT, World

START = pages.START
MODERATION = "I cannot help with that picture."


def data_of(page: Path) -> dict[str, object]:
    """The data that a page embeds for its script."""
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


def rows_of(page: Path) -> list[dict[str, object]]:
    """The rows of a page, by field name."""
    data = data_of(page)
    names, rows = data["fields"], data["rows"]
    assert isinstance(names, list)
    assert isinstance(rows, list)
    return [dict(zip(names, row, strict=True)) for row in rows]


def words(page: Path) -> str:
    """The text above the gallery."""
    text = page.read_text(encoding="utf-8").partition("<main>")[2].partition('id="bar"')[0]
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


# --- after a run ----------------------------------------------------------------------------------


def test_a_run_leaves_a_page_with_its_rows_pictures_and_end(world: World) -> None:
    sheet = world.sheet("a.csv", ["id", "prompt"], ["fox", "a fox"], ["owl", "an owl"])
    done = world.run("run", sheet, *PICTURE)
    page = world.workspace(sheet).report
    assert f"report   {page.relative_to(Path.cwd())}" in done.err
    rows = rows_of(page)
    assert [(row["row"], row["key"], row["prompt"], row["status"]) for row in rows] == [
        (2, "fox", "a fox", "done"),
        (3, "owl", "an owl", "done"),
    ]
    assert [row["files"] for row in rows] == [[name] for name in world.files(sheet)]
    told = words(page)
    assert "2 of 2 rows are done." in told
    assert "Nothing failed" in told
    assert "2 calls were made; no price is known" in told
    assert "The run ended after 2 calls: everything done." in told
    assert "rowmill export a.csv" in told


def test_the_page_says_what_failed_why_and_which_command_helps(world: World) -> None:
    world.mock({"bad": ["moderation"]})
    sheet = world.prompts("a.csv", "a good one", "a bad one")
    done = world.run("run", sheet, *PICTURE)
    assert done.code == 4
    told = words(world.workspace(sheet).report)
    assert "1 of 2 rows are done." in told
    assert "1 row failed: 1 refused." in told
    assert "an unchanged row is rejected again" in told
    assert "rowmill errors a.csv --export fixes.xlsx" in told
    assert "finished, some rows failed" in told


def test_a_stopped_run_leaves_a_page_too(world: World) -> None:
    world.monkeypatch.setenv("ROWMILL_API_KEY", "sk-bad")
    sheet = world.prompts("a.csv", "a fox", "an owl")
    done = world.run("run", sheet, *TEXT)
    assert done.code == 6
    told = words(world.workspace(sheet).report)
    assert "0 of 2 rows are done. 2 rows still have to be run." in told
    assert "stopped by the provider" in told


def test_a_page_that_somebody_changed_is_left_alone(world: World) -> None:
    sheet = world.prompts("a.csv", "a fox")
    world.run("run", sheet, *TEXT)
    page = world.workspace(sheet).report
    page.write_text("mine")
    done = world.run("report", sheet)
    assert done.code == 0
    assert page.read_text() == "mine"
    assert "was changed by somebody" in done.err
    assert len(list(page.parent.glob("report *.html"))) == 1


def test_a_page_that_cannot_be_written_is_output_trouble_and_no_row_fails(world: World) -> None:
    sheet = world.prompts("a.csv", "a fox")
    world.workspace(sheet).report.mkdir(parents=True)
    done = world.run("run", sheet, *TEXT)
    assert done.code == 7
    assert "The report could not be written" in done.err
    assert world.column(sheet) == ["done"]


# --- the command ----------------------------------------------------------------------------------


def test_a_page_elsewhere_finds_its_pictures(world: World) -> None:
    sheet = world.prompts("a.csv", "a fox")
    world.run("run", sheet, *PICTURE)
    (world.folder / "pages").mkdir()
    done = world.run("report", sheet, "-o", "pages/morning.html")
    assert done.code == 0
    assert done.err.endswith("Report: pages/morning.html\n")
    page = world.folder / "pages" / "morning.html"
    data = data_of(page)
    assert data["base"] == "../a.rowmill/"
    name = world.files(sheet)[0]
    assert (page.parent / str(data["base"]) / "thumbs" / f"{name}.jpg").is_file()


def test_missing_thumbnails_are_made_for_the_page(world: World) -> None:
    sheet = world.prompts("a.csv", "a fox")
    world.run("run", sheet, *PICTURE)
    thumb = next((world.workspace(sheet).folder / "thumbs").iterdir())
    thumb.unlink()
    done = world.run("report", sheet)
    assert "Making thumbnails: 1" in done.err
    assert thumb.is_file()


def test_a_single_file_holds_its_thumbnails(world: World) -> None:
    sheet = world.prompts("a.csv", "a fox")
    world.run("run", sheet, *PICTURE)
    world.run("report", sheet, "--single-file", "-o", "one.html")
    inline = data_of(world.folder / "one.html")["inline"]
    assert isinstance(inline, dict)
    assert [text[:4] for text in inline.values()] == ["/9j/"]  # a JPEG's first bytes


def test_a_single_file_that_would_be_too_large_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = world.prompts("a.csv", "a fox")
    world.run("run", sheet, *PICTURE)
    thumb = next((world.workspace(sheet).folder / "thumbs").iterdir())
    with thumb.open("r+b") as file:
        file.truncate(26 << 20)
    done = world.run("report", sheet, "--single-file", "-o", "one.html")
    assert done.code == 3
    assert "a single file holds at most 25 MB" in done.err
    assert not (world.folder / "one.html").exists()


def test_a_report_of_nothing_is_refused(world: World) -> None:
    assert world.run("report").code == 3
    assert world.run("report", world.prompts("a.csv", "a fox")).code == 3


def test_the_page_speaks_the_chosen_language(world: World) -> None:
    sheet = world.prompts("a.csv", "a fox")
    world.run("run", sheet, *TEXT)
    world.run("report", sheet, "--lang", "zh")
    page = world.workspace(sheet).report
    assert '<html lang="zh-CN">' in page.read_text(encoding="utf-8")
    assert "1 行中已完成 1 行。" in words(page)


def test_a_key_in_a_prompt_or_an_error_is_not_in_the_page(tmp_path: Path) -> None:
    prompt, detail = f"say {KEY}", f"bad key {KEY}"
    told = pages.facts(
        [
            pages.row(2, prompt=prompt, text=prompt),
            pages.failed_row(3)._replace(detail=detail, cause=detail),
        ]
    )
    assert KEY not in pages.write_page(tmp_path, told).read_text(encoding="utf-8")


def test_a_page_of_too_many_rows_keeps_all_that_failed_and_says_so(world: World) -> None:
    from runner.report import facts  # noqa: PLC0415 - to lower its limit

    world.monkeypatch.setattr(facts, "MAX_PAGE_ROWS", 3)
    world.mock({"bad": ["moderation"]})
    sheet = world.prompts("a.csv", "one", "two", "three", "four", "a bad one", "a bad two")
    world.run("run", sheet, *PICTURE)
    page = world.workspace(sheet).report
    assert [row["row"] for row in rows_of(page)] == [2, 6, 7]
    assert "This page shows 3 rows" in words(page)
    assert "4 of 6 rows are done." in words(page)


# --- the story ------------------------------------------------------------------------------------


def _told(**more: object) -> tuple[str, str, str]:
    return sentences(pages.facts([pages.row(2)], **more))


def _spent(**more: object) -> Spent:
    plain = Spent(
        calls=3,
        unknown_calls=0,
        unpriced_calls=0,
        cost=1.5,
        currency="USD",
        prompt_tokens=None,
        completion_tokens=None,
        total_tokens=None,
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # fields by name


def test_money_is_exact_only_where_it_is_known() -> None:
    assert _told(spent=_spent())[2] == "It cost 1.50 USD, for 3 calls."
    least = _told(spent=_spent(unpriced_calls=1))[2]
    assert least.startswith("It cost at least 1.50 USD, for 3 calls.")
    assert "1 answer has no known price and is not in this sum." in least
    doubtful = _told(spent=_spent(unknown_calls=2))[2]
    assert "at least 1.50 USD" in doubtful
    assert "2 calls got no response and may have been billed." in doubtful
    unknown = _told(spent=_spent(cost=None))[2]
    assert unknown == "3 calls were made; no price is known."


def test_causes_with_the_same_remedy_are_one_reason() -> None:
    rows = [pages.failed_row(number, which=1) for number in (4, 5)]
    other = pages.failed_row(3, which=1)._replace(cause="nobody knows")
    found = reasons(pages.facts([*rows, other]))
    assert [(one.kind, one.count, one.first) for one in found] == [("server", 3, 3)]


def test_advice_names_each_command_once_the_next_one_first() -> None:
    rows = [pages.failed_row(number, which=number) for number in range(2, 8)]
    found = [one.command for one in advice(pages.facts(rows))]
    assert found[0] == "rowmill retry prompts.csv"
    assert len(found) == len(set(found))
    assert "rowmill errors prompts.csv --export fixes.xlsx" in found  # for refused calls


def test_a_command_that_one_cause_asks_for_is_told_in_its_words() -> None:
    refused = [pages.failed_row(number, which=0) for number in (2, 3)]
    command = "rowmill errors prompts.csv --export fixes.xlsx"
    (only,) = advice(replace(pages.facts(refused), next_command=command))
    assert only.command == command
    assert only.why.startswith("for 2 × refused: ")


def test_a_run_that_never_ended_died_unless_it_is_going_on() -> None:
    run = PastRun(id=1, started_at=START, ended_at=None, exit_code=None, calls=1, events=())
    died = timeline(pages.facts([pages.row(2)], runs=(run,), minutes=()))
    assert "killed, or power loss" in died[-1].text
    going = timeline(pages.facts([pages.row(2)], runs=(run,), minutes=(), running=True))
    assert [one.text for one in going] == ["A run started."]


def test_events_are_told_and_unknown_ones_by_their_name() -> None:
    events: tuple[tuple[float, str, dict[str, JSON]], ...] = (
        (START + 5, "second_pass", {"rows": 7}),
        (START + 6, "model_stopped", {"model": "m", "cause": "x", "detail": "<b>gone</b>"}),
        (START + 7, "of_tomorrow", {"a": 1}),
    )
    run = PastRun(id=1, started_at=START, ended_at=START + 9, exit_code=0, calls=1, events=events)
    found = timeline(pages.facts([pages.row(2)], runs=(run,), minutes=()))
    assert [one.text for one in found[1:4]] == [
        "One more pass for 7 rows that had failed.",
        "The rows of m were stopped: <b>gone</b>",
        "of_tomorrow",
    ]


def test_the_timeline_tells_an_outage_and_refusals_for_speed_once_each_with_their_length() -> None:
    away: dict[str, JSON] = {"cause": "offline", "detail": "x"}
    events: tuple[tuple[float, str, dict[str, JSON]], ...] = (
        (START + 10, "slow_down", {}),
        (START + 20, "slow_down", {}),
        (START + 30, "slow_down", {}),
        (START + 100, "outage", away),
        (START + 3700, "outage_over", {"seconds": 3600.0}),
        (START + 3800, "key_dropped", {"key": "gate key 1", "cause": "key"}),
        (START + 3900, "outage", away),
    )
    run = PastRun(
        id=1, started_at=START, ended_at=START + 4000, exit_code=0, calls=1, events=events
    )
    found = timeline(pages.facts([pages.row(2)], runs=(run,), minutes=()))
    assert [(one.text, one.at - START, one.until and one.until - START) for one in found[1:5]] == [
        ("The provider asked 3 times to slow down; the rate was lowered.", 10, 30),
        (
            "Paused for 1h00m: the provider kept failing (offline). No attempts were used up.",
            100,
            3700,
        ),
        ("gate key 1 was rejected and no longer used; the other keys continued.", 3800, None),
        ("The provider kept failing (offline) until the run ended.", 3900, None),
    ]


def _minutes(*kinds: str) -> list[CallsPerMinute]:
    made = {
        "good": {"good": 20},
        "slow": {"good": 2, "slowed": 9},
        "down": {"failed": 9},
        "cut": {"doubtful": 9},
    }
    blank = {"good": 0, "slowed": 0, "failed": 0, "doubtful": 0}
    return [
        CallsPerMinute(at=START + 60 * at, **(blank | made[kind]))
        for at, kind in enumerate(kinds)
        if kind != "none"
    ]


def _in_short(incidents: list[Incident]) -> list[tuple[float, str]]:
    return [((one.at - START) / 60, one.text.split(",")[0]) for one in incidents]


def test_an_outage_is_one_line_and_its_recovery_another() -> None:
    night = _minutes("good", "down", "down", "none", "down", "good", "good")
    found = stretches(night)
    assert _in_short(found) == [(1, "The provider was unreachable"), (5, "Answers arrived again")]
    assert found[0].until == START + 5 * 60
    assert "(27 calls)" in found[0].text
    assert "4m00s after" in found[1].text


def test_trouble_is_named_by_its_kind_and_never_invented() -> None:
    assert "slow down" in stretches(_minutes("good", "slow", "good"))[0].text
    assert "in doubt" in stretches(_minutes("cut"))[0].text
    assert stretches(_minutes("good", "good")) == []
    single = CallsPerMinute(at=START, good=1, slowed=0, failed=2, doubtful=0)
    assert stretches([single]) == []  # two calls are not an incident


# --- markup ---------------------------------------------------------------------------------------


def test_all_text_is_escaped_and_markup_is_not_escaped_twice() -> None:
    inner = el("b", "<i>&", title='"><script>')
    assert joined(["<", inner]) == ('&lt;<b title="&quot;&gt;&lt;script&gt;">&lt;i&gt;&amp;</b>')
    assert script_json('"</script>\u2028"') == '"\\u003c/script>\\u2028"'
