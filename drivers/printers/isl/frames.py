"""Bytes ↔ ISL frames, short and long, in any slicing; what is no frame is skipped up to the next one.

    host    [SOH:1] [LEN] [SEQ:1] [CMD] [DATA] [05:1] [BCC:4] [ETX:1]
    device  [SOH:1] [LEN] [SEQ:1] [CMD] [DATA] [04:1] [STATUS:6 or 8] [05:1] [BCC:4] [ETX:1], or NAK, or SYN

Short: LEN and CMD are one byte each, LEN is 20h + the bytes from LEN to 05. Long: LEN and CMD are four nibbles, each
+ 30h. BCC is the sum of the bytes from LEN to 05, as four nibbles. (Datecs P protocol 1.00, Datecs X protocol 2.02,
the chapters on the low level.) A control byte in DATA travels as 10h and the byte + 40h, so SOH never stands inside a
frame: it always begins one, and a reader that lost its way is right again at the next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.vocabulary.errors import LocalProtocolError

SOH: Final = 0x01
ETX: Final = 0x03
SEPARATOR: Final = 0x04  # between data and status
POSTAMBLE: Final = 0x05
NAK: Final = 0x15
SYN: Final = 0x16
DLE: Final = 0x10
SEQUENCE_MIN: Final = 0x20
#: The makers give 213 and 218 bytes for the short frame; its length byte allows a little more.
DATA_SIZE_MAX_SHORT: Final = 0xFF - 0x20 - 4
#: No command of the long frame carries more; a damaged length must not make the reader wait for 64 KB.
DATA_SIZE_MAX_LONG: Final = 2_048

_PLAIN_CONTROLS: Final = frozenset(b"\t\n")
_NEXT: Final = {True: re.compile(rb"\x01"), False: re.compile(rb"[\x01\x15\x16]")}


class Signal(Enum):
    """What a device says without a frame."""

    NAK = NAK  # the frame was damaged: send it again, same number
    SYN = SYN  # busy; an answer will come


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFormat:
    """One of the two shapes.

    Attributes:
        is_long: LEN and CMD have four nibbles.
        status_size: status bytes of an answer.
        sequence_max: numbers run from 20h to this and begin again.
    """

    is_long: bool
    status_size: int
    sequence_max: int

    @property
    def head_size(self) -> int:
        """Bytes of LEN, SEQ and CMD."""
        return 9 if self.is_long else 3

    @property
    def data_size_max(self) -> int:
        """Bytes of DATA as they travel, status not counted."""
        return DATA_SIZE_MAX_LONG if self.is_long else DATA_SIZE_MAX_SHORT

    def later_sequence(self, sequence: int, steps: int) -> int:
        """The number so many steps after `sequence`."""
        return SEQUENCE_MIN + (sequence - SEQUENCE_MIN + steps) % (self.sequence_max - SEQUENCE_MIN + 1)

    def next_sequence(self, sequence: int) -> int:
        """The number after `sequence`."""
        return sequence + 1 if SEQUENCE_MIN <= sequence < self.sequence_max else SEQUENCE_MIN


SHORT: Final = FrameFormat(is_long=False, status_size=6, sequence_max=0x7F)
LONG: Final = FrameFormat(is_long=True, status_size=8, sequence_max=0xFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame, checked.

    Attributes:
        data: as the sender meant it, control bytes put back.
        status: of an answer; None for a request.
    """

    sequence: int
    command: int
    data: bytes = b""
    status: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """Something began like a frame and was none; `reason` in words, for traces."""

    reason: str


Item = Frame | Signal | Damaged


def encode(frame: Frame, shape: FrameFormat) -> bytes:
    """The bytes of one frame; raises LocalProtocolError when it cannot be sent in this shape."""
    data = escape(frame.data)
    tail = b"" if frame.status is None else bytes((SEPARATOR,)) + frame.status
    if frame.status is not None and len(frame.status) != shape.status_size:
        raise LocalProtocolError(f"status has {len(frame.status)} bytes; this frame takes {shape.status_size}")
    size = shape.head_size + len(data) + len(tail) + 1
    size_max = shape.data_size_max + shape.head_size + 1 + (shape.status_size + 1 if shape.is_long else 0)
    if size > size_max:
        raise LocalProtocolError(
            f"command {frame.command:02X}h: {len(data)} bytes of data do not fit a frame; shorten it"
        )
    if not SEQUENCE_MIN <= frame.sequence <= shape.sequence_max:
        raise LocalProtocolError(f"sequence {frame.sequence:02X}h: must be 20h to {shape.sequence_max:02X}h")
    length = _nibbles(0x20 + size) if shape.is_long else bytes((0x20 + size,))
    command = _nibbles(frame.command) if shape.is_long else bytes((frame.command,))
    body = length + bytes((frame.sequence,)) + command + data + tail + bytes((POSTAMBLE,))
    return bytes((SOH,)) + body + _nibbles(sum(body)) + bytes((ETX,))


