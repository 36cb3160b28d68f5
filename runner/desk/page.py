"""Assembles the desk's page: markup, style and script in one answer that asks for nothing else."""

import json
from importlib.resources import files as package_files
from string import Template

from runner.catalogue import language, say, sentences
from runner.desk.choices import LANES
from runner.desk.gateway import presets
from runner.desk.understood import endpoints
from runner.report.html import script_json
from runner.report.page import hash_of

SCRIPT_FILES = ("tools.js", "sheets.js", "connection.js", "start.js", "run.js", "finish.js")
"""The desk's own scripts, after the words of the report's; `main.js` is the last."""


def desk_page(token: str) -> tuple[str, str]:
    """The page and its content security policy."""
    style = asset("runner.report", "page.css") + asset("runner.desk", "desk.css")
    script = _script()
    data = {
        "token": token,
        "language": language(),
        "words": {**sentences("page."), **sentences("desk.")},
        "endpoints": endpoints(),
        "presets": presets(),
        "lanes": list(LANES),
    }
    slots = {
        "lang": "zh-CN" if language() == "zh" else "en",
        "title": say("desk.title"),
        "skip": say("desk.skip"),
        "style": style,
        "data": script_json(json.dumps(data, ensure_ascii=False)),
        "script": script,
        "noscript": say("desk.no_script"),
    }
    return Template(asset("runner.desk", "desk.html")).substitute(slots), _policy(style, script)


def _policy(style: str, script: str) -> str:
    """Own style and script by hash, own pictures, and nothing from elsewhere."""
    return "; ".join(
        (
            "default-src 'none'",
            "img-src 'self' data:",
            "connect-src 'self'",
            f"style-src '{hash_of(style)}'",
            f"script-src '{hash_of(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def guest_policy(style: str) -> str:
    """The policy of a page without scripts: its own style."""
    return (
        f"default-src 'none'; style-src '{hash_of(style)}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )


def asset(package: str, name: str) -> str:
    """A file of the pages."""
    return (package_files(package) / "assets" / name).read_text(encoding="utf-8")


def _script() -> str:
    """All script files wrapped in one function, so that they define no global names."""
    parts = [asset("runner.report", "words.js")]
    parts += [asset("runner.desk", name) for name in (*SCRIPT_FILES, "main.js")]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "\n})();\n"
