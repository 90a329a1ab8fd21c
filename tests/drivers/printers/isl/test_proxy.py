"""In line: every byte passes, and the receipt that comes out is the one that was sold, whatever happens to the line."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract import DocumentEnds, ToDevice, ToHost
from drivers.guard import GuardedConversation
from drivers.printers.isl import driver
from drivers.printers.isl.drafts import Draft
from drivers.printers.isl.fields import Modifier, Opening, Payment, Sale, write_payment
from drivers.printers.isl.frames import FrameReader
from drivers.printers.isl.models import MODELS, model_named
from drivers.printers.isl.pos_script import PosScript, sale_commands
from drivers.printers.isl.proxy import IslConversation
from drivers.printers.isl.receipts import Desk
from drivers.printers.isl.settings import IslSettings
from drivers.printers.isl.simulator import IslTwin
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, TenderKind

every_model = pytest.mark.parametrize("name", MODELS)
UNP = "DT000001-0001-0000042"
MILK = Sale(name="Мляко", price=Decimal("1.20"), quantity=Decimal(2))
CHEESE = Sale(
    name="Сирене",
    price=Decimal("12.40"),
    quantity=Decimal("0.355"),
    modifier=Modifier(value=Decimal(-10), is_percent=True),
)
BREAD = Sale(name="Хляб", price=Decimal("1.55"), modifier=Modifier(value=Decimal("-0.25"), is_percent=False))
TEA = Sale(name="Чай", price=Decimal("3.10"), modifier=Modifier(value=Decimal(5), is_percent=True))
OFF = Modifier(value=Decimal("-0.30"), is_percent=False)


class Line:
    """A till, the proxy and the twin; the wires can be cut between any two bytes."""

    def __init__(self, name="datecs-p", **twin):
        self.model = model_named(name)
        self.twin = IslTwin(IslSettings(model=name), **twin)
        names = iter(range(1, 10_000))
        self.desk = Desk(model=self.model, device="printer", currency="EUR", new_uid=lambda: f"i-{next(names)}")
        self.pos = PosScript(self.model)
        self.documents = []
        self.connect()

    def connect(self):
        self.conversation = GuardedConversation(lambda: IslConversation(model=self.model, desk=self.desk))

    def send(self, data, *, slice_size=0):
        """What the till hears for these bytes."""
        heard = b""
        for at in range(0, len(data), slice_size or len(data) or 1):
            heard += self.pass_on(data[at : at + (slice_size or len(data))])
        return heard

    def pass_on(self, data):
        answer = b""
        for step in self.conversation.from_host(data, 0.0):
            assert isinstance(step, ToDevice)
            answer += self.twin.feed(step.data, 0.0)
        return self.answer(answer)

    def answer(self, data):
        heard = b""
        for step in self.conversation.from_device(data, 0.0):
            if isinstance(step, DocumentEnds):
                self.documents.append(step.document)
            else:
                assert isinstance(step, ToHost)
                heard += step.data
        return heard

    @property
    def receipts(self):
        return [document.receipt for document in self.documents if document.receipt is not None]


@every_model
@pytest.mark.parametrize("slice_size", [0, 1, 7])
def test_the_receipt_is_the_one_that_was_sold(name, slice_size):
    """Items, item discounts, a surcharge, a discount of the whole, two tenders and change, in every dialect."""
    line = Line(name)
    card = next(letter for letter, kind in line.model.tenders.items() if kind is TenderKind.CARD)
    cash = next(letter for letter, kind in line.model.tenders.items() if kind is TenderKind.CASH)
    payments = (Payment(letter=card, amount=Decimal(5)), Payment(letter=cash, amount=Decimal(10)))
    sent = line.pos.sale([MILK, CHEESE, BREAD, TEA], OFF, opening=Opening(operator="3", unp=UNP), payments=payments)
    line.send(sent, slice_size=slice_size)
    (receipt,) = line.receipts

    # 2.40 + (4.40 - 0.44) + (1.55 - 0.25) + (3.10 + 0.16) - 0.30
    assert Money.parse("10.62 EUR") == receipt.total
    assert ["Мляко", "Сирене", "Хляб", "Чай"] == [one.name for one in receipt.lines]
    assert [None, "0.44", "0.25", None] == [one.discount and one.discount.amount for one in receipt.lines]
    assert Money.parse("-0.14 EUR") == receipt.adjustment
    assert [(TenderKind.CARD, "5.00"), (TenderKind.CASH, "10.00")] == [
        (one.kind, one.amount.amount) for one in receipt.tenders
    ]
    assert "4.38" == receipt.change.amount
    assert ("3", DocumentKind.SALE) == (receipt.cashier, receipt.kind)
    assert 1 == line.twin.till.fiscal_count
    assert line.twin.till.journal[0].draft.total_minor == receipt.total.minor


@every_model
def test_a_return_is_a_return(name):
    """Storno has a command of its own, or data of its own."""
    line = Line(name)
    line.send(line.pos.sale([MILK], opening=Opening(unp=UNP, is_return=True, base="17")))

    assert [DocumentKind.RETURN] == [receipt.kind for receipt in line.receipts]


@every_model
def test_a_cancelled_receipt_has_no_effect(name):
    """Also with the makers whose cancel is 82h."""
    line = Line(name)
    line.send(line.pos.cancelled([MILK, BREAD]))

    assert [(DocumentKind.VOID, None)] == [(document.kind, document.receipt) for document in line.documents]
    assert 0 == line.twin.till.fiscal_count


def test_what_was_taken_back_was_not_sold():
    """A whole item, and one of two."""
    line = Line()
    void_milk = Sale(name="Мляко", price=Decimal("-1.20"))
    void_bread = Sale(name="Хляб", price=Decimal("-1.55"))
    line.send(line.pos.sale([MILK, BREAD, void_milk, void_bread]))
    (receipt,) = line.receipts

    assert [("Мляко", "1.20")] == [(one.name, one.total.amount) for one in receipt.lines]


def test_refused_commands_do_not_count():
    """An item that the device did not understand is not on the receipt; nor is one without paper."""
    line = Line()
    opened, milk, pay, close = sale_commands(line.model, [MILK], None)
    line.send(line.pos.commands(opened, milk, (0x31, b"no item")))
    line.twin.be_rude("paper_out")
    line.send(line.pos.commands(milk, milk))
    assert "E301" == line.desk.condition.code
    line.twin.be_rude("paper_out", times=0)
    line.send(line.pos.commands(pay, close))
    (receipt,) = line.receipts

    assert "2.40" == receipt.total.amount
    assert 1 == len(receipt.lines)


def test_a_close_without_paper_is_no_close():
    """The device keeps the receipt open; the close that follows the new roll ends it, once."""
    line = Line()
    *before, close = sale_commands(line.model, [MILK], None)
    line.send(line.pos.commands(*before))
    line.twin.be_rude("paper_out")
    line.send(line.pos.commands(close, close))
    assert [] == line.documents
    line.twin.be_rude("paper_out", times=0)
    line.send(line.pos.commands(close))

    assert 1 == len(line.receipts) == line.twin.till.fiscal_count


def test_an_expired_shift_sells_nothing():
    """After 24 hours every opening is refused until the Z report."""
    line = Line(rude=["shift_over_24h"])
    line.send(line.pos.sale([MILK]))
    assert [] == line.documents
    assert "E404" == line.desk.condition.code
    line.send(line.pos.commands((0x45, b"0")) + line.pos.sale([MILK]))

    assert [DocumentKind.REPORT, DocumentKind.SALE] == [document.kind for document in line.documents]


def test_a_repeated_command_counts_once():
    """The till did not hear the answer and sends the same number again; the device repeats its answer."""
    line = Line()
    for row in sale_commands(line.model, [MILK, BREAD], OFF):
        raw = line.pos.command(*row)
        first = line.send(raw)
        assert first == line.send(raw) == line.send(raw)
    (receipt,) = line.receipts

    assert "3.40" == receipt.total.amount
    assert 1 == line.twin.till.fiscal_count


@pytest.mark.parametrize("rude", ["silence", "half_answer", "wrong_checksum", "duplicate_answer"])
def test_rude_answers_do_not_change_the_receipt(rude):
    """Each command is answered rudely once; the till repeats it under its number."""
    line = Line()
    for row in sale_commands(line.model, [MILK, BREAD], None):
        line.twin.be_rude(rude, times=1)
        raw = line.pos.command(*row)
        line.send(raw)
        line.send(raw)
    (receipt,) = line.receipts

    assert "3.70" == receipt.total.amount
    assert 1 == line.twin.till.fiscal_count


def settle(line, close, raw):
    """A till that lost its line: connects again, repeats the number, and closes anew only what is still open."""
    line.connect()
    line.conversation.from_device(b"", 0.0)
    heard = line.send(raw)
    answers = [item for item in FrameReader(line.model.frame, is_host=False).feed(heard) if hasattr(item, "status")]
    assert answers, "the device answered the repeated close"


@pytest.mark.parametrize("name", ["datecs-p", "datecs-x"])
@pytest.mark.parametrize("where", ["till to proxy", "proxy to device", "device to proxy", "proxy to till"])
def test_a_close_cut_at_every_byte_is_one_close(name, where):
    """Wherever the line breaks: one fiscal document, one loyalty effect, one uid."""
    probe = Line(name)
    *before, close = sale_commands(probe.model, [MILK], None, opening=Opening(unp=UNP))
    probe.send(probe.pos.commands(*before))
    request = probe.pos.command(*close)
    reply = probe.twin.feed(request, 0.0)
    size = len(request) if where in ("till to proxy", "proxy to device") else len(reply)
    for cut in range(size + 1):
        line = Line(name)
        line.send(line.pos.commands(*before))
        raw = line.pos.command(*close)
        if where == "till to proxy":
            line.send(raw[:cut])
        elif where == "proxy to device":
            line.conversation.from_host(raw, 0.0)
            line.answer(line.twin.feed(raw[:cut], 0.0) if cut < size else b"")
        elif where == "device to proxy":
            line.conversation.from_host(raw, 0.0)
            line.answer(line.twin.feed(raw, 0.0)[:cut])
        else:
            line.send(raw)  # the till hears `cut` bytes of it, and the proxy cannot know
        line.twin._reader.reset()
        settle(line, close, raw)
        line.send(line.pos.commands((0x4A, b"")))

        assert 1 == line.twin.till.fiscal_count, (where, cut)
        assert 1 == len(line.receipts) == len(line.documents), (where, cut)


def test_a_close_whose_answer_was_lost_is_found_by_the_next_answer():
    """The printer lost power after the close: the till asks for the status, and the sale counts once."""
    line = Line()
    *before, close = sale_commands(line.model, [MILK], None, opening=Opening(unp=UNP))
    line.send(line.pos.commands(*before))
    line.twin.be_rude("restart", times=1)
    assert b"" == line.send(line.pos.command(*close))
    assert [] == line.documents
    line.connect()
    line.send(line.pos.command(0x4A))
    assert ["2.40"] == [receipt.total.amount for receipt in line.receipts]
    line.send(line.pos.commands(close, (0x4A, b"")))

    assert 1 == len(line.documents) == line.twin.till.fiscal_count


def test_a_command_that_was_not_seen_makes_no_receipt():
    """The device's own sum says so when it takes the money; a wrong receipt would be worse than none."""
    line = Line()
    opened, milk, bread, _, close = sale_commands(line.model, [MILK, BREAD], None)
    line.send(line.pos.commands(opened, milk))
    line.twin.feed(line.pos.command(*bread), 0.0)  # past the proxy
    exact = write_payment(line.model, Payment(letter="P", amount=Decimal(5)))
    line.send(line.pos.commands((0x35, exact), close))
    (document,) = line.documents

    assert document.receipt is None
    assert "away from ours" in document.problems[0]


