"""The till's precious file: envelopes, documents and the shelf, one writer, one sync a commit; knows no domain.

States of the store: well → (a write or sync failed) → failed → `reopen()` → well. In the failed state every call
raises: after a failed sync nothing on that connection can be believed. The outbox is what lies after the
acknowledged mark; acknowledging moves the mark and deletes nothing, so it costs the same for one envelope and for a
hundred thousand; pruning deletes from the other end, a bounded chunk at a time, when there is nothing else to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import apsw

from offline_queue.database import Rows, Tuning, connect_writer, extended_code, is_fatal, translate, use_wal
from offline_queue.envelope import EPOCH_MAX, SEQUENCE_MAX
from offline_queue.errors import StoreCorrupt, StoreFull, StoreUnavailable
from offline_queue.files import Ballast, WriterLock, disk_free_bytes
from offline_queue.migrations import TILL, bring_up_to_date, side_files
from offline_queue.pruning import free_page_bytes, prune_chunk
from offline_queue.rows import (
    GENESIS_BYTES,
    EpochRow,
    QueueDepth,
    epoch_rows,
    position_of,
    queue_depth,
    take_off_shelf,
)
from offline_queue.transaction import Documents, Transaction

__all__ = ["BALLAST_BYTES", "TENDED_PAGES_MIN", "TillStore"]

BALLAST_BYTES = 2 * 1024 * 1024  # half of it, kept for draining, takes the checkpoint of a WAL of 200 pages (0.8 MB)
REASON_CHARS_MAX = 500  # of a refusal, as shown on the shelf

TENDED_PAGES_MIN = 40  # in the WAL, some six receipts: fewer are not worth the syncs of a checkpoint

#: How a transaction begins, is kept, and is taken back: by itself, and as a part of several that are one commit.
_WHOLE = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
_PART = ("SAVEPOINT part", "RELEASE part", "ROLLBACK TO part; RELEASE part")

_DRAIN_RESERVE = 2  # 1/n of the ballast's room is kept for draining while the ballast is gone


class TillStore(Documents):
    """One open `till.db`. To be used by one thread; others read through `OutboxReader`."""

    def __init__(self, path: Path, lock: WriterLock, ballast: Ballast, tuning: Tuning) -> None:
        super().__init__(self._run)
        self._path = path
        self._lock = lock
        self._ballast = ballast
        self._tuning = tuning
        self._connection: apsw.Connection | None = None
        self._failed = ""
        self._in_transaction = False
        self._is_together = False
        self._is_closed = False

    @classmethod
    def open(
        cls, path: Path, *, epoch: int, ballast_bytes: int = BALLAST_BYTES, tuning: Tuning | None = None
    ) -> TillStore:
        """Open the file, making or migrating it when due, and read its end back. Open it before any reader.

        Args:
            path: the database; `<path>.lock` and `<path>.ballast` lie beside it.
            epoch: what the centre gave. A higher one than the file knows starts it; a lower one is ignored (an old
                identity was restored; the queue goes on in its own epoch).
            ballast_bytes: room to free on a full disk; 0 for none.
            tuning: for tests; the default is the promise.

        Raises:
            StoreBusy: another agent writes it.
            StoreNewer: a newer Tillpoint wrote it.
            StoreCorrupt: it is damaged, or is not a database.
            StoreFull: there is no room even to open it.
            StoreUnavailable: no folder, read-only, no right, or a failing disk.
        """
        tuning = tuning or Tuning()
        _check_epoch(epoch)
        lock = WriterLock.acquire(path)
        store = cls(path, lock, Ballast(path.with_name(path.name + ".ballast"), ballast_bytes), tuning)
        try:
            store._open_file()
            if epoch > store.epoch:
                store.start_epoch(epoch)
        except BaseException:
            store._disconnect(checkpoint=False)
            lock.release()
            raise
        store._ballast.lay()
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    @property
    def epoch(self) -> int:
        """The epoch new envelopes get; 0 before the first."""
        epochs = epoch_rows(self._run)
        return epochs[-1].epoch if epochs else 0

    @property
    def failed(self) -> str:
        """Why nothing can be promised until `reopen()`; "" when all is well."""
        return self._failed

    @property
    def ballast_present(self) -> bool:
        """Whether there is room to drain the queue should the disk fill up."""
        return self._ballast.is_present

    @property
    def disk_free_bytes(self) -> int:
        """How much room the disk still has; for a warning before it is full."""
        return disk_free_bytes(self._path)

    @property
    def sqlite_version(self) -> str:
        """The SQLite in use; to be stated at start."""
        return apsw.sqlite_lib_version()

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """BEGIN IMMEDIATE … COMMIT: when the block has ended without an exception, all of it is on the disk.

        Raises:
            StoreFull: nothing was written; the ballast is gone overboard, so acknowledging and pruning work.
            StoreUnavailable: the disk failed and it is unknown whether the commit is on it: `reopen()`, then look.
            StoreError: nothing was written.
        """
        if self._in_transaction:
            raise RuntimeError("transactions of one store do not nest")
        self._keep_room_to_drain()
        with self._immediate():
            transaction = Transaction(self._run, self._current_epoch)
            try:
                yield transaction
                transaction.finish()
            finally:
                transaction.end()

    @contextmanager
    def together(self) -> Iterator[None]:
        """One commit, and one sync, for all transactions inside: all of them are on the disk when the block has ended.

        Until then nothing of them may be told to anybody. A transaction that fails takes back its own writes alone, and
        the block may go on without it; a disk that fails takes back all.

        Raises:
            StoreError: as `transaction` does; nothing of the block was written.
        """
        if self._is_together:
            raise RuntimeError("transactions of one store do not nest")
        self._keep_room_to_drain()
        with self._immediate():
            self._in_transaction, self._is_together = False, True
            try:
                yield
                self._require_open()
            finally:
                self._in_transaction, self._is_together = True, False

    def settle(self, *, epoch: int, through: int, refused: Mapping[int, str] = MappingProxyType({})) -> None:
        """The centre has everything of `epoch` through sequence `through`: move the mark, shelve what it refused.

        Repeating it, or settling less than is settled already, changes nothing. One transaction, and it works on a
        full disk once the ballast is gone.

        `refused` gives a reason for each sequence the centre refused; they leave the outbox all the same.

        Raises:
            ValueError: the epoch is unknown, or `through` lies beyond the last envelope: an answer that acknowledges
                what was never sent must not make anything vanish.
        """
        with self._immediate():
            row = next((row for row in epoch_rows(self._run) if row.epoch == epoch), None)
            if row is None:
                raise ValueError(f"cannot settle epoch {epoch}: the queue does not know it")
            if not 0 <= through <= row.last_sequence or any(sequence > through for sequence in refused):
                raise ValueError(f"cannot settle epoch {epoch} through {through}: it ends at {row.last_sequence}")
            if through <= row.acknowledged_through:
                return
            shelved = sorted(sequence for sequence in refused if sequence > row.acknowledged_through)
            for sequence in shelved:
                reason = refused[sequence][:REASON_CHARS_MAX]
                self._run("INSERT INTO shelf (position, reason) VALUES (?, ?)", (position_of(epoch, sequence), reason))
            self._run(
                "UPDATE epoch SET acknowledged_through = ?, shelved = shelved + ? WHERE epoch = ?",
                (through, len(shelved), epoch),
            )

    def unshelve(self, *, epoch: int, sequence: int) -> bool:
        """Somebody has dealt with a refused envelope: take it off the shelf; False when it was not there."""
        if not (1 <= epoch <= EPOCH_MAX and 1 <= sequence <= SEQUENCE_MAX):
            return False
        with self._immediate():
            return take_off_shelf(self._run, position_of(epoch, sequence))

    def start_epoch(self, epoch: int) -> None:
        """From now on envelopes are numbered from 1 in a new epoch; what waits in older epochs stays and is sent first.

        Raises:
            ValueError: the number is lower than the current epoch. The current one again changes nothing.
        """
        _check_epoch(epoch)
        with self._immediate():
            current = self.epoch
            if epoch < current:
                raise ValueError(f"cannot start epoch {epoch}: the queue is in epoch {current} already")
            if epoch > current:
                self._run(
                    "INSERT INTO epoch (epoch, last_sequence, head, acknowledged_through, pruned_through, pruned_hash,"
                    " shelved) VALUES (?, 0, ?, 0, 0, ?, 0)",
                    (epoch, GENESIS_BYTES, GENESIS_BYTES),
                )

    def prune(self, *, now: datetime, keep_days: int, keep_bytes: int) -> int:
        """Remove one bounded chunk of the oldest acknowledged envelopes; call again while the answer is not 0.

        What waits and what lies on the shelf is never removed. The file does not shrink: its free pages are used again.

        Args:
            now: the present, with a zone.
            keep_days: acknowledged envelopes older than this go.
            keep_bytes: while the used part of the file is larger than this, acknowledged envelopes go however young.

        Returns:
            How many envelopes were passed by the mark (shelved ones among them stay readable).
        """
        with self._immediate():
            return prune_chunk(self._run, now=now, keep_days=keep_days, keep_bytes=keep_bytes)

    def tend(self) -> None:
        """House-keeping for an idle moment, so that the next commits cost one sync each; lays the ballast again.

        A checkpoint takes two syncs, and the first commit after it a second one, for the header of the WAL begun
        anew. Both fall here: once enough is in the WAL it is brought into the file, and a small commit begins the next.
        """
        _, pages, done = self._run("PRAGMA wal_checkpoint(NOOP)", ())[0]
        if pages - done >= TENDED_PAGES_MIN:
            self._run("PRAGMA wal_checkpoint(PASSIVE)", ())
            with suppress(StoreFull):  # nothing of it is needed, and the next receipt says so itself
                self._run(f"PRAGMA user_version = {TILL.version:d}", ())  # what it is already; still a page written
        self._ballast.lay()

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────

    def depth(self) -> QueueDepth:
        """How the queue stands; the cost does not grow with the backlog."""
        return queue_depth(self._run)

    def acknowledged(self) -> dict[int, int]:
        """Through which sequence the centre has each epoch of which acknowledged envelopes are still on disk."""
        rows = epoch_rows(self._run)
        return {row.epoch: row.acknowledged_through for row in rows if row.acknowledged_through > row.pruned_through}

    def check(self) -> str:
        """Read every page; "" when SQLite finds nothing wrong, else its first complaint. Seconds on a large file."""
        answer = str(self._run("PRAGMA quick_check(1)", ())[0][0])
        return "" if answer == "ok" else answer

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def reopen(self) -> None:
        """Leave the failed state: open anew, read the end back, write and sync once; well only if all that went well.

        A transaction whose commit failed may or may not be there afterwards: ask `by_id`.

        Raises:
            StoreError: still failing; the store stays failed.
        """
        if self._is_closed:
            raise StoreUnavailable(f"{self._path} was closed; open a new store")
        # Without a checkpoint on the way out: it could call durable what the failed sync threw away.
        self._disconnect(checkpoint=False)
        self._failed = self._failed or "reopening"
        self._open_file()
        try:
            connection = self._connected()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("UPDATE reopened SET times = times + 1")
        except apsw.Error as error:
            raise self._failure(error) from error
        self._failed = ""
        self._ballast.lay()

    def close(self) -> None:
        """Checkpoint, close, and let another process write. Harmless when repeated."""
        self._disconnect(checkpoint=not self._failed)
        self._is_closed = True
        self._lock.release()

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _open_file(self) -> None:
        wal, _ = side_files(self._path)
        if not self._tuning.vfs and not self._path.exists() and wal.exists() and wal.stat().st_size:
            raise StoreCorrupt(
                f"{self._path} is gone but {wal.name} is there; put the missing file back, or move both away"
            )
        bring_up_to_date(self._path, TILL, tuning=self._tuning)
        connection = connect_writer(self._path, self._tuning)
        try:
            use_wal(connection, self._path, self._tuning)
            _read_back(connection, self._path)
        except apsw.Error as error:
            failure = self._failure(error, connection)
            connection.close()
            raise failure from error
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _disconnect(self, *, checkpoint: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if not checkpoint:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        # What a failed last checkpoint could not move is still in the WAL, and the next opening finds it there.
        with suppress(apsw.Error):
            connection.close(force=True)

    def _connected(self) -> apsw.Connection:
        if self._connection is None:
            raise StoreUnavailable(f"{self._path} is not open; open a new store")
        return self._connection

    def _run(self, sql: str, bindings: tuple[Any, ...]) -> Rows:
        if self._failed:
            raise StoreUnavailable(f"{self._failed}; reopen before anything more is promised")
        connection = self._connected()
        try:
            return connection.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            raise self._failure(error) from error

    @contextmanager
    def _immediate(self) -> Iterator[None]:
        # Never a deferred BEGIN: one that reads first and then writes fails at once when another connection wrote.
        if self._in_transaction:
            raise RuntimeError("transactions of one store do not nest")
        begin, keep, undo = _PART if self._is_together else _WHOLE
        if self._is_together:
            self._require_open()
        self._run(begin, ())
        self._in_transaction = True
        try:
            yield
            self._run(keep, ())
        except BaseException:
            connection = self._connection
            if connection is not None and connection.in_transaction:
                self._roll_back(connection, undo)
            raise
        finally:
            self._in_transaction = False

    def _require_open(self) -> None:
        """A full disk makes SQLite take back a whole transaction by itself: what came after would stand alone."""
        if not self._connected().in_transaction:
            raise StoreUnavailable(
                self._failed or f"{self._path}: what was written together was taken back; do it again"
            )

    def _roll_back(self, connection: apsw.Connection, undo: str) -> None:
        try:
            connection.execute(undo)
        except apsw.Error as error:
            self._failed = str(translate(error, self._path, connection))

    def _failure(self, error: apsw.Error, connection: apsw.Connection | None = None) -> Exception:
        failure = translate(error, self._path, connection or self._connection)
        if isinstance(failure, StoreFull):
            self._ballast.release()
        sync_failed = is_fatal(error) and not (isinstance(failure, StoreFull) and _is_write(error))
        if sync_failed:
            self._failed = str(failure)
        return failure

    def _current_epoch(self) -> EpochRow:
        return epoch_rows(self._run)[-1]

    def _keep_room_to_drain(self) -> None:
        if self._ballast.size_bytes == 0 or self._ballast.is_present:
            return
        reserve = self._ballast.size_bytes // _DRAIN_RESERVE
        if disk_free_bytes(self._path) < reserve and free_page_bytes(self._run) < reserve:
            raise StoreFull(
                f"the disk of {self._path} is full; what is left is kept for draining the queue, free some space"
            )


def _read_back(connection: apsw.Connection, path: Path) -> None:
    """The marks and the last envelopes must agree, or files of two moments were mixed (half a restore)."""
    rows = connection.execute(
        "SELECT epoch.epoch FROM epoch LEFT JOIN envelope ON position = (epoch.epoch << 40 | last_sequence)"
        " WHERE last_sequence > pruned_through AND hash IS NOT head"
    ).fetchall()
    beyond = connection.execute(
        "SELECT 1 FROM envelope"
        " WHERE position > (SELECT ifnull(max(epoch << 40 | last_sequence), 0) FROM epoch) LIMIT 1"
    ).fetchall()
    if rows or beyond:
        raise StoreCorrupt(
            f"{path} does not agree with itself (files of two back-ups mixed?); restore all of one back-up"
        )


def _is_write(error: apsw.Error) -> bool:
    return extended_code(error) in (apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_IOERR_SHMSIZE)


def _check_epoch(epoch: int) -> None:
    if not 1 <= epoch <= EPOCH_MAX:
        raise ValueError(f"an epoch must be from 1 to {EPOCH_MAX}, not {epoch}")
