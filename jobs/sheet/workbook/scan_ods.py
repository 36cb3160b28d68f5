"""Scans the XML of an OpenDocument tab for what calamine does not report."""

from collections.abc import Mapping
from xml.parsers import expat

from jobs.sheet.workbook.package import Package
from jobs.sheet.workbook.scan import CellPlace, OddColumn, TabScan

CONTENT_PART = "content.xml"
MAX_REPEATED_CELLS = 2_000_000  # that are looked at in one tab
MAX_REPEATS = 1_000  # of one cell or row that count; blank ones are repeated a million times
_MAX_DIGITS = 15  # of a number in a spreadsheet
_NUMBER_TYPES = frozenset({"float", "percentage", "currency"})
_CELLS = frozenset({"table:table-cell", "table:covered-table-cell"})


def scan_ods(package: Package, name: str) -> TabScan:
    """One pass over the content, up to the end of this tab."""
    scanner = _Scanner(name)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = scanner.start
    parser.EndElementHandler = scanner.end
    parser.CharacterDataHandler = scanner.text
    try:
        for piece in package.pieces(CONTENT_PART):
            if scanner.done:
                break
            parser.Parse(piece, False)  # noqa: FBT003 - expat takes no names
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return scanner.scan


class _Areas:
    """Measures the used area of each tab; `row` and `column` are those of the next cell."""

    def __init__(self) -> None:
        self.areas = [TabScan()]
        self._row = self._column = 0
        self._repeated = 1

    def start(self, name: str, given: Mapping[str, str]) -> None:
        if name == "table:table":
            self.areas.append(TabScan())
            self._row = 0
        elif name == "table:table-row":
            self._column = 0
            self._repeated = _times(given, "table:number-rows-repeated")
        elif name in _CELLS:
            self._column += _times(given, "table:number-columns-repeated")
            if "office:value-type" in given or "table:formula" in given:
                area = self.areas[-1]
                area.cells += 1
                area.height = max(area.height, self._row + self._repeated)
                area.width = max(area.width, self._column)

    def end(self, name: str) -> None:
        if name == "table:table-row":
            self._row += self._repeated


def areas(package: Package) -> list[TabScan]:
    """The used area of each tab, all of which calamine allocates on opening."""
    measured = _Areas()
    parser = expat.ParserCreate()
    parser.StartElementHandler = measured.start
    parser.EndElementHandler = measured.end
    try:
        for piece in package.pieces(CONTENT_PART):
            parser.Parse(piece, False)  # noqa: FBT003 - expat takes no names
    except expat.ExpatError as error:
        raise ValueError(str(error)) from error
    return measured.areas


class _Scanner:
    """Follows rows, columns and cells; `_row` and `_column` are those of the next cell, from 0."""

    def __init__(self, tab: str) -> None:
        self.scan = TabScan()
        self.done = False
        self._tab = tab
        self._inside = False
        self._notes = 0  # depth of annotations, whose texts do not belong to the cell
        self._row = self._column = self._columns = 0
        self._repeated = 1  # times the current row is repeated
        self._left = MAX_REPEATED_CELLS
        self._cell: Mapping[str, str] | None = None
        self._shown: list[str] = []

    def start(self, name: str, given: Mapping[str, str]) -> None:
        if name == "table:table":
            self._inside = given.get("table:name") == self._tab
        elif not self._inside:
            return
        elif name == "table:table-column":
            self._new_columns(given)
        elif name == "table:table-row":
            self._column = 0
            self._repeated = _times(given, "table:number-rows-repeated")
            if given.get("table:visibility") in {"collapse", "filter"}:
                seen = min(self._repeated, MAX_REPEATS)
                self.scan.hidden_rows += range(self._row + 1, self._row + 1 + seen)
        elif name in _CELLS:
            self._cell, self._shown = given, []
        elif name == "office:annotation":
            self._notes += 1

    def text(self, text: str) -> None:
        if self._cell is not None and not self._notes:
            self._shown.append(text)

    def end(self, name: str) -> None:
        if name == "table:table":
            self.done = self._inside
        elif not self._inside:
            return
        elif name == "table:table-row":
            self._row += self._repeated
        elif name == "office:annotation":
            self._notes -= 1
        elif name in _CELLS and self._cell is not None:
            self._look(self._cell, "".join(self._shown))
            self._column += _times(self._cell, "table:number-columns-repeated")
            self._cell = None

    def _new_columns(self, given: Mapping[str, str]) -> None:
        times = _times(given, "table:number-columns-repeated")
        if given.get("table:visibility") in {"collapse", "filter"}:
            seen = min(times, MAX_REPEATS)
            self.scan.hidden_columns += range(self._columns, self._columns + seen)
        self._columns += times

    def _look(self, cell: Mapping[str, str], shown: str) -> None:
        kind = cell.get("office:value-type", "")
        if not kind and "table:formula" not in cell:
            return
        down = _times(cell, "table:number-rows-spanned") - 1
        across = _times(cell, "table:number-columns-spanned") - 1
        top = (self._row, self._column)
        if down or across:
            self.scan.merged.append((top, (top[0] + down, top[1] + across)))
        times = _times(cell, "table:number-columns-repeated")
        rows, columns = min(self._repeated, MAX_REPEATS), min(times, MAX_REPEATS)
        self._left -= rows * columns - 1
        if self._left < 0:
            raise ValueError("too many repeated cells")
        for row in range(self._row, self._row + rows):
            for column in range(self._column, self._column + columns):
                self._judge((row, column), cell, kind, shown)

    def _judge(self, place: CellPlace, cell: Mapping[str, str], kind: str, shown: str) -> None:
        scan = self.scan
        value = cell.get("office:value", "")
        if cell.get("calcext:value-type") == "error":
            scan.errors[place] = shown or "#VALUE!"
        elif not kind:
            scan.uncalculated.add(place)
        elif kind in _NUMBER_TYPES and _is_rounded(value):
            scan.rounded[place] = value
        elif (kind in _NUMBER_TYPES and shown not in {"", _plain(value)}) or kind in {
            "date",
            "time",
        }:
            first = OddColumn(row=place[0], code=shown, value=value)
            if shown not in {"", cell.get("office:date-value")}:
                scan.odd.setdefault(place[1], first).count += 1


def _times(given: Mapping[str, str], name: str) -> int:
    found = given.get(name, "1")
    return max(int(found), 1) if found.isdecimal() and len(found) < 10 else 1


def _is_rounded(value: str) -> bool:
    """True if a value has more digits than a number keeps."""
    whole, _, power = value.upper().partition("E")
    digits = whole.partition(".")[0].lstrip("-")
    return len(digits) > _MAX_DIGITS or (
        power[:1] != "-" and power.lstrip("+0").isdecimal() and int(power) >= _MAX_DIGITS
    )


def _plain(value: str) -> str:
    """A number as its shortest text."""
    try:
        number = float(value)
    except ValueError:
        return value
    return str(int(number)) if number.is_integer() else repr(number)
