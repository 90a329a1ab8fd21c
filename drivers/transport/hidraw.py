"""HID devices of Linux (hidraw): found by vendor and product in /sys, read from /dev/hidrawN; no protocol.

Documentation/hid/hidraw.rst of the kernel: a read gives one report, its id first where the device uses ids.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from drivers.transport.descriptor import Descriptor
from drivers.transport.hid import POS_USAGE_PAGE, HidName, ReportDevice, is_of_page
from drivers.transport.sockets import words_of
from drivers.vocabulary.errors import TransportError, TransportUnavailable

assert sys.platform != "win32"  # for the type checker: nothing below is for Windows

__all__ = ["HidrawDevice", "open_hidraw"]

SYS_CLASS: Final = Path("/sys/class/hidraw")
DEV: Final = Path("/dev")
REPORT_SIZE_MAX: Final = 4_096
_IOC_WRITE_READ_H: Final = 0xC0004800  # _IOC(_IOC_WRITE | _IOC_READ, 'H', …)
_SET_FEATURE: Final = 0x06


class HidrawDevice:
    """One open device; see `drivers.transport.hid.ReportDevice`."""

    def __init__(self, address: str, handle: Descriptor, descriptor: bytes) -> None:
        self.descriptor = descriptor
        self._address = address
        self._handle = handle

    def read(self, timeout_s: float) -> bytes:
        """The next report."""
        return self._handle.read(REPORT_SIZE_MAX, timeout_s)

    def send_feature(self, report: bytes) -> None:
        """HIDIOCSFEATURE."""
        import fcntl

        request = _IOC_WRITE_READ_H | len(report) << 16 | _SET_FEATURE
        try:
            self._handle.control(lambda descriptor: _discard(fcntl.ioctl(descriptor, request, report)))
        except OSError as error:
            raise TransportError(
                f"{self._address}: the scanner refuses to be switched to HID-POS ({words_of(error)});"
                " scan its maker's programming barcode for it",
            ) from error

    def close(self) -> None:
        """Give it back."""
        self._handle.close()


def open_hidraw(address: str, name: HidName, *, sys_class: Path = SYS_CLASS, dev: Path = DEV) -> ReportDevice:
    """Open the scanner's interface of a device; raises TransportUnavailable with the cause and the next step."""
    found = list(_find(name, sys_class))
    if not found:
        extra = f" with the serial number {name.serial}" if name.serial else ""
        raise TransportUnavailable(
            f"cannot open {address}: no HID device {name}{extra} is plugged in; check its cable", reason="missing"
        )
    ours = [(node, descriptor) for node, descriptor in found if is_of_page(descriptor, POS_USAGE_PAGE)]
    if not ours:
        raise TransportUnavailable(
            f"cannot open {address}: the device is there and not in HID-POS mode; scan its maker's programming barcode"
            ' "USB HID-POS" (docs/protocols/scanners.md)',
            reason="mode",
        )
    node, descriptor = ours[0]
    path = dev / node
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unavailable(address, path, error) from error
    return HidrawDevice(address, Descriptor(address, handle), descriptor)


def _find(name: HidName, sys_class: Path) -> Iterator[tuple[str, bytes]]:
    """(node, report descriptor) of each interface of the device, in the order of the nodes."""
    try:
        nodes = sorted(sys_class.iterdir(), key=lambda node: (len(node.name), node.name))
    except OSError:
        return
    for node in nodes:
        try:
            facts = dict(
                line.split("=", 1)
                for line in (node / "device" / "uevent").read_text("utf-8").splitlines()
                if "=" in line
            )
            _, vendor, product = facts.get("HID_ID", "0:0:0").split(":")
            if (int(vendor, 16), int(product, 16)) != (name.vendor, name.product):
                continue
            if name.serial and facts.get("HID_UNIQ", "") != name.serial:
                continue
            yield node.name, (node / "device" / "report_descriptor").read_bytes()
        except (OSError, ValueError):  # it went away while we looked, or the kernel says something new
            continue


def _unavailable(address: str, path: Path, error: OSError) -> TransportUnavailable:
    if error.errno in (errno.EACCES, errno.EPERM):
        return TransportUnavailable(
            f"cannot open {address}: {path} is not permitted; install the udev rules of installer/linux and plug the"
            " scanner in again",
            reason="permission",
        )
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return TransportUnavailable(f"cannot open {address}: it went away just now; check its cable", reason="missing")
    if error.errno == errno.EBUSY:
        return TransportUnavailable(f"cannot open {address}: in use by another program; stop that", reason="busy")
    return TransportUnavailable(f"cannot open {address}: {words_of(error)}; pull its plug and put it in again")


def _discard(_: object) -> None:
    """An ioctl's answer that says nothing."""
