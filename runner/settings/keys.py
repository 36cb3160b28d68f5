"""The keys of providers: each belongs to one site, and only its owner can read them."""

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
from runner.settings.file import Origin, SecretPlace
from runner.settings.settings import BUILT_IN, KEY_VARIABLE, KeySource, Settings, SettingsFile
from runner.settings.values import InvalidValueError, read_base_url, site

_KEY = re.compile(r"[\x21-\x7e]+")
COMMAND_SECONDS = 60.0  # a password manager may ask its owner for a finger or a word


class KeyRefusal(Refusal):
    """A key cannot be had or kept. Exit 3."""


def key_file() -> Path:
    """Where keys are kept on this machine."""
    from platformdirs import user_data_path  # noqa: PLC0415 - `rowmill --help` does without it

    return user_data_path("rowmill", appauthor=False) / "keys.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedKey:
    """A key, with the account it belongs to where the person said so: those share limits."""

    key: Secret
    account: str | None = None


def keys_name(settings: Settings) -> str:
    """What `rowmill keys set` takes for this address: the provider, or the address itself.

    A name stands for what is built in or in the person's own settings, wherever it is typed.
    """
    own = settings.sources["base_url"] in ("default", Origin.USER, Origin.CONFIG)
    return settings.provider.name if own else settings.base_url


def find_keys(
    settings: Settings, environ: Mapping[str, str], file: Path | None = None
) -> tuple[OwnedKey, ...]:
    """The keys for the base URL in force: the environment's one, else all of the provider's
    entries, else the stored one.

    A key that was meant for another site is passed over, whatever the base URL is now.
    """
    if environ.get(KEY_VARIABLE, "").strip():
        return (OwnedKey(key=clean_key(environ[KEY_VARIABLE])),)
    wanted = site(settings.base_url)
    found: dict[Secret, OwnedKey] = {}
    for source in settings.provider.keys:
        if source.url is not None and site(source.url) == wanted:
            key = read_secret(source, environ)
            if key is not None:
                found.setdefault(key, OwnedKey(key=key, account=source.account))
    if found:
        return tuple(found.values())
    stored = stored_keys(file or key_file()).get(wanted)
    return () if stored is None else (OwnedKey(key=stored),)


def find_key(
    settings: Settings, environ: Mapping[str, str], file: Path | None = None
) -> Secret | None:
    """The first key for the base URL in force."""
    found = find_keys(settings, environ, file)
    return found[0].key if found else None


def clean_key(text: str) -> Secret:
    """A key as it was pasted, without what people copy along with it. Raises `KeyRefusal`."""
    key = text.strip().strip("\"'`").removeprefix("Bearer ").strip()
    if not key:
        raise KeyRefusal(say("keys.empty"))
    if not _KEY.fullmatch(key):
        raise KeyRefusal(say("keys.not_a_key"))
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
    """The stored keys by site. Refuses a file that others can read."""
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
        # Without the cause: the parser's error holds the whole text, keys included.
        raise KeyRefusal(say("keys.damaged", file=str(file))) from None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise KeyRefusal(say("keys.damaged", file=str(file)))
    return {place: Secret(key) for place, key in keys.items()}


def store_key(url: str, key: Secret, file: Path) -> None:
    """Keep the key of the site of `url`."""
    _write({**stored_keys(file), site(url): key}, file)


def remove_key(url: str, file: Path) -> bool:
    """Forget the key of the site of `url`; False where there is none."""
    keys = stored_keys(file)
    if keys.pop(site(url), None) is None:
        return False
    _write(keys, file)
    return True


def _write(keys: Mapping[str, Secret], file: Path) -> None:
    """Whole or not at all: written beside (0600 from its first byte), then renamed."""
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
            with contextlib.suppress(FileNotFoundError):  # it is gone when the rename went well
                Path(beside).unlink()
    except OSError as error:
        why = reason(error)
        raise KeyRefusal(say("keys.unwritable", file=str(file), reason=why)) from error


def read_secret(source: KeySource, environ: Mapping[str, str]) -> Secret | None:
    """The secret at its source; None where its environment variable is not set."""
    if source.kind is SecretPlace.ENV:
        return clean_key(environ[source.value]) if environ.get(source.value, "").strip() else None
    return _from_file(source) if source.kind is SecretPlace.FILE else _from_command(source)


def _from_file(source: KeySource) -> Secret:
    path = source.folder / Path(source.value).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = reason(error) if isinstance(error, OSError) else say("settings.not_utf8")
        raise KeyRefusal(say("keys.file_unreadable", file=str(path), reason=why)) from error
    return clean_key(_first_line(text))


def _from_command(source: KeySource) -> Secret:
    """Ask the user's password manager. What it prints is never shown, what it says on stderr is."""
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
    # Outside the except clauses: a time-out's exception carries what was printed so far.
    raise KeyRefusal(say("keys.command_failed", command=words[0] if words else "", reason=why))


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
