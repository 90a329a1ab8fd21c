"""Lots at the store's midnights, written as receipts."""

from __future__ import annotations

from tests.cases.receipt_case import Case, receipt_case


@receipt_case
def test_row_46_lots_expiring_today_at_midnight_are_spent_before_it(case: Case) -> None:
    """23:59 in Moscow: the last minute.

    programme
      unit bonus worth 1
      spend: spends bonus up to 100 %
    receipt 2026-05-31 23:59
      Tea 1 x 100.00
    customer
      bonus 60 until 2026-06-01 00:00
      bonus 5
    points max
    decision
      Tea -65.00 points
      spends 65 bonus worth 65.00
      pays 35.00
    """


@receipt_case
def test_row_46_at_midnight_they_are_gone(case: Case) -> None:
    """00:00 in Moscow, still yesterday by UTC.

    programme
      unit bonus worth 1
      spend: spends bonus up to 100 %
    receipt 2026-06-01 00:00
      Tea 1 x 100.00
    customer
      bonus 60 until 2026-06-01 00:00
      bonus 5
    points max
    decision
      Tea -5.00 points
      spends 5 bonus worth 5.00
      pays 95.00
    """
    assert 31 == case.now.utctimetuple().tm_mday


@receipt_case
def test_row_46_midnight_is_the_stores_own(case: Case) -> None:
    """In Vladivostok the day ends seven hours before Moscow's.

    programme
      set zone Asia/Vladivostok
      unit bonus worth 1
      spend: spends bonus up to 100 %
      back: earns 10 % in bonus | expires after 1
    receipt 2026-05-31 23:59
      Tea 1 x 100.00
    customer
      bonus 60 until 2026-06-01 00:00
    points max
    decision
      Tea -60.00 points
      spends 60 bonus worth 60.00
      pays 40.00
      earns 4 bonus until 2026-06-02 00:00
    """
    assert (31, 13) == (case.now.utctimetuple().tm_mday, case.now.utctimetuple().tm_hour)


@receipt_case
def test_each_kind_of_points_has_its_own_life(case: Case) -> None:
    """Welcome points live a week, bonuses ninety days, miles for ever.

    programme
      unit bonus worth 1
      unit mile
      welcome: gives 50 bonus | purchase 1 | expires after 7
      back: earns 5 % in bonus | active after 14 | expires after 90
      fly: earns 1 mile per 100
    receipt 2026-03-01 12:00
      Tea 1 x 1000.00
    customer purchases 0
    decision
      pays 1000.00
      earns 50 bonus until 2026-03-09 00:00
      earns 50 bonus from 2026-03-15 00:00 until 2026-05-31 00:00
      earns 10 mile
    """


@receipt_case
def test_29_february_is_a_day_like_any_other(case: Case) -> None:
    """A year of 365 days from 28 February 2028 ends on 27 February 2029.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus | active after 1 | expires after 365
    receipt 2028-02-28 12:00
      Tea 1 x 1000.00
    customer
    decision
      pays 1000.00
      earns 50 bonus from 2028-02-29 00:00 until 2029-02-28 00:00
    """


@receipt_case
def test_points_earned_on_29_february_live_a_year(case: Case) -> None:
    """365 days after 29 February 2028 is 28 February 2029, through its end; the promotion of that day is on.

    programme
      unit bonus worth 1
      leap: 29 % off | from 2028-02-29 | until 2028-02-29
      back: earns 10 % in bonus | expires after 365
    receipt 2028-02-29 23:59
      Tea 1 x 100.00
    customer
    decision
      Tea -29.00 leap
      pays 71.00
      earns 7 bonus until 2029-03-01 00:00
    """


@receipt_case
def test_a_lot_that_ends_with_29_february(case: Case) -> None:
    """Good through the leap day: on 1 March at 00:00 only the other one is left.

    programme
      unit bonus worth 1
      spend: spends bonus up to 100 %
    receipt 2028-02-29 23:59
      Tea 1 x 100.00
    customer
      bonus 60 until 2028-03-01 00:00
      bonus 30 until 2028-02-29 00:00
    points max
    decision
      Tea -60.00 points
      spends 60 bonus worth 60.00
      pays 40.00
    """
