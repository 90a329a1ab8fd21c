"""Over real pipes: slips and status as the host, a pull, and a till that keeps its 500 ms through the proxy."""

import contextlib
import os
import select
import statistics
import sys
import threading
import time
from datetime import UTC
from decimal import Decimal

import pytest

from drivers.inline import InlineWorker
from drivers.printers.isl import driver
from drivers.printers.isl.fields import Sale
from drivers.printers.isl.frames import Frame, FrameReader
from drivers.printers.isl.host import Host
from drivers.printers.isl.models import MODELS, model_named
from drivers.printers.isl.pos_script import PosScript, sale_commands
from drivers.printers.isl.rows import RowReader
from drivers.printers.isl.serving import serve
from drivers.printers.isl.settings import IslSettings
from drivers.printers.isl.simulator import IslTwin
from drivers.transport.address import endpoint
from drivers.transport.memory import memory_pair
from drivers.transport.tcp import TcpListenEndpoint
from drivers.vocabulary.errors import DeviceRefused, TransportError
from drivers.vocabulary.events import DocumentPrinted
from drivers.vocabulary.receipt import DocumentKind

TEA = Sale(name="Чай", price=Decimal(3))


class Terminal:
    """The device's end of a pseudo-terminal."""

    def __init__(self, link):
        import tty

        self._far, self._near = os.openpty()
        tty.setraw(self._near)
        link.symlink_to(os.ttyname(self._near))

    def read(self, timeout_s):
        return os.read(self._far, 4096) if select.select([self._far], [], [], timeout_s)[0] else b""

    def write(self, data, timeout_s):
        while data:
            data = data[os.write(self._far, data) :]

    def close(self):
        os.close(self._far)
        os.close(self._near)


@pytest.fixture
def served(tmp_path):
    """Puts a twin behind a pipe of a kind and gives the address; takes everything down afterwards."""
    stop, threads, listeners = threading.Event(), [], []

    def put(twin, kind):
        if kind == "terminal":
            link = tmp_path / f"tty{len(threads)}"
            far = Terminal(link)
            work, address = (lambda: serve(far, twin, stop)), f"serial:{link}?baud=115200"
        else:
            listener = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
            listener.listen()
            listeners.append(listener)

            def work():
                while not stop.is_set():
                    far = listener.open(0.05)
                    if far is not None:
                        serve(far, twin, stop)

            address = f"tcp://127.0.0.1:{listener.port}"
        threads.append(threading.Thread(target=work, daemon=True))
        threads[-1].start()
        return address

    yield put
    stop.set()
    for thread in threads:
        thread.join(5)
    for listener in listeners:
        listener.close()


def opened(address):
    transport = None
    while transport is None:
        transport = endpoint(address).open(1.0)
    return transport


kinds = pytest.mark.parametrize(
    "kind",
    [
        pytest.param("tcp", marks=pytest.mark.net),
        pytest.param(
            "terminal", marks=pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: no pseudo-terminals")
        ),
    ],
)


@kinds
@pytest.mark.parametrize("name", MODELS)
def test_a_slip_is_printed_and_cut(served, kind, name):
    """Text comes out as a service receipt of its own, cut where there is a knife; then the status is good."""
    twin = IslTwin(IslSettings(model=name))
    transport = opened(served(twin, kind))
    host = Host(transport, model_named(name))
    host.print_slip(["Точки: 42", "x" * 60])

    assert [("Точки: 42", "x" * 42)] == twin.till.paper
    assert ("", False) == (host.status().code, host.condition.is_slip_open)
    assert (1 if host._model.cut_command else 0) == twin.till.cuts
    transport.close()


@kinds
def test_a_pull_over_a_real_pipe(served, kind):
    """Sold, printed with SYN all the while, and read back."""
    twin = IslTwin(IslSettings())
    twin.feed(PosScript(twin.model).sale([TEA]), 0.0)
    transport = opened(served(twin, kind))
    host = Host(transport, twin.model, sequence=0x60)
    reader = RowReader(model=twin.model, device="printer", currency="EUR", zone=UTC)
    (pulled,) = host.pull(reader)

    assert "3.00" == pulled.document.receipt.total.amount
    transport.close()


def on_a_pipe(twin):
    near, far = memory_pair()
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(far, twin, stop), daemon=True)
    thread.start()
    return Host(near, twin.model), lambda: (near.close(), stop.set(), thread.join(5))


@pytest.mark.parametrize(("rude", "code"), [("paper_out", "E301"), ("cover_open", "E302")])
def test_what_the_cashier_must_do_is_said(rude, code):
    """Our code, a sentence, the maker's bytes; after the new roll the slip comes out, once."""
    twin = IslTwin(rude=[rude])
    host, leave = on_a_pipe(twin)
    with pytest.raises(DeviceRefused) as refusal:
        host.print_slip(["hello"])
    assert code == refusal.value.code == host.status().code
    assert refusal.value.maker_code
    twin.be_rude(rude, times=0)
    host.print_slip(["hello"])

    assert [("hello",)] == twin.till.paper
    leave()


def test_a_slip_never_touches_an_open_sale():
    """The till is in the middle of a receipt: the slip waits."""
    twin = IslTwin()
    twin.feed(PosScript(twin.model, sequence=0x50).commands(*sale_commands(twin.model, [TEA], None)[:2]), 0.0)
    host, leave = on_a_pipe(twin)
    with pytest.raises(DeviceRefused, match="finish it"):
        host.print_slip(["hello"])

    assert twin.till.open is not None
    leave()


