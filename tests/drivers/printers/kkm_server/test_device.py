"""The register behind KKM-Server, asked and printed on over real sockets, while a POS sells through the door."""

import http.client
import json
import queue
import threading
import time
from functools import partial

import pytest

from drivers.json_amounts import write_json
from drivers.printers.kkm_server.driver import conversation, polled
from drivers.printers.kkm_server.pos_script import sale
from drivers.printers.kkm_server.settings import KkmServerSettings
from drivers.printers.kkm_server.simulator import VirtualKkmServer
from drivers.transport.address import endpoint
from drivers.transport.tcp import TcpListenEndpoint
from drivers.visits import ManyVisits
from drivers.vocabulary.errors import DeviceRefused, TransportError
from drivers.vocabulary.events import DocumentPrinted
from drivers.vocabulary.inside import InsideOffer

pytestmark = pytest.mark.net
PATIENCE_S = 10.0


class Place:
    """The twin behind a real port; each connection on a thread of its own."""

    def __init__(self, twin):
        self.twin, self.stop, self.turn = twin, threading.Event(), threading.Lock()
        self.listener = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
        self.listener.listen()
        self.port = self.listener.port
        self._pipes = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while not self.stop.is_set():
            visitor = self.listener.open(0.05)
            if visitor is not None:
                self._threads.append(threading.Thread(target=self._serve, args=(visitor,), daemon=True))
                self._threads[-1].start()
        self.listener.close()

    def _serve(self, visitor):
        line = self.twin.connection()
        try:
            while not (self.stop.is_set() or line.is_closed):
                data = visitor.read(0.05)
                with self.turn:
                    answer = line.feed(data) if data else b""
                if answer:
                    visitor.write(answer, 2)
        except TransportError:
            return
        finally:
            visitor.close()

    def device(self, settings=None):
        def connect():
            pipe = None
            while pipe is None:
                pipe = endpoint(f"tcp://127.0.0.1:{self.port}").open(1.0)
            self._pipes.append(pipe)
            return pipe

        return polled(settings, device="x", connect=connect, wait=lambda s: None, clock=time.monotonic)

    def close(self):
        self.stop.set()
        for pipe in self._pipes:
            pipe.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)


@pytest.fixture
def place():
    made = []

    def make(**words):
        made.append(Place(VirtualKkmServer(KkmServerSettings(**words))))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_slip_is_printed_and_is_no_fiscal_document(place):
    one = place(user="User", password="p")
    device = one.device(KkmServerSettings(user="User", password="p", columns=20))
    device.print_slip(["Начислено 12 баллов, всего 42"])

    assert one.twin.paper[:2] == ("Начислено 12 баллов,", " всего 42")
    assert one.twin.server.made == []
    assert device.condition().code == ""


@pytest.mark.parametrize(("rude", "code"), [("paper_out", "E301"), ("cover_open", "E302"), ("shift_over_24h", "E310")])
def test_what_is_wrong_has_our_code_and_the_servers_sentence(place, rude, code):
    one = place()
    one.twin.set_rude(rude, is_on=True)
    condition = one.device().condition()

    assert condition.code == code
    assert condition.maker_code


def test_a_wrong_password_says_whom_to_ask(place):
    with pytest.raises(DeviceRefused, match="ask store IT"):
        place(user="User", password="p").device().condition()


def test_closed_documents_are_not_pulled(place):
    with pytest.raises(DeviceRefused, match="does not publish"):
        place().device().memory()


def test_two_tills_sell_through_the_door_and_each_receipt_is_lowered_once(place):
    one, events, stop = place(), queue.SimpleQueue(), threading.Event()

    class Adviser:
        def offer(self, document, *, timeout_s):
            return InsideOffer(quoted=document.receipt.uid, off={1: 500}, lines=("Скидка 5,00",))

    door = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    door.listen()
    visits = ManyVisits(
        name="door",
        host=door,
        device_factory=partial(endpoint, f"tcp://127.0.0.1:{one.port}"),
        conversation_factory=lambda: conversation(KkmServerSettings(discount="cash_only"), device="two-tills"),
        adviser=Adviser(),
        emit=events.put,
        stop=stop,
        visitors_max=4,
    )
    visits.start()
    answers = []

    def sell(name):
        till = http.client.HTTPConnection("127.0.0.1", door.port, timeout=PATIENCE_S)
        till.request("POST", "/Execute/sync", body=write_json(sale(name)), headers={"Content-Type": "application/json"})
        answers.append(json.loads(till.getresponse().read())["Status"])
        till.close()

    tills = [threading.Thread(target=sell, args=(f"d-{number}",)) for number in range(2)]
    for till in tills:
        till.start()
    for till in tills:
        till.join(PATIENCE_S)
    documents = []
    while len(documents) < 2:
        event = events.get(timeout=PATIENCE_S)
        documents += [event.document] if isinstance(event, DocumentPrinted) else []
    stop.set()
    assert visits.join(5)

    assert answers == [0, 0]
    assert [total for _, _, total in one.twin.server.made] == [20_659, 20_659]
    assert len({document.quoted for document in documents}) == 2
    assert one.twin.paper.count("Скидка 5,00") == 2
