"""Every sentence for users exists in both languages, fits its values, and reads correctly."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import jobs
import runner
from jobs.job import FailureClass
from runner.catalogue import choose_language, explain, failures_in, say
from runner.catalogue.en import failures as en_failures
from runner.catalogue.en import messages as en
from runner.catalogue.zh import failures as zh_failures
from runner.catalogue.zh import messages as zh
from runner.catalogue.zh.endpoints import SAID
from runner.catalogue.zh.phrases import DETAILS, LABELS, PHRASES
from runner.cli import rowmill
from runner.console.options import RowmillCommand
from runner.endpoints.fields import describe
from runner.endpoints.registry import ENDPOINTS
from runner.secret import Secret
from runner.settings.schema import SCHEMA
from tests.support.english import english_in

PLACE = re.compile(r"\{(\w+)(?::[^{}|]*\|[^{}|]*)?\}")
SOURCES = sorted(Path(runner.__path__[0]).rglob("*.py"))


def used_keys() -> Iterator[tuple[str, set[str] | None, str]]:
    """Every literal key in the code, with the values passed (None if they are a dict)."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            where = f"{path.name}:{node.lineno}"
            if node.func.id == "say" and node.args and isinstance(node.args[0], ast.Constant):
                names = {word.arg for word in node.keywords}
                given = None if None in names else {str(name) for name in names}
                yield str(node.args[0].value), given, where
            if node.func.id == "Notice":
                words = {word.arg: word.value for word in node.keywords}
                key, values = words["key"], words["values"]
                assert isinstance(key, ast.Constant)
                assert isinstance(values, ast.Dict)
                yield (
                    str(key.value),
                    {str(ast.literal_eval(one)) for one in values.keys if one is not None},
                    where,
                )


def test_every_sentence_that_the_code_says_exists_and_gets_its_values() -> None:
    found = list(used_keys())
    assert len(found) > 60
    for key, given, where in found:
        assert key in en.MESSAGES, where
        if given is not None:
            assert set(PLACE.findall(en.MESSAGES[key])) == given, f"{where} {key}"


def obstacles() -> Iterator[tuple[str, set[str] | None, str]]:
    """Every obstacle that the code names, with its values (None if they are a dict)."""
    # The sheet's templates have errors of the same name that carry a finding.
    paths = [*sorted(Path(jobs.__path__[0]).rglob("*.py")), *SOURCES]
    nodes = [
        (path, node)
        for path in paths
        if path.stem != "template"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef | ast.Call)
    ]
    kinds = {"ObstacleError", "super().__init__"}
    for _ in range(2):  # a subkind is found the second time
        for _, node in nodes:
            if isinstance(node, ast.ClassDef) and kinds & {*map(ast.unparse, node.bases)}:
                kinds.add(node.name)
    for path, node in nodes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
            continue
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and ast.unparse(node.func) in kinds:
            names = {word.arg for word in node.keywords} - {"errno"}
            given = None if None in names else {str(name) for name in names}
            yield str(first.value), given, f"{path.name}:{node.lineno}"


def test_every_obstacle_has_its_sentence_and_every_such_sentence_its_obstacle() -> None:
    found = list(obstacles())
    for kind, given, where in found:
        assert f"obstacle.{kind}" in en.MESSAGES, where
        if given is not None:
            assert set(PLACE.findall(en.MESSAGES[f"obstacle.{kind}"])) == given, f"{where} {kind}"
    shown = {key.removeprefix("obstacle.") for key in en.MESSAGES if key.startswith("obstacle.")}
    assert shown == {kind for kind, _, _ in found}


def test_no_sentence_lacks_its_chinese() -> None:
    assert set(en.MESSAGES) == set(zh.MESSAGES)
    assert set(en_failures.FAILURES) == set(zh_failures.FAILURES)
    for key, text in (
        *zh.MESSAGES.items(),
        *((key, "。".join(zh_failures.FAILURES[key])) for key in zh_failures.FAILURES),
    ):
        assert english_in(text) == [], key


BETWEEN = re.compile(r"\\[dSws][+*?]*|\(.*?\)[+*?]*|\[.*?\][+*?]*|[.][*+?]+|\\(?=[^\w])|[|()]")
"""What in a pattern is not text."""


