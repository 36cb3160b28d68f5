"""Encodes request bodies, and unpacks response bodies within size caps."""

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress

from jobs.job import JSON
from runner.protocol.call import Call, EncodedBody, Part
from runner.protocol.wholeness import ends_response, has_end_mark, looks_like_json

LINE_HEAD_BYTES = 64  # enough of an event stream's line to recognise it; a ping is shorter
GZIP_START = b"\x1f\x8b\x08"
GZIP_LABELS = frozenset({"gzip", "x-gzip"})
PLAIN_LABELS = frozenset({"", "identity"})
LABELS = GZIP_LABELS | PLAIN_LABELS | {"deflate"}
UNPACK_STEP_BYTES = 1 << 20  # so that a decompression bomb is seen before it fills the memory


class UndecodableError(Exception):
    """A compressed body that is damaged or cut, or whose coding we did not ask for.

    `partial` is what this last piece unpacked to before the fault.
    """

    def __init__(self, detail: str, partial: bytes = b"") -> None:
        super().__init__(detail)
        self.partial = partial


class UnencodableError(ValueError):
    """A call that cannot be put into bytes; nothing was sent."""


class TooLargeError(Exception):
    """A body that exceeds its cap; reading stopped there."""


_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_encode_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def json_body(value: Mapping[str, JSON]) -> bytes:
    """The value as compact UTF-8 JSON. Raises UnencodableError for NaN, infinity and deep nests."""
    try:
        return _encode_json(value).encode()
    except UnicodeEncodeError:  # a lone surrogate from a broken cell: sent escaped, as it was read
        return _encode_ascii(value).encode()
    except (ValueError, RecursionError) as error:
        raise UnencodableError(f"the request is not valid JSON: {error}") from error


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


def _boundary(parts: Sequence[Part]) -> str:
    """The same for the same parts: a repeat under the same Idempotency-Key has the same bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part.name.encode() + b"\0")
        digest.update(hashlib.blake2b(part.content).digest())
    return f"rowmill-{digest.hexdigest()}"


def _quoted(text: str) -> str:
    """A quoted name as browsers write it: UTF-8 with three characters escaped."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def encoded(call: Call) -> Call:
    """The call with its body in bytes. Raises UnencodableError.

    The same call has the same bytes, form boundary included: an Idempotency-Key is bound to them.
    """
    return call if call.encoded is not None else call.with_body(_encoded(call))


def body_of(call: Call) -> EncodedBody:
    """The bytes of a call's body, encoded now unless they are already. Raises UnencodableError."""
    return call.encoded if call.encoded is not None else _encoded(call)


def _encoded(call: Call) -> EncodedBody:
    if call.json is not None:
        return EncodedBody(content=json_body(call.json), media_type="application/json")
    if not call.parts:
        return EncodedBody(content=b"", media_type="")
    boundary = _boundary(call.parts)
    media_type = f"multipart/form-data; boundary={boundary}"
    return EncodedBody(content=multipart_body(call.parts, boundary), media_type=media_type)


class Unpacker:
    """Unpacks one body piece by piece, with caps on the bytes received and unpacked.

    The bytes decide, the label only guides: servers label plain bodies as compressed and the other
    way round. A body that its label does not describe is passed through as it came, and `finish`
    raises UndecodableError.
    """

    def __init__(self, coding: str, *, received: int, unpacked: int) -> None:
        self._label = coding.strip().lower()
        self._received, self._left = received, unpacked
        self._is_empty = True
        self._is_plain: bool | None = None  # None: its first bytes have not come
        self._begun = b""  # two bytes tell the two kinds of deflate apart
        self._member: zlib._Decompress | None = None

    def feed(self, data: bytes) -> bytes:
        """The bytes that this piece unpacks to. Raises UndecodableError or TooLargeError."""
        self._is_empty = self._is_empty and not data
        self._received -= len(data)
        if self._received < 0:
            raise TooLargeError("the body is larger than allowed")
        if self._is_plain is None:
            data, self._begun = self._begun + data, b""
            if self._label == "deflate" and len(data) < 2:
                self._begun = data
                return b""
            return self._first(data)
        return self._counted(data) if self._is_plain else self._unpacked(data)

    def finish(self) -> None:
        """Mark the end of the body. An empty body is whole, whatever its headers say."""
        if self._is_empty:
            return
        if self._label not in LABELS:
            raise UndecodableError(
                f"content-encoding {self._label[:40]!r} was not asked for", self._begun
            )
        if self._begun or (self._member is not None and not self._member.eof):
            raise UndecodableError("the compressed body ends too early", self._begun)
        if self._is_plain and self._label not in PLAIN_LABELS:
            raise UndecodableError(f"the body is labelled {self._label} and is not compressed")

    def _first(self, data: bytes) -> bytes:
        """Tell from its first bytes how the body is packed, and unpack these."""
        self._is_plain = False
        if data.startswith(GZIP_START) or (self._label in GZIP_LABELS and data[:1] == b"\x1f"):
            self._member = zlib.decompressobj(wbits=31)
            return self._unpacked(data)
        if self._label == "deflate" and not looks_like_json(data):
            has_header = _zlib_header(data)
            self._member = zlib.decompressobj(wbits=15 if has_header else -15)
            try:
                return self._unpacked(data)
            except UndecodableError:
                if has_header:
                    raise
                self._member = None  # raw deflate has no mark: these bytes are something else
        self._is_plain = True
        return self._counted(data)

    def _unpacked(self, data: bytes) -> bytes:
        pieces: list[bytes] = []
        while True:
            assert self._member is not None
            if self._member.eof:
                data = data.lstrip(b"\0")  # padding after a member is allowed
                if not data:
                    break
                if not data.startswith(b"\x1f"):
                    detail = "bytes after the end of the compressed body"
                    raise UndecodableError(detail, b"".join(pieces))
                self._member = zlib.decompressobj(wbits=31)
            before = self._member.copy()
            try:
                piece = self._member.decompress(data, UNPACK_STEP_BYTES)
            except zlib.error as error:
                pieces.append(self._counted(_until_fault(before, data)))
                raise UndecodableError(str(error), b"".join(pieces)) from error
            pieces.append(self._counted(piece))
            member = self._member
            data = member.unused_data if member.eof else member.unconsumed_tail
            if not data and len(piece) < UNPACK_STEP_BYTES:
                break
        return b"".join(pieces)

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise TooLargeError("the unpacked body is larger than allowed")
        return data


def _until_fault(member: "zlib._Decompress", data: bytes) -> bytes:
    """What these bytes unpack to before their fault, which may be only a wrong checksum."""
    found: list[bytes] = []
    with suppress(zlib.error):
        for at in range(len(data)):
            found.append(member.decompress(data[at : at + 1]))  # noqa: PERF401 - keeps what came
    return b"".join(found)


def _zlib_header(data: bytes) -> bool:
    """True if it starts as zlib (RFC 1950); servers call both this and raw deflate `deflate`."""
    return data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0


class DataWatch:
    """Tells an event stream's data from the comments and pings that only keep it open.

    Protocol fact: gateways send `: PING` comments every few seconds while nothing happens upstream,
    and Anthropic sends `event: ping`, so a timer on bytes alone never fires.
    """

    def __init__(self) -> None:
        self.has_ended = False  # the stream's own end mark has come
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
        self.has_ended = (
            self.has_ended
            or has_end_mark(b"event:" + event + b"\n" + line[:LINE_HEAD_BYTES])
            or ends_response(event, value[:LINE_HEAD_BYTES])
        )
        return event != b"ping" and value.replace(b" ", b"") != b'{"type":"ping"}'
