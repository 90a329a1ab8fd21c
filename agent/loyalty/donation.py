"""Points given to a fund: when asked for, from what the receipt leaves on the balance; no money moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.loyalty import lots
from agent.loyalty.gates import Selector
from agent.loyalty.model import ProgrammeFile
from agent.loyalty.points import PointsScale, minor_points
from agent.loyalty.redemption import SpendAsk
from agent.loyalty.rules import DonatePoints, Rule
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.decision import POINTS_RULE, PointsDonated

__all__ = ["DonationRule", "apply_donation", "build_donations"]


@dataclass(frozen=True, slots=True)
class DonationRule:
    """A compiled rule; `step`, `least` and `most` in minor units of points."""

    id: str
    scale: PointsScale
    fund: str
    step: int
    least: int
    most: int | None
    where: Selector


def build_donations(
    file: ProgrammeFile, where: Callable[[Rule], Selector], scales: dict[str, PointsScale]
) -> tuple[DonationRule, ...]:
    """The rules of this kind, by priority, then as written."""
    rules = sorted(file.rules, key=lambda rule: -rule.priority)
    built: list[DonationRule] = []
    for rule in rules:
        if isinstance(rule, DonatePoints):
            scale = scales[rule.unit]
            step = minor_points(rule.step, scale.exponent) if rule.step is not None else 1
            least = minor_points(rule.least, scale.exponent) if rule.least is not None else 1
            most = minor_points(rule.most, scale.exponent) if rule.most is not None else None
            built.append(DonationRule(rule.id, scale, rule.fund, step or 1, least or 1, most, where(rule)))
    return tuple(built)


def apply_donation(sale: Sale, rules: Sequence[DonationRule], ask: SpendAsk) -> list[PointsDonated]:
    """Give what is asked; the first rule of a unit whose gate is open decides, and says how much could be given."""
    given: list[PointsDonated] = []
    units: set[str] = set()
    for rule in rules:
        unit = rule.scale.unit
        if unit in units:
            sale.rejected(rule.id, Rejection("another_rule"))
            continue
        most = _most(sale, rule, ask)
        if isinstance(most, Rejection):
            sale.rejected(rule.id, most)
            continue
        units.add(unit)
        wanted = not given and ask.unit in ("", unit) and ask.amount != 0
        effect = _give(rule, most, ask) if wanted else _not_asked(rule, _whole(most[0], rule))
        if isinstance(effect, PointsDonated):
            given.append(effect)
            _say(sale, rule, effect, most, ask)
        else:
            sale.rejected(rule.id, effect)
    if ask.amount != 0 and ask.unit and ask.unit not in {rule.scale.unit for rule in rules}:
        sale.rejected(POINTS_RULE, Rejection("unknown_unit", {"unit": ask.unit}))
    return given


def _say(sale: Sale, rule: DonationRule, effect: PointsDonated, most: tuple[int, str], ask: SpendAsk) -> None:
    """What was given, and why not all that was asked."""
    text, bound = rule.scale.text, most[0]
    sale.applied(rule.id, "points_donated", points=text(effect.amount), unit=effect.unit, fund=rule.fund)
    if ask.amount is not None and effect.amount < ask.amount:
        reason = most[1] if ask.amount >= bound else "rounded_to_step"
        sale.applied(rule.id, reason, most=text(_whole(bound, rule)), unit=effect.unit)


def _most(sale: Sale, rule: DonationRule, ask: SpendAsk) -> tuple[int, str] | Rejection:
    """The most points that may be given, and the code of what decides it."""
    if sale.customer is None:
        return Rejection("no_customer")
    lines = rule.where.lines(sale, sale.all)
    if isinstance(lines, Rejection):
        return lines
    unit = rule.scale.unit
    spent = sale.spent.amount if sale.spent is not None and sale.spent.unit == unit else 0
    bounds = [(max(0, lots.balance(sale.customer, unit, sale.instant).available - spent), "capped_by_balance")]
    if rule.most is not None:
        bounds.append((rule.most, "donation_most"))
    if ask.limit is not None and ask.unit in ("", unit):
        bounds.append((max(0, ask.limit), ask.limit_reason))
    return min(bounds, key=lambda bound: bound[0])


def _whole(points: int, rule: DonationRule) -> int:
    points -= points % rule.step
    return points if points >= rule.least else 0


def _not_asked(rule: DonationRule, most: int) -> Rejection:
    return Rejection("donation_not_asked", {"most": rule.scale.text(most), "unit": rule.scale.unit, "fund": rule.fund})


def _give(rule: DonationRule, most: tuple[int, str], ask: SpendAsk) -> PointsDonated | Rejection:
    bound, reason = most
    asked = bound if ask.amount is None else max(0, ask.amount)
    below = min(asked, bound)
    points = _whole(below, rule)
    if points:
        return PointsDonated(rule=rule.id, unit=rule.scale.unit, amount=points, fund=rule.fund)
    values = {"most": rule.scale.text(_whole(bound, rule)), "unit": rule.scale.unit}
    if 0 < below < rule.least:
        return Rejection("donation_least", values | {"least": rule.scale.text(rule.least)})
    return Rejection(reason if asked >= bound else "rounded_to_step", values)
