"""Stored value: how many points this receipt may take, and how what they are worth is shared over its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from agent.loyalty import lots
from agent.loyalty.distribute import distribute
from agent.loyalty.gates import Selector
from agent.loyalty.points import PointsScale
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.decision import POINTS_RULE, PointsSpent

__all__ = ["SpendAsk", "SpendRule", "apply_redemption"]


class SpendAsk(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How many points the customer wants to spend, and how many the caller allows.

    Attributes:
        unit: which points; "" is the first unit the programme lets this customer spend.
        amount: whole minor units; None is as many as the rules allow.
        limit: the most the caller allows (what a lease or an offline cap leaves); None is without limit.
        limit_reason: the code to explain it with when the limit decides ("offline_cap", "lease", "needs_proof" …).
    """

    unit: str = ""
    amount: int | None = 0
    limit: int | None = None
    limit_reason: str = "caller_limit"

    @classmethod
    def none(cls) -> SpendAsk:
        """Spend nothing; only say how many could be."""
        return cls()

    @classmethod
    def exactly(cls, amount: int, *, unit: str = "", limit: int | None = None, reason: str = "") -> SpendAsk:
        """Spend so many, or as many of them as the rules allow."""
        return cls(unit=unit, amount=amount, limit=limit, limit_reason=reason or "caller_limit")

    @classmethod
    def most(cls, *, unit: str = "", limit: int | None = None, reason: str = "") -> SpendAsk:
        """Spend as many as the rules allow."""
        return cls(unit=unit, amount=None, limit=limit, limit_reason=reason or "caller_limit")


@dataclass(frozen=True, slots=True)
class SpendRule:
    """A compiled rule; `share` in steps of a Percent, `step` and `least` in minor units of points."""

    id: str
    scale: PointsScale
    share: int
    step: int
    least: int
    as_tender: bool
    earns: bool
    where: Selector


@dataclass(frozen=True, slots=True)
class _Cap:
    """The most points this receipt may take, the code of what decides it, and where they may go."""

    points: int
    reason: str
    lines: tuple[int, ...]
    room: list[int]


_STEPS = 1_000_000  # 100 % in steps of a Percent


def apply_redemption(sale: Sale, rules: Sequence[SpendRule], ask: SpendAsk) -> tuple[dict[str, int], bool]:
    """Spend what is asked; returns what could be spent per unit, and whether this receipt may still earn."""
    spendable: dict[str, int] = {}
    chosen: tuple[SpendRule, _Cap] | None = None
    for rule in rules:
        unit = rule.scale.unit
        if unit in spendable:
            sale.rejected(rule.id, Rejection("another_rule"))
            continue
        cap = _cap(sale, rule, ask)
        if not isinstance(cap, _Cap):
            sale.rejected(rule.id, cap)
            continue
        spendable[unit] = _whole(cap.points, rule)
        if chosen is None and ask.unit in ("", unit):
            chosen = (rule, cap)
        else:
            sale.rejected(rule.id, _not_asked(rule, spendable[unit]))
    if chosen is None:
        if ask.amount != 0 and ask.unit and ask.unit not in {rule.scale.unit for rule in rules}:
            sale.rejected(POINTS_RULE, Rejection("unknown_unit", {"unit": ask.unit}))
        return spendable, True
    return spendable, _spend(sale, *chosen, ask) or chosen[0].earns


def _cap(sale: Sale, rule: SpendRule, ask: SpendAsk) -> _Cap | Rejection:
    customer = sale.customer
    if customer is None:
        return Rejection("no_customer")
    lines = rule.where.lines(sale, sale.redeemable)
    if isinstance(lines, Rejection):
        return lines
    # Points beside money leave the price alone, but what is paid in money stays above the floor all the same.
    room = [max(0, sale.left[i] - sale.bound[i]) if rule.as_tender else sale.room[i] for i in lines]
    share = sum(sale.left[i] for i in lines) * rule.share // _STEPS
    bounds = [
        (rule.scale.affordable(share), "capped_by_share"),
        (rule.scale.affordable(sum(room)), "capped_by_goods"),
        (max(0, lots.balance(customer, rule.scale.unit, sale.instant).available), "capped_by_balance"),
    ]
    if ask.limit is not None and ask.unit in ("", rule.scale.unit):
        bounds.append((max(0, ask.limit), ask.limit_reason))
    points, reason = min(bounds, key=lambda bound: bound[0])
    return _Cap(points, reason, lines, room)


def _whole(points: int, rule: SpendRule) -> int:
    """Rounded down to the step; 0 below the least that is spent at all, or when it is worth no money."""
    points -= points % rule.step
    return points if points >= rule.least and rule.scale.worth(points) > 0 else 0


def _not_asked(rule: SpendRule, most: int) -> Rejection:
    return Rejection("not_asked", {"most": rule.scale.text(most), "unit": rule.scale.unit})


def _spend(sale: Sale, rule: SpendRule, cap: _Cap, ask: SpendAsk) -> bool:
    """Spend; True when nothing was spent."""
    text = rule.scale.text
    asked = cap.points if ask.amount is None else max(0, ask.amount)
    most = _whole(cap.points, rule)
    points = _whole(min(asked, cap.points), rule)
    if ask.amount == 0:
        sale.rejected(rule.id, _not_asked(rule, most))
        return True
    values = {"most": text(most), "unit": rule.scale.unit}
    if ask.amount is not None:
        values["asked"] = text(asked)
    bound = cap.reason if asked >= cap.points else "rounded_to_step"
    if points == 0:
        below = min(asked, cap.points)
        if 0 < below < rule.least:
            bound = "below_least"
            values["least"] = text(rule.least)
        sale.rejected(rule.id, Rejection(bound, values))
        return True
    worth = rule.scale.worth(points)
    amounts = distribute(worth, [sale.left[i] for i in cap.lines], cap.room)
    if rule.as_tender:
        sale.tender = worth
        for i, amount in zip(cap.lines, amounts, strict=True):
            sale.left[i] -= amount
    else:
        sale.take(POINTS_RULE, cap.lines, amounts)
    sale.spent = PointsSpent(unit=rule.scale.unit, amount=points, worth=sale.money(worth))
    sale.applied(rule.id, "points_spent", points=text(points), unit=rule.scale.unit, worth=str(sale.spent.worth))
    if ask.amount is not None and points < asked:
        sale.applied(rule.id, bound, **values)
    return False
