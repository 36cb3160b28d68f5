"""The fault matrix is complete, true, and on its page."""

import ast
from pathlib import Path

from tests import matrix

IDS = [
    *(f"A{n}" for n in range(1, 22)), *(f"B{n}" for n in range(1, 17)),
    *(f"C{n}" for n in range(1, 31)), *(f"D{n}" for n in range(1, 19)),
    *(f"E{n}" for n in range(1, 13)), *(f"F{n}" for n in range(1, 27)),
    *(f"G{n}" for n in range(1, 6)), *(f"H{n}" for n in range(1, 6)),
    *(f"S{n}" for n in range(1, 23)), *(f"T{n}" for n in range(1, 24)),
]  # fmt: skip


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_the_matrix_names_every_row_once_and_the_page_shows_it() -> None:
    assert [row.id for row in matrix.rows()] == IDS
    assert [row for row, _ in matrix.written()] == IDS


def test_the_page_names_no_path_of_the_machine_that_made_it() -> None:
    told = [outcome for _, row in matrix.written() for outcome in row.values()]
    assert not [outcome for outcome in told if matrix.PATH.search(outcome)]


def test_every_row_has_tests_or_says_why_it_has_none() -> None:
    assert not [row.id for row in matrix.rows() if not row.tests and not row.missing]


def test_every_test_that_the_matrix_names_exists() -> None:
    known: dict[str, set[str]] = {}
    for row in matrix.rows():
        for test in row.tests:
            file, _, name = test.partition("::")
            if file not in known:
                known[file] = functions(matrix.HERE / file)
            assert name.partition("[")[0] in known[file], f"{row.id}: {test}"


def test_the_page_tells_of_the_tests_that_the_matrix_names() -> None:
    told = dict(matrix.written())
    for row in matrix.rows():
        assert set(row.tests) <= set(told[row.id]), f"{row.id}: run python -m tests.matrix"
        failed = [one for one in row.tests if "failed" in told[row.id][one]]
        assert not failed, f"{row.id} is written down as failed"
