"""One sheet with all forms of request succeeds without faults, with them, and through kills."""

import json
import shutil
from collections.abc import Mapping

import pyarrow.parquet as pq
import pytest

from jobs.job import FailureClass
from tests.support.world import ROOT, World

SHEET = "samples/all-forms.csv"
TEXTS = ("F01", "F02", "F05", "F08", "F09", "F10", "G01", "G08")
FORMS = (*(f"F{n:02}" for n in range(1, 19)), *(f"G{n:02}" for n in range(1, 14)))
FILES = {
    "F06": 1,
    "F07": 1,
    **{f"F{n}": 1 for n in range(11, 18)},
    **{f"G{n:02}": 1 for n in range(1, 7)},
}
FILES |= {"G07": 2, "G09": 1, "G12": 1, "G13": 1}
WITH_PARENT = ("G12",)  # it may have been claimed before its parent was done
FILMS = ("G02", "G03", "G04", "G05", "G06")
TASK_PATHS = {
    "/v1/videos",
    "/v1/video/generations",
    "/kling/v1/videos/image2video",
    "/jimeng/",
    "/api/v3/contents/generations/tasks",
    "/mj/submit/action",
    "/v1/async/images/generations",
}


@pytest.fixture
def samples(world: World) -> World:
    """A world with a copy of the samples."""
    shutil.copytree(ROOT / "samples", world.folder / "samples")
    return world


def by_id(world: World, suffix: str) -> Mapping[str, dict[str, str]]:
    """The results by the form of request that each row has."""
    return {row["id"]: row for row in world.results(world.folder / SHEET, suffix)}


def test_every_form_is_done_with_its_own_columns(samples: World) -> None:
    samples.mock()
    sheet = samples.folder / SHEET
    done = samples.run("run", sheet, "-y")
    assert done.code == 0, done.err
    rows = by_id(samples, ".rowmill")
    assert tuple(rows) == FORMS
    assert {one["endpoint"] for one in samples.calls} >= TASK_PATHS
    for name, row in rows.items():
        assert row["result_status"] == "done", name
        assert not row["result_error"], name
        assert row["result_attempts"] == "1" or name in WITH_PARENT, name
        assert row["result_request_id"], name
        assert row["result_finished_at"], name
        assert row["result_key"] == name
    for name in TEXTS:
        assert rows[name]["result_text"], name
        assert int(rows[name]["result_completion_tokens"]) > 0, name
    assert json.loads(rows["F03"]["result_text"])["qty"] <= 99
    assert "book_table" in rows["F04"]["result_data"]
    folder = sheet.with_suffix(".rowmill")
    for name, least in FILES.items():
        files = rows[name]["result_files"].splitlines()
        assert len(files) >= least, name
        assert all((folder / file).stat().st_size > 100 for file in files), name
    for name in FILMS:
        assert rows[name]["result_files"].endswith(".mp4"), name
    assert rows["G10"]["result_text"].startswith("A audio/wav")
    assert len(json.loads(rows["G11"]["result_data"])["results"]) == 2
    assert json.loads(rows["F18"]["result_data"])["dimensions"] == 256
    (vector,) = pq.read_table(folder / "vectors.parquet")["vector"].to_pylist()
    assert len(vector) == 256


def assert_ended(world: World, suffix: str) -> None:
    """Every row is done, or not for a stated reason."""
    classes = {str(kind) for kind in FailureClass}
    rows = by_id(world, suffix)
    for name, row in rows.items():
        waits = name in WITH_PARENT and rows["F16"]["result_status"] != "done"
        assert row["result_status"] in ("done", "failed", "in_doubt") or waits, name
        if row["result_status"] != "done":
            assert row["result_error"], name
            assert row["result_error_class"] in classes, name


def test_in_a_storm_every_row_ends_for_a_stated_reason(samples: World) -> None:
    done = samples.run("rehearse", SHEET, "--faults", "storm", "--json")
    assert done.code in (0, 4), done.err
    assert "0 missing" in done.err
    assert_ended(samples, ".rehearsal")


@pytest.mark.deep
def test_in_a_storm_with_kills_the_bill_is_in_the_books(samples: World) -> None:
    done = samples.run("rehearse", SHEET, "--faults", "storm", "--kill", "4", "--json")
    assert done.code in (0, 4), done.err
    assert "0 missing" in done.err
    assert_ended(samples, ".rehearsal")
