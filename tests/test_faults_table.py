"""Every fault that outsiders found is covered by tests, or has a reason why not."""

import ast
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FAULTS: list[dict[str, Any]] = tomllib.loads((HERE / "faults.toml").read_text("utf-8"))["fault"]


def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_fault_is_listed_once_with_its_kind_and_outcome() -> None:
    ids = [one["id"] for one in FAULTS]
    assert len(ids) == len(set(ids))
    for one in FAULTS:
        assert one["kind"], one["id"]
        assert one["tests"] or not one["outcome"].startswith("fixed"), one["id"]


def test_every_test_that_the_table_names_exists() -> None:
    known: dict[str, set[str]] = {}
    for one in FAULTS:
        for test in one["tests"]:
            file, _, name = test.partition("::")
            if file not in known:
                known[file] = _functions(HERE.parent / file)
            assert not name or name.partition("[")[0] in known[file], f"{one['id']}: {test}"
