"""Numbers of JSON tasks ↔ whole kopecks and exact quantities; no float is ever met; pure.

JSON tasks state money in whole units with a fraction (``45.5``). It is read digit by digit, rounded half up where a
till wrote more places than a kopeck has, and written again as a plain number.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from drivers.vocabulary.money import Quantity, divide_half_up

BODY_SIZE_MAX: Final = 1_048_576  # what the maker's own server takes
_DIGITS_MAX: Final = 24  # a price has seven; more is no number of a receipt
_MINOR_MAX: Final = 10**14
_MINOR_IN_WHOLE: Final = 100

_encoder: Final = msgspec.json.Encoder(decimal_format="number")


def read_json(body: bytes) -> Any:
    """JSON with exact numbers; raises ValueError for whatever is not JSON, also for too much of it."""
    if len(body) > BODY_SIZE_MAX:
        raise ValueError(f"a body of {len(body)} bytes is longer than {BODY_SIZE_MAX}")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("cp1251", "replace")  # an old till on Windows
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse)
    except (InvalidOperation, RecursionError) as error:
        raise ValueError(f"not JSON we read: {type(error).__name__}") from None


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def write_json(value: Any) -> bytes:
    """Compact UTF-8; Decimal as a plain number."""
    return _encoder.encode(value)


def minor_of(value: Any, what: str) -> int:
    """An amount of a task in minor units, halves away from zero; raises ValueError naming `what`."""
    number = _decimal(value, what)
    numerator, denominator = number.as_integer_ratio()
    minor = divide_half_up(numerator * _MINOR_IN_WHOLE, denominator)
    if abs(minor) > _MINOR_MAX:
        raise ValueError(f"{what}: {str(value)[:40]} is no amount of money")
    return minor


def amount_of(minor: int) -> Decimal | int:
    """Minor units as a number of a task: ``4550`` → ``45.5``; exact."""
    whole, rest = divmod(abs(minor), _MINOR_IN_WHOLE)
    sign = -1 if minor < 0 else 1
    return sign * whole if not rest else sign * Decimal(f"{whole}.{rest:02d}".rstrip("0"))


def quantity_of(value: Any, what: str) -> Quantity:
    """A quantity; what is finer than a millionth is rounded. Raises ValueError naming `what`."""
    number = _decimal(value, what)
    numerator, denominator = number.as_integer_ratio()
    return Quantity(divide_half_up(numerator * 10**Quantity.places, denominator))


def number_of(quantity: Quantity) -> Decimal | int:
    """A quantity as a number of a task."""
    return quantity.steps // 10**Quantity.places if quantity.is_whole else Decimal(str(quantity))


def whole_of(value: Any) -> int:
    """A whole number, also one written as text; 0 when it is none."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return value
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else 0


def text_of(value: Any) -> str:
    """Text of a field; "" for what is no text."""
    return value if isinstance(value, str) else ""


def _decimal(value: Any, what: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        raise ValueError(f"{what}: a number is due, not {type(value).__name__}")  # noqa: TRY004 - one error for a caller
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError):
        raise ValueError(f"{what}: {str(value)[:40]!r} is no number") from None
    if not number.is_finite() or len(number.as_tuple().digits) > _DIGITS_MAX or abs(number.adjusted()) > _DIGITS_MAX:
        raise ValueError(f"{what}: {str(value)[:40]!r} is no number of a receipt")
    return number
