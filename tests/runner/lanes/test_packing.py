"""Which lines go into one provider batch."""

import pytest

from runner.lanes.batch_wire import BatchOffer
from runner.lanes.packing import MAX_ROWS, Line, Pack, expected_bytes, limits_of

URL = "/v1/chat/completions"


def line(size: int = 100, *, answer: int = 10, url: str = URL, alike: object = None) -> Line:
    return Line(content=b"x" * size, url=url, answer_bytes=answer, alike=(alike,))  # type: ignore[arg-type]  # any JSON


def pack(*, queued: int = 0, separator: bytes = b"\n", **offer: int) -> Pack:
    limits = limits_of(BatchOffer(form="openai", **offer), queued=queued)  # type: ignore[arg-type]  # numbers
    return Pack(limits, separator=separator)


def filled(found: Pack, one: Line) -> int:
    """How many such lines fit."""
    while found.has_room(one):
        found.add(one)
    return found.rows


def test_a_batch_holds_as_many_rows_as_its_provider_takes() -> None:
    assert filled(pack(max_rows=7), line()) == 7


def test_where_no_limit_is_known_fifty_thousand_rows_are_one_batch() -> None:
    assert filled(pack(), line(size=1)) == MAX_ROWS


def test_the_bytes_of_lines_and_of_what_stands_between_them_count() -> None:
    found = pack(max_bytes=304, separator=b",\n")
    assert filled(found, line()) == 3
    assert found.size == 304


def test_answers_of_one_batch_can_be_fetched() -> None:
    assert filled(pack(), line(answer=100_000_000)) == 3


def test_an_answer_of_any_size_has_a_batch_of_its_own() -> None:
    assert filled(pack(), line(answer=900_000_000)) == 1


def test_tokens_that_wait_at_the_provider_leave_less_room() -> None:
    assert filled(pack(max_tokens=1000), line(size=400)) == 10
    assert filled(pack(max_tokens=1000, queued=700), line(size=400)) == 3


def test_a_line_that_no_batch_takes_is_known() -> None:
    assert pack(max_line_bytes=99).is_too_long(line())
    assert pack(max_bytes=99).is_too_long(line())
    assert not pack(max_line_bytes=100).is_too_long(line())


@pytest.mark.parametrize("other", [line(url="/v1/embeddings"), line(alike=True)])
def test_lines_of_another_address_or_setting_go_into_another_batch(other: Line) -> None:
    found = pack()
    found.add(line())
    assert found.is_other(other)
    assert not found.is_other(line())


def test_texts_are_expected_to_use_a_part_of_their_limit() -> None:
    short = expected_bytes({"max_tokens": 10}, draws=False, vectors=False)
    usual = expected_bytes({}, draws=False, vectors=False)
    huge = expected_bytes({"max_tokens": 10**6}, draws=False, vectors=False)
    assert short < usual == huge


def test_fifty_thousand_usual_texts_are_one_batch() -> None:
    usual = line(answer=expected_bytes({}, draws=False, vectors=False))
    assert filled(pack(), usual) == MAX_ROWS


def test_pictures_are_counted_by_their_pixels_and_number() -> None:
    one = expected_bytes({"size": "2048x2048"}, draws=True, vectors=False)
    assert one == expected_bytes({"imageSize": "2K"}, draws=True, vectors=False)
    assert expected_bytes({"size": "2048x2048", "n": 2}, draws=True, vectors=False) > 1.9 * one
    assert filled(pack(), line(answer=one)) < 50


def test_vectors_are_counted_by_their_numbers() -> None:
    few = expected_bytes({"dimensions": 256}, draws=False, vectors=True)
    assert few * 5 < expected_bytes({}, draws=False, vectors=True)


@pytest.mark.parametrize("odd", [None, True, "many", -1])
def test_values_that_are_no_numbers_count_as_usual(odd: object) -> None:
    found = expected_bytes({"max_tokens": odd}, draws=False, vectors=False)  # type: ignore[dict-item]  # any JSON
    assert found == expected_bytes({}, draws=False, vectors=False)
