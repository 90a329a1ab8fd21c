"""Small archives of invented versions, as the build would make them; what a version is like stands in its own files."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Final

__all__ = ["PLATFORM", "Ill", "files_of", "ill_of", "make_archive"]

PLATFORM: Final = "linux-x86_64-cp311"

#: What may be wrong with a version: nothing, it does not start, its printer driver fails, it fails in its rehearsal.
Ill = str
WELL: Final[Ill] = ""


def files_of(version: str, ill: Ill = WELL) -> dict[str, bytes]:
    """What the version folder holds."""
    files = {"start.py": f"VERSION = {version!r}\nILL = {ill!r}\n".encode(), "SBOM.json": b"{}"}
    facts = {
        "version": version,
        "platform": PLATFORM,
        "built": "2026-01-01T00:00:00Z",
        "schema": 1,
        "readable_from": 1,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    return {**files, "release.json": json.dumps(facts).encode()}


def make_archive(folder: Path, version: str, ill: Ill = WELL) -> Path:
    """A zip of it."""
    path = folder / f"tillpoint-{version}-{PLATFORM}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files_of(version, ill).items():
            made.writestr(name, data)
    return path


def ill_of(folder: Path) -> Ill:
    """What is wrong with the version in a folder, read from what was really installed there."""
    text = (folder / "start.py").read_text("utf-8")
    return text.rpartition("ILL = ")[2].strip().strip("'\"")
