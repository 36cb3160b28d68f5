"""Finds, stores and removes the keys of providers. Each key belongs to one site."""

import contextlib
import json
import os
import re
import shlex
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.catalogue import say
from runner.catalogue.reasons import reason
from runner.exits import Refusal
from runner.secret import Secret
from runner.settings.database_url import (
    DatabaseUrl,
    DatabaseUrlError,
    is_database_url,
    read_database_url,
)
from runner.settings.file import KEY_VARIABLE, KeySource, Origin, SecretPlace, SettingsFile
from runner.settings.notices import is_loopback
from runner.settings.presets import BUILT_IN
from runner.settings.settings import Settings
from runner.settings.values import InvalidValueError, read_base_url, site

_KEY = re.compile(r"[\x21-\x7e]+")
COMMAND_SECONDS = 60.0  # a password manager may ask for a fingerprint or a password
NO_KEY = "none"  # sent to a server on this machine for which no key is known
MIN_KEY_CHARACTERS = 8
DATABASE_VARIABLE = "ROWMILL_DB"


class KeyRefusal(Refusal):
    """A key is missing, unusable or cannot be stored. Exit 3."""


def key_file() -> Path:
    """The file that stores keys on this machine."""
    from platformdirs import user_data_path  # noqa: PLC0415 - `rowmill --help` does without it

    return user_data_path("rowmill", appauthor=False) / "keys.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedKey:
    """A key and, if the person named it, its account: keys of one account share limits."""

    key: Secret
    account: str | None = None

    @property
    def account_words(self) -> str:
        """What its account is told by: keys that name the same one share its limits."""
        return f"account {self.account}" if self.account is not None else self.key.reveal()


def keys_name(settings: Settings) -> str:
    """The argument of `rowmill keys set` for this address: the provider, or the address itself.

    A name stands only for a built-in provider or one in the person's own settings.
    """
    own = settings.sources["base_url"] in ("default", Origin.USER, Origin.CONFIG)
    return settings.provider.name if own else settings.base_url


def find_keys(
    settings: Settings, environ: Mapping[str, str], file: Path | None = None
) -> tuple[OwnedKey, ...]:
    """The keys for the base URL: that of the environment, else all of the provider's entries,
    else the stored one.

    A key goes only to the site it was given for; that of the environment only to an address that
    the person named.
    """
    if settings.address_is_own and environ.get(KEY_VARIABLE, "").strip():
        return (OwnedKey(key=clean_key(environ[KEY_VARIABLE])),)
    wanted = site(settings.base_url)
    found: dict[Secret, OwnedKey] = {}
    for source in settings.provider.keys:
        if source.kind is SecretPlace.ENV and not settings.address_is_own:
            continue
        if source.url is not None and site(source.url) == wanted:
            key = read_secret(source, environ)
            if key is not None:
                found.setdefault(key, OwnedKey(key=key, account=source.account))
    if found:
        return tuple(found.values())
    stored = stored_keys(file or key_file()).get(wanted)
    return () if stored is None else (OwnedKey(key=stored),)


def sending_keys(settings: Settings, environ: Mapping[str, str]) -> tuple[OwnedKey, ...]:
    """The keys to send requests with. Raises `KeyRefusal` if there are none.

    A server on this machine mostly asks for no key, so it gets a word in its place.
    """
    found = find_keys(settings, environ)
    if found:
        return found
    if settings.address_is_own and is_loopback(settings.base_url):
        return (OwnedKey(key=Secret(NO_KEY)),)
    raise KeyRefusal(missing_key(settings, environ))


def missing_key(settings: Settings, environ: Mapping[str, str]) -> str:
    """Says why there is no key, and what to do."""
    name, url = keys_name(settings), settings.base_url
    unused = not settings.address_is_own and environ.get(KEY_VARIABLE, "").strip()
    return say("keys.not_sent" if unused else "keys.missing", name=name, url=url)


