"""USB devices made of nothing: configfs gadgets on the kernel's dummy bus, put in and pulled out; runs in the machine.

Documentation/usb/gadget_configfs.rst of the kernel says how a gadget is put together. Files of a gadget (``/dev/hidg0``)
are closed before it is pulled: older kernels do not survive an open one.
"""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from pathlib import Path
from typing import Any, Final

from drivers.key_events import EV_KEY, KeyEventReader
from drivers.scanners.hid.simulator import DESCRIPTOR, HidScannerTwin
from drivers.scanners.keyboard.simulator import KeyboardScannerTwin
from drivers.scanners.serial.simulator import ScannerTwin

__all__ = ["Gadget", "HidPosScanner", "KeyboardScanner", "ReceiptPrinter", "SerialScanner"]

CONFIG: Final = Path("/sys/kernel/config/usb_gadget")
PATIENCE_S: Final = 120.0  # the processor is emulated, and others may want the one below it

#: A boot keyboard (HID 1.11, appendix B.1): modifiers, a reserved byte, lamps, six keys.
KEYBOARD: Final = bytes.fromhex(
    "0501 0906 a101"  # generic desktop, keyboard, application collection
    "0507 19e0 29e7 1500 2501 7501 9508 8102"  # eight modifiers, a bit each
    "9501 7508 8103"  # a byte of nothing
    "9505 7501 0508 1901 2905 9102 9501 7503 9103"  # five lamps, three bits of nothing
    "9506 7508 1500 2565 0507 1900 2965 8100 c0"  # six keys
)
#: Input event codes (uapi/linux/input-event-codes.h) → usages of page 07h (HID Usage Tables 1.12, §10).
_ROWS: Final = ((2, "1234567890"), (16, "qwertyuiop"), (30, "asdfghjkl"), (44, "zxcvbnm"))
_LETTER_A: Final = 0x04
_DIGIT_1: Final = 0x1E
_USAGES: Final = {
    first + place: _LETTER_A + ord(sign) - ord("a") if sign.isalpha() else _DIGIT_1 + (int(sign) - 1) % 10
    for first, signs in _ROWS
    for place, sign in enumerate(signs)
} | {28: 0x28, 39: 0x33, 12: 0x2D}  # Enter, ";", "-"
_MODIFIERS: Final = {29: 0x01, 42: 0x02, 56: 0x04}  # left Ctrl, left Shift, left Alt


def wait_for(what: Any, name: str, patience_s: float = PATIENCE_S) -> Any:
    """What `what()` gives as soon as it is true; AssertionError with `name` when it never is."""
    until_s = time.monotonic() + patience_s
    while not (found := what()):
        assert time.monotonic() < until_s, f"not within {patience_s:g} s: {name}"
        time.sleep(0.05)
    return found


class Gadget:
    """One device with one function.

    Args:
        name: of the gadget, for configfs.
        plug: the number of the bus's port that it is put into.
        usb_id: vendor and product.
        words: maker, model, serial number.
    """

    function = ""
    attributes: dict[str, bytes] = {}  # noqa: RUF012 - a table of each kind

    def __init__(self, name: str, plug: int, usb_id: str, words: tuple[str, str, str]) -> None:
        self.name = name
        self.plug_number = plug
        self._folder = CONFIG / name
        vendor, product = usb_id.split(":")
        texts = self._folder / "strings/0x409"
        config = self._folder / "configs/c.1"
        made = self._folder / "functions" / self.function
        for folder in (texts, config, made):
            folder.mkdir(parents=True)
        (self._folder / "idVendor").write_text(f"0x{vendor}")
        (self._folder / "idProduct").write_text(f"0x{product}")
        for key, text in zip(("manufacturer", "product", "serialnumber"), words, strict=True):
            (texts / key).write_text(text)
        for key, value in self.attributes.items():
            (made / key).write_bytes(value)
        (config / self.function).symlink_to(made)
        self._made = made

    def put_in(self) -> None:
        """As a person puts in the plug."""
        (self._folder / "UDC").write_text(f"dummy_udc.{self.plug_number}")
        self.opened()

    def pull_out(self) -> None:
        """As a person pulls the plug, or switches the device off."""
        self.closing()
        (self._folder / "UDC").write_text("\n")

    def opened(self) -> None:
        """The device's own electronics begin."""
        raise NotImplementedError

    def closing(self) -> None:
        """They end."""
        raise NotImplementedError


