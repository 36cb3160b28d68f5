"""Buys provider batches from a mock with the forms and the transport of the product alone."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.job import Failure
from runner.endpoints.registry import ENDPOINTS
from runner.lanes.batch_offers import batch_offer, form_of
from runner.lanes.batch_transfer import fetch_results
from runner.lanes.batch_wire import (
    BatchForm,
    BatchLine,
    BatchOrder,
    PackedLines,
    RemoteBatch,
    row_id,
)
from runner.mock.batch_script import BatchScript
from runner.mock.gateway import MockGateway
from runner.mock.settings import MockSettings
from runner.protocol.call import Call, Delivery, Reply
from runner.protocol.lane_rule import LaneRule
from runner.transport.client import GatewayClient
from tests.runner.endpoints.test_conformance import inputs_of
from tests.support.wired import wired

ENDPOINT_OF = {
    "openai": "chat",
    "anthropic": "messages",
    "gemini": "gemini",
    "openrouter": "chat",
}
"""The endpoint whose rows are bought in each form."""
FORMS = tuple(ENDPOINT_OF)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchBuyer:
    """One mock, and a client of it that speaks one form."""

    gateway: MockGateway
    wire: GatewayClient
    form: BatchForm
    endpoint: str
    folder: Path

    def packed(self, prompts: Sequence[str], **cells: Any) -> PackedLines:
        """The lines of these prompts, whose row numbers count from 1."""
        endpoint = ENDPOINTS[self.endpoint]
        lines = list[bytes]()
        for number, prompt in enumerate(prompts, start=1):
            fields = {**endpoint.example, "model": "mock-text", **cells, "prompt": prompt}
            call = endpoint.build(inputs_of(endpoint, fields))
            line = self.form.line(row_id(number), call, str(fields["model"]))
            assert isinstance(line, bytes), line
            lines.append(line)
        content = self.form.separator.join(lines)
        path = self.folder / "lines"
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        return PackedLines(path=path, size=len(content), rows=len(lines), digest=digest)

    async def sent(self, call: Call) -> Delivery:
        return await self.wire.send(call)

    async def reply(self, call: Call) -> Reply:
        found = await self.wire.send(call)
        assert isinstance(found, Reply), found
        return found

    async def order(self, lines: PackedLines, model: str = "mock-text") -> BatchOrder:
        """The order of these lines, uploaded where the form uploads."""
        url = next(iter(self.form.offer.urls.values()), "")
        upload = self.form.upload(lines)
        if upload is None:
            return BatchOrder(lines=lines, model=model, url=url)
        name = self.form.read_upload(await self.reply(upload))
        assert isinstance(name, str), name
        return BatchOrder(lines=lines, model=model, url=url, input_file=name)

    async def created(self, lines: PackedLines, model: str = "mock-text") -> RemoteBatch:
        order = await self.order(lines, model)
        return batch_in(self.form, await self.reply(self.form.create(order)))

    async def asked(self, name: str) -> RemoteBatch:
        return batch_in(self.form, await self.reply(self.form.ask(name)))

    async def ended(self, name: str) -> RemoteBatch:
        """The batch in its final state, within half a minute."""
        for _ in range(600):
            found = await self.asked(name)
            if found.state.is_final:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"still {found.word}")

    async def listed(self) -> list[RemoteBatch]:
        """All batches, page after page."""
        found, cursor = list[RemoteBatch](), ""
        while True:
            page = self.form.read_listing(await self.reply(self.form.listing(cursor)))
            assert not isinstance(page, Failure), page
            found += page.batches
            cursor = page.cursor
            if not cursor:
                return found

    async def fetched(self, batch: RemoteBatch) -> list[BatchLine]:
        """Every line of all result files."""
        found = list[BatchLine]()
        for number, file in enumerate(batch.result_files):
            target = self.folder / f"results-{number}"
            reply = await fetch_results(self.wire, self.form, file, target)
            assert isinstance(reply, Reply), reply
            assert reply.status == 200, reply.body
            found += map(self.form.read_line, target.read_bytes().splitlines())
        return found


def batch_in(form: BatchForm, reply: Reply) -> RemoteBatch:
    found = form.read_batch(reply)
    assert isinstance(found, RemoteBatch), (found, reply.body)
    return found


def offered(form: str, **own: Any) -> LaneRule:
    return LaneRule(name="batch", form=form, **own)


@asynccontextmanager
async def buying(
    folder: Path, form: str, *, endpoint: str = "", script: BatchScript | None = None, **mock: Any
) -> AsyncIterator[BatchBuyer]:
    endpoint = endpoint or ENDPOINT_OF[form]
    settings = MockSettings(batches=script or BatchScript(seconds=0.2), **mock)
    async with MockGateway(settings) as gateway, wired(gateway.base_url) as wire:
        offer = batch_offer("", offered(form), endpoint, "mock-text")
        assert offer is not None
        yield BatchBuyer(
            gateway=gateway, wire=wire, form=form_of(offer), endpoint=endpoint, folder=folder
        )


def told(reply: Reply) -> Any:
    return json.loads(reply.body)
