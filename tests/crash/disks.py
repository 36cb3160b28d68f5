"""Small disks of their own in image files: full ones, read-only ones, and ones that lose power."""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


def _do(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


@functools.cache
def why_not() -> str | None:
    """Why no image can be mounted here; None where one can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "loop-mounted disks need root"
    if shutil.which("mkfs.ext4") is None:
        return "mkfs.ext4 is not installed (Debian: e2fsprogs)"
    with tempfile.TemporaryDirectory() as folder:
        image, place = Path(folder) / "image", Path(folder) / "place"
        try:
            _format(image, 4)
            place.mkdir()
            _do("mount", "-o", "loop", image, place)
            _do("umount", place)
        except (subprocess.CalledProcessError, OSError) as error:
            return f"no loop device can be mounted here: {error}"
    return None


def need_disks() -> None:
    """Skip by name where no image can be mounted."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)


def _format(image: Path, megabytes: int, *options: str) -> None:
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    _do("mkfs.ext4", "-q", "-F", "-m", "0", *options, image)


@dataclass(slots=True)
class Disk:
    """One disk and where it is mounted."""

    image: Path
    place: Path
    cuts: int = 0

    @property
    def free(self) -> int:
        """Bytes."""
        return shutil.disk_usage(self.place).free

    @property
    def filler(self) -> Path:
        """What takes up the room."""
        return self.place / "filler"

    def fill(self, *, leave: int = 0) -> None:
        """Somebody else writes until nothing (or `leave` bytes) is left."""
        with self.filler.open("ab", buffering=0) as file, suppress(OSError):
            while self.free > leave:
                file.write(bytes(min(1 << 16, max(self.free - leave, 1))))

    def make_room(self) -> None:
        """And takes it away again."""
        self.filler.unlink()

    def settle(self) -> None:
        """What lies here now reaches the device: the sheet was there long before the evening."""
        _do("sync", "--file-system", self.place)

    def read_only(self) -> None:
        """From now on nothing can be written."""
        _do("mount", "-o", "remount,ro", self.place)

    def freeze_for_writers(self) -> None:
        """As a disk that failed: read-only at once, also for files that are open."""
        _do("bash", "-c", f"echo 1 > /sys/fs/ext4/{self._device}/trigger_fs_error")

    @property
    def _device(self) -> str:
        found = subprocess.run(
            ["findmnt", "-n", "-o", "SOURCE", self.place],
            capture_output=True,
            check=True,
            text=True,
        )
        return Path(found.stdout.strip()).name

    def repair(self) -> None:
        """After a fault of the disk itself: checked and mounted anew."""
        _do("umount", "--lazy", self.place)
        subprocess.run(["e2fsck", "-fy", self.image], capture_output=True, check=False)
        _do("mount", "-o", "loop,errors=remount-ro", self.image, self.place)

    def writable(self) -> None:
        """It can again."""
        _do("mount", "-o", "remount,rw", self.place)

    def cut_power(self) -> None:
        """What never reached the device is gone; the rest comes back at the same place.

        Whoever wrote here must be dead already. The copy is what the device holds at this instant;
        the kernel's own cache of the file system is thrown away with the old mount.
        """
        self.cuts += 1
        copy = self.image.with_name(f"{self.image.name}-{self.cuts}")
        _do("cp", "--sparse=always", self.image, copy)
        _do("umount", "--lazy", self.place)
        old, self.image = self.image, copy
        _do("mount", "-o", "loop", self.image, self.place)
        old.unlink()


@contextmanager
def disk(
    folder: Path, name: str = "disk", *, megabytes: int = 16, inodes: int = 0
) -> Iterator[Disk]:
    """A disk of its own, gone at the end."""
    need_disks()
    found = Disk(folder / f"{name}.image", folder / name)
    found.place.mkdir()
    options = ("-N", str(inodes)) if inodes else ()
    _format(found.image, megabytes, *options)
    _do("mount", "-o", "loop,errors=remount-ro", found.image, found.place)
    try:
        yield found
    finally:
        _do("umount", "--lazy", found.place)
