"""A big answer is kept on the target, or in the table where that cannot be used."""

import gzip
import os
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.store.answers import StoredAnswer
from runner.protocol.call import Reply
from runner.workspace.answers import MAX_INLINE_BYTES, AnswerFolder, digest_of
from runner.workspace.target import open_target

CALL = 7
BIG = Reply(status=200, headers={}, body=os.urandom(MAX_INLINE_BYTES + 1))


def on_target(tmp_path: Path) -> tuple[AnswerFolder, Path]:
    """A folder of answers with a target, and that target's own folder."""
    share = tmp_path / "share"
    return AnswerFolder(path=tmp_path / "answers", target=open_target(str(share))), share


def stored() -> StoredAnswer:
    """The table's part of the big answer."""
    return StoredAnswer(
        call_id=CALL,
        status=200,
        headers={},
        body=None,
        size=len(BIG.body),
        digest=digest_of(BIG.body),
        complete=True,
    )


def test_a_big_answer_lies_on_the_target_only(tmp_path: Path) -> None:
    folder, share = on_target(tmp_path)
    kept = folder.keep(CALL, BIG)
    assert (kept.coding, kept.body) == ("file", b"")
    assert folder.keep(CALL, BIG) == kept, "again, as after a death"
    assert not (tmp_path / "answers").exists()
    assert folder.load(stored()).body == BIG.body
    folder.drop(CALL)
    assert not list((share / "answers").iterdir())


def test_a_target_that_cannot_be_written_leaves_the_answer_to_the_table(tmp_path: Path) -> None:
    folder, share = on_target(tmp_path)
    share.write_text("no folder")
    kept = folder.keep(CALL, BIG)
    assert (kept.coding, kept.body) == ("raw", BIG.body)


def test_another_answer_under_the_name_is_not_replaced(tmp_path: Path) -> None:
    folder, share = on_target(tmp_path)
    other = gzip.compress(b"another sheet's")
    (share / "answers").mkdir(parents=True)
    (share / "answers" / f"{CALL}.gz").write_bytes(other)
    kept = folder.keep(CALL, BIG)
    assert (kept.coding, kept.body) == ("raw", BIG.body)
    assert (share / "answers" / f"{CALL}.gz").read_bytes() == other


@pytest.mark.parametrize("damage", [b"", b"no gzip", gzip.compress(bytes(len(BIG.body)))])
def test_a_damaged_answer_is_never_read_as_one(tmp_path: Path, damage: bytes) -> None:
    folder, share = on_target(tmp_path)
    folder.keep(CALL, BIG)
    (share / "answers" / f"{CALL}.gz").write_bytes(damage)
    with pytest.raises(OSError, match=str(CALL)):
        folder.load(stored())


def test_an_answer_that_unpacks_to_far_more_is_not_unpacked(tmp_path: Path) -> None:
    folder, share = on_target(tmp_path)
    folder.keep(CALL, BIG)
    (share / "answers" / f"{CALL}.gz").write_bytes(gzip.compress(bytes(1 << 28)))
    with pytest.raises(OSError, match=str(CALL)):
        folder.load(stored())


def test_without_a_target_a_shared_table_keeps_big_answers(tmp_path: Path) -> None:
    folder = replace(on_target(tmp_path)[0], target=None, all_in_table=True)
    assert folder.keep(CALL, BIG).body == BIG.body
    assert not (tmp_path / "answers").exists()
