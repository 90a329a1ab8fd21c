"""What the tests of the Shtrih-M room share: a register on a pipe without threads, and one on a pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import select
import threading

import pytest

from drivers.printers.shtrih.session import Session
from drivers.printers.shtrih.settings import ShtrihSettings
from drivers.printers.shtrih.simulator import VirtualRegister
from drivers.vocabulary.errors import TransportClosed


class Pipe:
    """A transport straight into a twin; time goes on only while nothing is heard.

    `cut_at` bytes from the host, or `cut_back_at` bytes from the register, and the line is dead for `dead_s`.
    """

    address = "memory:pipe"

    def __init__(self, twin):
        self.twin = twin
        self.now_s = twin._heard_at_s + 2.0  # whoever comes again comes later
        self.incoming = b""
        self.to_device = self.to_host = 0
        self.cut_at = self.cut_back_at = None
        self.is_closed = False
        self.asked = bytearray()

    def clock(self):
        return self.now_s

    def read(self, timeout_s):
        if self.is_closed:
            raise TransportClosed("the line is cut")
        if not self.incoming:
            self.now_s += timeout_s
            return b""
        data, self.incoming = self.incoming[:1], self.incoming[1:]
        if self.cut_back_at is not None and self.to_host >= self.cut_back_at:
            self.is_closed = True
            raise TransportClosed("the line is cut")
        self.to_host += 1
        return data

    def write(self, data, timeout_s):
        if self.is_closed:
            raise TransportClosed("the line is cut")
        if self.cut_at is not None and self.to_device + len(data) > self.cut_at:
            data = data[: max(0, self.cut_at - self.to_device)]
            self.is_closed = True
        self.to_device += len(data)
        self.asked += data
        answer = self.twin.feed(data, self.now_s)
        if not self.is_closed:
            self.incoming += answer


@pytest.fixture
def shop():
    """Makes (session, pipe, twin)."""

    def make(*, protocol=1, model="shtrih-m", rude=(), twin=None):
        twin = twin or VirtualRegister(ShtrihSettings(model=model), rude=rude)
        pipe = Pipe(twin)
        return Session(pipe, protocol=protocol, clock=pipe.clock), pipe, twin

    return make


class TerminalRegister:
    """A twin behind a pseudo-terminal, served by a thread; `path` is what a till opens."""

    def __init__(self, twin):
        import tty

        self.twin = twin
        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        tty.setraw(self._far)
        self.path = os.ttyname(self._near)
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            ready = select.select([self._far, self._wake], [], [])[0]
            if self._wake in ready:
                return
            with contextlib.suppress(OSError):
                os.write(self._far, self.twin.feed(os.read(self._far, 4096)))

    def close(self):
        os.write(self._waker, b"x")
        self._thread.join(5)
        for descriptor in (self._far, self._near, self._wake, self._waker):
            os.close(descriptor)


@pytest.fixture
def terminal():
    """Makes registers on pseudo-terminals and closes them."""
    if not hasattr(os, "openpty"):
        pytest.skip("SKIPPED LOUDLY: no pseudo-terminals here")
    made = []

    def make(twin=None):
        made.append(TerminalRegister(twin or VirtualRegister()))
        return made[-1]

    yield make
    for register in made:
        register.close()
