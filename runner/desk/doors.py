"""Who is let in: requests that know the token, name this machine, and come from the desk's page."""

import secrets
from dataclasses import dataclass, field

from aiohttp import web

from runner.report.own_names import LOOPBACK, is_own_name
from runner.report.server import (
    SECURITY_HEADERS,
    Handler,
    refuse_other_names,
    with_safe_headers,
)

TOKEN_HEADER = "X-Rowmill-Token"  # noqa: S105 - a header's name
OWN_SITE = frozenset({"same-origin", "none"})


@dataclass(slots=True)
class Doors:
    """The token of this start, and the names under which the desk is reached."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)
    host: str = LOOPBACK
    port: int = 0

    def listen_at(self, host: str, port: int) -> None:
        """Answer to the names of this address from now on."""
        self.host, self.port = host, port

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer only requests for this machine's own names, with safe headers."""
        refuse_other_names(request, self.host, self.port)
        if request.method not in ("GET", "HEAD"):
            self._check_write(request)
        return await with_safe_headers(request, handler)

    def _check_write(self, request: web.Request) -> None:
        """A write repeats the token in a header, which no foreign page can send unasked."""
        given = request.headers.get(TOKEN_HEADER, "")
        origin = request.headers.get("Origin")
        scheme, _, place = (origin or "").partition("://")
        named = scheme == "http" and is_own_name(place, self.host, self.port)
        from_here = origin is None or named
        sent_by = request.headers.get("Sec-Fetch-Site", "none")
        has_token = secrets.compare_digest(given.encode(), self.token.encode())
        if not has_token or not from_here or sent_by not in OWN_SITE:
            raise web.HTTPForbidden(text="not from the desk's page\n", headers=SECURITY_HEADERS)
