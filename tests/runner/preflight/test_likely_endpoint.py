"""The guess of an endpoint is a default that most people can take."""

import pytest

from runner.endpoints.registry import ENDPOINTS
from runner.preflight.likely_endpoint import BY_COLUMN, BY_MODEL, likely_endpoint


@pytest.mark.parametrize(
    ("model", "fields", "endpoint"),
    [
        ("gpt-4o", {"prompt"}, "chat"),
        ("gpt-4o-image", {"prompt", "image"}, "chat-image"),
        ("gemini-2.5-flash-image", {"prompt"}, "chat-image"),
        ("gpt-image-1", {"prompt"}, "image"),
        ("gpt-image-1", {"prompt", "image"}, "image-edit"),
        ("Doubao-Seedream-4", {"prompt"}, "image"),
        ("claude-sonnet-4", {"prompt"}, "messages"),
        ("text-embedding-3-small", {"prompt"}, "embedding"),
        ("bge-reranker-v2-m3", {"prompt", "documents"}, "rerank"),
        ("tts-1", {"prompt"}, "speech"),
        ("whisper-1", {"file"}, "transcribe"),
        ("sora-2", {"prompt"}, "video"),
        ("suno_music", {"prompt"}, "music"),
        ("mj_imagine", {"prompt"}, "mj-imagine"),
        ("", {"prompt", "documents"}, "rerank"),
        ("", {"prompt"}, "chat"),
    ],
)
def test_model_and_columns_name_the_endpoint(model: str, fields: set[str], endpoint: str) -> None:
    assert likely_endpoint(model, fields) == endpoint


def test_every_guess_is_an_endpoint() -> None:
    assert {name for _, name in (*BY_MODEL, *BY_COLUMN)} <= set(ENDPOINTS)
