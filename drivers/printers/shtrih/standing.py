"""What is known of a register beyond one visit of its till, and what was done to its open receipt; values only."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer

from .basket import CLOSES
from .commands import Command
from .floor import Floor
from .layout import Value
from .positions import SELLS, number
from .resale import Resale

CANCEL = "cancel_receipt"


@dataclass(slots=True)
class Standing:
    """It belongs to the register, not to a connection: a till that was cut off comes back to it.

    Attributes:
        is_half: a receipt that was being sold anew may be open in the register, by half: it may not be closed.
        is_gone: it was cancelled, and the till has not begun a new one yet: what it sells would open a receipt that
            lacks the positions before.
        operator: as the register numbers whoever we are.
        offset: protocol 2, the register's numbers less the till's.
    """

    is_half: bool = False
    is_gone: bool = False
    operator: int = 1
    offset: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether till and register mean the same receipt."""
        return not (self.is_half or self.is_gone)

    def stops(self, name: str) -> bool:
        """Whether this request of the till must not reach the register now."""
        if self.is_half:
            return name in CLOSES or name in SELLS
        return self.is_gone and (name in SELLS or name == CANCEL)

    def heard(self, name: str, *, is_done: bool) -> None:
        """The register answered the till."""
        if name == CANCEL:
            self.is_gone = False
            self.is_half = self.is_half and not is_done
        elif name == "open_receipt" and is_done:
            self.is_half = self.is_gone = False


@dataclass(slots=True)
class Applied:
    """What was done to the receipt that is open, in all.

    Attributes:
        quoted: uid of the quote it stands for.
        off: taken off, minor units.
        aimed: what was to be taken off; prices in whole kopecks may have left some of it.
        taxes: the tax groups it is off.
        is_printed: our lines are in it.
        is_stubborn: it could not be sold anew, and is not tried again.
    """

    quoted: str = ""
    off: int = 0
    aimed: int = 0
    taxes: tuple[int, ...] = ()
    is_printed: bool = False
    is_stubborn: bool = False


@dataclass(slots=True, kw_only=True)
class Turn:
    """One request of the till in our hands, a close as a rule.

    Attributes:
        values, body: as it will be delivered.
        floor: the wires.
        about: what the agent was asked about; None where the request is only refused.
        todo: our own requests, in order.
        target: minor units to be off each position, by its number.
        wanted: minor units still to take off, below 0 to give back.
        tried: the discounts that this register did not take.
        asked_off: what the register was last asked to take off.
    """

    command: Command
    values: dict[str, Value]
    body: bytes
    floor: Floor
    until_s: float
    about: Document | None = None
    todo: deque[tuple[str, dict[str, Value]]] = field(default_factory=deque)
    offer: InsideOffer | None = None
    target: dict[int, int] = field(default_factory=dict)
    wanted: int = 0
    tried: set[str] = field(default_factory=set)
    asked_off: int = 0
    resale: Resale | None = None
    is_hurried: bool = False
    is_offered: bool = False
    is_closing: bool = False

    @property
    def password(self) -> int:
        """Of the till: a receipt belongs to the operator who has opened it."""
        return number(self.values, "password")
