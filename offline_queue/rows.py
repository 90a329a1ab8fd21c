"""How envelopes lie in the file: the one-number key and the rows; shared by the store, which writes, and the reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from offline_queue.database import Rows
from offline_queue.envelope import GENESIS, SEQUENCE_MAX, Envelope
from offline_queue.errors import StoreCorrupt

__all__ = [
    "GENESIS_BYTES",
    "LOST",
    "MARK_SEPARATOR",
    "SELECT_ENVELOPE",
    "EpochRow",
    "QueueDepth",
    "Run",
    "acknowledged_places",
    "by_id",
    "by_mark",
    "envelope_from_row",
    "epoch_rows",
    "lost_from",
    "milliseconds",
    "place",
    "position_of",
    "queue_depth",
    "remove_envelope",
    "rfc3339",
    "take_off_shelf",
    "upper_bound",
]

SELECT_ENVELOPE = (
    "SELECT position, id, previous, hash, kind, occurred_at, boot_id, uptime_ms, programme_version, body FROM envelope"
)
GENESIS_BYTES = bytes.fromhex(GENESIS)

MARK_SEPARATOR = "\n"  # between the marks kept with an envelope, so that removing it needs no second index

LOST = "queue.lost"  # documents: epoch → the first sequence the centre has under no number of that epoch

_SEQUENCE_BITS = 40
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_CODE_POINT_MAX = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)

Run = Callable[[str, tuple[Any, ...]], Rows]  # runs one statement, raises our errors


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """How the queue stands.

    Attributes:
        waiting: envelopes of all epochs the centre has not acknowledged.
        waiting_oldest_at: when the oldest of them occurred (RFC 3339), "" for none.
        shelved: envelopes the centre refused and nobody has dealt with.
        archived: acknowledged envelopes still kept for the journal.
        last_sequence: the newest envelope of the current epoch, 0 for none.
        acknowledged_through: the high-water mark of the current epoch.
    """

    waiting: int
    waiting_oldest_at: str
    shelved: int
    archived: int
    last_sequence: int
    acknowledged_through: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRow:
    """One epoch and its high-water marks; pruned_through ≤ acknowledged_through ≤ last_sequence."""

    epoch: int
    last_sequence: int
    head: bytes
    acknowledged_through: int
    pruned_through: int
    pruned_hash: bytes
    shelved: int


def position_of(epoch: int, sequence: int) -> int:
    """The number that orders all envelopes of all epochs."""
    return epoch << _SEQUENCE_BITS | sequence


def place(position: int) -> tuple[int, int]:
    """(epoch, sequence) of a position."""
    return position >> _SEQUENCE_BITS, position & SEQUENCE_MAX


def envelope_from_row(row: tuple[Any, ...]) -> Envelope:
    """A row of `SELECT_ENVELOPE`; raises StoreCorrupt when the bytes on disk are not a legal envelope."""
    position, id_, previous, hash_, kind, occurred_at, boot_id, uptime_ms, programme_version, body = row
    epoch, sequence = place(position)
    if not isinstance(body, bytes):  # SQLite keeps a text where somebody wrote one, whatever the column says
        raise StoreCorrupt(f"envelope {epoch}/{sequence} on disk is damaged (its body is text); restore a back-up")
    try:
        return Envelope(
            id=id_,
            epoch=epoch,
            sequence=sequence,
            previous=previous.hex(),
            hash=hash_.hex(),
            kind=kind,
            occurred_at=occurred_at,
            boot_id=boot_id,
            uptime_ms=uptime_ms,
            programme_version=programme_version,
            body=body,
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreCorrupt(f"envelope {epoch}/{sequence} on disk is damaged ({error}); restore a back-up") from error


def epoch_rows(run: Run) -> list[EpochRow]:
    """All epochs, oldest first; a till has as many as it was restored, plus one."""
    rows = run(
        "SELECT epoch, last_sequence, head, acknowledged_through, pruned_through, pruned_hash, shelved"
        " FROM epoch ORDER BY epoch",
        (),
    )
    names = ("epoch", "last_sequence", "head", "acknowledged_through", "pruned_through", "pruned_hash", "shelved")
    return [EpochRow(**dict(zip(names, row, strict=True))) for row in rows]


def lost_from(run: Run, epoch: int) -> int | None:
    """The first envelope of an epoch that is lost to another history, as all after it are; None for none."""
    rows = run("SELECT value FROM document WHERE collection = ? AND key = ?", (LOST, str(epoch)))
    return int(rows[0][0]) if rows else None


def acknowledged_places(run: Run) -> list[tuple[int, int, str]]:
    """(epoch, sequence, hash) of the last envelope the centre has of each epoch that still has acknowledged ones here.

    The present epoch is always the last of them; its hash is "" while nothing of it was acknowledged.
    """
    epochs = epoch_rows(run)
    found: list[tuple[int, int, str]] = []
    for row in epochs:
        lost = lost_from(run, row.epoch)
        through = row.acknowledged_through if lost is None else min(row.acknowledged_through, lost - 1)
        if through > row.pruned_through:
            hash_ = run("SELECT hash FROM envelope WHERE position = ?", (position_of(row.epoch, through),))[0][0]
            found.append((row.epoch, through, hash_.hex()))
        elif row is epochs[-1]:
            found.append((row.epoch, through, row.pruned_hash.hex() if through else ""))
    return found


def queue_depth(run: Run) -> QueueDepth:
    """How the queue stands, from the high-water marks: the cost does not grow with the backlog."""
    epochs = epoch_rows(run)
    oldest = ""
    for epoch in epochs:
        if epoch.acknowledged_through < epoch.last_sequence:
            first = position_of(epoch.epoch, epoch.acknowledged_through + 1)
            oldest = "".join(row[0] for row in run("SELECT occurred_at FROM envelope WHERE position = ?", (first,)))
            break
    return QueueDepth(
        waiting=sum(epoch.last_sequence - epoch.acknowledged_through for epoch in epochs),
        waiting_oldest_at=oldest,
        shelved=sum(epoch.shelved for epoch in epochs),
        archived=sum(epoch.acknowledged_through - epoch.pruned_through for epoch in epochs),
        last_sequence=epochs[-1].last_sequence if epochs else 0,
        acknowledged_through=epochs[-1].acknowledged_through if epochs else 0,
    )


def by_mark(run: Run, mark: str, limit: int) -> list[Envelope]:
    """The envelopes that carry a mark, newest first."""
    rows = run(
        f"{SELECT_ENVELOPE} WHERE position IN"  # noqa: S608 - made of constants
        " (SELECT position FROM mark WHERE mark = ? ORDER BY position DESC LIMIT ?) ORDER BY position DESC",
        (mark, limit),
    )
    return [envelope_from_row(row) for row in rows]


def by_id(run: Run, id_: str) -> Envelope | None:
    """The envelope with this id, if it is still on disk."""
    rows = run(f"{SELECT_ENVELOPE} WHERE id = ?", (id_,))
    return envelope_from_row(rows[0]) if rows else None


def remove_envelope(run: Run, position: int) -> None:
    """Remove one envelope with its marks."""
    for (marks,) in run("DELETE FROM envelope WHERE position = ? RETURNING marks", (position,)):
        for mark in marks.split(MARK_SEPARATOR):
            run("DELETE FROM mark WHERE mark = ? AND position = ?", (mark, position))


def take_off_shelf(run: Run, position: int) -> bool:
    """Somebody has dealt with a refused envelope; False when it was not on the shelf."""
    if not run("DELETE FROM shelf WHERE position = ? RETURNING 1", (position,)):
        return False
    epoch, sequence = place(position)
    run("UPDATE epoch SET shelved = shelved - 1 WHERE epoch = ?", (epoch,))
    # Pruning went round it; what would be gone by now goes now.
    if sequence <= run("SELECT pruned_through FROM epoch WHERE epoch = ?", (epoch,))[0][0]:
        remove_envelope(run, position)
    return True


def milliseconds(rfc3339_text: str) -> int:
    """Milliseconds since 1970 UTC; raises ValueError for a text that is no time or carries no zone."""
    moment = datetime.fromisoformat(rfc3339_text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {rfc3339_text!r} carries no zone")
    return (moment - _UNIX) // _MILLISECOND


@lru_cache(maxsize=64)  # the documents of a page share their moment
def rfc3339(milliseconds_utc: int) -> str:
    """The UTC time of so many milliseconds, as the replica shows it."""
    moment = _UNIX + milliseconds_utc * _MILLISECOND
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def upper_bound(prefix: str) -> str | None:
    """The least text greater than every text that starts with `prefix`; None when there is none."""
    kept = prefix
    while kept:
        after = ord(kept[-1]) + 1
        if _SURROGATES[0] <= after <= _SURROGATES[1]:
            after = _SURROGATES[1] + 1
        if after <= _CODE_POINT_MAX:
            return kept[:-1] + chr(after)
        kept = kept[:-1]
    return None
