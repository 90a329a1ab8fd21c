"""Earning: points for what is paid with money, by exact fractions, rounded down once for each rule and its groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from agent.loyalty.days import midnight_after
from agent.loyalty.gates import Selector
from agent.loyalty.multipliers import Factors, MultiplierStep, factors_of
from agent.loyalty.parts import GroupMode
from agent.loyalty.points import PointsScale
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.decision import PointsEarned

__all__ = ["EarnRule", "EarnStep", "apply_earning"]

#: Points per minor unit of money, as numerator and denominator.
Rate = tuple[int, int]

NOTHING_PAID: Final = Rejection("nothing_paid")


@dataclass(frozen=True, slots=True)
class EarnRule:
    """A compiled rule; `rate` is the customer's, or why there is none; `fixed` gives points whatever is paid."""

    id: str
    scale: PointsScale
    where: Selector
    rate: Callable[[Sale], Rate | Rejection]
    active_after_days: int
    expires_after_days: int | None
    fixed: Callable[[Sale, tuple[int, ...]], int] | None = None


@dataclass(frozen=True, slots=True)
class EarnStep:
    """Earning rules that act together; a group in a group is one of the elements."""

    mode: GroupMode
    elements: tuple[EarnRule | EarnStep, ...]

    def leaves(self) -> Iterator[EarnRule]:
        """The rules, those of inner groups included, in their order."""
        for element in self.elements:
            if isinstance(element, EarnStep):
                yield from element.leaves()
            else:
                yield element


#: A rule and the points it gives.
_Result = tuple[EarnRule, int]


def apply_earning(
    sale: Sale, steps: Sequence[EarnStep], multipliers: Sequence[MultiplierStep], zone: tzinfo, *, earns: bool
) -> None:
    """Work out every earning rule on the money left to pay for each line.

    `earns` is False when this receipt spent points under a rule that then gives none.
    """
    if not earns:
        for step in steps:
            _reject(sale, step, Rejection("points_were_spent"))
        return
    factors = factors_of(sale, multipliers)
    for rule, points in _stacked(sale, steps, factors):
        barred = sale.barred(rule.id)
        if barred is None:
            _give(sale, rule, points, zone)
        else:
            sale.rejected(rule.id, barred)


def _reject(sale: Sale, element: EarnRule | EarnStep, why: Rejection) -> None:
    for rule in element.leaves() if isinstance(element, EarnStep) else [element]:
        sale.rejected(rule.id, why)


def _stacked(sale: Sale, elements: Sequence[EarnRule | EarnStep], factors: dict[str, Factors]) -> list[_Result]:
    """What all of them give; an exclusive group that gives anything is alone."""
    results: list[_Result] = []
    alone = ""
    for element in sorted(elements, key=lambda one: not _is_exclusive(one)):
        if alone:
            _reject(sale, element, Rejection("beaten_by_exclusive", {"by": alone}))
            continue
        found = _results(sale, element, factors)
        results += found
        if found and _is_exclusive(element):
            alone = found[0][0].id
    return results


def _is_exclusive(element: EarnRule | EarnStep) -> bool:
    return isinstance(element, EarnStep) and element.mode is GroupMode.EXCLUSIVE


def _results(sale: Sale, element: EarnRule | EarnStep, factors: dict[str, Factors]) -> list[_Result]:
    """Who gives how many points; of the others it is said why not. A rule changes nothing that another looks at."""
    if not isinstance(element, EarnStep):
        points = _points(sale, element, factors.get(element.scale.unit))
        if isinstance(points, int):
            return [(element, points)]
        sale.rejected(element.id, points)
        return []
    if element.mode is GroupMode.STACK:
        return _stacked(sale, element.elements, factors)
    if element.mode is GroupMode.BEST:
        return _best(sale, [_results(sale, one, factors) for one in element.elements])
    results: list[_Result] = []
    for one in element.elements:
        if results:
            _reject(sale, one, Rejection("beaten", {"by": results[0][0].id}))
        else:
            results = _results(sale, one, factors)
    return results


def _best(sale: Sale, offers: list[list[_Result]]) -> list[_Result]:
    """The element that gives the most points together; of equal ones the first."""
    best = max(offers, key=lambda offer: sum(points for _, points in offer))
    for offer in offers:
        for rule, _ in offer if offer is not best else ():
            sale.rejected(rule.id, Rejection("beaten", {"by": best[0][0].id}))
    return best


def _points(sale: Sale, rule: EarnRule, factors: Factors | None) -> int | Rejection:
    if sale.customer is None:
        return Rejection("no_customer")
    lines = rule.where.lines(sale, sale.earning)
    if isinstance(lines, Rejection):
        return lines
    if rule.fixed is not None:
        return rule.fixed(sale, lines) or Rejection("too_little")
    rate = rule.rate(sale)
    if isinstance(rate, Rejection):
        return rate
    numerator, denominator = rate
    left = sale.left
    if factors is None:
        paid = sum(left[i] for i in lines)
    else:
        paid = sum(left[i] * factors.numerators[i] for i in lines)
        denominator *= factors.denominator
    if not paid:
        return NOTHING_PAID
    points = paid * numerator // denominator
    return points or Rejection("too_little")


def _give(sale: Sale, rule: EarnRule, points: int, zone: tzinfo) -> None:
    active_from = expires_at = None
    if rule.active_after_days:
        active_from = midnight_after(sale.day, rule.active_after_days, zone)
    if rule.expires_after_days is not None:
        # Spendable through the end of the Nth day after today: until the midnight that ends it.
        expires_at = midnight_after(sale.day, rule.expires_after_days + 1, zone)
    sale.earned.append(
        PointsEarned(unit=rule.scale.unit, amount=points, rule=rule.id, active_from=active_from, expires_at=expires_at)
    )
    sale.applied(rule.id, "points_earned", points=rule.scale.text(points), unit=rule.scale.unit)