def test_a_device_that_rounds_a_percent_otherwise_is_believed():
    """A percent spread over tax groups may differ by a cent; the money that was taken decides."""
    line = Line()
    opened, milk, _, close = sale_commands(line.model, [MILK], None)
    line.send(line.pos.commands(opened, milk))
    line.send(line.pos.command(0x33, b"10,-7.00"))
    line.twin.till.open.draft.adjustment_minor += 1
    line.send(line.pos.commands((0x35, b"\tP5.00"), close))
    (receipt,) = line.receipts

    assert "2.24" == receipt.total.amount
    assert "2.76" == receipt.change.amount


def test_a_permanent_name_where_there_is_a_unique_number():
    """The same sale read twice is one receipt; without a unique number it has a name of its own."""
    first, second = Line(), Line()
    for line in (first, second):
        line.send(line.pos.sale([MILK], opening=Opening(unp=UNP)))
        line.send(line.pos.sale([MILK], opening=Opening()))

    assert first.receipts[0].uid == second.receipts[0].uid
    assert "i-1" == first.receipts[1].uid


def test_points_of_a_pinpad_are_points():
    """Datecs X, 35h with type 12."""
    line = Line("datecs-x")
    payments = (Payment(letter="12", amount=Decimal("0.40")), Payment(letter="0", amount=Decimal(2)))
    line.send(line.pos.sale([MILK], payments=payments))
    (receipt,) = line.receipts

    assert [TenderKind.POINTS, TenderKind.CASH] == [tender.kind for tender in receipt.tenders]


