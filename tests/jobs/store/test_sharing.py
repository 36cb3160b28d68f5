"""Jobs share a call only if they differ in nothing but their own field, up to both limits."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from jobs.job import JSON
from jobs.store.queue.sharing import Sharing, grouped

MAX_WEIGHT = 10


def most(number: int, fields: Mapping[str, JSON]) -> int:
    """Three jobs a call; a job above 100 has to go alone."""
    del fields
    return 1 if number > 100 else 3


def weigh(fields: Mapping[str, JSON]) -> int:
    return len(str(fields["input"]))


SHARING = {"embedding": Sharing(own="input", most=most, weigh=weigh, heaviest=MAX_WEIGHT)}


def job(number: int, text: str, *, model: str = "m", **more: JSON) -> Any:
    fields = json.dumps({"input": text, **more})
    return SimpleNamespace(id=number, endpoint="embedding", model=model, fields=fields)


def numbers(*jobs: Any) -> list[list[int]]:
    return [[row.id for row in group.rows] for group in grouped(jobs, SHARING)]


def test_jobs_that_differ_in_their_own_field_share_calls_up_to_the_limit() -> None:
    assert numbers(*(job(k, "a") for k in range(1, 6))) == [[1, 2, 3], [4, 5]]


def test_jobs_with_another_model_or_field_do_not_share() -> None:
    found = numbers(job(1, "a"), job(2, "b", model="n"), job(3, "c", size=256), job(4, "d"))
    assert found == [[1, 4], [2], [3]]


def test_a_call_is_not_heavier_than_its_limit() -> None:
    assert numbers(job(1, "x" * 6), job(2, "x" * 5), job(3, "x" * 4)) == [[1, 3], [2]]


def test_a_job_that_is_too_heavy_by_itself_still_has_a_call() -> None:
    assert numbers(job(1, "x" * 50), job(2, "a")) == [[1], [2]]


def test_a_job_that_must_go_alone_joins_no_call_and_none_joins_it() -> None:
    assert numbers(job(1, "a"), job(101, "b"), job(2, "c")) == [[1, 2], [101]]
