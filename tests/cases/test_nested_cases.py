"""Groups inside groups, written as receipts: an inner group is one element of the outer one."""

from __future__ import annotations

from tests.cases.receipt_case import Case, receipt_case


@receipt_case
def test_two_discounts_together_beat_the_larger_one(case: Case) -> None:
    """10 % and then 5 % of what is left are 14.50 of 100.00: more than 12 %, which alone is the largest.

    programme
      group card: best
      group pair: stack inside card
      twelve: 12 % off | group card
      ten: 10 % off | group pair
      five: 5 % off | group pair
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    decision
      Tea -10.00 ten
      Tea -4.50 five
      pays 85.50
      why twelve: beaten by ten
    """


@receipt_case
def test_rules_of_a_losing_group_are_beaten_one_by_one(case: Case) -> None:
    """16 % beat 10 % and 5 %; the rule whose hour has not come says so still.

    programme
      group card: best
      group pair: stack inside card
      sixteen: 16 % off | group card
      ten: 10 % off | group pair
      five: 5 % off | group pair
      night: 50 % off | hours 22:00-23:00 | group pair
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    decision
      Tea -16.00 sixteen
      pays 84.00
      why ten: beaten by sixteen
      why five: beaten by sixteen
      why night: not_now
    """


@receipt_case
def test_the_best_of_own_rules_is_found_line_by_line_first(case: Case) -> None:
    """Tea less 20 % and milk less 30 % make 50.00, more than 12 % off everything with 10.00 off each piece.

    programme
      group card: best
      group all: stack inside card
      tea: 20 % off | on tea | group card
      milk: 30 % off | on milk | group card
      twelve: 12 % off | group all
      each: 10.00 off each | group all
    receipt 2026-03-01 12:00
      Tea 1 x 100.00: tea
      Milk 1 x 100.00: milk
    decision
      Tea -20.00 tea
      Milk -30.00 milk
      pays 150.00
      why twelve: beaten by tea
      why each: beaten by tea
    """


@receipt_case
def test_three_for_two_or_a_percent_whatever_is_more(case: Case) -> None:
    """Three teas: the third is free, 50.00; 20 % of everything are 30.00. Sets and lines act in one phase.

    programme
      group sale: best
      group sets: stack inside sale
      three: 3 for 2 | on tea | group sets
      twenty: 20 % off | group sale
    receipt 2026-03-01 12:00
      Tea 3 x 50.00: tea
    decision
      Tea -50.00 three
      pays 100.00
      why twenty: beaten by three
    """


@receipt_case
def test_a_percent_or_three_for_two_whatever_is_more(case: Case) -> None:
    """With a dear kettle beside them 20 % are more: 20 % of 650.00 are 130.00.

    programme
      group sale: best
      group sets: stack inside sale
      three: 3 for 2 | on tea | group sets
      twenty: 20 % off | group sale
    receipt 2026-03-01 12:00
      Tea 3 x 50.00: tea
      Kettle 1 x 500.00
    decision
      Tea -30.00 twenty
      Kettle -100.00 twenty
      pays 520.00
      why three: beaten by twenty
    """


@receipt_case
def test_sets_inside_sets_share_the_pieces(case: Case) -> None:
    """The inner group sells a tea and a cake first or a tea and a cup; what is left goes to the outer three for two.

    programme
      group sets: best
      group pairs: list_order inside sets
      cake: set 1 tea + 1 cake for 100.00 | group pairs
      cup: set 1 tea + 1 cup for 10.00 | group pairs
      three: 3 for 2 | on tea | group sets
    receipt 2026-03-01 12:00
      Tea 4 x 60.00: tea
      Cake 1 x 90.00: cake
      Cup 1 x 80.00: cup
    decision
      Tea -20.00 cake
      Cake -30.00 cake
      Tea -60.00 three
      pays 300.00
      why cup: beaten by cake
    """


@receipt_case
def test_an_exclusive_group_inside_keeps_out_its_neighbours_only(case: Case) -> None:
    """The staff price shuts the card of its own group out; the discount on the receipt stays.

    programme
      group shop: stack
      group staff: exclusive inside shop
      group card: best inside shop
      ten: 10 % off | group card
      staff: 30 % off | on tea | group staff
      all: 5 % off the receipt
    receipt 2026-03-01 12:00
      Tea 1 x 100.00: tea
      Milk 1 x 100.00
    decision
      Tea -30.00 staff
      Tea -3.50 all
      Milk -5.00 all
      pays 161.50
      why ten: beaten_by_exclusive by staff
    """


@receipt_case
def test_an_exclusive_group_without_effect_keeps_nobody_out(case: Case) -> None:
    """No tea, no staff price: the card acts.

    programme
      group shop: stack
      group staff: exclusive inside shop
      group card: best inside shop
      ten: 10 % off | group card
      staff: 30 % off | on tea | group staff
    receipt 2026-03-01 12:00
      Milk 1 x 100.00
    decision
      Milk -10.00 ten
      pays 90.00
      why staff: not_for_goods
    """


