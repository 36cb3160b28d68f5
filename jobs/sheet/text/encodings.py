"""Finds out in which encoding a text file is written."""

import codecs
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from jobs.sheet.finding import Finding, SheetError, excerpt
from jobs.sheet.text.confidence import (
    CERTAIN_CHARACTERS,
    GbkDoubt,
    gbk_doubt,
    is_plausible,
    looks_chinese,
)
from jobs.sheet.text.decode import (
    ENCODING_LABELS,
    bad_line_findings,
    label,
    nul_findings,
    physical_lines,
)

SAMPLE_BYTES = 65_536  # bytes that a guess looks at
CHUNK_BYTES = 1 << 20

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
_MULTIBYTE = frozenset(ENCODING_LABELS)
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
    marred: bool = False  # does what Excel leaves behind (#N/A, 1.2E+18) stand in it?


def detect(path: Path, *, given: str | None = None) -> Encoding:
    """The encoding of a text file, checked strictly against all of it.

    Marks, then the NUL pattern of UTF-16, then strict UTF-8, then a guess from the lines that
    hold other than ASCII. `given` is the user's word and is only checked. Raises SheetError where
    nothing fits.
    """
    if given is not None:
        name = _named(path, given)
        return _checked(path, name, _survey(path, name))
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    marked = _by_mark(head) or _by_nuls(path, head)
    if marked is not None:
        return _checked(path, marked, _survey(path, marked))
    seen = _survey(path, "utf-8")
    if seen is not None:
        doubt = gbk_doubt(seen.foreign)
        return _checked(path, "utf-8", seen, [_doubtful(path, doubt)] if doubt else ())
    lines = _foreign_lines(path)
    if _is_mostly_utf8(b"".join(lines)):
        return _checked(path, "utf-8", None)
    return _guessed(path, lines)


def _doubtful(path: Path, doubt: GbkDoubt) -> Finding:
    """Short Chinese text in GBK can be valid UTF-8; nobody but its owner can tell."""
    line = next(number for number, line in physical_lines(path) if doubt.raw in line)
    return Finding(
        kind="encoding_doubtful",
        severity="warning",
        found=excerpt(doubt.read, 20),
        values=(("line", line), ("other", excerpt(doubt.other, 20))),
    )


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
    if b"\0" not in head or (_is_mostly_utf8(head) and not _is_lopsided(head)):
        return None  # ordinary text, perhaps with stray NUL characters
    whole = head[: len(head) // 2 * 2]
    texts = {
        name: whole.decode(name, "replace").removesuffix("\ufffd")
        for name in ("utf-16-le", "utf-16-be")
    }
    marks = {name: sum(map(text.count, '\n\r\t ,;|"')) for name, text in texts.items()}
    best = max(marks, key=lambda name: marks[name])
    if marks[best] < 4 * (sum(marks.values()) - marks[best]) + 1 or "\0" in texts[best][:64]:
        if head.count(0) * 5 < len(head) and _is_mostly_utf8(head):
            return None
        raise SheetError(path, [Finding(kind="not_text", severity="error")])
    return best


def _is_lopsided(head: bytes) -> bool:
    """Do nearly all NULs stand at odd places, or at even ones, as in UTF-16 of any language?"""
    even = head[::2].count(0)
    odd = head[1::2].count(0)
    return max(even, odd) >= 4 and min(even, odd) * 50 <= max(even, odd)


def _is_mostly_utf8(sample: bytes) -> bool:
    """Is three quarters of what is not ASCII valid UTF-8? In other encodings a fifth may be."""
    high = len(sample.translate(None, _ASCII))
    bad = len(_ESCAPED.findall(sample.decode("utf-8", "surrogateescape")))
    return bad * 4 <= high


_FOREIGN = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+[\x00-\x7f]?")
_MARRED = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!)|\dE\+\d|\?\?")


@dataclass(slots=True, kw_only=True)
class _Survey:
    """What one pass over a whole text noticed; `foreign` are its first words beyond ASCII."""

    nul: bool = False
    marred: bool = False
    foreign: list[str] = field(default_factory=list)
    _size: int = 0
    _end: str = ""

    def take(self, text: str) -> None:
        """One piece of the text. Each look is a search at the speed of memory."""
        self.nul = self.nul or "\0" in text
        if not self.marred and ("#" in text or "E+" in text or "??" in text):
            self.marred = _MARRED.search(self._end + text) is not None
        self._end = text[-8:]
        if self._size < CERTAIN_CHARACTERS and not text.isascii():
            for found in _FOREIGN.finditer(text):
                self.foreign.append(found[0][:CERTAIN_CHARACTERS])
                self._size += len(found[0])
                if self._size >= CERTAIN_CHARACTERS:
                    break


def _survey(path: Path, name: str) -> _Survey | None:
    """What the text holds; None where it is not in this encoding."""
    decoder = codecs.getincrementaldecoder(name)("strict")
    seen = _Survey()
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                seen.take(decoder.decode(chunk))
            seen.take(decoder.decode(b"", final=True))
        except UnicodeError:
            return None
    return seen


def _foreign_lines(path: Path) -> list[bytes]:
    """The first 64 KiB of lines that are not ASCII, wherever in the file they stand."""
    telling: list[bytes] = []
    size = 0
    for _, line in physical_lines(path):
        if not line.isascii():
            telling.append(line[:SAMPLE_BYTES])
            size += len(line)
            if size >= SAMPLE_BYTES:
                break
    return telling


def _guessed(path: Path, lines: list[bytes]) -> Encoding:
    guesses = _votes(lines)
    if looks_chinese(lines):  # of little text, this is what nearly all of our users mean
        guesses.insert(0, "gb18030")
    for guess in guesses:
        for name in _SUPERSETS.get(guess, (guess,)):
            seen = _survey(path, name)
            if seen is not None or _is_nearly(path, name):
                return _checked(path, name, seen, [_guess_finding(path, name, lines)])
    raise SheetError(path, [Finding(kind="encoding_not_found", severity="error")])


def _votes(lines: list[bytes]) -> list[str]:
    """Codec names, likeliest first: one vote for the whole, one for each of eight parts.

    One damaged line misleads a detector about the whole, not about most parts.
    """
    import chardet  # noqa: PLC0415 - its tables are big, and most sheets are UTF-8

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


def _guess_finding(path: Path, name: str, lines: list[bytes]) -> Finding:
    """With the first line that it rests on: a single strange byte is more often damage."""
    if name in _MULTIBYTE and is_plausible(lines, name):
        return Finding(kind="encoding_guessed", severity="note", found=label(name))
    number, line = next((n, one) for n, one in physical_lines(path) if not one.isascii())
    start = max(len(line) - len(line.lstrip(_ASCII)) - 20, 0)
    return Finding(
        kind="encoding_unsure",
        severity="warning",
        found=excerpt(line[start : start + 80].decode(name, "replace"), 40),
        values=(("label", label(name)), ("line", number), ("lines", len(lines))),
    )


def _checked(
    path: Path, name: str, seen: _Survey | None, findings: Iterable[Finding] = ()
) -> Encoding:
    told: list[Finding] = []
    if seen is None:
        told = bad_line_findings(path, name)
    elif seen.nul:
        told = nul_findings(path, name)
    return Encoding(
        name=name,
        label=label(name),
        findings=(*told, *findings),
        marred=seen is not None and seen.marred,
    )
