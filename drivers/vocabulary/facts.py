"""What a till reports to the centre: the body of each kind of envelope."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from drivers.vocabulary.decision import Decision
from drivers.vocabulary.inside import WhatTillBelieves
from drivers.vocabulary.joining import CONSENTS_MAX, Consent, Purpose
from drivers.vocabulary.receipt import AwareTime, Receipt, ReceiptUid
from drivers.vocabulary.sealing import Sealed

__all__ = [
    "FACTS",
    "LEASES_CLOSED_MAX",
    "CardReissued",
    "CertificatePinWrong",
    "ConsentWithdrawn",
    "CustomerEnrolled",
    "DuplicateSeen",
    "HoldReleased",
    "LeasesClosed",
    "LimitMet",
    "ProgrammeRefused",
    "ReceiptAttached",
    "ReceiptConfirmed",
    "ReceiptRefunded",
    "ReceiptUnread",
]

LEASES_CLOSED_MAX: Final = 500  # of one envelope


class _Fact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact; fields are only ever added, so an older reader skips what it does not know."""


class ReceiptConfirmed(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A sale is closed.

    Attributes:
        source: where it was read: "api", or "print:<device>".
        hold: id of the hold it captures, or "".
        difference_minor: paid less quoted, 0 when the till charged what the quote said.
        leases: points spent under each lease, by its id.
        values: used under each lease on a coupon (1) or a certificate (minor units), by its id.
        kept_until: until when the till keeps the points it has given here for its own spending; None is not at all.
        believed: what the till takes the receipt for, when the discount was taken off in the register behind its back.
    """

    receipt: Receipt
    decision: Decision
    claim_code: str
    source: str
    customer_id: str | None = None
    hold: str = ""
    difference_minor: int = 0
    leases: dict[str, int] = {}
    values: dict[str, int] = {}
    kept_until: AwareTime | None = None
    believed: WhatTillBelieves | None = None


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


class ReceiptAttached(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A closed receipt of nobody became a customer's: it earns late, and once.

    Attributes:
        decision: the sale's, with what it earns now in place of what nobody could have earned.
        source: where the sale was read, as in `ReceiptConfirmed`.
    """

    receipt: Receipt
    decision: Decision
    claim_code: str
    source: str
    customer_id: Annotated[str, Meta(min_length=1, max_length=64)]


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


class LeasesClosed(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """The till spends nothing more under these leases; all it spent under them came before."""

    leases: Annotated[tuple[str, ...], Meta(max_length=LEASES_CLOSED_MAX)]


class CertificatePinWrong(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """Without a line, a wrong PIN was told for the certificate under this lease; it counts like one told on line."""

    lease: Annotated[str, Meta(min_length=1, max_length=200)]


class CustomerEnrolled(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A person became a customer at this till. Who it is can be read by the centre alone.

    Attributes:
        customer_id: the name this till gave; receipts carry it from this moment on. The centre keeps it, or says that
            it is another name of a customer it knew.
        alias: keyed hash of the phone under the key the till held.
        contact: a `joining.Contact`, sealed to the centre's key in the context of till, customer and alias.
        phone_mask: what a cashier may read of the phone.
    """

    customer_id: Annotated[str, Meta(min_length=1, max_length=64)]
    alias: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
    contact: Sealed
    consents: Annotated[tuple[Consent, ...], Meta(min_length=1, max_length=CONSENTS_MAX)]
    enrolled_at: AwareTime
    phone_mask: Annotated[str, Meta(max_length=24)] = ""
    cashier: Annotated[str, Meta(max_length=80)] = ""


CustomerId = Annotated[str, Meta(min_length=1, max_length=64)]


class LimitMet(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A receipt was closed with a customer who met a limit against misuse; it works at the till, without a line.

    Attributes:
        limit: which one: "card_hour", "card_day", "cashier_share", "till_typed", "cashier_typed".
        count: what was counted, the receipt itself included.
        level: "soft": the cashier was asked why; "hard": a supervisor was asked for.
        answer: the reason the cashier gave, "" for none.
        supervisor: one answered for it; a hard limit without one made the receipt nobody's.
    """

    customer_id: CustomerId
    receipt_uid: ReceiptUid
    limit: Annotated[str, Meta(pattern=r"^[a-z_]{1,32}$")]
    count: Annotated[int, Meta(ge=0, le=1_000_000)]
    level: Literal["soft", "hard"]
    answer: Annotated[str, Meta(max_length=40)] = ""
    supervisor: bool = False
    cashier: Annotated[str, Meta(max_length=80)] = ""


class DuplicateSeen(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """At the till one person turned out to be two customers; the till merges nothing."""

    customer_id: CustomerId
    other_id: CustomerId


class ConsentWithdrawn(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A customer takes consents back; without "loyalty" they wish to be forgotten.

    Attributes:
        number: what was printed for the customer.
    """

    customer_id: CustomerId
    purposes: Annotated[tuple[Purpose, ...], Meta(min_length=1, max_length=CONSENTS_MAX)]
    number: Annotated[str, Meta(min_length=1, max_length=16)]
    at: AwareTime
    cashier: Annotated[str, Meta(max_length=80)] = ""


class CardReissued(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """A customer has a new card; every card before it is blocked.

    Attributes:
        alias: keyed hash of the new card under the key the till held.
        card: a `joining.CardContact`, sealed to the centre's key in the context of till, customer and alias.
    """

    customer_id: CustomerId
    alias: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
    card: Sealed


class ProgrammeRefused(_Fact, frozen=True, kw_only=True, omit_defaults=True):
    """This till did not take a programme it was sent; `in_force` goes on (0 for none).

    `version` is what the refused one says of itself, 0 when that cannot be read; `reason` is a sentence.
    """

    version: int
    in_force: int
    reason: str


#: Envelope kind → type of its body.
FACTS: Final[dict[str, type[_Fact]]] = {
    "receipt.confirmed": ReceiptConfirmed,
    "receipt.refunded": ReceiptRefunded,
    "receipt.attached": ReceiptAttached,
    "receipt.unread": ReceiptUnread,
    "hold.released": HoldReleased,
    "leases.closed": LeasesClosed,
    "certificate.pin_wrong": CertificatePinWrong,
    "programme.refused": ProgrammeRefused,
    "customer.enrolled": CustomerEnrolled,
    "customer.duplicate": DuplicateSeen,
    "limit.met": LimitMet,
    "consent.withdrawn": ConsentWithdrawn,
    "card.reissued": CardReissued,
}
