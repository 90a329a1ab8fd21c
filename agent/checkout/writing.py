"""Writing down what a receipt did: envelope, closed receipt, ledger entry, inside the caller's transaction."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from agent.checkout.records import Closed, Entry, entry_key, read, read_all, write
from agent.checkout.state import DeskState
from agent.clock import uuid7
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec, facts
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import DocumentKind, Receipt
from offline_queue.envelope import Envelope
from offline_queue.transaction import Transaction

__all__ = [
    "NUMBER_CHARS",
    "answered_before",
    "append",
    "append_release",
    "digest",
    "marks",
    "numbered_prefix",
    "prune_closed",
    "remember",
    "require_kind",
]

NUMBER_CHARS: Final = 60  # of a receipt's number, in a key; tills count with ten digits
PRUNED_AT_ONCE: Final = 500  # closed receipts forgotten per round, so that pruning never holds up a sale

_KINDS: Final[dict[type[Struct], str]] = {fact: kind for kind, fact in facts.FACTS.items()}


def append(desk: DeskState, tx: Transaction, fact: Struct, words: list[str]) -> Envelope:
    """Put a fact into the outbox, inside the caller's transaction."""
    now = desk.clock.now()
    envelope: Envelope = tx.append(
        id=uuid7(now, desk.clock.random_bytes(10)),
        kind=_KINDS[type(fact)],
        occurred_at=now.isoformat(timespec="milliseconds"),
        boot_id=desk.clock.boot_id,
        uptime_ms=int(desk.clock.uptime_s() * 1000),
        programme_version=desk.programme.version if desk.programme else 0,
        body=codec.encode(fact),
        marks=words,
    )
    desk.written[envelope.kind] = desk.written.get(envelope.kind, 0) + 1
    return envelope


def append_release(desk: DeskState, tx: Transaction, receipt_uid: str, hold: str) -> None:
    """Tell the centre that what it keeps for a receipt is not needed any more."""
    append(desk, tx, facts.HoldReleased(receipt_uid=receipt_uid, hold=hold), [f"receipt:{receipt_uid}"])


def prune_closed(desk: DeskState, older_than: datetime) -> None:
    """Forget closed receipts that are too old to be taken back here; the centre still knows them."""
    cutoff = older_than.date().isoformat()
    old = [(key, uid.decode()) for key, uid in desk.store.scan("closed_on", limit=PRUNED_AT_ONCE) if key[:10] < cutoff]
    if not old:
        return
    with desk.store.transaction() as tx:
        for key, uid in old:
            closed = read(tx, "closed", uid, Closed)
            if closed is not None and closed.print_uid:
                tx.delete("printed", closed.print_uid)
            if closed is not None and closed.receipt.number:
                tx.delete("numbered", numbered_key(closed))
            tx.delete("closed", uid)
            tx.delete("closed_on", key)


def remember(
    desk: DeskState,
    tx: Transaction,
    closed: Closed,
    *,
    entry: Entry | None,
    envelope: Envelope,
) -> None:
    """Keep the closed receipt, and what it did to its customer until the replica reflects it."""
    customer_id = closed.customer_id
    write(tx, "closed", closed.uid, closed)
    tx.put("closed_on", f"{closed.closed_at.date().isoformat()}/{closed.uid}", closed.uid.encode())
    if desk.reports_are_read and closed.receipt.number:
        tx.put("numbered", numbered_key(closed), b"")
    if customer_id is None:
        return
    reflected = desk.knowledge.told(customer_id)
    for key, old in read_all(desk.store, "entry", Entry, prefix=f"{customer_id}/"):
        if reflected is not None and (old.epoch, old.sequence) <= (reflected.epoch, reflected.reflects):
            tx.delete("entry", key)
    if entry is not None:
        placed = replace(entry, epoch=envelope.epoch, sequence=envelope.sequence)
        write(tx, "entry", entry_key(customer_id, envelope.epoch, envelope.sequence), placed)


def numbered_key(closed: Closed) -> str:
    """By which a receipt is found that a till names otherwise: its number and its day."""
    at = closed.receipt.closed_at or closed.closed_at
    return f"{numbered_prefix(closed.receipt.number, at)}{closed.uid}"


def numbered_prefix(number: str, at: datetime) -> str:
    """Under it are all receipts of that number and day (UTC)."""
    return f"{number[:NUMBER_CHARS]}/{at.astimezone(UTC).date().isoformat()}/"


def require_kind(receipt: Receipt, wanted: DocumentKind) -> None:
    """A sale is confirmed, a return is refunded; anything else is a mistake of the caller."""
    if receipt.kind is not wanted:
        raise CheckoutRefused(
            f"expected a {wanted.value}, got a {receipt.kind.value}", code="wrong_kind", field="receipt.kind"
        )


def answered_before(closed: Closed, receipt: Receipt) -> str:
    """The first answer again, marked as a duplicate; another body under the same uid is refused by name.

    A till that repeats may tell the time of the repeat: when it was closed is no part of what is compared.
    A sale that was closed by its print is compared by its total: the till's own body says more than the paper did.
    """
    same = closed.digest == digest(replace(receipt, closed_at=closed.receipt.closed_at))
    if closed.source.startswith("print:"):
        same = same or (closed.receipt.kind is receipt.kind and closed.receipt.total == receipt.total)
    if not same:
        raise CheckoutRefused(
            f"receipt {receipt.uid} was closed with another content; a new receipt needs a new uid",
            code="different_body",
            field="receipt.uid",
        )
    wanted = contract.ConfirmAnswer if receipt.kind is DocumentKind.SALE else contract.RefundAnswer
    answer: Any = codec.decode(closed.answer, wanted)
    return codec.encode(replace(answer, duplicate=True)).decode()


def digest(receipt: Receipt) -> str:
    """Names the content of a receipt, so that another body under the same uid is noticed."""
    return hashlib.sha256(codec.encode(receipt)).hexdigest()


def marks(receipt: Receipt, claim: str, customer_id: str | None) -> list[str]:
    """The words by which the journal finds this receipt."""
    words = [f"receipt:{receipt.uid}", f"claim:{claim}"]
    if customer_id is not None:
        words.append(f"customer:{customer_id}")
    if receipt.number:
        words.append(f"number:{receipt.number}")
    return words
