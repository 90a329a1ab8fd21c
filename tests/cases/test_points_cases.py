"""Points earned and spent, written as receipts."""

from __future__ import annotations

from tests.cases.receipt_case import Case, receipt_case


@receipt_case
def test_points_are_rounded_down_once(case: Case) -> None:
    """5 % of 19.90 and 19.90 is 1.99: one bonus, not none and not two.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
    receipt 2026-03-01 12:00
      Milk 1 x 19.90
      Bread 1 x 19.90
    customer
    decision
      pays 39.80
      earns 1 bonus
    """


@receipt_case
def test_a_point_for_every_full_ten_roubles(case: Case) -> None:
    """109.99 makes 10.

    programme
      unit point
      base: earns 1 point per 10
    receipt 2026-03-01 12:00
      Milk 1 x 109.99
    customer
    decision
      pays 109.99
      earns 10 point
    """


@receipt_case
def test_multiply_first_and_round_once(case: Case) -> None:
    """19.99 × 5 % × 1.5 is 1.49925 bonuses with two places: 1.49, where rounding first would make 1.48.

    programme
      unit bonus exponent 2 worth 1
      back: earns 5 % in bonus
      more: bonus x 1.5
    receipt 2026-03-01 12:00
      Milk 1 x 19.99
    customer
    decision
      pays 19.99
      earns 1.49 bonus
    """


@receipt_case
def test_double_points_on_some_goods(case: Case) -> None:
    """Only dairy counts twice: 5 % of 100 and of 2 × 100.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
      twice: bonus x 2 | on dairy
    receipt 2026-03-01 12:00
      Bread 1 x 100.00
      Milk 1 x 100.00: dairy
    customer
    decision
      pays 200.00
      earns 15 bonus
    """


@receipt_case
def test_multipliers_multiply_unless_they_are_grouped(case: Case) -> None:
    """×2 and ×3 make ×6 when they stack, and ×3 when the best counts.

    programme
      unit bonus worth 1
      unit mile worth 1
      group best: best
      back: earns 10 % in bonus
      fly: earns 10 % in mile
      b2: bonus x 2
      b3: bonus x 3
      m2: mile x 2 | group best
      m3: mile x 3 | group best | on far
    receipt 2026-03-01 12:00
      Ticket 1 x 100.00
    customer
    decision
      pays 100.00
      earns 60 bonus
      earns 20 mile
      why m3: not_for_goods
    """


@receipt_case
def test_the_rate_of_the_tier(case: Case) -> None:
    """Gold earns 7 %, others 3 %.

    programme
      unit bonus worth 1
      tier gold from 10000
      back: earns gold 7, 3 in bonus
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer spent 10000
    decision
      pays 100.00
      earns 7 bonus
    """


@receipt_case
def test_points_are_earned_on_what_is_paid(case: Case) -> None:
    """10 % off and 30 bonuses spent: 5 % of 60.00.

    programme
      unit bonus worth 1
      ten: 10 % off
      back: earns 5 % in bonus
      spend: spends bonus up to 50 %
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
      bonus 30
    points max
    decision
      Milk -10.00 ten
      Milk -30.00 points
      spends 30 bonus worth 30.00
      pays 60.00
      earns 3 bonus
    """


@receipt_case
def test_tobacco_earns_nothing(case: Case) -> None:
    """Only the bread earns.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
    receipt 2026-03-01 12:00
      Cigarettes 1 x 200.00: tobacco
      Bread 1 x 100.00
    customer
    decision
      pays 300.00
      earns 5 bonus
    """


@receipt_case
def test_tobacco_earns_where_the_programme_says_so(case: Case) -> None:
    """The owner may allow earning, and nothing else.

    programme
      set tobacco_earns true
      unit bonus worth 1
      back: earns 5 % in bonus
      spend: spends bonus up to 100 %
    receipt 2026-03-01 12:00
      Cigarettes 1 x 200.00: tobacco
    customer
      bonus 50
    points max
    decision
      pays 200.00
      earns 10 bonus
      why spend: goods_excluded
    """


