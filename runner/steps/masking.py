"""Takes the key out of what an answer says.

The client masks the key in the bytes of an answer. A server that sends it back in pieces gets past
that: in the text that the pieces make it stands whole.
"""

from collections.abc import Mapping
from dataclasses import replace

from jobs.job import JSON
from jobs.result import Result
from runner.secret import has_secrets, without_secrets


def masked(result: Result) -> Result:
    """The result without any secret of this process; the same value if there is none."""
    if not has_secrets():  # keys of a local server, which are words like any other
        return result
    text = without_secrets(result.text) if result.text is not None else None
    data = {name: _masked_json(value) for name, value in result.data.items()}
    if text == result.text and data == result.data:
        return result
    return replace(result, text=text, data=data)


def _masked_json(value: JSON) -> JSON:
    match value:
        case str():
            return without_secrets(value)
        case list() if value and not isinstance(value[0], int | float):  # not a vector's numbers
            return [_masked_json(one) for one in value]
        case Mapping():
            return {without_secrets(name): _masked_json(one) for name, one in value.items()}
        case _:
            return value
