"""Counters of a period, and limits of what one customer may have, written as receipts."""

from __future__ import annotations

from tests.cases.receipt_case import Case, receipt_case


@receipt_case
def test_row_100_a_discount_for_volume_in_a_month(case: Case) -> None:
    """5 000 in the month is enough for this receipt; what it adds counts for the next one.

    programme
      counter month_spent: money month
      more: 5 % off | counter month_spent from 5000
    receipt 2026-11-22 12:00
      Flour 1 x 1000.00
    customer
      counter month_spent 5000 until 2026-12-01 00:00
    decision
      Flour -50.00 more
      pays 950.00
      counts month_spent 950.00 until 2026-12-01 00:00
    """


@receipt_case
def test_row_100_row_107_progress_in_a_month_as_a_hint(case: Case) -> None:
    """3 200 of 5 000, this receipt included.

    programme
      counter month_spent: money month
      more: 5 % off | counter month_spent from 5000
    receipt 2026-11-22 12:00
      Flour 1 x 1000.00
    customer
      counter month_spent 2200 until 2026-12-01 00:00
    decision
      pays 1000.00
      counts month_spent 1000.00 until 2026-12-01 00:00
      hint more: 1,800.00 RUB more through 2026-11-30 → 5 % off (3,200.00 RUB of 5,000.00 RUB)
      why more: counter_below
    """
    assert {"have": "3200.00 RUB", "need": "5000.00 RUB", "missing": "1800.00 RUB"}.items() <= dict(
        case.decision.hints[0].values
    ).items()


@receipt_case
def test_row_100_at_the_end_of_the_month_it_starts_again(case: Case) -> None:
    """At the very moment the period is over, nothing of it counts.

    programme
      counter month_spent: money month
      more: 5 % off | counter month_spent from 5000
    receipt 2026-12-01 00:00
      Flour 1 x 100.00
    customer
      counter month_spent 9000 until 2026-12-01 00:00
    decision
      pays 100.00
      counts month_spent 100.00 until 2027-01-01 00:00
      why more: counter_below
    """


@receipt_case
def test_a_receipt_that_gathers_enough_hints_no_more(case: Case) -> None:
    """The next one has it.

    programme
      counter month_spent: money month
      more: 5 % off | counter month_spent from 5000
    receipt 2026-11-22 12:00
      Flour 1 x 1000.00
    customer
      counter month_spent 4000 until 2026-12-01 00:00
    decision
      pays 1000.00
      counts month_spent 1000.00 until 2026-12-01 00:00
    """
    assert case.decision.hints == ()


@receipt_case
def test_money_counts_without_points_and_certificates(case: Case) -> None:
    """Of 1 000.00 a tenth is off, 200 bonuses and a certificate of 300.00 pay: 400.00 count.

    programme
      unit bonus worth 1
      counter week: money week
      tenth: 10 % off
      spend: spends bonus up to 100 % | tender
    receipt 2026-11-22 12:00, certificate G1 300.00
      Lamp 1 x 1000.00
    customer
      bonus 200
    points max
    decision
      Lamp -100.00 tenth
      spends 200 bonus worth 200.00
      pays 400.00
      certificate G1 pays 300.00, 0.00 left
      counts week 400.00 until 2026-11-23 00:00
    """


@receipt_case
def test_a_receipt_read_after_the_fact_counts(case: Case) -> None:
    """To the last minute of the day.

    programme
      counter day: money day
      counter year: purchases year
    receipt 2026-11-22 23:59
      Lamp 1 x 1000.00
    customer
    closed
    decision
      pays 1000.00
      counts day 1000.00 until 2026-11-23 00:00
      counts year 1 until 2027-01-01 00:00
    """


@receipt_case
def test_nobody_known_gathers_nothing(case: Case) -> None:
    """And a rule that asks for a counter does not act.

    programme
      counter ever: purchases ever
      few: 5 % off | counter ever below 3
    receipt 2026-11-22 12:00
      Tea 1 x 100.00
    decision
      pays 100.00
      why few: no_customer
    """


@receipt_case
def test_the_third_purchase_of_a_week(case: Case) -> None:
    """Two before this one.

    programme
      counter visits: purchases week
      third: 10 % off | counter visits from 2 below 3
    receipt 2026-11-22 12:00
      Tea 1 x 100.00
    customer
      counter visits 2 until 2026-11-23 00:00
    decision
      Tea -10.00 third
      pays 90.00
      counts visits 1 until 2026-11-23 00:00
    """


