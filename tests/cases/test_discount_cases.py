"""Discounts, written as receipts."""

from __future__ import annotations

from tests.cases.receipt_case import Case, receipt_case


@receipt_case
def test_ten_percent_of_every_line(case: Case) -> None:
    """Each line is rounded by itself, half a kopeck up.

    programme
      ten: 10 % off
    receipt 2026-03-01 12:00
      Milk 1 x 1.05
      Bread 1 x 1.04
    decision
      Milk -0.11 ten
      Bread -0.10 ten
      pays 1.88
    """


@receipt_case
def test_a_percent_of_the_receipt_is_rounded_once(case: Case) -> None:
    """10 % of 10.24 is 1.02; lines by themselves would have made 0.11 + 0.21 + 0.31 + 0.41 = 1.04.

    programme
      ten: 10 % off the receipt
    receipt 2026-03-01 12:00
      A 1 x 1.06
      B 1 x 2.06
      C 1 x 3.06
      D 1 x 4.06
    decision
      A -0.11 ten
      B -0.21 ten
      C -0.30 ten
      D -0.40 ten
      pays 9.22
    """


@receipt_case
def test_a_third_of_a_kopeck(case: Case) -> None:
    """One rouble off three equal lines: the first takes the kopeck that does not divide.

    programme
      third: 33.3333 % off the receipt
    receipt 2026-03-01 12:00
      A 1 x 1.00
      B 1 x 1.00
      C 1 x 1.00
    decision
      A -0.34 third
      B -0.33 third
      C -0.33 third
      pays 2.00
    """


@receipt_case
def test_the_largest_fraction_takes_the_missing_kopeck(case: Case) -> None:
    """1.00 shared 1 : 1 : 4 is 16.67, 16.67 and 66.67 kopecks: two are missing, ties go in line order.

    programme
      half: 50 % off the receipt
    receipt 2026-03-01 12:00
      A 1 x 0.33
      B 1 x 0.33
      C 1 x 1.34
    decision
      A -0.17 half
      B -0.16 half
      C -0.67 half
      pays 1.00
    """


@receipt_case
def test_weighed_cheese(case: Case) -> None:
    """0.351 kg at 899.00 is 315.55; 7 % of it is 22.0885, told as 22.09.

    programme
      seven: 7 % off
    receipt 2026-03-01 12:00
      Cheese 0.351 x 899.00
    decision
      Cheese -22.09 seven
      pays 293.46
    """


@receipt_case
def test_everything_for_nothing(case: Case) -> None:
    """100 % leaves nothing, not a kopeck.

    programme
      all: 100 % off
    receipt 2026-03-01 12:00
      Milk 3 x 33.33
      Cheese 0.351 x 899.00
    decision
      Milk -99.99 all
      Cheese -315.55 all
      pays 0.00
    """


@receipt_case
def test_one_kopeck_stays_on_each_line(case: Case) -> None:
    """Where the fiscal rules want a price above nothing, 100 % stops at one kopeck a line.

    programme
      set line_left_least 0.01
      all: 100 % off
    receipt 2026-03-01 12:00
      Milk 1 x 10.00
      Bag 1 x 0.01
    decision
      Milk -9.99 all
      pays 0.02
    """


@receipt_case
def test_an_empty_receipt(case: Case) -> None:
    """No goods, no discount and no error.

    programme
      ten: 10 % off
    receipt 2026-03-01 12:00
    decision
      pays 0.00
      why ten: not_for_goods
    """


@receipt_case
def test_the_second_discount_works_on_what_is_left(case: Case) -> None:
    """10 % and then 10 % is 19 %.

    programme
      first: 10 % off
      second: 10 % off
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    decision
      Milk -10.00 first
      Milk -9.00 second
      pays 81.00
    """


@receipt_case
def test_a_discount_on_the_initial_price(case: Case) -> None:
    """10 % and 10 % of the first price is 20 %.

    programme
      first: 10 % off
      second: 10 % off | initial
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    decision
      Milk -10.00 first
      Milk -10.00 second
      pays 80.00
    """


