"""Positions of a fiscal receipt as lines of our receipt, whatever the kopecks say, and the receipt's name; pure.

A fiscal document states price, quantity and sum, and the sum counts. Our line wants quantity × price - discount = sum,
so a sum below is a discount and a sum above raises the price; one kopeck either way is legal as it is.
"""

from __future__ import annotations

from drivers.vocabulary.money import Money, Quantity, divide_half_up, line_total
from drivers.vocabulary.receipt import Line

__all__ = ["fiscal_uid", "make_line"]

_NAME_LENGTH_MAX = 400


def make_line(
    number: int, name: str, quantity: Quantity, price: Money, total: Money, *, off: int = 0, barcode: str = ""
) -> Line:
    """The line; raises ValueError for a quantity that is not above 0 or a sum below 0.

    Args:
        number: place on the receipt, from 1.
        name: as printed.
        quantity: how much.
        price: of one unit, as the document states it.
        total: of the line, as the document states it.
        off: minor units of a discount that price and sum are already without; the line then shows the price before it.
        barcode: of the goods, or "".
    """
    if off > 0 and quantity.steps > 0:
        price = price.with_minor(divide_half_up((total.minor + off) * 1_000_000, quantity.steps))
    gross = line_total(price, quantity)
    if gross.minor < total.minor + off - 1 and quantity.steps > 0:
        # The unit price was rounded after a discount: the next kopeck that reaches the sum.
        price = price.with_minor(-(-(total.minor + off) * 1_000_000 // quantity.steps))
        gross = line_total(price, quantity)
    taken_off = gross.minor - total.minor
    if off > 0 and abs(taken_off - off) <= 1:
        taken_off = off
    discount = total.with_minor(taken_off) if taken_off > 1 or taken_off == off > 0 else None
    return Line(
        number=number,
        name=name[:_NAME_LENGTH_MAX],
        quantity=quantity,
        price=price,
        total=total,
        discount=discount,
        barcode=barcode,
    )


def fiscal_uid(memory: str, document: int, sign: int) -> str:
    """The permanent name of a fiscal receipt: fiscal memory, document number and sign name it everywhere."""
    return f"f-{memory}-{document}-{sign}"
