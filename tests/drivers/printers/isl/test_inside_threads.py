"""The till's payment in our hands, with real threads and real pipes."""

import queue
import threading
import time
from decimal import Decimal

import pytest

from drivers.inline import InlineWorker
from drivers.printers.isl.driver import conversation
from drivers.printers.isl.fields import Opening, Sale, write_opening, write_sale
from drivers.printers.isl.host import Host
from drivers.printers.isl.models import MODELS
from drivers.printers.isl.serving import serve
from drivers.printers.isl.settings import IslSettings
from drivers.printers.isl.simulator import IslTwin
from drivers.transport.address import endpoint
from drivers.transport.tcp import TcpListenEndpoint
from drivers.vocabulary.inside import InsideOffer
from tests.drivers.printers.isl.inside_shop import CLOSE, OPEN, PAY, SALE, SUBTOTAL, TEXT


class Adviser:
    """Thinks for a second."""

    def __init__(self):
        self.asked, self.gone = [], []

    def offer(self, document, *, timeout_s):
        self.asked.append(document)
        time.sleep(1.0)
        assert timeout_s >= 1.0
        return InsideOffer(quoted=document.receipt.uid, off={1: 1_000}, lines=("Взета",))

    def dropped(self, quoted):
        self.gone.append(quoted)


@pytest.fixture
def pipe():
    """The twin on a port, the agent in line before it, and the till's open line."""
    stop, threads = threading.Event(), []
    twin, adviser, documents = IslTwin(IslSettings()), Adviser(), queue.SimpleQueue()
    device = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    host = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    device.listen()
    host.listen()

    def run_twin():
        while not stop.is_set():
            far = device.open(0.05)
            if far is not None:
                serve(far, twin, stop)

    def compose(document, *, timeout_s):
        documents.put(document)
        return ()

    threads.append(threading.Thread(target=run_twin, daemon=True))
    threads[0].start()
    worker = InlineWorker(
        name="printer",
        host=host,
        device=endpoint(f"tcp://127.0.0.1:{device.port}"),
        conversation_factory=lambda: conversation(IslSettings(discount="cash_only"), device="inside-line-test"),
        emit=lambda event: None,
        stop=stop,
        compose=compose,
        adviser=adviser,
    )
    worker.start()
    line = endpoint(f"tcp://127.0.0.1:{host.port}").open(5.0)
    yield line, twin, adviser, documents
    line.close()
    stop.set()
    assert worker.join(5)
    threads[0].join(5)
    device.close()
    host.close()


class Counting:
    """The till's line; counts how often it said something."""

    def __init__(self, line):
        self.line, self.writes = line, 0

    def write(self, data, timeout_s):
        self.writes += 1
        self.line.write(data, timeout_s)

    def read(self, timeout_s):
        return self.line.read(timeout_s)


@pytest.mark.net
def test_the_agent_thinks_for_a_second_on_a_real_line(pipe):
    """The till, with its time-out of 500 ms, says each of its four commands once."""
    line, twin, adviser, documents = pipe
    counting = Counting(line)
    model = MODELS["datecs-p"]
    till = Host(counting, model)
    till.ask(*write_opening(model, Opening()))
    till.ask(SALE, write_sale(model, Sale(name="Хляб", price=Decimal(100))))
    began_s = time.monotonic()
    assert till.ask(PAY, b"\tP100.00") == b"R0"
    assert time.monotonic() - began_s >= 1.0
    till.ask(CLOSE)

    assert counting.writes == 4
    assert twin.till.journal[-1].draft.total_minor == 9_000
    assert twin.executed == [OPEN, SALE, SUBTOTAL, SUBTOTAL, SUBTOTAL, TEXT, PAY, CLOSE]
    document = documents.get(timeout=10)
    assert document.receipt.total.amount == "90.00"
    assert document.quoted == adviser.asked[0].receipt.uid
    assert adviser.gone == []