@receipt_case
def test_discounts_on_the_initial_price_never_pass_the_price(case: Case) -> None:
    """60 % and 60 % of the first price is all there is.

    programme
      first: 60 % off
      second: 60 % off | initial
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    decision
      Milk -60.00 first
      Milk -40.00 second
      pays 0.00
    """


@receipt_case
def test_the_higher_priority_goes_first(case: Case) -> None:
    """Order is priority first, then as written.

    programme
      late: 10 % off
      early: 50 % off | priority 5
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    decision
      Milk -50.00 early
      Milk -5.00 late
      pays 45.00
    """


@receipt_case
def test_the_best_of_two_cards_line_by_line(case: Case) -> None:
    """Tea takes the sale, milk takes the card.

    programme
      group one: best
      card: 5 % off | group one | customer identified
      sale: 15 % off | on tea | group one
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
      Tea 1 x 200.00: tea
    customer
    decision
      Milk -5.00 card
      Tea -30.00 sale
      pays 265.00
    """


@receipt_case
def test_the_best_card_of_the_receipt(case: Case) -> None:
    """Of discounts on the whole receipt only the larger one counts, and the other says by which it lost.

    programme
      group one: best
      club: 7 % off the receipt | group one | segments club
      card: off by tier silver 5, gold 10 | group one
      tier silver from 5000
      tier gold from 10000
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer spent 7000, segment club
    decision
      Milk -7.00 club
      pays 93.00
      why card: beaten
    """


@receipt_case
def test_equal_offers_go_to_the_first(case: Case) -> None:
    """A tie is decided by order, never by chance.

    programme
      group one: best
      a: 5 % off | group one
      b: 5 % off | group one
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    decision
      Milk -5.00 a
      pays 95.00
      why b: beaten
    """


@receipt_case
def test_the_first_of_a_list(case: Case) -> None:
    """The first rule with an effect wins, however small.

    programme
      group one: list_order
      wine: 50 % off | on wine | group one
      small: 1 % off | group one
      large: 20 % off | group one
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    decision
      Milk -1.00 small
      pays 99.00
      why wine: not_for_goods
      why large: beaten
    """


@receipt_case
def test_an_exclusive_discount_is_alone(case: Case) -> None:
    """Even a rule of higher priority steps back.

    programme
      group only: exclusive
      card: 10 % off | priority 9
      staff: 3 % off the receipt | group only
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    decision
      Milk -3.00 staff
      pays 97.00
      why card: beaten_by_exclusive
    """


@receipt_case
def test_an_exclusive_discount_that_does_not_apply_steps_aside(case: Case) -> None:
    """Exclusive is who acts, not who could.

    programme
      group only: exclusive
      card: 10 % off
      staff: 50 % off | group only | segments staff
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
    decision
      Milk -10.00 card
      pays 90.00
      why staff: not_this_segment
    """


@receipt_case
def test_silver_from_exactly_the_threshold(case: Case) -> None:
    """5 000.00 is silver.

    programme
      tier silver from 5000
      card: off by tier silver 3
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer spent 5000.00
    decision
      Milk -3.00 card
      pays 97.00
    """


@receipt_case
def test_one_kopeck_short_of_silver(case: Case) -> None:
    """4 999.99 is not, but this receipt makes it so for the next.

    programme
      tier silver from 5000
      card: off by tier silver 3
    receipt 2026-03-01 12:00
      Milk 1 x 0.01
    customer spent 4999.99
    decision
      pays 0.01
      why card: nothing_for_tier
      why tiers: tier_reached
    """


