"""A receipt while it is being made of items, discounts and payments; it ends as a Receipt that adds up, or in words.

Money is minor units here. Discounts stay below the price they are taken from; a surcharge is an adjustment of the
receipt, because a line of our vocabulary has none. What the device states of the sum is believed over our own
rounding of a percent, within one minor unit for each tax group it was spread over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from drivers.vocabulary.money import Money, Quantity, divide_half_up, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

from .fields import Modifier, Sale

ITEMS_MAX: Final = 1_000  # the makers allow 512 lines
PAYMENTS_MAX: Final = 50  # as many as a receipt of our vocabulary holds
PROBLEMS_MAX: Final = 20  # the first ones tell the story
NAME_SIZE_MAX: Final = 400
TAX_GROUPS: Final = 8


@dataclass(slots=True)
class Item:
    """One item as it stands."""

    sale: Sale
    price: Money
    quantity: Quantity
    modifier_minor: int = 0

    @property
    def gross_minor(self) -> int:
        """Before the discount."""
        return line_total(self.price, self.quantity).minor


@dataclass(slots=True, kw_only=True)
class Draft:
    """One open receipt.

    Attributes:
        problems: why no receipt can come of it, in words for store IT.
    """

    currency: str
    items: list[Item] = field(default_factory=list)
    adjustment_minor: int = 0
    paid: list[tuple[str, int]] = field(default_factory=list)
    change_minor: int = 0
    percents: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def total_minor(self) -> int:
        """What the customer owes so far."""
        return sum(item.gross_minor + item.modifier_minor for item in self.items) + self.adjustment_minor

    @property
    def due_minor(self) -> int:
        """What is still to be paid."""
        return self.total_minor - sum(minor for _, minor in self.paid)

    def complain(self, problem: str) -> None:
        """Note why no receipt can come of it."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)

    def minor_of(self, amount: Decimal) -> int:
        """Whole units as minor units; an amount finer than the currency is a problem, and rounded."""
        try:
            return Money.of(amount, self.currency).minor
        except ValueError as error:
            self.complain(str(error))
            return Money.of(round(amount, 0), self.currency).minor

    def sell(self, sale: Sale) -> None:
        """Add an item; a price below 0 takes an earlier one back."""
        if len(self.items) >= ITEMS_MAX:
            self.complain(f"more than {ITEMS_MAX} items")
            return
        price = Money(self.minor_of(abs(sale.price)), self.currency)
        quantity = Quantity(int(sale.quantity * 1_000_000))
        if quantity.steps <= 0:
            self.complain(f"{sale.name}: the quantity is not above 0")
        elif sale.price < 0:
            self._take_back(sale, price, quantity)
        else:
            item = Item(sale=sale, price=price, quantity=quantity)
            self._modify(item)
            self.items.append(item)

    def _modify(self, item: Item) -> None:
        """Work the item's own discount out."""
        modifier = item.sale.modifier
        item.modifier_minor = 0
        if modifier is not None and modifier.is_percent:
            item.modifier_minor = _percent(item.gross_minor, modifier)
            self.percents += 1
        elif modifier is not None:
            item.modifier_minor = self.minor_of(modifier.value)
        if item.gross_minor + item.modifier_minor < 0:
            self.complain(f"{item.sale.name}: the discount is larger than the price")

    def _take_back(self, sale: Sale, price: Money, quantity: Quantity) -> None:
        for item in reversed(self.items):
            if (item.sale.name, item.price) == (sale.name, price) and quantity <= item.quantity:
                if quantity == item.quantity:
                    self.items.remove(item)
                else:
                    item.quantity = Quantity(item.quantity.steps - quantity.steps)
                    self._modify(item)
                return
        self.complain(f"{sale.name}: taken back, and never sold at that price")

    def subtotal(self, modifier: Modifier | None) -> int:
        """Take a discount off everything so far; how much it was, below 0 for a discount."""
        if modifier is None:
            return 0
        if modifier.is_percent:
            minor = _percent(self.total_minor, modifier)
            self.percents += 1
        else:
            minor = self.minor_of(modifier.value)
        self.adjustment_minor += minor
        return minor

    def pay(self, letter: str, minor: int | None) -> None:
        """One payment; None is all that is due."""
        if len(self.paid) >= PAYMENTS_MAX:
            self.complain(f"more than {PAYMENTS_MAX} payments")
            return
        self.paid.append((letter, max(0, self.due_minor) if minor is None else minor))
        self.change_minor = max(0, -self.due_minor)

    def believe(self, total_minor: int, *, at_most: int | None = None) -> bool:
        """Take over what the device says the total is, when it is near enough to ours; whether it was.

        `at_most` is how near, in minor units; None is what the rounding of percents allows.
        """
        difference = total_minor - self.total_minor
        is_near = abs(difference) <= (self.percents * TAX_GROUPS if at_most is None else at_most)
        self.adjustment_minor += difference if is_near else 0
        return is_near

    def state_due(self, due_minor: int) -> None:
        """What the device says is still due, below 0 for change; a rounding of its own is taken over."""
        difference = due_minor - self.due_minor
        if not self.believe(self.total_minor + difference):
            self.complain(f"the device's sum is {self._text(difference)} away from ours; a command was not seen")
        self.change_minor = max(0, -self.due_minor)

    def receipt(
        self,
        *,
        uid: str,
        kind: DocumentKind,
        tenders: dict[str, TenderKind],
        number: str = "",
        cashier: str = "",
        till: str = "",
    ) -> Receipt | None:
        """The finished receipt; None when it does not add up, and then `problems` says why."""
        if not self.items:
            self.complain("nothing was sold")
        if self.paid and self.due_minor + self.change_minor != 0:
            self.complain(f"{self._text(self.due_minor)} of the total was not paid")
        if self.problems:
            return None
        lines, surcharges_minor = self._lines()
        adjustment_minor = self.adjustment_minor + surcharges_minor
        try:
            return Receipt(
                uid=uid,
                kind=kind,
                total=self._money(self.total_minor),
                lines=lines,
                tenders=tuple(
                    Tender(kind=tenders.get(letter, TenderKind.OTHER), amount=self._money(minor), name=letter)
                    for letter, minor in self.paid
                ),
                change=self._money(self.change_minor) if self.change_minor else None,
                adjustment=self._money(adjustment_minor) if adjustment_minor else None,
                number=number,
                cashier=cashier,
                till=till,
            )
        except ValueError as error:
            self.complain(str(error))
            return None

    def _lines(self) -> tuple[tuple[Line, ...], int]:
        surcharges_minor = 0
        lines = []
        for number, item in enumerate(self.items, 1):
            discount_minor = max(0, -item.modifier_minor)
            surcharges_minor += max(0, item.modifier_minor)
            lines.append(
                Line(
                    number=number,
                    name=item.sale.name[:NAME_SIZE_MAX],
                    quantity=item.quantity,
                    price=item.price,
                    total=self._money(item.gross_minor - discount_minor),
                    discount=self._money(discount_minor) if discount_minor else None,
                    categories=(f"tax:{item.sale.tax}",) if item.sale.tax else (f"department:{item.sale.department}",),
                )
            )
        return tuple(lines), surcharges_minor

    def _money(self, minor: int) -> Money:
        return Money(minor, self.currency)

    def _text(self, minor: int) -> str:
        return str(self._money(minor))


def _percent(minor: int, modifier: Modifier) -> int:
    return divide_half_up(minor * int(modifier.value * 10_000), 1_000_000)
