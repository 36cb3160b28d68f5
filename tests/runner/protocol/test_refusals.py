"""The tables of refusals can be looked up as errors are parsed."""

import re

import pytest

from runner.protocol.refusals import (
    CODES,
    LOST_STATUSES,
    MIDJOURNEY_CODES,
    MINIMAX_CODES,
    SPENT_ACCOUNT_CODES,
    STATUS_BY_TYPE,
    STATUSES,
    Action,
    Classification,
    phrases,
)


@pytest.mark.parametrize("code", [*CODES, *SPENT_ACCOUNT_CODES, *STATUS_BY_TYPE, *MINIMAX_CODES])
def test_codes_and_types_are_in_lower_case_as_errors_are_parsed(code: str) -> None:
    assert code == code.lower().strip()


def test_a_status_that_may_lose_an_answer_is_in_doubt() -> None:
    known = {status: STATUSES[status] for status in LOST_STATUSES & STATUSES.keys()}
    assert {found.action for found in known.values()} == {Action.DOUBT}


def test_no_code_means_that_the_endpoint_reads_the_reply() -> None:
    tables: list[Classification] = [
        *CODES.values(),
        *MINIMAX_CODES.values(),
        *MIDJOURNEY_CODES.values(),
        *STATUSES.values(),
        *(found for _, found in phrases()),
    ]
    assert Action.READ not in {found.action for found in tables}


def test_phrases_ignore_case() -> None:
    assert all(pattern.flags & re.IGNORECASE for pattern, _ in phrases())