@receipt_case
def test_one_receipt_may_reach_two_thresholds(case: Case) -> None:
    """4 000.00 and 6 000.00 are gold for the next receipt; on this one nobody is even silver.

    programme
      tier silver from 5000
      tier gold from 10000
      card: off by tier silver 3, gold 5
    receipt 2026-03-01 12:00
      Coat 1 x 6000.00
    customer spent 4000.00
    decision
      pays 6000.00
      why card: nothing_for_tier
      why tiers: tier_reached
    """
    (reached,) = [why for why in case.decision.explanations if why.code == "tier_reached"]

    assert {"tier": "gold"} == reached.values


@receipt_case
def test_a_threshold_is_reached_by_what_is_paid(case: Case) -> None:
    """4 900.00 and 100.00 would be silver; 10 % off leaves 4 990.00, and nothing is reached.

    programme
      tier silver from 5000
      ten: 10 % off
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer spent 4900.00
    decision
      Milk -10.00 ten
      pays 90.00
    """
    assert ["applied"] == [why.code for why in case.decision.explanations]


@receipt_case
def test_a_receipt_that_ends_exactly_on_the_threshold_reaches_it(case: Case) -> None:
    """111.11 less 10 % is 100.00 (11.111 is 11.11): 4 900.00 and 100.00 are silver.

    programme
      tier silver from 5000
      ten: 10 % off
    receipt 2026-03-01 12:00
      Milk 1 x 111.11
    customer spent 4900.00
    decision
      Milk -11.11 ten
      pays 100.00
      why tiers: tier_reached
    """


@receipt_case
def test_a_tier_given_by_the_centre(case: Case) -> None:
    """Gold by word of the centre counts, whatever was spent.

    programme
      tier silver from 5000
      tier gold from 10000
      card: off by tier silver 3, gold 5
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer spent 10, tier gold
    decision
      Milk -5.00 card
      pays 95.00
    """


@receipt_case
def test_the_card_needs_a_customer(case: Case) -> None:
    """Nobody has no tier.

    programme
      tier silver from 5000
      card: off by tier silver 3
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    decision
      pays 100.00
      why card: no_customer
    """


@receipt_case
def test_a_blocked_card_is_nobody(case: Case) -> None:
    """A blocked customer pays what anybody pays.

    programme
      ten: 10 % off
      card: 5 % off | customer identified
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer blocked
    decision
      Milk -10.00 ten
      pays 90.00
      why programme: customer_blocked
      why card: no_customer
    """


@receipt_case
def test_happy_hours_begin_on_the_minute(case: Case) -> None:
    """20:00 is in, 22:00 would be out.

    programme
      evening: 10 % off | hours 20:00-22:00
      later: 1 % off | hours 18:00-20:00
    receipt 2026-03-01 20:00
      Milk 1 x 100.00
    decision
      Milk -10.00 evening
      pays 90.00
      why later: not_now
    """


@receipt_case
def test_hours_over_midnight(case: Case) -> None:
    """22:00-02:00 holds at one in the morning.

    programme
      night: 10 % off | hours 22:00-02:00
    receipt 2026-03-02 01:00
      Milk 1 x 100.00
    decision
      Milk -10.00 night
      pays 90.00
    """


@receipt_case
def test_the_last_day_is_the_stores_day(case: Case) -> None:
    """At 23:59 in Vladivostok it is still the last day, though in London it is long noon.

    programme
      set zone Asia/Vladivostok
      march: 10 % off | from 2026-03-01 | until 2026-03-31
      april: 20 % off | from 2026-04-01
    receipt 2026-03-31 23:59
      Milk 1 x 100.00
    decision
      Milk -10.00 march
      pays 90.00
      why april: not_yet
    """


@receipt_case
def test_store_till_and_weekday(case: Case) -> None:
    """Every condition that is written must hold.

    programme
      here: 10 % off | stores Arbat | tills 2 | weekdays sun
      there: 10 % off | stores Tverskaya
      monday: 10 % off | weekdays mon
      other: 10 % off | tills 1
    receipt 2026-03-01 12:00, store Arbat, till 2
      Milk 1 x 100.00
    decision
      Milk -10.00 here
      pays 90.00
      why there: not_this_store
      why monday: not_today
      why other: not_this_till
    """


