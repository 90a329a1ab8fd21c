"""Many visits at once: what is told of the device, and bytes that pass whatever goes wrong with us."""

import queue
import socket
import threading

import pytest

from drivers.transport.address import endpoint
from drivers.transport.tcp import TcpListenEndpoint
from drivers.visits import ManyVisits
from drivers.vocabulary.events import DeviceState

pytestmark = pytest.mark.net
PATIENCE_S = 10.0


@pytest.fixture
def make():
    """Makes (visits, events), not started; stopped and joined at the end."""
    stop, made = threading.Event(), []

    def build(host, device, factory):
        events = queue.SimpleQueue()
        made.append(
            ManyVisits(
                name="server",
                host=host,
                device_factory=lambda: endpoint(device),
                conversation_factory=factory,
                emit=events.put,
                stop=stop,
                visitors_max=4,
            )
        )
        return made[-1], events

    yield build
    stop.set()
    for one in made:
        assert one.join(5)


class Broken:
    """A conversation that fails at the first byte."""

    def from_host(self, data, now_s):
        raise RuntimeError("a fault of ours")

    from_device = tick = host_gone = from_host


@pytest.fixture
def echo():
    """A server that says back what it hears; its address."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve():
        server.settimeout(0.1)
        while not stop.is_set():
            try:
                visitor, _ = server.accept()
            except TimeoutError:
                continue
            with visitor:
                visitor.settimeout(PATIENCE_S)
                while data := visitor.recv(4096):
                    visitor.sendall(data)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
    stop.set()
    thread.join(5)
    server.close()


def _refuse():
    raise RuntimeError("it does not start")


@pytest.mark.parametrize("factory", [Broken, _refuse])
def test_bytes_pass_whatever_goes_wrong_with_us(make, echo, factory):
    """And the state says what went wrong."""
    host = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    host.listen()
    visits, events = make(host, echo, factory)
    visits.start()
    with socket.create_connection(("127.0.0.1", host.port), timeout=PATIENCE_S) as till:
        till.sendall(b"hello")
        heard = b""
        while len(heard) < 5:
            heard += till.recv(16)

    assert heard == b"hello"
    details = [events.get(timeout=PATIENCE_S).detail for _ in range(2)]
    while "gave up" not in details[-1]:
        details.append(events.get(timeout=PATIENCE_S).detail)


def test_a_port_that_is_taken_is_told(make, echo):
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    visits, events = make(TcpListenEndpoint(f"tcp-listen://127.0.0.1:{port}", "127.0.0.1", port), echo, Broken)
    visits.start()
    told = events.get(timeout=PATIENCE_S)
    taken.close()

    assert told.state is DeviceState.OFF
    assert "in use" in told.detail


def test_waiting_for_the_first_till_is_told(make, echo):
    host = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    visits, events = make(host, echo, Broken)
    visits.start()

    assert "waiting for the till" in events.get(timeout=PATIENCE_S).detail
