"""Кассир's report: golden receipts, storno, discounts told twice, returns, documents in XML, several tills in one file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.tills.contract import Story, StoryLine, TwinContext
from drivers.tills.reports import Progress, ReportContext, Reported, ReportSettings
from drivers.tills.shtrih_kassir.report import KassirBook
from drivers.tills.shtrih_kassir.report_twin import KassirReportTwin
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, TenderKind

MOSCOW = ZoneInfo("Europe/Moscow")
CONTEXT = ReportContext(zone=MOSCOW, currency="RUB")
CARD = "2900000000018"
HEADER = "#\r\n1\r\n1\r\n"


def book(**settings: Any) -> KassirBook:
    return KassirBook(ReportSettings(**settings), CONTEXT)


def row(number: int, kind: int, *rest: str, till: str = "13", receipt: str = "1277") -> str:
    return (
        ";".join([str(number), "05.04.23", "19:30:01", str(kind), till, receipt, "1", *rest, *[""] * (5 - len(rest))])
        + ";\r\n"
    )


def read(*rows: str, **settings: Any) -> list[Reported]:
    file = book(**settings).file("r.txt")
    found = [*file.feed((HEADER + "".join(rows)).encode("cp1251")), *file.end()]
    assert file.problem == ""
    return found


def only(*rows: str, **settings: Any) -> Document:
    (one,) = read(*rows, **settings)
    return one.read()


def shape(document: Document) -> tuple[Any, ...]:
    receipt = document.receipt
    assert receipt is not None, document.problems
    lines = [(line.product_id, str(line.quantity), line.total.amount) for line in receipt.lines]
    tenders = [(tender.kind, tender.amount.amount) for tender in receipt.tenders]
    adjustment = receipt.adjustment.amount if receipt.adjustment is not None else "0.00"
    return document.kind, receipt.total.amount, lines, adjustment, tenders


PAID = row(90, 40, "", "", "0.00", "1", "50.00")
CLOSE = row(91, 55, "", "", "0", "0", "50.00")


def test_the_sample_and_its_golden_receipt(samples: Path) -> None:
    """Two towels, a voided cup, five percent by card told twice, two hundred given, ten back; a document of goods behind."""
    one = book()
    (closed,) = one.file("report.txt").feed(
        (samples / "tills" / "shtrihm" / "kassir_report_made_from_spec.txt").read_bytes()
    )
    document = closed.read()
    receipt = document.receipt
    assert receipt is not None

    assert ("13", 28107, "") == (closed.counter, closed.number, one.complaint)
    assert ("kassir-13-1277-20230405193041", "1277", "13", "1") == (
        receipt.uid,
        receipt.number,
        receipt.till,
        receipt.cashier,
    )
    assert datetime(2023, 4, 5, 16, 30, 41, tzinfo=UTC) == receipt.closed_at
    assert Money.of("10.00", "RUB") == receipt.change
    assert (CARD,) == document.codes
    assert (DocumentKind.SALE, "190.00", [("1001", "2", "200.00")], "-10.00", [(TenderKind.CASH, "200.00")]) == shape(
        document
    )
    assert {"13": Progress(last=28110)} == one.progress()
    assert b"" == one.unfinished()


def test_after_a_z_report_the_next_shift_is_known() -> None:
    rows = [row(1, 61, "45", receipt="0"), row(2, 11, "A", "1", "50.00", "1", "50.00"), PAID, CLOSE]
    receipt = only(*rows).receipt
    assert receipt is not None

    assert 46 == receipt.shift


def test_a_return_has_lines_13_and_no_11() -> None:
    document = only(row(1, 13, "A", "1", "50.00", "-1.000", "-50.00"), row(2, 40, "", "", "0.00", "1", "-50.00"), CLOSE)

    assert (DocumentKind.RETURN, "50.00", [("A", "1", "50.00")], "0.00", [(TenderKind.CASH, "50.00")]) == shape(
        document
    )


def test_a_receipt_that_sells_and_takes_back_is_for_a_person() -> None:
    document = only(
        row(1, 11, "A", "1", "50.00", "1", "50.00"), row(2, 13, "B", "1", "5.00", "-1", "-5.00"), PAID, CLOSE
    )

    assert ("receipt 1277 of till 13: it sells and takes back at once",) == document.problems
    assert document.raw


def test_storno_takes_back_the_last_like_it() -> None:
    document = only(
        row(1, 11, "A", "1", "25.00", "1", "25.00"),
        row(2, 11, "B", "1", "10.00", "3", "30.00"),
        row(3, 11, "A", "1", "25.00", "2", "50.00"),
        row(4, 12, "A", "1", "25.00", "-2", "-50.00"),
        row(5, 12, "B", "1", "10.00", "-0.5", "-5.00"),
        PAID,
        CLOSE,
    )

    assert [("A", "1", "25.00"), ("B", "2.5", "25.00")] == shape(document)[2]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([row(1, 11, "A", "1", "60.00", "1", "60.00")], "its lines make 60.00 RUB, 50.00 RUB was paid"),
        ([row(1, 12, "A", "1", "60.00", "1", "60.00")], "takes back goods 'A' that are not in it"),
        ([row(1, 11, "A", "1", "60x", "1", "60.00")], "not a number: '60x'"),
    ],
)
def test_what_does_not_add_up_is_kept_for_a_person(rows: list[str], sentence: str) -> None:
    document = only(*rows, PAID, CLOSE)

    assert document.receipt is None
    assert sentence in document.problems[0]


def test_ways_of_paying_are_the_shops_own() -> None:
    rows = [
        row(1, 11, "A", "1", "50.00", "1", "50.00"),
        row(2, 41, "", "", "", "4", "20.00"),
        row(3, 41, "5", "", "", "2", "30.00"),
        CLOSE,
    ]

    assert [(TenderKind.OTHER, "20.00"), (TenderKind.CARD, "30.00")] == shape(only(*rows))[4]
    assert [(TenderKind.POINTS, "20.00"), (TenderKind.CARD, "30.00")] == shape(only(*rows, tenders={"4": "points"}))[4]


def test_several_tills_in_one_file_count_by_themselves() -> None:
    """Their lines are mixed, their numbers the same."""
    sale = [
        (1, 11, "A", "1", "50.00", "1", "50.00"),
        (2, 40, "", "", "0.00", "1", "50.00"),
        (3, 55, "", "", "0", "0", "50.00"),
    ]
    rows = [row(*one, till=till) for one in sale for till in ("1", "2")]  # type: ignore[arg-type]

    assert [("1", 3), ("2", 3)] == [(one.counter, one.number) for one in read(*rows)]
    assert [("2", 3)] == [(one.counter, one.number) for one in read(*rows, tills=("2",))]


def test_a_cancelled_receipt_is_passed_over() -> None:
    assert [] == read(row(1, 11, "A", "1", "50.00", "1", "50.00"), row(2, 56))


def test_a_receipt_that_is_not_closed_is_carried_over() -> None:
    first, second = book(), book(encoding="cp1251")
    begun = row(1, 11, "Ж", "1", "50.00", "1", "50.00")
    first.file("r").feed((HEADER + begun).encode("cp1251"))
    second.file("left").feed(first.unfinished())
    (closed,) = second.file("next").feed((HEADER + PAID + CLOSE).encode("cp1251"))

    assert [("Ж", "1", "50.00")] == shape(closed.read())[2]


def test_other_files_and_documents_without_end_are_said() -> None:
    other, endless = book().file("load.txt"), book().file("r.txt")
    other.feed(b"ID;name\r\n")
    endless.feed((HEADER + row(1, 300) + "<Document>\r\n").encode() + b"1;2\r\n" * 100_001)

    assert other.problem.startswith("load.txt, line 1: no report of Кассир")
    assert endless.problem.startswith("r.txt, line 100004: a <Document> has no end")


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


@given(step=st.integers(1, 400))
def test_the_twin_is_understood_in_any_pieces(step: int) -> None:
    twin = KassirReportTwin(None, TwinContext(key="k", zone=MOSCOW, currency="RUB"))
    data = twin.header() + twin.play(STORY)
    file = book().file("r")
    found = [one.read() for start in range(0, len(data), step) for one in file.feed(data[start : start + step])]

    assert [(DocumentKind.SALE, "506.46"), (DocumentKind.RETURN, "200.00")] == [shape(one)[:2] for one in found]
    assert (CARD,) == found[0].codes
