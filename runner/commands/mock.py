"""`rowmill mock`: runs the built-in mock gateway by itself, until Ctrl-C."""

import asyncio
import os
import sys
from dataclasses import replace

from runner.catalogue import say
from runner.catalogue.phrases import phrase
from runner.console import options
from runner.console.screen import print_data, print_message
from runner.exits import Refusal
from runner.mock.account_info import PRICING
from runner.mock.batch_script import NAMED_SCRIPTS
from runner.mock.faults import FaultPlan, PlanName
from runner.mock.gateway import MockGateway
from runner.mock.settings import MockSettings


def _mock() -> None:
    chosen = options.settings()
    plan: PlanName = chosen.faults  # type: ignore[assignment]  # one of the schema's choices
    settings = MockSettings(
        port=chosen.port,
        latency=chosen.latency,
        faults=FaultPlan.named(plan),
        batches=replace(NAMED_SCRIPTS[plan], seconds=chosen.batch_seconds),
        pricing=PRICING,
    )
    try:
        asyncio.run(_serve(settings))
    except OSError as error:
        # asyncio replaces the system's words in strerror.
        why = phrase(os.strerror(error.errno)) if error.errno else type(error).__name__
        message = say("mock.port_taken", port=chosen.port, reason=why)
        raise Refusal(message) from error


async def _serve(settings: MockSettings) -> None:
    async with MockGateway(settings) as gateway:
        print_data(say("mock.listening", url=gateway.base_url))
        sys.stdout.flush()  # a script waits for this line in a pipe
        print_message(say("mock.try", url=gateway.base_url))
        print_message(say("mock.stop"))
        await asyncio.Event().wait()


command = options.command(
    "mock",
    examples=("rowmill mock", "rowmill mock --port 0 --latency 2 --faults some"),
)(_mock)
