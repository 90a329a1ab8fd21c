"""Points for goods: so many stamps make one piece free; the cheapest pieces first, and only when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.loyalty import lots
from agent.loyalty.gates import Selector
from agent.loyalty.points import PointsScale
from agent.loyalty.redemption import SpendAsk
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.decision import PointsSpent

__all__ = ["GoodsRule", "apply_goods"]

PIECES_MAX: Final = 1_000  # of one rule on one receipt; a mistyped quantity must not fill the memory
_PIECE: Final = 1_000_000  # one whole in steps of a Quantity


@dataclass(frozen=True, slots=True)
class GoodsRule:
    """A compiled rule; `cost` in minor units of points for one piece, `most` pieces a receipt."""

    id: str
    scale: PointsScale
    cost: int
    most: int | None
    where: Selector


def apply_goods(sale: Sale, rules: Sequence[GoodsRule], ask: SpendAsk) -> dict[str, int]:
    """Give the pieces that were asked for; returns what could be spent per unit.

    Whoever asks names the unit: points for goods are never taken unasked, so that a hold or a cap always counts.
    """
    spendable: dict[str, int] = {}
    for rule in rules:
        unit = rule.scale.unit
        if unit in spendable:
            sale.rejected(rule.id, Rejection("another_rule"))
            continue
        pieces = _pieces(sale, rule)
        if isinstance(pieces, Rejection):
            sale.rejected(rule.id, pieces)
            continue
        balance = lots.balance(sale.customer, unit, sale.instant).available if sale.customer is not None else 0
        bounds = [len(pieces), max(0, balance) // rule.cost]
        bounds += [rule.most] if rule.most is not None else []
        bounds += [max(0, ask.limit) // rule.cost] if ask.limit is not None and ask.unit == unit else []
        most = min(bounds)
        spendable[unit] = most * rule.cost
        asked = most if ask.amount is None else min(most, max(0, ask.amount) // rule.cost)
        if most == 0:
            values = {"cost": rule.scale.text(rule.cost), "have": rule.scale.text(balance), "unit": unit}
            sale.rejected(rule.id, Rejection("points_missing", values))
        elif ask.unit != unit or not asked:
            sale.rejected(rule.id, Rejection("not_asked", {"most": rule.scale.text(spendable[unit]), "unit": unit}))
        else:
            _give(sale, rule, pieces[:asked])
    return spendable


def _pieces(sale: Sale, rule: GoodsRule) -> list[tuple[int, int]] | Rejection:
    """Whole pieces as (what one costs now, line), the cheapest first; weighed goods have none."""
    if sale.customer is None:
        return Rejection("no_customer")
    lines = rule.where.lines(sale, sale.redeemable & sale.discountable)
    if isinstance(lines, Rejection):
        return lines
    pieces: list[tuple[int, int]] = []
    for i in lines:
        count, rest = divmod(sale.quantities[i], _PIECE)
        each = sale.left[i] // count if count and not rest else 0
        # A piece that may not be given away whole (a floor, a largest discount) is not given at all.
        fit = min(count, sale.room[i] // each) if each else 0
        pieces += [(each, i)] * min(fit, PIECES_MAX)
    return sorted(pieces)[:PIECES_MAX] or Rejection("nothing_left")


def _give(sale: Sale, rule: GoodsRule, pieces: list[tuple[int, int]]) -> None:
    amounts: dict[int, int] = {}
    for each, i in pieces:
        amounts[i] = amounts.get(i, 0) + each
        sale.given[i] = sale.given.get(i, 0) + 1
    lines = tuple(sorted(amounts))
    sale.take(rule.id, lines, [amounts[i] for i in lines])
    points, worth = rule.cost * len(pieces), sale.money(sum(amounts.values()))
    sale.spent = PointsSpent(unit=rule.scale.unit, amount=points, worth=worth)
    values = {"points": rule.scale.text(points), "unit": rule.scale.unit, "worth": str(worth)}
    sale.applied(rule.id, "points_spent", **values)
