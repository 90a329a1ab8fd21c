"""What an ATOL device says of itself: driver errors, register errors, states → our codes → a sentence for the cashier.

Driver errors are the numbers LIBFPTR_ERROR_* that the web server passes on; register errors are bytes of the low-level
protocol. The maker's own number always travels along.
"""

from __future__ import annotations

from enum import Enum, IntEnum, IntFlag
from typing import Final

from drivers.json_amounts import text_of
from drivers.polled import Condition
from drivers.vocabulary.errors import DeviceRefused

from .tasks import Task


class Trouble(Enum):
    """Our codes; the same for every fiscal register."""

    PAPER_OUT = "E301"
    COVER_OPEN = "E302"
    CUTTER = "E303"
    MECHANISM = "E304"
    OFFLINE = "E305"
    ERROR = "E306"
    SHIFT_OVER_24H = "E310"
    SHIFT_CLOSED = "E311"
    SHIFT_OPEN = "E312"
    RECEIPT_OPEN = "E313"
    RECEIPT_CLOSED = "E314"
    CONTINUE_PRINTING = "E315"
    STILL_PRINTING = "E316"
    PAYMENT = "E317"
    PASSWORD = "E318"  # noqa: S105 - the name of a trouble
    UNSUPPORTED = "E319"
    MEMORY = "E320"
    MEMORY_FULL = "E321"
    CLOCK = "E322"
    MARKING = "E323"
    REQUEST = "E324"
    NO_DATA = "E325"
    BLOCKED = "E326"


SENTENCES: Final[dict[Trouble, str]] = {
    Trouble.PAPER_OUT: "out of paper: put in a new roll and close the cover",
    Trouble.COVER_OPEN: "the register's cover is open: close it until it clicks",
    Trouble.CUTTER: "the cutter is jammed: open the cover, take out the paper scrap, switch the register off and on",
    Trouble.MECHANISM: "the register needs service: switch it off and on, and call for help if it says so again",
    Trouble.OFFLINE: "the register does not answer: check that it is switched on and its cable is in",
    Trouble.ERROR: "the register reports an error: switch it off and on",
    Trouble.SHIFT_OVER_24H: "the shift is open for more than 24 hours: close it with a Z report, then go on selling",
    Trouble.SHIFT_CLOSED: "the shift is closed: open it, then go on",
    Trouble.SHIFT_OPEN: "this cannot be done while the shift is open: close it with a Z report first",
    Trouble.RECEIPT_OPEN: "a receipt is open: close or cancel it first",
    Trouble.RECEIPT_CLOSED: "no receipt is open: begin it anew",
    Trouble.CONTINUE_PRINTING: "printing was interrupted: press continue on the till or the register",
    Trouble.STILL_PRINTING: "the register is still busy: wait a moment and try again",
    Trouble.PAYMENT: "the payment does not fit the receipt: check what was entered",
    Trouble.PASSWORD: "the register does not know this user or password: ask store IT",
    Trouble.UNSUPPORTED: "this register does not know the command: ask store IT",
    Trouble.MEMORY: "the fiscal memory does not answer: switch the register off and on, call for service if it stays",
    Trouble.MEMORY_FULL: "the fiscal memory is used up or has not reported: check the internet, call for service",
    Trouble.CLOCK: "the register's clock is wrong: set and confirm date and time",
    Trouble.MARKING: "the marking code was not accepted: scan it again or set the goods aside",
    Trouble.REQUEST: "the register refused what it was sent: ask store IT",
    Trouble.NO_DATA: "the register has no such data any more",
    Trouble.BLOCKED: "the queue of the register is blocked by a document: finish it on the till or the register",
}

