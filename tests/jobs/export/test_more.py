"""Exports of new rows, structured output and thumbnails contain what the options promise."""

import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from python_calamine import CalamineWorkbook

from jobs.export import ExportOptions, property_columns, write_results
from jobs.sheet.reader import open_sheet
from jobs.store import Store
from jobs.store.loaded_sheets import LoadedSheet
from jobs.store.queries.results import results
from tests.support.builders import IN_DOUBT, PENDING, REFUSED, Fate, Sheet, make_table
from tests.support.world import PICTURE, TEXT, World, read

FORMATS = ("csv", "tsv", "jsonl", "xlsx", "parquet")
STRUCTURED = [
    Fate(text="{}", data={"structured": {"name": "=fox", "legs": 4, "wild": True}}),
    Fate(text="{}", data={"structured": {"legs": 2.5, "tags": ["a", "b"], "name": None}}),
    Fate(text="plain"),
    REFUSED,
]


def written(
    folder: Path, loaded: LoadedSheet, name: str, *, expand: bool, thumbs: bool = False
) -> Path:
    with Store.look(folder / "jobs.db") as store, store.read() as tx:
        columns = property_columns(results(tx, 1)) if expand else ()
        options = ExportOptions(workspace=folder, properties=columns, thumbs=thumbs)
        target = folder / name
        kind = target.suffix.lstrip(".")
        return write_results(results(tx, 1), loaded, target, format=kind, options=options).path


# --- new rows -------------------------------------------------------------------------------------


def test_new_gives_each_result_once_and_a_changed_one_again(world: World) -> None:
    world.mock({"bad": ["refusal"]})
    sheet = world.prompts("a.csv", "a bad cat", "a dog", "an owl")
    world.run("run", sheet, *TEXT, "--limit", 2)
    first = world.run("export", sheet, "--new", "-o", "1.csv")
    assert first.code == 0, first.err
    assert [row["prompt"] for row in read(world.folder / "1.csv")] == ["a bad cat", "a dog"]
    assert "Wrote 0 rows" in world.run("export", sheet, "--new", "-o", "2.csv").err
    world.run("run", sheet, "-y")
    assert world.run("export", sheet, "--new", "--only", "failed", "-o", "3.csv").code == 0
    third = world.run("export", sheet, "--new", "--format", "jsonl")
    assert [json.loads(line)["prompt"] for line in third.out.splitlines()] == ["an owl"]
    world.run("retry", sheet, "--again", "--rows", "3", "-y")
    last = world.run("export", sheet, "--new", "--format", "jsonl")
    assert [json.loads(line)["prompt"] for line in last.out.splitlines()] == ["a dog"]


def test_rows_of_an_export_that_came_to_nothing_are_new_again(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat")
    world.run("run", sheet, *TEXT)
    assert world.run("export", sheet, "--new", "-o", "nowhere/1.csv").code == 7
    assert len(world.run("export", sheet, "--new").out.splitlines()) == 2


# --- structured output ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_expand_gives_each_property_a_column_in_every_format(tmp_path: Path, kind: str) -> None:
    sheet = Sheet(headers=["prompt"], rows=[[f"p{k}"] for k in range(4)])
    loaded = make_table(tmp_path, sheet, STRUCTURED)
    path = written(tmp_path, loaded, f"results.{kind}", expand=True)
    names = ["name", "legs", "wild", "tags"]
    if kind == "parquet":
        rows = pq.read_table(path).to_pylist()
        assert [row["result_data.legs"] for row in rows] == [4.0, 2.5, None, None]
    elif kind == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert rows[0]["result_data.wild"] is True
        assert rows[1]["result_data.tags"] == ["a", "b"]
    else:
        texts = read(path)
        assert [texts[0][f"result_data.{name}"].lstrip("'") for name in names][:2] == ["=fox", "4"]
        assert texts[1]["result_data.tags"] == '["a","b"]'
        assert texts[2]["result_data.name"] == ""
        if kind != "xlsx":
            assert texts[0]["result_data.name"] == "'=fox"
        rows = []
    for row in rows:
        assert [key for key in row if key.startswith("result_data.")] == [
            f"result_data.{name}" for name in names
        ]
    plain = written(tmp_path, loaded, f"plain.{kind}", expand=False)
    assert b"result_data.legs" not in plain.read_bytes()


# --- thumbnails -----------------------------------------------------------------------------------


def test_a_workbook_shows_the_thumbnails_there_are_and_reads_the_same(tmp_path: Path) -> None:
    sheet = Sheet(headers=["prompt"], rows=[["a fox"], ["a dog"], ["no picture"], ["broken"]])
    fates = [
        Fate(files=("1.png", "1b.png")),
        Fate(files=("2.png",)),
        PENDING,
        Fate(files=("4.png",)),
    ]
    loaded = make_table(tmp_path, sheet, fates)
    (tmp_path / "thumbs").mkdir()
    for name in ("1.png", "2.png"):
        Image.new("RGB", (256, 128), "red").save(tmp_path / "thumbs" / f"{name}.jpg", "JPEG")
    (tmp_path / "thumbs" / "4.png.jpg").write_bytes(b"\xff\xd8 not a picture")
    path = written(tmp_path, loaded, "results.xlsx", expand=False, thumbs=True)
    book = openpyxl.load_workbook(path)
    page = book["results"]
    places = [(image.anchor._from.row, image.anchor._from.col) for image in page._images]
    book.close()
    assert places == [(1, 1), (2, 1)]  # next to the user's columns, where the status column is
    bare = written(tmp_path, loaded, "bare.xlsx", expand=False)
    assert read(path) == read(bare)
    assert "xl/media" not in bare.read_bytes().decode("latin-1")


# --- laws -----------------------------------------------------------------------------------------

TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
    max_size=12,
) | st.sampled_from(["007", "1e5", "NA", "=1+1", "-x", "'007", "_x0041_", "a\nb", "＝1", '"', ","])