@receipt_case
def test_only_for_those_without_a_card(case: Case) -> None:
    """A teaser for strangers is not for members.

    programme
      teaser: 1 % off | customer anonymous
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
    decision
      pays 100.00
      why teaser: only_anonymous
    """


@receipt_case
def test_enough_goods_are_needed(case: Case) -> None:
    """Sum, pieces and positions are counted on the goods the rule is for.

    programme
      sum: 1 % off | on dairy | total 100
      pieces: 2 % off | on dairy | quantity 3
      lines: 3 % off | on dairy | positions 3
    receipt 2026-03-01 12:00
      Milk 2 x 25.00: dairy
      Kefir 1 x 50.00: dairy
      Bread 5 x 40.00
    decision
      Milk -0.50 sum
      Kefir -0.50 sum
      Milk -0.99 pieces
      Kefir -0.99 pieces
      pays 297.02
      why lines: positions_too_few
    """


@receipt_case
def test_goods_by_product_brand_and_exception(case: Case) -> None:
    """Named goods together, less the excepted ones.

    programme
      some: 10 % off | on tea | products 4600 | brands Alpha | except gift
    receipt 2026-03-01 12:00
      Tea 1 x 10.00: tea
      Pen 1 x 10.00: product 4600
      Cup 1 x 10.00: brand Alpha
      Set 1 x 10.00: tea, gift
      Bread 1 x 10.00
    decision
      Tea -1.00 some
      Pen -1.00 some
      Cup -1.00 some
      pays 47.00
    """


@receipt_case
def test_goods_already_discounted_are_left_out(case: Case) -> None:
    """What the till has lowered, or says it has, is not lowered again.

    programme
      ten: 10 % off | skip_discounted
    receipt 2026-03-01 12:00
      Milk 1 x 100.00 -5.00
      Bread 1 x 100.00: already_discounted
      Tea 1 x 100.00
    decision
      Tea -10.00 ten
      pays 285.00
    """


@receipt_case
def test_vodka_stops_at_its_floor(case: Case) -> None:
    """450.00 may fall to 409.00 a bottle, two bottles by 82.00, though 10 % would be 90.00.

    programme
      ten: 10 % off
    receipt 2026-03-01 12:00
      Vodka 2 x 450.00: alcohol, floor 409.00
      Bread 1 x 50.00
    decision
      Vodka -82.00 ten
      Bread -5.00 ten
      pays 863.00
    """


@receipt_case
def test_what_vodka_cannot_take_goes_to_the_others(case: Case) -> None:
    """10 % of 500.00 is 50.00; vodka takes its 41.00, bread the other 9.00 instead of 5.00.

    programme
      ten: 10 % off the receipt
    receipt 2026-03-01 12:00
      Vodka 1 x 450.00: alcohol, floor 409.00
      Bread 1 x 50.00
    decision
      Vodka -41.00 ten
      Bread -9.00 ten
      pays 450.00
    """


@receipt_case
def test_the_floor_of_weighed_goods_is_rounded_up(case: Case) -> None:
    """0.333 kg at a floor of 100.01 must cost 33.31 (33.30333 rounded up), so no unit falls below.

    programme
      half: 50 % off
    receipt 2026-03-01 12:00
      Nuts 0.333 x 120.00: floor 100.01
    decision
      Nuts -6.65 half
      pays 33.31
    """


@receipt_case
def test_a_line_at_its_floor_takes_nothing(case: Case) -> None:
    """Nothing can be taken, and the rule says so.

    programme
      ten: 10 % off
    receipt 2026-03-01 12:00
      Vodka 1 x 409.00: alcohol, floor 409.00
    decision
      pays 409.00
      why ten: nothing_left
    """


@receipt_case
def test_the_largest_discount_of_a_line(case: Case) -> None:
    """At most 15 % of quantity × price, what the till took already included.

    programme
      ten: 10 % off
      more: 10 % off
    receipt 2026-03-01 12:00
      Phone 1 x 1000.00 -100.00: max 15 %
    decision
      Phone -50.00 ten
      pays 850.00
      why more: nothing_left
    """


