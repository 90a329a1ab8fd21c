"""TCP transports on loopback: flow, endings, one visitor at a time, and causes of failure."""

import socket
import threading

import pytest

from drivers.transport.address import endpoint
from drivers.transport.tcp import TcpListenEndpoint, TcpTransport
from drivers.vocabulary.errors import TransportClosed, TransportEnded, TransportError, TransportUnavailable
from tests.wine_or_windows import IS_WINE

pytestmark = pytest.mark.net


@pytest.fixture
def listener():
    """A listening endpoint on a port of the system's choice."""
    place = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    place.listen()
    yield place
    place.close()


@pytest.fixture
def visit(listener):
    """A connected pair: the visitor as the listener sees it, and the one who came."""
    there = endpoint(f"tcp://127.0.0.1:{listener.port}").open(2)
    here = listener.open(2)
    yield here, there
    here.close()
    there.close()


def test_bytes_pass_both_ways(visit):
    """What one end writes the other reads."""
    here, there = visit
    there.write(b"\x1b@receipt", 1)
    here.write(b"\x12", 1)

    assert (b"\x1b@receipt", b"\x12") == (here.read(2), there.read(2))


def test_nothing_in_time_is_no_bytes(visit):
    """A read ends after its time with b""."""
    assert visit[0].read(0.01) == b""


def test_nagle_is_off_and_keep_alive_on(visit):
    """Small answers leave at once, and a dead till is found."""
    sock = visit[0]._sock

    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_finishing_leaves_the_way_back_open(visit):
    """After a half-close the other direction still flows."""
    here, there = visit
    there.finish()
    with pytest.raises(TransportEnded):
        here.read(2)
    here.write(b"answer", 1)

    assert there.read(2) == b"answer"


@pytest.mark.skipif(IS_WINE, reason="SKIPPED LOUDLY: Wine ends an aborted connection as if in order; Windows resets it")
def test_aborting_is_noticed_as_a_break(visit):
    """A reset is no good end."""
    here, there = visit
    here.abort()
    with pytest.raises(TransportClosed) as caught:
        there.read(2)

    assert not isinstance(caught.value, TransportEnded)


@pytest.mark.parametrize("way", ["close", "abort"])
def test_closing_wakes_a_reader(visit, way):
    """A read that waits ends when another thread closes."""
    here, _ = visit
    ended = []

    def read():
        try:
            here.read(30)
        except TransportClosed as error:
            ended.append(type(error))

    reader = threading.Thread(target=read)
    reader.start()
    getattr(here, way)()
    reader.join(5)

    assert [TransportClosed] == ended


def test_a_write_that_nobody_reads_ends_in_time():
    """All or an error: a full pipe is not waited for beyond the time given."""
    here, there = socket.socketpair()
    transport = TcpTransport("tcp://test:1", here)
    with pytest.raises(TransportError, match="took no bytes for"):
        transport.write(b"x" * 20_000_000, 0.05)
    transport.close()
    there.close()


def test_a_second_visitor_waits_for_the_first_to_go(listener, visit):
    """One printer head, one till."""
    here, _ = visit
    second = socket.create_connection(("127.0.0.1", listener.port))
    listener.silence_s = 0.0
    assert listener.visitor_waits()
    assert here.read(0.01) == b""  # the same machine on loopback does not take over
    here.close()
    served = listener.open(2)
    second.sendall(b"second")

    assert served.read(2) == b"second"
    served.close()
    second.close()


def test_a_till_that_came_again_takes_its_own_place(listener, visit, monkeypatch):
    """A till that lost power left a connection behind; its new one is served."""
    monkeypatch.setattr("drivers.transport.tcp._is_loopback", lambda host: False)
    here, _ = visit
    listener.silence_s = 0.0
    with socket.create_connection(("127.0.0.1", listener.port)), pytest.raises(TransportClosed, match="came again"):
        here.read(0.2)


def test_nobody_comes(listener):
    """Without a visitor in time there is none."""
    assert listener.open(0.01) is None


def test_refused_says_so():
    """A closed port is named with the next step."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(TransportUnavailable, match="the connection is refused; check the port"):
            endpoint(f"tcp://127.0.0.1:{port}").open(2)


def test_an_unknown_name_says_so(monkeypatch):
    """A name that resolves to nothing is told apart from a dead host."""

    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(TransportUnavailable, match=r'the name "printer\.invalid" is not found'):
        endpoint("tcp://printer.invalid:9100").open(1)


def test_a_taken_port_says_so(listener):
    """Listening where somebody listens names the cause."""
    with pytest.raises(TransportUnavailable, match="in use by another program"):
        endpoint(f"tcp-listen://127.0.0.1:{listener.port}").open(0)


def test_a_connection_still_being_made_is_not_there_yet(monkeypatch):
    """A host that does not answer gives None until the limit, then the cause."""
    monkeypatch.setattr("drivers.transport.tcp.CONNECT_S_MAX", 0.05)
    monkeypatch.setattr("drivers.transport.tcp.Readiness.wait", lambda self, timeout_s: False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = endpoint(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        assert place.open(0.0) is None
        with pytest.raises(TransportUnavailable, match=r"no answer within 0\.05 s"):
            place.open(5.0)
