"""One transaction of a shop's checkout: what the centre knows, the engine's decision, and envelopes written at once.

A shop's receipts go through the very code that takes the tills' envelopes: the centre seals a fact into the chain of
the shop's own till and takes it in the same transaction. Ledger, holds, feed, reports and recalls know no difference.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from msgspec import Raw, Struct
from msgspec.structs import replace
from sqlalchemy import Connection, delete, insert, select, update

from agent.loyalty import Programme, SpendAsk, evaluate
from agent.loyalty import lots as pots
from central import schema
from central.accounts import Accounts, customer_documents
from central.ingest import ingest
from central.leases import reserved
from central.programmes import present_programme
from central.shops.shop import Shop
from drivers.vocabulary import codec
from drivers.vocabulary.centre import VerdictState, WireEnvelope
from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.customer import CertificateFact, CouponFact, Customer
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.facts import FACTS
from drivers.vocabulary.receipt import AwareTime, DocumentKind, Receipt, TenderKind
from offline_queue.envelope import GENESIS, chain_hash

__all__ = ["EPOCH", "Open", "Sitting", "digest"]

EPOCH: Final = 1  # a chain that the centre writes itself is never forked
_KINDS: Final[dict[type[Struct], str]] = {fact: kind for kind, fact in FACTS.items()}


class Open(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sale in progress.

    Attributes:
        coupons: leases that keep coupons of one use for it, by serial.
        hold: the centre's name of the points kept for it.
    """

    uid: str
    touched_at: AwareTime
    customer_id: str | None = None
    receipt: Receipt | None = None
    decision: Decision | None = None
    mark: str = ""
    hold: str = ""
    coupons: dict[str, str] = {}


