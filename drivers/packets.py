"""Packets on a stream of bytes: what keeps the borders of HID reports on their way through a pipe; no I/O.

    # [0xF5] [0x8C] [kind:1] [length:2 little-endian] [data:length] [check:1, XOR of kind, length and data]

A pipe moves bytes and knows no borders, and a report has one. Inside one process nothing is lost; the check is there
so that a stream that was cut (a recording, a bridge over TCP) is found again at the next packet.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

__all__ = ["PACKET_SIZE_MAX", "Packet", "PacketKind", "Unpacker", "pack"]

PACKET_SIZE_MAX = 4096  # a HID report descriptor has 4096 bytes at most (hid.h), a report has less
_START: Final = b"\xf5\x8c"
_HEAD: Final = 5
_LEAST: Final = _HEAD + 1


class PacketKind(IntEnum):
    """What a packet holds."""

    REPORT = 0x01  # an input report, or an output report on its way to the device
    DESCRIPTOR = 0x02  # the report descriptor, once, before the first report
    IDENTITY = 0x03  # vendor and product, 2 bytes each, little-endian
    FEATURE = 0x04  # a feature report on its way to the device, its report id first


class Packet(NamedTuple):
    """One packet; `kind` may be a number nobody knows."""

    kind: int
    data: bytes


def pack(kind: PacketKind, data: bytes) -> bytes:
    """One packet as bytes; raises ValueError for data longer than PACKET_SIZE_MAX."""
    if len(data) > PACKET_SIZE_MAX:
        raise ValueError(f"a packet holds {PACKET_SIZE_MAX} bytes at most, not {len(data)}")
    body = bytes((kind,)) + len(data).to_bytes(2, "little") + data
    return _START + body + bytes((_check(body),))


class Unpacker:
    """Takes bytes in any slicing, gives the packets that are whole and right; the rest is skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Sequence[Packet]:
        """The packets that ended in these bytes."""
        self._buffer += data
        found: list[Packet] = []
        while (step := self._step()) is not None:
            size, packet = step
            del self._buffer[:size]
            if packet is not None:
                found.append(packet)
        return found

    def forget(self) -> None:
        """Throw half a packet away."""
        self._buffer.clear()

    def _step(self) -> tuple[int, Packet | None] | None:
        """(bytes to take off, the packet they were or None for rubbish); None when more bytes are needed."""
        start = self._buffer.find(_START)
        if start < 0:
            # The last byte may be the first of a start.
            rubbish = len(self._buffer) - (1 if self._buffer.endswith(_START[:1]) else 0)
            return (rubbish, None) if rubbish else None
        if start:
            return start, None
        if len(self._buffer) < _LEAST:
            return None
        size = int.from_bytes(self._buffer[3:5], "little")
        if size <= PACKET_SIZE_MAX and len(self._buffer) < _LEAST + size:
            return None
        body = self._buffer[2 : _HEAD + size]
        if size > PACKET_SIZE_MAX or _check(body) != self._buffer[_HEAD + size]:
            return len(_START), None
        return _LEAST + size, Packet(body[0], bytes(body[3:]))


def _check(body: bytes | bytearray) -> int:
    check = 0
    for byte in body:
        check ^= byte
    return check
