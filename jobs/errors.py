"""Why something cannot be done, as values; the catalogue has the sentences.

Exception
└── ExpectedError          a person can do something about it; `trouble` decides the exit code
    ├── ObstacleError      worded by the catalogue from `kind` and `values`
    │   ├── TableError     with OlderTableError, EmptyTableError and BusyTableError
    │   ├── LockedError    (jobs/lock.py) another run holds the table
    │   └── OutputError    (jobs/export/placing.py) the results cannot be written
    ├── SheetError         (jobs/sheet/finding.py) a sheet cannot be used
    ├── TemplateError      (jobs/loading/template.py) a template cannot be filled
    └── NotKeptError       (runner/workspace/answers.py) an answer could not be stored
"""

from enum import StrEnum
from typing import ClassVar


class Trouble(StrEnum):
    """What kind of thing an error is about, for those that may end a command."""

    UNUSABLE = "unusable"  # the sheet, the options or the table
    OUTPUT = "output"
    BUSY = "busy"  # another run


class ExpectedError(Exception):
    """Something that a person can do something about.

    `trouble` is None where the caller has to handle it: unhandled, it is a bug.
    """

    trouble: ClassVar[Trouble | None] = None


class ObstacleError(ExpectedError):
    """Something cannot be done. `kind` names the sentence `obstacle.KIND`, `values` fill it.

    An exception among the values is the reason for this one; the catalogue words it too.
    """

    def __init__(self, kind: str, /, **values: str | int | Exception) -> None:
        self.kind = kind
        self.values = values
        super().__init__(kind, values)

    def __str__(self) -> str:
        """For logs; the catalogue words it for people."""
        return ", ".join([self.kind, *(f"{name} {value}" for name, value in self.values.items())])


class TableError(ObstacleError):
    """The table cannot be used; says which file, why, and what to do."""

    trouble = Trouble.UNUSABLE


class OlderTableError(TableError):
    """An older rowmill wrote it; opening it for writing migrates it."""


class EmptyTableError(TableError):
    """The file has no tables yet: it is being made, or the process died while making it."""


class BusyTableError(TableError):
    """Other hosts work on the table, which only one may use as it was asked."""

    trouble = Trouble.BUSY
