"""The messages of the kilbil till API: what ``POST /load/<function>?h=<key>`` carries and is answered with.

Source: docs.kilbil.ru and help.kilbil.ru as of 2026, and public clients. Numbers come as numbers or as text; lists of
goods come as lists or as text with JSON in it, as two generations of clients send them.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

__all__ = [
    "AddClient",
    "ByClient",
    "Goods",
    "ProcessSale",
    "SearchClient",
    "WireError",
    "goods_of",
    "read",
    "write",
]

T = TypeVar("T", bound=Struct)

#: The message says which field is at fault.
WireError: Final = msgspec.ValidationError
GOODS_MAX: Final = 2_000

Amount = Decimal


class Goods(Struct, frozen=True, kw_only=True):
    """A position; prices are before, `discounted_…` after what the client knows of discounts.

    Attributes:
        minPrice: the least price of one unit; 0 is none.
    """

    code: str | int
    name: str = ""
    price: Amount
    quantity: Amount
    total: Amount | None = None
    discounted_price: Amount | None = None
    discounted_total: Amount | None = None
    minPrice: Amount | None = None  # noqa: N815 - the protocol's own name


class SearchClient(Struct, frozen=True, kw_only=True):
    """``searchclient``: who is it, and what would these goods cost.

    Attributes:
        search_mode: 0 phone, 1 internal card number, 2 card number, 3 client id.
    """

    search_mode: int | str = 0
    search_value: str | int
    goods_data: list[Goods] | str = ""
    promo_codes: list[str] | str = ""


class ProcessSale(Struct, frozen=True, kw_only=True):
    """``processsale``: a sale or a return.

    Attributes:
        type: 0 sale, 1 return.
        move_id: names the operation; the same one twice is one operation.
        mode: 0 everything, 1 discounts and spending before payment, 2 what is earned, after it.
        bill_data_in: what the last answer gave as ``_bill_data``.
    """

    client_id: str | int = ""
    type: int | str = 0
    bonus_out: int | float | str = ""
    move_id: str | int
    goods_data: list[Goods] | str
    mode: int | str = 0
    bill_data_in: Any = ""
    promo_codes: list[str] | str = ""


class AddClient(Struct, frozen=True, kw_only=True):
    """``addclient``: somebody joins; `phone` is the one thing needed."""

    phone: str | int
    first_name: str = ""
    last_name: str = ""
    middle_name: str = ""


class ByClient(Struct, frozen=True, kw_only=True):
    """A function that only names the client."""

    client_id: str | int


def read(body: bytes, wanted: type[T]) -> T:
    """A request's body; raises WireError naming the field, also for what is no JSON or no UTF-8."""
    try:
        return msgspec.json.decode(body, type=wanted)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not JSON in UTF-8: {error}") from None


def goods_of(given: list[Goods] | str) -> list[Goods]:
    """The positions, also out of text with JSON in it; raises WireError."""
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given.encode(), type=list[Goods]) if given.strip() else []
        except msgspec.DecodeError as error:
            raise WireError(f"goods_data: {error}") from None
    if len(given) > GOODS_MAX:
        raise WireError(f"goods_data has {len(given)} positions; a receipt has at most {GOODS_MAX}")
    return given


def write(answer: dict[str, Any]) -> bytes:
    """An answer's body; amounts are numbers, written exactly."""

    def number(value: Any) -> Any:
        if isinstance(value, Decimal):
            return int(value) if value == value.to_integral_value() else float(value)
        raise TypeError(type(value).__name__)

    return json.dumps(answer, ensure_ascii=False, default=number).encode()
