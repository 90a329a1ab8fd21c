"""Real tills on real sockets: many connections at once through the door to the web server, and the receipts they make."""

import contextlib
import http.client
import json
import queue
import threading
import time

import pytest

from drivers.json_amounts import write_json
from drivers.printers.atol.driver import conversation, polled
from drivers.printers.atol.pos_script import sale
from drivers.printers.atol.serving import serve
from drivers.printers.atol.settings import AtolSettings
from drivers.printers.atol.simulator import VirtualAtol
from drivers.transport.address import endpoint
from drivers.transport.tcp import TcpListenEndpoint
from drivers.visits import ManyVisits
from drivers.vocabulary.events import DeviceState, DeviceStateChanged, DocumentPrinted
from drivers.vocabulary.inside import InsideOffer

pytestmark = pytest.mark.net
PATIENCE_S = 10.0


def listening():
    listener = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    listener.listen()
    return listener


class Shop:
    """A twin behind a port, the door before it, and tills."""

    def __init__(self, name, *, twin=None, visitors_max=8, is_served=True, adviser=None):
        self.twin = twin or VirtualAtol()
        self.events = queue.SimpleQueue()
        self.stop = threading.Event()
        server, door = listening(), listening()
        self.port, self.server_port = door.port, server.port
        self._server = threading.Thread(target=serve, args=(server, self.twin, self.stop), daemon=True)
        if is_served:
            self._server.start()
        else:
            server.close()
        self._tills = []
        settings = AtolSettings(discount="off" if adviser is None else "cash_only")
        self.door = ManyVisits(
            name=name,
            host=door,
            device_factory=lambda: endpoint(f"tcp://127.0.0.1:{self.server_port}"),
            conversation_factory=lambda: conversation(settings, device=name),
            adviser=adviser,
            emit=self.events.put,
            stop=self.stop,
            visitors_max=visitors_max,
        )
        self.door.start()

    def till(self):
        self._tills.append(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S))
        return self._tills[-1]

    def wait_for(self, wanted):
        ends_s = time.monotonic() + PATIENCE_S
        while True:
            event = self.events.get(timeout=max(0.01, ends_s - time.monotonic()))
            if wanted(event):
                return event

    def document(self):
        return self.wait_for(lambda event: isinstance(event, DocumentPrinted)).document

    def close(self):
        self.stop.set()
        for till in self._tills:
            till.close()
        assert self.door.join(5)
        if self._server.ident is not None:
            self._server.join(5)
            assert not self._server.is_alive()


@pytest.fixture
def shop(request):
    made = []

    def make(**words):
        made.append(Shop(request.node.name, **words))
        return made[-1]

    yield make
    for one in made:
        one.close()


def ask(till, method, path, body=None):
    till.request(method, path, body=body, headers={"Content-Type": "application/json", "X-Till": "1"})
    answer = till.getresponse()
    return answer.status, json.loads(answer.read() or b"null")


class Till(contextlib.AbstractContextManager):
    """A till's connection that is closed at the end."""

    def __init__(self, port):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def __exit__(self, *_):
        self._connection.close()


def sell(till, uuid, *, asker=None, task=None):
    """Post and ask until it is ready, as a till does."""
    body = write_json({"uuid": uuid, "request": [task or sale()]})
    status, _ = ask(till, "POST", "/api/v2/requests", body)
    assert status == 201
    while True:
        _, value = ask(asker or till, "GET", f"/api/v2/requests/{uuid}")
        if value["results"][0]["status"] == "ready":
            return value["results"][0]["result"]["fiscalParams"]


def test_a_till_sells_and_the_receipt_is_told(shop):
    shop = shop()
    fiscal = sell(shop.till(), "t-1")
    receipt = shop.document().receipt

    assert receipt.number == str(fiscal["fiscalDocumentNumber"])
    assert receipt.total.minor == 12_159


def test_a_till_that_keeps_its_connection_keeps_nobody_out(shop):
    """One connection idle, another that posts, a third that asks: none waits for another, and the receipt is one."""
    shop = shop()
    idle, poster, asker = shop.till(), shop.till(), shop.till()
    assert ask(idle, "GET", "/api/v2/serverInfo")[0] == 200
    sell(poster, "t-2", asker=asker)
    sell(asker, "t-3")

    assert ask(idle, "GET", "/api/v2/serverInfo")[0] == 200
    assert {shop.document().receipt.number for _ in range(2)} == {"2", "3"}
    assert shop.events.empty()