# LIBFPTR_ERROR_*: number → its meaning in short, and our code.
DRIVER_ERRORS: Final[dict[int, tuple[str, Trouble]]] = {
    1: ("connection not made", Trouble.OFFLINE),
    2: ("no connection", Trouble.OFFLINE),
    3: ("port busy", Trouble.OFFLINE),
    4: ("port not available", Trouble.OFFLINE),
    8: ("required parameter missing", Trouble.REQUEST),
    11: ("not supported", Trouble.UNSUPPORTED),
    12: ("not in this mode", Trouble.REQUEST),
    13: ("wrong parameter", Trouble.REQUEST),
    15: ("unknown error", Trouble.ERROR),
    16: ("wrong price or sum", Trouble.REQUEST),
    17: ("wrong quantity", Trouble.REQUEST),
    29: ("date must be confirmed", Trouble.CLOCK),
    30: ("no more data", Trouble.NO_DATA),
    35: ("check date and time", Trouble.CLOCK),
    44: ("no paper", Trouble.PAPER_OUT),
    45: ("cover open", Trouble.COVER_OPEN),
    46: ("no link with the printer inside", Trouble.MECHANISM),
    47: ("failure of the mechanism", Trouble.MECHANISM),
    52: ("payments without cash above the total", Trouble.PAYMENT),
    55: ("still busy with the operation before", Trouble.STILL_PRINTING),
    63: ("total too large", Trouble.PAYMENT),
    66: ("not paid in full", Trouble.PAYMENT),
    68: ("shift over 24 hours", Trouble.SHIFT_OVER_24H),
    71: ("wrong password", Trouble.PASSWORD),
    73: ("impossible while the shift is closed", Trouble.SHIFT_CLOSED),
    80: ("not enough cash in the register", Trouble.PAYMENT),
    81: ("receipt closed", Trouble.RECEIPT_CLOSED),
    82: ("receipt open", Trouble.RECEIPT_OPEN),
    83: ("impossible while the shift is open", Trouble.SHIFT_OPEN),
    114: ("printing head too hot", Trouble.STILL_PRINTING),
    123: ("the fiscal memory has no such data", Trouble.NO_DATA),
    137: ("resource of the fiscal memory is used up", Trouble.MEMORY_FULL),
    140: ("the fiscal memory timed out", Trouble.MEMORY),
    150: ("failure of the cutter", Trouble.CUTTER),
    162: ("a document cannot be read out of the fiscal memory", Trouble.NO_DATA),
    166: ("fiscal memory not found", Trouble.MEMORY),
    177: ("closing of the receipt was interrupted", Trouble.CONTINUE_PRINTING),
    178: ("a question to the fiscal memory was interrupted", Trouble.MEMORY),
    228: ("marking code was not checked", Trouble.MARKING),
    241: ("connection lost", Trouble.OFFLINE),
    249: ("the document was cancelled", Trouble.RECEIPT_CLOSED),
    501: ("the task cannot be read", Trouble.REQUEST),
    502: ("interrupted by errors before it", Trouble.REQUEST),
}
_MEMORY_ERRORS: Final = range(115, 125)
_MARKING_ERRORS: Final = range(401, 427)

# Bytes of the low-level protocol, the few that are known for certain.
REGISTER_ERRORS: Final[dict[int, tuple[str, Trouble]]] = {
    0x08: ("wrong price or sum", Trouble.REQUEST),
    0x0A: ("wrong quantity", Trouble.REQUEST),
    0x66: ("not in this mode", Trouble.REQUEST),
    0x67: ("no paper", Trouble.PAPER_OUT),
    0x68: ("no link with the printer inside", Trouble.MECHANISM),
    0x69: ("failure of the mechanism", Trouble.MECHANISM),
    0x7A: ("command not supported", Trouble.UNSUPPORTED),
    0x88: ("shift over 24 hours", Trouble.SHIFT_OVER_24H),
    0x8C: ("wrong password", Trouble.PASSWORD),
    0x9A: ("receipt closed", Trouble.RECEIPT_CLOSED),
    0x9B: ("receipt open", Trouble.RECEIPT_OPEN),
    0x9C: ("impossible while the shift is open", Trouble.SHIFT_OPEN),
}


