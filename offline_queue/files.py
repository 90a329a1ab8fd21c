"""Small durable acts on whole files that Windows and POSIX do differently: one writer, renames that last, ballast."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from offline_queue.errors import StoreBusy, StoreUnavailable

__all__ = ["Ballast", "WriterLock", "disk_free_bytes", "replace_durably", "sync_folder"]

_BALLAST_CHUNK_BYTES = 64 * 1024
_BALLAST_RETURNS_AT = 4  # times its size must be free before the ballast is laid again, so that it does not flap
_PATIENCE_S = 2.0  # for whoever looks into a file on Windows: a reader of ours, a virus scanner, an index
_LOOK_S = 0.02
_LOCK_BYTE = 1 << 30  # on Windows a locked byte cannot be read, so the lock sits far behind the pid


def sync_folder(folder: Path) -> None:
    """Make renames, creations and removals in a folder last through a power cut.

    On Windows folders cannot be synced; NTFS journals its own names.
    """
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_durably(source: Path, target: Path) -> None:
    """Put a closed file in the place of another, at once and for good.

    On Windows nobody may have either open; whoever just looks into one is waited for.
    """
    if sys.platform == "win32":
        _replace_patiently(source, target)
    else:
        source.replace(target)
    sync_folder(target.parent)


def _replace_patiently(source: Path, target: Path) -> None:
    end_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            source.replace(target)
        except PermissionError:
            if time.monotonic() > end_s:
                raise
            time.sleep(_LOOK_S)
        else:
            return


def disk_free_bytes(path: Path) -> int:
    """How many bytes the disk under `path` still offers to this user."""
    return shutil.disk_usage(path.parent).free


class WriterLock:
    """The right to write one database file, held by at most one process; the operating system frees it on any death.

    The file `<database>.lock` stays on disk for ever: removing it would let two processes lock two different files.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, database: Path) -> WriterLock:
        """Take the lock at once or raise.

        Raises:
            StoreBusy: somebody else holds it; the message names the process when it is known.
            StoreUnavailable: the folder is missing or may not be written.
        """
        path = database.with_name(database.name + ".lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        except FileNotFoundError:
            raise StoreUnavailable(
                f"cannot open {database}: the folder {database.parent} does not exist; create it"
            ) from None
        except OSError as error:
            raise StoreUnavailable(
                f"cannot write {database}: {error.strerror}; let the agent's account write its folder"
            ) from None
        try:
            _lock(descriptor)
        except OSError:
            holder = _pid_in(descriptor)
            os.close(descriptor)
            who = f"process {holder}" if holder else "another process"
            raise StoreBusy(
                f"{database} is already being written by {who}; only one agent may run, stop the other one"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return cls(path, descriptor)

    def release(self) -> None:
        """Give the right back. Harmless when repeated."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    # flock, not lockf: it belongs to the open file, so a second store in the same process is refused as well.
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _LOCK_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _pid_in(descriptor: int) -> int | None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = os.read(descriptor, 20).strip()
    return int(text) if text.isdigit() else None


class Ballast:
    """Bytes that are thrown overboard when the disk is full.

    On a full disk a WAL database can neither insert nor delete nor checkpoint, so even what the centre has
    acknowledged could not be marked so. The ballast buys the room for that.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    @property
    def size_bytes(self) -> int:
        """How much room it holds when it is there; 0 when there shall be none."""
        return self._size_bytes

    @property
    def is_present(self) -> bool:
        """Whether it lies on the disk in full."""
        try:
            return self._size_bytes > 0 and self._path.stat().st_size >= self._size_bytes
        except OSError:
            return False

    def release(self) -> bool:
        """Throw it overboard; True when that freed anything. Never raises: it is called in distress."""
        try:
            size = self._path.stat().st_size
            # Truncation first: it frees the room even where the name itself cannot be removed.
            os.truncate(self._path, 0)
            self._path.unlink()
        except OSError:
            return False
        return size > 0

    def lay(self) -> bool:
        """Lay it (again) when there is room to spare; True when it is there afterwards. Never raises."""
        if self._size_bytes == 0:
            return False
        if self.is_present:
            return True
        try:
            if disk_free_bytes(self._path) < _BALLAST_RETURNS_AT * self._size_bytes:
                return False
            self._write()
        except OSError:
            self.release()
            return False
        return True

    def _write(self) -> None:
        # Random bytes: zeros would cost nothing on a disk that compresses, and then free nothing.
        with self._path.open("wb") as file:
            left = self._size_bytes
            while left > 0:
                left -= file.write(os.urandom(min(left, _BALLAST_CHUNK_BYTES)))
            file.flush()
            os.fsync(file.fileno())
