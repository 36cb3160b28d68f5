"""How late a run's event loop is at worst, with answers made to hold it up."""

import argparse
import base64
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.trap import chat
from tests.support.trap_server import Injected, TrapServer, picture

from .measuring import PYTHON, ROOT, table
from .sheets import write_sheet

GOAL_SECONDS = 0.2
MODELS = Injected(body=b'{"object": "list", "data": []}')
JSON_MODE = ("--set", 'response_format={"type": "json_object"}')
NESTED = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}


def cases() -> Mapping[str, tuple[Injected, tuple[str, ...]]]:
    """Answers, each with the options of its run."""
    inside = base64.b64encode(picture((1500, 1500)) + bytes(4_000_000)).decode()
    return {
        "a short text": (chat("hello"), ()),
        "400 kB of text": (chat("words " * 70_000), ()),
        "60,000 line breaks in JSON": (chat('{"a": 1' + "\n" * 60_000 + "}"), JSON_MODE),
        "30,000 x <think>": (chat("<think>" * 30_000), JSON_MODE),
        "a nested pattern": (chat(json.dumps({"a": "a" * 40 + "!"})), _schema(NESTED)),
        "5 MB of base64": (chat(f"![a](data:image/png;base64,{inside})"), ()),
    }


def _schema(schema: object) -> tuple[str, ...]:
    return ("--set", f"schema={json.dumps(schema)}")


def lag(answer: Injected, words: tuple[str, ...], *, rows: int) -> float | None:
    """Seconds by which the loop was late at worst; None if the run did not end."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sheet = write_sheet(folder / "chat.csv", rows)
        server = TrapServer((answer,), (), models=MODELS, bill=folder / "bill.jsonl")
        env = {**os.environ, "HOME": name, "PYTHONPATH": str(ROOT)}
        env |= {"ROWMILL_BASE_URL": server.url, "ROWMILL_API_KEY": "sk-loop-lag-0123456789"}
        command = [PYTHON, "-m", "runner.cli", "run", str(sheet), "-e", "chat", "-m", "m", "-y"]
        try:
            subprocess.run(
                [*command, "-c", "16", "--progress", "none", *words],
                env=env,
                capture_output=True,
                timeout=60,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        finally:
            server.close()
        log = (sheet.with_suffix(".rowmill") / "rowmill.log").read_text(encoding="utf-8")
    found = re.search(r"the loop was late by (\d+) ms", log)
    return int(found[1]) / 1000 if found else None


def main() -> None:
    """Print the worst lag of each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=60)
    args = parser.parse_args()
    lines = []
    for what, (answer, words) in cases().items():
        seconds = lag(answer, words, rows=args.rows)
        told = "did not end" if seconds is None else f"{seconds * 1000:,.0f} ms"
        met = seconds is not None and seconds < GOAL_SECONDS
        lines.append([what, told, "yes" if met else "no"])
    print(table([f"{args.rows} answers of", "late at worst", "below 200 ms"], lines))


if __name__ == "__main__":
    main()
