"""Positions of a fiscal receipt as lines of our receipt, whatever the kopecks say; pure.

A fiscal document states price, quantity and sum, and the sum counts. Our line wants quantity × price - discount = sum,
so a sum below is a discount and a sum above raises the price; one kopeck either way is legal as it is.
"""

from __future__ import annotations

from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import Line


def make_line(number: int, name: str, quantity: Quantity, price: Money, total: Money) -> Line:
    """The line; raises ValueError for a quantity that is not above 0 or a sum below 0."""
    gross = line_total(price, quantity)
    if gross.minor < total.minor - 1 and quantity.steps > 0:
        # The unit price was rounded after a discount: the next kopeck that reaches the sum.
        price = price.with_minor(-(-total.minor * 1_000_000 // quantity.steps))
        gross = line_total(price, quantity)
    taken_off = gross.minor - total.minor
    discount = total.with_minor(taken_off) if taken_off > 1 else None
    return Line(number=number, name=name[:400], quantity=quantity, price=price, total=total, discount=discount)


def fiscal_uid(memory: str, document: int, sign: int) -> str:
    """The permanent name of a fiscal receipt: fiscal memory, document number and sign name it everywhere."""
    return f"f-{memory}-{document}-{sign}"
