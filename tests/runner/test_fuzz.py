"""Garbage input raises nothing, loses nothing and hangs nothing."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.claimed import Claimed
from jobs.job import Step
from jobs.outcome import Answered, Finished, Outcome
from jobs.sheet.finding import SheetError
from jobs.sheet.reader import open_sheet
from runner.endpoints.endpoint import AnyEndpoint
from runner.endpoints.registry import ENDPOINTS
from runner.protocol.call import Reply
from runner.protocol.verdict import classify
from runner.steps.resolution import JobContext, Rules
from runner.steps.resolve import resolve
from runner.steps.resolve_poll import resolve_poll
from tests.runner.endpoints.test_conformance import CASES, inputs_of

ODD = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"{", b"[" * 2000, b'"', b"\\u0000",
    b"NaN", b"1" * 5000, b"null", b"\r", b"\n\n", b"data: ", b"[DONE]", b"\xe2\x80\xa8", b"-0",
    b"1e999", b"true", b'{"error":1}', b"<html>", b",,", b"\t", b"=cmd|' /C calc'!A0", b"\x1b[2J",
)  # fmt: skip


def spoiled(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one to four random changes."""
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0:
                data = data[:at]
            case 1:
                data = data[:at] + chance.choice(ODD) + data[at:]
            case 2 if at < len(data):
                data = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
            case 3:
                end = min(len(data), at + chance.randrange(200))
                data = data[:end] + data[at:end] + data[end:]
            case 4:
                data = data[:at] + data[at + chance.randrange(50) :]
            case _:
                other = chance.randrange(len(data) + 1)
                data = data[min(at, other) :] + data[: min(at, other)]
    return data


def samples() -> list[tuple[str, dict[str, Any], bytes, bool]]:
    """Endpoint, inputs and body of every answer in the cases, and whether it is a stream."""
    found = []
    for param in CASES:
        kind: AnyEndpoint = param.values[0]  # type: ignore[assignment]  # as CASES is built
        case: dict[str, Any] = param.values[1]  # type: ignore[assignment]  # as above
        reply = case.get("reply")
        if not isinstance(reply, dict) or reply.get("status", 200) != 200:
            continue
        if "events" in reply:
            lines = (
                one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)
                for one in reply["events"]
            )
            body = "".join(f"data: {line}\n\n" for line in lines).encode()
        elif "json" in reply:
            body = json.dumps(reply["json"], ensure_ascii=False).encode()
        else:
            body = str(reply.get("text", "")).encode("utf-8", "surrogatepass")
        found.append(
            (
                kind.name,
                {**kind.example, "model": "m", **case.get("inputs", {})},
                body,
                "events" in reply,
            )
        )
    return found


def job_of(endpoint: str, step: Step = Step.SEND) -> Claimed:
    return Claimed(
        id=1, row=2, endpoint=endpoint, model="m", fields={"prompt": "x"}, step=step, version=1,
        epoch=1, attempts=0, repeats=0, rank=0, stream=False, ticket="1", deadline=None, call_id=1,
        call_key="k",
    )  # fmt: skip


def outcome_of(name: str, inputs: object, reply: Reply) -> Outcome:
    """The outcome of a reply for one row."""
    context = JobContext(job=job_of(name), endpoint=ENDPOINTS[name], rules=Rules(), inputs=inputs)
    return resolve([context], reply)[0].outcome


def answers_read(count: int, *, streams: bool, seed: int) -> int:
    """Judge and read so many spoiled answers; returns how many were still results."""
    chance = random.Random(seed)
    known = [one for one in samples() if one[3] is streams]
    media = "text/event-stream" if streams else "application/json"
    good = 0
    for _ in range(count):
        name, cells, body, _ = chance.choice(known)
        kind = ENDPOINTS[name]
        status = chance.choice((200, 200, 200, 200, 400, 429, 500, 503))
        spoilt = spoiled(body, chance)
        reply = Reply(status=status, headers={"content-type": media}, body=spoilt)
        classify(reply)
        outcome = outcome_of(name, inputs_of(kind, cells), reply)
        good += isinstance(outcome, Finished | Answered)
        if kind.read_poll is not None:
            polled = job_of(name, Step.POLL)
            rules, row = Rules(), inputs_of(kind, cells)
            resolve_poll(JobContext(job=polled, endpoint=kind, rules=rules, inputs=row), reply)
    return good