@pytest.mark.parametrize("kind", FORMATS)
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_own_columns_come_back_from_every_format_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    cells = data.draw(st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=12))
    rows = [[f"p{place}", *row] for place, row in enumerate(cells)]
    folder = tmp_path_factory.mktemp("law")
    sheet = Sheet(headers=["prompt", "note", "other"], rows=rows)
    path = written(folder, make_table(folder, sheet, [IN_DOUBT]), f"r.{kind}", expand=False)
    read_back = [cells[:3] for _, cells in open_sheet(path).rows()]
    assert read_back == rows


CORPUS = (
    *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "|calc", "%0A=1", "＝1+1", "﹦1+1"),
    *(" =1+1", '=HYPERLINK("http://e.x","x")', "=cmd|' /C calc'!A0", "'=1+1", "\u200b=1+1"),
    *('=IMPORTXML("http://e.x")', "-2+3+cmd|' /C calc'!A0", "1;=1+1", "\n=1+1", "＋1+1"),
)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_finds_no_formula_in_foreign_text_of_any_format(tmp_path: Path) -> None:
    fates = [Fate(text=text, request_id=text, model=text, finish=text) for text in CORPUS]
    sheet = Sheet(headers=["prompt"], rows=[[f"p{k}"] for k in range(len(CORPUS))])
    loaded = make_table(tmp_path, sheet, fates)
    office = f"-env:UserInstallation=file://{tmp_path}/office"
    for kind in ("csv", "xlsx"):
        path = written(tmp_path, loaded, f"r.{kind}", expand=False)
        words = ["soffice", office, "--headless", "--convert-to", "fods", "--outdir", str(tmp_path)]
        subprocess.run([*words, str(path)], check=True, capture_output=True, timeout=100)
        found = (tmp_path / "r.fods").read_text(encoding="utf-8")
        assert "table:formula=" not in found, kind
        assert "1+1" in found
        (tmp_path / "r.fods").unlink()
    got = CalamineWorkbook.from_path(tmp_path / "r.xlsx").get_sheet_by_name("results").to_python()
    assert [row[2] for row in got[1:]] == list(CORPUS)


def test_a_workbook_makes_the_thumbnails_that_are_missing(world: World) -> None:
    sheet = world.prompts("a.csv", "a heron")
    assert world.run("run", sheet, *PICTURE).code == 0
    folder = world.workspace(sheet).folder
    shutil.rmtree(folder / "thumbs")
    assert world.run("export", sheet, "-o", world.folder / "a.xlsx").code == 0
    assert len(list((folder / "thumbs").rglob("*.jpg"))) == 1
    with zipfile.ZipFile(world.folder / "a.xlsx") as book:
        assert any(name.startswith("xl/media/") for name in book.namelist())


def test_an_option_of_export_may_come_from_a_variable_or_a_settings_file(world: World) -> None:
    sheet = world.prompts("a.csv", "=1+1", "a cat")
    world.run("run", sheet, *TEXT)
    assert "\n=1+1," in world.run("export", sheet).out
    world.settings('[defaults]\nsafe_csv = true\nonly = "done"\n')
    assert "\n'=1+1," in world.run("export", sheet).out
    world.monkeypatch.setenv("ROWMILL_FORMAT", "jsonl")
    assert world.run("export", sheet).out.startswith("{")
    assert world.run("export", sheet, "--format", "csv").out.startswith("\ufeff")
    world.settings('[defaults]\noutput = "mine.csv"\n', trusted=False)
    assert world.run("export", sheet).code == 3, "it may have come with the sheet"


def test_what_is_hidden_in_the_sheet_stays_hidden_in_its_results(world: World) -> None:
    world.mock()
    sheet = world.folder / "a.xlsx"
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for line in (
        ["prompt", "cost", "note"],
        ["a cat", 3, "x"],
        ["a dog", 4, "y"],
        ["an owl", 5, "z"],
    ):
        page.append(line)
    page.column_dimensions["B"].hidden = True
    page.row_dimensions[3].hidden = True
    book.save(sheet)
    assert world.run("run", sheet, *TEXT).code == 0
    results = openpyxl.load_workbook(world.workspace(sheet).folder / "results.xlsx")["results"]
    assert [results.cell(1, at).value for at in (1, 2, 3)] == ["prompt", "cost", "note"]
    assert [results.column_dimensions[name].hidden for name in "ABC"] == [False, True, False]
    raw = zipfile.ZipFile(world.workspace(sheet).folder / "results.xlsx").read(
        "xl/worksheets/sheet1.xml"
    )
    assert re.findall(rb'<row r="(\d)" hidden="1"', raw) == [b"3"], raw[-1500:]
