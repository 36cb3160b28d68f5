"""Keeps the files of a workspace where all its hosts see them: the one door to fsspec."""

import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol, TypeVar

from jobs.errors import ObstacleError, Trouble
from jobs.failpoints import reach
from jobs.filesystem import flush, flush_folder
from runner.catalogue import say
from runner.exits import Refusal
from runner.secret import redacted

T = TypeVar("T")

FILES, ANSWERS, INPUTS = "files", "answers", "inputs"
"""The folders of a target."""

PROBE = ".rowmill-probe"  # written and read back at the start
MAX_NAME_BYTES = 900  # S3 allows 1,024 for the whole key
PIECE_BYTES = 1 << 20
RETRY_SECONDS = 10.0  # before a file is tried again that the target did not take
BLOCK_BYTES = 8 << 20  # of a remote file, in one request
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?=//)")  # one letter is a Windows drive
OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "obs", "cos"})
"""A put is whole or not at all there; elsewhere a part is renamed."""
NOT_TARGETS = frozenset({"memory", "data", "http", "https", "zip", "tar", "postgresql", "sqlite"})
"""Schemes that keep nothing, that nothing can be written to, or that are no files."""


class FileTargetError(ObstacleError, OSError):
    """The target cannot be read or written now."""

    trouble = Trouble.OUTPUT

    def __init__(self, kind: str, /, **values: str | int | Exception) -> None:
        super().__init__(kind, **values)
        self.errno, self.strerror = 0, str(self)


class Readable(Protocol):
    """A file to read from."""

    def read(self, size: int = -1, /) -> bytes:
        """That many bytes, fewer at the end; all without a size."""


class _NamedErrors:
    """A file whose reads fail by our name."""

    def __init__(self, file: Readable, done: Callable[[Callable[[], bytes]], bytes]) -> None:
        self._file = file
        self._done = done

    def read(self, size: int = -1, /) -> bytes:
        """As any file."""
        return self._done(lambda: self._file.read(size))


class FileTarget(ABC):
    """A place for files that several machines see. Its functions block; call them in threads.

    Names are relative, with `/`; one that leads out of the target is a FileNotFoundError. What a
    name holds is never replaced by other bytes.
    """

    address: str  # without a slash at its end

    def address_of(self, name: str) -> str:
        """The whole address of a file."""
        return f"{self.address}/{checked(name)}"

    def put(self, source: Path, name: str) -> bool:
        """Put a file whole; False if other bytes have the name. Raises FileTargetError."""
        if self._create(source, checked(name)):
            reach("target.put")
            return True
        with source.open("rb") as file:
            own = hashlib.file_digest(file, "sha256").digest()
        size = source.stat().st_size
        return self.size_of(name) == size and self.digest_of(name) == own

    def put_bytes(self, data: bytes, name: str, *, scratch: Path) -> bool:
        """The same for bytes; `scratch` is a folder on a local disk."""
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = scratch / f".{secrets.token_hex(8)}.part"
        try:
            part.write_bytes(data)
            return self.put(part, name)
        finally:
            part.unlink(missing_ok=True)

    def digest_of(self, name: str) -> bytes | None:
        """The SHA-256 of a file's bytes; None if it is missing. Raises FileTargetError."""
        digest = hashlib.sha256()
        try:
            with self.opened(name) as file:
                while piece := file.read(PIECE_BYTES):
                    digest.update(piece)
        except FileNotFoundError:
            return None
        return digest.digest()

    def read(self, name: str, *, most: int) -> bytes:
        """A file's bytes. Raises FileTargetError, or FileNotFoundError, also if there are more."""
        with self.opened(name) as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise FileNotFoundError(f"{name} is larger than {most} bytes")
        return data

    def fetch(self, name: str, to: Path) -> None:
        """Copy a file to a local path. Raises FileNotFoundError or FileTargetError."""
        with self.opened(name) as file, to.open("wb") as out:
            shutil.copyfileobj(file, out, PIECE_BYTES)

    def check(self) -> None:
        """Write a small file and read it back. Raises FileTargetError if that fails."""
        text = b"rowmill\n"
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / PROBE
            source.write_bytes(text)
            try:
                self.replace(source, PROBE)
                found = self.read(PROBE, most=len(text))
            except FileNotFoundError as error:  # a bucket that does not exist
                raise FileTargetError("target_missing", target=self.address) from error
        if found != text:
            raise FileTargetError("target_missing", target=self.address)

    @abstractmethod
    def size_of(self, name: str) -> int | None:
        """The size of a file; None if it is missing or no file. Raises FileTargetError."""

    @abstractmethod
    def opened(self, name: str) -> AbstractContextManager[Readable]:
        """The file to read from. Raises FileNotFoundError or FileTargetError."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file, if it is there. Raises FileTargetError."""

    @abstractmethod
    def tidy(self, name: str) -> None:
        """Remove what dead processes left beside a file that was put. Raises FileTargetError."""

    @abstractmethod
    def replace(self, source: Path, name: str) -> None:
        """Put a file whole, whatever has the name. Raises FileTargetError."""

    @abstractmethod
    def _create(self, source: Path, name: str) -> bool:
        """Put a file whole where nothing has the name; False if something has."""


