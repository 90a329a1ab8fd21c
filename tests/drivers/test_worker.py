"""The reader's thread: events, states on transitions, restarts, prompt stop, and a conversation that fails."""

import threading
import time

import pytest

from drivers.scanners.serial import driver
from drivers.transport.address import endpoint
from drivers.transport.memory import memory_pair
from drivers.vocabulary.errors import TransportUnavailable
from drivers.vocabulary.events import CodeScanned, DeviceState
from drivers.worker import ReaderWorker


class _Plugs:
    """An endpoint into which a test plugs transports; between them the port is not there."""

    is_line = True
    address = "serial:test"

    def __init__(self):
        self._next = []
        self.tries = 0

    def plug(self):
        ours, theirs = memory_pair()
        self._next.append(ours)
        return theirs

    def open(self, timeout_s):
        self.tries += 1
        if not self._next:
            raise TransportUnavailable("cannot open serial:test: there is no such port")
        return self._next.pop(0)

    def visitor_waits(self):
        return False

    def close(self):
        pass


@pytest.fixture
def start(collector, stop_flag):
    """Starts a worker and stops it afterwards."""
    workers = []

    def begin(place, factory=lambda: driver.conversation(None, device="scanner"), **kwargs):
        worker = ReaderWorker(
            name="scanner",
            endpoint=place,
            conversation_factory=factory,
            emit=collector,
            stop=stop_flag,
            jitter=lambda: 1.0,
            **kwargs,
        )
        worker.start()
        workers.append(worker)
        return worker

    yield begin
    stop_flag.set()
    assert all(worker.join(5) for worker in workers)


def _scans(event):
    return isinstance(event, CodeScanned)


def test_a_scan_is_an_event(start, collector):
    """Bytes become a code with the device's name."""
    plugs = _Plugs()
    scanner = plugs.plug()
    start(plugs)
    scanner.write(b"]E02000000000015\r", 1)

    assert CodeScanned(device="scanner", code="2000000000015", symbology="]E0") == collector.wait_for(_scans)


def test_a_code_without_a_suffix_ends_by_silence(start, collector):
    """The thread lets the time pass, so that the cashier need not scan twice."""
    plugs = _Plugs()
    scanner = plugs.plug()
    start(plugs)
    scanner.write(b"CARD-17", 1)

    assert collector.wait_for(_scans).code == "CARD-17"


def test_replugging_is_survived_and_told_once(start, collector):
    """Off is told once for many attempts, then on again."""
    plugs = _Plugs()
    scanner = plugs.plug()
    start(plugs)
    scanner.write(b"A\r", 1)
    collector.wait_for(_scans)
    scanner.abort()
    collector.wait_for_state(DeviceState.OFF)
    collector.wait_for_state(DeviceState.OFF)
    tries = plugs.tries
    scanner = plugs.plug()
    scanner.write(b"B\r", 1)
    assert collector.wait_for(_scans).code == "B"

    on, off = DeviceState.ON, DeviceState.OFF
    assert [on, off, off, on] == collector.states  # "closed", then "no such port": two different sentences
    assert plugs.tries > tries


def test_a_conversation_that_fails_is_a_state(start, collector):
    """The thread lives on, says what failed, and tries again later."""

    def factory():
        raise RuntimeError("a mistake")

    plugs = _Plugs()
    plugs.plug()
    worker = start(plugs, factory)
    detail = collector.wait_for_state(DeviceState.FAILED).detail

    assert detail == "a fault of ours, RuntimeError: a mistake; please report it"
    assert not worker.join(0.0)


@pytest.mark.parametrize("is_plugged", [True, False])
def test_stopping_is_prompt(start, collector, stop_flag, is_plugged):
    """Half a second after the flag the thread is gone, connected or waiting."""
    plugs = _Plugs()
    pipe = plugs.plug() if is_plugged else None
    worker = start(plugs)
    collector.wait_for_state(DeviceState.ON if pipe else DeviceState.OFF)
    began_s = time.monotonic()
    stop_flag.set()

    assert worker.join(5)
    assert time.monotonic() - began_s < 0.5
    assert DeviceState.CLOSED is collector.states[-1]


def test_a_reader_over_memory_waits_for_its_device(start, collector):
    """An endpoint where nobody came yet is asked again."""
    start(endpoint("memory:worker-test"))
    collector.wait_for_state(DeviceState.OFF)
    scanner = None
    while scanner is None:
        scanner = endpoint("memory:worker-test").open(0.5)
    scanner.write(b"LATE\r", 1)

    assert collector.wait_for(_scans).code == "LATE"


def test_the_conversation_may_talk_back(start):
    """Bytes a conversation wants sent are sent."""

    class Greets:
        def __init__(self):
            self._out = b"hello"

        def feed(self, data, now_s):
            return ()

        def tick(self, now_s):
            return ()

        def outgoing(self):
            out, self._out = self._out, b""
            return out

    plugs = _Plugs()
    device = plugs.plug()
    start(plugs, Greets)

    assert device.read(5) == b"hello"


def test_two_workers_share_nothing(start, collector):
    """Half a code of one scanner never meets half a code of another."""
    one, two = _Plugs(), _Plugs()
    first, second = one.plug(), two.plug()
    start(one)
    start(two)
    done = threading.Barrier(2)

    def scan(scanner, code):
        done.wait(5)
        for byte in code:
            scanner.write(bytes((byte,)), 1)

    threads = [threading.Thread(target=scan, args=pair) for pair in ((first, b"AAAA\r"), (second, b"BBBB\r"))]
    for thread in threads:
        thread.start()
    codes = {collector.wait_for(_scans).code, collector.wait_for(_scans).code}
    for thread in threads:
        thread.join(5)

    assert codes == {"AAAA", "BBBB"}
