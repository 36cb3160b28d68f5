"""Draws a snapshot of a run as one screen."""

from datetime import datetime

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from runner.catalogue import say
from runner.catalogue.durations import format_duration
from runner.catalogue.safe_text import plain
from runner.console.layout import flowed
from runner.console.snapshot import ProgressEvent, Snapshot, cost_of

MIN_SECONDS_OF_CLOCK = 600.0
BLOCK_GAP = 4
MARK_STYLES = {"✓": "green", "✗": "red", "↻": "yellow"}


def render(snapshot: Snapshot, width: int) -> RenderableType:
    """The whole display; below 80 columns its three blocks are stacked."""
    inside = max(width - 4, 20)
    parts: list[RenderableType] = [_bar(snapshot, inside), _counts(snapshot, inside), Text("")]
    if pause := _pause(snapshot, inside):
        parts += [Text(pause, style="yellow"), Text("")]
    parts += [_blocks(snapshot, inside)]
    if snapshot.events:
        parts += [Text(""), *(_event(event, inside) for event in snapshot.events[:5])]
    return Panel(
        Group(*parts),
        title=Text(plain(snapshot.title, inside - 4)),
        subtitle=Text(say("progress.foot")[: inside - 4], style="dim"),
        width=width,
    )


def _pause(snapshot: Snapshot, width: int) -> str:
    """Why no call starts now, in a line; empty if calls start."""
    if snapshot.held:
        return say("progress.held")
    if snapshot.paused_until is None:
        return ""
    until = datetime.fromtimestamp(snapshot.paused_until).astimezone().strftime("%H:%M:%S")
    return say("progress.paused", time=until, reason=plain(snapshot.reason, width))


def _left(snapshot: Snapshot) -> str:
    """The time that is left, and from ten minutes on the time of day of its end."""
    if snapshot.eta is None:
        return ""
    time = format_duration(snapshot.eta)
    if snapshot.eta < MIN_SECONDS_OF_CLOCK:
        return say("progress.left", time=time)
    clock = datetime.fromtimestamp(snapshot.now + snapshot.eta).astimezone().strftime("%H:%M")
    return say("progress.left_until", time=time, clock=clock)


def _bar(snapshot: Snapshot, width: int) -> Text:
    share = snapshot.ended / snapshot.total if snapshot.total else 1.0
    tail = f" {share:4.0%} {snapshot.ended:,}/{snapshot.total:,} {_left(snapshot)}".rstrip()
    head = f"{say('progress.rows')} "
    room = max(width - cell_len(head) - cell_len(tail), 5)
    filled = min(int(room * share), room)
    return Text.assemble(
        head, ("█" * filled, "green"), ("░" * (room - filled), "dim"), tail, no_wrap=True
    )


def _counts(snapshot: Snapshot, width: int) -> Text:
    shown = (
        ("done", snapshot.done, "green"),
        ("failed", snapshot.failed, "red"),
        ("in_doubt", snapshot.in_doubt, "yellow"),
        ("fetching", snapshot.fetching, "cyan"),
        ("running", snapshot.running, "blue"),
        ("pending", snapshot.pending, "dim"),
    )
    return flowed(
        [
            Text.assemble(("■ ", style), f"{say(_COUNT_LABELS[name])} {count:,}")
            for name, count, style in shown
            if count or name in {"done", "failed", "pending"}
        ],
        width,
    )


_COUNT_LABELS = {
    name: f"progress.{name}"
    for name in ("done", "failed", "in_doubt", "fetching", "running", "pending")
}


def _blocks(snapshot: Snapshot, width: int) -> RenderableType:
    """Pace, money and failures: side by side, or stacked on a narrow terminal."""
    found = [rows for rows in (_pace(snapshot), _money(snapshot), _failures(snapshot)) if rows]
    needed = sum(map(_width_of, found)) + BLOCK_GAP * (len(found) - 1)
    if needed > width:
        return Group(*map(_grid, found))
    table = Table.grid(padding=(0, BLOCK_GAP, 0, 0), expand=False)
    for rows in found:
        table.add_column(vertical="top", min_width=_width_of(rows))
    table.add_row(*map(_grid, found))
    return table


def _width_of(rows: list[tuple[str, str]]) -> int:
    """Terminal cells of a block whose values are not cut."""
    return max(cell_len(label) for label, _ in rows) + 2 + max(cell_len(text) for _, text in rows)


def _grid(rows: list[tuple[str, str]]) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    for label, value in rows:
        grid.add_row(label, value)
    return grid


def _pace(snapshot: Snapshot) -> list[tuple[str, str]]:
    rows = [
        (say("progress.in_flight"), f"{snapshot.in_flight} / {snapshot.limit}"),
        (say("progress.elapsed"), format_duration(snapshot.now - snapshot.started_at)),
    ]
    if snapshot.rate is not None:
        rows.append((say("progress.rate"), f"{snapshot.rate:.1f}"))
    if snapshot.until is not None and snapshot.until_rows is not None:
        clock = datetime.fromtimestamp(snapshot.until).astimezone().strftime("%H:%M")
        low, high = (f"{rows:,}" for rows in snapshot.until_rows)
        rows.append(
            (say("progress.until", clock=clock), say("progress.until_rows", low=low, high=high))
        )
    if snapshot.p50 is not None and snapshot.p95 is not None:
        p95 = f"{snapshot.p95:.{0 if snapshot.p95 >= 10 else 1}f}"
        rows.append((say("progress.seconds"), f"{snapshot.p50:.1f} s / {p95} s"))
    if snapshot.oldest is not None:
        rows.append((say("progress.oldest"), format_duration(snapshot.oldest)))
    return rows


def _money(snapshot: Snapshot) -> list[tuple[str, str]]:
    rows = [(say("progress.cost"), cost_of(snapshot))]
    if snapshot.tokens is not None:
        rows.append((say("progress.tokens"), _short(snapshot.tokens)))
    if snapshot.files:
        rows.append((say("progress.saved"), f"{snapshot.files:,} ({_short(snapshot.bytes)}B)"))
    return rows


def _failures(snapshot: Snapshot) -> list[tuple[str, str]]:
    ordered = sorted(snapshot.failures.items(), key=lambda pair: (-pair[1], pair[0]))
    return [(plain(name, 20), f"{count:,}") for name, count in ordered[:5]]


def _event(event: ProgressEvent, width: int) -> Text:
    at = datetime.fromtimestamp(event.at).astimezone().strftime("%H:%M:%S")
    text = Text.assemble(
        (at, "dim"), " ", (event.mark, MARK_STYLES.get(event.mark, "")),
        f" {say('progress.row', row=event.row)} {plain(event.text, width)}",
    )  # fmt: skip
    text.truncate(width, overflow="ellipsis")
    return text


def _short(number: float) -> str:
    for unit in ("", "k", "M", "G"):
        if number < 1000 or unit == "G":
            return f"{number:.0f} {unit}".strip() if not unit else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("the last unit fits every number")
