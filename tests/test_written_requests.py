"""Simple requests are written in one go: they must be the ones that the long way makes."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from jobs.columns import map_columns
from jobs.template import Template
from runner.registry import known_fields
from runner.requests import RequestMaker, Shape

HEADERS = ("prompt", "temperature", "model", "system", "body.top_k", "shelf")


def maker(template: str | None) -> RequestMaker:
    """A template sends every row the long way; this one changes nothing."""
    return RequestMaker(
        Shape(
            headers=HEADERS,
            columns=map_columns(HEADERS, known_fields()),
            endpoint="chat",
            model="m",
            template=Template.parse(template, HEADERS) if template is not None else None,
            constants={"temperature": "0.5", "system": "Be brief."},
            folder=Path(),
        )
    )


@given(
    st.tuples(
        st.text(min_size=1).filter(str.strip),
        st.sampled_from(["", " ", "1", "1.0", "0.25", "9", "warm"]),
        st.sampled_from(["", "m-2", "模型"]),
        st.text(max_size=5),
        st.sampled_from(["", "5", "five", '{"b": 1, "a": [2]}', "null"]),
        st.text(max_size=3),
    )
)
def test_a_request_written_in_one_go_is_the_one_the_long_way_makes(cells: tuple[str, ...]) -> None:
    assert maker(None)(cells) == maker("{{ prompt }}")(cells)
