"""A position at a new amount: one, or two at prices a kopeck apart, so that price × quantity is what is due; pure.

Unit prices have whole kopecks. 300 pieces for 100.01 become 199 at 0.33 and 101 at 0.34. Weighed goods cannot
be split: there the amount becomes the next one that a whole price reaches, never below what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.money import Quantity, divide_half_up

__all__ = ["Piece", "pieces_of"]

_STEPS: Final = 10**Quantity.places
#: Minor units between price × quantity and the amount that a fiscal document may state.
LEGAL: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Part of a position; price and amount in minor units."""

    quantity: Quantity
    price: int
    amount: int


def pieces_of(quantity: Quantity, amount: int, *, may_split: bool, legal: int = LEGAL) -> tuple[Piece, ...]:
    """The position at `amount`, or at the nearest amount above that can be reached.

    Args:
        quantity: above 0.
        amount: minor units wanted, not below 0.
        may_split: False for marked goods: each code stands in one position.
        legal: minor units that price × quantity may be away from it; 0 where the device multiplies by itself.
    """
    price = divide_half_up(amount * _STEPS, quantity.steps)
    if abs(divide_half_up(price * quantity.steps, _STEPS) - amount) <= legal:
        return (Piece(quantity=quantity, price=price, amount=amount),)
    if may_split and quantity.is_whole:
        count = quantity.steps // _STEPS
        base, dearer = divmod(amount, count)
        return (
            Piece(quantity=Quantity((count - dearer) * _STEPS), price=base, amount=base * (count - dearer)),
            Piece(quantity=Quantity(dearer * _STEPS), price=base + 1, amount=(base + 1) * dearer),
        )
    price = -(-amount * _STEPS // quantity.steps)
    return (Piece(quantity=quantity, price=price, amount=divide_half_up(price * quantity.steps, _STEPS)),)
