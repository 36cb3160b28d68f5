"""Runs survive rate limits, outages, revoked keys and other processes at the wire."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from jobs.store.log import events_of, last_run
from runner.engine import outage
from runner.pacing import adaptive_rate
from runner.pacing import pace as paces
from runner.workspace.workspace import SHEET_ID
from tests.support.allowance import Allowance
from tests.support.world import PICTURE, TEXT, World

KEYS = ("sk-night-a-0123456789", "sk-night-b-0123456789")


@contextmanager
def gateway(world: World, *, limit: int | None = None, window: float = 60.0) -> Iterator[Allowance]:
    """A gateway with a rate limit, configured for every following command."""
    mock = world.mock()
    world.bills.append(world.folder.parent / "portal.jsonl")
    with Allowance(mock.base_url, world.bills[-1], limit=limit, window=window) as before:
        world.monkeypatch.setenv("ROWMILL_BASE_URL", before.base_url)
        yield before


def speed_up(world: World, times: float) -> None:
    """Speed up the pacer's minutes and waits by this factor."""
    for module, names in (
        (
            adaptive_rate,
            (
                "LOOK_BACK_SECONDS",
                "MAX_REFUSAL_SECONDS",
                "CLIMB_SECONDS",
                "MAX_CLIMB_SECONDS",
                "DOUBLING_SECONDS",
                "REST_SECONDS",
            ),
        ),
        (
            paces,
            (
                "FIRST_PAUSE_SECONDS",
                "MAX_PAUSE_SECONDS",
                "MIN_PATIENCE_SECONDS",
                "MAX_PATIENCE_SECONDS",
            ),
        ),
    ):
        for name in names:
            world.monkeypatch.setattr(module, name, getattr(module, name) / times)
    for name, seconds in (
        ("FIRST_WAIT_SECONDS", 1),
        ("MAX_LOOK_SECONDS", 60),
        ("MAX_TRIAL_SECONDS", 300),
    ):
        world.monkeypatch.setattr(outage, name, seconds / times)


def once(happened: Callable[[], bool], act: Callable[[], None]) -> None:
    """Run an action once a condition holds, while a run is active."""

    def wait() -> None:
        while not happened():
            time.sleep(0.01)
        act()

    threading.Thread(target=wait, daemon=True).start()


def many(world: World, count: int) -> Path:
    return world.prompts("a.csv", *(f"prompt {k}" for k in range(count)))


def happened(world: World, sheet: Path) -> list[str]:
    """The kinds of events of the last run."""
    with world.store(sheet) as store, store.read() as tx:
        run = last_run(tx, SHEET_ID)
        assert run is not None
        return [event.kind for event in events_of(tx, run.id)]


def log_of(world: World, sheet: Path) -> str:
    return world.workspace(sheet).log.read_text(encoding="utf-8")


def open_calls(world: World, sheet: Path) -> int:
    """Calls in flight."""
    with world.store(sheet) as store, store.read() as tx:
        found = tx.exec_driver_sql("SELECT count(*) FROM calls WHERE wire IS NULL").scalar_one()
        return int(found)


def two_keys(world: World, base_url: str, *, accounts: tuple[str, str] = ("", "")) -> None:
    """A provider with two keys, each in a file, configured in the user's settings."""
    world.monkeypatch.delenv("ROWMILL_API_KEY")
    world.monkeypatch.delenv("ROWMILL_BASE_URL")
    entries = []
    for name, key, account in zip("ab", KEYS, accounts, strict=True):
        (world.folder.parent / f"{name}.key").write_text(key, encoding="utf-8")
        place = (world.folder.parent / f"{name}.key").as_posix()
        named = f', account = "{account}"' if account else ""
        entries.append(f'{{ file = "{place}"{named} }}')
    home = world.folder.parent / "home" / "rowmill"
    home.mkdir(parents=True, exist_ok=True)
    (home / "rowmill.toml").write_text(
        f'[provider.gate]\nbase_url = "{base_url}"\nkeys = [{", ".join(entries)}]\n'
        '[defaults]\nprovider = "gate"\n',
        encoding="utf-8",
    )


