"""Status bytes and error codes of the makers → our codes → a sentence the cashier can act on; passes nothing on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from .models import StatusMap


class Trouble(Enum):
    """Our codes, the same for every printer: E1 device, E2 fiscal memory, E3 printing, E4 command; W warns."""

    COVER_OPEN = "E302"
    PAPER_OUT = "E301"
    CUTTER = "E303"
    MECHANISM = "E304"
    OVERHEATED = "E307"
    MEMORY_FULL = "E201"
    MEMORY_WRITE = "E202"
    MEMORY_READ_ONLY = "E204"
    JOURNAL_FULL = "E205"
    MEMORY = "E299"
    CLOCK = "E103"
    RAM_RESET = "E104"
    BATTERY = "E105"
    TERMINAL = "E106"
    OPERATOR = "E408"
    SYNTAX = "E401"
    UNKNOWN_COMMAND = "E402"
    OVERFLOW = "E403"
    NOT_NOW = "E404"
    ERROR = "E306"
    MEMORY_NEAR_END = "W201"
    JOURNAL_NEAR_END = "W202"
    PAPER_NEAR_END = "W301"


SENTENCES: Final[dict[Trouble, str]] = {
    Trouble.COVER_OPEN: "the printer's cover is open: close it until it clicks",
    Trouble.PAPER_OUT: "out of paper: put in a new roll and close the cover",
    Trouble.CUTTER: "the cutter is jammed: open the cover, take out the paper scrap, switch the printer off and on",
    Trouble.MECHANISM: "the printer needs service: switch it off and on, and call for help if it says so again",
    Trouble.OVERHEATED: "the print head is too hot: wait a minute, then go on",
    Trouble.MEMORY_FULL: "the fiscal memory is full: call the service company; nothing can be sold on this device",
    Trouble.MEMORY_WRITE: "the fiscal memory could not be written: call the service company",
    Trouble.MEMORY_READ_ONLY: "the fiscal memory is locked: call the service company",
    Trouble.JOURNAL_FULL: "the electronic journal is full: close the shift and call the service company",
    Trouble.MEMORY: "the fiscal memory reports an error: call the service company",
    Trouble.CLOCK: "the printer's clock is not set: set date and time, then sell",
    Trouble.RAM_RESET: "the printer lost its settings: call the service company",
    Trouble.BATTERY: "the printer's battery is low: call the service company",
    Trouble.TERMINAL: "the tax terminal does not answer: check its network, then call the service company",
    Trouble.OPERATOR: "the operator's password is wrong: correct it in the till's settings",
    Trouble.SYNTAX: "the printer did not understand the till: try again, and call for help if it says so again",
    Trouble.UNKNOWN_COMMAND: "the printer does not know a command: check the model in the settings",
    Trouble.OVERFLOW: "a sum is too large for the printer: split the receipt",
    Trouble.NOT_NOW: "not possible now: finish the open receipt; if the shift is over 24 hours old, print the Z report",
    Trouble.ERROR: "the printer reports an error: switch it off and on",
    Trouble.MEMORY_NEAR_END: "the fiscal memory is nearly full: call the service company soon",
    Trouble.JOURNAL_NEAR_END: "the electronic journal is nearly full: call the service company soon",
    Trouble.PAPER_NEAR_END: "paper is nearly out: have a new roll at hand",
}

Bits = tuple[tuple[int, int, Trouble], ...]  # byte, bit, meaning

_COMMON: Final[Bits] = (
    (0, 0, Trouble.SYNTAX),
    (0, 1, Trouble.UNKNOWN_COMMAND),
    (0, 2, Trouble.CLOCK),
    (0, 4, Trouble.MECHANISM),
    (0, 5, Trouble.ERROR),
    (1, 0, Trouble.OVERFLOW),
    (1, 1, Trouble.NOT_NOW),
    (1, 2, Trouble.RAM_RESET),
    (2, 0, Trouble.PAPER_OUT),
    (2, 1, Trouble.PAPER_NEAR_END),
    (2, 2, Trouble.JOURNAL_FULL),
    (2, 4, Trouble.JOURNAL_NEAR_END),
    (4, 0, Trouble.MEMORY_WRITE),
    (4, 3, Trouble.MEMORY_NEAR_END),
    (4, 4, Trouble.MEMORY_FULL),
    (4, 5, Trouble.MEMORY),
)
_DATECS: Final[Bits] = (
    *_COMMON,
    (0, 6, Trouble.COVER_OPEN),
    (1, 3, Trouble.BATTERY),
    (1, 6, Trouble.TERMINAL),
    (2, 6, Trouble.JOURNAL_NEAR_END),
    (4, 6, Trouble.OVERHEATED),
    (5, 0, Trouble.MEMORY_READ_ONLY),
    (5, 2, Trouble.MEMORY_WRITE),
    (5, 5, Trouble.MEMORY),
)
_X_UNUSED: Final = frozenset({(1, 2)})
_INCOTEX_UNUSED: Final = frozenset({(0, 4), (1, 0), (2, 1), (2, 2), (2, 4)})

#: (byte, bit) → meaning, by maker. Bit 0 is the lowest.
BITS: Final[dict[StatusMap, Bits]] = {
    StatusMap.DATECS: _DATECS,
    StatusMap.DATECS_X: (
        *(row for row in _COMMON if row[:2] not in _X_UNUSED),
        (0, 6, Trouble.COVER_OPEN),
        (4, 6, Trouble.OVERHEATED),
    ),
    StatusMap.DAISY: (*_COMMON, (1, 5, Trouble.CUTTER), (1, 6, Trouble.OPERATOR), (5, 0, Trouble.MEMORY_FULL)),
    StatusMap.ELTRADE: (
        *_COMMON,
        (1, 3, Trouble.BATTERY),
        (1, 5, Trouble.COVER_OPEN),
        (1, 6, Trouble.TERMINAL),
        (5, 0, Trouble.MEMORY_READ_ONLY),
        (5, 2, Trouble.MEMORY_WRITE),
        (5, 5, Trouble.MEMORY),
    ),
    StatusMap.INCOTEX: (
        *(row for row in _COMMON if row[:2] not in _INCOTEX_UNUSED),
        (1, 5, Trouble.OPERATOR),
        (5, 0, Trouble.MEMORY_READ_ONLY),
    ),
}
#: These makers put an error number into byte 3, where Datecs shows its switches.
ERROR_NUMBER_IN_BYTE_3: Final = frozenset({StatusMap.DAISY, StatusMap.INCOTEX})

_FISCAL_OPEN: Final = (2, 3)
_SLIP_OPEN: Final = (2, 5)
# ERROR is the OR of others; it is told only when nothing says more.
_GRAVITY: Final = tuple(Trouble)
#: The command was not carried out.
_REFUSALS: Final = frozenset(
    {
        Trouble.SYNTAX, Trouble.UNKNOWN_COMMAND, Trouble.OVERFLOW, Trouble.NOT_NOW, Trouble.OPERATOR,
        Trouble.PAPER_OUT, Trouble.COVER_OPEN, Trouble.ERROR, Trouble.MECHANISM, Trouble.CUTTER,
        Trouble.MEMORY_FULL, Trouble.MEMORY_READ_ONLY, Trouble.JOURNAL_FULL,
    }
)  # fmt: skip
_QUESTION_REFUSALS: Final = frozenset(
    {Trouble.SYNTAX, Trouble.UNKNOWN_COMMAND, Trouble.NOT_NOW, Trouble.OPERATOR, Trouble.OVERFLOW}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How the device is, from its status bytes.

    Attributes:
        troubles: all that is wrong, the gravest first.
        is_receipt_open: a fiscal receipt is open.
        is_slip_open: a service receipt is open.
        maker_code: the status bytes in hex, and the maker's error number where there is one.
    """

    troubles: tuple[Trouble, ...] = ()
    is_receipt_open: bool = False
    is_slip_open: bool = False
    maker_code: str = ""

    @property
    def code(self) -> str:
        """Our code of the gravest trouble, "" when nothing is wrong."""
        return self.troubles[0].value if self.troubles else ""

    @property
    def sentence(self) -> str:
        """What the cashier should do, "" when nothing."""
        return SENTENCES[self.troubles[0]] if self.troubles else ""

    @property
    def refused(self) -> bool:
        """Whether a command that prints or sells, answered so, was not carried out."""
        return any(trouble in _REFUSALS for trouble in self.troubles)

    @property
    def question_refused(self) -> bool:
        """Whether a command that only asks was not carried out: it needs no paper."""
        return any(trouble in _QUESTION_REFUSALS for trouble in self.troubles)


