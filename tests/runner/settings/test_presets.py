"""Known providers work without a settings file."""

from pathlib import Path

import pytest

from runner.protocol.base_url import normalised, request_url
from runner.settings.file import Origin, SettingsError
from runner.settings.keys import find_keys
from runner.settings.presets import PRESETS
from runner.settings.settings import resolve
from runner.settings.toml_reader import read_file

KEY = {"ROWMILL_API_KEY": "sk-canary-4b7f1e9c2d8a6053"}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_names_a_source_and_an_address_in_its_one_spelling(name: str) -> None:
    preset = PRESETS[name]
    assert preset.source.startswith("https://")
    if preset.base_url is not None:
        assert normalised(preset.base_url) == preset.base_url
        assert resolve({"provider": name}, {}).base_url == preset.base_url


@pytest.mark.parametrize(
    ("name", "chat"),
    [
        ("openai", "https://api.openai.com/v1/chat/completions"),
        ("zhipu", "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
        ("volcengine", "https://ark.cn-beijing.volces.com/api/v3/chat/completions"),
        ("openrouter", "https://openrouter.ai/api/v1/chat/completions"),
        ("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"),
    ],
)
def test_a_request_goes_to_the_preset(name: str, chat: str) -> None:
    settings = resolve({"provider": name}, {})
    assert request_url(settings.base_url, "/v1/chat/completions") == chat


def test_the_headers_of_a_preset_go_only_to_its_own_address() -> None:
    own = resolve({"provider": "anthropic"}, {})
    assert own.provider.headers == {"x-api-key": "{key}"}
    moved = resolve({"provider": "anthropic", "base_url": "https://gateway.example"}, {})
    assert moved.provider.headers == {}


def test_azure_needs_an_address_and_sends_its_own_header() -> None:
    with pytest.raises(SettingsError, match="no base URL"):
        resolve({"provider": "azure"}, {})
    url = "https://me.openai.azure.com/openai/v1"
    assert resolve({"provider": "azure", "base_url": url}, {}).provider.headers == {
        "api-key": "{key}"
    }


def test_a_preset_that_a_sheets_file_chooses_gets_no_key_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "rowmill.toml").write_text('[defaults]\nprovider = "openai"')
    file = read_file(tmp_path / "rowmill.toml", Origin.SHEET)
    chosen = resolve({}, KEY, [file])
    assert not chosen.address_is_own
    assert find_keys(chosen, KEY, tmp_path / "none.json") == ()
    for word in ({}, {"by_flag": ["provider"]}):  # a workspace's, possibly a stranger's
        assert not resolve({}, KEY, (), {"provider": "openai", **word}).address_is_own
    assert resolve({"provider": "openai"}, KEY).address_is_own
    again = resolve({}, KEY, (), {"provider": "openai"}, "https://api.openai.com")
    assert again.address_is_own  # remembered in the user's own state folder
