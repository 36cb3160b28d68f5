"""Brings a result file of a provider batch onto the disk, as lines, whole or not at all."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from jobs.filesystem import flush, flush_folder
from jobs.job import Failure
from runner.lanes.batch_wire import BatchForm
from runner.protocol.call import Delivery, Reply
from runner.transport.client import GatewayClient


async def fetch_results(
    client: GatewayClient, form: BatchForm, file: str, target: Path
) -> Delivery | Failure:
    """Save a result file's lines at `target`; a reply with 2xx means that it is there.

    Its body is not in memory, whatever its size. A file that comes in pages is asked for page by
    page. Raises OSError if the disk takes no more.
    """
    if not form.has_pages:
        return await client.save(form.content(file), target)
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    asked, seen = file, {file}
    while True:
        reply = await client.send(form.content(asked))
        if not isinstance(reply, Reply) or not 200 <= reply.status < 300:
            return reply
        page = form.read_page(reply)
        if isinstance(page, Failure):
            return page
        await asyncio.to_thread(_append, part, page.lines)
        asked = f"{file}?{page.cursor}"
        if not page.cursor or asked in seen:
            break
        seen.add(asked)
    await asyncio.to_thread(_put_in_place, part, target)
    return reply


def _append(part: Path, lines: Sequence[bytes]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(part, flags | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(descriptor, "ab") as file:
        for line in lines:
            file.write(line + b"\n")
        file.flush()
        flush(file.fileno())


def _put_in_place(part: Path, target: Path) -> None:
    part.replace(target)
    flush_folder(target.parent)
