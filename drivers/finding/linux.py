"""Linux: what sysfs and /dev say of ports, USB, HID and input devices; files are read, no device is opened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from drivers.finding.found import Found, Kind
from drivers.finding.known import POS_SCANNER_PAGE, PRINTER_CLASS, named

__all__ = ["Tree", "find"]

#: Serial lines that are there without anybody behind them: consoles, and the ports a board might have.
_SKIP_DRIVERS: Final = frozenset({"serial8250"})
_KEY_ENTER: Final = 28  # a device without an Enter key is no keyboard
_KEY_1: Final = 2
DESCRIPTOR_BYTES_MAX: Final = 4_096  # the kernel's own limit


@dataclass(frozen=True, slots=True)
class Tree:
    """Where the system shows its devices; a test brings its own."""

    sys: Path = field(default_factory=lambda: Path("/sys"))
    dev: Path = field(default_factory=lambda: Path("/dev"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usb:
    """A USB device as sysfs tells it."""

    place: str
    usb_id: str
    maker: str
    model: str
    serial: str


def find(tree: Tree | None = None) -> tuple[Found, ...]:
    """Everything of use to a till, ports first."""
    at = tree if tree is not None else Tree()
    return (*_ports(at), *_usb_printers(at), *_hid(at), *_inputs(at))


# ── Serial ports ────────────────────────────────────────────────────────────────────────────────


def _ports(at: Tree) -> Iterator[Found]:
    stable = _links(at.dev / "serial" / "by-id")
    for port in _entries(at.sys / "class" / "tty"):
        device = port / "device"
        if (
            not device.exists()
            or _driver_of(device) in _SKIP_DRIVERS
            or _driver_of(device.resolve().parent) in _SKIP_DRIVERS
        ):
            continue
        node = str(at.dev / port.name)
        usb = _usb_above(device.resolve(), at)
        address = f"serial:{stable.get(port.name, node)}"
        if usb is None:
            if port.name.startswith("ttyS") and not _is_real(device):
                continue
            yield Found(address=address, node=node, kind=Kind.SERIAL_PORT, why="a port of this machine")
            continue
        found = _of(usb, address=address, node=node)
        yield named(found)


def _is_real(device: Path) -> bool:
    """Whether a ttyS has hardware behind it; type 0 is none (drivers/tty/serial)."""
    return _text(device.parent / "type") not in {"", "0"}


# ── USB, HID, input ─────────────────────────────────────────────────────────────────────────────


def _usb_printers(at: Tree) -> Iterator[Found]:
    """Devices with an interface of the printer class, or a vendor of receipt printers that shows no serial port."""
    for device in _entries(at.sys / "bus" / "usb" / "devices"):
        usb = _usb_at(device)
        if usb is None or ":" in device.name:
            continue
        classes = {_hex(_text(part / "bInterfaceClass")) for part in _interfaces(device)}
        query = f"?serial={usb.serial}" if usb.serial and _is_plain(usb.serial) else ""
        found = _of(usb, address=f"usb:{usb.usb_id}{query}", node=_usb_node(device, at))
        if PRINTER_CLASS in classes:
            yield named(found, interface_class=PRINTER_CLASS)
        elif named(found).kind is Kind.PRINTER and not any(device.resolve().glob("*/tty*")):
            yield named(found)


def _hid(at: Tree) -> Iterator[Found]:
    for entry in _entries(at.sys / "class" / "hidraw"):
        device = (entry / "device").resolve()
        usb = _usb_above(device, at)
        page = _first_page(device / "report_descriptor")
        found = _of(usb, node=str(at.dev / entry.name)) if usb is not None else None
        if found is None or usb is None:
            continue
        is_scanner = page == POS_SCANNER_PAGE
        if is_scanner or named(found).kind is Kind.CARD_READER:
            from msgspec.structs import replace

            yield named(replace(found, address=f"hid:{usb.usb_id}"), usage_page=page)


def _inputs(at: Tree) -> Iterator[Found]:
    """Keyboards of vendors whose devices are scanners: a till's own keyboard is nobody's business."""
    stable = _links(at.dev / "input" / "by-id")
    for entry in _entries(at.sys / "class" / "input"):
        device = entry / "device"
        if not entry.name.startswith("event") or not _types(_text(device / "capabilities" / "key")):
            continue
        usb = _usb_above(device.resolve(), at)
        if usb is None:
            continue
        node = str(at.dev / "input" / entry.name)
        found = named(_of(usb, address=f"evdev:{stable.get(entry.name, node)}", node=node), types=True)
        if found.kind is Kind.KEYBOARD_SCANNER:
            yield found


def _types(bits: str) -> bool:
    """Whether the bitmap of keys, in words of 64 bits with the highest first, has the digits and Enter."""
    try:
        last = int(bits.rsplit(maxsplit=1)[-1], 16) if bits.split() else 0
    except ValueError:
        return False
    return bool(last >> _KEY_ENTER & 1 and last >> _KEY_1 & 1)


def _first_page(path: Path) -> int:
    """The first usage page of a report descriptor (HID 1.11 §6.2.2.7: item 05h or 06h)."""
    try:
        data = path.read_bytes()[:DESCRIPTOR_BYTES_MAX]
    except OSError:
        return 0
    if data[:1] == b"\x05" and len(data) > 1:
        return data[1]
    return int.from_bytes(data[1:3], "little") if data[:1] == b"\x06" else 0


# ── sysfs ───────────────────────────────────────────────────────────────────────────────────────


def _of(usb: _Usb, *, address: str = "", node: str = "") -> Found:
    return Found(
        address=address,
        node=node,
        maker=usb.maker,
        model=usb.model,
        serial=usb.serial,
        usb_id=usb.usb_id,
        place=usb.place,
    )


def _usb_above(device: Path, at: Tree) -> _Usb | None:
    """The USB device something hangs on, or None."""
    root = at.sys.resolve()
    while device not in (root, device.parent):
        usb = _usb_at(device)
        if usb is not None:
            return usb
        device = device.parent
    return None


def _usb_at(device: Path) -> _Usb | None:
    vendor, product = _text(device / "idVendor"), _text(device / "idProduct")
    if not vendor or not product:
        return None
    return _Usb(
        place=device.name,
        usb_id=f"{vendor}:{product}",
        maker=_text(device / "manufacturer"),
        model=_text(device / "product"),
        serial=_text(device / "serial"),
    )


def _usb_node(device: Path, at: Tree) -> str:
    bus, number = _text(device / "busnum"), _text(device / "devnum")
    return str(at.dev / "bus" / "usb" / bus.zfill(3) / number.zfill(3)) if bus and number else ""


def _interfaces(device: Path) -> Iterable[Path]:
    real = device.resolve()
    return [entry for entry in _entries(real) if entry.name.startswith(f"{real.name}:")]


def _links(folder: Path) -> dict[str, str]:
    """Name of today (``ttyACM0``) → the link that stays; udev's links lead straight to the device."""
    found: dict[str, str] = {}
    for link in _entries(folder):
        with contextlib.suppress(OSError):  # unplugged between the two calls
            found[link.readlink().name] = str(link)
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _driver_of(device: Path) -> str:
    try:
        return (device / "driver").resolve(strict=True).name
    except OSError:
        return ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace").strip()[:200]
    except OSError:
        return ""


def _hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return -1


def _is_plain(serial: str) -> bool:
    return serial.isascii() and serial.isalnum()
