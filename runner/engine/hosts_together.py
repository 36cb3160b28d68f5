"""What one host of a shared run does each second, so that all hosts act as one."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from jobs.claimed import Holding
from jobs.store.log import RunEvent
from jobs.store.run_findings import ended_share, has_good_answer, obey
from jobs.store.run_money import count_money
from jobs.store.writer import TableWriter
from runner.engine.dispatcher import Dispatcher
from runner.engine.run_events import apply
from runner.engine.stop import Stop, StopReason
from runner.pacing.rate_window import Limits
from runner.settings.schema import StopIf


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRun:
    """A run that this process opened or joined as one of its hosts."""

    holding: Holding
    starts: bool  # this host opened it: it chooses the rows for all
    until_at: float | None = None  # when the run stops; Unix seconds
    rule: StopIf | None = None  # the user's `stop_if`
    chosen_only: bool = False  # the run takes only rows that it has selected
    at_once: int | None = None  # calls that an account allows to all hosts together
    has_cap: bool = False


class HostsTogether:
    """Reads what other hosts found out, and asks the table what no host can know alone."""

    def __init__(
        self,
        run: SharedRun,
        writer: TableWriter,
        dispatcher: Dispatcher,
        *,
        live: Callable[[], int],
    ) -> None:
        self._run = run
        self._writer = writer
        self._dispatcher = dispatcher
        self._live = live
        self._knows_good = False

    @property
    def starts(self) -> bool:
        """True on the host that opened the run: what is said once is said by it."""
        return self._run.starts

    @property
    def until_at(self) -> float | None:
        """When the run stops (Unix seconds)."""
        return self._run.until_at

    def learn(self, event: RunEvent) -> None:
        """Another host found something out."""
        supervisor, control = self._dispatcher.supervisor, self._dispatcher.control
        apply(event, supervisor, control, now=self._writer.now())

    def obeyed(self, event: RunEvent) -> None:
        """This host follows an order; a new cap makes it count what the run spends."""
        writer, run_id = self._writer, self._run.holding.run_id

        async def written() -> None:
            if "max_cost" in event.data:
                await writer.do(lambda tx: count_money(tx, run_id, writer.holding.sheet_id))
            await writer.do(lambda tx: obey(tx, writer.holding.owner, event.id))

        self._dispatcher.control.do_beside(written())

    async def look(self) -> None:
        """Ask for what all hosts know together: a first good answer, and the share of failures."""
        run_id = self._run.holding.run_id
        if not self._knows_good:
            self._knows_good = await self._writer.do(lambda tx: has_good_answer(tx, run_id))
            if self._knows_good:
                self._dispatcher.supervisor.elsewhere.good()
        rule = self._run.rule
        if rule is None or self._dispatcher.stop is not None:
            return
        failed, ended = await self._writer.do(
            lambda tx: ended_share(tx, run_id, window=rule.window)
        )
        if ended >= rule.window and 100 * failed > rule.percent * ended:
            self._dispatcher.control.halt(Stop(reason=StopReason.RULE))

    def part_of(self, limits: Limits) -> Limits:
        """This host's part of what an account allows at once to all of them."""
        return divided(limits, self._run.at_once, hosts=self._live())


def divided(limits: Limits, at_once: int | None, *, hosts: int) -> Limits:
    """The limits of one of so many hosts; each may send at least one call at a time."""
    if at_once is None:
        return limits
    part = max(1, at_once // max(hosts, 1))
    return replace(limits, in_flight=min(limits.in_flight, part))
