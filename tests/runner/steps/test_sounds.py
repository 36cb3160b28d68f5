"""Spoken rows: the sound is a file, its answer is slim, and a lost one is in doubt."""

import sqlite3

from tests.support.world import World

SPEECH = ("-e", "speech", "-m", "tts-1", "-y", "--set", "voice=alloy")


def test_a_sound_is_saved_once_and_its_answer_keeps_the_digest_only(world: World) -> None:
    world.mock()
    sheet = world.prompts("a.txt", "Good morning.")
    done = world.run("run", sheet, *SPEECH, "--set", "response_format=pcm")
    assert done.code == 0, done.err
    (row,) = world.results(sheet)
    (name,) = row["result_files"].splitlines()
    assert name.endswith(".wav")
    assert (world.workspace(sheet).folder / name).read_bytes()[:4] == b"RIFF"
    with sqlite3.connect(world.workspace(sheet).folder / "jobs.db") as table:
        bodies = [one for (one,) in table.execute("select body from answers")]
    assert all(b"sha256:" in bytes(body) and len(body) < 200 for body in bodies)
    assert world.run("run", sheet, *SPEECH).code == 0
    assert len(world.calls) == 1


def test_a_200_without_a_byte_is_in_doubt_and_repeated_once(world: World) -> None:
    world.mock(faults={"": ["empty_choices"]})
    sheet = world.prompts("a.txt", "Good morning.")
    done = world.run("run", sheet, *SPEECH)
    assert done.code == 0, done.err
    assert [one["billed"] for one in world.calls] == [True, True]


def test_two_200s_without_a_byte_leave_the_row_in_doubt(world: World) -> None:
    world.mock(faults={"": ["empty_choices"] * 5})
    sheet = world.prompts("a.txt", "Good morning.")
    done = world.run("run", sheet, *SPEECH)
    assert done.code == 4, done.err
    assert world.column(sheet) == ["in_doubt"]
    assert len(world.calls) == 2
