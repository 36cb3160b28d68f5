"""One sheet with all 18 forms of request succeeds without faults and with them."""

import json
import shutil
from collections.abc import Mapping

import pyarrow.parquet as pq
import pytest

from jobs.job import FailureClass
from tests.support.world import ROOT, World

SHEET = "samples/all-forms.csv"
TEXTS = ("F01", "F02", "F05", "F08", "F09", "F10")
PICTURES = {"F06": 1, "F07": 1, **{f"F{n}": 1 for n in range(11, 18)}}


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
    assert list(rows) == [f"F{n:02}" for n in range(1, 19)]
    for name, row in rows.items():
        assert row["result_status"] == "done", name
        assert not row["result_error"], name
        assert row["result_attempts"] == "1", name
        assert row["result_request_id"], name
        assert row["result_finished_at"], name
        assert row["result_key"] == name
    for name in TEXTS:
        assert rows[name]["result_text"], name
        assert int(rows[name]["result_completion_tokens"]) > 0, name
    assert json.loads(rows["F03"]["result_text"])["qty"] <= 99
    assert "book_table" in rows["F04"]["result_data"]
    folder = sheet.with_suffix(".rowmill")
    for name, least in PICTURES.items():
        files = rows[name]["result_files"].splitlines()
        assert len(files) >= least, name
        assert all((folder / file).stat().st_size > 100 for file in files), name
    assert json.loads(rows["F18"]["result_data"])["dimensions"] == 256
    (vector,) = pq.read_table(folder / "vectors.parquet")["vector"].to_pylist()
    assert len(vector) == 256


def test_in_a_storm_every_row_ends_for_a_stated_reason(samples: World) -> None:
    done = samples.run("rehearse", SHEET, "--faults", "storm", "--json")
    assert done.code in (0, 4), done.err
    assert "0 lost" in done.err
    classes = {str(kind) for kind in FailureClass}
    for name, row in by_id(samples, ".rehearsal").items():
        assert row["result_status"] in ("done", "failed", "in_doubt"), name
        if row["result_status"] != "done":
            assert row["result_error"], name
            assert row["result_error_class"] in classes, name
