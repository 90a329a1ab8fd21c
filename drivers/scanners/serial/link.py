"""Bytes of a scanner on a serial port → scanned codes; no I/O, no clock, and no judgement of what a code means.

    [prefix] [AIM id: ] c m] code [suffix]          frame = "plain"
    [STX:1] [prefix] [AIM id: ] c m] code [ETX:1]   frame = "stx_etx", what is outside is noise

AIM symbology identifier: ISO/IEC 15424, a closing bracket, a letter, a digit or letter. GS (0x1D) stays inside the
code: in a marking code it ends the fields of variable length (GS1 General Specifications §7.8).
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.scanners.reading import read_beginning, read_bytes
from drivers.scanners.symbologies import SymbologyIds
from drivers.vocabulary.events import Event

__all__ = ["HALF_CODE_S", "Frame", "SerialScannerLink", "SerialScannerSettings", "Suffix"]

HALF_CODE_S = 0.5  # nobody scans twice within it, and no bridge pauses for so long inside a code

_NO_BEGINNING: Final = "\x00"  # a character that no code has
_STX: Final = 0x02
_ETX: Final = 0x03


class Suffix(Enum):
    """What the scanner sends after a code. AUTO takes CR, LF, CRLF and TAB, and silence until it has seen one."""

    AUTO = "auto"
    CR = "cr"
    LF = "lf"
    CRLF = "crlf"
    TAB = "tab"
    NONE = "none"


class Frame(Enum):
    """Whether codes come bare or between STX and ETX."""

    PLAIN = "plain"
    STX_ETX = "stx_etx"


_ENDS: Final = {
    Suffix.AUTO: frozenset(b"\r\n\t"),
    Suffix.CR: frozenset(b"\r"),
    Suffix.LF: frozenset(b"\n"),
    Suffix.CRLF: frozenset(b"\n"),
    Suffix.TAB: frozenset(b"\t"),
    Suffix.NONE: frozenset(b""),
}


class SerialScannerSettings(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the scanner is programmed; the defaults suit one fresh from the box.

    Attributes:
        suffix: what ends a code.
        prefix: what the scanner puts before each code, "" for nothing; a code without it is a half code.
        frame: "stx_etx" when the scanner is programmed to send STX and ETX.
        gap_ms: silence that ends a code where there is no suffix.
        code_length_max: a longer code is noise; everything up to the next end is skipped.
        encoding: of codes with letters beyond ASCII, as Python names it.
        symbology_ids: whose letters say which kind of code it was; AIM identifiers are read always.
    """

    suffix: Suffix = Suffix.AUTO
    prefix: Annotated[str, Meta(max_length=16)] = ""
    frame: Frame = Frame.PLAIN
    gap_ms: Annotated[int, Meta(ge=20, le=2000)] = 80
    code_length_max: Annotated[int, Meta(ge=4, le=4296)] = 200
    encoding: Annotated[str, Meta(max_length=20)] = "utf-8"
    symbology_ids: SymbologyIds = SymbologyIds.AIM

    def __post_init__(self) -> None:
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(f'unknown encoding "{self.encoding}"; write utf-8, cp1251 or cp866') from None


class SerialScannerLink:
    """The conversation with one scanner; see `drivers.contract.ReaderConversation`."""

    def __init__(self, settings: SerialScannerSettings, *, device: str) -> None:
        self._settings = settings
        self._device = device
        self._buffer = bytearray()
        self._heard_at_s = 0.0
        self._is_skipping = False  # too long: wait for the next end
        self._is_inside = settings.frame is Frame.PLAIN
        self._ends = _ENDS[settings.suffix]
        self._gap_s = settings.gap_ms / 1000
        # With a suffix, silence means half a code. AUTO learns it from the first suffix it sees.
        self._is_suffix_sure = settings.suffix not in (Suffix.AUTO, Suffix.NONE)

    def feed(self, data: bytes, now_s: float) -> Sequence[Event]:
        """Bytes in any slicing; the codes that ended in them."""
        events = list(self.tick(now_s))
        if data:
            self._heard_at_s = now_s
        for byte in data:
            if self._settings.frame is Frame.STX_ETX:
                self._take_framed(byte, events)
            elif byte in self._ends:
                self._is_suffix_sure = True
                self._end(events)
            else:
                self._take(byte)
        return events

    def tick(self, now_s: float) -> Sequence[Event]:
        """Silence ends a code where nothing else does, and throws half a code away where a suffix is expected."""
        if not self._buffer and not self._is_skipping:
            return ()
        silence_s = now_s - self._heard_at_s
        events: list[Event] = []
        if self._settings.frame is Frame.STX_ETX or self._is_suffix_sure:
            if silence_s >= max(HALF_CODE_S, self._gap_s):
                self._reset()
        elif silence_s >= self._gap_s:
            self._end(events)
        return events

    def outgoing(self) -> bytes:
        """Nothing: a scanner is only listened to."""
        return b""

    @property
    def beginning(self) -> str | None:
        """What has come of the code that is being sent, its prefix and symbology taken off.

        None when that cannot be told yet; what is too long to be a code begins with nothing that a code begins with.
        """
        if self._is_skipping:
            return _NO_BEGINNING
        text = bytes(self._buffer).decode(self._settings.encoding, errors="ignore")
        return read_beginning(text, prefix=self._settings.prefix, ids=self._settings.symbology_ids)

    @property
    def is_between(self) -> bool:
        """Whether no code is being sent: the last one has ended, and nothing of the next has come."""
        is_inside = self._is_inside and self._settings.frame is Frame.STX_ETX
        return not self._buffer and not self._is_skipping and not is_inside

    def _take(self, byte: int) -> None:
        if self._is_skipping:
            return
        # A character of UTF-8 has up to four bytes; the exact check follows when the code is whole.
        if len(self._buffer) >= self._settings.code_length_max * 4 + len(self._settings.prefix) + 3:
            self._buffer.clear()
            self._is_skipping = True
            return
        self._buffer.append(byte)

    def _take_framed(self, byte: int, events: list[Event]) -> None:
        if byte == _STX:
            self._reset()
            self._is_inside = True
        elif byte == _ETX and self._is_inside:
            self._end(events)
            self._is_inside = False
        elif self._is_inside:
            self._take(byte)

    def _reset(self) -> None:
        self._buffer.clear()
        self._is_skipping = False
        self._is_inside = self._settings.frame is Frame.PLAIN

    def _end(self, events: list[Event]) -> None:
        data, is_whole = bytes(self._buffer), not self._is_skipping
        self._buffer.clear()
        self._is_skipping = False
        if not is_whole:
            return
        settings = self._settings
        scanned = read_bytes(
            data,
            device=self._device,
            code_length_max=settings.code_length_max,
            encoding=settings.encoding,
            prefix=settings.prefix,
            ids=settings.symbology_ids,
        )
        if scanned is not None:
            events.append(scanned)
