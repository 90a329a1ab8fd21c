"""A log file of one process that never grows past its share of the disk, and how its last lines are read.

The standard library's rotating handler imports a pickle and a socket server's worth of modules (13 ms, 1.3 MB), and on
Windows it loses lines when somebody reads the file: a file that is open elsewhere cannot be renamed there. This one
writes on into the same file then, and tries again later.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

__all__ = ["LogFile", "last_lines", "new_lines"]

RETRY_S: Final = 60.0  # between two tries to rename a file that somebody holds open
OVERFLOW: Final = 2  # times its share, and no more is written until it can be renamed: the disk is the receipts'
LINE_BYTES_MAX: Final = 65_536


class LogFile(logging.Handler):
    """Lines into `path`; when it is full it becomes `path.1`, that one `path.2`, and the last one goes.

    A disk that takes nothing costs lines and nothing else: `lost` counts them.

    Args:
        path: of the newest file; its folder is made.
        bytes_max: of one file.
        count: files in all.
        monotonic: seconds that only grow.
    """

    def __init__(
        self, path: Path, *, bytes_max: int, count: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.path = path
        self.lost = 0
        self._bytes_max = bytes_max
        self._count = max(1, count)
        self._monotonic = monotonic
        self._retry_at_s = 0.0
        self._file: IO[bytes] | None = None
        self._size = 0

    def emit(self, record: logging.LogRecord) -> None:
        """One line; called with the handler's lock held."""
        try:
            line = self.format(record).encode("utf-8", "backslashreplace")[:LINE_BYTES_MAX] + b"\n"
            file = self._file if self._file is not None else self._open()
            if self._size and self._size + len(line) > self._bytes_max:
                file = self._rotated(file)
            if self._size + len(line) > self._bytes_max * OVERFLOW:
                self.lost += 1
                return
            file.write(line)
            self._size += len(line)
        except (OSError, ValueError):
            self.lost += 1  # where could it be said? The disk's own warning comes by another way

    def close(self) -> None:
        """Let the file go."""
        self.acquire()
        try:
            if self._file is not None:
                self._file.close()
                self._file = None
        finally:
            self.release()
        super().close()

    def _open(self) -> IO[bytes]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        self._file = os.fdopen(descriptor, "ab", buffering=0)
        self._size = os.fstat(descriptor).st_size
        return self._file

    def _rotated(self, file: IO[bytes]) -> IO[bytes]:
        if self._monotonic() < self._retry_at_s:
            return file
        file.close()
        self._file = None
        try:
            # Only up to the first place that is free: tried again and again, nothing older is pushed out for nothing.
            places = range(1, self._count)
            free = next((one for one in places if not _numbered(self.path, one).exists()), self._count - 1)
            for number in range(free, 0, -1):
                _numbered(self.path, number - 1).replace(_numbered(self.path, number))
            if self._count == 1:
                self.path.unlink(missing_ok=True)
        except OSError:  # Windows: somebody has it open
            self._retry_at_s = self._monotonic() + RETRY_S
        return self._open()


def _numbered(path: Path, number: int) -> Path:
    return path if number == 0 else path.with_name(f"{path.name}.{number}")


def last_lines(path: Path, count: int, wanted: Callable[[str], bool] = lambda line: True) -> Sequence[str]:  # noqa: ARG005
    """The last `count` lines that are wanted, oldest first, over all files that were rotated; () when there are none.

    Each file is opened, read and closed: one that is held open could not be renamed on Windows.
    """
    kept: deque[str] = deque()
    number = 0
    # One may be missing: the newest could not be renamed yet.
    while len(kept) < count and (_numbered(path, number).exists() or _numbered(path, number + 1).exists()):
        try:
            text = _numbered(path, number).read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            text = ""
        except OSError:
            break  # what was read so far is the newest
        for line in reversed(text.splitlines()):
            if len(kept) == count:
                break
            if wanted(line):
                kept.appendleft(line)
        number += 1
    return tuple(kept)


def new_lines(path: Path, wait: Callable[[], bool]) -> Iterator[str]:
    """Each line that is written from now on; `wait` pauses between two looks and says whether to go on."""
    try:
        status = path.stat()
        place, known = status.st_size, status.st_ino
    except OSError:
        place = known = 0
    rest = b""
    while wait():
        data, place, known = _news(path, place, known)
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")


def _news(path: Path, place: int, known: int) -> tuple[bytes, int, int]:
    """(what was written after `place`, the new place, which file it is); one that was rotated is read to its end."""
    older = b""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if known and status.st_ino != known:
                older, place = _tail(_numbered(path, 1), place), 0
            elif status.st_size < place:
                place = 0
            file.seek(place)
            data = file.read()
    except OSError:
        return b"", place, known
    return older + data, place + len(data), status.st_ino


def _tail(path: Path, place: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(place)
            return file.read()
    except OSError:
        return b""
