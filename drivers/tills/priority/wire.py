"""The messages of the Priority API and their signature: bytes to values and back, no I/O.

A POS sends ``POST {base}/document``, ``{base}/client`` and ``{base}/extra/client`` with JSON in UTF-8, signed by
``Authorization: FrontolAuth <md5(access key + raw body)>``. Every answer carries `code`, 0 for good, and `error`. The
maker's document is not public; the fields are those of three public servers that work with Frontol 6. Fields that are
not used here are not read, so that a newer POS is understood.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

__all__ = [
    "Cashier",
    "Client",
    "ClientRequest",
    "DocumentRequest",
    "FormRequest",
    "Payment",
    "Position",
    "Value",
    "WireError",
    "decode",
    "encode",
    "is_signed",
    "plain_uid",
    "signature",
    "text_block",
]

T = TypeVar("T", bound=Struct)

#: What decode() raises: the message names the field at fault.
WireError = msgspec.ValidationError

POSITIONS_MAX: Final = 2_000
SCHEME: Final = "frontolauth"
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")

Amount = Annotated[Decimal, Meta()]
Text = str | int | None


class _Part(Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of a request; names are camel case on the wire."""


class Cashier(_Part, frozen=True, kw_only=True):
    """Who sells."""

    code: Text = None
    name: str | None = None
    text: str | None = None


class Client(_Part, frozen=True, kw_only=True):
    """Whom the cashier named: a phone as typed or a card as read; the other one is not there."""

    mobile_phone: str | None = None
    card: Text = None
    validation_code: Text = None


class Position(_Part, frozen=True, kw_only=True):
    """One line. Amounts are in whole units with 2 decimal places, quantities with 3.

    Attributes:
        total_amount: of the line; whether a discount is off it already differs between versions, see `receipts`.
        discarded_amount: taken off `total_amount`, or thrown away by rounding.
        reference_index: on a return, the line of the sale.
    """

    index: Annotated[int, Meta(ge=1)]
    id: str | int = ""
    text: str = ""
    price: Amount
    minimum_price: Amount | None = None
    quantity: Amount
    total_amount: Amount
    discarded_amount: Amount | None = None
    coupons: list[str] | None = None
    reference_index: int | None = None


class Payment(_Part, frozen=True, kw_only=True):
    """One payment: `type` is bonus, cash, creditCard or other; a `mode` nonFiscal is not on the fiscal receipt."""

    type: str = "bonus"
    mode: str = "fiscal"
    amount: Amount


class _Request(_Part, frozen=True, kw_only=True):
    """What every request carries.

    Attributes:
        date_time: ISO 8601, mostly with an offset.
    """

    action: str = ""
    date_time: str = ""
    organization: Text = None
    business_unit: Text = None
    work_place: Text = None
    cashier: Cashier | None = None
    client: Client | None = None


class DocumentRequest(_Request, frozen=True, kw_only=True):
    """``/document``: `action` calculate, payByBonus, cancelBonusPayment or confirm; `type` receipt or refundReceipt."""

    type: str = "receipt"
    uid: str | None = None
    number: Text = None
    shift: int | None = None
    reference_uid: str | None = None
    coupons: list[str] | None = None
    positions: Annotated[list[Position], Meta(max_length=POSITIONS_MAX)] | None = None
    payment: Payment | None = None
    payments: list[Payment] | None = None
    discarded_amount: Amount | None = None


class ClientRequest(_Request, frozen=True, kw_only=True):
    """``/client``: what is known of a client."""


class Value(_Part, frozen=True, kw_only=True):
    """What was typed into one field of a form."""

    name: str
    value: Text = None


class FormRequest(_Request, frozen=True, kw_only=True):
    """``/extra/client``: `action` describe, check or execute."""

    values: list[Value] | None = None


def signature(key: str, body: bytes) -> str:
    """The value of the Authorization header for this body."""
    return f"FrontolAuth {_digest(key, body)}"


def is_signed(header: str, key: str, body: bytes) -> bool:
    """Whether the header is the signature of these very bytes; takes the same time for every wrong one."""
    scheme, _, digest = header.strip().partition(" ")
    given = digest.strip().lower().encode("utf-8", "replace")
    return scheme.lower() == SCHEME and hmac.compare_digest(given, _digest(key, body).encode())


def _digest(key: str, body: bytes) -> str:
    return hashlib.md5(key.encode() + body, usedforsecurity=False).hexdigest()


def decode(body: bytes, wanted: type[T]) -> T:
    """Read a body; raises WireError, also for what is no JSON or not in UTF-8."""
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=wanted)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"this is not JSON in UTF-8: {error}") from None


def encode(answer: Mapping[str, Any]) -> bytes:
    """An answer's or a request's bytes; a Decimal is written as it is."""
    return _ENCODER.encode(answer)


def plain_uid(uid: str) -> str:
    """A uid as it is kept: Frontol writes ``{5A18…}``, and elsewhere ``5a18…``."""
    return uid.strip().removeprefix("{").removesuffix("}").lower()


def text_block(lines: Sequence[str]) -> list[dict[str, str]]:
    """One slip: a line of text each; an empty line is a line break of the printer's."""
    return [{"type": "text", "text": line} if line.strip() else {"type": "br"} for line in lines]
