"""What a receipt that is closed did: what was quoted when that was charged, else what it earns as it is."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from agent.checkout import matching
from agent.checkout.knowledge import Known
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
from drivers.vocabulary.receipt import Receipt

__all__ = ["decision_of"]

#: What the till carried out as it was quoted, whatever it charged in the end.
_AS_QUOTED: Final = (LineDiscount, PointsSpent, PointsDonated, CouponUsed, CertificateUsed)


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

    A quote counts when its total was charged, or when the till names it. Otherwise the receipt is taken as it is:
    nothing was taken off by us, points are earned on what was paid, and the difference is written down.
    """
    quoted = opened.decision if opened is not None else None
    if opened is None or quoted is None or (mark is not None and mark != opened.mark):
        return desk.decide(receipt, known, now, closed=True, partner=partner), 0
    difference = (receipt.total - matching.expected_total(quoted)).minor
    if difference == 0:
        return _as_paid(desk, opened, quoted, receipt, known, partner=partner), 0
    fresh = desk.decide(receipt, known, now, closed=True, partner=partner)
    value_tendered = any(tender.kind in STORED_VALUE and tender.amount for tender in receipt.tenders)
    if mark is None and not value_tendered:
        return fresh, difference
    kept = tuple(effect for effect in quoted.effects if isinstance(effect, _AS_QUOTED))
    rest = tuple(effect for effect in fresh.effects if not isinstance(effect, _AS_QUOTED))
    return replace(fresh, discount=quoted.discount, effects=(*kept, *rest)), difference


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
