"""Bytes ↔ frames of both low-level ATOL protocols; pure, any slicing, bounded memory; knows no commands.

Protocol 2: single bytes ENQ, ACK, NAK, EOT, and blocks ``[STX:1] [data] [ETX:1] [sum:1]``; 10h and 03h in the data are
written with a DLE (10h) before them, the sum is the XOR of everything after STX, DLEs and ETX included. Protocol 3:
``[FE:1] [length:2] [id:1] [data] [CRC:1]``, seven bits of the length in each byte, the lower first; CRC-8, polynomial
31h, beginning with FFh, over id and data; in data and CRC FE is written FD EE and FD is written FD ED, so FE always
begins a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Final

from drivers.vocabulary.errors import LocalProtocolError

STX: Final = 0x02
ETX: Final = 0x03
EOT: Final = 0x04
ENQ: Final = 0x05
ACK: Final = 0x06
DLE: Final = 0x10
NAK: Final = 0x15
CONTROLS: Final = frozenset({EOT, ENQ, ACK, NAK})
BLOCK_SIZE_MAX: Final = 3_000  # a document of the fiscal memory comes in smaller parts
_RAW_SIZE_MAX: Final = 2 * BLOCK_SIZE_MAX + 2

START3: Final = 0xFE
ESCAPE3: Final = 0xFD
_STUFFED: Final = {0xEE: START3, 0xED: ESCAPE3}
DATA3_SIZE_MAX: Final = 0x3FFF
ID_MAX: Final = 0xDF
ASYNC_ID: Final = 0xF0
_HEAD3_SIZE: Final = 3  # length and id
_JUNK_SIZE_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Control:
    """ENQ, ACK, NAK or EOT between blocks of protocol 2."""

    code: int


@dataclass(frozen=True, slots=True)
class Block:
    """A block of protocol 2 whose sum is right."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Frame3:
    """A frame of protocol 3 whose CRC is right; id F0 is what the device says unasked."""

    id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Junk:
    """Bytes that are no frame.

    Attributes:
        is_frame: True when it looked like one and was spoiled.
    """

    data: bytes
    is_frame: bool = False


Item2 = Control | Block | Junk
Item3 = Frame3 | Junk


# ── Protocol 2 ──────────────────────────────────────────────────────────────────────────────────


def encode2(data: bytes) -> bytes:
    """A block; raises LocalProtocolError for data that does not fit."""
    if not 1 <= len(data) <= BLOCK_SIZE_MAX:
        raise LocalProtocolError(f"a block carries 1 to {BLOCK_SIZE_MAX} bytes, not {len(data)}")
    stuffed = data.replace(b"\x10", b"\x10\x10").replace(b"\x03", b"\x10\x03") + bytes([ETX])
    return bytes([STX]) + stuffed + bytes([reduce(xor, stuffed, 0)])


class Decoder2:
    """Protocol 2, either direction. After a spoiled block the next one that a control byte announces is read."""

    def __init__(self) -> None:
        self._raw = bytearray()  # everything after STX, as it came
        self._data = bytearray()
        self._is_inside = self._is_escaped = self._wants_sum = False

    @property
    def is_between(self) -> bool:
        """True when no block has begun."""
        return not self._is_inside

    @property
    def kept_size(self) -> int:
        """Bytes of the block that has begun; bounded."""
        return len(self._raw) + len(self._data)

    def feed(self, data: bytes) -> list[Item2]:
        """The items these bytes complete, in order."""
        items: list[Item2] = []
        waiting = [data]
        while waiting:
            part = waiting.pop()
            for at, byte in enumerate(part):
                again = self._take(byte, items)
                if again:
                    waiting += [part[at + 1 :], again]
                    break
        return items

    def silence(self) -> list[Item2]:
        """The rest of a block did not come within the byte time-out."""
        items: list[Item2] = []
        while self._is_inside:
            again = self._give_up(items)
            if again:
                items += self.feed(again)
        return items

    def _take(self, byte: int, items: list[Item2]) -> bytes:
        """One byte; what must be looked at again after a spoiled block, b"" for nothing."""
        if not self._is_inside:
            if byte == STX:
                self._is_inside = True
            elif byte in CONTROLS:
                items.append(Control(byte))
            else:
                _junk(items, byte)
            return b""
        self._raw.append(byte)
        if self._wants_sum:
            if reduce(xor, self._raw, 0) == 0:  # the sum makes it nothing
                items.append(Block(bytes(self._data)))
                self._reset()
                return b""
            return self._give_up(items)
        if self._is_escaped:
            self._is_escaped = False
            self._data.append(byte)
        elif byte == DLE:
            self._is_escaped = True
        elif byte == ETX:
            self._wants_sum = True
        else:
            self._data.append(byte)
        return self._give_up(items) if len(self._raw) > _RAW_SIZE_MAX else b""

    def _give_up(self, items: list[Item2]) -> bytes:
        """The block is spoiled; from a control byte before an STX on it is looked at again."""
        raw = bytes(self._raw)
        self._reset()
        found = next((at for at in range(len(raw) - 1) if raw[at] in CONTROLS and raw[at + 1] == STX), len(raw))
        items.append(Junk(bytes([STX]) + raw[: min(found, _JUNK_SIZE_MAX)], is_frame=True))
        return raw[found:]

    def _reset(self) -> None:
        self._raw.clear()
        self._data.clear()
        self._is_inside = self._is_escaped = self._wants_sum = False


