"""The register by its own protocols: questions, slips, documents, and one document for one close wherever it is cut."""

import threading
from functools import partial

import pytest

from drivers.polling import Pace, PollingWorker
from drivers.printers.atol.driver import polled, zone_of
from drivers.printers.atol.frames import ENQ
from drivers.printers.atol.link import Link2
from drivers.printers.atol.link3 import Link3
from drivers.printers.atol.low_closing import LowClosing
from drivers.printers.atol.low_device import LowDevice
from drivers.printers.atol.low_session import LowSession, insist
from drivers.printers.atol.models import model_named
from drivers.printers.atol.pos_script import card_sale, sale
from drivers.printers.atol.serving import serve
from drivers.printers.atol.session import AnswerLost
from drivers.printers.atol.settings import AtolSettings
from drivers.printers.atol.simulator import VirtualAtol
from drivers.printers.atol.status import Mode
from drivers.transport.address import endpoint
from drivers.vocabulary.errors import DeviceRefused, RemoteProtocolError
from drivers.vocabulary.receipt import DocumentKind
from tests.drivers.printers.atol.conftest import Wire
from tests.drivers.printers.atol.test_door import listening

protocols = pytest.mark.parametrize("protocol", ["2", "3"])
SPOILERS = ["wrong_checksum", "half_answer", "duplicate_answer", "answer_lost"]
TOTAL = 9_000


class Shop:
    """A session with a twin; `again()` is a new connection to the same register."""

    def __init__(self, protocol, *, twin=None, rude=(), tid=5, chunk=1, **settings):
        self.protocol = protocol
        self.settings = AtolSettings(interface=protocol, **settings)
        self.twin = twin or VirtualAtol(self.settings, rude=rude)
        self.wire = Wire(self.twin, chunk=chunk)
        link = Link2() if protocol == "2" else Link3(tid=tid)
        self.ask = LowSession(self.wire.connect(), link, password=self.settings.access_password, clock=self.wire.clock)

    def again(self, **words):
        return Shop(self.protocol, twin=self.twin, **words)

    def device(self):
        settings = self.settings
        return LowDevice(
            lambda: self.ask, model=model_named(settings.model), mode_password=30, currency="RUB",
            zone=zone_of(settings),
        )  # fmt: skip

    def open_receipt(self):
        """A receipt that is ready to be closed, made beside the line."""
        from drivers.printers.atol.commands import named

        for name, values in (
            ("enter_mode", {"mode": Mode.SALE, "password": 30}),
            ("open_receipt", {"flags": 0, "type": 1}),
            ("item", ITEM),
        ):
            answer = self.twin.low.execute(named(name).encode(0, **values))
            assert answer[:2] == b"\x55\x00", name
        return self

    @property
    def receipts(self):
        return self.twin.register.memory.receipts


ITEM = {
    "flags": 0, "price": 4_500, "quantity": 2_000, "sum": 9_000, "rate": 1, "tax_sum": 0, "section": 1, "subject": 1,
    "method": 4, "sign": 0, "discount": 0, "reserved": b"\0\0", "name": "Хлеб",
}  # fmt: skip


@protocols
def test_questions_are_answered(protocol):
    ask = Shop(protocol).ask

    assert insist(ask("state")).number("serial") == 7777
    assert insist(ask("device_type")).text("name") == "TWIN"
    assert insist(ask("mode")).number("mode") == 0
    assert insist(ask("memory_number")).text("number") == "9999078900007777"


@protocols
@pytest.mark.parametrize("rude", SPOILERS)
def test_a_spoiled_answer_is_asked_for_again_and_the_command_is_not(protocol, rude):
    """A line is printed once, whatever happens to its answer."""
    shop = Shop(protocol)
    insist(shop.ask("enter_mode", mode=Mode.SALE, password=30))
    shop.twin.be_rude(rude)
    if (protocol, rude) == ("2", "answer_lost"):
        with pytest.raises(AnswerLost, match="print a line"):
            shop.ask("print_line", text="once")
    else:
        insist(shop.ask("print_line", text="once"))
    insist(shop.ask("state"))

    assert shop.twin.paper == ("once",)


