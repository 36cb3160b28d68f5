"""Small disks in image files: full ones, read-only ones, and ones that lose power."""

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

FILL_TRIES = 3


def _do(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


@functools.cache
def why_not() -> str | None:
    """Why no image can be mounted here; None if one can."""
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
    """Skip the test, with the reason, if no image can be mounted."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)


def _format(image: Path, megabytes: int, *options: str) -> None:
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    _do("mkfs.ext4", "-q", "-F", "-m", "0", *options, image)


@dataclass(slots=True)
class Disk:
    """One disk and its mount point."""

    image: Path
    place: Path
    cuts: int = 0

    @property
    def free(self) -> int:
        """Free bytes."""
        return shutil.disk_usage(self.place).free

    @property
    def filler(self) -> Path:
        """The file that takes up the space."""
        return self.place / "filler"

    def fill(self, *, leave: int = 0) -> None:
        """Fill the disk from outside until nothing (or `leave` bytes) is free.

        A write may find no room while blocks are promised to others; a flush shows what is left.
        """
        with self.filler.open("ab", buffering=0) as file:
            for _ in range(FILL_TRIES):
                with suppress(OSError):
                    while self.free > leave:
                        file.write(bytes(min(1 << 16, max(self.free - leave, 1))))
                self.settle()

    def make_room(self) -> None:
        """Free that space again."""
        self.filler.unlink()

    def settle(self) -> None:
        """Flush everything to the device, as if the sheet had been there for a long time."""
        _do("sync", "--file-system", self.place)

    def read_only(self) -> None:
        """Refuse all further writes."""
        _do("mount", "-o", "remount,ro", self.place)

    def freeze_for_writers(self) -> None:
        """Fail as a broken disk does: read-only at once, also for files that are open."""
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
        """Check the file system and mount it again, after a fault of the disk itself."""
        _do("umount", "--lazy", self.place)
        subprocess.run(["e2fsck", "-fy", self.image], capture_output=True, check=False)
        _do("mount", "-o", "loop,errors=remount-ro", self.image, self.place)

    def writable(self) -> None:
        """Allow writes again."""
        _do("mount", "-o", "remount,rw", self.place)

    def cut_power(self) -> None:
        """Lose everything that never reached the device; the rest comes back at the same path.

        Every process that wrote here must have ended. The copy is the device's content at this
        instant; the kernel's own cache of the file system goes away with the old mount.
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
    """A new disk, removed at the end."""
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
