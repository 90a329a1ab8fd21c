"""What the register says of itself: modes, flags and error codes → our codes → a sentence the cashier can act on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, IntFlag
from typing import Final

from drivers.vocabulary.errors import DeviceRefused

from .commands import Answer


class Trouble(Enum):
    """Our codes; E301 to E306 mean the same for every printer, the others are for fiscal registers."""

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
    MEMORY_NEAR_END = "W201"
    MEMORY_REPLACE = "W203"
    OPERATOR_SILENT = "W204"


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
    Trouble.STILL_PRINTING: "the register is still printing: wait a moment and try again",
    Trouble.PAYMENT: "the payment does not fit the receipt: check what was entered",
    Trouble.PASSWORD: "the register does not know this password: ask store IT for the operator's password",
    Trouble.UNSUPPORTED: "this register does not know the command: ask store IT",
    Trouble.MEMORY: "the fiscal memory does not answer: switch the register off and on, call for service if it stays",
    Trouble.MEMORY_FULL: "the fiscal memory has not reported for 30 days: check the register's internet connection",
    Trouble.CLOCK: "the register's clock is wrong: set and confirm date and time",
    Trouble.MARKING: "the marking code was not accepted: scan it again or set the goods aside",
    Trouble.REQUEST: "the register refused what it was sent: ask store IT",
    Trouble.NO_DATA: "the register has no such data any more",
    Trouble.BLOCKED: "the register is blocked: call for service",
    Trouble.MEMORY_NEAR_END: "the fiscal memory is nearly used up: order a new one",
    Trouble.MEMORY_REPLACE: "the fiscal memory must be replaced within three days: call the service company",
    Trouble.OPERATOR_SILENT: "the operator of fiscal data does not answer: check the register's internet connection",
}


class Mode(IntEnum):
    """The low nibble of the mode byte."""

    DATA_OUTPUT = 1
    SHIFT_OPEN = 2
    SHIFT_OVER_24H = 3
    SHIFT_CLOSED = 4
    BLOCKED = 5
    CONFIRM_DATE = 6
    DECIMAL_POINT = 7
    DOCUMENT_OPEN = 8
    TECHNOLOGICAL_RESET = 9
    TEST_PRINT = 10
    REPORT = 11


class SubMode(IntEnum):
    """What the printer is doing."""

    READY = 0
    PASSIVE_NO_PAPER = 1
    ACTIVE_NO_PAPER = 2
    WAITS_CONTINUE = 3
    PRINTS_REPORT = 4
    PRINTS = 5


class Flag(IntFlag):
    """Bits of the flags word; bits of models without the part are 1 or 0 as the document says."""

    JOURNAL_PRESENT = 1 << 0
    PAPER_PRESENT = 1 << 1
    JOURNAL_SENSOR = 1 << 6
    PAPER_SENSOR = 1 << 7
    JOURNAL_LEVER = 1 << 8
    PAPER_LEVER = 1 << 9
    COVER_OPEN = 1 << 10
    DRAWER_OPEN = 1 << 11


class MemoryWarning(IntFlag):
    """Bits of FF01's warnings, as every fiscal memory says them."""

    REPLACE_NOW = 1 << 0  # the key ends in 3 days
    REPLACE_SOON = 1 << 1  # the key ends in 30 days
    NINETY_PERCENT = 1 << 2  # of the archive are used
    OPERATOR_SILENT = 1 << 3  # no answer of the operator of fiscal data in time
    FAILURE = 1 << 7


_WARNINGS: Final[tuple[tuple[MemoryWarning, Trouble], ...]] = (
    (MemoryWarning.FAILURE, Trouble.MEMORY),
    (MemoryWarning.REPLACE_NOW, Trouble.MEMORY_REPLACE),
    (MemoryWarning.REPLACE_SOON | MemoryWarning.NINETY_PERCENT, Trouble.MEMORY_NEAR_END),
    (MemoryWarning.OPERATOR_SILENT, Trouble.OPERATOR_SILENT),
)

# Working registers are seen with either bit alone: models without a roll sensor leave bit 1 at 0.
_PAPER: Final = Flag.PAPER_PRESENT | Flag.PAPER_SENSOR

