"""What the operator's page reads; every query is bounded and served by an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select, text

from central import schema

__all__ = [
    "Found",
    "count_tills",
    "forks",
    "last_actions",
    "overspent_certificates",
    "overspent_coupons",
    "overused_leases",
    "owing",
    "receipt_of",
    "search",
    "tills",
]

ROWS_MAX: Final = 200  # on one page; who needs more asks for less
TILLS_MAX: Final = 2_000  # the worst first

#: Word for word the condition of the index `customer_deficit`; with a parameter no database would use it.
_OWES: Final = text("CAST(customer.deficits AS TEXT) <> '{}'")
_OVERDRAWN: Final = text("certificate.balance_minor < 0")
_OVERUSED: Final = text("value_lease.used > value_lease.amount")


class Found:
    """What a search met: customers by id or mask, receipts by uid or claim code."""

    def __init__(self, customers: Sequence[Row[Any]], receipts: Sequence[Row[Any]]) -> None:
        self.customers = customers
        self.receipts = receipts


def tills(connection: Connection) -> Sequence[Row[Any]]:
    """Every till with the mark of its present epoch; the longest silent first."""
    table, cursors = schema.till, schema.till_cursor
    joined = table.outerjoin(cursors, (cursors.c.till == table.c.id) & (cursors.c.epoch == table.c.epoch))
    wanted = select(table, cursors.c.last_seq, cursors.c.fork).select_from(joined)
    return connection.execute(wanted.order_by(table.c.seen_at.asc().nulls_first(), table.c.id).limit(TILLS_MAX)).all()


def forks(connection: Connection) -> Sequence[Row[Any]]:
    """Epochs that take nothing new, older ones too."""
    table = schema.till_cursor
    wanted = select(table).where(table.c.fork.is_not(None)).order_by(table.c.till, table.c.epoch)
    return connection.execute(wanted.limit(ROWS_MAX)).all()


def owing(connection: Connection) -> Sequence[Row[Any]]:
    """Customers with a deficit."""
    table = schema.customer
    columns = (table.c.id, table.c.name, table.c.phone, table.c.deficits)
    return list(connection.execute(select(*columns).where(_OWES).order_by(table.c.id).limit(ROWS_MAX)))


def overspent_coupons(connection: Connection) -> Sequence[Row[Any]]:
    """Uses of a coupon beyond what it allows, the newest first."""
    table = schema.coupon_use
    over = select(table).where(table.c.overspent.is_(True), table.c.restored.is_(False))
    return connection.execute(over.order_by(table.c.at.desc()).limit(ROWS_MAX)).all()


def overspent_certificates(connection: Connection) -> Sequence[Row[Any]]:
    """Gift certificates below zero."""
    table = schema.certificate
    return connection.execute(select(table).where(_OVERDRAWN).order_by(table.c.id).limit(ROWS_MAX)).all()


def overused_leases(connection: Connection) -> Sequence[Row[Any]]:
    """Leases on coupons and certificates under which tills used more than there was."""
    table = schema.value_lease
    return connection.execute(select(table).where(_OVERUSED).order_by(table.c.id).limit(ROWS_MAX)).all()


def search(connection: Connection, words: str) -> Found:
    """By exact customer id, exact mask or its last four digits, exact receipt uid, exact claim code."""
    aliases, customer, receipt = schema.alias, schema.customer, schema.receipt
    masks = [words, f"****{words}"]
    masked = select(aliases.c.customer).where(aliases.c.mask.in_(masks)).limit(ROWS_MAX)
    ids = {words, *connection.scalars(masked)}
    shown = select(customer.c.id, customer.c.name, customer.c.phone, customer.c.tier, customer.c.blocked)
    people: list[Row[Any]] = list(connection.execute(shown.where(customer.c.id.in_(ids)).order_by(customer.c.id)))
    code = words.upper().replace("-", "").replace(" ", "")
    named = (receipt.c.uid == words) | ((receipt.c.claim_code == code) & (receipt.c.claim_code != ""))
    receipts = connection.execute(select(receipt).where(named).order_by(receipt.c.uid).limit(ROWS_MAX)).all()
    return Found(people, receipts)


def receipt_of(connection: Connection, uid: str) -> tuple[Row[Any], bytes, Sequence[Row[Any]]] | None:
    """A receipt, the body of its envelope, and what it moved in the ledger; None when it is not known."""
    receipt, envelope, ledger = schema.receipt, schema.envelope, schema.ledger
    found = connection.execute(select(receipt).where(receipt.c.uid == uid)).first()
    if found is None:
        return None
    place = (
        (envelope.c.till == found.till) & (envelope.c.epoch == found.epoch) & (envelope.c.sequence == found.sequence)
    )
    body = connection.scalar(select(envelope.c.body).where(place)) or b"{}"
    moved = select(ledger).where((ledger.c.receipt_uid == uid) | (ledger.c.base_uid == uid)).order_by(ledger.c.id)
    return found, body, connection.execute(moved.limit(ROWS_MAX)).all()


def last_actions(connection: Connection) -> Sequence[Row[Any]]:
    """What operators did last."""
    table = schema.operator_action
    return connection.execute(select(table).order_by(table.c.id.desc()).limit(20)).all()


def count_tills(connection: Connection) -> int:
    """How many there are, shown or not."""
    return connection.scalar(select(func.count()).select_from(schema.till)) or 0