# --- outages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["refuse", "portal", "redirect"])
def test_no_row_fails_for_an_outage_and_the_run_goes_on_by_itself(world: World, how: str) -> None:
    speed_up(world, 10)
    with gateway(world) as gate:
        sheet = many(world, 120)
        gate.delay = 0.1

        def leave() -> None:
            gate.looks = 0
            gate.away = how

        once(lambda: len(gate.let_in) > 8, leave)
        once(lambda: bool(gate.away) and gate.looks >= 2, lambda: setattr(gate, "away", ""))
        done = world.run("run", sheet, *TEXT, "-c", 4)
        assert done.code == 0, done.err
        assert set(world.column(sheet)) == {"done"}
        assert gate.turned_away <= 5 + 2 * 4, "an outage is waited out without calls"
        assert happened(world, sheet)[:2] == ["outage", "outage_over"]


def test_an_address_that_sends_elsewhere_from_the_start_is_no_outage(world: World) -> None:
    with gateway(world) as gate:
        gate.away = "redirect"
        done = world.run("run", many(world, 30), *TEXT, "-c", 4, "--json")
        assert done.code != 0
        assert gate.turned_away <= 8
        assert done.json["rows"]["pending"] >= 22


def test_an_outage_that_is_too_long_ends_the_run_with_its_rows_pending(world: World) -> None:
    speed_up(world, 10)
    world.settings("[limits]\nmax_wait = 0.5\n")
    with gateway(world) as gate:
        sheet = many(world, 30)
        gate.delay = 0.1
        once(lambda: len(gate.let_in) > 4, lambda: setattr(gate, "away", "portal"))
        done = world.run("run", sheet, *TEXT, "-c", 2, "--json")
        assert (done.code, done.json["stopped"]) == (6, "offline"), done.err
        rows = done.json["rows"]
        assert rows["failed"] == 0
        assert rows["pending"] >= 5


def test_a_gateway_that_is_there_and_whose_calls_go_wrong_is_tried_ever_more_rarely(
    world: World,
) -> None:
    speed_up(world, 10)
    world.settings("[limits]\nmax_wait = 1.5\n")
    world.mock({"": ["502"] * 99})
    sheet = many(world, 100)
    done = world.run("run", sheet, *TEXT, "-c", 4, "--json")
    assert (done.code, done.json["stopped"]) == (6, "offline"), done.err
    assert done.posts <= 5 + 4 + 6
    assert done.json["rows"]["pending"] >= 85


# --- keys -----------------------------------------------------------------------------------------


def test_a_key_that_is_taken_back_is_left_and_the_other_goes_on(world: World) -> None:
    with gateway(world) as gate:
        two_keys(world, gate.base_url)
        gate.delay = 0.15
        sheet = many(world, 60)
        gate.delay = 0.3
        once(lambda: len(gate.let_in) > 12, lambda: gate.revoked.add(KEYS[0]))
        done = world.run("run", sheet, *TEXT, "-c", 4)
        assert done.code == 0, done.err
        assert set(world.column(sheet)) == {"done"}
        used = [key for _, key in gate.let_in]
        assert set(used) == set(KEYS)
        assert set(used[-10:]) == {KEYS[1]}
        assert "key_dropped" in happened(world, sheet)
        gate.revoked.update(KEYS)
        more = world.prompts("b.csv", "one", "two")
        assert world.run("run", more, *TEXT).code == 6


def test_no_key_of_two_is_in_anything_that_was_written(world: World) -> None:
    with gateway(world) as gate:
        two_keys(world, gate.base_url, accounts=("x", "y"))
        sheet = many(world, 6)
        assert world.run("run", sheet, *TEXT, "--rpm", 6000).code == 0
    state = world.folder.parent / "home" / "rowmill" / "pace"
    assert len(list(state.glob("*.pace"))) == 2, "each account has a minute of its own"
    for path in [*world.folder.rglob("*"), *state.rglob("*")]:
        if path.is_file():
            for key in KEYS:
                assert key.encode() not in path.read_bytes()
                assert key not in path.name


