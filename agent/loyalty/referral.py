"""Points for a customer whom a friend brought, and for the friend; on one purchase, never twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from agent.loyalty.days import midnight_after
from agent.loyalty.gates import Selector
from agent.loyalty.model import ProgrammeFile
from agent.loyalty.points import PointsScale, minor_points
from agent.loyalty.rules import Referral, Rule
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.decision import PointsEarned, PointsGranted
from drivers.vocabulary.money import Quantity

__all__ = ["ReferralRule", "apply_referrals", "build_referrals"]


@dataclass(frozen=True, slots=True)
class ReferralRule:
    """A compiled rule; `points` are for the customer, `friend_points` for who brought them, in minor units."""

    id: str
    scale: PointsScale
    points: int
    friend_points: int
    purchase: int
    active_after_days: int
    expires_after_days: int | None
    zone: tzinfo
    where: Selector


def build_referrals(
    file: ProgrammeFile, zone: tzinfo, where: Callable[[Rule], Selector], scales: dict[str, PointsScale]
) -> tuple[ReferralRule, ...]:
    """The rules of this kind, by priority, then as written."""
    rules = sorted(file.rules, key=lambda rule: -rule.priority)
    return tuple(
        ReferralRule(
            id=rule.id,
            scale=scales[rule.unit],
            points=_minor(rule.points, scales[rule.unit]),
            friend_points=_minor(rule.friend_points, scales[rule.unit]),
            purchase=rule.purchase,
            active_after_days=rule.active_after_days,
            expires_after_days=rule.expires_after_days,
            zone=zone,
            where=where(rule),
        )
        for rule in rules
        if isinstance(rule, Referral)
    )


def _minor(written: Quantity | None, scale: PointsScale) -> int:
    return 0 if written is None else minor_points(written, scale.exponent) or 0


def apply_referrals(sale: Sale, rules: Sequence[ReferralRule]) -> list[PointsGranted]:
    """What friends get; what the customer gets is earned on this receipt."""
    granted: list[PointsGranted] = []
    for rule in rules:
        why = _refused(sale, rule)
        if why is not None:
            sale.rejected(rule.id, why)
            continue
        granted += _give(sale, rule)
    return granted


def _refused(sale: Sale, rule: ReferralRule) -> Rejection | None:
    customer = sale.customer
    if customer is None:
        return Rejection("no_customer")
    if customer.referrer in ("", customer.id):
        return Rejection("no_referrer")
    if customer.purchases is None:
        return Rejection("purchases_unknown")
    if customer.purchases + 1 != rule.purchase:
        return Rejection("other_purchase", {"number": str(rule.purchase), "now": str(customer.purchases + 1)})
    lines = rule.where.lines(sale, sale.earning)
    return lines if isinstance(lines, Rejection) else None


def _give(sale: Sale, rule: ReferralRule) -> list[PointsGranted]:
    start = midnight_after(sale.day, rule.active_after_days, rule.zone) if rule.active_after_days else None
    end = None
    if rule.expires_after_days is not None:
        end = midnight_after(sale.day, rule.expires_after_days + 1, rule.zone)
    unit, text = rule.scale.unit, rule.scale.text
    if rule.points:
        sale.earned.append(PointsEarned(unit=unit, amount=rule.points, rule=rule.id, active_from=start, expires_at=end))
        sale.applied(rule.id, "points_earned", points=text(rule.points), unit=unit)
    if not rule.friend_points or sale.customer is None:
        return []
    sale.applied(rule.id, "friend_thanked", points=text(rule.friend_points), unit=unit)
    return [
        PointsGranted(
            rule=rule.id,
            customer=sale.customer.referrer,
            unit=unit,
            amount=rule.friend_points,
            active_from=start,
            expires_at=end,
        )
    ]