@protocols
def test_after_a_restart_nothing_is_sent_blindly(protocol):
    shop = Shop(protocol)
    insist(shop.ask("enter_mode", mode=Mode.SALE, password=30))
    shop.twin.be_rude("restart")
    with pytest.raises(AnswerLost) as lost:
        shop.ask("print_line", text="once")

    assert lost.value.may_have_happened
    assert shop.twin.paper == ("once",)


@protocols
def test_a_register_that_is_off_is_told_in_time(protocol):
    shop = Shop(protocol, rude=["silence"])
    with pytest.raises(AnswerLost) as lost:
        shop.ask("print_line", text="x")

    assert not lost.value.may_have_happened
    assert shop.wire.now_s < 60


def test_the_answer_to_somebody_elses_question_is_taken_and_forgotten():
    """A till asked and was unplugged before it took the answer."""
    shop = Shop("2")
    other = shop.twin.connection()
    from drivers.printers.atol.commands import named
    from drivers.printers.atol.frames import encode2

    other.feed(bytes([ENQ]) + encode2(named("device_type").encode(0)) + b"\x04")

    assert insist(shop.ask("memory_number")).text("number") == "9999078900007777"


def test_tasks_of_somebody_else_are_emptied_before_ours():
    shop = Shop("3", tid=5)
    for tid in range(8):
        shop.twin._buffer.tasks[tid] = b"\x55\x00"

    assert insist(shop.ask("state")).number("serial") == 7777
    assert not shop.twin._buffer.tasks


def test_a_number_that_is_taken_is_left_alone():
    """Where the buffer must be kept, a task of an earlier life under our number is not taken for ours."""
    shop = Shop("3", tid=5)
    shop.ask.link.go_on_after(5)
    for tid in (6, 7):
        shop.twin._buffer.tasks[tid] = b"\x55\x00\x99"

    assert insist(shop.ask("state")).number("serial") == 7777
    assert shop.ask.link.tid == 8


def test_a_full_buffer_is_emptied():
    shop = Shop("3", tid=5)
    shop.ask.link.go_on_after(100)
    for tid in range(8):
        shop.twin._buffer.tasks[tid] = b"\x55\x00"

    assert insist(shop.ask("state")).number("serial") == 7777


def test_after_an_error_the_buffer_works_again():
    shop = Shop("3")
    with pytest.raises(DeviceRefused) as refused:
        insist(shop.ask("cancel_receipt"))

    assert refused.value.code == "E314"
    assert refused.value.maker_code == "9Ah"
    assert insist(shop.ask("state")).number("serial") == 7777


@pytest.mark.parametrize("is_async", [True, False])
def test_results_come_unasked_or_are_asked_for(is_async):
    shop = Shop("3")
    shop.twin.is_async = is_async
    shop = shop.again()

    assert insist(shop.ask("state")).number("serial") == 7777


@protocols
def test_a_wrong_password_is_told(protocol):
    shop = Shop(protocol, access_password=1234)
    assert insist(shop.ask("state")).number("serial") == 7777
    shop.ask._password = 1
    with pytest.raises(DeviceRefused) as refused:
        insist(shop.ask("state"))

    assert refused.value.code == "E318"


# ── A close ─────────────────────────────────────────────────────────────────────────────────────


@protocols
@pytest.mark.parametrize("is_async", [True, False])
def test_a_close_is_one_document_wherever_the_line_is_cut(protocol, is_async):
    """The line is cut at every byte of the exchange, in both directions; then a new connection goes on."""

    def fresh():
        twin = VirtualAtol(AtolSettings(interface=protocol))
        twin.is_async = is_async
        return Shop(protocol, twin=twin).open_receipt()

    whole = fresh()
    LowClosing(total=TOTAL).attempt(whole.ask)
    assert len(whole.receipts) == 1
    cuts = [("cut_at", at) for at in range(whole.wire.forth)] + [("cut_back_at", at) for at in range(whole.wire.back)]
    for name, at in cuts:
        shop = fresh()
        setattr(shop.wire, name, at)
        closing = LowClosing(total=TOTAL)
        try:
            closed = closing.attempt(shop.ask)
        except AnswerLost:
            closed = closing.attempt(shop.again(tid=200).ask)
        assert len(shop.receipts) == 1, (name, at)
        assert shop.receipts[0].number == closed.document, (name, at)

    assert len(cuts) > 60