@receipt_case
def test_four_deep_on_the_receipt(case: Case) -> None:
    """The inmost two make 27.10 together; with 1.00 before them they beat 25 %, and the list ends with them.

    programme
      group list: list_order
      group best: best inside list
      group more: stack inside best
      group pair: stack inside more
      never: 90 % off the receipt | total 900.00 | group list
      quarter: 25 % off the receipt | group best
      one: 1.00 off the receipt | group more
      nineteen: 19 % off the receipt | group pair
      nine: 9 % off the receipt | group pair
      late: 50 % off the receipt | group list
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    decision
      Tea -1.00 one
      Tea -18.81 nineteen
      Tea -7.22 nine
      pays 72.97
      why never: total_too_small
      why quarter: beaten by one
      why late: beaten by one
    """


@receipt_case
def test_the_floor_decides_what_is_best(case: Case) -> None:
    """40 % of vodka stop at its floor, 41.00; 10 % and 50 % off bread are more, 66.00 together.

    programme
      group card: best
      group pair: stack inside card
      forty: 40 % off | on spirits | group card
      ten: 10 % off | group pair
      bread: 50 % off | on bread | group pair
    receipt 2026-03-01 12:00
      Vodka 1 x 450.00: spirits, floor 409.00
      Bread 1 x 50.00: bread
    decision
      Vodka -41.00 ten
      Bread -5.00 ten
      Bread -22.50 bread
      pays 431.50
      why forty: beaten by ten
    """


@receipt_case
def test_points_two_small_rules_together_or_one_large(case: Case) -> None:
    """5 % and 10 points give 15, more than 12 %.

    programme
      unit bonus worth 1
      group earn: best
      group pair: stack inside earn
      twelve: earns 12 % in bonus | group earn
      five: earns 5 % in bonus | group pair
      ten: gives 10 bonus | group pair
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    customer
    decision
      pays 100.00
      earns 5 bonus
      earns 10 bonus
      why twelve: beaten by five
    """


@receipt_case
def test_multipliers_of_an_inner_group_are_one_factor(case: Case) -> None:
    """Tea has x2 and x2 of the inner group, x4 in all, beside x3; milk has the x3 alone: 40 and 30 points.

    programme
      unit bonus worth 1
      group boost: best
      group pair: stack inside boost
      three: bonus x 3 | group boost
      two: bonus x 2 | on tea | group pair
      double: bonus x 2 | on tea | group pair
      back: earns 10 % in bonus
    receipt 2026-03-01 12:00
      Tea 1 x 100.00: tea
      Milk 1 x 100.00
    customer
    decision
      pays 200.00
      earns 70 bonus
    """


@receipt_case
def test_the_shipped_programme_the_other_way(case: Case) -> None:
    """One yoghurt, juice and much bread: breakfast takes off 30.00, 7 % and then 3 % of 1 150.00 are 112.63.

    programme: sets-or-card
    receipt 2026-03-03 12:00
      Yoghurt 1 x 60.00: yoghurt
      Juice 1 x 90.00: juice
      Bread 10 x 100.00
    customer
    decision
      Yoghurt -4.20 card
      Juice -6.30 card
      Bread -70.00 card
      Yoghurt -1.67 tuesday
      Juice -2.51 tuesday
      Bread -27.90 tuesday
      pays 1037.42
      why breakfast: beaten by card
      why three: quantity_too_small
    """


@receipt_case
def test_who_admits_no_other_is_the_rule_that_acted(case: Case) -> None:
    """The first rule of the exclusive group had no effect, so the card does not lose to it.

    programme
      group sale: exclusive
      coffee: 50 % off | on coffee | group sale
      tea: 20 % off | on tea | group sale
      card: 5 % off
    receipt 2026-03-01 12:00
      Tea 1 x 100.00: tea
    decision
      Tea -20.00 tea
      pays 80.00
      why card: beaten_by_exclusive by tea
    """


@receipt_case
def test_who_lost_inside_a_losing_group_lost_to_the_winner(case: Case) -> None:
    """5 % lost to 10 % in the list, and the list to 12 %: both are told the 12 %, which is what the customer got.

    programme
      group card: best
      group list: list_order inside card
      twelve: 12 % off | group card
      ten: 10 % off | group list
      five: 5 % off | group list
    receipt 2026-03-01 12:00
      Tea 1 x 100.00
    decision
      Tea -12.00 twelve
      pays 88.00
      why ten: beaten by twelve
      why five: beaten by twelve
    """


@receipt_case
def test_an_exclusive_set_keeps_out_the_other_sets_of_its_group(case: Case) -> None:
    """Two cups for one admits no other set of the group, although three teas are there; 1 % off the rest stays.

    programme
      group sets: stack
      group cups: exclusive inside sets
      three: 3 for 2 | on tea | group sets
      two: 2 for 1 | on cup | group cups
      one: 1 % off
    receipt 2026-03-01 12:00
      Tea 3 x 100.00: tea
      Cup 2 x 50.00: cup
    decision
      Cup -50.00 two
      Tea -3.00 one
      Cup -0.50 one
      pays 346.50
      why three: beaten_by_exclusive by two
    """


@receipt_case
def test_a_multiplier_below_one_is_never_the_best(case: Case) -> None:
    """Milk has no x2, which would leave its points as they are: the x0.5 does not take them away.

    programme
      unit bonus worth 1
      group boost: best
      two: bonus x 2 | on tea | group boost
      half: bonus x 0.5 | group boost
      back: earns 10 % in bonus
    receipt 2026-03-01 12:00
      Tea 1 x 100.00: tea
      Milk 1 x 100.00
    customer
    decision
      pays 200.00
      earns 30 bonus
      why half: beaten by two
    """
