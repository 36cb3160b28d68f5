"""The address of one quarter of a picture: a grid's own address, with a mark behind the #."""

import re

QUARTERS = (1, 2, 3, 4)
"""Upper left, upper right, lower left, lower right."""
_MARKED = re.compile(r"#rowmill-quarter=([1-4])$")


def quarters_of(url: str) -> tuple[str, ...]:
    """The addresses of a grid's four pictures. Browsers open the whole grid."""
    whole = url.partition("#")[0]
    return tuple(f"{whole}#rowmill-quarter={number}" for number in QUARTERS)


def whole_and_quarter(url: str) -> tuple[str, int | None]:
    """The address of the whole picture, and which quarter of it is meant, if any."""
    found = _MARKED.search(url)
    return (url, None) if found is None else (url[: found.start()], int(found[1]))
