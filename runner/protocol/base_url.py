"""Normalises the base URLs that providers print and builds request URLs from them.

Most services use `BASE/v1/chat/completions`. Others have their own version or prefix (`/api/v3`,
`/v1beta/openai`, `/inference`, `/openai/deployments/NAME?api-version=…`), and people paste the full
URL of a request. All of these are accepted and reduced to one spelling.
"""

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, parse_qs, urlsplit

# Compiled on first use: most commands see no such address.
_REQUEST_PATH_END = (
    r"(?<=v\d)/models$|/(?:chat/completions|completions|responses|messages|embeddings|rerank"
    r"|images/(?:generations|edits|variations)|audio/(?:speech|transcriptions|translations)"
    r"|v1beta/models(?:/[^/]+)?|mj/submit/[a-z-]+)$"
)
"""The end of a URL that is the full URL of a request."""

_VERSION_LIKE_END = (
    r"/(?:v\d+(?:\.\d+)?(?:alpha|beta)?\d*|openai|openapi|inference|compat|models|serving-endpoints"
    r"|openai/deployments/[^/]+)$"
)
"""The end of a base path that replaces `/v1`."""

_VERSION_TAIL = r"(?:/v\d+(?:\.\d+)?(?:alpha|beta)?\d*|/openai(?:/deployments/[^/]+)?)+$"
_SECRET_NAME_WORDS = r"(?i)key|token|secret|sig|auth|pass"  # noqa: S105 - a pattern
"""Matches the names of query parameters that contain a secret."""

VERSION = "/v1"
COMPATIBLE_MODE = "/compatible-mode"
"""Below which Bailian speaks OpenAI's forms, and only those."""
KNOWN_PREFIXES = (
    *("", "/openai/v1", "/api/v3", "/compatible-mode", "/api/paas/v4", "/v1beta/openai", "/api"),
    *("/inference", "/v2"),
)
"""Paths below which services put their API, the commonest first."""


def normalised(text: str) -> str | None:
    """The normalised base URL, or None if it is not http(s) or contains a password or key.

    A trailing slash and `/v1` are removed; so is the path of a full request URL if the rest still
    shows the prefix that belongs before it.
    """
    parts = _split(text.strip())
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    if any(
        re.search(_SECRET_NAME_WORDS, name)
        for name in parse_qs(parts.query, keep_blank_values=True)
    ):
        return None  # URLs are stored and shown, and a key inside would be too
    if "@" in parts.netloc or parts.fragment:
        return None
    if not text.strip().isprintable() or any(map(str.isspace, text.strip())):
        return None
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    cut = re.sub(_REQUEST_PATH_END, "", path)
    if cut != path and (
        cut.endswith(VERSION) or re.search(_VERSION_LIKE_END, cut) or _is_unversioned(path)
    ):
        path = cut
    short = path.removesuffix(VERSION)
    if not re.search(_VERSION_LIKE_END, short):  # else "/openai/v1" would become another address
        path = short
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.lower()}{path}{query}"


def request_url(base_url: str, path: str) -> str:
    """The URL of a call below a normalised base URL. `path` is OpenAI's, such as `/v1/models`."""
    parts = urlsplit(base_url)
    root = f"{parts.scheme}://{parts.netloc}"
    query = f"?{parts.query}" if parts.query else ""
    if not path.startswith(f"{VERSION}/"):  # not below a version: prices, Midjourney
        prefix = re.sub(_REQUEST_PATH_END, "", parts.path)
        if prefix and path.startswith(f"{prefix}/"):  # the path brings the prefix along
            return root + path
        return root + re.sub(_VERSION_TAIL, "", prefix).removesuffix(COMPATIBLE_MODE) + path
    prefix, version = parts.path, VERSION
    # A full request URL shows the prefix before the endpoint.
    if re.search(_REQUEST_PATH_END, prefix):
        prefix, version = re.sub(_REQUEST_PATH_END, "", prefix), ""
    elif re.search(_VERSION_LIKE_END, prefix):
        version = ""
    joined = root + prefix + version + path.removeprefix(VERSION)
    return joined + (query.replace("?", "&") if "?" in path else query)


def other_forms(base_url: str) -> Iterator[str]:
    """Other addresses at the same host under which an API may answer, normalised."""
    parts = urlsplit(base_url)
    root = f"{parts.scheme}://{parts.netloc}"
    query = f"?{parts.query}" if parts.query else ""
    for prefix in KNOWN_PREFIXES:
        found = normalised(f"{root}{prefix}{query}")
        if found is not None and found != base_url:
            yield found


def _is_unversioned(path: str) -> bool:
    """True for the full URL of a request that is never below a version, such as Midjourney's."""
    return path.startswith("/mj/") or "/mj/submit/" in path or "/v1beta/models" in path


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # an invalid port only raises here
    except ValueError:
        return None
    return parts
