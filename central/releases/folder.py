"""The archives of releases on disk, each named by its digest; what lies there under its name is whole and right."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from central.errors import CentralStartError
from drivers.vocabulary.release import ARCHIVE_BYTES_MAX

__all__ = ["ArchiveFolder", "Incoming", "is_digest"]

CHUNK_BYTES: Final = 1 << 20
LEFT_OVER_S: Final = 24 * 3600.0  # an upload that has not moved for a day was cut
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    """Whether it is a SHA-256 in hex, and so a name that is safe in a path."""
    return _DIGEST.fullmatch(text) is not None


class ArchiveFolder:
    """A folder that several processes of a centre may share."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(self, digest: str) -> Path | None:
        """Where an archive lies; None when it is not here."""
        path = self.path / f"{digest}.zip"
        return path if is_digest(digest) and path.is_file() else None

    def receive(self, digest: str, *, size: int | None = None) -> Incoming:
        """Begin to take an archive, piece by piece.

        Args:
            digest: what it must turn out to be.
            size: what it must have, when that is known.

        Raises:
            CentralStartError: the folder cannot be written, or the name is no digest.
        """
        if not is_digest(digest):
            raise CentralStartError(f"an archive is named by its SHA-256 in hex, not {digest[:20]!r}")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._forget_cut_ones()
            return Incoming(self.path, digest, size)
        except OSError as error:
            raise CentralStartError(
                f"cannot write {self.path}: {error.strerror or error}; name another with --releases"
            ) from None

    def copy(self, source: Path, digest: str, *, size: int) -> None:
        """Take an archive from a file; one that is here already is left as it is.

        Raises:
            CentralStartError: the file cannot be read, or is not the archive.
        """
        if self.find(digest) is not None:
            return
        with self.receive(digest, size=size) as incoming:
            try:
                with source.open("rb") as file:
                    while chunk := file.read(CHUNK_BYTES):
                        incoming.take(chunk)
            except OSError as error:
                raise CentralStartError(f"cannot read {source}: {error.strerror or error}") from None
            incoming.keep()

    def remove(self, digests: Iterable[str]) -> int:
        """Delete archives; how many were here."""
        gone = 0
        for digest in digests:
            path = self.find(digest)
            if path is not None:
                # On Windows a file that is being sent cannot go; it goes the next time.
                with contextlib.suppress(OSError):
                    path.unlink()
                    gone += 1
        return gone

    def _forget_cut_ones(self) -> None:
        for path in self.path.glob("*.part"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > LEFT_OVER_S:
                    path.unlink()


class Incoming:
    """An archive on its way in; leaves nothing behind unless `keep` was called."""

    def __init__(self, folder: Path, digest: str, size: int | None) -> None:
        self._digest = digest
        self._size = size
        self._sum = hashlib.sha256()
        self._count = 0
        self._path = folder / f"{digest}.{secrets.token_hex(4)}.part"
        self._target = folder / f"{digest}.zip"
        self._file = self._path.open("xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def take(self, chunk: bytes) -> None:
        """The next piece.

        Raises:
            CentralStartError: there is more than there may be, or the disk is full.
        """
        self._count += len(chunk)
        most = ARCHIVE_BYTES_MAX if self._size is None else self._size
        if self._count > most:
            raise CentralStartError(
                f"archive {self._digest[:16]} has more than {most} bytes: another file, or another release"
            )
        self._sum.update(chunk)
        try:
            self._file.write(chunk)
        except OSError as error:
            raise CentralStartError(f"cannot write {self._path.parent}: {error.strerror or error}") from None

    def keep(self) -> None:
        """All of it is here: under its name it is from now on, and on the disk.

        Raises:
            CentralStartError: it is not what its name says.
        """
        if self._size is not None and self._count != self._size:
            raise CentralStartError(
                f"archive {self._digest[:16]} has {self._count} bytes, the manifest says {self._size}"
            )
        if self._sum.hexdigest() != self._digest:
            raise CentralStartError(
                f"archive {self._digest[:16]} has digest {self._sum.hexdigest()[:16]}: it was changed, take it again"
            )
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._path.replace(self._target)
        except OSError as error:
            raise CentralStartError(f"cannot write {self._target}: {error.strerror or error}") from None
