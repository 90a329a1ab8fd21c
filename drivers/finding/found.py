"""One thing that was found: its address for the settings, what the system says of it, what it probably is; a value."""

from __future__ import annotations

from enum import Enum
from typing import Final

from msgspec import Struct

__all__ = ["Found", "Kind", "setting_lines"]


class Kind(Enum):
    """What a device probably is."""

    PRINTER = "printer"
    FISCAL_PRINTER = "fiscal printer"
    SCANNER = "scanner"
    KEYBOARD_SCANNER = "scanner that types"
    CARD_READER = "card reader"
    SERIAL_ADAPTER = "serial adapter"
    SERIAL_PORT = "serial port"
    PRINT_QUEUE = "print queue"
    OTHER = "other"


class Found(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One port, USB device, HID device, input device or print queue.

    Attributes:
        address: what the settings would say (``serial:/dev/serial/by-id/…``); "" for what we cannot use.
        node: the name of today (``/dev/ttyACM0``), which another plug may get tomorrow.
        usb_id: vendor and product, ``04b8:0202``, or "".
        place: where it is plugged in (``1-1.2``), so that parts of one device are seen to belong together.
        kind: what it probably is.
        why: what says so: the table's row, a device class, a usage page.
        driver: which driver of ours would speak with it, "" when that must be chosen.
        held_by: programs that have it open, as far as may be known.
        held_unknown: why the holders are not (all) known, or "".
    """

    address: str
    node: str = ""
    maker: str = ""
    model: str = ""
    serial: str = ""
    usb_id: str = ""
    place: str = ""
    kind: Kind = Kind.OTHER
    why: str = ""
    driver: str = ""
    held_by: tuple[str, ...] = ()
    held_unknown: str = ""

    @property
    def title(self) -> str:
        """Maker and model for people."""
        return " ".join(word for word in (self.maker, self.model) if word) or self.usb_id or self.node


#: What a driver calls the address of its device: a reader has a port, a printer is a device.
_KEYS: Final = {"escpos_slip": "device", "escpos": "device", "shtrih": "device", "isl": "device", "atol": "device"}
_NAMES: Final = {
    Kind.PRINTER: "slips",
    Kind.PRINT_QUEUE: "slips",
    Kind.FISCAL_PRINTER: "register",
    Kind.SCANNER: "scanner",
    Kind.KEYBOARD_SCANNER: "scanner",
    Kind.CARD_READER: "cards",
}


def setting_lines(found: Found) -> str:
    """The block to paste into the settings; "" when there is no address to give."""
    if not found.address:
        return ""
    if not found.driver:
        return f'port = "{found.address}"'
    key = _KEYS.get(found.driver, "port")
    name = _NAMES.get(found.kind, "device")
    return f'[[devices]]\nname = "{name}"\ndriver = "{found.driver}"\n{key} = "{found.address}"'