# The maker's code → its meaning in short, and our code. Protocol document 1.17, "Коды ошибок"; below 21h the fiscal
# memory's own.
ERRORS: Final[dict[int, tuple[str, Trouble]]] = {
    0x01: ("unknown command or format for the fiscal memory", Trouble.UNSUPPORTED),
    0x02: ("other state of the fiscal memory wanted", Trouble.REQUEST),
    0x03: ("failure of the fiscal memory", Trouble.MEMORY),
    0x04: ("failure of the cryptography", Trouble.MEMORY),
    0x05: ("lifetime of the fiscal memory is over", Trouble.MEMORY),
    0x07: ("wrong date or time", Trouble.CLOCK),
    0x08: ("no such data", Trouble.NO_DATA),
    0x09: ("wrong value of a parameter", Trouble.REQUEST),
    0x10: ("TLV too long", Trouble.REQUEST),
    0x11: ("no transport connection", Trouble.MEMORY),
    0x12: ("resource of the fiscal memory is used up", Trouble.MEMORY),
    0x14: ("30 days without the operator of fiscal data", Trouble.MEMORY_FULL),
    0x16: ("shift over 24 hours", Trouble.SHIFT_OVER_24H),
    0x17: ("wrong time between two operations", Trouble.CLOCK),
    0x20: ("message of the operator of fiscal data refused", Trouble.MEMORY),
    0x2F: ("the fiscal memory timed out", Trouble.MEMORY),
    0x30: ("the fiscal memory does not answer", Trouble.MEMORY),
    0x33: ("wrong parameters", Trouble.REQUEST),
    0x34: ("no data", Trouble.NO_DATA),
    0x35: ("wrong parameter under these settings", Trouble.REQUEST),
    0x36: ("wrong parameter for this model", Trouble.REQUEST),
    0x37: ("command not supported", Trouble.UNSUPPORTED),
    0x38: ("failure of the program memory", Trouble.MECHANISM),
    0x39: ("internal error", Trouble.ERROR),
    0x3C: ("impossible while the shift is open", Trouble.SHIFT_OPEN),
    0x3D: ("shift not open", Trouble.SHIFT_CLOSED),
    0x45: ("payments less than the total", Trouble.PAYMENT),
    0x46: ("not enough cash in the register", Trouble.PAYMENT),
    0x48: ("total too large", Trouble.PAYMENT),
    0x49: ("impossible in a receipt of this type", Trouble.RECEIPT_OPEN),
    0x4A: ("receipt open", Trouble.RECEIPT_OPEN),
    0x4B: ("the receipt is full", Trouble.RECEIPT_OPEN),
    0x4D: ("payment without cash above the total", Trouble.PAYMENT),
    0x4E: ("shift over 24 hours", Trouble.SHIFT_OVER_24H),
    0x4F: ("wrong password", Trouble.PASSWORD),
    0x50: ("still printing the command before", Trouble.STILL_PRINTING),
    0x55: ("receipt closed", Trouble.RECEIPT_CLOSED),
    0x56: ("no document to repeat", Trouble.NO_DATA),
    0x58: ("waiting for the command to continue", Trouble.CONTINUE_PRINTING),
    0x59: ("document opened by another operator", Trouble.RECEIPT_OPEN),
    0x5D: ("table not defined", Trouble.REQUEST),
    0x5E: ("wrong operation", Trouble.REQUEST),
    0x5F: ("negative total", Trouble.PAYMENT),
    0x6B: ("no receipt paper", Trouble.PAPER_OUT),
    0x71: ("failure of the cutter", Trouble.CUTTER),
    0x72: ("not in this submode", Trouble.STILL_PRINTING),
    0x73: ("not in this mode", Trouble.REQUEST),
    0x74: ("failure of the working memory", Trouble.MECHANISM),
    0x75: ("failure of the power supply", Trouble.MECHANISM),
    0x77: ("no signal from the printer's sensors", Trouble.COVER_OPEN),
    0x78: ("firmware replaced", Trouble.MECHANISM),
    0x7A: ("field cannot be written", Trouble.REQUEST),
    0x7B: ("failure of the hardware", Trouble.MECHANISM),
    0x7C: ("date does not match", Trouble.CLOCK),
    0x7D: ("wrong format of the date", Trouble.CLOCK),
    0x7E: ("wrong value in the length field", Trouble.REQUEST),
    0x8B: ("discount too large", Trouble.PAYMENT),
    0x8E: ("total of zero", Trouble.PAYMENT),
    0x93: ("working memory was restored", Trouble.ERROR),
    0x94: ("too many operations in the receipt", Trouble.RECEIPT_OPEN),
    0xA0: ("marking code not allowed", Trouble.MARKING),
    0xA1: ("marking commands out of order", Trouble.MARKING),
    0xA2: ("marking is blocked", Trouble.MARKING),
    0xA3: ("table of marking codes is full", Trouble.MARKING),
    0xA4: ("marking tag missing", Trouble.MARKING),
    0xA5: ("marking code was not checked", Trouble.MARKING),
    0xC0: ("date and time wait for confirmation", Trouble.CLOCK),
    0xC2: ("voltage too high", Trouble.MECHANISM),
    0xC4: ("shift numbers do not match", Trouble.BLOCKED),
    0xC7: ("field cannot be written in this mode", Trouble.REQUEST),
    0xC8: ("no connection to the printer inside", Trouble.MECHANISM),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How the register is.

    Attributes:
        code: our code, "" when nothing is wrong.
        sentence: what the cashier should do, "" when nothing.
        maker_code: what it was read from, as the maker writes it.
    """

    code: str = ""
    sentence: str = ""
    maker_code: str = ""


READY: Final = Condition()


def _condition(trouble: Trouble, maker_code: str) -> Condition:
    return Condition(code=trouble.value, sentence=SENTENCES[trouble], maker_code=maker_code)


def error_condition(error: int) -> Condition:
    """What an error byte means; one that is not in the table is E306 with its code."""
    if not error:
        return READY
    _, trouble = ERRORS.get(error, ("", Trouble.ERROR))
    return _condition(trouble, f"{error:02X}h")


def refusal(answer: Answer) -> DeviceRefused:
    """The exception for an answer with an error."""
    meaning, trouble = ERRORS.get(answer.error, ("unknown error", Trouble.ERROR))
    return DeviceRefused(
        f"{answer.command.title}: {meaning} ({answer.error:02X}h); {SENTENCES[trouble]}",
        code=trouble.value,
        maker_code=f"{answer.error:02X}h",
    )


def status_condition(answer: Answer) -> Condition:
    """Read an answer to 10h or 11h: the gravest thing first."""
    if answer.error:
        return error_condition(answer.error)
    flags, mode, submode = answer.number("flags"), answer.number("mode") & 0x0F, answer.number("submode")
    maker_code = f"flags {flags:04X}h, mode {answer.number('mode'):02X}h, submode {submode}"
    if flags & Flag.COVER_OPEN:
        return _condition(Trouble.COVER_OPEN, maker_code)
    if submode in (SubMode.PASSIVE_NO_PAPER, SubMode.ACTIVE_NO_PAPER) or not flags & _PAPER:
        return _condition(Trouble.PAPER_OUT, maker_code)
    if submode == SubMode.WAITS_CONTINUE:
        return _condition(Trouble.CONTINUE_PRINTING, maker_code)
    by_mode = {
        Mode.SHIFT_OVER_24H: Trouble.SHIFT_OVER_24H,
        Mode.BLOCKED: Trouble.BLOCKED,
        Mode.CONFIRM_DATE: Trouble.CLOCK,
        Mode.TECHNOLOGICAL_RESET: Trouble.MECHANISM,
    }
    for known, trouble in by_mode.items():
        if mode == known:
            return _condition(trouble, maker_code)
    return READY


def memory_condition(answer: Answer) -> Condition:
    """Read an answer to FF01: the gravest thing first."""
    if answer.error:
        return error_condition(answer.error)
    warnings = answer.number("warnings")
    for bits, trouble in _WARNINGS:
        if warnings & bits:
            return _condition(trouble, f"warnings {warnings:02X}h")
    return READY
