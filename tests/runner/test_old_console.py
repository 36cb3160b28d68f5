"""On a system with few characters no row fails because of it, and no prompt is shown wrongly."""

import json

import pytest

from tests.support.world import PICTURE, World


def test_a_picture_whose_prompt_the_file_system_cannot_spell_is_saved(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.mock()
    sheet = world.prompts("a.csv", "a café 猫")
    # This makes file names and both streams ASCII; zh_CN.GBK behaves the same with other letters.
    for name, value in (("LC_ALL", "C"), ("PYTHONUTF8", "0"), ("PYTHONCOERCECLOCALE", "0")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = world.finish(world.start("run", sheet, *PICTURE))
    assert done.code == 0, done.err
    assert world.column(sheet, "result_files") == ["files/2-a-caf_-_-1.png"]
    shown = world.finish(world.start("show", "2", sheet, "--curl")).out
    body = shown[shown.index("{") : shown.rindex("}") + 1]
    assert json.loads(body)["messages"][-1]["content"] == "a café 猫"
