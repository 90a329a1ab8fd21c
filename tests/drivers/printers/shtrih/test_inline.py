"""In line: every byte passes, and the receipt rebuilt from the commands is what was sold."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import DocumentEnds, ToDevice, ToHost
from drivers.guard import GuardedConversation
from drivers.printers.shtrih import ShtrihSettings
from drivers.printers.shtrih.commands import named
from drivers.printers.shtrih.driver import conversation
from drivers.printers.shtrih.fiscal_memory import NUMBER
from drivers.printers.shtrih.pos_script import classic_receipt, modern_receipt, wire, wire2
from drivers.printers.shtrih.simulator import VirtualRegister
from drivers.vocabulary.receipt import DocumentKind, TenderKind

NO_TAXES = {"tax1": 0, "tax2": 0, "tax3": 0, "tax4": 0}


class Counter:
    """A till that asks in turn through the conversation, and the register behind it."""

    def __init__(self, *, protocol=1, twin=None):
        self.link = conversation(ShtrihSettings(), device="till", new_uid=iter([f"s-{n}" for n in range(99)]).__next__)
        self.twin = twin or VirtualRegister()
        self.protocol = protocol
        self.number = 2
        self.documents = []
        self.now_s = 0.0

    def ask(self, *bodies, answers=True):
        for body in bodies:
            data = wire([body]) if self.protocol == 1 else wire2([body], first=self.number)
            self.number += 1
            self.pass_on(data, answers=answers)
        return self

    def pass_on(self, data, *, answers=True):
        to_device = self._take(self.link.from_host(data, self.now_s), ToDevice)
        assert to_device == data
        back = self.twin.feed(data, self.now_s)
        if answers and back:
            assert self._take(self.link.from_device(back, self.now_s), ToHost) == back
        self.now_s += 0.1

    def _take(self, steps, kind):
        self.documents += [step.document for step in steps if isinstance(step, DocumentEnds)]
        return b"".join(step.data for step in steps if isinstance(step, kind))


def _body(name, /, **values):
    return named(name).encode(password=30, **values)


def _lines(receipt):
    return [
        (
            line.name,
            str(line.quantity),
            line.price.amount,
            line.discount.amount if line.discount else "",
            line.total.amount,
        )
        for line in receipt.lines
    ]


protocols = pytest.mark.parametrize("protocol", [1, 2])


@protocols
def test_a_classic_receipt_is_what_was_sold(protocol):
    (document,) = Counter(protocol=protocol).ask(*classic_receipt()).documents
    receipt = document.receipt

    assert _lines(receipt) == [("Хлеб", "2", "45.50", "1.00", "90.00"), ("Яблоки", "0.351", "90.00", "", "31.59")]
    assert receipt.total.amount == "121.59"
    assert receipt.change.amount == "78.41"
    assert [(tender.kind, tender.amount.amount) for tender in receipt.tenders] == [(TenderKind.CASH, "200.00")]
    assert receipt.uid == "s-0"
    assert document.kind is DocumentKind.SALE


@protocols
def test_a_receipt_with_fiscal_commands_carries_its_fiscal_name(protocol):
    counter = Counter(protocol=protocol).ask(_body("memory_status"), *modern_receipt())
    (document,) = counter.documents
    stored = counter.twin.register.memory.documents[2]

    assert document.receipt.uid == f"f-{NUMBER}-2-{stored.sign}"
    assert document.receipt.number == "2"
    assert document.receipt.total.amount == "139.00"
    assert document.receipt.adjustment.amount == "-0.99"
    assert document.receipt.tenders[0].kind is TenderKind.CARD
    assert document.text == ("Спасибо за покупку",)


def test_discounts_and_positions_taken_back_are_followed():
    """Surcharge, storno, a discount on the subtotal, 5 % at the close."""
    item = {"price": 10_000, "department": 1, **NO_TAXES}
    pay = {"payment1": 0, "payment2": 0, "payment3": 0, "payment4": 0}
    counter = Counter().ask(
        _body("sale", quantity=1000, text="A", **item),
        _body("surcharge", sum=500, text="", **NO_TAXES),
        _body("sale", quantity=3000, text="B", **item),
        _body("storno", quantity=1000, text="B", **item),
        _body("subtotal"),
        _body("discount", sum=1000, text="", **NO_TAXES),
        _body("close_receipt", **(pay | {"payment2": 28_025}), percent=500, text="", **NO_TAXES),
    )
    (document,) = counter.documents

    assert document.problems == ()
    assert [line.total.amount for line in document.receipt.lines] == ["100.00", "200.00"]
    assert document.receipt.total.amount == "280.25"
    assert counter.twin.register.memory.documents[2].total == 28_025


def test_a_return_and_a_cancelled_receipt():
    counter = Counter().ask(*classic_receipt(kind=2), *classic_receipt()[:-2], _body("cancel_receipt"))

    assert [document.kind for document in counter.documents] == [DocumentKind.RETURN]


def test_what_the_register_refused_was_not_sold():
    twin = VirtualRegister()
    twin.register.is_shift_open = True
    twin.be_rude("paper_out")
    counter = Counter(twin=twin).ask(*classic_receipt())

    assert counter.documents == []
    counter.ask(_body("short_status"))
    assert counter.link.condition.code == "E301"


@protocols
def test_a_close_whose_answer_was_lost_is_settled_by_the_status(protocol):
    counter = Counter(protocol=protocol).ask(*classic_receipt()[:-2])
    counter.ask(classic_receipt()[-2], answers=False)
    assert counter.documents == []
    counter.ask(_body("short_status"))

    assert [document.receipt.total.amount for document in counter.documents] == ["121.59"]
    counter.ask(_body("short_status"), *classic_receipt())
    assert len(counter.documents) == 2


def test_a_close_that_never_arrived_is_not_counted():
    counter = Counter().ask(*classic_receipt()[:-2])
    counter.link.from_host(wire([classic_receipt()[-2]]), counter.now_s)  # lost between us and the register
    counter.ask(_body("short_status"))
    assert counter.documents == []
    counter.ask(classic_receipt()[-2])

    assert len(counter.documents) == 1


@protocols
def test_a_close_is_one_effect_wherever_the_line_is_cut(protocol):
    """At every byte on both sides of us; then the till asks for the status, and closes again only an open receipt."""
    close = classic_receipt()[-2]
    size = len(wire([close])) if protocol == 1 else len(wire2([close]))
    cuts = [(side, at) for side in ("till", "register", "answer") for at in range(size)]
    for side, at in cuts:
        counter = Counter(protocol=protocol).ask(*classic_receipt()[:-2])
        data = wire([close]) if protocol == 1 else wire2([close], first=counter.number)
        seen = data[:at] if side == "till" else data
        counter.link.from_host(seen, counter.now_s)
        back = counter.twin.feed(data if side == "answer" else data[:at], counter.now_s)
        if side == "answer":
            counter._take(counter.link.from_device(back[:at], counter.now_s), ToHost)
        counter.now_s += 5.0
        is_open = counter.twin.register.receipt is not None
        counter.number += not is_open or side == "answer"  # protocol 2: the number the register takes next
        counter.ask(_body("short_status"))
        if is_open:
            counter.ask(close)
        counter.ask(_body("short_status"))
        sold = [stored for stored in counter.twin.register.memory.documents.values() if stored.kind == 3]
        assert len(sold) == 1, (side, at)
        assert ["121.59"] == [document.receipt.total.amount for document in counter.documents], (side, at)


@protocols
def test_an_answer_given_twice_is_counted_once(protocol):
    twin = VirtualRegister(rude=["duplicate_answer"])
    counter = Counter(protocol=protocol, twin=twin).ask(*classic_receipt())

    assert [document.receipt.total.amount for document in counter.documents] == ["121.59"]


def test_a_request_of_protocol_2_sent_again_is_counted_once():
    counter = Counter(protocol=2)
    for body in classic_receipt():
        counter.ask(body)
        counter.number -= 1
        counter.ask(body)

    assert [document.receipt.total.amount for document in counter.documents] == ["121.59"]


def test_a_till_that_leaves_in_the_middle_is_told():
    counter = Counter().ask(*classic_receipt()[:3])
    (end,) = counter.link.host_gone(1.0)

    assert end.document.receipt is None
    assert "left while the receipt was open" in end.document.problems[0]
    assert end.render(["line"]) == b""
    assert list(counter.link.host_gone(2.0)) == []


def test_half_a_frame_and_silence_do_not_hide_the_next_receipt():
    counter = Counter()
    counter.pass_on(b"\x05\x02\xff\x80")
    counter.now_s += 5
    counter.ask(*classic_receipt())

    assert len(counter.documents) == 1


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=60)), max_size=30))
def test_rubbish_from_both_sides_passes_unchanged(pieces):
    guard = GuardedConversation(lambda: conversation(None, device="till"))
    for index, (is_host, data) in enumerate(pieces):
        steps = (guard.from_host if is_host else guard.from_device)(data, index * 0.7)
        assert b"".join(step.data for step in steps if isinstance(step, ToDevice if is_host else ToHost)) == data
    guard.tick(99.0)
    guard.host_gone(100.0)

    assert guard.problem == ""


@protocols
@given(st.data())
def test_spoiled_receipts_pass_and_raise_nothing(protocol, data):
    bodies = [*classic_receipt(), *modern_receipt()]
    stream = bytearray(wire(bodies) if protocol == 1 else wire2(bodies))
    for at, byte in data.draw(st.lists(st.tuples(st.integers(0, len(stream) - 1), st.integers(0, 255)), max_size=5)):
        stream[at] = byte
    twin, guard = VirtualRegister(), GuardedConversation(lambda: conversation(None, device="till"))
    guard.from_host(bytes(stream), 0.0)
    guard.from_device(twin.feed(bytes(stream)), 0.0)

    assert guard.problem == ""


# ── Through the real relay ──────────────────────────────────────────────────────────────────────


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_independent_till_notices_nothing(terminal, collector, tmp_path):
    """pyshtrih → pseudo-terminal → proxy → pseudo-terminal → register; the receipt equals what was sold."""
    import os
    import tty
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyshtrih = pytest.importorskip("pyshtrih")
    from drivers.inline import InlineWorker
    from drivers.transport.address import endpoint
    from drivers.vocabulary.events import DeviceState, DocumentPrinted

    register = terminal()
    near, far = os.openpty()
    tty.setraw(near)
    tty.setraw(far)
    stop = threading.Event()
    # The proxy opens one end by its name; the till opens the other, joined by a second pair and a thread of the kernel.
    from drivers.transport.tcp import TcpListenEndpoint

    listener = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
    listener.listen()
    worker = InlineWorker(
        name="register", host=listener, device=endpoint(f"serial:{register.path}"),
        conversation_factory=lambda: conversation(None, device="register"), emit=collector, compose=None, stop=stop,
    )  # fmt: skip
    worker.start()
    cable = _Cable(near, listener.port)
    try:
        till = pyshtrih.ShtrihAllCommands(port=os.ttyname(far), baudrate=115_200, timeout=5)
        till.connect()
        assert till.state()["Код ошибки"] == 0
        till.open_check(0)
        till.sale(("Хлеб", 2000, 4550))
        till.discount(100, text="Акция")
        till.print_string("Спасибо")
        assert till.close_check(cash=10_000)["Сдача"] == 1_000
        till.cut()
        till.disconnect()
        document = collector.wait_for(lambda event: isinstance(event, DocumentPrinted)).document
    finally:
        cable.close()
        stop.set()
        worker.join(5)
        os.close(near)
        os.close(far)

    assert _lines(document.receipt) == [("Хлеб", "2", "45.50", "1.00", "90.00")]
    assert document.receipt.total.amount == "90.00"
    assert document.receipt.change.amount == "10.00"
    assert document.text[-1] == "Спасибо"
    assert DeviceState.FAILED not in collector.states
    assert register.twin.paper[-1].startswith("✂")


class _Cable:
    """A serial cable between a pseudo-terminal and the proxy's door."""

    def __init__(self, descriptor, port):
        import socket

        self._descriptor = descriptor
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def _carry(self):
        import os
        import select

        while True:
            for ready in select.select([self._descriptor, self._socket], [], [])[0]:
                try:
                    if ready is self._socket:
                        data = self._socket.recv(4096)
                        if not data:
                            return
                        os.write(self._descriptor, data)
                    else:
                        self._socket.sendall(os.read(self._descriptor, 4096))
                except OSError:
                    return

    def close(self):
        import socket

        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()
