"""Encoding detection on sheets in 17 languages: right, or wrong with a warning."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.sheet.finding import SheetError
from jobs.sheet.reader import open_sheet
from jobs.sheet.text.decode import open_text
from jobs.sheet.text.encodings import detect
from runner.catalogue.findings import finding_text
from tests.support.encoding_corpus import TONGUES, Sample, samples


def verdict(path: Path, sample: Sample) -> str:
    """`right`, `refused`, or `wrong` with or without a warning."""
    path.write_bytes(sample.raw)
    try:
        found = detect(path)
    except SheetError:
        return "refused"
    severities = {finding.severity for finding in found.findings}
    if "error" in severities:
        return "refused"
    with open_text(path, found.name) as stream:
        if stream.read() == sample.text:
            return "right"
    return "warned" if "warning" in severities else "silently wrong"


def test_99_of_100_sheets_in_17_languages_are_right_and_none_is_silently_wrong(
    tmp_path: Path,
) -> None:
    found = Counter(verdict(tmp_path / "sheet.csv", sample) for sample in samples())
    assert sum(found.values()) > 800
    assert found["right"] >= 0.99 * sum(found.values()), found
    assert found["silently wrong"] == 0


def short_samples(encoding: str, words_in: str) -> Iterator[Sample]:
    characters = [one for one in words_in if not one.isascii() and one.isalpha()]
    for size in (1, 2, 3, 4, 6, 8):
        for start in range(0, len(characters) - size, 5):
            text = f"id,prompt\n1,{''.join(characters[start : start + size])}\n2,a plain cat\n"
            yield Sample(name="short", text=text, raw=text.encode(encoding))


@pytest.mark.parametrize(
    ("tongue", "encoding"),
    [(name, encoding) for name, one in TONGUES.items() for encoding in one.encodings],
)
def test_one_short_word_among_english_is_right_or_told(
    tmp_path: Path, tongue: str, encoding: str
) -> None:
    text = "".join(TONGUES[tongue].prompts)
    found = Counter(verdict(tmp_path / "a.csv", one) for one in short_samples(encoding, text))
    # Three letters of Thai or Czech can also be one rare UTF-8 character: no detection can know.
    assert found["silently wrong"] <= 0.03 * sum(found.values()), found


def test_gbk_that_is_also_utf8_is_told_with_both_readings(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes("id,prompt\n1,cat\n2,猫\n".encode("gbk"))
    (finding,) = [one for one in open_sheet(path).findings if one.kind == "encoding_doubtful"]
    assert finding_text(finding).found == '"è", which may be "猫"'
    assert "line 3" in finding_text(finding).message
    assert list(open_sheet(path, encoding="gb18030").rows())[1] == (3, ["2", "猫"])


@pytest.mark.parametrize("text", ["crème brûlée", "25° C", "niño", "© 2026", "größer", "naïve"])
def test_ordinary_accents_raise_no_doubt(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(f"id,prompt\n1,{text}\n", encoding="utf-8")
    assert open_sheet(path).findings == []


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "big5", "cp932", "cp949"])
def test_a_file_cut_in_a_character_is_told(tmp_path: Path, encoding: str, size: int) -> None:
    tongue = {"gb18030": "zh-Hans", "big5": "zh-Hant", "cp932": "ja", "cp949": "ko"}
    one = TONGUES[tongue.get(encoding, "zh-Hans")]
    raw = "\n".join(["prompt,style", *one.prompts * 5]).encode(encoding)
    whole = "\n".join(["prompt,style", *one.prompts * 5])
    path = tmp_path / "sheet.csv"
    path.write_bytes(raw[:-size])
    try:
        found = detect(path)
    except SheetError:
        return
    if not [finding for finding in found.findings if finding.severity == "error"]:
        with open_text(path, found.name) as stream:
            assert whole.startswith(stream.read()), "cut between characters, or told"


def long_sheet(path: Path, row: bytes, bad: bytes) -> Path:
    lines = [b"id,prompt", *(b"%d,%s" % (number, row) for number in range(2, 100_001))]
    lines[89_999] = b"90000," + bad
    path.write_bytes(b"\n".join(lines))
    return path


def test_one_bad_byte_in_row_90000_is_named_and_nothing_is_read(tmp_path: Path) -> None:
    path = long_sheet(tmp_path / "a.csv", "一只安静的猫".encode(), "安静".encode() + b"\xff cat")
    with pytest.raises(SheetError) as caught:
        open_sheet(path)
    (finding,) = caught.value.findings
    assert finding.kind == "undecodable_line"
    assert "line 90,000" in finding_text(finding).message
    assert finding_text(finding).found == "the bytes ff"


def test_one_strange_byte_among_ascii_is_named_by_its_line(tmp_path: Path) -> None:
    path = long_sheet(tmp_path / "a.csv", b"a quiet cat on a mat", b"a qui\xffet cat")
    (finding,) = open_sheet(path).findings
    assert (finding.kind, finding.severity) == ("encoding_unsure", "warning")
    assert "line 90,000" in finding_text(finding).message
    assert "a quiÿet cat" in finding.found
