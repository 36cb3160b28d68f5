"""Opens a sheet as the settings say."""

from pathlib import Path

from jobs.loading.template import slot_names
from jobs.sheet.reader import Sheet, open_sheet
from runner.settings.settings import Settings


def open_with_settings(path: Path, settings: Settings) -> Sheet:
    """The sheet, read with --encoding, --delimiter and --tab. Raises SheetError.

    The columns that the template and other options name help to find its header.
    """
    names = {*slot_names(settings.prompt or ""), *settings.column}
    if settings.id is not None:
        names.add(settings.id)
    return open_sheet(
        path,
        encoding=settings.encoding,
        tab=settings.tab,
        delimiter=settings.delimiter,
        names=names,
    )
