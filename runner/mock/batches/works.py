"""Works on the rows of a batch over its time, and writes its result files."""

import asyncio
import math
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from runner.mock.batch_script import BatchScript, Fate
from runner.mock.batches import words
from runner.mock.batches.sold import BatchFiles, Ordered, SoldBatch, Worked

_STEPS = 20  # in which the rows of a batch are worked on
_PARTIAL = (Fate.EXPIRED, Fate.CANCELLED)
_REFUSED = (Fate.FAILED, Fate.QUEUE_FULL)
Answers = Callable[[Ordered, str], Coroutine[Any, Any, Worked]]
"""Answers one row of the batch of that id, and bills it."""


class BatchWorks:
    """The life of each batch, as a task of its own."""

    def __init__(self, plan: BatchScript, files: BatchFiles, answers: Answers, seed: int) -> None:
        self._plan, self._files, self._answers = plan, files, answers
        self._chance = random.Random(seed)  # noqa: S311 - repeatable chance, no secret
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, batch: SoldBatch) -> None:
        """Start the work on a new batch."""
        task = asyncio.get_running_loop().create_task(self._live(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Drop what is not finished."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _live(self, batch: SoldBatch) -> None:
        seconds = self._plan.seconds
        await asyncio.sleep(seconds * 0.1)
        if batch.problems or batch.fate in _REFUSED:
            batch.problems = batch.problems or [words.failure(batch.fate)]
            self._end(batch, "failed")
            return
        batch.state = "working"
        rows = batch.rows
        if batch.fate in _PARTIAL:
            # Google gives nothing out of a batch that expired, and bills nothing
            share = 0.0 if _yields_nothing(batch) else self._plan.done_share
            rows = rows[: math.ceil(len(rows) * share)]
        await self._work(batch, rows)
        if batch.fate is Fate.HANG:
            await batch.cancelled.wait()
        if batch.is_cancelling:
            await asyncio.sleep(self._plan.cancel_seconds)
            self._end(batch, "cancelled")
            return
        batch.state = "finalizing"
        await asyncio.sleep(seconds * 0.05)
        self._end(batch, batch.fate.value if batch.fate in _PARTIAL else "completed")

    async def _work(self, batch: SoldBatch, rows: Sequence[Ordered]) -> None:
        step = max(1, math.ceil(len(rows) / _STEPS))
        for start in range(0, len(rows), step):
            for ordered in rows[start : start + step]:
                if batch.is_cancelling:
                    return
                batch.done.append(await self._answers(ordered, batch.id))
                if len(batch.done) % 25 == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(self._plan.seconds * 0.8 / _STEPS)

    def _end(self, batch: SoldBatch, state: str) -> None:
        outputs, errors = self._lines(batch, state)
        stem = batch.id.rpartition("/")[2]
        if batch.form == "openai":
            self._write(batch, f"file-out-{stem}", outputs)
            self._write(batch, f"file-err-{stem}", errors)
        elif batch.form == "gemini":
            self._write(batch, f"files/batch-{stem}", [*outputs, *errors])
        else:
            batch.result_files = [batch.id]
            self._put(batch.id, [*outputs, *errors])
        batch.ended, batch.state = time.time(), state

    def _write(self, batch: SoldBatch, name: str, lines: list[bytes]) -> None:
        """A file without a line does not exist."""
        if batch.form == "openai":
            batch.result_files.append(name if lines else "")
        elif lines:
            batch.result_files.append(name)
        if lines:
            self._put(name, lines)

    def _put(self, name: str, lines: list[bytes]) -> None:
        path: Path = self._files.path(name)
        path.write_bytes(b"".join(one + b"\n" for one in lines))

    def _lines(self, batch: SoldBatch, state: str) -> tuple[list[bytes], list[bytes]]:
        """The lines of answers and those of errors, with what the plan does to them."""
        plan, form = self._plan, batch.form
        done = list(batch.done)
        if plan.shuffled:
            self._chance.shuffle(done)
        done = done[plan.missing :]
        outputs = [words.line(form, one) for one in done if one.status < 300]
        errors = [words.line(form, one) for one in done if one.status >= 300]
        for at in range(min(plan.cut, len(outputs))):
            outputs[at] = outputs[at][: len(outputs[at]) * 2 // 3]
        again = self._chance.sample(outputs, math.ceil(len(outputs) * plan.twice))
        outputs += again if plan.twice else []
        foreign = plan.foreign if outputs else 0
        outputs += [_foreign(form, number) for number in range(foreign)]
        if state in ("expired", "cancelled"):
            worked = {one.row for one in batch.done}
            errors += self._unworked(batch, worked, state)
        return outputs, errors

    def _unworked(self, batch: SoldBatch, worked: set[str], state: str) -> list[bytes]:
        """Rows that were not worked on. OpenAI's form names only some of them here."""
        left = [row for row in batch.row_ids if row not in worked]
        left = left if batch.form == "anthropic" else left[::2]
        lines = [words.unworked_line(batch.form, row, state) for row in left]
        return [one for one in lines if one is not None]


def _foreign(form: str, number: int) -> bytes:
    return words.line(form, Worked(row=f"request-{number}", status=200, body=b"{}"))


def _yields_nothing(batch: SoldBatch) -> bool:
    return batch.form == "gemini" and batch.fate is Fate.EXPIRED
