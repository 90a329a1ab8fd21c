"""HID devices as pipes of packets: reports keep their borders; which system brings them is behind a seam; no protocol.

The system's own way is used: hidraw on Linux, the HID class driver on Windows. ``?by=usb`` goes through pyusb instead,
for a machine whose kernel driver does not take the device.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from drivers.packets import PacketKind, Unpacker, pack
from drivers.vocabulary.errors import TransportClosed, TransportError, TransportUnavailable

__all__ = ["POS_USAGE_PAGE", "HidEndpoint", "HidName", "HidTransport", "ReportDevice", "is_of_page"]

POS_USAGE_PAGE: Final = 0x8C


@dataclass(frozen=True, slots=True, kw_only=True)
class HidName:
    """Which device: vendor and product, and its serial number where it matters ("" takes any)."""

    vendor: int
    product: int
    serial: str = ""

    def __str__(self) -> str:
        return f"{self.vendor:04x}:{self.product:04x}"


class ReportDevice(Protocol):
    """One open HID device, as a system gives it: the seam between the systems."""

    @property
    def descriptor(self) -> bytes:
        """The report descriptor; b"" where the system does not tell it."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """The next input report, its id first where it has one; b"" when none came in time."""
        ...

    def send_feature(self, report: bytes) -> None:
        """Set a feature report, its id first; TransportError when the device refuses it."""
        ...

    def close(self) -> None:
        """Give the device back; a read that waits ends with TransportClosed."""
        ...


Opener = Callable[[str, HidName], ReportDevice]
"""Opens the device of a name; raises TransportUnavailable with the cause and the next step."""


class HidTransport:
    """One open device; see `drivers.transport.contract.Transport`. What flows is packets (`drivers.packets`)."""

    def __init__(self, address: str, name: HidName, device: ReportDevice) -> None:
        self.address = address
        self._device = device
        self._unpacker = Unpacker()
        identity = name.vendor.to_bytes(2, "little") + name.product.to_bytes(2, "little")
        self._first = pack(PacketKind.IDENTITY, identity)
        if device.descriptor:
            self._first += pack(PacketKind.DESCRIPTOR, device.descriptor)

    def read(self, timeout_s: float) -> bytes:
        """As the contract says; who the device is comes before its first report."""
        if self._first:
            first, self._first = self._first, b""
            return first
        report = self._device.read(timeout_s)
        return pack(PacketKind.REPORT, report) if report else b""

    def write(self, data: bytes, timeout_s: float) -> None:  # noqa: ARG002 - a feature report goes in one piece
        """Feature packets are set; others are nothing a scanner is told."""
        for kind, content in self._unpacker.feed(data):
            if kind == PacketKind.FEATURE and content:
                self._switch(content)

    def _switch(self, feature: bytes) -> None:
        """Set a feature report. Who refuses it was found as a HID-POS scanner already and needs no switching."""
        try:
            self._device.send_feature(feature)
        except TransportClosed:
            raise
        except TransportError:
            return

    def finish(self) -> None:
        """No effect on a device."""

    def abort(self) -> None:
        """As close."""
        self.close()

    def close(self) -> None:
        """As the contract says."""
        self._device.close()


class HidEndpoint:
    """A HID device by its name.

    Args:
        address: ``hid:0c2e:0b61``, with ``?serial=…`` where two are alike and ``?by=usb`` to go through pyusb.
        name: the same, read.
        opener: opens it; None takes the system's own way.
    """

    is_line = True

    def __init__(self, address: str, name: HidName, *, opener: Opener | None = None) -> None:
        self._address = address
        self._name = name
        self._opener = opener

    @property
    def address(self) -> str:
        """As it was written."""
        return self._address

    def open(self, timeout_s: float) -> HidTransport:  # noqa: ARG002 - opening does not wait
        """Open the device; raises TransportUnavailable with the cause and the next step."""
        opener = self._opener if self._opener is not None else _system_opener(self._address)
        try:
            return HidTransport(self._address, self._name, opener(self._address, self._name))
        except TransportUnavailable:
            raise
        except TransportError as error:
            raise TransportUnavailable(str(error)) from error

    def visitor_waits(self) -> bool:
        """Nobody comes to a device."""
        return False

    def close(self) -> None:
        """Nothing listens."""


def is_of_page(descriptor: bytes, page: int) -> bool:
    """Whether a report descriptor begins with this usage page (HID 1.11 §6.2.2.7: the first item of nearly all)."""
    return descriptor.startswith((bytes((0x05, page)), bytes((0x06, page, 0))))


def _system_opener(address: str) -> Opener:
    if sys.platform == "win32":
        from drivers.transport.hid_windows import open_hid

        return open_hid
    if sys.platform.startswith("linux"):
        from drivers.transport.hidraw import open_hidraw

        return open_hidraw
    raise TransportUnavailable(
        f"cannot open {address}: this system has no way of its own; write ?by=usb", reason="driver"
    )