class SharedFolder(FileTarget):
    """A folder that all hosts see under the same path; fsspec is not needed for it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = root.as_posix()

    def size_of(self, name: str) -> int | None:
        def size() -> int | None:
            status = self._path(name).lstat()
            return status.st_size if stat.S_ISREG(status.st_mode) else None

        try:
            return self._done(size)
        except FileNotFoundError:
            return None

    @contextmanager
    def opened(self, name: str) -> Iterator[Readable]:
        def opened() -> BinaryIO:
            path = self._path(name)
            if not stat.S_ISREG(path.lstat().st_mode):  # opening a pipe would block
                raise FileNotFoundError(name)
            return path.open("rb")

        with self._done(opened) as file:
            yield _NamedErrors(file, self._done)

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._done(lambda: self._path(name).unlink())

    def replace(self, source: Path, name: str) -> None:
        self._done(lambda: self._placed(source, name, Path.replace))

    def _create(self, source: Path, name: str) -> bool:
        try:
            self._done(lambda: self._placed(source, name, _link))
        except FileExistsError:
            return False
        except FileNotFoundError:
            if self.size_of(name) is None:
                raise
            return False
        return True

    def _placed(self, source: Path, name: str, place: Callable[[Path, Path], object]) -> None:
        """Make a durable copy beside the final path, then give it that path."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(_part_name(path.name))
        try:
            with source.open("rb") as given, part.open("xb") as out:
                shutil.copyfileobj(given, out, PIECE_BYTES)
                out.flush()
                flush(out.fileno())
            place(part, path)
            flush_folder(path.parent)
        finally:
            part.unlink(missing_ok=True)

    def tidy(self, name: str) -> None:
        def tidied() -> None:
            path = self._path(name)
            for part in path.parent.glob(_part_name(path.name, "*")):
                part.unlink(missing_ok=True)

        self._done(tidied)

    def _path(self, name: str) -> Path:
        """The path of a name; a link that leads out of the folder is no file of ours."""
        path = self.root / checked(name)
        if not path.parent.resolve().is_relative_to(self.root.resolve()):
            raise FileNotFoundError(name)
        return path

    def _done(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except NotADirectoryError as error:
            raise FileNotFoundError(str(error)) from error
        except (FileNotFoundError, FileExistsError):
            raise
        except OSError as error:
            raise FileTargetError("target_failed", target=self.address, reason=error) from error


def _link(part: Path, path: Path) -> None:
    """Give a file its final path, unless something has it already."""
    try:
        os.link(part, path)
    except (FileExistsError, FileNotFoundError):  # the part is gone: another host has put the file
        raise
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise FileExistsError(str(path)) from None
        part.replace(path)


class RemoteStore(FileTarget):
    """An address that fsspec opens: an object store, or another machine."""

    def __init__(self, address: str, system: Any, root: str) -> None:
        self.address = address
        self._system = system  # fsspec's; its blocking calls may be made from any thread
        self._root = root.rstrip("/")
        protocol = system.protocol
        names = {protocol} if isinstance(protocol, str) else set(protocol)
        self._is_object_store = bool(names & OBJECT_STORES)

    def size_of(self, name: str) -> int | None:
        try:
            found = self._done(lambda: self._system.info(self._key(name)))
        except FileNotFoundError:
            return None
        return int(found["size"]) if found["type"] == "file" else None

    @contextmanager
    def opened(self, name: str) -> Iterator[Readable]:
        key = self._key(name)
        with self._done(lambda: self._system.open(key, "rb", block_size=BLOCK_BYTES)) as file:
            yield _NamedErrors(file, self._done)

    def fetch(self, name: str, to: Path) -> None:
        key = self._key(name)
        self._done(lambda: self._system.get_file(key, str(to)))

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._done(lambda: self._system.rm_file(self._key(name)))

    def tidy(self, name: str) -> None:
        if self._is_object_store:
            return
        folder, _, last = self._key(name).rpartition("/")
        with suppress(FileNotFoundError):
            for left in self._done(lambda: self._system.glob(f"{folder}/{_part_name(last, '*')}")):
                self._done(partial(self._system.rm_file, left))

    def replace(self, source: Path, name: str) -> None:
        self._put(source, self._key(name), mode="overwrite")

    def _create(self, source: Path, name: str) -> bool:
        try:
            self._put(source, self._key(name), mode="create")
        except FileExistsError:
            return False
        return True

    def _put(self, source: Path, key: str, *, mode: str) -> None:
        try:
            self._put_whole(source, key, mode=mode)
        except FileNotFoundError as error:  # its bucket is gone
            raise FileTargetError("target_missing", target=self.address) from error

    def _put_whole(self, source: Path, key: str, *, mode: str) -> None:
        if self._is_object_store:
            self._done(lambda: self._system.put_file(str(source), key, mode=mode))
            return
        if mode == "create" and self._done(lambda: self._system.exists(key)):
            raise FileExistsError(key)
        folder, _, last = key.rpartition("/")
        part = f"{folder}/{_part_name(last)}"
        self._done(lambda: self._system.makedirs(folder, exist_ok=True))
        self._done(lambda: self._system.put_file(str(source), part))
        self._done(lambda: self._system.mv(part, key))

    def _key(self, name: str) -> str:
        return f"{self._root}/{checked(name)}"

    def _done(self, work: Callable[[], T]) -> T:
        """What the store's library does, with every error under one name."""
        try:
            return work()
        except (FileNotFoundError, FileExistsError):
            raise
        except Exception as error:
            why = redacted(f"{type(error).__name__}: {error}")[:300]
            raise FileTargetError("target_failed", target=self.address, reason=why) from error


def _part_name(last: str, token: str | None = None) -> str:
    """The name of a part of a file; one in progress has a token of its own."""
    digest = hashlib.blake2b(last.encode(), digest_size=8).hexdigest()
    return f".{digest}.{token or secrets.token_hex(8)}.part"


def checked(name: str) -> str:
    """The name, if it is relative and safe. Raises FileNotFoundError: nothing can have it."""
    parts = name.split("/")
    bad = (
        any(part in ("", ".", "..") or part != part.rstrip(" .") for part in parts)
        or "\\" in name
        or any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in name)
        or re.match("[A-Za-z]:", parts[0]) is not None
        or len(name.encode(errors="replace")) > MAX_NAME_BYTES
    )
    if bad or PurePosixPath(name).is_absolute():
        raise FileNotFoundError(f"no file can have the name {name[:200]!r}")
    return name