@receipt_case
def test_flags_of_a_line(case: Case) -> None:
    """What may not be bought with points still earns, and the other way round.

    programme
      unit bonus worth 1
      back: earns 10 % in bonus
      spend: spends bonus up to 100 %
    receipt 2026-03-01 12:00
      Gift 1 x 100.00: no_redemption
      Lottery 1 x 50.00: no_earning
    customer
      bonus 500
    points max
    decision
      Lottery -50.00 points
      spends 50 bonus worth 50.00
      pays 100.00
      earns 10 bonus
    """


@receipt_case
def test_nobody_earns_nothing(case: Case) -> None:
    """Without a customer there is nobody to give points to.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    decision
      pays 100.00
      why back: no_customer
    """


@receipt_case
def test_too_little_for_one_point(case: Case) -> None:
    """5 % of 19.99 is less than one bonus.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
    receipt 2026-03-01 12:00
      Milk 1 x 19.99
    customer
    decision
      pays 19.99
      why back: too_little
    """


@receipt_case
def test_ninety_days_end_at_midnight_in_the_store(case: Case) -> None:
    """Bought on the 1st of March in Bangkok: active from the 2nd, spendable through the 30th of May.

    programme
      set zone Asia/Bangkok
      unit bonus worth 1
      back: earns 5 % in bonus | active after 1 | expires after 90
    receipt 2026-03-01 23:59
      Milk 1 x 100.00
    customer
    decision
      pays 100.00
      earns 5 bonus from 2026-03-02 00:00 until 2026-05-31 00:00
    """


@receipt_case
def test_spending_up_to_a_share(case: Case) -> None:
    """30 % of 1 240.00 is 372.

    programme
      unit bonus worth 1
      spend: spends bonus up to 30 %
    receipt 2026-03-01 12:00
      Milk 1 x 1240.00
    customer
      bonus 1240
    points max
    decision
      Milk -372.00 points
      spends 372 bonus worth 372.00
      pays 868.00
      could spend 372 bonus
    """


@receipt_case
def test_the_cap_is_rounded_down_to_whole_points_and_steps(case: Case) -> None:
    """30 % of 333.33 is 99.99: 99 points, 90 in tens.

    programme
      unit bonus worth 1
      spend: spends bonus up to 30 % | step 10
    receipt 2026-03-01 12:00
      Milk 1 x 333.33
    customer
      bonus 500
    points max
    decision
      Milk -90.00 points
      spends 90 bonus worth 90.00
      pays 243.33
      could spend 90 bonus
    """


@receipt_case
def test_asking_for_more_than_allowed_is_capped(case: Case) -> None:
    """Over the limit is not an error: the rules decide and say why.

    programme
      unit bonus worth 1
      spend: spends bonus up to 30 %
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
      bonus 500
    points 70
    decision
      Milk -30.00 points
      spends 30 bonus worth 30.00
      pays 70.00
      why spend: points_spent
      why spend: capped_by_share
    """


@receipt_case
def test_asking_for_less_is_heeded(case: Case) -> None:
    """The customer decides how many.

    programme
      unit bonus worth 1
      spend: spends bonus up to 30 %
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
      bonus 500
    points 12
    decision
      Milk -12.00 points
      spends 12 bonus worth 12.00
      pays 88.00
      could spend 30 bonus
    """


@receipt_case
def test_fewer_than_the_least_are_not_spent(case: Case) -> None:
    """40 on the account, 50 at least: none, with the reason.

    programme
      unit bonus worth 1
      spend: spends bonus up to 30 % | least 50
    receipt 2026-03-01 12:00
      Milk 1 x 1000.00
    customer
      bonus 40
    points max
    decision
      pays 1000.00
      could spend 0 bonus
      why spend: below_least
    """


@receipt_case
def test_nothing_is_spent_unasked(case: Case) -> None:
    """The till is told how many could be.

    programme
      unit bonus worth 1
      spend: spends bonus up to 30 %
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
      bonus 500
    decision
      pays 100.00
      could spend 30 bonus
      why spend: not_asked
    """


