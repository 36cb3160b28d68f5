"""Builds the zip that starts rowmill without git: `python -m start.bundle windows`."""

import argparse
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PYTHON = "3.12"
STAMP = (2026, 1, 1, 0, 0, 0)  # of every entry, so that equal contents make equal zips
EXECUTABLE, PLAIN = 0o100755, 0o100644
SAMPLES = ("animals.csv", "主图.xlsx")


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One kind of machine: the tags of its wheels, and what markers say there."""

    tags: tuple[str, ...]
    sys_platform: str
    platform_system: str
    machine: str
    starters: tuple[str, ...]
    uv: str = "uv"

    def markers(self, python: str) -> dict[str, str]:
        """The environment in which a wheel's requirements are read."""
        return {
            "sys_platform": self.sys_platform,
            "platform_system": self.platform_system,
            "platform_machine": self.machine,
            "os_name": "nt" if self.sys_platform == "win32" else "posix",
            "python_version": python,
            "python_full_version": f"{python}.0",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "extra": "",
        }


def _macos(machine: str, *versions: str) -> System:
    return System(
        tags=tuple(f"macosx_{version}_{machine}" for version in versions),
        sys_platform="darwin",
        platform_system="Darwin",
        machine=machine,
        starters=("start.command", "start.sh"),
    )


SYSTEMS: Mapping[str, System] = {
    "windows": System(
        tags=("win_amd64",),
        sys_platform="win32",
        platform_system="Windows",
        machine="AMD64",
        starters=("start.bat",),
        uv="uv.exe",
    ),
    "macos-arm": _macos("arm64", "11_0", "12_0", "13_0"),
    "macos-intel": _macos("x86_64", "10_9", "10_12", "10_13", "11_0", "12_0", "13_0"),
    "linux": System(
        tags=tuple(
            f"{tag}_x86_64"
            for tag in ("manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28")
        ),
        sys_platform="linux",
        platform_system="Linux",
        machine="x86_64",
        starters=("start.sh",),
    ),
}


def own_wheel(folder: Path) -> Path:
    """Build rowmill's wheel into a folder."""
    words = ("wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT))
    _pip(*words)
    (wheel,) = folder.glob("rowmill-*.whl")
    return wheel


def gather(system: System, folder: Path, *, python: str = PYTHON) -> None:
    """Download everything that the wheels in a folder need on that system, and uv.

    pip reads markers for the machine it runs on, so they are read here for the other one. Raises
    CalledProcessError where something has no wheel.
    """
    wanted = {"uv": "uv"}
    while wanted:
        tags = [word for tag in system.tags for word in ("--platform", tag)]
        _pip(
            *("download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", str(folder)),
            *("--python-version", python, "--implementation", "cp", *tags),
            *("-c", str(ROOT / "constraints.txt"), *wanted.values()),
        )
        there = {parse_wheel_filename(one.name)[0] for one in folder.glob("*.whl")}
        wanted = {
            name: f"{one.name}{one.specifier}"
            for wheel in folder.glob("*.whl")
            for one in requirements_of(wheel)
            if (name := canonicalize_name(one.name)) not in there
            and (one.marker is None or one.marker.evaluate(dict(system.markers(python))))
        }


def requirements_of(wheel: Path) -> Iterator[Requirement]:
    """What a wheel needs; requirements of its extras have markers of their own."""
    with zipfile.ZipFile(wheel) as found:
        (name,) = (one for one in found.namelist() if one.endswith(".dist-info/METADATA"))
        head = HeaderParser().parsestr(found.read(name).decode())
    for line in head.get_all("Requires-Dist") or ():
        yield Requirement(line)


def bundle(system: System, wheels: Path, target: Path, *, python: str = PYTHON) -> None:
    """Write the zip out of a folder of wheels, of which uv's is unpacked."""
    (own,) = wheels.glob("rowmill-*.whl")
    version = str(parse_wheel_filename(own.name)[1])
    root = f"rowmill-{version}"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for name in ("README.txt", "set_up.py", *system.starters):
            _add(out, f"{root}/{name}", _text(HERE / name), executable=name in system.starters)
        _add(out, f"{root}/version.txt", f"{own.name}\n".encode())
        _add(out, f"{root}/python.txt", f"{python}\n".encode())
        for name in SAMPLES:
            _add(out, f"{root}/sheets/{name}", (ROOT / "samples" / name).read_bytes())
        for wheel in sorted(wheels.glob("*.whl")):
            if wheel.name.startswith("uv-"):
                _add(out, f"{root}/{system.uv}", _uv_of(wheel, system.uv), executable=True)
            else:
                _add(out, f"{root}/wheels/{wheel.name}", wheel.read_bytes(), packed=True)


def _text(path: Path) -> bytes:
    """A file as its system writes lines: cmd reads a batch file's labels only after CR LF."""
    content = path.read_bytes()
    return content.replace(b"\n", b"\r\n") if path.suffix in (".bat", ".txt") else content


def _uv_of(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as found:
        (place,) = (one for one in found.namelist() if re.fullmatch(rf".*/scripts/{name}", one))
        return found.read(place)


def _add(
    out: zipfile.ZipFile,
    name: str,
    content: bytes,
    *,
    executable: bool = False,
    packed: bool = False,
) -> None:
    entry = zipfile.ZipInfo(name, STAMP)
    entry.create_system = 3  # Unix, for the bit that makes a file executable
    entry.external_attr = (EXECUTABLE if executable else PLAIN) << 16
    entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
    out.writestr(entry, content)


def _pip(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)


def main() -> None:
    """Build the wheel, gather what it needs, write the zip."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist", metavar="DIR")
    parser.add_argument("--python", default=PYTHON, metavar="VERSION")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder)
        own = own_wheel(wheels)
        gather(SYSTEMS[given.system], wheels, python=given.python)
        target = given.output / f"{own.stem.split('-py3')[0]}-{given.system}.zip"
        bundle(SYSTEMS[given.system], wheels, target, python=given.python)
    print(target)


if __name__ == "__main__":
    main()
