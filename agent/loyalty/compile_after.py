"""Compiling what does not depend on the money paid: fixed points, and the rules that act after the sale."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

from agent.loyalty.aftersale import AFTER_SALE, UNGROUPED, AfterStep, build_after
from agent.loyalty.gates import Selector
from agent.loyalty.goods import GoodsRule
from agent.loyalty.model import ProgrammeFile
from agent.loyalty.points import PointsScale, minor_points
from agent.loyalty.reading import nearest
from agent.loyalty.rules import FixedPer, FixedPoints, Gift, IssueCoupon, PointsForGoods, Rule, SpendPoints
from agent.loyalty.sale import Sale
from agent.loyalty.source import Path

__all__ = ["build_all_after", "build_goods", "check_after", "fixed_points"]

Report = Callable[[Path, str, str], None]

_PIECE = 1_000_000  # one whole in steps of a Quantity


def check_after(file: ProgrammeFile, rule: Rule, path: Path, problem: Report) -> None:
    """What one key of these rules cannot know of another."""
    if rule.lines.same_from is not None and rule.lines.same_from.steps <= 0:
        problem((*path, "lines", "same_from"), "must be above 0", "")
    if isinstance(rule, UNGROUPED) and rule.group:
        problem((*path, "group"), "what comes after the sale has no group: every rule whose gate is open acts", "")
    if isinstance(rule, PointsForGoods):
        _check_goods(file, rule, path, problem)
    if isinstance(rule, (FixedPoints, PointsForGoods)):
        _check_points(file, rule, path, problem)
    if isinstance(rule, (FixedPoints, IssueCoupon)):
        end = rule.expires_after_days
        if end is not None and end < rule.active_after_days:
            problem((*path, "expires_after_days"), "it would be over before it begins", "")
    if isinstance(rule, IssueCoupon) and rule.coupon not in file.coupons:
        said = f"no coupon {rule.coupon!r}; declare it under [coupons]"
        problem((*path, "coupon"), said, nearest(rule.coupon, [*file.coupons]))
    if isinstance(rule, Gift) and rule.per is not None and rule.per.minor <= 0:
        problem((*path, "per"), "must be above 0", "")


def _check_goods(file: ProgrammeFile, rule: PointsForGoods, path: Path, problem: Report) -> None:
    if rule.group:
        problem((*path, "group"), "spending rules have no group: the first whose gate is open decides", "")
    if any(isinstance(one, SpendPoints) and one.unit == rule.unit for one in file.rules):
        problem((*path, "unit"), f"{rule.unit} is spent as money already; goods want a unit of their own", "")


def _check_points(file: ProgrammeFile, rule: FixedPoints | PointsForGoods, path: Path, problem: Report) -> None:
    unit = file.units.get(rule.unit)
    if rule.points.steps <= 0:
        problem((*path, "points"), "must be above 0", "")
    elif unit is not None and minor_points(rule.points, unit.exponent) is None:
        problem((*path, "points"), f"{rule.unit} has {unit.exponent} decimal places, {rule.points} has more", "")


def build_all_after(file: ProgrammeFile, zone: tzinfo, where: Callable[[Rule], Selector]) -> tuple[AfterStep, ...]:
    """The rules that act after the sale, by priority, then as written."""
    rules = sorted(file.rules, key=lambda rule: -rule.priority)
    steps = [build_after(rule, where(rule), zone) for rule in rules if isinstance(rule, AFTER_SALE)]
    return tuple(step for step in steps if step is not None)


def build_goods(file: ProgrammeFile, where: Callable[[Rule], Selector]) -> tuple[GoodsRule, ...]:
    """The rules that give pieces for points, by priority, then as written."""
    rules = sorted(file.rules, key=lambda rule: -rule.priority)
    built: list[GoodsRule] = []
    for rule in rules:
        if isinstance(rule, PointsForGoods):
            scale = PointsScale.of(rule.unit, file.units[rule.unit])
            cost = minor_points(rule.points, scale.exponent) or 1
            built.append(GoodsRule(rule.id, scale, cost, rule.most, where(rule)))
    return tuple(built)


def fixed_points(rule: FixedPoints, exponent: int) -> Callable[[Sale, tuple[int, ...]], int]:
    """Points for the receipt, for each position, or for each whole piece; a piece that points made free counts not."""
    points = minor_points(rule.points, exponent) or 0
    if rule.per is FixedPer.POSITION:
        return lambda sale, lines: points * sum(1 for i in lines if not sale.given or _bought(sale, i))
    if rule.per is FixedPer.PIECE:
        return lambda sale, lines: points * sum(_bought(sale, i) // _PIECE for i in lines)
    return lambda _sale, _lines: points


def _bought(sale: Sale, line: int) -> int:
    """The quantity of a line in steps, less the pieces that points made free."""
    return sale.quantities[line] - sale.given.get(line, 0) * _PIECE
