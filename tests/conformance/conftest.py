"""The wires of the conformance suite: each gives the driver's side an endpoint and the test the far end."""

from __future__ import annotations

import contextlib
import itertools
import os
import queue
import select
import sys
import threading
import time
from functools import partial

import pytest

from drivers.inline import InlineWorker
from drivers.polling import Pace, PollingWorker
from drivers.transport.address import endpoint
from drivers.transport.tcp import TcpListenEndpoint
from drivers.twins import ShownTwin
from drivers.vocabulary.errors import TransportClosed, TransportError
from drivers.vocabulary.events import CodeScanned, DeviceState, DeviceStateChanged, DocumentPrinted
from drivers.worker import ReaderWorker

PATIENCE_S = 15.0
_NUMBERS = itertools.count()


class Terminal:
    """The far end of a pseudo-terminal, as a transport."""

    def __init__(self, link):
        import tty

        self._far, near = os.openpty()
        tty.setraw(near)
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(os.ttyname(near))
        self._open = (self._far, near)

    def read(self, timeout_s):
        if not select.select([self._far], [], [], timeout_s)[0]:
            return b""
        return os.read(self._far, 4096)

    def write(self, data, timeout_s):
        while data:
            assert select.select([], [self._far], [], timeout_s)[1], "the driver does not read"
            data = data[os.write(self._far, data[:512]) :]

    def close(self):
        descriptors, self._open = self._open, ()
        for descriptor in descriptors:
            os.close(descriptor)

    abort = close


class Wire:
    """One kind of line: `endpoint` for the driver's side, `far()` for the other, again after each restart."""

    def __init__(self, kind, tmp_path, *, is_host):
        self.kind = kind
        self._listener = None
        self._made = []
        if kind == "terminal":
            self._link = tmp_path / f"tty{next(_NUMBERS)}"
            self.endpoint = endpoint(f"serial:{self._link}")
        elif kind == "memory":
            self.endpoint = endpoint(f"memory:conformance-{next(_NUMBERS)}")
            self._far_endpoint = endpoint(self.endpoint.address)
        else:
            self._listener = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
            self._listener.listen()
            there = endpoint(f"tcp://127.0.0.1:{self._listener.port}")
            self.endpoint, self._far_endpoint = (self._listener, there) if is_host else (there, self._listener)

    def far(self):
        opened = Terminal(self._link) if self.kind == "terminal" else None
        while opened is None:
            opened = self._far_endpoint.open(1.0)
        self._made.append(opened)
        return opened

    def close(self):
        for opened in self._made:
            opened.close()
        if self._listener is not None:
            self._listener.close()


class Spoiled:
    """An endpoint whose transports pass through a fault until `is_good`; keeps what was read from them."""

    def __init__(self, inner, wrap):
        self._inner = inner
        self.wrap = wrap
        self.is_good = False
        self.read_bytes = bytearray()
        self.changed = threading.Condition()

    address = property(lambda self: self._inner.address)
    is_line = property(lambda self: self._inner.is_line)

    def open(self, timeout_s):
        opened = self._inner.open(timeout_s)
        return None if opened is None else _Kept(self, opened)

    def wait_for(self, ending):
        with self.changed:
            assert self.changed.wait_for(lambda: self.read_bytes.endswith(ending), PATIENCE_S), self.read_bytes[-80:]

    def visitor_waits(self):
        return self._inner.visitor_waits()

    def close(self):
        self._inner.close()


class _Kept:
    def __init__(self, line, inner):
        self._line = line
        self._inner = inner
        self._spoiled = line.wrap(inner, line) if line.wrap else inner

    def read(self, timeout_s):
        data = (self._inner if self._line.is_good else self._spoiled).read(timeout_s)
        with self._line.changed:
            self._line.read_bytes += data
            self._line.changed.notify_all()
        return data

    def __getattr__(self, name):
        return getattr(self._inner, name)


class Device:
    """A twin on the far end of a line, served by a thread: feeds it what comes and sends what it answers."""

    def __init__(self, far, twin):
        self._far = far
        self._twin = twin
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self.received = bytearray()
        self._unasked = b""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(TransportError, OSError):
            while not self._stop.is_set():
                data = self._far.read(0.02)
                with self._changed:
                    answer = self._twin.feed(data, time.monotonic()) if data else b""
                    answer += self._twin.tick(time.monotonic()) if isinstance(self._twin, ShownTwin) else b""
                    answer, self._unasked = answer + self._unasked, b""
                    self.received += data
                    self._changed.notify_all()
                if answer:
                    self._far.write(answer, 5)

    def set_rude(self, name, *, is_on):
        """Switch a trouble of the twin; what it says by itself is sent."""
        with self._changed:
            self._unasked += self._twin.set_rude(name, is_on=is_on)

    def sell(self, count):
        """Close receipts in the twin while it is served."""
        with self._changed:
            self._twin.sell(count)

    def wait_for(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.received) >= count, PATIENCE_S), len(self.received)

    def leave(self, *, in_order=False):
        self._stop.set()
        self._thread.join(5)
        if in_order:
            self._far.close()
        else:
            self._far.abort()


