"""Tables of any age open, upgrade or are refused: new, current, older, newer, foreign, damaged."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Inspector, create_engine, inspect, text
from sqlalchemy.engine.interfaces import ReflectedIndex
from sqlalchemy.exc import OperationalError

from jobs.errors import EmptyTableError
from jobs.store import Store, TableError, database
from jobs.store.database import (
    create,
    look_at_sqlite,
    open_sqlite,
    revision_of,
    sqlite_engine,
)
from jobs.store.schema import REVISION, metadata
from migrations.upgrade import newest, upgrade
from tests.support.loading import asking, load
from tests.support.postgres_server import Server, engine_at

CHILD = "import sys; from pathlib import Path; from jobs.store import Store; "


def stamp(path: Path, revision: str) -> None:
    """Set the schema revision of a table."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()


def backups(folder: Path) -> list[Path]:
    """The backup copies beside a table."""
    return sorted(folder.glob("jobs.before-*.db"))


def made(path: Path, words: str = "a") -> Path:
    """A closed table with one row in it."""
    store = Store.open(path)
    load(store, asking(words))
    store.close()
    return path


def shape(engine: Engine) -> dict[str, Any]:
    """Everything in the schema that a program could depend on."""
    found = inspect(engine)
    return {
        name: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in found.get_columns(name)
            ],
            "key": found.get_pk_constraint(name),
            "unique": sorted(map(str, found.get_unique_constraints(name))),
            "indexes": sorted(
                (str(index["name"]), str(index["column_names"]), index["unique"], _where(index))
                for index in found.get_indexes(name)
            ),
        }
        for name in metadata.tables
    } | {f"view {name}": found.get_view_definition(name) for name in found.get_view_names()}


def _where(index: ReflectedIndex) -> list[str]:
    """The condition of a partial index."""
    options = index.get("dialect_options", {})
    return [str(value) for name, value in sorted(options.items()) if name.endswith("_where")]


def test_the_table_s_revision_is_the_newest_migration() -> None:
    assert newest() == REVISION


def test_migrating_leads_to_the_same_tables_as_making_them_on_sqlite(tmp_path: Path) -> None:
    shapes, kinds = [], []
    for name, make in (("made", create), ("migrated", upgrade)):
        engine = sqlite_engine(tmp_path / f"{name}.db", writer=True)
        make(engine)
        shapes.append(shape(engine))
        with engine.connect() as connection:
            found = connection.execute(text("PRAGMA table_list")).all()
            kinds.append(sorted((row.name, row.type, row.wr, row.strict) for row in found))
        assert revision_of(engine) == REVISION
        engine.dispose()
    assert shapes[0] == shapes[1]
    assert kinds[0] == kinds[1]
    assert {"results", "failures", "spending"} <= {name for name, *_ in kinds[0]}
    assert _partial(shapes[0]) == {
        *("ix_calls_open", "ix_calls_provider_batch_id", "ix_calls_tickets"),
        *("ix_jobs_unlisted", "uq_hosts_number"),
    }


def _partial(shape: dict[str, Any]) -> set[str]:
    tables = [shape[name] for name in metadata.tables]
    return {name for table in tables for name, _, _, where in table["indexes"] if where}


def test_migrating_leads_to_the_same_tables_as_making_them_on_postgresql(
    postgres: Server,
) -> None:
    shapes = []
    for make in (create, upgrade):
        engine = engine_at(postgres.new_database())
        make(engine)
        shapes.append(shape(engine))
        assert revision_of(engine) == REVISION
        engine.dispose()
    assert shapes[0] == shapes[1]


