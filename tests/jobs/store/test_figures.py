"""The charts of a report show what the table holds."""

from collections.abc import Iterable, Sequence

import pytest

from jobs.store import Store
from jobs.store.queries.figures import LEAST, NOTHING, Figures, figures
from jobs.store.queries.gallery import PageRow
from runner.report.charts import charts
from runner.workspace.workspace import SHEET_ID
from tests.support import pages
from tests.support.pages import START, lay_in


def row(at: float, **more: object) -> PageRow:
    """One row that ended so many seconds after the start, with this status and these fields."""
    plain: dict[str, object] = {"finished_at": START + at, "seconds": 10.0, "cost": None}
    return pages.row(0, **plain | more)  # type: ignore[arg-type]  # fields of a row, by name


def rows(ends: Iterable[float], **more: object) -> list[PageRow]:
    """Rows that ended at these seconds."""
    return [row(at, **more) for at in ends]


def drawn(store: Store, shown: Sequence[PageRow]) -> Figures:
    """The figures of a table that holds these rows, numbered."""
    with store.write() as tx:
        lay_in(tx, [one._replace(row=at, key=f"k{at}") for at, one in enumerate(shown, 2)])
        return figures(tx, SHEET_ID)


def test_few_rows_make_no_charts(store: Store) -> None:
    assert drawn(store, rows(range(LEAST - 1))) == NOTHING


def test_every_ended_row_of_the_night_is_in_exactly_one_bin(store: Store) -> None:
    night = rows([60.0 * at for at in range(300) if at % 3 == 0])
    night += rows([60.0 * at for at in range(300) if at % 3], status="failed")
    earlier = rows([-100_000.0 - at for at in range(20)], model="of another night")
    pending = rows([0.0], status="pending", finished_at=None)
    found = drawn(store, [*night, *earlier, *pending])
    assert sum(one.done for one in found.finished) == 100
    assert sum(one.failed for one in found.finished) == 200
    assert len(found.finished) <= 49
    places = [one.at for one in found.finished]
    assert places == [places[0] + found.width * at for at in range(len(places))]


def test_waits_are_those_of_done_rows_with_their_quantiles(store: Store) -> None:
    shown = [row(at, seconds=float(at)) for at in range(1, 101)]
    shown += [row(0, status="failed", seconds=1000.0), row(0, seconds=None)]
    waits = drawn(store, shown).waits
    assert waits is not None
    assert waits.p50 == 50.5
    assert waits.p95 == pytest.approx(95.05)
    assert sum(waits.counts) == 100


def test_one_wait_is_all_its_quantiles(store: Store) -> None:
    shown = [row(0, seconds=3.0), *rows(range(20), seconds=None)]
    waits = drawn(store, shown).waits
    assert waits is not None
    assert (waits.p50, waits.p95) == (3.0, 3.0)


def test_classes_count_failed_rows_and_those_in_doubt(store: Store) -> None:
    shown = rows([1.0] * 3, status="failed", kind="refused")
    shown += rows([2.0] * 5, status="failed", kind="server", cause="upstream")
    shown += rows([3.0] * 4, status="in_doubt")
    assert drawn(store, shown).classes == (("server", 5), ("in_doubt", 4), ("refused", 3))


def test_an_unknown_price_is_no_price_of_zero(store: Store) -> None:
    shown = rows(range(9), model="free")
    shown += rows(range(3), model="paid", cost=0.5)
    shown += [row(9, model="paid")]
    found = drawn(store, shown)
    assert [(one.model, one.cost, one.unpriced) for one in found.models] == [
        ("paid", 1.5, 1),
        ("free", None, 9),
    ]
    told = charts(found, currency="USD")
    assert "at least 1.50 USD" in told
    assert "unknown" in told


def test_a_slow_stretch_is_found(store: Store) -> None:
    shown = rows(range(0, 12_000, 30))
    shown += rows(range(12_000, 13_200, 30), seconds=90.0)
    found = drawn(store, shown).slow
    assert len(found) == 1
    begin, end = found[0]
    assert begin <= START + 12_600 < end
