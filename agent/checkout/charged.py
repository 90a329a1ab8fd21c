"""What a receipt that is closed did: what was quoted when that was charged, else what it earns as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from agent.checkout.customers.knowledge import Known
from agent.checkout.observed import matching
from agent.checkout.records import Open
from agent.checkout.state import DeskState
from agent.loyalty import SpendAsk
from agent.loyalty.sale import STORED_VALUE
from drivers.vocabulary.customer import CertificateFact
from drivers.vocabulary.decision import (
    CertificateUsed,
    CouponUsed,
    Decision,
    LineDiscount,
    PointsDonated,
    PointsEarned,
    PointsSpent,
)
from drivers.vocabulary.receipt import Receipt, TenderKind

__all__ = ["decision_of"]

#: What the till carried out as it was quoted, whatever it charged in the end.
_AS_QUOTED: Final = (LineDiscount, PointsSpent, PointsDonated, CouponUsed, CertificateUsed)
_MONEY: Final = frozenset({TenderKind.CASH, TenderKind.CARD})


def decision_of(
    desk: DeskState,
    receipt: Receipt,
    *,
    opened: Open | None,
    known: Known | None,
    mark: str | None,
    now: datetime,
    partner: str,
) -> tuple[Decision, int]:
    """(what this receipt did, paid less quoted in minor units).

    A quote counts when its total was charged, or the same money with its points told in another form, or when the till
    names it. One whose points were not taken after all (the till never heard our answer) counts without them. Otherwise
    the receipt is taken as it is: nothing was taken off by us, points are earned on what was paid, and the difference
    is written down.
    """
    quoted = opened.decision if opened is not None else None
    if opened is None or quoted is None or (mark is not None and mark != opened.mark):
        return desk.decide(receipt, known, now, closed=True, partner=partner), 0
    unspent = _unspent(desk, opened, quoted, receipt, known, partner=partner) if mark is None else None
    if unspent is not None:
        return unspent, 0
    difference = (receipt.total - matching.expected_total(quoted)).minor
    if difference == 0 or _same_money(quoted, receipt):
        return _as_paid(desk, opened, quoted, receipt, known, partner=partner), 0
    fresh = desk.decide(receipt, known, now, closed=True, partner=partner)
    value_tendered = any(tender.kind in STORED_VALUE and tender.amount for tender in receipt.tenders)
    if mark is None and not value_tendered:
        return fresh, difference
    kept = tuple(effect for effect in quoted.effects if isinstance(effect, _AS_QUOTED))
    rest = tuple(effect for effect in fresh.effects if not isinstance(effect, _AS_QUOTED))
    return replace(fresh, discount=quoted.discount, effects=(*kept, *rest)), difference


def _same_money(quoted: Decision, receipt: Receipt) -> bool:
    """Whether the customer paid in money what was quoted; the till took points as a tender, or as a discount."""
    by_value = sum(tender.amount.minor for tender in receipt.tenders if tender.kind in STORED_VALUE)
    return bool(quoted.spent and receipt.tenders) and receipt.total.minor - by_value == quoted.payable.minor


def _unspent(
    desk: DeskState, opened: Open, quoted: Decision, receipt: Receipt, known: Known | None, *, partner: str
) -> Decision | None:
    """The quote without its points, when the customer paid all of that in money; else None."""
    paid = tuple(tender.kind for tender in receipt.tenders if tender.amount)
    if opened.receipt is None or not quoted.spent or not paid or not _MONEY.issuperset(paid):
        return None
    if receipt.total == quoted.payable:
        return None
    basket = replace(opened.receipt, tenders=(), change=None)
    fresh = desk.decide(
        basket,
        known,
        opened.touched_at,
        announced_tenders=paid,
        partner=partner,
        coupons_refused=opened.coupons_refused,
    )
    return fresh if fresh.payable == receipt.total == matching.expected_total(fresh) else None


def _as_paid(
    desk: DeskState, opened: Open, quoted: Decision, receipt: Receipt, known: Known | None, *, partner: str
) -> Decision:
    """The quoted decision; what is earned is worked out again where it depends on how it was really paid.

    The same basket at the same moment, with the same points asked for: only the way of paying may differ.
    """
    heeds = desk.programme is not None and desk.programme.compiled.heeds_tenders
    if not heeds or not receipt.tenders or opened.receipt is None:
        return quoted
    basket = replace(opened.receipt, tenders=(), change=None)
    spent = quoted.spent[0] if quoted.spent else None
    ask = SpendAsk.exactly(spent.amount, unit=spent.unit) if spent is not None else SpendAsk.none()
    kinds = tuple(tender.kind for tender in receipt.tenders if tender.amount)
    paid = [effect for effect in quoted.effects if isinstance(effect, CertificateUsed)]
    certificates = tuple(CertificateFact(code=one.code, balance=one.amount) for one in paid)
    at = opened.touched_at
    fresh = desk.decide(
        basket,
        known,
        at,
        ask=ask,
        announced_tenders=kinds,
        certificates=certificates,
        partner=partner,
        coupons_refused=opened.coupons_refused,
    )
    if (fresh.line_discounts(), fresh.payable) != (quoted.line_discounts(), quoted.payable):
        # A discount itself hung on the way of paying, and the quoted price was charged: what was charged earns.
        fresh = desk.decide(receipt, known, at, closed=True)
    others = tuple(effect for effect in quoted.effects if not isinstance(effect, PointsEarned))
    return replace(quoted, effects=(*others, *fresh.earned))
