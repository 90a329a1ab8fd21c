"""A copy of the centre's documents on the till: one thread writes, others look up; a cache that may be thrown away.

A file that is missing, damaged, or written by another version of the tables is never an obstacle: the writer sets it
aside and starts empty, the reader answers "not known" until there is something to know. Deleting the file loses
nothing but the time to fetch it again. Hence `synchronous=NORMAL`: after a power cut the file is whole and perhaps a
few pages old, with a cursor just as old, because documents and cursor travel in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

import apsw

from offline_queue.database import Rows, Tuning, connect_reader, connect_writer, translate, use_wal
from offline_queue.errors import StoreCorrupt, StoreNewer, StoreUnavailable
from offline_queue.files import WriterLock, replace_durably
from offline_queue.migrations import REPLICA, bring_up_to_date, run_steps, side_files
from offline_queue.replica_reader import (
    META,
    ReplicaDocument,
    ReplicaMeta,
    ReplicaReader,
    first_number,
    meta_of,
    packed_key,
)
from offline_queue.rows import milliseconds

__all__ = ["CHUNK_ROWS_MAX", "Applied", "ReplicaDocument", "ReplicaMeta", "ReplicaReader", "ReplicaWriter"]

Change = tuple[str, str, int, bytes | None]  # collection, key, version, body; body None removes the document

CHUNK_ROWS_MAX = 1_000  # of one transaction: 4 MB of WAL; ten times as many were slower and wrote 37 MB, measured
COLLECTION_CHARS_MAX = 32  # what the wire accepts

_TUNING = Tuning(synchronous="NORMAL", checkpoint_pages=1_000, cache_kib=16_384)
_BROKEN_MAX = 3  # damaged files kept for whoever wants to know why; the oldest name is used again


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of a page of changes.

    Attributes:
        written: documents that were new or newer, tombstones included.
        stale: changes older than what the replica has; they were left out.
        started_over: the file turned out to be damaged: it was set aside, nothing of the page was kept, and the
            cursor is "" again; fetch from the beginning.
    """

    written: int
    stale: int
    started_over: bool = False


