"""HID devices through pyusb: their interrupt pipe is read without a HID driver of the system; no protocol.

For a Linux without hidraw, and for a Windows machine where the scanner was given the WinUSB driver. HID 1.11 §7.1: the
report descriptor is read and feature reports are set over the control pipe.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from drivers.transport.hid import POS_USAGE_PAGE, HidName, ReportDevice, is_of_page
from drivers.transport.sockets import words_of
from drivers.vocabulary.errors import TransportClosed, TransportError, TransportUnavailable

__all__ = ["UsbReportDevice", "open_usb_hid"]

HID_CLASS: Final = 0x03
DESCRIPTOR_SIZE_MAX: Final = 4_096
READ_SLICE_S: Final = 0.1  # how long a close may wait for a read that is under way
CONTROL_TIMEOUT_MS: Final = 1_000
_INTERRUPT: Final = 0x03
_TYPE_MASK: Final = 0x03
_DIRECTION_IN: Final = 0x80
_GET_DESCRIPTOR: Final = (0x81, 0x06, 0x2200)  # standard, to host, to an interface; the report descriptor
_SET_REPORT: Final = (0x21, 0x09)  # class, to device, to an interface
_FEATURE: Final = 0x0300
_GONE: Final = frozenset({errno.ENODEV, errno.EPIPE, errno.EIO, errno.ENOENT, errno.ESHUTDOWN})


class _Place(NamedTuple):
    """The interface of the scanner, its pipe, and what its reports look like."""

    interface: int
    pipe: int
    report_size: int
    descriptor: bytes


class UsbReportDevice:
    """One claimed interface; see `drivers.transport.hid.ReportDevice`."""

    def __init__(self, address: str, device: Any, place: _Place, *, reattach: bool) -> None:
        self.descriptor = place.descriptor
        self._address = address
        self._device = device
        self._place = place
        self._reattach = reattach
        self._is_closed = False
        # The library must not be inside a call when its handle is given back.
        self._gate = threading.Lock()

    def read(self, timeout_s: float) -> bytes:
        """The next report, within slices short enough for a close."""
        import usb.core

        rest_s = timeout_s
        while True:
            with self._gate:
                self._refuse_closed()
                try:
                    slice_ms = max(1, int(min(rest_s, READ_SLICE_S) * 1000))
                    return bytes(self._device.read(self._place.pipe, self._place.report_size, slice_ms))
                except usb.core.USBTimeoutError:
                    pass
                except usb.core.USBError as error:
                    raise self._trouble(error) from error
            rest_s -= READ_SLICE_S
            if rest_s <= 0:
                return b""

    def send_feature(self, report: bytes) -> None:
        """SET_REPORT over the control pipe."""
        import usb.core

        kind, request = _SET_REPORT
        with self._gate:
            self._refuse_closed()
            try:
                value = _FEATURE | report[0]
                self._device.ctrl_transfer(kind, request, value, self._place.interface, report, CONTROL_TIMEOUT_MS)
            except usb.core.USBError as error:
                if error.errno == errno.EPIPE:  # a stall of the control pipe is a no, not a good-bye
                    raise TransportError(f"{self._address}: the scanner refuses to be switched to HID-POS") from error
                raise self._trouble(error) from error

    def close(self) -> None:
        """Give it back; the kernel's driver gets the scanner again."""
        import usb.core
        import usb.util

        with self._gate:
            if self._is_closed:
                return
            self._is_closed = True
            number = self._place.interface
            with contextlib.suppress(usb.core.USBError, NotImplementedError):
                usb.util.release_interface(self._device, number)
            if self._reattach:
                with contextlib.suppress(usb.core.USBError, NotImplementedError):
                    self._device.attach_kernel_driver(number)
            with contextlib.suppress(usb.core.USBError):
                usb.util.dispose_resources(self._device)

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise TransportClosed(f"{self._address} was closed")

    def _trouble(self, error: Any) -> TransportError:
        if error.errno in _GONE:
            return TransportClosed(f"{self._address}: the scanner is gone ({words_of(error)}); check its cable")
        return TransportError(f"{self._address}: {words_of(error)}; pull its plug and put it in again")


