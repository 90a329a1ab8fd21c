"""What is given whatever is paid, and what comes after the sale, written as receipts."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from agent.loyalty import evaluate
from drivers.vocabulary.decision import CouponIssued
from tests.cases.receipt_case import Case, read_case, receipt_case

SURPRISE = """
programme
  coupon treat: uses 1
  treat: issues treat drawn {one_in} by averysecretkeyofours
receipt 2026-03-10 12:00
  Tea 1 x 100.00
customer
decision
  pays 100.00
"""


@receipt_case
def test_row_19_a_toy_for_every_full_amount(case: Case) -> None:
    """1 240.00 by 500.00: two, also without a card.

    programme
      toys: hands out toy per 500
    receipt 2026-03-01 12:00
      Groceries 1 x 1240.00
    decision
      pays 1240.00
      hands out toy x 2
    """


@receipt_case
def test_row_19_a_toy_counts_what_is_left_after_discounts(case: Case) -> None:
    """10 % off 1 100.00 leaves 990.00: one toy, and the explanation of a near miss is in money.

    programme
      ten: 10 % off
      toys: hands out toy per 500
      bears: hands out bear per 1000
    receipt 2026-03-01 12:00
      Groceries 1 x 1100.00
    decision
      Groceries -110.00 ten
      pays 990.00
      hands out toy x 1
      why bears: gift_not_yet
    """
    assert {"missing": "10.00 RUB"} == case.decision.explanations[-1].values


@receipt_case
def test_row_19_two_at_a_time_and_no_more_than_three_times(case: Case) -> None:
    """5 000.00 by 500.00 would be ten times.

    programme
      toys: hands out toy x 2 per 500 most 3
    receipt 2026-03-01 12:00
      Groceries 1 x 5000.00
    decision
      pays 5000.00
      hands out toy x 6
    """


@receipt_case
def test_tobacco_brings_no_gift(case: Case) -> None:
    """The law knows no gift with cigarettes.

    programme
      toys: hands out toy per 100
    receipt 2026-03-01 12:00
      Cigarettes 1 x 220.00: tobacco
    decision
      pays 220.00
      why toys: goods_excluded
    """


@receipt_case
def test_row_78_welcome_points(case: Case) -> None:
    """A hundred with the first purchase, whatever it costs; no multiplier touches them.

    programme
      unit bonus worth 1
      welcome: gives 100 bonus | purchase 1
      back: earns 5 % in bonus
      double: bonus x 2
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    customer purchases 0
    decision
      pays 100.00
      earns 100 bonus
      earns 10 bonus
    """


@receipt_case
def test_fixed_points_for_each_position_and_each_piece(case: Case) -> None:
    """Two positions, five whole pieces; 0.351 kg is no piece.

    programme
      unit bonus exponent 1 worth 1
      line: gives 0.5 bonus per position
      piece: gives 2 bonus per piece
    receipt 2026-03-01 12:00
      Jam 5 x 10.00
      Cheese 0.351 x 900.00
    customer
    decision
      pays 365.90
      earns 1.0 bonus
      earns 10.0 bonus
    """


@receipt_case
def test_fixed_points_live_as_long_as_written(case: Case) -> None:
    """From tomorrow through the end of the second day.

    programme
      unit bonus worth 1
      gift: gives 7 bonus | active after 1 | expires after 2
    receipt 2026-03-01 23:59
      Tea 1 x 100.00
    customer
    returns everything
    decision
      pays 100.00
      earns 7 bonus from 2026-03-02 00:00 until 2026-03-04 00:00
      return of 100.00 takes back 7 bonus
    """


@receipt_case
def test_fixed_points_are_a_customers(case: Case) -> None:
    """Nobody has no account.

    programme
      unit bonus worth 1
      gift: gives 7 bonus
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    decision
      pays 100.00
      why gift: no_customer
    """


@receipt_case
def test_row_93_winding_down_gives_no_fixed_points(case: Case) -> None:
    """No points of any kind.

    programme
      set earning false
      unit bonus worth 1
      gift: gives 7 bonus
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    customer
    decision
      pays 100.00
    """


@receipt_case
def test_row_53_miles_beside_bonuses(case: Case) -> None:
    """Two units on one receipt never mix.

    programme
      unit bonus worth 1
      unit mile
      back: earns 5 % in bonus
      fly: earns 1 mile per 30
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    customer
      mile 40
    points max
    decision
      pays 100.00
      earns 5 bonus
      earns 3 mile
    """


@receipt_case
def test_row_47_two_of_the_same(case: Case) -> None:
    """Two lines of one product are two of the same; one of another is not.

    programme
      unit bonus worth 1
      back: earns 10 % in bonus
      pair: bonus x 2 | same 2
    receipt 2026-03-01 12:00
      Soap 1 x 100.00: product soap
      Tea 1 x 100.00: product tea
      Soap 1 x 100.00: product soap
    customer
    decision
      pays 300.00
      earns 50 bonus
    """


@receipt_case
def test_row_47_two_that_are_not_the_same(case: Case) -> None:
    """And two lines that name no product are not known to be one.

    programme
      unit bonus worth 1
      back: earns 10 % in bonus
      pair: bonus x 2 | same 2
    receipt 2026-03-01 12:00
      Soap 1 x 100.00: product soap
      Tea 1 x 100.00: product tea
      Bag 1 x 100.00
      Bag 1 x 100.00
    customer
    decision
      pays 400.00
      earns 40 bonus
      why pair: not_for_goods
    """


@receipt_case
def test_row_91_a_membership_bought_as_a_product(case: Case) -> None:
    """Two pieces of thirty days, from today's midnight on.

    programme
      club: sells 30 days
    receipt 2026-03-01 12:00
      Membership 2 x 299.00: membership
    customer
    decision
      pays 598.00
      member until 2026-04-30 00:00
    """


@receipt_case
def test_row_91_a_membership_is_renewed_from_where_it_ends(case: Case) -> None:
    """Nothing of the old one is lost.

    programme
      club: sells 30 days
    receipt 2026-03-01 12:00
      Membership 1 x 299.00: membership
    customer member 2026-03-11 00:00
    decision
      pays 299.00
      member until 2026-04-10 00:00
    """


@receipt_case
def test_row_91_a_membership_needs_somebody(case: Case) -> None:
    """And a receipt without one grants none.

    programme
      club: sells 30 days
      more: sells 10 days | on tea
    receipt 2026-03-01 12:00
      Membership 1 x 299.00: membership
      Tea 1 x 10.00: tea
    decision
      pays 309.00
      why club: no_customer
      why more: no_customer
    """


@receipt_case
def test_row_99_a_coupon_for_next_time_is_not_for_this_time(case: Case) -> None:
    """It is issued, and its own rule stays closed.

    programme
      coupon again: uses 1
      thanks: issues again
      again: 10 % off | coupon again
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    decision
      pays 100.00
      issues again RMB5QVOXDRFFRIEC
      why again: coupon_not_presented
    """
    again = evaluate(case.programme, case.receipt, case.customer, case.now)

    assert case.decision == again


def test_row_83_a_surprise_is_the_same_however_often_one_asks() -> None:
    """Another receipt of the same day brings the same coupon; another day draws anew."""
    case = read_case(SURPRISE.format(one_in=1))
    other = replace(case.receipt, uid="sale-2")
    first, same, tomorrow = (
        next(effect.code for effect in decision.effects if isinstance(effect, CouponIssued))
        for decision in (
            case.decision,
            evaluate(case.programme, other, case.customer, case.now + timedelta(hours=3)),
            evaluate(case.programme, other, case.customer, case.now + timedelta(days=1)),
        )
    )

    assert first == same
    assert first != tomorrow


def test_row_83_one_in_so_many_win() -> None:
    """Of a thousand days, about a quarter."""
    case = read_case(SURPRISE.format(one_in=4))
    days = [
        evaluate(case.programme, case.receipt, case.customer, case.now + timedelta(days=day)) for day in range(1000)
    ]
    won = sum(any(isinstance(effect, CouponIssued) for effect in decision.effects) for decision in days)

    assert 200 <= won <= 300


def test_row_83_nobody_is_surprised_before_they_are_known() -> None:
    """Without a customer there is no draw."""
    case = read_case(SURPRISE.format(one_in=1))
    decision = evaluate(case.programme, case.receipt, None, case.now)

    assert ["no_customer"] == [one.code for one in decision.explanations]
