"""Key events on a stream of bytes: the record Linux gives for each key, on every system; no I/O.

    # [seconds:8] [microseconds:8] [type:2] [code:2] [value:4]      little-endian, 24 bytes

That is `struct input_event` of a 64-bit Linux (uapi/linux/input.h). Transports bring whatever their system gives into
this one form, so that a recording of one machine is read on any other.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = ["EVENT_SIZE", "EV_KEY", "EV_SYN", "SYN_DROPPED", "KeyEvent", "KeyEventReader", "pack_event"]

EVENT_SIZE = 24
EV_SYN = 0x00
EV_KEY = 0x01
SYN_DROPPED = 0x03  # of EV_SYN: the kernel's buffer ran over, and events are missing
_FORMAT: Final = struct.Struct("<qqHHi")
_TYPE_MAX: Final = 0x1F  # EV_MAX
_CODE_MAX: Final = 0x2FF  # KEY_MAX
_MICROSECONDS: Final = 1_000_000


class KeyEvent(NamedTuple):
    """One event: value 1 is pressed, 0 released, 2 repeated by the keyboard itself."""

    type: int
    code: int
    value: int


def pack_event(event: KeyEvent, *, at_s: float = 0.0) -> bytes:
    """One record."""
    seconds = int(at_s)
    return _FORMAT.pack(seconds, int((at_s - seconds) * _MICROSECONDS), event.type, event.code, event.value)


class KeyEventReader:
    """Takes bytes in any slicing, gives events; rubbish is skipped byte by byte until a record makes sense."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Sequence[KeyEvent]:
        """The events that ended in these bytes."""
        return [event for _, event in self.timed(data)]

    def timed(self, data: bytes) -> Sequence[tuple[float, KeyEvent]]:
        """The same, each with when it happened (seconds of the system's clock); 0.0 where the system does not say."""
        self._buffer += data
        found: list[tuple[float, KeyEvent]] = []
        place = 0
        while len(self._buffer) - place >= EVENT_SIZE:
            seconds, micro, kind, code, value = _FORMAT.unpack_from(self._buffer, place)
            makes_sense = seconds >= 0 and 0 <= micro < _MICROSECONDS and kind <= _TYPE_MAX and code <= _CODE_MAX
            if makes_sense:
                found.append((seconds + micro / _MICROSECONDS, KeyEvent(kind, code, value)))
            place += EVENT_SIZE if makes_sense else 1
        del self._buffer[:place]
        return found

    def forget(self) -> None:
        """Throw half a record away."""
        self._buffer.clear()