def key_place(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Where the first key in use is set: a variable, a file, a command; None: it is stored here."""
    if settings.address_is_own and environ.get(KEY_VARIABLE, "").strip():
        return KEY_VARIABLE
    wanted = site(settings.base_url)
    for source in settings.provider.keys:
        mine = source.url is not None and site(source.url) == wanted
        is_set = source.kind is not SecretPlace.ENV or environ.get(source.value, "").strip()
        if mine and is_set:
            return source.value
    return None


def find_key(
    settings: Settings, environ: Mapping[str, str], file: Path | None = None
) -> Secret | None:
    """The first key for the base URL."""
    found = find_keys(settings, environ, file)
    return found[0].key if found else None


def clean_key(text: str) -> Secret:
    """A pasted key without the quotes and words copied with it. Raises `KeyRefusal`."""
    return Secret(_cleaned(text))


def _cleaned(text: str) -> str:
    key = text.strip().strip("\"'`").removeprefix("Bearer ").strip()
    if not key:
        raise KeyRefusal(say("keys.empty"))
    if not _KEY.fullmatch(key):
        raise KeyRefusal(say("keys.not_a_key"))
    return key


def new_key(text: str) -> Secret:
    """A key to be stored. Raises `KeyRefusal` for a URL and for anything too short to be a key."""
    key = _cleaned(text)
    # Before it becomes a Secret: from then on its text is masked wherever it is shown.
    if "://" in key or len(key) < MIN_KEY_CHARACTERS:
        raise KeyRefusal(say("keys.unlikely"))
    return Secret(key)


def url_of(name: str, files: tuple[SettingsFile, ...]) -> str:
    """The base URL that a provider's name, or a base URL, stands for. Raises `KeyRefusal`."""
    for file in files:
        if name in file.providers and file.providers[name].base_url is not None:
            return str(file.providers[name].base_url)
    if name in BUILT_IN:
        return BUILT_IN[name]
    try:
        return read_base_url(name)
    except InvalidValueError as error:
        known = sorted({*BUILT_IN, *(one for file in files for one in file.providers)})
        message = say("keys.unknown", name=name, known=", ".join(known))
        raise KeyRefusal(message) from error


def stored_keys(file: Path) -> dict[str, Secret]:
    """The stored keys by site. Raises `KeyRefusal` for a file that others can read."""
    try:
        mode = file.stat().st_mode
        if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
            raise KeyRefusal(say("keys.open_to_others", file=str(file)))
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        why = reason(error)
        raise KeyRefusal(say("keys.unreadable", file=str(file), reason=why)) from error
    except ValueError:
        # Without the cause: the parser's error holds the whole text, with the keys.
        raise KeyRefusal(say("keys.damaged", file=str(file))) from None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise KeyRefusal(say("keys.damaged", file=str(file)))
    return {place: Secret(key) for place, key in keys.items()}


def new_password(text: str) -> Secret:
    """A database's password to be stored, exactly as it was typed. Raises `KeyRefusal`."""
    password = text.rstrip("\r\n")
    if not password:
        raise KeyRefusal(say("keys.not_a_password"))
    return Secret(password)


def database_password(
    url: DatabaseUrl, environ: Mapping[str, str], file: Path | None = None
) -> Secret | None:
    """The password of a database: of ROWMILL_DB, else the stored one.

    None leaves it to libpq, which knows PGPASSWORD, .pgpass, service files and certificates.
    """
    if (password := url.password or _password_in(environ, url.key_place)) is not None:
        return password
    if environ.get("PGPASSWORD"):
        return None
    return stored_keys(file or key_file()).get(url.key_place)


def _password_in(environ: Mapping[str, str], place: str) -> Secret | None:
    """The password in ROWMILL_DB, if it is that of this place."""
    text = environ.get(DATABASE_VARIABLE, "")
    with contextlib.suppress(DatabaseUrlError):
        url = read_database_url(text)
        return url.password if url.key_place == place else None
    return None


def store_key(url: str, key: Secret, file: Path) -> None:
    """Store the key for the site of `url`, or the password for a database."""
    _write({**stored_keys(file), _place(url): key}, file)


def _place(url: str) -> str:
    """What a stored secret belongs to."""
    return read_database_url(url).key_place if is_database_url(url) else site(url)


def remove_key(url: str, file: Path) -> bool:
    """Remove the key for the site of `url`, or a database's password; False if there is none."""
    keys = stored_keys(file)
    if keys.pop(_place(url), None) is None:
        return False
    _write(keys, file)
    return True


def _write(keys: Mapping[str, Secret], file: Path) -> None:
    """Write whole or not at all: to a temporary file (0600 from the start), then rename."""
    text = json.dumps(
        {"schema": 1, "keys": {place: key.reveal() for place, key in sorted(keys.items())}}
    )
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix":
            file.parent.chmod(0o700)
        handle, beside = tempfile.mkstemp(dir=file.parent, prefix=".keys-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            Path(beside).replace(file)
        finally:
            with contextlib.suppress(FileNotFoundError):  # renamed if all went well
                Path(beside).unlink()
    except OSError as error:
        why = reason(error)
        raise KeyRefusal(say("keys.unwritable", file=str(file), reason=why)) from error


def read_secret(source: KeySource, environ: Mapping[str, str]) -> Secret | None:
    """Read the secret; None if its environment variable is not set."""
    if source.kind is SecretPlace.ENV:
        return clean_key(environ[source.value]) if environ.get(source.value, "").strip() else None
    return _from_file(source) if source.kind is SecretPlace.FILE else _from_command(source)


def _from_file(source: KeySource) -> Secret:
    path = source.path
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = reason(error) if isinstance(error, OSError) else say("settings.not_utf8")
        raise KeyRefusal(say("keys.file_unreadable", file=str(path), reason=why)) from error
    return clean_key(_first_line(text))


def _from_command(source: KeySource) -> Secret:
    """Ask the user's password manager. Its output is never shown; its stderr is."""
    words = shlex.split(source.value, posix=os.name == "posix")
    try:
        done = subprocess.run(  # noqa: S603 - the user's own settings name the command
            words, stdout=subprocess.PIPE, check=False, timeout=COMMAND_SECONDS, cwd=source.folder
        )
    except OSError as error:
        why = reason(error)
    except subprocess.TimeoutExpired:
        why = say("keys.timeout", seconds=int(COMMAND_SECONDS))
    else:
        line = _first_line(done.stdout.decode("utf-8", errors="replace"))
        if done.returncode == 0 and line:
            return clean_key(line)
        why = say("keys.exit", code=done.returncode) if done.returncode else say("keys.nothing")
    # Outside the except clauses: the exception of a timeout holds the output so far.
    raise KeyRefusal(say("keys.command_failed", command=words[0] if words else "", reason=why))


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