@receipt_case
def test_points_respect_the_floor(case: Case) -> None:
    """Vodka gives 41 of its price, bread all of its own.

    programme
      unit bonus worth 1
      spend: spends bonus up to 100 %
    receipt 2026-03-01 12:00
      Vodka 1 x 450.00: alcohol, floor 409.00
      Bread 1 x 50.00
    customer
      bonus 500
    points max
    decision
      Vodka -41.00 points
      Bread -50.00 points
      spends 91 bonus worth 91.00
      pays 409.00
      why spend: points_spent
    """


@receipt_case
def test_discount_and_points_share_the_floor(case: Case) -> None:
    """What a discount has taken, points cannot take again.

    programme
      unit bonus worth 1
      five: 5 % off
      spend: spends bonus up to 100 %
    receipt 2026-03-01 12:00
      Vodka 1 x 450.00: alcohol, floor 409.00
    customer
      bonus 500
    points max
    decision
      Vodka -22.50 five
      Vodka -18.00 points
      spends 18 bonus worth 18.00
      pays 409.50
    """


@receipt_case
def test_points_as_a_payment_leave_the_price(case: Case) -> None:
    """Nothing is taken off the lines, and what points paid earns nothing.

    programme
      unit bonus worth 1
      back: earns 10 % in bonus
      spend: spends bonus up to 50 % | tender
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
      bonus 500
    points max
    decision
      spends 50 bonus worth 50.00
      pays 50.00
      earns 5 bonus
    """


@receipt_case
def test_a_receipt_that_spends_earns_nothing(case: Case) -> None:
    """Where the programme says so.

    programme
      unit bonus worth 1
      back: earns 10 % in bonus
      spend: spends bonus up to 50 % | earns_nothing
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
      bonus 10
    points max
    decision
      Milk -10.00 points
      spends 10 bonus worth 10.00
      pays 90.00
      why back: points_were_spent
    """


@receipt_case
def test_the_till_allows_less_without_a_line(case: Case) -> None:
    """The caller's own cap decides, and its reason is told.

    programme
      unit bonus worth 1
      spend: spends bonus up to 50 %
    receipt 2026-03-01 12:00
      Milk 1 x 1000.00
    customer
      bonus 400
    points 300, limit 200 offline_cap
    decision
      Milk -200.00 points
      spends 200 bonus worth 200.00
      pays 800.00
      could spend 200 bonus
      why spend: points_spent
      why spend: offline_cap
    """


@receipt_case
def test_points_that_expired_at_midnight(case: Case) -> None:
    """At the stroke of midnight in the store the lot is gone.

    programme
      unit bonus worth 1
      spend: spends bonus up to 100 %
    receipt 2026-03-02 00:00
      Milk 1 x 100.00
    customer
      bonus 40 until 2026-03-02 00:00
      bonus 7
    points max
    decision
      Milk -7.00 points
      spends 7 bonus worth 7.00
      pays 93.00
    """


@receipt_case
def test_points_in_their_last_minute(case: Case) -> None:
    """One minute before midnight they are good.

    programme
      unit bonus worth 1
      spend: spends bonus up to 100 %
    receipt 2026-03-01 23:59
      Milk 1 x 100.00
    customer
      bonus 40 until 2026-03-02 00:00
      bonus 7
    points max
    decision
      Milk -47.00 points
      spends 47 bonus worth 47.00
      pays 53.00
    """


@receipt_case
def test_points_not_active_yet(case: Case) -> None:
    """Tomorrow's points are not today's.

    programme
      unit bonus worth 1
      spend: spends bonus up to 100 %
    receipt 2026-03-01 23:59
      Milk 1 x 100.00
    customer
      bonus 40 from 2026-03-02 00:00
      bonus 7
    points max
    decision
      Milk -7.00 points
      spends 7 bonus worth 7.00
      pays 93.00
    """


@receipt_case
def test_a_deficit_is_counted(case: Case) -> None:
    """50 on the account and 20 owed are 30.

    programme
      unit bonus worth 1
      spend: spends bonus up to 100 %
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
      bonus 50
      owes 20 bonus
    points max
    decision
      Milk -30.00 points
      spends 30 bonus worth 30.00
      pays 70.00
    """


