"""The progress display of a run is true, fits its terminal, and never breaks the run."""

import asyncio
import io
import json
import os
import threading
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from runner.catalogue import choose_language
from runner.console.progress import (
    Display,
    ProgressEvent,
    Snapshot,
    json_of,
    line_of,
    mode_of,
    render,
)

NOW = 1_790_000_000.0
FULL = Snapshot(
    title="主图.xlsx → run 12",
    started_at=NOW - 6780,
    now=NOW,
    done=2946,
    failed=195,
    in_doubt=46,
    pending=1713,
    fetching=52,
    running=48,
    rate=26.9,
    eta=7080.0,
    in_flight=48,
    limit=48,
    tokens=6_830_000,
    cost=91.42,
    cost_known=False,
    currency="USD",
    files=3141,
    bytes=4_100_000_000,
    p50=14.8,
    p95=37.0,
    oldest=93.0,
    failures={"limit": 92, "refused": 51, "timeout": 31},
    events=(
        ProgressEvent(at=NOW, row=3189, mark="✓", text="seedream-4.0 9.1 s → 03189.png"),
        ProgressEvent(
            at=NOW, row=3177, mark="✗", text="内容审核未通过 [red]\x1b[2J\n(2033)" + "长" * 200
        ),
    ),
)


class Terminal(io.StringIO):
    """A stream that claims to be a terminal, and can break."""

    def __init__(self, *, breaks: bool = False) -> None:
        super().__init__()
        self.breaks = breaks

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.breaks:
            raise OSError(5, "Input/output error")
        return super().write(text)


def drawn(snapshot: Snapshot, width: int) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, markup=False, highlight=False)
    console.print(render(snapshot, width))
    return out.getvalue().splitlines()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [40, 60, 80, 96, 140])
def test_the_display_fits_its_width_with_chinese_text(width: int, language: str) -> None:
    choose_language(language, {})
    lines = drawn(FULL, width)
    assert {cell_len(line) for line in lines} == {width}
    assert "\x1b" not in "".join(lines)


def test_the_display_says_what_counts() -> None:
    text = "\n".join(drawn(FULL, 100))
    for word in (
        "2,946", "195", "3,187/5,000", "64%", "1h58m", "48 / 48", "26.9", "14.8 s / 37 s", "1m33s",
        "at least 91.42 USD", "6.8 M", "limit", "row 3189", "[red]\\x1b[2J\\n(2033)",
    ):  # fmt: skip
        assert word in text, word


def test_the_blocks_stand_under_one_another_where_it_is_narrow() -> None:
    def line_with(word: str, lines: list[str]) -> int:
        return next(number for number, line in enumerate(lines) if word in line)

    wide, narrow = drawn(FULL, 100), drawn(FULL, 60)
    assert line_with("48 / 48", wide) == line_with("at least 91.42", wide)
    assert line_with("48 / 48", narrow) < line_with("at least 91.42", narrow)


@pytest.mark.parametrize("width", [40, 60, 80, 84, 90, 96, 100, 104, 140])
@pytest.mark.parametrize("failures", [{}, FULL.failures])
def test_no_figure_is_cut_at_any_width(width: int, failures: dict[str, int]) -> None:
    text = "\n".join(drawn(replace(FULL, failures=failures), width))
    for figure in ("at least 91.42 USD", "3,141 (4.1 GB)", "48 / 48", "14.8 s / 37 s"):
        assert figure in text, f"{figure} at {width} columns\n{text}"


def test_a_pause_by_hand_is_shown_with_the_command_that_ends_it() -> None:
    text = "\n".join(drawn(replace(FULL, held=True), 100))
    assert "Paused by hand: rowmill steer --resume continues" in text
    assert "paused=by_hand" in line_of(replace(FULL, held=True))


def test_a_long_rest_is_told_with_the_time_of_day_of_its_end() -> None:
    text = "\n".join(drawn(FULL, 100))
    clock = datetime.fromtimestamp(NOW + 7080).astimezone().strftime("%H:%M")
    assert f"left 1h58m (about {clock})" in text
    assert "about" not in "\n".join(drawn(replace(FULL, eta=90.0, cost=None), 100))


async def test_the_panel_leaves_room_for_what_a_terminal_echoes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    display = Display("bar", stream=out, color="never")
    display.show(FULL)
    await display.stop()
    frame = [line for line in out.getvalue().splitlines() if line.startswith("│")]
    assert frame
    assert max(cell_len(line.rstrip()) for line in frame) == 77


