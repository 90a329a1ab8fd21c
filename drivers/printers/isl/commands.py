"""The table of commands: code, what it does to the receipt, how long it may take; data layouts are in `fields.py`.

Commands: Datecs P protocol 1.00, C 2.04 and X 2.02, Daisy 1.0, Eltrade 1.1.1, Incotex, by facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from .models import Model


class Effect(Enum):
    """What a command does to the receipt, as far as the loyalty agent cares."""

    OPEN = "open"
    RETURN = "return"
    SALE = "sale"
    SUBTOTAL = "subtotal"
    PAY = "pay"
    TEXT = "text"
    CLOSE = "close"
    CANCEL = "cancel"
    SLIP_OPEN = "slip_open"
    SLIP_TEXT = "slip_text"
    SLIP_CLOSE = "slip_close"
    REPORT = "report"
    PAPER = "paper"
    CASH = "cash"
    DRAWER = "drawer"
    READ = "read"
    SET = "set"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One row.

    Attributes:
        effect: what it does to the receipt.
        timeout_s: how long a device that says SYN all the while may work on it.
    """

    code: int
    name: str
    what: str
    effect: Effect
    timeout_s: float = 10.0

    @property
    def may_be_repeated(self) -> bool:
        """Whether it may be sent again under a new number: it only asks."""
        return self.effect is Effect.READ


_ROWS: Final = (
    Command(code=0x26, name="slip_open", what="open a service receipt", effect=Effect.SLIP_OPEN),
    Command(code=0x27, name="slip_close", what="close the service receipt", effect=Effect.SLIP_CLOSE),
    Command(code=0x2A, name="slip_text", what="text on the service receipt", effect=Effect.SLIP_TEXT),
    Command(code=0x2B, name="storno_open_x", what="open a return (Datecs X)", effect=Effect.RETURN),
    Command(code=0x2C, name="feed", what="feed the paper", effect=Effect.PAPER),
    Command(code=0x2D, name="cut", what="cut the paper", effect=Effect.PAPER),
    Command(code=0x2E, name="storno_open", what="open a return (P, C); cut the paper (X)", effect=Effect.RETURN),
    Command(code=0x30, name="open", what="open a receipt", effect=Effect.OPEN),
    Command(code=0x31, name="sale", what="sell an item", effect=Effect.SALE),
    Command(code=0x33, name="subtotal", what="subtotal, with a discount or surcharge", effect=Effect.SUBTOTAL),
    Command(code=0x34, name="sale_shown", what="sell an item and show it", effect=Effect.SALE),
    Command(code=0x35, name="pay", what="total, one payment", effect=Effect.PAY),
    Command(code=0x36, name="text", what="free text on the receipt", effect=Effect.TEXT),
    Command(code=0x38, name="close", what="close the receipt", effect=Effect.CLOSE, timeout_s=30.0),
    Command(code=0x3C, name="cancel", what="give the open receipt up", effect=Effect.CANCEL),
    Command(code=0x3D, name="clock_set", what="set the clock", effect=Effect.SET),
    Command(code=0x3E, name="clock", what="read the clock", effect=Effect.READ),
    Command(code=0x45, name="report", what="X or Z report", effect=Effect.REPORT, timeout_s=90.0),
    Command(code=0x46, name="cash", what="cash in or out", effect=Effect.CASH),
    Command(code=0x4A, name="status", what="status bytes", effect=Effect.READ),
    Command(code=0x4C, name="receipt_state", what="state of the open receipt", effect=Effect.READ),
    Command(code=0x5A, name="diagnostics", what="firmware and serial number", effect=Effect.READ),
    Command(code=0x67, name="receipt_sums", what="sums of the open receipt", effect=Effect.READ),
    Command(code=0x6A, name="drawer", what="open the drawer", effect=Effect.DRAWER),
    Command(code=0x71, name="last_number", what="number of the last document", effect=Effect.READ),
    Command(code=0x77, name="journal", what="read the electronic journal (P)", effect=Effect.READ),
    Command(code=0x7D, name="document", what="read a document (C)", effect=Effect.READ),
    Command(code=0x82, name="cancel_other", what="give the open receipt up (Daisy, Incotex)", effect=Effect.CANCEL),
    Command(code=0x90, name="open_eltrade", what="open a receipt (Eltrade)", effect=Effect.OPEN),
)
COMMANDS: Final[dict[int, Command]] = {row.code: row for row in _ROWS}
#: What a command that is not in the table is taken for.
UNKNOWN: Final = Command(code=0, name="unknown", what="not in the table", effect=Effect.SET, timeout_s=30.0)


def command_of(model: Model, code: int) -> Command:
    """The row for this model; UNKNOWN for what is not in the table."""
    if code == model.cut_command:
        return COMMANDS[0x2D]
    return COMMANDS.get(code, UNKNOWN)