class _HidGadget(Gadget):
    """A device that sends HID reports."""

    def opened(self) -> None:
        minor = (self._made / "dev").read_text().strip().partition(":")[2]
        self._far = os.open(wait_node(f"/dev/hidg{minor}"), os.O_RDWR | os.O_NONBLOCK)

    def closing(self) -> None:
        os.close(self._far)

    def send(self, report: bytes) -> None:
        """One report, taken by the till's kernel; AssertionError when nobody takes it."""
        assert select.select([], [self._far], [], PATIENCE_S)[1], f"{self.name}: nobody takes the report"
        assert os.write(self._far, report) == len(report)

    def told(self) -> bytes:
        """A report that the till has set."""
        assert select.select([self._far], [], [], PATIENCE_S)[0], f"{self.name}: nothing was set"
        return os.read(self._far, 64)


class HidPosScanner(_HidGadget):
    """A scanner in HID-POS mode; of a maker that wants to be switched on."""

    function = "hid.pos"
    attributes = {  # noqa: RUF012
        "protocol": b"0", "subclass": b"0", "report_length": b"64", "no_out_endpoint": b"1", "report_desc": DESCRIPTOR,
    }  # fmt: skip
    twin = HidScannerTwin()

    def scan(self, code: str, symbology: str = "]E0") -> None:
        """One barcode."""
        for report in self.twin.reports(code, symbology=symbology):
            self.send(report)


class KeyboardScanner(_HidGadget):
    """A scanner that types."""

    function = "hid.keys"
    attributes = {  # noqa: RUF012
        "protocol": b"1", "subclass": b"1", "report_length": b"8", "no_out_endpoint": b"1", "report_desc": KEYBOARD,
    }  # fmt: skip
    twin = KeyboardScannerTwin()

    def scan(self, code: str, symbology: str = "") -> None:
        """One barcode, each stroke a report of the keys that are down."""
        held: list[int] = []
        modifiers = 0
        for event in KeyEventReader().feed(self.twin.scan(code, symbology=symbology)):
            if event.type != EV_KEY:
                continue
            if event.code in _MODIFIERS:
                modifiers = modifiers ^ _MODIFIERS[event.code]
            elif event.value:
                held.append(_USAGES[event.code])
            else:
                held.remove(_USAGES[event.code])
            self.send(bytes((modifiers, 0, *held)).ljust(8, b"\0"))


class SerialScanner(Gadget):
    """A scanner with a virtual COM port (CDC-ACM)."""

    function = "acm.usb0"
    twin = ScannerTwin()

    def opened(self) -> None:
        number = (self._made / "port_num").read_text().strip()
        self._far = os.open(wait_node(f"/dev/ttyGS{number}"), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._far)

    def closing(self) -> None:
        os.close(self._far)

    def scan(self, code: str, symbology: str = "") -> None:
        """One barcode, as bytes."""
        data = self.twin.scan(code, symbology=symbology)
        assert select.select([], [self._far], [], PATIENCE_S)[1], f"{self.name}: nobody takes the bytes"
        assert os.write(self._far, data) == len(data)


class ReceiptPrinter(Gadget):
    """A receipt printer of the USB printer class; a twin of ours is behind its pipes.

    Attributes:
        paper: every byte that came.
    """

    function = "printer.receipts"
    attributes = {"pnp_string": b"MFG:EPSON;CMD:ESC/POS;MDL:TM-T88V;CLS:PRINTER;", "q_len": b"10"}  # noqa: RUF012
    _is_in = False

    def __init__(self, name: str, plug: int, usb_id: str, words: tuple[str, str, str], twin: Any) -> None:
        super().__init__(name, plug, usb_id, words)
        self.twin = twin
        self.paper = b""

    def opened(self) -> None:
        self._is_in = True
        self._thread = threading.Thread(target=self._print, daemon=True)
        self._thread.start()

    def closing(self) -> None:
        self._is_in = False
        self._thread.join(PATIENCE_S)

    def _open(self) -> int | None:
        """The pipes, as soon as the till's kernel has greeted the printer."""
        try:
            return os.open("/dev/g_printer0", os.O_RDWR | os.O_NONBLOCK)
        except OSError:
            return None

    def _print(self) -> None:
        """Take what comes, answer what the twin answers."""
        far = wait_for(self._open, "/dev/g_printer0")
        try:
            while self._is_in:
                if not select.select([far], [], [], 0.05)[0]:
                    continue
                try:
                    data = os.read(far, 4096)
                except BlockingIOError:
                    continue
                answer = self.twin.feed(data)
                self.paper += data  # whoever waits for bytes finds them printed
                if answer:
                    select.select([], [far], [], 1.0)
                    os.write(far, answer)
        finally:
            os.close(far)


def wait_node(path: str) -> str:
    """The name of a device file as soon as it is there."""
    wait_for(lambda: Path(path).exists(), path)
    return path
