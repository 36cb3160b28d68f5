"""What a person should know about the settings that is no error."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from jobs import failpoints
from runner.catalogue import say
from runner.settings.file import KEY_VARIABLE, Origin, SettingsFile
from runner.settings.schema import ONE_COMMAND_OPTIONS, SCHEMA, SettingScope
from runner.settings.setting_names import variable_of

RUN_PREFIX = "ROWMILL_RUN_"  # of variables for the person's own command; they are no settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something the person should know that is no error."""

    key: str
    values: Mapping[str, str]
    of_address: bool = False  # only for commands that send requests

    def sentence(self) -> str:
        """The notice in the person's language."""
        return say(self.key, **self.values)


def unknown_variables(environ: Mapping[str, str]) -> Iterator[Notice]:
    known = {one.variable for one in SCHEMA if SettingScope.ENV in one.scopes}
    known |= {KEY_VARIABLE, failpoints.VARIABLE, *map(variable_of, ONE_COMMAND_OPTIONS)}
    by_hand = {one.variable for one in SCHEMA if one.scopes == frozenset({SettingScope.FLAG})}
    for name in sorted(environ):
        if not name.upper().startswith("ROWMILL_") or name in known or name.startswith(RUN_PREFIX):
            continue
        import difflib  # noqa: PLC0415 - few variables are unknown

        tails = [one.removeprefix("ROWMILL_") for one in known]
        near = difflib.get_close_matches(name.upper().removeprefix("ROWMILL_"), tails, n=1)
        if name in by_hand:
            option = name.removeprefix("ROWMILL_").lower()
            yield Notice(key="notice.by_hand", values={"name": name, "option": option})
        elif near:
            yield Notice(
                key="notice.unknown_near", values={"name": name, "near": f"ROWMILL_{near[0]}"}
            )
        else:
            yield Notice(key="notice.unknown", values={"name": name})


def unused_in_sheet_file(files: Sequence[SettingsFile], lax: Sequence[str]) -> Iterator[Notice]:
    for file in files:
        if file.origin is Origin.SHEET and (lax or file.prices):
            keys = ", ".join([*lax, *(["prices"] if file.prices else [])])
            yield Notice(
                key="notice.not_counted",
                values={"file": str(file.path), "keys": keys},
                of_address=True,
            )


def is_loopback(url: str) -> bool:
    """True if this address leads to this machine."""
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or bool(re.fullmatch(r"127(\.\d{1,3}){3}", host))


def doubtful_host(values: Mapping[str, Any], sources: Mapping[str, str]) -> Iterator[Notice]:
    url = str(values["base_url"])
    if sources["base_url"] == Origin.SHEET:
        yield Notice(key="notice.url_from_sheet", values={"url": url}, of_address=True)
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(url):
        yield Notice(key="notice.no_tls", values={"url": url}, of_address=True)
