"""Every sentence that a person reads, by key and language.

To add one: a line in the topic's dict in `en_<topic>.py`, the same key in `zh_<topic>.py`. `{name}`
is replaced by the value given to `say`, `{name:one|many}` by the first word where that value is 1
and by the second elsewhere; nothing else is special.
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
_chosen = ["en"]  # the language is a fact of the process, decided once by the command line


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A failure for a person: what it means, what to do, and the command for it (may be empty)."""

    meaning: str
    remedy: str
    command: str


def say(key: str, /, **values: object) -> str:
    """The sentence in the chosen language. Text values are made harmless; keys in them are masked.

    An unknown key is a fault of ours and raises KeyError.
    """
    template = _messages(_chosen[0]).get(key) or messages.MESSAGES[key]
    return _filled(template, values)


def say_in(tongue: str, key: str, /, **values: object) -> str:
    """The same in a language that is named; what is data stays English whatever people read."""
    return _filled(_messages(tongue).get(key) or messages.MESSAGES[key], values)


def translated(text: str) -> str:
    """What an endpoint or an example says of itself in English, in the chosen language."""
    if _chosen[0] != "zh":
        return text
    from runner.catalogue.zh.endpoints import SAID  # noqa: PLC0415 - as in `_messages`

    return SAID.get(text, text)


def has_message(key: str) -> bool:
    """Is there such a sentence?"""
    return key in messages.MESSAGES


def sentences(prefix: str) -> dict[str, str]:
    """All sentences whose key begins so, unfilled, by the rest of the key: for a page's script."""
    chosen = _messages(_chosen[0])
    return {
        key.removeprefix(prefix): chosen.get(key, text)
        for key, text in messages.MESSAGES.items()
        if key.startswith(prefix)
    }


def explain(kind: FailureClass, cause: str = "", /, **values: object) -> Explanation:
    """What a failure means and what helps; the finer sentence where the cause has one.

    `values` fill the command: `sheet`, `row`, `provider`. Those not given stay out of it.
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
    """Decide the language: `asked` (--lang), ROWMILL_LANG, the system's; English where unknown."""
    for given in (asked, environ.get("ROWMILL_LANG")):
        if given in LANGUAGES:
            _chosen[0] = str(given)
            return _chosen[0]
    _chosen[0] = "zh" if _system_is_chinese(environ) else "en"
    return _chosen[0]


def failures_in(tongue: str) -> Mapping[str, tuple[str, str]]:
    """Meaning and remedy of each class of failure, and of its finer causes, in one language."""
    if tongue != "zh":
        return failures.FAILURES
    from runner.catalogue.zh.failures import FAILURES  # noqa: PLC0415 - as in `_messages`

    return FAILURES


def _messages(tongue: str) -> Mapping[str, str]:
    if tongue != "zh":
        return messages.MESSAGES
    from runner.catalogue.zh.messages import MESSAGES  # noqa: PLC0415 - one language is enough for most

    return MESSAGES


def language() -> str:
    """The language in force."""
    return _chosen[0]


def _system_is_chinese(environ: Mapping[str, str]) -> bool:
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(variable):
            return environ[variable].lower().startswith("zh")
    try:
        name = locale.getlocale()[0] or ""  # Windows says "Chinese (Simplified)_China"
    except ValueError:  # a locale name that Python cannot take apart
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