@protocols
@pytest.mark.parametrize("rude", [*SPOILERS, "restart"])
def test_a_close_survives_rudeness_on_the_same_line(protocol, rude):
    shop = Shop(protocol).open_receipt()
    closing = LowClosing(total=TOTAL)
    original = shop.twin.low.execute

    def rude_at_close(payload):
        if payload[2] == 0x4A:
            shop.twin.be_rude(rude)
        return original(payload)

    shop.twin.low.execute = rude_at_close
    closed = closing.attempt(shop.ask)

    assert len(shop.receipts) == 1
    assert shop.receipts[0].number == closed.document


@protocols
def test_a_close_that_is_refused_leaves_the_receipt_open(protocol):
    shop = Shop(protocol).open_receipt()
    with pytest.raises(DeviceRefused):
        LowClosing(total=TOTAL, given=100).attempt(shop.ask)

    assert shop.receipts == ()
    assert insist(shop.ask("state")).number("receipt_state") == 1


def test_a_receipt_cancelled_behind_our_back_is_not_closed():
    from drivers.printers.atol.commands import named

    shop = Shop("3").open_receipt()
    closing = LowClosing(total=TOTAL)
    closing._before, closing._is_sent = 0, True
    closing._before = shop.twin.register.memory.last
    shop.twin.low.execute(named("cancel_receipt").encode(0))
    with pytest.raises(RemoteProtocolError, match="cancelled"):
        closing.attempt(shop.ask)


def test_another_receipt_is_not_taken_for_ours():
    shop = Shop("2").open_receipt()
    closing = LowClosing(total=1)
    closing._before, closing._is_sent = shop.twin.register.memory.last, True
    LowClosing(total=TOTAL).attempt(shop.ask)
    with pytest.raises(RemoteProtocolError, match="had 1"):
        closing.attempt(shop.ask)


# ── As a device ─────────────────────────────────────────────────────────────────────────────────


@protocols
@pytest.mark.parametrize("needs_mode", [True, False])
def test_documents_are_pulled_in_order(protocol, needs_mode):
    shop = Shop(protocol)
    shop.twin.low.needs_memory_mode = needs_mode
    for task in (sale(), card_sale(), sale(kind="sellReturn")):
        shop.twin.register.execute(task)
    device = shop.device()
    memory = device.memory()
    documents = [device.document(number) for number in range(memory.first, memory.last + 1)]

    assert memory.name == "9999078900007777"
    assert [document.kind for document in documents] == [
        DocumentKind.REPORT, DocumentKind.SALE, DocumentKind.SALE, DocumentKind.RETURN,
    ]  # fmt: skip
    assert documents[1].receipt.total.minor == 12_159
    assert shop.twin.low.mode is Mode.CHOICE
    assert device.document(99) is None


@protocols
def test_a_document_whose_part_was_lost_is_read_anew(protocol):
    shop = Shop(protocol)
    shop.twin.register.execute(sale())
    device = shop.device()
    expected = device.document(2)
    original, parts = shop.twin.low.execute, []

    def lose_the_second_part(payload):
        if payload[2:4] == b"\xa4\x46":
            parts.append(1)
            if len(parts) == 2:
                shop.twin.be_rude("restart")
        return original(payload)

    shop.twin.low.execute = lose_the_second_part

    assert device.document(2) == expected
    assert len(parts) > 3


