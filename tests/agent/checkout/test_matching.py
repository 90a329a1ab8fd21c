"""Which sale a print is, decided by totals and time alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from agent.checkout.observed.matching import match
from agent.checkout.records import AwaitingPrint, Open
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Receipt

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def rub(minor: int) -> Money:
    return Money(minor, "RUB")


def awaiting(uid: str, total: int, age_s: int) -> AwaitingPrint:
    return AwaitingPrint(uid=uid, total=rub(total), closed_at=NOW - timedelta(seconds=age_s))


def quoted(uid: str, total: int, discount: int, age_s: int) -> Open:
    decision = Decision(programme_version=1, total=rub(total), discount=rub(discount), payable=rub(total - discount))
    return Open(uid=uid, touched_at=NOW - timedelta(seconds=age_s), decision=decision)


def printed(total: int) -> Receipt:
    line_total = rub(total)
    from drivers.vocabulary.money import Quantity
    from drivers.vocabulary.receipt import Line

    line = Line(number=1, name="goods", quantity=Quantity.ONE, price=line_total, total=line_total)
    return Receipt(uid="p", kind=DocumentKind.SALE, total=line_total, lines=(line,))


def test_a_confirmed_sale_goes_before_a_quoted_one() -> None:
    """It can only be its print; the quote may still be waiting."""
    found = match(printed(900), [awaiting("a", 900, 5)], [quoted("q", 1000, 100, 5)], NOW)

    assert isinstance(found, AwaitingPrint)


def test_the_newest_of_equals_is_taken() -> None:
    """Two sales of one total: the last one is being printed."""
    found = match(printed(900), [], [quoted("old", 900, 0, 60), quoted("new", 1000, 100, 5)], NOW)

    assert isinstance(found, Open)
    assert "new" == found.uid


def test_another_total_or_an_old_sale_is_no_match() -> None:
    """Then the print is a sale of its own."""
    assert match(printed(901), [awaiting("a", 900, 5)], [quoted("q", 900, 0, 5)], NOW) is None
    assert match(printed(900), [awaiting("a", 900, 121)], [quoted("q", 900, 0, 901)], NOW) is None
