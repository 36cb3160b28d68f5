"""Makes damaged sheets from a seed, together with their true content."""

import io
import json
import random
from dataclasses import dataclass, field

import xlsxwriter

WORDS = (
    *("a cat", "红色的猫", 'say "hi"', "two; three", "a, b, c", '27" tv', "tab\there", "x|y"),
    *(
        "line\nbreak",
        "crème brûlée",
        "=1+1",
        "#N/A",
        "007",
        "1e5",
        "",
        "   ",
        "窓辺の猫",
        "“curly”",
    ),
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "gb18030", "utf-16-le", "cp1252")
HEADERS = (("id", "prompt", "size"), ("编号", "提示词", "尺寸"), ("sku", "text", "note"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """One sheet: its file name, its bytes, and its rows by their first cell."""

    name: str
    raw: bytes
    truth: dict[str, list[str]] = field(default_factory=dict)
    intact: bool = True  # unchanged bytes: the reader must return `truth` or a finding


def fuzzed(seed: int) -> Fuzzed:
    """The sheet of a seed, always the same."""
    chance = random.Random(seed)
    headers = chance.choice(HEADERS)
    rows = [
        [f"k{number}", *(chance.choice(WORDS) for _ in headers[1:])]
        for number in range(chance.randint(1, 8))
    ]
    kind = chance.choice(("csv", "csv", "csv", "tsv", "jsonl", "json", "xlsx"))
    raw = _written(chance, kind, headers, rows)
    intact = chance.random() < 0.6
    if not intact:
        raw = _damaged(chance, raw)
    name = f"a.{chance.choice(('csv', 'txt', 'xls', kind)) if chance.random() < 0.1 else kind}"
    return Fuzzed(name=name, raw=raw, truth={row[0]: row for row in rows}, intact=intact)


def _written(
    chance: random.Random, kind: str, headers: tuple[str, ...], rows: list[list[str]]
) -> bytes:
    if kind == "xlsx":
        return _workbook(headers, rows)
    if kind in ("json", "jsonl"):
        objects = [dict(zip(headers, row, strict=True)) for row in rows]
        text = json.dumps(objects, ensure_ascii=False)
        if kind == "jsonl":
            text = "\n".join(json.dumps(one, ensure_ascii=chance.random() < 0.5) for one in objects)
        return text.encode(chance.choice(("utf-8", "utf-8-sig", "utf-16")))
    mark = "\t" if kind == "tsv" else chance.choice(",;|\t")
    careful = chance.random() < 0.5
    end = chance.choice(("\n", "\r\n", "\r"))
    lines = [mark.join(headers), *(_line(chance, row, mark, careful=careful) for row in rows)]
    text = end.join([*([f"sep={mark}"] if chance.random() < 0.1 else []), *lines, ""])
    try:
        return text.encode(chance.choice(ENCODINGS))
    except UnicodeEncodeError:
        return text.encode()


def _line(chance: random.Random, row: list[str], mark: str, *, careful: bool) -> str:
    """A row in proper csv, or written without knowledge of quotes."""
    if careful:
        return mark.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row)
    cells = [
        chance.choice((cell, cell, cell, f'"{cell}', f'{cell}"', f'"{cell}"')) for cell in row[1:]
    ]
    if chance.random() < 0.1 and not any(mark in cell for cell in cells):
        cells.pop()  # with an unquoted delimiter as well, the row would be ambiguous
    return mark.join([row[0], *cells])


def _workbook(headers: tuple[str, ...], rows: list[list[str]]) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    for number, cells in enumerate((headers, *rows)):
        for column, cell in enumerate(cells):
            sheet.write_string(number, column, cell)
    book.close()
    return out.getvalue()


def _damaged(chance: random.Random, raw: bytes) -> bytes:
    content = bytearray(raw)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(max(len(content), 1))
        match chance.randrange(5):
            case 0:
                content[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del content[at : at + chance.randint(1, 40)]
            case 2:
                content[at:at] = chance.choice((b'"', b"\0", b"\n", b",", b"\xff", b"\\", b"\r"))
            case 3:
                del content[at:]
            case _:
                content[at:at] = content[max(at - 30, 0) : at]
    return bytes(content)