def open_usb_hid(address: str, name: HidName, *, backend: Callable[[], Any] | None = None) -> ReportDevice:
    """Claim the scanner's interface; raises TransportUnavailable with the cause and the next step.

    Args:
        address: for messages.
        name: which device.
        backend: makes the pyusb backend, for tests; None is the system's libusb.
    """
    import usb.core
    import usb.util

    device = _find(address, name, backend)
    try:
        reattach = False
        place = None
        for number, pipe, size in _interfaces(device):
            is_detached = _detach(device, number)
            usb.util.claim_interface(device, number)
            descriptor = _descriptor_of(device, number)
            if is_of_page(descriptor, POS_USAGE_PAGE):
                place, reattach = _Place(number, pipe, size, descriptor), is_detached
                break
            usb.util.release_interface(device, number)
            if is_detached:
                device.attach_kernel_driver(number)
    except usb.core.USBError as error:
        usb.util.dispose_resources(device)
        raise _refused(address, error) from error
    except NotImplementedError as error:
        usb.util.dispose_resources(device)
        raise TransportUnavailable(
            f"cannot open {address}: Windows gives this device to its own driver; leave out ?by=usb", reason="driver"
        ) from error
    if place is None:
        usb.util.dispose_resources(device)
        raise TransportUnavailable(
            f"cannot open {address}: the device is there and not in HID-POS mode; scan its maker's programming barcode"
            ' "USB HID-POS" (docs/protocols/scanners.md)',
            reason="mode",
        )
    return UsbReportDevice(address, device, place, reattach=reattach)


def _find(address: str, name: HidName, backend: Callable[[], Any] | None) -> Any:
    import usb.core

    made = backend() if backend is not None else None
    try:
        found = list(usb.core.find(find_all=True, backend=made, idVendor=name.vendor, idProduct=name.product))
    except usb.core.NoBackendError as error:
        raise TransportUnavailable(
            f"cannot open {address}: the USB library (libusb 1.0) is not on this machine; leave out ?by=usb, or on"
            " Debian: apt-get install libusb-1.0-0",
            reason="driver",
        ) from error
    except usb.core.USBError as error:
        raise _refused(address, error) from error
    if name.serial:
        found = [one for one in found if _serial_of(one) == name.serial]
    if not found:
        raise TransportUnavailable(
            f"cannot open {address}: no USB device {name} is plugged in; check its cable", reason="missing"
        )
    return found[0]


def _interfaces(device: Any) -> list[tuple[int, int, int]]:
    """(number, pipe in, size of a report) of each HID interface."""
    found = []
    for configuration in device:
        for interface in configuration:
            if interface.bInterfaceClass != HID_CLASS:
                continue
            for pipe in interface:
                is_in = bool(pipe.bEndpointAddress & _DIRECTION_IN)
                if is_in and pipe.bmAttributes & _TYPE_MASK == _INTERRUPT:
                    found.append((interface.bInterfaceNumber, pipe.bEndpointAddress, pipe.wMaxPacketSize))
                    break
        break  # a scanner has one configuration; another one would have to be selected first
    return found


def _descriptor_of(device: Any, interface: int) -> bytes:
    kind, request, value = _GET_DESCRIPTOR
    return bytes(device.ctrl_transfer(kind, request, value, interface, DESCRIPTOR_SIZE_MAX, CONTROL_TIMEOUT_MS))


def _detach(device: Any, interface: int) -> bool:
    """Ask the kernel's driver to let go; whether it had it. Systems without such a thing say they cannot."""
    try:
        if not device.is_kernel_driver_active(interface):
            return False
        device.detach_kernel_driver(interface)
    except NotImplementedError:
        return False
    return True


def _serial_of(device: Any) -> str:
    import usb.core

    try:
        return str(device.serial_number or "")
    except (usb.core.USBError, ValueError, NotImplementedError):
        return ""


def _refused(address: str, error: Any) -> TransportUnavailable:
    if error.errno in (errno.EACCES, errno.EPERM):
        return TransportUnavailable(
            f"cannot open {address}: not permitted; install the udev rules of installer/linux and plug the scanner in"
            " again",
            reason="permission",
        )
    if error.errno == errno.EBUSY:
        return TransportUnavailable(f"cannot open {address}: in use by another program; stop that", reason="busy")
    return TransportUnavailable(f"cannot open {address}: {words_of(error)}; pull its plug and put it in again")
