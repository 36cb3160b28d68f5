"""Choices with only a text take a shortcut, which gives the same result as full assembly."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from jobs.job import JSON
from runner.endpoints.dialects.completions import ChoiceDraft, CompletionChoice, drafted

SAID: st.SearchStrategy[JSON] = st.sampled_from([None, "", "a cat", 0, [], {}])
CALLS: st.SearchStrategy[JSON] = st.sampled_from(
    [None, [], {}, [{"id": "c1", "function": {"name": "look", "arguments": "{}"}}]]
)
PICTURES: st.SearchStrategy[JSON] = st.sampled_from([None, [], ["data:image/png;base64,AA"], "x"])
CONTENT: st.SearchStrategy[JSON] = st.one_of(
    SAID, st.just([{"type": "text", "text": "a"}, {"type": "image_url"}])
)
MESSAGES: st.SearchStrategy[JSON] = st.one_of(
    SAID,
    st.fixed_dictionaries(
        {},
        optional={
            "role": st.just("assistant"),
            "content": CONTENT,
            "refusal": SAID,
            "images": PICTURES,
            "tool_calls": CALLS,
            "function_call": st.sampled_from([None, {}, {"name": "look", "arguments": "{}"}]),
            "reasoning_content": SAID,
        },
    ),
)
ITEMS: st.SearchStrategy[Mapping[str, JSON]] = st.fixed_dictionaries(
    {},
    optional={
        "index": st.just(0),
        "message": MESSAGES,
        "delta": MESSAGES,
        "text": SAID,
        "finish_reason": SAID,
    },
)


def put_together(item: Mapping[str, JSON]) -> CompletionChoice:
    """The choice by full assembly."""
    draft = ChoiceDraft()
    draft.add(item)
    return draft.finished()


@given(ITEMS)
def test_the_short_way_means_the_same(item: Mapping[str, JSON]) -> None:
    assert drafted(item) == put_together(item)
