"""A keyboard made with uinput, for kernels that have it: what is typed comes out of a real input device."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from pathlib import Path
from typing import Self

from drivers.key_events import KeyEventReader
from drivers.transport.evdev import NATIVE_EVENT

_SET_EVBIT = 0x40045564
_SET_KEYBIT = 0x40045565
_DEV_SETUP = 0x405C5503
_DEV_CREATE = 0x5501
_DEV_DESTROY = 0x5502
_GET_SYSNAME = 0x80405500 | 0x2C  # UI_GET_SYSNAME(64)
PATIENCE_S = 5.0


class UinputScanner:
    """`path` is the device's file as long as the block lasts."""

    def __enter__(self) -> Self:
        self._far = os.open("/dev/uinput", os.O_WRONLY | os.O_NONBLOCK)
        for kind in (0, 1):
            fcntl.ioctl(self._far, _SET_EVBIT, kind)
        for key in range(1, 128):
            fcntl.ioctl(self._far, _SET_KEYBIT, key)
        fcntl.ioctl(self._far, _DEV_SETUP, struct.pack("=HHHH80sI", 3, 0x1EAB, 0x0001, 1, b"Test Scanner", 0))
        fcntl.ioctl(self._far, _DEV_CREATE)
        name = fcntl.ioctl(self._far, _GET_SYSNAME, bytes(64)).split(b"\0")[0].decode()
        until_s = time.monotonic() + PATIENCE_S
        events = list(Path(f"/sys/devices/virtual/input/{name}").glob("event*"))
        self.path = f"/dev/input/{events[0].name}"
        while not Path(self.path).exists() and time.monotonic() < until_s:
            time.sleep(0.01)
        return self

    def type(self, stream: bytes) -> None:
        """Write events as a driver of the kernel would."""
        for event in KeyEventReader().feed(stream):
            if event.type != 4:
                os.write(self._far, NATIVE_EVENT.pack(0, 0, *event))

    def __exit__(self, *_: object) -> None:
        fcntl.ioctl(self._far, _DEV_DESTROY)
        os.close(self._far)
