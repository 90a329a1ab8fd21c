"""Rewards other than a plain percent: an amount, a price, a stage reached by total or quantity; knows no groups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.loyalty.discounts import NOTHING_LEFT, Offer
from agent.loyalty.gates import Selector
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.money import Quantity

__all__ = ["Reward", "Stage", "amount_of", "price_of", "stages_of"]

_STEPS = 1_000_000  # 100 % in steps of a Percent, one piece in steps of a Quantity

#: What the rule wants to take: of each line, or of their sum (a whole number); room is not its business.
Wish = Callable[[Sale, tuple[int, ...], list[int]], list[int] | int | Rejection]


@dataclass(frozen=True, slots=True)
class Reward:
    """A compiled rule that takes off what `wish` says, as far as there is room."""

    id: str
    on_receipt: bool
    initial: bool
    where: Selector
    wish: Wish

    def offer(self, sale: Sale) -> Offer | Rejection:
        """What it would take off the receipt as it is now, or why nothing."""
        lines = self.where.lines(sale, sale.discountable)
        if isinstance(lines, Rejection):
            return lines
        base = sale.net if self.initial else sale.left
        wished = self.wish(sale, lines, base)
        if isinstance(wished, Rejection):
            return wished
        room = sale.room
        if isinstance(wished, int):
            total = min(wished, sum([room[i] for i in lines if base[i]]))
            return Offer(total, lines, None) if total else NOTHING_LEFT
        amounts = [min(amount, room[i]) for i, amount in zip(lines, wished, strict=True)]
        total = sum(amounts)
        return Offer(total, lines, amounts) if total else NOTHING_LEFT


def amount_of(minor: int, *, on_receipt: bool) -> Wish:
    """So much once off the sum; or off each piece (kilogram), half a kopeck up on the line."""
    if on_receipt:
        return lambda _sale, _lines, _base: minor
    return lambda sale, lines, _base: [_times(minor, sale.quantities[i]) for i in lines]


def price_of(minor: int) -> Wish:
    """Whatever brings a piece (kilogram) down to this price; a line that costs less already loses nothing."""

    def wish(sale: Sale, lines: tuple[int, ...], base: list[int]) -> list[int]:
        return [max(0, base[i] - _times(minor, sale.quantities[i])) for i in lines]

    return wish


def _times(minor: int, steps: int) -> int:
    return (2 * minor * steps + _STEPS) // (2 * _STEPS)


@dataclass(frozen=True, slots=True)
class Stage:
    """From this much on (minor units of money, or steps of a quantity) a percent (in steps) or an amount is taken."""

    least: int
    text: str
    percent: int
    amount: int


def stages_of(stages: tuple[Stage, ...], *, by_quantity: bool, on_receipt: bool) -> Wish:
    """The highest stage that the lines reach together; what they cost before this decision counts."""

    def wish(sale: Sale, lines: tuple[int, ...], base: list[int]) -> list[int] | int | Rejection:
        have = sum([sale.quantities[i] for i in lines] if by_quantity else [sale.net[i] for i in lines])
        reached = [stage for stage in stages if have >= stage.least]
        if not reached:
            return _short(sale, have, stages[0], by_quantity=by_quantity)
        stage = reached[-1]
        if on_receipt:
            return stage.amount or _share(sum([base[i] for i in lines]), stage.percent)
        if stage.amount:
            return [_times(stage.amount, sale.quantities[i]) for i in lines]
        return [_share(base[i], stage.percent) for i in lines]

    return wish


def _short(sale: Sale, have: int, first: Stage, *, by_quantity: bool) -> Rejection:
    def text(value: int) -> str:
        return str(Quantity(value)) if by_quantity else sale.text(value)

    values = {"have": text(have), "from": first.text, "missing": text(first.least - have)}
    return Rejection("quantity_too_small", values) if by_quantity else Rejection("total_too_small", values)


def _share(amount: int, percent: int) -> int:
    return (2 * amount * percent + _STEPS) // (2 * _STEPS)
