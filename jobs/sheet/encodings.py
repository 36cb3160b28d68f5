"""Finds out in which encoding a text file is written."""

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import chardet

from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.sheet.text import LABELS, bad_line_findings, label, nul_findings, physical_lines

SAMPLE = 65_536  # bytes that a guess looks at
CHUNK = 1 << 20

# Longest first: the mark of UTF-32 begins with that of UTF-16.
_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)

# Supersets stand for the narrow names: what calls itself GB2312 or Shift-JIS rarely keeps to it.
_SUPERSETS: dict[str, tuple[str, ...]] = {
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "hz": ("gb18030",),
    "big5": ("cp950", "big5hkscs"),
    "cp950": ("cp950", "big5hkscs"),
    "big5hkscs": ("big5hkscs", "cp950"),
    "shift_jis": ("cp932",),
    "shift_jis_2004": ("cp932", "shift_jis_2004"),
    "euc_jp": ("euc_jp", "euc_jis_2004"),
    "euc_kr": ("cp949",),
    "iso8859-1": ("cp1252",),
    "ascii": ("cp1252",),
    "utf-8": ("utf-8-sig",),
}
_MULTIBYTE = frozenset(LABELS)
# Codecs of Python's own that are no encodings of sheets, or can bring lone surrogates into a text.
_NOT_TEXT = frozenset(
    {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7", "mbcs"}
)
_ASCII = bytes(range(128))
_ESCAPED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """`name` opens the file, `label` is for people; an error among `findings` means it cannot."""

    name: str
    label: str
    findings: tuple[Finding, ...] = ()


def detect(path: Path, *, given: str | None = None) -> Encoding:
    """The encoding of a text file, checked strictly against all of it.

    Marks, then the NUL pattern of UTF-16, then strict UTF-8, then a guess from the lines that
    hold other than ASCII. `given` is the user's word and is only checked. Raises SheetError where
    nothing fits.
    """
    if given is not None:
        return _checked(path, _named(path, given))
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    name = _by_mark(head) or _by_nuls(path, head)
    if name is not None:
        return _checked(path, name)
    if _survey(path, "utf-8") is not None:
        return _checked(path, "utf-8")
    lines = _telling_lines(path)
    if _is_mostly_utf8(b"".join(lines)):
        return _checked(path, "utf-8")
    return _guessed(path, lines)


def _named(path: Path, given: str) -> str:
    try:
        codec = codecs.lookup(given.strip())
        b"a".decode(codec.name)
    except (LookupError, ValueError):
        known = False
    else:
        known = codec.name not in _NOT_TEXT
    if not known:
        finding = Finding(
            kind="unknown_encoding",
            severity="error",
            found=excerpt(given, 40),
            expected="utf-8, gb18030, big5, utf-16, shift_jis, euc-jp, euc-kr or cp1252",
            message="--encoding names no known encoding",
        )
        raise SheetError(path, [finding])
    candidates = _SUPERSETS.get(codec.name, (codec.name,))
    return next((c for c in candidates if _survey(path, c) is not None), candidates[0])


def _by_mark(head: bytes) -> str | None:
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def _by_nuls(path: Path, head: bytes) -> str | None:
    """UTF-16 without a mark, by the NUL beside each space, delimiter and line end.

    Other characters prove nothing: 一 (U+4E00), the commonest of all, is an N the other way round.
    """
    if b"\0" not in head or (head.count(0) * 5 < len(head) and _is_mostly_utf8(head)):
        return None  # ordinary text, perhaps with stray NUL characters
    whole = head[: len(head) // 2 * 2]
    texts = {
        name: whole.decode(name, "replace").removesuffix("\ufffd")
        for name in ("utf-16-le", "utf-16-be")
    }
    marks = {name: sum(map(text.count, '\n\r\t ,;|"')) for name, text in texts.items()}
    best = max(marks, key=lambda name: marks[name])
    if marks[best] < 4 * (sum(marks.values()) - marks[best]) + 1 or "\0" in texts[best][:64]:
        finding = Finding(
            kind="not_text",
            severity="error",
            expected="a text file",
            message="this is not a text file; check that it is the right one,"
            " and save it as CSV UTF-8 or as .xlsx",
        )
        raise SheetError(path, [finding])
    return best


def _is_mostly_utf8(sample: bytes) -> bool:
    """Is three quarters of what is not ASCII valid UTF-8? In other encodings a fifth may be."""
    high = len(sample.translate(None, _ASCII))
    bad = len(_ESCAPED.findall(sample.decode("utf-8", "surrogateescape")))
    return bad * 4 <= high


def _survey(path: Path, name: str) -> bool | None:
    """None: not in this encoding. Else: does the text hold NUL characters?"""
    decoder = codecs.getincrementaldecoder(name)("strict")
    nul = False
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK):
                nul = "\0" in decoder.decode(chunk) or nul
            nul = "\0" in decoder.decode(b"", final=True) or nul
        except UnicodeError:
            return None
    return nul


def _telling_lines(path: Path) -> list[bytes]:
    """The first 64 KiB of lines that are not ASCII, wherever in the file they stand."""
    telling: list[bytes] = []
    size = 0
    for _, line in physical_lines(path):
        if not line.isascii():
            telling.append(line[:SAMPLE])
            size += len(line)
            if size >= SAMPLE:
                break
    return telling


def _guessed(path: Path, lines: list[bytes]) -> Encoding:
    for guess in _votes(lines):
        for name in _SUPERSETS.get(guess, (guess,)):
            if _survey(path, name) is not None or _is_nearly(path, name):
                return _checked(path, name, guessed=True)
    finding = Finding(
        kind="encoding_not_found",
        severity="error",
        message="the encoding of this file could not be found out; name it with --encoding"
        " (for example gb18030), or save the file as CSV UTF-8",
    )
    raise SheetError(path, [finding])


def _votes(lines: list[bytes]) -> list[str]:
    """Codec names, likeliest first: one vote for the whole, one for each of eight parts.

    One damaged line misleads a detector about the whole, not about most parts.
    """
    parts = [lines, *(lines[i::8] for i in range(8))] if len(lines) >= 16 else [lines]
    votes: Counter[str] = Counter()
    for part in parts:
        guess = chardet.detect(
            b"".join(part), encoding_era=chardet.EncodingEra.MODERN_WEB, prefer_superset=True
        )["encoding"]
        if guess is not None and not guess.lower().startswith("utf"):
            votes[codecs.lookup(guess).name] += 1
    return [name for name, _ in votes.most_common()]


def _is_nearly(path: Path, name: str) -> bool:
    """Do nine tenths of the telling lines decode? Only where a lost byte can be told, in CJK."""
    if name not in _MULTIBYTE:
        return False
    good = bad = 0
    for _, line in physical_lines(path):
        if not line.isascii():
            if _decodes(line, name):
                good += 1
            else:
                bad += 1
    return bad * 9 <= good


def _decodes(line: bytes, name: str) -> bool:
    try:
        line.decode(name)
    except UnicodeError:
        return False
    return True


def _checked(path: Path, name: str, *, guessed: bool = False) -> Encoding:
    nul = _survey(path, name)
    findings: list[Finding] = []
    if nul is None:
        findings = bad_line_findings(path, name)
    elif nul:
        findings = nul_findings(path, name)
    if guessed:
        findings.append(
            Finding(
                kind="encoding_guessed",
                severity="note" if name in _MULTIBYTE else "warning",
                found=label(name),
                message="the encoding was guessed; if characters look wrong, name it with"
                " --encoding",
            )
        )
    return Encoding(name=name, label=label(name), findings=tuple(findings))
