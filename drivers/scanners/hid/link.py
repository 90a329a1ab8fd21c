"""HID-POS reports → scanned codes; no I/O, no clock, and no judgement of what a code means.

The stream is packets (`drivers.packets`): who the device is, its report descriptor, then its reports. A code longer
than one report goes on in the next ones.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.packets import PacketKind, Unpacker, pack
from drivers.scanners.hid.reports import KNOWN_LAYOUTS, Layout, layouts_of
from drivers.scanners.reading import TEXT_SIZE_MAX, read_bytes
from drivers.scanners.symbologies import HONEYWELL
from drivers.vocabulary.events import Event

__all__ = ["HALF_CODE_S", "HidScannerLink", "HidScannerSettings"]

HALF_CODE_S = 0.5  # reports of one code follow each other within milliseconds
#: Makers whose scanners speak HID-POS only after this feature report: id 254, value 1.
_SWITCHED_ON: Final = {0x0C2E: b"\xfe\x01", 0x23D0: b"\xfe\x01"}  # Honeywell, Youjie
_HONEYWELL_MAKERS: Final = frozenset({0x0C2E, 0x0536, 0x23D0})
_AIM_MARK: Final = 0x5D  # "]"
_AIM_SHIFTS: Final = (0, -1, 1)


class HidScannerSettings(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the scanner is read; the defaults suit one fresh from the box.

    Attributes:
        code_length_max: a longer code is noise.
        encoding: of codes with letters beyond ASCII, as Python names it.
    """

    code_length_max: Annotated[int, Meta(ge=4, le=4296)] = 200
    encoding: Annotated[str, Meta(max_length=20)] = "utf-8"

    def __post_init__(self) -> None:
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(f'unknown encoding "{self.encoding}"; write utf-8, cp1251 or cp866') from None


class HidScannerLink:
    """The conversation with one scanner; see `drivers.contract.ReaderConversation`."""

    def __init__(self, settings: HidScannerSettings, *, device: str) -> None:
        self._settings = settings
        self._device = device
        self._unpacker = Unpacker()
        self._layouts: tuple[Layout, ...] = KNOWN_LAYOUTS
        self._maker = 0
        self._parts = bytearray()
        self._symbology = ""
        self._heard_at_s = 0.0
        self._outgoing = b""

    def feed(self, data: bytes, now_s: float) -> Sequence[Event]:
        """Bytes in any slicing; the codes that ended in them."""
        return [event for _, event in self.codes(data, now_s) if event is not None]

    def codes(self, data: bytes, now_s: float) -> Sequence[tuple[bytes, Event | None]]:
        """The same, each with the bytes of the code; also codes that are none to us (None)."""
        self.tick(now_s)
        if data:
            self._heard_at_s = now_s
        found: list[tuple[bytes, Event | None]] = []
        for kind, content in self._unpacker.feed(data):
            if kind == PacketKind.REPORT:
                self._report(content, found)
            elif kind == PacketKind.DESCRIPTOR:
                self._layouts = layouts_of(content) or KNOWN_LAYOUTS
            elif kind == PacketKind.IDENTITY:
                self._maker = int.from_bytes(content[:2], "little")
                feature = _SWITCHED_ON.get(self._maker)
                self._outgoing = pack(PacketKind.FEATURE, feature) if feature is not None else b""
        return found

    def tick(self, now_s: float) -> Sequence[Event]:
        """Silence throws half a code away, and half a packet."""
        if now_s - self._heard_at_s >= HALF_CODE_S:
            self._unpacker.forget()
            self._parts.clear()
        return ()

    def outgoing(self) -> bytes:
        """The feature report that some makers wait for, once."""
        data, self._outgoing = self._outgoing, b""
        return data

    def _report(self, report: bytes, found: list[tuple[bytes, Event | None]]) -> None:
        layout = self._layout_of(report) if report else None
        if layout is None:
            return
        aim_at, data_at = _places(report, layout)
        size = min(report[layout.count_at] if layout.count_at >= 0 else layout.data_size, layout.data_size)
        if not self._parts:
            self._symbology = self._symbology_of(report, layout, aim_at)
        data = report[data_at : data_at + size]
        # Where no count is sent, what is left of the report is zeros.
        self._parts += data if layout.count_at >= 0 else data.rstrip(b"\0")
        if _goes_on(report, layout):
            if len(self._parts) > TEXT_SIZE_MAX * 4:
                self._parts.clear()
            return
        whole = bytes(self._parts).rstrip(b"\r\n\t\0")
        self._parts.clear()
        scanned = read_bytes(
            whole,
            device=self._device,
            code_length_max=self._settings.code_length_max,
            encoding=self._settings.encoding,
            symbology=self._symbology,
        )
        if whole:
            found.append((whole, scanned))

    def _layout_of(self, report: bytes) -> Layout | None:
        fitting = [
            layout
            for layout in self._layouts
            if (layout.report_id == 0 or report[0] == layout.report_id) and len(report) >= layout.least_size
        ]
        # A report without an id whose count is 2 looks like report 2: the bracket of the AIM id tells them apart.
        sure = [layout for layout in fitting if layout.aim_at >= 0 and report[layout.aim_at] == _AIM_MARK]
        return next(iter(sure or fitting), None)

    def _symbology_of(self, report: bytes, layout: Layout, aim_at: int) -> str:
        if aim_at >= 0 and report[aim_at] == _AIM_MARK:
            aim_id = report[aim_at : aim_at + 3]
            if aim_id.isascii() and aim_id[1:].isalnum():
                return aim_id.decode("ascii")
        if self._maker in _HONEYWELL_MAKERS and 0 <= layout.vendor_at < len(report):
            return HONEYWELL.get(chr(report[layout.vendor_at]), "")
        return ""


def _places(report: bytes, layout: Layout) -> tuple[int, int]:
    """(where the AIM id is, where the data begins): some makers put both one byte earlier or later than they say."""
    if layout.aim_at < 0:
        return -1, layout.data_at
    for shift in _AIM_SHIFTS:
        place = layout.aim_at + shift
        if 0 <= place < len(report) and place != layout.count_at and report[place] == _AIM_MARK:
            return place, layout.data_at + shift
    return layout.aim_at, layout.data_at


def _goes_on(report: bytes, layout: Layout) -> bool:
    byte, bit = divmod(layout.continued_bit, 8)
    return layout.continued_bit >= 0 and byte < len(report) and bool(report[byte] >> bit & 1)
