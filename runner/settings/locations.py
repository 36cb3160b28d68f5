"""Finds the settings files of a command."""

from collections.abc import Sequence
from pathlib import Path

from runner.catalogue import say
from runner.settings.file import Origin, SettingsError, SettingsFile

FILE_NAME = "rowmill.toml"


def find_files(folder: Path | None, config: Path | None) -> tuple[SettingsFile, ...]:
    """The settings files that count: `config` alone, or the sheet's, then the user's."""
    places = _places(folder, config)
    if not places:
        return ()
    from runner.settings.toml_reader import read_file  # noqa: PLC0415 - most commands find no file

    return tuple(read_file(path, origin) for path, origin in places)


def _places(folder: Path | None, config: Path | None) -> list[tuple[Path, Origin]]:
    if config is not None:
        if not config.is_file():
            raise SettingsError(say("settings.no_such_file", file=str(config)))
        return [(config, Origin.CONFIG)]
    found = []
    if folder is not None and (folder / FILE_NAME).is_file():
        found.append((folder / FILE_NAME, Origin.SHEET))
    users = user_file()
    if users.is_file():
        if found and users.samefile(found[0][0]):
            found.clear()  # a sheet that lies beside the person's own file
        found.append((users, Origin.USER))
    return found


def user_file() -> Path:
    """The user's own settings file, whether it exists or not."""
    from platformdirs import user_config_path  # noqa: PLC0415 - `rowmill --help` does without it

    return user_config_path("rowmill", appauthor=False) / FILE_NAME


def file_for_lines(own_files: Sequence[Path]) -> Path:
    """The settings file in which lines that the person adds will count."""
    return own_files[0] if own_files else user_file()
