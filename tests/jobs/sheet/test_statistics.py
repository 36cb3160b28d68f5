"""Statistics by model count, add and sort correctly."""

from jobs.sheet.write.statistics import ModelLine, by_model


def test_each_model_has_a_line_and_the_busiest_comes_first() -> None:
    facts = [
        ("small", "done", 1.0, 0.5),
        ("big", "done", 2.0, None),
        ("big", "failed", None, None),
        ("big", "done", 4.0, None),
    ]
    assert by_model(facts) == [
        ModelLine(
            model="big",
            rows=3,
            done=2,
            failed=1,
            median_seconds=3.0,
            p95_seconds=3.9,
            cost=None,
        ),
        ModelLine(
            model="small",
            rows=1,
            done=1,
            failed=0,
            median_seconds=1.0,
            p95_seconds=1.0,
            cost=0.5,
        ),
    ]


def test_no_rows_are_no_lines() -> None:
    assert by_model([]) == []
