"""Linux input devices (evdev), taken for us alone: the keys of a scanner reach nobody else; no protocol.

`EVIOCGRAB` (uapi/linux/input.h) gives every event to the one who grabbed, so what a scanner types never lands in the
POS or in a shell. The kernel's records are brought into the one form of `drivers.key_events`.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from drivers.key_events import KeyEvent, pack_event
from drivers.transport.sockets import words_of
from drivers.vocabulary.errors import TransportUnavailable

if TYPE_CHECKING:
    from drivers.transport.descriptor import Descriptor

__all__ = ["NATIVE_EVENT", "EvdevEndpoint", "EvdevTransport"]

#: `struct input_event` as this kernel writes it: 24 bytes on 64-bit machines, 16 on 32-bit ones.
NATIVE_EVENT: Final = struct.Struct("@llHHi")
EVENTS_AT_ONCE: Final = 64
_NOT_PERMITTED: Final = (
    "not permitted; install the udev rules of installer/linux, or add the user of the service to the group input,"
    " and plug the scanner in again"
)
_EVIOCGRAB: Final = 0x40044590  # _IOW('E', 0x90, int)


def grab(descriptor: int) -> None:
    """Take the device for us alone; OSError EBUSY when somebody has it."""
    if sys.platform != "win32":
        import fcntl

        fcntl.ioctl(descriptor, _EVIOCGRAB, 1)


class EvdevTransport:
    """One grabbed device; see `drivers.transport.contract.Transport`. Nothing can be written to it."""

    def __init__(self, address: str, descriptor: Descriptor) -> None:
        self.address = address
        self._descriptor = descriptor
        self._half = b""

    def read(self, timeout_s: float) -> bytes:
        """As the contract says; whole records of 24 bytes."""
        data = self._half + self._descriptor.read(NATIVE_EVENT.size * EVENTS_AT_ONCE, timeout_s)
        whole = len(data) - len(data) % NATIVE_EVENT.size
        self._half = data[whole:]
        found = []
        for seconds, micro, kind, code, value in NATIVE_EVENT.iter_unpack(data[:whole]):
            found.append(pack_event(KeyEvent(kind, code, value), at_s=seconds + micro / 1_000_000))
        return b"".join(found)

    def write(self, data: bytes, timeout_s: float) -> None:
        """Thrown away: a scanner that types is only listened to."""

    def finish(self) -> None:
        """No effect on a device."""

    def abort(self) -> None:
        """As close."""
        self.close()

    def close(self) -> None:
        """As the contract says; the kernel gives the keys to everybody again."""
        self._descriptor.close()


class EvdevEndpoint:
    """An input device by the name of its file.

    Args:
        address: ``evdev:/dev/input/by-id/usb-…-event-kbd``.
        path: the file; a name under by-id survives replugging.
        take: grabs an open descriptor; tests on machines without input devices pass their own.
    """

    is_line = True

    def __init__(self, address: str, path: str, *, take: Callable[[int], None] = grab) -> None:
        self._address = address
        self._path = path
        self._take = take

    @property
    def address(self) -> str:
        """As it was written."""
        return self._address

    def open(self, timeout_s: float) -> EvdevTransport:  # noqa: ARG002 - opening does not wait
        """Open and grab; raises TransportUnavailable with the cause and the next step."""
        if sys.platform == "win32":
            raise TransportUnavailable(
                f"cannot open {self._address}: Windows has no such devices; write rawinput:…, or put the scanner"
                " into serial or HID-POS mode",
                reason="driver",
            )
        from drivers.transport.descriptor import Descriptor

        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise self._unavailable(error) from error
        try:
            self._take(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise self._unavailable(error) from error
        return EvdevTransport(self._address, Descriptor(self._address, descriptor))

    def visitor_waits(self) -> bool:
        """Nobody comes to a device."""
        return False

    def close(self) -> None:
        """Nothing listens."""

    def _unavailable(self, error: OSError) -> TransportUnavailable:
        if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            reason, words = "missing", "there is no such device; check its cable and the names under /dev/input/by-id"
        elif error.errno in (errno.EACCES, errno.EPERM):
            reason, words = "permission", _NOT_PERMITTED
        elif error.errno == errno.EBUSY:
            reason, words = "busy", "another program has taken it for itself; stop that"
        elif error.errno in (errno.ENOTTY, errno.EINVAL):
            reason, words = "", "it is no input device; take a name that ends in -event-kbd under /dev/input/by-id"
        else:
            reason, words = "", f"{words_of(error)}; check the cable and the address"
        return TransportUnavailable(f"cannot open {self._address}: {words}", reason=reason)
