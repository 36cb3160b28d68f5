"""Sets up rowmill in a private environment beside this file, once, then opens the desk.

`start.bat`, `start.sh` and `start.command` run this with uv, which finds or fetches Python. Nothing
is installed into the system; deleting the folder removes everything.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / "environment"
VERSION = HERE / "version.txt"
WHEELS = HERE / "wheels"
SHEETS = HERE / "sheets"
WINDOWS = sys.platform == "win32"
UV = HERE / ("uv.exe" if WINDOWS else "uv")
SETTING_UP = (
    "Setting up rowmill, once; this takes about a minute …",
    "正在准备运行环境，只需一次，约一分钟……",
)
FAILED = (
    "rowmill could not be set up; the reason is above.",
    "未能完成准备，原因见上文。",
)


def main() -> int:
    """Set up if need be, then be the desk; its exit code is ours."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a console's stream
    if not is_ready():
        print("\n".join(SETTING_UP), flush=True)
        try:
            set_up()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{error}\n" + "\n".join(FAILED), flush=True)
            return 1
    SHEETS.mkdir(exist_ok=True)
    words = [str(python_of(ENVIRONMENT)), "-m", "runner.cli", "desk", str(SHEETS), *sys.argv[1:]]
    if not WINDOWS:
        os.execv(words[0], words)  # noqa: S606 - the desk takes this process's place and signals
    return subprocess.call(words)


def python_of(environment: Path) -> Path:
    """The interpreter of an environment."""
    return environment / ("Scripts/python.exe" if WINDOWS else "bin/python")


def is_ready() -> bool:
    """True if this version is set up, and its Python is still where it was."""
    stamp, python = ENVIRONMENT / "version.txt", python_of(ENVIRONMENT)
    if not python.exists() or not stamp.exists() or stamp.read_bytes() != VERSION.read_bytes():
        return False
    return subprocess.call([python, "-c", "import runner.cli"], cwd=HERE) == 0


def set_up() -> None:
    """Make the environment beside the old one and put it in its place: whole or not at all."""
    part = HERE / "environment.part"
    shutil.rmtree(part, ignore_errors=True)
    _uv("venv", "--python", sys.executable, str(part))
    # Everything comes out of this folder: no registry is asked.
    packages = ("--no-index", "--find-links", str(WHEELS), "rowmill")
    _uv("pip", "install", "--quiet", "--python", str(python_of(part)), *packages)
    shutil.copyfile(VERSION, part / "version.txt")
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    part.rename(ENVIRONMENT)


def _uv(*words: str) -> None:
    subprocess.run([UV, "--quiet", "--no-config", *words], cwd=HERE, check=True)


if __name__ == "__main__":
    sys.exit(main())
