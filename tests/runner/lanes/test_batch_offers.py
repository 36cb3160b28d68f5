"""Provider batches: who sells them, of which requests, and what a person's settings change."""

from pathlib import Path

import pytest

from runner.lanes.batch_offers import batch_offer, form_of
from runner.protocol.lane_rule import LaneRule
from runner.settings.file import Origin, SettingsError
from runner.settings.toml_reader import read_file

SOLD = [
    ("https://api.openai.com", "chat", "gpt-5", "openai"),
    ("https://api.openai.com", "image-edit", "gpt-image-1.5", "openai"),
    ("https://api.openai.com", "messages", "gpt-5", None),
    ("https://x.openai.azure.com/openai/v1", "chat", "d", "openai"),
    ("https://openai.azure.com.evil.example", "chat", "d", None),
    ("https://dashscope.aliyuncs.com/compatible-mode", "embedding", "text-embedding-v4", "openai"),
    ("https://api.siliconflow.cn", "chat", "Qwen/QwQ-32B", "openai"),
    ("https://open.bigmodel.cn/api/paas/v4", "chat", "glm-4-plus", "openai"),
    ("https://open.bigmodel.cn/api/paas/v4", "chat", "cogview-4", None),
    ("https://api.anthropic.com", "messages", "claude-x", "anthropic"),
    ("https://api.anthropic.com", "chat", "claude-x", None),
    ("https://generativelanguage.googleapis.com", "gemini", "gemini-3-flash", "gemini"),
    ("https://openrouter.ai/api", "messages", "a/b", "openrouter"),
    ("https://api.wenwen-ai.com", "chat", "gpt-5", None),
]


@pytest.mark.parametrize(("base_url", "endpoint", "model", "form"), SOLD)
def test_batches_are_known_by_host_endpoint_and_model(
    base_url: str, endpoint: str, model: str, form: str | None
) -> None:
    found = batch_offer(base_url, None, endpoint, model)
    assert (found.form if found is not None else None) == form
    if found is not None:
        assert form_of(found).offer == found


def test_the_address_in_a_line_is_the_providers_own() -> None:
    path = "/v1/chat/completions"
    zhipu = batch_offer("https://open.bigmodel.cn/api/paas/v4", None, "chat", "glm-4")
    azure = batch_offer("https://x.openai.azure.com/openai/v1", None, "chat", "d")
    assert zhipu is not None
    assert azure is not None
    assert (zhipu.urls[path], azure.urls[path]) == ("/v4/chat/completions", "/chat/completions")
    assert zhipu.create == {"auto_delete_input_file": False}


def test_own_settings_replace_what_is_shipped() -> None:
    own = LaneRule(name="batch", form="openai", factor=0.4, models="m.*", max_rows=7)
    found = batch_offer("https://api.siliconflow.cn", own, "responses", "m1")
    assert found is not None
    assert (found.factor, found.max_rows, found.max_bytes) == (0.4, 7, 200_000_000)
    assert batch_offer("https://api.siliconflow.cn", own, "responses", "x") is None


def _lanes(folder: Path, text: str) -> dict[str, LaneRule]:
    path = folder / "rowmill.toml"
    path.write_text(f"[provider.p.lanes.batch]\n{text}\n")
    return dict(read_file(path, Origin.USER).providers["p"].lanes)


def test_batches_are_described_in_a_settings_file(tmp_path: Path) -> None:
    text = 'form = "anthropic"\nfactor = 0.6\nmax_rows = 9\nmax_bytes = 99\nmodels = "a|b"'
    assert _lanes(tmp_path, text)["batch"] == LaneRule(
        name="batch", form="anthropic", factor=0.6, max_rows=9, max_bytes=99, models="a|b"
    )


@pytest.mark.parametrize(
    "text",
    ['form = "path"', "factor = 0.5", 'form = "openai"\nmax_rows = 0', 'form = "openai"\nx = 1'],
)
def test_a_wrong_description_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        _lanes(tmp_path, text)
