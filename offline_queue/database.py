"""How a database file is opened, for writing or for reading, and what SQLite's errors mean; knows no table."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from offline_queue.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull, StoreUnavailable

__all__ = [
    "Rows",
    "Tuning",
    "connect_reader",
    "connect_writer",
    "extended_code",
    "is_fatal",
    "schema_version",
    "translate",
    "use_wal",
]

Rows = list[tuple[Any, ...]]

READER_BUSY_TIMEOUT_MS = 250  # a WAL reader waits only while another connection recovers; a sale does not wait longer
WAL_BYTES_KEPT = 4 * 1024 * 1024  # a WAL that a long reader made grow is cut back to this at the next chance

_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}  # SQLite itself knows ENOSPC only


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How a writing connection behaves.

    The defaults are the promise; other values exist for the crash tests, which must show that a weaker choice loses.

    Attributes:
        synchronous: FULL syncs the WAL once per commit. NORMAL loses acknowledged commits in a power cut.
        checkpoint_pages: WAL pages after which a commit also checkpoints, which takes three more syncs. 200 are some
            thirty receipts without an idle moment, and keep the WAL at 0.8 MB, so that a full disk can be drained
            with a small ballast.
        busy_timeout_ms: how long to wait for a foreign lock (a back-up tool).
        cache_kib: page cache of the connection.
        exclusive: hold the file alone and keep no shared memory; no reader can open it then.
        vfs: the SQLite file system to use; "" is the operating system's.
    """

    synchronous: str = "FULL"
    checkpoint_pages: int = 200
    busy_timeout_ms: int = 5_000
    cache_kib: int = 2_048
    exclusive: bool = False
    vfs: str = ""


_FULL = "no room left on this disk; free some space, nothing of this was written"
_SENTENCES: tuple[tuple[type[apsw.Error] | tuple[type[apsw.Error], ...], type[StoreError], str], ...] = (
    (apsw.FullError, StoreFull, _FULL),
    (
        (apsw.BusyError, apsw.LockedError),
        StoreBusy,
        "locked by another programme; close the tool that inspects or copies it",
    ),
    (apsw.NotADBError, StoreCorrupt, "this is not a database; restore it from a back-up or move it away"),
    (apsw.CorruptError, StoreCorrupt, "damaged ({error}); stop the agent, keep a copy, restore it from a back-up"),
    (
        (apsw.ReadOnlyError, apsw.PermissionsError, apsw.AuthError),
        StoreUnavailable,
        "read-only; let the agent's account write the file and its folder",
    ),
    (
        apsw.CantOpenError,
        StoreUnavailable,
        "cannot be opened; check that the file and its folder are there and may be written",
    ),
    (apsw.IOError, StoreUnavailable, "the disk failed ({error}); check the disk, then reopen"),
)


def connect_writer(path: Path, tuning: Tuning) -> apsw.Connection:
    """Open for writing, creating the file when it is not there; touches no page yet.

    Raises:
        StoreError: it cannot be opened; the message says why.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection: apsw.Connection | None = None
    try:
        connection = apsw.Connection(str(path), flags=flags, vfs=tuning.vfs or None)
        connection.set_busy_timeout(tuning.busy_timeout_ms)
        if tuning.exclusive:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        if connection.readonly("main"):  # SQLite falls back to that in silence, and fails at the first write
            raise apsw.ReadOnlyError
    except apsw.Error as error:
        raise _opening_failed(error, path, connection) from error
    return connection


def use_wal(connection: apsw.Connection, path: Path, tuning: Tuning) -> None:
    """Set a writing connection to the promised mode: WAL, one sync a commit.

    Raises:
        StoreError: the file is not a database, is read-only, or its disk cannot carry a WAL.
    """
    try:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchall()[0][0]
        connection.execute(f"PRAGMA synchronous = {tuning.synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {tuning.checkpoint_pages}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
        connection.execute(f"PRAGMA cache_size = -{tuning.cache_kib}")
        # A damaged cell is reported when it is read instead of being followed; a sort never needs the full disk.
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
    except apsw.Error as error:
        raise translate(error, path, connection) from error
    if mode != "wal":
        raise StoreUnavailable(
            f"{path} lies on a disk that cannot carry a write-ahead log ({mode}); move it to a local disk"
        )


def connect_reader(path: Path) -> apsw.Connection:
    """Open an existing file for reading only, beside a writer in this process or another.

    A reader never checkpoints, neither while it reads nor when it closes: one connection per file does (SQLite
    3.7.0 to 3.51.2 can corrupt a WAL database when two do), and a reader that closes last would otherwise remove
    by name a WAL that may already belong to a newer file.

    Raises:
        StoreError: it cannot be opened; the message says why.
    """
    connection: apsw.Connection | None = None
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(READER_BUSY_TIMEOUT_MS)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
    except apsw.Error as error:
        raise _opening_failed(error, path, connection) from error
    return connection


def schema_version(connection: apsw.Connection, path: Path) -> int:
    """`PRAGMA user_version`: how many migrations the file has seen; 0 for an empty file."""
    try:
        version: Any = connection.execute("PRAGMA user_version").fetchall()[0][0]
    except apsw.Error as error:
        raise translate(error, path, connection) from error
    return int(version)


def is_fatal(error: apsw.Error) -> bool:
    """Whether a connection may promise nothing more after this error.

    After a failed sync the operating system may have thrown away what it could not write and call the next sync
    a success, so nothing on that connection can be believed before the file was reopened and read back.
    """
    return isinstance(error, apsw.IOError | apsw.CorruptError | apsw.NotADBError)


def extended_code(error: apsw.Error) -> int:
    """SQLite's extended result code; 0 when the error is not SQLite's."""
    return int(getattr(error, "extendedresult", 0))


def translate(error: apsw.Error, path: Path, connection: apsw.Connection | None) -> StoreError:
    """One SQLite error as one of ours, with a sentence for whoever keeps the till alive."""
    system_error = connection.system_errno if connection is not None else 0
    if isinstance(error, apsw.IOError) and (
        system_error in _NO_ROOM or extended_code(error) == apsw.SQLITE_IOERR_SHMSIZE
    ):
        return StoreFull(f"{path}: {_FULL}")
    for kinds, failure, sentence in _SENTENCES:
        if isinstance(error, kinds):
            return failure(f"{path}: {sentence.format(error=error)}")
    return StoreError(f"{path}: {error}")


def _opening_failed(error: apsw.Error, path: Path, connection: apsw.Connection | None) -> StoreError:
    failure = translate(error, path, connection)
    if connection is not None:
        connection.close()
    return failure
