"""What happens at one till's counter: baskets are quoted, paid, paid twice, given up, forgotten and brought back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from simulation.book import Book, Returned, Sale
from simulation.network import Crashed
from simulation.shoppers import Shoppers, receipt_of
from simulation.till import SimulatedTill
from simulation.world import World

__all__ = ["Cashier"]


@dataclass(frozen=True, slots=True)
class _Purchase:
    """One basket on its way through the till."""

    receipt: Receipt
    customer: str | None
    spends: bool


@dataclass(slots=True)
class Cashier:
    """Cashier and POS of one till.

    Attributes:
        sales: every sale of the world that may be brought back, newest last; shared.
    """

    world: World
    shoppers: Shoppers
    book: Book
    till: SimulatedTill
    sales: list[str]
    number: int = 0

    def visit(self) -> None:
        """Somebody comes."""
        if self.till.is_gone:
            return
        if not self.till.is_on:
            self.world.tell(self.till.label, "sold without us")
            return
        if self.world.happens(self.world.plan.returns) and self._somebody_brings_back():
            return
        self.number += 1
        basket = self.shoppers.basket(f"{self.till.label}-{self.number}")
        customer = self.shoppers.draw(self.till.number)
        self._quote(_Purchase(basket, customer, spends=customer is not None and self.world.happens(0.55)))

    # ── A sale ──────────────────────────────────────────────────────────────────────────────────

    def _quote(self, purchase: _Purchase) -> None:
        if self.till.is_gone or not self.till.is_on:
            return
        wanted = contract.QuoteRequest(
            receipt=purchase.receipt, customer_id=purchase.customer, points_max=purchase.spends
        )
        try:
            answer, heard = self.till.quote(wanted)
        except CheckoutRefused as refused:
            self.world.tell(self.till.label, "not quoted", refused.code)
            return
        except Crashed:
            self.till.crash()
            if self.world.happens(0.7):
                self.world.after(30, partial(self._quote, purchase))
            return
        spent = sum(one.amount for one in answer.decision.spent)
        self.world.tell(
            self.till.label, "quoted", f"{purchase.receipt.uid} {purchase.customer} spends {spent} heard {heard}"
        )
        self._goes_on(purchase, answer, heard=heard)

    def _goes_on(self, purchase: _Purchase, answer: contract.QuoteAnswer, *, heard: bool) -> None:
        """The shopper pays, thinks better of it, runs away, or remembers the milk."""
        drawn = self.world.random.random()
        if drawn < 0.04:
            self.world.after(60, partial(self._cancel, purchase.receipt.uid))
        elif drawn < 0.07:
            self.world.tell(self.till.label, "abandoned", purchase.receipt.uid)
        elif drawn < 0.17 and len(purchase.receipt.lines) < 4:
            prices = [*(line.price.minor for line in purchase.receipt.lines), self.shoppers.price()]
            more = receipt_of(purchase.receipt.uid, prices)
            self.world.after(40, partial(self._quote, _Purchase(more, purchase.customer, purchase.spends)))
        else:
            is_slow = self.world.happens(0.04)
            seconds = self.world.random.uniform(600, 3_000) if is_slow else self.world.random.uniform(5, 240)
            self.world.after(seconds, partial(self._pay, purchase, answer, heard))

    def _pay(self, purchase: _Purchase, answer: contract.QuoteAnswer, heard: bool) -> None:  # noqa: FBT001
        if self.till.is_gone:
            return
        if not self.till.is_on:
            self.world.after(900, partial(self._pay, purchase, answer, heard))
            return
        request = contract.ConfirmRequest(
            receipt=_as_charged(purchase.receipt, answer),
            customer_id=purchase.customer,
            decision_mark=answer.decision_mark,
        )
        done = self.till.desk.confirm(request, source="api")
        self._write_down(request.receipt, purchase.customer, done, heard=heard)
        if self.world.happens(0.01):
            self.till.crash()
        if self.world.happens(0.05):
            again = self.till.desk.confirm(request, source="api")
            self.world.tell(self.till.label, "confirmed twice", done.receipt_uid)
            if not again.duplicate or again.decision != done.decision:
                raise self.world.broken("G2", f"{done.receipt_uid} was confirmed twice and answered differently")
        if self.world.happens(0.7):
            self.world.after(2, self._sync)

    def _sync(self) -> None:
        if self.till.is_on and not self.till.is_gone:
            self.till.turn()

    def _cancel(self, uid: str) -> None:
        if not self.till.is_on or self.till.is_gone:
            return
        self.till.desk.cancel(contract.CancelRequest(receipt_uid=uid))
        self.world.tell(self.till.label, "cancelled", uid)

    def _write_down(self, receipt: Receipt, customer: str | None, done: contract.ConfirmAnswer, *, heard: bool) -> None:
        till = self.till
        sale = Sale(
            uid=receipt.uid,
            customer=customer,
            receipt=receipt,
            spent=sum(one.amount for one in done.decision.spent),
            earned=sum(one.amount for one in done.decision.earned),
            till=till.number,
            copy=till.is_copy,
        )
        self.world.tell(till.label, "sold", f"{sale.uid} {customer} spent {sale.spent} earned {sale.earned}")
        over = self.book.sold(sale, counts=not till.is_forked)
        if not till.is_copy:
            self.sales.append(sale.uid)
        if customer is None or till.is_forked:
            return
        cap = self.world.plan.points_cap
        if sale.spent and not heard:
            self.book.unheard.setdefault(customer, set()).add(till.label)
        bound = cap * len(self.book.unheard.get(customer, ()))
        if over and self.book.most_overspent[customer] > bound:
            most = self.book.most_overspent[customer]
            raise self.world.broken("G3", f"{customer} has spent {most} points that were never there (bound {bound})")

    # ── A return ────────────────────────────────────────────────────────────────────────────────

    def _somebody_brings_back(self) -> bool:
        """A part, the rest, the whole, now and then the whole once more where it is not known; False for nobody."""
        if not self.sales:
            return False
        sale = self.book.sales[self.world.random.choice(self.sales)]
        back: frozenset[int] = frozenset().union(*(one.lines for one in sale.returns))
        everything = frozenset(line.number for line in sale.receipt.lines)
        if back == everything:
            wanted = everything if self.world.happens(0.3) else frozenset()
        elif not back and len(everything) > 1 and self.world.happens(0.5):
            wanted = frozenset({self.world.random.choice(sorted(everything))})
        else:
            wanted = everything - back
        if not wanted or sale.receipt.total.minor == 0:
            return False
        self.number += 1
        parts = [line for line in sale.receipt.lines if line.number in wanted]
        lines = tuple(replace(line, number=place) for place, line in enumerate(parts, start=1))
        total = Money(sum(line.total.minor for line in lines), "RUB")
        uid = f"{self.till.label}-r{self.number}"
        receipt = Receipt(uid=uid, kind=DocumentKind.RETURN, total=total, lines=lines, base_uid=sale.uid)
        request = contract.RefundRequest(receipt=receipt, customer_id=sale.customer)
        try:
            answer = self.till.desk.refund(request, source="api")
        except CheckoutRefused as refused:
            self.world.tell(self.till.label, "not taken back", f"{sale.uid}: {refused.code}")
            return True
        self.book.took_back(sale, Returned(uid=uid, lines=wanted, paid=total.minor))
        where = "by the centre" if answer.settled_by_centre else "here"
        self.world.tell(self.till.label, "took back", f"{uid} of {sale.uid} {sorted(wanted)} settled {where}")
        return True


def _as_charged(receipt: Receipt, answer: contract.QuoteAnswer) -> Receipt:
    """The receipt as it is closed: the quoted discount taken off."""
    lines: list[Line] = []
    for line, quoted in zip(receipt.lines, answer.lines, strict=True):
        discount = quoted.discount if quoted.discount.minor else None
        lines.append(replace(line, discount=discount, total=quoted.total))
    total = Money(sum(line.total.minor for line in lines), "RUB")
    return replace(receipt, lines=tuple(lines), total=total)
