"""Every sentence that a person reads, by key and language.

To add one, put a line into the topic's dict in `en/<topic>.py` and the same key into
`zh/<topic>.py`. `say` replaces `{name}` by the value of that name, and `{name:one|many}` by the
first word if the value is 1, else by the second. Nothing else is special.
"""

import locale
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.job import FailureClass
from runner.catalogue.en import failures, messages
from runner.catalogue.en.failures import COMMANDS_FOR
from runner.catalogue.safe_text import plain
from runner.secret import redacted

LANGUAGES = ("en", "zh")

_PLACE = re.compile(r"\{(\w+)(?::([^{}|]*)\|([^{}|]*))?\}")
_chosen = ["en"]  # one language per process, chosen once from the command line


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A failure for a person: what it means, what to do, and the command for it (may be empty)."""

    meaning: str
    remedy: str
    command: str


def say(key: str, /, **values: object) -> str:
    """The sentence in the chosen language. Text values are escaped, and secrets in them masked.

    An unknown key is a bug and raises KeyError.
    """
    template = _messages(_chosen[0]).get(key) or messages.MESSAGES[key]
    return _filled(template, values)


def say_in(tongue: str, key: str, /, **values: object) -> str:
    """The same in a given language: data stays English whatever language people read."""
    return _filled(_messages(tongue).get(key) or messages.MESSAGES[key], values)


def translated(text: str) -> str:
    """An English description of an endpoint or an example, in the chosen language."""
    if _chosen[0] != "zh":
        return text
    from runner.catalogue.zh.endpoints import SAID  # noqa: PLC0415 - as in `_messages`

    return SAID.get(text, text)


def has_message(key: str) -> bool:
    """True if the catalogue has a sentence under this key."""
    return key in messages.MESSAGES


def sentences(prefix: str) -> dict[str, str]:
    """All sentences whose key begins with `prefix`, unfilled, by the rest of the key.

    For the script of the report page.
    """
    chosen = _messages(_chosen[0])
    return {
        key.removeprefix(prefix): chosen.get(key, text)
        for key, text in messages.MESSAGES.items()
        if key.startswith(prefix)
    }


def explain(kind: FailureClass, cause: str = "", /, **values: object) -> Explanation:
    """What a failure means and what helps; the more specific text if the cause has one.

    `values` fill the command: `sheet`, `row`, `provider`. A missing value leaves a gap.
    """
    finer = f"{kind}.{cause}"
    key = finer if finer in failures.FAILURES else str(kind)
    meaning, remedy = failures_in(_chosen[0]).get(key) or failures.FAILURES[key]
    command = COMMANDS_FOR.get(key, COMMANDS_FOR[str(kind)])
    given = {found[1]: values.get(found[1], "") for found in _PLACE.finditer(command)}
    return Explanation(
        meaning=meaning, remedy=remedy, command=" ".join(_filled(command, given).split())
    )


def choose_language(asked: str | None, environ: Mapping[str, str]) -> str:
    """Choose the language: `asked` (--lang), else ROWMILL_LANG, else the system's, else English."""
    for given in (asked, environ.get("ROWMILL_LANG")):
        if given in LANGUAGES:
            _chosen[0] = str(given)
            return _chosen[0]
    _chosen[0] = "zh" if _system_is_chinese(environ) else "en"
    return _chosen[0]


def failures_in(tongue: str) -> Mapping[str, tuple[str, str]]:
    """Meaning and remedy of each failure class and of each cause that has its own, in `tongue`."""
    if tongue != "zh":
        return failures.FAILURES
    from runner.catalogue.zh.failures import FAILURES  # noqa: PLC0415 - as in `_messages`

    return FAILURES


def _messages(tongue: str) -> Mapping[str, str]:
    if tongue != "zh":
        return messages.MESSAGES
    from runner.catalogue.zh.messages import MESSAGES  # noqa: PLC0415 - most processes need one language

    return MESSAGES


def language() -> str:
    """The chosen language."""
    return _chosen[0]


def _system_is_chinese(environ: Mapping[str, str]) -> bool:
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(variable):
            return environ[variable].lower().startswith("zh")
    try:
        name = locale.getlocale()[0] or ""  # Windows says "Chinese (Simplified)_China"
    except ValueError:  # a locale name that Python cannot parse
        return False
    return name.lower().startswith(("zh", "chinese"))


def _filled(template: str, values: Mapping[str, object]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            return found[0]
        given = values[found[1]]
        if found[2] is not None:
            return found[2] if str(given) == "1" else found[3]
        return plain(redacted(given)) if isinstance(given, str) else str(given)

    return _PLACE.sub(value, template)
