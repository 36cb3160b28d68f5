"""Checks the target that all machines of a run save their files to."""

from dataclasses import replace

from runner.catalogue.reasons import reason
from runner.exits import Exit, Refusal
from runner.files.targets import with_target
from runner.preflight.doctor import Check, CheckState
from runner.settings.settings import Settings
from runner.workspace.target import FileTargetError, open_target
from runner.workspace.workspace import Workspace


def target_checks(settings: Settings, workspace: Workspace | None) -> tuple[Check, ...]:
    """Write a small file to the target and read it back; nothing where there is no target."""
    try:
        if workspace is not None:
            target = with_target(replace(workspace, target=None), settings).target
        else:
            target = open_target(settings.files) if settings.files is not None else None
        if target is None:
            return ()
        target.check()
    except Refusal as refusal:
        return (_bad(refusal.message, Exit.UNUSABLE),)
    except FileTargetError as error:
        return (_bad(reason(error), Exit.OUTPUT),)
    return (Check(name="target", found="good", values={"target": target.address}),)


def _bad(why: str, code: Exit) -> Check:
    values = {"why": why}
    return Check(name="target", found="bad", health=CheckState.BAD, values=values, code=code)
