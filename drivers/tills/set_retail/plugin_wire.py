"""What the plug-in on a Set Retail 10 till posts, and is answered; our own contract, so the plug-in has no arithmetic.

JSON in UTF-8; amounts and quantities are decimals of whole units, as numbers or as text. See README.md, the plug-in.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

__all__ = [
    "Closed",
    "Discount",
    "Feedback",
    "Payment",
    "Position",
    "Priced",
    "Receipt",
    "Rollback",
    "Search",
    "WireError",
    "WriteOff",
    "read",
    "write",
]

T = TypeVar("T", bound=Struct)

#: The message says which field is at fault.
WireError: Final = msgspec.ValidationError
Amount = Decimal
Uid = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Text = Annotated[str, Meta(max_length=400)]


class Search(Struct, frozen=True, kw_only=True):
    """``/search``: who is it.

    Attributes:
        number: of a card, or a phone.
        presented: it was read off a card or an app, not typed.
        uid: of the receipt that is open, "" for none yet.
    """

    number: Annotated[str, Meta(min_length=1, max_length=200)]
    presented: bool = False
    uid: str = ""


class Position(Struct, frozen=True, kw_only=True):
    """A position.

    Attributes:
        price: of one unit, before every discount.
        amount: what the till asks for the position; loyalty discounts are off it once the receipt is closed, points
            never are. None is price × quantity.
        minimum: the least price of one unit.
    """

    name: Text = ""
    code: Text = ""
    barcode: Text = ""
    price: Amount
    quantity: Amount
    amount: Amount | None = None
    minimum: Amount | None = None


class Receipt(Struct, frozen=True, kw_only=True):
    """The receipt so far.

    Attributes:
        uid: its permanent name: shop, cash, shift, number and day.
        at: when, with a zone; None is now.
    """

    uid: Uid
    positions: Annotated[tuple[Position, ...], Meta(min_length=1, max_length=2_000)]
    shop: Text = ""
    cash: Text = ""
    shift: int | None = None
    number: Text = ""
    cashier: Text = ""
    at: datetime | None = None
    coupons: Annotated[tuple[Text, ...], Meta(max_length=20)] = ()


class Priced(Struct, frozen=True, kw_only=True):
    """``/discount``: what is to be taken off, and how much points may pay.

    Attributes:
        points: money that points are to pay; they are kept, and the answer says what they take off each position.
    """

    receipt: Receipt
    customerId: str = ""  # noqa: N815 - the contract's own name
    points: Amount = Decimal(0)


class WriteOff(Struct, frozen=True, kw_only=True):
    """``/write-off``: points are to pay `amount` of the receipt, instead of what they were to pay before."""

    receipt: Receipt
    customerId: Annotated[str, Meta(min_length=1)]  # noqa: N815
    amount: Amount


class Rollback(Struct, frozen=True, kw_only=True):
    """``/rollback``: the receipt will not be; what was kept for it is free again."""

    txId: Annotated[str, Meta(min_length=1, max_length=80)]  # noqa: N815


class Payment(Struct, frozen=True, kw_only=True):
    """One payment in money; `typeClass` as in the purchases of the server."""

    typeClass: str  # noqa: N815
    amount: Amount


class Discount(Struct, frozen=True, kw_only=True):
    """What ``/discount`` took off a position, counted from 1; `kind` is "points" for what points paid."""

    position: int
    amount: Amount
    kind: str = ""


class Closed(Struct, frozen=True, kw_only=True):
    """``/fiscalized``: the receipt as it was printed.

    Attributes:
        isReturn: money went back; `base` then names the sale, "" when the till does not know it.
        discounts: what `positions` do not have off their amounts yet; those of points are among them.
        points: money that points paid and `discounts` does not name, in all.
    """

    receipt: Receipt
    customerId: str = ""  # noqa: N815
    card: Annotated[str, Meta(max_length=200)] = ""
    discounts: Annotated[tuple[Discount, ...], Meta(max_length=4_000)] = ()
    points: Amount = Decimal(0)
    payments: Annotated[tuple[Payment, ...], Meta(max_length=50)] = ()
    isReturn: bool = False  # noqa: N815
    base: str = ""


class Feedback(Struct, frozen=True, kw_only=True):
    """``/feedback``: closed receipts that the till had kept, oldest first; each is answered in its place."""

    payloads: Annotated[tuple[str, ...], Meta(max_length=200)]


def read(body: bytes, wanted: type[T]) -> T:
    """Decode; raises WireError, naming the field."""
    try:
        return msgspec.json.decode(body, type=wanted)
    except WireError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(str(error)) from None


def write(answer: dict[str, Any]) -> bytes:
    """Encode; decimals as numbers."""
    return _encoder.encode(answer)


_encoder: Final = msgspec.json.Encoder(decimal_format="number")
