"""Rows of the list of mechanics that no other file of cases names, written as receipts."""

from __future__ import annotations

from tests.cases.receipt_case import Case, receipt_case


@receipt_case
def test_row_2_row_48_thirty_percent_of_a_receipt(case: Case) -> None:
    """1 240.00 at 30 %: 372 could be spent, and the share is why not more.

    programme
      unit bonus worth 1
      spend: spends bonus up to 30 %
    receipt 2026-03-01 12:00
      Coffee 1 x 1240.00
    customer
      bonus 1240
    points 900
    decision
      Coffee -372.00 points
      spends 372 bonus worth 372.00
      pays 868.00
      could spend 372 bonus
      why spend: points_spent
      why spend: capped_by_share
    """


@receipt_case
def test_row_15_row_38_what_applied_is_named(case: Case) -> None:
    """An automatic discount without a card or a code, under its rule's name with its amount.

    programme
      spring: 5 % off
    receipt 2026-03-01 12:00
      Tea 1 x 1240.00
    decision
      Tea -62.00 spring
      pays 1178.00
      why spring: applied
    """
    assert [{"amount": "62.00 RUB"}] == [why.values for why in case.decision.explanations]


@receipt_case
def test_row_17_row_40_a_return_reverses_points(case: Case) -> None:
    """300 points spent come back whole, what was earned goes.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
      spend: spends bonus up to 30 %
    receipt 2026-03-01 12:00
      Coffee 1 x 1240.00
    customer
      bonus 300
    points max
    returns everything
    decision
      Coffee -300.00 points
      spends 300 bonus worth 300.00
      pays 940.00
      earns 47 bonus
      return of 940.00 gives back 300 bonus and takes back 47 bonus
    """


@receipt_case
def test_row_18_the_last_day_of_a_promotion(case: Case) -> None:
    """One minute to midnight is still the day.

    programme
      spring: 10 % off | until 2026-03-01
    receipt 2026-03-01 23:59
      Tea 1 x 100.00
    decision
      Tea -10.00 spring
      pays 90.00
    """


@receipt_case
def test_row_18_the_day_after_a_promotion(case: Case) -> None:
    """Midnight is another day.

    programme
      spring: 10 % off | until 2026-03-01
    receipt 2026-03-02 00:00
      Tea 1 x 100.00
    decision
      pays 100.00
      why spring: over
    """


@receipt_case
def test_row_37_row_114_the_card_discount_needs_no_key(case: Case) -> None:
    """The level decides, as soon as the customer is known.

    programme
      tier silver from 5000
      tier gold from 10000
      card: off by tier silver 5, gold 10
    receipt 2026-03-01 12:00
      Coat 1 x 5000.00
    customer spent 10000
    decision
      Coat -500.00 card
      pays 4500.00
    """


@receipt_case
def test_row_45_row_46_the_soonest_points_pay_first_and_expired_ones_never(case: Case) -> None:
    """50 points ended at midnight; 100 of the others pay.

    programme
      unit bonus worth 1
      spend: spends bonus up to 100 %
    receipt 2026-03-01 00:00
      Tea 1 x 500.00
    customer
      bonus 50 until 2026-03-01 00:00
      bonus 100 until 2026-04-01 00:00
    points max
    decision
      Tea -100.00 points
      spends 100 bonus worth 100.00
      pays 400.00
    """


@receipt_case
def test_row_53_row_90_miles_by_level_beside_points(case: Case) -> None:
    """Gold doubles miles and leaves bonuses alone.

    programme
      tier silver from 5000
      tier gold from 10000
      unit bonus worth 1
      unit mile worth 0.1
      back: earns 1 % in bonus
      fly: earns 2 mile per 100
      silver: mile x 1.5 | tiers silver
      gold: mile x 2 | tiers gold
    receipt 2026-03-01 12:00
      Suitcase 1 x 3100.00
    customer spent 10000
    decision
      pays 3100.00
      earns 31 bonus
      earns 124 mile
    """


@receipt_case
def test_row_54_cashback_grows_with_spend(case: Case) -> None:
    """3 % up to the level of 2 000, 5 % from it on; the threshold itself is enough.

    programme
      tier more from 2000
      unit cash worth 1
      cashback: earns 3 %, more 5 in cash
    receipt 2026-03-01 12:00
      Lamp 1 x 1000.00
    customer spent 2000
    decision
      pays 1000.00
      earns 50 cash
    """


@receipt_case
def test_row_58_a_pilot_in_one_store(case: Case) -> None:
    """The pilot store has it, another has not.

    programme
      pilot: 10 % off | stores north
    receipt 2026-03-01 12:00, store south
      Tea 1 x 100.00
    decision
      pays 100.00
      why pilot: not_this_store
    """


@receipt_case
def test_row_75_the_winner_is_named(case: Case) -> None:
    """Two cards on one customer: the better one wins, the other says who beat it.

    programme
      group cards: best
      gold: 10 % off the receipt | group cards
      staff: 7 % off the receipt | group cards
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    decision
      Tea -10.00 gold
      pays 90.00
      why staff: beaten
    """
    assert [{"by": "gold", "amount": "7.00 RUB"}] == [
        why.values for why in case.decision.explanations if why.rule == "staff"
    ]


@receipt_case
def test_row_92_a_programme_without_rules_decides_nothing(case: Case) -> None:
    """A paused programme does not stand in the way of a sale.

    programme
      unit bonus worth 1
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    customer
      bonus 100
    points max
    decision
      pays 100.00
    """


@receipt_case
def test_row_93_winding_down_spends_and_earns_nothing(case: Case) -> None:
    """`earning = false` keeps spending open.

    programme
      set earning false
      unit bonus worth 1
      back: earns 5 % in bonus
      spend: spends bonus up to 100 %
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    customer
      bonus 40
    points max
    decision
      Tea -40.00 points
      spends 40 bonus worth 40.00
      pays 60.00
    """


@receipt_case
def test_row_105_all_of_a_purchase_within_ninety_days(case: Case) -> None:
    """3 % back, spendable through the 90th day, and 100 % of a purchase may be paid.

    programme
      unit cash worth 1
      cashback: earns 3 % in cash | expires after 90
      spend: spends cash up to 100 %
    receipt 2026-03-01 12:00
      Dress 1 x 1000.00
    customer
      cash 400
    points max
    decision
      Dress -400.00 points
      spends 400 cash worth 400.00
      pays 600.00
      earns 18 cash until 2026-05-31 00:00
    """


@receipt_case
def test_row_113_club_goods_earn_more(case: Case) -> None:
    """Goods of the club earn three times as much as the rest.

    programme
      unit bonus worth 1
      back: earns 2 % in bonus
      club: bonus x 3 | on club
    receipt 2026-03-01 12:00
      Kettle 1 x 2000.00: club
      Cable 1 x 500.00
    customer
    decision
      pays 2500.00
      earns 130 bonus
    """