def test_no_answer_raises_whatever_its_bytes() -> None:
    good = answers_read(1000, streams=False, seed=1)
    print(f"1,000 answers, {good} still results")
    assert 0 < good < 1000


def test_no_stream_raises_and_a_cut_one_is_never_a_result() -> None:
    good = answers_read(600, streams=True, seed=2)
    print(f"600 streams, {good} still results")
    for name, cells, body, _ in (one for one in samples() if one[3]):
        kind = ENDPOINTS[name]
        for share in (0.2, 0.5, 0.8):
            reply = Reply(
                status=200,
                headers={"content-type": "text/event-stream"},
                body=body[: int(len(body) * share)],
            )
            whole = Reply(status=200, headers=reply.headers, body=body)
            inputs = inputs_of(kind, cells)
            cut = outcome_of(name, inputs, reply)
            full = outcome_of(name, inputs, whole)
            if isinstance(full, Finished) and b'finish_reason": "' not in reply.body:
                assert not isinstance(cut, Finished), (name, share)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ten_thousand_answers_raise_nothing() -> None:
    good = answers_read(6000, streams=False, seed=3) + answers_read(4000, streams=True, seed=4)
    print(f"10,000 answers, {good} still results")


# --- sheets ---------------------------------------------------------------------------------------

SHEETS = {
    "a.csv": 'id,prompt,note\n007,"a ""lamp"", red",\n8,猫,"two\nlines"\n9,,x\n'.encode(),
    "a.tsv": 'prompt\tn\na "b" c\t1\n猫\t2\n'.encode("utf-16"),
    "b.csv": "编号;提示词\n1;红色的灯\n2;猫在窗前\n".encode("gb18030"),
    "a.txt": "one prompt\n另一个\n".encode(),
    "a.jsonl": '{"prompt": "猫", "n": 1}\n{"prompt": null, "x": [1, {"y": 2}]}\n'.encode(),
    "a.json": b'[{"prompt": "a"}, {"prompt": "b", "n": 1e3}]',
}


def sheets(folder: Path, count: int, seed: int) -> Iterator[Path]:
    """So many spoiled sheets, one after the other."""
    chance = random.Random(seed)
    books = [Path("samples/主图.xlsx").read_bytes()]
    known = [*SHEETS.items(), *(("book.xlsx", book) for book in books)]
    for number in range(count):
        name, data = chance.choice(known)
        path = folder / f"{number}-{name}"
        path.write_bytes(spoiled(data, chance))
        yield path
        path.unlink()


def sheets_read(folder: Path, count: int, seed: int) -> tuple[int, int]:
    """Read them; returns how many had rows, and how many were refused plainly."""
    read = refused = 0
    for path in sheets(folder, count, seed):
        try:
            sheet = open_sheet(path)
            before = -1
            for number, _ in sheet.rows():
                assert number > before, "rows come in their order"
                before = number
            read += 1
        except SheetError:
            refused += 1
    return read, refused


def test_no_sheet_raises_anything_but_a_refusal(tmp_path: Path) -> None:
    read, refused = sheets_read(tmp_path, 600, 5)
    print(f"600 sheets: {read} read, {refused} refused")
    assert read
    assert refused


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(4))
def test_twenty_thousand_sheets_raise_nothing(seed: int, tmp_path: Path) -> None:
    read, refused = sheets_read(tmp_path, 5000, 100 + seed)
    print(f"5,000 sheets: {read} read, {refused} refused")
