"""What a customer has, as this till sees it: the replica plus own entries that the replica does not reflect yet.

Whom the replica does not know the centre may have named when it was asked (a guest): its word of that moment counts
until the replica has a newer one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from agent.checkout.records import Entry, Guest, Hold, Newcomer, read, read_all
from agent.loyalty import lots as ledger
from agent.loyalty.facts import after_return, after_sale
from drivers.vocabulary import codec
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.customer import Customer, Identifier, keyed_hash
from drivers.vocabulary.money import Money
from offline_queue.replica import ReplicaDocument, ReplicaReader
from offline_queue.transaction import Documents

__all__ = ["Knowledge", "Known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A customer with everything this till knows.

    Attributes:
        customer: the replica's, own entries applied.
        unreflected_spent: points per unit spent here that the centre has not told back yet, and that no hold and no
            lease answers for; the cap counts these.
        held: points per unit reserved for other receipts on this till.
        held_here: those of them that are in this till's own hand.
        seen_at: when the replica last heard of this customer (RFC 3339).
    """

    customer: Customer
    unreflected_spent: dict[str, int]
    held: dict[str, int]
    held_here: dict[str, int]
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
    tenant_key_next: bytes = b""

    @property
    def tenant_keys(self) -> tuple[bytes, ...]:
        """What customers are found under: today's key, and the one that follows it while hashes are made anew."""
        return tuple(key for key in (self.tenant_key, self.tenant_key_next) if key)

    def find(self, identifier: Identifier) -> str | None:
        """The customer an identifier names, or None; the centre's word goes before what was enrolled here."""
        return self.named([keyed_hash(key, identifier) for key in self.tenant_keys])

    def named(self, hashes: Sequence[str]) -> str | None:
        """The same, by the identifier's keyed hashes."""
        for name in hashes:
            found = self.replica.get("alias", name)
            if found is not None:
                return codec.decode(found.body, str)
        for collection in ("card_alias", "guest_alias", "newcomer_alias"):
            for name in hashes:
                here = self.documents.get(collection, name)
                if here is not None:
                    return here.decode()
        return None

    def resolve(self, customer_id: str) -> str:
        """The centre's name of a customer, for a name this or another till gave; any other name as it is."""
        merged = self.replica.get("merged", customer_id)
        return customer_id if merged is None else codec.decode(merged.body, str)

    def told(self, customer_id: str) -> ReplicaDocument | None:
        """What the centre last told of a customer, under whichever name."""
        name = self.resolve(customer_id)
        document = self.replica.get("customer", name)
        return document if document is not None else self._guest(name)

    def _guest(self, customer_id: str) -> ReplicaDocument | None:
        """As if the replica had heard of it in answer to our question."""
        guest = read(self.documents, "guest", customer_id, Guest)
        if guest is None:
            return None
        return ReplicaDocument(
            body=codec.encode(guest.customer),
            version=0,
            reflects=guest.reflects,
            epoch=guest.epoch,
            stored_at=guest.seen_at.isoformat(),
        )

    def known(self, customer_id: str, now: datetime, *, for_receipt: str = "") -> Known | None:
        """Everything about one customer; holds of `for_receipt` itself do not count against it."""
        document = self.told(customer_id)
        if document is None:
            return self._newcomer(customer_id, now, for_receipt=for_receipt)
        customer = codec.decode(document.body, Customer)
        reflected = (document.epoch, document.reflects)
        return self._with_own(customer, reflected, now, for_receipt=for_receipt, seen_at=document.stored_at)

    def _newcomer(self, customer_id: str, now: datetime, *, for_receipt: str) -> Known | None:
        """Somebody who became a customer here, as long as the centre has not told us of it."""
        newcomer = read(self.documents, "newcomer", customer_id, Newcomer)
        if newcomer is None:
            return None
        seen_at = newcomer.enrolled_at.isoformat()
        return self._with_own(newcomer.customer, (0, 0), now, for_receipt=for_receipt, seen_at=seen_at)

    def _names(self, customer_id: str) -> list[str]:
        """Every name under which entries of this till may stand."""
        others = self.documents.scan("other_name", f"{customer_id}/")
        return [customer_id, *(key.removeprefix(f"{customer_id}/") for key, _ in others)]

    def _with_own(
        self, customer: Customer, reflected: tuple[int, int], now: datetime, *, for_receipt: str, seen_at: str
    ) -> Known:
        """With what this till did and the centre has not told back yet."""
        names = self._names(customer.id)
        entries = [one for name in names for one in read_all(self.documents, "entry", Entry, prefix=f"{name}/")]
        spent: dict[str, int] = {}
        for _, entry in entries:
            if (entry.epoch, entry.sequence) <= reflected:
                continue
            customer = apply_entry(customer, entry, now)
            for unit, points in entry.spent_points.items():
                spent[unit] = spent.get(unit, 0) + points - entry.secured.get(unit, 0)
        here: dict[str, int] = {}
        held: dict[str, int] = {}
        holds = [one for name in names for one in read_all(self.documents, "hold", Hold, prefix=f"{name}/")]
        for _, hold in holds:
            if hold.receipt_uid != for_receipt and self._is_kept_back(hold, now):
                held[hold.unit] = held.get(hold.unit, 0) + hold.points
                here[hold.unit] = here.get(hold.unit, 0) + hold.points - hold.by_centre
        return Known(customer=customer, unreflected_spent=spent, held=held, held_here=here, seen_at=seen_at)

    def _is_kept_back(self, hold: Hold, now: datetime) -> bool:
        """A receipt that is still open may be paid as it was quoted, so its points are kept beyond their time."""
        return hold.expires_at > now or self.documents.get("checkout", hold.receipt_uid) is not None


def apply_entry(customer: Customer, entry: Entry, now: datetime) -> Customer:
    """The customer after one own entry; a limit, a single use or a first purchase holds here without a line too."""
    lots, deficits = customer.lots, customer.deficits
    for unit, points in entry.spent_points.items():
        lots, deficits, _ = ledger.spend(lots, deficits, unit, points, now)
    for lot in entry.lots:
        lots, deficits = ledger.earn(lots, deficits, lot)
    spent = customer.spent
    if entry.sold is not None and entry.at is not None:
        customer = after_sale(customer, entry.sold, now=entry.at)
    elif entry.undone is not None:
        customer = after_return(customer, entry.undone)
    if entry.spent_money is not None:
        before = spent if spent is not None else Money(0, entry.spent_money.currency)
        spent = before + entry.spent_money
    return replace(customer, lots=lots, deficits=deficits, spent=spent)
