"""The POS's port of a shared scanner: there or not, slow or gone, the scanner goes on."""

import queue
import sys
import threading
import time

import pytest

from drivers.pos_line import PosLine
from drivers.transport.memory import MemoryEndpoint
from drivers.transport.pseudo_terminal import PtyEndpoint
from drivers.transport.tcp import TcpListenEndpoint
from drivers.vocabulary.errors import TransportClosed, TransportError, TransportUnavailable
from drivers.vocabulary.events import DeviceState

PATIENCE_S = 10.0


class Bench:
    """A line at work, and what it said."""

    def __init__(self, endpoint):
        self.said = queue.SimpleQueue()
        self.stop = threading.Event()
        self.line = PosLine(
            name="scanner/pos", endpoint=endpoint, emit=self.said.put, stop=self.stop, jitter=lambda: 1.0
        )
        self.line.start()

    def wait_for(self, state, hint=""):
        while True:
            event = self.said.get(timeout=PATIENCE_S)
            if event.state is state and hint in event.detail:
                return event

    def end(self):
        self.stop.set()
        assert self.line.join(PATIENCE_S)


def _until(ready):
    deadline_s = time.monotonic() + PATIENCE_S
    while not (found := ready()):
        assert time.monotonic() < deadline_s
        threading.Event().wait(0.005)
    return found


def test_bytes_go_both_ways():
    """Scans to the POS, its beep back to the scanner."""
    bench = Bench(MemoryEndpoint("pos-both"))
    pos = _until(lambda: MemoryEndpoint("pos-both").open(0.5))
    bench.wait_for(DeviceState.ON)
    assert bench.line.send(b"4600000000015\r")
    pos.write(b"\x16T\r", 1)

    assert b"4600000000015\r" == pos.read(5)
    assert b"\x16T\r" == _until(bench.line.taken)
    assert b"" == bench.line.taken()
    pos.close()
    bench.end()


@pytest.mark.net
def test_without_a_pos_scans_are_thrown_away_and_with_one_they_arrive():
    """A POS that connects late does not get what was scanned before it came; one that leaves may come again."""
    listener = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    listener.listen()
    bench = Bench(listener)
    bench.wait_for(DeviceState.OFF, "waiting for the POS")
    assert not bench.line.send(b"OLD\r")
    import socket

    for turn in range(2):
        with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as pos:
            bench.wait_for(DeviceState.ON)
            assert bench.line.send(b"NEW%d\r" % turn)
            assert b"NEW%d\r" % turn == pos.recv(100)
        bench.wait_for(DeviceState.OFF, "the POS has left")
    bench.end()

    assert 1 == bench.line.dropped


@pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: Windows has no pseudo-terminals")
def test_a_pos_that_reads_nothing_holds_nobody_up(tmp_path):
    """Full is full: what does not fit is thrown away within a quarter of a second, and the port is there again."""
    link = tmp_path / "scanner"
    bench = Bench(PtyEndpoint(f"pty:{link}", str(link)))
    bench.wait_for(DeviceState.ON)
    began_s = time.monotonic()
    while bench.line.send(b"x" * 1_000):
        assert time.monotonic() - began_s < PATIENCE_S
    bench.wait_for(DeviceState.ON)

    assert 1 == bench.line.dropped
    assert bench.line.send(b"4600000000015\r")
    bench.end()
    assert not link.is_symlink()


class Broken:
    """A port that cannot be opened, or opens and fails at once."""

    address = "serial:COM9"
    is_line = True

    def __init__(self, error):
        self.error = error
        self.opened = 0

    def open(self, timeout_s):
        self.opened += 1
        if isinstance(self.error, TransportClosed):
            return self
        raise self.error

    def read(self, timeout_s):
        raise self.error

    def visitor_waits(self):
        return False

    def close(self):
        pass


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (TransportUnavailable("cannot open serial:COM9: there is no such port"), "there is no such port"),
        (TransportClosed("gone"), "the POS has left serial:COM9"),
        (RuntimeError("a fault of ours"), "a fault of ours"),
    ],
)
def test_a_port_that_fails_is_tried_again_and_not_in_a_hurry(error, hint):
    """Said once; the tries become rarer."""
    port = Broken(error)
    bench = Bench(port)
    bench.wait_for(DeviceState.OFF, hint)
    _until(lambda: port.opened >= 3)
    assert not bench.line.send(b"x")
    bench.end()

    assert port.opened < 10
    assert issubclass(TransportClosed, TransportError)