# --- limits ---------------------------------------------------------------------------------------


def test_two_runs_with_one_key_stay_together_inside_their_limit(world: World) -> None:
    with gateway(world) as gate:
        sheets = [world.prompts(f"{n}.csv", *(f"{n} {k}" for k in range(40))) for n in "ab"]
        started = [
            world.start("run", sheet, *TEXT, "-c", 8, "--rpm", 600, "--progress", "none")
            for sheet in sheets
        ]
        for process in started:
            done = world.finish(process)
            assert done.code == 0, done.err
        moments = [at for at, _ in gate.let_in]
        assert len(moments) == 80
        for index, first in enumerate(moments):
            inside = sum(at < first + 1.0 for at in moments[index:])
            assert inside <= 10 + 10 + 4, "ten a second, a second's worth of catching up"
        assert moments[-1] - moments[0] >= (80 - 20) / 10


# --- deadlines and other terminals ----------------------------------------------------------------


def test_until_ends_a_run_and_names_the_last_calls(world: World) -> None:
    with gateway(world) as gate:
        gate.delay = 3.0
        sheet = many(world, 30)
        done = world.run("run", sheet, *TEXT, "-c", 2, "--until", "2s", "--json")
        assert (done.code, done.json["stopped"]) == (5, "until"), done.err
        assert done.json["rows"] | {"done": 2, "pending": 28} == done.json["rows"]
        assert "row 2 until" in done.err


def test_a_rule_of_failures_stops_a_run(world: World) -> None:
    world.settings('[limits]\nstop_if = "failed>20%/10"\n')
    world.mock({"prompt 1": ["moderation"]})
    sheet = many(world, 60)
    done = world.run("run", sheet, *PICTURE, "-c", 1, "--json")
    assert (done.code, done.json["stopped"]) == (5, "rule"), done.err
    assert 3 <= done.json["rows"]["failed"] <= 5, "files of earlier rows end later"
    assert done.json["rows"]["pending"] >= 45


def test_a_run_is_paused_tuned_and_resumed_from_another_terminal(world: World) -> None:
    with gateway(world) as gate:
        gate.delay = 0.1
        sheet = many(world, 60)
        process = world.start("run", sheet, *TEXT, "-c", 2)
        world.wait(process, lambda: len(gate.let_in) > 3)
        assert world.run("steer", sheet, "--pause").code == 0
        world.wait(process, lambda: "steered" in happened(world, sheet))
        world.wait(process, lambda: not open_calls(world, sheet))
        held = len(gate.let_in)
        printed = world.run("status", sheet)
        assert "by hand" in printed.out
        assert json.loads(world.run("status", sheet, "--json").out)["pauses"][0]["kind"] == "person"
        time.sleep(0.5)  # as long as five calls take
        assert len(gate.let_in) == held < 60
        assert world.run("steer", sheet, "--resume", "-c", 12).code == 0
        done = world.finish(process)
        assert done.code == 0, done.err
        assert gate.most_in_flight > 2
        assert happened(world, sheet).count("steered") == 2
    assert world.run("steer", sheet, "--pause").code == 3
    assert world.run("steer", sheet).code == 2


def test_steering_outlives_reads_of_the_table_that_fail(world: World) -> None:
    with gateway(world) as gate:
        gate.delay = 0.1
        sheet = many(world, 200)
        process = world.start("run", sheet, *TEXT, "-c", 2)
        world.wait(process, lambda: len(gate.let_in) > 3)
        table = world.workspace(sheet).table
        with closing(sqlite3.connect(table)) as other:
            other.execute("ALTER TABLE events RENAME TO elsewhere")
            world.wait(process, lambda: "could not be read for orders" in log_of(world, sheet))
            other.execute("ALTER TABLE elsewhere RENAME TO events")
        assert world.run("steer", sheet, "--until", "1s").code == 0
        assert world.finish(process).code == 5
        assert len(gate.let_in) < 200