def test_a_service_receipt_is_no_sale():
    """Its text is kept, nothing is earned."""
    line = Line()
    line.send(line.pos.slip(["Добър ден", "42"]))
    (document,) = line.documents

    assert (DocumentKind.OTHER, ("Добър ден", "42"), None) == (document.kind, document.text, document.receipt)
    assert [("Добър ден", "42")] == line.twin.till.paper


@every_model
def test_noise_on_either_side_passes_and_breaks_nothing(name):
    """Rubbish before, between and inside; the guard would say if a byte were lost."""
    line = Line(name)
    noise = bytes(range(256)) * 3
    for data in (noise, line.pos.command(0x4A)[:-3], noise):
        steps = line.conversation.from_host(data, 0.0)
        assert data == b"".join(step.data for step in steps)
        steps = line.conversation.from_device(data, 0.0)
        assert data == b"".join(step.data for step in steps)
    line.send(line.pos.sale([MILK]))

    assert "" == line.conversation.problem
    assert 1 == len(line.receipts)


def test_a_receipt_begun_before_we_listened_is_told():
    """The agent was started in the middle of a sale: there is a document, and no receipt that would be wrong."""
    line = Line()
    *before, close = sale_commands(line.model, [MILK], None)
    line.twin.feed(line.pos.commands(*before), 0.0)  # past the proxy
    line.send(line.pos.commands(close))
    (document,) = line.documents

    assert (DocumentKind.OTHER, None) == (document.kind, document.receipt)
    assert "before anybody listened" in document.problems[0]