def test_a_slip_left_open_is_closed_first():
    """The line broke in the middle of the last slip."""
    twin = IslTwin()
    twin.feed(PosScript(twin.model, sequence=0x50).commands((0x26, b""), (0x2A, b"half")), 0.0)
    host, leave = on_a_pipe(twin)
    host.print_slip(["whole"])

    assert [("half",), ("whole",)] == twin.till.paper
    leave()


def test_a_device_that_is_gone_is_named():
    """Cable out: an error with a next step, and the outcome is unknown."""
    twin = IslTwin(rude=["silence"])
    host, leave = on_a_pipe(twin)
    with pytest.raises(TransportError, match="check that it is on"):
        host.ask(0x26)

    assert host.link.is_unknown
    leave()


class Pos:
    """A till that measures how long each command waits for its first byte of an answer."""

    def __init__(self, transport, model):
        self.transport = transport
        self.reader = FrameReader(model.frame, is_host=False)
        self.waits_s = []

    def say(self, raw):
        began_s = time.perf_counter()
        self.transport.write(raw, 2)
        first_s = None
        while True:
            data = self.transport.read(2.0)
            assert data, "no answer within two seconds"
            first_s = first_s or time.perf_counter() - began_s
            frames = [item for item in self.reader.feed(data) if isinstance(item, Frame)]
            if frames:
                self.waits_s.append(first_s)
                return frames[-1]


@contextlib.contextmanager
def proxied(address, **worker):
    host = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    host.listen()
    stop, events = threading.Event(), []
    one = InlineWorker(
        name="printer",
        host=host,
        device=endpoint(address),
        conversation_factory=lambda: driver.conversation(IslSettings(), device="test-host"),
        emit=events.append,
        stop=stop,
        **worker,
    )
    one.start()
    till = opened(f"tcp://127.0.0.1:{host.port}")
    yield till, events
    till.close()
    stop.set()
    assert one.join(5)
    host.close()


@pytest.mark.net
def test_the_till_keeps_its_500_ms_under_load(served):
    """Busy threads, a printer that says SYN, a decision that takes all its time: no command waits too long."""
    documents = []

    def slow(document, *, timeout_s):
        documents.append(document)
        time.sleep(timeout_s)  # the worst the till's own code may do
        return ["thank you"]

    over = threading.Event()

    def burn():
        while not over.is_set():
            sum(range(2_000))
            over.wait(0.0005)

    load = [threading.Thread(target=burn, daemon=True) for _ in range(2)]
    twin = IslTwin(busy_s=0.1)
    address = served(twin, "tcp")
    with proxied(address, compose=slow) as (till, _):
        for thread in load:
            thread.start()
        pos, script = Pos(till, twin.model), PosScript(twin.model)
        for _ in range(3):
            for row in sale_commands(twin.model, [TEA], None):
                pos.say(script.command(*row))
    over.set()
    for thread in load:
        thread.join(5)

    assert [DocumentKind.SALE] * 3 == [document.kind for document in documents]
    assert all(document.receipt is not None for document in documents)
    assert max(pos.waits_s) < 0.5


@pytest.mark.net
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_till_that_loses_its_connection_in_the_close_is_counted_once(served, share):
    """Over TCP and the real pump: connect again, repeat the number, one document."""
    twin = IslTwin()
    address = served(twin, "tcp")
    model, script = twin.model, PosScript(twin.model)
    *before, close = sale_commands(model, [TEA], None)
    with proxied(address) as (till, events):
        pos = Pos(till, model)
        for row in before:
            pos.say(script.command(*row))
        raw = script.command(*close)
        if share:
            till.write(raw[: int(len(raw) * share)], 2)
        till.abort()
        again = opened(f"tcp://127.0.0.1:{till.address.rpartition(':')[2]}")
        answer = Pos(again, model).say(raw)
        again.close()

    assert raw[2] == answer.sequence
    assert 1 == twin.till.fiscal_count
    documents = [event.document for event in events if isinstance(event, DocumentPrinted)]
    assert ["3.00"] == [document.receipt.total.amount for document in documents if document.receipt is not None]


@pytest.mark.net
def test_the_proxy_adds_little(served, capsys):
    """Median and p99 of a command, direct and through the proxy, in turns in the same run."""
    rounds = 150
    twins = [IslTwin(), IslTwin()]
    direct = opened(served(twins[0], "tcp"))
    with proxied(served(twins[1], "tcp")) as (till, _):
        tills = {"direct": Pos(direct, twins[0].model), "proxy": Pos(till, twins[1].model)}
        scripts = {name: PosScript(twins[0].model) for name in tills}
        for _ in range(rounds):
            for name, pos in tills.items():
                pos.say(scripts[name].command(0x4A))
    direct.close()
    rows = {name: sorted(pos.waits_s) for name, pos in tills.items()}
    medians = {name: statistics.median(waits) * 1000 for name, waits in rows.items()}
    tails = {name: waits[int(len(waits) * 0.99)] * 1000 for name, waits in rows.items()}
    with capsys.disabled():
        print(f"\n  isl per command, ms: median {medians}, p99 {tails}")  # noqa: T201

    assert medians["proxy"] - medians["direct"] < 20  # of 500; generous, for a busy machine
