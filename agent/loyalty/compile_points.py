"""Rules about points to closures: spending, multiplying, earning; compile.py asks here and owns everything else."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd

from agent.loyalty.compile_after import fixed_points
from agent.loyalty.compile_groups import Node
from agent.loyalty.earning import EarnRule, EarnStep, Rate
from agent.loyalty.gates import Selector
from agent.loyalty.multipliers import Multiplier, MultiplierStep
from agent.loyalty.parts import RedeemAs
from agent.loyalty.points import PointsScale, minor_points
from agent.loyalty.redemption import SpendRule
from agent.loyalty.rules import EarnPoints, FixedPoints, MultiplyPoints, Rule, SpendPoints
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.money import Percent, Quantity

__all__ = ["build_earning", "build_multipliers", "build_spend", "by_tier"]

_WHOLE = 1_000_000  # 100 % in steps of a Percent, and one whole in steps of a Quantity

#: The gate and the lines of a rule.
Where = Callable[[Rule], Selector]


def by_tier(percents: dict[str, Percent], otherwise: Percent | None) -> Callable[[Sale], int | Rejection]:
    """The percent of the customer's tier; 0 is as good as none."""
    steps = {tier: percent.steps for tier, percent in percents.items()}
    rest = otherwise.steps if otherwise is not None else 0

    def percent(sale: Sale) -> int | Rejection:
        if sale.customer is None:
            return Rejection("no_customer")
        return steps.get(sale.tier, rest) or Rejection("nothing_for_tier", {"tier": sale.tier or "-"})

    return percent


def build_spend(rule: SpendPoints, scales: dict[str, PointsScale], where: Where) -> SpendRule:
    """A checked rule, compiled."""
    scale = scales[rule.unit]
    step = minor_points(rule.step, scale.exponent) if rule.step is not None else 1
    least = minor_points(rule.least, scale.exponent) if rule.least is not None else 1
    return SpendRule(
        id=rule.id,
        scale=scale,
        share=rule.share.steps if rule.share is not None else _WHOLE,
        step=step or 1,
        least=least or 1,
        as_tender=rule.redeem_as is RedeemAs.TENDER,
        earns=rule.earns,
        where=where(rule),
    )


def build_multipliers(node: Node, where: Where) -> MultiplierStep:
    """A lone multiplier, or a group of them with the groups inside it."""
    elements: list[Multiplier | MultiplierStep] = []
    for element in node.elements:
        if isinstance(element, Node):
            elements.append(build_multipliers(element, where))
        elif isinstance(element, MultiplyPoints):
            elements.append(_multiplier(element, where))
    return MultiplierStep(node.mode, tuple(elements))


def _multiplier(rule: MultiplyPoints, where: Where) -> Multiplier:
    shared = gcd(rule.factor.steps, _WHOLE)
    return Multiplier(
        id=rule.id,
        unit=rule.unit,
        numerator=rule.factor.steps // shared,
        denominator=_WHOLE // shared,
        where=where(rule),
    )


def build_earning(node: Node, scales: dict[str, PointsScale], where: Where) -> EarnStep:
    """A lone earning rule, or a group of them with the groups inside it."""
    elements: list[EarnRule | EarnStep] = []
    for element in node.elements:
        if isinstance(element, Node):
            elements.append(build_earning(element, scales, where))
        elif isinstance(element, (EarnPoints, FixedPoints)):
            elements.append(_earn(element, scales, where))
    return EarnStep(node.mode, tuple(elements))


def _earn(rule: EarnPoints | FixedPoints, scales: dict[str, PointsScale], where: Where) -> EarnRule:
    scale = scales[rule.unit]
    return EarnRule(
        id=rule.id,
        scale=scale,
        where=where(rule),
        rate=_rate(rule, scale) if isinstance(rule, EarnPoints) else _no_rate,
        fixed=fixed_points(rule, scale.exponent) if isinstance(rule, FixedPoints) else None,
        active_after_days=rule.active_after_days,
        expires_after_days=rule.expires_after_days,
    )


def _no_rate(_sale: Sale) -> Rate | Rejection:
    return 0, 1


def _rate(rule: EarnPoints, scale: PointsScale) -> Callable[[Sale], Rate | Rejection]:
    """Points per minor unit of money, as an exact fraction."""
    if rule.per is not None:
        fixed = (minor_points(rule.points or Quantity.ONE, scale.exponent) or 0, rule.per.minor)
        return lambda _sale: fixed
    percent = by_tier(rule.percents, rule.percent)

    def rate(sale: Sale) -> Rate | Rejection:
        steps = percent(sale)
        return (steps * scale.points, _WHOLE * scale.money) if isinstance(steps, int) else steps

    return rate
