"""What a vendor and product, a device class or a usage page says of a device: the table `known_usb.toml`, read once."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources
from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.finding.found import Found, Kind
from drivers.vocabulary import codec

__all__ = ["Row", "named", "rows"]

PRINTER_CLASS: Final = 0x07
POS_SCANNER_PAGE: Final = 0x8C

#: How a device of a kind is spoken with, by the scheme of its address.
_DRIVERS: Final = {
    (Kind.SCANNER, "serial"): "serial_scanner",
    (Kind.CARD_READER, "serial"): "serial_scanner",
    (Kind.SCANNER, "hid"): "hid_scanner",
    (Kind.CARD_READER, "hid"): "hid_scanner",
    (Kind.KEYBOARD_SCANNER, "evdev"): "keyboard_scanner",
    (Kind.KEYBOARD_SCANNER, "rawinput"): "keyboard_scanner",
    (Kind.PRINTER, "usb"): "escpos_slip",
    (Kind.PRINTER, "serial"): "escpos_slip",
    (Kind.PRINT_QUEUE, "spool"): "escpos_slip",
}


class Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the table; product "" is every product of the vendor."""

    vendor: Annotated[str, Meta(pattern=r"^[0-9a-f]{4}$")]
    product: Annotated[str, Meta(pattern=r"^([0-9a-f]{4})?$")]
    kind: Kind
    title: str
    driver: str
    source: Annotated[str, Meta(min_length=4)]


@lru_cache(maxsize=1)
def rows() -> dict[tuple[str, str], Row]:
    """The table by (vendor, product)."""
    text = (resources.files("drivers.finding") / "known_usb.toml").read_text("utf-8")
    found = codec.convert(tomllib.loads(text)["rows"], tuple[Row, ...])
    return {(row.vendor, row.product): row for row in found}


def row_of(usb_id: str) -> Row | None:
    """The row of ``04b8:0202``: the product's own, else the vendor's."""
    vendor, _, product = usb_id.lower().partition(":")
    return rows().get((vendor, product)) or rows().get((vendor, ""))


def named(found: Found, *, interface_class: int = 0, usage_page: int = 0, types: bool = False) -> Found:
    """The same with what it probably is and which driver would speak with it.

    Args:
        found: as the system lists it.
        interface_class: of the USB interface.
        usage_page: of the HID device.
        types: whether it is a keyboard to the system.
    """
    from msgspec.structs import replace

    scheme = found.address.partition(":")[0]
    row = row_of(found.usb_id) if found.usb_id else None
    kind, why = found.kind, found.why
    if usage_page == POS_SCANNER_PAGE:
        kind, why = Kind.SCANNER, "HID usage page 8Ch (bar code scanner)"
    elif interface_class == PRINTER_CLASS:
        kind, why = Kind.PRINTER, "USB printer class"
    elif row is not None:
        kind, why = row.kind, row.title
        if types and kind in {Kind.SCANNER, Kind.CARD_READER}:
            kind = Kind.KEYBOARD_SCANNER
    if row is not None and why != row.title:
        why = f"{why}; {row.title}"
    driver = _DRIVERS.get((kind, scheme), "")
    if kind is Kind.PRINTER and row is None and interface_class == PRINTER_CLASS:
        why += "; a receipt printer only if it speaks ESC/POS"
    return replace(found, kind=kind, why=why, driver=driver)
