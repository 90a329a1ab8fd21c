"""What a receipt task says: positions, payments and total in minor units; pure.

Prices and amounts of a position are after its discounts; ``infoDiscountAmount`` is what was taken off before, printed
for information. Payments are by name or by number; a task without payments is paid in cash, exactly.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from drivers.json_amounts import minor_of, quantity_of, text_of
from drivers.vocabulary.money import Quantity, divide_half_up
from drivers.vocabulary.receipt import TenderKind

from .tasks import Task

ITEMS_MAX: Final = 2_000
PAYMENTS_MAX: Final = 50
_GTIN_LENGTH: Final = 14
#: Names and numbers of the ways to pay. Numbers above 4 are the shop's own: nobody knows what they are.
TENDERS: Final = {
    "cash": TenderKind.CASH, "0": TenderKind.CASH,
    "electronically": TenderKind.CARD, "1": TenderKind.CARD,
    "prepaid": TenderKind.PREPAID, "2": TenderKind.PREPAID,
    "credit": TenderKind.CREDIT, "3": TenderKind.CREDIT,
    "other": TenderKind.OTHER, "4": TenderKind.OTHER,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One position.

    Attributes:
        place: its index in ``items``.
        price: of one unit, minor units, after discounts.
        amount: of the position, minor units, after discounts; what counts. Price × quantity where the task says none.
        off: minor units taken off before, for information; below 0 it is a surcharge.
        barcode: GTIN out of the marking code, or "".
        is_full: paid in full and now; False for an advance, a credit and the like.
    """

    place: int
    name: str
    quantity: Quantity
    price: int
    amount: int
    off: int
    barcode: str
    is_full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment; `place` is its index in ``payments``, -1 for the cash of a task that names none."""

    place: int
    kind: TenderKind
    name: str
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """A receipt task in numbers.

    Attributes:
        total: what is to be paid; the task's own word, else the sum of the positions.
        has_total: whether the task says it.
    """

    positions: tuple[Position, ...]
    payments: tuple[Payment, ...]
    total: int
    has_total: bool

    @property
    def amount(self) -> int:
        """Sum of the positions."""
        return sum(position.amount for position in self.positions)

    @property
    def paid(self) -> int:
        """Sum of the payments."""
        return sum(payment.minor for payment in self.payments)

    @property
    def change(self) -> int:
        """What is handed back."""
        return max(0, self.paid - self.total)


def read_sums(task: Task) -> Sums:
    """The numbers of a receipt task; raises ValueError that names what cannot be read."""
    positions = tuple(
        _position(place, item)
        for place, item in enumerate(_list(task, "items", ITEMS_MAX))
        if isinstance(item, dict) and item.get("type", "position") == "position"
    )
    if not positions:
        raise ValueError("the task has no position")
    has_total = task.get("total") is not None
    total = minor_of(task["total"], "total") if has_total else sum(position.amount for position in positions)
    payments = tuple(_payment(place, item) for place, item in enumerate(_list(task, "payments", PAYMENTS_MAX)))
    if not payments:
        payments = (Payment(place=-1, kind=TenderKind.CASH, name="cash", minor=total),)
    return Sums(positions=positions, payments=payments, total=total, has_total=has_total)


def _list(task: Task, key: str, size_max: int) -> list[Any]:
    found = task.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > size_max:
        raise ValueError(f"{key} is no list of at most {size_max}")
    return found


def _position(place: int, item: Task) -> Position:
    where = f"items[{place}]"
    price = minor_of(item.get("price"), f"{where}.price")
    quantity = quantity_of(item.get("quantity", 1), f"{where}.quantity")
    stated = item.get("amount")
    worth = divide_half_up(price * quantity.steps, 10**Quantity.places)
    amount = worth if stated is None else minor_of(stated, f"{where}.amount")
    off = item.get("infoDiscountAmount")
    if amount < 0 or price < 0 or quantity.steps <= 0:
        raise ValueError(f"{where}: price, quantity and amount must be above 0")
    return Position(
        place=place,
        name=text_of(item.get("name")),
        quantity=quantity,
        price=price,
        amount=amount,
        off=0 if off is None else minor_of(off, f"{where}.infoDiscountAmount"),
        barcode=_barcode(item),
        is_full=item.get("paymentMethod", "fullPayment") in ("fullPayment", "4", 4),
    )


def _payment(place: int, item: Any) -> Payment:
    where = f"payments[{place}]"
    if not isinstance(item, dict):
        raise ValueError(f"{where} is no payment")  # noqa: TRY004 - one error for a caller
    name = str(item.get("type", ""))[:40]
    minor = minor_of(item.get("sum"), f"{where}.sum")
    if minor < 0:
        raise ValueError(f"{where}.sum is below 0")
    return Payment(place=place, kind=TENDERS.get(name, TenderKind.OTHER), name=name, minor=minor)


def _barcode(item: Task) -> str:
    """GTIN of marked goods, as the 13 digits that stand under the bars."""
    code = item.get("nomenclatureCode")
    if isinstance(code, dict):
        return _gtin(str(code.get("gtin", "")))
    marks = item.get("imcParams"), item.get("markingCode")
    texts = [mark.get(key) for mark in marks if isinstance(mark, dict) for key in ("imc", "mark")]
    for text in texts:
        if isinstance(text, str):
            try:
                plain = base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                plain = text.encode("utf-8", "replace")
            if plain.startswith(b"01") and plain[2:16].isdigit():
                return _gtin(plain[2:16].decode("ascii"))
    return ""


def _gtin(digits: str) -> str:
    if not digits.isascii() or not digits.isdigit() or len(digits) > _GTIN_LENGTH:
        return ""
    return digits.zfill(_GTIN_LENGTH).removeprefix("0")
