"""Short words for the tests of the queue: one legal envelope after another, and nothing random."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from offline_queue.envelope import Envelope
from offline_queue.store import TillStore
from offline_queue.transaction import Transaction

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def moment(number: int) -> str:
    return (NOON + timedelta(seconds=number)).isoformat()


def append_one(
    tx: Transaction, number: int, *, body: bytes = b"", marks: Iterable[str] = (), kind: str = "receipt.confirmed"
) -> Envelope:
    return tx.append(
        id=f"id-{number:06d}",
        kind=kind,
        occurred_at=moment(number),
        boot_id="boot-1",
        uptime_ms=number * 1_000,
        programme_version=7,
        body=body or f'{{"receipt":{number}}}'.encode(),
        marks=marks,
    )


def append_each(store: TillStore, first: int, last: int, *, body: bytes = b"") -> list[Envelope]:
    envelopes = []
    for number in range(first, last + 1):
        with store.transaction() as tx:
            envelopes.append(append_one(tx, number, body=body))
    return envelopes


def append_together(store: TillStore, first: int, last: int, *, body: bytes = b"") -> list[Envelope]:
    with store.transaction() as tx:
        return [append_one(tx, number, body=body) for number in range(first, last + 1)]
