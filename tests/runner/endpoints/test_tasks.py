"""Task dialects are data: what a vendor changes without a word, and what a file may say."""

from collections.abc import Iterator
from typing import Any

import pytest

from runner.endpoints import video
from runner.endpoints.dialects.tasks.changes import changes_of
from runner.endpoints.dialects.tasks.handed_in import hand_in
from runner.endpoints.dialects.tasks.known import dialect_of
from runner.endpoints.fields import InputError
from runner.settings.task_dialects import DialectError, read_dialect, shipped
from tests.runner.endpoints.test_conformance import inputs_of, reply_of, shown_reading

OWN: dict[str, Any] = {
    "title": "my gateway",
    "endpoints": ["video"],
    "submit": {"path": "/make", "body": {"words": "$prompt", "m": "$model"}, "id": "job"},
    "ask": {"path": "/made/{id}"},
    "answer": {"status": "state", "done": "ready", "failed": "broken", "links": "film"},
}


@pytest.fixture
def handed_in() -> Iterator[None]:
    yield
    hand_in(shipped, "wenwen")


def changed(**fields: Any) -> dict[str, str]:
    """What becomes of the columns of a row."""
    row = {"prompt": "a heron", "model": "m", **fields}
    return {one.column: one.made for one in changes_of("video", video.Inputs, row)}


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"model": "kling-v2", "size": "1280x720"}, {"size": "16:9"}),
        ({"model": "kling-v2", "size": "1080x1080"}, {"size": "1:1"}),
        ({"model": "jimeng_v30", "size": "1280x720", "seconds": 8}, {"size": "", "seconds": "5"}),
        ({"model": "jimeng_v30", "seconds": 10}, {}),
        ({"model": "veo-3", "seconds": 8}, {}),
        ({"model": "sora", "size": "1280x720"}, {}),
        ({"dialect": "openai-video", "seed": 7}, {"seed": ""}),
        ({"dialect": "ark", "seed": 7, "aspect_ratio": "16:9"}, {}),
        ({"dialect": "ark", "image": [{"kind": "url", "value": "x"}]}, {}),
        ({"dialect": "veo", "model": "veo-3", "mode": "pro"}, {"mode": ""}),
    ],
)
def test_what_is_changed_or_ignored_is_known_before(
    fields: dict[str, Any], made: dict[str, str]
) -> None:
    assert changed(**fields) == made


def test_the_provider_s_own_way_is_the_default(handed_in: None) -> None:
    for provider, name in (("wenwen", "newapi"), ("volcengine", "ark"), ("nobody", "newapi")):
        hand_in(shipped, provider)
        assert dialect_of("video", None).name == name


def test_an_unknown_dialect_is_told_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="ark or hailuo or"):
        dialect_of("video", "nonsense")
    with pytest.raises(InputError):
        dialect_of("music", "kling")


def test_a_dialect_of_one_s_own_works_like_the_others(handed_in: None) -> None:
    own = read_dialect("mine", OWN, own=True)
    hand_in(lambda: {**shipped(), "mine": own}, "wenwen")
    kind = video.ENDPOINT
    inputs = inputs_of(kind, {**kind.example, "dialect": "mine"})
    assert kind.poll is not None
    assert kind.read_poll is not None
    call = kind.build(inputs)
    assert (call.path, call.json) == ("/make", {"words": inputs.prompt, "m": inputs.model})
    assert shown_reading(kind.read(inputs, reply_of({"json": {"job": 7}}))) == {"ticket": "mine:7"}
    assert kind.poll(inputs, "mine:7").path == "/made/7"
    for state, kind_of_end in (("ready", None), ("broken", "server")):
        body = {"state": state, "film": "https://a.example/f.mp4"}
        found = shown_reading(kind.read_poll(inputs, "mine:7", reply_of({"json": body})))
        assert found["kind"] == kind_of_end
    waiting = kind.read_poll(inputs, "mine:7", reply_of({"json": {"state": "a new word"}}))
    assert shown_reading(waiting) == {"pending": "a new word"}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"submit": {"path": "https://evil.example/make"}}, "path"),
        ({"ask": {"path": "//evil.example/made"}}, "path"),
        ({"answer": {"status": "s", "quota": "price"}}, "quota"),
        ({"answer": {"status": "s", "codes": {"1": "nonsense"}}}, "codes"),
        ({"submit": {"path": "/make", "headers": {"Authorization": "Bearer sk-1"}}}, "headers"),
        ({"submit": {"path": "/make", "url": "x"}}, "url"),
        ({"ask": {"path": "/made", "method": "DELETE"}}, "method"),
        ({"life": {"poll": -1}}, "poll"),
        ({"nonsense": 1}, "nonsense"),
        ({"ask": {}}, "path"),
    ],
)
def test_a_wrong_dialect_names_its_wrong_member(change: dict[str, Any], key: str) -> None:
    with pytest.raises(DialectError) as found:
        read_dialect("mine", {**OWN, **change}, own=True)
    assert key in str(found.value)