def test_the_time_of_until_holds_though_no_order_can_be_read(world: World) -> None:
    with gateway(world) as gate:
        gate.delay = 0.1
        sheet = many(world, 200)
        process = world.start("run", sheet, *TEXT, "-c", 2, "--until", "4s")
        world.wait(process, lambda: len(gate.let_in) > 3)
        with closing(sqlite3.connect(world.workspace(sheet).table)) as other:
            other.execute("ALTER TABLE events RENAME TO elsewhere")
            world.wait(process, lambda: "could not be read for orders" in log_of(world, sheet))
        assert world.finish(process).code in (5, 7)  # the accounting of its end cannot be complete
        assert len(gate.let_in) < 200


def test_the_cap_of_a_run_is_lowered_from_another_terminal_and_remembered(world: World) -> None:
    world.settings('[prices."mock-text"]\ncall = 1\ncurrency = "CNY"\n')
    with gateway(world) as gate:
        gate.delay = 0.1
        sheet = many(world, 120)
        process = world.start("run", sheet, *TEXT, "-c", 2, "--max-cost", 500)
        world.wait(process, lambda: len(gate.let_in) > 3)
        assert world.run("steer", sheet, "--max-cost", "+4").code == 0
        done = world.finish(process)
        assert done.code == 5, done.err
        assert 8 <= len(gate.let_in) < 100
        again = world.run("run", sheet, "-y", "--json")
        assert (again.code, again.posts) != (0, 120), "the lower cap holds for the next run too"
        assert again.posts == 0


def test_status_watches_a_run_to_its_end(world: World) -> None:
    with gateway(world) as gate:
        gate.delay = 0.1
        sheet = many(world, 30)
        process = world.start("run", sheet, *TEXT, "-c", 2)
        world.wait(process, lambda: len(gate.let_in) > 3)
        seen = world.run("status", sheet, "--watch", "--json")
        lines = [json.loads(line) for line in seen.out.splitlines()]
        assert lines[0]["run"]["state"] == "running"
        assert lines[-1]["run"]["state"] == "ended"
        assert world.finish(process).code == 0


def test_a_pilot_that_goes_well_is_shown_and_followed_by_the_rest(world: World) -> None:
    world.settings('[prices."mock-text"]\ncall = 0.01\ncurrency = "CNY"\n')
    world.mock()
    sheet = world.sheet(
        "a.csv",
        ["prompt", "model"],
        *([f"prompt {'long ' * k}", "mock-text" if k % 5 else "mock-b"] for k in range(20)),
    )
    done = world.run("run", sheet, "-e", "chat", "-y", "--pilot", 4)
    assert done.code == 0, done.err
    assert done.posts == 20
    assert "pilot: 4 rows: 4 done" in done.err
    assert {call["model"] for call in world.calls[:4]} == {"mock-text", "mock-b"}


def test_a_pilot_that_goes_badly_sends_nothing_more(world: World) -> None:
    world.mock({"": ["moderation"] * 9})
    sheet = many(world, 30)
    done = world.run("run", sheet, *PICTURE, "--pilot", 3, "--json")
    assert (done.code, done.json["stopped"]) == (5, "pilot"), done.err
    assert done.posts == 3
    assert done.json["rows"]["pending"] == 27
    assert "refused" in done.err


def test_a_pilot_counts_into_the_limit(world: World) -> None:
    world.mock()
    sheet = many(world, 30)
    done = world.run("run", sheet, *TEXT, "--pilot", 3, "--limit", 8)
    assert (done.code, done.posts) == (0, 8), done.err
    assert world.standing(sheet) == {"done": 8, "pending": 22}
