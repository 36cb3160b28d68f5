"""The files for Kubernetes and Slurm say what their engine reads, and start a line of ours."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml

from runner import cli
from runner.console import options
from runner.exits import Exit
from runner.secret import holds_secret
from runner.settings.database_url import read_database_url

FILES = Path(cli.__file__).parents[1] / "samples" / "hosts"
JOB = FILES / "kubernetes-job.yaml"
ARRAY = FILES / "slurm-array.sbatch"


@pytest.fixture(scope="module")
def job() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(JOB.read_text(encoding="utf-8"))
    return found


def container(job: dict[str, Any]) -> dict[str, Any]:
    only: list[dict[str, Any]] = job["spec"]["template"]["spec"]["containers"]
    assert len(only) == 1
    return only[0]


def taken(words: list[str]) -> tuple[str, dict[str, Any]]:
    """The sheet and the options of a `run` line, read as the command reads them."""
    assert words[:2] == ["rowmill", "run"]
    run = cli.rowmill.get_command(click.Context(cli.rowmill), "run")
    assert run is not None
    with run.make_context("run", words[2:]) as ctx:
        return str(ctx.params["sheet"]), dict(options.given())


@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_kubernetes_takes_every_field_of_the_job(job: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(job, version, strict=True)


def test_every_host_of_the_job_runs_the_line_that_joins(job: dict[str, Any]) -> None:
    sheet, given = taken(container(job)["command"])
    assert read_database_url(sheet).name == "prompts.csv"
    assert given["yes"]
    assert given["files"] == "s3://bucket/jobs"
    mounts = [one["mountPath"] for one in container(job)["volumeMounts"]]
    assert str(given["workspace"]) in mounts
    assert job["spec"]["parallelism"] == job["spec"]["completions"]


def test_a_stop_of_the_run_ends_the_job_and_a_host_that_left_is_replaced(
    job: dict[str, Any],
) -> None:
    rules = job["spec"]["podFailurePolicy"]["rules"]
    actions = {
        code: rule["action"]
        for rule in rules
        for code in rule.get("onExitCodes", {}).get("values", [])
    }
    stops = (Exit.UNUSABLE, Exit.SOME_FAILED, Exit.STOPPED, Exit.PROVIDER)
    assert {code: actions.pop(int(code)) for code in stops} == dict.fromkeys(stops, "FailJob")
    assert actions == {int(Exit.INTERRUPTED): "Ignore", int(Exit.TERMINATED): "Ignore"}
    lost_nodes = [rule for rule in rules if "onPodConditions" in rule]
    assert [rule["action"] for rule in lost_nodes] == ["Ignore"]
    assert lost_nodes[0]["onPodConditions"][0]["type"] == "DisruptionTarget"


def test_a_pod_has_time_to_deliver_its_answers(job: dict[str, Any]) -> None:
    assert job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 60


def test_secrets_come_from_secrets(job: dict[str, Any]) -> None:
    for variable in container(job)["env"]:
        assert "secretKeyRef" in variable["valueFrom"]
    for file in (JOB, ARRAY):
        assert not any(map(holds_secret, file.read_text(encoding="utf-8").splitlines()))


def test_the_array_is_a_script_that_bash_reads() -> None:
    subprocess.run(["bash", "-n", str(ARRAY)], check=True)
    lines = ARRAY.read_text(encoding="utf-8").splitlines()
    orders = [line.split()[1] for line in lines if line.startswith("#SBATCH")]
    assert orders.index("--array=0-9") < len(orders)
    first_command = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    assert all(i < first_command for i, line in enumerate(lines) if line.startswith("#SBATCH"))
    assert "--signal=TERM@60" in orders  # to the host, not to the script around it


def test_each_task_of_the_array_is_a_host_with_a_folder_of_its_own(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "srun").write_text('#!/bin/bash\nshift\nexec "$@"\n')
    (programs / "rowmill").write_text('#!/bin/bash\nprintf "%s\\n" rowmill "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    folders = []
    for task in ("0", "7"):
        done = subprocess.run(
            ["bash", str(ARRAY)],
            env={
                "PATH": f"{programs}:{os.environ['PATH']}",
                "HOME": str(tmp_path),
                "SLURM_ARRAY_TASK_ID": task,
                "SHEET_URL": "postgresql://team@db/jobs#主图.xlsx",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        sheet, given = taken(done.stdout.splitlines())
        assert sheet == "postgresql://team@db/jobs#主图.xlsx"
        folders.append(given["workspace"])
        assert Path(str(given["workspace"])).stat().st_mode & 0o077 == 0
    assert len(set(folders)) == 2


def test_the_comments_name_the_line_that_loads_the_sheet() -> None:
    for file in (JOB, ARRAY):
        text = file.read_text(encoding="utf-8")
        line = re.search(r"^# +(rowmill run prompts\.csv .*)$", text, re.MULTILINE)
        assert line is not None
        sheet, given = taken(line[1].split())
        assert sheet == "prompts.csv"
        assert given["db"] is not None
