"""Corrects the cells that calamine gives by what the XML of the tab says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jobs.job import JSON
from jobs.sheet.damage import damage_finding, exact_columns
from jobs.sheet.finding import Finding, Severity, SheetError, Term, excerpt
from jobs.sheet.layout import Layout, NeededColumns, Note
from jobs.sheet.names import letter
from jobs.sheet.workbook.cell_pictures import CellPictures
from jobs.sheet.workbook.formats import shown
from jobs.sheet.workbook.scan import CellPlace, TabScan

MAX_MERGED_ROWS = 3_000_000  # of all merged areas together
Area = tuple[CellPlace, CellPlace]
PART_SEPARATOR = "#"
"""Separates a workbook's name from that of a picture in it: `主图.xlsx#xl/media/image1.png`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedTab:
    """All that is known about a tab besides its cells."""

    scan: TabScan
    pictures: CellPictures
    linked: bool = False  # to other workbooks
    unseen: tuple[Finding, ...] = ()  # what is not looked for in this format


@dataclass(frozen=True, slots=True, kw_only=True)
class Patches:
    """Changes and errors of cells, by row as Excel counts.

    `texts` replace what the reader gave, `fills` apply only to blank cells, and `bad` cells hold no
    value that could be sent.
    """

    header_row: int
    headers: tuple[str, ...]
    texts: Mapping[int, dict[int, str]]
    fills: Mapping[int, dict[int, str]]
    # Merged cells: the first cell of each blank one's area.
    down: Mapping[int, dict[int, CellPlace]]
    bad: Mapping[int, dict[int, str]]
    rows: frozenset[int]
    tab_findings: tuple[Finding, ...] = ()
    odd: Mapping[int, tuple[int, int, str, str]] = field(default_factory=dict)
    tops: dict[CellPlace, str] = field(default_factory=dict)  # texts of merged areas read so far

    def findings(self, read: Callable[[int], Sequence[str]]) -> list[Finding]:
        """The findings of the whole tab; `read` gives the texts of a row, numbered from 0."""
        findings = list(self.tab_findings)
        for column, (row, count, code, value) in self.odd.items():
            texts = read(row)
            text = texts[column] if column < len(texts) else ""
            looks = shown(code, value)
            findings.append(
                Finding(
                    kind="shown_otherwise",
                    severity="note",
                    row=row + 1,
                    column=self._name(column),
                    found=excerpt(text),
                    values=(("count", count), ("format", excerpt(looks or code, 40))),
                )
            )
        return findings

    def apply(self, row: int, cells: list[JSON], note: Note, needed: NeededColumns) -> None:
        """Correct a row's cells in place; note an error for each needed cell that is bad."""
        for column, text in self.texts.get(row, {}).items():
            _put(cells, column, text)
        for column, text in self.fills.get(row, {}).items():
            if column >= len(cells) or not cells[column]:
                _put(cells, column, text)
        self._fill_down(row, cells)
        for column, kind in self.bad.get(row, {}).items():
            if needed is None or column in needed:
                found = str(cells[column]) if column < len(cells) else ""
                note(damage_finding(kind, row, self._name(column), found))

    def _fill_down(self, row: int, cells: list[JSON]) -> None:
        lent: dict[int, str] = {}
        for column, top in self.down.get(row, {}).items():
            if top[0] + 1 == row:
                self.tops[top] = str(cells[column]) if column < len(cells) else ""
            elif column < len(cells) and not cells[column]:
                lent[column] = self.tops.get(top, "")
        if any(cells):  # a blank row stays blank
            for column, text in lent.items():
                cells[column] = text

    def _name(self, column: int) -> str:
        return self.headers[column] if column < len(self.headers) else ""


