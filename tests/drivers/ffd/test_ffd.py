"""Fiscal documents: tags there and back, a receipt out of a document, lines that add up whatever the kopecks say."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import strategies as st

from drivers.ffd import tlv
from drivers.ffd.documents import read_document
from drivers.ffd.lines import fiscal_uid, make_line
from drivers.ffd.tlv import Item, Tag
from drivers.vocabulary.errors import LocalProtocolError, RemoteProtocolError
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, TenderKind
from tests.agent.loyalty.soaking import prove

ZONE = timezone(timedelta(hours=3))


def item(name, quantity, price, total):
    return Item(
        Tag.ITEM,
        inner=(
            Item(Tag.NAME, name.encode("cp866")),
            Item(Tag.QUANTITY, tlv.fvln(Quantity.parse(quantity))),
            Item(Tag.PRICE, tlv.vln(price)),
            Item(Tag.SUM, tlv.vln(total)),
        ),
    )


def receipt(*items, total, operation=1, extra=()):
    return tlv.encode(
        [
            Item(Tag.DOCUMENT, (17).to_bytes(4, "little")),
            Item(Tag.MEMORY, b"9999078900005555"),
            Item(Tag.MOMENT, tlv.unix_time(datetime(2026, 1, 15, 12, 30, tzinfo=UTC))),
            Item(Tag.OPERATION, bytes([operation])),
            Item(Tag.TOTAL, tlv.vln(total)),
            Item(Tag.CASH, tlv.vln(total)),
            *items,
            *extra,
            Item(Tag.SIGN, bytes.fromhex("3104 18F63A52")),
        ]
    )


def test_a_receipt_is_read():
    """Lines, tender, local time with the zone of the place, and the permanent name."""
    content = receipt(item("Хлеб", "2", 4550, 9100), item("Яблоки", "0.351", 9000, 3159), total=12_259)
    document = read_document(3, content, currency="RUB", zone=ZONE)
    found = document.receipt

    assert document.problems == ()
    assert found.uid == "f-9999078900005555-17-418789970" == fiscal_uid("9999078900005555", 17, 418_789_970)
    assert [line.name for line in found.lines] == ["Хлеб", "Яблоки"]
    assert found.total == Money(12_259, "RUB")
    assert [(tender.kind, tender.amount.minor) for tender in found.tenders] == [(TenderKind.CASH, 12_259)]
    assert found.closed_at.isoformat() == "2026-01-15T12:30:00+03:00"


def test_the_tag_around_the_document_makes_no_difference():
    content = receipt(item("a", "1", 100, 100), total=100)
    wrapped = tlv.encode([Item(3, content)])

    assert read_document(3, wrapped, currency="RUB", zone=ZONE).receipt == (
        read_document(3, content, currency="RUB", zone=ZONE).receipt
    )


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (5, b"", "not a receipt"),
        (3, receipt(item("a", "1", 100, 100), total=100, operation=3), "nothing was sold"),
        (3, b"\x01\x02\x03", "cannot be read"),
        (3, tlv.encode([Item(Tag.OPERATION, b"\x01"), Item(Tag.TOTAL, b"\x01")]), "missing"),
    ],
)
def test_what_is_no_receipt_says_why(kind, content, expected):
    document = read_document(kind, content, currency="RUB", zone=ZONE)

    assert document.receipt is None
    assert expected in document.problems[0]


def test_a_return_is_a_return():
    content = receipt(item("a", "1", 100, 100), total=100, operation=2)

    assert read_document(3, content, currency="RUB", zone=ZONE).kind is DocumentKind.RETURN


def test_values_of_the_order():
    assert tlv.quantity_of(bytes.fromhex("0680841E")) == Quantity.parse("2")
    assert tlv.quantity_of(b"") == Quantity(0)
    assert tlv.number_of(b"") == 0
    assert tlv.text_of(bytes.fromhex("95ABA5A1") + b"  ") == "Хлеб"
    assert tlv.moment_of(bytes.fromhex("6073C25A")) == datetime(2018, 4, 2, 18, 16)  # noqa: DTZ001
    with pytest.raises(RemoteProtocolError):
        tlv.quantity_of(bytes([7, 1]))
    with pytest.raises(RemoteProtocolError):
        tlv.quantity_of(bytes([19, 1]))


def test_limits():
    deep = b""
    for _ in range(8):
        deep = (1059).to_bytes(2, "little") + len(deep).to_bytes(2, "little") + deep
    with pytest.raises(RemoteProtocolError, match="deep"):
        tlv.decode(deep)
    with pytest.raises(RemoteProtocolError, match="wants"):
        tlv.decode(b"\x01\x00\x05\x00x")
    with pytest.raises(LocalProtocolError):
        tlv.encode([Item(1, bytes(65_536))])


@prove(st.lists(st.tuples(st.integers(0, 900), st.binary(max_size=40)), max_size=8))
def test_tags_there_and_back(parts):
    items = tuple(Item(tag, value) for tag, value in parts)

    assert items == tlv.decode(tlv.encode(items))


@prove(st.integers(1, 50_000_000), st.integers(0, 1_000_000), st.integers(0, 100_000), st.integers(0, 100_000))
def test_a_line_always_adds_up(steps, price, total, off):
    """Whatever a document states, the line exists and its sum is the document's."""
    line = make_line(1, "x", Quantity(steps), Money(price, "RUB"), Money(total, "RUB"), off=off)

    assert line.total.minor == total


def test_a_discount_that_was_taken_off_is_shown():
    line = make_line(1, "x", Quantity.parse("2"), Money(4500, "RUB"), Money(9000, "RUB"), off=100)

    assert (line.price.minor, line.discount.minor, line.total.minor) == (4550, 100, 9000)
