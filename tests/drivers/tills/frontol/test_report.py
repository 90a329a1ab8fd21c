"""Frontol's sales report: golden receipts, the same money counted once, gaps, repeats, documents across files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.tills.contract import Story, StoryLine, TwinContext
from drivers.tills.frontol import system
from drivers.tills.frontol.report import FrontolBook
from drivers.tills.frontol.report_twin import FrontolReportTwin
from drivers.tills.reports import Progress, ReportContext, Reported, ReportSettings
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, TenderKind

MOSCOW = ZoneInfo("Europe/Moscow")
CONTEXT = ReportContext(zone=MOSCOW, currency="RUB")
CARD = "2900000000018"


def book(**settings: Any) -> FrontolBook:
    return FrontolBook(ReportSettings(**settings), CONTEXT)


def row(number: int, kind: int, document: str = "4", /, **fields: str) -> str:
    """A transaction; `f8="…"` is field 8. Shift 1, till 1, a sale."""
    values = [""] * 36
    for place, value in enumerate((number, "11.02.2016", "10:26:01", kind, 1, document, 7), 1):
        values[place - 1] = str(value)
    values[12:14] = ["0", "1"]
    for name, value in fields.items():
        values[int(name[1:]) - 1] = value
    return ";".join(values) + ";"


def goods(number: int, code: str, price: str, quantity: str, total: str, **fields: str) -> str:
    kind = int(fields.pop("kind", "11"))
    return row(number, kind, f8=code, f10=price, f11=quantity, f12=total, f15=price, f16=total, f20=total, **fields)


def close(number: int, total: str, kind: int = 55, **fields: str) -> str:
    return row(number, kind, f12=total, **fields)


def cash(number: int, total: str, **fields: str) -> str:
    return row(number, 40, **{"f9": "1", "f10": "0", "f11": total, "f12": total, **fields})


def report(*rows: str, encoding: str = "cp1251") -> bytes:
    return "".join(f"{line}\r\n" for line in ("#", "1", "1", *rows)).encode(encoding)


def read(data: bytes, **settings: Any) -> list[Reported]:
    one = book(**settings).file("r.txt")
    found = [*one.feed(data), *one.end()]
    assert one.problem == ""
    return found


def only(*rows: str, **settings: Any) -> Document:
    (one,) = read(report(*rows), **settings)
    return one.read()


def shape(document: Document) -> tuple[Any, ...]:
    receipt = document.receipt
    assert receipt is not None, document.problems
    lines = [
        (line.product_id, str(line.quantity), line.total.amount, (line.discount or line.total.with_minor(0)).amount)
        for line in receipt.lines
    ]
    tenders = [(tender.kind, tender.amount.amount) for tender in receipt.tenders]
    return document.kind, receipt.total.amount, lines, tenders


# ── Golden ──────────────────────────────────────────────────────────────────────────────────────


def test_the_sample_of_2016_and_its_golden_receipt(samples: Path) -> None:
    """It breaks off before its document is closed; with the transactions that end it, it is this receipt."""
    one = book()
    file = one.file("frontol5_report.txt")
    assert [] == list(file.feed((samples / "tills" / "frontol" / "frontol5_report.txt").read_bytes()))
    (closed,) = file.feed(f"{cash(21, '50')}\n{cash(22, '-16,49')}\n{close(23, '33,51', f8=CARD)}\n".encode())
    document = closed.read()
    receipt = document.receipt
    assert receipt is not None

    assert ("1", 23) == (closed.counter, closed.number)
    assert "frontol-1-1-1-4-20160211" == receipt.uid
    assert ("4", 1, "1", "7") == (receipt.number, receipt.shift, receipt.till, receipt.cashier)
    assert datetime(2016, 2, 11, 7, 26, 1, tzinfo=UTC) == receipt.closed_at
    assert (CARD,) == document.codes
    assert Money.of("16.49", "RUB") == receipt.change
    assert (
        DocumentKind.SALE,
        "33.51",
        [
            ("31105", "1", "10.00", "0.00"),
            ("14623", "0.351", "3.51", "0.00"),
            ("100213", "1", "10.00", "0.00"),
            ("9873", "1", "10.00", "0.00"),
        ],
        [(TenderKind.CASH, "50.00")],
    ) == shape(document)
    assert "4607161623886" == receipt.lines[3].barcode


# ── The same money, once ────────────────────────────────────────────────────────────────────────


def test_splits_are_not_added_to_what_they_split() -> None:
    """43 of 40, 82 of 32, 85 of 35, 86 of 36: a hundred with ten off, twenty of it in points."""
    document = only(
        row(1, 42),
        goods(2, "A", "100", "1", "100"),
        row(3, 35, f12="10"),
        row(4, 85, f12="10"),
        row(5, 32, f8=CARD, f12="20"),
        row(6, 82, f12="20"),
        cash(7, "70"),
        row(8, 43, f10="0", f12="70"),
        close(9, "90"),
    )

    assert (
        DocumentKind.SALE,
        "90.00",
        [("A", "1", "100.00", "0.00")],
        [(TenderKind.CASH, "70.00"), (TenderKind.POINTS, "20.00")],
    ) == shape(document)
    assert document.receipt is not None
    assert Money.of("-10", "RUB") == document.receipt.adjustment


def test_a_split_alone_is_the_payment() -> None:
    """Some exports have 43 and no 40."""
    document = only(
        row(1, 42),
        goods(2, "A", "100", "1", "100"),
        row(3, 43, f10="1", f12="60"),
        row(4, 43, f10="0", f12="40"),
        close(5, "100"),
    )

    assert [(TenderKind.CARD, "60.00"), (TenderKind.CASH, "40.00")] == shape(document)[3]


def test_points_that_lowered_the_prices_are_no_tender() -> None:
    """The final sums of the lines have them off already."""
    line = row(2, 11, f8="A", f10="100", f11="1", f12="100", f15="80", f16="80", f20="100")
    document = only(row(1, 42), line, row(3, 32, f12="20"), cash(4, "80"), close(5, "80"))

    assert (DocumentKind.SALE, "80.00", [("A", "1", "80.00", "20.00")], [(TenderKind.CASH, "80.00")]) == shape(document)


def test_line_discounts_are_in_the_final_sums() -> None:
    """17 is told beside; 35 is told and is in the final sums already: neither is taken off again."""
    line = row(2, 11, f8="A", f10="100", f11="2", f12="200", f15="90", f16="180", f20="200")
    document = only(
        row(1, 42), line, row(3, 17, f11="10", f12="20"), row(4, 35, f12="0,00"), cash(5, "180"), close(6, "180")
    )

    assert [("A", "2", "180.00", "20.00")] == shape(document)[2]


def test_rounding_is_kept_apart() -> None:
    document = only(
        row(1, 42), goods(2, "A", "10,40", "1", "10,40"), row(3, 38, f12="0,40"), cash(4, "10"), close(5, "10")
    )
    assert document.receipt is not None

    assert Money.of("-0.40", "RUB") == document.receipt.adjustment


def test_storno_takes_back_the_last_like_it() -> None:
    """Points on voided goods are what shops complain of."""
    document = only(
        row(1, 42),
        goods(2, "A", "50", "1", "50"),
        goods(3, "B", "10", "3", "30"),
        goods(4, "A", "50", "2", "100"),
        goods(5, "A", "50", "-1", "-50", kind="12"),
        goods(6, "B", "10", "-1", "-10", kind="12"),
        cash(7, "120"),
        close(8, "120"),
    )

    assert [("B", "2", "20.00", "0.00"), ("A", "2", "100.00", "0.00")] == shape(document)[2]


def test_a_return_is_stated_in_positive_sums() -> None:
    """Signs are negative in the file; the sale it takes back is named."""
    document = only(
        row(1, 42, f13="1", f25="1/1/3"),
        goods(2, "A", "50", "-1", "-50", f13="1"),
        cash(3, "-50", f13="1"),
        close(4, "-50", f13="1", f25="1/1/3"),
    )

    assert (DocumentKind.RETURN, "50.00", [("A", "1", "50.00", "0.00")], [(TenderKind.CASH, "50.00")]) == shape(
        document
    )
    assert (1, "3") == document.base
    other = only(row(1, 42, f13="1", f25="102033"), goods(2, "A", "5", "-1", "-5", f13="1"), close(3, "-5", f13="1"))
    assert (None, "102033") == other.base


@pytest.mark.parametrize(
    ("code", "kind"), [("0", "cash"), ("1", "card"), ("3", "prepaid"), ("8", "certificate"), ("7", "other")]
)
def test_ways_of_paying(code: str, kind: str) -> None:
    rows = [row(1, 42), goods(2, "A", "50", "1", "50"), cash(3, "50", f9="12", f10=code), close(4, "50")]

    assert [(TenderKind(kind), "50.00")] == shape(only(*rows))[3]
    assert [(TenderKind.POINTS, "50.00")] == shape(only(*rows, tenders={"12": "points"}))[3]


def test_the_customer_is_named_by_cards_and_phone() -> None:
    document = only(
        row(1, 42, f8="111|2222222222222"),
        row(2, 65, f8="@333333", f34="Anna•+79000000001•"),
        goods(3, "A", "1", "1", "1"),
        close(4, "1", f8=CARD),
    )

    assert (CARD, "2222222222222", "333333", "+79000000001") == document.codes
    assert CARD not in repr(document)


def test_other_names_of_the_receipt() -> None:
    """The till's own, braces and capitals off, and the fiscal document's."""
    fiscal = row(3, 45, f22="9999078900012345", f24="17", f25="4012345678")
    document = only(
        row(1, 42, f33="{5A188DE4-49B8-4CB4-800E-000000000001}"), goods(2, "A", "1", "1", "1"), fiscal, close(4, "1")
    )

    assert ("5a188de4-49b8-4cb4-800e-000000000001", "f-9999078900012345-17-4012345678") == document.also


# ── What is no receipt ──────────────────────────────────────────────────────────────────────────


def test_a_return_without_finances_takes_its_goods_back() -> None:
    """58 and no payment: the money went another way. A 55 of the same document is no second return."""
    document = {"f13": "1"}
    rows = [
        row(1, 42, **document, f25="1/1/3"),
        goods(2, "A", "50", "-1", "-50", **document),
        close(3, "-50", kind=58, **document, f8=CARD),
        close(4, "-50", **document),
        row(5, 42, "5"),
        goods(6, "B", "7", "1", "7").replace(";4;7;", ";5;7;"),
        row(7, 58, "5", f12="7"),
    ]
    one = book()
    closed = list(one.file("r.txt").feed(report(*rows)))
    (only_one,) = closed
    document_read = only_one.read()
    receipt = document_read.receipt

    assert receipt is not None
    assert (DocumentKind.RETURN, "50.00", ()) == (receipt.kind, receipt.total.amount, receipt.tenders)
    assert ((CARD,), (1, "3")) == (document_read.codes, document_read.base)
    assert (b"", "") == (one.unfinished(), one.complaint)


def test_cancelled_documents_and_others_are_passed_over() -> None:
    """56 after its lines; cash in; a Z report."""
    found = read(report(
        row(1, 42), goods(2, "A", "50", "1", "50"), close(3, "50", kind=56),
        row(4, 42, "5", f13="4"), row(5, 50, "5", f12="100", f13="4"), row(6, 55, "5", f12="100", f13="4"),
        row(7, 63, "6"),
    ))  # fmt: skip

    assert [] == found


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            [goods(2, "A", "50", "1", "50"), cash(3, "60"), close(4, "60")],
            "its lines make 50.00 RUB, its total is 60.00 RUB",
        ),
        ([goods(2, "A", "50", "1", "50"), cash(3, "60"), close(4, "50")], "payments do not make its total"),
        (
            [goods(2, "A", "50", "1", "50"), goods(3, "B", "5", "1", "5", kind="12"), close(4, "50")],
            "takes back goods 'B'",
        ),
        ([goods(2, "A", "5x", "1", "50"), close(4, "50")], "not a number: '5x'"),
        ([goods(2, "A", "50", "1", "50"), close(4, "50", f2="40.40.2016")], "which is no time"),
    ],
)
def test_what_does_not_add_up_is_kept_for_a_person(rows: list[str], sentence: str) -> None:
    document = only(row(1, 42), *rows)

    assert document.receipt is None
    assert sentence in document.problems[0]
    assert document.problems[0].startswith("document 4 of shift 1 at till 1: ")
    assert document.raw


def test_a_file_of_another_kind_is_said() -> None:
    one = book().file("goods.txt")
    one.feed(b"##@@&&\r\n#\r\n$$$ADDQUANTITY\r\n")

    assert one.problem.startswith("goods.txt, line 1: no Frontol report")


def test_a_damaged_line_is_said_and_the_next_receipt_is_read() -> None:
    one = book()
    file = one.file("r.txt")
    found = file.feed(report("rub;bish", row(1, 42), goods(2, "A", "1", "1", "1"), "3;x", close(4, "1")))

    assert 1 == len(found)
    assert "r.txt, line 4 is no transaction, and 1 more lines" == one.complaint


# ── Numbers ─────────────────────────────────────────────────────────────────────────────────────


def sale(first: int, document: str) -> list[str]:
    return [
        row(first, 42, document),
        row(first + 1, 11, document, f8="A", f10="5", f11="1", f16="5"),
        row(first + 2, 55, document, f12="5"),
    ]


def test_gaps_are_known_and_what_fills_them_is_late() -> None:
    one = book()
    one.file("1").feed(report(*sale(1, "1")))
    one.file("3").feed(report(*sale(10, "3")))
    assert {"1": Progress(last=12, gaps=((4, 9),))} == one.progress()
    (filled,) = one.file("2").feed(report(*sale(4, "2")))
    (again,) = one.file("2").feed(report(*sale(4, "2")))

    assert (True, False) == (filled.is_late, again.is_late)
    assert {"1": Progress(last=12, gaps=((7, 9),))} == one.progress()


def test_gaps_survive_a_restart() -> None:
    one = book()
    one.resume({"1": Progress(last=12, gaps=((4, 9),))})
    (filled,) = one.file("2").feed(report(*sale(4, "2")))

    assert filled.is_late


def test_a_document_across_files_and_a_restart() -> None:
    """The rest comes with the next report; what is not closed can be carried over."""
    first, second = book(), book(encoding="cp1251")
    rows = [row(1, 42, f8=CARD), goods(2, "А¤Б", "50", "1", "50"), cash(3, "50"), close(4, "50")]
    first.file("1").feed(report(*rows[:2]))
    second.file("left").feed(first.unfinished())
    (here,) = first.file("2").feed(report(*rows[2:]))
    (there,) = second.file("2").feed(report(*rows[2:]))

    assert shape(here.read()) == shape(there.read())
    assert b"" == first.unfinished() == second.unfinished()
    assert "А;Б" == shape(here.read())[2][0][0]


def test_a_repeated_transaction_counts_once() -> None:
    """The file was replaced while it was read: the same lines come again."""
    rows = [row(1, 42), goods(2, "A", "50", "1", "50"), cash(3, "50"), close(4, "50")]
    one = book()
    one.file("1").feed(report(*rows[:3]))
    (closed,) = one.file("1").feed(report(*rows))

    assert [("A", "1", "50.00", "0.00")] == shape(closed.read())[2]


def test_half_a_line_is_no_line_and_a_whole_one_needs_no_end() -> None:
    data = report(row(1, 42), goods(2, "A", "50", "1", "50"), close(3, "50"))
    one, other = book().file("r"), book().file("r")
    assert [] == [*one.feed(data[:-20]), *one.end()]
    assert one.held

    assert 1 == len([*one.feed(data[-20:]), *one.end()])
    assert 1 == len([*other.feed(data[:-2]), *other.end()])


def test_only_the_tills_that_are_counted_here() -> None:
    rows = [row(1, 42), goods(2, "A", "1", "1", "1"), close(3, "1")]

    assert [] == read(report(*rows), tills=("2",))
    assert 1 == len(read(report(*rows), tills=("1",)))


STORY = Story(
    uid="5a188de4-49b8-4cb4-800e-000000000007",
    number=7,
    at=datetime(2026, 3, 2, 12, 0, tzinfo=MOSCOW),
    lines=(
        StoryLine(code="1001", name="Кофе", price=Money.of("40.00", "RUB"), quantity=Quantity.parse("10")),
        StoryLine(code="1002", name="Сыр", price=Money.of("299.90", "RUB"), quantity=Quantity.parse("0.355")),
    ),
    customer=CARD,
    refund=((1, Quantity.parse("5")),),
)


@pytest.mark.parametrize("fields", [36, 44])
@given(step=st.integers(1, 400))
def test_the_twin_is_understood_in_any_pieces(fields: int, step: int) -> None:
    twin = FrontolReportTwin(None, TwinContext(key="k", zone=MOSCOW, currency="RUB"), fields=fields)
    data = twin.header() + twin.play(STORY)
    file = book().file("r")
    found = [one.read() for start in range(0, len(data), step) for one in file.feed(data[start : start + step])]
    sold, back = [one.receipt for one in found]
    assert sold is not None
    assert back is not None

    assert (DocumentKind.SALE, "506.46") == (sold.kind, sold.total.amount)
    assert (DocumentKind.RETURN, "200.00") == (back.kind, back.total.amount)
    assert (45, "7") == found[1].base
    assert system.reports is not None
