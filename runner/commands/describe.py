"""`rowmill describe`: describes rowmill to other programs: editors, shells, manuals."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.console import options
from runner.console.manual import manual
from runner.console.screen import data_stream, print_data, print_message
from runner.console.snapshot import PROGRESS_LINES
from runner.exits import Exit, Refusal
from runner.settings.file_schema import file_schema
from runner.settings.json_schema import schema_of
from runner.views.records import OUTPUTS

KINDS = ("schema", "man", "completion")
SETTINGS = "settings"
COMPLETION_FILES = {"bash": "rowmill.bash", "zsh": "_rowmill", "fish": "rowmill.fish"}
COMPLETION_VARIABLE = "_ROWMILL_COMPLETE"  # the one that cli.py answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One text: the name of its file, and what makes it."""

    file: str
    make: Callable[[], str]


@options.argument("what")
@options.argument("name", required=False)
@click.option("-o", "--output", "descriptions_to", cls=options.CommandOption, metavar="DIR")
@click.pass_context
def _describe(ctx: click.Context, what: str, name: str | None, descriptions_to: str | None) -> None:
    options.settings()  # reports errors in the settings, too
    texts = _texts(ctx, what)
    chosen = texts if name is None else {name: texts[name]} if name in texts else None
    if chosen is None:
        raise click.UsageError(say("describe.unknown", name=name, known=", ".join(texts)), ctx)
    if descriptions_to is not None:
        _write(Path(descriptions_to), chosen.values())
    elif name is None:
        print_data("\n".join(texts))
        print_message(say("describe.more", what=what))
    else:
        stream = data_stream()
        stream.write(texts[name].make().encode())
        stream.flush()


def _texts(ctx: click.Context, what: str) -> Mapping[str, Description]:
    """The texts of one kind, by name."""
    match what:
        case "schema":
            return {
                name: Description(file=f"{name}.schema.json", make=partial(_schema_text, name))
                for name in (SETTINGS, *OUTPUTS, *PROGRESS_LINES)
            }
        case "man":
            return _pages(ctx.find_root())
        case "completion":
            return {
                shell: Description(file=file, make=partial(_completion, ctx, shell))
                for shell, file in COMPLETION_FILES.items()
            }
    raise click.UsageError(say("describe.unknown", name=what, known=", ".join(KINDS)), ctx)


def _schema_text(name: str) -> str:
    kinds: Mapping[str, tuple[Any, ...]] = {**OUTPUTS, **PROGRESS_LINES}
    schema = file_schema() if name == SETTINGS else schema_of(f"rowmill {name}", *kinds[name])
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def _pages(root: click.Context) -> dict[str, Description]:
    group = root.command
    assert isinstance(group, click.Group)
    names = group.list_commands(root)
    pages = {"rowmill": Description(file="rowmill.1", make=partial(_page, root, None))}
    for name in names:
        pages[name] = Description(file=f"rowmill-{name}.1", make=partial(_page, root, name))
    return pages


def _page(root: click.Context, name: str | None) -> str:
    group = root.command
    assert isinstance(group, click.Group)
    command = group if name is None else group.get_command(root, name)
    assert command is not None
    others = (
        [f"rowmill-{one}" for one in group.list_commands(root)] if name is None else ["rowmill"]
    )
    path = "rowmill" if name is None else f"rowmill {name}"
    return manual(command, path, version=f"rowmill {_version()}", others=others)


def _version() -> str:
    try:
        return version("rowmill")
    except PackageNotFoundError:
        return ""


def _completion(ctx: click.Context, shell: str) -> str:
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(ctx.find_root().command, {}, "rowmill", COMPLETION_VARIABLE).source()


def _write(folder: Path, texts: Iterable[Description]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in texts:
            (folder / one.file).write_text(one.make(), encoding="utf-8")
    except OSError as error:
        message = say("describe.not_written", folder=str(folder), reason=reason(error))
        raise Refusal(message, code=Exit.OUTPUT) from error


command = options.command(
    "describe",
    examples=(
        "rowmill describe schema settings",
        "rowmill describe completion bash",
        "rowmill describe man -o man1",
    ),
)(_describe)