def test_every_english_phrase_that_is_put_into_chinese_is_still_said() -> None:
    places = [Path(jobs.__path__[0]), Path(runner.__path__[0])]
    files = (file for place in places for file in place.rglob("*.py"))
    texts = (file.read_text("utf-8") for file in files if file.parent.name != "catalogue")
    code = re.sub(r'"\s*\n\s*f?r?"', "", "\n".join(texts))
    for pattern, _ in (*PHRASES, *DETAILS, *LABELS):
        longest = max(BETWEEN.split(pattern), key=len).strip()
        assert len(longest) < 5 or longest in code, pattern


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_failure_class_is_explained(language: str) -> None:
    for kind in FailureClass:
        meaning, remedy = failures_in(language)[kind]
        assert meaning
        assert remedy
    choose_language(language, {})
    assert explain(FailureClass.CREDIT, sheet="a.xlsx").command == "rowmill run a.xlsx"


def test_a_finer_cause_has_the_finer_sentence_and_an_unknown_one_that_of_its_class() -> None:
    fine = explain(FailureClass.NO_RESULT, "no_picture", sheet="a.csv")
    rough = explain(FailureClass.NO_RESULT, "never heard of", sheet="a.csv")
    assert "no picture" in fine.meaning
    assert rough.meaning == en_failures.FAILURES["no_result"][0]
    assert fine.command == rough.command == "rowmill retry a.csv"


def test_no_key_is_chinese_only_and_every_language_takes_the_same_values() -> None:
    assert set(zh.MESSAGES) <= set(en.MESSAGES)
    assert set(zh_failures.FAILURES) <= set(en_failures.FAILURES)
    for key, text in zh.MESSAGES.items():
        assert set(PLACE.findall(text)) == set(PLACE.findall(en.MESSAGES[key])), key


def test_every_setting_has_a_help_sentence() -> None:
    for setting in SCHEMA:
        assert f"option.{setting.name}" in en.MESSAGES, setting.name
        assert f"group.{setting.group}" in en.MESSAGES or setting.group == "limits"


def test_a_missing_chinese_sentence_falls_back_to_english(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose_language("zh", {})
    assert say("cli.interrupted") == "已停止。"
    monkeypatch.delitem(zh.MESSAGES, "cli.interrupted")
    assert say("cli.interrupted") == "Stopped."


@pytest.mark.parametrize(
    ("asked", "environ", "chosen"),
    [
        ("zh", {"ROWMILL_LANG": "en"}, "zh"),
        (None, {"ROWMILL_LANG": "zh", "LANG": "en_US.UTF-8"}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ("xx", {"LANG": "en_GB"}, "en"),
    ],
)
def test_the_language_is_asked_for_or_the_systems(
    asked: str | None, environ: dict[str, str], chosen: str
) -> None:
    assert choose_language(asked, environ) == chosen


def test_values_are_made_harmless_and_never_read_as_templates() -> None:
    key = Secret("sk-canary0123456789abcd")
    text = say("cli.no_command", name=f"\x1b[2J{{name}} {key.reveal()}")
    assert text == "There is no command \\x1b[2J{name} [key]."


def test_one_of_a_thing_is_told_in_the_singular() -> None:
    shown = {"tokens": "?", "cost": "unknown"}
    assert say("run.used", calls="1", **shown) == "1 call · ? tokens · cost unknown"
    assert say("run.used", calls="1,001", **shown) == "1,001 calls · ? tokens · cost unknown"


def test_an_unknown_key_is_our_fault() -> None:
    with pytest.raises(KeyError):
        say("no.such.sentence")


def test_all_that_endpoints_and_examples_say_of_themselves_is_said_in_chinese() -> None:
    shown = {one.summary for one in ENDPOINTS.values()}
    shown |= {field.help for one in ENDPOINTS.values() for field in describe(one.inputs)}
    context = click.Context(rowmill)
    for name in rowmill.list_commands(context):
        command = rowmill.get_command(context, name)
        assert isinstance(command, RowmillCommand)
        for example in command.examples:
            shown |= set(re.findall(r"\([^()]*\)$", example))
    assert shown == set(SAID)


COUNTS = {
    *("count", "rows", "calls", "files", "edited", "answers", "billed", "done", "shown", "lines"),
    *("width", "left", "total", "tokens", "times"),
}
"""Values that count things."""

OF_ONE = re.compile(
    r"\b1 (?!with)(?:\w+ )?(?:rows|calls|files|answers|cells|texts|models|columns)\b"
)
OF_MANY = re.compile(r"\b1 (?:\w+ )?(?:row|call|file|answer|cell|text) (?:are|have|were|need)\b")


def test_one_thing_is_not_told_in_the_plural(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.catalogue._chosen", ["en"])
    for key, text in en.MESSAGES.items():
        if key == "finding.template_ambiguous":  # used for two and more
            continue
        shown = say(key, **{name: "1" for name in PLACE.findall(text) if name in COUNTS})
        for wrong in (OF_ONE, OF_MANY):
            assert wrong.search(shown) is None, f"{key}: {shown}"
