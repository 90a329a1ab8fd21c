"""What the till's open receipt was made of, so that it can be sold anew at lower sums; pure.

A register of today takes no discount: its maker's advice is to sell at the lower price and to print the discount as
text (answer to a problem report of 2019). Price × quantity may be one kopeck away from the sum of a position, not more,
so the price is lowered too, and a position that no price fits becomes two (`drivers.ffd.pieces`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.ffd.pieces import LEGAL, pieces_of
from drivers.vocabulary.money import Quantity

from .commands import COMPUTE, Command
from .layout import Value
from .positions import CLASSIC, SELLS, number, read_position

REQUESTS_MAX: Final = 120  # a till waits for its close while they are said again
_SALE: Final = 1
_FULL_PAYMENT: Final = 4  # 1214; 0 is a firmware that fills it in
_PRINTED: Final = frozenset({"print_line", "print_line_font", "print_bold", "barcode", "feed"})
_SAID_AGAIN: Final = frozenset({*SELLS, *_PRINTED, "open_receipt", "document_tlv", "item_tlv"})
_TRACELESS: Final = frozenset({"drawer", "beep", "continue_print"})
_MARKS: Final = frozenset({"check_mark", "bind_mark", "accept_mark"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """One request that the register has carried out for the till."""

    command: Command
    values: Mapping[str, Value]
    body: bytes

    @property
    def is_print(self) -> bool:
        """Whether it only prints: missing or twice, it does no harm."""
        return self.command.name in _PRINTED

    @property
    def worth(self) -> int:
        """What the receipt came to more by it, kopecks."""
        if self.command.name not in SELLS:
            return 0
        values = dict(self.values)
        return read_position(self.command.name, values)[1].total + number(values, "surcharge")


class PassedReceipt:
    """The requests of the receipt that is open.

    Attributes:
        problem: why it cannot be sold anew, "" when it can.
    """

    def __init__(self) -> None:
        self._requests: list[Passed] = []
        self._is_open = False
        self.problem = ""

    @property
    def requests(self) -> Sequence[Passed]:
        """In the order in which they were carried out."""
        return tuple(self._requests)

    def clear(self) -> None:
        """The receipt is over."""
        self._requests.clear()
        self._is_open, self.problem = False, ""

    def saw(self, command: Command, values: Mapping[str, Value], body: bytes) -> None:
        """The register carried this out."""
        name = command.name
        if name == "open_receipt" or (name in SELLS and not self._is_open):
            self.clear()
            self._is_open = True
        if not self._is_open or name in _TRACELESS or (command.is_repeatable and name not in _MARKS):
            return
        if name not in _SAID_AGAIN:
            self.problem = "marked goods" if name in _MARKS else f"{command.title} ({command.code:02X}h)"
        elif len(self._requests) >= REQUESTS_MAX:
            self.problem = f"more than {REQUESTS_MAX} requests"
        else:
            self._requests.append(Passed(command=command, values=values, body=body))

    def saw_unknown(self, code: int) -> None:
        """The till sent something that is in no table of ours."""
        if self._is_open:
            self.problem = f"{code:02X}h"


def lowered(requests: Sequence[Passed], off: Mapping[int, int]) -> list[Passed]:
    """The requests that sell the same with so much off each position, by its number.

    A position whose price cannot be met gets some kopecks less off. Raises ValueError for a position that must stay.
    """
    # A tag stands before or behind its position, as the firmware wants it: a position with tags is not made two.
    has_tags = any(request.command.name == "item_tlv" for request in requests)
    made: list[Passed] = []
    place = 0
    for request in requests:
        place += request.command.name in SELLS
        wanted = off.get(place, 0) if request.command.name in SELLS else 0
        made += _lower(request, wanted, may_split=not has_tags) if wanted else [request]
    if any(minor and not 1 <= number_ <= place for number_, minor in off.items()):
        raise ValueError(f"the receipt has {place} positions")
    return made


def _lower(request: Passed, off: int, *, may_split: bool) -> list[Passed]:
    name, values = request.command.name, dict(request.values)
    operation, position = read_position(name, values)
    if operation != _SALE or not 0 < off < position.total:
        raise ValueError(f"{position.name}: {off} kopecks cannot be taken off {position.total}")
    if name == "item_discounts":
        return [_with(request, {"discount": number(values, "discount") + off})]
    if name == "item_v2" and number(values, "method") not in (0, _FULL_PAYMENT):
        raise ValueError(f"{position.name}: it is not paid in full and now")
    pieces = pieces_of(
        Quantity(position.steps), position.total - off, may_split=may_split, legal=0 if name in CLASSIC else LEGAL
    )
    if sum(piece.amount for piece in pieces) >= position.total:
        return [request]
    if name in CLASSIC:
        return [_with(request, {"quantity": one.quantity.steps // 1000, "price": one.price}) for one in pieces]
    # A tax that the till worked out belongs to the sum it knows; 0 is goods without one.
    tax = {"tax_sum": COMPUTE} if number(values, "tax_sum") else {}
    return [
        _with(request, {"quantity": one.quantity.steps, "price": one.price, "sum": one.amount, **tax}) for one in pieces
    ]


def _with(request: Passed, changed: Mapping[str, Value]) -> Passed:
    values = {**request.values, **changed}
    return Passed(command=request.command, values=values, body=request.command.encode(**values))
