"""The receipt: lines, tenders and their arithmetic; a value that exists adds up."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.vocabulary.money import Money, Percent, Quantity, line_total

__all__ = ["AwareTime", "DocumentKind", "Line", "LineFlag", "Receipt", "ReceiptUid", "Tender", "TenderKind"]

LINES_MAX = (
    2_000  # the longest fiscal receipts known carry a few hundred lines; a limit keeps a bad file from filling memory
)

AwareTime = Annotated[datetime, Meta(tz=True)]
ReceiptUid = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._:{}-]+$")]
Name = Annotated[str, Meta(max_length=400)]


class DocumentKind(Enum):
    """What a document on the printer is; only SALE and RETURN have a loyalty effect."""

    SALE = "sale"
    RETURN = "return"
    VOID = "void"
    REPORT = "report"
    KITCHEN = "kitchen"
    COPY = "copy"
    OTHER = "other"


class TenderKind(Enum):
    """How it was paid. POINTS and CERTIFICATE are stored value; PREPAID and CREDIT are the fiscal advance and loan."""

    CASH = "cash"
    CARD = "card"
    POINTS = "points"
    CERTIFICATE = "certificate"
    PREPAID = "prepaid"
    CREDIT = "credit"
    OTHER = "other"


class LineFlag(Enum):
    """What may not be done with a line, or what it is."""

    NO_DISCOUNT = "no_discount"
    NO_REDEMPTION = "no_redemption"
    NO_EARNING = "no_earning"
    ALREADY_DISCOUNTED = "already_discounted"
    ALCOHOL = "alcohol"
    TOBACCO = "tobacco"
    GIFT_CERTIFICATE = "gift_certificate"
    MEMBERSHIP = "membership"

    def __lt__(self, other: LineFlag) -> bool:
        """By the word: the canonical form writes a set in order, and cannot without one."""
        return self.value < other.value


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One position of a receipt.

    Attributes:
        number: place on the receipt, from 1.
        price: price of one unit (or one kilogram) before any discount.
        discount: everything taken off this line so far, never negative; before a quote it is the POS's own discount.
        total: what the customer owes for the line: quantity × price - discount, give or take 1 minor unit of rounding.
        price_floor: the least price of one unit (spirits have one by law).
        discount_max: the largest share of quantity × price that may be taken off.
    """

    number: Annotated[int, Meta(ge=1, le=LINES_MAX)]
    name: Name
    quantity: Quantity
    price: Money
    total: Money
    discount: Money | None = None
    product_id: Name = ""
    barcode: Name = ""
    categories: tuple[Name, ...] = ()
    brand: Name = ""
    price_floor: Money | None = None
    discount_max: Percent | None = None
    flags: frozenset[LineFlag] = frozenset()

    def __post_init__(self) -> None:
        if self.quantity.steps <= 0:
            raise ValueError(f"line {self.number}: quantity must be above 0, not {self.quantity}")
        if self.price.minor < 0 or self.total.minor < 0:
            raise ValueError(f"line {self.number}: price and total cannot be negative")
        discount = self.discount.minor if self.discount is not None else 0
        if discount < 0:
            raise ValueError(f"line {self.number}: discount cannot be negative")
        gross = line_total(self.price, self.quantity)
        if (self.discount or self.total).currency != self.price.currency or self.total.currency != self.price.currency:
            raise ValueError(f"line {self.number}: one currency only")
        # ±1 minor unit between quantity × price and the stated sum is legal on a fiscal document.
        if abs(gross.minor - discount - self.total.minor) > 1:
            raise ValueError(f"line {self.number}: {self.quantity} x {self.price} - {discount} is not {self.total}")

    @property
    def gross(self) -> Money:
        """What the line costs before any discount: total + discount."""
        return self.total if self.discount is None else self.total + self.discount


class Tender(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One way the receipt was paid; the amount is what was handed over, before change."""

    kind: TenderKind
    amount: Money
    name: Name = ""

    def __post_init__(self) -> None:
        if self.amount.minor < 0:
            raise ValueError(f"tender {self.kind.value}: amount cannot be negative")


class Receipt(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One sale or return, as the till states it.

    Attributes:
        uid: permanent name of this receipt; repeating it never has a second effect.
        total: sum of the line totals plus `adjustment`; always positive, also on a return.
        adjustment: what the till took off (negative) or put on (positive) the whole receipt, its rounding included.
        change: money handed back; the tenders less the change make the total.
        base_uid: on a return, the uid of the sale it takes back, when it is known.
        channel: how it was sold, in the shop's own words ("till", "kiosk", "delivery"), or "".
    """

    uid: ReceiptUid
    kind: DocumentKind
    total: Money
    lines: Annotated[tuple[Line, ...], Meta(max_length=LINES_MAX)]
    tenders: Annotated[tuple[Tender, ...], Meta(max_length=50)] = ()
    change: Money | None = None
    adjustment: Money | None = None
    closed_at: AwareTime | None = None
    shop: Name = ""
    till: Name = ""
    cashier: Name = ""
    shift: int | None = None
    number: Name = ""
    base_uid: ReceiptUid | None = None
    coupons: Annotated[tuple[Name, ...], Meta(max_length=20)] = ()
    channel: Name = ""

    def __post_init__(self) -> None:
        currency = self.total.currency
        if self.total.minor < 0:
            raise ValueError("total cannot be negative; a return states what is given back as a positive sum")
        amounts = [line.total for line in self.lines] + [tender.amount for tender in self.tenders]
        amounts += [money for money in (self.change, self.adjustment) if money is not None]
        if any(money.currency != currency for money in amounts):
            raise ValueError(f"one currency only: the total is in {currency}")
        if [line.number for line in self.lines] != list(range(1, len(self.lines) + 1)):
            raise ValueError("lines must be numbered 1, 2, 3 …")
        adjustment = self.adjustment.minor if self.adjustment is not None else 0
        lines_minor = sum(line.total.minor for line in self.lines)
        if lines_minor + adjustment != self.total.minor:
            raise ValueError(
                f"lines make {self.total.with_minor(lines_minor + adjustment)}, the total says {self.total}",
            )
        if self.tenders:
            change = self.change.minor if self.change is not None else 0
            paid_minor = sum(tender.amount.minor for tender in self.tenders) - change
            if paid_minor != self.total.minor:
                raise ValueError(
                    f"tenders less change make {self.total.with_minor(paid_minor)}, the total says {self.total}",
                )

    @property
    def currency(self) -> str:
        """The one currency of this receipt."""
        return self.total.currency