class Mode(IntEnum):
    """The low nibble of the mode byte."""

    CHOICE = 0
    SALE = 1
    REPORTS = 2
    CLOSE_SHIFT = 3
    PROGRAMMING = 4
    MEMORY_INPUT = 5
    MEMORY = 6
    SERVICE = 7


class Flag(IntFlag):
    """Bits of the flags in the answer to 3F."""

    FISCAL = 1 << 0
    SHIFT_OPEN = 1 << 1
    DRAWER_OPEN = 1 << 2
    PAPER = 1 << 3
    COVER_OPEN = 1 << 5
    MEMORY_ACTIVE = 1 << 6


READY: Final = Condition()


def driver_trouble(error: int) -> tuple[str, Trouble]:
    """Meaning and code of a driver error; one that is not in the table is E306."""
    found = DRIVER_ERRORS.get(error)
    if found is not None:
        return found
    if error in _MEMORY_ERRORS:
        return "failure of the fiscal memory", Trouble.MEMORY
    if error in _MARKING_ERRORS:
        return "marking code refused", Trouble.MARKING
    return "unknown error", Trouble.ERROR


def driver_refusal(what: str, error: int, description: str = "") -> DeviceRefused:
    """The exception for a task that ended with a driver error."""
    meaning, trouble = driver_trouble(error)
    said = f" ({description[:120]})" if description else ""
    return DeviceRefused(
        f"{what}: {meaning}, error {error}{said}; {SENTENCES[trouble]}", code=trouble.value, maker_code=str(error)
    )


def register_refusal(what: str, error: int) -> DeviceRefused:
    """The exception for an answer with an error byte."""
    meaning, trouble = REGISTER_ERRORS.get(error, ("unknown error", Trouble.ERROR))
    maker_code = f"{error:02X}h"
    return DeviceRefused(
        f"{what}: {meaning} ({maker_code}); {SENTENCES[trouble]}", code=trouble.value, maker_code=maker_code
    )


def condition_of(trouble: Trouble, maker_code: str, *, is_busy: bool = False) -> Condition:
    """A condition with the sentence of its code."""
    return Condition(code=trouble.value, sentence=SENTENCES[trouble], maker_code=maker_code, is_busy=is_busy)


def device_condition(status: Task, *, is_busy: bool) -> Condition:
    """``deviceStatus`` of the task getDeviceStatus: the gravest thing first.

    Args:
        status: the object; what it does not say is taken for good.
        is_busy: the queue of the web server has work.
    """
    shift = text_of(status.get("shift"))
    maker_code = ", ".join(
        f"{key} {str(status[key]).lower()}"
        for key in ("shift", "paperPresent", "coverOpened", "blocked")
        if key in status
    )
    if status.get("coverOpened") is True:
        return condition_of(Trouble.COVER_OPEN, maker_code, is_busy=is_busy)
    if status.get("paperPresent") is False:
        return condition_of(Trouble.PAPER_OUT, maker_code, is_busy=is_busy)
    if status.get("blocked") is True:
        return condition_of(Trouble.ERROR, maker_code, is_busy=is_busy)
    if status.get("fnPresent") is False:
        return condition_of(Trouble.MEMORY, "fnPresent false", is_busy=is_busy)
    if shift == "expired":
        return condition_of(Trouble.SHIFT_OVER_24H, maker_code, is_busy=is_busy)
    return Condition(is_busy=is_busy)


#: Why the web server's queue stands still → our code.
BLOCK_REASONS: Final = {
    "connectionError": Trouble.OFFLINE,
    "paperError": Trouble.PAPER_OUT,
    "fnError": Trouble.MEMORY,
}


def register_condition(flags: int, *, is_receipt_open: bool) -> Condition:
    """The flags of the answer to 3F."""
    maker_code = f"flags {flags:02X}h"
    if flags & Flag.COVER_OPEN:
        return condition_of(Trouble.COVER_OPEN, maker_code, is_busy=is_receipt_open)
    if not flags & Flag.PAPER:
        return condition_of(Trouble.PAPER_OUT, maker_code, is_busy=is_receipt_open)
    return Condition(is_busy=is_receipt_open)
