"""Encodes request bodies, and unpacks response bodies within size caps."""

import json
import secrets
import zlib
from collections.abc import Mapping, Sequence

from jobs.job import JSON
from runner.protocol.call import Call, Part

LINE_HEAD_BYTES = 64  # enough of an event stream's line to recognise it; a ping is shorter
UNPACK_STEP_BYTES = 1 << 20  # so that a decompression bomb is seen before it fills the memory


class UndecodableError(Exception):
    """A compressed body that is damaged or cut, or whose coding we did not ask for."""


class TooLargeError(Exception):
    """A body that exceeds its cap; reading stopped there."""


_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def json_body(value: Mapping[str, JSON]) -> bytes:
    """The value as compact UTF-8 JSON. Raises ValueError for NaN and infinity."""
    try:
        return _encode_json(value).encode()
    except UnicodeEncodeError:  # a lone surrogate from a broken cell: sent escaped, as it was read
        return _encode_ascii(value).encode()


def multipart_body(parts: Sequence[Part], boundary: str) -> bytes:
    """The parts as multipart/form-data (RFC 7578)."""
    pieces: list[bytes] = []
    for part in parts:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(part.name)}"'
        if part.filename is not None:
            head += f'; filename="{_quoted(part.filename)}"'
        if part.media_type is not None:
            head += f"\r\nContent-Type: {part.media_type}"
        pieces += [head.encode(), b"\r\n\r\n", part.content, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces)


def _quoted(text: str) -> str:
    """A quoted name as browsers write it: UTF-8 with three characters escaped."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def encode_body(call: Call) -> tuple[bytes, str]:
    """The body of a call and its media type; both are empty if the call has no body."""
    if call.json is not None:
        return json_body(call.json), "application/json"
    if call.parts:
        boundary = f"rowmill-{secrets.token_hex(16)}"
        return multipart_body(call.parts, boundary), f"multipart/form-data; boundary={boundary}"
    return b"", ""


class Unpacker:
    """Unpacks one body piece by piece, with caps on the bytes received and unpacked.

    A body in a coding that we did not ask for is passed through as it came; `finish` refuses it.
    """

    def __init__(self, coding: str, *, received: int, unpacked: int) -> None:
        self._coding = coding.strip().lower()
        self._plain = self._coding not in {"gzip", "x-gzip", "deflate"}
        self._gzip = self._coding.endswith("gzip")
        self._received, self._left = received, unpacked
        self._is_empty = True
        self._begun = b""  # its first two bytes tell the two kinds of deflate apart
        self._member = zlib.decompressobj(wbits=31) if self._gzip else None

    def feed(self, data: bytes) -> bytes:
        """The bytes that this piece unpacks to."""
        self._is_empty = self._is_empty and not data
        self._received -= len(data)
        if self._received < 0:
            raise TooLargeError("the body is larger than allowed")
        if self._plain:
            return self._counted(data)
        if self._member is None:
            self._begun += data
            if len(self._begun) < 2:
                return b""
            data, self._begun = self._begun, b""
            self._member = zlib.decompressobj(wbits=15 if _zlib_header(data) else -15)
        return self._unpacked(self._member, data)

    def finish(self) -> None:
        """Mark the end of the body. An empty body is whole, whatever its headers say."""
        if self._is_empty:
            return
        if self._plain and self._coding not in {"", "identity"}:
            raise UndecodableError(f"content-encoding {self._coding[:40]!r} was not asked for")
        if self._begun or (self._member is not None and not self._member.eof):
            raise UndecodableError("the compressed body ends too early")

    def _unpacked(self, member: "zlib._Decompress", data: bytes) -> bytes:
        pieces = []
        while True:
            if member.eof:
                data = data.lstrip(b"\0")  # padding after a member is allowed
                if not data:
                    break
                if not self._gzip:
                    raise UndecodableError("bytes after the end of the compressed body")
                member = self._member = zlib.decompressobj(wbits=31)
            try:
                piece = member.decompress(data, UNPACK_STEP_BYTES)
            except zlib.error as error:
                raise UndecodableError(str(error)) from error
            pieces.append(self._counted(piece))
            data = member.unused_data if member.eof else member.unconsumed_tail
            if not data and len(piece) < UNPACK_STEP_BYTES:
                break
        return b"".join(pieces)

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise TooLargeError("the unpacked body is larger than allowed")
        return data


def _zlib_header(data: bytes) -> bool:
    """True if it starts as zlib (RFC 1950); servers call both this and raw deflate `deflate`."""
    return data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0


class DataWatch:
    """Tells an event stream's data from the comments and pings that only keep it open.

    Protocol fact: gateways send `: PING` comments every few seconds while nothing happens upstream,
    and Anthropic sends `event: ping`, so a timer on bytes alone never fires.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._event = b""

    def feed(self, data: bytes) -> bool:
        """True if these bytes complete a line of data or extend a long one."""
        *lines, rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        found = [
            self._is_data(line) for line in lines
        ]  # a list: an event's name applies to the next line
        self._rest = rest[
            :LINE_HEAD_BYTES
        ]  # enough to recognise the line, which may have megabytes
        return any(found) or (len(rest) > LINE_HEAD_BYTES and rest.startswith(b"data:"))

    def _is_data(self, line: bytes) -> bool:
        name, _, value = line.partition(b":")
        value = value.strip()
        if name == b"event":
            self._event = value
        if name != b"data" or not value:
            return False
        event, self._event = self._event, b""
        return event != b"ping" and value.replace(b" ", b"") != b'{"type":"ping"}'
