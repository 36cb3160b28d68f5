"""The tree has few modules at the top, small parts, and one name for one thing."""

import ast
from collections import defaultdict
from pathlib import Path

import jobs
import runner

ROOT = Path(runner.__path__[0]).parent
HALVES = tuple(Path(half.__path__[0]) for half in (jobs, runner))
SOURCES = sorted(path for half in HALVES for path in half.rglob("*.py"))
MAX_FUNCTION_LINES = 60
MAX_CLASS_LINES = 200
MAX_FILE_LINES = 500
SAME_BY_DESIGN = {"Inputs"}  # each endpoint's own, in the same order


def trees() -> dict[str, ast.Module]:
    """Every module by its path from the root."""
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in SOURCES
    }


def test_few_modules_are_at_the_top_of_runner() -> None:
    top = {path.stem for path in SOURCES if path.parent == ROOT / "runner"}
    assert top == {"__init__", "cli", "exits", "secret", "startup"}


def test_no_public_class_name_stands_for_two_things() -> None:
    homes = defaultdict(list)
    for path, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(path)
    twice = {name: paths for name, paths in homes.items() if len(paths) > 1}
    assert set(twice) <= SAME_BY_DESIGN, twice


def test_functions_classes_and_files_stay_small() -> None:
    too_long = []
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                limit = MAX_CLASS_LINES if isinstance(node, ast.ClassDef) else MAX_FUNCTION_LINES
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > limit:
                    too_long.append(f"{path}: {node.name} has {lines} lines")
    for file in SOURCES:
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > MAX_FILE_LINES:
            too_long.append(f"{file.name} has {lines} lines")
    assert not too_long


def test_every_module_says_in_its_first_line_what_it_is_for() -> None:
    without = [path for path, tree in trees().items() if not ast.get_docstring(tree)]
    assert not without


def test_no_wire_class_is_a_bare_letter() -> None:
    found = []
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "wire":
                value = node.value
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found.append(f"{path}:{node.lineno}")
    assert not found


def test_nothing_reads_an_outcome_by_getattr() -> None:
    found = []
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            names = [one.value for one in node.args if isinstance(one, ast.Constant)]
            if node.func.id == "getattr" and set(names) & {"failure", "result"}:
                found.append(f"{path}:{node.lineno}")
    assert not found
