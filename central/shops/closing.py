"""A shop's sale is closed, given up or given to a customer: one transaction writes everything, then it is answered."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from agent.loyalty import SpendAsk
from agent.loyalty.sale import STORED_VALUE
from central.database import lock_receipts
from central.receipts import Receipts
from central.shops.people import find_customer
from central.shops.quoting import holds_of
from central.shops.sitting import Open, Sitting, digest
from central.shops.values import let_go, used
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import facts
from drivers.vocabulary.claims import claim_code
from drivers.vocabulary.customer import CertificateFact, Customer
from drivers.vocabulary.decision import (
    CertificateUsed,
    Counted,
    CouponUsed,
    Decision,
    LineDiscount,
    PointsDonated,
    PointsEarned,
    PointsSpent,
)
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.receipt import DocumentKind, Receipt

__all__ = ["attach", "cancel", "confirm", "different_body"]

#: What the shop carried out as it was quoted, whatever it charged in the end.
_AS_QUOTED: Final = (LineDiscount, PointsSpent, PointsDonated, CouponUsed, CertificateUsed)
#: What a receipt still does when it becomes somebody's later.
_LATE: Final = (PointsEarned, Counted)


def confirm(sitting: Sitting, request: contract.ConfirmRequest) -> contract.ConfirmAnswer:
    """A sale is closed; repeating it answers the same decision, another body under its uid is refused."""
    receipt = request.receipt
    sitting.check(receipt, DocumentKind.SALE)
    lock_receipts(sitting.connection, sales=(receipt.uid,), bases=())
    before = _closed_before(sitting, receipt)
    if before is not None:
        return before
    opened = sitting.opened(receipt.uid)
    name = request.customer_id
    if name is None and request.code is not None:
        name = find_customer(sitting, request.code)
    if name is None and opened is not None:
        name = opened.customer_id
    customer = sitting.customer(name) if name is not None else None
    decision, difference = _decision_of(sitting, receipt, opened, customer, request.decision_mark)
    claim = claim_code(sitting.shop.till, receipt.uid)
    sitting.write(
        facts.ReceiptConfirmed(
            receipt=receipt,
            decision=decision,
            claim_code=claim,
            source=f"shop:{sitting.shop.name}",
            customer_id=customer.id if customer is not None else None,
            hold=opened.hold if opened is not None else "",
            difference_minor=difference,
            values=used(decision, opened),
        )
    )
    if opened is not None:
        let_go(sitting, opened.coupons.values())
        sitting.forget(receipt.uid)
    after = sitting.customer(customer.id) if customer is not None else None
    return contract.ConfirmAnswer(
        receipt_uid=receipt.uid,
        claim_code=claim,
        decision=decision,
        customer_id=customer.id if customer is not None else None,
        balances=sitting.balances(after),
        difference=receipt.total.with_minor(difference) if difference else None,
    )


def _closed_before(sitting: Sitting, receipt: Receipt) -> contract.ConfirmAnswer | None:
    """The answer once more; the decision is the first one's, the balances are today's."""
    receipts = Receipts(sitting.connection)
    known = receipts.get(receipt.uid)
    if known is None:
        return None
    fact = receipts.fact_of(known)
    if not isinstance(fact, facts.ReceiptConfirmed) or digest(fact.receipt) != digest(receipt):
        raise different_body(receipt.uid)
    customer = sitting.customer(known.customer) if known.customer is not None else None
    return contract.ConfirmAnswer(
        receipt_uid=receipt.uid,
        claim_code=fact.claim_code,
        decision=fact.decision,
        customer_id=known.customer,
        duplicate=True,
        balances=sitting.balances(customer),
        difference=receipt.total.with_minor(fact.difference_minor) if fact.difference_minor else None,
    )


def different_body(uid: str) -> CheckoutRefused:
    """Two documents under one name."""
    return CheckoutRefused(
        f"receipt {uid} was closed with another content; a new receipt needs a new uid",
        code="different_body",
        field="receipt.uid",
    )


def _decision_of(
    sitting: Sitting, receipt: Receipt, opened: Open | None, customer: Customer | None, mark: str | None
) -> tuple[Decision, int]:
    """(what the sale did, paid less quoted in minor units); the rules are those of a till (agent.checkout.charged).

    A quote counts when its total was charged, or when the shop names it. Otherwise the receipt is taken as it is.
    """
    quoted = opened.decision if opened is not None else None
    at = min(sitting.now, receipt.closed_at or sitting.now)
    if opened is None or quoted is None or (mark is not None and mark != opened.mark):
        return sitting.decide(receipt, customer, at=at, closed=True), 0
    difference = (receipt.total - (quoted.total - quoted.discount)).minor
    if difference == 0:
        return _as_paid(sitting, opened, quoted, receipt, customer), 0
    fresh = sitting.decide(receipt, customer, at=at, closed=True)
    value_tendered = any(tender.kind in STORED_VALUE and tender.amount for tender in receipt.tenders)
    if mark is None and not value_tendered:
        return fresh, difference
    kept = tuple(effect for effect in quoted.effects if isinstance(effect, _AS_QUOTED))
    rest = tuple(effect for effect in fresh.effects if not isinstance(effect, _AS_QUOTED))
    return replace(fresh, discount=quoted.discount, effects=(*kept, *rest)), difference


def _as_paid(sitting: Sitting, opened: Open, quoted: Decision, receipt: Receipt, customer: Customer | None) -> Decision:
    """The quoted decision; what is earned is worked out again where it depends on how it was really paid."""
    programme = sitting.programme
    heeds = programme is not None and programme.compiled.heeds_tenders
    if not heeds or not receipt.tenders or opened.receipt is None:
        return quoted
    spent = quoted.spent[0] if quoted.spent else None
    paid = [effect for effect in quoted.effects if isinstance(effect, CertificateUsed)]
    fresh = sitting.decide(
        replace(opened.receipt, tenders=(), change=None, coupons=()),
        customer,
        at=opened.touched_at,
        ask=SpendAsk.exactly(spent.amount, unit=spent.unit) if spent is not None else SpendAsk.none(),
        announced_tenders=tuple(tender.kind for tender in receipt.tenders if tender.amount),
        certificates=tuple(CertificateFact(code=one.code, balance=one.amount) for one in paid),
    )
    if (fresh.line_discounts(), fresh.payable) != (quoted.line_discounts(), quoted.payable):
        # A discount itself hung on the way of paying or on a coupon: what was charged earns.
        fresh = sitting.decide(receipt, customer, at=opened.touched_at, closed=True)
    others = tuple(effect for effect in quoted.effects if not isinstance(effect, PointsEarned))
    return replace(quoted, effects=(*others, *fresh.earned))


def cancel(sitting: Sitting, request: contract.CancelRequest) -> contract.CancelAnswer:
    """The sale will not happen: what was kept for it is free."""
    uid = request.receipt_uid
    if Receipts(sitting.connection).get(uid) is not None:
        raise CheckoutRefused(
            f"receipt {uid} is closed already; take it back with a refund",
            code="already_closed",
            field="receipt_uid",
        )
    opened, holds = sitting.opened(uid), holds_of(sitting, uid)
    if opened is None and not holds:
        return contract.CancelAnswer(receipt_uid=uid, cancelled=False)
    if opened is not None:
        let_go(sitting, opened.coupons.values())
        sitting.forget(uid)
    if holds:
        sitting.write(facts.HoldReleased(receipt_uid=uid, hold=holds[0]))
    return contract.CancelAnswer(receipt_uid=uid, cancelled=True)


def attach(sitting: Sitting, request: contract.AttachRequest) -> contract.AttachAnswer:
    """A closed receipt of nobody becomes somebody's: it earns as of its own day, once."""
    name = request.customer_id
    if name is None and request.code is not None:
        name = find_customer(sitting, request.code)
    customer = sitting.customer(name) if name is not None else None
    if customer is None:
        raise CheckoutRefused("nobody to give the receipt to: name a customer who is known here", code="no_customer")
    lock_receipts(sitting.connection, sales=(), bases=(request.receipt,))
    receipts = Receipts(sitting.connection)
    known = receipts.get(request.receipt)
    fact = receipts.fact_of(known) if known is not None else None
    if known is None or not isinstance(fact, facts.ReceiptConfirmed):
        raise CheckoutRefused("this receipt is no sale that is known here", code="unknown_receipt", field="receipt")
    if known.customer is not None and known.customer != customer.id:
        raise CheckoutRefused("this receipt is another customer's already", code="already_attached", field="receipt")
    if known.customer is not None:
        return _attached(sitting, fact, customer, duplicate=True)
    fresh = sitting.decide(
        fact.receipt, customer, at=min(sitting.now, fact.receipt.closed_at or sitting.now), closed=True
    )
    late = tuple(effect for effect in fresh.effects if isinstance(effect, _LATE))
    rest = tuple(effect for effect in fact.decision.effects if not isinstance(effect, _LATE))
    given = facts.ReceiptAttached(
        receipt=fact.receipt,
        decision=replace(fact.decision, effects=(*rest, *late)),
        claim_code=fact.claim_code,
        source=fact.source,
        customer_id=customer.id,
    )
    sitting.write(given)
    return _attached(sitting, given, customer, duplicate=False)


def _attached(
    sitting: Sitting,
    fact: facts.ReceiptConfirmed | facts.ReceiptAttached,
    customer: Customer,
    *,
    duplicate: bool,
) -> contract.AttachAnswer:
    earned: dict[str, int] = {}
    for effect in fact.decision.earned:
        earned[effect.unit] = earned.get(effect.unit, 0) + effect.amount
    return contract.AttachAnswer(
        receipt_uid=fact.receipt.uid,
        customer_id=customer.id,
        earned=earned,
        balances=sitting.balances(sitting.customer(customer.id)),
        duplicate=duplicate,
    )
