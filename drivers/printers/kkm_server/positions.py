"""What a RegisterCheck says: positions, payments and total in minor units; pure.

``Amount`` of a position is after every discount and is what counts; ``Price`` is of one unit before it. The total is
the sum of the positions, and money above it is change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from drivers.json_amounts import minor_of, quantity_of, text_of
from drivers.vocabulary.money import Quantity, divide_half_up
from drivers.vocabulary.receipt import TenderKind

from .commands import Command

STRINGS_MAX: Final = 4_000  # of a receipt, texts among them
FULL_PAYMENT: Final = 4  # SignMethodCalculation, tag 1214
#: Where a payment stands and what it is; the last three are of servers before FFD 1.05.
TENDERS: Final = {
    "Cash": TenderKind.CASH,
    "ElectronicPayment": TenderKind.CARD,
    "AdvancePayment": TenderKind.PREPAID,
    "Credit": TenderKind.CREDIT,
    "CashProvision": TenderKind.OTHER,
    "CashLessType1": TenderKind.CARD,
    "CashLessType2": TenderKind.OTHER,
    "CashLessType3": TenderKind.OTHER,
}
_GTIN_LENGTH: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One position.

    Attributes:
        place: its index in ``CheckStrings``.
        price: of one unit, minor units, before discounts.
        amount: of the position, minor units, after discounts.
        is_full: paid in full and now; False for an advance, a credit and the like.
        is_marked: it has a marking code, so it cannot be made two.
    """

    place: int
    name: str
    quantity: Quantity
    price: int
    amount: int
    barcode: str
    is_full: bool
    is_marked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """A receipt in numbers; `payments` are minor units by their names, those of 0 left out."""

    positions: tuple[Position, ...]
    payments: dict[str, int]

    @property
    def total(self) -> int:
        """What is to be paid."""
        return sum(position.amount for position in self.positions)

    @property
    def paid(self) -> int:
        """Sum of the payments."""
        return sum(self.payments.values())


def read_sums(command: Command) -> Sums:
    """The numbers of a RegisterCheck; raises ValueError that names what cannot be read."""
    strings = command.get("CheckStrings")
    if not isinstance(strings, list) or len(strings) > STRINGS_MAX:
        raise ValueError(f"CheckStrings is no list of at most {STRINGS_MAX}")
    positions = tuple(
        _position(place, one["Register"])
        for place, one in enumerate(strings)
        if isinstance(one, dict) and isinstance(one.get("Register"), dict)
    )
    if not positions:
        raise ValueError("the receipt has no position")
    payments = {}
    for name in TENDERS:
        value = command.get(name)
        minor = 0 if value is None else minor_of(value, name)
        if minor < 0:
            raise ValueError(f"{name} is below 0")
        if minor:
            payments[name] = minor
    return Sums(positions=positions, payments=payments)


def _position(place: int, item: Command) -> Position:
    where = f"CheckStrings[{place}].Register"
    quantity = quantity_of(item.get("Quantity", 1), f"{where}.Quantity")
    stated, unit = item.get("Amount"), item.get("Price")
    if stated is None and unit is None:
        raise ValueError(f"{where}: neither Amount nor Price")
    if quantity.steps <= 0:
        raise ValueError(f"{where}.Quantity must be above 0")
    steps = 10**Quantity.places
    price = minor_of(unit, f"{where}.Price") if unit is not None else None
    amount = minor_of(stated, f"{where}.Amount") if stated is not None else None
    if amount is None:
        amount = divide_half_up((price or 0) * quantity.steps, steps)
    if price is None:
        price = divide_half_up(amount * steps, quantity.steps)
    if price < 0 or amount < 0:
        raise ValueError(f"{where}: price and amount must not be below 0")
    marked = item.get("GoodCodeData")
    return Position(
        place=place,
        name=text_of(item.get("Name")),
        quantity=quantity,
        price=price,
        amount=amount,
        barcode=_barcode(item, marked),
        is_full=item.get("SignMethodCalculation", FULL_PAYMENT) in (FULL_PAYMENT, str(FULL_PAYMENT), None),
        is_marked=isinstance(marked, dict) and bool(marked.get("BarCode")),
    )


def _barcode(item: Command, marked: Any) -> str:
    """EAN13 as stated, else the GTIN of the marking code as the 13 digits that stand under the bars."""
    said = text_of(item.get("EAN13")).strip()
    if said.isascii() and said.isdigit() and len(said) <= _GTIN_LENGTH:
        return said
    code = text_of(marked.get("BarCode")) if isinstance(marked, dict) else ""
    digits = code[2 : 2 + _GTIN_LENGTH]
    if code.startswith("01") and len(digits) == _GTIN_LENGTH and digits.isascii() and digits.isdigit():
        return digits.removeprefix("0")
    return ""
