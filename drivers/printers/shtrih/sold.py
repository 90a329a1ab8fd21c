"""The twin's open receipt: positions, discounts, payments, and the fiscal document made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from drivers.ffd import tlv
from drivers.ffd.tlv import Tag
from drivers.vocabulary.money import Quantity, divide_half_up

OPERATIONS: Final = {0: 1, 2: 2, 1: 3, 3: 4}  # type of 8Dh → FFD 1054
TITLES: Final = {1: "ПРИХОД", 2: "ВОЗВРАТ ПРИХОДА", 3: "РАСХОД", 4: "ВОЗВРАТ РАСХОДА"}


@dataclass(slots=True)
class Position:
    """One position; `steps` are millionths, `total` is after the discounts so far, kopecks."""

    name: str
    steps: int
    price: int
    total: int
    tax: int = 0


@dataclass(slots=True)
class SoldReceipt:
    """What is in the receipt that is open.

    Attributes:
        operation: FFD 1054.
        adjustment: discounts (negative) and surcharges on the whole receipt, kopecks.
        password: of the operator who has opened it.
        is_after_position: whether a discount now belongs to the last position.
    """

    operation: int
    positions: list[Position] = field(default_factory=list)
    adjustment: int = 0
    password: int | None = None
    is_after_position: bool = False
    extra: bytes = b""

    @property
    def total(self) -> int:
        """What is owed, kopecks."""
        return sum(position.total for position in self.positions) + self.adjustment

    def change(self, sum_: int) -> None:
        """A discount (negative) or a surcharge where it belongs."""
        last = self.positions[-1] if self.positions else None
        if self.is_after_position and last is not None and last.total + sum_ >= 0:
            last.total += sum_
        else:
            self.adjustment += sum_

    def take_back(self, steps: int, price: int) -> bool:
        """Take a position back; False when there is none like it."""
        for index in range(len(self.positions) - 1, -1, -1):
            found = self.positions[index]
            if found.price == price and found.steps >= steps:
                if found.steps == steps:
                    del self.positions[index]
                else:
                    found.steps -= steps
                    found.total -= divide_half_up(price * steps, 1_000_000)
                return True
        return False

    def net_totals(self) -> list[int]:
        """Totals of the positions with the receipt's discount spread over them: a fiscal document has no discount."""
        gross = sum(position.total for position in self.positions)
        totals, given, seen = [], 0, 0
        for position in self.positions:
            seen += position.total
            part = self.adjustment * seen // gross - given if gross else 0
            given += part
            totals.append(position.total + part)
        return totals

    def document(self, payments: dict[Tag, int], *, rounding: int) -> list[tlv.Item]:
        """The tags of the receipt."""
        items = [tlv.Item(Tag.OPERATION, bytes([self.operation]))]
        for position, total in zip(self.positions, self.net_totals(), strict=True):
            price = divide_half_up(total * 1_000_000, position.steps)
            inner = (
                tlv.Item(Tag.NAME, position.name.encode(tlv.TEXT_CODEC, "replace")),
                tlv.Item(Tag.PRICE, tlv.vln(price)),
                tlv.Item(Tag.QUANTITY, tlv.fvln(Quantity(position.steps))),
                tlv.Item(Tag.SUM, tlv.vln(total)),
                tlv.Item(Tag.VAT_RATE, bytes([position.tax or 6])),
                tlv.Item(Tag.METHOD, b"\x04"),
            )
            items.append(tlv.Item(Tag.ITEM, inner=inner))
        items.append(tlv.Item(Tag.TOTAL, tlv.vln(self.total - rounding)))
        items += [tlv.Item(tag, tlv.vln(sum_)) for tag, sum_ in payments.items()]
        return [*items, *tlv.decode(self.extra)]
