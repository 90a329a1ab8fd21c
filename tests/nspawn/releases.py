"""Versions of this tree under other numbers, good ones and broken ones, signed as releases are; for the story of updates."""

from __future__ import annotations

import hashlib
import importlib
import os
import shutil
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agent.signatures import new_private_key, public_text
from drivers.vocabulary import codec
from drivers.vocabulary.release import Certificate, CertifiedKey, Manifest, Payload, certify, sign_release
from offline_queue.migrations import TILL

__all__ = ["FAULTS", "Press", "renumbered"]

PLATFORM: Final = "linux-x86_64-cp311"

#: What is wrong with a version → what its start.py does first; all of them pass the rehearsal.
FAULTS: Final = {
    "": "",
    "start": "if sys.argv[1:2] == ['run']:\n        raise ImportError('no module named part')",
    "driver": """if sys.argv[1:2] == ['run']:
        from drivers.transport.serial_port import SerialEndpoint
        from drivers.vocabulary.errors import TransportUnavailable
        def broken(self, timeout_s):
            raise TransportUnavailable('the port cannot be opened by this version', reason='driver')
        SerialEndpoint.open = broken""",
}
_BEFORE: Final = "    from agent.cli import main\n"


def renumbered(payload: Path, target: Path, version: str, fault: str = "") -> Path:
    """The payload once more under another number, with a fault; unchanged files are shared."""
    shutil.copytree(payload, target, copy_function=os.link)
    info = next((target / "app").glob("tillpoint-*.dist-info"))
    old = info.name.removeprefix("tillpoint-").removesuffix(".dist-info")
    info = info.rename(info.with_name(f"tillpoint-{version}.dist-info"))
    _rewrite(info / "METADATA", f"\nVersion: {old}\n", f"\nVersion: {version}\n")
    if FAULTS[fault]:
        _rewrite(target / "start.py", _BEFORE, f"    {FAULTS[fault]}\n{_BEFORE}")
    (target / "release.json").unlink()
    importlib.import_module("payload").write_release(target, version=version, platform=PLATFORM)
    return target


def _rewrite(path: Path, old: str, new: str) -> None:
    """Change a file that may be shared with another folder."""
    text = path.read_text("utf-8")
    assert old in text, path
    path.unlink()
    path.write_text(text.replace(old, new, 1), "utf-8")


class Press:
    """Makes releases with keys of its own into a folder that the container sees.

    Args:
        payload: a version folder of this tree.
        folder: gets a folder for each release, as it would lie on a stick.
    """

    def __init__(self, payload: Path, folder: Path) -> None:
        self._payload = payload
        self._folder = folder
        self._now = datetime.now(UTC).replace(microsecond=0)
        root, self._key = new_private_key(), new_private_key()
        self.root = public_text(root)
        self._certificate = self._certified(root, self._key)

    def release(self, version: str, fault: str = "", *, is_forged: bool = False) -> dict[str, str]:
        """Make one; returns where it lies and its archive's sum. A forged one is signed by a key nobody trusts."""
        made = renumbered(self._payload, self._folder.parent / f"made-{version}", version, fault)
        place = self._folder / version
        place.mkdir(parents=True)
        archive = place / f"tillpoint-{version}-{PLATFORM}.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
            for one in sorted(made.rglob("*")):
                if one.is_file():
                    zipped.write(one, one.relative_to(made).as_posix())
        shutil.rmtree(made)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        told = Payload(
            sha256=digest, size=archive.stat().st_size, schema=TILL.version, readable_from=TILL.readable_from
        )
        manifest = Manifest(version=version, created=self._now, platforms={PLATFORM: told})
        key = new_private_key() if is_forged else self._key
        certificate = self._certified(new_private_key(), key) if is_forged else self._certificate
        signed = sign_release(key, certificate, manifest)
        (place / f"{version}.release.json").write_bytes(codec.encode(signed))
        return {"version": version, "folder": f"releases/{version}", "sha256": digest}

    def _certified(self, root: str, key: str) -> Certificate:
        statement: dict[str, Any] = {
            "valid_from": self._now - timedelta(days=30),
            "valid_until": self._now + timedelta(days=30),
        }
        return certify(root, CertifiedKey(key=public_text(key), **statement))