@pytest.mark.parametrize("width", [60, 80])
def test_no_count_is_broken_where_the_screen_is_narrow(width: int) -> None:
    screen = Console(file=io.StringIO(), width=width)
    screen.print(render(FULL, width))
    assert isinstance(screen.file, io.StringIO)
    lines = screen.file.getvalue().splitlines()
    assert not [line for line in lines if line.strip(" │").endswith("■")]
    for words in ("done 2,946", "in doubt 46", "waiting 1,713"):
        assert any(f"■ {words}" in line for line in lines), lines


def test_unknown_stays_unknown_and_a_pause_is_told() -> None:
    bare = Snapshot(title="a.csv", started_at=NOW, now=NOW, paused_until=NOW + 30, reason="429")
    text = "\n".join(drawn(bare, 80))
    assert "unknown" in text
    assert "Paused until" in text
    assert "0/0" in text


def test_a_log_line_has_key_and_value_without_spaces() -> None:
    line = line_of(replace(FULL, paused_until=NOW + 9, reason="slow down please"))
    assert line.startswith("progress rows=3187/5000 percent=63 done=2946 failed=195 in_doubt=46 ")
    assert "rate=26.9/min eta=1h58m" in line
    assert "paused=slow_down_please" in line
    record = json.loads(json_of(FULL))
    assert (record["schema"], record["type"], record["total"]) == (1, "progress", 5000)
    assert record["events"][0]["row"] == 3189


def test_auto_is_the_bar_on_a_terminal_and_lines_elsewhere() -> None:
    assert mode_of("auto", Terminal()) == "bar"
    assert mode_of("auto", io.StringIO()) == "plain"
    assert mode_of("none", Terminal()) == "none"


def shown_lines(mode: str, snapshots: list[Snapshot]) -> list[str]:
    out = io.StringIO()
    display = Display(mode, stream=out)
    for snapshot in snapshots:
        display._show(snapshot)
    return out.getvalue().splitlines()


def test_plain_lines_come_every_30_seconds_or_5_percent_whichever_is_later() -> None:
    base = Snapshot(title="", started_at=0, now=0, pending=1000)

    def at(now: float, done: int) -> Snapshot:
        return replace(base, now=now, done=done, pending=1000 - done)

    fast = shown_lines("plain", [at(second, second * 10) for second in range(90)])
    assert [line.split()[1] for line in fast] == ["rows=0/1000", "rows=300/1000", "rows=600/1000"]
    slow = shown_lines("plain", [at(second, second // 60) for second in range(0, 700, 10)])
    assert [line.split()[1] for line in slow] == ["rows=0/1000", "rows=5/1000", "rows=10/1000"]


async def test_the_last_state_is_shown_and_stays() -> None:
    out = Terminal()
    display = Display("bar", stream=out, color="never")

    async def take() -> Snapshot:
        return replace(FULL, done=1)

    display.start(take)
    await asyncio.sleep(0.05)
    await display.stop(FULL)
    assert display.failure is None
    assert "2,946" in out.getvalue()
    assert "\x1b[?1049h" not in out.getvalue()  # the alternate screen, which disappears at the end


async def test_a_terminal_that_breaks_ends_the_display_and_not_the_run() -> None:
    display = Display("bar", stream=Terminal(breaks=True))
    asked = 0

    async def take() -> Snapshot:
        nonlocal asked
        asked += 1
        return FULL

    display.start(take)
    async with asyncio.timeout(30):
        while display.failure is None:  # noqa: ASYNC110 - its thread sets no event
            await asyncio.sleep(0.01)
    await display.stop(FULL)
    assert asked >= 1
    assert display.failure is not None
    assert "Input/output error" in display.failure


async def test_a_held_terminal_does_not_hold_up_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.console.progress.STOP_TIMEOUT_SECONDS", 0.2)
    reader, writer = os.pipe()
    os.set_blocking(writer, True)
    stream = os.fdopen(writer, "w", encoding="utf-8")
    display = Display("json", stream=stream)
    big = replace(FULL, title="x" * 200_000)  # more than a pipe holds, with no reader
    display.show(big)
    started = asyncio.get_running_loop().time()
    await asyncio.sleep(0.05)
    for _ in range(50):
        display.show(big)
    await display.stop(big)
    assert asyncio.get_running_loop().time() - started < 2

    def read_all() -> None:
        with os.fdopen(reader, "rb") as pipe:
            pipe.read()

    drain = threading.Thread(target=read_all, daemon=True)
    drain.start()
    await asyncio.to_thread(display._thread.join, 5)
    stream.close()
    await asyncio.to_thread(drain.join, 5)


async def test_notes_stand_between_the_lines() -> None:
    out: Any = io.StringIO()
    display = Display("json", stream=out)
    display.show(FULL)
    display.tell("stopping")
    await display.stop()
    kinds = [json.loads(line)["type"] for line in out.getvalue().splitlines()]
    assert kinds == ["progress", "note"]
