"""Idempotency keys: a call's key in the table, bound on the wire to the bytes that it sends."""

import hashlib
import re
from functools import lru_cache

from runner.protocol.call import Call, EncodedBody

_BOUND = re.compile(r"-[0-9a-f]{16}\Z")


def bound_key(key: str, call: Call, body: EncodedBody) -> str:
    """The key with a digest of the request: other bytes have another key, equal ones the same.

    Nothing has to be stored for it, and it holds whatever changed the bytes between two sends: a
    setting, a file of a picture, another release.
    """
    digest = _begun(call.method, call.path, body.media_type).copy()
    digest.update(body.content)
    if body.file is not None:
        digest.update(body.file.digest.encode() + body.file.tail)
    return f"{key}-{digest.hexdigest()}"


@lru_cache(maxsize=256)  # one for each model where the path names it
def _begun(method: str, path: str, media_type: str) -> "hashlib.blake2b":
    """A digest of what the calls of one kind have in common."""
    digest = hashlib.blake2b(digest_size=8)
    for text in (method, path, media_type):
        digest.update(text.encode() + b"\0")
    return digest


def unbound_key(sent: str) -> str:
    """The table's key of a call, from the key that it was sent with."""
    return _BOUND.sub("", sent)