@receipt_case
def test_too_many_purchases_in_the_week(case: Case) -> None:
    """The range is left at its upper end.

    programme
      counter visits: purchases week
      third: 10 % off | counter visits from 2 below 3
    receipt 2026-11-22 12:00
      Tea 1 x 100.00
    customer
      counter visits 3 until 2026-11-23 00:00
    decision
      pays 100.00
      counts visits 1 until 2026-11-23 00:00
      why third: counter_full
    """


@receipt_case
def test_row_54_cashback_grows_with_what_was_spent_this_month(case: Case) -> None:
    """3 %, and what is missing to 5 %.

    programme
      unit cash worth 1
      counter month_spent: money month
      three: earns 3 % in cash | counter month_spent below 2000
      five: earns 5 % in cash | counter month_spent from 2000
    receipt 2026-11-22 12:00
      Lamp 1 x 500.00
    customer
      counter month_spent 1000 until 2026-12-01 00:00
    decision
      pays 500.00
      earns 15 cash
      counts month_spent 500.00 until 2026-12-01 00:00
      hint five: 500.00 RUB more through 2026-11-30 → 5 % back (1,500.00 RUB of 2,000.00 RUB)
    """


@receipt_case
def test_row_54_from_two_thousand_on_it_is_five_percent(case: Case) -> None:
    """The threshold itself is enough.

    programme
      unit cash worth 1
      counter month_spent: money month
      three: earns 3 % in cash | counter month_spent below 2000
      five: earns 5 % in cash | counter month_spent from 2000
    receipt 2026-11-22 12:00
      Lamp 1 x 500.00
    customer
      counter month_spent 2000 until 2026-12-01 00:00
    decision
      pays 500.00
      earns 25 cash
      counts month_spent 500.00 until 2026-12-01 00:00
      why three: counter_full
    """


@receipt_case
def test_a_staff_discount_has_a_limit_a_day(case: Case) -> None:
    """300.00 would be off, 100.00 are left: shared out over the lines, and said.

    programme
      counter staff_day: discount day
      staff: 30 % off | staff | limit staff_day most 1000
    receipt 2026-11-22 12:00
      Cheese 1 x 600.00
      Tea 1 x 400.00
    customer staff
      counter staff_day 900 until 2026-11-23 00:00
    returns Cheese
    returns Tea
    decision
      Cheese -60.00 staff
      Tea -40.00 staff
      pays 900.00
      counts staff_day 100.00 until 2026-11-23 00:00
      why staff: applied
      why staff: limit_reached
      return of 540.00 uncounts staff_day 60.00
      return of 360.00 uncounts staff_day 40.00
    """


@receipt_case
def test_a_limit_that_is_used_up_stops_the_rule(case: Case) -> None:
    """Nothing is taken, and it is said from when on there is again.

    programme
      counter staff_day: discount day
      staff: 30 % off | staff | limit staff_day most 1000
    receipt 2026-11-22 12:00
      Cheese 1 x 600.00
    customer staff
      counter staff_day 1000 until 2026-11-23 00:00
    decision
      pays 600.00
      why staff: limit_reached
    """
    assert {"counter": "staff_day", "most": "1000.00 RUB", "until": "2026-11-23"} == case.decision.explanations[
        0
    ].values


@receipt_case
def test_rules_that_share_a_limit_share_it_in_a_best_group(case: Case) -> None:
    """Food and drink each have their best rule; together they take no more than is left.

    programme
      counter staff_day: discount day
      group staff: best
      food: 30 % off | on food | group staff | limit staff_day most 100
      drink: 20 % off | on drink | group staff | limit staff_day most 100
    receipt 2026-11-22 12:00
      Cheese 1 x 300.00: food
      Tea 1 x 200.00: drink
    customer staff
    decision
      Cheese -90.00 food
      Tea -10.00 drink
      pays 400.00
      counts staff_day 100.00 until 2026-11-23 00:00
    """


@receipt_case
def test_a_best_group_is_never_less_than_its_best_rule(case: Case) -> None:
    """Line by line the limited rules would take 100.00 together; the plain one alone takes 120.00.

    programme
      counter staff_day: discount day
      group staff: best
      food: 50 % off | on food | group staff | limit staff_day most 100
      drink: 50 % off | on drink | group staff | limit staff_day most 100
      all: 40 % off | group staff
    receipt 2026-11-22 12:00
      Cheese 1 x 200.00: food
      Tea 1 x 100.00: drink
    customer staff
    decision
      Cheese -80.00 all
      Tea -40.00 all
      pays 180.00
      why food: beaten
    """


@receipt_case
def test_a_limit_on_a_discount_off_the_receipt(case: Case) -> None:
    """As far as the limit goes, by the rule that shares everything.

    programme
      counter year: discount year
      gold: 50 % off the receipt | limit year most 100
    receipt 2026-11-22 12:00
      Cheese 1 x 300.00
      Tea 1 x 100.00
    customer
    decision
      Cheese -75.00 gold
      Tea -25.00 gold
      pays 300.00
      counts year 100.00 until 2027-01-01 00:00
    """


