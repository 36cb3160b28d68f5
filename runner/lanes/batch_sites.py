"""Which sites sell provider batches, known without the forms in which they word them."""

import tomllib
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit


def sells_batches(base_url: str) -> bool:
    """True if batches are sold at this address, of whatever requests."""
    host = urlsplit(base_url).hostname or ""
    return any(is_at(site, host) for site in _sites())


def is_at(site: str, host: str) -> bool:
    """True if a host is this site; "*." stands for any name before it."""
    return host.endswith(site[1:]) if site.startswith("*.") else host == site


@cache
def _sites() -> tuple[str, ...]:
    text = files("runner.lanes").joinpath("batches.toml").read_text(encoding="utf-8")
    return tuple(one["site"] for one in tomllib.loads(text)["batch"])
