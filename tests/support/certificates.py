"""Certificates for tests: an authority, a server at an address, a client with a name."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """An authority of one day in a folder, and what it signed."""

    folder: Path

    @property
    def authority(self) -> Path:
        """The certificate that others trust."""
        return self.folder / "ca.pem"

    def signed(self, name: str, *, subject: str, address: str | None = None) -> tuple[Path, Path]:
        """A certificate and its key."""
        key, wish, found = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        _openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(wish),
                 "-subj", f"/CN={subject}")  # fmt: skip
        extra = self.folder / f"{name}.ext"
        extra.write_text(f"subjectAltName=IP:{address}\n" if address else "", encoding="utf-8")
        _openssl("x509", "-req", "-in", str(wish), "-CA", str(self.authority), "-CAkey",
                 str(self.folder / "ca.key"), "-CAcreateserial", "-days", "1", "-out", str(found),
                 "-extfile", str(extra))  # fmt: skip
        key.chmod(0o600)
        return found, key


def why_no_certificates() -> str | None:
    """Why there can be none here; None if there can."""
    return None if shutil.which("openssl") else "openssl is not installed"


def certificates(folder: Path) -> Certificates:
    """A new authority in this folder."""
    made = Certificates(folder=folder)
    _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(folder / "ca.key"),
             "-out", str(made.authority), "-days", "1", "-subj", "/CN=test authority")  # fmt: skip
    return made


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
