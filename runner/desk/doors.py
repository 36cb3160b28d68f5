"""Who is let in: requests that know the token, name this machine, and come from the desk's page."""

import secrets
from dataclasses import dataclass, field

from aiohttp import web

from runner.report.server import SECURITY_HEADERS, Handler

TOKEN_HEADER = "X-Rowmill-Token"  # noqa: S105 - a header's name
OWN_SITE = frozenset({"same-origin", "none"})


@dataclass(slots=True)
class Doors:
    """The token of this start, and the names under which the desk is reached."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)
    hosts: frozenset[str] = frozenset()

    def listen_at(self, host: str, port: int) -> None:
        """Answer to these names from now on."""
        self.hosts = frozenset({f"{host}:{port}", f"localhost:{port}"})

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer only requests for this machine's own names, with safe headers.

        A foreign web page may point its name at 127.0.0.1; its Host header shows that.
        """
        if request.headers.get("Host", "").lower() not in self.hosts:
            raise web.HTTPBadRequest(text="unknown host\n", headers=SECURITY_HEADERS)
        if request.method not in ("GET", "HEAD"):
            self._check_write(request)
        try:
            answer = await handler(request)
        except web.HTTPException as error:
            error.headers.update(SECURITY_HEADERS)
            raise
        if not answer.prepared:
            answer.headers.update(SECURITY_HEADERS)
        return answer

    def _check_write(self, request: web.Request) -> None:
        """A write repeats the token in a header, which no foreign page can send unasked."""
        given = request.headers.get(TOKEN_HEADER, "")
        origin = request.headers.get("Origin")
        from_here = origin is None or origin.lower() in {f"http://{one}" for one in self.hosts}
        sent_by = request.headers.get("Sec-Fetch-Site", "none")
        has_token = secrets.compare_digest(given.encode(), self.token.encode())
        if not has_token or not from_here or sent_by not in OWN_SITE:
            raise web.HTTPForbidden(text="not from the desk's page\n", headers=SECURITY_HEADERS)
