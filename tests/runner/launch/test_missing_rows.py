"""Rows that --rows names but the sheet lacks are listed, even if there are many."""

import pytest

from jobs.store.spans import absent_among
from tests.support.world import TEXT, World


def test_a_run_names_the_rows_that_the_sheet_does_not_have(world: World) -> None:
    sheet = world.prompts("a.csv", "a cat", "a dog", "an owl")
    world.mock()
    for command in ("check", "run"):
        refused = world.run(command, sheet, *TEXT[:4], "--rows", "99")
        assert (refused.code, refused.posts) == (3, 0)
        assert "a.csv has no row 99" in refused.out + refused.err
        assert "2 to 4" in refused.out + refused.err
    done = world.run("run", sheet, "-y", "--rows", "3,5-7")
    assert (done.code, done.posts) == (0, 1)
    assert "a.csv has no rows 5-7" in done.err
    for command in ("retry", "skip"):
        refused = world.run(command, sheet, "-y", "--rows", "1,8")
        assert (refused.code, refused.posts) == (3, 0)
        assert "a.csv has no rows 1, 8" in refused.err


def test_thousands_of_rows_can_be_named(world: World) -> None:
    sheet = world.prompts("a.csv", *(f"animal {number}" for number in range(6)))
    world.mock()
    every_other = ",".join(map(str, range(2, 6_000, 2)))
    done = world.run("run", sheet, *TEXT, "--rows", every_other)
    assert (done.code, done.posts) == (0, 3), done.err
    assert world.run("retry", sheet, "-y", "--again", "--rows", every_other).posts == 3
    spans = ",".join(f"{low}-{low + 40}" for low in range(3, 100_000, 50))
    assert world.run("run", sheet, "-y", "--rows", spans).posts == 3


@pytest.mark.parametrize(
    ("asked", "absent"),
    [
        ([(2, 4)], []),
        ([(1, 9)], [(1, 1), (9, 9)]),
        ([(9, 9), (3, 3)], [(9, 9)]),
        ([(9, 20), (15, 30)], [(9, 30)]),
        ([(4, 6)], []),
        ([(5, 5)], [(5, 5)]),
    ],
)
def test_a_blank_line_within_a_span_is_not_missed(
    asked: list[tuple[int, int]], absent: list[tuple[int, int]]
) -> None:
    there = [2, 3, 4, 6, 7, 8]
    within = [one for one in there if any(low <= one <= high for low, high in asked)]
    assert absent_among(asked, within) == absent
