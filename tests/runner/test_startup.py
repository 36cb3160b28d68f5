"""Each command imports only what it needs, and a run controls when garbage is collected."""

import ast
import gc
import importlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jobs.export import writing
from runner import startup
from runner.endpoints.registry import NAMES
from runner.launch import launch, results
from runner.startup import PRELOADED, Phase, preload, seldom_collected, undisturbed


def test_a_run_imports_for_each_of_its_beginnings_only_what_that_needs() -> None:
    """A resumed run sends its first request sooner, because it skips the imports of the others."""
    script = (
        "import importlib, json, sys\n"
        "from runner.cli import rowmill\n"
        "from runner.startup import undisturbed\n"
        "with undisturbed():\n"
        "    import runner.launch.launch, runner.preflight.gateway_info\n"
        "loaded = [sorted(sys.modules)]\n"
        "with undisturbed():\n"
        "    from runner.startup import PRELOADED, Phase\n"
        "    for phase in (Phase.AGREE, Phase.RUN):\n"
        "        for name in PRELOADED[phase]:\n"
        "            importlib.import_module(name)\n"
        "loaded.append(sorted(sys.modules))\n"
        "print(json.dumps(loaded))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    asking, running = map(set, json.loads(done.stdout))
    later = {
        "jobs.loading.load",
        "jobs.sheet.reader",
        "jobs.export",
        "runner.report",
        "runner.launch.notify",
    }
    heavy = {"rich", "pygments", "pandas", "pyarrow", "PIL", "httpx._main"}
    assert not running & (later | heavy)
    assert {"httpx", "aiohttp", "sqlalchemy"} <= asking
    assert not asking & {
        "runner.engine.session",
        "runner.preflight.forecast",
        "runner.endpoints.registry",
        "runner.prices.spending_cap",
    }
    assert "runner.engine.session" in running
    assert not {f"runner.endpoints.{name.replace('-', '_')}" for name in NAMES} & running


def test_garbage_is_looked_for_as_before_once_a_run_is_over() -> None:
    before = gc.get_threshold()
    with seldom_collected():
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_imports_on_two_threads_let_garbage_be_collected_when_both_are_over() -> None:
    with undisturbed():
        with undisturbed():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_is_imported_ahead_and_fails_says_so_where_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken_piece.py").write_text("raise ImportError('torn')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(startup, "PRELOADED", {Phase.RUN: ("broken_piece",)})
    preload(Phase.RUN)
    for thread in threading.enumerate():
        if thread.name == f"preload {Phase.RUN}":
            thread.join()
    with pytest.raises(ImportError, match="torn"):
        importlib.import_module("broken_piece")
    assert capfd.readouterr().err == ""


def test_what_a_phase_preloads_is_what_the_run_imports_late() -> None:
    late = {
        node.module
        for module in (launch, results, writing)
        for function in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom)
    }
    assert {name for names in PRELOADED.values() for name in names} <= late


def test_all_that_writes_results_is_preloaded() -> None:
    """An upgrade of rowmill during a run would otherwise mix two versions at its end."""
    late = {
        node.module
        for module in (results, writing)
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.col_offset
    }
    assert late
    assert late <= set(PRELOADED[Phase.FINISH])


def test_two_threads_that_import_both_do_without_the_program_of_httpx() -> None:
    script = (
        "import sys\n"
        "from runner.startup import undisturbed\n"
        "with undisturbed():\n"
        "    with undisturbed():\n"
        "        pass\n"
        "    import httpx\n"
        "print('rich' in sys.modules, 'httpx._main' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["False", "False"]
