"""What receipts do to lots: spending, deficits, returns, holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from central import schema
from central.accounts import customer_documents, imbalances
from central.errors import Refusal
from central.holds import grant_hold
from central.totals import read_totals
from drivers.vocabulary import codec
from drivers.vocabulary.centre import HoldWanted
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.facts import HoldReleased

DATABASES = ("sqlite", "postgresql")


def shown(centre: Any, name: str = "anna") -> Customer:
    with centre.database.read() as connection:
        assert [] == imbalances(connection)
        return codec.decode(dict(customer_documents(connection, [name]))[name], Customer)


def balance(centre: Any, name: str = "anna") -> int:
    customer = shown(centre, name)
    return sum(lot.amount for lot in customer.lots) - sum(customer.deficits.values())


def hold(centre: Any, uid: str, points: int, *, till: str = "t1", ttl_s: int = 900) -> Any:
    wanted = HoldWanted(receipt_uid=uid, customer_id="anna", unit="bonus", points=points, ttl_s=ttl_s)
    with centre.database.write() as connection:
        return grant_hold(connection, wanted, till=till, new_id=f"h-{till}-{uid}", now=centre.now)


def test_a_sale_spends_the_lot_that_expires_first(centre: Any, words: Any) -> None:
    """The earned lot expires, the opening one never does."""
    pen = words.Pen()
    soon = words.NOON + timedelta(days=90)
    centre.take(pen.write(words.sale("r1", earn=40, expires_at=soon)), pen.write(words.sale("r2", spend=50)))

    assert {"opening:bonus": 90} == {lot.id: lot.amount for lot in shown(centre).lots}


def test_spending_more_than_there_is_leaves_a_deficit_that_is_paid_first(centre: Any, words: Any) -> None:
    """Two tills offline promised the same points; the sale stood, the debt is carried."""
    pen = words.Pen()
    centre.take(pen.write(words.sale("r1", spend=130)))

    assert {"bonus": 30} == shown(centre).deficits

    centre.take(pen.write(words.sale("r2", earn=50)))

    assert ({}, 20) == (shown(centre).deficits, balance(centre))


def test_money_spent_is_counted_and_given_back(centre: Any, words: Any) -> None:
    """Cumulative spending follows sales and returns."""
    pen = words.Pen()
    centre.take(pen.write(words.sale("r1", minor=10_000)), pen.write(words.sale("r2", minor=5_000)))
    assert words.rub(15_000) == shown(centre).spent

    centre.take(pen.write(words.refund("x1", "r2", minor=5_000)))
    assert words.rub(10_000) == shown(centre).spent


def test_sale_and_full_return_is_the_identity(centre: Any, words: Any) -> None:
    """Lots come back as they were, with their own expiry."""
    pen = words.Pen()
    soon = words.NOON + timedelta(days=10)
    centre.take(pen.write(words.sale("r0", earn=40, expires_at=soon)))
    before = shown(centre)
    centre.take(pen.write(words.sale("r1", spend=60, earn=7)), pen.write(words.refund("x1", "r1")))

    assert sorted(before.lots, key=lambda lot: lot.id) == sorted(shown(centre).lots, key=lambda lot: lot.id)


@pytest.mark.parametrize("parts", [[5_000, 5_000], [3_333, 3_333, 3_334], [1, 9_999], [9_999, 1]])
def test_any_partition_of_a_return_ends_where_the_whole_does(centre: Any, words: Any, parts: list[int]) -> None:
    """The last part takes the remainder."""
    pen = words.Pen()
    centre.take(pen.write(words.sale("r1", spend=61, earn=7)))
    lines = [pen.write(words.refund(f"x{place}", "r1", minor=minor)) for place, minor in enumerate(parts)]
    centre.take(*lines)

    assert (100, {}) == (balance(centre), shown(centre).deficits)


def test_a_return_never_gives_more_than_the_sale_took(centre: Any, words: Any) -> None:
    """Two tills each return the whole sale; the second finds nothing left to give or take."""
    one, two = words.Pen(), words.Pen(till="t2")
    centre.take(one.write(words.sale("r1", spend=60, earn=7)))
    stated = {"points_given_back": {"bonus": 60}, "points_taken_back": {"bonus": 7}}
    centre.take(one.write(words.refund("x1", "r1", by_centre=False, customer="anna", **stated)))
    centre.take(two.write(words.refund("x2", "r1", by_centre=False, customer="anna", **stated)), till="t2")

    assert 100 == balance(centre)


def test_a_return_waits_for_its_sale(centre: Any, words: Any) -> None:
    """The sale's till was offline; when its envelope comes, the return is settled in the same transaction."""
    here, there = words.Pen(), words.Pen(till="t2")
    answer = centre.take(here.write(words.refund("x1", "r1")))
    assert "waits for its sale" == answer.verdicts[0].reason
    with centre.database.read() as connection:
        assert 1 == read_totals(connection).waiting

    centre.take(there.write(words.sale("r1", spend=60, earn=7)), till="t2")
    assert 100 == balance(centre)
    with centre.database.read() as connection:
        assert 0 == read_totals(connection).waiting


