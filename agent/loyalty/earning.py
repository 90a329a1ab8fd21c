"""Earning: points for what is paid with money, by exact fractions, rounded down once for each rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from math import lcm

from agent.loyalty.days import midnight_after
from agent.loyalty.gates import Selector
from agent.loyalty.parts import GroupMode
from agent.loyalty.points import PointsScale
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.decision import PointsEarned
from drivers.vocabulary.money import Quantity

__all__ = ["EarnRule", "EarnStep", "Multiplier", "MultiplierStep", "apply_earning"]

_QUANTITY_STEPS = 1_000_000

#: Points per minor unit of money, as numerator and denominator.
Rate = tuple[int, int]

NOTHING_PAID = Rejection("nothing_paid")


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
    """Earning rules that act together."""

    mode: GroupMode
    rules: tuple[EarnRule, ...]


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A compiled factor in lowest terms, on the lines its rule means."""

    id: str
    unit: str
    numerator: int
    denominator: int
    where: Selector


@dataclass(frozen=True, slots=True)
class MultiplierStep:
    """Multipliers that act together: STACK multiplies them, BEST takes the largest factor of each line."""

    mode: GroupMode
    rules: tuple[Multiplier, ...]


@dataclass(frozen=True, slots=True)
class Factors:
    """What each line's points are multiplied by: a numerator a line, over one denominator."""

    numerators: list[int]
    denominator: int


def apply_earning(
    sale: Sale, steps: Sequence[EarnStep], multipliers: Sequence[MultiplierStep], zone: tzinfo, *, earns: bool
) -> None:
    """Work out every earning rule on the money left to pay for each line.

    `earns` is False when this receipt spent points under a rule that then gives none.
    """
    if not earns:
        for step in steps:
            for rule in step.rules:
                sale.rejected(rule.id, Rejection("points_were_spent"))
        return
    factors = _factors(sale, multipliers)
    exclusive = ""
    for step in sorted(steps, key=lambda step: step.mode is not GroupMode.EXCLUSIVE):
        if exclusive:
            for rule in step.rules:
                sale.rejected(rule.id, Rejection("beaten_by_exclusive", {"by": exclusive}))
        elif _run(sale, step, factors, zone) and step.mode is GroupMode.EXCLUSIVE:
            exclusive = step.rules[0].id


def _run(sale: Sale, step: EarnStep, factors: dict[str, Factors], zone: tzinfo) -> bool:
    results: list[tuple[EarnRule, int]] = []
    for rule in step.rules:
        if results and step.mode in (GroupMode.LIST_ORDER, GroupMode.EXCLUSIVE):
            sale.rejected(rule.id, Rejection("beaten", {"by": results[0][0].id}))
            continue
        points = _points(sale, rule, factors.get(rule.scale.unit))
        if isinstance(points, int):
            results.append((rule, points))
        else:
            sale.rejected(rule.id, points)
    if step.mode is GroupMode.BEST and len(results) > 1:
        best = max(results, key=lambda pair: pair[1])
        for rule, _ in results:
            if rule is not best[0]:
                sale.rejected(rule.id, Rejection("beaten", {"by": best[0].id}))
        results = [best]
    for rule, points in results:
        _give(sale, rule, points, zone)
    return bool(results)


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


def _factors(sale: Sale, steps: Sequence[MultiplierStep]) -> dict[str, Factors]:
    """What the multipliers that apply make of each unit, in order."""
    factors: dict[str, Factors] = {}
    exclusive = ""
    for step in sorted(steps, key=lambda step: step.mode is not GroupMode.EXCLUSIVE):
        if exclusive:
            for rule in step.rules:
                sale.rejected(rule.id, Rejection("beaten_by_exclusive", {"by": exclusive}))
            continue
        chosen = _chosen(sale, step)
        if step.mode is GroupMode.BEST:
            _multiply_best(sale, chosen, factors)
        else:
            for rule, lines in chosen:
                _multiply(sale, dict.fromkeys(lines, rule), rule.unit, factors)
                sale.applied(rule.id, "multiplied", factor=_factor_text(rule), unit=rule.unit)
        if chosen and step.mode is GroupMode.EXCLUSIVE:
            exclusive = chosen[0][0].id
    return factors


def _chosen(sale: Sale, step: MultiplierStep) -> list[tuple[Multiplier, tuple[int, ...]]]:
    """The multipliers of a step that act, with their lines; the others are explained."""
    chosen: list[tuple[Multiplier, tuple[int, ...]]] = []
    for rule in step.rules:
        if chosen and step.mode in (GroupMode.LIST_ORDER, GroupMode.EXCLUSIVE):
            sale.rejected(rule.id, Rejection("beaten", {"by": chosen[0][0].id}))
            continue
        lines = Rejection("no_customer") if sale.customer is None else rule.where.lines(sale, sale.earning)
        if isinstance(lines, Rejection):
            sale.rejected(rule.id, lines)
        else:
            chosen.append((rule, lines))
    return chosen


def _multiply_best(sale: Sale, chosen: list[tuple[Multiplier, tuple[int, ...]]], factors: dict[str, Factors]) -> None:
    """Each line takes the largest factor of its unit; of equal ones the first in order."""
    best: dict[str, dict[int, Multiplier]] = {}
    for rule, lines in chosen:
        of_unit = best.setdefault(rule.unit, {})
        for i in lines:
            other = of_unit.get(i)
            if other is None or rule.numerator * other.denominator > other.numerator * rule.denominator:
                of_unit[i] = rule
    for unit, of_unit in best.items():
        _multiply(sale, of_unit, unit, factors)
    for rule, lines in chosen:
        winners = [best[rule.unit][i] for i in lines]
        if rule in winners:
            sale.applied(rule.id, "multiplied", factor=_factor_text(rule), unit=rule.unit)
        else:
            sale.rejected(rule.id, Rejection("beaten", {"by": winners[0].id}))


def _multiply(sale: Sale, rules: dict[int, Multiplier], unit: str, factors: dict[str, Factors]) -> None:
    """Multiply each line by the factor of its rule, exactly: over the common denominator."""
    common = lcm(*(rule.denominator for rule in rules.values()))
    known = factors.get(unit) or Factors([1] * len(sale.left), 1)
    numerators = [numerator * common for numerator in known.numerators]
    for i, rule in rules.items():
        numerators[i] = known.numerators[i] * rule.numerator * (common // rule.denominator)
    factors[unit] = Factors(numerators, known.denominator * common)


def _factor_text(rule: Multiplier) -> str:
    return str(Quantity(rule.numerator * (_QUANTITY_STEPS // rule.denominator)))
