"""The keys of a provider by account: which call uses which key, and when it may start."""

import math
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from jobs.claimed import Claimed
from runner.pacing.backoff import Wait
from runner.pacing.model_limits import ModelLimits
from runner.pacing.pace import Pace
from runner.pacing.rate_window import Limits
from runner.protocol.call import Call, Delivery
from runner.transport.client import GatewayClient


@dataclass(slots=True, kw_only=True, eq=False)
class KeyLine:
    """One key and its connections. `name` identifies it and reveals nothing of the key."""

    name: str
    wire: GatewayClient
    mark: str = ""  # tells hosts that have the same key, by a hash that only their database knows
    good_until: float = 0.0  # until when a probe counts that accepted the key; monotonic


@dataclass(slots=True, kw_only=True, eq=False)
class Account:
    """Keys that share limits: a "slow down" to one of them quiets all."""

    label: str
    pace: Pace
    lines: list[KeyLine]
    turn: int = 0
    models: ModelLimits = field(default_factory=ModelLimits)

    def next_line(self) -> KeyLine:
        """Its keys, one after the other."""
        self.turn += 1
        return self.lines[self.turn % len(self.lines)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """One call on its way."""

    account: Account
    line: KeyLine
    row: int
    started: float  # monotonic, when it was admitted
    deadline: list[float] = field(default_factory=list)  # Unix seconds, once it is sent


Whose = Callable[[int], Awaitable[str | None]]
"""The label of the account that a call of an earlier run went out with."""


class Accounts:
    """All accounts of one provider: they admit calls, and send them."""

    def __init__(self, accounts: Iterable[Account], whose: Whose) -> None:
        self.accounts = list(accounts)
        self._whose = whose
        self._chosen = self.accounts[0]
        self._flights: dict[str, Flight] = {}

    # --- the gate -------------------------------------------------------------------------------

    @property
    def label(self) -> str:
        """The account of the calls admitted last."""
        return self._chosen.label

    def admit(self, wanted: int) -> int:
        """How many of `wanted` calls may start now, all of the least busy account."""
        for account in sorted(self.accounts, key=lambda one: one.pace.in_flight):
            number = account.pace.admit(wanted)
            if number:
                self._chosen = account
                return number
        return 0

    def give_back(self, unused: int) -> None:
        """So many of the calls admitted last never began."""
        self._chosen.pace.give_back(unused)

    def began(self, job: Claimed) -> None:
        """One of the calls admitted last begins."""
        account = self._chosen
        self._flights[job.call_key] = Flight(
            account=account, line=account.next_line(), row=job.row, started=time.monotonic()
        )
        account.models.began(job.model)

    def ended(self, job: Claimed) -> None:
        """A call is over, whatever came of it."""
        flight = self._flights.pop(job.call_key, None)
        if flight is not None:
            flight.account.pace.ended(flight.started)
            flight.account.models.ended(job.model, time.monotonic())

    def next_at(self) -> float:
        """When it is worth trying again; inf: when something happens."""
        return min(account.pace.next_at() for account in self.accounts)

    def renew(self) -> None:
        """Do not reuse connections that are idle now."""
        for account in self.accounts:
            for line in account.lines:
                line.wire.drop_idle_connections()

    # --- what came of calls ---------------------------------------------------------------------

    def slowed(self, job: Claimed, wait: Wait, reason: str, words: str = "") -> tuple[float, bool]:
        """The account of this call was told to slow down.

        Returns how long it is quiet, and whether that is news: calls that were in flight together
        are refused together.
        """
        flight = self._flights.get(job.call_key)
        if flight is None:  # a question after a task: it has no pace of its own
            self._chosen.pace.pause(wait.seconds, reason)
            return wait.seconds, False
        models, now = flight.account.models, time.monotonic()
        if models.refused(job.model, now, flight.started, wait.seconds):
            return 0.0, False
        return flight.account.pace.slowed(wait, reason, started=flight.started, words=words)

    def is_refused_in_a_row(self, job: Claimed) -> bool:
        """True if the last call of this call's account was told to slow down, too."""
        flight = self._flights.get(job.call_key)
        return flight is None or flight.account.pace.refusals > 0

    def began_at(self, job: Claimed) -> float:
        """When a call in flight began; monotonic."""
        flight = self._flights.get(job.call_key)
        return flight.started if flight is not None else -math.inf

    def went_through(self, job: Claimed, tokens: int | None) -> None:
        """The gateway processed this call, whatever it answered."""
        flight = self._flights.get(job.call_key)
        if flight is not None:
            flight.account.pace.succeeded(flight.started)
            flight.account.models.accepted(job.model, flight.started)
            if tokens is not None:
                flight.account.pace.used(tokens)

    def line_of(self, job: Claimed) -> KeyLine | None:
        """The key that a call in flight went out with."""
        flight = self._flights.get(job.call_key)
        return flight.line if flight is not None else None

    def account_of(self, job: Claimed) -> Account | None:
        """The account that a call in flight went out with."""
        flight = self._flights.get(job.call_key)
        return flight.account if flight is not None else None

    def drop(self, line: KeyLine) -> bool:
        """Stop using this key. False if there is no other."""
        for account in self.accounts:
            if line in account.lines and len(account.lines) > 1:
                account.lines.remove(line)
                return True
        others = [account for account in self.accounts if line not in account.lines]
        if not others:
            return False
        self.accounts = others
        return True

    def lines_marked(self, mark: str) -> list[KeyLine]:
        """The lines of the key with this mark."""
        lines = [line for account in self.accounts for line in account.lines]
        return [line for line in lines if mark and line.mark == mark]

    @property
    def models(self) -> ModelLimits:
        """Those of the account of the calls admitted last."""
        return self._chosen.models

    # --- limits -----------------------------------------------------------------------------------

    @property
    def window(self) -> int:
        """How many calls may be in flight at the moment."""
        return sum(account.pace.window for account in self.accounts)

    # --- all of them ----------------------------------------------------------------------------

    def hold(self, who: str) -> None:
        """Start no call until the same holder releases it."""
        for account in self.accounts:
            account.pace.holds.add(who)

    def unhold(self, who: str) -> None:
        """Release a hold; pauses go on."""
        for account in self.accounts:
            account.pace.holds.discard(who)

    def release(self, who: str, *, carefully: float | None = None) -> None:
        """Calls start again; `carefully`: in so many seconds, one at a time until one is good."""
        for account in self.accounts:
            pace = account.pace
            pace.holds.discard(who)
            pace.resume()
            if carefully is not None:
                pace.one_at_a_time()
                pace.pause(carefully, who)

    def retune(self, limits: Limits) -> None:
        """New limits for each account."""
        for account in self.accounts:
            account.pace.retune(limits)

    def last_calls(self) -> list[tuple[int, float]]:
        """The rows of the calls in flight, each with the moment (Unix) it is given up."""
        flights = self._flights.values()
        return sorted((one.row, one.deadline[0]) for one in flights if one.deadline)

    # --- the wire -------------------------------------------------------------------------------

    @property
    def first(self) -> KeyLine:
        """The key for questions to the gateway itself."""
        return self.accounts[0].lines[0]

    def line_labelled(self, label: str) -> KeyLine | None:
        """A key of this account; None if this host has none."""
        found = next((one for one in self.accounts if one.label == label), None)
        return None if found is None else found.lines[0]

    async def send(self, call: Call, *, key: str = "", after_call: int | None = None) -> Delivery:
        """Send a call that began; one without a call key uses the first key.

        One that goes on from an earlier call uses a key of that call's account.
        """
        flight = self._flights.get(key)
        if flight is None:
            return await self.first.wire.send(call, key=key)
        flight.deadline.append(time.time() + call.timeout)
        wire = flight.line.wire
        if after_call is not None and len(self.accounts) > 1:
            wire = await self.wire_of(after_call)
        return await wire.send(call, key=key)

    async def ask(self, call: Call, submitted_by: int) -> Delivery:
        """Ask after a task with a key of the account that submitted it."""
        return await (await self.wire_of(submitted_by)).send(call)

    async def wire_of(self, submitted_by: int) -> GatewayClient:
        """The wire with a key of the account that sent this call."""
        if len(self.accounts) == 1:
            return self.first.wire
        label = await self._whose(submitted_by)
        found = next((one for one in self.accounts if one.label == label), self.accounts[0])
        return found.lines[0].wire
