"""Numbers of till protocols, which are decimals of whole units, to exact money and quantities, and back."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from drivers.vocabulary.money import Money, Quantity

__all__ = ["decimal_of", "money_of", "quantity_of", "spread"]

_QUANTITY_STEP = Decimal("0.000001")  # as a fiscal document counts; scales weigh to the gram


def money_of(amount: Decimal, currency: str) -> Money:
    """An amount rounded to the currency's minor unit, halves away from zero; raises ValueError for what is no amount.

    Tills that count in binary send 99.99000000000001.
    """
    try:
        places = len(Money(0, currency).amount.partition(".")[2])
        return Money.of(amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), currency)
    except InvalidOperation:
        raise ValueError(f"not an amount of money: {str(amount)[:40]!r}") from None


def quantity_of(amount: Decimal) -> Quantity:
    """A quantity to the sixth place; raises ValueError."""
    try:
        return Quantity.parse(str(amount.quantize(_QUANTITY_STEP, ROUND_HALF_UP)))
    except InvalidOperation:
        raise ValueError(f"not a quantity: {str(amount)[:40]!r}") from None


def decimal_of(money: Money) -> Decimal:
    """The amount in whole units, with every decimal place."""
    return Decimal(money.amount)


def spread(amount: int, over: Sequence[int]) -> list[int]:
    """`amount` spread in proportion, no share larger than what it is spread over; the same input, the same shares.

    Raises:
        ValueError: there is more to spread than there is room for.
    """
    room = sum(over)
    if amount > room:
        raise ValueError(f"{amount} is more than {room}")
    if not amount:
        return [0] * len(over)
    shares = [amount * part // room for part in over]
    rest = amount - sum(shares)
    by_remainder = sorted(range(len(over)), key=lambda place: (-(amount * over[place] % room), place))
    for place in by_remainder:
        if not rest:
            break
        if shares[place] < over[place]:
            shares[place] += 1
            rest -= 1
    return shares
