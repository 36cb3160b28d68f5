"""The address of a shared table: a PostgreSQL database and the workspace in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, unquote

from runner.secret import Secret

SCHEMES = ("postgresql://", "postgres://")
VERIFIED = "verify-full"
VERIFIED_TLS = {"sslmode": VERIFIED, "sslrootcert": "system"}
WEAKER_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca"})
OWN_ROOTS = Path("~/.postgresql/root.crt")
"""Where libpq looks for certificates by itself; without it, the system's are named."""

_PORTS = frozenset("0123456789")
_HOST_SIGNS = frozenset("-._%[]:")  # besides letters and digits
_OWN_HOSTS = frozenset({"localhost", "::1", "[::1]"})


class DatabaseUrlError(ValueError):
    """The text is no address of a PostgreSQL database. It never says what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseUrl:
    """A database as libpq understands it, and the name of a workspace in it."""

    user: str = ""
    hosts: str = ""  # host and port, several with commas; empty: libpq's own default
    database: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    name: str | None = None  # of the workspace; None: the only one, or the sheet's
    password: Secret | None = None  # from the environment; never shown, never stored

    def __str__(self) -> str:
        """The address as a person types it; never with the password."""
        name = "" if self.name is None else "#" + self.name.replace("%", "%25")
        return self.server + name

    @property
    def server(self) -> str:
        """The address without the name of a workspace."""
        return self._with(self.parameters)

    @property
    def key_place(self) -> str:
        """What a stored password belongs to: user, server and database, without parameters."""
        hosts = ",".join(one.removesuffix(":5432") for one in self.hosts.lower().split(","))
        return replace(self, hosts=hosts)._with(())

    def named(self, name: str) -> "DatabaseUrl":
        """The same database, with the workspace of this name."""
        return replace(self, name=name)

    def without_password(self) -> "DatabaseUrl":
        """What may be stored."""
        return replace(self, password=None)

    def connection(self, environ: Mapping[str, str]) -> str:
        """The address for the store, without password and name.

        It says how TLS is used: a verified certificate for a server that is not this machine,
        unless the address or libpq's own settings say otherwise.
        """
        given = dict(self.parameters)
        settings = libpq_settings(self, environ)
        return self._with(tuple({**_tls(settings, given), **given}.items()))

    def _with(self, parameters: tuple[tuple[str, str], ...]) -> str:
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        query = "&".join(f"{key}={quote(value, safe='/:,')}" for key, value in parameters)
        return "".join(
            (
                f"postgresql://{user}{self.hosts}/{quote(self.database, safe='')}",
                f"?{query}" if query else "",
            )
        )


def typed_address(connection: str, name: str) -> str:
    """An address of `DatabaseUrl.connection` with a workspace's name, as a person types it."""
    url = read_database_url(connection)
    told = tuple(one for one in url.parameters if one not in VERIFIED_TLS.items())
    return str(replace(url, parameters=told, name=name))


def is_database_url(text: str) -> bool:
    """True if this word means a database, not a file."""
    return text.lower().startswith((*SCHEMES, "sqlite:")) or (
        text.lower().startswith("postgresql+") and "://" in text
    )


def read_database_url(text: str) -> DatabaseUrl:
    """Read `postgresql://[user@]server[:port]/database[?parameters][#NAME]`.

    Raises DatabaseUrlError.
    """
    text = text.strip()
    scheme = next((one for one in SCHEMES if text.lower().startswith(one)), None)
    if scheme is None or not text.isprintable():
        raise DatabaseUrlError("scheme")
    rest, _, name = text[len(scheme) :].partition("#")
    rest, _, query = rest.partition("?")
    authority, _, database = rest.partition("/")
    userinfo, _, hosts = authority.rpartition("@")
    user, colon, password = userinfo.partition(":")
    if "/" in database or "@" in database or not _are_hosts(hosts):
        raise DatabaseUrlError("form")
    parameters = dict(_parameters(query))
    if "sslpassword" in parameters:
        raise DatabaseUrlError("form")
    asked = parameters.pop("password", None)
    secret = asked if asked is not None else (unquote(password) if colon else None)
    return DatabaseUrl(
        user=unquote(user),
        hosts=hosts,
        database=unquote(database),
        parameters=tuple(parameters.items()),
        name=unquote(name) or None,
        password=Secret(secret) if secret else None,
    )


def _are_hosts(hosts: str) -> bool:
    for one in hosts.split(","):
        head, colon, port = one.rpartition(":") if not one.endswith("]") else (one, "", "")
        host = head if colon else one
        if colon and not (port and set(port) <= _PORTS):
            return False
        if not all(sign.isalnum() or sign in _HOST_SIGNS for sign in host):
            return False
    return True


def _parameters(query: str) -> list[tuple[str, str]]:
    found = []
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        if not equals or not key.isidentifier():
            raise DatabaseUrlError("form")
        found.append((key, unquote(value)))
    return found


# --- what libpq makes of it ---------------------------------------------------------------------


def libpq_settings(url: DatabaseUrl, environ: Mapping[str, str]) -> dict[str, str]:
    """Host and TLS settings in force: of the address, else the service file, else variables."""
    given = dict(url.parameters)
    if url.hosts:
        given.setdefault("host", url.hosts)
    service = given.get("service") or environ.get("PGSERVICE", "")
    stored = _service(service, environ) if service else {}
    found = {}
    for key in ("host", "hostaddr", "sslmode", "sslrootcert"):
        value = given.get(key) or stored.get(key) or environ.get(f"PG{key.upper()}", "")
        if value:
            found[key] = value
    return found


def weak_tls(url: DatabaseUrl, environ: Mapping[str, str]) -> str | None:
    """The sslmode, where it is weaker than it should be for a server elsewhere."""
    settings = libpq_settings(url, environ)
    mode = settings.get("sslmode", VERIFIED)
    return mode if mode in WEAKER_MODES and not _is_here(settings) else None


def _tls(settings: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    if _is_here(settings):
        # Of a service, the store sees only the name, and would take it for a server elsewhere.
        return {"sslmode": settings.get("sslmode", "prefer")} if "service" in given else {}
    mode = settings.get("sslmode", VERIFIED)
    if mode != VERIFIED or "sslrootcert" in settings or OWN_ROOTS.expanduser().exists():
        return {"sslmode": mode}
    return VERIFIED_TLS


def _is_here(settings: Mapping[str, str]) -> bool:
    """True if the connection does not leave this machine."""
    hosts = settings.get("hostaddr") or settings.get("host") or ""
    return all(_is_own(one) for one in hosts.split(","))


def _is_own(host: str) -> bool:
    """True for a socket's folder, and for the names of this machine."""
    host = unquote(host).lower()
    if host.startswith(("/", "@", ":")) or not host:
        return True
    bare = host if host in _OWN_HOSTS or host.endswith("]") else host.rpartition(":")[0] or host
    return bare in _OWN_HOSTS or (bare.startswith("127.") and bare.count(".") == 3)


def _service(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of a service, from libpq's service file; empty if there are none."""
    named = environ.get("PGSERVICEFILE")
    places = [Path(named)] if named else [Path.home() / ".pg_service.conf"]
    if system := environ.get("PGSYSCONFDIR"):
        places.append(Path(system) / "pg_service.conf")
    for place in places:
        try:
            lines = place.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        found: dict[str, str] = {}
        inside = False
        for line in map(str.strip, lines):
            if line.startswith("["):
                inside = line == f"[{name}]"
            elif inside and "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                found[key.strip()] = value.strip()
        if found:
            return found
    return {}
