"""Marks belong to a result, survive what does not change it, and hold it against newer ones."""

from collections.abc import Sequence

import pytest
from sqlalchemy import insert, select, update

from jobs.outcome import Finished, GiveUp
from jobs.result import Result
from jobs.store import Store
from jobs.store.picks import Mark, Pick, mark_rows, picked_files, picks_of
from jobs.store.queries.results import results
from jobs.store.queue.choices import RowChoice, again
from jobs.store.queue.refetch import kept_file
from jobs.store.schema import files, jobs
from tests.support.loading import asking, load
from tests.support.working import FAILURE, close, finish_all, take

ROW_2 = RowChoice(positions=[(2, 2)])
ALL = RowChoice()


@pytest.fixture
def done(store: Store) -> Store:
    """Three rows, two of them done, each with one saved file."""
    load(store, asking("a", "b", "c"))
    first, second, _ = take(store, 3)
    for job in (first, second):
        close(store, job, Finished(result=Result(text="here")))
        add_file(store, job.id, job.call_id, number=1)
    return store


def add_file(store: Store, job_id: int, call_id: int, *, number: int, version: int = 1) -> None:
    name = f"{job_id}-{number}_v{version}.png"
    values = {"job_id": job_id, "call_id": call_id, "number": number, "version": version}
    with store.write() as tx:
        saved = {"state": "done", "name": name, "size": 1, "sha256": b"x" * 32}
        tx.execute(insert(files).values(**values, **saved))


def mark(store: Store, how: Mark, choice: RowChoice = ROW_2, *, now: float = 500.0) -> list[str]:
    with store.write() as tx:
        marked = mark_rows(tx, 1, choice, how, now=now)
    return [str(one.pick) if one.pick is not None else "left out" for one in marked]


def column(store: Store) -> list[str | None]:
    with store.read() as tx:
        return [row.pick for row in results(tx, 1)]


def generate_again(store: Store, *, text: str = "newer") -> int:
    """A second version of row 2; returns its call."""
    with store.write() as tx:
        assert again(tx, 1, ROW_2, now=600.0) == 1
    (job,) = take(store, 1, now=2000.0)
    close(store, job, Finished(result=Result(text=text)))
    add_file(store, job.id, job.call_id, number=1, version=2)
    return job.call_id


def texts(store: Store) -> list[str | None]:
    with store.read() as tx:
        return [row.text for row in results(tx, 1)]


def test_only_rows_with_a_result_are_marked(done: Store) -> None:
    assert mark(done, Mark(stars=4), ALL) == ["4", "4", "left out"]
    assert column(done) == ["4", "4", None]


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([Mark(stars=5), Mark(stars=2)], "2"),
        ([Mark(stars=5), Mark(rejected=True)], "rejected"),
        ([Mark(rejected=True), Mark(stars=1)], "1"),
        ([Mark(file=1), Mark(stars=3)], "3 file 1"),
        ([Mark(stars=3), Mark(file=1)], "3 file 1"),
        ([Mark(rejected=True), Mark(file=1)], "file 1"),
        ([Mark(stars=3), Mark()], None),
    ],
)
def test_the_last_mark_counts(done: Store, steps: Sequence[Mark], told: str | None) -> None:
    for one in steps:
        mark(done, one)
    assert column(done)[0] == told


def test_a_mark_stays_when_the_sheet_is_sorted_and_when_its_row_comes_back(done: Store) -> None:
    mark(done, Mark(stars=5))
    load(done, asking("c", "b", "a"))
    assert column(done) == [None, None, "5"]
    load(done, asking("b", "c"))
    assert column(done) == [None, None]
    load(done, asking("a", "b"))
    assert column(done) == ["5", None]


def test_the_newest_version_is_the_result_and_carries_no_mark_of_the_older(done: Store) -> None:
    mark(done, Mark(rejected=True))
    generate_again(done)
    assert texts(done)[0] == "newer"
    assert column(done)[0] is None