class Bench:
    """A driver at work: its worker, its events, and a place to play scenes."""

    def __init__(self, driver, make_wire):
        self.driver = driver
        self.settings = driver.settings_type()
        self.events = []
        self._queue = queue.SimpleQueue()
        self._stop = threading.Event()
        self._make_wire = make_wire
        self._worker = None
        self.host = self.device = None

    def twin(self):
        return self.driver.twin(self.settings)

    def emit(self, event):
        self.events.append(event)
        self._queue.put(event)

    def start(self, kind, *, wrap=None):
        """Start the worker on wires of one kind; `wrap` spoils what the driver reads first (a till, or a reader)."""
        common = {
            "name": "device",
            "emit": self.emit,
            "stop": self._stop,
            "jitter": lambda: 1.0,
            "conversation_factory": lambda: self.driver.conversation(self.settings, device="device"),
        }
        self.device = self._make_wire(kind, is_host=False)
        if self.driver.shape == "reader":
            self.line = Spoiled(self.device.endpoint, wrap)
            self._worker = ReaderWorker(endpoint=self.line, **common)
        else:
            self.host = self._make_wire(kind, is_host=True)
            self.line = Spoiled(self.host.endpoint, wrap)
            self._worker = InlineWorker(host=self.line, device=self.device.endpoint, **common)

    def start_polling(self, kind, *, taker=None, wrap=None):
        """Start a worker that asks the device; `wrap` spoils what it reads."""
        self.device = self._make_wire(kind, is_host=False)
        self.line = Spoiled(self.device.endpoint, wrap)
        self._worker = PollingWorker(
            name="device",
            endpoint=self.line,
            device_factory=partial(self.driver.polling.device, self.settings, device="device"),
            emit=self.emit,
            stop=self._stop,
            taker=taker,
            pace=Pace(poll_s=0.01, quiet_s=0.0),
            jitter=lambda: 1.0,
        )

    def plug_in(self):
        """The far end of a polled device; the worker runs."""
        if self.device.kind == "terminal":
            far = self.device.far()
            self._begin()
            return far
        self._begin()
        return self.device.far()

    def print_soon(self, lines):
        """A slip on the polled device."""
        assert self._worker.print_soon(lines)

    def connect(self):
        """The far ends: (till or None, device). Starts the worker when it is not running."""
        if self.driver.shape == "reader":
            if self.device.kind == "terminal":
                far = self.device.far()
                self._begin()
                self.wait_for(lambda event: getattr(event, "state", None) is DeviceState.ON)
            else:
                self._begin()
                far = self.device.far()
            return None, far
        is_terminal = self.device.kind == "terminal"
        if is_terminal:
            till, far = self.host.far(), self.device.far()
            self._begin()
            self.wait_for(lambda event: getattr(event, "state", None) is DeviceState.ON)
        else:
            self._begin()
            till = self.host.far()
            far = self.device.far()
        return till, far

    def _begin(self):
        if not self._worker._thread.is_alive():
            self._worker.start()

    def wait_for(self, wanted):
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                event = self._queue.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"it never came; what came: {self.events}") from None
            if wanted(event):
                return event

    def codes(self, count):
        """The next `count` codes."""
        return [self.wait_for(lambda event: isinstance(event, CodeScanned)).code for _ in range(count)]

    def documents(self, count):
        """The next `count` documents."""
        return [self.wait_for(lambda event: isinstance(event, DocumentPrinted)).document for _ in range(count)]

    @property
    def complaints(self):
        """What the worker said about faults of ours."""
        return [
            event.detail
            for event in self.events
            if isinstance(event, DeviceStateChanged)
            and (event.state is DeviceState.FAILED or event.detail.startswith(("the driver gave up", "the loyalty")))
        ]

    def close(self):
        self._stop.set()
        if self._worker is not None and self._worker._thread.is_alive():
            assert self._worker.join(5)
        for wire in (self.host, self.device):
            if wire is not None:
                wire.close()


@pytest.fixture
def bench(tmp_path):
    """Makes benches and takes them down."""
    made = []

    def make(driver):
        made.append(Bench(driver, lambda kind, is_host: Wire(kind, tmp_path, is_host=is_host)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(
    params=[
        "memory",
        pytest.param(
            "terminal",
            marks=pytest.mark.skipif(
                sys.platform == "win32", reason="SKIPPED LOUDLY: Windows has no pseudo-terminals; COM ports untested"
            ),
        ),
        pytest.param("tcp", marks=pytest.mark.net),
    ]
)
def wire(request):
    """The kinds of line every driver must work on."""
    return request.param


@pytest.fixture
def serve():
    """Puts a twin on a far end."""
    made = []

    def put(far, twin):
        made.append(Device(far, twin))
        return made[-1]

    yield put
    for device in made:
        with contextlib.suppress(TransportClosed, OSError):
            device.leave(in_order=True)
