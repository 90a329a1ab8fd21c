"""What a decision did to a receipt that is open: how much is off, as the till was about to pay it, what it believes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from drivers.vocabulary.inside import WhatTillBelieves
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import Tender, TenderKind

from .drafts import Draft
from .fields import Payment
from .frames import Frame


@dataclass(slots=True, kw_only=True)
class Offered:
    """It belongs to the receipt, not to a connection of the till: a till that was cut off comes back to it.

    Attributes:
        uid: the name under which the receipt was asked about, "" when it was not.
        quoted: uid of the quote that was answered.
        off_minor: what the device has taken off for us, in all.
        unsure_minor: what it may have taken off beside, when nothing was heard of it.
        is_printed: our lines are on the paper.
        sent: letter and minor units of the till's first payment.
        last: the till's payment that was delivered last, until it sends something else.
        delivered: the bytes it was delivered as.
    """

    uid: str = ""
    quoted: str = ""
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

    def believed(self, draft: Draft, tenders: dict[str, TenderKind]) -> WhatTillBelieves | None:
        """The till's side of a receipt that was paid; None when it is the device's side too."""
        if not self.off_minor:
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