def escape(data: bytes) -> bytes:
    """Data as it travels: control bytes but TAB and LF become 10h and the byte + 40h."""
    if all(byte >= 0x20 or byte in _PLAIN_CONTROLS for byte in data):
        return data
    out = bytearray()
    for byte in data:
        if byte >= 0x20 or byte in _PLAIN_CONTROLS:
            out.append(byte)
        else:
            out += bytes((DLE, byte + 0x40))
    return bytes(out)


def unescape(data: bytes) -> bytes:
    """The reverse of `escape`; a DLE that escapes nothing is kept as it came."""
    if DLE not in data:
        return data
    out = bytearray()
    index = 0
    while index < len(data):
        if data[index] == DLE and index + 1 < len(data) and 0x40 <= data[index + 1] < 0x60:
            out.append(data[index + 1] - 0x40)
            index += 2
        else:
            out.append(data[index])
            index += 1
    return bytes(out)


class FrameReader:
    """Takes one direction of a wire in any slicing and gives the frames of it.

    Args:
        shape: short or long.
        is_host: True reads what a till sends, False what a device answers.
    """

    def __init__(self, shape: FrameFormat, *, is_host: bool) -> None:
        self._shape = shape
        self._is_host = is_host
        self._buffer = bytearray()

    @property
    def pending_size(self) -> int:
        """Bytes of a frame that is not whole yet; bounded by the longest frame."""
        return len(self._buffer)

    def reset(self) -> None:
        """Forget half a frame: the line was cut, or silent for too long."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Item]:
        """The frames, signals and damages that ended in these bytes; never raises."""
        self._buffer += data
        items: list[Item] = []
        buffer, at = self._buffer, 0
        pattern = _NEXT[self._is_host]
        while True:
            found = pattern.search(buffer, at)
            if found is None:
                at = len(buffer)
                break
            at = found.start()
            if buffer[at] != SOH:
                items.append(Signal(buffer[at]))
                at += 1
                continue
            item, taken = self._frame(at)
            if taken == 0:
                break
            if item is not None:
                items.append(item)
            at += taken
        del buffer[:at]
        return items

    def _frame(self, at: int) -> tuple[Frame | Damaged | None, int]:
        """What begins with the SOH at `at`, and how many bytes it takes; 0 when more must come."""
        buffer, shape = self._buffer, self._shape
        size = self._body_size(at + 1)
        end = at + 1 + size + 5  # BCC and ETX
        # The SOH of the next frame ends this one, whatever its length said.
        following = buffer.find(SOH, at + 1, max(end, at + 1 + shape.head_size))
        if following >= 0:
            return Damaged(reason="a frame was cut off by the next one"), following - at
        if size < 0:
            return Damaged(reason="the length is not one"), 1
        if size == 0 or len(buffer) < end:
            return None, 0
        body = bytes(buffer[at + 1 : at + 1 + size])
        if buffer[end - 1] != ETX or body[-1] != POSTAMBLE:
            return Damaged(reason="no 05h and 03h where the length puts them"), 1
        if bytes(buffer[end - 5 : end - 1]) != _nibbles(sum(body)):
            return Damaged(reason="the checksum is wrong"), end - at
        return self._parse(body), end - at

    def _body_size(self, at: int) -> int:
        """Bytes from LEN to 05; 0 when LEN is not all there, -1 when it cannot be a length."""
        buffer, shape = self._buffer, self._shape
        if not shape.is_long:
            if len(buffer) <= at:
                return 0
            size = buffer[at] - 0x20
        else:
            digits = buffer[at : at + 4]
            if any(not 0x30 <= digit <= 0x3F for digit in digits):
                return -1
            if len(digits) < 4:
                return 0
            size = _number(digits) - 0x20
        least = shape.head_size + 1 + (0 if self._is_host else shape.status_size + 1)
        return size if least <= size <= shape.data_size_max + least else -1

    def _parse(self, body: bytes) -> Frame | Damaged:
        shape = self._shape
        at = 4 if shape.is_long else 1
        sequence = body[at]
        digits = body[at + 1 : shape.head_size]
        command = _number(digits) if shape.is_long else digits[0]
        if sequence < SEQUENCE_MIN or sequence > shape.sequence_max:
            return Damaged(reason="the sequence number is not one")
        data, status = body[shape.head_size : -1], None
        if not self._is_host:
            status = data[-shape.status_size :]
            if data[-shape.status_size - 1] != SEPARATOR:
                return Damaged(reason="no 04h before the status")
            data = data[: -shape.status_size - 1]
        return Frame(sequence=sequence, command=command, data=unescape(data), status=status)


def _nibbles(number: int) -> bytes:
    return bytes(0x30 + (number >> shift & 0x0F) for shift in (12, 8, 4, 0))


def _number(digits: bytes | bytearray) -> int:
    return sum((digit & 0x0F) << shift for digit, shift in zip(digits, (12, 8, 4, 0), strict=True))
