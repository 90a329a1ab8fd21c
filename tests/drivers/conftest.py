"""Small real parts for the tests of the drivers: a line protocol, a collector of events, a printer on loopback."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time

import pytest

from drivers.contract import DocumentEnds, ToDevice, ToHost
from drivers.vocabulary.events import DeviceStateChanged, Document
from drivers.vocabulary.receipt import DocumentKind

PATIENCE_S = 10.0


class LineConversation:
    """A printer of lines: the line CUT ends a document, and loyalty lines go before it; holds a line back until whole."""

    def __init__(self):
        self._line = b""
        self._text = []
        self._raw = b""

    def from_host(self, data, now_s):
        *lines, self._line = (self._line + data).split(b"\n")
        steps = []
        for line in lines:
            if line == b"CUT":
                steps += self._end()
            else:
                self._text.append(line.decode("latin-1"))
            self._raw += line + b"\n"
            steps.append(ToDevice(line + b"\n"))
        return steps

    def from_device(self, data, now_s):
        return [ToHost(data)]

    def tick(self, now_s):
        rest, self._line = self._line, b""
        self._raw += rest
        return [ToDevice(rest)] if rest else []

    def host_gone(self, now_s):
        return [*self.tick(now_s), *(self._end() if self._text else [])]

    def _end(self):
        document = Document(kind=DocumentKind.OTHER, raw=self._raw, text=tuple(self._text))
        self._text, self._raw = [], b""
        return [DocumentEnds(document=document, render=lambda lines: "".join(f"{line}\n" for line in lines).encode())]


class Collector:
    """Takes events and lets a test wait for one of them."""

    def __init__(self):
        self.all = []
        self._queue = queue.SimpleQueue()

    def __call__(self, event):
        self.all.append(event)
        self._queue.put(event)

    def wait_for(self, wanted, timeout_s=PATIENCE_S):
        """The next event for which `wanted` is true."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                event = self._queue.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"it never came; what came: {self.all}") from None
            if wanted(event):
                return event

    def wait_for_state(self, state):
        return self.wait_for(lambda event: isinstance(event, DeviceStateChanged) and event.state is state)

    @property
    def states(self):
        return [event.state for event in self.all if isinstance(event, DeviceStateChanged)]


class SocketPrinter:
    """A printer on loopback that keeps what it was sent and answers DLE EOT n (10 04 n) with 0x12."""

    def __init__(self, port=0, *, answer=b"\x12"):
        self._server = socket.create_server(("127.0.0.1", port))
        self._server.settimeout(0.05)
        self.port = self._server.getsockname()[1]
        self.received = bytearray()
        self.visits = 0
        self._answer = answer
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._current = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            try:
                visitor, _ = self._server.accept()
            except OSError:
                continue
            with self._changed:
                self._current = visitor
                self.visits += 1
                self._changed.notify_all()
            self._serve(visitor)
            visitor.close()
            with self._changed:
                self._current = None
                self._changed.notify_all()

    def _serve(self, visitor):
        visitor.settimeout(0.05)
        while not self._stop.is_set():
            try:
                data = visitor.recv(65_536)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                return
            with self._changed:
                self.received += data
                self._changed.notify_all()
            with contextlib.suppress(OSError):
                visitor.sendall(self._answer * data.count(b"\x10\x04"))

    def wait_until(self, true):
        with self._changed:
            assert self._changed.wait_for(true, PATIENCE_S), bytes(self.received[-200:])

    def wait_for_bytes(self, count):
        self.wait_until(lambda: len(self.received) >= count)

    def say(self, data):
        self.wait_until(lambda: self._current is not None)
        self._current.sendall(data)

    def crash(self):
        """Lose power: connections are reset and nobody listens."""
        if self._current is not None:
            self._current.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.close()

    def close(self):
        self._stop.set()
        self._thread.join(5)
        self._server.close()


@pytest.fixture
def line_conversation():
    return LineConversation


@pytest.fixture
def collector():
    return Collector()


@pytest.fixture
def socket_printer():
    """Makes printers and closes them afterwards."""
    made = []

    def make(port=0, **kwargs):
        made.append(SocketPrinter(port, **kwargs))
        return made[-1]

    yield make
    for printer in made:
        printer.close()


@pytest.fixture
def stop_flag():
    return threading.Event()
