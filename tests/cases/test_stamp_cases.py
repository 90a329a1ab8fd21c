"""Points for goods, written as receipts."""

from __future__ import annotations

from tests.cases.receipt_case import Case, receipt_case


@receipt_case
def test_row_88_one_free_for_ten_stamps(case: Case) -> None:
    """Two for twenty-five stamps: the cheapest two pieces, wherever they stand.

    programme
      unit stamp
      free: one free for 10 stamp | on coffee
    receipt 2026-03-01 12:00
      Latte 2 x 250.00: coffee
      Espresso 1 x 120.00: coffee
      Cake 1 x 50.00
    customer
      stamp 25
    points max stamp
    returns everything
    decision
      Latte -250.00 free
      Espresso -120.00 free
      spends 20 stamp worth 370.00
      pays 300.00
      return of 300.00 gives back 20 stamp
    """


@receipt_case
def test_stamps_are_never_taken_unasked(case: Case) -> None:
    """It says how many could be.

    programme
      unit stamp
      free: one free for 10 stamp
    receipt 2026-03-01 12:00
      Latte 2 x 250.00
    customer
      stamp 25
    decision
      pays 500.00
      could spend 20 stamp
      why free: not_asked
    """


@receipt_case
def test_too_few_stamps_say_how_many_there_are(case: Case) -> None:
    """Nine of ten.

    programme
      unit stamp
      free: one free for 10 stamp
    receipt 2026-03-01 12:00
      Latte 2 x 250.00
    customer
      stamp 9
    points max stamp
    decision
      pays 500.00
      why free: points_missing
    """
    assert {"cost": "10", "have": "9", "unit": "stamp"} == case.decision.explanations[0].values


@receipt_case
def test_no_more_than_asked_allowed_and_written(case: Case) -> None:
    """Asked for 30, the till allows 25, the rule one piece.

    programme
      unit stamp
      free: one free for 10 stamp most 1
    receipt 2026-03-01 12:00
      Latte 5 x 250.00
    customer
      stamp 100
    points 30 stamp, limit 25
    decision
      Latte -250.00 free
      spends 10 stamp worth 250.00
      pays 1000.00
    """


@receipt_case
def test_a_piece_with_a_floor_is_not_given_away(case: Case) -> None:
    """Nor weighed goods, nor tobacco.

    programme
      unit stamp
      free: one free for 10 stamp
    receipt 2026-03-01 12:00
      Vodka 1 x 450.00: floor 409.00
      Cheese 0.351 x 900.00
      Cigarettes 1 x 220.00: tobacco
    customer
      stamp 100
    points max stamp
    decision
      pays 985.90
      why free: nothing_left
    """


@receipt_case
def test_stamps_beside_bonuses(case: Case) -> None:
    """Asking for stamps leaves the bonuses alone.

    programme
      unit stamp
      unit bonus worth 1
      free: one free for 10 stamp
      spend: spends bonus up to 50 %
      back: earns 10 % in bonus
    receipt 2026-03-01 12:00
      Latte 2 x 100.00
    customer
      stamp 10
      bonus 80
    points max stamp
    decision
      Latte -100.00 free
      spends 10 stamp worth 100.00
      pays 100.00
      earns 10 bonus
      why spend: not_asked
    """


@receipt_case
def test_a_free_coffee_earns_no_stamp(case: Case) -> None:
    """Three cups, one of them for ten stamps: two are stamped, and the cake is none.

    programme
      unit stamp
      cup: gives 1 stamp per piece | on coffee
      free: one free for 10 stamp | on coffee
    receipt 2026-03-01 12:00
      Latte 2 x 250.00: coffee
      Espresso 1 x 120.00: coffee
      Cake 1 x 50.00
    customer
      stamp 12
    points max stamp
    decision
      Espresso -120.00 free
      spends 10 stamp worth 120.00
      pays 550.00
      earns 2 stamp
    """


@receipt_case
def test_nothing_but_free_coffees_earns_no_stamp(case: Case) -> None:
    """Two of two are free; the line that has none left to pay is no position either.

    programme
      unit stamp
      cup: gives 1 stamp per piece
      row: gives 1 stamp per position
      free: one free for 10 stamp
    receipt 2026-03-01 12:00
      Latte 2 x 250.00
    customer
      stamp 20
    points max stamp
    decision
      Latte -500.00 free
      spends 20 stamp worth 500.00
      pays 0.00
      why cup: too_little
      why row: too_little
    """


@receipt_case
def test_a_position_with_one_free_cup_of_two_is_a_position(case: Case) -> None:
    """And cheese, 0.351 kg, is one too.

    programme
      unit stamp
      row: gives 3 stamp per position
      free: one free for 10 stamp
    receipt 2026-03-01 12:00
      Latte 2 x 250.00
      Cheese 0.351 x 899.00
    customer
      stamp 10
    points max stamp
    decision
      Latte -250.00 free
      spends 10 stamp worth 250.00
      pays 565.55
      earns 6 stamp
    """


@receipt_case
def test_a_cup_that_a_set_makes_free_is_stamped(case: Case) -> None:
    """Three for two is a price: three cups, three stamps.

    programme
      unit stamp
      cup: gives 1 stamp per piece
      third: 3 for 2
    receipt 2026-03-01 12:00
      Latte 3 x 250.00
    customer
    decision
      Latte -250.00 third
      pays 500.00
      earns 3 stamp
    """
