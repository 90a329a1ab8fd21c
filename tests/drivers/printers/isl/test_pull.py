"""Closed receipts read back: each once, in order, with progress, after any cut; and the rows as makers write them."""

from datetime import UTC
from decimal import Decimal

import pytest

from drivers.printers.isl.fields import Modifier, Opening, Payment, Sale
from drivers.printers.isl.frames import Frame, FrameReader
from drivers.printers.isl.models import model_named
from drivers.printers.isl.pos_script import PosScript
from drivers.printers.isl.pull import pull
from drivers.printers.isl.rows import RowReader
from drivers.printers.isl.settings import IslSettings
from drivers.printers.isl.simulator import IslTwin
from drivers.vocabulary.errors import RemoteProtocolError, SettingsError, TransportClosed
from drivers.vocabulary.receipt import DocumentKind, TenderKind

PULLED = pytest.mark.parametrize("name", ["datecs-p", "datecs-c"])
UNP = "DT000001-0001-0000001"
MILK = Sale(name="Мляко, прясно", price=Decimal("1.20"), quantity=Decimal(2))
BREAD = Sale(name="Хляб", price=Decimal("1.55"), modifier=Modifier(value=Decimal("-0.25"), is_percent=False))
OFF = Modifier(value=Decimal("-0.30"), is_percent=False)


class Shop:
    """A twin that sold, and the line to it, which can be cut."""

    def __init__(self, name):
        self.model = model_named(name)
        self.twin = IslTwin(IslSettings(model=name))
        self.pos = PosScript(self.model)
        self.reader = RowReader(model=self.model, device="printer", currency="EUR", zone=UTC)
        self.asked = 0
        self.cut_after = None
        self._sequence = 0x20
        self._frames = FrameReader(self.model.frame, is_host=False)

    def ask(self, code, data=b""):
        from drivers.printers.isl.frames import encode

        self.asked += 1
        if self.cut_after is not None and self.asked > self.cut_after:
            raise TransportClosed("the cable is out")
        self._sequence = self.model.frame.next_sequence(self._sequence)
        raw = encode(Frame(sequence=self._sequence, command=code, data=data), self.model.frame)
        (answer,) = self._frames.feed(self.twin.feed(raw, 0.0))
        return answer.data

    def sell(self, count):
        for number in range(count):
            sold = [MILK, Sale(name="Чай", price=Decimal(number % 50 + 1) / 10)]
            self.twin.feed(self.pos.sale(sold, opening=Opening(unp=UNP)), 0.0)

    def pull(self, **kwargs):
        return pull(self.ask, self.model, self.reader, **kwargs)


@PULLED
def test_a_receipt_read_back_is_the_one_that_was_sold(name):
    """Lines with commas in their names, discounts of a line and of the whole, tenders, change, time."""
    shop = Shop(name)
    payments = (Payment(letter="D", amount=Decimal(1)), Payment(letter="P", amount=Decimal(10)))
    shop.twin.feed(shop.pos.sale([MILK, BREAD], OFF, opening=Opening(operator="3", unp=UNP), payments=payments), 0.0)
    (pulled,) = shop.pull()
    receipt = pulled.document.receipt

    assert () == pulled.document.problems
    assert "3.40" == receipt.total.amount
    assert [("Мляко, прясно", "2.40"), ("Хляб", "1.30")] == [(line.name, line.total.amount) for line in receipt.lines]
    assert ("-0.30", "1") == (receipt.adjustment.amount, receipt.number)
    assert "2026-11-22T10:00:00+00:00" == receipt.closed_at.isoformat()
    if name == "datecs-p":  # Datecs C gives no payments back
        assert [(TenderKind.CASH, "2.40"), (TenderKind.CARD, "1.00")] == [
            (one.kind, one.amount.amount) for one in receipt.tenders
        ]
        assert "3" == receipt.cashier


