"""The receipt that is open in a register: what was carried out makes positions, changes and text of it; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from drivers.vocabulary.inside import WhatTillBelieves
from drivers.vocabulary.money import divide_half_up
from drivers.vocabulary.receipt import LINES_MAX

from .layout import Value
from .positions import SELLS, Position, number, read_position

RAW_SIZE_MAX: Final = 262_144  # kept of a receipt as evidence; the longest have some 50 KB
TEXT_LINES_MAX: Final = 2_000
_OPENS: Final = {0: 1, 1: 3, 2: 2, 3: 4}  # type of 8Dh → operation as FFD 1054 numbers it


@dataclass(slots=True)
class OpenReceipt:
    """One open receipt.

    Attributes:
        operation: FFD 1054.
        adjustment: discounts (below 0) and surcharges on the whole receipt, kopecks.
        is_after_position: whether a discount now belongs to the last position.
        unknown_close: the close whose answer was lost.
        uid: the name under which the receipt was asked about, "" when it was not.
        loyalty: what the register has less than the till believes, kopecks.
        as_till_sold: the positions as the till has them, where ours were sold in their place; None where it is one.
        quoted, believed: see `Document`.
    """

    operation: int
    positions: list[Position] = field(default_factory=list)
    adjustment: int = 0
    is_after_position: bool = False
    text: list[str] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)
    problems: list[str] = field(default_factory=list)
    unknown_close: dict[str, Value] | None = None
    uid: str = ""
    loyalty: int = 0
    as_till_sold: list[Position] | None = None
    quoted: str = ""
    believed: WhatTillBelieves | None = None

    @property
    def total(self) -> int:
        """What the register is owed, kopecks."""
        return sum(position.total for position in self.positions) + self.adjustment

    def due(self, values: dict[str, Value]) -> int:
        """What a close asks for: with its own discount in percent and its rounding."""
        percent = divide_half_up(self.total * number(values, "percent"), 10_000)
        return self.total - number(values, "rounding") - percent

    def sell(self, position: Position) -> None:
        """One more position."""
        if len(self.positions) >= LINES_MAX:
            self.problems.append(f"more than {LINES_MAX} positions")
            return
        self.positions.append(position)
        if self.as_till_sold is not None:
            self.as_till_sold.append(position)
        self.is_after_position = True

    def keep(self, values: dict[str, Value], body: bytes) -> None:
        """Evidence: the bytes of the request, and what it printed."""
        if len(self.raw) + len(body) <= RAW_SIZE_MAX:
            self.raw += body
        text = values.get("text")
        if isinstance(text, str) and text and len(self.text) < TEXT_LINES_MAX:
            self.text.append(text)

    def change(self, name: str, values: dict[str, Value]) -> None:
        """A request that changes what was sold; any other one changes nothing."""
        if name == "discount":
            self._take_off(number(values, "sum"))
        elif name in ("surcharge", "discount_storno"):
            self.adjustment += number(values, "sum")
        elif name == "surcharge_storno":
            self.adjustment -= number(values, "sum")
        elif name == "receipt_discount":
            self.adjustment += number(values, "surcharge") - number(values, "discount")
        elif name == "item_discounts":
            self.adjustment += number(values, "surcharge")
        elif name == "subtotal":
            self.is_after_position = False
        elif name == "storno":
            self._take_back(number(values, "quantity") * 1000, number(values, "price"))

    def _take_off(self, sum_: int) -> None:
        last = self.positions[-1] if self.positions else None
        if self.is_after_position and last is not None and last.total >= sum_:
            last.total -= sum_
        else:
            self.adjustment -= sum_

    def _take_back(self, steps: int, price: int) -> None:
        if self.as_till_sold is not None:
            self.problems.append("a position was taken back after the receipt had been sold anew")
        for position in reversed(self.positions):
            if position.price == price and position.steps >= steps:
                position.steps -= steps
                position.total -= divide_half_up(price * steps, 1_000_000)
                self.positions = [kept for kept in self.positions if kept.steps]
                return
        self.problems.append("a position was taken back that was not seen")


def carried_out(found: OpenReceipt | None, name: str, values: dict[str, Value], body: bytes) -> OpenReceipt | None:
    """The receipt that is open after a request that was carried out; None when there is none."""
    if name == "open_receipt":
        found = OpenReceipt(_OPENS.get(number(values, "type"), 0))
    elif name == "cancel_receipt":
        return None
    elif name in SELLS:
        operation, position = read_position(name, values)
        found = found or OpenReceipt(operation)
        found.sell(position)
    if found is not None:
        found.change(name, values)
        found.keep(values, body)
    return found
