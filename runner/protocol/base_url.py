"""Base URLs of gateways as providers print them: with or without a version, whole, with a query.

Most services take `BASE/v1/chat/completions`. Others have a version or a prefix of their own
(`/api/v3`, `/v1beta/openai`, `/inference`, `/openai/deployments/NAME?api-version=…`), and people
paste the address of a whole request. All of these are one spelling of a base URL here.
"""

import re
from urllib.parse import SplitResult, parse_qs, urlsplit

_ENDPOINT = re.compile(
    r"(?<=v\d)/models$|/(?:chat/completions|completions|responses|messages|embeddings|rerank"
    r"|images/(?:generations|edits|variations)|audio/(?:speech|transcriptions|translations)"
    r"|v1beta/models(?:/[^/]+)?|mj/submit/[a-z-]+)$"
)
"""The end of an address that is a whole request's."""

_AS_IT_IS = re.compile(
    r"/(?:v\d+(?:\.\d+)?(?:alpha|beta)?\d*|openai|openapi|inference|compat|models|serving-endpoints"
    r"|openai/deployments/[^/]+)$"
)
"""The end of a base path that takes the place of `/v1`."""

_TAIL = re.compile(r"(?:/v\d+(?:\.\d+)?(?:alpha|beta)?\d*|/openai(?:/deployments/[^/]+)?)+$")
_SECRET = re.compile(r"key|token|secret|sig|auth|pass", re.IGNORECASE)
"""What names of parameters that hold a secret have in them."""

VERSION = "/v1"


def normalised(text: str) -> str | None:
    """The one spelling of a base URL, or None: it is not http(s), or holds a password or key.

    A trailing slash and `/v1` are cut off; so is the path of a whole request where the rest says
    what belongs before it.
    """
    parts = _split(text.strip())
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    if any(map(_SECRET.search, parse_qs(parts.query, keep_blank_values=True))):
        return None  # an address is stored and shown; a key in it would be, too
    if "@" in parts.netloc or parts.fragment:
        return None
    if not text.strip().isprintable() or any(map(str.isspace, text.strip())):
        return None
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    cut = _ENDPOINT.sub("", path)
    if cut != path and (cut.endswith(VERSION) or _AS_IT_IS.search(cut) or _is_root(path)):
        path = cut
    short = path.removesuffix(VERSION)
    if not _AS_IT_IS.search(short):  # else "/openai/v1" would become another address
        path = short
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.lower()}{path}{query}"


def request_url(base_url: str, path: str) -> str:
    """The address of a call at a normalised base URL. `path` is that of most services: `/v1/…`."""
    parts = urlsplit(base_url)
    root = f"{parts.scheme}://{parts.netloc}"
    query = f"?{parts.query}" if parts.query else ""
    if not path.startswith(f"{VERSION}/"):  # outside the API of a version: prices, Midjourney
        return root + _TAIL.sub("", _ENDPOINT.sub("", parts.path)) + path
    prefix, version = parts.path, VERSION
    if _ENDPOINT.search(prefix):  # a whole address: it says what stands before an endpoint
        prefix, version = _ENDPOINT.sub("", prefix), ""
    elif _AS_IT_IS.search(prefix):
        version = ""
    joined = root + prefix + version + path.removeprefix(VERSION)
    return joined + (query.replace("?", "&") if "?" in path else query)


def _is_root(path: str) -> bool:
    """True for the whole address of a request that is never below a version: Midjourney's."""
    return path.startswith("/mj/") or "/mj/submit/" in path or "/v1beta/models" in path


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # a port that is no number raises only here
    except ValueError:
        return None
    return parts