def test_a_return_before_its_sale_in_one_batch_is_settled(centre: Any, words: Any) -> None:
    """Order inside a batch does not matter for the result."""
    pen = words.Pen()
    centre.take(pen.write(words.refund("x1", "r1")), pen.write(words.sale("r1", spend=60, earn=7)))

    assert 100 == balance(centre)


def test_a_return_without_a_sale_is_kept_for_a_person(centre: Any, words: Any) -> None:
    """Nothing is guessed."""
    answer = centre.take(words.Pen().write(words.refund("x1", None, customer="anna")))

    assert "names no sale; kept for a person" == answer.verdicts[0].reason
    assert 100 == balance(centre)


def test_a_return_the_till_settled_is_done_as_told_when_the_sale_is_not_here(centre: Any, words: Any) -> None:
    """The customer was told so."""
    stated = {"points_given_back": {"bonus": 10}, "points_taken_back": {"bonus": 4}}
    fact = words.refund("x1", "old", by_centre=False, customer="anna", **stated)
    centre.take(words.Pen().write(fact))

    assert 106 == balance(centre)


def test_a_lot_long_expired_is_written_off_with_an_entry(centre: Any, words: Any) -> None:
    """The customer's document does not grow for ever, and the ledger still adds up."""
    pen = words.Pen()
    centre.take(pen.write(words.sale("r1", earn=40, expires_at=words.NOON + timedelta(days=1))))
    centre.now = words.NOON + timedelta(days=60)
    centre.take(pen.write(words.sale("r2", earn=1), occurred_at=centre.now))

    assert 101 == balance(centre)


def test_points_spent_in_time_count_though_the_envelope_came_late(centre: Any, words: Any) -> None:
    """The till was offline while the lot expired; the moment of the sale decides."""
    pen = words.Pen()
    centre.take(pen.write(words.sale("r1", earn=40, expires_at=words.NOON + timedelta(hours=1))))
    centre.now = words.NOON + timedelta(days=2)
    centre.take(pen.write(words.sale("r2", spend=140), occurred_at=words.NOON + timedelta(minutes=30)))

    assert ({}, 0) == (shown(centre).deficits, balance(centre))


def test_holds_are_all_or_none(centre: Any) -> None:
    """The free remainder is the balance less the open holds."""
    assert 70 == hold(centre, "r1", 70).points
    refused = hold(centre, "r2", 31)
    assert (0, "balance") == (refused.points, refused.reason)
    assert 30 == hold(centre, "r2", 30, till="t2").points


def test_a_repeated_hold_is_the_same_hold(centre: Any) -> None:
    """A lost answer reserves nothing twice; other points change the hold."""
    first = hold(centre, "r1", 70)
    assert first == hold(centre, "r1", 70)
    changed = hold(centre, "r1", 90)
    assert (first.id, 90) == (changed.id, changed.points)
    assert 0 == hold(centre, "r1", 101).points
    assert 10 == hold(centre, "r2", 10).points


def test_an_expired_hold_is_free_again(centre: Any) -> None:
    """A till that died frees what it held."""
    hold(centre, "r1", 100, ttl_s=60)
    centre.now += timedelta(seconds=61)
    assert 100 == hold(centre, "r2", 100).points


def test_a_confirmed_receipt_captures_its_hold(centre: Any, words: Any) -> None:
    """The points are spent, not reserved any more; the receipt cannot be held again."""
    granted = hold(centre, "r1", 70)
    centre.take(words.Pen().write(words.sale("r1", spend=70, hold=granted.id)))

    assert 30 == hold(centre, "r2", 30).points
    with pytest.raises(Refusal, match="closed already"):
        hold(centre, "r1", 1)


def test_a_released_hold_is_free_again(centre: Any, words: Any) -> None:
    """The sale did not happen."""
    granted = hold(centre, "r1", 100)
    centre.take(words.Pen().write(HoldReleased(receipt_uid="r1", hold=granted.id)))

    assert 100 == hold(centre, "r2", 100).points


def test_goods_returned_twice_lower_the_money_spent_once(centre: Any, words: Any) -> None:
    """Two tills, one receipt on paper: no points and no level are lost a second time."""
    pen, other = words.Pen("t1"), words.Pen("t2")
    centre.take(pen.write(words.sale("r-1", minor=10_000)), pen.write(words.sale("r-2", minor=5_000)))
    centre.take(pen.write(words.refund("b-1", "r-1", minor=10_000)))
    centre.take(other.write(words.refund("b-2", "r-1", minor=10_000)), till="t2")

    with centre.database.read() as connection:
        spent = connection.scalar(select(schema.customer.c.spent_minor).where(schema.customer.c.id == "anna"))
    assert 5_000 == spent