@receipt_case
def test_sets_have_limits_as_well(case: Case) -> None:
    """Two sets, and only one kopeck less than both of them.

    programme
      counter day: discount day
      three: 3 for 2 | limit day most 199.99
    receipt 2026-11-22 12:00
      Soap 6 x 100.00
    customer
    decision
      Soap -199.99 three
      pays 400.01
      counts day 199.99 until 2026-11-23 00:00
    """


@receipt_case
def test_row_82_an_exclusive_offer_is_used_once(case: Case) -> None:
    """The first try.

    programme
      counter grab: uses ever
      club: 50 % off | limit grab most 1
    receipt 2026-11-22 12:00
      Kettle 1 x 2000.00
    customer
    returns everything
    decision
      Kettle -1000.00 club
      pays 1000.00
      counts grab 1
      return of 1000.00 uncounts grab 1
    """


@receipt_case
def test_row_82_the_second_try_is_refused(case: Case) -> None:
    """Whatever the goods.

    programme
      counter grab: uses ever
      club: 50 % off | limit grab most 1
    receipt 2026-11-22 12:00
      Kettle 1 x 2000.00
    customer
      counter grab 1
    decision
      pays 2000.00
      why club: limit_reached
    """


@receipt_case
def test_row_82_a_coupon_that_was_used_says_when(case: Case) -> None:
    """A personal coupon knows the date of its first use.

    programme
      coupon grab: uses 1 | unasked
      club: 50 % off | coupon grab
    receipt 2026-11-22 12:00
      Kettle 1 x 2000.00
    customer
      coupon K1 of grab used 1 on 2026-11-02 10:00
    decision
      pays 2000.00
      why club: coupon_used
    """
    assert {"coupon": "grab", "on": "2026-11-02"} == case.decision.explanations[0].values


@receipt_case
def test_two_rules_that_share_uses_act_once_between_them(case: Case) -> None:
    """Also where points are worked out together.

    programme
      unit bonus worth 1
      counter once: uses day
      first: gives 10 bonus | limit once most 1
      second: gives 20 bonus | limit once most 1
    receipt 2026-11-22 12:00
      Tea 1 x 100.00
    customer
    decision
      pays 100.00
      earns 10 bonus
      counts once 1 until 2026-11-23 00:00
      why second: limit_reached
    """


@receipt_case
def test_a_rule_with_a_limit_wants_somebody_known(case: Case) -> None:
    """Nobody can tell how much an unknown customer has had.

    programme
      counter once: uses day
      first: 10 % off | limit once most 1
    receipt 2026-11-22 12:00
      Tea 1 x 100.00
    decision
      pays 100.00
      why first: no_customer
    """


@receipt_case
def test_a_limit_without_a_number_only_counts(case: Case) -> None:
    """So that another rule can ask for it.

    programme
      counter happy: uses month
      happy: 10 % off | limit happy
      often: 5 % off the receipt | counter happy from 3
    receipt 2026-11-22 12:00
      Tea 1 x 100.00
    customer
      counter happy 3 until 2026-12-01 00:00
    decision
      Tea -10.00 happy
      Tea -4.50 often
      pays 85.50
      counts happy 1 until 2026-12-01 00:00
    """


@receipt_case
def test_a_day_of_23_hours_ends_at_its_midnight(case: Case) -> None:
    """Summer time began that night; the day is over at the store's own midnight.

    programme
      set zone Europe/Berlin
      counter day: purchases day
    receipt 2026-03-29 12:00
      Tea 1 x 100.00
    customer
    decision
      pays 100.00
      counts day 1 until 2026-03-30 00:00
    """
    (counted,) = (effect for effect in case.decision.effects if hasattr(effect, "counter"))

    assert counted.until is not None
    assert counted.until.isoformat() == "2026-03-29T22:00:00+00:00"


@receipt_case
def test_uses_go_back_with_the_last_part(case: Case) -> None:
    """Half of the goods is no use less, also where two rules have counted.

    programme
      unit bonus worth 1
      counter grab: uses ever
      first: gives 10 bonus | limit grab most 5
      second: gives 20 bonus | limit grab most 5
    receipt 2026-11-22 12:00
      Tea 2 x 100.00
    customer
    returns Tea 1
    returns Tea 1
    decision
      pays 200.00
      earns 10 bonus
      earns 20 bonus
      counts grab 1
      counts grab 1
      return of 100.00 takes back 15 bonus
      return of 100.00 takes back 15 bonus and uncounts grab 1 and uncounts grab 1
    """
