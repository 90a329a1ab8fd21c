"""Frames of protocol 2 with another number, byte by byte as they pass; pure.

A register executes only the number after its last one. When requests of ours have come between, the till counts from
somewhere else than the register does: what the till calls n is n + offset at the register, both ways and for good.
Nothing is kept back but an escape byte. A frame whose checksum was wrong comes out with one that is wrong.
"""

from __future__ import annotations

from typing import Final

from .frames import CRC_BEGIN, ESCAPE2, START2, STUFFED, crc16_next

_NUMBER_AT: Final = 2  # [LEN:2] [NUMBER:2] [body:LEN-2] [CRC:2]
_BODY_AT: Final = 4
_STUFFING: Final = {plain: bytes([ESCAPE2, stuffed]) for stuffed, plain in STUFFED.items()}


class Renumbering:
    """One direction of one line."""

    def __init__(self) -> None:
        self._waiting = b""  # the escape byte, until what follows it says what was meant
        self._is_inside = False
        self._begin(0)

    def feed(self, data: bytes, offset: int) -> tuple[bytes, bytes]:
        """The bytes that go on now, as they came and as they are to be; a frame keeps the offset it began with."""
        came, goes = bytearray(self._waiting), bytearray()
        for byte in data:
            came.append(byte)
            if byte == START2:
                goes += self._waiting
                self._begin(offset)
                self._is_inside = True
                self._waiting = b""
                goes.append(byte)
            elif not self._is_inside:
                goes.append(byte)
            elif self._waiting:
                self._waiting = b""
                if byte in STUFFED:
                    goes += self._next(STUFFED[byte])
                else:  # no frame of protocol 2: the receiver says so
                    self._is_inside = False
                    goes += bytes([ESCAPE2, byte])
            elif byte == ESCAPE2:
                self._waiting = bytes([ESCAPE2])
            else:
                goes += self._next(byte)
        return bytes(came[: len(came) - len(self._waiting)]), bytes(goes)

    def _begin(self, offset: int) -> None:
        self._offset = offset & 0xFFFF
        self._at = self._size = self._carry = 0
        self._crc_came = self._crc_goes = CRC_BEGIN

    def _next(self, plain: int) -> bytes:
        """One byte of the frame without stuffing, as it is to be, stuffed."""
        at, goes = self._at, plain
        self._at += 1
        if at < _NUMBER_AT:
            self._size |= plain << (8 * at)
        elif at >= _NUMBER_AT + self._size:
            shift = 8 * (at - _NUMBER_AT - self._size)
            goes ^= ((self._crc_came ^ self._crc_goes) >> shift) & 0xFF
            self._is_inside = shift == 0
            return _STUFFING.get(goes, bytes([goes]))
        elif at < _BODY_AT:
            goes = plain + ((self._offset >> (8 * (at - _NUMBER_AT))) & 0xFF) + self._carry
            self._carry, goes = goes >> 8, goes & 0xFF
        self._crc_came = crc16_next(self._crc_came, plain)
        self._crc_goes = crc16_next(self._crc_goes, goes)
        return _STUFFING.get(goes, bytes([goes]))
