"""An archive from the centre into the inbox: in stretches, slowly, going on where it was cut, whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from agent.sync.errors import CentreUnavailable
from agent.sync.update_line import STRETCH_BYTES, ArchiveChanged
from drivers.vocabulary.release import Payload, ReleaseRefused
from offline_queue.files import replace_durably

__all__ = ["Fetcher", "clear_inbox", "fetch"]

log = logging.getLogger(__name__)

ROOM_LEFT_BYTES: Final = 300 << 20  # for sales, and for unpacking
CHUNK_BYTES: Final = 1 << 20


class Fetcher(Protocol):
    """Whoever brings a stretch (`agent.sync.update_line.UpdateLine`)."""

    def stretch(self, path: str, *, sha256: str, begin: int, size: int, take: Callable[[bytes], None]) -> None:
        """The next stretch from `begin` on."""
        ...


def fetch(
    inbox: Path, payload: Payload, path: str, line: Fetcher, *, rate_kib_s: int, stop: threading.Event
) -> Path | None:
    """Bring an archive whole into the inbox; None when `stop` was set before.

    Raises:
        CentreUnavailable: go on later; what is there is kept.
        CentreRefused: the archive is not there any more.
        ReleaseRefused: it is not the one that was signed, or there is no room.
        OSError: the disk failed.
    """
    whole = inbox / f"{payload.sha256}.zip"
    if whole.exists():
        if _digest(whole) == payload.sha256:
            return whole
        whole.unlink()  # a disk that forgets; the updater would refuse it again and again
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = inbox / f"{payload.sha256}.part"
    pause_s = STRETCH_BYTES / 1024 / rate_kib_s if rate_kib_s else 0.0
    while (begin := part.stat().st_size if part.exists() else 0) < payload.size:
        if shutil.disk_usage(inbox).free < payload.size - begin + ROOM_LEFT_BYTES:
            raise ReleaseRefused("no_room", f"no room on the disk of {inbox} for an update of {payload.size >> 20} MB")
        try:
            _bring(part, payload, path, line, begin)
        except ArchiveChanged:
            part.unlink(missing_ok=True)
            raise
        if part.stat().st_size <= begin:
            raise CentreUnavailable("the centre sent nothing of the archive; asked again later")
        if stop.wait(pause_s):
            return None
    if _digest(part) != payload.sha256:
        part.unlink(missing_ok=True)
        raise ReleaseRefused("archive", "the archive that came is not the one that was signed; it is fetched again")
    replace_durably(part, whole)
    log.info("update.fetched sha256=%s bytes=%d", payload.sha256[:16], payload.size)
    return whole


def clear_inbox(inbox: Path, *, keep: str, version: str) -> None:
    """Remove what belongs to other releases than this one ("" keeps none)."""
    if not inbox.is_dir():
        return
    for one in inbox.iterdir():
        is_archive = one.suffix in {".zip", ".part"} and one.stem != keep
        is_release = one.name.endswith(".release.json") and one.name != f"{version}.release.json"
        if is_archive or is_release:
            one.unlink(missing_ok=True)


def _bring(part: Path, payload: Payload, path: str, line: Fetcher, begin: int) -> None:
    with part.open("ab") as file:

        def take(chunk: bytes) -> None:
            file.write(chunk)

        try:
            line.stretch(path, sha256=payload.sha256, begin=begin, size=payload.size, take=take)
        finally:
            file.flush()
            os.fsync(file.fileno())


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
