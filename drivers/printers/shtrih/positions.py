"""Requests of a till that sell, as positions; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.money import divide_half_up

from .commands import COMPUTE
from .layout import CODEC, Value

#: The older words, and the operation (FFD 1054) each stands for.
CLASSIC: Final = {"sale": 1, "sale_return": 2, "purchase": 3, "purchase_return": 4}
#: Every request that sells; the first one opens a receipt when none is open.
SELLS: Final = frozenset({*CLASSIC, "item_v2", "item_discounts"})


@dataclass(slots=True)
class Position:
    """One position; `steps` are millionths, `price` and `total` kopecks, `total` after its own discount.

    `taxes` are the groups of the older words, () with the newer ones.
    """

    name: str
    steps: int
    price: int
    total: int
    taxes: tuple[int, ...] = ()


def read_position(name: str, values: dict[str, Value]) -> tuple[int, Position]:
    """Operation and position of one of `SELLS`."""
    if name in CLASSIC:
        position = _classic(values)
        position.taxes = tuple(number(values, f"tax{place}") for place in range(1, 5))
        return CLASSIC[name], position
    position = _item_v2(values) if name == "item_v2" else _discounted(values)
    return number(values, "type"), position


def number(values: dict[str, Value], name: str) -> int:
    """A number of a request; 0 when it has none."""
    value = values.get(name, 0)
    return value if isinstance(value, int) else 0


def _text(values: dict[str, Value], name: str) -> str:
    value = values.get(name, b"")
    return value.split(b"\0", 1)[0].decode(CODEC, "replace") if isinstance(value, bytes) else str(value)


def _classic(values: dict[str, Value]) -> Position:
    steps, price = number(values, "quantity") * 1000, number(values, "price")
    return Position(_text(values, "text"), steps, price, divide_half_up(steps * price, 1_000_000))


def _item_v2(values: dict[str, Value]) -> Position:
    steps, price, total = number(values, "quantity"), number(values, "price"), number(values, "sum")
    if total == COMPUTE:
        total = divide_half_up(steps * price, 1_000_000)
    # A name that begins with // is not printed and goes into the fiscal memory all the same.
    return Position(_text(values, "name").removeprefix("//"), steps, price, total)


def _discounted(values: dict[str, Value]) -> Position:
    position = _classic(values)
    position.total -= number(values, "discount")
    return position
