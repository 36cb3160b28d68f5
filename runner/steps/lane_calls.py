"""Calls that are bought on a slow lane: how they go out, what they cost, and when they stop."""

import logging
from dataclasses import replace

from jobs.claimed import Claimed
from jobs.outcome import Answered, Finished
from runner.endpoints.fields import InputError
from runner.lanes.lanes import Lanes, on_lane, was_billed_on
from runner.prices.price_list import Price
from runner.protocol.call import Call, Reply
from runner.protocol.lane_rule import FLEX, ONLINE, LaneRule, OnlineRows
from runner.steps.context import RunState
from runner.steps.resolution import Resolution, Signal

MAX_CUT_CALLS = 10  # of a slow lane, before no more are sent

log = logging.getLogger(__name__)


def on_its_lane(job: Claimed, online: OnlineRows) -> Claimed:
    """The job, on the usual lane if this run sends it there whatever it names."""
    goes_online = online is OnlineRows.ALL or (online is OnlineRows.REQUEUED and job.requeued)
    if not goes_online or job.fields.get("lane") in (None, ONLINE):
        return job
    return replace(job, fields={**job.fields, "lane": ONLINE})


class LaneCalls:
    """The slow calls of one run."""

    def __init__(self, lanes: Lanes, state: RunState) -> None:
        self._lanes = lanes
        self._state = state

    def call(self, job: Claimed, call: Call) -> Call:
        """The call as its lane wants it. Raises InputError for a lane that nobody sells."""
        rule = self._rule(job)
        if rule is None:
            expected = "a lane that is known to be sold for this model"
            raise InputError("lane", expected=expected, found=FLEX)
        return on_lane(call, rule, job.endpoint)

    def price(self, job: Claimed, price: Price | None, reply: Reply | None) -> Price | None:
        """The price on the lane that was billed, which need not be the one that was asked for."""
        rule = self._rule(job)
        if rule is None or reply is None or price is None:
            return price
        if was_billed_on(rule, reply):
            return replace(price, amount=price.amount * rule.factor)
        return price

    def marked(self, job: Claimed, found: Resolution, reply: Reply) -> Resolution:
        """The resolution with the lane that was billed in its result's data."""
        rule, outcome = self._rule(job), found.outcome
        if rule is None or outcome.result is None or not isinstance(outcome, Finished | Answered):
            return found
        lane = FLEX if was_billed_on(rule, reply) else ONLINE
        if lane == ONLINE:
            self._missed(job)
        result = replace(outcome.result, data={**outcome.result.data, "lane": lane})
        return replace(found, outcome=replace(outcome, result=result))

    def cut(self, found: Resolution) -> Resolution:
        """After several calls were cut, the line is not made for such waits, and the run stops."""
        self._state.cut_on_lane += 1
        too_many = self._state.cut_on_lane >= MAX_CUT_CALLS
        return replace(found, signal=Signal.LANE) if too_many else found

    def _missed(self, job: Claimed) -> None:
        self._state.missed_lane += 1
        if self._state.missed_lane == 1:
            log.warning("row %s was billed online: the answer does not say flex", job.row)

    def _rule(self, job: Claimed) -> LaneRule | None:
        return self._lanes.rule(FLEX, job.endpoint, job.model)
