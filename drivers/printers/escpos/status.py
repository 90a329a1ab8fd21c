"""What the printer says of itself: status bytes → our codes → a sentence the cashier can act on; passes nothing on.

Real-time answers, automatic status and plain answers differ in fixed bits (Epson command reference, DLE EOT, GS a):
real time 0xx1xx10, automatic status 0xx1xx00 followed by three bytes 0xx0xxxx.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

from .commands import DLE, ESC, GS


class Trouble(Enum):
    """Our codes, the same for every printer; the numbers never change their meaning."""

    PAPER_OUT = "E301"
    COVER_OPEN = "E302"
    CUTTER = "E303"
    MECHANISM = "E304"
    OFFLINE = "E305"
    ERROR = "E306"
    PAPER_NEAR_END = "W301"


SENTENCES: Final[dict[Trouble, str]] = {
    Trouble.PAPER_OUT: "out of paper: put in a new roll and close the cover",
    Trouble.COVER_OPEN: "the printer's cover is open: close it until it clicks",
    Trouble.CUTTER: "the cutter is jammed: open the cover, take out the paper scrap, switch the printer off and on",
    Trouble.MECHANISM: "the printer needs service: switch it off and on, and call for help if it says so again",
    Trouble.OFFLINE: "the printer is off line: check that it is switched on and not being fed by hand",
    Trouble.ERROR: "the printer reports an error: switch it off and on",
    Trouble.PAPER_NEAR_END: "paper is nearly out: have a new roll at hand",
}
# What hides what: an open cover also reads as off line, no paper also as near end.
_GRAVITY: Final = (
    Trouble.COVER_OPEN,
    Trouble.PAPER_OUT,
    Trouble.CUTTER,
    Trouble.MECHANISM,
    Trouble.ERROR,
    Trouble.OFFLINE,
    Trouble.PAPER_NEAR_END,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How the printer is, as far as it said.

    Attributes:
        code: our code, "" when nothing is wrong.
        sentence: what the cashier should do, "" when nothing.
        maker_code: the status bytes it was read from, in hex.
    """

    code: str = ""
    sentence: str = ""
    maker_code: str = ""


READY: Final = Condition()

REAL_TIME_BASE: Final = 0x12  # bits 1 and 4 are always set in a real-time answer
AUTOMATIC_BASE: Final = 0x10  # first byte of automatic status
# Bit → trouble, for each real-time request DLE EOT n (§ DLE EOT of the command reference).
REAL_TIME_BITS: Final[dict[int, tuple[tuple[int, Trouble], ...]]] = {
    1: ((0x08, Trouble.OFFLINE),),
    2: ((0x04, Trouble.COVER_OPEN), (0x20, Trouble.PAPER_OUT), (0x40, Trouble.ERROR)),
    3: ((0x04, Trouble.MECHANISM), (0x08, Trouble.CUTTER), (0x20, Trouble.MECHANISM), (0x40, Trouble.ERROR)),
    4: ((0x0C, Trouble.PAPER_NEAR_END), (0x60, Trouble.PAPER_OUT)),
}
# Automatic status: (byte, bit, trouble).
AUTOMATIC_BITS: Final = (
    (0, 0x08, Trouble.OFFLINE),
    (0, 0x20, Trouble.COVER_OPEN),
    (1, 0x04, Trouble.MECHANISM),
    (1, 0x08, Trouble.CUTTER),
    (1, 0x20, Trouble.MECHANISM),
    (1, 0x40, Trouble.ERROR),
    (2, 0x03, Trouble.PAPER_NEAR_END),
    (2, 0x0C, Trouble.PAPER_OUT),
)
PAPER_BITS: Final = ((0x03, Trouble.PAPER_NEAR_END), (0x0C, Trouble.PAPER_OUT))  # GS r 1 and ESC v
AUTOMATIC_SIZE: Final = 4

# A till that polls without reading the answers must not fill memory.
_ASKED_MAX: Final = 64
# Printer id answers are text up to a NUL; longer than this is not one.
_IDENTITY_SIZE_MAX: Final = 80
_IDENTITY_START: Final = 0x5F


class StatusReader:
    """Follows the back channel: told what the till asked, shown what the printer answers."""

    def __init__(self) -> None:
        self._asked: deque[tuple[str, int]] = deque(maxlen=_ASKED_MAX)
        self._troubles: dict[str, tuple[frozenset[Trouble], str]] = {}
        self._automatic = bytearray()
        self._identity_left = 0

    def asked(self, code: bytes, parameter: int) -> None:
        """The till sent a status request: `code` is the opcode, `parameter` its first byte."""
        name = {bytes([DLE, 4]): "now", bytes([GS, 0x72]): "back", bytes([ESC, 0x76]): "paper"}.get(code)
        if name is not None:
            # A printer that is off leaves requests unanswered; asking again replaces the old one.
            if (name, parameter) in self._asked:
                self._asked.remove((name, parameter))
            self._asked.append((name, parameter))

    def answered(self, data: bytes) -> None:
        """The printer sent these bytes, in any slicing."""
        for byte in data:
            self._byte(byte)

    @property
    def condition(self) -> Condition:
        """The gravest trouble known now."""
        for trouble in _GRAVITY:
            for found, maker_code in self._troubles.values():
                if trouble in found:
                    return Condition(code=trouble.value, sentence=SENTENCES[trouble], maker_code=maker_code)
        return READY

    def _byte(self, byte: int) -> None:
        if self._identity_left:
            self._identity_left = 0 if byte == 0 else self._identity_left - 1
        elif self._automatic:
            self._automatic_more(byte)
        elif byte == _IDENTITY_START:
            self._identity_left = _IDENTITY_SIZE_MAX
        elif byte & 0x93 == REAL_TIME_BASE:
            self._real_time(byte)
        elif byte & 0x93 == AUTOMATIC_BASE:
            self._automatic.append(byte)
        elif byte & 0x90 == 0:
            self._plain(byte)

    def _automatic_more(self, byte: int) -> None:
        if byte & 0x90:  # the other three bytes have bits 4 and 7 clear: this was no automatic status
            self._automatic.clear()
            self._byte(byte)
            return
        self._automatic.append(byte)
        if len(self._automatic) == AUTOMATIC_SIZE:
            status = bytes(self._automatic)
            self._automatic.clear()
            found = frozenset(trouble for index, bit, trouble in AUTOMATIC_BITS if status[index] & bit)
            # Automatic status is the whole truth of its moment; what was asked before is history.
            self._troubles = {"automatic": (found, status.hex(" "))}

    def _real_time(self, byte: int) -> None:
        parameter = self._take("now")
        if parameter is None:
            return
        found = frozenset(trouble for bit, trouble in REAL_TIME_BITS.get(parameter, ()) if byte & bit)
        self._note(f"now {parameter}", found, f"10 04 {parameter:02x}: {byte:02x}")

    def _plain(self, byte: int) -> None:
        if not self._asked or self._asked[0][0] == "now":
            return
        name, parameter = self._asked.popleft()
        if name == "paper" or parameter in (1, 49):
            found = frozenset(trouble for bit, trouble in PAPER_BITS if byte & bit)
            self._note("paper", found, f"paper: {byte:02x}")

    def _take(self, name: str) -> int | None:
        """The oldest request of this kind; real-time answers overtake the others."""
        for index, (asked, parameter) in enumerate(self._asked):
            if asked == name:
                del self._asked[index]
                return parameter
        return None

    def _note(self, source: str, found: frozenset[Trouble], maker_code: str) -> None:
        self._troubles[source] = (found, maker_code)
