"""Bytes ↔ frames of both Shtrih-M wire protocols; pure, any slicing, bounded memory; knows no commands.

Protocol 1 ("standard", protocol document 1.17): one frame is ``[STX:1] [LEN:1] [body:LEN] [LRC:1]``, LRC is the XOR of
LEN and the body; the single bytes ENQ, ACK and NAK stand between frames. Protocol 2 ("alternative"): one frame is
``[8F:1] [LEN:2] [NUMBER:2] [body:LEN-2] [CRC:2]``, everything after the first byte stuffed: 8F → 9F 81, 9F → 9F 83.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final

from drivers.vocabulary.errors import LocalProtocolError

STX: Final = 0x02
ENQ: Final = 0x05
ACK: Final = 0x06
NAK: Final = 0x15
CONTROLS: Final = frozenset({ENQ, ACK, NAK})
BODY_SIZE_MAX: Final = 255  # LEN is one byte

START2: Final = 0x8F
ESCAPE2: Final = 0x9F
STUFFED: Final = {0x81: START2, 0x83: ESCAPE2}  # what follows the escape byte → what was meant
CRC_BEGIN: Final = 0xFFFF
_NUMBER_SIZE: Final = 2
_CRC_SIZE: Final = 2
BODY2_SIZE_MAX: Final = 0xFFFF - _NUMBER_SIZE
NUMBER_MODULUS: Final = 0x1_0000


@dataclass(frozen=True, slots=True)
class Control:
    """ENQ, ACK or NAK between frames of protocol 1."""

    code: int


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of protocol 1 whose LRC is right; the body is the command and its parameters."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Frame2:
    """A frame of protocol 2 whose CRC is right.

    Attributes:
        number: None for the ping of the host (LEN = 0).
        body: b"" with a number is the device's "no command executed yet" (LEN = 2).
    """

    number: int | None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Junk:
    """Bytes that are no frame: FF before a control byte on USB networks, noise, a frame with a wrong sum.

    Attributes:
        is_frame: True when it looked like a frame and its sum was wrong: the receiver answers NAK.
    """

    data: bytes
    is_frame: bool = False


Item = Control | Frame | Junk
Item2 = Frame2 | Junk


def lrc(data: bytes | bytearray) -> int:
    """XOR of all bytes: the last byte of a frame of protocol 1, over LEN and the body."""
    return reduce(xor, data, 0)


def encode(body: bytes) -> bytes:
    """A frame of protocol 1; raises LocalProtocolError for a body that does not fit."""
    if not 1 <= len(body) <= BODY_SIZE_MAX:
        raise LocalProtocolError(f"a frame carries 1 to {BODY_SIZE_MAX} bytes, not {len(body)}; use protocol 2")
    counted = bytes([len(body)]) + body
    return bytes([STX]) + counted + bytes([lrc(counted)])


def _crc_table() -> tuple[int, ...]:
    table = []
    for high in range(256):
        crc = high << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        table.append(crc & 0xFFFF)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()


def crc16(data: bytes) -> int:
    """CRC-16/CCITT, polynomial 1021h, beginning with FFFFh: over LEN, NUMBER and the body, before stuffing."""
    crc = CRC_BEGIN
    for byte in data:
        crc = crc16_next(crc, byte)
    return crc


def crc16_next(crc: int, byte: int) -> int:
    """The sum with one byte more."""
    return ((crc << 8) & 0xFFFF) ^ _CRC_TABLE[(crc >> 8) ^ byte]


def encode2(number: int | None, body: bytes = b"") -> bytes:
    """A frame of protocol 2; ``encode2(None)`` is the ping, ``encode2(n)`` the device's "nothing executed yet"."""
    if len(body) > BODY2_SIZE_MAX or (number is None and body):
        raise LocalProtocolError(f"a frame carries at most {BODY2_SIZE_MAX} bytes, and a ping none")
    numbered = b"" if number is None else (number % NUMBER_MODULUS).to_bytes(_NUMBER_SIZE, "little") + body
    counted = len(numbered).to_bytes(2, "little") + numbered
    plain = counted + crc16(counted).to_bytes(_CRC_SIZE, "little")
    # The escape byte itself goes first, or it would be stuffed twice.
    stuffed = plain.replace(b"\x9f", b"\x9f\x83").replace(b"\x8f", b"\x9f\x81")
    return bytes([START2]) + stuffed


