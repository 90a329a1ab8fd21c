"""An independent count of everybody's points: sums over the receipts that tills confirmed, and nothing of the ledger.

It knows no lots, holds, leases or envelopes. It keeps two numbers for each shopper. What there is in the end follows
from which receipts count, whatever the order in which the centre heard of them. What was ever there to be spent goes
by true time, and a confirmed sale that takes more than that is an overspend. Points that a return takes away after
they were promised elsewhere are a debt and no overspend: in the second number returns only give.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from drivers.vocabulary.receipt import Receipt

__all__ = ["Book", "Returned", "Sale"]


@dataclass(slots=True, kw_only=True)
class Returned:
    """A return of `lines` of a sale."""

    uid: str
    lines: frozenset[int]
    paid: int


@dataclass(slots=True, kw_only=True)
class Sale:
    """A confirmed sale.

    Attributes:
        copy: it was made on a machine that is a copy of another: it may never reach the centre.
    """

    uid: str
    customer: str | None
    receipt: Receipt
    spent: int
    earned: int
    till: int
    copy: bool = False
    returns: list[Returned] = field(default_factory=list)

    def undone(self, counted: Collection[str] | None = None) -> tuple[int, int]:
        """(points given back, points taken back) by the returns, or by those of them that count."""
        parts = [one for one in self.returns if counted is None or one.uid in counted]
        back: frozenset[int] = frozenset().union(*(one.lines for one in parts))
        if len(back) == len(self.receipt.lines):
            return self.spent, self.earned
        paid = {one.lines: one.paid for one in parts}
        total = self.receipt.total.minor
        given = sum(self.spent * one // total for one in paid.values())
        taken = sum(self.earned * one // total for one in paid.values())
        return given, taken


@dataclass(slots=True)
class Book:
    """Everybody's points.

    Attributes:
        opening: what each shopper began with.
        there: what was ever there less what was spent, by true time.
        most_overspent: how far below nothing each shopper was spent at worst.
        unheard: per shopper, the tills that promised points without the centre's word.
    """

    opening: dict[str, int]
    there: dict[str, int] = field(init=False)
    sales: dict[str, Sale] = field(default_factory=dict)
    returned: dict[str, str | None] = field(default_factory=dict)
    most_overspent: dict[str, int] = field(default_factory=dict)
    unheard: dict[str, set[str]] = field(default_factory=dict)
    spent_in_all: int = 0

    def __post_init__(self) -> None:
        self.there = dict(self.opening)

    def sold(self, sale: Sale, *, counts: bool) -> int:
        """Write a sale down; the points it took that were never there. `counts` is False for a till with a copy."""
        self.sales[sale.uid] = sale
        if sale.customer is None:
            return 0
        over = 0
        if counts:
            self.spent_in_all += sale.spent
            left = self.there[sale.customer] - sale.spent
            over = min(sale.spent, max(0, -left))
            self.there[sale.customer] = left
            if left < 0:
                self.most_overspent[sale.customer] = max(self.most_overspent.get(sale.customer, 0), -left)
        self.there[sale.customer] += sale.earned
        return over

    def took_back(self, sale: Sale, returned: Returned) -> None:
        """Write a return down."""
        self.returned[returned.uid] = sale.uid
        before, _ = sale.undone()
        sale.returns.append(returned)
        after, _ = sale.undone()
        if sale.customer is not None:
            self.there[sale.customer] += after - before

    def balances(self, counted: Collection[str]) -> dict[str, int]:
        """What everybody has when exactly these receipts count; debts are below nothing."""
        found = dict(self.opening)
        for sale in self.sales.values():
            if sale.customer is not None and sale.uid in counted:
                given, taken = sale.undone(counted)
                found[sale.customer] += sale.earned - sale.spent + given - taken
        return found
