"""Closed documents pulled from the fiscal memory: every receipt once, in order, resumed, drained."""

from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ffd import tlv
from drivers.ffd.documents import read_document
from drivers.ffd.lines import make_line
from drivers.printers.shtrih.fiscal_memory import NUMBER
from drivers.printers.shtrih.pos_script import classic_receipt, modern_receipt
from drivers.printers.shtrih.pull import pull
from drivers.printers.shtrih.session import AnswerLost, insist
from drivers.vocabulary.errors import DeviceRefused
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, TenderKind

ZONE = timezone(timedelta(hours=3))


def _pull(ask, after=0):
    return pull(ask, after=after, password=30, currency="RUB", zone=ZONE)


def _sell(twin, count):
    """Receipts of three kinds in turn."""
    kinds = [classic_receipt(), modern_receipt(), classic_receipt(kind=2)]
    for index in range(count):
        for body in kinds[index % 3]:
            answer = twin.register.execute(body)
            assert answer[2 if answer[0] == 0xFF else 1] == 0


def test_a_receipt_is_read_as_it_was_sold(shop):
    ask, _, twin = shop()
    _sell(twin, 3)
    shift, sale, modern, back = [pulled.document for pulled in _pull(ask)]

    assert shift.kind is DocumentKind.REPORT
    assert sale.receipt.kind is DocumentKind.SALE
    assert [(line.name, str(line.quantity), line.total.amount) for line in sale.receipt.lines] == [
        ("Хлеб", "2", "90.00"), ("Яблоки", "0.351", "31.59"),
    ]  # fmt: skip
    assert sale.receipt.lines[0].price.amount == "45.00"  # a fiscal document states the price after the discount
    assert sale.receipt.total.amount == "121.59"
    assert [(tender.kind, tender.amount.amount) for tender in sale.receipt.tenders] == [(TenderKind.CASH, "121.59")]
    assert sale.receipt.number == "2"
    assert sale.receipt.shift == 1
    assert sale.receipt.closed_at.utcoffset() == timedelta(hours=3)
    assert sale.receipt.uid == f"f-{NUMBER}-2-{twin.register.memory.documents[2].sign}"
    assert modern.receipt.total.amount == "139.00"
    assert modern.receipt.adjustment.amount == "-0.99"
    assert modern.receipt.tenders[0].kind is TenderKind.CARD
    assert back.receipt.kind is DocumentKind.RETURN


def _collect(pulled, found):
    for one in pulled:
        found.append(one)


@pytest.mark.parametrize("model", ["shtrih-m", "cashcore"])
@pytest.mark.parametrize("protocol", [1, 2])
def test_500_documents_come_once_and_in_order_and_go_on_after_a_cut(shop, model, protocol):
    """A week without a line; the first reading is cut in the middle of a document."""
    ask, pipe, twin = shop(model=model, protocol=protocol)
    _sell(twin, 499)
    pipe.cut_back_at = 60_000
    found = []
    with pytest.raises(AnswerLost):
        _collect(_pull(ask), found)
    assert 50 < len(found) < 450
    ask, _, _ = shop(model=model, protocol=protocol, twin=twin)
    found += _pull(ask, after=found[-1].number)

    assert [pulled.number for pulled in found] == list(range(1, 501))
    assert {pulled.last for pulled in found} == {500}
    receipts = [pulled.document.receipt for pulled in found if pulled.document.receipt]
    assert len({receipt.uid for receipt in receipts}) == 499
    assert insist(ask("short_status", password=30)).number("mode") == 2


@pytest.mark.parametrize("rude", ["answer_lost", "half_answer", "wrong_checksum"])
def test_a_bad_answer_in_the_middle_loses_no_block(shop, rude):
    ask, _, twin = shop()
    _sell(twin, 3)
    found = []
    for pulled in _pull(ask):
        twin.be_rude(rude)
        found.append(pulled)

    assert [1, 2, 3, 4] == [pulled.number for pulled in found]
    assert sum(pulled.document.receipt is not None for pulled in found) == 3


def test_a_reading_left_by_somebody_else_is_drained(shop):
    ask, _, twin = shop()
    _sell(twin, 2)
    insist(ask("request_document", password=30, document=2))
    insist(ask("read_document", password=30))
    assert insist(ask("short_status", password=30)).number("mode") == 1

    assert [pulled.number for pulled in _pull(ask)] == [1, 2, 3]
    assert list(_pull(ask, after=3)) == []


def test_interrupted_printing_ends_the_reading_with_a_reason(shop):
    """One real driver asked for ever here, and the register beeped."""
    ask, pipe, twin = shop()
    _sell(twin, 1)
    twin.be_rude("printing_interrupted")
    with pytest.raises(DeviceRefused, match="73h"):
        list(_pull(ask))

    assert len(pipe.asked) < 200


def test_a_register_that_never_ends_a_document_is_left(shop):
    ask, _, twin = shop(model="cashcore")
    _sell(twin, 1)
    twin.register.memory.read = lambda size: bytes(200)
    with pytest.raises(DeviceRefused, match="without an end"):
        list(_pull(ask))


def test_a_document_whose_lines_are_gone_is_told_by_its_sum(shop):
    ask, _, twin = shop()
    _sell(twin, 1)
    documents = twin.register.memory.documents
    documents[2] = type(documents[2])(**{
        name: getattr(documents[2], name) for name in documents[2].__dataclass_fields__
    } | {"content": b""})  # fmt: skip
    (_, short) = _pull(ask)

    assert short.document.receipt is None
    assert "121.59" in short.document.problems[0]


def test_a_list_cut_short_by_the_register_is_not_a_receipt(shop):
    ask, _, twin = shop()
    _sell(twin, 1)
    whole = twin.register.memory.read
    twin.register.memory.read = lambda size: None if not (block := whole(size)) else block[:-60]
    pulled = list(_pull(ask))[1]

    assert pulled.document.receipt is None
    assert "bytes came" in pulled.document.problems[0]


@pytest.mark.parametrize("content", [b"", b"\x01", tlv.encode([tlv.Item(1054, b"\x01")])])
def test_a_document_that_makes_no_sense_is_a_problem_and_no_exception(content):
    document = read_document(3, content, currency="RUB", zone=ZONE)

    assert document.receipt is None
    assert document.problems


def test_a_purchase_from_a_customer_is_no_receipt():
    document = read_document(3, tlv.encode([tlv.Item(1054, b"\x03")]), currency="RUB", zone=ZONE)

    assert document.kind is DocumentKind.OTHER


@given(st.integers(1, 10**8), st.integers(0, 10**7), st.integers(0, 10**8))
def test_every_price_quantity_and_sum_makes_a_line(steps, price, total):
    line = make_line(1, "x", Quantity(steps), Money(price, "RUB"), Money(total, "RUB"))

    assert line.total.minor == total
