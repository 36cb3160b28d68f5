"""Detects the encoding of a text file."""

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

SAMPLE_BYTES = 65_536  # that a guess is based on
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

# Supersets replace the narrow encodings: text labelled GB2312 or Shift-JIS often exceeds it.
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
# Python codecs that are no encodings of sheets, or that can produce lone surrogates.
_NOT_TEXT = frozenset(
    {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "utf-7", "mbcs"}
)
_ASCII = bytes(range(128))
_ESCAPED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """`name` is the codec, `label` is for people. An error in `findings` means: unusable."""

    name: str
    label: str
    findings: tuple[Finding, ...] = ()
    excel_damage: bool = False  # True if the text has traces of Excel, such as #N/A or 1.2E+18


def detect(path: Path, *, given: str | None = None) -> Encoding:
    """The encoding of a text file, checked strictly against the whole file.

    Tried in this order: byte order marks, the NUL pattern of UTF-16, strict UTF-8, a guess from
    the non-ASCII lines. `given` is the value of --encoding and is only checked. Raises SheetError
    if nothing fits.
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
    """The warning for short Chinese text in GBK that is also valid UTF-8."""
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
    """UTF-16 without a mark, recognised by the NUL in each space, delimiter and line end.

    Other characters prove nothing: 一 (U+4E00), the most common one, is an N in the other order.
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
    """True if nearly all NULs are at odd offsets, or at even ones, as in UTF-16."""
    even = head[::2].count(0)
    odd = head[1::2].count(0)
    return max(even, odd) >= 4 and min(even, odd) * 50 <= max(even, odd)


def _is_mostly_utf8(sample: bytes) -> bool:
    """True if three quarters of the non-ASCII bytes are valid UTF-8; elsewhere a fifth may be."""
    high = len(sample.translate(None, _ASCII))
    bad = len(_ESCAPED.findall(sample.decode("utf-8", "surrogateescape")))
    return bad * 4 <= high


_FOREIGN = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+[\x00-\x7f]?")
_EXCEL_DAMAGE = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!)|\dE\+\d|\?\?")


@dataclass(slots=True, kw_only=True)
class _Survey:
    """What one pass over a whole text noticed. `foreign` are its first non-ASCII words."""

    nul: bool = False
    excel_damage: bool = False
    foreign: list[str] = field(default_factory=list)
    _size: int = 0
    _end: str = ""

    def take(self, text: str) -> None:
        """Look at one piece of the text. Each test is a search at memory speed."""
        self.nul = self.nul or "\0" in text
        if not self.excel_damage and ("#" in text or "E+" in text or "??" in text):
            self.excel_damage = _EXCEL_DAMAGE.search(self._end + text) is not None
        self._end = text[-8:]
        if self._size < CERTAIN_CHARACTERS and not text.isascii():
            for found in _FOREIGN.finditer(text):
                self.foreign.append(found[0][:CERTAIN_CHARACTERS])
                self._size += len(found[0])
                if self._size >= CERTAIN_CHARACTERS:
                    break


def _survey(path: Path, name: str) -> _Survey | None:
    """The survey of the text; None if it is not in this encoding."""
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
    """The first SAMPLE_BYTES of lines that are not ASCII, anywhere in the file."""
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
    if looks_chinese(lines):  # for little text, nearly all of our users mean this
        guesses.insert(0, "gb18030")
    for guess in guesses:
        for name in _SUPERSETS.get(guess, (guess,)):
            seen = _survey(path, name)
            if seen is not None or _is_nearly(path, name):
                return _checked(path, name, seen, [_guess_finding(path, name, lines)])
    raise SheetError(path, [Finding(kind="encoding_not_found", severity="error")])


def _votes(lines: list[bytes]) -> list[str]:
    """Codec names, most likely first: one vote for the whole, one for each of eight parts.

    One damaged line misleads the detector about the whole, but not about most parts.
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
    """True if nine tenths of the non-ASCII lines decode; only CJK encodings can show that."""
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
    """The note that the encoding was guessed, or a warning with the first line it is based on."""
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
        excel_damage=seen is not None and seen.excel_damage,
    )
