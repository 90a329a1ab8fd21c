"""USB printers without a kernel driver: the only importer of pyusb, which is imported when the first one is opened.

A printer is found by vendor and product (and serial number where two are alike), never by its place on the bus, so it
may be plugged in elsewhere. Its interface of the printer class (USB printer class 1.1, class 07h) is taken; a maker's
own interface (FFh) with a bulk pipe out serves where there is none. The kernel's own driver is asked to let go of it,
and gets it back when we close.
"""

from __future__ import annotations

import contextlib
import errno
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from drivers.transport.sockets import words_of
from drivers.vocabulary.errors import TransportClosed, TransportError, TransportUnavailable

__all__ = ["PRINTER_CLASS", "UsbEndpoint", "UsbName", "UsbTransport"]

PRINTER_CLASS: Final = 0x07
VENDOR_CLASS: Final = 0xFF
READ_SIZE: Final = 4_096
READ_SLICE_S: Final = 0.1  # how long a close may wait for a read that is under way
WRITE_SIZE: Final = 4_096  # one piece: a printer that takes none of it within the time is stuck
_BULK: Final = 0x02
_TYPE_MASK: Final = 0x03
_DIRECTION_IN: Final = 0x80

_GONE: Final = frozenset({errno.ENODEV, errno.EPIPE, errno.EIO, errno.ENOENT, errno.ESHUTDOWN})
_NO_LIBRARY: Final = (
    "the USB library (libusb 1.0) is not on this machine; on Debian: apt-get install libusb-1.0-0,"
    " on Windows print through the spooler (spool:NAME) instead"
)
_NO_DRIVER: Final = (
    "Windows gives this device to its own driver; print through the spooler (spool:NAME),"
    " or give it the WinUSB driver (docs/guides/store-it.md says how)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsbName:
    """Which device: vendor and product, and its serial number where it matters ("" takes any)."""

    vendor: int
    product: int
    serial: str = ""

    def __str__(self) -> str:
        return f"{self.vendor:04x}:{self.product:04x}"


class UsbTransport:
    """One claimed interface; see `drivers.transport.contract.Transport`."""

    def __init__(self, address: str, device: Any, place: _Place, *, reattach: bool) -> None:
        self._address = address
        self._device = device
        self._place = place
        self._reattach = reattach
        self._is_closed = False
        # The library must not be inside a call when its handle is given back: closing waits for the calls under way.
        self._calls = 0
        self._idle = threading.Condition()

    @property
    def address(self) -> str:
        """The address of the endpoint it was opened from."""
        return self._address

    def read(self, timeout_s: float) -> bytes:
        """As the contract says; a printer that cannot answer (no pipe in) is silent."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            rest_s = max(0.0, deadline_s - time.monotonic())
            data = self._read_once(min(rest_s, READ_SLICE_S))
            if data or rest_s <= READ_SLICE_S:
                return data

    def _read_once(self, timeout_s: float) -> bytes:
        import usb.core

        pipe = self._place.pipe_in
        if pipe is None:
            with self._idle:
                self._idle.wait_for(lambda: self._is_closed, timeout_s)
            self._refuse_closed()
            return b""
        with self._call():
            try:
                return bytes(self._device.read(pipe, READ_SIZE, _milliseconds(timeout_s)))
            except usb.core.USBTimeoutError:
                return b""
            except usb.core.USBError as error:
                raise self._trouble(error) from error

    def write(self, data: bytes, timeout_s: float) -> None:
        """As the contract says; the time is for each piece of `WRITE_SIZE`, for paper moves slowly."""
        import usb.core

        view = memoryview(data)
        while view:
            piece = bytes(view[:WRITE_SIZE])
            with self._call():
                try:
                    taken = self._device.write(self._place.pipe_out, piece, _milliseconds(timeout_s))
                except usb.core.USBTimeoutError:
                    raise TransportError(
                        f"{self._address} took no bytes for {timeout_s:g} s; see whether the printer is out of paper",
                    ) from None
                except usb.core.USBError as error:
                    raise self._trouble(error) from error
            view = view[taken:]

    def finish(self) -> None:
        """No effect: a bus has no way to say it."""

    def abort(self) -> None:
        """As close: what was handed over is the printer's."""
        self.close()

    def close(self) -> None:
        """As the contract says; the kernel's driver gets the printer back."""
        import usb.core
        import usb.util

        with self._idle:
            if self._is_closed:
                return
            self._is_closed = True
            self._idle.notify_all()
            self._idle.wait_for(lambda: self._calls == 0, 1.0)
        number = self._place.interface
        with contextlib.suppress(usb.core.USBError, NotImplementedError):
            usb.util.release_interface(self._device, number)
        if self._reattach:
            with contextlib.suppress(usb.core.USBError, NotImplementedError):
                self._device.attach_kernel_driver(number)
        with contextlib.suppress(usb.core.USBError):
            usb.util.dispose_resources(self._device)

    @contextlib.contextmanager
    def _call(self) -> Any:
        with self._idle:
            self._refuse_closed()
            self._calls += 1
        try:
            yield
        finally:
            with self._idle:
                self._calls -= 1
                self._idle.notify_all()

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise TransportClosed(f"{self._address} was closed")

    def _trouble(self, error: Any) -> TransportClosed | TransportError:
        if self._is_closed:
            return TransportClosed(f"{self._address} was closed")
        if error.errno in _GONE:
            return TransportClosed(f"{self._address}: the printer is gone ({words_of(error)}); check its cable")
        return TransportError(f"{self._address}: {words_of(error)}; pull its plug and put it in again")


class UsbEndpoint:
    """A USB printer by its name.

    Args:
        address: ``usb:04b8:0202``, with ``?serial=…`` where two are alike.
        name: the same, read.
        backend: makes the pyusb backend, for tests; None is the system's libusb.
    """

    is_line = True

    def __init__(self, address: str, name: UsbName, *, backend: Callable[[], Any] | None = None) -> None:
        self._address = address
        self._name = name
        self._backend = backend

    @property
    def address(self) -> str:
        """``usb:04b8:0202``, as it was written."""
        return self._address

    def open(self, timeout_s: float) -> UsbTransport:  # noqa: ARG002 - opening does not wait
        """Take the printer; raises TransportUnavailable with the cause and the next step."""
        import usb.core
        import usb.util

        device = self._find()
        try:
            place = _place_of(device)
            if place is None:
                raise self._unavailable("", "it has no interface that prints; is it a printer?")
            reattach = _detach(device, place.interface)
            usb.util.claim_interface(device, place.interface)
            if place.alternate:
                device.set_interface_altsetting(place.interface, place.alternate)
        except usb.core.USBError as error:
            usb.util.dispose_resources(device)
            raise self._refused(error) from error
        except NotImplementedError as error:
            usb.util.dispose_resources(device)
            raise self._unavailable("driver", _NO_DRIVER) from error
        return UsbTransport(self._address, device, place, reattach=reattach)

    def visitor_waits(self) -> bool:
        """Nobody comes on a bus."""
        return False

    def close(self) -> None:
        """Nothing listens."""

    def _find(self) -> Any:
        import usb.core

        backend = self._backend() if self._backend is not None else None
        try:
            found = list(
                usb.core.find(find_all=True, backend=backend, idVendor=self._name.vendor, idProduct=self._name.product),
            )
        except usb.core.NoBackendError as error:
            raise self._unavailable("driver", _NO_LIBRARY) from error
        except usb.core.USBError as error:
            raise self._refused(error) from error
        if self._name.serial:
            found = [one for one in found if _serial_of(one) == self._name.serial]
        if not found:
            extra = f" with the serial number {self._name.serial}" if self._name.serial else ""
            raise self._unavailable(
                "missing", f"no USB device {self._name}{extra} is plugged in; check its cable and its power switch"
            )
        return found[0]

    def _refused(self, error: Any) -> TransportUnavailable:
        if error.errno in (errno.EACCES, errno.EPERM):
            return self._unavailable(
                "permission",
                "not permitted; install the udev rules of installer/linux and plug the printer in again",
            )
        if error.errno == errno.EBUSY:
            return self._unavailable("busy", "in use by another program; stop that, or print through the spooler")
        if error.errno in _GONE:
            return self._unavailable("missing", "it went away just now; check its cable")
        return self._unavailable("", f"{words_of(error)}; pull its plug and put it in again")

    def _unavailable(self, reason: str, words: str) -> TransportUnavailable:
        return TransportUnavailable(f"cannot open {self._address}: {words}", reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The interface that prints, and its pipes."""

    interface: int
    alternate: int
    pipe_out: int
    pipe_in: int | None


def _place_of(device: Any) -> _Place | None:
    """The interface to print through: one of the printer class first; two-way settings before one-way ones."""
    best: tuple[int, int, _Place] | None = None
    for configuration in device:
        for interface in configuration:
            if interface.bInterfaceClass not in (PRINTER_CLASS, VENDOR_CLASS):
                continue
            bulk = [one.bEndpointAddress for one in interface if one.bmAttributes & _TYPE_MASK == _BULK]
            out = next((pipe for pipe in bulk if not pipe & _DIRECTION_IN), None)
            back = next((pipe for pipe in bulk if pipe & _DIRECTION_IN), None)
            if out is None:
                continue
            rank = (int(interface.bInterfaceClass == PRINTER_CLASS), int(back is not None))
            if best is None or rank > best[:2]:
                place = _Place(
                    interface=interface.bInterfaceNumber,
                    alternate=interface.bAlternateSetting,
                    pipe_out=out,
                    pipe_in=back,
                )
                best = (*rank, place)
        break  # a printer has one configuration; another one would have to be selected first
    return None if best is None else best[2]


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
    """The serial number, as far as we may read it; "" when not."""
    import usb.core

    try:
        return str(device.serial_number or "")
    except (usb.core.USBError, ValueError, NotImplementedError):
        return ""


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
