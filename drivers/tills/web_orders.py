"""Orders of web shops, whatever they are called there: which receipt an order is, and what its states do to points.

An order that is paid is a sale, one that is cancelled frees what was kept for it, and what goes back after the payment
is a return by its amount. Every state may be told many times and in any order: each receipt has one effect, by its uid.
The shop's page asks for a price beforehand under the name of the basket, and the order takes that quote over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from drivers.support import Support
from drivers.tills.amounts import decimal_of, money_of, quantity_of
from drivers.tills.clouds import CentreCheckout, Worked
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.joining import ConsentChannel, ConsentGiven
from drivers.vocabulary.money import Money, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, LineFlag, Receipt

__all__ = [
    "KEEP_S",
    "SUPPORT",
    "Consenting",
    "Order",
    "OrderLine",
    "OrderState",
    "QuoteBody",
    "Repayment",
    "WebShop",
    "loads",
    "number",
]

KEEP_S: Final = 86_400  # what a quote keeps: an order is paid within a day or not at all
#: A web shop's row in the support matrix, whatever it is called.
SUPPORT: Final = Support(
    identify="yes: phone of the order, the site's own customer once known",
    quote="yes: POST /quote from the shop's page",
    redeem="yes: as a discount of the order, kept for a day",
    offline="n/a: the shop is on line; deliveries wait on disk and are repeated",
    refund="yes: by amount, also in parts",
    slip="n/a",
    coupon="yes: codes of the programme in the quote",
    certificate="no: not asked for by the shop's page",
    verified="public documentation and a twin; no live shop yet",
)
#: What is delivered is no goods: nothing is taken off it and it earns nothing.
SERVICE: Final = frozenset({LineFlag.NO_DISCOUNT, LineFlag.NO_REDEMPTION, LineFlag.NO_EARNING})


class OrderState:
    """What an order is to us; shops have more words for each."""

    OPEN: Final = "open"
    PAID: Final = "paid"
    CANCELLED: Final = "cancelled"
    REFUNDED: Final = "refunded"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One line; `total` is what is paid for all of it, `price` what one costs before any discount."""

    code: str
    name: str
    quantity: Decimal
    price: Decimal
    total: Decimal
    is_service: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Repayment:
    """Money that went back after the payment."""

    id: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as a delivery tells it.

    Attributes:
        basket: the token of the quote that its price is from, "" when nobody asked: the name of the basket, "~" and the
            mark of the decision.
        person: the shop's own name of the customer, "" for a guest.
        joins: the customer ticked that they want to take part.
    """

    id: str
    state: str
    total: Decimal
    currency: str
    lines: Sequence[OrderLine]
    at: datetime | None = None
    number: str = ""
    basket: str = ""
    coupons: tuple[str, ...] = ()
    phone: str = ""
    name: str = ""
    person: str = ""
    joins: bool = False
    repayments: tuple[Repayment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Consenting:
    """What somebody who ticks the box agrees to; "" lets nobody join on line."""

    purpose: str = ""
    version: str = "web"


class QuoteItem(Struct, frozen=True, kw_only=True, rename="camel"):
    """One line of a basket; `service` is a delivery and the like."""

    id: Annotated[str, Meta(max_length=200)]
    quantity: Decimal
    price: Decimal
    name: Annotated[str, Meta(max_length=400)] = ""
    service: bool = False


class QuoteBody(Struct, frozen=True, kw_only=True, rename="camel"):
    """``POST /quote``: what would this basket cost; `points` -1 spends as many as may be."""

    basket: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9._-]+$")]
    items: Annotated[list[QuoteItem], Meta(min_length=1, max_length=500)]
    phone: Annotated[str, Meta(max_length=200)] = ""
    points: Annotated[int, Meta(ge=-1)] = 0
    coupons: Annotated[list[str], Meta(max_length=20)] = []


def loads(body: bytes) -> Any:
    """JSON with its numbers exact; raises ValueError for anything else."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the body is no JSON in UTF-8: {str(error)[:120]}") from None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def number(told: Any) -> Decimal:
    """A decimal that a shop wrote as text or as a number; "" and null are nothing. Raises ValueError."""
    try:
        found = Decimal(str(told if told not in (None, "") else 0))
    except InvalidOperation:
        raise ValueError(f"not a number: {str(told)[:40]!r}") from None
    if not found.is_finite():
        raise ValueError(f"not a number: {str(told)[:40]!r}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class WebShop:
    """One shop's orders.

    Attributes:
        prefix: of uids; with the shop's name two shops never meet.
    """

    prefix: str
    shop: str
    currency: str
    unit: str = "bonus"
    consent: Consenting = field(default_factory=Consenting)

    def uid(self, kind: str, identity: str) -> str:
        """The permanent name of a basket ("q"), an order ("") or a repayment ("r")."""
        return f"{self.prefix}{kind}:{self.shop}:{identity}"[:80]

    # ── Prices asked before ─────────────────────────────────────────────────────────────────────

    def quote(self, told: Any, checkout: contract.Checkout, *, timeout_s: float) -> dict[str, Any]:
        """The answer to ``POST /quote``; raises ValueError and CheckoutRefused."""
        try:
            body = msgspec.convert(told, QuoteBody, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
        customer = None
        if body.phone:
            found = checkout.identify(contract.IdentifyRequest(code=body.phone), timeout_s=timeout_s)
            customer = found.customer.id if found.customer is not None else None
        lines = tuple(self._basket_line(place, one) for place, one in enumerate(body.items, start=1))
        receipt = self._receipt(self.uid("q", body.basket), lines, coupons=tuple(body.coupons))
        request = contract.QuoteRequest(
            receipt=receipt,
            customer_id=customer,
            points=max(0, body.points) if customer is not None else 0,
            points_max=body.points < 0 and customer is not None,
            unit=self.unit if customer is not None and body.points else None,
        )
        quote = checkout.quote(request, timeout_s=timeout_s)
        return self._told(body, quote, known=customer is not None)

    def _told(self, body: QuoteBody, quote: contract.QuoteAnswer, *, known: bool) -> dict[str, Any]:
        decision = quote.decision
        spent = [one for one in decision.spent if one.unit == self.unit]
        refused = [one for one in decision.explanations if not one.applied]
        return {
            "token": f"{body.basket}~{quote.decision_mark}",
            "known": known,
            "discount": decision.discount.amount,
            "payable": quote.payable.amount,
            "items": [
                {"id": one.id, "discount": line.discount.amount, "total": line.total.amount}
                for one, line in zip(body.items, quote.lines, strict=True)
            ],
            "points": {
                "spent": sum(one.amount for one in spent),
                "worth": str(sum((decimal_of(one.worth) for one in spent), start=Decimal(0))),
                "most": decision.spendable.get(self.unit, 0),
                "earned": sum(one.amount for one in decision.earned if one.unit == self.unit),
            },
            "coupons": [one.code for one in decision.coupons_used],
            "refused": [{"rule": one.rule, "code": one.code} for one in refused],
        }

    def _basket_line(self, place: int, one: QuoteItem) -> Line:
        price, quantity = money_of(one.price, self.currency), quantity_of(one.quantity)
        return Line(
            number=place,
            name=one.name,
            quantity=quantity,
            price=price,
            total=line_total(price, quantity),
            product_id=one.id,
            flags=SERVICE if one.service else frozenset(),
        )

    # ── Orders ──────────────────────────────────────────────────────────────────────────────────

    def apply(self, order: Order, checkout: contract.Checkout, *, timeout_s: float) -> Worked:
        """Do what the order's present state asks for."""
        try:
            return self._apply(order, checkout, timeout_s=timeout_s)
        except CheckoutRefused as refused:
            if refused.code == "busy":
                return Worked(again=str(refused))
            return Worked(refused=f"order {order.number or order.id}: {refused}")
        except ValueError as error:
            return Worked(refused=f"order {order.number or order.id} does not add up: {error}")

    def _apply(self, order: Order, checkout: contract.Checkout, *, timeout_s: float) -> Worked:
        if order.currency != self.currency:
            return Worked(refused=f"order {order.id} is in {order.currency}, this centre works in {self.currency}")
        uid = self.uid("", order.id)
        is_sold = isinstance(checkout, CentreCheckout) and checkout.knows(uid, timeout_s=timeout_s)
        if not is_sold and order.state in (OrderState.PAID, OrderState.REFUNDED):
            # A refunded order that was never told as paid was paid all the same.
            self._sell(order, uid, checkout, timeout_s=timeout_s)
        elif not is_sold and order.state == OrderState.CANCELLED:
            basket = order.basket.partition("~")[0]
            for name in (uid, self.uid("q", basket) if basket else ""):
                if name:
                    checkout.cancel(contract.CancelRequest(receipt_uid=name), timeout_s=timeout_s)
            return Worked()
        if is_sold or order.state in (OrderState.PAID, OrderState.REFUNDED):
            self._pay_back(order, uid, checkout, timeout_s=timeout_s)
        return Worked()

    def _sell(self, order: Order, uid: str, checkout: contract.Checkout, *, timeout_s: float) -> None:
        basket, _, mark = order.basket.partition("~")
        if basket and isinstance(checkout, CentreCheckout):
            checkout.carry_over(self.uid("q", basket), uid, timeout_s=timeout_s)
        customer = self._customer(order, checkout, timeout_s=timeout_s)
        receipt = self._receipt(
            uid,
            tuple(self._order_line(place, one) for place, one in enumerate(order.lines, start=1)),
            total=money_of(order.total, self.currency),
            coupons=order.coupons,
            at=order.at,
            number=order.number,
        )
        request = contract.ConfirmRequest(receipt=receipt, customer_id=customer, decision_mark=mark or None)
        checkout.confirm(request, timeout_s=timeout_s)

    def _customer(self, order: Order, checkout: contract.Checkout, *, timeout_s: float) -> str | None:
        if order.phone:
            found = checkout.identify(contract.IdentifyRequest(code=order.phone[:200]), timeout_s=timeout_s)
            customer = found.customer.id if found.customer is not None else None
            if customer is None and order.joins and self.consent.purpose:
                customer = self._join(order, checkout, timeout_s=timeout_s)
            if customer is not None:
                if order.person and isinstance(checkout, CentreCheckout):
                    checkout.remember_person(order.person, customer, timeout_s=timeout_s)
                return customer
        if order.person and isinstance(checkout, CentreCheckout):
            return checkout.person_of(order.person, timeout_s=timeout_s)
        return None

    def _join(self, order: Order, checkout: contract.Checkout, *, timeout_s: float) -> str | None:
        consent = ConsentGiven(
            purpose=self.consent.purpose, text_version=self.consent.version, channel=ConsentChannel.DISPLAY
        )
        request = contract.EnrolCustomerRequest(phone=order.phone[:32], name=order.name[:200], consents=(consent,))
        try:
            return checkout.enrol(request, timeout_s=timeout_s).customer_id
        except CheckoutRefused as refused:
            if refused.code == "no_phone":
                return None  # what was typed as a phone is none: the order counts all the same
            raise

    def _pay_back(self, order: Order, uid: str, checkout: contract.Checkout, *, timeout_s: float) -> None:
        """Each repayment once; an order that was cancelled or refunded whole gives back what is left."""
        parts = list(order.repayments)
        left = order.total - sum((one.amount for one in parts), start=Decimal(0))
        if order.state in (OrderState.REFUNDED, OrderState.CANCELLED) and left > 0:
            parts.append(Repayment(id=f"{order.id}-rest", amount=left))
        for one in parts:
            amount = money_of(one.amount, self.currency)
            name = self.uid("r", one.id)
            if not amount.minor:
                continue
            if isinstance(checkout, CentreCheckout) and checkout.knows(name, timeout_s=timeout_s):
                continue
            line = Line(number=1, name="", quantity=quantity_of(Decimal(1)), price=amount, total=amount)
            back = Receipt(
                uid=name, kind=DocumentKind.RETURN, lines=(line,), total=amount, base_uid=uid, channel=self.prefix
            )
            checkout.refund(contract.RefundRequest(receipt=back), timeout_s=timeout_s)

    def _order_line(self, place: int, one: OrderLine) -> Line:
        quantity = quantity_of(one.quantity)
        price, total = money_of(one.price, self.currency), money_of(one.total, self.currency)
        gross = line_total(price, quantity)
        if total > gross:
            price = money_of(one.total / one.quantity, self.currency)
            gross = line_total(price, quantity)
        off = gross - total
        return Line(
            number=place,
            name=one.name[:400],
            quantity=quantity,
            price=price,
            total=total,
            discount=off if off.minor > 0 else None,
            product_id=one.code,
            flags=SERVICE if one.is_service else frozenset(),
        )

    def _receipt(
        self,
        uid: str,
        lines: tuple[Line, ...],
        *,
        total: Money | None = None,
        coupons: tuple[str, ...] = (),
        at: datetime | None = None,
        number: str = "",
    ) -> Receipt:
        made = Money(sum(line.total.minor for line in lines), self.currency)
        whole = total if total is not None else made
        rest = whole - made
        return Receipt(
            uid=uid,
            kind=DocumentKind.SALE,
            lines=lines,
            total=whole,
            adjustment=rest or None,
            coupons=coupons,
            closed_at=at,
            number=number,
            channel=self.prefix,
        )