class Decoder:
    """Protocol 1, either direction. A wrong frame costs its first byte; what follows is looked at again."""

    def __init__(self) -> None:
        self._kept = bytearray()

    @property
    def is_between(self) -> bool:
        """True when no frame has begun."""
        return not self._kept

    @property
    def head(self) -> bytes:
        """The command of the frame that has begun, as far as it has come: two bytes at the most."""
        return bytes(self._kept[2:4])

    @property
    def kept_size(self) -> int:
        """Bytes of the frame that has begun; never more than a frame."""
        return len(self._kept)

    def feed(self, data: bytes) -> list[Item]:
        """The items these bytes complete, in order."""
        items: list[Item] = []
        # In pieces, so that a megabyte in one call keeps no megabyte.
        for start in range(0, len(data), 256):
            self._kept += data[start : start + 256]
            self._take(items)
        return items

    def silence(self) -> list[Item]:
        """The rest of a frame did not come within the byte time-out: its first byte was no beginning."""
        items: list[Item] = []
        while self._kept:
            _junk(items, self._kept[:1], is_frame=True)
            del self._kept[:1]
            self._take(items)
        return items

    def _take(self, items: list[Item]) -> None:
        kept, at = self._kept, 0
        while at < len(kept):
            first = kept[at]
            if first in CONTROLS:
                items.append(Control(first))
                at += 1
            elif first != STX:
                _junk(items, kept[at : at + 1])
                at += 1
            else:
                size = kept[at + 1] if at + 1 < len(kept) else 0
                end = at + size + 3
                if at + 1 == len(kept) or (size and end > len(kept)):
                    break
                # [STX:1] [LEN:1] [body:LEN] [LRC:1]
                if size and lrc(kept[at + 1 : end - 1]) == kept[end - 1]:
                    items.append(Frame(bytes(kept[at + 2 : end - 1])))
                    at = end
                else:
                    _junk(items, kept[at : at + 1], is_frame=True)
                    at += 1
        del kept[:at]


def _junk(items: list[Item], data: bytes | bytearray, *, is_frame: bool = False) -> None:
    """Add to the junk before it, so that a megabyte of noise is not a million values."""
    last = items[-1] if items else None
    if isinstance(last, Junk) and last.is_frame == is_frame and len(last.data) < BODY_SIZE_MAX:
        items[-1] = Junk(last.data + bytes(data), is_frame=is_frame)
    else:
        items.append(Junk(bytes(data), is_frame=is_frame))


class Decoder2:
    """Protocol 2, either direction. 8F always begins a frame, so after anything wrong the next 8F is the next frame."""

    def __init__(self) -> None:
        self._plain = bytearray()  # LEN, NUMBER, body, CRC without stuffing
        self._is_inside = False
        self._is_escaped = False
        self._wanted = 0  # size of `_plain` when the frame is whole; 0 while LEN has not come

    @property
    def is_between(self) -> bool:
        """True when no frame has begun."""
        return not self._is_inside

    @property
    def head(self) -> bytes:
        """The command of the frame that has begun, as far as it has come: two bytes at the most."""
        return bytes(self._plain[4:6])

    @property
    def kept_size(self) -> int:
        """Bytes of the frame that has begun; never more than 65 539."""
        return len(self._plain)

    def feed(self, data: bytes) -> list[Item2]:
        """The items these bytes complete, in order."""
        items: list[Item2] = []
        for byte in data:
            if byte == START2:
                self._give_up(items)
                self._is_inside = True
            elif not self._is_inside:
                _junk2(items, byte)
            elif self._is_escaped:
                self._is_escaped = False
                if byte in STUFFED:
                    self._add(STUFFED[byte], items)
                else:
                    self._give_up(items)
            elif byte == ESCAPE2:
                self._is_escaped = True
            else:
                self._add(byte, items)
        return items

    def silence(self) -> list[Item2]:
        """The rest of a frame did not come within the byte time-out."""
        items: list[Item2] = []
        self._give_up(items)
        return items

    def _add(self, byte: int, items: list[Item2]) -> None:
        plain = self._plain
        plain.append(byte)
        if len(plain) == 2:
            size = int.from_bytes(plain, "little")
            if size == 1:  # a number has two bytes
                self._give_up(items)
                return
            self._wanted = 2 + size + _CRC_SIZE
        elif len(plain) == self._wanted:
            self._finish(items)

    def _finish(self, items: list[Item2]) -> None:
        counted, crc = bytes(self._plain[:-_CRC_SIZE]), int.from_bytes(self._plain[-_CRC_SIZE:], "little")
        if crc16(counted) != crc:
            self._give_up(items)
            return
        number = int.from_bytes(counted[2:4], "little") if len(counted) > 2 else None
        items.append(Frame2(number, counted[4:]))
        self._reset()

    def _give_up(self, items: list[Item2]) -> None:
        if self._is_inside:
            items.append(Junk(bytes([START2]) + bytes(self._plain), is_frame=True))
        self._reset()

    def _reset(self) -> None:
        self._plain.clear()
        self._is_inside = self._is_escaped = False
        self._wanted = 0


def _junk2(items: list[Item2], byte: int) -> None:
    last = items[-1] if items else None
    if isinstance(last, Junk) and not last.is_frame and len(last.data) < BODY_SIZE_MAX:
        items[-1] = Junk(last.data + bytes([byte]))
    else:
        items.append(Junk(bytes([byte])))