class ReplicaWriter:
    """The one writing connection to `replica.db`. To be used by one thread."""

    def __init__(self, path: Path, lock: WriterLock) -> None:
        self._path = path
        self._lock = lock
        self._connection: apsw.Connection | None = None
        self._set_aside: Path | None = None
        self._started_empty = False

    @classmethod
    def open(cls, path: Path) -> ReplicaWriter:
        """Open the replica, making it when it is not there and starting over when it is damaged or of other tables.

        `started_empty` and `set_aside` of the result say what was found.

        Raises:
            StoreBusy: another process writes it.
            StoreError: there is no folder, no right or no room: a new file would fare no better.
        """
        lock = WriterLock.acquire(path)
        writer = cls(path, lock)
        try:
            writer._open_or_start_over()
        except BaseException:
            writer.close()
            raise
        return writer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def started_empty(self) -> bool:
        """True when there was no usable file and everything has to be fetched."""
        return self._started_empty

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def set_aside(self) -> Path | None:
        """Where the damaged file was put, if there was one."""
        return self._set_aside

    def apply(self, *, cursor: str, reflects: int, epoch: int, changes: Iterable[Change], stored_at: str) -> Applied:
        """Take over a page of changes, at most `CHUNK_ROWS_MAX` a transaction; the cursor comes with the last one.

        So a crash in between leaves the old cursor, and the page is simply fetched and applied again. A change with a
        lower version than what is there is left out; a tombstone remembers its version for that.

        Args:
            cursor: opaque; what to ask for next.
            reflects: the till's last envelope that these documents contain.
            epoch: the till's epoch at the centre, to which `reflects` belongs.
            changes: (collection, key, version, body); body None removes.
            stored_at: the present, RFC 3339 with zone.

        Raises:
            ValueError: a name is too long, or `stored_at` carries no zone.
            StoreFull: no room; the cursor stays.
            StoreError: nothing of the last transaction was kept; the cursor stays.
        """
        stamp = (reflects, epoch, milliseconds(stored_at))
        written = stale = 0
        chunks = _chunks(changes)
        chunk = next(chunks)
        try:
            while True:
                following = next(chunks, None)
                more_written, more_stale = self._apply_chunk(chunk, stamp, cursor if following is None else None)
                written, stale = written + more_written, stale + more_stale
                if following is None:
                    return Applied(written=written, stale=stale)
                chunk = following
        except StoreCorrupt:
            self._start_over()
            return Applied(written=0, stale=0, started_over=True)

    def load(self, *, cursor: str, reflects: int, epoch: int, changes: Iterable[Change], stored_at: str) -> None:
        """Take over documents that are not there yet, in one transaction with the cursor; no version is looked at.

        For a snapshot's parts, which come once and in the order of their keys: a third of the time of `apply`.

        Raises:
            ValueError: as for `apply`.
            StoreFull: no room; nothing was kept.
            StoreError: nothing was kept.
        """
        stamp = (reflects, epoch, milliseconds(stored_at))
        numbers: dict[str, int] = {}
        living: dict[int, int] = {}
        with self._immediate():
            rows: list[tuple[Any, ...]] = []
            for collection, key, version, body in changes:
                number = numbers.get(collection)
                if number is None:
                    number = numbers[collection] = self._number_of(collection)
                rows.append((number, packed_key(key), version, *stamp, body))
                living[number] = living.get(number, 0) + (body is not None)
            self._run_many("INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            for number, count in living.items():
                self._run("UPDATE collection SET live = live + ? WHERE id = ?", (count, number))
            self._run("INSERT OR REPLACE INTO applied VALUES (1, ?, ?, ?, ?)", (cursor, *stamp))

    def fold(self) -> bool:
        """Bring everything of the WAL into the file itself; False when a reader kept it from that for seconds."""
        return not self._run("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]

    def close_file(self) -> None:
        """Close the file and keep the right to write it, for whoever exchanges it."""
        self._disconnect()

    def reopen(self) -> None:
        """Open the file that bears the name now."""
        self._open_or_start_over()

    def cursor(self) -> str:
        """Where to go on; "" for the beginning."""
        meta = self.meta()
        return meta.cursor if meta is not None else ""

    def meta(self) -> ReplicaMeta | None:
        """How far the replica has come; None before the first page."""
        return meta_of(self._run(META))

    def count(self, collection: str) -> int:
        """How many documents of a collection there are; a number kept with them, not counted."""
        return first_number(self._run("SELECT live FROM collection WHERE name = ?", (collection,)))

    def reset(self) -> None:
        """The centre wants everything fetched anew (410 Gone): forget documents and cursor in one transaction."""
        with self._immediate():
            self._run("DELETE FROM document")
            self._run("DELETE FROM collection")
            self._run("DELETE FROM applied")

    def check(self) -> bool:
        """Read every page; True when all is well. A damaged file is set aside at once, and the replica is empty."""
        try:
            if self._run("PRAGMA quick_check(1)")[0][0] == "ok":
                return True
        except StoreCorrupt:
            pass
        self._start_over()
        return False

    def close(self) -> None:
        """Close the file and let another process write it. Harmless when repeated."""
        self._disconnect()
        self._lock.release()

    def _apply_chunk(self, chunk: list[Change], stamp: tuple[int, int, int], cursor: str | None) -> tuple[int, int]:
        with self._immediate():
            numbers: dict[str, int] = {}
            grown: dict[int, int] = {}
            written = 0
            for collection, key, version, body in chunk:
                number = numbers.get(collection)
                if number is None:
                    number = numbers[collection] = self._number_of(collection)
                growth = self._write(number, packed_key(key), version, body, stamp)
                if growth is not None:
                    written += 1
                    grown[number] = grown.get(number, 0) + growth
            for number, growth in grown.items():
                self._run("UPDATE collection SET live = live + ? WHERE id = ?", (growth, number))
            if cursor is not None:
                self._run("INSERT OR REPLACE INTO applied VALUES (1, ?, ?, ?, ?)", (cursor, *stamp))
        return written, len(chunk) - written

    def _write(
        self, number: int, key: str | bytes, version: int, body: bytes | None, stamp: tuple[int, int, int]
    ) -> int | None:
        """By how much the count of living documents grew; None when the change is older than what is there."""
        found = self._run(
            "SELECT version, body IS NOT NULL FROM document WHERE collection = ? AND key = ?", (number, key)
        )
        if found and found[0][0] > version:
            return None
        self._run("INSERT OR REPLACE INTO document VALUES (?, ?, ?, ?, ?, ?, ?)", (number, key, version, *stamp, body))
        was_there = bool(found and found[0][1])
        return int(body is not None) - int(was_there)

    def _number_of(self, collection: str) -> int:
        if not 1 <= len(collection) <= COLLECTION_CHARS_MAX:
            raise ValueError(f"a collection must have from 1 to {COLLECTION_CHARS_MAX} characters")
        self._run("INSERT OR IGNORE INTO collection (name, live) VALUES (?, 0)", (collection,))
        return first_number(self._run("SELECT id FROM collection WHERE name = ?", (collection,)))

    def _open_or_start_over(self) -> None:
        wal, shm = side_files(self._path)
        if not self._path.exists():
            self._started_empty = True
            for leftover in (wal, shm):  # of a file somebody deleted: they must not meet a new one
                leftover.unlink(missing_ok=True)
        try:
            self._connect()
        except (StoreCorrupt, StoreNewer):
            self._start_over()

    def _connect(self) -> None:
        bring_up_to_date(self._path, REPLICA, tuning=_TUNING)
        self._connection = connect_writer(self._path, _TUNING)
        use_wal(self._connection, self._path, _TUNING)
        self._run(META)

    def _start_over(self) -> None:
        """Set the damaged file aside and open an empty one."""
        self._disconnect()
        self._started_empty = True
        self._set_aside = None
        aside = self._free_name()
        try:
            # The side files go with it: under its name they would be taken for the new file's.
            for source, target in zip(side_files(self._path), side_files(aside), strict=True):
                if source.exists():
                    replace_durably(source, target)
            replace_durably(self._path, aside)
            self._set_aside = aside
        except PermissionError:
            # Windows: a reader has it open, so it cannot be renamed. Empty it where it lies.
            _renew_in_place(self._path)
        except OSError as error:
            raise StoreUnavailable(f"cannot set {self._path} aside: {error.strerror}; remove it by hand") from error
        self._connect()

    def _free_name(self) -> Path:
        names = [self._path.with_name(f"{self._path.name}.broken-{number}") for number in range(1, _BROKEN_MAX + 1)]
        return next((name for name in names if not name.exists()), names[-1])

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(force=True)

    @contextmanager
    def _immediate(self) -> Iterator[None]:
        self._run("BEGIN IMMEDIATE")
        try:
            yield
            self._run("COMMIT")
        finally:
            if self._connection is not None and self._connection.in_transaction:
                with suppress(apsw.Error):  # the first error is the one to tell
                    self._connection.execute("ROLLBACK")

    def _run(self, sql: str, bindings: tuple[Any, ...] = ()) -> Rows:
        if self._connection is None:
            raise StoreUnavailable(f"{self._path} is not open; open a new writer")
        try:
            return self._connection.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            raise translate(error, self._path, self._connection) from error

    def _run_many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        if self._connection is None:
            raise StoreUnavailable(f"{self._path} is not open; open a new writer")
        try:
            self._connection.executemany(sql, rows)
        except apsw.Error as error:
            raise translate(error, self._path, self._connection) from error


def _chunks(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Lists of at most `CHUNK_ROWS_MAX`; one empty list when there are no changes, for the cursor alone."""
    rest = iter(changes)
    chunk = list(islice(rest, CHUNK_ROWS_MAX))
    yield chunk
    while chunk := list(islice(rest, CHUNK_ROWS_MAX)):
        yield chunk


def _renew_in_place(path: Path) -> None:
    """Turn a damaged file into an empty replica without renaming it and without a second SQLite library on it."""
    blank = path.with_name(path.name + ".blank")
    blank.unlink(missing_ok=True)
    run_steps(blank, REPLICA)
    connection = connect_writer(path, _TUNING)
    try:
        with suppress(apsw.Error):  # SQLite must have met the file before, or it takes the WAL for locked
            connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
        connection.config(apsw.SQLITE_DBCONFIG_RESET_DATABASE, 1)
        connection.execute("VACUUM")
        connection.config(apsw.SQLITE_DBCONFIG_RESET_DATABASE, 0)
        with connect_reader(blank) as source, connection.backup("main", source, "main") as backup:
            backup.step()
        source.close()
    except apsw.Error as error:
        raise translate(error, path, connection) from error
    finally:
        connection.close()
    blank.unlink()
