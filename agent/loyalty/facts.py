"""What a sale and a return do to the facts about a customer: counters, coupons, membership, purchases; pure.

Till and centre both call this. Points, deficits and the money that counts towards tiers are not here: lots.py moves
points, and whoever keeps the account adds the money. Entries may arrive in any order: a counter belongs to the latest
period it has heard of.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from agent.loyalty.refund import MembershipReturned, RefundEffect
from drivers.vocabulary.customer import CounterFact, CouponFact, Customer, PointsLot
from drivers.vocabulary.decision import Counted, CouponIssued, CouponUsed, Decision, MembershipGranted, PointsGranted

__all__ = ["after_return", "after_sale", "counted_by", "granted_lots", "undo_counters"]

_DAY: Final = timedelta(days=1)


def counted_by(customer: Customer, counter: str, now: datetime) -> int:
    """What the counter holds at this moment: 0 when nothing was counted or its period is over."""
    fact = customer.counters.get(counter)
    if fact is None or (fact.until is not None and fact.until <= now):
        return 0
    return max(0, fact.value)


def after_sale(customer: Customer, decision: Decision, *, now: datetime) -> Customer:
    """The customer once this sale is closed.

    Counters grow, a held coupon is used once more, an issued one is held, a membership runs on, and there was one more
    purchase (where it is known how many there were). Who keeps the facts sees to it that a receipt counts once.

    Args:
        customer: as known before; of their facts those stay that the decision does not name.
        decision: what the sale did.
        now: when it was closed.
    """
    counters = dict(customer.counters)
    coupons = customer.coupons
    until = customer.membership_until
    for effect in decision.effects:
        if isinstance(effect, Counted):
            _count(counters, effect)
        elif isinstance(effect, CouponUsed):
            coupons = tuple(_used(one, now) if one.code == effect.code else one for one in coupons)
        elif isinstance(effect, CouponIssued):
            coupons = _issued(coupons, effect)
        elif isinstance(effect, MembershipGranted):
            until = _prolonged(until, effect, now)
    purchases = None if customer.purchases is None else customer.purchases + 1
    return replace(customer, counters=counters, coupons=coupons, membership_until=until, purchases=purchases)


def after_return(customer: Customer, effect: RefundEffect) -> Customer:
    """The customer once this return is closed; all parts of a return together leave the facts as before the sale.

    Args:
        customer: as known before the return.
        effect: from refund(), worked out with the returns of the same sale that came earlier.
    """
    coupons = tuple(one for one in customer.coupons if one.code not in effect.coupons_void or one.used)
    until = customer.membership_until
    for returned in effect.memberships_back:
        until = _shortened(until, returned)
    purchases = customer.purchases
    if purchases is not None and effect.last:
        purchases = max(0, purchases - 1)
    return replace(
        customer,
        counters=undo_counters(customer.counters, effect.counted_back),
        coupons=tuple(_unused(one) if one.code in effect.coupons_back else one for one in coupons),
        membership_until=until,
        purchases=purchases,
    )


def granted_lots(decision: Decision, receipt_uid: str) -> tuple[tuple[str, PointsLot], ...]:
    """(customer, lot) for each who is given points without being at the till; `undo` of lots.py takes them back."""
    return tuple(
        (
            effect.customer,
            PointsLot(
                id=f"{receipt_uid}:{effect.rule}",
                unit=effect.unit,
                amount=effect.amount,
                active_from=effect.active_from,
                expires_at=effect.expires_at,
            ),
        )
        for effect in decision.effects
        if isinstance(effect, PointsGranted) and effect.amount
    )


# ── Counters ─────────────────────────────────────────────────────────────────────────────────────


def _count(counters: dict[str, CounterFact], effect: Counted) -> None:
    """Add within a period; a later period starts anew, and what belongs to an earlier one is over."""
    fact = counters.get(effect.counter)
    if fact is None or _is_later(effect.until, fact.until):
        counters[effect.counter] = CounterFact(value=effect.amount, until=effect.until)
    elif fact.until == effect.until:
        counters[effect.counter] = replace(fact, value=fact.value + effect.amount)


def _is_later(one: datetime | None, other: datetime | None) -> bool:
    """True when the period `one` ends after the other; None never ends."""
    return other is not None and (one is None or one > other)


def undo_counters(counters: dict[str, CounterFact], counted: tuple[Counted, ...]) -> dict[str, CounterFact]:
    """The counters less these amounts; only what was counted for the period that still stands is undone.

    A counter that comes down to nothing is not kept.
    """
    left = dict(counters)
    for effect in counted:
        fact = left.get(effect.counter)
        if fact is None or fact.until != effect.until:
            continue
        value = fact.value - effect.amount
        if value > 0:
            left[effect.counter] = replace(fact, value=value)
        else:
            del left[effect.counter]
    return left


# ── Coupons ──────────────────────────────────────────────────────────────────────────────────────


def _used(fact: CouponFact, now: datetime) -> CouponFact:
    return replace(fact, used=fact.used + 1, used_at=now)


def _unused(fact: CouponFact) -> CouponFact:
    """One use less; of several the moment of the last one known stays."""
    used = max(0, fact.used - 1)
    return replace(fact, used=used, used_at=fact.used_at if used else None)


def _issued(coupons: tuple[CouponFact, ...], effect: CouponIssued) -> tuple[CouponFact, ...]:
    if any(one.code == effect.code for one in coupons):
        return coupons
    fact = CouponFact(
        code=effect.code, coupon=effect.coupon, valid_from=effect.valid_from, valid_until=effect.valid_until
    )
    return (*coupons, fact)


# ── Membership ───────────────────────────────────────────────────────────────────────────────────


def _prolonged(until: datetime | None, effect: MembershipGranted, now: datetime) -> datetime:
    """As decided; where two tills sold one without knowing of each other, the days add up."""
    if until is None or until == effect.before or until <= now:
        return effect.until
    return until + effect.days * _DAY


def _shortened(until: datetime | None, returned: MembershipReturned) -> datetime | None:
    """Less the days that are taken back; as it was before the sale once all of them are and nothing came between."""
    if until is None:
        return None
    left = until - returned.days * _DAY
    if returned.whole and left == returned.granted.until - returned.granted.days * _DAY:
        return returned.granted.before
    return left
