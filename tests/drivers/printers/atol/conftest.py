"""What the tests of the ATOL room share: a twin on pipes without threads, cut at any byte, in either direction."""

from __future__ import annotations

import itertools

import pytest

from drivers.printers.atol.models import model_named
from drivers.printers.atol.session import WebSession
from drivers.printers.atol.settings import AtolSettings
from drivers.printers.atol.simulator import VirtualAtol
from drivers.printers.atol.web_device import WebDevice
from drivers.vocabulary.errors import TransportClosed, TransportUnavailable

NUMBERS = itertools.count(1)


class Pipe:
    """A transport straight into a connection of the twin; time goes on only while nothing is heard."""

    address = "memory:pipe"

    def __init__(self, wire, line):
        self._wire = wire
        self._line = line
        self._incoming = b""
        self.is_closed = False

    def read(self, timeout_s):
        wire = self._wire
        if self.is_closed or wire.is_cut():
            raise TransportClosed("the line is cut")
        if not self._incoming:
            if getattr(self._line, "is_closed", False):
                raise TransportClosed("the server closed")
            wire.now_s += timeout_s
            self._incoming += self._line.tick(wire.now_s) if hasattr(self._line, "tick") else b""
            return b""
        data, self._incoming = self._incoming[: wire.chunk], self._incoming[wire.chunk :]
        wire.back += len(data)
        if wire.cut_back_at is not None and wire.back > wire.cut_back_at:
            data = data[: len(data) - (wire.back - wire.cut_back_at)]
            wire.back = wire.cut_back_at + 1
        return data

    def write(self, data, timeout_s):
        wire = self._wire
        if self.is_closed or wire.is_cut():
            raise TransportClosed("the line is cut")
        if wire.cut_at is not None and wire.forth + len(data) > wire.cut_at:
            data = data[: max(0, wire.cut_at - wire.forth)]
            wire.forth = wire.cut_at + 1
        else:
            wire.forth += len(data)
        wire.sent += data
        self._incoming += self._line.feed(data)

    def close(self):
        self.is_closed = True

    abort = finish = close


class Wire:
    """Makes pipes to one twin; `cut_at` bytes forth or `cut_back_at` bytes back, and it is dead until `mend`."""

    def __init__(self, twin, *, chunk=1):
        self.twin = twin
        self.chunk = chunk
        self.now_s = 0.0
        self.forth = self.back = 0
        self.cut_at = self.cut_back_at = None
        self.sent = bytearray()
        self.opened = 0

    def is_cut(self):
        forth = self.cut_at is not None and self.forth > self.cut_at
        return forth or (self.cut_back_at is not None and self.back > self.cut_back_at)

    def mend(self):
        self.cut_at = self.cut_back_at = None

    def clock(self):
        return self.now_s

    def wait(self, duration_s):
        self.now_s += duration_s

    def connect(self):
        if self.is_cut():
            raise TransportUnavailable("nobody is there")
        self.opened += 1
        return Pipe(self, self.twin.connection())


@pytest.fixture
def web():
    """Makes (session, wire, twin) over the web interface."""

    def make(*, twin=None, rude=(), user="", password="", chunk=64, **settings):
        chosen = AtolSettings(user=user, **({"password": password} if password else {}), **settings)
        twin = twin or VirtualAtol(chosen, rude=rude)
        wire = Wire(twin, chunk=chunk)
        session = WebSession(
            wire.connect,
            clock=wire.clock,
            wait=wire.wait,
            new_uuid=lambda: f"own-{next(NUMBERS)}",
            user=user,
            password=password,
            device_id=chosen.device_id,
        )
        return session, wire, twin

    return make


@pytest.fixture
def device(web):
    """Makes (device, wire, twin): the register behind the web server, asked by the agent."""

    def make(**words):
        from drivers.printers.atol.driver import zone_of

        session, wire, twin = web(**words)
        settings = AtolSettings()
        return WebDevice(session, model=model_named(settings.model), currency="RUB", zone=zone_of(settings)), wire, twin

    return make
