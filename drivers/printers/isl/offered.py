"""What a decision did to an open receipt: how much is off, what the till's first payment becomes, what it believes.

The first payment bears the whole discount, so that what the till reckons is still due after it is what the device says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from drivers.vocabulary.inside import InsidePolicy, Untouched, WhatTillBelieves, payments_left, why_untouched
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import Tender, TenderKind

from .drafts import Draft
from .fields import Payment
from .frames import Frame

FOREIGN_CURRENCY: Final = "6"  # Datecs X: the sum is in another currency
_CHANGEABLE: Final = frozenset({TenderKind.CASH, TenderKind.CARD, TenderKind.OTHER})


@dataclass(slots=True, kw_only=True)
class Offered:
    """It belongs to the receipt, not to a connection of the till: a till that was cut off comes back to it.

    Attributes:
        uid: the name under which the receipt was asked about, "" when it was not.
        quoted: uid of the quote that was answered.
        total_minor: what that quote was about, without our discount.
        promised_minor: what it takes off.
        off_minor: what the device has taken off for us, in all.
        unsure_minor: what it was asked to take off beside, until something is heard of it.
        is_printed: our lines are on the paper.
        sent: letter and minor units of the till's first payment.
        last: the till's payment that was delivered last, until it sends something else.
        delivered: the bytes it was delivered as.
    """

    uid: str = ""
    quoted: str = ""
    total_minor: int = 0
    promised_minor: int = 0
    off_minor: int = 0
    unsure_minor: int = 0
    is_printed: bool = False
    sent: tuple[str, int] | None = None
    last: Frame | None = None
    delivered: bytes = b""

    def settle(self, draft: Draft, payment: Payment, due_minor: int) -> None:
        """The device answered a payment: what it says is still due tells whether it took the discount."""
        unsure, self.unsure_minor = self.unsure_minor, 0
        if not unsure:
            return
        if payment.amount is None:
            draft.complain("whether the device took our discount is not known: it did not say what it was paid")
        elif due_minor - draft.due_minor == -unsure:
            draft.adjustment_minor -= unsure
            self.off_minor += unsure

    def quote_of(self, draft: Draft) -> str:
        """Which quote this receipt is, "" for none any more: an item came on, the device took another sum off."""
        is_kept = (self.off_minor, draft.total_minor) == (self.promised_minor, self.total_minor - self.promised_minor)
        return self.quoted if is_kept or not self.off_minor else ""

    def believed(self, draft: Draft, tenders: dict[str, TenderKind]) -> WhatTillBelieves | None:
        """The till's side of a receipt that was paid; None when it is the device's side too, or nobody's quote."""
        if not self.off_minor or not self.quote_of(draft):
            return None
        paid = [*([self.sent] if self.sent is not None else draft.paid[:1]), *draft.paid[1:]]
        return WhatTillBelieves(
            total=Money(draft.total_minor + self.off_minor, draft.currency),
            tenders=tuple(
                Tender(kind=tender_kind(tenders, letter), amount=Money(minor, draft.currency), name=letter)
                for letter, minor in paid
            ),
            off_minor=self.off_minor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstPayment:
    """The till's first payment.

    Attributes:
        payment: as the till sends it.
        tenders: letter → what it is.
        total: of the receipt, without our discount.
    """

    payment: Payment
    tenders: dict[str, TenderKind]
    total: Money

    @property
    def kind(self) -> TenderKind:
        """What it is paid with."""
        return tender_kind(self.tenders, self.payment.letter)

    @property
    def minor(self) -> int:
        """What the till pays; all that it believes is due when it names no sum."""
        amount = self.payment.amount
        return self.total.minor if amount is None else Money.of(amount, self.total.currency).minor

    def why_untouched(self, policy: InsidePolicy, off: int) -> Untouched | None:
        """Why so much may not be taken off, or None when it may."""
        total, minor = self.total.minor, self.minor
        if self.kind not in _CHANGEABLE:
            return Untouched.STORED_VALUE
        overpaid = minor > total and self.kind is not TenderKind.CASH
        if self.payment.letter == FOREIGN_CURRENCY or overpaid or off >= min(total, minor):
            return Untouched.DEVICE
        tender = Tender(kind=self.kind, amount=self.total.with_minor(minor))
        return why_untouched(policy, (tender,), total_minor=total, off_minor=off)

    def left(self, off: int) -> int:
        """What it comes to with so much off, minor units; without a sum it stays "the rest"."""
        if self.payment.amount is None or self.kind not in _CHANGEABLE or not 0 < off < self.minor:
            return self.minor
        cash = 1 if self.kind is TenderKind.CASH else 0
        return payments_left({1: self.minor}, cash=cash, fixed=frozenset(), total=self.total.minor, off=off)[1]


def about_to_be_paid(draft: Draft, offered: Offered, payment: Payment) -> Draft:
    """A copy without our discount, paid as the till is about to pay; what it leaves is taken for the same tender."""
    copy = replace(
        draft,
        items=list(draft.items),
        adjustment_minor=draft.adjustment_minor + offered.off_minor,
        paid=[],
        problems=[],
    )
    copy.pay(payment.letter, None if payment.amount is None else copy.minor_of(payment.amount))
    if copy.due_minor > 0:
        copy.pay(payment.letter, None)
    return copy


def tender_kind(tenders: dict[str, TenderKind], letter: str) -> TenderKind:
    """What a payment of this letter is; none at all is cash with every maker."""
    return tenders.get(letter, TenderKind.OTHER) if letter else TenderKind.CASH
