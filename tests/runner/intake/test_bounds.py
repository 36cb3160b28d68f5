"""Foreign text takes time in proportion to its length: a cell of 1 MB does not hang the program."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from jobs.loading.columns import map_columns, nearest
from jobs.loading.template import Template, TemplateError, slot_names
from jobs.sheet.names import unique_headers
from runner.endpoints.fields import InputError
from runner.endpoints.registry import known_fields
from runner.intake.excel_ratios import ratio_of
from runner.intake.request_json import body_converter
from tests.support.growth import assert_linear

MB = 1_000_000


def parse(text: str) -> None:
    with suppress(TemplateError):
        Template.parse(text, ["name", "n" * 1000])


def read_body(text: str) -> None:
    with suppress(InputError):
        body_converter("body.x")(text)


WORK: dict[str, Callable[[int], object]] = {
    "slots": lambda size: parse("{{ name }}" * (size // 10)),
    "open braces": lambda size: parse("{" * size),
    "bars": lambda size: parse("{{ name" + "|x" * (size // 2) + "}}"),
    "a long name": lambda size: parse("{{" + "n" * size + "}}"),
    "names of slots": lambda size: slot_names("{{" + "a|" * (size // 2) + "}}"),
    "long names": lambda size: nearest("ab" * (size // 2), ["ab" * (size // 2) + "c"]),
    "many headers": lambda size: map_columns(["x"] * (size // 50), known_fields()),
    "repeated headers": lambda size: unique_headers(["x"] * (size // 20)),
    "a long header": lambda size: map_columns(["body" + " " * size + "x"], known_fields()),
    "deep JSON": lambda size: read_body("[" * size),
    "no numbers": lambda size: read_body("[" + "NaN," * (size // 4) + "1]"),
    "digits": lambda size: read_body("1" * size),
    "a ratio": lambda size: ratio_of("1:" + " " * size + "x"),
}


@pytest.mark.parametrize("name", WORK)
def test_twice_the_text_is_at_most_two_and_a_half_times_the_work(name: str) -> None:
    work = WORK[name]
    assert_linear(lambda: work(MB // 2), lambda: work(MB))
