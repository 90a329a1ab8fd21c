"""Who comes to which till, with what in the basket: invented people, few of whom come often and most of whom seldom."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from random import Random
from typing import Final

from central.members import Member
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt

__all__ = ["PROGRAMME", "UNIT", "Shoppers"]

UNIT: Final = "bonus"
#: Points have no end and no beginning in time, so that an independent count needs nothing but sums.
PROGRAMME: Final = b"""
version = 1
title = "Fleet"
currency = "RUB"
zone = "Europe/Moscow"
units.bonus = { worth = "1.00 RUB" }

[[rules]]
kind = "earn_points"
id = "base"
unit = "bonus"
percent = 5
when.customer = "identified"

[[rules]]
kind = "spend_points"
id = "redeem"
unit = "bonus"
share = 80
"""

REGULARS: Final = 8  # flattens the head of Zipf's law: the first of all shoppers does not come all day long
LOYAL: Final = 0.6  # of visits are to the shopper's own till
UNKNOWN: Final = 0.12  # of visits are by nobody we know


class Shoppers:
    """The people of one world."""

    def __init__(self, count: int, tills: int, random: Random) -> None:
        self._random = random
        self.ids = [f"c{number:05d}" for number in range(count)]
        self.opening = {one: random.choice((0, 50, 200, 1_000, 3_000)) for one in self.ids}
        self._weights = list(accumulate(1 / (rank + REGULARS) for rank in range(count)))
        self._neighbours = [self.ids[home::tills] for home in range(tills)]
        self._near = [list(accumulate(1 / (rank + REGULARS) for rank in range(len(one)))) for one in self._neighbours]

    def members(self) -> Iterator[Member]:
        """As they are loaded into the centre."""
        for number, name in enumerate(self.ids):
            points = {UNIT: self.opening[name]} if self.opening[name] else {}
            yield Member(
                id=name,
                name=f"Shopper {number}",
                phone="",
                card=f"29{number:08d}",
                tier="",
                spent_minor=0,
                points=points,
            )

    def draw(self, till: int) -> str | None:
        """Who comes to this till now; None is somebody without a card."""
        if self._random.random() < UNKNOWN:
            return None
        if self._random.random() < LOYAL and self._neighbours[till]:
            return self._random.choices(self._neighbours[till], cum_weights=self._near[till])[0]
        return self._random.choices(self.ids, cum_weights=self._weights)[0]

    def basket(self, uid: str, lines: int = 0) -> Receipt:
        """A receipt before loyalty."""
        return receipt_of(uid, [self.price() for _ in range(lines or self._random.choice((1, 1, 2, 3)))])

    def price(self) -> int:
        """In minor units: mostly small, sometimes a trolley, seldom round."""
        return self._random.choice((self._random.randint(900, 30_000), 100 * self._random.randint(100, 3_000)))


def receipt_of(uid: str, prices: list[int]) -> Receipt:
    """A sale of one piece per price, each of another product."""
    lines = tuple(
        Line(number=place, name=f"goods {place}", quantity=Quantity.ONE, price=price, total=price)
        for place, price in enumerate((Money(one, "RUB") for one in prices), start=1)
    )
    return Receipt(uid=uid, kind=DocumentKind.SALE, total=Money(sum(prices), "RUB"), lines=lines)
