"""Decides which addresses to connect to, through which proxy and with which certificates."""

import asyncio
import functools
import ipaddress
import os
import socket
import ssl
import sys
import urllib.request
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup: TypeAlias = Callable[[str, int], Awaitable[list[str]]]

FAKE_IP_RANGE = ipaddress.ip_network("198.18.0.0/15")  # used by local proxy programs for any name
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is routed on the internet
BLOCKED_RANGES = tuple(
    ipaddress.ip_network(text)
    for text in (
        # ranges that `is_global` lets through in some releases of Python
        "0.0.0.0/8",
        "100.64.0.0/10",
        "168.63.129.16/32",  # Azure's machine agent answers here on every virtual machine
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "2001:db8::/32",
        "2001:20::/28",
        "3fff::/20",
    )
)
NAT64_RANGE = ipaddress.ip_network("64:ff9b::/96")
TRANSLATED_RANGE = ipaddress.ip_network("::ffff:0:0:0/96")
COMPATIBLE_RANGE = ipaddress.ip_network("::/96")


class BlockedError(Exception):
    """A download may not connect to this host."""


def is_public(text: str) -> bool:
    """True if the address, and every IPv4 address embedded in it, is on the public internet."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    hidden = list(_embedded(address))
    if isinstance(address, ipaddress.IPv6Address) and hidden:
        return all(_is_open(inner) for inner in hidden)
    return _is_open(address)


def _is_open(address: Address) -> bool:
    if any(address.version == closed.version and address in closed for closed in BLOCKED_RANGES):
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _embedded(address: Address) -> Iterator[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 address reaches by translation or through a tunnel."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    low = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address in NAT64_RANGE or address in TRANSLATED_RANGE or address in COMPATIBLE_RANGE:
        yield low
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield from address.teredo
    elif (int(address) >> 32) & 0xFDFFFFFF == 0x00005EFE:  # ISATAP
        yield low


async def system_lookup(host: str, port: int) -> list[str]:
    """All addresses that the system resolves a name to. Raises OSError if there are none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_loopback(text: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(text).is_loopback
    return False


class LoopbackError(BlockedError):
    """An address that only the machine that gave it can reach: allowing it cannot help."""


class AddressGuard:
    """Decides which addresses a download may connect to.

    A link in an answer or in a sheet must not reach addresses inside the user's own network. Host
    and port of the user's own base URL, and hosts allowed by name, are exempt. `on_fake` is called
    once, with the base URL's host, when addresses of a fake-IP proxy are allowed.
    """

    def __init__(
        self,
        *,
        base_url: str = "",
        allow_hosts: Iterable[str] = (),
        lookup: Lookup = system_lookup,
        on_fake: Callable[[str], None] = lambda _host: None,
    ) -> None:
        self._on_fake = on_fake
        self._base = _host_and_port(base_url) if base_url else None
        self._allowed = {_bare_host(host) for host in allow_hosts}
        self._lookup = lookup
        self._fake: bool | None = None

    async def addresses(self, host: str, port: int) -> list[str]:
        """The checked addresses to connect to. Raises BlockedError, or the lookup's OSError."""
        found = await self._found(host, port)
        if not self._is_exempt(host, port):
            for address in found:
                if ipaddress.ip_address(address).is_loopback:
                    raise LoopbackError(
                        f"{host} is at {address}, which is the gateway's own machine"
                    )
                if not is_public(address) and not await self._is_fake(address):
                    raise BlockedError(
                        f"{host} is at {address}, which is not a public address; "
                        f"if the host is yours, allow it with --allow-host {host}"
                    )
        return found

    def _is_exempt(self, host: str, port: int) -> bool:
        return _bare_host(host) in self._allowed or (_bare_host(host), port) == self._base

    async def _found(self, host: str, port: int) -> list[str]:
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        try:
            return await self._lookup(host, port)
        except UnicodeError as error:  # a name that no DNS can hold
            raise BlockedError(f"{host[:80]!r} is not a host name") from error

    async def _is_fake(self, address: str) -> bool:
        """True if a fake-IP proxy runs here: the user's own gateway is in that range too."""
        if self._base is None or not _is_in_fake_range(address):
            return False
        if self._fake is None:
            try:
                own = await self._found(*self._base)
            except (OSError, BlockedError):
                return False
            self._fake = any(_is_in_fake_range(each) for each in own) and not _is_literal(
                self._base[0]
            )
            if self._fake:
                self._on_fake(self._base[0])
        return self._fake


def _is_in_fake_range(address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in FAKE_IP_RANGE
    except ValueError:
        return False


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _bare_host(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return _bare_host(parts.hostname or ""), parts.port or (443 if parts.scheme == "https" else 80)


def proxy_for(url: str, environ: Mapping[str, str], *, own: str | None = None) -> str | None:
    """The proxy for this address, or None: `own`, else the environment's, else the system's.

    This machine is never reached through a proxy. The system's settings, which only macOS and
    Windows have, count if the environment names no proxy at all.
    """
    host, port = _host_and_port(url)
    if is_local(host):
        return None
    if own:
        return own
    scheme = urlsplit(url).scheme
    named = _named_proxies(environ)
    if not named and environ is os.environ:
        if sys.platform in {"darwin", "win32"} and urllib.request.proxy_bypass(host):
            return None
        named = urllib.request.getproxies()
    proxy = named.get(scheme) or named.get("all")
    if not proxy:
        return None
    excepted = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if any(_matches(entry.strip().lower(), host, port) for entry in excepted.split(",")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def is_local(host: str) -> bool:
    """True for the names and addresses by which a machine reaches itself."""
    host = _bare_host(host)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _named_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """The proxies of HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, by scheme; lower case first."""
    found = {}
    for scheme in ("http", "https", "all"):
        name = f"{scheme}_proxy"
        proxy = (environ.get(name) or environ.get(name.upper()) or "").strip()
        if proxy:
            found[scheme] = proxy
    return found


def _matches(entry: str, host: str, port: int) -> bool:
    """True if an entry of NO_PROXY (*, name, host:port or network) matches this host."""
    if not entry:
        return False
    if entry == "*":
        return True
    if _is_literal(host):
        try:
            return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            pass
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit():
        if int(wanted) != port:
            return False
        entry = name.strip("[]")
    entry = entry.removeprefix("*").removeprefix(".")
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))


@functools.cache
def tls_context() -> ssl.SSLContext:
    """The one TLS context of the process: building one for each client would stall the loop.

    It uses the system's certificate store, or httpx's if there is none (Python from python.org on
    macOS).
    """
    paths = ssl.get_default_verify_paths()
    context = ssl.create_default_context()
    if paths.cafile is None and paths.capath is None and not context.get_ca_certs():
        context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
