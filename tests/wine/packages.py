"""Versions and installers for the tests under Wine: one real version folder, the others made from it in seconds."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = CHECKOUT / "installer" / "build"
NEEDED: Final = {
    "wixl": "wixl", "msibuild": "msitools", "makensis": "nsis", "osslsigncode": "osslsigncode", "openssl": "openssl",
}  # fmt: skip


def missing() -> str:
    """What is not installed that the installers are built with, with the next step; "" when all is there."""
    lacking = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    return f"apt-get install --no-install-recommends {' '.join(lacking)}" if lacking else ""


def script(name: str) -> Any:
    """One of the build's scripts, which are no package."""
    sys.path.insert(0, str(BUILD))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(BUILD))


class Factory:
    """Makes versions and their installers in a folder, each once and only when it is wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.first = folder / "1.0.0"
        self.broken: dict[str, str] = {}  # version → what stands at the end of the part that every start-up needs

    def installer(self, version: str, kind: str) -> Path:
        """The MSI or the .exe of a version; the first .exe as it is shipped, the others packed loosely, which is quicker."""
        target = self.folder / f"Tillpoint-{version}.{kind}"
        if not target.exists():
            folder, launchers, clear = self.version(version), self._launchers(version), self.folder / "clear.exe"
            more = {"is_quick": version != self.first.name} if kind == "exe" else {}
            maker = script("nsis" if kind == "exe" else "msi")
            maker.build(folder, launchers, clear, target, version=version, **more)
        return target

    def version(self, version: str) -> Path:
        """The real version folder with its runtime, as it is shipped; others are the same under another version."""
        folder = self.folder / version
        if not self.first.exists():
            script("windows").make_folder(self.first, version=self.first.name)
        if folder.exists():
            return folder
        shutil.copytree(self.first, folder)
        metadata = next(folder.glob("app/tillpoint-*.dist-info")).rename(folder / f"app/tillpoint-{version}.dist-info")
        text = (metadata / "METADATA").read_text("utf-8")
        (metadata / "METADATA").write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", text, count=1), "utf-8")
        if version in self.broken:
            with (folder / "app/agent/assembly.py").open("a", encoding="utf-8") as part:
                part.write(f"\n{self.broken[version]}\n")
            for stale in (folder / "app/agent/__pycache__").glob("assembly.*"):
                stale.unlink()
        script("payload").write_release(folder, version=version, platform="win-amd64")
        return folder

    def archive(self, version: str) -> Path:
        """What an update to a version brings."""
        target = self.folder / f"tillpoint-{version}-win-amd64.zip"
        folder = self.version(version)
        return target if target.exists() else Path(script("payload").archive(folder, target))

    def lay_down(self, version: str, program: Path) -> Path:
        """A version and the launcher where the installers put them; returns the version's folder there."""
        folder = program / "versions" / version
        shutil.copytree(self.version(version), folder)
        for one in self._launchers(version).iterdir():
            shutil.copy(one, program)
        return folder

    def _launchers(self, version: str) -> Path:
        folder = self.folder / f"launchers-{version}"
        if not folder.exists():
            script("programs").make_launcher(folder, version=version)
            script("programs").make_clear(self.folder / "clear.exe")
        return folder


def own_authority(folder: Path) -> tuple[Path, Path]:
    """A certificate for code signing that nobody but these tests trusts, and its key."""
    certs, key = folder / "test.crt", folder / "test.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Tillpoint tests only",
         "-addext", "extendedKeyUsage=codeSigning", "-keyout", str(key), "-out", str(certs)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return certs, key
