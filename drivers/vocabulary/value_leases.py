"""Leases on things of value: a coupon of one use, or money of a gift certificate, in one till's hand.

The rules are those of leases on points (`drivers.vocabulary.leases`): what is under a lease can be used nowhere else
until the till has said that it is done with it; its end in time stops the till and frees nothing at the centre. A
lease never grows: a later word of the same id only ends later, so what was used under it is known by the id alone.

A till knows a certificate again by a slow salted hash of its code, and its PIN by another: the centre has neither.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.vocabulary.leases import HOLDS_MAX, Place
from drivers.vocabulary.receipt import AwareTime, ReceiptUid
from drivers.vocabulary.signed import Signature

__all__ = [
    "COUPONS_ASKED_MAX",
    "CUSTOMERS_MAX",
    "HELD_MAX",
    "VALUES_MAX",
    "VALUE_LEASE",
    "CertificateTerms",
    "CouponWanted",
    "CouponsGrant",
    "CouponsWanted",
    "HeldMoney",
    "SignedValueLease",
    "ValueAnswer",
    "ValueKind",
    "ValueLease",
    "ValueReport",
    "slow_hash",
    "slow_matches",
]

VALUE_LEASE: Final = b"tillpoint value lease 1"  # the purpose of the signature
VALUES_MAX: Final = 500  # of one till ahead: what the customers whom it saw last may bring
HELD_MAX: Final = 1_000  # in all, with what was leased while customers waited
CUSTOMERS_MAX: Final = 500  # as many as a till may want points of
COUPONS_ASKED_MAX: Final = 20  # a customer with more coupons for one purchase has been given too many

#: How codes and PINs are hashed (RFC 7914); some 50 ms each, so that a stolen till is slow to guess with.
_SCRYPT: Final = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}

ValueLeaseId = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[^/]+$")]
CustomerName = Annotated[str, Meta(min_length=1, max_length=64)]
Serial = Annotated[str, Meta(min_length=1, max_length=400)]


class ValueKind(Enum):
    """What is under a lease: COUPON is one use of a serial, CERTIFICATE is money under the centre's name for it."""

    COUPON = "coupon"
    CERTIFICATE = "certificate"


class CertificateTerms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a till must know of a certificate to take it without a line, as the centre would.

    Attributes:
        mask: the end of its code, to find it by.
        check: `slow_hash` of the bare code.
        pin: `slow_hash` of the PIN; "" for a certificate that has none.
        pin_tries: wrong PINs that are still allowed.
        burns: what a purchase leaves of it is lost; such a one is leased whole or not at all.
    """

    mask: Annotated[str, Meta(max_length=24)]
    check: Annotated[str, Meta(max_length=100)]
    currency: Annotated[str, Meta(min_length=3, max_length=3)]
    pin: Annotated[str, Meta(max_length=100)] = ""
    pin_tries: Annotated[int, Meta(ge=0)] = 0
    valid_from: AwareTime | None = None
    valid_until: AwareTime | None = None
    burns: bool = False


class ValueLease(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one till may use of one thing.

    Attributes:
        thing: the serial of a coupon, or the centre's name of a certificate.
        amount: 1 use of a coupon; minor units of money of a certificate.
        customer_id: whose it is, when that is known; "" otherwise.
        sequence: grows with each word of the same id.
        expires_at: by the centre's clock; from then on the till uses nothing under it without a line.
        terms: of a certificate.
    """

    id: ValueLeaseId
    till: str
    kind: ValueKind
    thing: Serial
    amount: Annotated[int, Meta(ge=1)]
    sequence: Annotated[int, Meta(ge=1)]
    granted_at: AwareTime
    expires_at: AwareTime
    customer_id: Annotated[str, Meta(max_length=64)] = ""
    terms: CertificateTerms | None = None


class SignedValueLease(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lease with the centre's signatures over its canonical JSON."""

    lease: ValueLease
    signatures: Annotated[tuple[Signature, ...], Meta(max_length=4)] = ()


class HeldMoney(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money of a certificate that the centre keeps for a receipt in progress, as the till knows of it."""

    receipt_uid: ReceiptUid
    certificate: Serial
    amount: Annotated[int, Meta(ge=1)]


class ValueReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/values``: the coupons and certificates in a till's hand, and whose it would like to have.

    Attributes:
        last: the last envelope there is; when all are at the centre, what is not `held` is not the till's any more.
        stamp: that of the last answer the till has kept; "" before the first. It tells a report that was long on its
            way from a new one, and what the till cannot know of yet from what it never heard of.
        is_whole: whether all it holds and knows of is named here.
        held: every lease the till still may use something under.
        holds: those on certificates of which it knows; another one whose time was over when the till last heard an
            answer never was.
        customers: whose coupons and certificates it would like to be able to take without a line.
        wants: which of both; the other is leased to it only while a customer waits.
    """

    last: Place
    stamp: Annotated[str, Meta(max_length=100)] = ""
    is_whole: bool = True
    held: Annotated[tuple[SignedValueLease, ...], Meta(max_length=HELD_MAX)] = ()
    holds: Annotated[tuple[HeldMoney, ...], Meta(max_length=HOLDS_MAX)] = ()
    customers: Annotated[tuple[CustomerName, ...], Meta(max_length=CUSTOMERS_MAX)] = ()
    wants: Annotated[tuple[ValueKind, ...], Meta(max_length=2)] = (ValueKind.COUPON, ValueKind.CERTIFICATE)


class ValueAnswer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the till has from now on.

    Attributes:
        leases: new ones, new words of old ones, and those whose answer was lost.
        recalled: ids the till is to give up: somebody shows the thing elsewhere, or it is good no more.
        stamp: shown again with the next report; what it means is the centre's own business.
        again: the till is to report once more, at once.
    """

    leases: tuple[SignedValueLease, ...]
    recalled: tuple[str, ...]
    server_time: AwareTime
    stamp: Annotated[str, Meta(max_length=100)] = ""
    again: bool = False


class CouponWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A coupon of one use that a receipt would use, by its serial, and which coupon of the programme it is."""

    serial: Serial
    coupon: Annotated[str, Meta(max_length=38)]


class CouponsWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/coupons``: lease these to the till at once, because a customer waits."""

    receipt_uid: ReceiptUid
    coupons: Annotated[tuple[CouponWanted, ...], Meta(min_length=1, max_length=COUPONS_ASKED_MAX)]


class CouponsGrant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the till has of them from now on.

    Attributes:
        leases: new ones; none is told a second time here, a lost answer is made good by the next report.
        refused: by serial, why there is none: "coupon_elsewhere" (another till holds it and was asked to give it up),
            "coupon_used", "coupon_withdrawn", "coupon_restoring" (not every till has said what it holds).
        leased: False from a server that leases no coupons: a coupon is used as far as the till knows.
    """

    server_time: AwareTime
    leases: tuple[SignedValueLease, ...] = ()
    refused: dict[str, str] = {}
    leased: bool = True


def slow_hash(text: str, salt: bytes) -> str:
    """`salt:digest` in hex of a text that is short enough to be guessed."""
    return f"{salt.hex()}:{hashlib.scrypt(text.encode(), salt=salt, **_SCRYPT).hex()}"


def slow_matches(text: str, kept: str) -> bool:
    """Whether this is the text whose `slow_hash` is kept; False for what is no hash."""
    salt, _, digest = kept.partition(":")
    try:
        made = slow_hash(text, bytes.fromhex(salt))
    except ValueError:
        return False
    return hmac.compare_digest(made.partition(":")[2], digest)
