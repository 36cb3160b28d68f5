"""Writes the fields of a multipart form."""

import json
from collections.abc import Iterator, Mapping

from jobs.job import JSON
from runner.protocol.call import Part


def form_fields(sent: Mapping[str, JSON]) -> Iterator[Part]:
    """A part for each value that is given; a list becomes a part for each of its items."""
    for name, value in sent.items():
        if isinstance(value, list):
            listed = name if name.endswith("[]") else f"{name}[]"
            for item in value:
                yield Part(name=listed, content=form_text(item))
        elif value is not None:
            yield Part(name=name, content=form_text(value))


def form_text(value: JSON) -> bytes:
    """A form value: text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace")
