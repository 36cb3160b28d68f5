"""Answers GET /files/<token>.<ending> with placeholder pictures or their faults."""

import asyncio
import re
from concurrent.futures import Executor

from aiohttp import web

from runner.mock import responses
from runner.mock.bill import Bill, Download
from runner.mock.error_replies import CONSOLE_PAGE, Canned
from runner.mock.faults import FileFault
from runner.mock.pictures.draw import draw
from runner.mock.pictures.picture import MockPicture, picture_of

_PATH = re.compile(r"/files/(?:download/)?([A-Za-z0-9_-]+)\.(png|jpg|webp)")
_KINDS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
_WRONG = {"png": "WEBP", "jpg": "PNG", "webp": "JPEG"}
_MISSING = Canned(status=404, body=b"Not Found", media="text/plain")
_EXPIRED = Canned(
    status=403,
    media="application/xml",
    body=(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code>'
        b"<Message>Request has expired.</Message></Error>\n"
    ),
)


class Files:
    """The file host of one gateway. `drawer` runs the drawing."""

    def __init__(self, books: Bill, drawer: Executor) -> None:
        self.books = books
        self.drawer = drawer

    async def answer(self, http: web.BaseRequest) -> web.StreamResponse:
        """The picture of a link, or the fault of this download."""
        found = _PATH.fullmatch(http.path)
        picture = picture_of(found[1]) if found else None
        if not found or not picture:
            return self._canned(http.path, _MISSING, FileFault.OK)
        token, ending = found[1], found[2]
        fault = self._fault(picture, token)
        canned = _CANNED.get(fault)
        if canned:
            return self._canned(token, canned, fault)
        kind = _WRONG[ending] if FileFault.WRONG in picture.faults else _KINDS[ending]
        loop = asyncio.get_running_loop()
        drawn = await loop.run_in_executor(self.drawer, draw, picture, kind)
        self._note(token, 200, fault)
        headers = {"Content-Type": f"image/{'jpeg' if ending == 'jpg' else ending}"}
        if fault is FileFault.RESET:
            return await responses.cut(http, drawn, headers)
        if fault is FileFault.CUT:
            drawn = drawn[: len(drawn) // 2]
        return web.Response(body=drawn, headers=headers)

    def _fault(self, picture: MockPicture, token: str) -> FileFault:
        """The fault of the n-th download of this file; an expired link stays expired."""
        number = self.books.fetches[token]
        self.books.fetches[token] += 1
        if FileFault.EXPIRED in picture.faults[: number + 1]:
            return FileFault.EXPIRED
        return picture.faults[number] if number < len(picture.faults) else FileFault.OK

    def _canned(self, token: str, canned: Canned, fault: FileFault) -> web.Response:
        self._note(token, canned.status, fault)
        return responses.canned_response(canned, {})

    def _note(self, token: str, status: int, fault: FileFault) -> None:
        word = None if fault is FileFault.OK else fault.value
        self.books.downloads.append(Download(token=token, status=status, fault=word))


_CANNED = {
    FileFault.MISSING: _MISSING,
    FileFault.EXPIRED: _EXPIRED,
    FileFault.HTML: CONSOLE_PAGE,
}
