"""Looking at the till's file from another thread or process, read-only: the outbox, the journal, the shelf, the chain.

Every question is one short read, finished when the answer is returned: a reader that lingers would keep the WAL from
being used again. To be used by one thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import apsw

from offline_queue.chain_walk import ChainReport, Progress, walk
from offline_queue.database import Rows, connect_reader, schema_version, translate
from offline_queue.envelope import Envelope
from offline_queue.errors import StoreCorrupt, StoreUnavailable
from offline_queue.migrations import TILL, oldest_reader, require_version
from offline_queue.rows import (
    SELECT_ENVELOPE,
    EpochRow,
    QueueDepth,
    by_id,
    by_mark,
    envelope_from_row,
    epoch_rows,
    lost_from,
    milliseconds,
    position_of,
    queue_depth,
)

__all__ = ["ChainReport", "OutboxReader", "ShelvedEnvelope"]

ENVELOPES_MAX = 1_000  # of one answer; ask again with a narrower window


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelvedEnvelope:
    """An envelope the centre refused, and why."""

    envelope: Envelope
    reason: str


class OutboxReader:
    """One read-only connection to a `till.db` that a `TillStore` has made."""

    def __init__(self, path: Path, connection: apsw.Connection) -> None:
        self._path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> OutboxReader:
        """Open the file of a running or a stopped agent; in the agent's own process after its `TillStore`.

        Raises:
            StoreUnavailable: it is not there, or its tables are older than this programme's.
            StoreNewer: a newer Tillpoint wrote it.
            StoreError: it cannot be read.
        """
        if not path.exists():
            raise StoreUnavailable(f"{path} is not there; start the agent once to make it")
        connection = connect_reader(path)
        try:
            readable_from = oldest_reader(connection, path)
            require_version(schema_version(connection, path), TILL, path, readable_from=readable_from)
        except BaseException:
            connection.close()
            raise
        return cls(path, connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def batch(self, *, envelopes_max: int, bytes_max: int) -> list[Envelope]:
        """What to send next: a contiguous run of one epoch right after its acknowledged mark, oldest epoch first.

        What is to be sealed again (`lost_from`) is never in one run with what is not.

        Args:
            envelopes_max: at most so many envelopes.
            bytes_max: at most so many bytes of bodies; but always one envelope, or a large one would block the queue.

        Returns:
            The run; empty when nothing waits.
        """
        with self._moment():
            waiting = (row for row in epoch_rows(self._run) if row.acknowledged_through < row.last_sequence)
            epoch = next(waiting, None)
            return [] if epoch is None else self._run_after(epoch, envelopes_max, bytes_max)

    def batch_from(self, *, epoch: int, sequence: int, envelopes_max: int, bytes_max: int) -> list[Envelope]:
        """A contiguous run from a given place on, acknowledged or not: for a centre that lost what it had.

        Returns:
            The run; empty when that place was pruned, is sealed again, or lies ahead of what there is.
        """
        with self._moment():
            row = next((row for row in epoch_rows(self._run) if row.epoch == epoch), None)
            if row is None or not row.pruned_through < sequence <= row.last_sequence:
                return []
            lost = lost_from(self._run, epoch)
            if lost is not None and sequence >= lost:
                return []
            return self._run_after(replace(row, acknowledged_through=sequence - 1), envelopes_max, bytes_max)

    def lost_from(self, epoch: int) -> int | None:
        """From which envelope on an epoch is lost to another history, and sealed again in a later one; or None."""
        return lost_from(self._run, epoch)

    def document(self, collection: str, key: str) -> bytes | None:
        """One of the till's keyed documents; None when there is none."""
        rows = self._run("SELECT value FROM document WHERE collection = ? AND key = ?", (collection, key))
        return rows[0][0] if rows else None

    def documents(self, collection: str) -> list[tuple[str, bytes]]:
        """All of the till's documents of one collection, in the order of their keys."""
        return [
            (key, value)
            for key, value in self._run(
                "SELECT key, value FROM document WHERE collection = ? ORDER BY key", (collection,)
            )
        ]

    def epoch(self) -> int:
        """The epoch new envelopes get; 0 before the first."""
        rows = epoch_rows(self._run)
        return rows[-1].epoch if rows else 0

    def depth(self) -> QueueDepth:
        """How the queue stands; the cost does not grow with the backlog."""
        with self._moment():
            return queue_depth(self._run)

    def envelopes(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        kind: str | None = None,
        limit: int = 100,
        newest_first: bool = True,
    ) -> list[Envelope]:
        """The journal: what is still on disk, acknowledged or not, in the order of the queue.

        Args:
            since: RFC 3339 with zone; occurred at or after.
            until: RFC 3339 with zone; occurred before.
            kind: only this kind.
            limit: at most so many, never more than `ENVELOPES_MAX`.
            newest_first: False for the oldest first.
        """
        wanted: list[str] = []
        bindings: list[Any] = []
        for condition, value in (
            ("occurred_ms >= ?", None if since is None else milliseconds(since)),
            ("occurred_ms < ?", None if until is None else milliseconds(until)),
            ("kind = ?", kind),
        ):
            if value is not None:
                wanted.append(condition)
                bindings.append(value)
        direction = "DESC" if newest_first else "ASC"
        # With a condition the narrow index is walked, never the bodies of ninety days; without one, the tail itself.
        source = f"envelope INDEXED BY envelope_occurred WHERE {' AND '.join(wanted)}" if wanted else "envelope"
        rows = self._run(
            f"{SELECT_ENVELOPE} WHERE position IN"  # noqa: S608 - made of constants; every value is bound
            f" (SELECT position FROM {source} ORDER BY position {direction} LIMIT ?) ORDER BY position {direction}",
            (*bindings, min(limit, ENVELOPES_MAX)),
        )
        return [envelope_from_row(row) for row in rows]

    def by_mark(self, mark: str, *, limit: int = 100) -> list[Envelope]:
        """The envelopes that carry a mark, newest first."""
        return by_mark(self._run, mark, min(limit, ENVELOPES_MAX))

    def by_id(self, id: str) -> Envelope | None:  # noqa: A002 - the name of the field
        """The envelope with this id, if it is still on disk."""
        return by_id(self._run, id)

    def shelf(self, *, limit: int = ENVELOPES_MAX) -> list[ShelvedEnvelope]:
        """What the centre refused and nobody has dealt with, oldest first."""
        with self._moment():
            reasons = self._run(
                "SELECT position, reason FROM shelf ORDER BY position LIMIT ?", (min(limit, ENVELOPES_MAX),)
            )
            return [
                ShelvedEnvelope(envelope=envelope_from_row(row), reason=reason)
                for position, reason in reasons
                for row in self._run(f"{SELECT_ENVELOPE} WHERE position = ?", (position,))
            ]

    def page(self, *, after: tuple[int, int] = (0, 0), limit: int = 100) -> list[Envelope]:
        """What is on disk after (epoch, sequence), oldest first, acknowledged or not; at most `ENVELOPES_MAX`."""
        rows = self._run(
            f"{SELECT_ENVELOPE} WHERE position > ? ORDER BY position LIMIT ?",
            (position_of(*after), min(limit, ENVELOPES_MAX)),
        )
        return [envelope_from_row(row) for row in rows]

    def acknowledged(self) -> dict[int, int]:
        """Through which sequence the centre has each epoch."""
        return {row.epoch: row.acknowledged_through for row in epoch_rows(self._run)}

    def verify(self, progress: Progress | None = None) -> ChainReport:
        """Walk the chain of every epoch from where it was pruned to its head, hashing every body on disk.

        SQLite keeps no checksum of its pages; this finds what `quick_check` cannot: a changed byte inside a body, a
        removed, moved or exchanged envelope, a cut-off end. `progress` is told how many of how many were looked at.
        """
        return walk(self._run, self._moment, progress)

    def close(self) -> None:
        """Close the connection. Harmless when repeated."""
        self._connection.close()

    def _run_after(self, epoch: EpochRow, envelopes_max: int, bytes_max: int) -> list[Envelope]:
        lost = lost_from(self._run, epoch.epoch)
        is_cut = lost is not None and epoch.acknowledged_through + 1 < lost
        first = position_of(epoch.epoch, epoch.acknowledged_through + 1)
        last = position_of(epoch.epoch, lost - 1 if lost is not None and is_cut else epoch.last_sequence)
        batch: list[Envelope] = []
        size = 0
        try:
            for row in self._connection.execute(
                f"{SELECT_ENVELOPE} WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?",
                (first, last, envelopes_max),
            ):
                envelope = envelope_from_row(row)
                size += len(envelope.body)
                if batch and size > bytes_max:
                    break
                if envelope.sequence != epoch.acknowledged_through + 1 + len(batch):
                    raise StoreCorrupt(
                        f"{self._path}: a hole before envelope {epoch.epoch}/{envelope.sequence}; restore a back-up"
                    )
                batch.append(envelope)
        except apsw.Error as error:
            raise translate(error, self._path, self._connection) from error
        return batch

    @contextmanager
    def _moment(self) -> Iterator[None]:
        """Several questions about one and the same moment of the file, however much is written meanwhile."""
        self._run("BEGIN", ())
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self._run("COMMIT", ())

    def _run(self, sql: str, bindings: tuple[Any, ...]) -> Rows:
        try:
            return self._connection.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            raise translate(error, self._path, self._connection) from error