def condition_of(status: bytes, meaning: StatusMap) -> Condition:
    """Read the status bytes of an answer; bytes that are missing say nothing."""

    def is_set(place: tuple[int, int]) -> bool:
        return len(status) > place[0] and bool(status[place[0]] >> place[1] & 1)

    found = {trouble for byte, bit, trouble in BITS[meaning] if is_set((byte, bit))}
    maker_code = status.hex(" ").upper()
    if meaning in ERROR_NUMBER_IN_BYTE_3 and len(status) > 3 and status[3] & 0x7F:
        found.add(Trouble.ERROR)
        maker_code += f" error {status[3] & 0x7F}"
    return Condition(
        troubles=tuple(sorted(found, key=_GRAVITY.index)),
        is_receipt_open=is_set(_FISCAL_OPEN),
        is_slip_open=is_set(_SLIP_OPEN),
        maker_code=maker_code,
    )


def status_bytes(
    troubles: frozenset[Trouble], *, is_receipt_open: bool, is_slip_open: bool, meaning: StatusMap
) -> bytes:
    """The reverse, for the twin: bytes in which bit 7 is always set."""
    size = 8 if meaning is StatusMap.DATECS_X else 6
    status = bytearray([0x80] * size)
    told: set[Trouble] = set()
    for byte, bit, trouble in BITS[meaning]:
        if trouble in troubles and trouble not in told:
            status[byte] |= 1 << bit
            told.add(trouble)
    if is_receipt_open:
        status[_FISCAL_OPEN[0]] |= 1 << _FISCAL_OPEN[1]
    if is_slip_open:
        status[_SLIP_OPEN[0]] |= 1 << _SLIP_OPEN[1]
    return bytes(status)