def test_opening_a_current_table_does_not_import_alembic(tmp_path: Path) -> None:
    path = made(tmp_path / "jobs.db")
    program = CHILD + (
        "Store.open(Path(sys.argv[1])).close(); Store.look(Path(sys.argv[1])).close(); "
        "print(sorted(name for name in sys.modules if name.split('.')[0] == 'alembic'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_making_a_table_does_not_import_alembic_either(tmp_path: Path) -> None:
    program = CHILD + "Store.open(Path(sys.argv[1])).close(); print('alembic' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "jobs.db"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("door", [Store.open, Store.look])
def test_a_newer_table_is_refused_untouched(tmp_path: Path, door: Callable[[Path], Store]) -> None:
    path = made(tmp_path / "jobs.db")
    stamp(path, "9999")
    with pytest.raises(TableError, match="table_newer"):
        door(path)
    assert backups(tmp_path) == []


def test_an_older_table_is_copied_before_it_is_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = tmp_path / "history"
    (history / "versions").mkdir(parents=True)
    migrations = Path(__file__).parents[3] / "migrations"
    for name in ("env.py", "script.py.mako"):
        (history / name).write_text((migrations / name).read_text())
    head = 'revision = "{}"\ndown_revision = {!r}\nfrom alembic import op\n'
    start = head.format("0000", None) + "def upgrade():\n    pass\n"
    later = head.format(REVISION, "0000") + (
        "def upgrade():\n    op.execute('ALTER TABLE jobs ADD COLUMN added TEXT')\n"
    )
    (history / "versions" / "0000_start.py").write_text(start)
    (history / "versions" / "0001_later.py").write_text(later)
    monkeypatch.setattr("migrations.upgrade.HISTORY", history)
    path = made(tmp_path / "jobs.db")
    stamp(path, "0000")
    with pytest.raises(TableError, match="table_older"):
        Store.look(path)
    engine = open_sqlite(path)
    assert revision_of(engine) == REVISION
    assert "added" in [column["name"] for column in inspect(engine).get_columns("jobs")]
    engine.dispose()
    (backup,) = backups(tmp_path)
    assert backup.name.startswith(f"jobs.before-{REVISION}.")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    kept = create_engine(f"sqlite:///{backup}")
    assert revision_of(kept) == "0000"
    with kept.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM jobs")).scalar() == 1
    kept.dispose()


def test_a_table_that_cannot_be_migrated_is_left_as_it_was(tmp_path: Path) -> None:
    path = made(tmp_path / "jobs.db")
    stamp(path, "0000")  # a revision that is not in our history
    with pytest.raises(TableError, match="table_not_migrated"):
        Store.open(path)
    assert len(backups(tmp_path)) == 1
    assert list(tmp_path.glob("*.part")) == []
    stamp(path, REVISION)
    Store.open(path).close()


@pytest.mark.parametrize("door", [Store.open, Store.look])
def test_a_foreign_database_is_refused_untouched(
    tmp_path: Path, door: Callable[[Path], Store]
) -> None:
    path = tmp_path / "jobs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(TableError, match="table_foreign"):
        door(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]
    connection.close()


@pytest.mark.parametrize("door", [Store.open, Store.look])
@pytest.mark.parametrize(
    "content", [b"prompt,size\r\n", b"SQLite format 3\x00" + b"rubbish" * 1000], ids=["csv", "torn"]
)
def test_a_file_that_is_no_table_is_refused(
    tmp_path: Path, door: Callable[[Path], Store], content: bytes
) -> None:
    path = tmp_path / "jobs.db"
    path.write_bytes(content)
    with pytest.raises(TableError, match=r"jobs\.db"):
        door(path)
    assert path.read_bytes() == content


def test_looking_at_nothing_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="table_none"):
        Store.look(tmp_path / "jobs.db")
    assert list(tmp_path.iterdir()) == []


def test_who_looks_while_another_process_makes_the_table_finds_none_or_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "jobs.db"
    path.touch()
    with pytest.raises(EmptyTableError):
        look_at_sqlite(path)
    for moment in (1, 2):  # before its first and before its second query of what exists
        path.unlink()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=wal")
        _made_at(moment, path, monkeypatch)
        engine = look_at_sqlite(path)
        assert revision_of(engine) == REVISION
        engine.dispose()
        monkeypatch.undo()
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=wal")
    with pytest.raises(EmptyTableError):
        look_at_sqlite(path)


def _made_at(moment: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the table be created between two queries of a reader."""
    passed = 0

    def inspecting(engine: Engine) -> Inspector:
        nonlocal passed
        passed += 1
        if passed == moment:
            writer = sqlite_engine(path, writer=True)
            create(writer)
            writer.dispose()
        return inspect(engine)

    monkeypatch.setattr(database, "inspect", inspecting)


def test_an_empty_file_becomes_a_table(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    path.touch()
    Store.open(path).close()
    Store.look(path).close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_a_new_table_is_for_its_owner_only(tmp_path: Path) -> None:
    path = made(tmp_path / "jobs.db")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    store = Store.look(made(tmp_path / "jobs.db"))
    with store.read() as tx, pytest.raises(OperationalError, match="readonly"):
        tx.execute(text("DELETE FROM jobs"))
    store.close()


def test_what_is_committed_is_on_the_disk(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "jobs.db")
    with store.read() as tx:
        assert tx.execute(text("PRAGMA query_only")).scalar() == 1
    with store.write() as tx:
        assert tx.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert tx.execute(text("PRAGMA synchronous")).scalar() == 2
    store.close()