def digest(receipt: Receipt) -> str:
    """Names the content of a receipt, so that another body under the same uid is noticed."""
    return hashlib.sha256(codec.encode(receipt)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """One writing transaction.

    Attributes:
        currency: the tenant's.
        now: the centre's clock.
    """

    connection: Connection
    shop: Shop
    currency: str
    now: datetime

    # ── Who and what ────────────────────────────────────────────────────────────────────────────

    @property
    def programme(self) -> Programme | None:
        """The present programme."""
        return present_programme(self.connection)

    def customer(self, name: str) -> Customer | None:
        """A customer as the tills are told of them, locked until the end of the transaction."""
        account = Accounts(self.connection).get(name)
        if account is None:
            return None
        return next(
            (codec.decode(body, Customer) for _, body in customer_documents(self.connection, [account.id])), None
        )

    def customer_or_refuse(self, name: str | None) -> Customer | None:
        """The same; somebody who is named and not known is refused."""
        if name is None:
            return None
        found = self.customer(name)
        if found is None:
            raise CheckoutRefused(
                f"customer {name} is not known here; identify first", code="unknown_customer", field="customer_id"
            )
        return found

    def free(self, customer: Customer, unit: str, uid: str) -> int:
        """Points that may be promised to this receipt: not what other receipts and tills were promised."""
        held = reserved(self.connection, customer.id, unit, now=self.now, but_receipt=(self.shop.till, uid))
        return max(0, pots.balance(customer, unit, self.now).available - held)

    def balances(self, customer: Customer | None, uid: str = "") -> tuple[PointsBalance, ...]:
        """One balance per unit, what is promised elsewhere taken off."""
        if customer is None:
            return ()
        units = sorted({lot.unit for lot in customer.lots} | set(customer.deficits))
        return tuple(
            replace(pots.balance(customer, unit, self.now), available=self.free(customer, unit, uid)) for unit in units
        )

    def check(self, receipt: Receipt, wanted: DocumentKind) -> None:
        """Refuse what is no such document, or of another currency."""
        if receipt.kind is not wanted:
            raise CheckoutRefused(
                f"expected a {wanted.value}, got a {receipt.kind.value}", code="wrong_kind", field="receipt.kind"
            )
        if receipt.currency != self.currency:
            raise CheckoutRefused(
                f"the receipt is in {receipt.currency}, this centre works in {self.currency}",
                code="wrong_money",
                field="total",
            )

    def decide(
        self,
        receipt: Receipt,
        customer: Customer | None,
        *,
        at: datetime | None = None,
        ask: SpendAsk | None = None,
        closed: bool = False,
        announced_tenders: tuple[TenderKind, ...] = (),
        coupons: Mapping[str, CouponFact] | None = None,
        certificates: tuple[CertificateFact, ...] = (),
        donation: SpendAsk | None = None,
    ) -> Decision:
        """The engine's decision; without a programme nothing is taken off and nothing is earned."""
        programme = self.programme
        if programme is None:
            nothing = receipt.total.with_minor(0)
            return Decision(programme_version=0, total=receipt.total, discount=nothing, payable=receipt.total)
        return evaluate(
            programme,
            receipt,
            customer,
            at or self.now,
            points=ask or SpendAsk.none(),
            closed=closed,
            announced_tenders=announced_tenders,
            coupons=coupons or {},
            certificates=certificates,
            donation=donation or SpendAsk.none(),
        )

    # ── Sales in progress ───────────────────────────────────────────────────────────────────────

    def opened(self, uid: str) -> Open | None:
        """A sale in progress, locked until the end of the transaction."""
        table = schema.shop_open
        mine = (table.c.till == self.shop.till) & (table.c.receipt_uid == uid)
        body = self.connection.scalar(select(table.c.body).where(mine).with_for_update())
        return None if body is None else codec.decode(body, Open)

    def keep(self, opened: Open, *, keeps_until: datetime | None) -> None:
        """Write a sale in progress down."""
        table = schema.shop_open
        values = {"body": codec.encode(opened), "touched_at": self.now, "keeps_until": keeps_until}
        mine = (table.c.till == self.shop.till) & (table.c.receipt_uid == opened.uid)
        if not self.connection.execute(update(table).where(mine).values(**values)).rowcount:
            row = {"till": self.shop.till, "receipt_uid": opened.uid, **values}
            self.connection.execute(insert(table), [row])

    def forget(self, uid: str) -> None:
        """It is in progress no more."""
        table = schema.shop_open
        self.connection.execute(
            delete(table).where(table.c.till == self.shop.till, table.c.receipt_uid == uid),
        )

    # ── Envelopes ───────────────────────────────────────────────────────────────────────────────

    def write(self, fact: Struct) -> None:
        """Seal a fact into the shop's chain and take it, all in this transaction.

        Raises:
            CheckoutRefused: the ledger does not take it; nothing of this transaction stays.
        """
        table = schema.till_cursor
        mine = (table.c.till == self.shop.till) & (table.c.epoch == EPOCH)
        cursor = self.connection.execute(select(table).where(mine).with_for_update()).first()
        body = codec.encode(fact)
        programme = self.programme
        values: dict[str, Any] = {
            "id": secrets.token_hex(16),
            "epoch": EPOCH,
            "sequence": 1 if cursor is None else cursor.last_seq + 1,
            "kind": _KINDS[type(fact)],
            "occurred_at": self.now.isoformat(timespec="milliseconds"),
            "boot_id": "centre",
            "uptime_ms": 0,
            "programme_version": programme.version if programme is not None else 0,
        }
        previous = GENESIS if cursor is None else cursor.head
        envelope = WireEnvelope(
            previous=previous, hash=chain_hash(previous, **values, body=body), body=Raw(body), **values
        )
        taken = ingest(
            self.connection,
            (envelope,),
            till=self.shop.till,
            epoch_max=EPOCH,
            currency=self.currency,
            now=self.now,
        )
        verdict = taken.verdicts[0]
        if verdict.state is not VerdictState.APPLIED:
            raise CheckoutRefused(f"not recorded: {verdict.reason}", code="not_recorded")
        self.connection.execute(update(schema.till).where(schema.till.c.id == self.shop.till).values(seen_at=self.now))