def _junk(items: list[Item2], byte: int) -> None:
    """Add to the junk before it, so that a megabyte of noise is not a million values."""
    last = items[-1] if items else None
    if isinstance(last, Junk) and not last.is_frame and len(last.data) < _JUNK_SIZE_MAX:
        items[-1] = Junk(last.data + bytes([byte]))
    else:
        items.append(Junk(bytes([byte])))


# ── Protocol 3 ──────────────────────────────────────────────────────────────────────────────────


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc << 1) ^ 0x31 if crc & 0x80 else crc << 1
        table.append(crc & 0xFF)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()


def crc8(data: bytes | bytearray) -> int:
    """CRC-8, polynomial 31h, beginning with FFh: over id and data, before stuffing."""
    crc = 0xFF
    for byte in data:
        crc = _CRC_TABLE[crc ^ byte]
    return crc


def encode3(number: int, data: bytes) -> bytes:
    """A frame of protocol 3; raises LocalProtocolError for what does not fit."""
    if len(data) > DATA3_SIZE_MAX or not (0 <= number <= ID_MAX or number == ASYNC_ID):
        raise LocalProtocolError(f"a frame has an id up to {ID_MAX:02X}h and at most {DATA3_SIZE_MAX} bytes")
    counted = bytes([number]) + data
    # The escape byte itself goes first, or it would be stuffed twice.
    stuffed = (data + bytes([crc8(counted)])).replace(b"\xfd", b"\xfd\xed").replace(b"\xfe", b"\xfd\xee")
    return bytes([START3, len(data) & 0x7F, len(data) >> 7, number]) + stuffed


class Decoder3:
    """Protocol 3, either direction. FE always begins a frame, so after anything wrong the next FE is the next frame."""

    def __init__(self) -> None:
        self._plain = bytearray()  # length, id, data, CRC without stuffing
        self._is_inside = self._is_escaped = False
        self._wanted = 0

    @property
    def is_between(self) -> bool:
        """True when no frame has begun."""
        return not self._is_inside

    @property
    def kept_size(self) -> int:
        """Bytes of the frame that has begun; never more than a frame."""
        return len(self._plain)

    def feed(self, data: bytes) -> list[Item3]:
        """The items these bytes complete, in order."""
        items: list[Item3] = []
        for byte in data:
            if byte == START3:
                self._give_up(items)
                self._is_inside = True
            elif not self._is_inside:
                _junk3(items, byte)
            elif self._is_escaped:
                self._is_escaped = False
                if byte in _STUFFED:
                    self._add(_STUFFED[byte], items)
                else:
                    self._give_up(items)
            elif byte == ESCAPE3 and len(self._plain) >= _HEAD3_SIZE:
                self._is_escaped = True
            else:
                self._add(byte, items)
        return items

    def silence(self) -> list[Item3]:
        """The rest of a frame did not come within the byte time-out."""
        items: list[Item3] = []
        self._give_up(items)
        return items

    def _add(self, byte: int, items: list[Item3]) -> None:
        plain = self._plain
        plain.append(byte)
        if len(plain) == 2:
            if plain[0] > 0x7F or plain[1] > 0x7F:
                self._give_up(items)
                return
            self._wanted = _HEAD3_SIZE + (plain[0] | plain[1] << 7) + 1
        elif len(plain) == self._wanted:
            counted = bytes(plain[2:-1])
            if crc8(counted) != plain[-1]:
                self._give_up(items)
                return
            items.append(Frame3(counted[0], counted[1:]))
            self._reset()

    def _give_up(self, items: list[Item3]) -> None:
        if self._is_inside:
            items.append(Junk(bytes([START3]) + bytes(self._plain[:_JUNK_SIZE_MAX]), is_frame=True))
        self._reset()

    def _reset(self) -> None:
        self._plain.clear()
        self._is_inside = self._is_escaped = False
        self._wanted = 0


def _junk3(items: list[Item3], byte: int) -> None:
    last = items[-1] if items else None
    if isinstance(last, Junk) and not last.is_frame and len(last.data) < _JUNK_SIZE_MAX:
        items[-1] = Junk(last.data + bytes([byte]))
    else:
        items.append(Junk(bytes([byte])))
