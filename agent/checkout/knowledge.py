"""What a customer has, as this till sees it: the replica plus own entries that the replica does not reflect yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from agent.checkout.records import Entry, Hold, read_all
from agent.loyalty import lots as ledger
from drivers.vocabulary import codec
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.customer import Customer, Identifier, keyed_hash
from drivers.vocabulary.money import Money
from offline_queue.replica import ReplicaReader
from offline_queue.transaction import Documents

__all__ = ["Knowledge", "Known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A customer with everything this till knows.

    Attributes:
        customer: the replica's, own entries applied.
        unreflected_spent: points per unit spent here that the centre has not told back yet; the cap counts these.
        held: points per unit reserved for other receipts on this till.
        seen_at: when the replica last heard of this customer (RFC 3339).
    """

    customer: Customer
    unreflected_spent: dict[str, int]
    held: dict[str, int]
    seen_at: str

    def balances(self, now: datetime) -> tuple[PointsBalance, ...]:
        """One balance per unit, holds of other receipts taken off."""
        units = sorted({lot.unit for lot in self.customer.lots} | set(self.customer.deficits))
        found = []
        for unit in units:
            balance = ledger.balance(self.customer, unit, now)
            found.append(replace(balance, available=balance.available - self.held.get(unit, 0)))
        return tuple(found)


@dataclass(slots=True)
class Knowledge:
    """Looks customers up; reads only."""

    replica: ReplicaReader
    documents: Documents
    tenant_key: bytes

    def find(self, identifier: Identifier) -> str | None:
        """The customer an identifier names, or None."""
        if not self.tenant_key:
            return None
        found = self.replica.get("alias", keyed_hash(self.tenant_key, identifier))
        return None if found is None else codec.decode(found.body, str)

    def known(self, customer_id: str, now: datetime, *, for_receipt: str = "") -> Known | None:
        """Everything about one customer; holds of `for_receipt` itself do not count against it."""
        document = self.replica.get("customer", customer_id)
        if document is None:
            return None
        customer = codec.decode(document.body, Customer)
        spent: dict[str, int] = {}
        for _, entry in read_all(self.documents, "entry", Entry, prefix=f"{customer_id}/"):
            if (entry.epoch, entry.sequence) <= (document.epoch, document.reflects):
                continue
            customer = apply_entry(customer, entry, now)
            for unit, points in entry.spent_points.items():
                spent[unit] = spent.get(unit, 0) + points
        held: dict[str, int] = {}
        for _, hold in read_all(self.documents, "hold", Hold, prefix=f"{customer_id}/"):
            if hold.receipt_uid != for_receipt and hold.expires_at > now:
                held[hold.unit] = held.get(hold.unit, 0) + hold.points
        return Known(customer=customer, unreflected_spent=spent, held=held, seen_at=document.stored_at)


def apply_entry(customer: Customer, entry: Entry, now: datetime) -> Customer:
    """The customer after one own entry."""
    lots, deficits = customer.lots, customer.deficits
    for unit, points in entry.spent_points.items():
        lots, deficits, _ = ledger.spend(lots, deficits, unit, points, now)
    for lot in entry.lots:
        lots, deficits = ledger.earn(lots, deficits, lot)
    spent = customer.spent
    if entry.spent_money is not None:
        before = spent if spent is not None else Money(0, entry.spent_money.currency)
        spent = before + entry.spent_money
    return replace(customer, lots=lots, deficits=deficits, spent=spent)