def patches_of(
    path: Path, scanned: ScannedTab | None, merged: Sequence[Area], layout: Layout
) -> Patches:
    """The patches for the rows below the header; only merges if the tab was not scanned."""
    below = _Below(layout=layout)
    tall = [area for area in merged if area[0][0] >= layout.header_row and area[1][0] > area[0][0]]
    down: dict[int, dict[int, CellPlace]] = {}
    covered = 0
    for (top, left), (bottom, _) in tall:
        covered += bottom - top + 1
        if covered > MAX_MERGED_ROWS:
            values = (("count", covered), ("most", MAX_MERGED_ROWS), ("unit", Term("merged rows")))
            finding = Finding(kind="unsafe_size", severity="error", values=values)
            raise SheetError(path, [finding])
        for row in range(top, bottom + 1):
            down.setdefault(row + 1, {})[left] = (top, left)
    tab_findings = _merge_findings(merged, layout)
    texts: dict[int, dict[int, str]] = {}
    fills: dict[int, dict[int, str]] = {}
    bad: dict[int, dict[int, str]] = {}
    odd: dict[int, tuple[int, int, str, str]] = {}
    if scanned is not None:
        scan, pictures = scanned.scan, scanned.pictures
        below.put(texts, scan.texts | scan.errors)
        below.put(
            texts,
            {at: f"{path.name}{PART_SEPARATOR}{part}" for at, part in pictures.inside.items()},
        )
        below.put(
            fills,
            {
                at: "\n".join(f"{path.name}{PART_SEPARATOR}{part}" for part in parts)
                for at, parts in pictures.floating.items()
                if at[1] < len(layout.headers) and layout.headers[at[1]].strip()
            },
        )
        below.put(bad, dict.fromkeys(scan.errors, "error_cell"))
        below.put(bad, dict.fromkeys(scan.uncalculated, "never_calculated"))
        below.put(bad, dict.fromkeys(pictures.lost, "picture_lost"))
        exact = exact_columns(layout.headers)
        below.put(bad, {at: "rounded" for at in scan.rounded if at[1] in exact})
        odd = {
            column: (one.row, one.count, one.code, one.value)
            for column, one in scan.odd.items()
            if one.row >= layout.header_row
        }
        tab_findings += _scan_findings(scanned, layout)
    return Patches(
        header_row=layout.header_row,
        headers=layout.headers,
        texts=texts,
        fills=fills,
        down=down,
        bad=bad,
        rows=frozenset({*texts, *fills, *down, *bad}),
        tab_findings=tuple(tab_findings),
        odd=odd,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Below:
    """Sorts texts by row as Excel counts, leaving out the header and what is above it."""

    layout: Layout

    def put(self, into: dict[int, dict[int, str]], places: Mapping[CellPlace, str]) -> None:
        for (row, column), text in places.items():
            if row >= self.layout.header_row:
                into.setdefault(row + 1, {})[column] = text


def _put(cells: list[JSON], column: int, text: str) -> None:
    cells.extend([""] * (column + 1 - len(cells)))
    cells[column] = text


def _merge_findings(merged: Sequence[Area], layout: Layout) -> list[Finding]:
    below = sorted(area for area in merged if area[0][0] >= layout.header_row)
    tall = [area for area in below if area[1][0] > area[0][0]]
    wide = [area for area in below if area[1][1] > area[0][1]]
    return [
        *_counted("merged", [area[0] for area in tall], layout, severity="note"),
        *_counted("merged_across", [area[0] for area in wide], layout, severity="warning"),
    ]


def _scan_findings(scanned: ScannedTab, layout: Layout) -> list[Finding]:
    scan, pictures = scanned.scan, scanned.pictures
    known = {
        at for at in pictures.floating
        if at[1] < len(layout.headers) and layout.headers[at[1]].strip()
    }  # fmt: skip
    first = layout.header_row
    findings = [
        *_counted("error_cells", scan.errors, layout),
        *_counted("never_calculated_cells", scan.uncalculated, layout),
        *_counted("rounded_cells", scan.rounded, layout),
        *_by_column("pictures_in_cells", pictures.inside, layout),
        *_by_column("floating_pictures", known, layout),
    ]
    rows = sorted(row for row in scan.hidden_rows if row > first)
    if rows:
        values = (("count", len(rows)),)
        findings.append(Finding(kind="hidden_rows", severity="warning", row=rows[0], values=values))
    findings += [
        Finding(kind="hidden_columns", severity="note", column=layout.headers[column])
        for column in scan.hidden_columns
        if column < len(layout.headers) and layout.headers[column].strip()
    ]
    findings += scanned.unseen
    if scanned.linked:
        findings.append(Finding(kind="external_links", severity="note"))
    return findings


def _by_column(
    kind: str, places: Mapping[CellPlace, object] | set[CellPlace], layout: Layout
) -> list[Finding]:
    by_column: dict[int, list[CellPlace]] = {}
    for at in places:
        by_column.setdefault(at[1], []).append(at)
    return [
        finding
        for _, found in sorted(by_column.items())
        for finding in _counted(kind, found, layout, "note")
    ]


def _counted(
    kind: str,
    places: Mapping[CellPlace, object] | set[CellPlace] | Sequence[CellPlace],
    layout: Layout,
    severity: Severity = "warning",
) -> list[Finding]:
    """One finding for all cells of a kind, at the first cell."""
    below = sorted(at for at in places if at[0] >= layout.header_row)
    if not below:
        return []
    row, column = below[0]
    name = layout.headers[column] if column < len(layout.headers) else ""
    return [
        Finding(
            kind=kind,
            severity=severity,
            row=row + 1,
            column=name or letter(column),
            values=(("count", len(below)),),
        )
    ]