def open_target(text: str) -> FileTarget:
    """The target at this address or path. Raises Refusal if it cannot be one."""
    found = SCHEME.match(text)
    if "::" in text and "//" in text:  # a chain of stores
        raise Refusal(say("target.unsuited", target=redacted(text)))
    if found is None or found[1].lower() in ("file", "local"):
        return SharedFolder(_local_path(text))
    if found[1].lower() in NOT_TARGETS:
        raise Refusal(say("target.unsuited", target=redacted(text)))
    if "@" in text[found.end() :].split("/", 3)[2]:
        raise Refusal(say("target.password"))  # unprinted
    system, root = _opened_by_fsspec(text, found[1])
    if not root.strip("/"):
        raise Refusal(say("target.unsuited", target=text))
    return RemoteStore(text.rstrip("/"), system, root)


def _local_path(text: str) -> Path:
    if SCHEME.match(text) is not None:
        from urllib.parse import urlsplit  # noqa: PLC0415 - seldom written so
        from urllib.request import url2pathname  # noqa: PLC0415 - as above

        text = url2pathname(urlsplit(text).path)
    if not text.strip() or "\0" in text:
        raise Refusal(say("target.unsuited", target=text))
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111 - .. goes too


def _opened_by_fsspec(text: str, scheme: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - an extra, for those who name a target

        # A listing that is remembered would not show what other hosts put there.
        system, root = url_to_fs(text, use_listings_cache=False, skip_instance_cache=True)
    except ImportError as error:
        raise Refusal(say("target.package", scheme=scheme, reason=str(error))) from error
    except ValueError as error:  # an unknown scheme, or no bucket
        raise Refusal(say("target.unsuited", target=redacted(text))) from error
    return system, str(root)
