"""A POSIX file descriptor of a device: reads that end in time, and a close that wakes who waits; no protocol.

Imported only where there is poll(); what Windows has instead is in `hid_windows` and `raw_input_windows`.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from drivers.transport.sockets import words_of
from drivers.vocabulary.errors import TransportClosed, TransportError

__all__ = ["Descriptor"]

_READABLE: Final = 0x001  # POLLIN
_WRITABLE: Final = 0x004  # POLLOUT
_WOULD_BLOCK: Final = (BlockingIOError, InterruptedError)


class Descriptor:
    """One open device. Reading and writing may happen on two threads; closing may happen on a third.

    Args:
        address: for messages.
        descriptor: open and non-blocking; closed by `close`.
        also: called once, before the descriptor is closed.
    """

    def __init__(self, address: str, descriptor: int, *, also: Callable[[], None] | None = None) -> None:
        self.address = address
        self._descriptor = descriptor
        self._also = also
        self._is_closed = False
        # Held for one call that does not wait, so that no thread uses a number that was closed and given away.
        self._gate = threading.Lock()
        self._wake_reading, self._wake_writing = os.pipe()

    def read(self, size: int, timeout_s: float) -> bytes:
        """Whatever has arrived, b"" when nothing did in time; TransportClosed when the device is gone."""
        deadline_s = time.monotonic() + timeout_s
        try:
            while True:
                if not self._wait(_READABLE, deadline_s):
                    return b""
                with self._gate:
                    self._refuse_closed()
                    try:
                        data = os.read(self._descriptor, size)
                    except _WOULD_BLOCK:
                        continue
                if not data:
                    raise TransportClosed(f"{self.address}: the device is gone; check its cable")
                return data
        except OSError as error:
            raise self._gone(error) from error

    def write(self, data: bytes, timeout_s: float) -> None:
        """All of `data`; TransportError when the device does not take it in time, TransportClosed when it is gone."""
        deadline_s = time.monotonic() + timeout_s
        view = memoryview(data)
        try:
            while view:
                with self._gate:
                    self._refuse_closed()
                    try:
                        view = view[os.write(self._descriptor, view) :]
                        continue
                    except _WOULD_BLOCK:
                        pass
                if not self._wait(_WRITABLE, deadline_s):
                    raise TransportError(f"{self.address} took no bytes for {timeout_s:g} s; is anybody reading there?")
        except OSError as error:
            raise self._gone(error) from error

    def control(self, work: Callable[[int], None]) -> None:
        """Do something short with the descriptor (an ioctl); OSError passes through."""
        with self._gate:
            self._refuse_closed()
            work(self._descriptor)

    def close(self) -> None:
        """Give the device back; a read that waits ends with TransportClosed. Harmless when repeated."""
        with self._gate:
            if self._is_closed:
                return
            self._is_closed = True
        with contextlib.suppress(OSError):
            os.close(self._wake_writing)  # whoever waits sees the other end of this pipe hang up
        with self._gate:
            if self._also is not None:
                with contextlib.suppress(OSError):
                    self._also()
            for descriptor in (self._descriptor, self._wake_reading):
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def _wait(self, event: int, deadline_s: float) -> bool:
        """Whether the device is ready; a hang-up counts, for the call that follows will say so."""
        if sys.platform == "win32":  # nobody comes here: a Windows device is no descriptor
            raise TransportClosed(f"{self.address}: this system has no poll()")
        poll = select.poll()
        with self._gate:
            self._refuse_closed()
            poll.register(self._descriptor, event)
            poll.register(self._wake_reading, 0)
        ready = poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000)
        self._refuse_closed()
        return bool(ready)

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise TransportClosed(f"{self.address} was closed")

    def _gone(self, error: OSError) -> TransportClosed:
        if self._is_closed:
            return TransportClosed(f"{self.address} was closed")
        return TransportClosed(f"{self.address}: the device is gone ({words_of(error)}); check its cable")