@receipt_case
def test_a_debtor_buys_like_anybody(case: Case) -> None:
    """A deficit never blocks a sale; it only leaves nothing to spend.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
      spend: spends bonus up to 100 %
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
      owes 20 bonus
    points max
    decision
      pays 100.00
      earns 5 bonus
      could spend 0 bonus
      why spend: capped_by_balance
    """


@receipt_case
def test_points_of_this_receipt_are_not_spent_on_it(case: Case) -> None:
    """An empty account earns and cannot spend.

    programme
      unit bonus worth 1
      back: earns 50 % in bonus
      spend: spends bonus up to 100 %
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
    points max
    decision
      pays 100.00
      earns 50 bonus
      could spend 0 bonus
    """


@receipt_case
def test_fourteen_points_are_a_rouble(case: Case) -> None:
    """100 points are worth 7.142 roubles: 7.14.

    programme
      unit point worth 1 worth_points 14
      spend: spends point up to 100 %
    receipt 2026-03-01 12:00
      Milk 1 x 50.00
    customer
      point 100
    points max
    decision
      Milk -7.14 points
      spends 100 point worth 7.14
      pays 42.86
    """


@receipt_case
def test_points_shared_over_lines_by_what_is_left(case: Case) -> None:
    """10.00 over 33.33, 33.33 and 33.34.

    programme
      unit bonus worth 1
      spend: spends bonus up to 10 %
    receipt 2026-03-01 12:00
      A 1 x 33.33
      B 1 x 33.33
      C 1 x 33.34
    customer
      bonus 500
    points max
    decision
      A -3.33 points
      B -3.33 points
      C -3.34 points
      spends 10 bonus worth 10.00
      pays 90.00
    """


@receipt_case
def test_return_of_one_of_three(case: Case) -> None:
    """A third of 10 is 3, twice a third is 6, and the last part takes the remainder.

    programme
      unit bonus worth 1
      back: earns 10 % in bonus
      spend: spends bonus up to 100 %
    receipt 2026-03-01 12:00
      Milk 3 x 40.00
    customer
      bonus 500
    points 20
    returns Milk 1
    returns Milk 1
    returns Milk 1
    decision
      Milk -20.00 points
      spends 20 bonus worth 20.00
      pays 100.00
      earns 10 bonus
      return of 33.33 gives back 6 bonus and takes back 3 bonus
      return of 33.33 gives back 7 bonus and takes back 3 bonus
      return of 33.33 gives back 7 bonus and takes back 4 bonus
    """


@receipt_case
def test_return_of_everything(case: Case) -> None:
    """All that was spent comes back, all that was earned goes.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
      spend: spends bonus up to 30 %
    receipt 2026-03-01 12:00
      Milk 1 x 1240.00
    customer
      bonus 300
    points max
    returns everything
    returns everything
    decision
      Milk -300.00 points
      spends 300 bonus worth 300.00
      pays 940.00
      earns 47 bonus
      return of 940.00 gives back 300 bonus and takes back 47 bonus
      return of 940.00 moves no points
    """


@receipt_case
def test_return_of_half_the_receipt(case: Case) -> None:
    """By money: 75.00 of 150.00.

    programme
      unit bonus worth 1
      back: earns 47 % in bonus
    receipt 2026-03-01 12:00
      Milk 1 x 75.00
      Tea 1 x 75.00
    customer
    returns Tea
    decision
      pays 150.00
      earns 70 bonus
      return of 75.00 takes back 35 bonus
    """


@receipt_case
def test_return_of_what_points_paid_wholly(case: Case) -> None:
    """No money was paid, so goods are counted: one of two gives half back.

    programme
      unit bonus worth 1
      spend: spends bonus up to 100 %
    receipt 2026-03-01 12:00
      Milk 2 x 50.00
    customer
      bonus 500
    points max
    returns Milk 1
    returns Milk 1
    decision
      Milk -100.00 points
      spends 100 bonus worth 100.00
      pays 0.00
      return of 0.00 gives back 50 bonus
      return of 0.00 gives back 50 bonus
    """