@protocols
def test_a_pull_that_was_cut_anywhere_gives_the_same_document(protocol):
    """A thrown away device and a new one over a new line, wherever the first one was cut."""
    whole = Shop(protocol, chunk=16)
    whole.twin.register.execute(sale())
    expected = whole.device().document(2)
    for at in range(0, whole.wire.back, 7):
        shop = whole.again(chunk=16)
        shop.wire.cut_back_at = at
        with pytest.raises(AnswerLost):
            shop.device().document(2)
        assert whole.again(chunk=16, tid=100).device().document(2) == expected, at


@protocols
def test_a_slip_is_printed_and_cut(protocol):
    shop = Shop(protocol)
    shop.device().print_slip(["Начислено 15 баллов", "", "x" * 50])

    assert shop.twin.paper[:4] == ("Начислено 15 баллов", "", "x" * 48, "x" * 2)
    assert shop.twin.paper[4].startswith("✂")
    assert shop.twin.low.mode is Mode.CHOICE


TROUBLES = {"paper_out": "E301", "cover_open": "E302"}


@protocols
@pytest.mark.parametrize("rude", TROUBLES)
def test_trouble_is_told_in_our_words(protocol, rude):
    shop = Shop(protocol, rude=[rude])

    assert TROUBLES[rude] == shop.device().condition().code


@protocols
def test_with_a_receipt_open_it_is_busy(protocol):
    shop = Shop(protocol)
    assert not shop.device().condition().is_busy
    shop.open_receipt()

    assert shop.device().condition().is_busy


@pytest.mark.parametrize("interface", ["web", "2", "3"])
def test_the_row_builds_the_device(interface):
    settings = AtolSettings(interface=interface)
    twin = VirtualAtol(settings)
    twin.register.execute(sale())
    wire = Wire(twin, chunk=64)
    device = polled(settings, device="a", connect=wire.connect, wait=wire.wait, clock=wire.clock)
    assert wire.opened == 0

    assert device.memory().last == 2
    assert device.document(2).receipt.total.minor == 12_159
    assert device.condition().code == ""
    assert wire.opened == 1


def test_what_the_row_says_of_its_settings():
    from drivers.printers.atol.driver import driver

    assert driver.polling.columns(AtolSettings(model="atol-58")) == 32
    assert driver.polling.refusal(AtolSettings()) == ""
    assert "discount is of no use" in driver.polling.refusal(AtolSettings(discount="always"))


def test_a_password_of_letters_is_refused_on_the_low_level():
    with pytest.raises(ValueError, match="digits"):
        AtolSettings(interface="2", password="secret")
    with pytest.raises(ValueError, match="no model"):
        AtolSettings(model="atol-99")


@pytest.mark.net
@protocols
def test_a_worker_pulls_over_a_real_port(protocol):
    """The whole way: a worker, a connection, the twin behind a port, and every receipt once and in order."""
    settings, stop = AtolSettings(interface=protocol), threading.Event()
    twin, listener = VirtualAtol(settings), listening()
    twin.sell(6)
    serving = threading.Thread(target=serve, args=(listener, twin, stop), daemon=True)
    serving.start()
    keeper = Keeper()
    worker = PollingWorker(
        name="register",
        endpoint=endpoint(f"tcp://127.0.0.1:{listener.port}"),
        device_factory=partial(polled, settings, device="register"),
        emit=lambda event: None,
        stop=stop,
        taker=keeper,
        pace=Pace(poll_s=0.01, quiet_s=0.0),
    )
    worker.start()
    try:
        assert keeper.is_full.wait(20)
    finally:
        stop.set()
        assert worker.join(5)
        serving.join(5)

    assert [pulled.number for pulled in keeper.pulled] == list(range(1, 8))
    assert sum(pulled.document.receipt is not None for pulled in keeper.pulled) == 6


class Keeper:
    """Takes seven documents."""

    def __init__(self):
        self.pulled = []
        self.is_full = threading.Event()

    def place(self, memory):
        return len(self.pulled)

    def take(self, pulled):
        self.pulled.append(pulled)
        if len(self.pulled) == 7:
            self.is_full.set()
        return ()