@PULLED
def test_five_hundred_documents_after_a_week(name):
    """Every receipt once, in order, with progress; the sums are those of the memory."""
    shop = Shop(name)
    shop.sell(500)
    pulled = list(shop.pull())

    assert list(range(1, 501)) == [one.number for one in pulled]
    assert [(number, 500) for number in range(1, 501)] == [(one.done, one.wanted) for one in pulled]
    assert 500 == len({one.document.receipt.uid for one in pulled})
    assert [closed.draft.total_minor for closed in shop.twin.till.journal] == [
        one.document.receipt.total.minor for one in pulled
    ]


@PULLED
def test_a_pull_cut_at_every_command_goes_on_behind_the_last(name):
    """Wherever the line breaks, going on from the last number gives every receipt exactly once."""
    whole = Shop(name)
    whole.sell(3)
    expected = [one.document.receipt for one in whole.pull()]
    for cut in range(whole.asked):
        shop = Shop(name)
        shop.sell(3)
        got, after = [], 0
        shop.cut_after = cut
        for _ in range(2):
            try:
                for one in shop.pull(after=after):
                    got.append(one.document.receipt)
                    after = one.number
            except TransportClosed:
                shop.cut_after = None
        assert expected == got, cut


@PULLED
def test_returns_and_cancelled_receipts(name):
    """A return is a return; a cancelled receipt has no effect and keeps its place."""
    shop = Shop(name)
    shop.sell(1)
    shop.twin.feed(shop.pos.cancelled([MILK]), 0.0)
    shop.twin.feed(shop.pos.sale([MILK], opening=Opening(unp=UNP, is_return=True, base="1")), 0.0)
    kinds = [(one.document.kind, one.document.receipt is not None) for one in shop.pull()]

    assert [(DocumentKind.SALE, True), (DocumentKind.VOID, False), (DocumentKind.RETURN, True)] == kinds


@PULLED
def test_nothing_new_is_nothing(name):
    """A poll behind the last document asks and gets nothing."""
    shop = Shop(name)
    shop.sell(2)

    assert [] == list(shop.pull(after=2))


@pytest.mark.parametrize("name", ["datecs-x", "daisy", "eltrade", "incotex"])
def test_models_that_cannot_read_back_say_so(name):
    """With the way that works for them."""
    with pytest.raises(SettingsError, match="in line"):
        list(Shop(name).pull())


def test_rows_that_do_not_add_up_make_no_receipt():
    """The device's total is checked against its rows."""
    shop = Shop("datecs-p")
    rows = ["U,,1,1,0,7", "R,2,20.00,1.20,2.000,0.00,2.40,Milk", "T,0,0,0,0,0,0,1,2.50", "P,2.50,0,0,0"]
    document = shop.reader.journal(7, rows)

    assert document.receipt is None
    assert "the total says" in document.problems[0]


@pytest.mark.parametrize("row", ["R,2", "R,2,20,x,1,0,1,Milk", "R,2,20.00,1.00,1.000,0.00,9.00,Milk", "M,x"])
def test_rows_without_sense_are_named(row):
    """Half a row, letters for numbers: no receipt, and the reason."""
    document = Shop("datecs-p").reader.journal(7, ["R,2,20.00,1.00,1.000,0.00,1.00,Tea", row])

    assert document.receipt is None
    assert document.problems


def test_a_device_that_never_ends_is_left():
    """A row that repeats for ever is an error with a next step."""
    shop = Shop("datecs-p")
    endless = lambda code, data=b"": b"P,1,1,1,1,1,1" if data == b"I" else b"V,1,2"  # noqa: E731
    with pytest.raises(RemoteProtocolError, match="no end"):
        list(pull(endless, shop.model, shop.reader))


def test_an_answer_of_another_model_is_named():
    """Not a number where a number is due."""
    shop = Shop("datecs-p")
    with pytest.raises(RemoteProtocolError, match="check the model"):
        list(pull(lambda code, data=b"": b"F", shop.model, shop.reader))
