"""The official client libraries understand the batches that the mock sells.

So the product's forms, which are tested against the mock, are tested against their types too.
"""

import io
import json
import time
from collections.abc import Callable
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai

from runner.lanes.batch_wire import row_id
from runner.mock.batch_script import BatchScript, Fate
from runner.mock.server_thread import MockThread
from runner.mock.settings import MockSettings

BODY = {"model": "mock-text", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
SCRIPT = BatchScript(seconds=0.2)


def line(number: int) -> dict[str, Any]:
    url = "/v1/chat/completions"
    return {"custom_id": row_id(number), "method": "POST", "url": url, "body": BODY}


def until(ended: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not ended():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(("fate", "answers"), [(Fate.OK, 4), (Fate.EXPIRED, 2)])
def test_openais_library_buys_a_batch(fate: Fate, answers: int) -> None:
    script = BatchScript(seconds=0.2, fates=(fate,))
    with (
        MockThread(MockSettings(batches=script)) as mock,
        openai.OpenAI(
            base_url=f"{mock.base_url}/v1", api_key="sk-x", _strict_response_validation=True
        ) as client,
    ):
        lines = "\n".join(json.dumps(line(number)) for number in range(1, 5))
        file = client.files.create(
            file=("lines.jsonl", io.BytesIO(lines.encode())), purpose="batch"
        )
        made = client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={"rowmill_digest": "ab" * 32},
        )
        until(lambda: client.batches.retrieve(made.id).status in ("completed", "expired"))
        found = client.batches.retrieve(made.id)
        assert found.status == ("completed" if fate is Fate.OK else "expired")
        assert found.output_file_id
        assert len(client.files.content(found.output_file_id).text.splitlines()) == answers
        assert [one.id for one in client.batches.list()] == [made.id]


def test_anthropics_library_buys_a_batch() -> None:
    with (
        MockThread(MockSettings(batches=SCRIPT)) as mock,
        anthropic.Anthropic(
            base_url=mock.base_url, auth_token="sk-x", _strict_response_validation=True
        ) as client,
    ):
        request: Any = {"custom_id": row_id(1), "params": BODY}
        made = client.messages.batches.create(requests=[request])
        until(lambda: client.messages.batches.retrieve(made.id).processing_status == "ended")
        (found,) = client.messages.batches.results(made.id)
        assert found.custom_id == row_id(1)
        assert found.result.type == "succeeded"
        assert found.result.message.content
        assert [one.id for one in client.messages.batches.list()] == [made.id]


def test_googles_library_reads_a_batch() -> None:
    with MockThread(MockSettings(batches=SCRIPT)) as mock:
        client = genai.Client(
            api_key="sk-x", http_options={"base_url": mock.base_url, "api_version": "v1beta"}
        )
        uploaded = _google_file(mock.base_url)
        made = client.batches.create(
            model="mock-text", src=uploaded, config={"display_name": "rowmill-x"}
        )
        assert made.name
        name = made.name
        until(lambda: str(client.batches.get(name=name).state).endswith("SUCCEEDED"))
        found = client.batches.get(name=name)
        assert found.display_name == "rowmill-x"
        assert found.dest is not None
        assert found.dest.file_name
        results = client.files.download(file=found.dest.file_name)
        assert json.loads(results)["key"] == row_id(1)
        assert [one.name for one in client.batches.list()] == [name]


def _google_file(base_url: str) -> str:
    """The name of an uploaded file of one line: the library uploads in another way than we do."""
    request = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    line = json.dumps({"key": row_id(1), "request": request})
    parts = ('{"file": {"displayName": "x"}}', line)
    body = "".join(f"--b\r\nContent-Type: application/json\r\n\r\n{part}\r\n" for part in parts)
    headers = {
        "Content-Type": "multipart/related; boundary=b",
        "X-Goog-Upload-Protocol": "multipart",
        "x-goog-api-key": "sk-x",
    }
    url = f"{base_url}/upload/v1beta/files"
    found = httpx.post(url, content=f"{body}--b--\r\n", headers=headers)
    return str(found.json()["file"]["name"])
