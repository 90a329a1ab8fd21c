"""What can be done inside one transaction of the till's file; nothing here opens, commits or syncs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from offline_queue.database import Rows
from offline_queue.envelope import EPOCH_MAX, SEQUENCE_MAX, Envelope, chain_hash
from offline_queue.errors import StoreConflict, StoreError
from offline_queue.rows import (
    LOST,
    MARK_SEPARATOR,
    EpochRow,
    Run,
    acknowledged_places,
    by_id,
    by_mark,
    epoch_rows,
    lost_from,
    milliseconds,
    place,
    position_of,
    take_off_shelf,
    upper_bound,
)

__all__ = ["KEY_CHARS_MAX", "MARKS_MAX", "MARK_CHARS_MAX", "SCAN_ROWS_MAX", "Documents", "Transaction"]

MARKS_MAX = 16  # search words of one envelope; each costs one page in the commit
MARK_CHARS_MAX = 200
KEY_CHARS_MAX = 200
SCAN_ROWS_MAX = 1_000  # one scan is one answer in memory; go on with `after`

_INSERT_ENVELOPE = (
    "INSERT INTO envelope (position, id, previous, hash, kind, occurred_at, occurred_ms, boot_id, uptime_ms,"
    " programme_version, marks, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_PUT = (
    "INSERT INTO document (collection, key, value) VALUES (?, ?, ?)"
    " ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value"
)


class Documents:
    """Reading the keyed documents and the envelopes: the same words on the store and inside a transaction."""

    def __init__(self, run: Run) -> None:
        self._read = run

    def get(self, collection: str, key: str) -> bytes | None:
        """The value under a key, None when there is none."""
        rows = self._read("SELECT value FROM document WHERE collection = ? AND key = ?", (collection, key))
        return rows[0][0] if rows else None

    def scan(
        self, collection: str, prefix: str = "", *, after: str = "", limit: int = SCAN_ROWS_MAX
    ) -> list[tuple[str, bytes]]:
        """(key, value) of the keys that start with `prefix` and come after `after`, in code point order."""
        limit = min(limit, SCAN_ROWS_MAX)
        bound = upper_bound(prefix)
        sql = "SELECT key, value FROM document WHERE collection = ? AND key >= ? AND key > ?"
        bindings: tuple[str | int, ...] = (collection, prefix, after)
        if bound is not None:
            sql, bindings = sql + " AND key < ?", (*bindings, bound)
        return [(key, value) for key, value in self._read(sql + " ORDER BY key LIMIT ?", (*bindings, limit))]

    def by_mark(self, mark: str, *, limit: int = 100) -> list[Envelope]:
        """The envelopes that carry a mark, newest first; a pruned envelope is gone with its marks."""
        return by_mark(self._read, mark, limit)

    def by_id(self, id: str) -> Envelope | None:  # noqa: A002 - the name of the field
        """The envelope with this id, if it is still on disk."""
        return by_id(self._read, id)

    def acknowledged_places(self) -> list[tuple[int, int, str]]:
        """(epoch, sequence, hash) of the last envelope the centre has of each epoch, as far as they are kept here.

        What is sealed again in a later epoch is left out; the present epoch is always the last one.
        """
        return acknowledged_places(self._read)


class Transaction(Documents):
    """Everything done here lands in one commit, or nothing of it. Not to be used after its `with` block.

    After any StoreError but StoreConflict the transaction is lost: whatever the block does next, it is rolled back.
    """

    def __init__(self, run: Run, load_epoch: Callable[[], EpochRow]) -> None:
        super().__init__(self._guarded)
        self._run = run
        self._load_epoch = load_epoch
        self._epoch: EpochRow | None = None
        self._sequence = 0
        self._head = ""
        self._lost: StoreError | None = None
        self._is_over = False

    def append(
        self,
        *,
        id: str,  # noqa: A002 - the name of the field, here and on the wire
        kind: str,
        occurred_at: str,
        boot_id: str,
        uptime_ms: int,
        programme_version: int,
        body: bytes,
        marks: Iterable[str] = (),
    ) -> Envelope:
        """Seal one envelope onto the chain; the next sequence of the current epoch is assigned here and nowhere else.

        The fields are those of `Envelope`; `marks` are words it can be found by later (``claim:7K4M22``).

        Raises:
            ValueError: a field is illegal; nothing was appended, the transaction goes on.
            StoreConflict: the id is already in the queue; nothing was appended, the transaction goes on.
            StoreError: the transaction is lost.
        """
        words = _checked_marks(marks)
        occurred_ms = milliseconds(occurred_at)
        epoch = self._current_epoch()
        envelope = _seal(
            epoch=epoch.epoch,
            sequence=self._sequence + 1,
            previous=self._head,
            id_=id,
            kind=kind,
            occurred_at=occurred_at,
            boot_id=boot_id,
            uptime_ms=uptime_ms,
            programme_version=programme_version,
            body=body,
        )
        position = position_of(envelope.epoch, envelope.sequence)
        row = (
            position,
            id,
            bytes.fromhex(envelope.previous),
            bytes.fromhex(envelope.hash),
            kind,
            occurred_at,
            occurred_ms,
            boot_id,
            uptime_ms,
            programme_version,
            MARK_SEPARATOR.join(words),
            body,
        )
        present = self._guarded("SELECT position FROM envelope WHERE id = ?", (id,))
        if present:
            at_epoch, at_sequence = place(present[0][0])
            raise StoreConflict(
                f"envelope {id} is already in the queue as {at_epoch}/{at_sequence}; it was not appended again"
            )
        self._guarded(_INSERT_ENVELOPE, row)
        for word in words:
            self._guarded("INSERT INTO mark (mark, position) VALUES (?, ?)", (word, position))
        self._sequence, self._head = envelope.sequence, envelope.hash
        return envelope

    def retry(self, *, epoch: int, sequence: int, id: str) -> Envelope | None:  # noqa: A002
        """Send a refused envelope once more: the same fact under a new id and sequence, and the old one off the shelf.

        The old place in the chain is the centre's already, so it cannot be sent again under its own number. The new
        envelope is found by the same marks, and by ``was:<old id>``.

        Returns:
            The new envelope; None when that one is not on the shelf.

        Raises:
            StoreConflict: the id is already in the queue; the transaction goes on.
            StoreError: the transaction is lost.
        """
        if not (1 <= epoch <= EPOCH_MAX and 1 <= sequence <= SEQUENCE_MAX):
            return None
        position = position_of(epoch, sequence)
        found = self._guarded(
            "SELECT id, kind, occurred_at, boot_id, uptime_ms, programme_version, body, marks"
            " FROM envelope WHERE position = ? AND position IN (SELECT position FROM shelf)",
            (position,),
        )
        if not found:
            return None
        old_id, kind, occurred_at, boot_id, uptime_ms, programme_version, body, marks = found[0]
        envelope = self.append(
            id=id,
            kind=kind,
            occurred_at=occurred_at,
            boot_id=boot_id,
            uptime_ms=uptime_ms,
            programme_version=programme_version,
            body=body,
            marks=[f"was:{old_id}", *filter(None, marks.split(MARK_SEPARATOR))][:MARKS_MAX],
        )
        take_off_shelf(self._guarded, position)
        return envelope

    def lose(self, *, epoch: int, sequence: int) -> None:
        """The centre has nothing of an earlier epoch from this envelope on, and never will under these numbers.

        What it had acknowledged of that waits again, until `seal_again` has written it at the end of the chain. Saying
        it again, or of a later envelope, changes nothing.

        Raises:
            ValueError: the epoch is the present one, or that envelope is not on disk; the transaction goes on.
        """
        row = next((row for row in epoch_rows(self._guarded) if row.epoch == epoch), None)
        is_kept = row is not None and row.pruned_through < sequence <= row.last_sequence
        if row is None or not is_kept or epoch >= self._current_epoch().epoch:
            raise ValueError(f"{epoch}/{sequence} is of no earlier epoch that is kept; it cannot be sealed again")
        known = lost_from(self._guarded, epoch)
        if known is not None and known <= sequence:
            return
        self.put(LOST, str(epoch), str(sequence).encode())
        through = min(row.acknowledged_through, sequence - 1)
        self._guarded("UPDATE epoch SET acknowledged_through = ? WHERE epoch = ?", (through, epoch))

    def seal_again(self, old: Envelope, *, id: str) -> Envelope | None:  # noqa: A002
        """The same fact as `old`, which waits in an earlier epoch, under a new id at the end of the chain.

        The old one is done with in the same commit: it waits no more and lies on no shelf. The new one is found by
        ``was:<old id>``; what has one already (it was retried, or lost before) is not written twice.

        Returns:
            The new envelope; None when there was one.

        Raises:
            StoreConflict: the id is already in the queue; the transaction goes on.
            StoreError: the transaction is lost.
        """
        mark, sealed = f"was:{old.id}", None
        if not self._guarded("SELECT 1 FROM mark WHERE mark = ? LIMIT 1", (mark,)):
            sealed = self.append(
                id=id,
                kind=old.kind,
                occurred_at=old.occurred_at,
                boot_id=old.boot_id,
                uptime_ms=old.uptime_ms,
                programme_version=old.programme_version,
                body=old.body,
                marks=[mark],
            )
        take_off_shelf(self._guarded, position_of(old.epoch, old.sequence))
        self._guarded(
            "UPDATE epoch SET acknowledged_through = ? WHERE epoch = ? AND acknowledged_through = ?",
            (old.sequence, old.epoch, old.sequence - 1),
        )
        return sealed

    def put(self, collection: str, key: str, value: bytes) -> None:
        """Set the value under a key."""
        if not 1 <= len(key) <= KEY_CHARS_MAX or not 1 <= len(collection) <= KEY_CHARS_MAX:
            raise ValueError(f"a collection and a key must have from 1 to {KEY_CHARS_MAX} characters")
        self._guarded(_PUT, (collection, key, value))

    def delete(self, collection: str, key: str) -> bool:
        """Remove a key; False when it was not there."""
        return bool(
            self._guarded("DELETE FROM document WHERE collection = ? AND key = ? RETURNING 1", (collection, key))
        )

    def finish(self) -> None:
        """Write the new head of the chain; the store calls it before COMMIT; raises when a write was lost."""
        if self._lost is not None:
            raise self._lost
        if self._epoch is not None and self._sequence != self._epoch.last_sequence:
            self._guarded(
                "UPDATE epoch SET last_sequence = ?, head = ? WHERE epoch = ?",
                (self._sequence, bytes.fromhex(self._head), self._epoch.epoch),
            )

    def end(self) -> None:
        """From here on every use is a mistake; called by the store after COMMIT or ROLLBACK."""
        self._is_over = True

    def _current_epoch(self) -> EpochRow:
        if self._is_over or self._lost is not None:
            self._guarded("", ())  # raises
        if self._epoch is None:
            self._epoch = self._load_epoch()
            self._sequence, self._head = self._epoch.last_sequence, self._epoch.head.hex()
        return self._epoch

    def _guarded(self, sql: str, bindings: tuple[object, ...]) -> Rows:
        # SQLite may have rolled back by itself (full disk, failed read); going on would commit the rest alone.
        if self._is_over:
            raise RuntimeError("this transaction is over; open a new one")
        if self._lost is not None:
            raise self._lost
        try:
            return self._run(sql, bindings)
        except StoreError as error:
            self._lost = error
            raise


def _seal(
    *,
    epoch: int,
    sequence: int,
    previous: str,
    id_: str,
    kind: str,
    occurred_at: str,
    boot_id: str,
    uptime_ms: int,
    programme_version: int,
    body: bytes,
) -> Envelope:
    if sequence > SEQUENCE_MAX:
        raise ValueError(f"epoch {epoch} is used up; ask the centre for a new one")
    digest = chain_hash(
        previous,
        id=id_,
        epoch=epoch,
        sequence=sequence,
        kind=kind,
        occurred_at=occurred_at,
        boot_id=boot_id,
        uptime_ms=uptime_ms,
        programme_version=programme_version,
        body=body,
    )
    return Envelope(
        id=id_,
        epoch=epoch,
        sequence=sequence,
        previous=previous,
        hash=digest,
        kind=kind,
        occurred_at=occurred_at,
        boot_id=boot_id,
        uptime_ms=uptime_ms,
        programme_version=programme_version,
        body=body,
    )


def _checked_marks(marks: Iterable[str]) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(marks))
    if len(words) > MARKS_MAX:
        raise ValueError(f"an envelope carries at most {MARKS_MAX} marks, not {len(words)}")
    for word in words:
        if not 1 <= len(word) <= MARK_CHARS_MAX or MARK_SEPARATOR in word:
            raise ValueError(f"a mark must be one line of 1 to {MARK_CHARS_MAX} characters")
    return words
