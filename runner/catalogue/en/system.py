"""What the system says of an error, by its symbol in `errno`; English is the system's own words."""

import errno
import os

NUMBERS: dict[str, int] = {
    name: number
    for name in (
        *("EACCES", "EPERM", "ENOENT", "EEXIST", "ENOTDIR", "EISDIR", "ENOTEMPTY"),
        *("ENOSPC", "EDQUOT", "EROFS", "EIO", "EFBIG", "EMFILE", "ENFILE", "ENOMEM"),
        *("EBUSY", "ETXTBSY", "ENAMETOOLONG", "ELOOP", "EXDEV", "ENOLCK", "EINVAL", "ENODEV"),
        *("ENXIO", "ESTALE", "ENOTSUP", "EOPNOTSUPP", "EADDRINUSE", "EADDRNOTAVAIL"),
        *("ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "EHOSTUNREACH", "ETIMEDOUT", "EPIPE"),
        *("ENOEXEC", "EAGAIN", "ENOSYS"),
    )
    if (number := getattr(errno, name, None)) is not None
    and not os.strerror(number).startswith("Unknown error")
}
"""Not every system has each of them, or has words for it."""

SYSTEM: dict[str, str] = {f"system.{name}": os.strerror(number) for name, number in NUMBERS.items()}
