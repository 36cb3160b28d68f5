"""One line of a provider batch, as the endpoints of the mock read requests."""

from collections.abc import Mapping
from typing import cast

from aiohttp import web


class _Content:
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body


class _LineRequest:
    """What endpoints ask of a request, without a connection."""

    method = "POST"
    content_type = "application/json"
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {"anthropic-version": "2023-06-01"}

    def __init__(self, path: str, body: bytes) -> None:
        self.path = path
        self.content = _Content(body)


def line_request(path: str, body: bytes) -> web.BaseRequest:
    """The request that a line stands for."""
    return cast("web.BaseRequest", _LineRequest(path, body))
