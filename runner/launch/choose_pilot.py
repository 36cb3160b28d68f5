"""A few rows before all the others: which, and whether they went well."""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from jobs.store.queue.choices import Candidate

FAILED_SHARE = 0.1  # of the pilot's rows that may fail, and it still went well


def choose(candidates: Iterable[Candidate], count: int) -> tuple[int, ...]:
    """The ids of at most `count` rows that stand for all: by endpoint, model and prompt length.

    Each kind of request gets a share by its size and, as far as the number allows, at least one
    row; inside a kind they are spread evenly from the shortest prompt to the longest.
    """
    kinds: dict[tuple[str, str], tuple[array[int], array[int]]] = defaultdict(
        lambda: (array("q"), array("q"))
    )
    for one in candidates:
        lengths, ids = kinds[one.endpoint, one.model]
        lengths.append(one.length)
        ids.append(one.id)
    largest_first = sorted(kinds, key=lambda kind: (-len(kinds[kind][0]), kind))
    shares = shares_of([len(kinds[kind][0]) for kind in largest_first], count)
    chosen: list[int] = []
    for kind, share in zip(largest_first, shares, strict=True):
        lengths, ids = kinds[kind]
        order = sorted(range(len(ids)), key=lambda index: (lengths[index], ids[index]))
        chosen += [ids[order[place]] for place in spread(len(order), share)]
    return tuple(chosen)


def shares_of(sizes: list[int], count: int) -> list[int]:
    """How many of each kind, for sizes that fall; every kind gets one as long as there are any."""
    shares = [1 if place < count else 0 for place in range(len(sizes))]
    while sum(shares) < min(count, sum(sizes)):
        # The kind that has the fewest for its size is served next.
        open_kinds = [k for k, share in enumerate(shares) if share < sizes[k]]
        shares[min(open_kinds, key=lambda k: (shares[k] / sizes[k], k))] += 1
    return shares


def spread(size: int, count: int) -> list[int]:
    """So many places of a row of that size, from its first to its last; one is the middle."""
    if count <= 1:
        return [size // 2] * count
    return [round(place * (size - 1) / (count - 1)) for place in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the pilot's rows."""

    rows: int
    done: int
    failed: int  # or in doubt
    pending: int
    cost: float | None
    currency: str | None

    @property
    def went_well(self) -> bool:
        """All came to an end, and at most a tenth of them failed."""
        return not self.pending and self.failed <= self.rows * FAILED_SHARE

    @property
    def cost_a_row(self) -> float | None:
        """What a row cost."""
        return self.cost / self.rows if self.cost is not None and self.rows else None
