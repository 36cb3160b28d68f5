"""Which names in a request's Host header mean this server.

A foreign web page may point a name of its own at our address; its Host header shows that. An
address in figures cannot be pointed elsewhere.
"""

import socket
from ipaddress import ip_address

LOOPBACK = "127.0.0.1"
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened at


def is_own_name(given: str, listening: str, port: int) -> bool:
    """True if a Host header names the server that listens at this address and port."""
    name, colon, number = given.lower().rpartition(":")
    if not colon or number != str(port):
        return False
    if listening == LOOPBACK:
        return name in {LOOPBACK, "localhost"}
    if listening not in EVERYWHERE:
        return name in {listening.lower(), f"[{listening.lower()}]"}
    machine = socket.gethostname().lower()
    return _is_address(name) or name in {machine, f"{machine}.local"}


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