@receipt_case
def test_tobacco_is_never_discounted(case: Case) -> None:
    """Not by a rule on it, not by a rule on everything.

    programme
      all: 10 % off the receipt
      smoke: 50 % off | on smoke
    receipt 2026-03-01 12:00
      Cigarettes 1 x 200.00: tobacco, smoke
      Bread 1 x 50.00
    decision
      Bread -5.00 all
      pays 245.00
      why smoke: goods_excluded
    """


@receipt_case
def test_a_gift_certificate_is_sold_at_its_value(case: Case) -> None:
    """Selling stored value is not a sale of goods.

    programme
      unit bonus worth 1
      ten: 10 % off
      back: earns 5 % in bonus
      spend: spends bonus up to 100 %
    receipt 2026-03-01 12:00
      Certificate 1 x 1000.00: gift_certificate
    customer
      bonus 500
    points max
    decision
      pays 1000.00
      why ten: goods_excluded
      why spend: goods_excluded
      why back: goods_excluded
    """


@receipt_case
def test_the_tills_own_rounding_is_not_discounted_again(case: Case) -> None:
    """100.50 rounded by the till to 100.00: all of it can go, and not a kopeck more.

    programme
      all: 100 % off
    receipt 2026-03-01 12:00
      Milk 1 x 50.00
      Bread 1 x 50.50
      adjusted -0.50
    decision
      Milk -49.75 all
      Bread -50.25 all
      pays 0.00
    """


@receipt_case
def test_rounding_up_by_the_till_stays(case: Case) -> None:
    """What the till put on the receipt is nobody's discount.

    programme
      all: 100 % off
    receipt 2026-03-01 12:00
      Milk 1 x 99.60
      adjusted 0.40
    decision
      Milk -99.60 all
      pays 0.40
    """


@receipt_case
def test_a_closed_receipt_is_not_lowered(case: Case) -> None:
    """Read after the fact, a receipt only earns.

    programme
      unit bonus worth 1
      ten: 10 % off
      back: earns 5 % in bonus
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    customer
    closed
    decision
      pays 100.00
      earns 5 bonus
    """


@receipt_case
def test_an_exclusive_discount_against_the_best_of_a_group(case: Case) -> None:
    """3 % that admits no other, and a group whose best would be 20 %: the exclusive one decides, here and for everybody.

    programme
      group alone: exclusive
      group card: best
      ten: 10 % off | group card
      twenty: 20 % off | group card
      last: 3 % off | group alone
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
      Tea 1 x 50.00
    decision
      Milk -3.00 last
      Tea -1.50 last
      pays 145.50
      why ten: beaten_by_exclusive
      why twenty: beaten_by_exclusive
    """


@receipt_case
def test_a_hundred_percent_of_weighed_goods_and_thirds(case: Case) -> None:
    """0.333 kg at 100.01 and three at 33.33: what costs 33.30 and 99.99 costs nothing, and prints so.

    programme
      all: 100 % off the receipt
    receipt 2026-03-01 12:00
      Cheese 0.333 x 100.01
      Jam 3 x 33.33
    decision
      Cheese -33.30 all
      Jam -99.99 all
      pays 0.00
      prints Cheese 0.333 x 0.00
      prints Jam 3 x 0.00
    """


@receipt_case
def test_floors_of_every_line_bind(case: Case) -> None:
    """50 % off 1 000.00 would be 500.00; the floors leave 89.99: 0.351 kg at 971.51 is 341.00001, so 341.01.

    programme
      half: 50 % off the receipt
    receipt 2026-03-01 12:00
      Vodka 1 x 500.00: floor 420.00
      Caviar 0.351 x 999.99: floor 971.51
      Gin 1 x 149.00: floor 149.00
    decision
      Vodka -80.00 half
      Caviar -9.99 half
      pays 910.01
    """
