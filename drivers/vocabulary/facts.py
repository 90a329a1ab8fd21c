"""What a till reports to the centre: the body of each kind of envelope."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from drivers.vocabulary.decision import Decision
from drivers.vocabulary.receipt import AwareTime, Receipt, ReceiptUid

__all__ = ["FACTS", "HoldReleased", "ReceiptConfirmed", "ReceiptRefunded", "ReceiptUnread"]


class _Fact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact; fields are only ever added, so an older reader skips what it does not know."""


class ReceiptConfirmed(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A sale is closed.

    Attributes:
        source: where it was read: "api", or "print:<device>".
        hold: id of the hold it captures, or "".
        difference_minor: paid less quoted, 0 when the till charged what the quote said.
    """

    receipt: Receipt
    decision: Decision
    claim_code: str
    source: str
    customer_id: str | None = None
    hold: str = ""
    difference_minor: int = 0


class ReceiptRefunded(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A return is closed; the points are what this till worked out, or nothing when the centre must settle it."""

    receipt: Receipt
    claim_code: str
    source: str
    customer_id: str | None = None
    base_uid: ReceiptUid | None = None
    points_given_back: dict[str, int] = {}
    points_taken_back: dict[str, int] = {}
    settled_by_centre: bool = False


class ReceiptUnread(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A document that looked like a receipt and did not add up; kept raw for a person, never guessed."""

    device: str
    raw: bytes
    problems: tuple[str, ...]
    printed_at: AwareTime


class HoldReleased(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A hold made at the centre is not needed any more."""

    receipt_uid: ReceiptUid
    hold: str


#: Envelope kind → type of its body.
FACTS: Final[dict[str, type[_Fact]]] = {
    "receipt.confirmed": ReceiptConfirmed,
    "receipt.refunded": ReceiptRefunded,
    "receipt.unread": ReceiptUnread,
    "hold.released": HoldReleased,
}