def test_tills_at_the_same_time(shop):
    """Six tills on threads of their own, each with its receipts: every one is told once."""
    shop = shop()
    tills = [shop.till() for _ in range(6)]
    threads = [
        threading.Thread(target=lambda n=n, till=till: [sell(till, f"p-{n}-{turn}") for turn in range(3)])
        for n, till in enumerate(tills)
    ]
    for thread in threads:
        thread.start()
    numbers = [shop.document().receipt.number for _ in range(18)]
    for thread in threads:
        thread.join(PATIENCE_S)

    assert len(set(numbers)) == 18
    assert len(shop.twin.register.memory.receipts) == 18


def test_headers_and_errors_pass_unchanged(shop):
    shop = shop()
    through, straight = shop.till(), http.client.HTTPConnection("127.0.0.1", shop.server_port, timeout=PATIENCE_S)
    seen = []
    for till in (through, straight):
        till.request("PUT", "/api/v9/strange?x=1", body=b"\x00\xff", headers={"X-Own": "kept"})
        answer = till.getresponse()
        seen.append((answer.status, answer.getheaders(), answer.read()))
    straight.close()

    assert seen[0] == seen[1]
    assert seen[0][0] == 404


def test_a_server_that_is_off_turns_the_till_away_at_once(shop):
    shop = shop(is_served=False)
    with pytest.raises(OSError):
        ask(shop.till(), "GET", "/api/v2/serverInfo")
    event = shop.wait_for(lambda event: isinstance(event, DeviceStateChanged) and event.state is DeviceState.OFF)

    assert str(shop.server_port) in event.detail


def test_too_many_connections_are_turned_away(shop):
    shop = shop(visitors_max=2)
    tills = [shop.till() for _ in range(2)]
    for till in tills:
        assert ask(till, "GET", "/api/v2/serverInfo")[0] == 200
    with pytest.raises(OSError):
        ask(shop.till(), "GET", "/api/v2/serverInfo")
    shop.wait_for(lambda event: "turned away" in getattr(event, "detail", ""))

    assert ask(tills[0], "GET", "/api/v2/serverInfo")[0] == 200


def test_the_agent_pulls_while_tills_sell(shop):
    """The device as the agent asks it, over a real port."""
    shop = shop()
    fiscal = sell(shop.till(), "t-9")
    pipes = []

    def connect():
        place = endpoint(f"tcp://127.0.0.1:{shop.server_port}")
        pipe = None
        while pipe is None:
            pipe = place.open(1.0)
        pipes.append(pipe)
        return pipe

    device = polled(AtolSettings(), device="x", connect=connect, wait=lambda s: None, clock=time.monotonic)
    number = fiscal["fiscalDocumentNumber"]

    assert device.memory().last == number
    assert device.document(number).receipt.uid == shop.document().receipt.uid
    device.print_slip(["Начислено 12 баллов"])
    assert "Начислено 12 баллов" in shop.twin.paper
    for pipe in pipes:
        pipe.close()


def test_the_discount_is_in_the_receipt_and_the_till_noticed_nothing(shop):
    """Two tills at once, each sale with 5.00 off, over real sockets."""

    class Adviser:
        def offer(self, document, *, timeout_s):
            return InsideOffer(quoted=document.receipt.uid, off={1: 500}, lines=("Скидка 5,00",))

    shop = shop(adviser=Adviser())
    tills = [shop.till() for _ in range(2)]
    threads = [threading.Thread(target=sell, args=(till, f"d-{n}")) for n, till in enumerate(tills)]
    for thread in threads:
        thread.start()
    documents = [shop.document() for _ in tills]
    for thread in threads:
        thread.join(PATIENCE_S)

    assert [document.receipt.total.minor for document in documents] == [11_659, 11_659]
    assert len({document.quoted for document in documents}) == 2
    assert shop.twin.paper.count("Скидка 5,00") == 2


def test_a_stop_ends_every_visit(shop):
    shop = shop()
    assert ask(shop.till(), "GET", "/api/v2/serverInfo")[0] == 200
    shop.stop.set()

    assert shop.door.join(5)
    assert shop.wait_for(lambda event: getattr(event, "state", None) is DeviceState.CLOSED)