def test_the_desk_outlives_a_connection_and_belongs_to_one_device():
    """The same device comes back to its open receipt; another device has a desk of its own."""
    model = model_named("datecs-p")
    twin, pos = IslTwin(), PosScript(model)
    *before, close = sale_commands(model, [MILK], None, opening=Opening(unp=UNP))
    documents = {}
    for device, rows in (("a", before), ("b", []), ("a", [close])):
        conversation = driver.conversation(IslSettings(), device=f"desk-test-{device}")
        for row in rows:
            raw = pos.command(*row)
            conversation.from_host(raw, 0.0)
            steps = conversation.from_device(twin.feed(raw, 0.0), 0.0)
            documents.setdefault(device, []).extend(step for step in steps if isinstance(step, DocumentEnds))

    assert ["2.40"] == [step.document.receipt.total.amount for step in documents["a"]]
    assert b"" == documents["a"][0].render(["thank you"])


def test_what_never_ends_does_not_grow():
    """A thousand items too many, payments for ever: bounded, and no receipt."""
    draft = Draft(currency="EUR")
    for _ in range(1_200):
        draft.sell(MILK)
        draft.pay("P", 1)

    assert (1_000, 50) == (len(draft.items), len(draft.paid))
    assert len(draft.problems) <= 20
    assert None is draft.receipt(uid="i-1", kind=DocumentKind.SALE, tenders={})


@settings(max_examples=60, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", MODELS)
def test_whatever_is_sent_nothing_is_lost_and_nothing_fails(name, data):
    """Commands with spoiled data, answers cut short: the guard has nothing to complain of."""
    line = Line(name)
    rows = sale_commands(line.model, [MILK, CHEESE], OFF)
    for _ in range(data.draw(st.integers(1, 12))):
        code, body = data.draw(st.sampled_from(rows))
        spoiled = bytearray(body)
        for at in data.draw(st.lists(st.integers(0, 60), max_size=3)):
            if at < len(spoiled):
                spoiled[at] = data.draw(st.integers(0, 255))
        raw = line.pos.command(code, bytes(spoiled))
        line.conversation.from_host(raw, 0.0)
        answer = line.twin.feed(raw, 0.0)
        line.answer(answer[: data.draw(st.integers(0, len(answer)))])

    assert "" == line.conversation.problem


@every_model
def test_the_twin_plays_its_script_in_every_dialect(name):
    """The conformance suite plays the default model; the scenes of the others are played here."""
    line = Line(name)
    for scene in line.twin.script():
        before = len(line.documents)
        line.send(scene.from_host)
        assert scene.documents == len(line.documents) - before, scene.name

    assert [DocumentKind.SALE, DocumentKind.RETURN] == [receipt.kind for receipt in line.receipts]


def test_a_receipt_that_the_device_dropped_is_no_sale():
    """Its close was refused, then somebody cancelled it at the device: no receipt, and the reason."""
    line = Line()
    *before, close = sale_commands(line.model, [MILK], None)
    line.send(line.pos.commands(*before[:-1], close))
    assert [] == line.documents
    line.twin.till.open = None
    line.send(line.pos.commands((0x4A, b"")))
    (document,) = line.documents

    assert (DocumentKind.OTHER, None) == (document.kind, document.receipt)
    assert "without a command" in document.problems[0]


def test_a_close_without_a_payment_makes_no_receipt():
    """The payment passed while we were not there."""
    line = Line()
    *before, pay, close = sale_commands(line.model, [MILK], None)
    line.send(line.pos.commands(*before))
    line.twin.feed(line.pos.command(*pay), 0.0)
    line.send(line.pos.commands(close))

    assert ("no payment was seen",) == line.documents[0].problems
