"""The customer as a till may know one: a masked name, lots of points, a tier; never a phone number."""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import AwareTime

__all__ = [
    "CertificateFact",
    "CounterFact",
    "CouponFact",
    "Customer",
    "Identifier",
    "IdentifierKind",
    "OfferFact",
    "PointsLot",
    "PointsUnit",
    "coupon_key",
    "keyed_hash",
]

#: Name of a currency of points, as the programme declares it ("bonus", "mile", "stamp").
PointsUnit = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[a-z][a-z0-9_]*$")]


COUPON_KEY_MAX: Final = 100  # keys of documents have at most 128 characters


class IdentifierKind(Enum):
    """What kind of code names the customer."""

    PHONE = "phone"
    CARD = "card"


class Identifier(Struct, frozen=True, kw_only=True):
    """A customer's phone or card in its one normal form; lives in memory only and is never written or logged.

    Attributes:
        value: E.164 (``+79000000001``) for a phone, the bare number for a card.
        presented: True when the thing itself was at the till (card or app code scanned), False when digits were typed.
    """

    kind: IdentifierKind
    value: str
    presented: bool = False

    @property
    def normal_form(self) -> bytes:
        """The bytes whose keyed hash finds the customer; kinds never collide."""
        return f"{self.kind.value}:{self.value}".encode()

    @property
    def mask(self) -> str:
        """What may be shown: the first four and last two of a phone, the last four of a card."""
        if self.kind is IdentifierKind.PHONE:
            return f"{self.value[:5]}***{self.value[-2:]}"
        return f"****{self.value[-4:]}"

    def __repr__(self) -> str:
        return f"Identifier({self.kind.value} {self.mask})"


def keyed_hash(key: bytes, identifier: Identifier) -> str:
    """How a customer is found without writing down who it is: 16 bytes of HMAC-SHA-256 under the tenant's key, in hex.

    A replica row is named by it on the till, an alias at the centre; the key comes with enrolment.
    """
    return hmac.digest(key, identifier.normal_form, hashlib.sha256)[:16].hex()


def coupon_key(serial: str) -> str:
    """The key of a coupon's document: its serial, or a hash of one that is too long for a key."""
    return serial if len(serial) <= COUPON_KEY_MAX else f"sha256:{hashlib.sha256(serial.encode()).hexdigest()}"


class PointsLot(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Points that came together and expire together.

    Attributes:
        id: permanent name; a lot earned by a receipt is named after the receipt, so till and centre agree.
        amount: what is left, in whole minor units of the points currency.
        active_from: not spendable before; None is from the start.
        expires_at: not spendable from this moment on; None is never.
    """

    id: Annotated[str, Meta(min_length=1, max_length=120)]
    unit: PointsUnit
    amount: int
    active_from: AwareTime | None = None
    expires_at: AwareTime | None = None


class CouponFact(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One coupon as it is known: held by a customer, or read from a code whose signature was checked.

    Attributes:
        code: its serial; uses are counted under it.
        coupon: which coupon of the programme it is.
        valid_from: not before; None is from the start.
        valid_until: over from this moment on; None is as the programme says.
        uses: how often it may be used; None is as the programme says.
        used: how often it is known to have been used, last at `used_at`.
        refused: why whoever checked it would not have it ("coupon_forged", "coupon_unreadable" …), or "".
    """

    code: Annotated[str, Meta(max_length=400)]
    coupon: Annotated[str, Meta(max_length=38)] = ""
    valid_from: AwareTime | None = None
    valid_until: AwareTime | None = None
    uses: Annotated[int, Meta(ge=0)] | None = None
    used: Annotated[int, Meta(ge=0)] = 0
    used_at: AwareTime | None = None
    refused: Annotated[str, Meta(max_length=40)] = ""


class CertificateFact(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A gift certificate as whoever keeps its balance says.

    Attributes:
        balance: what it still pays.
        valid_until: over from this moment on; None is never.
        burns: True when what a purchase leaves of it is lost.
    """

    code: Annotated[str, Meta(min_length=1, max_length=400)]
    balance: Money
    valid_from: AwareTime | None = None
    valid_until: AwareTime | None = None
    burns: bool = False


class CounterFact(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a customer has gathered in one counter of the programme: money, discount or uses of a period.

    Attributes:
        value: minor units of money, or a count.
        until: the period is over from this moment on, and the counter starts from 0; None is never.
    """

    value: int
    until: AwareTime | None = None


class OfferFact(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A personal offer: the centre chooses goods for one customer, the programme says what they bring.

    Attributes:
        offer: the offer of the programme whose rules act.
        title: for the screen and the slip.
        products: product ids or barcodes it is for; none is all goods that the rules select.
        priority: the higher is shown first.
        valid_until: over from this moment on; None is never.
    """

    offer: Annotated[str, Meta(min_length=1, max_length=38)]
    title: Annotated[str, Meta(max_length=40)] = ""
    products: tuple[Annotated[str, Meta(min_length=1, max_length=400)], ...] = ()
    priority: int = 0
    valid_from: AwareTime | None = None
    valid_until: AwareTime | None = None


class Customer(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the centre tells a till about one customer.

    Attributes:
        id: the centre's opaque name of the customer.
        name: masked for the screen ("Anna P."), or "".
        phone: masked for the screen ("+7900***01"), or "".
        spent: money spent so far that counts towards tiers.
        lots: points in lots, in no particular order.
        deficits: points owed per unit (spent beyond what there was); carried, never blocking a sale.
        birthday: month and day ("02-29"), or "" when it is not known; never shown.
        purchases: how many purchases there were before this one; None is not known.
        membership_until: a paid membership is over from this moment on; None is no membership.
        staff: works for the shop.
        coupons: held by the customer.
        counters: what was gathered so far, by the programme's counters.
        offers: personal ones.
        referrer: id of the customer who brought this one, or "".
        members: how many people use this account, a family's with several.
    """

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Annotated[str, Meta(max_length=80)] = ""
    phone: Annotated[str, Meta(max_length=24)] = ""
    tier: Annotated[str, Meta(max_length=40)] = ""
    spent: Money | None = None
    blocked: bool = False
    segments: frozenset[str] = frozenset()
    lots: tuple[PointsLot, ...] = ()
    deficits: dict[str, int] = {}
    birthday: Annotated[str, Meta(pattern=r"^((0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))?$")] = ""
    purchases: Annotated[int, Meta(ge=0)] | None = None
    membership_until: AwareTime | None = None
    staff: bool = False
    coupons: tuple[CouponFact, ...] = ()
    counters: dict[str, CounterFact] = {}
    offers: tuple[OfferFact, ...] = ()
    referrer: Annotated[str, Meta(max_length=64)] = ""
    members: Annotated[int, Meta(ge=1, le=99)] = 1