def test_a_picked_version_stays_the_result_until_its_mark_is_taken_back(done: Store) -> None:
    mark(done, Mark(stars=5))
    newer = generate_again(done)
    assert texts(done)[0] == "here"
    assert column(done)[0] == "5"
    assert mark(done, Mark()) == [""]
    assert texts(done)[0] == "newer"
    with done.read() as tx:
        assert picks_of(tx, 1) == {}
        assert newer in set(tx.execute(select(jobs.c.call_id)).scalars())


def test_a_file_of_an_older_version_makes_it_the_result_again(done: Store) -> None:
    generate_again(done)
    with done.read() as tx:
        first = select(jobs.c.id).where(jobs.c.position == 2).scalar_subquery()
        of_first = select(files.c.name).where(files.c.version == 1, files.c.job_id == first)
        name = tx.execute(of_first).scalar_one()
    assert mark(done, Mark(file=name)) == ["file 1"]
    assert texts(done)[0] == "here"
    with done.read() as tx:
        assert [one.name for one in picked_files(tx, 1)] == [name]


def test_the_files_of_older_versions_can_still_be_found(done: Store) -> None:
    generate_again(done)
    with done.read() as tx:
        names = list(tx.execute(select(files.c.name)).scalars())
        assert len(names) == 3
        for name in names:
            kept = kept_file(tx, 1, name)
            assert kept is not None
            assert kept.name == name
        assert kept_file(tx, 1, "nobody.png") is None


def test_picking_an_older_version_mends_a_row_whose_new_version_failed(done: Store) -> None:
    with done.write() as tx:
        again(tx, 1, ROW_2, now=600.0)
    (job,) = take(done, 1, now=2000.0)
    close(done, job, GiveUp(failure=FAILURE))
    assert mark(done, Mark(stars=5)) == ["left out"]
    assert mark(done, Mark(file=f"{job.id}-1_v1.png")) == ["file 1"]
    with done.read() as tx:
        first = next(iter(results(tx, 1)))
    assert (first.status, first.error_class, first.text) == ("done", None, "here")


def test_a_number_that_a_result_has_not_is_left_out(done: Store) -> None:
    assert mark(done, Mark(file=2), ALL) == ["left out"] * 3
    assert mark(done, Mark(file="nobody.png"), ALL) == ["left out"] * 3


def test_one_of_several_files_is_picked_and_else_all(done: Store) -> None:
    with done.read() as tx:
        found = tx.execute(select(jobs.c.id, jobs.c.call_id).order_by(jobs.c.position)).all()
    (first, call), (second, other), _ = found
    add_file(done, first, call, number=2)
    add_file(done, second, other, number=2)
    mark(done, Mark(stars=3, file=2))
    mark(done, Mark(stars=1), RowChoice(positions=[(3, 3)]))
    with done.read() as tx:
        picked = [(one.row, one.name) for one in picked_files(tx, 1)]
    assert picked == [
        (2, f"{first}-2_v1.png"),
        (3, f"{second}-1_v1.png"),
        (3, f"{second}-2_v1.png"),
    ]
    mark(done, Mark(rejected=True), ALL)
    with done.read() as tx:
        assert picked_files(tx, 1) == []


def test_a_mark_does_not_change_when_a_row_ended_unless_its_result_changes(done: Store) -> None:
    def ended() -> list[float | None]:
        with done.read() as tx:
            return [row.finished_at for row in results(tx, 1)]

    before = ended()
    mark(done, Mark(stars=5))
    assert ended() == before


def test_a_text_without_files_can_be_marked(store: Store) -> None:
    load(store, asking("a"))
    finish_all(store)
    assert mark(store, Mark(stars=2)) == ["2"]
    assert str(Pick(1)) == ""


def test_many_rows_are_marked_in_one_go(store: Store) -> None:
    load(store, asking(*(f"row {number}" for number in range(1200))))
    finish_all(store)
    assert mark(store, Mark(stars=1), ALL) == ["1"] * 1200
    with store.write() as tx:
        tx.execute(update(jobs).values(listed=False))
    assert mark(store, Mark(stars=2), ALL) == []
