"""Base URLs as providers print them, and the request URLs built from them."""

import pytest

from runner.protocol.base_url import normalised, request_url

CHAT = "/v1/chat/completions"
HOST = "https://h.example"
AZURE = f"{HOST}/openai/deployments/gpt"

TABLE = [
    # base URL as typed, URL of a chat request
    (HOST, f"{HOST}/v1/chat/completions"),
    (f"{HOST}/", f"{HOST}/v1/chat/completions"),
    (f"{HOST}//", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/v1", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/v1/", f"{HOST}/v1/chat/completions"),
    (f"{HOST}//v1//", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/v1#", f"{HOST}/v1/chat/completions"),
    ("https://H.EXAMPLE/v1", f"{HOST}/v1/chat/completions"),
    (f"  {HOST}/v1  ", f"{HOST}/v1/chat/completions"),
    ("http://127.0.0.1:3000", "http://127.0.0.1:3000/v1/chat/completions"),
    ("http://[::1]:3000/v1", "http://[::1]:3000/v1/chat/completions"),
    (f"{HOST}/api/v1", f"{HOST}/api/v1/chat/completions"),
    (f"{HOST}/openai/v1", f"{HOST}/openai/v1/chat/completions"),
    (f"{HOST}/openai/v1/", f"{HOST}/openai/v1/chat/completions"),
    (f"{HOST}/compatible-mode/v1", f"{HOST}/compatible-mode/v1/chat/completions"),
    (f"{HOST}/compatible-mode", f"{HOST}/compatible-mode/v1/chat/completions"),
    (f"{HOST}/inference/v1", f"{HOST}/inference/v1/chat/completions"),
    (f"{HOST}/sub", f"{HOST}/sub/v1/chat/completions"),
    (f"{HOST}/anthropic", f"{HOST}/anthropic/v1/chat/completions"),
    (f"{HOST}/api/v3", f"{HOST}/api/v3/chat/completions"),
    (f"{HOST}/api/v3/", f"{HOST}/api/v3/chat/completions"),
    (f"{HOST}/api/paas/v4", f"{HOST}/api/paas/v4/chat/completions"),
    (f"{HOST}/api/coding/paas/v4", f"{HOST}/api/coding/paas/v4/chat/completions"),
    (f"{HOST}/v2", f"{HOST}/v2/chat/completions"),
    (f"{HOST}/v1beta/openai", f"{HOST}/v1beta/openai/chat/completions"),
    (f"{HOST}/v1beta/openai/", f"{HOST}/v1beta/openai/chat/completions"),
    (f"{HOST}/v1beta", f"{HOST}/v1beta/chat/completions"),
    (f"{HOST}/inference", f"{HOST}/inference/chat/completions"),
    (f"{HOST}/orgs/o/inference", f"{HOST}/orgs/o/inference/chat/completions"),
    (f"{HOST}/v1/openai", f"{HOST}/v1/openai/chat/completions"),
    (f"{HOST}/v1/acc/gate/openai", f"{HOST}/v1/acc/gate/openai/chat/completions"),
    (f"{HOST}/serving-endpoints", f"{HOST}/serving-endpoints/chat/completions"),
    (
        f"{HOST}/v1/projects/p/locations/l/endpoints/openapi",
        f"{HOST}/v1/projects/p/locations/l/endpoints/openapi/chat/completions",
    ),
    (f"{AZURE}?api-version=2024-10-21", f"{AZURE}/chat/completions?api-version=2024-10-21"),
    (AZURE, f"{AZURE}/chat/completions"),
    (
        f"{AZURE}/chat/completions?api-version=2024-10-21",
        f"{AZURE}/chat/completions?api-version=2024-10-21",
    ),
    (
        f"{HOST}/openai/v1/?api-version=preview",
        f"{HOST}/openai/v1/chat/completions?api-version=preview",
    ),
    (f"{HOST}/v1/chat/completions", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/v1/chat/completions/", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/v1/messages", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/v1/images/generations", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/v1/images/edits", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/v1/embeddings", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/v1/models", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/v1/responses", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/v1/audio/speech", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/api/v3/chat/completions", f"{HOST}/api/v3/chat/completions"),
    (f"{HOST}/api/v3/images/generations", f"{HOST}/api/v3/chat/completions"),
    (f"{HOST}/api/paas/v4/chat/completions", f"{HOST}/api/paas/v4/chat/completions"),
    (f"{HOST}/chat/completions", f"{HOST}/chat/completions"),
    (f"{HOST}/sub/chat/completions", f"{HOST}/sub/chat/completions"),
    (f"{HOST}/inference/chat/completions", f"{HOST}/inference/chat/completions"),
    (f"{HOST}/mj/submit/imagine", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/models?api-version=1", f"{HOST}/models/chat/completions?api-version=1"),
    (f"{HOST}/v1/acc/gate/compat", f"{HOST}/v1/acc/gate/compat/chat/completions"),
    (f"{HOST}/v1/acc/gate/x/chat/completions", f"{HOST}/v1/acc/gate/x/chat/completions"),
    (f"{HOST}/api/v0", f"{HOST}/api/v0/chat/completions"),
    (f"{HOST}/api/v3/models", f"{HOST}/api/v3/chat/completions"),
    ("HTTPS://h.example/v1", f"{HOST}/v1/chat/completions"),
    (f"{HOST}/compatibility/v1", f"{HOST}/compatibility/v1/chat/completions"),
]


@pytest.mark.parametrize(("typed", "address"), TABLE)
def test_a_request_goes_where_the_provider_says(typed: str, address: str) -> None:
    base = normalised(typed)
    assert base is not None
    assert request_url(base, CHAT) == address
    assert normalised(base) == base  # idempotent: it is stored, printed and typed again


@pytest.mark.parametrize(
    ("typed", "path", "address"),
    [
        (f"{HOST}/v1", "/mj/submit/imagine", f"{HOST}/mj/submit/imagine"),
        (
            f"{HOST}/api/v3",
            "/api/v3/contents/generations/tasks",
            f"{HOST}/api/v3/contents/generations/tasks",
        ),
        (f"{HOST}/compatible-mode", "/api/v1/tasks/7", f"{HOST}/api/v1/tasks/7"),
        (f"{HOST}/v1beta/openai", "/v1beta/models/x", f"{HOST}/v1beta/models/x"),
        (f"{HOST}/site", "/kling/v1/videos/text2video", f"{HOST}/site/kling/v1/videos/text2video"),
        (f"{HOST}/api/v3", "/mj/submit/imagine", f"{HOST}/api/mj/submit/imagine"),
        (f"{HOST}/sub", "/api/pricing", f"{HOST}/sub/api/pricing"),
        (f"{HOST}/v2", "/api/pricing", f"{HOST}/api/pricing"),
        (f"{AZURE}?api-version=1", "/api/pricing", f"{HOST}/api/pricing"),
        (f"{HOST}/v1beta/openai", "/v1beta/models/m:x", f"{HOST}/v1beta/models/m:x"),
        (f"{HOST}/openai/v1", "/v1/models", f"{HOST}/openai/v1/models"),
        (f"{AZURE}?api-version=1", "/v1/models?x=2", f"{AZURE}/models?x=2&api-version=1"),
        (f"{HOST}/chat/completions", "/v1/models", f"{HOST}/models"),
    ],
)
def test_other_paths_of_the_same_gateway(typed: str, path: str, address: str) -> None:
    base = normalised(typed)
    assert base is not None
    assert request_url(base, path) == address


@pytest.mark.parametrize(
    "typed",
    [
        *("", "h.example", "ftp://h.example", "https://", "https://h.example:x", "https:///v1"),
        *("https://me:secret@h.example", "https://h.example/#top", "https://h .example"),
        *(
            "https://h.example:99999",
            "https://h.example/\u202ev1",
            "https://h.example/v1?key=AIza0123",
            "https://h/?sig=x",
        ),
    ],
)
def test_what_is_no_base_url(typed: str) -> None:
    assert normalised(typed) is None
